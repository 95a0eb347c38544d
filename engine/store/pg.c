/* pg.c - the connection and its queue: connecting, one request at a time, errors into
 * sentences. Not here: what is asked (the other files), and how a loop wakes us (pg_wait.c).
 * The connection is always non-blocking; without a loop pg_submit() waits by poll(2) and drives
 * the very same machine. The surprising thing: a lost connection ends every queued request, not
 * only the active one, so that whoever queued them learns of it and decides. */
#include "engine/store/pg.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/embedded.h"
#include "engine/io/clock.h"
#include "engine/io/heap.h"

static void finish(struct store *);

static void set_state(struct store *s, enum pg_state to)
{
	static const uint8_t legal[PG_STATE_COUNT] = {
		[PG_DOWN] = 1 << PG_CONNECTING | 1 << PG_DOWN,
		[PG_CONNECTING] = 1 << PG_IDLE | 1 << PG_DOWN,
		[PG_IDLE] = 1 << PG_IDLE | 1 << PG_PREPARING | 1 << PG_RUNNING |
			    1 << PG_CLEANING | 1 << PG_DOWN,
		[PG_PREPARING] =
			1 << PG_RUNNING | 1 << PG_CLEANING | 1 << PG_IDLE | 1 << PG_DOWN,
		[PG_RUNNING] = 1 << PG_PREPARING | 1 << PG_RUNNING | 1 << PG_CLEANING |
			       1 << PG_IDLE | 1 << PG_DOWN,
		[PG_CLEANING] = 1 << PG_IDLE | 1 << PG_DOWN,
	};
	ASSERT(legal[s->state] & 1 << to);
	s->state = to;
}

static usec now_of(const struct store *s)
{
	return s->loop ? io_now(s->loop) : clock_now();
}

/* One line, without the word ERROR and the line breaks that libpq puts in. */
static void say(char *why, size_t why_size, const char *text)
{
	size_t size = 0;
	if (strncmp(text, "ERROR:  ", 8) == 0)
		text += 8;
	for (; *text && size + 1 < why_size; text++) {
		char byte = *text == '\n' || *text == '\t' ? ' ' : *text;
		if (byte != ' ' || (size && why[size - 1] != ' '))
			why[size++] = byte;
	}
	while (size && why[size - 1] == ' ')
		size--;
	if (why_size)
		why[size] = 0;
}

/* ---- connecting ---- */

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
		say(ret_why, why_size, error ? error : "the conninfo is not understood");
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
static int begin_connect(struct store *s)
{
	const char *keys[] = {"dbname",          "options",          "application_name",
			      "client_encoding", "tcp_user_timeout", NULL};
	const char *values[] = {s->conninfo, s->options, s->application, "UTF8", "30000", NULL};
	ASSERT(!s->conn);
	s->prepared_count = 0;
	s->deadline = now_of(s) + s->connect_timeout;
	s->pause_until = now_of(s) + PG_RECONNECT_PAUSE;
	s->conn = PQconnectStartParams(keys, values, 1);
	set_state(s, PG_CONNECTING);
	if (!s->conn || PQstatus(s->conn) == CONNECTION_BAD)
		return -1;
	PQsetNoticeReceiver(s->conn, ignore_notice, NULL);
	pg_wait_afresh(s, PQsocket(s->conn), POLLOUT);
	return 0;
}

static void drop_connection(struct store *s)
{
	if (s->loop)
		pg_wait_for(s, -1, 0);
	PQclear(s->result);
	s->result = NULL;
	PQfinish(s->conn);
	s->conn = NULL;
	s->dead = false;
	set_state(s, PG_DOWN);
}

/* The connection is gone: nobody who waits will be served by it. */
static void lose(struct store *s)
{
	char why[sizeof(s->active->why)] = "the database connection broke";
	struct chain waiting;
	if (s->conn && *PQerrorMessage(s->conn))
		say(why, sizeof(why), PQerrorMessage(s->conn));
	else if (now_of(s) >= s->deadline)
		say(why, sizeof(why), "the database did not answer in time");
	drop_connection(s);
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

static void drive_connecting(struct store *s)
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
		set_state(s, PG_IDLE);
		pg_wait_for(s, PQsocket(s->conn), POLLIN);
		break;
	default:
		lose(s);
	}
}

/* ---- statements ---- */

static void expect_answer(struct store *s, enum pg_state state, int sent)
{
	s->dead = !sent;
	s->deadline = now_of(s) + s->statement_timeout + PG_ANSWER_MARGIN;
	set_state(s, state);
}

static bool is_prepared(const struct store *s, const char *name)
{
	for (size_t i = 0; i < s->prepared_count; i++)
		if (strcmp(s->prepared[i], name) == 0)
			return true;
	return false;
}

