/* Files, images, invitations and 8 bits: what is refused, what is shared, what a recipient's
 * data cannot do. Whole messages are test_message_golden.c's part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "templates/message.h"
#include "tests/golden/invariants.h"

static const uint8_t mac[TOKEN_MAC_SIZE] = "a mac of thirty-two bytes, fixed";
static struct arena arena, scratch;
static struct liquid_error error;
static char memory[1 << 17], big[20000];

static int setup(void **)
{
	arena_init(&arena, &test_heap, 0, 0);
	arena_init(&scratch, &test_heap, 0, 0);
	memset(big, 'x', sizeof(big));
	return 0;
}

static int teardown(void **)
{
	arena_done(&arena);
	arena_done(&scratch);
	return 0;
}

static bool load_partial(void *, str name, struct arena *, str *ret_source)
{
	*ret_source = STR("<img src=\"cid:logo\">\n");
	return str_eq(name, STR("foot"));
}

static struct message_source letter(void)
{
	return (struct message_source){
		.subject = STR("Hello"),
		.html = STR("<p>Dear {{ first_name }},</p>\n"),
		.text = STR("Dear {{ first_name }}\n"),
		.from_address = STR("letters@news.example.com"),
		.return_domain = STR("bounce.example.com"),
		.load_partial = load_partial,
	};
}

static void assert_refused(const struct message_source *source, const char *sentence)
{
	assert_null(message_compile(&arena, source, &error));
	if (!strstr(error.message, sentence))
		fail_msg("\"%s\" does not say \"%s\"", error.message, sentence);
}

static const struct message_plan *compiled(const struct message_source *source)
{
	const struct message_plan *plan = message_compile(&arena, source, &error);
	if (!plan)
		fail_msg("%.*s:%u: %s", STR_FORMAT(error.file), error.line, error.message);
	return plan;
}

/* Each attribute of the plan has this value. */
static int gather(const struct message_plan *plan, struct value value, enum message_form form,
		  struct buf *out, struct message_bytes *ret_message)
{
	struct value values[8];
	assert_in_range(message_field_count(plan), 0, 8);
	for (size_t i = 0; i < 8; i++)
		values[i] = value;
	const struct message_recipient to = {.tenant = 1,
					     .campaign_id = 7,
					     .subscriber_id = 42,
					     .email = STR("ann@example.com"),
					     .values = values,
					     .mac = mac};
	buf_init_fixed(out, memory, sizeof(memory));
	return message_gather(plan, &to, form, &scratch, out, ret_message, &error);
}

static str whole(const struct message_bytes *message)
{
	struct buf all;
	buf_init_arena(&all, &scratch, message->size);
	for (size_t i = 0; i < message->span_count; i++)
		buf_put(&all, message->spans[i]);
	assert_true(buf_ok(&all));
	assert_int_equal(all.size, message->size);
	return buf_str(&all);
}

static str rendered(const struct message_source *source, struct value value,
		    enum message_form form, struct message_bytes *ret_message)
{
	struct buf out;
	if (gather(compiled(source), value, form, &out, ret_message))
		fail_msg("%.*s: %s", STR_FORMAT(error.file), error.message);
	return whole(ret_message);
}

static bool has(str text, const char *part)
{
	return str_find(text, str_of(part)) != STR_NONE;
}

static void test_message_parts_refuse_what_no_part_can_be(void **)
{
	struct message_file file = {.name = STR("a"), .type = STR("text"), .bytes = STR("x")};
	const struct message_own_file own = {.name = STR("a")};
	struct message_source source = letter();
	source.files = &file;
	source.file_count = 1;
	assert_refused(&source, "a type is written like");
	file.type = STR("multipart/mixed");
	assert_refused(&source, "a type is written like");
	file.type = STR("");
	source.file_limit = 10;
	file.bytes = STR("eleven byte");
	assert_refused(&source, "11 bytes together, the limit is 10");
	source = letter();
	source.own_files = &own;
	source.own_file_count = 1;
	assert_refused(&source, "which attribute");
	source = letter();
	source.calendar = (struct message_calendar){.source = STR("x"), .method = STR("a b")};
	assert_refused(&source, "a method is one of");
	source.calendar.method = STR("");
	assert_refused(&source, "the method is missing");
}

