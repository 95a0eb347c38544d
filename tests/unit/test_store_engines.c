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

static void settle_as(struct other who, struct store_outcome *outcomes, size_t count,
		      const uint64_t *closed)
{
	uint32_t own = engine_id, own_epoch = epoch;
	uint64_t kept = position;
	engine_id = who.id;
	epoch = who.epoch;
	struct store_position ask = {
		.request.on_done = done, .engine_id = who.id, .epoch = who.epoch};
	store_position(store, &ask);
	position = ask.ret_position;
	assert_int_equal(settle(outcomes, count, closed, closed ? 1 : 0), STORE_OK);
	engine_id = own;
	epoch = own_epoch;
	position = kept;
}

/* A slice whose engine marked somebody and never came back, and somebody else has buried. */
struct buried {
	struct other owner;
	uint64_t campaign;
	struct store_lease l;
};

static struct buried bury(const char *name, const char *more)
{
	struct buried b = {.campaign = new_campaign(name, more), .owner = join_as("one")};
	struct other two = join_as("two");
	cut(b.campaign, 20);
	b.l = lease_as(b.owner, b.campaign);
	assert_int_equal(mark_as(b.owner, &b.l, 3), STORE_OK);
	silence(b.owner);
	struct store_lease rest = lease_as(two, b.campaign);
	assert_int_equal(rest.ret_count, b.l.ret_count - 3);
	assert_int_equal(put_back_as(two, &rest, 0, rest.ret_count), STORE_OK);
	settle_as(two, NULL, 0, &rest.ret_slice_id);
	assert_int_equal(
		live_exec(live_admin, "update slices set decide_at = now() where state = 4"), 0);
	store->takeover_at = INT64_MAX;
	while (work_off(b.campaign))
		;
	while (lease(b.campaign).ret_next_due_wall == 0)
		;
	return b;
}

static uint64_t final_count(const char *table, enum verdict verdict)
{
	char statement[300];
	snprintf(statement, sizeof(statement),
		 "select coalesce(sum(%s), 0) from %s where final and verdict = %d and "
		 "campaign_id = (select max(id) from campaigns)",
		 strcmp(table, "tallies") == 0 ? "count" : "1", table, verdict);
	return number(statement);
}

/* Sums and rows say the same, and nobody is counted twice. */
static void assert_finals(uint64_t delivered, uint64_t failed, uint64_t in_doubt)
{
	const char *tables[] = {"tallies", "deliveries"};
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(final_count(tables[i], VERDICT_DELIVERED), delivered);
		assert_int_equal(final_count(tables[i], VERDICT_FAILED), failed);
		assert_int_equal(final_count(tables[i], VERDICT_IN_DOUBT), in_doubt);
	}
	assert_int_equal(number("select count(*) from (select 1 from deliveries where final and "
				"campaign_id = (select max(id) from campaigns) group by "
				"subscriber_id having count(*) > 1) x"),
			 0);
}

static void end_campaign(uint64_t campaign)
{
	char statement[200];
	snprintf(statement, sizeof(statement),
		 "update deferrals set due_at = now() where campaign_id = %llu;"
		 "update campaigns set fully_cut = true where id = %llu",
		 (unsigned long long)campaign, (unsigned long long)campaign);
	for (int i = 0; i < 5 && !finish(campaign); i++) {
		assert_int_equal(live_exec(live_admin, statement), 0);
		struct store_claim_due due = {
			.request.on_done = done, .campaign_id = campaign, .limit = 100};
		store_claim_due(store, &due);
		while (work_off(campaign))
			;
	}
	assert_true(finish(campaign));
}