static void note_prepared(struct store *s)
{
	if (s->prepared_count < PG_STATEMENT_LIMIT)
		snprintf(s->prepared[s->prepared_count++], PG_NAME_LIMIT, "%s", s->statement);
}

str pg_text_of(const char *file)
{
	char path[96];
	snprintf(path, sizeof(path), "sql/queries/%s.sql", file);
	str text = embedded_find(path);
	ASSERT(text.data);
	return text;
}

static void send_execute(struct store *s)
{
	const struct pg_params *p = &s->params;
	int sent = PQsendQueryPrepared(s->conn, s->statement, p->count, p->values, p->sizes,
				       p->formats, 1);
	expect_answer(s, PG_RUNNING, sent);
	s->params.count = 0;
}

/* Names beyond the limit are prepared without one, each time. */
enum pg_next pg_run_text(struct store *s, const char *name, const char *text)
{
	bool known = is_prepared(s, name);
	if (s->params.failed)
		return pg_fail(s, STORE_RETRY, "no memory for the parameters of %s", name);
	ASSERT(strlen(name) < PG_NAME_LIMIT);
	s->statement = known || s->prepared_count < PG_STATEMENT_LIMIT ? name : "";
	if (known)
		send_execute(s);
	else
		expect_answer(s, PG_PREPARING,
			      PQsendPrepare(s->conn, s->statement, text, 0, NULL));
	return PG_WAIT;
}

enum pg_next pg_run(struct store *s, const char *file)
{
	return pg_run_text(s, file, pg_text_of(file).data);
}

enum pg_next pg_text(struct store *s, const char *statement)
{
	s->statement = "text";
	expect_answer(s, PG_RUNNING, PQsendQuery(s->conn, statement));
	return PG_WAIT;
}

enum pg_next pg_begin(struct store *s)
{
	return pg_text(s, "begin");
}

enum pg_next pg_commit(struct store *s)
{
	return pg_text(s, "commit");
}

enum pg_next pg_copy(struct store *s, const char *statement, str data)
{
	s->copy_data = data;
	return pg_text(s, statement);
}

enum pg_next pg_fail(struct store *s, enum store_result result, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(s->active->why, sizeof(s->active->why), format, arguments);
	va_end(arguments);
	s->active->result = result;
	return PG_DONE;
}

void *pg_own(struct store *s, size_t size)
{
	return arena_alloc(&s->scratch, size);
}

/* ---- results ---- */

/* Appendix A of PostgreSQL's manual, by class and where needed by code. */
static enum store_result result_of_sqlstate(const char *state)
{
	if (!state)
		return STORE_LOST;
	if (strncmp(state, "08", 2) == 0 || strcmp(state, "57P01") == 0 ||
	    strcmp(state, "57P02") == 0 || strcmp(state, "57P03") == 0)
		return STORE_LOST;
	if (strncmp(state, "40", 2) == 0 || strncmp(state, "53", 2) == 0 ||
	    strncmp(state, "58", 2) == 0 || strncmp(state, "55", 2) == 0 ||
	    strcmp(state, "25006") == 0 || strcmp(state, "57014") == 0 ||
	    strcmp(state, "25P03") == 0)
		return STORE_RETRY;
	return STORE_REFUSED;
}

static void note_error(struct store *s, const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	char text[sizeof(s->active->why) - 40];
	say(text, sizeof(text), message ? message : PQresultErrorMessage(result));
	s->active->result = result_of_sqlstate(PQresultErrorField(result, PG_DIAG_SQLSTATE));
	snprintf(s->active->why, sizeof(s->active->why), "%s (%.30s)", text, s->statement);
}

/* The request's steps are over, well or not: leave no transaction open behind it. */
static void conclude(struct store *s)
{
	PGTransactionStatusType status = PQtransactionStatus(s->conn);
	if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
		expect_answer(s, PG_CLEANING, PQsendQuery(s->conn, "rollback"));
	else if (status == PQTRANS_IDLE)
		finish(s);
	else
		s->dead = true;
}

static void advance(struct store *s, const PGresult *result)
{
	if (s->active->work->step(s, s->active, result) == PG_DONE)
		conclude(s);
}

/* All of one statement's answer is here. */
static void answered(struct store *s)
{
	PGresult *result = s->result;
	ExecStatusType status = PQresultStatus(result);
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	s->result = NULL;
	if (s->state == PG_CLEANING) {
		finish(s);
	} else if (!good) {
		note_error(s, result);
		if (s->active->result == STORE_LOST)
			s->dead = true;
		else
			conclude(s);
	} else if (s->state == PG_PREPARING) {
		note_prepared(s);
		send_execute(s);
	} else {
		advance(s, result);
	}
	PQclear(result);
}

static void finish(struct store *s)
{
	struct store_request *request = s->active;
	s->active = NULL;
	set_state(s, PG_IDLE);
	arena_reset(&s->scratch);
	request->on_done(request);
}