static void test_message_parts_name_every_broken_cid(void **)
{
	const struct message_file files[] = {
		{.name = STR("logo.png"), .cid = STR("logo"), .bytes = STR("x")},
		{.name = STR("b.png"), .cid = STR("logo"), .bytes = STR("y")}};
	struct message_source source = letter();
	source.files = files;
	source.file_count = 2;
	assert_refused(&source, "two images have the same cid: logo");
	source.file_count = 1;
	source.html = STR("<p>x</p>\n  <img src='cid:lgo'>");
	assert_refused(&source, "no image of the campaign has this cid: lgo");
	assert_int_equal(error.line, 2);
	assert_int_equal(error.column, 13);
	source.html = STR("<img src=\"cid:{{ first_name }}\">");
	assert_refused(&source, "without Liquid");
	source.html = (str){};
	assert_refused(&source, "no HTML that could show");
	source = letter();
	source.html = STR("{% render 'foot' %}");
	assert_refused(&source, "no image of the campaign has this cid: logo");
	assert_true(str_eq(error.file, STR("foot")));
	source.html = STR("<p>The acid: \"lucid:\" cid:x</p>");
	assert_non_null(message_compile(&arena, &source, &error));
}

static void test_message_parts_images_travel_when_the_html_wants_them(void **)
{
	const struct message_file file = {
		.name = STR("logo.png"), .cid = STR("logo"), .bytes = STR("x")};
	struct message_source source = letter();
	struct message_bytes message;
	source.files = &file;
	source.file_count = 1;
	str text = rendered(&source, value_string(STR("Ann")), MESSAGE_7BIT, &message);
	assert_false(has(text, "related"));
	source.html = STR("{% render 'foot' %}");
	text = rendered(&source, value_string(STR("Ann")), MESSAGE_7BIT, &message);
	assert_true(has(text, "multipart/related"));
	size_t at = str_find(text, STR("Content-ID: <")) + strlen("Content-ID: <");
	str id = str_sub(text, at, str_find_byte(str_from(text, at), '>'));
	size_t used = str_find(text, STR("cid:logo.")) + strlen("cid:");
	assert_true(str_eq(id, str_sub(text, used, id.size)));
	source.html = STR("{% include first_name %}");
	text = rendered(&source, value_string(STR("foot")), MESSAGE_7BIT, &message);
	assert_true(has(text, "multipart/related") && has(text, "cid:logo.") &&
		    str_find(text, STR("\"cid:logo\"")) == STR_NONE);
}

static void test_message_parts_share_what_all_have_in_common(void **)
{
	const struct message_file files[] = {
		{.name = STR("a.pdf"), .bytes = str_make(big, sizeof(big))},
		{.name = STR("b.pdf"), .bytes = str_make(big, 100)}};
	struct message_source source = letter();
	struct message_bytes first, second;
	struct buf out;
	source.files = files;
	source.file_count = 2;
	const struct message_plan *plan = compiled(&source);
	assert_int_equal(gather(plan, value_string(STR("Ann")), MESSAGE_7BIT, &out, &first), 0);
	assert_int_equal(first.span_count, 2);
	assert_true(out.size < 2000 && first.size > 27000);
	const char *shared = first.spans[1].data;
	str text = whole(&first);
	assert_int_equal(gather(plan, value_string(STR("Bob")), MESSAGE_7BIT, &out, &second),
			 0);
	assert_true(second.spans[1].data == shared);
	assert_null(message_fault(text, first.header_size));
	/* In one piece it is the same message. */
	struct value values[] = {value_string(STR("Ann"))};
	const struct message_recipient to = {.tenant = 1,
					     .campaign_id = 7,
					     .subscriber_id = 42,
					     .email = STR("ann@example.com"),
					     .values = values,
					     .mac = mac};
	size_t header_size;
	buf_init_fixed(&out, memory, sizeof(memory));
	assert_int_equal(message_render(plan, &to, &scratch, &out, &header_size, &error), 0);
	assert_true(str_eq(buf_str(&out), text));
	assert_int_equal(header_size, first.header_size);
}

static const struct message_own_file invoice = {.field = STR("invoice"),
						.name = STR("{{ invoice }}.pdf")};

static struct message_source with_invoice(void)
{
	struct message_source source = letter();
	source.html = (str){};
	source.own_files = &invoice;
	source.own_file_count = 1;
	source.file_limit = 9;
	return source;
}

