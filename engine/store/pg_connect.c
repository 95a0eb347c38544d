/* pg_connect.c - opening, losing and mending a connection.
 * A connection that breaks while nobody uses it is mended without a word; one that breaks under
 * a request ends all that wait with STORE_LOST, and with a loop the next attempt waits a
 * second. */
#include "engine/store/pg.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/io/heap.h"

/* The settings every session of ours has. Plans are made per execution: the values decide
 * between a range and single look-ups, and planning is little beside thousands of rows. */
static char *make_options(const struct store_config *config, const char *user_options)
{
	char *text;
	usec timeout = config->statement_timeout ? config->statement_timeout : USEC_MINUTE;
	if (asprintf(&text,
		     "%s -c statement_timeout=%lld -c "
		     "idle_in_transaction_session_timeout=120000 "
		     "-c plan_cache_mode=force_custom_plan -c jit=off "
		     "-c max_parallel_workers_per_gather=0 -c client_min_messages=warning "
		     "-c timezone=UTC",
		     user_options ? user_options : "", (long long)(timeout / USEC_MS)) < 0)
		return NULL;
	return text;
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

/* Begins to connect; -1 when it failed at once. */
int pg_connect(struct store *s)
{
	const char *keys[] = {"dbname",          "options",          "application_name",
			      "client_encoding", "tcp_user_timeout", NULL};
	const char *values[] = {s->conninfo, s->options, s->application, "UTF8", "30000", NULL};
	ASSERT(!s->conn);
	s->prepared_count = 0;
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

/* The connection is gone: nobody who waits will be served by it. */
void pg_lose(struct store *s)
{
	char why[sizeof(s->active->why)] = "the database connection broke";
	struct chain waiting;
	if (s->conn && *PQerrorMessage(s->conn))
		pg_say(why, sizeof(why), PQerrorMessage(s->conn));
	else if (pg_now(s) >= s->deadline)
		pg_say(why, sizeof(why), "the database did not answer in time");
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

static int connect_now(struct store *s, char *ret_why, size_t why_size)
{
	static const struct store_work work = {hello_step};
	struct store_request hello = {.on_done = nothing_done};
	pg_submit(s, &hello, &work);
	pg_say(ret_why, why_size, hello.why);
	return hello.result;
}

static void free_strings(struct store *s)
{
	free(s->conninfo);
	free(s->application);
	free(s->options);
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
		s->options = make_options(config, extra);
		s->connect_timeout =
			config->connect_timeout ? config->connect_timeout : 10 * USEC_SECOND;
		s->statement_timeout =
			config->statement_timeout ? config->statement_timeout : USEC_MINUTE;
		chain_init(&s->queue);
		arena_init(&s->scratch, heap_source(), 256 * 1024, 0);
	}
	free(extra);
	if (!s || !s->conninfo || !s->application || !s->options || pg_wait_init(s) < 0) {
		snprintf(ret_why, why_size, "no memory or no timer for a database connection");
		if (s)
			free_strings(s);
		free(s);
		return STORE_RETRY;
	}
	if (!loop && connect_now(s, ret_why, why_size) < 0) {
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
