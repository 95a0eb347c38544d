/* db.c - see db.h. */
#include "engine/api/db.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/api/suggest.h"
#include "engine/base/assert.h"
#include "engine/base/embedded.h"
#include "engine/store/connect.h"
#include "engine/store/migrate.h"
#include "engine/store/store.h"

int db_fail_connection(struct cli *cli, int code, const char *what, const PGconn *conn)
{
	char text[1024];
	struct buf b;
	str message = str_trim(str_of(PQerrorMessage(conn)));
	buf_init_fixed(&b, text, sizeof(text) - 1);
	while (message.data && b.size < 800) {
		buf_put_printable(&b, str_trim(str_cut(&message, '\n')), 400);
		if (message.data)
			buf_put_cstr(&b, "; ");
	}
	text[b.size] = '\0';
	return cli_fail(cli, code, "%s: %s", what, text);
}

static int fail_with(struct db *db, int code, const char *what)
{
	return db_fail_connection(db->cli, code, what, db->conn);
}

/* Before the first statement: another schema is told as such, and not by what fails in it. */
static int check_schema(struct db *db)
{
	char why[300];
	int result = store_check_schema(db->conn, why, sizeof(why));
	if (result == STORE_OK)
		return CLI_GO;
	db_close(db);
	return cli_fail(db->cli, result == STORE_LOST ? EXIT_DATABASE : EXIT_FAILED, "%s", why);
}

static int open_at(struct db *db, struct cli *cli, const struct connect_to *to)
{
	*db = (struct db){.cli = cli};
	snprintf(db->tenant, sizeof(db->tenant), "%llu",
		 (unsigned long long)cli->config.database.tenant);
	db->conn = connect_open(to);
	if (PQstatus(db->conn) == CONNECTION_OK)
		return check_schema(db);
	int code = fail_with(db, EXIT_DATABASE, "the database cannot be reached");
	if (strstr(PQerrorMessage(db->conn), "unsupported startup parameter"))
		cli_fail(cli, code,
			 "that is a pooler: name it as database.pooler, and let "
			 "database.conninfo go past it");
	else
		cli_fail(cli, code,
			 "see database.%s in the configuration, or run `rundbrief init`",
			 to->pooled ? "pooler" : "conninfo");
	db_close(db);
	return code;
}

int db_open_direct(struct db *db, struct cli *cli)
{
	int code = cli_config(cli);
	if (code != CLI_GO)
		return code;
	const struct connect_to to = {.conninfo = cli->config.database.conninfo.data,
				      .application = "rundbrief",
				      .options = "-c timezone=UTC -c jit=off"};
	return open_at(db, cli, &to);
}

/* A pooler takes no options, but hands the time zone on to whichever session serves us. */
int db_open(struct db *db, struct cli *cli)
{
	int code = cli_config(cli);
	if (code != CLI_GO)
		return code;
	if (cli->config.database.pooler.size == 0)
		return db_open_direct(db, cli);
	const struct connect_to to = {.conninfo = cli->config.database.pooler.data,
				      .application = "rundbrief",
				      .pooled = true};
	code = open_at(db, cli, &to);
	if (code == CLI_GO && (code = db_do(db, "set timezone = 'UTC'")) != CLI_GO)
		db_close(db);
	return code;
}

bool db_open_if_there(struct db *db, struct cli *cli)
{
	bool pooled = cli->config.database.pooler.size > 0;
	const struct connect_to to = {.conninfo = pooled ? cli->config.database.pooler.data
							 : cli->config.database.conninfo.data,
				      .application = "rundbrief",
				      .pooled = pooled};
	*db = (struct db){.cli = cli, .conn = connect_open(&to)};
	snprintf(db->tenant, sizeof(db->tenant), "%llu",
		 (unsigned long long)cli->config.database.tenant);
	if (PQstatus(db->conn) == CONNECTION_OK)
		return true;
	db_close(db);
	return false;
}

void db_close(struct db *db)
{
	PQfinish(db->conn);
	db->conn = NULL;
}

int db_code(const struct db *db)
{
	return PQstatus(db->conn) == CONNECTION_OK ? EXIT_FAILED : EXIT_DATABASE;
}

static const char *statement(struct db *db, const char *name)
{
	char path[80];
	snprintf(path, sizeof(path), "sql/queries/%s.sql", name);
	str text = embedded_find(path);
	ASSERT(text.data);
	return arena_copy(db->cli->arena, text).data;
}

static void put_parameters(const struct db *db, const char **out, size_t count,
			   const char *const *parameters)
{
	ASSERT(count < DB_PARAMETER_LIMIT);
	out[0] = db->tenant;
	for (size_t i = 0; i < count; i++)
		out[i + 1] = parameters[i];
}

static PGresult *execute(struct db *db, const char *name, size_t count,
			 const char *const *parameters)
{
	const char *values[DB_PARAMETER_LIMIT];
	put_parameters(db, values, count, parameters);
	return PQexecParams(db->conn, statement(db, name), (int)count + 1, NULL, values, NULL,
			    NULL, 0);
}

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

