/* test_store_flow.c - a campaign's way through a real PostgreSQL: cut, lease, read, mark,
 * settle, retry, recover, finish. Every number is looked up in the tables afterwards. */
#include "tests/unit/store_flow.h"

static uint64_t campaign_id;

static void test_store_loads_a_campaign_by_name(void **)
{
	campaign_id = new_campaign("october", "expires_at = '2030-01-01'");
	struct store_campaign r = {
		.request.on_done = done, .name = STR("october"), .arena = &arena};
	store_campaign(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	assert_int_equal(r.campaign_id, campaign_id);
	assert_int_equal(r.ret_state, CAMPAIGN_RUNNING);
	assert_int_equal(r.ret_revision, 1);
	assert_true(str_eq(r.ret_settings, STR("{\"subject\": \"Hello\"}")));
	assert_true(str_eq(r.ret_html, STR("<p>hi</p>")));
	assert_null(r.ret_text.data);
	assert_int_equal(r.ret_expires_wall, (usec)1893456000 * USEC_SECOND);
	struct store_campaign none = {
		.request.on_done = quiet, .name = STR("none"), .arena = &arena};
	store_campaign(store, &none);
	assert_int_equal(none.request.result, STORE_NOT_FOUND);
}

static void test_store_loads_the_files_that_settings_list(void **)
{
	static const char empty_hash[] =
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	uint64_t id = new_campaign("files", "expires_at = '2030-01-01'");
	char statement[800];
	snprintf(
		statement, sizeof(statement),
		"update templates set settings = jsonb_build_object('parts', jsonb_build_array("
		"jsonb_build_object('sha256', encode(sha256('b'), 'hex')), "
		"jsonb_build_object('sha256', '%s'), "
		"jsonb_build_object('sha256', encode(sha256('missing'), 'hex')))) "
		"where campaign_id = %llu; "
		"insert into parts select tenant_id, campaign_id, sha256(b), b from templates, "
		"unnest(array['b', '', 'of another revision']::bytea[]) b where campaign_id = "
		"%llu",
		empty_hash, (unsigned long long)id, (unsigned long long)id);
	assert_int_equal(live_exec(live_admin, statement), 0);
	struct store_campaign r = {
		.request.on_done = done, .name = STR("files"), .arena = &arena};
	store_campaign(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	assert_int_equal(r.ret_part_count, 3);
	assert_true(str_eq(r.ret_parts[0], STR("b")));
	assert_true(r.ret_parts[1].data && r.ret_parts[1].size == 0);
	assert_null(r.ret_parts[2].data);
	snprintf(statement, sizeof(statement), "delete from campaigns where id = %llu",
		 (unsigned long long)id);
	assert_int_equal(live_exec(live_admin, statement), 0);
	assert_int_equal(number("select count(*) from parts"), 0);
}

static void test_store_cut_freezes_everybody_once(void **)
{
	size_t count = 0, slices = 0;
	for (;;) {
		struct store_cut r = cut(campaign_id, 300);
		count += r.ret_count;
		slices += r.ret_slice_id != 0;
		if (r.ret_fully_cut)
			break;
		assert_in_range(slices, 1, 20);
	}
	assert_int_equal(count, AUDIENCE - SUPPRESSED);
	assert_int_equal(slices, 7);
	assert_int_equal(number("select sum(suppressed_count) from slices"), SUPPRESSED);
	assert_int_equal(number("select sum((suppressed_counts->>'manual')::int) from slices"),
			 SUPPRESSED);
	assert_int_equal(number("select count from tallies where verdict = 5 and class = 100"),
			 SUPPRESSED);
	struct store_cut more = cut(campaign_id, 300);
	assert_int_equal(more.ret_slice_id, 0);
	assert_true(more.ret_fully_cut);
}

/* However large somebody's attributes are and whatever a field is called: what -> gives. */
static void test_store_read_gives_fields_as_the_database_does(void **)
{
	const str names[] = {STR("city"), STR("say \"n\""), STR("none")};
	static const char *const attributes[] = {
		"{\"city\": \"B\\u00e4\\\"r\\\\n\", \"say \\\"n\\\"\": [1, {\"city\": 2}]}",
		"{\"city\": {\"none\": null}, \"say n\": 3}", "{\"city\": null}", "[\"city\"]",
		"{}"};
	for (size_t i = 0; i < 15; i++) {
		char statement[400];
		size_t count = i % 3 + 1; /* from two on a name is not plain */
		snprintf(statement, sizeof(statement),
			 "update subscribers set attributes = '%s'::jsonb || case when %zu < 5 then "
			 "'{}'::jsonb else '{\"z\": \"%0*d\"}'::jsonb end where id = 1999",
			 attributes[i % 5], i, i < 10 ? 80 : 150, 7);
		assert_int_equal(live_exec(live_admin, statement), 0);
		struct store_read r = {.request.on_done = done,
				       .campaign_id = campaign_id,
				       .ids = (uint64_t[]){1999},
				       .count = 1,
				       .fields = names,
				       .field_count = count,
				       .arena = &arena};
		store_read(store, &r);
		assert_int_equal(r.request.result, STORE_OK);
		for (size_t field = 0; field < count; field++) {
			str given = r.ret_recipients[0].fields[field];
			snprintf(statement, sizeof(statement),
				 "select coalesce((attributes->'%.*s')::text, 'missing') "
				 "from subscribers where id = 1999",
				 STR_FORMAT(names[field]));
			assert_true(str_eq(given.data ? given : STR("missing"),
					   str_of(live_value(statement))));
		}
	}
	assert_int_equal(live_exec(live_admin, "update subscribers set attributes = "
					       "'{\"city\": \"c1999\", \"n\": 1999}' where id = 1999"),
			 0);
}

static void test_store_read_gives_fields_and_news(void **)
{
	const str fields[] = {STR("city"), STR("nothing"), STR("n")};
	struct store_lease l = lease(campaign_id);
	assert_int_not_equal(l.ret_slice_id, 0);
	assert_int_equal(l.ret_kind, SLICE_AUDIENCE);
	char statement[200];
	snprintf(statement, sizeof(statement),
		 "update subscriptions set state = 2 where subscriber_id = %llu",
		 (unsigned long long)l.ret_ids[3]);
	assert_int_equal(live_exec(live_admin, statement), 0);
	snprintf(statement, sizeof(statement), "delete from subscribers where id = %llu",
		 (unsigned long long)l.ret_ids[5]);
	assert_int_equal(live_exec(live_admin, statement), 0);
	struct store_read r = read_slice(&l, fields, 3);
	struct store_recipient *first = &r.ret_recipients[0];
	assert_int_equal(first->subscriber_id, l.ret_ids[0]);
	assert_true(str_eq(first->email, STR("P1@example.com")));
	assert_true(str_eq(first->name, STR("Person 1")));
	assert_true(str_eq(first->fields[0], STR("\"c1\"")));
	assert_null(first->fields[1].data);
	assert_true(str_eq(first->fields[2], STR("1")));
	assert_false(first->suppressed);
	assert_int_equal(first->attempts, 0);
	assert_true(r.ret_recipients[3].suppressed);
	assert_string_equal(r.ret_recipients[3].suppression_reason, "unsubscribed");
	assert_null(r.ret_recipients[5].email.data);
	assert_non_null(r.ret_recipients[6].email.data);
	struct store_read sparse = {.request.on_done = done,
				    .campaign_id = campaign_id,
				    .ids = (uint64_t[]){l.ret_ids[0], l.ret_ids[3], 1999},
				    .count = 3,
				    .fields = fields,
				    .field_count = 1,
				    .arena = &arena};
	store_read(store, &sparse);
	assert_int_equal(sparse.request.result, STORE_OK);
	assert_true(str_eq(sparse.ret_recipients[0].fields[0], STR("\"c1\"")));
	assert_true(sparse.ret_recipients[1].suppressed);
	assert_true(str_eq(sparse.ret_recipients[2].email, STR("P1999@example.com")));
	struct store_put_back back = {.request.on_done = done,
				      .engine_id = engine_id,
				      .epoch = epoch,
				      .campaign_id = campaign_id,
				      .slice_id = l.ret_slice_id,
				      .ids = l.ret_ids,
				      .count = l.ret_count};
	store_put_back(store, &back);
	assert_int_equal(back.request.result, STORE_OK);
	assert_int_equal(settle(NULL, 0, &l.ret_slice_id, 1), STORE_OK);
}

static void test_store_stops_tell_who_left(void **)
{
	struct store_stop_feed newest = {
		.request.on_done = done, .after_number = UINT64_MAX, .arena = &arena};
	store_stop_feed(store, &newest);
	assert_int_equal(newest.request.result, STORE_OK);
	assert_int_equal(
		live_exec(live_admin,
			  "update subscriptions set state = 2 where subscriber_id = 1990;"
			  "insert into suppressions (tenant_id, address_hash, address, reason) "
			  "values (1, address_hash('p1991@example.com'), 'p1991@example.com', "
			  "21);"
			  "update campaigns set state = 2; update campaigns set state = 1"),
		0);
	struct store_stop_feed r = {.request.on_done = done,
				    .after_number = newest.ret_newest_number,
				    .arena = &arena};
	store_stop_feed(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	assert_int_equal(r.ret_count, 4);
	assert_int_equal(r.ret_stops[0].kind, STOP_SUBSCRIBER);
	assert_int_equal(r.ret_stops[0].subscriber_id, 1990);
	assert_int_equal(r.ret_stops[0].campaign_id, campaign_id);
	assert_string_equal(r.ret_stops[0].reason, "unsubscribed");
	assert_int_equal(r.ret_stops[1].subscriber_id, 1991);
	assert_int_equal(r.ret_stops[1].campaign_id, 0);
	assert_string_equal(r.ret_stops[1].reason, "complaint");
	assert_int_equal(r.ret_stops[2].kind, STOP_PAUSE);
	assert_int_equal(r.ret_stops[3].kind, STOP_RESUME);
	assert_int_equal(r.ret_newest_number, r.ret_stops[3].number);
}

static void test_store_settles_and_retries_to_the_end(void **)
{
	unsigned slices = 0;
	while (work_off(campaign_id))
		assert_in_range(++slices, 1, 50);
	assert_false(finish(campaign_id)); /* deferrals wait */
	struct store_claim_due due = {
		.request.on_done = done, .campaign_id = campaign_id, .limit = 40};
	unsigned claimed = 0;
	do {
		store_claim_due(store, &due);
		assert_int_equal(due.request.result, STORE_OK);
		claimed += due.ret_count;
	} while (due.ret_count);
	assert_true(due.ret_next_due_wall == USEC_NEVER);
	assert_int_equal(claimed, number("select count(*) from deliveries where verdict = 2"));
	assert_in_range(claimed, 50, 100);
	struct store_lease l = lease(campaign_id);
	assert_int_equal(l.ret_kind, SLICE_RETRY);
	struct store_read r = read_slice(&l, NULL, 0);
	assert_int_equal(r.ret_recipients[0].attempts, 1);
	assert_int_equal(r.ret_recipients[0].revision, 1);
	assert_int_not_equal(r.ret_recipients[0].date_wall, 0);
	assert_int_not_equal(r.ret_recipients[0].first_wall, 0);
	assert_true(str_eq(r.ret_recipients[0].source, STR("out1")));
	struct store_put_back back = {.request.on_done = done,
				      .engine_id = engine_id,
				      .epoch = epoch,
				      .campaign_id = campaign_id,
				      .slice_id = l.ret_slice_id,
				      .ids = l.ret_ids,
				      .count = l.ret_count};
	store_put_back(store, &back);
	assert_int_equal(back.request.result, STORE_OK);
	assert_int_equal(settle(NULL, 0, &l.ret_slice_id, 1), STORE_OK);
	while (work_off(campaign_id))
		assert_in_range(++slices, 1, 50);
	assert_true(finish(campaign_id));
	assert_int_equal(number("select state from campaigns where name = 'october'"), 4);
	assert_int_equal(number("select count(*) from deferrals"), 0);
	assert_int_equal(number("select count(*) from start_marks"), 0);
}

static void test_store_numbers_add_up(void **)
{
	assert_int_equal(
		number("select sum(count + suppressed_count) from slices where kind = 0"),
		AUDIENCE);
	assert_int_equal(number("select sum(count) from tallies where final"), AUDIENCE);
	assert_int_equal(number("select count(*) from deliveries where final"),
			 AUDIENCE - SUPPRESSED);
	assert_int_equal(
		number("select count(distinct subscriber_id) from deliveries where final"),
		AUDIENCE - SUPPRESSED);
	assert_int_equal(number("select count(*) from deliveries where verdict = 3"),
			 number("select count(*) from suppressions where reason = 1"));
	assert_int_equal(
		number("select count from tallies where verdict = 5 and class = 103"),
		number("select count(*) from deliveries where verdict = 5 and class = 103"));
	assert_string_equal(live_value("select text from deliveries where verdict = 2 limit 1"),
			    "try ? later?no");
}

static void test_store_settle_is_fenced_by_position(void **)
{
	uint64_t before = position;
	struct store_outcome o = outcome_of(campaign_id, 1, 1);
	position += 7;
	assert_int_equal(settle(&o, 1, NULL, 0), STORE_FENCED);
	position = before;
	struct store_position r = {
		.request.on_done = done, .engine_id = engine_id, .epoch = epoch};
	store_position(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	assert_int_equal(r.ret_position, before);
	assert_int_equal(number("select count(*) from deliveries where final"),
			 AUDIENCE - SUPPRESSED);
}

/* The ids a campaign of its own would freeze, counted; the campaign is cut to its end. */
static uint64_t audience(const char *name, const char *more, uint32_t limit)
{
	uint64_t campaign = new_campaign(name, more), count = 0;
	for (unsigned cuts = 0; cuts < 100; cuts++) {
		struct store_cut r = cut(campaign, limit);
		count += r.ret_count;
		if (r.ret_fully_cut)
			break;
	}
	return count;
}

static void test_store_cuts_lists_exclusions_and_filters(void **)
{
	uint64_t all = number(
		"select count(*) from subscribers s join subscriptions x on x.subscriber_id "
		"= s.id where list_id = 1 and state = 1 and suppressed = 0");
	uint64_t staff = number(
		"select count(*) from subscribers s join subscriptions x on "
		"x.subscriber_id = s.id where list_id = 2 and state = 1 and suppressed = 0");
	uint64_t both = number(
		"select count(*) from subscribers s where suppressed = 0 and exists (select "
		"from subscriptions where subscriber_id = s.id and state = 1)");
	uint64_t town = number(
		"select count(*) from subscribers s join subscriptions x on "
		"x.subscriber_id = s.id where list_id = 1 and state = 1 and suppressed = 0 "
		"and attributes->>'city' = 'c3'");
	uint64_t without = number(
		"select count(*) from subscribers s where suppressed = 0 and exists "
		"(select from subscriptions where subscriber_id = s.id and state = 1 and "
		"list_id = 1) and not exists (select from subscriptions where "
		"subscriber_id = s.id and state = 1 and list_id = 2)");
	for (uint32_t limit = 7; limit < 5000; limit = limit * 9 + 1) {
		char name[20];
		snprintf(name, sizeof(name), "a%u", limit);
		if (limit > 20)
			assert_int_equal(audience(name, "filter = null", limit), all);
		name[0] = 'b';
		assert_int_equal(audience(name, "list_ids = '{2}'", limit), staff);
		if (limit == 7)
			continue;
		name[0] = 'c';
		assert_int_equal(audience(name, "list_ids = '{2,1}'", limit), both);
		name[0] = 'd';
		assert_int_equal(audience(name, "filter = '$.city == \"c3\"'", limit), town);
		name[0] = 'e';
		assert_int_equal(audience(name, "excluded_list_ids = '{2}'", limit), without);
		name[0] = 'f';
		assert_int_equal(audience(name, "excluded_list_ids = '{1}'", limit), 0);
		name[0] = 'g';
		assert_int_equal(audience(name, "list_ids = '{}'", limit), 0);
	}
}

static struct store_outcome unknown_of(uint16_t code, const char *text, usec at)
{
	struct store_outcome o = outcome_of(campaign_id, 1, 1);
	o.verdict = code < 500 ? VERDICT_DEFERRED : VERDICT_FAILED;
	o.class = code < 500 ? CLASS_REMOTE_FAILURE : CLASS_UNKNOWN;
	o.cause = code < 500 ? "unclassified-4" : "unclassified-5";
	o.origin = REPLY_REMOTE;
	o.code = code;
	o.stage = STAGE_RCPT;
	o.provider = STR("example");
	o.text = str_of(text);
	o.at_wall = at;
	o.final = true;
	return o;
}

static void test_store_counts_replies_that_nobody_knows(void **)
{
	static const usec now = 1800000000 * USEC_SECOND;
	struct store_outcome first[] = {
		unknown_of(550, "glorp <ann@example.com> 4F2A11B9C0", now),
		unknown_of(550, "Glorp <bob@example.net> 91AA00B9C7", now + USEC_MINUTE),
		unknown_of(450, "glorp\x1b[2J \xff", now),
	};
	struct store_outcome known = outcome_of(campaign_id, 1, 2), again = first[0];
	known.verdict = VERDICT_FAILED;
	known.class = CLASS_POLICY;
	known.cause = "policy-refused";
	known.origin = REPLY_REMOTE;
	known.text = STR("by policy");
	known.at_wall = now;
	known.final = true;
	again.at_wall = now - USEC_HOUR;

	assert_int_equal(settle(&known, 1, NULL, 0), STORE_OK);
	assert_int_equal(number("select count(*) from unknown_replies"), 0);
	assert_int_equal(settle(first, 3, NULL, 0), STORE_OK);
	assert_int_equal(number("select count(*) from unknown_replies"), 2);
	assert_int_equal(settle(&again, 1, NULL, 0), STORE_OK);
	assert_int_equal(number("select count from unknown_replies where code = 550"), 3);
	assert_string_equal(live_value("select pattern from unknown_replies where code = 550"),
			    "glorp @ 0");
	assert_string_equal(live_value("select example from unknown_replies where code = 450"),
			    "glorp [2J ?");
	assert_int_equal(number("select extract(epoch from last_seen - first_seen) from "
				"unknown_replies where code = 550"),
			 3660);
	/* Patterns that were seen longest ago give way, but not one that is seen right now. */
	assert_int_equal(
		live_exec(live_admin,
			  "insert into unknown_replies select 1, 551, 8, '', 'p' || n, 1, "
			  "now(), to_timestamp(1900000000 + n), '' "
			  "from generate_series(1, 5000) n"),
		0);
	assert_int_equal(settle(&again, 1, NULL, 0), STORE_OK);
	assert_int_equal(number("select count from unknown_replies where code = 550"), 4);
	assert_int_equal(number("select count(*) from unknown_replies"), 4001);
	assert_int_equal(number("select count(*) from unknown_replies where code = 450"), 0);
	assert_int_equal(number("select count(*) from unknown_replies where pattern = 'p5000'"),
			 1);
}

static void test_store_says_when_the_connection_breaks(void **)
{
	assert_int_equal(
		live_exec(live_admin,
			  "select pg_terminate_backend(pid) from pg_stat_activity where "
			  "application_name = 'rundbrief' and datname = current_database()"),
		0);
	for (int tries = 0; tries < 500; tries++) {
		usleep(10000);
		if (number("select count(*) from pg_stat_activity where application_name = "
			   "'rundbrief' and datname = current_database()") == 0)
			break;
	}
	usleep(50000); /* the end of the stream is on its way */
	join();        /* idle connections are mended without a word */
	struct store_heartbeat beat = {.request.on_done = done,
				       .engine_id = engine_id,
				       .epoch = epoch,
				       .arena = &arena};
	store_heartbeat(store, &beat);
	assert_int_equal(beat.request.result, STORE_OK);
	assert_int_equal(beat.ret_lost_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_loads_a_campaign_by_name),
		cmocka_unit_test(test_store_loads_the_files_that_settings_list),
		cmocka_unit_test(test_store_cut_freezes_everybody_once),
		cmocka_unit_test(test_store_read_gives_fields_as_the_database_does),
		cmocka_unit_test(test_store_read_gives_fields_and_news),
		cmocka_unit_test(test_store_stops_tell_who_left),
		cmocka_unit_test(test_store_settles_and_retries_to_the_end),
		cmocka_unit_test(test_store_numbers_add_up),
		cmocka_unit_test(test_store_settle_is_fenced_by_position),
		cmocka_unit_test(test_store_cuts_lists_exclusions_and_filters),
		cmocka_unit_test(test_store_counts_replies_that_nobody_knows),
		cmocka_unit_test(test_store_says_when_the_connection_breaks),
	};
	return cmocka_run_group_tests_name("store", tests, setup, teardown);
}
