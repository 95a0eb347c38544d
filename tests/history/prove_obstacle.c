/* prove_obstacle.c - what can stand in a settlement's way without breaking its connection: a
 * deadlock, a row that changed under it, a lock or a statement that takes too long, a database
 * that takes no writes. All of it is provoked for real, by another session. */
#include "tests/history/prove.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/assert.h"

#define WAITING_LIMIT 4000 /* looks, of 5 ms */

/* Rows that a settlement of the journal's second part wants, behind the engine's. */
#define SOURCE "update source_days set started = started"
#define DEFERRAL "update deferrals set attempts = attempts where campaign_id = 1"
#define ENGINE "update engines set heartbeat_at = heartbeat_at"

const struct prove_obstacle prove_obstacles[] = {
	{.name = "a deadlock, of which it is the victim",
	 .database = "deadlock_timeout = '300ms'",
	 .holds = "set deadlock_timeout = '20s'; begin; " SOURCE,
	 .then = ENGINE,
	 .says = "deadlock"},
	{.name = "a row that changed under it, by default repeatable read",
	 .database = "default_transaction_isolation = 'repeatable read'",
	 .holds = "begin; " DEFERRAL,
	 .commits = true,
	 .says = "could not serialize"},
	{.name = "a row that changed under it, by default serializable",
	 .database = "default_transaction_isolation = 'serializable'",
	 .holds = "begin; " SOURCE,
	 .commits = true,
	 .says = "could not serialize"},
	{.name = "a lock that is not given in time",
	 .database = "lock_timeout = '100ms'",
	 .holds = "begin; " SOURCE,
	 .says = "lock timeout"},
	{.name = "a statement that takes too long",
	 .statement_timeout = 200 * USEC_MS,
	 .holds = "begin; " DEFERRAL,
	 .says = "statement timeout"},
	{.name = "a table that somebody has locked, and a lock time-out",
	 .database = "lock_timeout = '100ms'",
	 .holds = "begin; lock table deliveries in share mode",
	 .says = "lock timeout"},
	{.name = "a database that takes no writes",
	 .database = "default_transaction_read_only = on",
	 .kills = true,
	 .says = "read-only"},
	{},
};

static struct {
	PGconn *conn;
	const struct prove_obstacle *obstacle;
	pthread_t thread;
	bool running;
} other;

static void run_on(PGconn *conn, const char *statement)
{
	PGresult *result = PQexec(conn, statement);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fprintf(stderr, "%s: %s", statement, PQresultErrorMessage(result));
	PQclear(result);
}

static bool somebody_waits(PGconn *conn)
{
	PGresult *result = PQexec(conn, "select 1 from pg_stat_activity where application_name = "
					"'rundbrief prove' and wait_event_type = 'Lock'");
	bool waits = PQntuples(result) > 0;
	PQclear(result);
	return waits;
}

/* The other session goes on once the settlement waits for it. */
static void *go_on(void *)
{
	PGconn *look = PQconnectdb(prove_conninfo());
	unsigned looks = 0;
	while (looks++ < WAITING_LIMIT && !somebody_waits(look))
		usleep(5000);
	PQfinish(look);
	if (other.obstacle->then)
		run_on(other.conn, other.obstacle->then);
	if (other.obstacle->commits)
		run_on(other.conn, "commit");
	return NULL;
}

static void set_database(const char *setting, bool reset)
{
	char statement[200];
	PGconn *conn = PQconnectdb(prove_conninfo());
	run_on(conn, "set default_transaction_read_only = off");
	snprintf(statement, sizeof(statement), "alter database %s %s %s", PQdb(conn),
		 reset ? "reset" : "set", reset ? "all" : setting);
	run_on(conn, statement);
	PQfinish(conn);
}

void prove_reconnect(struct prove *p, const struct prove_obstacle *o)
{
	if (o->database && !o->kills)
		set_database(o->database, false);
	p->statement_timeout = o->statement_timeout;
	prove_connect(p);
	uint64_t position;
	prove_equal(p, prove_position(p, &position), STORE_OK);
}

void prove_obstruct(struct prove *, const struct prove_obstacle *o)
{
	other.obstacle = o;
	if (o->kills) {
		set_database(o->database, false);
		PGconn *conn = PQconnectdb(prove_conninfo());
		run_on(conn, "select pg_terminate_backend(pid) from pg_stat_activity where "
			     "application_name = 'rundbrief prove'");
		PQfinish(conn);
	}
	if (!o->holds)
		return;
	other.conn = PQconnectdb(prove_conninfo());
	run_on(other.conn, o->holds);
	other.running = (o->then || o->commits) &&
			pthread_create(&other.thread, NULL, go_on, NULL) == 0;
}

void prove_clear(struct prove *p)
{
	snprintf(p->said, sizeof(p->said), "%s", p->why);
	if (other.running)
		pthread_join(other.thread, NULL);
	PQfinish(other.conn);
	other.conn = NULL;
	other.running = false;
	set_database(NULL, true);
}

void prove_calm(struct prove *p)
{
	p->statement_timeout = 0;
	prove_connect(p);
}