static void test_message_parts_take_a_file_of_the_recipients_own(void **)
{
	struct message_source source = with_invoice();
	struct message_bytes message;
	str text = rendered(&source, value_string(STR(" QUJD\nREVG ")), MESSAGE_7BIT, &message);
	assert_true(has(text, "\r\n\r\nQUJDREVG\r\n\r\n--"));
	assert_null(message_fault(text, message.header_size));
}

static void test_message_parts_refuse_the_recipient_whose_file_is_none(void **)
{
	static const struct row {
		struct value value;
		const char *sentence;
	} rows[] = {{{.kind = VALUE_NIL}, "no file in the attribute invoice"},
		    {{.kind = VALUE_STRING, .string = {" ", 1}}, "no file in the attribute"},
		    {{.kind = VALUE_INT, .integer = 4711}, "not base64: invoice"},
		    {{.kind = VALUE_STRING, .string = {"QUJ", 3}}, "not base64: invoice"},
		    {{.kind = VALUE_STRING, .string = {"QUJDREVGR0hJSktM", 16}},
		     "larger than attachment_limit"}};
	struct message_source source = with_invoice();
	const struct message_plan *plan = compiled(&source);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct message_bytes message = {.size = 77};
		struct buf out;
		assert_int_equal(gather(plan, rows[i].value, MESSAGE_7BIT, &out, &message), -1);
		assert_int_equal(out.size, 0);
		assert_int_equal(message.size, 77);
		if (!strstr(error.message, rows[i].sentence))
			fail_msg("\"%s\" does not say \"%s\"", error.message, rows[i].sentence);
	}
	struct message_own_file optional = invoice;
	struct message_bytes message;
	optional.optional = true;
	source.own_files = &optional;
	str text = rendered(&source, rows[0].value, MESSAGE_7BIT, &message);
	assert_false(has(text, "Content-Disposition"));
	assert_null(message_fault(text, message.header_size));
}

static void test_message_parts_names_cannot_break_a_header(void **)
{
	struct message_own_file own = {.field = STR("invoice"),
				       .name = STR("{{ first_name }}")};
	struct message_source source = with_invoice();
	source.own_files = &own;
	source.text = STR("x");
	const struct message_plan *plan = compiled(&source);
	struct value values[2];
	for (size_t i = 0; i < 2; i++)
		values[i] = str_eq(message_field(plan, i), STR("invoice"))
				    ? value_string(STR("QUJD"))
				    : value_string(
					      STR("../a\r\nBcc: eve@example.com\r\n\r\n--=_m"));
	const struct message_recipient to = {
		.email = STR("ann@example.com"), .values = values, .mac = mac};
	struct buf out;
	size_t header_size;
	buf_init_fixed(&out, memory, sizeof(memory));
	assert_int_equal(message_render(plan, &to, &scratch, &out, &header_size, &error), 0);
	assert_null(message_fault(buf_str(&out), header_size));
	assert_false(has(buf_str(&out), "\r\nBcc"));
	assert_false(has(buf_str(&out), "../"));
}

static void test_message_parts_data_adds_no_line_to_an_invitation(void **)
{
	struct message_source source = letter();
	struct message_bytes message;
	source.html = (str){};
	source.text = STR("x");
	source.calendar =
		(struct message_calendar){.source = STR("SUMMARY:{{ first_name }}\nEND"),
					  .name = STR("a.ics"),
					  .method = STR("REQUEST"),
					  .beside = true};
	for (int form = 0; form < MESSAGE_FORM_COUNT; form++) {
		source.is_8bit = form == MESSAGE_8BIT;
		str text =
			rendered(&source, value_string(STR("a\r\nB:\nc\rd")), form, &message);
		assert_true(has(text, "SUMMARY:a\\nB:\\nc\\nd\r\nEND"));
	}
}

static void test_message_parts_leave_in_8_bits_where_they_can(void **)
{
	struct message_source source = letter();
	struct message_bytes message;
	source.is_8bit = true;
	str text = rendered(&source, value_string(STR("K\xC3\xB6ln")), MESSAGE_8BIT, &message);
	assert_true(message.is_8bit && has(text, "Dear K\xC3\xB6ln\r\n"));
	text = rendered(&source, value_string(STR("K\xC3\xB6ln")), MESSAGE_7BIT, &message);
	assert_true(!message.is_8bit && has(text, "Dear K=C3=B6ln\r\n"));
	assert_null(message_fault(text, message.header_size));
	/* Data that makes a line too long, or one that looks like a boundary. */
	const str data[] = {str_make(big, 1000), STR("\r\n--=_0123\r\n")};
	for (size_t i = 0; i < 2; i++) {
		text = rendered(&source, value_string(data[i]), MESSAGE_8BIT, &message);
		assert_false(message.is_8bit);
		assert_null(message_fault(text, message.header_size));
	}
	/* A part that was written with such lines is never tried. */
	source.text = str_make(big, 1200);
	text = rendered(&source, value_string(STR("K\xC3\xB6ln")), MESSAGE_8BIT, &message);
	assert_true(message.is_8bit && has(text, "Dear K\xC3\xB6ln,") && has(text, "xxx=\r\n"));
}

