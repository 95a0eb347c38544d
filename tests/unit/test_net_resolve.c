/* The resolver and the router against a real nsd (Debian's, on loopback), and against a server
 * of our own that fails in the ways real ones do. Without nsd its tests are reported as
 * skipped. */
#include "tests/unit/io_world.h"

#include "engine/net/route.h"

#include <pthread.h>
#include <stdatomic.h>
#include <netinet/in.h>

#define DIRECTORY "build/debug/test_net_resolve"

/* The records; a root zone, so that any name can stand in it. */
static const char zone[] =
	"$ORIGIN .\n$TTL 300\n"
	"@ SOA ns.test. root.test. 1 3600 600 86400 77\n@ NS ns.test.\nns.test. A 192.0.2.53\n"
	"example.test. MX 20 Mx2.Example.test.\nexample.test. MX 10 mx1.example.test.\n"
	"mx1.example.test. A 192.0.2.1\nmx1.example.test. A 192.0.2.2\n"
	"mx1.example.test. AAAA 2001:db8::1\nmx2.example.test. 120 A 192.0.2.3\n"
	"null.test. MX 0 .\n"
	"plain.test. A 192.0.2.9\n"
	"empty.test. TXT \"nothing else\"\n"
	"deadmx.test. MX 10 nowhere.test.\ndeadmx.test. A 192.0.2.10\n"
	"ipmx.test. MX 10 192.0.2.77.\n"
	"alias.test. CNAME example.test.\n"
	"aliasmx.test. MX 10 mxalias.test.\nmxalias.test. CNAME mx1.example.test.\n"
	"local.test. MX 10 loop.test.\nloop.test. A 127.0.0.1\n"
	"six.test. MX 10 six.test.\nsix.test. AAAA 2001:db8::6\n"
	"short.test. 1 MX 5 mx1.example.test.\n"
	"text.test. TXT \"v=spf1 \" \"include:x.test -all\"\ntext.test. TXT \"second\"\n"
	"_25._tcp.mx1.example.test. TLSA 3 1 1 "
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
	"_25._tcp.mx1.example.test. TLSA 2 0 0 616263\n"
	"_25._tcp.mx1.example.test. TLSA 1 1 1 "
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
	"_25._tcp.mx2.example.test. TLSA 0 0 0 616263\n"
	"1.2.0.192.in-addr.arpa. PTR mx1.example.test.\n"
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR "
	"six.test.\n";

static uint16_t nsd_port; /* 0: there is none */

struct asked {
	struct dns_question question;
	struct dns_answer answer;
	struct dns_mx mx[DNS_MX_LIMIT];
	struct net_address addresses[DNS_ADDRESS_LIMIT];
	char texts[4][300];
	struct tlsa tlsa[DNS_TLSA_LIMIT];
	size_t text_size;
	int done;
};

static void on_answer(struct dns_question *q, const struct dns_answer *answer)
{
	struct asked *a = (struct asked *)q;
	a->done++;
	a->answer = *answer;
	for (size_t i = 0; i < answer->count; i++) {
		if (answer->mx)
			a->mx[i] = answer->mx[i];
		if (answer->addresses)
			a->addresses[i] = answer->addresses[i];
		if (answer->tlsa)
			a->tlsa[i] = answer->tlsa[i];
		if (answer->texts && i < 4) {
			a->text_size = answer->texts[i].size;
			if (!str_to_cstr(answer->texts[i], a->texts[i], sizeof a->texts[i]))
				a->texts[i][0] = '\0';
		}
	}
}

static struct resolver *open_resolver(uint16_t port, struct resolver_config config)
{
	struct resolver *r;
	config.server = STR("127.0.0.1");
	config.port = port;
	assert_int_equal(resolver_create(&r, world_loop, &config), 0);
	return r;
}

