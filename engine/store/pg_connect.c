/* pg_connect.c - opening, losing and mending a connection.
 * A connection that breaks while nobody uses it is mended without a word; one that breaks under
 * a request ends all that wait with STORE_LOST, and with a loop the next attempt waits a
 * second. A conninfo may name several hosts, and may lead to a pooler. */
#include "engine/store/pg.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/io/heap.h"

#define LOOK_UP_COUNT 3
#define SETTING_LIMIT (6 + LOOK_UP_COUNT)

/* The settings every session of ours has. Plans are made per execution unless a statement says
 * otherwise (pg_run_kept): the values decide between a range and single look-ups, and planning is
 * little beside thousands of rows. A kept plan that was made while a table was small would read
 * all of it for as long as it is kept: where nothing is to be read whole the planner is left no such
 * way, and where everything is looked up by its key no join but by key. How many, that of plans last. */
static size_t settings_of(const struct store *s, char texts[SETTING_LIMIT][80])
{
	static const char *const look_up[LOOK_UP_COUNT] = {
		"enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off"};
	size_t count = 5;
	snprintf(texts[0], 80, "statement_timeout=%lld",
		 (long long)(s->statement_timeout / USEC_MS));
	snprintf(texts[1], 80, "idle_in_transaction_session_timeout=120000");
	snprintf(texts[2], 80, "jit=off");
	snprintf(texts[3], 80, "max_parallel_workers_per_gather=0");
	snprintf(texts[4], 80, "timezone=UTC");
	size_t ways = s->looks_up ? LOOK_UP_COUNT : s->no_scans ? 1 : 0;
	for (size_t i = 0; i < ways; i++)
		snprintf(texts[count++], 80, "%s", look_up[i]);
	snprintf(texts[count++], 80, "plan_cache_mode=force_custom_plan");
	return count;
}

/* Of the session, behind what the user's conninfo says. A pooler takes none: there each
 * transaction begins with them. What is prepared for one use is planned for it anyhow. */
static bool make_options(struct store *s, const char *user_options)
{
	char texts[SETTING_LIMIT][80];
	struct buf options, begin;
	char options_memory[1024], begin_memory[1024];
	size_t count = settings_of(s, texts);
	buf_init_fixed(&options, options_memory, sizeof(options_memory));
	buf_init_fixed(&begin, begin_memory, sizeof(begin_memory));
	buf_printf(&options, "%.400s -c client_min_messages=warning",
		   user_options ? user_options : "");
	buf_put_cstr(&begin, "begin");
	for (size_t i = 0; i < count; i++)
		buf_printf(&options, " -c %s", texts[i]);
	for (size_t i = 0; s->pooled && i + 1 < count; i++)
		buf_printf(&begin, "; set local %s", texts[i]);
	buf_put_byte(&options, 0);
	buf_put_byte(&begin, 0);
	if (!buf_ok(&options) || !buf_ok(&begin))
		return false;
	s->options = s->pooled ? NULL : strdup(options.data);
	s->begin = strdup(begin.data);
	return s->begin && (s->pooled || s->options);
}

static char *user_options(const char *conninfo, char *ret_why, size_t why_size, bool *ret_bad)
{
	char *error = NULL, *found = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &error);
	*ret_bad = !options;
	if (!options)
		pg_say(ret_why, why_size, error ? error : "the conninfo is not understood");
	for (PQconninfoOption *o = options; o && o->keyword; o++)
		if (strcmp(o->keyword, "options") == 0 && o->val)
			found = strdup(o->val);
	PQconninfoFree(options);
	PQfreemem(error);
	return found;
}

static void ignore_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

/* Begins to connect; -1 when it failed at once. What stands before the conninfo yields to it,
 * what stands behind it does not. */
int pg_connect(struct store *s)
{
	const char *keys[] = {"target_session_attrs", "keepalives_idle", "keepalives_interval",
			      "dbname",               "application_name", "client_encoding",
			      "tcp_user_timeout",     "options",          "host",
			      "hostaddr",             "port",             NULL};
	const char *values[] = {"read-write",   "10",      "10",    s->conninfo,
				s->application, "UTF8",    "30000", s->options,
				s->hosts,       s->addresses, s->ports, NULL};
	ASSERT(!s->conn);
	s->prepared_count = 0;
	s->plans = PLANS_FRESH; /* settings_of() */
	s->deadline = pg_now(s) + s->connect_timeout;
	s->pause_until = pg_now(s) + PG_RECONNECT_PAUSE;
	s->conn = PQconnectStartParams(keys, values, 1);
	pg_set_state(s, PG_CONNECTING);
	if (!s->conn || PQstatus(s->conn) == CONNECTION_BAD)
		return -1;
	PQsetNoticeReceiver(s->conn, ignore_notice, NULL);
	pg_wait_afresh(s, PQsocket(s->conn), POLLOUT);
	return 0;
}

