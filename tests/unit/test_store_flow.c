/* test_store_flow.c - a campaign's way through a real PostgreSQL: cut, lease, read, mark,
 * settle, retry, recover, finish. Every number is looked up in the tables afterwards. */
#include "tests/unit/cmocka_all.h"

#include "engine/io/clock.h"
#include "engine/io/heap.h"
#include "engine/store/pg.h"
#include "tests/unit/live_db.h"

#define AUDIENCE 2000
#define SUPPRESSED 40 /* every fiftieth */

static struct store *store;
static struct arena arena;
static uint32_t engine_id, epoch;
static uint64_t campaign_id, position;

static void done(struct store_request *r)
{
	if (r->result != STORE_OK)
		fprintf(stderr, "store: %d %s\n", r->result, r->why);
}

static void quiet(struct store_request *r)
{
	(void)r;
}

static void join(void)
{
	struct store_join r = {.request.on_done = done, .name = STR("test")};
	store_join(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	engine_id = r.ret_engine_id;
	epoch = r.ret_epoch;
	position = r.ret_position;
}

static uint64_t new_campaign(const char *name, const char *more)
{
	char statement[900];
	snprintf(statement, sizeof(statement),
		 "with c as (insert into campaigns (name, tenant_id, state, revision, "
		 "highest_id, "
		 "launched_at, list_ids) values ('%s', 1, 1, 1, (select max(id) from "
		 "subscribers), "
		 "now(), '{1}') returning id), t as (insert into templates select 1, id, 1, "
		 "'{\"subject\": \"Hello\"}', '<p>hi</p>', null from c) select id from c",
		 name);
	uint64_t id = strtoull(live_value(statement), NULL, 10);
	snprintf(statement, sizeof(statement),
		 "select campaign_partition(%llu); update campaigns set %s where id = %llu",
		 (unsigned long long)id, more, (unsigned long long)id);
	assert_int_equal(live_exec(live_admin, statement), 0);
	return id;
}

static int setup(void **state)
{
	char why[256] = "";
	struct store_config config = {.conninfo = live_conninfo};
	if (live_setup(state) < 0)
		return -1;
	if (live_exec(live_admin,
		      "insert into lists (tenant_id, name) values (1, 'news'), (1, 'staff');"
		      "insert into subscribers (tenant_id, address, address_key, domain, name, "
		      "attributes) "
		      "select 1, 'P' || n || '@example.com', 'p' || n || '@example.com', "
		      "'example.com', "
		      "'Person ' || n, jsonb_build_object('city', 'c' || n % 7, 'n', n) "
		      "from generate_series(1, 2000) n order by n;"
		      "insert into subscriptions (tenant_id, list_id, subscriber_id) "
		      "select 1, 1, id from subscribers;"
		      "insert into subscriptions (tenant_id, list_id, subscriber_id) "
		      "select 1, 2, id from subscribers where id % 100 = 1;"
		      "insert into suppressions (tenant_id, address_hash, address, reason) "
		      "select 1, address_hash(address_key), address_key, 100 from subscribers "
		      "where id % 50 = 0;"
		      "analyze") < 0)
		return -1;
	if (store_open(&store, NULL, &config, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	arena_init(&arena, heap_source(), 0, 0);
	join();
	return 0;
}

static int teardown(void **state)
{
	store_close(store);
	arena_done(&arena);
	return live_teardown(state);
}

static struct store_cut cut(uint64_t campaign, uint32_t limit)
{
	struct store_cut r = {.request.on_done = done, .campaign_id = campaign, .limit = limit};
	store_cut(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static struct store_lease lease(uint64_t campaign)
{
	struct store_lease r = {.request.on_done = done,
				.engine_id = engine_id,
				.epoch = epoch,
				.campaign_id = campaign,
				.arena = &arena};
	store_lease(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static struct store_outcome outcome_of(uint64_t campaign, uint64_t slice, uint64_t id)
{
	return (struct store_outcome){.campaign_id = campaign,
				      .slice_id = slice,
				      .subscriber_id = id,
				      .verdict = VERDICT_DELIVERED,
				      .final = true,
				      .cause = "delivered",
				      .stage = STAGE_END,
				      .code = 250,
				      .status = {2, 0, 0},
				      .attempt = 1,
				      .revision = 1,
				      .at_wall = clock_wall(),
				      .date_wall = clock_wall(),
				      .duration_ms = 12,
				      .size = 10240,
				      .text = STR("Ok: queued as 4BdX1y0z"),
				      .mx_host = STR("mx1.example.com"),
				      .provider = STR("gmail"),
				      .site = STR("example.com"),
				      .source = STR("out1")};
}

static int settle(struct store_outcome *outcomes, size_t count, const uint64_t *closed,
		  size_t closed_count)
{
	const struct store_outcome **pointers = calloc(count + 1, sizeof(*pointers));
	for (size_t i = 0; i < count; i++)
		pointers[i] = &outcomes[i];
	struct store_settle r = {.request.on_done = done,
				 .engine_id = engine_id,
				 .epoch = epoch,
				 .outcomes = pointers,
				 .count = count,
				 .old_position = position,
				 .new_position = position + 100,
				 .closed_slices = closed,
				 .closed_count = closed_count};
	store_settle(store, &r);
	free(pointers);
	if (r.request.result == STORE_OK)
		position += 100;
	return r.request.result;
}

static bool finish(uint64_t campaign)
{
	struct store_finish r = {.request.on_done = done, .campaign_id = campaign};
	store_finish(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r.ret_finished;
}

static uint64_t number(const char *statement)
{
	return strtoull(live_value(statement), NULL, 10);
}

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

static struct store_read read_slice(const struct store_lease *l, const str *fields,
				    size_t count)
{
	struct store_read r = {.request.on_done = done,
			       .campaign_id = l->ret_campaign_id,
			       .slice_id = l->ret_slice_id,
			       .ids = l->ret_ids,
			       .count = l->ret_count,
			       .fields = fields,
			       .field_count = count,
			       .arena = &arena};
	store_read(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
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

static void make_outcome(struct store_outcome *o, const struct store_recipient *p)
{
	if (!p->email.data || p->suppressed) {
		o->verdict = VERDICT_SUPPRESSED;
		o->cause = p->suppressed ? p->suppression_reason : "gone";
		o->attempt = 0;
	} else if (o->subscriber_id % 20 == 3 && p->attempts == 0) {
		o->verdict = VERDICT_DEFERRED;
		o->final = false;
		o->class = CLASS_GREYLISTED;
		o->code = 451;
		o->due_wall = o->at_wall - 1;
		o->text = STR("try \xff later\0no");
	} else if (o->subscriber_id % 33 == 0) {
		o->verdict = VERDICT_FAILED;
		o->class = CLASS_BAD_MAILBOX;
		o->suppress = true;
		o->code = 550;
		o->attempt = p->attempts + 1;
	} else {
		o->attempt = p->attempts + 1;
	}
}

/* Leases, marks, reads and settles one slice; its id, or 0. */
static uint64_t work_off(uint64_t campaign)
{
	struct store_lease l = lease(campaign);
	if (l.ret_slice_id == 0)
		return 0;
	struct store_read r = read_slice(&l, NULL, 0);
	struct store_mark_slice marked = {l.ret_campaign_id, l.ret_slice_id, l.ret_ids,
					  l.ret_count};
	struct store_mark m = {.request.on_done = done,
			       .engine_id = engine_id,
			       .epoch = epoch,
			       .slices = &marked,
			       .slice_count = 1};
	store_mark(store, &m);
	assert_int_equal(m.request.result, STORE_OK);
	struct store_outcome *outcomes = calloc(l.ret_count, sizeof(*outcomes));
	for (size_t i = 0; i < l.ret_count; i++) {
		outcomes[i] = outcome_of(l.ret_campaign_id, l.ret_slice_id, l.ret_ids[i]);
		make_outcome(&outcomes[i], &r.ret_recipients[i]);
	}
	assert_int_equal(settle(outcomes, l.ret_count, &l.ret_slice_id, 1), STORE_OK);
	free(outcomes);
	return l.ret_slice_id;
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

static void test_store_recovers_what_was_not_accounted_for(void **)
{
	uint64_t campaign = new_campaign("november", "in_doubt_policy = 0");
	cut(campaign, 500);
	struct store_lease l = lease(campaign);
	struct store_outcome outcomes[10];
	for (size_t i = 0; i < 10; i++)
		outcomes[i] = outcome_of(campaign, l.ret_slice_id, l.ret_ids[i]);
	assert_int_equal(settle(outcomes, 10, NULL, 0), STORE_OK);
	struct store_put_back back = {.request.on_done = done,
				      .engine_id = engine_id,
				      .epoch = epoch,
				      .campaign_id = campaign,
				      .slice_id = l.ret_slice_id,
				      .ids = l.ret_ids + 20,
				      .count = 5};
	store_put_back(store, &back);
	struct store_mark_slice marked = {campaign, l.ret_slice_id, l.ret_ids, 15};
	struct store_mark m = {.request.on_done = done,
			       .engine_id = engine_id,
			       .epoch = epoch,
			       .slices = &marked,
			       .slice_count = 1};
	store_mark(store, &m);
	assert_int_equal(m.request.result, STORE_OK);
	uint32_t old_epoch = epoch;
	join();
	assert_int_equal(epoch, old_epoch + 1);
	struct store_mark late = {.request.on_done = quiet,
				  .engine_id = engine_id,
				  .epoch = old_epoch,
				  .slices = &marked,
				  .slice_count = 1};
	store_mark(store, &late);
	assert_int_equal(late.request.result, STORE_FENCED);
	struct store_recover r = {.request.on_done = done,
				  .engine_id = engine_id,
				  .epoch = epoch,
				  .trust_marks = true};
	store_recover(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	assert_int_equal(r.ret_slices, 1);
	assert_int_equal(r.ret_in_doubt, 5);
	assert_int_equal(r.ret_remaining, l.ret_count - 10 - 5 - 5);
	assert_int_equal(number("select count(*) from start_marks"), 0);
	while (work_off(campaign))
		;
	while (!cut(campaign, 500).ret_fully_cut || work_off(campaign))
		work_off(campaign);
	while (work_off(campaign))
		;
	assert_int_equal(
		number("select sum(count) from tallies where final and verdict <> 5 and "
		       "campaign_id = (select max(id) from campaigns)"),
		number("select count(distinct subscriber_id) from deliveries where verdict "
		       "not in (2, 5) and campaign_id = (select max(id) from campaigns)"));
}

static void test_store_cancelled_campaign_is_settled(void **)
{
	uint64_t campaign =
		new_campaign("december", "excluded_list_ids = '{2}', filter = '$.n > 1000'");
	char statement[100];
	cut(campaign, 200);
	cut(campaign, 200);
	snprintf(statement, sizeof(statement), "update campaigns set state = 3 where id = %llu",
		 (unsigned long long)campaign);
	work_off(campaign);
	assert_int_equal(live_exec(live_admin, statement), 0);
	assert_int_equal(lease(campaign).ret_slice_id, 0);
	assert_true(finish(campaign));
	assert_int_equal(
		number("select sum(count + suppressed_count) from slices where kind = 0 and "
		       "campaign_id = (select max(id) from campaigns)"),
		number("select sum(count) from tallies where final and "
		       "campaign_id = (select max(id) from campaigns)"));
	assert_int_equal(number("select count(*) from deferrals where campaign_id = "
				"(select max(id) from campaigns)"),
			 0);
	assert_int_not_equal(
		number("select count(*) from deliveries where verdict = 6 and campaign_id = "
		       "(select max(id) from campaigns)"),
		0);
	assert_int_equal(number("select count(*) from deliveries d join subscriptions x on "
				"x.list_id = 2 "
				"and x.subscriber_id = d.subscriber_id where campaign_id = "
				"(select max(id) from campaigns)"),
			 0);
	assert_true(number("select min(subscriber_id) from deliveries where campaign_id = "
			   "(select max(id) from campaigns)") > 1000);
}

static void put_back(const struct store_lease *l, size_t from, size_t count, int result)
{
	struct store_put_back r = {.request.on_done = quiet,
				   .engine_id = engine_id,
				   .epoch = epoch,
				   .campaign_id = l->ret_campaign_id,
				   .slice_id = l->ret_slice_id,
				   .ids = l->ret_ids + from,
				   .count = count};
	store_put_back(store, &r);
	assert_int_equal(r.request.result, result);
}

static void test_store_put_back_asked_again_changes_nothing(void **)
{
	uint64_t campaign = new_campaign("back", "state = 1");
	cut(campaign, 100);
	struct store_lease l = lease(campaign);
	put_back(&l, 10, 20, STORE_OK);
	put_back(&l, 10, 20, STORE_OK);
	put_back(&l, 5, 30, STORE_OK);
	assert_string_equal(
		live_value("select string_agg(count::text, ' ' order by id) from slices where "
			   "kind = 2 and campaign_id = (select max(id) from campaigns)"),
		"20 10");
	assert_int_equal(settle(NULL, 0, &l.ret_slice_id, 1), STORE_OK);
	put_back(&l, 0, 5, STORE_FENCED);
	while (work_off(campaign))
		;
}

static void test_store_finds_a_lease_that_was_not_answered(void **)
{
	uint64_t campaign = new_campaign("lost", "state = 1");
	cut(campaign, 50);
	cut(campaign, 50);
	struct store_lease first = lease(campaign);
	store->lost_token = store->lease_token; /* as if its commit had not been answered */
	struct store_lease again = lease(campaign);
	assert_int_equal(again.ret_slice_id, first.ret_slice_id);
	store->lost_token = 1000000; /* one that was never made */
	struct store_lease other = lease(campaign);
	assert_int_not_equal(other.ret_slice_id, 0);
	assert_int_not_equal(other.ret_slice_id, first.ret_slice_id);
	assert_int_equal(store->lost_token, 0);
}

static struct store_lease lease_as(uint32_t id, uint32_t id_epoch, uint64_t campaign)
{
	uint32_t own = engine_id, own_epoch = epoch;
	engine_id = id;
	epoch = id_epoch;
	struct store_lease l = lease(campaign);
	engine_id = own;
	epoch = own_epoch;
	return l;
}

static void silence(uint32_t id, const char *time)
{
	char statement[200];
	snprintf(statement, sizeof(statement),
		 "update engines set heartbeat_at = now() - interval '%s' where id = %u", time,
		 id);
	assert_int_equal(live_exec(live_admin, statement), 0);
}

static void test_store_takes_over_from_a_silent_engine(void **)
{
	uint64_t campaign = new_campaign("dead", "in_doubt_policy = 0");
	struct store_join dead = {.request.on_done = done, .name = STR("dead")};
	store_join(store, &dead);
	cut(campaign, 100);
	struct store_lease l = lease_as(dead.ret_engine_id, dead.ret_epoch, campaign);
	assert_in_range(l.ret_count, 50, 100);
	struct store_mark_slice marked = {campaign, l.ret_slice_id, l.ret_ids, 10};
	struct store_mark m = {.request.on_done = done,
			       .engine_id = dead.ret_engine_id,
			       .epoch = dead.ret_epoch,
			       .slices = &marked,
			       .slice_count = 1};
	store_mark(store, &m);
	assert_int_equal(m.request.result, STORE_OK);
	assert_int_equal(lease(campaign).ret_slice_id, 0);
	silence(dead.ret_engine_id, "31 seconds");
	assert_int_equal(lease(campaign).ret_next_due_wall, 0);
	struct store_lease taken = lease(campaign);
	assert_int_equal(taken.ret_count, l.ret_count - 10);
	assert_int_equal(taken.ret_ids[0], l.ret_ids[10]);
	m.request.on_done = quiet;
	store_mark(store, &m);
	assert_int_equal(m.request.result, STORE_FENCED);
	struct store_heartbeat beat = {.request.on_done = done,
				       .engine_id = dead.ret_engine_id,
				       .epoch = dead.ret_epoch,
				       .arena = &arena};
	store_heartbeat(store, &beat);
	assert_int_equal(beat.ret_lost_count, 1);
	assert_int_equal(beat.ret_lost_slices[0], l.ret_slice_id);
	put_back(&taken, 0, taken.ret_count, STORE_OK);
	assert_int_equal(settle(NULL, 0, &taken.ret_slice_id, 1), STORE_OK);
	assert_int_equal(live_exec(live_admin, "update campaigns set fully_cut = true"), 0);
	while (work_off(campaign))
		;
	assert_false(finish(campaign)); /* the journal may still come back */
	silence(dead.ret_engine_id, "2 days");
	assert_int_equal(lease(campaign).ret_next_due_wall, 0);
	struct store_claim_due due = {
		.request.on_done = done, .campaign_id = campaign, .limit = 100};
	assert_int_equal(live_exec(live_admin, "update deferrals set due_at = now()"), 0);
	store_claim_due(store, &due);
	while (work_off(campaign))
		;
	assert_true(finish(campaign));
	assert_true(finish(campaign)); /* asked again: the answer may have been lost */
	assert_int_equal(
		number("select sum(count) from tallies where final and verdict = 4 and "
		       "campaign_id = (select max(id) from campaigns)"),
		10);
	assert_int_equal(
		number("select sum(count) from tallies where final and campaign_id = (select "
		       "max(id) from campaigns)"),
		100);
	assert_int_equal(
		number("select count(*) from start_marks where campaign_id = (select max(id) "
		       "from campaigns)"),
		0);
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
		cmocka_unit_test(test_store_cut_freezes_everybody_once),
		cmocka_unit_test(test_store_read_gives_fields_and_news),
		cmocka_unit_test(test_store_stops_tell_who_left),
		cmocka_unit_test(test_store_settles_and_retries_to_the_end),
		cmocka_unit_test(test_store_numbers_add_up),
		cmocka_unit_test(test_store_settle_is_fenced_by_position),
		cmocka_unit_test(test_store_recovers_what_was_not_accounted_for),
		cmocka_unit_test(test_store_cancelled_campaign_is_settled),
		cmocka_unit_test(test_store_cuts_lists_exclusions_and_filters),
		cmocka_unit_test(test_store_put_back_asked_again_changes_nothing),
		cmocka_unit_test(test_store_finds_a_lease_that_was_not_answered),
		cmocka_unit_test(test_store_takes_over_from_a_silent_engine),
		cmocka_unit_test(test_store_says_when_the_connection_breaks),
	};
	return cmocka_run_group_tests_name("store", tests, setup, teardown);
}
