/* test_store_loop.c - the store on a loop: requests in order, large batches, broken
 * connections, pauses, and closing at any moment. */
#include "tests/unit/io_world.h"

#include "engine/io/heap.h"
#include "engine/store/store.h"
#include "tests/unit/live_db.h"

static struct store *store;
static struct arena arena;

static int setup(void **state)
{
	arena_init(&arena, heap_source(), 0, 0);
	return world_open(state) || live_setup(state);
}

static int teardown(void **state)
{
	int result = live_teardown(state);
	arena_done(&arena);
	return world_close(state) || result;
}

static void open_store(const char *conninfo)
{
	char why[256] = "";
	struct store_config config = {.conninfo = conninfo, .application = "rundbrief loop"};
	int result = store_open(&store, world_loop, &config, why, sizeof(why));
	assert_string_equal(why, "");
	assert_int_equal(result, 0);
}

static void close_store(void)
{
	store_close(store);
	world_run_for(20 * USEC_MS);
}

static int done_count;
static struct store_request *done_order[64];

static void done(struct store_request *r)
{
	done_order[done_count++] = r;
}

static struct store_join joining(void)
{
	return (struct store_join){.request.on_done = done, .name = STR("loop")};
}

static void test_store_serves_requests_in_order(void **)
{
	struct store_join joins[10];
	open_store(live_conninfo);
	done_count = 0;
	for (int i = 0; i < 10; i++) {
		joins[i] = joining();
		store_join(store, &joins[i]);
		assert_int_equal(done_count, 0); /* never inside the call */
	}
	world_run_until(&done_count, 10);
	for (int i = 0; i < 10; i++) {
		assert_ptr_equal(done_order[i], &joins[i].request);
		assert_string_equal(joins[i].request.why, "");
		assert_int_equal(joins[i].ret_epoch, joins[0].ret_epoch + (uint32_t)i);
	}
	close_store();
}

static void make_campaign(void)
{
	assert_int_equal(
		live_exec(live_admin,
			  "insert into campaigns (tenant_id, id, name, state) values (1, 77, "
			  "'loop', 1) on conflict do nothing; select campaign_partition(77)"),
		0);
}

static void test_store_copies_megabytes_on_the_loop(void **)
{
	static struct store_outcome outcomes[20000];
	static const struct store_outcome *pointers[20000];
	static char text[400];
	struct store_join join = joining();
	memset(text, 'y', sizeof(text));
	make_campaign();
	open_store(live_conninfo);
	done_count = 0;
	store_join(store, &join);
	world_run_until(&done_count, 1);
	for (size_t i = 0; i < 20000; i++) {
		outcomes[i] = (struct store_outcome){.campaign_id = 77,
						     .slice_id = 1,
						     .subscriber_id = i + 1,
						     .verdict = VERDICT_FAILED,
						     .final = true,
						     .attempt = 1,
						     .cause = "x",
						     .text = str_make(text, sizeof(text)),
						     .at_wall = clock_wall()};
		pointers[i] = &outcomes[i];
	}
	struct store_settle settle = {.request.on_done = done,
				      .engine_id = join.ret_engine_id,
				      .epoch = join.ret_epoch,
				      .outcomes = pointers,
				      .count = 20000,
				      .old_position = join.ret_position,
				      .new_position = join.ret_position + 1};
	struct store_position position = {.request.on_done = done,
					  .engine_id = join.ret_engine_id,
					  .epoch = join.ret_epoch};
	store_settle(store, &settle);
	store_position(store, &position);
	world_run_until(&done_count, 3);
	assert_string_equal(settle.request.why, "");
	assert_int_equal(position.ret_position, join.ret_position + 1);
	assert_string_equal(live_value("select count(*) from deliveries"), "20000");
	assert_string_equal(live_value("select count from tallies where campaign_id = 77"),
			    "20000");
	close_store();
}

/* Holds a lock that a join needs, until let go. */
static PGconn *hold_engines(void)
{
	PGconn *conn = PQconnectdb(live_conninfo);
	assert_int_equal(live_exec(conn, "set lock_timeout = '20s'; begin; lock table engines"),
			 0);
	return conn;
}

/* Turns until the store's session waits for the lock. */
static void wait_for_waiter(void)
{
	for (int tries = 0; tries < 500; tries++) {
		world_run_for(20 * USEC_MS);
		if (atoi(live_value(
			    "select count(*) from pg_stat_activity where application_name = "
			    "'rundbrief loop' and datname = current_database() and "
			    "wait_event_type = 'Lock'")))
			return;
	}
	fail_msg("the store never asked");
}

static void test_store_ends_all_that_wait_when_the_connection_breaks(void **)
{
	struct store_join first = joining(), second = joining(), third = joining();
	PGconn *holder = hold_engines();
	open_store(live_conninfo);
	done_count = 0;
	store_join(store, &first);
	store_join(store, &second);
	wait_for_waiter();
	assert_int_equal(done_count, 0);
	assert_string_equal(
		live_value("select count(pg_terminate_backend(pid)) from pg_stat_activity "
			   "where application_name = 'rundbrief loop' and datname = "
			   "current_database()"),
		"1");
	world_run_until(&done_count, 2);
	assert_int_equal(first.request.result, STORE_LOST);
	assert_int_equal(second.request.result, STORE_LOST);
	assert_int_not_equal(first.request.why[0], 0);
	PQfinish(holder);
	store_join(store, &third);
	world_run_until(&done_count, 3);
	assert_int_equal(third.request.result, STORE_OK);
	close_store();
}

static void resubmit(struct store_request *r)
{
	if (++done_count < 4)
		store_join(store, (struct store_join *)r);
}

