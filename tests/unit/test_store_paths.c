/* test_store_paths.c - what people are shown: states of paths and sites of domains, and a flush
 * in the stop feed, in a real PostgreSQL. */
#include "tests/unit/store_flow.h"

static struct store_path_state path_of(const char *site, const char *source)
{
	return (struct store_path_state){.site = str_of(site),
					 .source = str_of(source),
					 .tls_key = STR(""),
					 .provider = STR("gmail"),
					 .state = STR("waiting"),
					 .why = STR("rate"),
					 .held_until_wall = clock_wall() + USEC_MINUTE,
					 .connection_cap = 5,
					 .connection_limit = 20,
					 .rate_per_day = 864000,
					 .rate_limit_per_day = 1728000,
					 .open_count = 4,
					 .waiting_count = 1234,
					 .in_flight_count = 2,
					 .started_minute = 60,
					 .delivered = 1000,
					 .deferred = 10,
					 .failed = 5,
					 .throttled_wall = clock_wall(),
					 .throttle_text = STR("421 4.7.28 slow down")};
}

static int save(const struct store_path_state *paths, size_t count, uint32_t as_epoch,
		bool forget)
{
	struct store_paths_save r = {.request.on_done = done,
				     .engine_id = engine_id,
				     .epoch = as_epoch,
				     .paths = paths,
				     .count = count,
				     .forget = forget};
	store_paths_save(store, &r);
	return r.request.result;
}

static void forget_all(void)
{
	assert_int_equal(live_exec(live_admin, "truncate path_states, domain_sites"), 0);
}

static void test_store_paths_last_of_one_path_counts(void **)
{
	struct store_path_state paths[3] = {path_of("google.com", "out1"),
					    path_of("google.com", "out2"),
					    path_of("google.com", "out1")};
	forget_all();
	paths[2].state = STR("idle");
	paths[2].why = STR("");
	paths[2].held_until_wall = 0;
	paths[2].rate_per_day = paths[2].rate_limit_per_day = 0;
	assert_int_equal(save(paths, 3, epoch, true), STORE_OK);
	assert_int_equal(number("select count(*) from path_states"), 2);
	assert_string_equal(
		live_value("select concat_ws(' ', state, why = '', held_until is null, "
			   "rate_per_day is null, connection_cap, connection_limit, "
			   "open_count, waiting_count, in_flight_count, started_minute, "
			   "delivered, deferred, failed, throttle_text) from path_states where "
			   "source = 'out1'"),
		"idle t t t 5 20 4 1234 2 60 1000 10 5 421 4.7.28 slow down");
	assert_string_equal(live_value("select concat_ws(' ', state, why, held_until > now(), "
				       "rate_per_day, rate_limit_per_day, throttled_at <= "
				       "now(), provider) from path_states where source = "
				       "'out2'"),
			    "waiting rate t 864000 1728000 t gmail");
	assert_int_equal(save(paths, 1, epoch, false), STORE_OK);
	assert_string_equal(live_value("select state from path_states where source = 'out1'"),
			    "waiting");
}

static void test_store_paths_of_an_older_engine_do_not_overwrite(void **)
{
	struct store_path_state path = path_of("google.com", "out1");
	forget_all();
	assert_int_equal(save(&path, 1, epoch, false), STORE_OK);
	path.state = STR("idle");
	assert_int_equal(save(&path, 1, epoch - 1, false), STORE_OK);
	assert_string_equal(live_value("select state from path_states"), "waiting");
}

static void test_store_paths_are_forgotten_after_a_day(void **)
{
	struct store_path_state paths[2] = {path_of("old.test", "out1"),
					    path_of("new.test", "out1")};
	forget_all();
	assert_int_equal(save(paths, 1, epoch, false), STORE_OK);
	assert_int_equal(live_exec(live_admin, "update path_states set updated_at = now() - "
					       "interval '25 hours'"),
			 0);
	assert_int_equal(save(paths + 1, 1, epoch, false), STORE_OK);
	assert_int_equal(number("select count(*) from path_states"), 2);
	assert_int_equal(save(paths + 1, 1, epoch, true), STORE_OK);
	assert_string_equal(live_value("select string_agg(site, ' ') from path_states"),
			    "new.test");
}

static void test_store_paths_take_hostile_text(void **)
{
	static char text[5000];
	struct store_path_state path = path_of("evil.test", "out1");
	memset(text, '\x1b', sizeof(text));
	text[7] = '\0';
	text[9] = '\xff';
	path.throttle_text = path.tls_key = path.provider = str_make(text, sizeof(text));
	path.delivered = UINT64_MAX;
	path.waiting_count = UINT32_MAX;
	forget_all();
	assert_int_equal(save(&path, 1, epoch, false), STORE_OK);
	assert_string_equal(
		live_value("select concat_ws(' ', octet_length(throttle_text), "
			   "octet_length(tls_key), throttle_text ~ '^[ ?]*$', delivered, "
			   "waiting_count) from path_states"),
		"200 255 t 9223372036854775807 2147483647");
}

