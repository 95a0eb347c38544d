/* test_store_memory.c - what paths have learned, in a real PostgreSQL: kept, aged by its clock, and
 * not overwritten by an engine that has lost the source. */
#include "tests/unit/store_flow.h"

static void save(const struct store_memory *memories, size_t count)
{
	struct store_memory_save r = {.request.on_done = done,
				      .engine_id = engine_id,
				      .epoch = epoch,
				      .memories = memories,
				      .count = count};
	store_memory_save(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
}

static struct store_memory_load load(str source)
{
	struct store_memory_load r = {.request.on_done = done,
				      .sources = &source,
				      .source_count = 1,
				      .limit = 10,
				      .arena = &arena};
	store_memory_load(store, &r);
	assert_int_equal(r.request.result, STORE_OK);
	return r;
}

static void test_store_keeps_what_paths_have_learned(void **)
{
	join();
	const struct store_memory two[] = {
		{.source = STR("out1"),
		 .site = STR("mx.one.test"),
		 .state = STR("old"),
		 .connection_cap = 1},
		{.source = STR("out1"),
		 .site = STR(" gmail"),
		 .state = STR("1 0"),
		 .connection_cap = 7,
		 .suspended_for = 10 * USEC_MINUTE,
		 .blocked = true,
		 .rate_per_hour = 3600},
		{.source = STR("out1"),
		 .site = STR("mx.one.test"),
		 .state = STR("new"),
		 .ended = true,
		 .connection_cap = 2},
	};
	save(two, 3);
	save(two, 3); /* the answer may have been lost */
	assert_int_equal(number("select count(*) from path_memory"), 2);
	assert_int_equal(number("select count(*) from path_memory where blocked and not ended and "
				"rate_per_hour = 3600 and connection_cap = 7 and suspended_until "
				"between now() + interval '9 minutes' and now() + interval '10 minutes'"),
			 1);
	assert_int_equal(live_exec(live_admin, "update path_memory set changed = changed - "
					       "interval '2 hours' where site = 'mx.one.test'"),
			 0);
	struct store_memory_load r = load(STR("out1"));
	assert_int_equal(r.ret_count, 2);
	assert_true(str_eq(r.ret_memories[0].site, STR(" gmail")));
	assert_true(r.ret_memories[0].age < USEC_MINUTE);
	assert_true(str_eq(r.ret_memories[1].state, STR("new")));
	assert_true(r.ret_memories[1].age >= 2 * USEC_HOUR);
	assert_int_equal(load(STR("out2")).ret_count, 0);
}

static void test_store_takes_no_word_of_who_has_lost_the_source(void **)
{
	const struct store_memory mine = {
		.source = STR("out3"), .site = STR("mx.one.test"), .state = STR("mine"), .connection_cap = 1};
	save(&mine, 1);
	assert_int_equal(live_exec(live_admin,
				   "insert into engines (tenant_id, name, epoch) values (1, 'other', 1);"
				   "insert into sources select 1, 'out3', id, 1, now() + interval '1 minute' "
				   "from engines where name = 'other'"),
			 0);
	struct store_memory late = mine;
	late.state = STR("late");
	save(&late, 1);
	assert_true(str_eq(load(STR("out3")).ret_memories[0].state, STR("mine")));
	assert_int_equal(live_exec(live_admin, "delete from sources where name = 'out3'"), 0);
	save(&late, 1);
	assert_true(str_eq(load(STR("out3")).ret_memories[0].state, STR("late")));
}

static void test_store_forgets_paths_of_long_ago(void **)
{
	assert_int_equal(live_exec(live_admin,
				   "update path_memory set changed = now() - interval '61 days'"),
			 0);
	assert_int_equal(load(STR("out1")).ret_count, 0);
	assert_int_equal(number("select count(*) from path_memory"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_keeps_what_paths_have_learned),
		cmocka_unit_test(test_store_takes_no_word_of_who_has_lost_the_source),
		cmocka_unit_test(test_store_forgets_paths_of_long_ago),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