static struct asked ask(struct resolver *r,
			void (*resolve)(struct resolver *, struct dns_question *, str),
			const char *name)
{
	struct asked a = {.question.on_answer = on_answer};
	resolve(r, &a.question, str_of(name));
	assert_int_equal(a.done, 0);
	world_run_until(&a.done, 1);
	return a;
}

/* --- against nsd --- */

#define NEEDS_NSD()                                                                            \
	do {                                                                                   \
		if (!nsd_port)                                                                 \
			skip();                                                                \
	} while (0)

static void test_mx_answer_with_ttl(void **)
{
	NEEDS_NSD();
	struct resolver *r = open_resolver(nsd_port, (struct resolver_config){});
	struct asked a = ask(r, resolve_mx, "Example.TEST.");
	assert_int_equal(a.answer.status, DNS_OK);
	assert_int_equal(a.answer.count, 2);
	assert_in_range(a.answer.ttl_seconds, 290, 300);
	int first = a.mx[0].preference == 10 ? 0 : 1;
	assert_string_equal(a.mx[first].host, "mx1.example.test");
	assert_string_equal(a.mx[!first].host, "mx2.example.test");
	resolver_destroy(r);
}

static void test_addresses_are_a_then_aaaa(void **)
{
	NEEDS_NSD();
	struct resolver *r = open_resolver(nsd_port, (struct resolver_config){});
	struct asked a = ask(r, resolve_address, "mx1.example.test");
	assert_int_equal(a.answer.count, 3);
	assert_int_equal(a.addresses[0].sa.sa_family, AF_INET);
	assert_int_equal(a.addresses[1].sa.sa_family, AF_INET);
	assert_int_equal(a.addresses[2].sa.sa_family, AF_INET6);
	a = ask(r, resolve_address, "six.test");
	assert_int_equal(a.answer.count, 1);
	assert_int_equal(a.addresses[0].sa.sa_family, AF_INET6);
	a = ask(r, resolve_address, "plain.test");
	assert_int_equal(a.answer.count, 1);
	resolver_destroy(r);
	r = open_resolver(nsd_port, (struct resolver_config){.no_ipv6 = true});
	a = ask(r, resolve_address, "mx1.example.test");
	assert_int_equal(a.answer.count, 2);
	a = ask(r, resolve_address, "six.test");
	assert_int_equal(a.answer.status, DNS_NO_DATA);
	resolver_destroy(r);
}

static void test_names_that_are_missing_and_records_that_are(void **)
{
	NEEDS_NSD();
	struct resolver *r = open_resolver(nsd_port, (struct resolver_config){});
	assert_int_equal(ask(r, resolve_mx, "nowhere.test").answer.status, DNS_NO_NAME);
	struct asked a = ask(r, resolve_mx, "plain.test");
	assert_int_equal(a.answer.status, DNS_NO_DATA);
	assert_in_range(a.answer.ttl_seconds, 70, 77); /* the SOA's */
	assert_int_equal(ask(r, resolve_address, "empty.test").answer.status, DNS_NO_DATA);
	resolver_destroy(r);
}

