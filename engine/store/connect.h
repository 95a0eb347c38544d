/* connect.h - a blocking connection for who is no engine: commands, the importer, migrations.
 * The same defaults everywhere: of several hosts the one that takes writes, and no wait for
 * ever. What the conninfo says goes before them. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

struct connect_to {
	const char *conninfo;
	const char *application;
	/* A pooler in transaction mode: the session is not ours. Settings go into transactions
	 * (set local), and nothing of a session (its locks, LISTEN, tables that outlive a
	 * transaction) may be used. */
	bool pooled;
	const char *options; /* "-c timezone=UTC"; left out behind a pooler; NULL: none */
};

/* As PQconnectdb() does: NULL, or to be asked by PQstatus(), and closed by PQfinish(). */
PGconn *connect_open(const struct connect_to *);
