/* test_store_cancel.c - the rest of a cancelled campaign is accounted for once, however many engines
 * begin with it in the same moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <cmocka.h>

#include "engine/store/store.h"
#include "tests/unit/live_db.h"

#define ENGINES 4
#define RECIPIENTS 1000 /* of one slice, with ids 1, 2, 3, ... */

static void on_done(struct store_request *request)
{
	(void)request;
}

static void *finish(void *why)
{
	const struct store_config config = {.conninfo = live_conninfo, .tenant = 1};
	struct store *store;
	struct store_finish ask = {.request = {.on_done = on_done}, .campaign_id = 1};
	if (store_open(&store, NULL, &config, why, 256) != 0)
		return NULL;
	store_finish(store, &ask);
	if (ask.request.result != STORE_OK || !ask.ret_finished)
		snprintf(why, 256, "result %d: %.200s", ask.request.result,
			 ask.request.why);
	store_close(store);
	return NULL;
}

/* Delta-coded, an id after the other is a byte of 1. */
static void make_cancelled_campaign(void)
{
	char statement[1024];
	assert_int_equal(live_exec(live_admin,
				   "insert into campaigns (tenant_id, name, in_doubt_policy, list_ids, "
				   "excluded_list_ids, state, fully_cut) overriding system value "
				   "values (1, 'c', 0, '{}', '{}', 3, true)"),
			 0);
	assert_int_equal(live_exec(live_admin, "select campaign_partition(1)"), 0);
	snprintf(statement, sizeof(statement),
		 "insert into slices (tenant_id, campaign_id, kind, count, lo_id, hi_id, ids) "
		 "values (1, 1, 0, %d, 1, %d, decode(repeat('01', %d), 'hex'))",
		 RECIPIENTS, RECIPIENTS, RECIPIENTS);
	assert_int_equal(live_exec(live_admin, statement), 0);
}

static void test_store_cancels_once_for_all_engines(void **)
{
	char whys[ENGINES][256] = {};
	pthread_t threads[ENGINES];
	make_cancelled_campaign();
	/* All of them stand at the campaign's row until it is let go. */
	PGconn *gate = PQconnectdb(live_conninfo);
	assert_int_equal(live_exec(gate, "begin"), 0);
	assert_int_equal(live_exec(gate, "select from campaigns where id = 1 for update"), 0);
	for (int i = 0; i < ENGINES; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, finish, whys[i]), 0);
	const char *waiting = "select count(*) from pg_stat_activity where datname = "
			      "current_database() and wait_event_type = 'Lock'";
	for (int i = 0; i < 500 && atoi(live_value(waiting)) < ENGINES; i++)
		usleep(20000);
	assert_int_equal(atoi(live_value(waiting)), ENGINES);
	PQfinish(gate);
	for (int i = 0; i < ENGINES; i++) {
		pthread_join(threads[i], NULL);
		assert_string_equal(whys[i], "");
	}
	assert_int_equal(atoi(live_value("select sum(count) from tallies")), RECIPIENTS);
	assert_int_equal(atoi(live_value("select count(*) from deliveries")), RECIPIENTS);
	assert_int_equal(atoi(live_value("select count(*) from slices where state <> 3")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_cancels_once_for_all_engines),
	};
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
