/* session.h - the importer's connection, and its statements: those of sql/queries/import_*.sql.
 * What fails leaves a sentence in why. Private to importer. */
#pragma once

#include <libpq-fe.h>

#include "engine/base/arena.h"
#include "engine/base/str.h"

struct session {
	PGconn *conn;
	struct arena *arena; /* of the import; a few statements' texts go there */
	char *why;
	size_t why_size;
	char tenant[16], list_id[24];
};

/* Writes the sentence "what: detail", on one line; -1. */
int session_fail(struct session *, const char *what, const char *detail);
/* The same of the connection's last error. */
int session_lost(struct session *);
/* Runs sql/queries/NAME.sql; the result, to be cleared, or NULL after a sentence. */
[[nodiscard]] PGresult *session_query(struct session *, const char *name, int count,
				      const char *const *values);
/* The same for a statement with a line that begins by ON CONFLICT, which costs each row another
 * look at its index and another record of WAL: tried without that line first. Only when
 * somebody else has added one of these rows meanwhile it runs as it stands. */
[[nodiscard]] PGresult *session_query_alone(struct session *, const char *name, int count,
					    const char *const *values);
/* How many rows a statement returned or changed, into ret unless it is NULL; -1 after a
 * sentence. */
[[nodiscard]] int session_count(struct session *, const char *name, int count,
				const char *const *values, uint64_t *ret);
/* A statement without parameters, or the begin of a COPY. 0, or -1 after a sentence. */
[[nodiscard]] int session_plain(struct session *, const char *statement);
/* Somebody else has added this row: a unique_violation. */
bool session_is_duplicate(const PGresult *);
uint64_t session_number(const char *text); /* 0 when it is none */
