/* Reading DNS replies: the seeds of the fuzzer, whose contents are known, and each of them cut
 * at every byte and with every byte changed. */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/net/dns_message.h"

#define SEEDS "tests/fuzz/corpus/dns_message/"

static char bytes[2000], memory[4096];
static struct buf packed;
static struct dns_reply reply;

static str load(const char *name)
{
	char path[200];
	snprintf(path, sizeof path, "%s%s", SEEDS, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t size = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	return str_make(bytes, size);
}

static bool read_message(str message, enum dns_type type)
{
	buf_init_fixed(&packed, memory, sizeof memory);
	return dns_message_read(message, type, 16, &packed, &reply);
}

static void test_mx_names_are_decompressed_and_lowered(void **)
{
	struct dns_mx mx;
	assert_true(read_message(load("mx"), DNS_MX));
	assert_int_equal(reply.status, DNS_OK);
	assert_int_equal(reply.count, 2);
	assert_int_equal(reply.ttl_seconds, 60);
	assert_true(reply.secure);
	str rest = buf_str(&packed);
	assert_true(dns_packed_mx(&rest, &mx));
	assert_int_equal(mx.preference, 10);
	assert_string_equal(mx.host, "mx1.example.test");
	assert_true(dns_packed_mx(&rest, &mx));
	assert_int_equal(mx.preference, 20);
	assert_string_equal(mx.host, "mx2.other.test");
}

static void test_null_mx_is_the_root(void **)
{
	struct dns_mx mx;
	assert_true(read_message(load("null-mx"), DNS_MX));
	assert_int_equal(reply.count, 1);
	str rest = buf_str(&packed);
	assert_true(dns_packed_mx(&rest, &mx));
	assert_string_equal(mx.host, "");
}

static void test_mx_that_no_host_can_have_stays_a_record(void **)
{
	struct dns_mx mx;
	assert_true(read_message(load("bad-name"), DNS_MX));
	assert_int_equal(reply.status, DNS_OK);
	str rest = buf_str(&packed);
	assert_true(dns_packed_mx(&rest, &mx));
	assert_int_equal(mx.host[0], DNS_UNUSABLE);
}

static void test_addresses_behind_a_cname(void **)
{
	struct net_address a;
	char text[46];
	assert_true(read_message(load("a-behind-cname"), DNS_A));
	assert_int_equal(reply.count, 1);
	assert_int_equal(reply.ttl_seconds, 20);
	str rest = buf_str(&packed);
	assert_true(dns_packed_address(&rest, &a));
	net_address_format(&a, text);
	assert_string_equal(text, "192.0.2.1");
	assert_true(read_message(load("aaaa"), DNS_AAAA));
	rest = buf_str(&packed);
	assert_true(dns_packed_address(&rest, &a));
	net_address_format(&a, text);
	assert_string_equal(text, "2001:db8::1");
}

static void test_texts_are_joined(void **)
{
	str text;
	assert_true(read_message(load("txt"), DNS_TXT));
	assert_int_equal(reply.count, 2);
	str rest = buf_str(&packed);
	assert_true(dns_packed_text(&rest, &text));
	assert_true(str_eq(text, STR("v=spf1 -all")));
	assert_true(dns_packed_text(&rest, &text));
	assert_int_equal(text.size, 0);
}

static void test_tlsa_records_and_full_data_as_its_digest(void **)
{
	/* SHA-256 of "abc", FIPS 180-2 B.1 */
	static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
	struct tlsa tlsa;
	assert_true(read_message(load("tlsa"), DNS_TLSA));
	assert_int_equal(reply.count, 3);
	assert_true(reply.secure);
	str rest = buf_str(&packed);
	assert_true(dns_packed_tlsa(&rest, &tlsa));
	assert_int_equal(tlsa.usage, 3);
	assert_int_equal(tlsa.selector, 1);
	assert_int_equal(tlsa.matching, 1);
	assert_int_equal(tlsa.size, 32);
	assert_int_equal(tlsa.data[31], 31);
	assert_true(dns_packed_tlsa(&rest, &tlsa));
	assert_int_equal(tlsa.usage, 2);
	assert_int_equal(tlsa.selector, 0);
	assert_int_equal(tlsa.matching, 2);
	assert_int_equal(tlsa.size, 64);
	assert_int_equal(tlsa.data[63], 63);
	assert_true(dns_packed_tlsa(&rest, &tlsa));
	assert_int_equal(tlsa.matching, 1);
	assert_int_equal(tlsa.size, 32);
	assert_memory_equal(tlsa.data, abc, sizeof abc);
	assert_int_equal(rest.size, 0);
}

/* Usage 0, selector 2, matching 3, a digest of 31 bytes, one of 32 where 64 belong, none, and a
 * record of one byte: each stays a record, of size 0. */
static void test_tlsa_that_no_sender_can_use_stays_a_record(void **)
{
	struct tlsa tlsa;
	assert_true(read_message(load("tlsa-unusable"), DNS_TLSA));
	assert_int_equal(reply.status, DNS_OK);
	assert_int_equal(reply.count, 7);
	str rest = buf_str(&packed);
	for (size_t i = 0; i < reply.count; i++) {
		assert_true(dns_packed_tlsa(&rest, &tlsa));
		assert_int_equal(tlsa.size, 0);
	}
	assert_int_equal(rest.size, 0);
}

static void test_tlsa_packed_and_cut_anywhere_is_refused(void **)
{
	struct tlsa tlsa;
	assert_true(read_message(load("tlsa"), DNS_TLSA));
	for (size_t size = 0; size < 4 + 32; size++) {
		str rest = str_sub(buf_str(&packed), 0, size);
		assert_false(dns_packed_tlsa(&rest, &tlsa));
		assert_int_equal(rest.size, size);
	}
	str huge = str_make("\3\1\1\x41", 4);
	assert_false(dns_packed_tlsa(&huge, &tlsa));
}

static void test_denials_carry_the_soa_minimum(void **)
{
	assert_true(read_message(load("nxdomain"), DNS_MX));
	assert_int_equal(reply.status, DNS_NO_NAME);
	assert_int_equal(reply.ttl_seconds, 77);
	assert_true(read_message(load("servfail"), DNS_MX));
	assert_int_equal(reply.status, DNS_TEMPORARY);
	assert_int_equal(reply.rcode, 2);
	/* No record of that type: no data, as long as the reply's default. */
	assert_true(read_message(load("mx"), DNS_TXT));
	assert_int_equal(reply.status, DNS_NO_DATA);
	assert_int_equal(reply.ttl_seconds, DNS_NEGATIVE_DEFAULT);
}

static void test_pointers_that_go_round_are_refused(void **)
{
	assert_false(read_message(load("loop"), DNS_MX));
	assert_int_equal(packed.size, 0);
}

static const char *const seeds[] = {"mx",   "null-mx",      "a-behind-cname", "aaaa",
				    "txt",  "ptr",          "nxdomain",       "loop",
				    "tlsa", "tlsa-unusable"};
static const enum dns_type types[] = {DNS_A, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA};

/* In memory of its own: ASan sees a byte too far. */
static bool read_copy(str message, enum dns_type type)
{
	char *copy = malloc(message.size ? message.size : 1);
	memcpy(copy, message.data, message.size);
	bool good = read_message(str_make(copy, message.size), type);
	free(copy);
	return good;
}

static void test_a_message_cut_anywhere_is_refused(void **)
{
	for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
		str message = load(seeds[i]);
		for (size_t size = 0; size < message.size; size++)
			for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
				if (read_copy(str_sub(message, 0, size), types[t]))
					fail_msg("%s cut at %zu is read as type %d", seeds[i],
						 size, types[t]);
	}
}

