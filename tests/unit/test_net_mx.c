/* The rules for MX records, B29 to B39 of the checklist, one test a rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/net/mx.h"

static struct prng prng;
static struct route route;

static struct dns_answer answer_with(const struct dns_mx *mx, size_t count)
{
	return (struct dns_answer){.status = DNS_OK, .count = count, .mx = mx};
}

#define ORDER(...)                                                                             \
	({                                                                                     \
		const struct dns_mx list[] = {__VA_ARGS__};                                    \
		struct dns_answer a = answer_with(list, sizeof list / sizeof list[0]);         \
		mx_order(&a, STR("example.com"), &prng, &route);                               \
	})

static struct net_address address(const char *text)
{
	struct net_address a;
	assert_true(net_address_parse(str_of(text), 0, &a));
	return a;
}

static void test_mx_sorts_by_preference(void **)
{
	assert_int_equal(ORDER({30, "c.example"}, {10, "a.example"}, {20, "b.example"}),
			 CAUSE_NONE);
	assert_int_equal(route.host_count, 3);
	assert_string_equal(route.hosts[0].name, "a.example");
	assert_string_equal(route.hosts[1].name, "b.example");
	assert_string_equal(route.hosts[2].name, "c.example");
}

static void test_mx_shuffles_equal_preferences(void **)
{
	int first[3] = {};
	for (int i = 0; i < 300; i++) {
		assert_int_equal(ORDER({10, "a.example"}, {10, "b.example"}, {10, "c.example"},
				       {20, "d.example"}),
				 CAUSE_NONE);
		first[route.hosts[0].name[0] - 'a']++;
		assert_string_equal(route.hosts[3].name, "d.example");
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(first[i], 60, 140);
}

static void test_mx_takes_a_repeated_host_once(void **)
{
	assert_int_equal(ORDER({20, "a.example"}, {10, "b.example"}, {5, "a.example"}),
			 CAUSE_NONE);
	assert_int_equal(route.host_count, 2);
	assert_string_equal(route.hosts[0].name, "a.example");
	assert_int_equal(route.hosts[0].preference, 5);
}

static void test_mx_null_alone_is_final(void **)
{
	assert_int_equal(ORDER({0, ""}), CAUSE_NULL_MX);
}

static void test_mx_null_beside_others_is_ignored(void **)
{
	assert_int_equal(ORDER({0, ""}, {10, "a.example"}), CAUSE_NONE);
	assert_int_equal(route.host_count, 1);
	assert_string_equal(route.hosts[0].name, "a.example");
}

static void test_mx_refuses_address_targets(void **)
{
	assert_int_equal(ORDER({10, "192.0.2.1"}, {20, "a.example"}), CAUSE_NONE);
	assert_int_equal(route.host_count, 1);
	assert_int_equal(ORDER({10, "192.0.2.1"}), CAUSE_DNS_NO_HOST);
	assert_int_equal(ORDER({10, "?"}), CAUSE_DNS_NO_HOST);
	assert_int_equal(ORDER({10, "?"}, {10, ""}), CAUSE_DNS_NO_HOST);
}

static void test_mx_without_records_is_the_domain_itself(void **)
{
	struct dns_answer a = {.status = DNS_NO_DATA};
	assert_int_equal(mx_order(&a, STR("example.com"), &prng, &route), CAUSE_NONE);
	assert_int_equal(route.host_count, 1);
	assert_string_equal(route.hosts[0].name, "example.com");
	assert_int_equal(route.hosts[0].preference, 0);
	assert_string_equal(route.site, "example.com");
}

static void test_mx_missing_domain_is_final_and_failure_is_not(void **)
{
	struct dns_answer a = {.status = DNS_NO_NAME};
	assert_int_equal(mx_order(&a, STR("example.com"), &prng, &route), CAUSE_DNS_NO_DOMAIN);
	a.status = DNS_TEMPORARY;
	assert_int_equal(mx_order(&a, STR("example.com"), &prng, &route), CAUSE_DNS_TEMPORARY);
}

static void test_mx_keeps_the_best_hosts_of_many(void **)
{
	struct dns_mx many[DNS_MX_LIMIT];
	for (size_t i = 0; i < DNS_MX_LIMIT; i++) {
		many[i].preference = (uint16_t)(1000 - i);
		snprintf(many[i].host, sizeof many[i].host, "mx%zu.example", i);
	}
	struct dns_answer a = answer_with(many, DNS_MX_LIMIT);
	assert_int_equal(mx_order(&a, STR("example.com"), &prng, &route), CAUSE_NONE);
	assert_int_equal(route.host_count, ROUTE_HOST_LIMIT);
	assert_string_equal(route.hosts[0].name, "mx31.example");
}

static void test_mx_site_is_the_set_of_hosts(void **)
{
	char site[sizeof route.site];
	assert_int_equal(ORDER({10, "b.example"}, {20, "a.example"}), CAUSE_NONE);
	assert_string_equal(route.site, "a.example,b.example");
	assert_int_equal(ORDER({5, "a.example"}, {5, "b.example"}), CAUSE_NONE);
	assert_string_equal(route.site, "a.example,b.example");
	assert_int_equal(ORDER({1, "aspmx.l.provider.example"},
			       {5, "alt1.aspmx.l.provider.example"},
			       {5, "alt2.aspmx.l.provider.example"},
			       {10, "alt3.aspmx.l.provider.example"},
			       {10, "alt4.aspmx.l.provider.example"}),
			 CAUSE_NONE);
	memcpy(site, route.site, sizeof site);
	assert_memory_equal(site, "alt1.aspmx.l.provider.example+4#", 32);
	assert_int_equal(ORDER({9, "alt4.aspmx.l.provider.example"},
			       {5, "alt1.aspmx.l.provider.example"},
			       {5, "alt2.aspmx.l.provider.example"},
			       {1, "alt3.aspmx.l.provider.example"},
			       {2, "aspmx.l.provider.example"}),
			 CAUSE_NONE);
	assert_string_equal(site, route.site);
	assert_int_equal(ORDER({9, "alt4.aspmx.l.provider.example"},
			       {5, "alt1.aspmx.l.provider.example"},
			       {5, "alt2.aspmx.l.provider.example"},
			       {1, "alt3.aspmx.l.provider.example"},
			       {2, "aspmy.l.provider.example"}),
			 CAUSE_NONE);
	assert_string_not_equal(site, route.site);
}

static void give(size_t host, struct net_address a)
{
	struct route_host *h = &route.hosts[host];
	h->addresses[h->address_count++] = a;
}

static void test_mx_settle_drops_hosts_without_address(void **)
{
	assert_int_equal(ORDER({10, "a.example"}, {20, "b.example"}, {30, "c.example"}),
			 CAUSE_NONE);
	give(1, address("192.0.2.2"));
	give(2, address("192.0.2.3"));
	assert_int_equal(mx_settle(&route, true, false), CAUSE_NONE);
	assert_int_equal(route.host_count, 2);
	assert_string_equal(route.hosts[0].name, "b.example");
	assert_string_equal(route.hosts[1].name, "c.example");
}

static void test_mx_without_any_address_never_falls_back(void **)
{
	assert_int_equal(ORDER({10, "a.example"}), CAUSE_NONE);
	assert_int_equal(mx_settle(&route, false, false), CAUSE_DNS_NO_HOST);
	assert_int_equal(route.host_count, 0);
	assert_int_equal(ORDER({10, "a.example"}), CAUSE_NONE);
	assert_int_equal(mx_settle(&route, true, false), CAUSE_DNS_TEMPORARY);
}

static void test_mx_loopback_is_refused_unless_allowed(void **)
{
	assert_int_equal(ORDER({10, "a.example"}, {20, "b.example"}), CAUSE_NONE);
	give(0, address("127.0.0.1"));
	give(0, address("192.0.2.1"));
	give(1, address("::1"));
	assert_int_equal(mx_settle(&route, false, false), CAUSE_NONE);
	assert_int_equal(route.host_count, 1);
	assert_int_equal(route.hosts[0].address_count, 1);
	assert_false(net_address_is_loopback(&route.hosts[0].addresses[0]));
	assert_int_equal(ORDER({10, "a.example"}), CAUSE_NONE);
	give(0, address("127.0.0.1"));
	assert_int_equal(mx_settle(&route, false, false), CAUSE_MX_LOOPS);
	assert_int_equal(ORDER({10, "a.example"}), CAUSE_NONE);
	give(0, address("127.0.0.1"));
	assert_int_equal(mx_settle(&route, false, true), CAUSE_NONE);
}

static void test_mx_takes_both_families_in_order(void **)
{
	struct net_address six[] = {address("192.0.2.1"),  address("192.0.2.2"),
				    address("192.0.2.3"),  address("192.0.2.4"),
				    address("192.0.2.5"),  address("2001:db8::1"),
				    address("2001:db8::2")};
	struct dns_answer a = {.status = DNS_OK, .count = 7, .addresses = six};
	struct route_host h = {};
	mx_take_addresses(&h, &a, IP_BOTH);
	assert_int_equal(h.address_count, ROUTE_ADDRESS_LIMIT);
	assert_memory_equal(&h.addresses[0], &six[0], sizeof six[0]);
	assert_memory_equal(&h.addresses[2], &six[2], sizeof six[0]);
	assert_memory_equal(&h.addresses[3], &six[5], sizeof six[0]);
	a.count = 5;
	mx_take_addresses(&h, &a, IP_BOTH);
	assert_int_equal(h.address_count, ROUTE_ADDRESS_LIMIT);
	assert_memory_equal(&h.addresses[3], &six[3], sizeof six[0]);
	a.status = DNS_NO_DATA;
	mx_take_addresses(&h, &a, IP_BOTH);
	assert_int_equal(h.address_count, 0);
}

/* "4a 4b 6a": the addresses in the order they are to be tried. */
static void check_families(enum ip_family_policy policy, const char *fours, const char *sixes,
			   const char *wanted)
{
	struct net_address list[12];
	struct dns_answer a = {.status = DNS_OK, .addresses = list};
	struct route_host h = {};
	char got[40] = "", text[46];
	for (const char *c = fours; *c; c++) {
		snprintf(text, sizeof text, "192.0.2.%d", *c - 'a');
		list[a.count++] = address(text);
	}
	for (const char *c = sixes; *c; c++) {
		snprintf(text, sizeof text, "2001:db8::%d", *c - 'a');
		list[a.count++] = address(text);
	}
	mx_take_addresses(&h, &a, policy);
	for (size_t i = 0; i < h.address_count; i++) {
		bool six = h.addresses[i].sa.sa_family == AF_INET6;
		int last = six ? h.addresses[i].in6.sin6_addr.s6_addr[15]
			       : (int)(ntohl(h.addresses[i].in4.sin_addr.s_addr) & 255);
		size_t size = strlen(got);
		snprintf(got + size, sizeof got - size, "%s%c%c", i ? " " : "", six ? '6' : '4',
			 'a' + last);
	}
	if (strcmp(got, wanted) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", ip_family_policy_names[policy], got, wanted);
}

static void test_mx_family_policies(void **)
{
	check_families(IP_BOTH, "ab", "ab", "4a 4b 6a 6b");
	check_families(IP_BOTH, "abcdef", "ab", "4a 4b 4c 6a");
	check_families(IP_BOTH, "abcdef", "", "4a 4b 4c 4d");
	check_families(IP_BOTH, "", "abcdef", "6a 6b 6c 6d");
	check_families(IP_PREFER_IPV6, "ab", "ab", "6a 6b 4a 4b");
	check_families(IP_PREFER_IPV6, "ab", "abcdef", "6a 6b 6c 4a");
	check_families(IP_PREFER_IPV6, "ab", "", "4a 4b");
	check_families(IP_PREFER_IPV4, "ab", "ab", "4a 4b 6a 6b");
	check_families(IP_PREFER_IPV4, "abcdef", "ab", "4a 4b 4c 4d");
	check_families(IP_PREFER_IPV4, "", "a", "6a");
	check_families(IP_ONLY_IPV4, "ab", "ab", "4a 4b");
	check_families(IP_ONLY_IPV4, "", "ab", "");
	check_families(IP_ONLY_IPV6, "ab", "abcdef", "6a 6b 6c 6d");
	check_families(IP_ONLY_IPV6, "ab", "", "");
}

static void test_mx_ports_are_set_in_both_families(void **)
{
	struct route_host h = {.address_count = 2,
			       .addresses = {address("192.0.2.1"), address("2001:db8::1")}};
	mx_set_port(&h, 2525);
	assert_int_equal(ntohs(h.addresses[0].in4.sin_port), 2525);
	assert_int_equal(ntohs(h.addresses[1].in6.sin6_port), 2525);
}

static int seed(void **)
{
	prng_init(&prng, 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mx_sorts_by_preference),
		cmocka_unit_test(test_mx_shuffles_equal_preferences),
		cmocka_unit_test(test_mx_takes_a_repeated_host_once),
		cmocka_unit_test(test_mx_null_alone_is_final),
		cmocka_unit_test(test_mx_null_beside_others_is_ignored),
		cmocka_unit_test(test_mx_refuses_address_targets),
		cmocka_unit_test(test_mx_without_records_is_the_domain_itself),
		cmocka_unit_test(test_mx_missing_domain_is_final_and_failure_is_not),
		cmocka_unit_test(test_mx_keeps_the_best_hosts_of_many),
		cmocka_unit_test(test_mx_site_is_the_set_of_hosts),
		cmocka_unit_test(test_mx_settle_drops_hosts_without_address),
		cmocka_unit_test(test_mx_without_any_address_never_falls_back),
		cmocka_unit_test(test_mx_loopback_is_refused_unless_allowed),
		cmocka_unit_test(test_mx_takes_both_families_in_order),
		cmocka_unit_test(test_mx_family_policies),
		cmocka_unit_test(test_mx_ports_are_set_in_both_families),
	};
	return cmocka_run_group_tests(tests, seed, NULL);
}
