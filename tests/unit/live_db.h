/* live_db.h - a real PostgreSQL for a test program: a database of its own in the cluster that
 * RUNDBRIEF_TEST_DB names (a conninfo), or in one that is started for it and removed behind it.
 */
#pragma once

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/store/migrate.h"

static char live_conninfo[1024];
static char live_cluster[1024]; /* conninfo of the cluster */
static char live_folder[64];    /* of a cluster that is ours; empty: it is not */
static PGconn *live_admin;      /* a connection for the test's own looks */

static inline int live_shell(const char *command, char *out, size_t out_size)
{
	FILE *pipe = popen(command, "r");
	if (!pipe)
		return -1;
	size_t size = fread(out, 1, out_size - 1, pipe);
	while (size && out[size - 1] == '\n')
		size--;
	out[size] = 0;
	return pclose(pipe);
}

static inline int live_cluster_find(void)
{
	char command[200];
	const char *given = getenv("RUNDBRIEF_TEST_DB");
	if (given && *given) {
		snprintf(live_cluster, sizeof(live_cluster), "%s", given);
		return 0;
	}
	snprintf(live_folder, sizeof(live_folder), "/var/tmp/rundbrief-test.%d", (int)getpid());
	snprintf(command, sizeof(command), "sh tests/live/pg.sh start %s --fast", live_folder);
	return live_shell(command, live_cluster, sizeof(live_cluster));
}

static inline int live_exec(PGconn *conn, const char *statement)
{
	PGresult *result = PQexec(conn, statement);
	int bad = PQresultStatus(result) != PGRES_COMMAND_OK &&
		  PQresultStatus(result) != PGRES_TUPLES_OK;
	if (bad)
		fprintf(stderr, "%s: %s", statement, PQresultErrorMessage(result));
	PQclear(result);
	return bad ? -1 : 0;
}

/* One value as text; static. */
static inline const char *live_value(const char *statement)
{
	static char value[4096];
	PGresult *result = PQexec(live_admin, statement);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fprintf(stderr, "%s: %s", statement, PQresultErrorMessage(result));
	snprintf(value, sizeof(value), "%s",
		 PQntuples(result) ? PQgetvalue(result, 0, 0) : "(no row)");
	PQclear(result);
	return value;
}

static inline int live_setup(void **state)
{
	char statement[128], why[256];
	struct store_migration migration;
	(void)state;
	if (live_cluster_find() != 0)
		return -1;
	PGconn *conn = PQconnectdb(live_cluster);
	snprintf(statement, sizeof(statement), "create database rb_test_%d", (int)getpid());
	int result = live_exec(conn, statement);
	PQfinish(conn);
	snprintf(live_conninfo, sizeof(live_conninfo), "%.900s dbname=rb_test_%d", live_cluster,
		 (int)getpid());
	if (result == 0 && store_migrate(live_conninfo, &migration, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		result = -1;
	}
	live_admin = PQconnectdb(live_conninfo);
	return result;
}

static inline int live_teardown(void **state)
{
	char command[200], out[200];
	(void)state;
	PQfinish(live_admin);
	if (live_folder[0]) {
		snprintf(command, sizeof(command), "sh tests/live/pg.sh remove %s; rmdir %s",
			 live_folder, live_folder);
		return live_shell(command, out, sizeof(out));
	}
	PGconn *conn = PQconnectdb(live_cluster);
	snprintf(command, sizeof(command), "drop database rb_test_%d with (force)",
		 (int)getpid());
	int result = live_exec(conn, command);
	PQfinish(conn);
	return result;
}