static void start_next(struct store *s)
{
	struct chain_link *link = chain_pop(&s->queue);
	s->active = CHAIN_OWNER(link, struct store_request, link);
	s->active->result = STORE_OK;
	s->active->why[0] = 0;
	s->step = 0;
	s->own = NULL;
	s->params = (struct pg_params){.arena = &s->scratch};
	advance(s, NULL);
}

static void send_copy(struct store *s)
{
	const str data = s->copy_data;
	s->copy_data = (str){NULL, 0};
	if (PQputCopyData(s->conn, data.data, (int)data.size) != 1 ||
	    PQputCopyEnd(s->conn, NULL) != 1)
		s->dead = true;
}

/* Takes what has come in; true when it led to anything that may have more to do. */
static bool take_result(struct store *s)
{
	PGresult *result = PQgetResult(s->conn);
	if (!result) {
		if (!s->result)
			return false; /* nothing was asked */
		answered(s);
		return true;
	}
	if (PQresultStatus(result) == PGRES_COPY_IN) {
		PQclear(result);
		send_copy(s);
		return true;
	}
	PQclear(s->result);
	s->result = result;
	return true;
}

/* libpq reads at most a buffer at a time, and a poll that fires on edges would not say so
 * again. */
static bool consume_all(struct store *s)
{
	struct pollfd more = {.fd = PQsocket(s->conn), .events = POLLIN};
	do {
		if (!PQconsumeInput(s->conn))
			return false;
	} while (poll(&more, 1, 0) > 0); /* at the end of the stream consuming fails */
	return true;
}

static bool awaiting(const struct store *s)
{
	return s->state == PG_PREPARING || s->state == PG_RUNNING || s->state == PG_CLEANING;
}

static void drive_connected(struct store *s)
{
	if (!consume_all(s)) {
		if (s->active)
			s->dead = true;
		else
			drop_connection(
				s); /* it broke while nobody used it: nobody need know */
	}
	while (s->conn) {
		if (s->state == PG_IDLE && !s->dead && !chain_empty(&s->queue))
			start_next(s);
		if (s->dead || PQstatus(s->conn) == CONNECTION_BAD) {
			lose(s);
			return;
		}
		if (!awaiting(s))
			break;
		if (PQflush(s->conn) < 0 || (PQisBusy(s->conn) && now_of(s) >= s->deadline)) {
			s->dead = true;
			continue;
		}
		if (PQisBusy(s->conn) || !take_result(s))
			break;
	}
	if (s->conn)
		pg_wait_for(s, PQsocket(s->conn),
			    PQflush(s->conn) == 1 ? POLLIN | POLLOUT : POLLIN);
}

static void drive_down(struct store *s)
{
	if (chain_empty(&s->queue) || (s->loop && now_of(s) < s->pause_until))
		return;
	if (begin_connect(s) < 0)
		lose(s);
}

static void sleep_on(struct store *s)
{
	if (s->state == PG_CONNECTING || awaiting(s))
		pg_wait_until(s, s->deadline);
	else
		pg_wait_until(s, chain_empty(&s->queue) ? USEC_NEVER
							: usec_max(s->pause_until, 1));
}

void pg_drive(struct store *s)
{
	if (s->closing)
		return;
	if (s->state == PG_CONNECTING && now_of(s) >= s->deadline)
		lose(s);
	else if (s->state == PG_CONNECTING)
		drive_connecting(s);
	if (s->state != PG_DOWN && s->state != PG_CONNECTING)
		drive_connected(s);
	if (s->state == PG_DOWN)
		drive_down(s);
	if (s->loop)
		sleep_on(s);
}

/* ---- for requests ---- */

/* Without a loop: drives until the queue is empty. */
static void serve(struct store *s)
{
	while (s->active || !chain_empty(&s->queue)) {
		pg_drive(s);
		if (!s->conn || !(s->active || s->state == PG_CONNECTING))
			continue;
		struct pollfd watched = {.fd = s->socket_watch.wanted_fd,
					 .events = (short)s->socket_watch.wanted_events};
		usec left = s->deadline - now_of(s);
		if (left > 0)
			poll(&watched, 1, (int)(left / USEC_MS) + 1);
	}
}

void pg_submit(struct store *s, struct store_request *request, const struct store_work *work)
{
	request->work = work;
	chain_push_back(&s->queue, &request->link);
	if (!s->loop)
		serve(s);
	else if (s->state == PG_IDLE || s->state == PG_DOWN)
		pg_wait_until(s, usec_max(s->pause_until, 1));
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
	say(ret_why, why_size, hello.why);
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
		drop_connection(s);
	arena_done(&s->scratch);
	free_strings(s);
	pg_wait_done(s);
}
