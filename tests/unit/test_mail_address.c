#include "tests/unit/cmocka_all.h"

#include "engine/base/prng.h"
#include "engine/mail/address.h"
#include "engine/mail/domain.h"

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"
#define LOCAL_64 LABEL_63 "x"

static void test_mail_address_takes_mailboxes(void **)
{
	const char *valid[] = {
		"ann@example.com",
		"a@b",
		"Ann.O'Neil+news@sub.Example.COM",
		"!#$%&'*+-/=?^_`{|}~@example.com",
		"\"ann b\"@example.com",
		"\"\"@example.com",
		"\"a@b\"@example.com",
		"\"a\\\"b\\\\\"@example.com",
		"j\xC3\xB6rg@example.com",
		"ann@b\xC3\xBC"
		"cher.example",
		"\xE7\x94\xA8\xE6\x88\xB7@example.com",
		"ann@xn--bcher-kva.example",
		"ann@1and1.example",
		"ann@a--b.example",
		LOCAL_64 "@example.com",
		"a@" LABEL_63 ".com",
	};
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		struct address a;
		if (address_parse(str_of(valid[i]), &a) != ADDRESS_OK)
			fail_msg("refused: %s", valid[i]);
		assert_int_equal(a.local.size + 1 + a.domain.size, strlen(valid[i]));
	}
}

static void test_mail_address_says_what_is_wrong(void **)
{
	const struct {
		const char *text;
		enum address_fault fault;
	} rows[] = {
		{"", ADDRESS_EMPTY},
		{"ann", ADDRESS_NO_AT},
		{"\"ann\"", ADDRESS_NO_AT},
		{"@example.com", ADDRESS_LOCAL_EMPTY},
		{"ann@", ADDRESS_DOMAIN_SYNTAX},
		{".ann@example.com", ADDRESS_LOCAL_SYNTAX},
		{"ann.@example.com", ADDRESS_LOCAL_SYNTAX},
		{"a..b@example.com", ADDRESS_LOCAL_SYNTAX},
		{"a b@example.com", ADDRESS_LOCAL_SYNTAX},
		{"a<b@example.com", ADDRESS_LOCAL_SYNTAX},
		{"a\"b@example.com", ADDRESS_LOCAL_SYNTAX},
		{"\"ann@example.com", ADDRESS_LOCAL_SYNTAX},
		{"\"a\"b@example.com", ADDRESS_LOCAL_SYNTAX},
		{"\"a\r\nb\"@example.com", ADDRESS_LOCAL_SYNTAX},
		{"\"a\\\nb\"@example.com", ADDRESS_LOCAL_SYNTAX},
		{"a\x7f@example.com", ADDRESS_LOCAL_SYNTAX},
		{"a\r\nRCPT TO:<x@y>@example.com", ADDRESS_LOCAL_SYNTAX},
		{LOCAL_64 "y@example.com", ADDRESS_LOCAL_TOO_LONG},
		{"ann@a@b", ADDRESS_DOMAIN_SYNTAX},
		{"ann@-a.com", ADDRESS_DOMAIN_SYNTAX},
		{"ann@a-.com", ADDRESS_DOMAIN_SYNTAX},
		{"ann@a..com", ADDRESS_DOMAIN_SYNTAX},
		{"ann@.com", ADDRESS_DOMAIN_SYNTAX},
		{"ann@example.com.", ADDRESS_DOMAIN_SYNTAX},
		{"ann@exa_mple.com", ADDRESS_DOMAIN_SYNTAX},
		{"ann@exa mple.com", ADDRESS_DOMAIN_SYNTAX},
		{"ann@192.0.2.1", ADDRESS_DOMAIN_SYNTAX},
		{"ann@" LABEL_63 "1.com", ADDRESS_DOMAIN_SYNTAX},
		{"ann@[192.0.2.1]", ADDRESS_DOMAIN_LITERAL},
		{"ann@[IPv6:2001:db8::1]", ADDRESS_DOMAIN_LITERAL},
		{"ann@[]", ADDRESS_DOMAIN_SYNTAX},
		{"ann@[192.0.2.1", ADDRESS_DOMAIN_SYNTAX},
		{"ann@[192.0.2.1> SIZE=1]", ADDRESS_DOMAIN_SYNTAX},
		{"ann\xE9@example.com", ADDRESS_NOT_UTF8},
		{"ann@b\xFC"
		 "cher.example",
		 ADDRESS_NOT_UTF8},
		{"ann@\xE2\x80\xAE.example",
		 ADDRESS_DOMAIN_SYNTAX}, /* right-to-left override */
		{"a@" LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, ADDRESS_TOO_LONG},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address a = {.local = STR("untouched")};
		enum address_fault fault = address_parse(str_of(rows[i].text), &a);
		if (fault != rows[i].fault)
			fail_msg("%s: %s", rows[i].text, address_fault_texts[fault]);
		assert_int_equal(a.local.size, 9);
	}
}

static void test_mail_address_takes_254_bytes(void **)
{
	char text[300];
	memset(text, 'a', sizeof(text));
	text[62] = '@';
	for (size_t at = 62 + 50; at < 254; at += 50)
		text[at] = '.';
	struct address a;
	assert_int_equal(address_parse(str_make(text, 254), &a), ADDRESS_OK);
	assert_int_equal(address_parse(str_make(text, 255), &a), ADDRESS_TOO_LONG);
}

