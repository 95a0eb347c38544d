/* db.h - the commands' way to the database: a statement by name, its result, or an exit code.
 * Statements are files sql/queries/NAME.sql. Every one carries the tenant as $1, so that none
 * can forget it. Blocking libpq, one connection, time-outs set; a command that waits is a
 * command that a person can interrupt. */
#pragma once

#include <libpq-fe.h>

#include "engine/api/cli.h"

struct db {
	struct cli *cli;
	PGconn *conn;
	char tenant[16];
};

/* Connects as the configuration says. CLI_GO, or an exit code after a sentence. */
[[nodiscard]] int db_open(struct db *, struct cli *);
/* For commands that can do without: connects or does not, and tells nothing.
 * The configuration has been read. */
[[nodiscard]] bool db_open_if_there(struct db *, struct cli *);
/* The same past a pooler: for who holds a lock as long as its connection. */
[[nodiscard]] int db_open_direct(struct db *, struct cli *);
void db_close(struct db *);

/* Runs the statement with $2, $3, ... (NULL: SQL NULL). The result, or NULL after a sentence;
 * db_code() is then the exit code. */
#define DB_PARAMETER_LIMIT 16
[[nodiscard]] PGresult *db_query(struct db *, const char *name, size_t count,
				 const char *const *parameters);
/* The same, for input that may be wrong: on a mistake of the statement's the result is NULL and
 * *ret_why the database's own sentence, in the command's arena; nothing is told. */
[[nodiscard]] PGresult *db_try(struct db *, const char *name, size_t count,
			       const char *const *parameters, const char **ret_why);
/* The same, row by row: on_row until it returns false. CLI_GO or an exit code. */
[[nodiscard]] int db_stream(struct db *, const char *name, size_t count,
			    const char *const *parameters,
			    void (*on_row)(void *context, const PGresult *, int row),
			    void *context);
int db_code(const struct db *);
/* "what: libpq's sentence", its lines joined (it puts hints on lines of their own). */
int db_fail_connection(struct cli *, int code, const char *what, const PGconn *);
/* begin, commit, rollback. CLI_GO or an exit code. */
[[nodiscard]] int db_do(struct db *, const char *sql);

/* A cell; data NULL: SQL NULL. Lives as long as the result. */
str db_cell(const PGresult *, int row, int column);
uint64_t db_u64(const PGresult *, int row, int column); /* 0 for NULL */
int64_t db_i64(const PGresult *, int row, int column);

/* CLI_GO when word is empty or the name of a verdict, class or reason; else it is told. */
[[nodiscard]] int db_check_word(struct db *, const char *kind, const char *word);

/* A campaign by name or id. CLI_GO, or EXIT_NOT_FOUND after a sentence that names the nearest.
 */
struct campaign_row {
	uint64_t id;
	str id_text, name, state; /* in the command's arena */
	bool fully_cut, has_filter;
};
[[nodiscard]] int db_campaign(struct db *, const char *name, struct campaign_row *ret_campaign);