static int save_domains(const struct store_domain_site *domains, size_t count)
{
	struct store_domains_save r = {
		.request.on_done = done, .domains = domains, .count = count};
	store_domains_save(store, &r);
	return r.request.result;
}

static void test_store_domains_are_written_when_they_say_something_new(void **)
{
	struct store_domain_site domains[3] = {
		{STR("a.test"), STR("mx.test"), STR(""), STR("mx1.mx.test, mx2.mx.test")},
		{STR("b.test"), STR("google.com"), STR("gmail"), STR("smtp.google.com")},
		{STR("a.test"), STR("mx2.test"), STR("zoho"), STR("mx1.mx2.test")}};
	forget_all();
	assert_int_equal(save_domains(domains, 3), STORE_OK);
	assert_string_equal(live_value("select concat_ws(' ', site, provider, mx_hosts) from "
				       "domain_sites where domain = 'a.test'"),
			    "mx2.test zoho mx1.mx2.test");
	uint64_t first = number("select xmin from domain_sites where domain = 'b.test'");
	assert_int_equal(save_domains(domains, 2), STORE_OK);
	/* Not written. */
	assert_int_equal(number("select xmin from domain_sites where domain = 'b.test'"),
			 first);
	assert_string_equal(live_value("select site from domain_sites where domain = 'a.test'"),
			    "mx.test");
	assert_int_equal(live_exec(live_admin, "update domain_sites set seen_at = now() - "
					       "interval '61 days' where domain = 'a.test'"),
			 0);
	assert_int_equal(save_domains(domains + 1, 1), STORE_OK);
	assert_string_equal(live_value("select string_agg(domain, ' ') from domain_sites"),
			    "b.test");
}

static void test_store_deferrals_know_their_site(void **)
{
	uint64_t campaign = new_campaign("sited", "fully_cut = false");
	struct store_cut c = cut(campaign, 100);
	assert_int_equal(lease(campaign).ret_slice_id, c.ret_slice_id);
	struct store_outcome o = outcome_of(campaign, c.ret_slice_id, 1);
	o.verdict = VERDICT_DEFERRED;
	o.final = false;
	o.class = CLASS_RATE_LIMITED;
	o.due_wall = clock_wall() + USEC_HOUR;
	assert_int_equal(settle(&o, 1, NULL, 0), STORE_OK);
	assert_string_equal(live_value("select site from deferrals where subscriber_id = 1"),
			    "example.com");
	o.site = STR("example.net");
	o.attempt = 2;
	assert_int_equal(settle(&o, 1, NULL, 0), STORE_OK);
	assert_string_equal(live_value("select site from deferrals where subscriber_id = 1"),
			    "example.net");
}

static void test_store_flush_stands_in_the_stop_feed(void **)
{
	struct store_stop_feed newest = {
		.request.on_done = done, .after_number = UINT64_MAX, .arena = &arena};
	store_stop_feed(store, &newest);
	assert_int_equal(newest.request.result, STORE_OK);
	assert_int_equal(live_exec(live_admin,
				   "insert into stops (tenant_id, kind, target) values (1, 6, "
				   "'provider gmail'), (1, 6, '');"
				   "insert into stops (tenant_id, kind, subscriber_id, reason) "
				   "values (1, 3, 5, 103)"),
			 0);
	struct store_stop_feed feed = {.request.on_done = done,
				       .after_number = newest.ret_newest_number,
				       .arena = &arena};
	store_stop_feed(store, &feed);
	assert_int_equal(feed.request.result, STORE_OK);
	assert_int_equal(feed.ret_count, 3);
	assert_int_equal(feed.ret_stops[0].kind, STOP_FLUSH);
	assert_string_equal(feed.ret_stops[0].target, "provider gmail");
	assert_int_equal(feed.ret_stops[1].kind, STOP_FLUSH);
	assert_string_equal(feed.ret_stops[1].target, "");
	assert_int_equal(feed.ret_stops[2].kind, STOP_SUBSCRIBER);
	assert_int_equal(feed.ret_stops[2].subscriber_id, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_paths_last_of_one_path_counts),
		cmocka_unit_test(test_store_paths_of_an_older_engine_do_not_overwrite),
		cmocka_unit_test(test_store_paths_are_forgotten_after_a_day),
		cmocka_unit_test(test_store_paths_take_hostile_text),
		cmocka_unit_test(test_store_domains_are_written_when_they_say_something_new),
		cmocka_unit_test(test_store_deferrals_know_their_site),
		cmocka_unit_test(test_store_flush_stands_in_the_stop_feed),
	};
	return cmocka_run_group_tests_name("store paths", tests, setup, teardown);
}
