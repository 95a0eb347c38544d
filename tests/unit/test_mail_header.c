/* Header fields: known values, hostile values, and the invariants on random ones. That readers
 * get the same text back is tests/golden's part, with an independent reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "engine/mail/header.h"
#include "tests/golden/invariants.h"

static char memory[1 << 15];

static struct buf fresh(void)
{
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory));
	return out;
}

static void assert_text(str value, const char *expected)
{
	struct buf out = fresh();
	header_put_text(&out, STR("Subject"), value);
	buf_put_byte(&out, '\0');
	assert_true(buf_ok(&out));
	assert_string_equal(out.data, expected);
}

static void assert_mailbox(str display, str address, const char *expected)
{
	struct buf out = fresh();
	header_put_mailbox(&out, STR("From"), display, address);
	buf_put_byte(&out, '\0');
	assert_string_equal(out.data, expected);
}

static void test_header_text_known_values(void **)
{
	assert_text(STR("Autumn letter"), "Subject: Autumn letter\r\n");
	assert_text(STR(""), "Subject: \r\n");
	assert_text(STR(" \t trimmed \r\n"), "Subject: trimmed\r\n");
	assert_text(STR("Gr\xC3\xBC\xC3\x9F"
			"e"),
		    "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n");
	assert_text(STR("\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D"),
		    "Subject: =?utf-8?b?16nXnNeV150=?=\r\n");
	assert_text(STR("two  spaces"), "Subject: =?utf-8?q?two__spaces?=\r\n");
	assert_text(STR("=?utf-8?q?spoof?="),
		    "Subject: =?utf-8?b?PT91dGYtOD9xP3Nwb29mPz0=?=\r\n");
}

static void test_header_value_cannot_add_a_field(void **)
{
	assert_text(STR("Hello\r\nBcc: eve@example.com"),
		    "Subject: =?utf-8?q?Hello__Bcc=3A_eve=40example=2Ecom?=\r\n");
	assert_text(STR("Hello\nBcc: x"), "Subject: Hello Bcc: x\r\n");
	assert_text(STR("a\0b\x7F"
			"c"),
		    "Subject: a b c\r\n");
	assert_mailbox(STR("Ann\r\n\r\nbody"), STR("ann@example.com"),
		       "From: Ann body <ann@example.com>\r\n");
}

static void test_header_text_folds_at_78(void **)
{
	assert_text(
		STR("one two three four five six seven eight nine ten eleven twelve "
		    "thirteen fourteen"),
		"Subject: one two three four five six seven eight nine ten eleven twelve\r\n"
		" thirteen fourteen\r\n");
}

static void test_header_mailbox_forms(void **)
{
	assert_mailbox(STR(""), STR("a@example.com"), "From: a@example.com\r\n");
	assert_mailbox(STR("Ann Lee"), STR("a@example.com"),
		       "From: Ann Lee <a@example.com>\r\n");
	assert_mailbox(STR("Lee, Ann (x)"), STR("a@example.com"),
		       "From: \"Lee, Ann (x)\" <a@example.com>\r\n");
	assert_mailbox(STR("\"Ann\" \\ Co."), STR("a@example.com"),
		       "From: \"\\\"Ann\\\" \\\\ Co.\" <a@example.com>\r\n");
	assert_mailbox(STR("J\xC3\xBCrgen"), STR("a@example.com"),
		       "From: =?utf-8?q?J=C3=BCrgen?= <a@example.com>\r\n");
	assert_mailbox(STR("Eve <eve@example.com>,"), STR("a@example.com"),
		       "From: \"Eve <eve@example.com>,\" <a@example.com>\r\n");
}

static void test_header_quotes_count_for_the_line(void **)
{
	char name[56];
	memset(name, '"', sizeof(name));
	struct buf out = fresh();
	header_put_mailbox(&out, STR("From"), str_make(name, sizeof(name)),
			   STR("a@example.com"));
	buf_put(&out, STR("\r\n"));
	assert_null(header_fault(buf_str(&out)));
}

static void test_header_address_ok_table(void **)
{
	static const char *const good[] = {"a@b", "a.b+c@example.com", "\"a b\"@example.com",
					   "a@[IPv6:::1]", "\"a\\\"b\"@example.com"};
	static const char *const bad[] = {
		"",          "a",           "@b",           "a@",       "a b@c",
		"a@b>",      "<a@b",        "a,b@c",        "a@b, c@d", "\"a@b",
		"a@b\r\nX:", "a\"\r\n\"@b", "k\xC3\xB6@b",  "a@b\x7F",  "a(x)@b",
		"a:b@c;",    "\"\\\r\"@b",  "\"\\\xEF\"@b", "\"a\\@b",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(header_address_ok(str_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(header_address_ok(str_of(bad[i])));
}

static void test_header_tokens_keep_words_whole(void **)
{
	struct buf out = fresh();
	header_put_tokens(
		&out, STR("List-Unsubscribe"),
		STR("<https://news.example.com/u/"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>, <mailto:u@x>"));
	buf_put_byte(&out, '\0');
	assert_string_equal(out.data,
			    "List-Unsubscribe: <https://news.example.com/u/"
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>,\r\n"
			    " <mailto:u@x>\r\n");
	out = fresh();
	header_put_tokens(&out, STR("X-Plan"), STR("a\r\nBcc: b"));
	assert_true(str_eq(buf_str(&out), STR("X-Plan: =?utf-8?q?a__Bcc=3A_b?=\r\n")));
}

static void test_header_names(void **)
{
	assert_true(header_name_ok(STR("X-Campaign_2")));
	assert_false(header_name_ok(STR("")));
	assert_false(header_name_ok(STR("X Y")));
	assert_false(header_name_ok(STR("X:")));
	assert_false(header_name_ok(STR("X\r\nY")));
	assert_false(header_name_ok(STR("\xC3\x9C")));
}

static str random_value(struct prng *chance, char *text, size_t limit)
{
	static const char *const pieces[] = {
		"a",
		" ",
		"word",
		"\r\n",
		"\n",
		"\r",
		"\t",
		"=?",
		"?=",
		"=?utf-8?q?x?=",
		"\xC3\xB6",
		"\xE2\x82\xAC",
		"\xF0\x9F\x8D\x82",
		"\xFF",
		"\x01",
		",",
		"\"",
		"\\",
		"<a@b>",
		":",
		"wordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwo"
		"rd",
	};
	size_t size = 0, wanted = (size_t)prng_below(chance, limit - 100);
	while (size < wanted) {
		size_t pick = prng_below(chance, sizeof(pieces) / sizeof(*pieces) + 1);
		str piece = pick == sizeof(pieces) / sizeof(*pieces) ? STR("\0")
								     : str_of(pieces[pick]);
		memcpy(text + size, piece.data, piece.size);
		size += piece.size;
	}
	return str_make(text, size);
}

static size_t count_fields(str header)
{
	size_t count = 0;
	for (size_t i = 0; i < header.size; i++)
		if ((i == 0 || header.data[i - 1] == '\n') && header.data[i] != ' ')
			count++;
	return count;
}

static void test_header_random_values_stay_one_field(void **)
{
	for (uint64_t seed = 0; seed < 20000; seed++) {
		char text[600];
		struct prng chance;
		prng_init(&chance, seed);
		str value = random_value(&chance, text, prng_below(&chance, 500) + 101);
		struct buf out = fresh();
		switch (seed % 3) {
		case 0:
			header_put_text(&out, STR("Subject"), value);
			break;
		case 1:
			header_put_tokens(&out, STR("X-Data"), value);
			break;
		default:
			header_put_mailbox(&out, STR("From"), value, STR("a@example.com"));
		}
		assert_int_equal(count_fields(buf_str(&out)), 1);
		buf_put(&out, STR("\r\n"));
		const char *fault = header_fault(buf_str(&out));
		if (fault)
			fail_msg("seed %llu: %s\n%.*s", (unsigned long long)seed, fault,
				 STR_FORMAT(buf_str(&out)));
	}
}

static void test_header_long_values_are_cut_behind_a_character(void **)
{
	char text[3 * HEADER_VALUE_LIMIT];
	for (size_t i = 0; i < sizeof(text); i += 3)
		memcpy(text + i, "\xE2\x82\xAC", 3);
	struct buf out = fresh();
	header_put_text(&out, STR("Subject"), str_make(text, sizeof(text)));
	buf_put(&out, STR("\r\n"));
	assert_true(buf_ok(&out));
	assert_null(header_fault(buf_str(&out)));
}

static void test_header_clean(void **)
{
	struct buf out = fresh();
	header_clean(&out, STR(" a\r\nb\0c\xC3(\xC3\xB6 "));
	assert_true(str_eq(buf_str(&out), STR("a  b c\xEF\xBF\xBD(\xC3\xB6")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_text_known_values),
		cmocka_unit_test(test_header_value_cannot_add_a_field),
		cmocka_unit_test(test_header_text_folds_at_78),
		cmocka_unit_test(test_header_mailbox_forms),
		cmocka_unit_test(test_header_quotes_count_for_the_line),
		cmocka_unit_test(test_header_address_ok_table),
		cmocka_unit_test(test_header_tokens_keep_words_whole),
		cmocka_unit_test(test_header_names),
		cmocka_unit_test(test_header_random_values_stay_one_field),
		cmocka_unit_test(test_header_long_values_are_cut_behind_a_character),
		cmocka_unit_test(test_header_clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
