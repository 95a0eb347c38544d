/* DNSSEC and DANE against a real chain: a zone signed with a key of its own (nsd), a resolver
 * that validates it (Debian's unbound), our resolver and router behind it. Without unbound the
 * tests are reported as skipped. */
#include "tests/unit/io_world.h"

#include "engine/net/route.h"

#define DIRECTORY "build/debug/test_net_dane"
#define DIGEST "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e16"

/* What is said of names with "bogus" in them is falsified after signing, see unbound.sh. */
static const char signed_zone[] =
	"$ORIGIN signed.test.\n$TTL 300\n"
	"@ SOA ns.signed.test. root.signed.test. 1 3600 600 86400 77\n@ NS ns.signed.test.\n"
	"ns.signed.test. A 127.0.0.1\n"
	"@ MX 10 mx.signed.test.\nmx.signed.test. A 192.0.2.1\n"
	"_25._tcp.mx.signed.test. TLSA 3 1 1 " DIGEST "\n"
	"plain.signed.test. MX 10 mx2.signed.test.\nmx2.signed.test. A 192.0.2.2\n"
	"pkix.signed.test. MX 10 mx3.signed.test.\nmx3.signed.test. A 192.0.2.3\n"
	"_25._tcp.mx3.signed.test. TLSA 1 1 1 " DIGEST "\n"
	"forged.signed.test. MX 10 mxbogus.signed.test.\nmxbogus.signed.test. A 192.0.2.4\n"
	"_25._tcp.mxbogus.signed.test. TLSA 3 1 1 " DIGEST "\n"
	"both.signed.test. MX 10 mxbogus.signed.test.\nboth.signed.test. MX 20 "
	"mx.signed.test.\n"
	"abogus.signed.test. A 192.0.2.66\n"
	"away.signed.test. MX 10 mx.plain.test.\n";
static const char plain_zone[] =
	"$ORIGIN .\n$TTL 300\n"
	"@ SOA ns.test. root.test. 1 3600 600 86400 77\n@ NS ns.test.\nns.test. A 127.0.0.1\n"
	"plain.test. MX 10 mx.plain.test.\nmx.plain.test. A 192.0.2.9\n"
	"_25._tcp.mx.plain.test. TLSA 3 1 1 " DIGEST "\n"
	"toward.test. MX 10 mx.signed.test.\n";

static uint16_t port; /* of unbound; 0: there is none */

#define NEEDS_UNBOUND()                                                                        \
	do {                                                                                   \
		if (!port)                                                                     \
			skip();                                                                \
	} while (0)

static struct resolver *open_resolver(bool trust_ad)
{
	const struct resolver_config config = {
		.server = STR("127.0.0.1"), .port = port, .trust_ad = trust_ad};
	struct resolver *r;
	assert_int_equal(resolver_create(&r, world_loop, &config), 0);
	return r;
}

struct asked {
	struct dns_question question; /* first member */
	struct dns_answer answer;
	struct tlsa tlsa;
	int done;
};

static void on_answer(struct dns_question *q, const struct dns_answer *answer)
{
	struct asked *a = (struct asked *)q;
	a->answer = *answer;
	if (answer->tlsa && answer->count > 0)
		a->tlsa = answer->tlsa[0];
	a->done = 1;
}

static struct asked ask(struct resolver *r,
			void (*resolve)(struct resolver *, struct dns_question *, str),
			const char *name)
{
	struct asked a = {.question.on_answer = on_answer};
	resolve(r, &a.question, str_of(name));
	world_run_until(&a.done, 1);
	return a;
}

static void test_dane_secure_records_are_found_and_stay_secure_in_the_cache(void **)
{
	NEEDS_UNBOUND();
	struct resolver *r = open_resolver(true);
	for (int i = 0; i < 2; i++) {
		struct asked a = ask(r, resolve_tlsa, "_25._tcp.mx.signed.test");
		assert_int_equal(a.answer.status, DNS_OK);
		assert_int_equal(a.answer.count, 1);
		assert_true(a.answer.secure);
		assert_int_equal(a.tlsa.usage, 3);
		assert_int_equal(a.tlsa.data[31], 0x16);
		assert_true(ask(r, resolve_mx, "signed.test").answer.secure);
		assert_true(ask(r, resolve_address, "mx.signed.test").answer.secure);
		a = ask(r, resolve_tlsa, "_25._tcp.mx2.signed.test");
		assert_int_equal(a.answer.status, DNS_NO_NAME); /* denied, and that is proven */
		assert_true(a.answer.secure);
	}
	resolver_destroy(r);
}

static void test_dane_forged_answers_are_failures(void **)
{
	NEEDS_UNBOUND();
	struct resolver *r = open_resolver(true);
	struct asked a = ask(r, resolve_tlsa, "_25._tcp.mxbogus.signed.test");
	assert_int_equal(a.answer.status, DNS_TEMPORARY);
	assert_false(a.answer.secure);
	assert_non_null(strstr(a.answer.why, "SERVFAIL"));
	a = ask(r, resolve_address, "abogus.signed.test");
	assert_int_equal(a.answer.status, DNS_TEMPORARY);
	resolver_destroy(r);
}

