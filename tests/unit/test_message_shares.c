/* Long text that stands in a letter once for all: a message that is gathered, span by span, is
 * the message that is made in one piece, whatever stands around such text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "templates/message.h"
#include "tests/golden/invariants.h"

#define LETTERS 400
#define TEMPLATE_SIZE (64 * 1024)

static const uint8_t mac[TOKEN_MAC_SIZE] = "a mac of thirty-two bytes, fixed";
static struct arena arena, scratch;
static struct liquid_error error;

static int setup(void **)
{
	arena_init(&arena, &test_heap, 0, 0);
	arena_init(&scratch, &test_heap, 0, 0);
	return 0;
}

static int teardown(void **)
{
	arena_done(&arena);
	arena_done(&scratch);
	return 0;
}

static bool load_partial(void *, str name, struct arena *partials, str *ret_source)
{
	struct buf source;
	buf_init_arena(&source, partials, 4096);
	for (int i = 0; i < 3000; i++)
		buf_put_byte(&source, i % 61 ? 'p' : '\n');
	*ret_source = buf_str(&source);
	return str_eq(name, STR("foot")) && buf_ok(&source);
}

/* What may stand around a literal: white space, line ends and halves of them, nothing. */
static const char *const edges[] = {"",   " ",	"\t",	"\r\n", "\n",	  "\r",
				    ".",  "x ", "=",	"\xc3\xa9", "From me", "\n\n",
				    " \n", "\r\n \r\n"};
#define EDGE_COUNT (sizeof(edges) / sizeof(edges[0]))

static void put_edge(struct prng *prng, struct buf *out)
{
	buf_put_cstr(out, edges[prng_below(prng, EDGE_COUNT)]);
}

static void put_text(struct prng *prng, struct buf *out)
{
	size_t size = prng_below(prng, 3) ? 2000 + prng_below(prng, 3000) : prng_below(prng, 90);
	put_edge(prng, out);
	for (size_t i = 0, line = 0; i < size; i++, line++) {
		if (line > 20 && prng_below(prng, 40) == 0) {
			put_edge(prng, out);
			buf_put_byte(out, '\n');
			line = 0;
		}
		buf_put_byte(out, "abc def. =<>"[prng_below(prng, 12)]);
	}
	put_edge(prng, out);
}

static str template(struct prng *prng)
{
	/* What stands before some text, and what behind it. */
	static const char *const around[][2] = {
		{"{{ a }}", ""},
		{"{{ b }}", ""},
		{"{% if a == b %}", "{% else %}{{ a }}{% endif %}"},
		{"{% for i in (1..3) %}", "{{ b }}{% endfor %}"},
		{"{% capture c %}", "{% endcapture %}{{ c }}"},
		{"{% include 'foot' %}", ""},
		{"{% include name %}", ""},
	};
	struct buf out;
	buf_init_arena(&out, &arena, TEMPLATE_SIZE);
	for (size_t parts = prng_below(prng, 7); parts > 0; parts--) {
		const char *const *tags =
			around[prng_below(prng, sizeof(around) / sizeof(around[0]))];
		put_text(prng, &out);
		buf_put_cstr(&out, tags[0]);
		put_text(prng, &out);
		buf_put_cstr(&out, tags[1]);
	}
	assert_true(buf_ok(&out));
	return buf_str(&out);
}

/* The same for all: with what stands around it, one piece between two parts with slots. */
static str constant_part(struct prng *prng)
{
	struct buf out;
	buf_init_arena(&out, &arena, 4096);
	put_text(prng, &out);
	return buf_str(&out);
}

static size_t compare(const struct message_plan *plan, const struct message_recipient *to)
{
	struct buf own, all, whole;
	struct message_bytes message;
	size_t header_size;
	buf_init_arena(&own, &arena, 4096);
	buf_init_arena(&all, &arena, 4096);
	buf_init_arena(&whole, &arena, 4096);
	if (message_gather(plan, to, MESSAGE_7BIT, &scratch, &own, &message, &error) ||
	    message_render(plan, to, &arena, &whole, &header_size, &error))
		fail_msg("%.*s: %s", STR_FORMAT(error.file), error.message);
	/* Nothing of the scratch memory is in the message. */
	arena_reset(&scratch);
	memset(arena_bytes(&scratch, 40000), '#', 40000);
	arena_reset(&scratch);
	for (size_t i = 0; i < message.span_count; i++)
		buf_put(&all, message.spans[i]);
	assert_int_equal(message.size, all.size);
	assert_int_equal(message.header_size, header_size);
	assert_true(str_eq(buf_str(&all), buf_str(&whole)));
	assert_null(message_fault(buf_str(&all), header_size));
	return message.span_count;
}

static void test_shares_are_the_message_in_one_piece(void **)
{
	struct prng prng;
	size_t gathered = 0;
	prng_init(&prng, 7);
	for (int i = 0; i < LETTERS; i++) {
		arena_reset(&arena);
		const struct message_source source = {
			.subject = STR("Hello"),
			.html = i % 3 ? template(&prng) : (str){},
			.text = i % 3 == 0   ? template(&prng)
				: i % 3 == 2 ? STR("Dear {{ a }} without a line's end")
					     : (str){},
			.amp = i % 3 == 2 ? constant_part(&prng) : (str){},
			.from_address = STR("letters@news.example.com"),
			.return_domain = STR("bounce.example.com"),
			.load_partial = load_partial,
		};
		const struct message_plan *plan = message_compile(&arena, &source, &error);
		if (!plan)
			fail_msg("%.*s: %s", STR_FORMAT(error.file), error.message);
		struct value values[8];
		for (size_t k = 0; k < 8; k++)
			values[k] = value_string(
				k < message_field_count(plan) &&
						str_eq(message_field(plan, k), STR("name"))
					? STR("foot")
					: str_of(edges[prng_below(&prng, EDGE_COUNT)]));
		const struct message_recipient to = {.tenant = 1,
						     .campaign_id = 7,
						     .subscriber_id = 42,
						     .email = STR("ann@example.com"),
						     .name = STR("foot"),
						     .values = values,
						     .mac = mac};
		gathered += compare(plan, &to) > 1;
	}
	assert_in_range(gathered, LETTERS / 2, LETTERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_are_the_message_in_one_piece),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
