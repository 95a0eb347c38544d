/* The router: which hosts, and what TLS each of them needs; static routes and relays; DANE (RFC
 * 7672) and MTA-STS (RFC 8461). DNS and HTTPS are tables here; see test_net_resolve.c and
 * test_net_dane.c for real servers. */
#include "tests/unit/route_world.h"

#include "engine/net/route.h"

#define PAGE(domain) "https://mta-sts." domain "/.well-known/mta-sts.txt"

struct routed {
	struct route_question question; /* first member */
	int count;
};

static void on_route(struct route_question *q)
{
	((struct routed *)q)->count++;
}

static struct routed routed; /* of the last ask */
static const struct route *route = &routed.question.route;

static bool verify_all; /* of the questions asked */

static void ask_on_lists(struct router_config config, const char *domain, const str *lists,
			 size_t list_count)
{
	struct router *router;
	assert_int_equal(router_create(&router, NULL, &config), 0);
	routed = (struct routed){
		.question = {.on_route = on_route, .verify_all = verify_all}};
	route_ask(router, &routed.question, str_of(domain), lists, list_count);
	assert_int_equal(routed.count, 0);
	world_pump();
	assert_int_equal(routed.count, 1);
	router_destroy(router);
}

static void ask(struct router_config config, const char *domain)
{
	ask_on_lists(config, domain, NULL, 0);
}

static void check_cause(enum local_cause cause, const char *why)
{
	if (routed.question.cause != cause || !strstr(routed.question.why, why))
		fail_msg("cause %s: %s", local_cause_names[routed.question.cause],
			 routed.question.why);
}

/* "mx1.test=dane mx2.test=may" */
static void check_hosts(const char *wanted)
{
	static const char *const kinds[] = {"none", "may", "encrypt", "pkix", "dane"};
	char memory[500] = "";
	struct buf b;
	buf_init_fixed(&b, memory, sizeof memory - 1);
	for (size_t i = 0; i < route->host_count; i++)
		buf_printf(&b, "%s%s=%s", i ? " " : "", route->hosts[i].name,
			   kinds[route->hosts[i].tls.kind]);
	assert_int_equal(routed.question.cause, CAUSE_NONE);
	assert_string_equal(memory, wanted);
}

static void check_policy(enum tls_policy_type type, const char *domain, enum tls_fault fault)
{
	assert_int_equal(route->policy, type);
	assert_string_equal(route->policy_domain, domain);
	assert_string_equal(tls_fault_names[route->policy_fault], tls_fault_names[fault]);
}

#define HOSTS                                                                                  \
	{.kind = MX, .name = "a.test", .data = "10 mx1.test"},                                 \
		{.kind = MX, .name = "a.test", .data = "20 mx2.test"},                         \
		{.kind = ADDRESS, .name = "mx1.test", .data = "192.0.2.1"},                    \
	{                                                                                      \
		.kind = ADDRESS, .name = "mx2.test", .data = "192.0.2.2"                       \
	}

static const struct world_record plain[] = {HOSTS, {}};

/* ---- wishes and DANE ---- */

