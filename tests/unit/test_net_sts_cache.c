/* Which MTA-STS policy is in force: fetched when the record is new, kept when anything fails
 * (RFC 8461 3.3, 5.1). */
#include "tests/unit/route_world.h"

#include "engine/net/sts_cache.h"

#define URL(domain) "https://mta-sts." domain "/.well-known/mta-sts.txt"
#define POLICY(mode) "version: STSv1\nmode: " mode "\nmx: mx.test\nmax_age: 1000\n"
#define AGE (1000 * USEC_SECOND)

static struct sts_cache *cache;
static struct sts_cache_config config;

struct told {
	struct sts_question question; /* first member */
	int count;
	bool found;
	enum sts_mode mode;
	enum tls_fault fault;
	uint32_t ttl_seconds;
	char why[200], text[300];
};

static void on_sts(struct sts_question *q, const struct sts_answer *answer)
{
	struct told *t = (struct told *)q;
	t->count++;
	t->found = answer->policy != NULL;
	t->mode = answer->policy ? answer->policy->mode : STS_NONE;
	t->fault = answer->fault;
	t->ttl_seconds = answer->ttl_seconds;
	snprintf(t->why, sizeof t->why, "%s", answer->why);
	assert_true(str_to_cstr(answer->text, t->text, sizeof t->text));
}

static void begin(const struct world_record *records, const struct world_page *pages)
{
	world_begin(records, pages);
	sts_cache_destroy(cache);
	cache = NULL;
	assert_int_equal(sts_cache_create(&cache, &config), 0);
}

static struct told ask(const char *domain)
{
	struct told t = {.question.on_sts = on_sts};
	sts_ask(cache, &t.question, str_of(domain));
	assert_int_equal(t.count, 0);
	world_pump();
	assert_int_equal(t.count, 1);
	return t;
}

static void check(const char *domain, enum sts_mode mode, enum tls_fault fault,
		  unsigned fetched)
{
	struct told t = ask(domain);
	if (t.mode != mode || t.fault != fault || world_fetched != fetched)
		fail_msg("%s: mode %d, fault %s, %u fetched: %s", domain, t.mode,
			 tls_fault_names[t.fault], world_fetched, t.why);
	assert_int_equal(t.fault != TLS_FAULT_NONE, t.why[0] != '\0');
}

static const struct world_record records[] = {
	{.kind = TEXT, .name = "_mta-sts.a.test", .data = "v=STSv1; id=1"},
	{.kind = ADDRESS, .name = "mta-sts.a.test", .data = "192.0.2.1"},
	{.kind = TEXT, .name = "_mta-sts.b.test", .data = "v=STSv1; id=1"},
	{.kind = ADDRESS, .name = "mta-sts.b.test", .data = "192.0.2.2"},
	{.kind = TEXT, .name = "_mta-sts.broken.test", .data = "v=STSv1"},
	{.kind = ADDRESS, .name = "mta-sts.broken.test", .data = "192.0.2.1"},
	{.kind = TEXT, .name = "_mta-sts.nohost.test", .data = "v=STSv1; id=1"},
	{.kind = TEXT, .name = "_mta-sts.loop.test", .data = "v=STSv1; id=1"},
	{.kind = ADDRESS, .name = "mta-sts.loop.test", .data = "127.0.0.1"},
	{.kind = TEXT, .name = "_mta-sts.two.test", .data = "v=STSv1; id=1"},
	{.kind = ADDRESS, .name = "mta-sts.two.test", .data = "192.0.2.1"},
	{.kind = ADDRESS, .name = "mta-sts.two.test", .data = "192.0.2.2"},
	{.kind = ADDRESS, .name = "mta-sts.two.test", .data = "192.0.2.3"},
	{},
};
/* The same names later: another id, no record, a lookup that fails. */
static const struct world_record newer[] = {
	{.kind = TEXT, .name = "_mta-sts.a.test", .data = "v=STSv1; id=2"},
	{.kind = ADDRESS, .name = "mta-sts.a.test", .data = "192.0.2.1"},
	{},
};
static const struct world_record gone[] = {{}};
static const struct world_record failing[] = {
	{.kind = TEXT, .name = "_mta-sts.a.test", .status = DNS_TEMPORARY},
	{},
};

static const struct world_page enforce[] = {
	{URL("a.test"), 0, false, 200, "text/plain", POLICY("enforce")},
	{URL("b.test"), 0, false, 200, "text/plain", POLICY("none")},
	{},
};
static const struct world_page testing[] = {
	{URL("a.test"), 0, false, 200, "text/plain", POLICY("testing")},
	{},
};
static const struct world_page none[] = {
	{URL("a.test"), 0, false, 200, "text/plain", POLICY("none")},
	{},
};