static void test_a_message_with_any_byte_changed_is_read_within_its_bounds(void **)
{
	for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
		str message = load(seeds[i]);
		for (size_t at = 0; at < message.size; at++) {
			char before = bytes[at];
			for (int value = 0; value < 256; value += 3) {
				bytes[at] = (char)value;
				for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
					bool good = read_copy(message, types[t]);
					assert_true(good || packed.size == 0);
				}
			}
			bytes[at] = before;
		}
	}
}

static void test_more_records_than_wanted_or_than_fit_are_left_out(void **)
{
	char small[20];
	str message = load("mx");
	buf_init_fixed(&packed, memory, sizeof memory);
	assert_true(dns_message_read(message, DNS_MX, 1, &packed, &reply));
	assert_int_equal(reply.count, 1);
	buf_init_fixed(&packed, small, sizeof small);
	assert_true(dns_message_read(message, DNS_MX, 16, &packed, &reply));
	assert_int_equal(reply.count, 1);
	assert_true(buf_ok(&packed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mx_names_are_decompressed_and_lowered),
		cmocka_unit_test(test_null_mx_is_the_root),
		cmocka_unit_test(test_mx_that_no_host_can_have_stays_a_record),
		cmocka_unit_test(test_addresses_behind_a_cname),
		cmocka_unit_test(test_texts_are_joined),
		cmocka_unit_test(test_tlsa_records_and_full_data_as_its_digest),
		cmocka_unit_test(test_tlsa_that_no_sender_can_use_stays_a_record),
		cmocka_unit_test(test_tlsa_packed_and_cut_anywhere_is_refused),
		cmocka_unit_test(test_denials_carry_the_soa_minimum),
		cmocka_unit_test(test_pointers_that_go_round_are_refused),
		cmocka_unit_test(test_a_message_cut_anywhere_is_refused),
		cmocka_unit_test(
			test_a_message_with_any_byte_changed_is_read_within_its_bounds),
		cmocka_unit_test(test_more_records_than_wanted_or_than_fit_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