static void test_route_wishes_are_needs(void **)
{
	static const char *const wanted[] = {
		[TLS_WISH_NONE] = "mx1.test=none mx2.test=none",
		[TLS_WISH_MAY] = "mx1.test=may mx2.test=may",
		[TLS_WISH_ENCRYPT] = "mx1.test=encrypt mx2.test=encrypt",
		[TLS_WISH_VERIFY] = "mx1.test=pkix mx2.test=pkix",
		[TLS_WISH_STS] = "mx1.test=may mx2.test=may",
		[TLS_WISH_DANE] = "mx1.test=may mx2.test=may",
	};
	char keys[TLS_WISH_COUNT][24];
	for (enum tls_wish wish = 0; wish < TLS_WISH_COUNT; wish++) {
		world_begin(plain, NULL);
		ask((struct router_config){.tls = wish}, "a.test");
		check_hosts(wanted[wish]);
		check_policy(TLS_POLICY_NONE, "", TLS_FAULT_NONE);
		memcpy(keys[wish], route->tls_key, sizeof keys[wish]);
		assert_int_equal(route->hosts[0].relay, ROUTE_NO_RELAY);
		assert_int_equal(route->hosts[0].weight, 1);
		assert_int_equal(ntohs(route->hosts[0].addresses[0].in4.sin_port), 25);
		assert_int_equal(world_asked[TLSA], wish == TLS_WISH_DANE ? 2 : 0);
		assert_int_equal(world_asked[TEXT], 0);
	}
	assert_string_equal(keys[TLS_WISH_MAY], "");
	assert_string_equal(keys[TLS_WISH_STS], "");
	assert_string_equal(keys[TLS_WISH_DANE], "");
	assert_int_equal(strlen(keys[TLS_WISH_NONE]), 16);
	assert_string_not_equal(keys[TLS_WISH_NONE], keys[TLS_WISH_ENCRYPT]);
	assert_string_not_equal(keys[TLS_WISH_ENCRYPT], keys[TLS_WISH_VERIFY]);
}

static void ask_dane(const struct world_record *records)
{
	world_begin(records, NULL);
	ask((struct router_config){.tls = TLS_WISH_DANE}, "a.test");
}

static void test_route_dane_takes_secure_records(void **)
{
	static const struct world_record records[] = {
		HOSTS,
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "2 0 1 bb"},
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "3 1 1 aa"},
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "3 1 1 aa"},
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "unusable"},
		{}};
	ask_dane(records);
	check_hosts("mx1.test=dane mx2.test=may");
	check_policy(TLS_POLICY_TLSA, "mx1.test", TLS_FAULT_NONE);
	const struct tls_need *need = &route->hosts[0].tls;
	assert_int_equal(need->tlsa_count, 2);
	assert_int_equal(need->tlsa[0].usage, 3);
	assert_int_equal(need->tlsa[1].usage, 2);
	assert_memory_equal(route->policy_text, "3 1 1 aaaa", 10);
	assert_non_null(strstr(route->policy_text, "aa\n2 0 1 bb"));
	assert_int_equal(strlen(route->tls_key), 16);
}

static void test_route_dane_unusable_records_still_ask_for_tls(void **)
{
	static const struct world_record records[] = {
		HOSTS, {.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "unusable"}, {}};
	ask_dane(records);
	check_hosts("mx1.test=encrypt mx2.test=may");
	check_policy(TLS_POLICY_TLSA, "mx1.test", TLS_FAULT_TLSA_INVALID);
	assert_int_equal(route->hosts[0].tls.tlsa_count, 0);
}

static void test_route_dane_needs_every_answer_to_be_secure(void **)
{
	static const struct world_record insecure_mx[] = {
		{.kind = MX, .name = "a.test", .data = "10 mx1.test", .insecure = true},
		{.kind = ADDRESS, .name = "mx1.test", .data = "192.0.2.1"},
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "3 1 1 aa"},
		{}};
	ask_dane(insecure_mx);
	check_hosts("mx1.test=may");
	assert_int_equal(world_asked[TLSA], 0);
	static const struct world_record insecure_address[] = {
		{.kind = MX, .name = "a.test", .data = "10 mx1.test"},
		{.kind = ADDRESS, .name = "mx1.test", .data = "192.0.2.1", .insecure = true},
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "3 1 1 aa"},
		{}};
	ask_dane(insecure_address);
	check_hosts("mx1.test=may");
	assert_int_equal(world_asked[TLSA], 0);
	static const struct world_record insecure_tlsa[] = {HOSTS,
							    {.kind = TLSA,
							     .name = "_25._tcp.mx1.test",
							     .data = "3 1 1 aa",
							     .insecure = true},
							    {}};
	ask_dane(insecure_tlsa);
	check_hosts("mx1.test=may mx2.test=may");
	check_policy(TLS_POLICY_NONE, "", TLS_FAULT_NONE);
}

