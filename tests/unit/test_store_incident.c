/* test_store_incident.c - incidents of providers in a real PostgreSQL: what is taken back,
 * held, dropped or confirmed, and that nothing slips through between two connections. */
#include "tests/unit/store_flow.h"

static uint64_t campaign;

static void forget_all(void)
{
	assert_int_equal(live_exec(live_admin,
				   "delete from suppressions where reason <> 100;"
				   "delete from suppressions_held; delete from incidents;"
				   "delete from strikes; delete from provider_days;"
				   "delete from stops"),
			 0);
}

static struct store_outcome dead(uint64_t id, enum bounce_class class, const char *provider,
				 usec at)
{
	struct store_outcome o = outcome_of(campaign, 1, id);
	o.verdict = VERDICT_FAILED;
	o.class = class;
	o.cause = bounce_class_names[class];
	o.code = 550;
	o.status = (struct status){5, 1, 1};
	o.stage = STAGE_RCPT;
	o.suppress = class == CLASS_BAD_MAILBOX;
	o.at_wall = at;
	o.provider = str_of(provider);
	return o;
}

static void settle_one(struct store_outcome o)
{
	assert_int_equal(settle(&o, 1, NULL, 0), STORE_OK);
}

static struct store_incident found(const char *provider, usec from)
{
	struct store_incident r = {.request.on_done = done,
				   .provider = str_of(provider),
				   .from_wall = from,
				   .at_wall = clock_wall(),
				   .rate = 0.31,
				   .usual = 0.008,
				   .counted = 600,
				   .bad = 186};
	store_incident(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static uint64_t suppressed(void)
{
	return number("select count(*) from subscribers where suppressed not in (0, 100)");
}

static void resolve(uint64_t id, bool confirm)
{
	char statement[128];
	snprintf(statement, sizeof(statement), "select held from incident_resolve(1, %llu, %s)",
		 (unsigned long long)id, confirm ? "true" : "false");
	assert_int_equal(live_exec(live_admin, statement), 0);
}

static void test_store_incident_takes_back_what_its_window_made(void **)
{
	forget_all();
	usec now = clock_wall();
	settle_one(dead(1, CLASS_BAD_MAILBOX, "gmail", now - USEC_HOUR)); /* before it */
	settle_one(dead(2, CLASS_BAD_MAILBOX, "gmail", now - 5 * USEC_MINUTE));
	settle_one(dead(3, CLASS_BAD_MAILBOX, "yahoo", now - 5 * USEC_MINUTE));
	settle_one(dead(4, CLASS_BAD_DOMAIN, "gmail", now - 5 * USEC_MINUTE));
	assert_int_equal(live_exec(live_admin,
				   "insert into suppressions (tenant_id, address_hash, "
				   "address, reason) values (1, "
				   "address_hash('p5@example.com'), 'p5@example.com', "
				   "101)"),
			 0);
	assert_int_equal(suppressed(), 4);
	struct store_incident r = found("gmail", now - 10 * USEC_MINUTE);
	assert_true(r.ret_new);
	assert_int_equal(r.ret_held, 1);
	assert_int_equal(suppressed(), 3);
	assert_int_equal(number("select suppressed from subscribers where id = 2"), 0);

	/* While it is open, what comes is held; other providers go on. */
	settle_one(dead(6, CLASS_BAD_MAILBOX, "gmail", now));
	settle_one(dead(7, CLASS_BAD_MAILBOX, "yahoo", now));
	assert_int_equal(number("select suppressed from subscribers where id = 6"), 0);
	assert_int_equal(number("select suppressed from subscribers where id = 7"), 1);

	/* Found again by somebody else it is the same one. */
	struct store_incident again = found("gmail", now - 10 * USEC_MINUTE);
	assert_false(again.ret_new);
	assert_int_equal(again.ret_incident_id, r.ret_incident_id);
	assert_int_equal(again.ret_held, 2);
	assert_int_equal(number("select count(*) from stops where kind = 4"), 1);
}

static void test_store_incident_false_alarm_drops_what_was_held(void **)
{
	forget_all();
	usec now = clock_wall();
	settle_one(dead(11, CLASS_INACTIVE_MAILBOX, "gmail", now - 30 * USEC_DAY));
	settle_one(dead(12, CLASS_INACTIVE_MAILBOX, "gmail", now));
	settle_one(dead(13, CLASS_BAD_MAILBOX, "gmail", now));
	struct store_incident r = found("gmail", now - 10 * USEC_MINUTE);
	resolve(r.ret_incident_id, false);
	assert_int_equal(suppressed(), 0);
	assert_string_equal(
		live_value("select string_agg(subscriber_id::text, ',') from strikes"), "11");
	/* Its rows stay, as the record; and the provider's word counts again. */
	assert_int_equal(number("select count(*) from suppressions_held"), 1);
	settle_one(dead(13, CLASS_BAD_MAILBOX, "gmail", now));
	assert_int_equal(number("select suppressed from subscribers where id = 13"), 1);
	assert_true(found("gmail", now - 10 * USEC_MINUTE).ret_new);
}

static void test_store_incident_confirmed_becomes_suppressions(void **)
{
	forget_all();
	usec now = clock_wall();
	settle_one(dead(21, CLASS_BAD_MAILBOX, "gmail", now));
	struct store_incident r = found("gmail", now - 10 * USEC_MINUTE);
	settle_one(dead(22, CLASS_BAD_MAILBOX, "gmail", now));
	assert_int_equal(suppressed(), 0);
	resolve(r.ret_incident_id, true);
	assert_int_equal(suppressed(), 2);
	assert_string_equal(
		live_value("select string_agg(text || ' ' || code, ',' order by address) "
			   "from suppressions where provider = 'gmail'"),
		"Ok: queued as 4BdX1y0z 550,Ok: queued as 4BdX1y0z 550");
	resolve(r.ret_incident_id, false); /* too late: nothing happens */
	assert_int_equal(suppressed(), 2);
}

static void test_store_incident_stops_come_by_the_feed(void **)
{
	forget_all();
	struct store_stop_feed feed = {
		.request.on_done = done, .after_number = UINT64_MAX, .arena = &arena};
	store_stop_feed(store, &feed);
	struct store_incident r = found("gmail", clock_wall());
	resolve(r.ret_incident_id, false);
	feed.after_number = feed.ret_newest_number;
	store_stop_feed(store, &feed);
	assert_int_equal(feed.request.result, STORE_OK);
	assert_int_equal(feed.ret_count, 2);
	assert_int_equal(feed.ret_stops[0].kind, STOP_PROVIDER);
	assert_int_equal(feed.ret_stops[1].kind, STOP_PROVIDER_END);
	assert_int_equal(feed.ret_stops[1].campaign_id, 0);
	assert_true(str_eq(feed.ret_stops[0].provider, STR("gmail")));
}

static struct store_providers_load load(void)
{
	struct store_providers_load r = {.request.on_done = done, .arena = &arena};
	store_providers_load(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static void test_store_providers_usual_rate_leaves_incidents_out(void **)
{
	forget_all();
	assert_int_equal(
		live_exec(
			live_admin,
			"insert into provider_days (tenant_id, provider, day, engine_id, "
			"answers, bad_mailbox) select 1, 'gmail', (now() at time zone "
			"'UTC')::date - d, e, 500, 4 from generate_series(1, 29) d, "
			"generate_series(1, 2) e; insert into provider_days (tenant_id, "
			"provider, day, engine_id, answers, bad_mailbox) values (1, 'gmail', "
			"(now() at time zone 'UTC')::date - 40, 1, 1000, 1000), (1, 'gmail', "
			"(now() at time zone 'UTC')::date, 1, 1000, 900), (1, 'gmail', (now() "
			"at time zone 'UTC')::date - 3, 3, 1000, 900)"),
		0);
	struct store_providers_load r = load();
	assert_int_equal(r.ret_count, 1);
	assert_true(str_eq(r.ret_providers[0].name, STR("gmail")));
	assert_int_equal(r.ret_providers[0].answers, 30000);
	assert_true(r.ret_providers[0].usual_rate > 0.037);
	assert_false(r.ret_providers[0].stopped);

	/* Three days ago was an incident that was a false alarm. */
	struct store_incident i = found("gmail", clock_wall() - 3 * USEC_DAY);
	assert_true(load().ret_providers[0].stopped);
	resolve(i.ret_incident_id, false);
	assert_int_equal(
		live_exec(live_admin, "update incidents set reviewed_at = window_from"), 0);
	r = load();
	assert_false(r.ret_providers[0].stopped);
	assert_int_equal(r.ret_providers[0].answers, 28000);
	assert_true(r.ret_providers[0].usual_rate > 0.00799 &&
		    r.ret_providers[0].usual_rate < 0.00801);

	/* A stopped provider about whom nothing else is known is told, too. */
	found("yahoo", clock_wall());
	r = load();
	assert_int_equal(r.ret_count, 2);
	assert_true(r.ret_providers[0].stopped &&
		    str_eq(r.ret_providers[0].name, STR("yahoo")));
}

/* The incident's transaction is open elsewhere when a batch arrives: the batch waits for it,
 * and then holds what it would have suppressed. */
static void test_store_incident_and_settlement_take_turns(void **)
{
	forget_all();
	char command[1400];
	usec now = clock_wall();
	settle_one(dead(31, CLASS_BAD_MAILBOX, "gmail", now));
	snprintf(command, sizeof(command),
		 "psql -XAtq '%s' -c \"begin; select * from incident_open(1, 'gmail', now() - "
		 "interval '10 minutes', now(), 0.3::real, 0::real, 300, 100); select "
		 "pg_sleep(1); commit\" >/dev/null &",
		 live_conninfo);
	assert_int_equal(system(command), 0);
	for (int i = 0; i < 200; i++) {
		if (number("select count(*) from pg_locks where locktype = 'advisory' and "
			   "granted") > 0)
			break;
		usleep(20000);
	}
	settle_one(dead(32, CLASS_BAD_MAILBOX, "gmail", now));
	assert_int_equal(suppressed(), 0);
	assert_int_equal(number("select count(*) from suppressions_held"), 2);
}

static int setup_incident(void **state)
{
	if (setup(state) != 0)
		return -1;
	campaign = new_campaign("incident", "state = 1");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_incident_takes_back_what_its_window_made),
		cmocka_unit_test(test_store_incident_false_alarm_drops_what_was_held),
		cmocka_unit_test(test_store_incident_confirmed_becomes_suppressions),
		cmocka_unit_test(test_store_incident_stops_come_by_the_feed),
		cmocka_unit_test(test_store_providers_usual_rate_leaves_incidents_out),
		cmocka_unit_test(test_store_incident_and_settlement_take_turns),
	};

	return cmocka_run_group_tests(tests, setup_incident, teardown);
}
