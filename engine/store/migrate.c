/* migrate.c - applies the embedded migrations that a database lacks.
 * Each file runs in a transaction together with the note that it ran, under an advisory lock
 * of the session (which a pooler would not keep for us),
 * so that a crash leaves whole migrations only and two programs never apply the same one. */
#include "engine/store/migrate.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/codec.h"
#include "engine/base/embedded.h"
#include "engine/store/connect.h"
#include "engine/store/store.h"

#define MIGRATION_LIMIT 1000

struct migrating {
	PGconn *conn;
	char *why;
	size_t why_size;
};

static int refuse(struct migrating *m, int result, const char *what)
{
	const char *message = m->conn ? PQerrorMessage(m->conn) : "";
	size_t size = strlen(message);
	while (size && (message[size - 1] == '\n' || message[size - 1] == ' '))
		size--;
	snprintf(m->why, m->why_size, "%s%s%.*s", what, size ? ": " : "", (int)size, message);
	for (char *at = m->why; *at; at++)
		if (*at == '\n')
			*at = ' ';
	return result;
}

static int run(struct migrating *m, const char *statement, const char *what)
{
	PGresult *result = PQexec(m->conn, statement);
	ExecStatusType status = PQresultStatus(result);
	PQclear(result);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return 0;
	return refuse(m, PQstatus(m->conn) == CONNECTION_OK ? STORE_REFUSED : STORE_LOST, what);
}

/* "sql/0002_campaigns.sql" is number 2; 0: not a migration. */
static unsigned number_of(const char *name)
{
	uint64_t number = 0;
	str text = str_of(name);
	if (!str_starts(text, STR("sql/")) || !str_ends(text, STR(".sql")) ||
	    str_find_byte(str_from(text, 4), '/') != STR_NONE || text.size < 9 ||
	    text.data[8] != '_' || !str_to_u64(str_sub(text, 4, 4), &number))
		return 0;
	return (unsigned)number;
}

static const struct embedded_file *find_migration(unsigned number)
{
	for (const struct embedded_file *f = embedded_files; f->name; f++)
		if (number_of(f->name) == number)
			return f;
	return NULL;
}

static unsigned newest_known(void)
{
	unsigned number = 0;
	while (number < MIGRATION_LIMIT && find_migration(number + 1))
		number++;
	return number;
}

static void checksum_of(const struct embedded_file *f, char out[16])
{
	uint32_t sum = crc32c(0, str_make(f->data, (size_t)(f->end - f->data)));
	snprintf(out, 16, "%08x", sum);
}

static int apply(struct migrating *m, unsigned number)
{
	const struct embedded_file *f = find_migration(number);
	char note[256], checksum[16], what[160];
	checksum_of(f, checksum);
	snprintf(note, sizeof(note),
		 "insert into migrations (number, name, checksum) values (%u, '%s', '%s')",
		 number, f->name, checksum);
	snprintf(what, sizeof(what), "%s does not apply", f->name);
	int result = run(m, "begin", what);
	if (result == 0)
		result = run(m, f->data,
			     what); /* the build puts a NUL behind every embedded file */
	if (result == 0)
		result = run(m, note, what);
	if (result == 0)
		return run(m, "commit", what);
	PQclear(PQexec(m->conn, "rollback"));
	return result;
}

static PGresult *read_applied(PGconn *conn)
{
	return PQexec(conn, "select number, name, checksum from migrations order by number");
}

/* Compares what was applied with what we have; *ret_newest is the newest applied. */
static int compare(struct migrating *m, const PGresult *rows, unsigned *ret_newest)
{
	int result = 0;
	char checksum[16], what[200];
	*ret_newest = 0;
	if (PQresultStatus(rows) != PGRES_TUPLES_OK)
		result = refuse(m, STORE_REFUSED, "the table of migrations cannot be read");
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		unsigned number = (unsigned)strtoul(PQgetvalue(rows, i, 0), NULL, 10);
		const struct embedded_file *f = find_migration(number);
		*ret_newest = number;
		if (!f) {
			snprintf(what, sizeof(what),
				 "a newer rundbrief has migrated this database (to %.60s): use "
				 "that one",
				 PQgetvalue(rows, i, 1));
			result = refuse(m, STORE_REFUSED, what);
			break;
		}
		checksum_of(f, checksum);
		if (strcmp(checksum, PQgetvalue(rows, i, 2)) != 0) {
			snprintf(what, sizeof(what),
				 "%.60s was applied in another form: this database is not this "
				 "program's",
				 f->name);
			result = refuse(m, STORE_REFUSED, what);
		}
	}
	return result;
}