static void test_route_dane_of_a_domain_without_mx(void **)
{
	static const struct world_record records[] = {
		{.kind = MX, .name = "a.test", .status = DNS_NO_DATA},
		{.kind = ADDRESS, .name = "a.test", .data = "192.0.2.1"},
		{.kind = TLSA, .name = "_25._tcp.a.test", .data = "3 1 2 aa"},
		{}};
	ask_dane(records);
	check_hosts("a.test=dane");
}

static void test_route_dane_a_failed_lookup_rules_the_host_out(void **)
{
	static const struct world_record one[] = {
		HOSTS,
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .status = DNS_TEMPORARY},
		{.kind = TLSA, .name = "_25._tcp.mx2.test", .data = "3 1 1 aa"},
		{}};
	ask_dane(one);
	check_hosts("mx2.test=dane");
	check_policy(TLS_POLICY_TLSA, "mx1.test", TLS_FAULT_DNSSEC_INVALID);
	static const struct world_record both[] = {
		HOSTS,
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .status = DNS_TEMPORARY},
		{.kind = TLSA, .name = "_25._tcp.mx2.test", .status = DNS_TEMPORARY},
		{}};
	ask_dane(both);
	check_cause(CAUSE_DNS_TEMPORARY, "TLSA records of mx2.test could not be looked up");
	check_policy(TLS_POLICY_TLSA, "mx1.test", TLS_FAULT_DNSSEC_INVALID);
	/* Nobody asks for TLSA records when DANE is not wished for. */
	world_begin(both, NULL);
	ask((struct router_config){.tls = TLS_WISH_STS}, "a.test");
	check_hosts("mx1.test=may mx2.test=may");
}

static void key_of(const struct world_record *records, char out[24])
{
	ask_dane(records);
	assert_int_equal(routed.question.cause, CAUSE_NONE);
	memcpy(out, route->tls_key, 24);
}

static void test_route_keys_are_equal_for_equal_needs(void **)
{
#define TWO(first, second)                                                                     \
	{                                                                                      \
		{.kind = MX, .name = "a.test", .data = first},                                 \
			{.kind = MX, .name = "a.test", .data = second},                        \
			{.kind = ADDRESS, .name = "mx1.test", .data = "192.0.2.1"},            \
			{.kind = ADDRESS, .name = "mx2.test", .data = "192.0.2.2"},            \
			{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "3 1 1 aa"},       \
			{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "3 1 1 bb"},       \
		{                                                                              \
		}                                                                              \
	}
	struct world_record one[] = TWO("10 mx1.test", "20 mx2.test");
	struct world_record other[] = TWO("20 mx2.test", "10 mx1.test");
	struct world_record turned[] = TWO("20 mx1.test", "10 mx2.test");
	char a[24], b[24], c[24], d[24];
	struct world_record swap = other[4];
	other[4] = other[5];
	other[5] = swap;
	key_of(one, a);
	key_of(other, b);
	key_of(turned, c);
	assert_string_equal(a, b);
	assert_string_equal(a, c);
	one[5].data = "3 1 1 cc";
	key_of(one, d);
	assert_string_not_equal(a, d);
#undef TWO
}

/* ---- MTA-STS ---- */

#define STS(id)                                                                                \
	{.kind = TEXT, .name = "_mta-sts.a.test", .data = "v=STSv1; id=" id},                  \
	{                                                                                      \
		.kind = ADDRESS, .name = "mta-sts.a.test", .data = "192.0.2.99"                \
	}
#define POLICY(mode, mx) "version: STSv1\nmode: " mode "\nmx: " mx "\nmax_age: 86400\n"

static void ask_sts(const struct world_record *records, enum tls_wish wish, const char *body)
{
	const struct world_page pages[] = {
		{PAGE("a.test"), body ? 0 : -1, !body, 200, "text/plain", body}, {}};
	world_begin(records, pages);
	ask((struct router_config){.tls = wish, .fetcher = (struct fetcher *)&world_now},
	    "a.test");
}

