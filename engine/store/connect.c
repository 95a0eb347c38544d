/* connect.c - see connect.h. */
#include "engine/store/connect.h"

#include <stddef.h>

/* "table already exists, skipping" is nobody's business. */
static void drop_notice(void *, const char *)
{
}

PGconn *connect_open(const struct connect_to *to)
{
	const char *keys[] = {"target_session_attrs",
			      "connect_timeout", /* for each of the hosts */
			      "fallback_application_name",
			      "options",
			      "keepalives_idle",
			      "keepalives_interval",
			      "tcp_user_timeout",
			      "dbname",
			      "client_encoding",
			      NULL};
	const char *values[] = {"read-write",
				"10",
				to->application,
				to->pooled ? NULL : to->options,
				"10",
				"10",
				"30000",
				to->conninfo,
				"UTF8",
				NULL};
	PGconn *conn = PQconnectdbParams(keys, values, 1);
	if (conn)
		PQsetNoticeProcessor(conn, drop_notice, NULL);
	return conn;
}