/* "a,b,c" becomes "b,c,a"; what has one element, or none, stays. */
static void turn(struct store *s, char **list, const char *from)
{
	const char *comma = from ? strchr(from, ',') : NULL;
	char *turned;
	if (!comma ||
	    asprintf(&turned, "%s,%.*s", comma + 1, (int)(comma - from), from) < 0)
		return;
	free(*list);
	*list = turned;
	s->turns++;
}

/* libpq asks the next host when one refuses, but leaves it to us to lose patience with one that
 * says nothing (its machine is gone): that one comes last from now on. */
static void turn_hosts(struct store *s)
{
	PQconninfoOption *options = PQconninfo(s->conn);
	for (PQconninfoOption *o = options; o && o->keyword; o++) {
		if (strcmp(o->keyword, "host") == 0)
			turn(s, &s->hosts, o->val);
		else if (strcmp(o->keyword, "hostaddr") == 0)
			turn(s, &s->addresses, o->val);
		else if (strcmp(o->keyword, "port") == 0)
			turn(s, &s->ports, o->val);
	}
	PQconninfoFree(options);
}

void pg_drop(struct store *s)
{
	if (s->loop)
		pg_wait_for(s, -1, 0);
	PQclear(s->result);
	s->result = NULL;
	PQfinish(s->conn);
	s->conn = NULL;
	s->dead = false;
	pg_set_state(s, PG_DOWN);
}

/* A sentence on what ended the connection; a server's last words are the best one. */
static void say_lost(const struct store *s, char *why, size_t why_size)
{
	bool connecting = s->state == PG_CONNECTING;
	char text[256] = "the connection broke";
	if (s->active && s->active->result == STORE_LOST && *s->active->why) {
		snprintf(why, why_size, "%s", s->active->why);
		return;
	}
	if (pg_now(s) >= s->deadline && (connecting || s->active))
		snprintf(text, sizeof(text), "%s did not answer in time",
			 connecting && s->conn && PQhost(s->conn) && *PQhost(s->conn)
				 ? PQhost(s->conn)
				 : "it");
	else if (s->conn && *PQerrorMessage(s->conn))
		pg_say(text, sizeof(text), PQerrorMessage(s->conn));
	snprintf(why, why_size, "%s: %.220s",
		 connecting ? "the database cannot be reached" : "the database is gone", text);
}

/* The connection is gone: nobody who waits will be served by it. */
void pg_lose(struct store *s)
{
	char why[sizeof(s->active->why)];
	struct chain waiting;
	say_lost(s, why, sizeof(why));
	if (s->state == PG_CONNECTING && s->conn && pg_now(s) >= s->deadline)
		turn_hosts(s);
	pg_drop(s);
	chain_init(&waiting);
	chain_splice_back(&waiting, &s->queue);
	if (s->active)
		chain_push_front(&waiting, &s->active->link);
	s->active = NULL;
	arena_reset(&s->scratch);
	for (struct chain_link *link; (link = chain_pop(&waiting));) {
		struct store_request *request = CHAIN_OWNER(link, struct store_request, link);
		request->result = STORE_LOST;
		memcpy(request->why, why, sizeof(why));
		request->on_done(request);
	}
}

void pg_drive_connecting(struct store *s)
{
	switch (PQconnectPoll(s->conn)) {
	case PGRES_POLLING_READING:
		pg_wait_afresh(s, PQsocket(s->conn), POLLIN);
		break;
	case PGRES_POLLING_WRITING:
		pg_wait_afresh(s, PQsocket(s->conn), POLLOUT);
		break;
	case PGRES_POLLING_OK:
		PQsetnonblocking(s->conn, 1);
		s->pause_until = 0;
		pg_set_state(s, PG_IDLE);
		pg_listen_begin(s);
		pg_wait_for(s, PQsocket(s->conn), POLLIN);
		break;
	default:
		pg_lose(s);
	}
}

