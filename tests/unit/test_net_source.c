/* Sources: which address towards whom, the URL of a proxy, and whether the addresses are there.
 */
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>

#include "engine/net/source.h"

static struct net_address address_of(const char *text)
{
	struct net_address a;
	assert_true(net_address_parse(str_of(text), 25, &a));
	return a;
}

static struct source source_of(const char *ipv4, const char *ipv6)
{
	struct source s = {.name = "out1", .has_ipv4 = ipv4, .has_ipv6 = ipv6};
	if (ipv4)
		s.ipv4 = address_of(ipv4);
	if (ipv6)
		s.ipv6 = address_of(ipv6);
	return s;
}

static void test_source_address_is_of_the_peers_family(void **)
{
	struct source both = source_of("192.0.2.1", "2001:db8::1");
	struct source four = source_of("192.0.2.1", NULL), none = source_of(NULL, NULL);
	assert_ptr_equal(source_address(&both, AF_INET), &both.ipv4);
	assert_ptr_equal(source_address(&both, AF_INET6), &both.ipv6);
	assert_ptr_equal(source_address(&four, AF_INET), &four.ipv4);
	assert_null(source_address(&four, AF_INET6));
	assert_null(source_address(&none, AF_INET));
	assert_null(source_address(&none, AF_INET6));
	both.via = SOURCE_SOCKS5; /* its addresses are the proxy's */
	assert_null(source_address(&both, AF_INET));
	assert_null(source_address(&both, AF_INET6));
}

static void test_source_of_one_family_does_not_reach_the_other(void **)
{
	struct net_address four = address_of("192.0.2.25"), six = address_of("2001:db8::25");
	static const char *const ipv4[] = {NULL, "192.0.2.1", NULL, "192.0.2.1"};
	static const char *const ipv6[] = {NULL, NULL, "2001:db8::1", "2001:db8::1"};
	static const bool reaches_four[] = {true, true, false, true};
	static const bool reaches_six[] = {true, false, true, true};
	for (size_t i = 0; i < 4; i++) {
		struct source s = source_of(ipv4[i], ipv6[i]);
		for (s.via = SOURCE_DIRECT; s.via <= SOURCE_SOCKS5; s.via++) {
			assert_int_equal(source_can_reach(&s, &four), reaches_four[i]);
			assert_int_equal(source_can_reach(&s, &six), reaches_six[i]);
		}
	}
}

static void test_source_proxy_is_read(void **)
{
	static const struct {
		const char *url, *address, *user, *password;
		uint16_t port;
		enum source_via via;
	} rows[] = {
		{"socks5://127.0.0.1:1080", "127.0.0.1", "", "", 1080, SOURCE_SOCKS5},
		{"SOCKS5://[2001:db8::1]:1", "2001:db8::1", "", "", 1, SOURCE_SOCKS5},
		{"socks5://ann@192.0.2.1:65535", "192.0.2.1", "ann", "", 65535, SOURCE_SOCKS5},
		{"socks5://ann:p:w@192.0.2.1:1080", "192.0.2.1", "ann", "p:w", 1080,
		 SOURCE_SOCKS5},
		{"socks5://a%40b%3ac:%25@192.0.2.1:1080", "192.0.2.1", "a@b:c", "%", 1080,
		 SOURCE_SOCKS5},
		{"haproxy://192.0.2.1:2525", "192.0.2.1", "", "", 2525, SOURCE_PROXY_V2},
		{"haproxy://[::1]:2525", "::1", "", "", 2525, SOURCE_PROXY_V2},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct source s = {.proxy_user = "old", .proxy_password = "old"};
		char why[200] = "", text[64];
		if (source_parse_proxy(str_of(rows[i].url), &s, why, sizeof why))
			fail_msg("%s: %s", rows[i].url, why);
		net_address_format(&s.proxy, text);
		assert_string_equal(text, rows[i].address);
		assert_int_equal(ntohs(s.proxy.in4.sin_port), rows[i].port);
		assert_int_equal(s.via, rows[i].via);
		assert_string_equal(s.proxy_user, rows[i].user);
		assert_string_equal(s.proxy_password, rows[i].password);
	}
}

static void check_refused(str url, const char *wanted)
{
	struct source s = {.name = "out1"}, before = s;
	char why[200] = "";
	if (source_parse_proxy(url, &s, why, sizeof why) != -EINVAL)
		fail_msg("%.*s is taken", STR_FORMAT(url));
	assert_memory_equal(&s, &before, sizeof s);
	if (!strstr(why, wanted) || strstr(why, "secret"))
		fail_msg("%.*s: %s", STR_FORMAT(url), why);
}