static void test_sts_cache_fetches_once(void **)
{
	begin(records, enforce);
	struct told t = ask("A.test");
	assert_true(t.found);
	assert_int_equal(t.mode, STS_ENFORCE);
	assert_string_equal(t.text, POLICY("enforce"));
	assert_int_equal(t.ttl_seconds, 300);
	assert_string_equal(world_fetched_from, "192.0.2.1");
	assert_int_equal(world_fetched_port, 443);
	check("a.test", STS_ENFORCE, TLS_FAULT_NONE, 1);
	check("b.test", STS_NONE, TLS_FAULT_NONE, 2);
	assert_true(ask("b.test").found); /* a policy, too: that of having none */
}

static void test_sts_cache_asks_no_web_server_without_a_record(void **)
{
	begin(records, enforce);
	check("plain.test", STS_NONE, TLS_FAULT_NONE, 0);
	check("broken.test", STS_NONE, TLS_FAULT_NONE, 0);
	check("", STS_NONE, TLS_FAULT_NONE, 0);
	check("a.test/../x", STS_NONE, TLS_FAULT_NONE, 0);
	check("a@b.test", STS_NONE, TLS_FAULT_NONE, 0);
	assert_int_equal(world_asked[ADDRESS], 0);
}

static void test_sts_cache_equal_questions_fetch_once(void **)
{
	struct told many[5];
	begin(records, enforce);
	for (int i = 0; i < 5; i++) {
		many[i] = (struct told){.question.on_sts = on_sts};
		sts_ask(cache, &many[i].question, STR("a.test"));
	}
	world_pump();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(many[i].count, 1);
		assert_int_equal(many[i].mode, STS_ENFORCE);
	}
	assert_int_equal(world_fetched, 1);
}

static void test_sts_cache_another_id_means_another_policy(void **)
{
	begin(records, enforce);
	check("a.test", STS_ENFORCE, TLS_FAULT_NONE, 1);
	world_records = newer;
	world_pages = none;
	check("a.test", STS_NONE, TLS_FAULT_NONE, 2);
	check("a.test", STS_NONE, TLS_FAULT_NONE, 2);
}

static void test_sts_cache_keeps_what_it_knows_until_its_age(void **)
{
	begin(records, enforce);
	check("a.test", STS_ENFORCE, TLS_FAULT_NONE, 1);
	world_now += AGE - 1;
	world_records = gone;
	check("a.test", STS_ENFORCE, TLS_FAULT_NONE, 1);
	world_records = failing;
	check("a.test", STS_ENFORCE, TLS_FAULT_NONE, 1);
	world_records = newer;
	world_pages = NULL;
	check("a.test", STS_ENFORCE, TLS_FAULT_STS_FETCH, 2);
	world_now += 1;
	check("a.test", STS_NONE, TLS_FAULT_STS_FETCH, 2);
	assert_false(ask("a.test").found);
}

static void test_sts_cache_a_failure_is_remembered_for_five_minutes(void **)
{
	begin(records, NULL);
	check("a.test", STS_NONE, TLS_FAULT_STS_FETCH, 1);
	world_pages = enforce;
	world_now += 5 * USEC_MINUTE - 1;
	check("a.test", STS_NONE, TLS_FAULT_STS_FETCH, 1);
	world_now += 1;
	check("a.test", STS_ENFORCE, TLS_FAULT_NONE, 2);
}

static void test_sts_cache_refreshes_every_day(void **)
{
	static const struct world_page week[] = {
		{URL("a.test"), 0, false, 200, "text/plain",
		 "version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 604800\n"},
		{},
	};
	begin(records, week);
	check("a.test", STS_ENFORCE, TLS_FAULT_NONE, 1);
	world_now += USEC_DAY - 1;
	check("a.test", STS_ENFORCE, TLS_FAULT_NONE, 1);
	world_now += 1;
	check("a.test", STS_ENFORCE, TLS_FAULT_NONE, 2);
	world_now += USEC_DAY;
	world_pages = NULL;
	check("a.test", STS_ENFORCE, TLS_FAULT_STS_FETCH, 3);
	world_now += 6 * USEC_DAY;
	check("a.test", STS_NONE, TLS_FAULT_STS_FETCH, 4);
}

