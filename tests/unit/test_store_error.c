/* test_store_error.c - errors of the database as requests see them: which are worth asking
 * again, on which connection, and in which words; several hosts of which some are wrong; and the
 * same store through a connection that keeps nothing between transactions. All of it is the real
 * server's doing, but for what cannot be had without ending it: that a trigger raises. */
#include "tests/unit/cmocka_all.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "engine/io/clock.h"
#include "engine/io/heap.h"
#include "engine/store/pg.h"
#include "tests/unit/live_db.h"

static struct store *store;

static void open_with(const char *more, usec statement_timeout)
{
	char conninfo[1200], why[256] = "";
	snprintf(conninfo, sizeof(conninfo), "%s %s", live_conninfo, more);
	struct store_config config = {.conninfo = conninfo,
				      .application = "rundbrief error",
				      .statement_timeout = statement_timeout};
	int result = store_open(&store, NULL, &config, why, sizeof(why));
	assert_string_equal(why, "");
	assert_int_equal(result, 0);
}

static void done(struct store_request *request)
{
	(void)request;
}

static struct store_join join(void)
{
	struct store_join r = {.request.on_done = done, .name = STR("error")};
	store_join(store, &r);
	return r;
}

static void expect(const struct store_join *r, int result, const char *words)
{
	if (!strstr(r->request.why, words))
		fail_msg("'%s' does not say '%s'", r->request.why, words);
	assert_int_equal(r->request.result, result);
}

static void expect_good(void)
{
	struct store_join r = join();
	assert_string_equal(r.request.why, "");
	assert_int_equal(r.request.result, STORE_OK);
}

/* ---- what a request becomes ---- */

static void test_every_error_is_what_it_is_said_to_be(void **)
{
	static const struct {
		const char *state;
		int result;
		const char *words;
	} cases[] = {
		{"53100", STORE_RETRY, "disk is full"},
		{"53200", STORE_RETRY, "out of memory"},
		{"53400", STORE_RETRY, "not enough"},
		{"40001", STORE_RETRY, "asked again"},
		{"55P03", STORE_RETRY, "raised"},
		{"58030", STORE_RETRY, "trouble with its files"},
		{"57P01", STORE_LOST, "being shut down"},
		{"57P02", STORE_LOST, "crashed"},
		{"57P03", STORE_LOST, "starting"},
		{"25006", STORE_LOST, "takes no writes"},
		{"53300", STORE_LOST, "no connection left"},
		{"26000", STORE_LOST, "database.pooler"},
		{"42P05", STORE_LOST, "database.pooler"},
		{"28P01", STORE_LOST, "does not let this user in"},
		{"42501", STORE_REFUSED, "grant"},
		{"42P01", STORE_REFUSED, "rundbrief init"},
		{"42703", STORE_REFUSED, "rundbrief init"},
		{"XX001", STORE_REFUSED, "damaged"},
		{"22012", STORE_UNFIT, "raised"},
		{"23505", STORE_UNFIT, "raised"},
		{"54000", STORE_UNFIT, "raised"},
		{"P0001", STORE_UNFIT, "raised"},
		{"0A000", STORE_REFUSED, "raised"},
	};
	char statement[300];
	open_with("", 0);
	assert_int_equal(live_exec(live_admin,
				   "create function raising() returns trigger language plpgsql "
				   "as $$ begin return new; end $$;"
				   "create trigger raising before insert or update on engines "
				   "for each row execute function raising()"),
			 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(statement, sizeof(statement),
			 "create or replace function raising() returns trigger language "
			 "plpgsql as $$ begin raise 'raised' using errcode = '%s'; end $$",
			 cases[i].state);
		assert_int_equal(live_exec(live_admin, statement), 0);
		struct store_join r = join();
		expect(&r, cases[i].result, cases[i].words);
	}
	assert_int_equal(live_exec(live_admin, "drop trigger raising on engines"), 0);
	expect_good(); /* the same store goes on, whatever it was */
	store_close(store);
}

static PGconn *holding(const char *statement)
{
	PGconn *conn = PQconnectdb(live_conninfo);
	assert_int_equal(live_exec(conn, statement), 0);
	return conn;
}

static void test_a_statement_that_takes_too_long_is_asked_again(void **)
{
	open_with("", 100 * USEC_MS);
	expect_good();
	PGconn *holder = holding("begin; lock table engines");
	struct store_join r = join();
	expect(&r, STORE_RETRY, "longer than its time-out");
	PQfinish(holder);
	expect_good();
	store_close(store);
}

#define READY "build/test_store_error.ready"
#define TELL_READY "\n\\! touch " READY "\n"
/* Until the store waits for what is held; bounded. */
#define WAIT_FOR_THE_STORE                                                                     \
	"do $$ begin for i in 1..3000 loop perform pg_stat_clear_snapshot(); "                 \
	"exit when exists (select from pg_stat_activity where application_name = "             \
	"'rundbrief error' and wait_event_type = 'Lock'); perform pg_sleep(0.01); "            \
	"end loop; end $$;"

