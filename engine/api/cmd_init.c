/* cmd_init.c - `rundbrief init`: the database, its tables, and the secret, each if it is
 * missing. */
#include "engine/api/commands.h"

#include <libpq-fe.h>
#include <stdio.h>

#include "engine/api/db.h"
#include "engine/api/secret_file.h"
#include "engine/store/migrate.h"
#include "engine/store/store.h"

static PGconn *connect_to(const char *conninfo, const char *database)
{
	/* Only the first dbname is read as a conninfo; the second one takes its place. */
	const char *keys[] = {"target_session_attrs", "dbname",
			      database ? "dbname" : "connect_timeout", "connect_timeout", NULL};
	const char *values[] = {"read-write", conninfo, database ? database : "10", "10", NULL};
	return PQconnectdbParams(keys, values, 1);
}

static int fail_connection(struct cli *cli, const char *what, PGconn *conn)
{
	int code = db_fail_connection(cli, EXIT_DATABASE, what, conn);
	PQfinish(conn);
	return code;
}

/* Two may begin at the same moment: 42P04 duplicate_database, 23505 unique_violation. */
static bool is_there_already(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	return state && (strcmp(state, "42P04") == 0 || strcmp(state, "23505") == 0);
}

static int create_database(struct cli *cli, const char *conninfo, const char *name)
{
	char sql[400];
	PGconn *conn = connect_to(conninfo, "postgres");
	if (PQstatus(conn) != CONNECTION_OK)
		return fail_connection(cli, "the database cannot be created", conn);
	char *quoted = PQescapeIdentifier(conn, name, strlen(name));
	int n = snprintf(sql, sizeof(sql),
			 "create database %s encoding 'UTF8' template template0",
			 quoted ? quoted : "");
	PQfreemem(quoted);
	PGresult *result = n > 0 && (size_t)n < sizeof(sql) ? PQexec(conn, sql) : NULL;
	bool created = PQresultStatus(result) == PGRES_COMMAND_OK;
	bool there = is_there_already(result);
	PQclear(result);
	if (!created && !there)
		return fail_connection(cli, "the database cannot be created", conn);
	PQfinish(conn);
	if (created && cli->format == OUTPUT_TEXT)
		printf("database %s created\n", name);
	return CLI_GO;
}

/* Before a session stands, libpq tells no SQLSTATE: 3D000 is known by its sentence. */
static bool is_missing(PGconn *conn)
{
	return PQstatus(conn) != CONNECTION_OK && strstr(PQerrorMessage(conn), "database \"") &&
	       strstr(PQerrorMessage(conn), "does not exist");
}

static int ensure_database(struct cli *cli, const char *conninfo)
{
	PGconn *conn = connect_to(conninfo, NULL);
	char name[200] = "";
	if (PQstatus(conn) == CONNECTION_OK) {
		PQfinish(conn);
		return CLI_GO;
	}
	if (!is_missing(conn) || !PQdb(conn) ||
	    !str_to_cstr(str_of(PQdb(conn)), name, sizeof(name)))
		return fail_connection(cli, "the database cannot be reached", conn);
	PQfinish(conn);
	return create_database(cli, conninfo, name);
}

static int migrate(struct cli *cli, const char *conninfo)
{
	struct store_migration done;
	char why[400];
	int result = store_migrate(conninfo, &done, why, sizeof(why));
	if (result != STORE_OK)
		return cli_fail(cli, result == STORE_LOST ? EXIT_DATABASE : EXIT_FAILED, "%s",
				why);
	if (cli->format == OUTPUT_JSON)
		printf("{\"schema\":%u,\"applied\":%u}\n", done.version, done.applied_count);
	else if (done.applied_count)
		printf("schema %u: %u migrations applied\n", done.version, done.applied_count);
	else
		printf("schema %u: up to date\n", done.version);
	return CLI_GO;
}

static int init_run(struct cli *cli, int argc, char **argv)
{
	bool new_secret = false;
	const struct cli_option options[] = {
		{"new-secret", CLI_FLAG, &new_secret, NULL,
		 "put a new secret before those that are there; old links stay good"},
		{},
	};
	int code = cli_parse(cli, options, &argc, &argv, 0, 0);
	if (code == CLI_GO)
		code = cli_config(cli);
	if (code == CLI_GO && new_secret)
		return (code = secret_file_renew(cli)) == CLI_GO ? EXIT_OK : code;
	if (code == CLI_GO)
		code = ensure_database(cli, cli->config.database.conninfo.data);
	if (code == CLI_GO)
		code = migrate(cli, cli->config.database.conninfo.data);
	if (code == CLI_GO)
		code = secret_file_ensure(cli);
	return code == CLI_GO ? EXIT_OK : code;
}

const struct command command_init = {
	.name = "init",
	.synopsis = "[--new-secret]",
	.summary = "Create the database and its tables, or bring them up to date",
	.manual = "Also writes sending.secret when that file is missing. Does nothing where "
		  "nothing is to\n"
		  "be done, so it may run before every start. --new-secret does only that: "
		  "campaigns that\n"
		  "were launched keep the secret of their launch, others get the new one.",
	.run = init_run,
	.outputs = CLI_JSON,
};