static const struct world_record with_sts[] = {HOSTS, STS("1"), {}};

static void test_route_sts_enforced(void **)
{
	ask_sts(with_sts, TLS_WISH_STS, POLICY("enforce", "*.test"));
	check_hosts("mx1.test=pkix mx2.test=pkix");
	check_policy(TLS_POLICY_STS, "a.test", TLS_FAULT_NONE);
	assert_false(route->policy_testing);
	assert_string_equal(route->policy_text, POLICY("enforce", "*.test"));
	assert_string_equal(route->site, "mx1.test,mx2.test");
	ask_sts(with_sts, TLS_WISH_STS, POLICY("enforce", "mx2.test"));
	check_hosts("mx2.test=pkix");
	assert_string_equal(route->site, "mx1.test,mx2.test"); /* shares the limits still */
	ask_sts(with_sts, TLS_WISH_STS, POLICY("enforce", "mx3.test"));
	check_cause(CAUSE_TLS_POLICY, "no mail host of a.test is named");
	check_policy(TLS_POLICY_STS, "a.test", TLS_FAULT_VALIDATION);
}

static void test_route_sts_testing_changes_nothing_but_the_report(void **)
{
	ask_sts(with_sts, TLS_WISH_STS, POLICY("testing", "mx2.test"));
	check_hosts("mx1.test=may mx2.test=may");
	check_policy(TLS_POLICY_STS, "a.test", TLS_FAULT_NONE);
	assert_true(route->policy_testing);
	assert_true(route->hosts[0].outside_policy);
	assert_false(route->hosts[1].outside_policy);
	assert_string_equal(route->tls_key, "");
	ask_sts(with_sts, TLS_WISH_STS, POLICY("none", "mx3.test"));
	check_hosts("mx1.test=may mx2.test=may");
	check_policy(TLS_POLICY_NONE, "", TLS_FAULT_NONE);
}

static void test_route_sts_a_failed_fetch_is_reported(void **)
{
	ask_sts(with_sts, TLS_WISH_STS, NULL);
	check_hosts("mx1.test=may mx2.test=may");
	check_policy(TLS_POLICY_STS, "a.test", TLS_FAULT_STS_WEBPKI);
	assert_string_equal(route->policy_text, "");
	ask_sts(with_sts, TLS_WISH_STS, "hello");
	check_policy(TLS_POLICY_STS, "a.test", TLS_FAULT_STS_INVALID);
}

/* RFC 8689 4.2.1. */
static void test_route_verify_all_raises_whatever_was_wished(void **)
{
	static const enum tls_wish wishes[] = {TLS_WISH_NONE, TLS_WISH_MAY, TLS_WISH_ENCRYPT,
					       TLS_WISH_DANE};
	static const struct world_record dane[] = {
		HOSTS,
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "3 1 1 aa"},
		{.kind = TLSA, .name = "_25._tcp.mx2.test", .data = "unusable"},
		{}};
	verify_all = true;
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
		world_begin(plain, NULL);
		ask((struct router_config){.tls = wishes[i]}, "a.test");
		check_hosts("mx1.test=pkix mx2.test=pkix");
	}
	world_begin(dane, NULL);
	ask((struct router_config){.tls = TLS_WISH_DANE}, "a.test");
	check_hosts("mx1.test=dane mx2.test=pkix");
	verify_all = false;
}

static void test_route_dane_a_fault_is_told_of_its_own_host_only(void **)
{
	static const struct world_record records[] = {
		HOSTS,
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "3 1 1 aa"},
		{.kind = TLSA, .name = "_25._tcp.mx2.test", .status = DNS_TEMPORARY},
		{}};
	ask_dane(records);
	check_hosts("mx1.test=dane");
	check_policy(TLS_POLICY_TLSA, "mx1.test", TLS_FAULT_NONE);
}