static void test_store_pauses_between_vain_attempts(void **)
{
	struct store_join join = joining();
	join.request.on_done = resubmit;
	usec begun = clock_now();
	open_store("host=/nonexistent-rundbrief dbname=x");
	done_count = 0;
	store_join(store, &join);
	world_run_until(&done_count, 4);
	assert_int_equal(join.request.result, STORE_LOST);
	assert_true(clock_now() - begun > 2500 * USEC_MS);
	assert_true(clock_now() - begun < 6 * USEC_SECOND);
	close_store();
}

static void test_store_closes_at_any_moment(void **)
{
	struct store_join join;
	for (usec pause = 0; pause < 12 * USEC_MS; pause += 300) {
		PGconn *holder = hold_engines();
		done_count = 0;
		join = joining();
		open_store(live_conninfo);
		store_join(store, &join);
		world_run_for(pause);
		close_store();
		assert_int_equal(done_count, 0);
		PQfinish(holder);
	}
}

static struct store_bell bell;
static int rings;
static unsigned rung;

static void on_bell(struct store_bell *b, unsigned what)
{
	assert_ptr_equal(b, &bell);
	rings++;
	rung |= what;
}

static void open_listening(void)
{
	rings = 0;
	rung = 0;
	bell.on_bell = on_bell;
	open_store(live_conninfo);
	store_listen(store, &bell);
	assert_int_equal(rings, 0);
	world_run_until(&rings, 1);
	assert_int_equal(rung, STORE_RUNG_ALL);
	rung = 0;
}

static void test_store_rings_for_its_tenant_only(void **)
{
	open_listening();
	assert_int_equal(live_exec(live_admin, "notify rundbrief_outbox, '2'"), 0);
	world_run_for(100 * USEC_MS);
	assert_int_equal(rings, 1);
	assert_int_equal(live_exec(live_admin, "notify rundbrief_outbox, '1'"), 0);
	world_run_until(&rings, 2);
	assert_int_equal(rung, STORE_RUNG_OUTBOX);
	assert_int_equal(live_exec(live_admin, "notify rundbrief_due"), 0);
	world_run_until(&rings, 3);
	assert_int_equal(rung, STORE_RUNG_OUTBOX | STORE_RUNG_DUE);
	close_store();
}

/* What comes in with the answers to requests rings too, and the one of a stop is a trigger's.
 */
static void test_store_rings_between_requests(void **)
{
	struct store_join joins[20];
	make_campaign();
	open_listening();
	done_count = 0;
	for (int i = 0; i < 20; i++) {
		joins[i] = joining();
		store_join(store, &joins[i]);
	}
	assert_int_equal(live_exec(live_admin, "update campaigns set state = 2"), 0);
	world_run_until(&done_count, 20);
	world_run_until(&rings, 2);
	assert_int_equal(rung, STORE_RUNG_STOP);
	close_store();
}

static void kill_sessions(void)
{
	assert_int_equal(
		live_exec(live_admin,
			  "select pg_terminate_backend(pid) from pg_stat_activity where "
			  "application_name = 'rundbrief loop' and datname = "
			  "current_database()"),
		0);
}

static void test_store_rings_again_after_a_broken_connection(void **)
{
	struct store_join join = joining();
	open_listening();
	kill_sessions(); /* while nobody asks anything */
	world_run_until(&rings, 2);
	assert_int_equal(rung, STORE_RUNG_ALL);
	rung = 0;
	PGconn *holder = hold_engines();
	done_count = 0;
	store_join(store, &join);
	wait_for_waiter();
	kill_sessions(); /* under a request */
	world_run_until(&done_count, 1);
	assert_int_equal(join.request.result, STORE_LOST);
	PQfinish(holder);
	world_run_until(&rings, 3);
	assert_int_equal(rung, STORE_RUNG_ALL);
	rung = 0;
	assert_int_equal(live_exec(live_admin, "notify rundbrief_outbox, '1'"), 0);
	world_run_until(&rings, 4);
	assert_int_equal(rung, STORE_RUNG_OUTBOX);
	close_store();
}

static void close_when_rung(struct store_bell *b, unsigned what)
{
	(void)b;
	rung |= what;
	store_close(store);
	done_count = 1;
}

static void test_store_may_be_closed_by_its_bell(void **)
{
	for (usec pause = 0; pause < 6 * USEC_MS; pause += 300) {
		done_count = 0;
		bell.on_bell = close_when_rung;
		open_store(live_conninfo);
		world_run_for(pause); /* connecting, or not yet */
		store_listen(store, &bell);
		world_run_until(&done_count, 1);
		world_run_for(5 * USEC_MS);
	}
	assert_int_equal(done_count, 1);
}

static void test_store_refuses_a_conninfo_that_is_none(void **)
{
	char why[256] = "";
	struct store_config config = {.conninfo = "host=a nonsense=b"};
	assert_int_equal(store_open(&store, world_loop, &config, why, sizeof(why)),
			 STORE_REFUSED);
	assert_non_null(strstr(why, "nonsense"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_serves_requests_in_order),
		cmocka_unit_test(test_store_copies_megabytes_on_the_loop),
		cmocka_unit_test(test_store_ends_all_that_wait_when_the_connection_breaks),
		cmocka_unit_test(test_store_pauses_between_vain_attempts),
		cmocka_unit_test(test_store_closes_at_any_moment),
		cmocka_unit_test(test_store_rings_for_its_tenant_only),
		cmocka_unit_test(test_store_rings_between_requests),
		cmocka_unit_test(test_store_rings_again_after_a_broken_connection),
		cmocka_unit_test(test_store_may_be_closed_by_its_bell),
		cmocka_unit_test(test_store_refuses_a_conninfo_that_is_none),
	};
	return cmocka_run_group_tests_name("store loop", tests, setup, teardown);
}
