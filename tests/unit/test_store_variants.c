/* test_store_variants.c - variants, the hold-out and the winner in a real PostgreSQL: the split
 * is C's, who waits is nobody's to lease, and every count adds up. */
#include "tests/unit/store_flow.h"

#include "engine/base/codec.h"
#include "templates/variant.h"

#define SPLIT "split = '{1000,1000}', hold_out = 500"

static const struct variant_split split = {.shares = {1000, 1000}, .count = 2, .hold_out = 500};

static uint64_t count_of(uint64_t campaign, const char *what)
{
	char statement[300];
	snprintf(statement, sizeof(statement),
		 "select coalesce(sum(count), 0) from %s %s = %llu", what,
		 strstr(what, "where") ? "and campaign_id" : "where campaign_id",
		 (unsigned long long)campaign);
	return number(statement);
}

/* Of the audience, when it was cut last: dead addresses become more with every campaign. */
static bool suppressed[AUDIENCE + 1];

static void cut_all(uint64_t campaign)
{
	PGresult *result =
		PQexec(live_admin, "select id from subscribers where suppressed <> 0");
	for (int i = 0; i < PQntuples(result); i++)
		suppressed[atoi(PQgetvalue(result, i, 0))] = true;
	PQclear(result);
	while (!cut(campaign, 500).ret_fully_cut)
		;
}

static uint64_t expected(uint64_t campaign, int variant)
{
	uint64_t count = 0;
	for (uint64_t id = 1; id <= AUDIENCE; id++)
		count += !suppressed[id] && variant_of(&split, campaign, id) == variant;
	return count;
}

static void name_winner(uint64_t campaign, unsigned winner)
{
	char statement[300];
	snprintf(statement, sizeof(statement),
		 "begin; update campaigns set winner = %u where id = %llu; "
		 "update slices set state = 0, due_at = now() where campaign_id = %llu and "
		 "state = 5; commit",
		 winner, (unsigned long long)campaign, (unsigned long long)campaign);
	assert_int_equal(live_exec(live_admin, statement), 0);
}

static void check_sums(uint64_t campaign)
{
	uint64_t targeted =
		count_of(campaign, "(select campaign_id, kind, count + suppressed_count as "
				   "count from slices) x where kind = 0");
	assert_int_equal(targeted, AUDIENCE);
	assert_int_equal(count_of(campaign, "tallies where final"), targeted);
	uint64_t chosen = count_of(campaign, "variant_tallies where verdict = 0");
	assert_int_equal(count_of(campaign, "variant_tallies where final"), chosen);
	assert_int_equal(count_of(campaign, "tallies where engine_id = 0 and verdict = 5"),
			 targeted - chosen);
}

static void test_store_variants_split_in_sql_is_that_of_c(void **)
{
	PGresult *result =
		PQexec(live_admin,
		       "select c, s, variant_bucket(c, s), variant_of('{100,2500,17}', 1234, "
		       "c, s) from (select 1 + n % 7 as c, n as s from generate_series(1, "
		       "50000) n union all select n * 7919, n * 1000003 from "
		       "generate_series(1::bigint, 50000) n) x");
	const struct variant_split three = {
		.shares = {100, 2500, 17}, .count = 3, .hold_out = 1234};
	assert_int_equal(PQntuples(result), 100000);
	for (int i = 0; i < PQntuples(result); i++) {
		uint64_t campaign = strtoull(PQgetvalue(result, i, 0), NULL, 10);
		uint64_t id = strtoull(PQgetvalue(result, i, 1), NULL, 10);
		assert_int_equal(atoi(PQgetvalue(result, i, 2)), variant_bucket(campaign, id));
		assert_int_equal(atoi(PQgetvalue(result, i, 3)),
				 variant_of(&three, campaign, id));
	}
	PQclear(result);
}

static void test_store_variants_cut_divides_and_counts(void **)
{
	uint64_t campaign = new_campaign("divided", SPLIT);
	cut_all(campaign);
	assert_int_equal(count_of(campaign, "slices where state = 0"),
			 expected(campaign, 1) + expected(campaign, 2));
	assert_int_equal(count_of(campaign, "slices where state = 5"),
			 expected(campaign, VARIANT_REST));
	assert_int_equal(count_of(campaign, "tallies where verdict = 5 and class = 105"),
			 expected(campaign, VARIANT_HELD_OUT));
	for (int variant = 0; variant <= 2; variant++) {
		char what[80];
		snprintf(what, sizeof(what),
			 "variant_tallies where verdict = 0 and variant = %d", variant);
		assert_int_equal(count_of(campaign, what), expected(campaign, variant));
	}
	assert_int_equal(number("select campaign_cut(1, (select max(id) from campaigns))"),
			 expected(campaign, 1) + expected(campaign, 2));
}

/* Whom a slice holds is what C says of them, to the last one. */
static void test_store_variants_rest_waits_for_the_winner(void **)
{
	uint64_t campaign = new_campaign("waiting", SPLIT), left = 0;
	struct store_lease l;
	cut_all(campaign);
	while (work_off(campaign))
		;
	assert_int_equal(lease(campaign).ret_next_due_wall, USEC_NEVER);
	struct store_finish f = {.request.on_done = done, .campaign_id = campaign};
	assert_int_equal(live_exec(live_admin, "delete from deferrals"), 0);
	store_finish(store, &f);
	assert_false(f.ret_finished);
	assert_int_equal(f.ret_waiting, expected(campaign, VARIANT_REST));
	name_winner(campaign, 2);
	while ((l = lease(campaign)).ret_slice_id) {
		assert_int_equal(l.ret_winner, 2);
		for (size_t i = 0; i < l.ret_count; i++)
			assert_int_equal(variant_of(&split, campaign, l.ret_ids[i]),
					 VARIANT_REST);
		left += l.ret_count;
	}
	assert_int_equal(left, expected(campaign, VARIANT_REST));
}