static void test_source_proxy_that_is_none_is_refused(void **)
{
	static const char *const rows[][2] = {
		{"", "socks5://"},
		{"127.0.0.1:1080", "socks5://"},
		{"socks4://127.0.0.1:1080", "socks5://"},
		{"http://127.0.0.1:1080", "socks5://"},
		{"socks5://", "IP address and port"},
		{"socks5://127.0.0.1", "IP address and port"},
		{"socks5://127.0.0.1:", "IP address and port"},
		{"socks5://127.0.0.1:0", "IP address and port"},
		{"socks5://127.0.0.1:65536", "IP address and port"},
		{"socks5://127.0.0.1:1080/", "IP address and port"},
		{"socks5://proxy.example.com:1080", "IP address and port"},
		{"socks5://2001:db8::1:1080", "IP address and port"},
		{"socks5://[192.0.2.1]:1080", "IP address and port"},
		{"socks5://[:1080", "IP address and port"},
		{"socks5://]:1080", "IP address and port"},
		{"socks5://ann:secret@:1080", "IP address and port"},
		{"socks5://:secret@192.0.2.1:1080", "255 bytes"},
		{"socks5://ann:secret%@192.0.2.1:1080", "255 bytes"},
		{"socks5://ann:secret%4@192.0.2.1:1080", "255 bytes"},
		{"socks5://ann:secret%zz@192.0.2.1:1080", "255 bytes"},
		{"socks5://ann:secret%00@192.0.2.1:1080", "255 bytes"},
		{"haproxy://ann@192.0.2.1:1080", "no user"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_refused(str_of(rows[i][0]), rows[i][1]);
}

static void test_source_login_has_room_for_255_bytes(void **)
{
	char url[400], why[200];
	for (int size = 254; size <= 257; size++) {
		struct source s = {};
		int end = snprintf(url, sizeof url, "socks5://u:%0*d@192.0.2.1:1080", size, 7);
		str whole = str_make(url, (size_t)end);
		if (size > 255) {
			check_refused(whole, "255 bytes");
			continue;
		}
		assert_int_equal(source_parse_proxy(whole, &s, why, sizeof why), 0);
		assert_int_equal(strlen(s.proxy_password), size);
	}
}

static void test_source_probe_says_what_is_not_there(void **)
{
	struct source here = source_of("127.0.0.77", "::1"), bare = source_of(NULL, NULL);
	struct source gone = source_of("192.0.2.1", NULL), six = source_of(NULL, "2001:db8::1");
	char why[300] = "";
	assert_int_equal(source_probe(&here, why, sizeof why), 0);
	assert_int_equal(source_probe(&bare, why, sizeof why), 0);
	assert_string_equal(why, "");
	assert_int_equal(source_probe(&gone, why, sizeof why), -EADDRNOTAVAIL);
	assert_string_equal(why, "source \"out1\": 192.0.2.1 is not an address of this machine "
				 "(ip address add 192.0.2.1/32 dev ..., or take it out of the "
				 "configuration)");
	assert_int_equal(source_probe(&six, why, sizeof why), -EADDRNOTAVAIL);
	assert_non_null(strstr(why, "add 2001:db8::1/128"));
	gone.via = SOURCE_PROXY_V2; /* the address is the proxy's, not ours to bind */
	assert_int_equal(source_probe(&gone, why, sizeof why), 0);
}

static void test_source_pool_falls_by_weight_and_id(void **)
{
	const uint32_t sources[] = {4, 7, 9}, weights[] = {5, 1, 2};
	const struct source_pool pool = {.sources = sources, .weights = weights, .count = 3};
	const bool all[] = {true, true, true}, two[] = {false, true, true},
		   none[] = {false, false, false};
	size_t counts[3] = {}, left[3] = {};
	for (uint64_t id = 1; id <= 8000; id++) {
		counts[source_pool_pick(&pool, all, id)]++;
		left[source_pool_pick(&pool, two, id)]++;
		assert_int_equal(source_pool_pick(&pool, all, id),
				 source_pool_pick(&pool, all, id + 8));
	}
	assert_int_equal(counts[0], 5000);
	assert_int_equal(counts[1], 1000);
	assert_int_equal(counts[2], 2000);
	assert_int_equal(left[0], 0);
	assert_in_range(left[1], 2600, 2700);
	assert_int_equal(source_pool_pick(&pool, none, 1), SIZE_MAX);
	assert_int_equal(source_pool_pick(&(struct source_pool){}, none, 1), SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source_pool_falls_by_weight_and_id),
		cmocka_unit_test(test_source_address_is_of_the_peers_family),
		cmocka_unit_test(test_source_of_one_family_does_not_reach_the_other),
		cmocka_unit_test(test_source_proxy_is_read),
		cmocka_unit_test(test_source_proxy_that_is_none_is_refused),
		cmocka_unit_test(test_source_login_has_room_for_255_bytes),
		cmocka_unit_test(test_source_probe_says_what_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