static int connect_to(struct migrating *m, const char *conninfo)
{
	const struct connect_to to = {.conninfo = conninfo,
				      .application = "rundbrief migrate"};
	m->conn = connect_open(&to);
	if (m->conn && PQstatus(m->conn) == CONNECTION_OK)
		return 0;
	return refuse(m, STORE_LOST, "the database cannot be reached");
}

/* An engine that runs knows the tables as they were. Whether one does is asked of any schema, so
 * by columns that may not be there yet. */
static int refuse_beside_engines(struct migrating *m)
{
	char what[300];
	PGresult *rows = PQexec(
		m->conn, "select name, extract(epoch from now() - heartbeat_at)::integer "
			 "from engines e where to_jsonb(e)->>'left_at' is null and heartbeat_at "
			 "> now() - coalesce((to_jsonb(e)->>'lease')::interval, '30 seconds') "
			 "order by heartbeat_at desc limit 1");
	int result = 0;
	if (PQresultStatus(rows) != PGRES_TUPLES_OK) {
		result = refuse(m, STORE_REFUSED, "the engines at work cannot be read");
	} else if (PQntuples(rows) > 0) {
		snprintf(what, sizeof(what),
			 "engine %.60s was at work %s s ago, and other tables are none that it "
			 "knows: stop all engines, then say this again; one that was killed is "
			 "gone when its lease is over, after 30 s",
			 PQgetvalue(rows, 0, 0), PQgetvalue(rows, 0, 1));
		result = refuse(m, STORE_REFUSED, what);
	}
	PQclear(rows);
	return result;
}

static int migrate(struct migrating *m, struct store_migration *ret)
{
	unsigned newest = 0, known = newest_known();
	int result = run(m,
			 "select pg_advisory_lock(1919051106);"
			 "create table if not exists migrations (number integer primary key, "
			 "name text not null, checksum text not null, "
			 "applied_at timestamptz not null default now())",
			 "the database cannot be migrated");
	if (result == 0) {
		PGresult *rows = read_applied(m->conn);
		result = compare(m, rows, &newest);
		PQclear(rows);
	}
	if (result == 0 && newest > 0 && newest < known)
		result = refuse_beside_engines(m);
	for (unsigned number = newest + 1; result == 0 && number <= known; number++) {
		result = apply(m, number);
		ret->applied_count += result == 0;
	}
	ret->version = newest + ret->applied_count;
	return result;
}

int store_migrate(const char *conninfo, struct store_migration *ret, char *ret_why,
		  size_t why_size)
{
	struct migrating m = {.why = ret_why, .why_size = why_size};
	*ret = (struct store_migration){};
	int result = connect_to(&m, conninfo);
	if (result == 0)
		result = migrate(&m, ret);
	PQfinish(m.conn);
	return result;
}

static bool lacks_tables(const PGresult *rows)
{
	const char *state = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
	return state && strcmp(state, "42P01") == 0; /* undefined_table */
}

int store_check_schema(PGconn *conn, char *ret_why, size_t why_size)
{
	struct migrating m = {.conn = conn, .why = ret_why, .why_size = why_size};
	unsigned newest = 0;
	PGresult *rows = read_applied(conn);
	bool lacks = lacks_tables(rows);
	int result = lacks ? STORE_REFUSED : compare(&m, rows, &newest);
	PQclear(rows);
	if (lacks) {
		snprintf(ret_why, why_size,
			 "this database has no tables of rundbrief yet: `rundbrief init` makes "
			 "them");
		return STORE_REFUSED;
	}
	if (result != 0)
		return PQstatus(conn) == CONNECTION_OK ? result : STORE_LOST;
	if (newest == newest_known())
		return 0;
	snprintf(ret_why, why_size,
		 "this database has schema %u and the program needs %u: run rundbrief "
		 "init",
		 newest, newest_known());
	return STORE_REFUSED;
}