static void test_store_variants_counts_add_up_when_finished(void **)
{
	uint64_t campaign = new_campaign("summed", SPLIT);
	cut_all(campaign);
	while (work_off(campaign))
		;
	name_winner(campaign, 1);
	for (int again = 0; again < 3; again++) {
		struct store_claim_due due = {
			.request.on_done = done, .campaign_id = campaign, .limit = 5000};
		while (work_off(campaign))
			;
		store_claim_due(store, &due);
	}
	while (work_off(campaign))
		;
	assert_true(finish(campaign));
	check_sums(campaign);
	assert_true(count_of(campaign, "variant_tallies where verdict = 1 and variant = 2") >
		    0);
}

/* A winner that is named in the middle of cutting: who is cut later goes at once. */
static void test_store_variants_cut_after_the_winner_waits_for_nobody(void **)
{
	uint64_t campaign = new_campaign("early", SPLIT);
	cut(campaign, 500);
	assert_true(count_of(campaign, "slices where state = 5") > 0);
	name_winner(campaign, 1);
	cut_all(campaign);
	assert_int_equal(count_of(campaign, "slices where state = 5"), 0);
	while (work_off(campaign))
		;
	assert_int_equal(live_exec(live_admin, "update deferrals set due_at = now()"), 0);
	struct store_claim_due due = {
		.request.on_done = done, .campaign_id = campaign, .limit = 5000};
	store_claim_due(store, &due);
	while (work_off(campaign))
		;
	assert_true(finish(campaign));
	check_sums(campaign);
}

static void test_store_variants_cancelled_while_waiting_adds_up(void **)
{
	uint64_t campaign = new_campaign("dropped", SPLIT);
	cut_all(campaign);
	work_off(campaign);
	assert_int_equal(live_exec(live_admin, "update campaigns set state = 3 where name = "
					       "'dropped'"),
			 0);
	struct store_running running = {.request.on_done = done, .arena = &arena};
	store_running(store, &running);
	bool there = false;
	for (size_t i = 0; i < running.ret_count; i++)
		there |= running.ret_ids[i] == campaign;
	assert_true(there);
	assert_true(finish(campaign));
	check_sums(campaign);
	assert_true(count_of(campaign, "variant_tallies where verdict = 6 and variant = 0") ==
		    expected(campaign, VARIANT_REST));
}

static void test_store_variants_expired_while_waiting_is_due(void **)
{
	uint64_t campaign = new_campaign("late", SPLIT);
	cut_all(campaign);
	while (work_off(campaign))
		;
	assert_int_equal(live_exec(live_admin, "update campaigns set expires_at = now() - "
					       "interval '1 s' where name = 'late'"),
			 0);
	assert_int_equal(lease(campaign).ret_slice_id, 0);
	assert_false(finish(campaign));
	struct store_lease l = lease(campaign);
	assert_int_not_equal(l.ret_slice_id, 0);
	assert_int_equal(l.ret_winner, 0);
	assert_int_equal(variant_of(&split, campaign, l.ret_ids[0]), VARIANT_REST);
}

static void test_store_variants_crashed_and_in_doubt_are_counted(void **)
{
	uint64_t campaign = new_campaign("crashed", SPLIT);
	cut_all(campaign);
	struct store_lease l = lease(campaign);
	struct store_mark_slice marked = {campaign, l.ret_slice_id, l.ret_ids, l.ret_count};
	struct store_mark m = {.request.on_done = done,
			       .engine_id = engine_id,
			       .epoch = epoch,
			       .slices = &marked,
			       .slice_count = 1};
	store_mark(store, &m);
	join(); /* and the journal is lost */
	struct store_recover r = {.request.on_done = done,
				  .engine_id = engine_id,
				  .epoch = epoch,
				  .trust_marks = true};
	store_recover(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	assert_int_equal(count_of(campaign, "variant_tallies where verdict = 4 and final"),
			 l.ret_count);
	while (work_off(campaign))
		;
	name_winner(campaign, 2);
	while (work_off(campaign))
		;
	struct store_claim_due due = {
		.request.on_done = done, .campaign_id = campaign, .limit = 5000};
	store_claim_due(store, &due);
	while (work_off(campaign))
		;
	assert_true(finish(campaign));
	check_sums(campaign);
}

static void test_store_variants_damaged_split_cuts_nothing(void **)
{
	uint64_t campaign = new_campaign("damaged", "split = '{9000,2000}', hold_out = 500");
	struct store_cut r = {.request.on_done = quiet, .campaign_id = campaign, .limit = 100};
	store_cut(store, &r);
	assert_int_equal(r.request.result, STORE_REFUSED);
	assert_int_equal(count_of(campaign, "slices"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_variants_split_in_sql_is_that_of_c),
		cmocka_unit_test(test_store_variants_cut_divides_and_counts),
		cmocka_unit_test(test_store_variants_rest_waits_for_the_winner),
		cmocka_unit_test(test_store_variants_counts_add_up_when_finished),
		cmocka_unit_test(test_store_variants_cut_after_the_winner_waits_for_nobody),
		cmocka_unit_test(test_store_variants_cancelled_while_waiting_adds_up),
		cmocka_unit_test(test_store_variants_expired_while_waiting_is_due),
		cmocka_unit_test(test_store_variants_crashed_and_in_doubt_are_counted),
		cmocka_unit_test(test_store_variants_damaged_split_cuts_nothing),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