static void test_store_late_outcomes_replace_a_burial(void **)
{
	struct buried b = bury("late", "in_doubt_policy = 0");
	end_campaign(b.campaign);
	uint64_t delivered = final_count("tallies", VERDICT_DELIVERED);
	uint64_t failed = final_count("tallies", VERDICT_FAILED);
	assert_finals(delivered, failed, 3);
	assert_int_equal(number("select count(*) from deliveries where verdict = 4 and text like "
				"'started at 20%' and date_at is not null and campaign_id = "
				"(select max(id) from campaigns)"),
			 3);
	/* The campaign has ended when its first engine's journal comes back. */
	struct store_outcome o[3];
	for (size_t i = 0; i < 3; i++)
		o[i] = outcome_of(b.campaign, b.l.ret_slice_id, b.l.ret_ids[i]);
	o[1].verdict = VERDICT_FAILED;
	o[1].code = 550;
	o[2].verdict = VERDICT_DEFERRED;
	o[2].final = false;
	o[2].due_wall = o[2].at_wall;
	settle_as(b.owner, o, 3, NULL);
	assert_finals(delivered + 1, failed + 2, 0);
	assert_int_equal(number("select count(*) from deferrals where campaign_id = (select "
				"max(id) from campaigns)"),
			 0);
	/* Told once more, it is one row more and the same sums. */
	settle_as(b.owner, o, 3, NULL);
	assert_finals(delivered + 1, failed + 2, 0);
	assert_int_equal(put_back_as(b.owner, &b.l, 0, 3), STORE_OK);
	assert_int_equal(open_count(b.campaign), 0);
	assert_int_equal(feed(b.owner).ret_lost_count, 1);
}

static void test_store_late_deferral_is_tried_again(void **)
{
	struct buried b = bury("again", "in_doubt_policy = 0");
	struct store_outcome o = outcome_of(b.campaign, b.l.ret_slice_id, b.l.ret_ids[0]);
	o.verdict = VERDICT_DEFERRED;
	o.final = false;
	o.due_wall = o.at_wall;
	settle_as(b.owner, &o, 1, NULL);
	assert_int_equal(final_count("tallies", VERDICT_IN_DOUBT), 2);
	uint64_t before = final_count("tallies", VERDICT_DELIVERED);
	end_campaign(b.campaign);
	assert_true(final_count("tallies", VERDICT_DELIVERED) > before);
	assert_int_equal(final_count("deliveries", VERDICT_IN_DOUBT), 2);
}

static void claim_all(uint64_t campaign)
{
	assert_int_equal(live_exec(live_admin, "update deferrals set due_at = now()"), 0);
	struct store_claim_due due = {
		.request.on_done = done, .campaign_id = campaign, .limit = 100};
	store_claim_due(store, &due);
	assert_int_equal(due.request.result, STORE_OK);
}

static uint64_t copies(const struct buried *b, size_t index)
{
	char statement[200];
	snprintf(statement, sizeof(statement),
		 "select count(*) from deliveries where verdict = 1 and campaign_id = %llu and "
		 "subscriber_id = %llu",
		 (unsigned long long)b->campaign, (unsigned long long)b->l.ret_ids[index]);
	return number(statement);
}

static void forget(struct other who)
{
	char statement[400];
	snprintf(statement, sizeof(statement),
		 "update engines set left_at = now() where id = %u; update slices set decide_at = "
		 "now() where lease_engine_id = %u and state in (1, 4)", /* api_nodes_forget.sql */
		 who.id, who.id);
	assert_int_equal(live_exec(live_admin, statement), 0);
}

static void look_all(uint64_t campaign)
{
	store->takeover_at = 0;
	for (int i = 0; i < 6; i++)
		(void)lease(campaign);
}

/* Given up by a person, and back: policy decides nothing of it before it was silent for as long
 * as ever, whether somebody has taken its slice over meanwhile or not. */
static void test_store_who_is_back_has_no_date(void **)
{
	for (int taken = 0; taken < 2; taken++)
		for (int anew = 0; anew < 2; anew++) {
			char name[32];
			snprintf(name, sizeof(name), "back %d %d", taken, anew);
			uint64_t campaign = new_campaign(name, "in_doubt_policy = 0");
			struct other one = join_as("one");
			cut(campaign, 20);
			struct store_lease l = lease_as(one, campaign);
			assert_int_equal(mark_as(one, &l, 3), STORE_OK);
			if (taken) {
				silence(one);
				look_all(campaign);
			}
			silence(one);
			forget(one);
			const str none[] = {STR("none")};
			if (anew)
				one = join_as("one");
			else
				assert_int_equal(beat(one, none, 1).request.result, STORE_OK);
			silence(one);
			look_all(campaign);
			assert_finals(0, 0, 0);
			assert_int_equal(number("select count(*) from slices where state = 4 and "
						"campaign_id = (select max(id) from campaigns)"),
					 1);
			char statement[200];
			snprintf(statement, sizeof(statement),
				 "update engines set heartbeat_at = now() - interval '25 hours' where "
				 "id = %u; update slices set decide_at = decide_at - interval '25 hours'",
				 one.id);
			assert_int_equal(live_exec(live_admin, statement), 0);
			look_all(campaign);
			assert_finals(0, 0, 3);
		}
}