static void test_route_sts_is_asked_for_only_when_wished_for(void **)
{
	for (enum tls_wish wish = TLS_WISH_NONE; wish < TLS_WISH_STS; wish++) {
		ask_sts(with_sts, wish, POLICY("enforce", "*.test"));
		assert_int_equal(world_asked[TEXT], 0);
	}
	ask_sts(plain, TLS_WISH_STS, POLICY("enforce", "*.test"));
	check_hosts("mx1.test=may mx2.test=may");
	assert_int_equal(world_fetched, 0);
}

static void test_route_sts_long_policies_are_kept_by_whole_lines(void **)
{
	static const char body[] =
		"version: STSv1\nmode: enforce\nmax_age: 86400\n"
		"mx: mx1.test\nmx: mx2.test\n"
		"mx: 012345678901234567890123456789012345678901234567.test\n"
		"mx: 112345678901234567890123456789012345678901234567.test\n"
		"mx: 212345678901234567890123456789012345678901234567.test\n"
		"mx: 312345678901234567890123456789012345678901234567.test\n";
	ask_sts(with_sts, TLS_WISH_STS, body);
	check_hosts("mx1.test=pkix mx2.test=pkix");
	assert_non_null(strstr(route->policy_text,
			       "mx: 212345678901234567890123456789012345678901234567.test\n"));
	assert_null(strstr(route->policy_text, "mx: 3"));
	assert_int_equal(route->policy_text[strlen(route->policy_text) - 1], '\n');
}

/* RFC 8461 2: DANE wins, host by host. */
static void test_route_sts_never_overrides_dane(void **)
{
	static const struct world_record records[] = {
		HOSTS,
		STS("1"),
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "3 1 1 aa"},
		{}};
	ask_sts(records, TLS_WISH_DANE, POLICY("enforce", "mx2.test"));
	check_hosts("mx1.test=dane mx2.test=pkix");
	check_policy(TLS_POLICY_TLSA, "mx1.test", TLS_FAULT_NONE);
	ask_sts(records, TLS_WISH_DANE, POLICY("enforce", "mx3.test"));
	check_hosts("mx1.test=dane");
	ask_sts(with_sts, TLS_WISH_DANE, POLICY("enforce", "mx1.test"));
	check_hosts("mx1.test=pkix");
	/* Nothing is left for MTA-STS to say. */
	static const struct world_record all[] = {
		HOSTS,
		STS("1"),
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "3 1 1 aa"},
		{.kind = TLSA, .name = "_25._tcp.mx2.test", .data = "3 1 1 aa"},
		{}};
	ask_sts(all, TLS_WISH_DANE, POLICY("enforce", "mx3.test"));
	check_hosts("mx1.test=dane mx2.test=dane");
	assert_int_equal(world_asked[TEXT], 0);
	/* Records that cannot be used are no authentication: MTA-STS may add it. */
	static const struct world_record unusable[] = {
		HOSTS,
		STS("1"),
		{.kind = TLSA, .name = "_25._tcp.mx1.test", .data = "unusable"},
		{}};
	ask_sts(unusable, TLS_WISH_DANE, POLICY("enforce", "*.test"));
	check_hosts("mx1.test=pkix mx2.test=pkix");
}

/* ---- relays and static routes ---- */

static const struct relay relays[] = {
	{.name = STR("west"),
	 .host = STR("192.0.2.50"),
	 .port = 587,
	 .weight = 3,
	 .preference = 10,
	 .tls = TLS_WISH_VERIFY},
	{.name = STR("east"),
	 .host = STR("east.test"),
	 .weight = 1,
	 .preference = 10,
	 .tls = TLS_WISH_STS},
	{.name = STR("spare"),
	 .host = STR("spare.test"),
	 .port = 465,
	 .preference = 5,
	 .tls = TLS_WISH_DANE,
	 .implicit_tls = true},
	{.name = STR("local"), .host = STR("127.0.0.1"), .port = 24, .lmtp = true},
	{.name = STR("lost"), .host = STR("lost.test")},
};
static const uint16_t all_three[] = {0, 1, 2}, west[] = {0}, east[] = {1}, local[] = {3},
		      lost[] = {4};