static void test_names_that_are_none_are_answered(void **)
{
	NEEDS_NSD();
	struct resolver *r = open_resolver(nsd_port, (struct resolver_config){});
	static char long_name[400];
	memset(long_name, 'a', sizeof long_name - 1);
	const char *names[] = {
		"", ".", "a..b", "has space.test", "back\\slash.test", long_name, "\xff.test"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(ask(r, resolve_mx, names[i]).answer.status, DNS_NO_NAME);
	assert_string_equal(ask(r, resolve_mx, "").answer.why, "not a domain name");
	resolver_destroy(r);
}

static void test_texts_are_joined_and_large_ones_come_by_tcp(void **)
{
	NEEDS_NSD();
	struct resolver *r = open_resolver(nsd_port, (struct resolver_config){});
	struct asked a = ask(r, resolve_text, "text.test");
	assert_int_equal(a.answer.count, 2);
	int first = strcmp(a.texts[0], "second") == 0 ? 1 : 0;
	assert_string_equal(a.texts[first], "v=spf1 include:x.test -all");
	a = ask(r, resolve_text, "big.test");
	assert_int_equal(a.answer.status, DNS_OK);
	assert_int_equal(a.text_size, 4000);
	a = ask(r, resolve_text,
		"toobig.test"); /* over 4 KiB in one record: as if it were not there */
	assert_int_equal(a.answer.status, DNS_NO_DATA);
	resolver_destroy(r);
}

static void test_tlsa_records_are_told_as_far_as_they_are_usable(void **)
{
	NEEDS_NSD();
	/* SHA-256 of "abc", FIPS 180-2 B.1 */
	static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
	struct resolver *r =
		open_resolver(nsd_port, (struct resolver_config){.trust_ad = true});
	struct asked a = ask(r, resolve_tlsa, "_25._tcp.MX1.example.test");
	assert_int_equal(a.answer.status, DNS_OK);
	assert_int_equal(a.answer.count, 2);
	assert_true(a.answer.tlsa_unusable);
	assert_false(a.answer.secure); /* nsd does not validate */
	int three = a.tlsa[0].usage == 3 ? 0 : 1;
	assert_int_equal(a.tlsa[three].selector, 1);
	assert_int_equal(a.tlsa[three].matching, 1);
	assert_int_equal(a.tlsa[three].size, 32);
	assert_int_equal(a.tlsa[three].data[31], 31);
	assert_int_equal(a.tlsa[!three].usage, 2);
	assert_int_equal(a.tlsa[!three].matching, 1); /* full data is kept as its digest */
	assert_memory_equal(a.tlsa[!three].data, abc, sizeof abc);
	a = ask(r, resolve_tlsa, "_25._tcp.mx2.example.test");
	assert_int_equal(a.answer.status, DNS_OK);
	assert_int_equal(a.answer.count, 0);
	assert_true(a.answer.tlsa_unusable);
	a = ask(r, resolve_tlsa, "mx1.example.test");
	assert_int_equal(a.answer.status, DNS_NO_DATA);
	assert_int_equal(ask(r, resolve_tlsa, "_26._tcp.mx1.example.test").answer.status,
			 DNS_NO_NAME);
	resolver_destroy(r);
}

static void test_reverse_names(void **)
{
	NEEDS_NSD();
	struct resolver *r = open_resolver(nsd_port, (struct resolver_config){});
	static const char *const pairs[][2] = {{"192.0.2.1", "mx1.example.test"},
					       {"2001:db8::1", "six.test"}};
	for (int i = 0; i < 2; i++) {
		struct net_address address;
		assert_true(net_address_parse(str_of(pairs[i][0]), 0, &address));
		struct asked a = {.question.on_answer = on_answer};
		resolve_name(r, &a.question, &address);
		world_run_until(&a.done, 1);
		assert_int_equal(a.answer.count, 1);
		assert_string_equal(a.texts[0], pairs[i][1]);
	}
	resolver_destroy(r);
}

struct routed {
	struct route_question question;
	int done;
};

static void on_route(struct route_question *q)
{
	((struct routed *)q)->done++;
}

static struct routed route_to(struct resolver *r, struct router_config config,
			      const char *domain)
{
	struct router *router;
	assert_int_equal(router_create(&router, r, &config), 0);
	struct routed q = {.question.on_route = on_route};
	route_ask(router, &q.question, str_of(domain), NULL, 0);
	assert_int_equal(q.done, 0);
	world_run_until(&q.done, 1);
	router_destroy(router);
	return q;
}

static void check_cause(const char *domain, enum local_cause cause, const char *why)
{
	struct resolver *r = open_resolver(nsd_port, (struct resolver_config){});
	struct routed q = route_to(r, (struct router_config){}, domain);
	assert_int_equal(q.question.cause, cause);
	if (cause == CAUSE_NONE)
		assert_int_equal(q.question.route.host_count, 1);
	else if (!strstr(q.question.why, why))
		fail_msg("%s: %s", domain, q.question.why);
	resolver_destroy(r);
}

static void test_route_of_a_domain_with_two_hosts(void **)
{
	NEEDS_NSD();
	struct resolver *r = open_resolver(nsd_port, (struct resolver_config){});
	struct routed q = route_to(r, (struct router_config){.port = 2525}, "example.test");
	assert_int_equal(q.question.cause, CAUSE_NONE);
	assert_int_equal(q.question.route.host_count, 2);
	assert_string_equal(q.question.route.hosts[0].name, "mx1.example.test");
	assert_int_equal(q.question.route.hosts[0].address_count, 3);
	assert_int_equal(ntohs(q.question.route.hosts[0].addresses[0].in4.sin_port), 2525);
	assert_int_equal(ntohs(q.question.route.hosts[0].addresses[2].in6.sin6_port), 2525);
	assert_string_equal(q.question.route.site, "mx1.example.test,mx2.example.test");
	assert_in_range(q.question.ttl_seconds, 60,
			120); /* the host's shorter TTL, or the SOA's */
	resolver_destroy(r);
}

static void test_route_follows_the_rules(void **)
{
	NEEDS_NSD();
	check_cause("null.test", CAUSE_NULL_MX, "null MX");
	check_cause("nowhere.test", CAUSE_DNS_NO_DOMAIN, "does not exist");
	check_cause("plain.test", CAUSE_NONE, NULL);
	check_cause("empty.test", CAUSE_DNS_NO_HOST, "no mail host");
	check_cause("deadmx.test", CAUSE_DNS_NO_HOST, "no mail host");
	check_cause("ipmx.test", CAUSE_DNS_NO_HOST, "usable");
	check_cause("aliasmx.test", CAUSE_NONE, NULL);
	check_cause("six.test", CAUSE_NONE, NULL);
	check_cause("local.test", CAUSE_MX_LOOPS, "loopback");
	check_cause("[192.0.2.1]", CAUSE_DNS_NO_DOMAIN, "in place of a domain");
}

static void test_route_follows_a_cname_of_the_domain(void **)
{
	NEEDS_NSD();
	struct resolver *r = open_resolver(nsd_port, (struct resolver_config){});
	struct routed q = route_to(r, (struct router_config){}, "alias.test");
	assert_int_equal(q.question.cause, CAUSE_NONE);
	assert_string_equal(q.question.route.hosts[0].name, "mx1.example.test");
	resolver_destroy(r);
}

static str provider_of(const void *context, const struct route *route)
{
	assert_int_equal(route->host_count, 1);
	return str_of(context);
}

static void test_route_loopback_and_static_routes(void **)
{
	NEEDS_NSD();
	struct resolver *r = open_resolver(nsd_port, (struct resolver_config){});
	static const struct relay relays[] = {
		{.name = STR("fixed"), .host = STR("127.0.0.3"), .port = 2600},
		{.name = STR("named"), .host = STR("loop.test")},
		{.name = STR("gone"), .host = STR("nowhere.test")}};
	static const uint16_t index[] = {0, 1, 2};
	static const struct static_route fixed[] = {
		{.name = STR("Fixed.test"), .relays = &index[0], .relay_count = 1},
		{.name = STR("named.test"), .relays = &index[1], .relay_count = 1},
		{.name = STR("gone.test"), .relays = &index[2], .relay_count = 1}};
	struct router_config config = {.relays = relays,
				       .relay_count = 3,
				       .static_routes = fixed,
				       .static_route_count = 3,
				       .provider_of = provider_of,
				       .provider_context = "someone"};
	struct routed q = route_to(r, config, "fixed.test");
	assert_int_equal(q.question.cause, CAUSE_NONE);
	assert_string_equal(q.question.route.site, "relay:fixed");
	assert_string_equal(q.question.route.provider, "someone");
	assert_int_equal(ntohs(q.question.route.hosts[0].addresses[0].in4.sin_port), 2600);
	q = route_to(r, config, "named.test");
	assert_int_equal(q.question.cause, CAUSE_NONE);
	assert_int_equal(ntohs(q.question.route.hosts[0].addresses[0].in4.sin_port), 25);
	q = route_to(r, config, "gone.test");
	assert_int_equal(q.question.cause,
			 CAUSE_DNS_TEMPORARY); /* our fault, nobody's bounce */
	config.allow_loopback = true;
	q = route_to(r, config, "local.test");
	assert_int_equal(q.question.cause, CAUSE_NONE);
	resolver_destroy(r);
}

/* --- against a server of our own --- */

enum misbehaviour { SILENT, RCODE, GARBAGE, COUNTING };
static struct {
	int fd;
	uint16_t port;
	pthread_t thread;
	_Atomic int questions, mode, rcode, ttl;
	_Atomic bool stop;
} server;

/* The question back, with an A record of 192.0.2.x, x counting; AAAA: no data. */
static ssize_t reply_to(uint8_t *bytes, ssize_t size)
{
	if (server.mode == GARBAGE)
		return size < 20 ? size : 20;
	/* Our questions end with an OPT record of 11 bytes. */
	size -= 11;
	bytes[2] |= 0x80;
	bytes[3] = (uint8_t)(0x80 | server.rcode);
	bytes[11] = 0;
	bool is_a = bytes[size - 3] == 1;
	bytes[7] = server.mode == COUNTING && is_a;
	if (!bytes[7])
		return size;
	uint8_t record[] = {0xc0, 12,
			    0,    1,
			    0,    1,
			    0,    0,
			    0,    (uint8_t)server.ttl,
			    0,    4,
			    192,  0,
			    2,    (uint8_t)server.questions};
	memcpy(bytes + size, record, sizeof record);
	return size + (ssize_t)sizeof record;
}

static void *serve(void *)
{
	uint8_t bytes[2000];
	struct sockaddr_in from;
	while (!server.stop) {
		socklen_t length = sizeof from;
		ssize_t size = recvfrom(server.fd, bytes, 1500, 0, (void *)&from, &length);
		if (size < 29)
			continue;
		if (bytes[size - 11 - 3] == 1 || server.mode != COUNTING)
			server.questions++;
		if (server.mode != SILENT)
			sendto(server.fd, bytes, (size_t)reply_to(bytes, size), 0,
			       (void *)&from, length);
	}
	return NULL;
}

static void start_server(enum misbehaviour mode, int rcode)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	server.fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(server.fd, (void *)&at, sizeof at), 0);
	getsockname(server.fd, (void *)&at, &size);
	struct timeval patience = {.tv_usec = 50000};
	setsockopt(server.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	server.port = ntohs(at.sin_port);
	server.mode = mode;
	server.rcode = rcode;
	server.ttl = 100;
	server.questions = 0;
	server.stop = false;
	pthread_create(&server.thread, NULL, serve, NULL);
}

