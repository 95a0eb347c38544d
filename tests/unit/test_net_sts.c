/* MTA-STS as text: the TXT record, the policy, and which hosts it names (RFC 8461 3.1, 3.2,
 * 4.1). */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

#include "engine/net/sts.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_sts_record_has_an_id_or_is_none(void **)
{
	static const struct {
		const char *text, *id; /* NULL: no record */
	} cases[] = {
		{"v=STSv1; id=20160831085700Z;", "20160831085700Z"}, /* 3.1 */
		{"v=STSv1; id=1", "1"},
		{"v=STSv1;id=1;", "1"},
		{"v=STSv1 ;\tid=1 ; ", "1"},
		{"v=STSv1; other=x; id=1", "1"},
		{"v=STSv1; id=1; id=2", "1"},
		{"v=STSv1; id=1; a.b-c_d=~!/:", "1"},
		{"v=STSv1; id=12345678901234567890123456789012",
		 "12345678901234567890123456789012"},
		{"v=STSv1; id=123456789012345678901234567890123", NULL},
		{"v=STSv1", NULL},
		{"v=STSv1;", NULL},
		{"v=STSv1; id=", NULL},
		{"v=STSv1; id=a-b", NULL},
		{"v=STSv1; id=a b", NULL},
		{"v=STSv1; id=1;; x=y", NULL},
		{"v=STSv1; id=1; x", NULL},
		{"v=STSv1; id=1; =x", NULL},
		{"v=STSv1; id=1; x=", NULL},
		{"v=STSv1; id=1; x=a=b", NULL},
		{"v=STSv1; id=1; _x=y", NULL},
		{"v=STSv1; other=x", NULL},
		{"v=STSv2; id=1", NULL},
		{"v=STSv12; id=1", NULL},
		{"V=STSv1; id=1", NULL},
		{" v=STSv1; id=1", NULL},
		{"id=1; v=STSv1", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		str text = str_of(cases[i].text);
		char id[STS_ID_SIZE] = "untouched";
		bool good = sts_record_read(&text, 1, id);
		if (good != (cases[i].id != NULL))
			fail_msg("\"%s\" is%s a record", cases[i].text, good ? "" : " not");
		assert_string_equal(id, good ? cases[i].id : "untouched");
	}
}

static void test_sts_record_is_one_among_others(void **)
{
	char id[STS_ID_SIZE];
	const str with_others[] = {STR("v=spf1 -all"), STR("v=STSv1; id=7;"), STR("")};
	const str two[] = {STR("v=STSv1; id=7;"), STR("v=STSv1; id=8;")};
	assert_true(sts_record_read(with_others, 3, id));
	assert_string_equal(id, "7");
	assert_false(sts_record_read(two, 2, id));
	assert_false(sts_record_read(NULL, 0, id));
}

#define HEAD "version: STSv1\nmode: enforce\nmax_age: 604800\n"

static void test_sts_policy_of_the_rfc(void **)
{
	struct sts_policy p;
	assert_true(sts_policy_read(STR("version: STSv1\r\nmode: enforce\r\n"
					"mx: mail.example.com\r\nmx: *.example.net\r\n"
					"mx: backupmx.example.com\r\nmax_age: 604800\r\n"),
				    &p));
	assert_int_equal(p.mode, STS_ENFORCE);
	assert_int_equal(p.max_age_seconds, 604800);
	assert_int_equal(p.mx_count, 3);
	assert_true(str_eq(p.mx[1], STR("*.example.net")));
}

static void test_sts_policy_valid_and_invalid(void **)
{
	static const struct {
		const char *body;
		bool good;
	} cases[] = {
		{HEAD "mx: a.test", true},
		{HEAD "mx:a.test\n", true},
		{HEAD "mx:  a.test \t\n", true},
		{"mx: a.test\nmax_age: 1\nmode: testing\nversion: STSv1", true},
		{"version: STSv1\nmode: none\nmax_age: 86400\n", true},
		{"version: STSv1\nmode: none\nmx: a.test\nmax_age: 0\n", true},
		{HEAD "mx: a.test\n\n\n", true},
		{HEAD "mx: a.test\nunknown: \xc3\xa4 and more\n", true},
		{HEAD "mx: a.test\nmode: testing\nversion: STSv2\nmax_age: x\n", true},
		{HEAD "mx: a\n", true},
		{HEAD "mx: 1-a.A9.test\n", true},
		{"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 9999999999\n", true},
		{"", false},
		{HEAD, false}, /* to nobody */
		{"version: STSv1\nmode: testing\nmax_age: 1\n", false},
		{"mode: enforce\nmx: a.test\nmax_age: 1\n", false},
		{"version: STSv1\nmx: a.test\nmax_age: 1\n", false},
		{"version: STSv1\nmode: enforce\nmx: a.test\n", false},
		{"version: STSv2\nmode: enforce\nmx: a.test\nmax_age: 1\n", false},
		{"version: STSv1\nmode: Enforce\nmx: a.test\nmax_age: 1\n", false},
		{"Version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1\n", false},
		{"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: -1\n", false},
		{"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1d\n", false},
		{"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 00000000001\n", false},
		{"version: STSv1\rmode: enforce\rmx: a.test\rmax_age: 1\r", false},
		{HEAD "mx: a.test\nno colon\n", false},
		{HEAD "mx: a.test\n: no name\n", false},
		{HEAD "mx: a.test\nempty:\n", false},
		{HEAD "mx: a.test\nbell: \a\n", false},
		{HEAD "mx: a.test\nna me: x\n", false},
		{HEAD "mx: a.test\nnames-that-are-much-longer-than-32-bytes: x\n", false},
		{HEAD "mx: *\n", false},
		{HEAD "mx: *.\n", false},
		{HEAD "mx: a.*.test\n", false},
		{HEAD "mx: *a.test\n", false},
		{HEAD "mx: .a.test\n", false},
		{HEAD "mx: a..test\n", false},
		{HEAD "mx: a.test.\n", false},
		{HEAD "mx: -a.test\n", false},
		{HEAD "mx: a-.test\n", false},
		{HEAD "mx: a test\n", false},
		{HEAD "mx: a.test, b.test\n", false},
		{HEAD "mx: [192.0.2.1]\n", false},
		{"<html>not found</html>", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sts_policy p = {.mx_count = 99};
		bool good = sts_policy_read(str_of(cases[i].body), &p);
		if (good != cases[i].good)
			fail_msg("\"%s\" is%s a policy", cases[i].body, good ? "" : " not");
		if (!good)
			assert_int_equal(p.mx_count, 99);
	}
}

static void test_sts_policy_the_first_of_a_name_counts_and_a_year_is_the_limit(void **)
{
	struct sts_policy p;
	assert_true(sts_policy_read(STR(HEAD "mx: a.test\nmode: testing\nmax_age: 1\n"), &p));
	assert_int_equal(p.mode, STS_ENFORCE);
	assert_int_equal(p.max_age_seconds, 604800);
	assert_true(
		sts_policy_read(STR("version: STSv1\nmode: none\nmax_age: 9999999999\n"), &p));
	assert_int_equal(p.max_age_seconds, STS_MAX_AGE_LIMIT);
}

static void test_sts_policy_has_limits(void **)
{
	static char memory[STS_BODY_LIMIT + 100];
	struct sts_policy p;
	struct buf b;
	buf_init_fixed(&b, memory, sizeof memory);
	buf_put(&b, STR(HEAD));
	for (size_t i = 0; i < STS_MX_LIMIT; i++)
		buf_printf(&b, "mx: mx%zu.test\n", i);
	assert_true(sts_policy_read(buf_str(&b), &p));
	assert_int_equal(p.mx_count, STS_MX_LIMIT);
	buf_put(&b, STR("mx: one.more.test\n"));
	assert_false(sts_policy_read(buf_str(&b), &p));
	buf_reset(&b);
	buf_put(&b, STR(HEAD "mx: a.test\n"));
	while (b.size < STS_BODY_LIMIT)
		buf_put_byte(&b, '\n');
	assert_true(sts_policy_read(buf_str(&b), &p));
	buf_put_byte(&b, '\n');
	assert_false(sts_policy_read(buf_str(&b), &p));
}

/* In memory of its own, so that a byte too far is seen: a policy cut anywhere is read or
 * refused, and whole lines are read as what they are. */
static void test_sts_policy_cut_anywhere_stays_within_its_bounds(void **)
{
	str whole = STR("version: STSv1\r\nmode: testing\r\nmax_age: 1\r\nmx: *.a.test\r\n");
	for (size_t size = 0; size <= whole.size; size++) {
		struct sts_policy p;
		char *copy = malloc(size ? size : 1);
		memcpy(copy, whole.data, size);
		bool good = sts_policy_read(str_make(copy, size), &p);
		bool wanted = size > whole.size - strlen("*.a.test\r\n") + 2 &&
			      size != whole.size - strlen("test\r\n");
		if (good != wanted)
			fail_msg("cut at %zu it is%s a policy", size, good ? "" : " not");
		free(copy);
	}
}

static void test_sts_match_takes_one_label_for_a_wildcard(void **)
{
	static const struct {
		const char *pattern, *host;
		bool match;
	} cases[] = {
		{"mail.example.com", "mail.example.com", true},
		{"Mail.Example.COM", "mail.example.com", true},
		{"mail.example.com", "mail.example.co", false},
		{"mail.example.com", "a.mail.example.com", false},
		{"*.example.com", "mail.example.com", true}, /* 4.1 */
		{"*.EXAMPLE.com", "mail.example.com", true},
		{"*.example.com", "example.com", false},
		{"*.example.com", "foo.bar.example.com", false},
		{"*.example.com", ".example.com", false},
		{"*.example.com", "mailexample.com", false},
		{"*.com", "example.com", true},
		{"mail.example.com", "", false},
		{"*.example.com", "", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sts_policy p = {.mx_count = 2,
				       .mx = {STR("x.test"), str_of(cases[i].pattern)}};
		if (sts_match(&p, str_of(cases[i].host)) != cases[i].match)
			fail_msg("%s and %s", cases[i].pattern, cases[i].host);
	}
	assert_false(sts_match(&(struct sts_policy){}, STR("a.test")));
}

static void test_sts_text_reads_back(void **)
{
	static char memory[STS_TEXT_LIMIT], again[STS_TEXT_LIMIT];
	struct buf b, c;
	struct sts_policy p, q;
	assert_true(sts_policy_read(
		STR("mode: testing\nx: y\nmx:  *.a.test \nversion: STSv1\n\nmax_age: 07\n"),
		&p));
	buf_init_fixed(&b, memory, sizeof memory);
	sts_put_text(&b, &p);
	assert_true(str_eq(buf_str(&b),
			   STR("version: STSv1\nmode: testing\nmx: *.a.test\nmax_age: 7\n")));
	assert_true(sts_policy_read(buf_str(&b), &q));
	buf_init_fixed(&c, again, sizeof again);
	sts_put_text(&c, &q);
	assert_true(str_eq(buf_str(&b), buf_str(&c)));
}

static void test_sts_the_largest_text_fits(void **)
{
	static char memory[STS_TEXT_LIMIT], name[300];
	struct sts_policy p = {.max_age_seconds = STS_MAX_AGE_LIMIT, .mx_count = STS_MX_LIMIT};
	struct buf b;
	memset(name, 'a', sizeof name);
	for (size_t i = 0; i < STS_MX_LIMIT; i++)
		p.mx[i] = str_make(name, 255);
	buf_init_fixed(&b, memory, sizeof memory);
	sts_put_text(&b, &p);
	assert_true(buf_ok(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sts_record_has_an_id_or_is_none),
		cmocka_unit_test(test_sts_record_is_one_among_others),
		cmocka_unit_test(test_sts_policy_of_the_rfc),
		cmocka_unit_test(test_sts_policy_valid_and_invalid),
		cmocka_unit_test(
			test_sts_policy_the_first_of_a_name_counts_and_a_year_is_the_limit),
		cmocka_unit_test(test_sts_policy_has_limits),
		cmocka_unit_test(test_sts_policy_cut_anywhere_stays_within_its_bounds),
		cmocka_unit_test(test_sts_match_takes_one_label_for_a_wildcard),
		cmocka_unit_test(test_sts_text_reads_back),
		cmocka_unit_test(test_sts_the_largest_text_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
