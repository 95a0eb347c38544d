/* test_store_health.c - when a campaign may be sent, by PostgreSQL's own time zones; what its
 * breaker sees, and what a hold and a resume do to it. */
#include "tests/unit/store_flow.h"

#define HOURS "{\"from\": \"08:00\", \"until\": \"20:00\", \"zone\": \"Europe/Berlin\"}"

/* "open until 2026-01-02 20:00", "closed until ...", "over"; in UTC. */
static const char *window_in(const char *spec, const char *moment, const char *place)
{
	char statement[700];
	snprintf(statement, sizeof(statement),
		 "select case when is_over then 'over' else case when is_open then 'open' else "
		 "'closed' end || coalesce(' until ' || to_char(changes_at at time zone 'UTC', "
		 "'YYYY-MM-DD HH24:MI'), '') end from window_at('%s', '%s'%s%s)",
		 spec, moment, place ? ", " : "", place ? place : "");
	return live_value(statement);
}

static const char *window(const char *spec, const char *moment)
{
	return window_in(spec, moment, NULL);
}

static void test_window_without_limits_is_open(void **)
{
	assert_string_equal(window("{}", "2026-01-02 03:00Z"), "open");
	assert_string_equal(window("{\"zone\": \"Europe/Berlin\"}", "2026-01-02 03:00Z"),
			    "open");
}

static void test_window_has_a_start_and_an_end(void **)
{
	static const char spec[] = "{\"start\": \"2026-12-01T08:00:00+01:00\", "
				   "\"end\": \"2026-12-03T18:00:00+01:00\"}";
	assert_string_equal(window(spec, "2026-12-01 06:59Z"), "closed until 2026-12-01 07:00");
	assert_string_equal(window(spec, "2026-12-01 07:00Z"), "open until 2026-12-03 17:00");
	assert_string_equal(window(spec, "2026-12-03 16:59Z"), "open until 2026-12-03 17:00");
	assert_string_equal(window(spec, "2026-12-03 17:00Z"), "over");
}

static void test_window_opens_every_day(void **)
{
	assert_string_equal(window(HOURS, "2026-01-02 06:59Z"),
			    "closed until 2026-01-02 07:00");
	assert_string_equal(window(HOURS, "2026-01-02 07:00Z"), "open until 2026-01-02 19:00");
	assert_string_equal(window(HOURS, "2026-01-02 19:00Z"),
			    "closed until 2026-01-03 07:00");
	static const char night[] = "{\"from\": \"22:00\", \"until\": \"06:00\"}";
	assert_string_equal(window(night, "2026-01-02 05:59Z"), "open until 2026-01-02 06:00");
	assert_string_equal(window(night, "2026-01-02 06:00Z"),
			    "closed until 2026-01-02 22:00");
	assert_string_equal(window(night, "2026-01-02 23:00Z"), "open until 2026-01-03 06:00");
	assert_string_equal(window("{\"until\": \"12:00\"}", "2026-01-02 13:00Z"),
			    "closed until 2026-01-03 00:00");
	assert_string_equal(window("{\"from\": \"12:00\"}", "2026-01-02 13:00Z"),
			    "open until 2026-01-03 00:00");
}

/* 29 March and 25 October 2026. */
static void test_window_keeps_to_the_wall_clock(void **)
{
	assert_string_equal(window(HOURS, "2026-03-28 20:00Z"),
			    "closed until 2026-03-29 06:00");
	assert_string_equal(window(HOURS, "2026-03-29 06:00Z"), "open until 2026-03-29 18:00");
	assert_string_equal(window(HOURS, "2026-10-24 20:00Z"),
			    "closed until 2026-10-25 07:00");
	static const char night[] =
		"{\"from\": \"22:00\", \"until\": \"06:00\", \"zone\": \"Europe/Berlin\"}";
	assert_string_equal(window(night, "2026-03-29 03:59Z"), "open until 2026-03-29 04:00");
	assert_string_equal(window(night, "2026-10-25 04:59Z"), "open until 2026-10-25 05:00");
	static const char gap[] =
		"{\"from\": \"02:30\", \"until\": \"03:00\", \"zone\": \"Europe/Berlin\"}";
	assert_string_equal(window(gap, "2026-03-29 00:00Z"), "closed until 2026-03-30 00:30");
	static const char moved[] =
		"{\"from\": \"02:10\", \"until\": \"02:40\", \"zone\": \"Europe/Berlin\"}";
	assert_string_equal(window(moved, "2026-03-29 00:00Z"),
			    "closed until 2026-03-29 01:10");
}

