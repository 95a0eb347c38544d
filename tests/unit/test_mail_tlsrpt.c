/* test_mail_tlsrpt.c - the record of a domain that wants TLS reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/mail/tlsrpt.h"

static void test_tlsrpt_reads_records(void **)
{
	static const struct {
		const char *text;
		size_t count; /* 99: breaks the grammar */
		const char *first, *last;
	} cases[] = {
		/* The two examples of RFC 8460 3.1. */
		{"v=TLSRPTv1;rua=mailto:reports@example.com", 1, "mailto:reports@example.com",
		 "mailto:reports@example.com"},
		{"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", 1,
		 "https://reporting.example.com/v1/tlsrpt",
		 "https://reporting.example.com/v1/tlsrpt"},
		{"v=TLSRPTv1 ; rua=mailto:a@b.test , https://c.test/d?e=f ;", 2,
		 "mailto:a@b.test", "https://c.test/d?e=f"},
		{"v=TLSRPTv1;x-y.z_1=\"w\";rua=mailto:a@b.test;", 1, "mailto:a@b.test",
		 "mailto:a@b.test"},
		{"v=TLSRPTv1;rua=MAILTO:a@b.test;rua=HTTPS://c.test", 2, "MAILTO:a@b.test",
		 "HTTPS://c.test"},
		{"v=TLSRPTv1;rua=ftp://a.test,mailto:a@b.test", 1, "mailto:a@b.test",
		 "mailto:a@b.test"},
		{"v=TLSRPTv1;rua=http://a.test/", 0, "", ""},
		{"v=TLSRPTv1;rua=a:1,https:1,https://1,https://2,https://3,https://4,https://5,"
		 "https://6,https://7,https://8,https://9",
		 8, "https://1", "https://8"},
		{"", 99, "", ""},
		{"v=TLSRPTv1", 99, "", ""},
		{"v=TLSRPTv1;", 99, "", ""},
		{"v=TLSRPTv1;;rua=mailto:a@b.test", 99, "", ""},
		{"v=TLSRPTv1;a=b", 99, "", ""},
		{"v=TLSRPTv1;rua=", 99, "", ""},
		{"v=TLSRPTv1;rua=,mailto:a@b.test", 99, "", ""},
		{"v=TLSRPTv1;rua=mailto:a b@c.test", 99, "", ""},
		{"v=TLSRPTv1;rua=mailto:a!b@c.test", 99, "", ""},
		{"v=TLSRPTv1;RUA=mailto:a@b.test", 99, "", ""},
		{"v=TLSRPTv1;rua", 99, "", ""},
		{"v=TLSRPTv1;-a=b;rua=mailto:a@b.test", 99, "", ""},
		{"v=TLSRPTv1;a=b=c;rua=mailto:a@b.test", 99, "", ""},
		{"v=TLSRPTv1;a=;rua=mailto:a@b.test", 99, "", ""},
		{"v=TLSRPTv1;a23456789012345678901234567890123=b;rua=mailto:a@b.test", 99, "",
		 ""},
		{"v=tlsrptv1;rua=mailto:a@b.test", 99, "", ""},
		{" v=TLSRPTv1;rua=mailto:a@b.test", 99, "", ""},
		{"v=TLSRPTv10;rua=mailto:a@b.test", 99, "", ""},
		{"v=TLSRPTv1;rua=mailto:\xc3\xa4@b.test", 99, "", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tlsrpt_record r = {.count = 77};
		bool good = tlsrpt_parse(str_of(cases[i].text), &r);
		if (good != (cases[i].count != 99))
			fail_msg("%s", cases[i].text);
		assert_int_equal(r.count, good ? cases[i].count : 77);
		if (!good || r.count == 0)
			continue;
		assert_true(str_eq(r.uris[0].text, str_of(cases[i].first)));
		assert_true(str_eq(r.uris[r.count - 1].text, str_of(cases[i].last)));
	}
}

static void test_tlsrpt_knows_its_own_records(void **)
{
	assert_true(tlsrpt_is_record(STR("v=TLSRPTv1;whatever")));
	assert_true(tlsrpt_is_record(STR("v=TLSRPTv1 \t;")));
	assert_false(tlsrpt_is_record(STR("v=TLSRPTv1")));
	assert_false(tlsrpt_is_record(STR("v=spf1 -all;")));
	assert_false(tlsrpt_is_record(STR("v=TLSRPTv2;rua=mailto:a@b.test")));
}

static void test_tlsrpt_ways_are_told_apart(void **)
{
	struct tlsrpt_record r;
	assert_true(tlsrpt_parse(STR("v=TLSRPTv1;rua=https://a.test/,mailto:a@b.test"), &r));
	assert_int_equal(r.uris[0].way, TLSRPT_HTTPS);
	assert_int_equal(r.uris[1].way, TLSRPT_MAIL);
}

static void test_tlsrpt_mailbox_is_one_address(void **)
{
	static const struct {
		const char *uri, *mailbox;
	} cases[] = {
		{"mailto:reports@example.com", "reports@example.com"},
		{"MailTo:a%2Bb%21@example.com?subject=x", "a+b!@example.com"},
		{"mailto:%61@example.com", "a@example.com"},
		{"mailto:", ""},
		{"mailto:?to=a@b.test", ""},
		{"mailto:a@b.test%2Cc@d.test", ""},
		{"mailto:a%0d%0aBcc:%20x@b.test", ""},
		{"mailto:a%3E%3Cb@c.test", ""},
		{"mailto:a%2@b.test", ""},
		{"mailto:a%zz@b.test", ""},
		{"mailto:a%00@b.test", ""},
		{"mailto:a", ""},
		{"mailto:a@b.test%", ""},
		{"https://a@b.test", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char memory[300];
		struct buf out;
		buf_init_fixed(&out, memory, sizeof(memory));
		bool good = tlsrpt_mailbox(&out, str_of(cases[i].uri));
		if (good != (cases[i].mailbox[0] != '\0') ||
		    !str_eq(buf_str(&out), str_of(cases[i].mailbox)))
			fail_msg("%s: %.*s", cases[i].uri, STR_FORMAT(buf_str(&out)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tlsrpt_reads_records),
		cmocka_unit_test(test_tlsrpt_knows_its_own_records),
		cmocka_unit_test(test_tlsrpt_ways_are_told_apart),
		cmocka_unit_test(test_tlsrpt_mailbox_is_one_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