static void stop_server(void)
{
	server.stop = true;
	pthread_join(server.thread, NULL);
	close(server.fd);
}

static const struct resolver_config hasty = {.timeout = 100 * USEC_MS, .tries = 2};

static void check_temporary(const char *why)
{
	struct resolver *r = open_resolver(server.port, hasty);
	struct asked a = ask(r, resolve_mx, "example.test");
	assert_int_equal(a.answer.status, DNS_TEMPORARY);
	if (!strstr(a.answer.why, why) || !strstr(a.answer.why, "127.0.0.1 port"))
		fail_msg("%s", a.answer.why);
	a = ask(r, resolve_address, "example.test");
	assert_int_equal(a.answer.status, DNS_TEMPORARY);
	resolver_destroy(r);
}

static void test_failures_are_temporary_and_have_a_sentence(void **)
{
	start_server(SILENT, 0);
	check_temporary("time-out asking");
	stop_server();
	start_server(RCODE, 2);
	check_temporary("SERVFAIL");
	stop_server();
	start_server(RCODE, 5);
	check_temporary("REFUSED");
	stop_server();
	start_server(GARBAGE, 0);
	check_temporary("asking"); /* what is no answer is waited out */
	stop_server();
	check_temporary("no usable answer"); /* the port is closed now */
}