static void test_store_who_is_told_of_leaves_his_retry(void **)
{
	struct buried b = bury("leaves", "in_doubt_policy = 1");
	claim_all(b.campaign); /* a retry slice has all three */
	struct store_outcome o = outcome_of(b.campaign, b.l.ret_slice_id, b.l.ret_ids[1]);
	settle_as(b.owner, &o, 1, NULL);
	struct store_lease retry = lease(b.campaign);
	assert_true(retry.ret_count >= 2);
	for (size_t i = 0; i < retry.ret_count; i++)
		assert_true(retry.ret_ids[i] != b.l.ret_ids[1]);
	/* It goes back into a slice of its own, and only then the others are told of, too. */
	assert_int_equal(put_back_as((struct other){engine_id, epoch}, &retry, 0, retry.ret_count),
			 STORE_OK);
	assert_int_equal(settle(NULL, 0, &retry.ret_slice_id, 1), STORE_OK);
	o = outcome_of(b.campaign, b.l.ret_slice_id, b.l.ret_ids[0]);
	settle_as(b.owner, &o, 1, NULL);
	o = outcome_of(b.campaign, b.l.ret_slice_id, b.l.ret_ids[2]);
	settle_as(b.owner, &o, 1, NULL);
	struct store_lease rest = lease(b.campaign);
	if (rest.ret_slice_id == 0) { /* there was nobody else in it */
		assert_int_equal(rest.ret_next_due_wall, 0);
		assert_int_equal(lease(b.campaign).ret_next_due_wall, USEC_NEVER);
	} else {
		work_slice(&rest);
	}
	end_campaign(b.campaign);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(copies(&b, i), 1);
	assert_finals(final_count("tallies", VERDICT_DELIVERED),
		      final_count("tallies", VERDICT_FAILED), 0);
	assert_int_equal(number("select sum(count + suppressed_count) from slices where kind = 0 "
				"and campaign_id = (select max(id) from campaigns)"),
			 number("select sum(count) from tallies where final and campaign_id = "
				"(select max(id) from campaigns)"));
}

static void test_store_second_copy_and_late_outcome_are_one_verdict(void **)
{
	struct buried b = bury("second", "in_doubt_policy = 1");
	assert_int_equal(number("select count(*) from deferrals where verdict = 4 and "
				"campaign_id = (select max(id) from campaigns)"),
			 3);
	/* One is told before anybody has claimed the second attempt: there is none. */
	struct store_outcome o = outcome_of(b.campaign, b.l.ret_slice_id, b.l.ret_ids[0]);
	settle_as(b.owner, &o, 1, NULL);
	assert_int_equal(number("select count(*) from deferrals where verdict = 4 and "
				"campaign_id = (select max(id) from campaigns)"),
			 2);
	/* One while somebody works on it. */
	claim_all(b.campaign);
	struct store_lease again = lease(b.campaign);
	o = outcome_of(b.campaign, b.l.ret_slice_id, b.l.ret_ids[1]);
	settle_as(b.owner, &o, 1, NULL);
	work_slice(&again);
	end_campaign(b.campaign);
	uint64_t delivered = final_count("tallies", VERDICT_DELIVERED);
	uint64_t failed = final_count("tallies", VERDICT_FAILED);
	assert_finals(delivered, failed, 0);
	char attempts[200]; /* the second copy of who was being sent to is told as the second */
	snprintf(attempts, sizeof(attempts),
		 "select max(attempt) from deliveries where campaign_id = %llu and "
		 "subscriber_id = %llu",
		 (unsigned long long)b.campaign, (unsigned long long)b.l.ret_ids[1]);
	assert_int_equal(number(attempts), 2);
	/* And one after all has ended: a failure does not take the place of a delivery. */
	o = outcome_of(b.campaign, b.l.ret_slice_id, b.l.ret_ids[2]);
	o.verdict = VERDICT_FAILED;
	o.code = 550;
	settle_as(b.owner, &o, 1, NULL);
	assert_finals(delivered, failed, 0);
	assert_int_equal(number("select sum(count + suppressed_count) from slices where kind = 0 "
				"and campaign_id = (select max(id) from campaigns)"),
			 number("select sum(count) from tallies where final and campaign_id = "
				"(select max(id) from campaigns)"));
}