static void test_dane_unsigned_answers_and_untrusted_resolvers_are_not_secure(void **)
{
	NEEDS_UNBOUND();
	struct resolver *r = open_resolver(true);
	struct asked a = ask(r, resolve_tlsa, "_25._tcp.mx.plain.test");
	assert_int_equal(a.answer.status, DNS_OK);
	assert_false(a.answer.secure);
	resolver_destroy(r);
	r = open_resolver(false);
	a = ask(r, resolve_tlsa, "_25._tcp.mx.signed.test");
	assert_int_equal(a.answer.status, DNS_OK);
	assert_false(a.answer.secure);
	assert_false(ask(r, resolve_mx, "signed.test").answer.secure);
	resolver_destroy(r);
}

struct routed {
	struct route_question question; /* first member */
	int done;
};

static void on_route(struct route_question *q)
{
	((struct routed *)q)->done = 1;
}

static struct routed route_to(bool trust_ad, const char *domain)
{
	struct resolver *resolver = open_resolver(trust_ad);
	struct router *router;
	struct routed q = {.question.on_route = on_route};
	const struct router_config config = {.tls = TLS_WISH_DANE};
	assert_int_equal(router_create(&router, resolver, &config), 0);
	route_ask(router, &q.question, str_of(domain), NULL, 0);
	world_run_until(&q.done, 1);
	router_destroy(router);
	resolver_destroy(resolver);
	return q;
}

static void check_need(const char *domain, bool trust_ad, enum tls_need_kind kind)
{
	struct routed q = route_to(trust_ad, domain);
	if (q.question.cause != CAUSE_NONE)
		fail_msg("%s: %s", domain, q.question.why);
	if (q.question.route.hosts[0].tls.kind != kind)
		fail_msg("%s: need %d", domain, q.question.route.hosts[0].tls.kind);
}

static void test_dane_needs_of_routes(void **)
{
	NEEDS_UNBOUND();
	check_need("signed.test", true, TLS_NEED_DANE);
	check_need("signed.test", false, TLS_NEED_MAY);
	check_need("plain.signed.test", true, TLS_NEED_MAY);
	check_need("pkix.signed.test", true, TLS_NEED_ENCRYPT);
	check_need("plain.test", true, TLS_NEED_MAY);
	check_need("away.signed.test", true, TLS_NEED_MAY);
	check_need("toward.test", true, TLS_NEED_MAY); /* an insecure MX */
}

static void test_dane_a_forged_record_rules_its_host_out(void **)
{
	NEEDS_UNBOUND();
	struct routed q = route_to(true, "forged.signed.test");
	assert_int_equal(q.question.cause, CAUSE_DNS_TEMPORARY);
	assert_non_null(strstr(q.question.why, "TLSA records of mxbogus.signed.test"));
	assert_int_equal(q.question.route.policy_fault, TLS_FAULT_DNSSEC_INVALID);
	q = route_to(true, "both.signed.test");
	assert_int_equal(q.question.cause, CAUSE_NONE);
	assert_int_equal(q.question.route.host_count, 1);
	assert_string_equal(q.question.route.hosts[0].name, "mx.signed.test");
	assert_int_equal(q.question.route.hosts[0].tls.kind, TLS_NEED_DANE);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int open_all(void **state)
{
	char command[300];
	unsigned ports[3];
	int probes[3];
	if (system("mkdir -p " DIRECTORY) != 0)
		return -1;
	write_file(DIRECTORY "/signed.txt", signed_zone);
	write_file(DIRECTORY "/plain.txt", plain_zone);
	for (int i = 0; i < 3; i++) {
		struct net_address at;
		probes[i] = world_listen(&at);
		ports[i] = ntohs(at.in4.sin_port);
	}
	for (int i = 0; i < 3; i++)
		close(probes[i]);
	snprintf(command, sizeof command,
		 "tests/live/unbound.sh start %s/signed.txt %s/plain.txt %u %u %u %s/unbound",
		 DIRECTORY, DIRECTORY, ports[0], ports[1], ports[2], DIRECTORY);
	if (system(command) == 0)
		port = (uint16_t)ports[0];
	else
		print_message("unbound is not available: its tests are skipped\n");
	return world_open(state);
}

static int close_all(void **state)
{
	int result = system("tests/live/unbound.sh stop " DIRECTORY "/unbound");
	return world_close(state) || result;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_dane_secure_records_are_found_and_stay_secure_in_the_cache),
		cmocka_unit_test(test_dane_forged_answers_are_failures),
		cmocka_unit_test(
			test_dane_unsigned_answers_and_untrusted_resolvers_are_not_secure),
		cmocka_unit_test(test_dane_needs_of_routes),
		cmocka_unit_test(test_dane_a_forged_record_rules_its_host_out),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