static void test_answers_are_cached_and_asked_once(void **)
{
	start_server(COUNTING, 0);
	struct resolver *r = open_resolver(server.port, hasty);
	static struct asked many[50];
	for (int i = 0; i < 50; i++) {
		many[i] = (struct asked){.question.on_answer = on_answer};
		resolve_address(r, &many[i].question, STR("same.test"));
	}
	for (int i = 0; i < 50; i++)
		world_run_until(&many[i].done, 1);
	assert_int_equal(server.questions, 1);
	ask(r, resolve_address, "SAME.test.");
	assert_int_equal(server.questions, 1);
	ask(r, resolve_address, "other.test");
	assert_int_equal(server.questions, 2);
	resolver_destroy(r);
	stop_server();
}

static void test_answers_are_forgotten_after_their_ttl(void **)
{
	start_server(COUNTING, 0);
	server.ttl = 1;
	struct resolver *r = open_resolver(server.port, hasty);
	ask(r, resolve_address, "same.test");
	ask(r, resolve_address, "same.test");
	assert_int_equal(server.questions, 1);
	world_run_for(1100 * USEC_MS);
	ask(r, resolve_address, "same.test");
	assert_int_equal(server.questions, 2);
	server.ttl = 0;
	ask(r, resolve_address, "zero.test");
	ask(r, resolve_address, "zero.test");
	assert_int_equal(server.questions, 4);
	resolver_destroy(r);
	stop_server();
}

