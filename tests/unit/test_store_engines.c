/* test_store_engines.c - several engines on one real PostgreSQL: whose sources are whose, what a
 * silent one hears when it is back, and what one that leaves in order leaves behind. */
#include "tests/unit/store_flow.h"

struct other {
	uint32_t id, epoch;
};

static struct other join_as(const char *name)
{
	struct store_join r = {.request.on_done = done, .name = str_of(name)};
	store_join(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return (struct other){r.ret_engine_id, r.ret_epoch};
}

static struct store_heartbeat beat(struct other who, const str *sources, size_t count)
{
	struct store_heartbeat r = {.request.on_done = quiet,
				    .engine_id = who.id,
				    .epoch = who.epoch,
				    .sources = sources,
				    .source_count = count,
				    .arena = &arena};
	store_heartbeat(store, &r);
	return r;
}

static struct store_stop_feed feed(struct other who)
{
	struct store_stop_feed r = {.request.on_done = quiet,
				    .engine_id = who.id,
				    .epoch = who.epoch,
				    .arena = &arena};
	store_stop_feed(store, &r);
	return r;
}

static int leave(struct other who)
{
	struct store_leave r = {
		.request.on_done = quiet, .engine_id = who.id, .epoch = who.epoch};
	store_leave(store, &r);
	return r.request.result;
}

/* As if it had not been heard of for longer than its lease. */
static void silence(struct other who)
{
	char statement[300];
	snprintf(statement, sizeof(statement),
		 "update engines set heartbeat_at = now() - interval '31 seconds' where id = "
		 "%u; update sources set until_at = now() - interval '1 second' where engine_id "
		 "= %u",
		 who.id, who.id);
	assert_int_equal(live_exec(live_admin, statement), 0);
}

static struct store_lease lease_as(struct other who, uint64_t campaign)
{
	struct store_lease r = {.request.on_done = done,
				.engine_id = who.id,
				.epoch = who.epoch,
				.campaign_id = campaign,
				.arena = &arena};
	store->takeover_at = 0; /* it looks for silent engines, too */
	store_lease(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static int mark_as(struct other who, const struct store_lease *l, size_t count)
{
	struct store_mark_slice marked = {l->ret_campaign_id, l->ret_slice_id, l->ret_ids,
					  count};
	struct store_mark r = {.request.on_done = quiet,
			       .engine_id = who.id,
			       .epoch = who.epoch,
			       .slices = &marked,
			       .slice_count = 1};
	store_mark(store, &r);
	return r.request.result;
}

static int put_back_as(struct other who, const struct store_lease *l, size_t from, size_t count)
{
	struct store_put_back r = {.request.on_done = quiet,
				   .engine_id = who.id,
				   .epoch = who.epoch,
				   .campaign_id = l->ret_campaign_id,
				   .slice_id = l->ret_slice_id,
				   .ids = l->ret_ids + from,
				   .count = count};
	store_put_back(store, &r);
	return r.request.result;
}

static const str both[] = {{"out1", 4}, {"out2", 4}};

static void test_store_gives_a_source_to_one_engine(void **)
{
	struct other one = join_as("one"), two = join_as("two");
	struct store_heartbeat a = beat(one, both, 1), b = beat(two, both, 2);
	assert_int_equal(a.request.result, STORE_OK);
	assert_true(a.ret_held[0]);
	assert_int_equal(b.request.result, STORE_OK);
	assert_false(b.ret_held[0]);
	assert_true(str_eq(b.ret_holders[0], STR("one")));
	assert_true(b.ret_held[1]);
	assert_int_equal(b.ret_holders[1].size, 0);
	/* Whoever does not ask any more has let go. */
	assert_int_equal(beat(one, NULL, 0).request.result, STORE_OK);
	assert_true(beat(two, both, 2).ret_held[0]);
	assert_false(beat(one, both, 2).ret_held[0]);
	assert_int_equal(leave(two), STORE_OK);
	assert_int_equal(leave(two), STORE_OK);
	b = beat(one, both, 2);
	assert_true(b.ret_held[0] && b.ret_held[1]);
	assert_int_equal(leave(one), STORE_OK);
}

static void test_store_gives_a_silent_engines_source_away(void **)
{
	struct other one = join_as("one"), two = join_as("two");
	assert_true(beat(one, both, 2).ret_held[1]);
	/* A new life of the same engine has them at once, the old one is fenced. */
	struct other again = join_as("one");
	assert_int_equal(again.id, one.id);
	assert_true(beat(again, both, 2).ret_held[0]);
	assert_int_equal(beat(one, both, 2).request.result, STORE_FENCED);
	assert_int_equal(feed(one).request.result, STORE_FENCED);
	assert_int_equal(leave(one), STORE_FENCED);
	assert_false(beat(two, both, 2).ret_held[0]);
	silence(again);
	assert_true(beat(two, both, 2).ret_held[0]);
	struct store_heartbeat late = beat(again, both, 2);
	assert_int_equal(late.request.result, STORE_OK);
	assert_false(late.ret_held[0]);
	assert_true(str_eq(late.ret_holders[0], STR("two")));
	assert_int_equal(leave(two), STORE_OK);
	assert_int_equal(leave(again), STORE_OK);
}

/* How many of a campaign may be leased, or are; and how many times somebody is in two slices. */
static uint64_t open_count(uint64_t campaign)
{
	char statement[200];
	snprintf(statement, sizeof(statement),
		 "select coalesce(sum(count), 0) from slices where campaign_id = %llu and "
		 "state = 0",
		 (unsigned long long)campaign);
	return number(statement);
}

static void test_store_tells_who_was_silent_what_it_lost(void **)
{
	uint64_t campaign = new_campaign("silent", "state = 1");
	struct other one = join_as("one"), two = join_as("two");
	cut(campaign, 100);
	struct store_lease l = lease_as(one, campaign);
	assert_int_equal(mark_as(one, &l, 10), STORE_OK);
	assert_int_equal(feed(one).ret_lost_count, 0);
	silence(one);
	struct store_lease taken = lease_as(two, campaign);
	assert_int_equal(taken.ret_count, l.ret_count - 10);
	struct store_stop_feed heard = feed(one);
	assert_int_equal(heard.request.result, STORE_OK);
	assert_int_equal(heard.ret_lost_count, 1);
	assert_int_equal(heard.ret_lost_slices[0], l.ret_slice_id);
	assert_int_equal(mark_as(one, &l, 10), STORE_FENCED);
	/* Whom it had marked and did not start it may put back, nobody else; and only once. */
	assert_int_equal(put_back_as(one, &l, 4, 20), STORE_OK);
	assert_int_equal(open_count(campaign), 6);
	assert_int_equal(put_back_as(one, &l, 4, 20), STORE_OK);
	assert_int_equal(open_count(campaign), 6);
	assert_int_equal(put_back_as(two, &l, 0, 4), STORE_FENCED);
	/* It comes to an end with what it had started: nothing is lost any more. */
	uint32_t own = engine_id, own_epoch = epoch;
	struct store_outcome outcomes[4];
	for (size_t i = 0; i < 4; i++)
		outcomes[i] = outcome_of(campaign, l.ret_slice_id, l.ret_ids[i]);
	engine_id = one.id;
	epoch = one.epoch;
	uint64_t kept = position;
	position = 0;
	assert_int_equal(settle(outcomes, 4, &l.ret_slice_id, 1), STORE_OK);
	position = kept;
	engine_id = own;
	epoch = own_epoch;
	assert_int_equal(feed(one).ret_lost_count, 0);
	assert_int_equal(put_back_as(two, &taken, 0, taken.ret_count), STORE_OK);
	engine_id = own;
	while (work_off(campaign))
		;
}

static void test_store_leave_opens_what_was_never_marked(void **)
{
	uint64_t campaign = new_campaign("leave", "state = 1");
	struct other one = join_as("one"), two = join_as("two");
	cut(campaign, 100);
	struct store_lease l = lease_as(one, campaign);
	assert_int_equal(mark_as(one, &l, 3), STORE_OK);
	assert_int_equal(lease_as(two, campaign).ret_slice_id, 0);
	assert_int_equal(leave(one), STORE_OK);
	struct store_lease taken = lease_as(two, campaign);
	assert_int_equal(taken.ret_count, l.ret_count - 3);
	assert_int_equal(taken.ret_ids[0], l.ret_ids[3]);
	assert_int_equal(number("select count(*) from burials where campaign_id = (select max(id) "
				"from campaigns)"),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_gives_a_source_to_one_engine),
		cmocka_unit_test(test_store_gives_a_silent_engines_source_away),
		cmocka_unit_test(test_store_tells_who_was_silent_what_it_lost),
		cmocka_unit_test(test_store_leave_opens_what_was_never_marked),
	};
	return cmocka_run_group_tests_name("store", tests, setup, teardown);
}
