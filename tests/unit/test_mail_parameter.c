/* Parameters and names of files: known fields, then random names read back by a decoder of our
 * own. What Python's readers make of them is tests/golden's part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "engine/mail/media_type.h"
#include "engine/mail/parameter.h"
#include "engine/mail/utf8.h"
#include "tests/golden/invariants.h"

static char memory[1 << 14];

static str field(str value)
{
	const struct parameter parameters[] = {{STR("filename"), value}};
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory));
	parameter_put_field(&out, STR("Content-Disposition"), STR("attachment"), parameters, 1);
	assert_true(buf_ok(&out));
	return buf_str(&out);
}

static void assert_field(const char *value, const char *expected)
{
	str got = field(str_of(value));
	if (!str_eq(got, str_of(expected)))
		fail_msg("%.*s instead of %s", STR_FORMAT(got), expected);
}

static void test_mail_parameter_writes_plain_values(void **)
{
	assert_field("terms.pdf", "Content-Disposition: attachment; filename=terms.pdf\r\n");
	assert_field("terms 2026.pdf",
		     "Content-Disposition: attachment; filename=\"terms 2026.pdf\"\r\n");
	assert_field("a\"b\\c",
		     "Content-Disposition: attachment; filename=\"a\\\"b\\\\c\"\r\n");
	assert_field("the terms and conditions of the year 2026.pdf",
		     "Content-Disposition: attachment;\r\n"
		     " filename=\"the terms and conditions of the year 2026.pdf\"\r\n");
}

static void test_mail_parameter_extends_what_is_not_ascii(void **)
{
	assert_field(
		"\xC3\x9C"
		"bersicht.pdf",
		"Content-Disposition: attachment; filename*=utf-8''%C3%9Cbersicht.pdf\r\n");
	assert_field("=?utf-8?q?x?=", "Content-Disposition: attachment; "
				      "filename*=utf-8''%3D%3Futf-8%3Fq%3Fx%3F%3D\r\n");
	assert_field("a\r\nBcc: b@example.com",
		     "Content-Disposition: attachment; filename=\"a  Bcc: b@example.com\"\r\n");
}

static void test_mail_parameter_cuts_long_values_between_characters(void **)
{
	char name[150] = "";
	for (int i = 0; i < 20; i++)
		strcat(name, "\xE2\x82\xAC");
	assert_field(name, "Content-Disposition: attachment;\r\n"
			   " filename*0*=utf-8''%E2%82%AC%E2%82%AC%E2%82%AC%E2%82%AC;\r\n"
			   " filename*1*=%E2%82%AC%E2%82%AC%E2%82%AC%E2%82%AC;\r\n"
			   " filename*2*=%E2%82%AC%E2%82%AC%E2%82%AC%E2%82%AC;\r\n"
			   " filename*3*=%E2%82%AC%E2%82%AC%E2%82%AC%E2%82%AC;\r\n"
			   " filename*4*=%E2%82%AC%E2%82%AC%E2%82%AC%E2%82%AC\r\n");
}

/* The reader's side: sections joined, "utf-8''" and percent forms taken off. */
static void read_back(str text, struct buf *out)
{
	while (text.size > 0) {
		str section = str_cut(&text, ';');
		str value = str_trim(section);
		bool extended = str_ends(str_cut(&value, '='), STR("*"));
		if (str_starts(value, STR("utf-8''")))
			value = str_from(value, 7);
		if (!extended && str_starts(value, STR("\"")))
			value = str_sub(value, 1, value.size - 2);
		for (size_t i = 0; i < value.size; i++) {
			if (extended && value.data[i] == '%') {
				buf_put_byte(out, (char)(hex_value(value.data[i + 1]) << 4 |
							 hex_value(value.data[i + 2])));
				i += 2;
				continue;
			}
			i += !extended && value.data[i] == '\\';
			buf_put_byte(out, value.data[i]);
		}
	}
}