static void test_denials_are_cached(void **)
{
	start_server(RCODE, 3);
	struct resolver *r = open_resolver(server.port, hasty);
	assert_int_equal(ask(r, resolve_mx, "no.test").answer.status, DNS_NO_NAME);
	assert_int_equal(ask(r, resolve_mx, "no.test").answer.status, DNS_NO_NAME);
	assert_int_equal(server.questions, 1);
	resolver_destroy(r);
	stop_server();
}

static int told_count;
static void on_counted_answer(struct dns_question *, const struct dns_answer *answer)
{
	assert_int_equal(answer->status, DNS_OK);
	told_count++;
}

static void test_thousands_of_questions_through_a_small_cache(void **)
{
	enum { COUNT = 3000 };
	static struct dns_question questions[COUNT];
	start_server(COUNTING, 0);
	struct resolver_config config = {
		.timeout = USEC_SECOND, .tries = 5, .cache_entries = 10};
	struct resolver *r = open_resolver(server.port, config);
	told_count = 0;
	for (int i = 0; i < COUNT; i++) {
		char name[30];
		snprintf(name, sizeof name, "h%d.test", i);
		questions[i].on_answer = on_counted_answer;
		resolve_address(r, &questions[i], str_of(name));
	}
	world_run_until(&told_count, COUNT);
	resolver_destroy(r);
	stop_server();
}

static struct resolver *doomed;
static void on_answer_destroy(struct dns_question *, const struct dns_answer *)
{
	told_count++;
	resolver_destroy(doomed);
}