static const struct world_record relay_records[] = {
	HOSTS,
	STS("1"),
	{.kind = MX, .name = "big.test", .data = "10 mx.provider.test"},
	{.kind = ADDRESS, .name = "mx.provider.test", .data = "192.0.2.7"},
	{.kind = MX, .name = "unsure.test", .status = DNS_TEMPORARY},
	{.kind = ADDRESS, .name = "east.test", .data = "192.0.2.51"},
	{.kind = ADDRESS, .name = "spare.test", .data = "192.0.2.52"},
	{},
};

static str provider_of(const void *, const struct route *r)
{
	return r->host_count == 1 && strcmp(r->hosts[0].name, "mx.provider.test") == 0
		       ? STR("provider")
		       : STR("");
}

static struct router_config with_routes(const struct static_route *routes, size_t count)
{
	return (struct router_config){.relays = relays,
				      .relay_count = sizeof relays / sizeof relays[0],
				      .static_routes = routes,
				      .static_route_count = count,
				      .tls = TLS_WISH_MAY,
				      .provider_of = provider_of};
}

static void test_route_relays_by_preference(void **)
{
	static const struct static_route routes[] = {
		{.match = ROUTE_ALL, .relays = all_three, .relay_count = 3}};
	world_begin(relay_records, NULL);
	ask(with_routes(routes, 1), "a.test");
	check_hosts("spare.test=encrypt 192.0.2.50=pkix east.test=may");
	assert_string_equal(route->site, "relay:east,spare,west");
	assert_int_equal(route->hosts[0].relay, 2);
	assert_int_equal(route->hosts[1].relay, 0);
	assert_int_equal(route->hosts[1].weight, 3);
	assert_int_equal(route->hosts[0].weight, 1);
	assert_int_equal(ntohs(route->hosts[0].addresses[0].in4.sin_port), 465);
	assert_int_equal(ntohs(route->hosts[1].addresses[0].in4.sin_port), 587);
	assert_int_equal(ntohs(route->hosts[2].addresses[0].in4.sin_port), 25);
	assert_int_equal(world_asked[MX], 0);
	assert_int_equal(world_asked[TEXT], 0);
	assert_int_equal(world_asked[TLSA], 1);
}

static void test_route_relay_under_dane(void **)
{
	static const struct static_route routes[] = {{.match = ROUTE_ALL,
						      .relays = all_three,
						      .relay_count = 3,
						      .has_tls = true,
						      .tls = TLS_WISH_DANE}};
	static const struct world_record records[] = {
		{.kind = ADDRESS, .name = "east.test", .data = "192.0.2.51"},
		{.kind = ADDRESS, .name = "spare.test", .data = "192.0.2.52"},
		{.kind = TLSA, .name = "_465._tcp.spare.test", .data = "3 1 1 aa"},
		{.kind = TLSA, .name = "_25._tcp.east.test", .data = "3 1 1 bb"},
		{}};
	world_begin(records, NULL);
	ask(with_routes(routes, 1), "a.test");
	check_hosts("spare.test=dane 192.0.2.50=may east.test=dane");
}

static void test_route_relays_that_fail_bounce_nobody(void **)
{
	static const struct static_route routes[] = {
		{.match = ROUTE_DOMAIN,
		 .name = STR("a.test"),
		 .relays = local,
		 .relay_count = 1},
		{.match = ROUTE_ALL, .relays = lost, .relay_count = 1}};
	world_begin(relay_records, NULL);
	ask(with_routes(routes, 2), "other.test");
	check_cause(CAUSE_DNS_TEMPORARY,
		    "none of the relays has an address: check \"relay:lost\"");
	ask(with_routes(routes, 2), "A.test");
	check_hosts("127.0.0.1=none"); /* loopback by our own choice */
	assert_int_equal(ntohs(route->hosts[0].addresses[0].in4.sin_port), 24);
}