static void test_mail_parameter_reads_back(void **)
{
	static const char *const pieces[] = {"a",        "7",
					     ".",        " ",
					     "'",        "%",
					     "*",        "\"",
					     "\\",       "=",
					     "?",        "<",
					     "\xC3\xA4", "\xE2\x82\xAC",
					     "/x/",      "\xF0\x9F\x8D\x8F",
					     "\xFF"};
	struct prng prng;
	prng_init(&prng, 4711);
	for (int round = 0; round < 5000; round++) {
		char name_memory[2000], clean_memory[1000], back_memory[2000];
		struct buf name, clean, back;
		buf_init_fixed(&name, name_memory, sizeof(name_memory));
		buf_init_fixed(&clean, clean_memory, sizeof(clean_memory));
		buf_init_fixed(&back, back_memory, sizeof(back_memory));
		for (uint64_t n = prng_below(&prng, 120); n > 0; n--)
			buf_put_cstr(
				&name,
				pieces[prng_below(&prng, sizeof(pieces) / sizeof(*pieces))]);
		file_name_clean(&clean, buf_str(&name));
		assert_in_range(clean.size, 1, FILE_NAME_LIMIT);
		assert_true(str_find_byte(buf_str(&clean), '/') == STR_NONE);
		str got = field(buf_str(&clean));
		assert_null(lines_fault(got, 76, false));
		str rest = got;
		str_cut(&rest, ';');
		read_back(rest, &back);
		if (!str_eq(buf_str(&back), buf_str(&clean)))
			fail_msg("%.*s is read as %.*s", STR_FORMAT(got),
				 STR_FORMAT(buf_str(&back)));
	}
}

static void assert_clean(const char *name, const char *expected)
{
	char text[2000];
	struct buf out;
	buf_init_fixed(&out, text, sizeof(text));
	file_name_clean(&out, str_of(name));
	if (!str_eq(buf_str(&out), str_of(expected)))
		fail_msg("%.*s instead of %s", STR_FORMAT(buf_str(&out)), expected);
}

static void test_mail_parameter_file_names_are_no_paths(void **)
{
	assert_clean("../../etc/passwd", "passwd");
	assert_clean("C:\\letters\\a.doc", "a.doc");
	assert_clean("..", "attachment");
	assert_clean("a/", "attachment");
	assert_clean("", "attachment");
	assert_clean("x\t\xFFy.pdf", "x \xEF\xBF\xBDy.pdf");
}

static void test_mail_parameter_long_file_names_keep_their_suffix(void **)
{
	char name[600] = "", text[1000];
	struct buf out;
	buf_init_fixed(&out, text, sizeof(text));
	for (int i = 0; i < 120; i++)
		strcat(name, "\xE2\x82\xAC");
	strcat(name, ".pdf");
	file_name_clean(&out, str_of(name));
	assert_in_range(out.size, FILE_NAME_LIMIT - 3, FILE_NAME_LIMIT);
	assert_true(str_ends(buf_str(&out), STR(".pdf")));
	assert_int_equal(utf8_char_size(buf_str(&out)), 3);
}

static void test_mail_parameter_plain_stand_in_is_ascii(void **)
{
	char text[200];
	struct buf out;
	buf_init_fixed(&out, text, sizeof(text));
	file_name_put_plain(&out, STR("\xC3\x9C"
				      "ber \"uns\".pdf"));
	assert_true(str_eq(buf_str(&out), STR("_ber _uns_.pdf")));
	buf_reset(&out);
	file_name_put_plain(&out,
			    STR("what there is to be had on the market in the whole of the "
				"next year.xlsx"));
	assert_int_equal(out.size, 56);
	assert_true(str_starts(buf_str(&out), STR("what there is to be had on the market")));
	assert_true(str_ends(buf_str(&out), STR(".xlsx")));
}

static void test_mail_parameter_types_are_guessed_and_checked(void **)
{
	assert_true(str_eq(media_type_guess(STR("Terms.PDF")), STR("application/pdf")));
	assert_true(str_eq(media_type_guess(STR("a.tar.gz")), STR("application/gzip")));
	assert_true(str_eq(media_type_guess(STR("README")), STR("application/octet-stream")));
	assert_true(media_type_ok(STR("application/vnd.ms-excel")));
	static const char *const bad[] = {"",
					  "pdf",
					  "a/",
					  "/b",
					  "a/b/c",
					  "text/plain; x=y",
					  "multipart/mixed",
					  "message/rfc822"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(media_type_ok(str_of(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_parameter_writes_plain_values),
		cmocka_unit_test(test_mail_parameter_extends_what_is_not_ascii),
		cmocka_unit_test(test_mail_parameter_cuts_long_values_between_characters),
		cmocka_unit_test(test_mail_parameter_reads_back),
		cmocka_unit_test(test_mail_parameter_file_names_are_no_paths),
		cmocka_unit_test(test_mail_parameter_long_file_names_keep_their_suffix),
		cmocka_unit_test(test_mail_parameter_plain_stand_in_is_ascii),
		cmocka_unit_test(test_mail_parameter_types_are_guessed_and_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