static void test_resolver_can_be_destroyed_at_any_moment(void **)
{
	start_server(COUNTING, 0);
	struct asked a = {.question.on_answer = on_answer};
	for (int turns = 0; turns < 6; turns++) {
		struct resolver *r = open_resolver(server.port, hasty);
		resolve_address(r, &a.question, STR("example.test"));
		for (int i = 0; i < turns && !a.done; i++)
			assert_true(io_turn(world_loop, 0) >= 0);
		resolver_destroy(r);
		world_run_for(2 * USEC_MS);
	}
	struct dns_question q[3] = {};
	doomed = open_resolver(server.port, hasty);
	told_count = 0;
	for (int i = 0; i < 3; i++) {
		q[i].on_answer = on_answer_destroy;
		resolve_address(doomed, &q[i], STR("example.test"));
	}
	world_run_until(&told_count, 1);
	world_run_for(2 * USEC_MS);
	assert_int_equal(told_count, 1);
	stop_server();
}

static int asked_again;
static void on_answer_again(struct dns_question *q, const struct dns_answer *)
{
	if (++asked_again < 5)
		resolve_address(doomed, q, STR("192.0.2.200"));
}

static void test_asking_again_from_the_answer(void **)
{
	doomed = open_resolver(1, hasty);
	struct dns_question q = {.on_answer = on_answer_again};
	asked_again = 0;
	resolve_address(doomed, &q, STR("192.0.2.200"));
	world_run_until(&asked_again, 5);
	struct asked a = ask(doomed, resolve_address, "2001:db8::7");
	assert_int_equal(a.answer.count, 1);
	assert_int_equal(a.addresses[0].sa.sa_family, AF_INET6);
	resolver_destroy(doomed);
}

static void put_large_text(FILE *f, const char *name, int size)
{
	fprintf(f, "%s TXT", name);
	for (int left = size; left > 0; left -= 250) {
		fputs(" \"", f);
		for (int i = 0; i < 250; i++)
			fputc('x', f);
		fputc('"', f);
	}
	fputc('\n', f);
}

static void start_nsd(void)
{
	char command[256];
	if (system("mkdir -p " DIRECTORY) != 0)
		return;
	FILE *f = fopen(DIRECTORY "/zone.txt", "w");
	fputs(zone, f);
	put_large_text(f, "big.test.", 4000);
	put_large_text(f, "toobig.test.", 5000);
	fclose(f);
	struct net_address at;
	int probe = world_listen(&at);
	close(probe);
	uint16_t port = ntohs(at.in4.sin_port);
	snprintf(command, sizeof command, "tests/live/nsd.sh start %s/zone.txt %u %s/nsd",
		 DIRECTORY, port, DIRECTORY);
	if (system(command) == 0)
		nsd_port = port;
	else
		print_message("nsd is not available: its tests are skipped\n");
}

static int open_all(void **state)
{
	start_nsd();
	return world_open(state);
}

static int close_all(void **state)
{
	int result = system("tests/live/nsd.sh stop " DIRECTORY "/nsd");
	return world_close(state) || result;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mx_answer_with_ttl),
		cmocka_unit_test(test_addresses_are_a_then_aaaa),
		cmocka_unit_test(test_names_that_are_missing_and_records_that_are),
		cmocka_unit_test(test_names_that_are_none_are_answered),
		cmocka_unit_test(test_texts_are_joined_and_large_ones_come_by_tcp),
		cmocka_unit_test(test_tlsa_records_are_told_as_far_as_they_are_usable),
		cmocka_unit_test(test_reverse_names),
		cmocka_unit_test(test_route_of_a_domain_with_two_hosts),
		cmocka_unit_test(test_route_follows_the_rules),
		cmocka_unit_test(test_route_follows_a_cname_of_the_domain),
		cmocka_unit_test(test_route_loopback_and_static_routes),
		cmocka_unit_test(test_failures_are_temporary_and_have_a_sentence),
		cmocka_unit_test(test_answers_are_cached_and_asked_once),
		cmocka_unit_test(test_answers_are_forgotten_after_their_ttl),
		cmocka_unit_test(test_denials_are_cached),
		cmocka_unit_test(test_thousands_of_questions_through_a_small_cache),
		cmocka_unit_test(test_resolver_can_be_destroyed_at_any_moment),
		cmocka_unit_test(test_asking_again_from_the_answer),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
