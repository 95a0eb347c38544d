/* Plans and messages: what is refused, what is written, and that nothing fails half. What
 * readers make of it is test_message_readers.c's part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "templates/message.h"
#include "tests/golden/invariants.h"

static const uint8_t mac[TOKEN_MAC_SIZE] = "a mac of thirty-two bytes, fixed";
static struct arena arena, scratch;
static struct liquid_error error;
static char memory[1 << 17];

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

static struct message_source letter(void)
{
	return (struct message_source){
		.subject = STR("Hello {{ first_name }}"),
		.html = STR("<p>Dear {{ first_name }},</p>\n<p>{{ subscriber.city }}</p>\n"),
		.text = STR("Dear {{ first_name }},\n{{ city }} {{ email }}\n"),
		.from_name = STR("The Letter"),
		.from_address = STR("letters@news.example.com"),
		.list_id = STR("letters.news.example.com"),
		.unsubscribe_url = STR("https://news.example.com/"),
		.return_domain = STR("bounce.example.com"),
	};
}

static struct message_recipient ann(const str *fields)
{
	return (struct message_recipient){
		.tenant = 1,
		.campaign_id = 7,
		.subscriber_id = 42,
		.email = STR("ann@example.com"),
		.name = STR("Ann"),
		.fields = fields,
		.date_wall = 1785363392 * USEC_SECOND,
		.mac = mac,
	};
}

static const struct message_plan *compiled(const struct message_source *source)
{
	struct message_plan *plan = message_compile(&arena, source, &error);
	if (!plan)
		fail_msg("%.*s: %s", STR_FORMAT(error.file), error.message);
	return plan;
}

static str rendered(const struct message_plan *plan, const struct message_recipient *to)
{
	struct buf out;
	size_t header_size = 0;
	buf_init_fixed(&out, memory, sizeof(memory));
	arena_reset(&scratch);
	if (message_render(plan, to, &scratch, &out, &header_size, &error))
		fail_msg("%.*s: %s", STR_FORMAT(error.file), error.message);
	const char *fault = message_fault(buf_str(&out), header_size);
	if (fault)
		fail_msg("%s\n%.*s", fault, STR_FORMAT(buf_str(&out)));
	return buf_str(&out);
}

static bool holds(str message, const char *part)
{
	return str_find(message, str_of(part)) != STR_NONE;
}

static void test_message_fields_are_attributes_once(void **)
{
	static const struct message_header headers[] = {{STR("X-Plan"), STR("{{ plan }}")}};
	struct message_source source = letter();
	source.from_name = STR("{{ subscriber.brand }}");
	source.html = STR("{{ name }}{{ campaign.x }}{{ list.y }}{{ view_url }}{{ city }}"
			  "{% assign own = points %}{{ own }}");
	source.headers = headers;
	source.header_count = 1;
	const struct message_plan *plan = compiled(&source);
	static const char *const expected[] = {"brand", "first_name", "city", "points", "plan"};
	assert_int_equal(message_field_count(plan), 5);
	for (size_t i = 0; i < 5; i++)
		assert_true(str_eq(message_field(plan, i), str_of(expected[i])));
}

static void test_message_header_fields(void **)
{
	struct message_source source = letter();
	source.reply_to = STR("hello@example.com");
	source.feedback_id = STR("a:b:c:d");
	source.list_name = STR("Letters");
	const struct message_plan *plan = compiled(&source);
	const str fields[] = {STR("\"Zo\xC3\xAB\""), STR("\"Rome\"")};
	const struct message_recipient to = ann(fields);
	str message = rendered(plan, &to);
	assert_true(str_starts(message, STR("From: The Letter <letters@news.example.com>\r\n"
					    "To: Ann <ann@example.com>\r\n"
					    "Subject: =?utf-8?q?Hello_Zo=C3=AB?=\r\n"
					    "Date: Wed, 29 Jul 2026 22:16:32 +0000\r\n"
					    "Message-ID: <")));
	assert_true(holds(message, "\r\nReply-To: hello@example.com\r\n"));
	assert_true(holds(message, "\r\nList-Id: Letters <letters.news.example.com>\r\n"));
	assert_true(holds(message, "\r\nFeedback-ID: a:b:c:d\r\n"));
	assert_true(holds(message, "\r\nMIME-Version: 1.0\r\n"));
	assert_true(
		holds(message, "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
	assert_true(holds(message, "Dear Zo=C3=AB,\r\nRome ann@example.com\r\n"));
	assert_true(holds(message, "<p>Dear Zo=C3=AB,</p>\r\n<p>Rome</p>\r\n"));
}

static void test_message_unsubscribe_forms(void **)
{
	const struct row {
		str url, mailbox;
		const char *https, *mailto;
		bool post;
	} rows[] = {
		{STR("https://n.test"), STR(""), "<https://n.test/u/", "@bounce.example.com?",
		 true},
		{STR("http://n.test/"), STR(""), "<http://n.test/u/", "@bounce.example.com?",
		 false},
		{STR(""), STR("u.test"), NULL, "@u.test?subject=unsubscribe>", false},
		{STR(""), STR("bye@u.test"), NULL, "<mailto:bye@u.test?subject=u-", false},
		{STR(""), STR("a&b=c%@u.test"), NULL, "<mailto:a%26b%3Dc%25@u.test?subject=u-",
		 false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct message_source source = letter();
		source.unsubscribe_url = rows[i].url;
		source.unsubscribe_mailbox = rows[i].mailbox;
		source.text = STR("{{ unsubscribe_url }}");
		const struct message_recipient to = ann(NULL);
		str message = rendered(compiled(&source), &to);
		assert_true(holds(message, rows[i].mailto));
		assert_true(!rows[i].https || holds(message, rows[i].https));
		assert_int_equal(holds(message, "List-Unsubscribe-Post"), rows[i].post);
	}
}

static void test_message_transactional_comes_from_no_list(void **)
{
	struct message_source source = letter();
	source.list_id = STR("");
	source.transactional = true;
	const struct message_plan *plan = compiled(&source);
	const str fields[] = {STR("\"Ann\""), STR("\"Ulm\"")};
	struct message_recipient to = ann(fields);
	assert_false(holds(rendered(plan, &to), "List-"));
	source.transactional = false;
	plan = compiled(&source);
	assert_true(holds(rendered(plan, &to), "List-Unsubscribe-Post"));
}

static void test_message_single_parts(void **)
{
	struct message_source source = letter();
	const struct message_recipient to = ann(NULL);
	source.html = (str){};
	str message = rendered(compiled(&source), &to);
	assert_true(holds(message, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
	assert_false(holds(message, "multipart"));
	source = letter();
	source.text = (str){};
	source.html = STR("<p>no line end");
	message = rendered(compiled(&source), &to);
	assert_true(holds(message, "\r\nContent-Type: text/html; charset=utf-8\r\n"));
	assert_true(str_ends(message, STR("<p>no line end\r\n")));
}

static void test_message_ids_name_the_recipient(void **)
{
	struct message_source source = letter();
	const struct message_plan *plan = compiled(&source);
	struct message_recipient to = ann(NULL);
	char first[2048], from_memory[400];
	str message = rendered(plan, &to);
	memcpy(first, message.data, 2000 < message.size ? 2000 : message.size);
	assert_memory_equal(rendered(plan, &to).data, first,
			    message.size < 2000 ? message.size : 2000);

	struct buf from;
	buf_init_fixed(&from, from_memory, sizeof(from_memory));
	message_mail_from(plan, &to, &from);
	str local = buf_str(&from), domain = local, token_text;
	local = str_cut(&domain, '@');
	assert_true(str_eq(domain, STR("bounce.example.com")));
	assert_true(str_starts(local, STR("b-")) && local.size <= 64);
	token_text = str_from(local, 2);
	struct token token;
	struct token_sealed sealed;
	assert_true(token_read(token_text, &sealed));
	assert_true(token_unmask(&sealed, mac + TOKEN_MASK_AT(TOKEN_BOUNCE), &token));
	assert_true(token.subscriber_id == 42 && token.campaign_id == 7 && token.tenant == 1);
	assert_memory_equal(sealed.proof, mac + TOKEN_PROOF_AT(TOKEN_BOUNCE), TOKEN_PROOF_SIZE);
	assert_true(str_find(message, token_text) != STR_NONE);
	to.subscriber_id = 43;
	assert_true(str_find(rendered(plan, &to), token_text) == STR_NONE);
}

static void test_message_international_domain_in_a_labels(void **)
{
	struct message_source source = letter();
	struct message_recipient to = ann(NULL);
	to.email = STR("ann@b\xC3\xBC"
		       "cher.example");
	assert_true(holds(rendered(compiled(&source), &to), "<ann@xn--bcher-kva.example>"));
}

static void test_message_json_fields(void **)
{
	struct message_source source = letter();
	source.html = (str){};
	source.text =
		STR("[{{ a }}|{{ b }}|{{ c }}|{{ d }}]{% if b %}yes{% else %}no{% endif %}");
	source.subject = STR("x");
	const str fields[] = {STR("12"), STR("false"), STR("null"), {}};
	const struct message_recipient to = ann(fields);
	assert_true(str_ends(rendered(compiled(&source), &to), STR("[12|false||]no\r\n")));
}

static void test_message_values_instead_of_fields(void **)
{
	struct message_source source = letter();
	source.html = (str){};
	source.text = STR("{% for a in a %}{{ a }};{% endfor %}");
	source.subject = STR("x");
	const struct value items[] = {value_int(1), value_string(STR("two"))};
	const struct value values[] = {value_array(items, 2)};
	struct message_recipient to = ann(NULL);
	to.values = values;
	assert_true(str_ends(rendered(compiled(&source), &to), STR("1;two;\r\n")));
}

static void test_message_parts_for_people(void **)
{
	static const struct row {
		enum message_part part;
		const char *text;
	} rows[] = {{MESSAGE_SUBJECT, "Hello A&B"},
		    {MESSAGE_TEXT, "Dear A&B,\nRome ann@example.com\n"},
		    {MESSAGE_HTML, "<p>Dear A&amp;B,</p>\n<p>Rome</p>\n"}};
	struct message_source source = letter();
	const struct message_plan *plan = compiled(&source);
	const str fields[] = {STR("\"A&B\""), STR("\"Rome\"")};
	const struct message_recipient to = ann(fields);
	for (size_t i = 0; i < 3; i++) {
		struct buf out;
		buf_init_fixed(&out, memory, sizeof(memory));
		assert_int_equal(
			message_render_part(plan, &to, rows[i].part, &scratch, &out, &error),
			0);
		assert_true(str_eq(buf_str(&out), str_of(rows[i].text)));
	}
}

static void assert_refused(const struct message_source *source, const char *sentence)
{
	error.message[0] = '\0';
	assert_null(message_compile(&arena, source, &error));
	if (!holds(str_of(error.message), sentence))
		fail_msg("wanted \"%s\", got \"%s\"", sentence, error.message);
}

static void test_message_compile_refuses(void **)
{
	struct message_source source = letter();
	source.html = source.text = (str){};
	assert_refused(&source, "neither");
	source = letter();
	source.from_address = STR("a@b\r\nBcc: c@d");
	assert_refused(&source, "`from`");
	source = letter();
	source.reply_to = STR("nobody");
	assert_refused(&source, "`reply_to`");
	source = letter();
	source.return_domain = STR("a b");
	assert_refused(&source, "return-path");
	source = letter();
	source.list_id = STR("a>b");
	assert_refused(&source, "`list_id`");
	source = letter();
	source.unsubscribe_url = STR("ftp://x");
	assert_refused(&source, "unsubscribe URL");
	source.unsubscribe_url = STR("https://x\r\nX: y");
	assert_refused(&source, "unsubscribe URL");
	source = letter();
	source.text = STR("line\n{{ x | nosuchfilter }}");
	assert_refused(&source, "nosuchfilter");
	assert_int_equal(error.line, 2);
	assert_true(str_eq(error.file, STR("body.txt")));
}

static void test_message_compile_refuses_headers(void **)
{
	static const struct row {
		const char *name, *sentence;
	} rows[] = {{"X Y", "no header name"},       {"", "no header name"},
		    {"X:\r\nBcc", "no header name"}, {"subject", "written by rundbrief"},
		    {"BCC", "written by rundbrief"}, {"Content-Type", "written by rundbrief"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct message_header header = {str_of(rows[i].name), STR("x")};
		struct message_source source = letter();
		source.headers = &header;
		source.header_count = 1;
		assert_refused(&source, rows[i].sentence);
	}
	const struct message_header twice[] = {{STR("X-A"), STR("1")}, {STR("x-a"), STR("2")}};
	struct message_source source = letter();
	source.headers = twice;
	source.header_count = 2;
	assert_refused(&source, "twice");
}

static void test_message_render_refuses_and_writes_nothing(void **)
{
	struct message_source source = letter();
	const struct message_plan *plan = compiled(&source);
	const str no_scalar[] = {STR("[1,2]"), {}};
	struct message_recipient rows[] = {ann(NULL), ann(NULL), ann(no_scalar)};
	rows[0].email = STR("ann@example.com>\r\nBcc: eve@example.com");
	rows[1].email = STR("j\xC3\xBCrgen@example.com");
	for (size_t i = 0; i < 3; i++) {
		struct buf out;
		size_t header_size = 77;
		buf_init_fixed(&out, memory, sizeof(memory));
		buf_put(&out, STR("before"));
		error.message[0] = '\0';
		assert_int_equal(
			message_render(plan, &rows[i], &scratch, &out, &header_size, &error),
			-1);
		assert_true(str_eq(buf_str(&out), STR("before")) && buf_ok(&out));
		assert_int_equal(header_size, 77);
		assert_true(error.message[0] != '\0');
	}
}

static void test_message_any_buffer_size_is_all_or_nothing(void **)
{
	struct message_source source = letter();
	const struct message_plan *plan = compiled(&source);
	const struct message_recipient to = ann(NULL);
	size_t whole = rendered(plan, &to).size, header_size;
	for (size_t size = 0; size < whole; size++) {
		char *small = malloc(size + 1);
		struct buf out;
		buf_init_fixed(&out, small, size);
		arena_reset(&scratch);
		assert_int_equal(
			message_render(plan, &to, &scratch, &out, &header_size, &error), -1);
		assert_int_equal(out.size, 0);
		free(small);
	}
}

static void test_message_any_scratch_size_is_all_or_nothing(void **)
{
	struct message_source source = letter();
	const struct message_plan *plan = compiled(&source);
	const struct message_recipient to = ann(NULL);
	bool done = false;
	for (size_t size = 0; !done && size < 100000; size += 48) {
		char *small = malloc(size + 16);
		struct arena tight;
		struct buf out;
		size_t header_size;
		buf_init_fixed(&out, memory, sizeof(memory));
		arena_init_fixed(&tight, small, size);
		done = message_render(plan, &to, &tight, &out, &header_size, &error) == 0;
		assert_true(done || out.size == 0);
		free(small);
	}
	assert_true(done);
}

static void test_message_any_plan_memory_is_all_or_nothing(void **)
{
	struct message_source source = letter();
	bool done = false;
	for (size_t size = 0; !done && size < 200000; size += 256) {
		char *small = malloc(size + 16);
		struct arena tight;
		arena_init_fixed(&tight, small, size);
		done = message_compile(&tight, &source, &error) != NULL;
		free(small);
	}
	assert_true(done);
}

static str random_text(struct prng *chance, char *text, size_t limit)
{
	static const char *const pieces[] = {
		"{{ a }}",
		"{{ b }}",
		"{% if a %}.{% endif %}",
		"{% for x in (1..4) %}\n.{{ b }}{% endfor %}",
		"{% for x in (1..9) %}{{ x }} cells and more {% endfor %}",
		"{{ b | raw }}",
		"{% assign c = a %}",
		"{{ unsubscribe_url }}",
		"\r\n",
		"\n",
		"\r",
		" ",
		"\t",
		".",
		"..",
		"From ",
		"=",
		"=_",
		"--",
		"\xC3\xB6",
		"\xF0\x9F\x8D\x82",
		"\x7F",
		"\xC2\x85",
		"<td style=\"font-family:Georgia,serif; padding:0 20px\">",
		"words of a letter ",
	};
	size_t size = 0, wanted = (size_t)prng_below(chance, limit - 64);
	while (size < wanted) {
		str piece =
			str_of(pieces[prng_below(chance, sizeof(pieces) / sizeof(*pieces))]);
		memcpy(text + size, piece.data, piece.size);
		size += piece.size;
	}
	return str_make(text, size);
}

static void test_message_random_content_keeps_the_invariants(void **)
{
	unsigned rendered_count = 0;
	for (uint64_t seed = 0; seed < 4000; seed++) {
		char texts[5][900];
		struct prng chance;
		prng_init(&chance, seed);
		struct message_source source = letter();
		source.subject = random_text(&chance, texts[0], 200);
		source.text = random_text(&chance, texts[1], 900);
		source.html = random_text(&chance, texts[2], 300);
		const struct value values[] = {
			value_string(random_text(&chance, texts[3], 200)),
			value_string(random_text(&chance, texts[4], 200)),
		};
		arena_reset(&arena);
		struct message_plan *plan = message_compile(&arena, &source, &error);
		if (!plan)
			continue;
		struct message_recipient to = ann(NULL);
		to.values = values;
		to.name = values[0].string;
		rendered(plan, &to);
		rendered_count++;
	}
	assert_in_range(rendered_count, 200, 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_fields_are_attributes_once),
		cmocka_unit_test(test_message_header_fields),
		cmocka_unit_test(test_message_unsubscribe_forms),
		cmocka_unit_test(test_message_transactional_comes_from_no_list),
		cmocka_unit_test(test_message_single_parts),
		cmocka_unit_test(test_message_ids_name_the_recipient),
		cmocka_unit_test(test_message_international_domain_in_a_labels),
		cmocka_unit_test(test_message_json_fields),
		cmocka_unit_test(test_message_values_instead_of_fields),
		cmocka_unit_test(test_message_parts_for_people),
		cmocka_unit_test(test_message_compile_refuses),
		cmocka_unit_test(test_message_compile_refuses_headers),
		cmocka_unit_test(test_message_render_refuses_and_writes_nothing),
		cmocka_unit_test(test_message_any_buffer_size_is_all_or_nothing),
		cmocka_unit_test(test_message_any_scratch_size_is_all_or_nothing),
		cmocka_unit_test(test_message_any_plan_memory_is_all_or_nothing),
		cmocka_unit_test(test_message_random_content_keeps_the_invariants),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