/* The holder goes on in the background; it has what it holds when this returns. */
static void begin_behind_the_store(const char *statement)
{
	char command[1600], out[8];
	unlink(READY);
	snprintf(command, sizeof(command),
		 "mkdir -p build; psql -XAtq '%s' >build/test_store_error.log 2>&1 <<'END' &\n"
		 "%s\nEND\n",
		 live_conninfo, statement);
	live_shell(command, out, sizeof(out));
	for (int tries = 0; tries < 3000 && access(READY, F_OK) != 0; tries++)
		usleep(10000);
	assert_int_equal(access(READY, F_OK), 0);
}

static void test_a_transaction_that_came_too_late_is_asked_again(void **)
{
	open_with("options='-c default_transaction_isolation=serializable'", 0);
	expect_good();
	begin_behind_the_store("begin; update engines set position = position;" TELL_READY
				       WAIT_FOR_THE_STORE " commit;");
	struct store_join r = join();
	expect(&r, STORE_RETRY, "got into each other's way");
	expect_good();
	store_close(store);
}

/* The store holds its engine's row and wants its campaign's; the other way round the other. */
static void test_a_deadlock_is_asked_again(void **)
{
	struct store_join r;
	open_with("options='-c deadlock_timeout=600ms'", 0);
	r = join();
	assert_int_equal(live_exec(live_admin, "insert into campaigns (tenant_id, id, name, "
					       "state) values (1, 5, 'five', 1); select "
					       "campaign_partition(5)"),
			 0);
	begin_behind_the_store("set deadlock_timeout = '20s'; begin; select from campaigns where "
			       "id = 5 for update;" TELL_READY WAIT_FOR_THE_STORE
			       " update engines set position = position; commit;");
	struct store_outcome outcome = {.campaign_id = 5,
					.slice_id = 1,
					.subscriber_id = 1,
					.attempt = 1,
					.final = true,
					.verdict = VERDICT_DELIVERED,
					.at_wall = 1700000000 * USEC_SECOND};
	const struct store_outcome *outcomes[] = {&outcome};
	struct store_settle settle = {.request.on_done = done,
				      .engine_id = r.ret_engine_id,
				      .epoch = r.ret_epoch,
				      .outcomes = outcomes,
				      .count = 1,
				      .new_position = 10};
	store_settle(store, &settle);
	assert_non_null(strstr(settle.request.why, "deadlock"));
	assert_int_equal(settle.request.result, STORE_RETRY);
	assert_string_equal(live_value("select count(*) from deliveries"), "0");
	for (int tries = 0; tries < 5 && settle.request.result == STORE_RETRY; tries++) {
		settle.request = (struct store_request){.on_done = done};
		store_settle(store, &settle);
	}
	assert_string_equal(settle.request.why, "");
	assert_string_equal(live_value("select count(*) from deliveries"), "1");
	store_close(store);
}

/* ---- connections ---- */

static void end_sessions(void)
{
	live_value("select count(pg_terminate_backend(pid)) from pg_stat_activity where "
		   "application_name = 'rundbrief error'");
}

static void expect_no_way_in(const char *forbid, const char *words, const char *allow)
{
	open_with("user=guest", 0);
	assert_int_equal(live_exec(live_admin, forbid), 0);
	end_sessions();
	struct store_join r = join();
	if (r.request.result == STORE_LOST && !strstr(r.request.why, words))
		r = join(); /* the first may have met the end of the old connection */
	expect(&r, STORE_LOST, words);
	assert_non_null(strstr(r.request.why, "cannot be reached"));
	assert_int_equal(live_exec(live_admin, allow), 0);
	expect_good();
	store_close(store);
}

static void test_a_door_that_closes_is_knocked_at_again(void **)
{
	assert_int_equal(live_exec(live_admin, "create role guest superuser login"), 0);
	expect_no_way_in("alter role guest nologin", "not permitted to log in",
			 "alter role guest login");
	assert_int_equal(live_exec(live_admin, "alter role guest nosuperuser; grant all on all "
					       "tables in schema public to guest"),
			 0);
	expect_no_way_in("alter role guest connection limit 0", "too many connections",
			 "alter role guest connection limit -1");
	assert_int_equal(live_exec(live_admin, "drop owned by guest; drop role guest"), 0);
}

static void test_a_server_that_takes_no_writes_is_left(void **)
{
	struct store_join r;
	open_with("target_session_attrs=any options='-c default_transaction_read_only=on'", 0);
	r = join();
	expect(&r, STORE_LOST, "takes no writes");
	store_close(store);
	open_with("", 0);
	expect_good();
	assert_int_equal(live_exec(live_admin, "alter role postgres set "
					       "default_transaction_read_only = on"),
			 0);
	end_sessions();
	r = join();
	if (!strstr(r.request.why, "read-only"))
		r = join();
	expect(&r, STORE_LOST, "read-only");
	assert_int_equal(live_exec(live_admin, "set default_transaction_read_only = off; alter "
					       "role postgres reset "
					       "default_transaction_read_only"),
			 0);
	expect_good();
	store_close(store);
}

