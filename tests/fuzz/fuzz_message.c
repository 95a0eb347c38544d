/* Any templates and any data: a message is refused or keeps the invariants. The input is cut at
 * its 0xFE bytes: subject, text, HTML, header value, name, two attributes. */
#include "engine/base/assert.h"
#include "templates/message.h"
#include "tests/golden/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECES 7

static void render(struct arena *arena, const struct message_plan *plan,
		   const str pieces[PIECES])
{
	static const uint8_t mac[TOKEN_MAC_SIZE] = {1, 2, 3};
	struct value values[64] = {};
	struct liquid_error error;
	struct buf out;
	size_t header_size;
	if (message_field_count(plan) > 64)
		return;
	for (size_t i = 0; i < message_field_count(plan); i++)
		values[i] = value_string(pieces[5 + i % 2]);
	const struct message_recipient to = {
		.tenant = 1,
		.campaign_id = 2,
		.subscriber_id = 3,
		.email = STR("ann@example.com"),
		.name = pieces[4],
		.values = values,
		.mac = mac,
	};
	buf_init_arena(&out, arena, 4096);
	if (message_render(plan, &to, arena, &out, &header_size, &error) == 0)
		ASSERT(message_fault(buf_str(&out), header_size) == NULL);
	else
		ASSERT(out.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct liquid_error error;
	str rest = str_make((const char *)data, size), pieces[PIECES];
	if (size > 8192)
		return 0;
	for (size_t i = 0; i < PIECES; i++)
		pieces[i] = str_cut(&rest, '\xFE');
	const struct message_header header = {STR("X-Data"), pieces[3]};
	const struct message_source source = {
		.subject = pieces[0],
		.text = pieces[1],
		.html = pieces[2],
		.from_name = STR("The Letter"),
		.from_address = STR("letters@news.example.com"),
		.unsubscribe_url = STR("https://news.example.com"),
		.return_domain = STR("bounce.example.com"),
		.headers = &header,
		.header_count = 1,
	};
	arena_init(&arena, &test_heap, 0, 64 << 20);
	struct message_plan *plan = message_compile(&arena, &source, &error);
	if (plan)
		render(&arena, plan, pieces);
	arena_done(&arena);
	return 0;
}