/* NUL is a byte like any other: refused, never an end. */
static void test_mail_address_refuses_nul(void **)
{
	struct address a;
	assert_int_equal(address_parse(STR("a\0b@example.com"), &a), ADDRESS_LOCAL_SYNTAX);
	assert_int_equal(address_parse(STR("ann@exa\0mple.com"), &a), ADDRESS_DOMAIN_SYNTAX);
	assert_int_equal(address_parse(STR("ann@b\xC3\xBC\0.example"), &a),
			 ADDRESS_DOMAIN_SYNTAX);
}

static void test_mail_address_knows_utf8(void **)
{
	struct address a;
	assert_int_equal(address_parse(STR("ann@example.com"), &a), ADDRESS_OK);
	assert_false(a.is_utf8 || a.is_idn || a.is_quoted);
	assert_int_equal(address_parse(STR("j\xC3\xB6rg@example.com"), &a), ADDRESS_OK);
	assert_true(a.is_utf8 && !a.is_idn);
	assert_int_equal(address_parse(STR("ann@b\xC3\xBC"
					   "cher.example"),
				       &a),
			 ADDRESS_OK);
	assert_true(!a.is_utf8 && a.is_idn);
}

static void expect_forms(const char *text, const char *wire, const char *key)
{
	struct address a;
	char memory[2][ADDRESS_LIMIT + 64];
	struct buf out[2];
	for (size_t i = 0; i < 2; i++)
		buf_init_fixed(&out[i], memory[i], sizeof(memory[i]));
	assert_int_equal(address_parse_any(str_of(text), &a), ADDRESS_OK);
	assert_true(address_wire(&out[0], &a));
	assert_true(address_key(&out[1], &a));
	if (!str_eq(buf_str(&out[0]), str_of(wire)))
		fail_msg("%s: wire form is %.*s", text, STR_FORMAT(buf_str(&out[0])));
	if (!str_eq(buf_str(&out[1]), str_of(key)))
		fail_msg("%s: key is %.*s", text, STR_FORMAT(buf_str(&out[1])));
}

static void test_mail_address_has_two_forms(void **)
{
	expect_forms("Ann@Example.COM", "Ann@example.com", "ann@example.com");
	expect_forms("ann@B\xC3\xBC"
		     "cher.Example",
		     "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example");
	expect_forms("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example",
		     "ann@xn--bcher-kva.example");
	expect_forms("\"Ann\"@example.com", "\"Ann\"@example.com", "ann@example.com");
	expect_forms("\"A\\nn\"@example.com", "\"A\\nn\"@example.com", "ann@example.com");
	expect_forms("\"A b\"@example.com", "\"A b\"@example.com", "\"a b\"@example.com");
	expect_forms("\"a\\\"b\\\\\"@example.com", "\"a\\\"b\\\\\"@example.com",
		     "\"a\\\"b\\\\\"@example.com");
	expect_forms("ann@stra\xC3\x9F"
		     "e.example",
		     "ann@xn--strae-oqa.example", "ann@xn--strae-oqa.example");
	expect_forms("Ann@[IPv6:2001:DB8::1]", "Ann@[ipv6:2001:db8::1]",
		     "ann@[ipv6:2001:db8::1]");
}

static void test_mail_address_fails_on_a_full_buffer(void **)
{
	struct address a;
	char memory[8];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory));
	assert_int_equal(address_parse(STR("ann@example.com"), &a), ADDRESS_OK);
	assert_false(address_wire(&out, &a));
}

/* A key is an address, and its own key. */
static void test_mail_address_key_is_stable(void **)
{
	const char alphabet[] = "aB.@\"\\ +\xC3\xBC-1<";
	struct prng chance;
	prng_init(&chance, 7);
	size_t taken = 0;
	for (int round = 0; round < 200000; round++) {
		char text[16], first[400], second[400];
		size_t size = prng_below(&chance, sizeof(text));
		for (size_t i = 0; i < size; i++)
			text[i] = alphabet[prng_below(&chance, sizeof(alphabet) - 1)];
		struct address a, b;
		if (address_parse(str_make(text, size), &a) != ADDRESS_OK)
			continue;
		taken++;
		struct buf one, two;
		buf_init_fixed(&one, first, sizeof(first));
		buf_init_fixed(&two, second, sizeof(second));
		assert_true(address_key(&one, &a));
		assert_int_equal(address_parse(buf_str(&one), &b), ADDRESS_OK);
		assert_true(address_key(&two, &b));
		assert_true(str_eq(buf_str(&one), buf_str(&two)));
	}
	assert_in_range(taken, 100, 200000);
}

static void test_mail_domain_limits(void **)
{
	assert_true(domain_is_valid(STR("mx.example.com")));
	assert_true(domain_is_valid(STR("localhost")));
	assert_true(domain_is_valid(STR("3com.example")));
	assert_false(domain_is_valid(STR("")));
	assert_false(domain_is_valid(STR(".")));
	assert_false(domain_is_valid(STR("example.com.")));
	assert_false(domain_is_valid(STR("1.2.3.4")));
	char name[260];
	memset(name, 'a', sizeof(name));
	for (size_t at = 50; at < sizeof(name); at += 50)
		name[at] = '.';
	assert_true(domain_is_valid(str_make(name, 253)));
	assert_false(domain_is_valid(str_make(name, 254)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_address_takes_mailboxes),
		cmocka_unit_test(test_mail_address_says_what_is_wrong),
		cmocka_unit_test(test_mail_address_takes_254_bytes),
		cmocka_unit_test(test_mail_address_refuses_nul),
		cmocka_unit_test(test_mail_address_knows_utf8),
		cmocka_unit_test(test_mail_address_has_two_forms),
		cmocka_unit_test(test_mail_address_fails_on_a_full_buffer),
		cmocka_unit_test(test_mail_address_key_is_stable),
		cmocka_unit_test(test_mail_domain_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
