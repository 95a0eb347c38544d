/* test_store_claim.c - who works on what, in a real PostgreSQL: leases, put-backs, take-overs,
 * recovery and cancelling. */
#include "tests/unit/store_flow.h"

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

/* Who asks for another campaign meanwhile gets nothing of the first one's. */
static void test_store_lets_go_of_a_lost_lease_of_another_campaign(void **)
{
	uint64_t one = new_campaign("lost-one", "state = 1");
	uint64_t two = new_campaign("lost-two", "state = 1");
	cut(one, 50);
	cut(two, 50);
	struct store_lease first = lease(one);
	store->lost_token = store->lease_token; /* as if its commit had not been answered */
	struct store_lease other = lease(two);
	assert_int_not_equal(other.ret_slice_id, 0);
	assert_int_equal(other.ret_campaign_id, two);
	struct store_lease again = lease(one);
	assert_int_equal(again.ret_slice_id, first.ret_slice_id);
	assert_int_equal(again.ret_campaign_id, one);
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
	silence(dead.ret_engine_id, "31 seconds");
	assert_int_equal(lease(campaign).ret_next_due_wall, USEC_NEVER);
	assert_int_equal(
		live_exec(live_admin, "update slices set decide_at = now() where state = 4"), 0);
	assert_int_equal(lease(campaign).ret_next_due_wall, 0);
	assert_int_equal(number("select count(*) from burials where final and slice_id in "
				"(select id from slices where state = 6)"),
			 10);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_recovers_what_was_not_accounted_for),
		cmocka_unit_test(test_store_cancelled_campaign_is_settled),
		cmocka_unit_test(test_store_put_back_asked_again_changes_nothing),
		cmocka_unit_test(test_store_finds_a_lease_that_was_not_answered),
		cmocka_unit_test(test_store_lets_go_of_a_lost_lease_of_another_campaign),
		cmocka_unit_test(test_store_takes_over_from_a_silent_engine),
	};
	return cmocka_run_group_tests_name("store", tests, setup, teardown);
}