static void test_window_whose_days_are_past_is_over(void **)
{
	static const char spec[] = "{\"start\": \"2026-12-01T08:00:00Z\", \"from\": \"08:00\", "
				   "\"until\": \"20:00\", \"end\": \"2026-12-02T07:00:00Z\"}";
	assert_string_equal(window(spec, "2026-11-30 12:00Z"), "closed until 2026-12-01 08:00");
	assert_string_equal(window(spec, "2026-12-01 09:00Z"), "open until 2026-12-01 20:00");
	assert_string_equal(window(spec, "2026-12-01 20:00Z"), "over");
}

static const char *left(const char *spec, const char *moment)
{
	char statement[500];
	snprintf(statement, sizeof(statement), "select window_left('%s', '%s') / 60000000",
		 spec, moment);
	return live_value(statement);
}

static void test_window_knows_how_long_it_is_open_yet(void **)
{
	assert_string_equal(left("{}", "2026-01-02 03:00Z"), "0");
	assert_string_equal(left(HOURS, "2026-01-02 18:00Z"), "60");
	assert_string_equal(left(HOURS, "2026-01-02 20:00Z"), "720");
	static const char days[] = "{\"from\": \"08:00\", \"until\": \"20:00\", "
				   "\"end\": \"2026-12-03T09:00:00Z\"}";
	assert_string_equal(left(days, "2026-12-01 19:00Z"), "840");
	assert_string_equal(left("{\"end\": \"2026-12-03T09:00:00Z\"}", "2026-12-03 08:59Z"),
			    "1");
	assert_string_equal(left(days, "2026-12-03 09:00Z"), "0");
	assert_string_equal(left("{\"end\": \"soon\"}", "2026-12-03 09:00Z"), "0");
}

static void test_window_of_another_zone(void **)
{
	assert_string_equal(window_in(HOURS, "2026-01-02 12:00Z", "'America/New_York'"),
			    "closed until 2026-01-02 13:00");
	assert_string_equal(window_in(HOURS, "2026-01-02 12:00Z", "'Asia/Kathmandu'"),
			    "open until 2026-01-02 14:15");
}

static void set_window(uint64_t campaign, const char *spec)
{
	char statement[600];
	snprintf(statement, sizeof(statement),
		 "update templates set settings = settings || '{\"window\": %s}' "
		 "where campaign_id = %llu",
		 spec, (unsigned long long)campaign);
	assert_int_equal(live_exec(live_admin, statement), 0);
}

