/* pg_error.c - what an error of PostgreSQL's is to whoever asked: to be asked again on this
 * connection, on a new one, or wrong for good, as a statement (REFUSED) or for what it was to write
 * (UNFIT); and a sentence for people.
 * The codes are those of Appendix A of PostgreSQL's manual; the most exact entry counts. A state
 * that names this server as the wrong one (a replica) or this session as over ends the
 * connection, for the next one may reach another server. The surprising thing: disk full leaves
 * the connection alone. The server still reads, and says by itself when it can write again. */
#include "engine/store/pg.h"

static const struct pg_meaning meanings[] = {
	{"08", STORE_LOST, ""},
	{"08P01", STORE_LOST,
	 "a pooler, or what else stands between here and the database, ended the connection"},
	{"21", STORE_UNFIT, ""},
	{"22", STORE_UNFIT, ""},
	{"23", STORE_UNFIT, ""},
	{"25006", STORE_LOST,
	 "this server takes no writes (a replica, or set read-only); one that does is looked for"},
	{"25P03", STORE_LOST, "the server ended a transaction that stood still for too long"},
	{"26000", STORE_LOST,
	 "the connection forgets its statements: it goes through a pooler that "
	 "database.conninfo names; name it as database.pooler"},
	{"42P05", STORE_LOST,
	 "the connection is shared with others: it goes through a pooler that "
	 "database.conninfo names; name it as database.pooler"},
	{"28", STORE_LOST, "the database does not let this user in (any more)"},
	{"3D000", STORE_LOST, "the database is not there (any more)"},
	{"40", STORE_RETRY, "two transactions got into each other's way; it is asked again"},
	{"40003", STORE_LOST, "whether the transaction took is not known"},
	{"40P01", STORE_RETRY, "a deadlock; it is asked again"},
	{"42501", STORE_REFUSED, "the database's user may not do this: grant it"},
	{"42P01", STORE_REFUSED, "a table is missing: run `rundbrief init`"},
	{"42703", STORE_REFUSED, "a column is missing: run `rundbrief init`"},
	{"44", STORE_UNFIT, ""},
	{"53", STORE_RETRY, "the database has not enough of something"},
	{"53100", STORE_RETRY,
	 "the database's disk is full: make room there, and it goes on by itself"},
	{"53200", STORE_RETRY, "the database is out of memory; it is asked again"},
	{"53300", STORE_LOST,
	 "the database has no connection left: raise max_connections, or use a pooler"},
	{"54", STORE_UNFIT, ""},
	{"55", STORE_RETRY, ""},
	{"57", STORE_RETRY, ""},
	{"57014", STORE_RETRY,
	 "a statement took longer than its time-out, or somebody ended it; it is asked again"},
	{"57P01", STORE_LOST,
	 "the database is being shut down, or somebody ended this connection"},
	{"57P02", STORE_LOST, "a process of the database crashed; it recovers by itself"},
	{"57P03", STORE_LOST, "the database is starting, or shutting down"},
	{"57P04", STORE_LOST, "the database was dropped"},
	{"57P05", STORE_LOST, "the server ended a connection that stood still for too long"},
	{"58", STORE_RETRY, "the database's machine has trouble with its files"},
	{"P0", STORE_UNFIT, ""},
	{"XX", STORE_REFUSED, "the database found itself damaged: see its log"},
};

static const struct pg_meaning broken = {"", STORE_LOST, ""};
static const struct pg_meaning wrong = {"", STORE_REFUSED, ""};

const struct pg_meaning *pg_meaning(const char *sqlstate)
{
	const struct pg_meaning *found = &wrong;
	if (!sqlstate)
		return &broken;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
		size_t size = strlen(meanings[i].state);
		if (strncmp(sqlstate, meanings[i].state, size) == 0 &&
		    size >= strlen(found->state))
			found = &meanings[i];
	}
	return found;
}
