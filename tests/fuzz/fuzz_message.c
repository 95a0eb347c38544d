/* Any templates and any data: a message is refused or keeps the invariants, in spans as in one
 * piece, in 8 bits as in 7. The input is cut at its 0xFE bytes: subject, text, HTML, header
 * value, name, two attributes, AMP, calendar, name of a file. */
#include "engine/base/assert.h"
#include "templates/message.h"
#include "tests/golden/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECES 10

static size_t boundary_count(str text)
{
	size_t count = 0;
	for (size_t at; (at = str_find(text, STR("\n--=_"))) != STR_NONE; count++)
		text = str_from(text, at + 1);
	return count;
}

/* CRLF only, no NUL, no line beyond 998 bytes: what text may have in 8 bits. */
static bool is_text(str text)
{
	size_t column = 0;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if (c == '\0' || (c == '\n' && (i == 0 || text.data[i - 1] != '\r')) ||
		    (c == '\r' && (i + 1 == text.size || text.data[i + 1] != '\n')))
			return false;
		column = c == '\n' ? 0 : column + 1;
		if (column > 999)
			return false;
	}
	return true;
}

static str gather(struct arena *arena, const struct message_plan *plan,
		  const struct message_recipient *to, enum message_form form)
{
	struct liquid_error error;
	struct message_bytes message;
	struct buf own, whole;
	buf_init_arena(&own, arena, 4096);
	if (message_gather(plan, to, form, arena, &own, &message, &error) != 0)
		return (str){};
	buf_init_arena(&whole, arena, message.size);
	for (size_t i = 0; i < message.span_count; i++)
		buf_put(&whole, message.spans[i]);
	ASSERT(!buf_ok(&whole) || whole.size == message.size);
	ASSERT(message.header_size <= message.spans[0].size);
	if (!message.is_8bit)
		ASSERT(!message_fault(buf_str(&whole), message.header_size));
	return buf_ok(&whole) ? buf_str(&whole) : (str){};
}

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
		values[i] = str_eq(message_field(plan, i), STR("file"))
				    ? value_string(STR("QUJD"))
				    : value_string(pieces[5 + i % 2]);
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
	if (message_render(plan, &to, arena, &out, &header_size, &error) != 0) {
		ASSERT(out.size == 0);
		return;
	}
	ASSERT(message_fault(buf_str(&out), header_size) == NULL);
	str in_7bit = gather(arena, plan, &to, MESSAGE_7BIT);
	str in_8bit = gather(arena, plan, &to, MESSAGE_8BIT);
	if (!in_7bit.data || !in_8bit.data)
		return; /* no memory for three of them */
	ASSERT(str_eq(in_7bit, buf_str(&out)));
	ASSERT(is_text(in_8bit));
	ASSERT(boundary_count(in_8bit) == boundary_count(in_7bit));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char zeros[9000];
	struct arena arena;
	struct liquid_error error;
	str rest = str_make((const char *)data, size), pieces[PIECES];
	if (size > 8192)
		return 0;
	for (size_t i = 0; i < PIECES; i++)
		pieces[i] = str_cut(&rest, '\xFE');
	const struct message_header header = {STR("X-Data"), pieces[3]};
	const struct message_file files[] = {
		{.name = STR("logo.png"), .cid = STR("logo"), .bytes = STR("PNG")},
		{.name = pieces[9], .bytes = str_make(zeros, sizeof(zeros))}};
	const struct message_own_file own = {
		.field = STR("file"), .name = pieces[9], .optional = true};
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
		.amp = pieces[7],
		.calendar = {.source = pieces[8],
			     .name = pieces[9],
			     .method = STR("REQUEST"),
			     .beside = true,
			     .attached = size % 2},
		.files = files,
		.file_count = pieces[9].data && pieces[2].data ? 2 : 0,
		.own_files = &own,
		.own_file_count = pieces[9].size > 0,
		.is_8bit = size % 3 > 0,
	};
	arena_init(&arena, &test_heap, 0, 64 << 20);
	struct message_plan *plan = message_compile(&arena, &source, &error);
	if (plan)
		render(&arena, plan, pieces);
	arena_done(&arena);
	return 0;
}