static struct store_health health(uint64_t campaign)
{
	struct store_health r = {
		.request.on_done = done, .campaign_id = campaign, .arena = &arena};
	store_health(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static bool hold(uint64_t campaign, const char *reason, bool for_good)
{
	struct store_hold r = {.request.on_done = done,
			       .campaign_id = campaign,
			       .reason = str_of(reason),
			       .for_good = for_good};
	store_hold(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r.ret_changed;
}

static const char *state_of(uint64_t campaign)
{
	char statement[200];
	snprintf(statement, sizeof(statement),
		 "select state || ' ' || reason from campaigns where id = %llu",
		 (unsigned long long)campaign);
	return live_value(statement);
}

static void test_health_tells_of_the_window(void **)
{
	uint64_t campaign = new_campaign("windows", "filter = null");
	struct store_health r = health(campaign);
	assert_true(r.ret_open && !r.ret_over && r.ret_changes_wall == 0);
	set_window(campaign, "{\"start\": \"2099-01-01T00:00:00Z\"}");
	r = health(campaign);
	assert_true(!r.ret_open && !r.ret_over);
	assert_int_equal(r.ret_changes_wall / USEC_SECOND, 4070908800);
	set_window(campaign, "{\"end\": \"2020-01-01T00:00:00Z\"}");
	r = health(campaign);
	assert_true(!r.ret_open && r.ret_over && r.ret_ends_wall > 0);
	set_window(campaign, "{\"from\": \"08:00\", \"zone\": \"Nowhere/Land\"}");
	r = health(campaign);
	assert_true(!r.ret_open && !r.ret_over);
	assert_true(str_find(r.ret_fault, STR("Nowhere/Land")) != SIZE_MAX);
	set_window(campaign, "{\"start\": \"whenever\"}");
	assert_true(health(campaign).ret_fault.size > 0);
}

static void test_zones_are_told_open_or_closed(void **)
{
	uint64_t campaign = new_campaign("zones", "filter = null");
	set_window(campaign, "{\"from\": \"08:00\", \"until\": \"20:00\", \"zone\": \"UTC\", "
			     "\"recipient_zone\": \"zone\"}");
	assert_true(health(campaign).ret_open);
	struct store_zone zones[] = {
		{.name = STR("Europe/Berlin")}, {.name = STR("Pacific/Auckland")},
		{.name = STR("Etc/GMT-12")},    {.name = STR("XYZ+3'; drop table stops")},
		{.name = STR("Nowhere/Land")},  {.name = STR("UTC")}};
	struct store_zones r = {
		.request.on_done = done, .campaign_id = campaign, .zones = zones, .count = 6};
	store_zones(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	assert_true(zones[5].ret_changes_wall > clock_wall());
	assert_true(zones[3].ret_open == zones[5].ret_open &&
		    zones[3].ret_changes_wall == zones[5].ret_changes_wall);
	assert_int_equal(zones[4].ret_changes_wall, zones[5].ret_changes_wall);
	assert_int_not_equal(zones[0].ret_changes_wall, zones[5].ret_changes_wall);
	/* Twelve hours before: open there when it is closed here. */
	assert_true(zones[2].ret_open != zones[5].ret_open);
	assert_int_equal(zones[2].ret_changes_wall, zones[5].ret_changes_wall);
}

static void settle_some(uint64_t campaign, uint64_t slice, uint64_t first)
{
	struct store_outcome o[10];
	for (uint64_t i = 0; i < 10; i++)
		o[i] = outcome_of(campaign, slice, first + i);
	for (int i = 0; i < 2; i++) {
		o[i].verdict = VERDICT_FAILED;
		o[i].class = CLASS_BAD_MAILBOX;
	}
	o[2].verdict = VERDICT_DEFERRED;
	o[2].class = CLASS_REPUTATION;
	o[2].final = false;
	o[3].verdict = VERDICT_FAILED;
	o[3].class = CLASS_POLICY;
	o[4].verdict = VERDICT_DEFERRED;
	o[4].class = CLASS_NETWORK;
	o[4].final = false;
	o[5].provider = STR("yahoo");
	o[5].class = CLASS_SENDER_REJECTED;
	o[5].verdict = VERDICT_FAILED;
	o[6].attempt = 2;
	assert_int_equal(settle(o, 10, NULL, 0), STORE_OK);
}

static const struct breaker_provider *provider(const struct store_health *r, const char *name)
{
	for (size_t i = 0; i < r->ret_counts.provider_count; i++)
		if (str_eq(r->ret_counts.providers[i].name, str_of(name)))
			return &r->ret_counts.providers[i];
	fail_msg("there is no provider %s", name);
	return NULL;
}

static void check_counts(const struct store_health *r)
{
	assert_int_equal(r->ret_counts.attempted, 9);
	assert_int_equal(r->ret_counts.delivered, 4);
	assert_int_equal(r->ret_counts.hard, 2);
	assert_int_equal(r->ret_settled, 8);
	assert_int_equal(provider(r, "gmail")->answered, 8);
	assert_int_equal(provider(r, "gmail")->blocked, 2);
	assert_int_equal(provider(r, "yahoo")->answered, 1);
	assert_int_equal(provider(r, "yahoo")->sender_rejected, 1);
}

static void test_health_counts_since_the_resume(void **)
{
	uint64_t campaign = new_campaign("health", "expected = 5000");
	cut(campaign, 100);
	struct store_lease l = lease(campaign);
	settle_some(campaign, l.ret_slice_id, 1);
	struct store_health r = health(campaign);
	check_counts(&r);
	assert_int_equal(r.ret_expected, 5000);
	assert_int_equal(r.ret_begun, 9);
	assert_true(r.ret_cut >= 98 && r.ret_cut <= 100 && !r.ret_resumed);

	assert_true(hold(campaign, "6 % of the addresses are dead", false));
	assert_false(hold(campaign, "found by another engine", false));
	assert_string_equal(state_of(campaign), "2 6 % of the addresses are dead");
	assert_int_equal(number("select kind from stops order by number desc limit 1"), 0);

	assert_int_equal(live_exec(live_admin, "update campaigns set state = 1 where name = "
					       "'health'"),
			 0);
	assert_string_equal(state_of(campaign), "1 ");
	r = health(campaign);
	assert_int_equal(r.ret_counts.attempted + r.ret_counts.hard + r.ret_settled + r.ret_cut,
			 0);
	assert_int_equal(provider(&r, "gmail")->answered, 0);
	assert_true(r.ret_resumed && r.ret_begun == 9);
	settle_some(campaign, l.ret_slice_id, 11);
	r = health(campaign);
	check_counts(&r);
	assert_int_equal(r.ret_begun, 18);
}

static void test_health_counts_complaints(void **)
{
	uint64_t campaign = new_campaign("complaints", "filter = null");
	char statement[300];
	snprintf(
		statement, sizeof(statement),
		"insert into suppressions (tenant_id, address_hash, address, reason, "
		"campaign_id) select 1, address_hash(n || '@x.test'), n || '@x.test', 21, %llu "
		"from generate_series(1, 3) n",
		(unsigned long long)campaign);
	assert_int_equal(live_exec(live_admin, statement), 0);
	assert_int_equal(health(campaign).ret_counts.complaints, 3);
}

static void test_hold_for_good_ends_it(void **)
{
	uint64_t campaign = new_campaign("late", "filter = null");
	assert_true(hold(campaign, "too late", true));
	assert_string_equal(state_of(campaign), "3 too late");
	assert_false(hold(campaign, "again", false));
	assert_int_equal(number("select kind from stops order by number desc limit 1"), 2);
}

static void test_launch_counts_whom_its_lists_hold(void **)
{
	uint64_t campaign = new_campaign("launched", "state = 0");
	char statement[200];
	snprintf(statement, sizeof(statement), "update campaigns set state = 1 where id = %llu",
		 (unsigned long long)campaign);
	assert_int_equal(live_exec(live_admin, statement), 0);
	assert_int_equal(health(campaign).ret_expected, AUDIENCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_without_limits_is_open),
		cmocka_unit_test(test_window_has_a_start_and_an_end),
		cmocka_unit_test(test_window_opens_every_day),
		cmocka_unit_test(test_window_keeps_to_the_wall_clock),
		cmocka_unit_test(test_window_whose_days_are_past_is_over),
		cmocka_unit_test(test_window_knows_how_long_it_is_open_yet),
		cmocka_unit_test(test_window_of_another_zone),
		cmocka_unit_test(test_health_tells_of_the_window),
		cmocka_unit_test(test_zones_are_told_open_or_closed),
		cmocka_unit_test(test_health_counts_since_the_resume),
		cmocka_unit_test(test_health_counts_complaints),
		cmocka_unit_test(test_hold_for_good_ends_it),
		cmocka_unit_test(test_launch_counts_whom_its_lists_hold),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