static void test_route_the_narrowest_static_route_counts(void **)
{
	static const struct static_route routes[] = {
		{.match = ROUTE_ALL, .relays = lost, .relay_count = 1},
		{.match = ROUTE_LIST, .name = STR("news"), .relays = east, .relay_count = 1},
		{.match = ROUTE_LIST, .name = STR("news"), .relays = lost, .relay_count = 1},
		{.match = ROUTE_PROVIDER,
		 .name = STR("provider"),
		 .relays = west,
		 .relay_count = 1},
		{.match = ROUTE_DOMAIN,
		 .name = STR("a.test"),
		 .has_tls = true,
		 .tls = TLS_WISH_ENCRYPT}};
	static const str lists[] = {STR("offers"), STR("news")};
	struct router_config config = with_routes(routes, 5);
	world_begin(relay_records, NULL);
	ask_on_lists(config, "a.test", lists, 2);
	check_hosts("mx1.test=encrypt mx2.test=encrypt");
	ask_on_lists(config, "big.test", lists, 2);
	assert_string_equal(route->site, "relay:west");
	ask_on_lists(config, "gone.test", lists, 2); /* whatever DNS says: the relay may know */
	assert_string_equal(route->site, "relay:east");
	ask_on_lists(config, "gone.test", lists, 1);
	check_cause(CAUSE_DNS_TEMPORARY, "relay:lost");
	/* Whose it is cannot be said now: it waits. */
	ask_on_lists(config, "unsure.test", lists, 2);
	check_cause(CAUSE_DNS_TEMPORARY, "SERVFAIL");
	/* Without routes by provider nobody asks for MX. */
	world_begin(relay_records, NULL);
	ask_on_lists(with_routes(routes, 3), "unsure.test", lists, 2);
	assert_string_equal(route->site, "relay:east");
	assert_int_equal(world_asked[MX], 0);
}

static void test_route_many_relays(void **)
{
	enum { MANY = 40 };
	static struct relay many[MANY];
	static char names[MANY][16];
	static uint16_t indices[MANY];
	for (uint16_t i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof names[i], "relay-no-%u", i);
		many[i] = (struct relay){.name = str_of(names[i]),
					 .host = STR("192.0.2.1"),
					 .preference = (uint16_t)(MANY - i)};
		indices[i] = i;
	}
	const struct static_route all = {
		.match = ROUTE_ALL, .relays = indices, .relay_count = MANY};
	struct router_config config = with_routes(&all, 1);
	config.relays = many;
	config.relay_count = MANY;
	world_begin(relay_records, NULL);
	ask(config, "a.test");
	assert_int_equal(routed.question.cause, CAUSE_NONE);
	assert_int_equal(route->host_count, ROUTE_HOST_LIMIT);
	assert_memory_equal(route->site, "relay:relay-no-", 15);
	assert_true(strlen(route->site) < sizeof route->site);
}

/* ---- address literals ---- */

static void test_route_address_literals_are_off_unless_allowed(void **)
{
	static const struct {
		const char *domain, *host; /* NULL: refused even so */
	} cases[] = {
		{"[192.0.2.1]", "192.0.2.1"},
		{"[IPv6:2001:db8::1]", "2001:db8::1"},
		{"[ipv6:2001:DB8::1]", "2001:db8::1"},
		{"[2001:db8::1]", NULL},
		{"[IPv6:192.0.2.1]", NULL},
		{"[192.0.2]", NULL},
		{"[192.0.2.1", NULL},
		{"[]", NULL},
		{"[x400:a]", NULL},
	};
	struct router_config config = {.tls = TLS_WISH_DANE,
				       .fetcher = (struct fetcher *)&world_now};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		world_begin(plain, NULL);
		config.allow_address_literals = false;
		ask(config, cases[i].domain);
		check_cause(CAUSE_DNS_NO_DOMAIN, "no mail goes to an address");
		config.allow_address_literals = true;
		ask(config, cases[i].domain);
		if (!cases[i].host) {
			check_cause(CAUSE_DNS_NO_DOMAIN, "no mail goes to an address");
			continue;
		}
		assert_int_equal(routed.question.cause, CAUSE_NONE);
		assert_string_equal(route->hosts[0].name, cases[i].host);
		assert_string_equal(route->site, cases[i].host);
		assert_int_equal(route->hosts[0].tls.kind, TLS_NEED_MAY);
		assert_int_equal(route->hosts[0].address_count, 1);
		assert_int_equal(ntohs(route->hosts[0].addresses[0].in4.sin_port), 25);
		assert_int_equal(world_asked[TEXT] + world_asked[TLSA], 0);
	}
	ask(config, "[127.0.0.1]");
	check_cause(CAUSE_MX_LOOPS, "loopback");
}