PGresult *db_try(struct db *db, const char *name, size_t count, const char *const *parameters,
		 const char **ret_why)
{
	struct buf b;
	PGresult *result = execute(db, name, count, parameters);
	if (is_good(result))
		return result;
	const char *sentence = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	buf_init_arena(&b, db->cli->arena, 256);
	buf_put_printable(&b, str_of(sentence ? sentence : "the connection is lost"), 200);
	*ret_why = arena_copy(db->cli->arena, buf_str(&b)).data;
	PQclear(result);
	return NULL;
}

PGresult *db_query(struct db *db, const char *name, size_t count, const char *const *parameters)
{
	PGresult *result = execute(db, name, count, parameters);
	if (is_good(result))
		return result;
	fail_with(db, db_code(db), name);
	PQclear(result);
	return NULL;
}

int db_stream(struct db *db, const char *name, size_t count, const char *const *parameters,
	      void (*on_row)(void *context, const PGresult *, int row), void *context)
{
	const char *values[DB_PARAMETER_LIMIT];
	PGresult *result;
	int code = CLI_GO;
	put_parameters(db, values, count, parameters);
	if (!PQsendQueryParams(db->conn, statement(db, name), (int)count + 1, NULL, values,
			       NULL, NULL, 0) ||
	    !PQsetSingleRowMode(db->conn))
		return fail_with(db, db_code(db), name);
	while ((result = PQgetResult(db->conn))) {
		ExecStatusType status = PQresultStatus(result);
		if (status == PGRES_SINGLE_TUPLE)
			on_row(context, result, 0);
		else if (status != PGRES_TUPLES_OK && code == CLI_GO)
			code = fail_with(db, db_code(db), name);
		PQclear(result);
	}
	return code;
}

int db_do(struct db *db, const char *sql)
{
	PGresult *result = PQexec(db->conn, sql);
	int code = PQresultStatus(result) == PGRES_COMMAND_OK ? CLI_GO
							      : fail_with(db, db_code(db), sql);
	PQclear(result);
	return code;
}

str db_cell(const PGresult *result, int row, int column)
{
	if (PQgetisnull(result, row, column))
		return (str){};
	return str_make(PQgetvalue(result, row, column),
			(size_t)PQgetlength(result, row, column));
}

int64_t db_i64(const PGresult *result, int row, int column)
{
	int64_t value = 0;
	return str_to_i64(db_cell(result, row, column), &value) ? value : 0;
}

uint64_t db_u64(const PGresult *result, int row, int column)
{
	int64_t value = db_i64(result, row, column);
	return value > 0 ? (uint64_t)value : 0;
}

#define WORDS_LIMIT 200

/* A name that nothing bears would list nothing, and look like an answer. */
int db_check_word(struct db *db, const char *kind, const char *word)
{
	const char *words[WORDS_LIMIT];
	size_t count = 0;
	bool known = word[0] == '\0';
	if (known)
		return CLI_GO;
	PGresult *result = db_query(db, "api_words", 1, &kind);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result) && count < WORDS_LIMIT; i++) {
		words[count++] = PQgetvalue(result, i, 0);
		known = known || strcmp(words[count - 1], word) == 0;
	}
	int code = known ? CLI_GO : cli_fail_unknown(db->cli, kind, word, words, count);
	PQclear(result);
	return code;
}

#define CAMPAIGN_NAMES_LIMIT 200

static int campaign_unknown(struct db *db, const char *name)
{
	const char *names[CAMPAIGN_NAMES_LIMIT];
	PGresult *result = db_query(db, "api_campaign_names", 0, NULL);
	if (!result)
		return db_code(db);
	int count = PQntuples(result);
	for (int i = 0; i < count && i < CAMPAIGN_NAMES_LIMIT; i++)
		names[i] = PQgetvalue(result, i, 0);
	const char *near =
		suggest(str_of(name), names,
			(size_t)(count < CAMPAIGN_NAMES_LIMIT ? count : CAMPAIGN_NAMES_LIMIT));
	int code = near ? cli_fail(db->cli, EXIT_NOT_FOUND,
				   "there is no campaign '%s', did you mean '%s'?", name, near)
			: cli_fail(db->cli, EXIT_NOT_FOUND,
				   "there is no campaign '%s'; `rundbrief campaign list` names "
				   "them",
				   name);
	PQclear(result);
	return code;
}

int db_campaign(struct db *db, const char *name, struct campaign_row *ret_campaign)
{
	PGresult *result = db_query(db, "api_campaign_find", 1, &name);
	if (!result)
		return db_code(db);
	if (PQntuples(result) == 0) {
		PQclear(result);
		return campaign_unknown(db, name);
	}
	ret_campaign->id = db_u64(result, 0, 0);
	ret_campaign->id_text = arena_copy(db->cli->arena, db_cell(result, 0, 0));
	ret_campaign->name = arena_copy(db->cli->arena, db_cell(result, 0, 1));
	ret_campaign->state = arena_copy(db->cli->arena, db_cell(result, 0, 2));
	ret_campaign->fully_cut = str_eq(db_cell(result, 0, 3), STR("t"));
	ret_campaign->has_filter = str_eq(db_cell(result, 0, 4), STR("t"));
	PQclear(result);
	return CLI_GO;
}