/* Settled bare, whatever it was; the position moves with it, once. */
static void test_store_sets_one_outcome_aside(void **)
{
	struct buried b = bury("aside", "in_doubt_policy = 1");
	struct store_outcome o = outcome_of(b.campaign, b.l.ret_slice_id, b.l.ret_ids[0]);
	const struct store_outcome *one = &o;
	o.verdict = VERDICT_DEFERRED; /* and he waits, for he was in doubt */
	o.final = false;
	o.due_wall = o.at_wall;
	struct store_settle r = {.request.on_done = quiet,
				 .engine_id = engine_id,
				 .epoch = epoch,
				 .outcomes = &one,
				 .count = 1,
				 .old_position = position,
				 .new_position = position + 100,
				 .refused = "check \"no\"",
				 .record = STR("\0whole")};
	store_settle(store, &r);
	assert_string_equal(r.request.why, "");
	assert_int_equal(r.request.result, STORE_OK);
	assert_int_equal(final_count("tallies", VERDICT_FAILED),
			 final_count("deliveries", VERDICT_FAILED));
	store_settle(store, &r);
	assert_int_equal(r.request.result, STORE_FENCED);
	position += 100;
	assert_int_equal(number("select count(*) from asides where why = 'check \"no\"' and "
				"record = '\\x0077686f6c65' and attempt = 1"),
			 1);
	char waits[200];
	snprintf(waits, sizeof(waits),
		 "select count(*) from deferrals where campaign_id = %llu and subscriber_id = %llu",
		 (unsigned long long)b.campaign, (unsigned long long)b.l.ret_ids[0]);
	assert_int_equal(number(waits), 0);
	end_campaign(b.campaign);
	/* What is told of him late, and is better, takes its place. */
	uint64_t failed = final_count("tallies", VERDICT_FAILED);
	uint64_t delivered = final_count("tallies", VERDICT_DELIVERED);
	o = outcome_of(b.campaign, b.l.ret_slice_id, b.l.ret_ids[0]);
	settle_as(b.owner, &o, 1, NULL);
	assert_finals(delivered + 1, failed - 1, 0);
}

/* What is said of somebody who was never marked, and whom somebody else has by now. */
static void test_store_word_of_who_was_moved_counts_nothing(void **)
{
	uint64_t campaign = new_campaign("moved", "state = 1");
	struct other one = join_as("one"), two = join_as("two");
	cut(campaign, 20);
	struct store_lease l = lease_as(one, campaign);
	assert_int_equal(mark_as(one, &l, 2), STORE_OK);
	silence(one);
	struct store_lease taken = lease_as(two, campaign);
	assert_int_equal(taken.ret_count, l.ret_count - 2);
	struct store_outcome o[2] = {outcome_of(campaign, l.ret_slice_id, l.ret_ids[5]),
				     outcome_of(campaign, l.ret_slice_id, l.ret_ids[0])};
	o[0].verdict = VERDICT_FAILED;
	o[0].attempt = 0;
	settle_as(one, o, 2, NULL);
	assert_int_equal(final_count("tallies", VERDICT_FAILED), 0);
	assert_int_equal(final_count("tallies", VERDICT_DELIVERED), 1);
	o[0] = outcome_of(campaign, taken.ret_slice_id, l.ret_ids[5]);
	settle_as(two, o, 1, NULL);
	assert_finals(2, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_gives_a_source_to_one_engine),
		cmocka_unit_test(test_store_gives_a_silent_engines_source_away),
		cmocka_unit_test(test_store_tells_who_was_silent_what_it_lost),
		cmocka_unit_test(test_store_leave_opens_what_was_never_marked),
		cmocka_unit_test(test_store_late_outcomes_replace_a_burial),
		cmocka_unit_test(test_store_late_deferral_is_tried_again),
		cmocka_unit_test(test_store_who_is_back_has_no_date),
		cmocka_unit_test(test_store_who_is_told_of_leaves_his_retry),
		cmocka_unit_test(test_store_second_copy_and_late_outcome_are_one_verdict),
		cmocka_unit_test(test_store_sets_one_outcome_aside),
		cmocka_unit_test(test_store_word_of_who_was_moved_counts_nothing),
	};
	return cmocka_run_group_tests_name("store", tests, setup, teardown);
}