/* As if it had been opened here. False: it is of no use, and the caller's still. */
static bool take_session(struct store *s, PGconn *session)
{
	char texts[SETTING_LIMIT][80], room[1024];
	struct buf set;
	size_t count = settings_of(s, texts);
	buf_init_fixed(&set, room, sizeof(room));
	for (size_t i = 0; i < count; i++)
		buf_printf(&set, "set %s; ", texts[i]);
	buf_printf(&set, "set client_min_messages=warning; set application_name='%s'",
		   s->application);
	buf_put_byte(&set, 0);
	ASSERT(buf_ok(&set));
	PGresult *result = PQexec(session, set.data);
	bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
	PQclear(result);
	if (!good)
		return false;
	s->conn = session;
	PQsetNoticeReceiver(s->conn, ignore_notice, NULL);
	PQsetnonblocking(s->conn, 1);
	pg_set_state(s, PG_CONNECTING);
	pg_set_state(s, PG_IDLE);
	pg_wait_for(s, PQsocket(s->conn), POLLIN);
	return true;
}

/* A request that only asks for the connection. */
static enum pg_next hello_step(struct store *s, struct store_request *request,
			       const PGresult *result)
{
	(void)s, (void)request, (void)result;
	return PG_DONE;
}

static void nothing_done(struct store_request *request)
{
	(void)request;
}

#define HOST_LIMIT 10 /* that say nothing, one after the other */

/* Each host that said nothing has come last, so the next attempt begins with another one. */
static int connect_now(struct store *s, char *ret_why, size_t why_size)
{
	static const struct store_work work = {hello_step};
	struct store_request hello = {.on_done = nothing_done};
	unsigned turns = 0;
	for (int tries = 0; tries < HOST_LIMIT; tries++) {
		pg_submit(s, &hello, &work);
		if (hello.result == STORE_OK || s->turns == turns)
			break;
		turns = s->turns;
	}
	pg_say(ret_why, why_size, hello.result == STORE_OK ? "" : hello.why);
	return hello.result;
}

static void free_strings(struct store *s)
{
	free(s->conninfo);
	free(s->application);
	free(s->options);
	free(s->begin);
	free(s->hosts);
	free(s->addresses);
	free(s->ports);
}

int store_open(struct store **ret_store, struct io_loop *loop,
	       const struct store_config *config, char *ret_why, size_t why_size)
{
	bool bad;
	char *extra = user_options(config->conninfo, ret_why, why_size, &bad);
	if (bad)
		return STORE_REFUSED;
	struct store *s = calloc(1, sizeof(*s));
	if (s) {
		s->loop = loop;
		s->tenant = config->tenant ? config->tenant : 1;
		s->day_zone = config->day_zone;
		s->lease = config->lease ? config->lease : LEASE_DEFAULT;
		s->journal_wait =
			config->journal_wait ? config->journal_wait : JOURNAL_WAIT_DEFAULT;
		s->conninfo = strdup(config->conninfo);
		s->application =
			strdup(config->application ? config->application : "rundbrief");
		s->pooled = config->pooled;
		s->no_scans = config->no_scans;
		s->looks_up = config->looks_up;
		s->connect_timeout =
			config->connect_timeout ? config->connect_timeout : 10 * USEC_SECOND;
		s->statement_timeout =
			config->statement_timeout ? config->statement_timeout : USEC_MINUTE;
		chain_init(&s->queue);
		arena_init(&s->scratch, heap_source(), 256 * 1024, 0);
	}
	bool made = s && make_options(s, extra);
	free(extra);
	if (!made || !s->conninfo || !s->application || pg_wait_init(s) < 0) {
		snprintf(ret_why, why_size, "no memory or no timer for a database connection");
		if (s)
			free_strings(s);
		free(s);
		return STORE_RETRY;
	}
	if (!loop && config->session && *config->session && !s->pooled &&
	    take_session(s, *config->session))
		*config->session = NULL;
	if (!loop && !s->conn && connect_now(s, ret_why, why_size) < 0) {
		store_close(s);
		return STORE_LOST;
	}
	*ret_store = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	s->closing = true;
	if (s->conn)
		pg_drop(s);
	arena_done(&s->scratch);
	free_strings(s);
	pg_wait_done(s);
}