static void test_route_without_an_address_of_the_family(void **)
{
	world_begin(plain, NULL);
	ask((struct router_config){.ipv6 = IP_ONLY_IPV6}, "a.test");
	check_cause(CAUSE_DNS_NO_HOST, "no mail host of a.test has an IPv6 address");
	ask((struct router_config){.ipv6 = IP_ONLY_IPV4}, "a.test");
	assert_int_equal(routed.question.cause, CAUSE_NONE);
}

/* ---- needs, pure ---- */

static void test_needs_keep_the_host_s_own_keys_first(void **)
{
	struct tlsa many[DNS_TLSA_LIMIT] = {};
	for (uint8_t i = 0; i < DNS_TLSA_LIMIT; i++) {
		many[i] = (struct tlsa){.usage = i < 12 ? 2 : 3,
					.selector = 1,
					.matching = 1,
					.size = 32,
					.data = {i}};
	}
	struct tls_need need = tls_need_of_tlsa(many, DNS_TLSA_LIMIT);
	assert_int_equal(need.kind, TLS_NEED_DANE);
	assert_int_equal(need.tlsa_count, TLSA_LIMIT);
	for (size_t i = 0; i < TLSA_LIMIT; i++) {
		assert_int_equal(need.tlsa[i].usage, i < 4 ? 3 : 2);
		assert_int_equal(need.tlsa[i].data[0], i < 4 ? 12 + i : i - 4);
	}
	need = tls_need_of_tlsa(NULL, 0);
	assert_int_equal(need.kind, TLS_NEED_ENCRYPT);
	assert_int_equal(need.tlsa_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route_wishes_are_needs),
		cmocka_unit_test(test_route_dane_takes_secure_records),
		cmocka_unit_test(test_route_dane_unusable_records_still_ask_for_tls),
		cmocka_unit_test(test_route_dane_needs_every_answer_to_be_secure),
		cmocka_unit_test(test_route_dane_of_a_domain_without_mx),
		cmocka_unit_test(test_route_dane_a_failed_lookup_rules_the_host_out),
		cmocka_unit_test(test_route_keys_are_equal_for_equal_needs),
		cmocka_unit_test(test_route_sts_enforced),
		cmocka_unit_test(test_route_sts_testing_changes_nothing_but_the_report),
		cmocka_unit_test(test_route_sts_a_failed_fetch_is_reported),
		cmocka_unit_test(test_route_verify_all_raises_whatever_was_wished),
		cmocka_unit_test(test_route_dane_a_fault_is_told_of_its_own_host_only),
		cmocka_unit_test(test_route_sts_is_asked_for_only_when_wished_for),
		cmocka_unit_test(test_route_sts_long_policies_are_kept_by_whole_lines),
		cmocka_unit_test(test_route_sts_never_overrides_dane),
		cmocka_unit_test(test_route_relays_by_preference),
		cmocka_unit_test(test_route_relay_under_dane),
		cmocka_unit_test(test_route_relays_that_fail_bounce_nobody),
		cmocka_unit_test(test_route_the_narrowest_static_route_counts),
		cmocka_unit_test(test_route_many_relays),
		cmocka_unit_test(test_route_address_literals_are_off_unless_allowed),
		cmocka_unit_test(test_route_without_an_address_of_the_family),
		cmocka_unit_test(test_needs_keep_the_host_s_own_keys_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