static const char *host_of(const char *conninfo)
{
	static char host[400];
	const char *at = strstr(conninfo, "host=");
	assert_non_null(at);
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(at + 5, " "), at + 5);
	return host;
}

/* A port where the kernel takes connections and nobody ever speaks. */
static int mute_port(int *ret_fd)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	*ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(*ret_fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(*ret_fd, 5), 0);
	getsockname(*ret_fd, (struct sockaddr *)&address, &size);
	return ntohs(address.sin_port);
}

static void test_a_host_that_is_gone_or_silent_gives_way_to_the_next(void **)
{
	char conninfo[1200], why[256] = "";
	int fd, port = mute_port(&fd);
	const char *rest = strstr(live_conninfo, " user=");
	assert_non_null(rest);
	snprintf(conninfo, sizeof(conninfo),
		 "host=127.0.0.1,127.0.0.1,%s port=%d,1,5432 sslmode=disable%s",
		 host_of(live_conninfo), port, rest);
	struct store_config config = {.conninfo = conninfo,
				      .application = "rundbrief error",
				      .connect_timeout = 300 * USEC_MS};
	usec begun = clock_now();
	assert_int_equal(store_open(&store, NULL, &config, why, sizeof(why)), 0);
	assert_true(clock_now() - begun >= 300 * USEC_MS);
	expect_good();
	unsigned turns = store->turns;
	assert_true(turns > 0);
	end_sessions(); /* and it is not asked first any more */
	struct store_join r = join();
	if (r.request.result == STORE_LOST)
		r = join();
	assert_int_equal(r.request.result, STORE_OK);
	assert_int_equal(store->turns, turns);
	close(fd);
	expect_good();
	store_close(store);
}

/* ---- nothing kept between transactions ---- */

static void test_a_pooled_store_keeps_nothing_in_its_session(void **)
{
	char why[256] = "";
	struct store_config config = {.conninfo = live_conninfo,
				      .pooled = true,
				      .application = "rundbrief error",
				      .statement_timeout = 100 * USEC_MS};
	assert_int_equal(store_open(&store, NULL, &config, why, sizeof(why)), 0);
	struct store_join first = join(), second = join();
	assert_int_equal(second.request.result, STORE_OK);
	assert_int_equal(second.ret_epoch, first.ret_epoch + 1);
	assert_int_equal(store->prepared_count, 0);
	assert_int_equal(PQtransactionStatus(store->conn), PQTRANS_IDLE);
	PGresult *kept = PQexec(store->conn, "show statement_timeout");
	assert_string_equal(PQgetvalue(kept, 0, 0), "0");
	PQclear(kept);
	PGconn *holder = holding("begin; lock table engines");
	struct store_join r = join(); /* its own transaction has the time-out all the same */
	expect(&r, STORE_RETRY, "longer than its time-out");
	PQfinish(holder);
	expect_good();
	store_close(store);
}

/* A commit that is refused is the request's refusal, though its only statement had succeeded. */
static void test_a_pooled_store_hears_of_a_commit_that_failed(void **)
{
	char why[256] = "";
	struct store_config config = {.conninfo = live_conninfo, .pooled = true};
	assert_int_equal(live_exec(live_admin,
				   "create function late() returns trigger language plpgsql as "
				   "$$ begin raise 'late' using errcode = '53100'; end $$;"
				   "create constraint trigger late after insert or update on "
				   "engines deferrable initially deferred for each row execute "
				   "function late()"),
			 0);
	assert_int_equal(store_open(&store, NULL, &config, why, sizeof(why)), 0);
	struct store_join r = join();
	expect(&r, STORE_RETRY, "disk is full");
	assert_int_equal(live_exec(live_admin, "drop trigger late on engines"), 0);
	expect_good();
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_error_is_what_it_is_said_to_be),
		cmocka_unit_test(test_a_statement_that_takes_too_long_is_asked_again),
		cmocka_unit_test(test_a_transaction_that_came_too_late_is_asked_again),
		cmocka_unit_test(test_a_deadlock_is_asked_again),
		cmocka_unit_test(test_a_door_that_closes_is_knocked_at_again),
		cmocka_unit_test(test_a_server_that_takes_no_writes_is_left),
		cmocka_unit_test(test_a_host_that_is_gone_or_silent_gives_way_to_the_next),
		cmocka_unit_test(test_a_pooled_store_keeps_nothing_in_its_session),
		cmocka_unit_test(test_a_pooled_store_hears_of_a_commit_that_failed),
	};
	return cmocka_run_group_tests_name("store errors", tests, live_setup, live_teardown);
}