static void test_sts_cache_faults_have_names(void **)
{
	static const struct {
		struct world_page page;
		enum tls_fault fault;
	} cases[] = {
		{{NULL, -1, true, 0, NULL, NULL}, TLS_FAULT_STS_WEBPKI},
		{{NULL, -1, false, 0, NULL, NULL}, TLS_FAULT_STS_FETCH},
		{{NULL, 0, false, 404, "text/plain", POLICY("enforce")}, TLS_FAULT_STS_FETCH},
		{{NULL, 0, false, 301, "text/plain", POLICY("enforce")}, TLS_FAULT_STS_FETCH},
		{{NULL, 0, false, 200, "text/html", POLICY("enforce")}, TLS_FAULT_STS_INVALID},
		{{NULL, 0, false, 200, "", POLICY("enforce")}, TLS_FAULT_STS_INVALID},
		{{NULL, 0, false, 200, "text/plain", "hello"}, TLS_FAULT_STS_INVALID},
		{{NULL, 0, false, 200, "text/plain", ""}, TLS_FAULT_STS_INVALID},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world_page pages[] = {cases[i].page, {}};
		pages[0].url = URL("a.test");
		begin(records, pages);
		check("a.test", STS_NONE, cases[i].fault, 1);
	}
	begin(records, NULL);
	check("nohost.test", STS_NONE, TLS_FAULT_STS_FETCH, 0);
}

static void test_sts_cache_tries_a_second_address(void **)
{
	begin(records, NULL);
	check("two.test", STS_NONE, TLS_FAULT_STS_FETCH, 2);
	assert_string_equal(world_fetched_from, "192.0.2.2");
}

static void test_sts_cache_no_domain_sends_us_to_ourselves(void **)
{
	begin(records, NULL);
	check("loop.test", STS_NONE, TLS_FAULT_STS_FETCH, 0);
	config.allow_loopback = true;
	config.port = 8443;
	static const struct world_page pages[] = {
		{"https://mta-sts.loop.test:8443/.well-known/mta-sts.txt", 0, false, 200,
		 "text/plain", POLICY("testing")},
		{},
	};
	begin(records, pages);
	check("loop.test", STS_TESTING, TLS_FAULT_NONE, 1);
	assert_int_equal(world_fetched_port, 8443);
	config.allow_loopback = false;
	config.port = 0;
}

static void test_sts_cache_is_bounded(void **)
{
	enum { MANY = 200 };
	static struct world_record many[2 * MANY + 1];
	static struct world_page pages[MANY + 1];
	static char names[3 * MANY][80];
	for (int i = 0; i < MANY; i++) {
		snprintf(names[3 * i], 80, "_mta-sts.d%d.test", i);
		snprintf(names[3 * i + 1], 80, "mta-sts.d%d.test", i);
		snprintf(names[3 * i + 2], 80, URL("d%d.test"), i);
		many[2 * i] = (struct world_record){
			.kind = TEXT, .name = names[3 * i], .data = "v=STSv1; id=1"};
		many[2 * i + 1] = (struct world_record){
			.kind = ADDRESS, .name = names[3 * i + 1], .data = "192.0.2.1"};
		pages[i] = (struct world_page){names[3 * i + 2], 0, false, 200, "text/plain",
					       POLICY("enforce")};
	}
	config.entries = 10;
	begin(many, pages);
	config.entries = 0;
	for (int i = 0; i < MANY; i++) {
		char domain[30];
		snprintf(domain, sizeof domain, "d%d.test", i);
		check(domain, STS_ENFORCE, TLS_FAULT_NONE, (unsigned)i + 1);
	}
	check("d199.test", STS_ENFORCE, TLS_FAULT_NONE, MANY); /* remembered */
	check("d0.test", STS_ENFORCE, TLS_FAULT_NONE, MANY + 1);
}

static void test_sts_cache_goes_with_questions_open(void **)
{
	struct told t = {.question.on_sts = on_sts};
	begin(records, testing);
	sts_ask(cache, &t.question, STR("a.test"));
	for (int i = 0; i < 2; i++)
		world_answer(
			CHAIN_OWNER(chain_pop(&world_questions), struct world_question, link));
	assert_false(chain_empty(&world_fetches));
	sts_cache_destroy(cache);
	cache = NULL;
	assert_int_equal(t.count, 0);
	sts_cache_destroy(NULL);
}

static int done(void **)
{
	sts_cache_destroy(cache);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sts_cache_fetches_once),
		cmocka_unit_test(test_sts_cache_asks_no_web_server_without_a_record),
		cmocka_unit_test(test_sts_cache_equal_questions_fetch_once),
		cmocka_unit_test(test_sts_cache_another_id_means_another_policy),
		cmocka_unit_test(test_sts_cache_keeps_what_it_knows_until_its_age),
		cmocka_unit_test(test_sts_cache_a_failure_is_remembered_for_five_minutes),
		cmocka_unit_test(test_sts_cache_refreshes_every_day),
		cmocka_unit_test(test_sts_cache_faults_have_names),
		cmocka_unit_test(test_sts_cache_tries_a_second_address),
		cmocka_unit_test(test_sts_cache_no_domain_sends_us_to_ourselves),
		cmocka_unit_test(test_sts_cache_is_bounded),
		cmocka_unit_test(test_sts_cache_goes_with_questions_open),
	};
	return cmocka_run_group_tests(tests, NULL, done);
}