/* The promise that the signer relies on. */
static void test_message_parts_common_beginning_is_common(void **)
{
	struct message_source source = letter();
	struct buf long_text;
	buf_init_arena(&long_text, &arena, 8192);
	for (int i = 0; i < 100; i++)
		buf_put_cstr(&long_text,
			     "A line of the letter that everybody gets, K\xC3\xB6ln. \n");
	buf_put_cstr(&long_text, "and {{ first_name }}\n");
	const str texts[] = {buf_str(&long_text),
			     str_sub(buf_str(&long_text), 0, long_text.size - 26)};
	for (int form = 0; form < MESSAGE_FORM_COUNT; form++) {
		for (size_t i = 0; i < 2; i++) {
			source.text = texts[i];
			source.is_8bit = form == MESSAGE_8BIT;
			const struct message_plan *plan = compiled(&source);
			size_t common = message_common_size(plan, form);
			assert_true(common > 5000);
			struct message_bytes message;
			struct buf out;
			assert_int_equal(
				gather(plan, value_string(STR("Ann")), form, &out, &message),
				0);
			str first = str_sub(whole(&message), message.header_size, common);
			assert_true(str_ends(first, STR("\r\n")));
			assert_int_equal(
				gather(plan, value_string(STR(" \r\n.")), form, &out, &message),
				0);
			assert_true(str_eq(
				first, str_sub(whole(&message), message.header_size, common)));
		}
	}
	source = letter();
	assert_int_equal(message_common_size(compiled(&source), MESSAGE_7BIT), 0);
}

static void test_message_parts_any_plan_memory_is_all_or_nothing(void **)
{
	const struct message_file files[] = {
		{.name = STR("logo.png"), .cid = STR("logo"), .bytes = str_make(big, 100)},
		{.name = STR("a.pdf"), .bytes = str_make(big, 3000)}};
	struct message_source source = letter();
	source.html = STR("{% render 'foot' %}{{ first_name }}");
	source.amp = STR("<html>");
	source.files = files;
	source.file_count = 2;
	source.own_files = &invoice;
	source.own_file_count = 1;
	source.is_8bit = true;
	source.calendar = (struct message_calendar){.source = STR("BEGIN"),
						    .name = STR("a.ics"),
						    .method = STR("REQUEST"),
						    .beside = true,
						    .attached = true};
	size_t refused = 0;
	for (size_t limit = 512; limit < 200000; limit += limit / 8) {
		struct arena small;
		arena_init(&small, &test_heap, 512, limit);
		const struct message_plan *plan = message_compile(&small, &source, &error);
		struct message_bytes message;
		struct buf out;
		refused += !plan;
		if (plan)
			assert_int_equal(gather(plan, value_string(STR("QUJD")), MESSAGE_8BIT,
						&out, &message),
					 0);
		else
			assert_true(error.message[0] != '\0');
		arena_done(&small);
	}
	assert_in_range(refused, 5, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_parts_refuse_what_no_part_can_be),
		cmocka_unit_test(test_message_parts_name_every_broken_cid),
		cmocka_unit_test(test_message_parts_images_travel_when_the_html_wants_them),
		cmocka_unit_test(test_message_parts_share_what_all_have_in_common),
		cmocka_unit_test(test_message_parts_take_a_file_of_the_recipients_own),
		cmocka_unit_test(test_message_parts_refuse_the_recipient_whose_file_is_none),
		cmocka_unit_test(test_message_parts_names_cannot_break_a_header),
		cmocka_unit_test(test_message_parts_data_adds_no_line_to_an_invitation),
		cmocka_unit_test(test_message_parts_leave_in_8_bits_where_they_can),
		cmocka_unit_test(test_message_parts_common_beginning_is_common),
		cmocka_unit_test(test_message_parts_any_plan_memory_is_all_or_nothing),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
