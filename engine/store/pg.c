/* pg.c - the queue of a connection: one request at a time, its statements, errors into
 * sentences. Not here: opening and losing the connection (pg_connect.c), what is asked (the
 * other files), and how a loop wakes us (pg_wait.c). The connection is always non-blocking;
 * without a loop pg_submit() waits by poll(2) and drives the very same machine. The surprising
 * thing: a lost connection ends every queued request, not only the active one, so that whoever
 * queued them learns of it and decides. */
#include "engine/store/pg.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/base/assert.h"
#include "engine/base/embedded.h"
#include "engine/io/clock.h"

static void finish(struct store *);

void pg_set_state(struct store *s, enum pg_state to)
{
	static const uint8_t legal[PG_STATE_COUNT] = {
		[PG_DOWN] = 1 << PG_CONNECTING | 1 << PG_DOWN,
		[PG_CONNECTING] = 1 << PG_IDLE | 1 << PG_DOWN,
		[PG_IDLE] = 1 << PG_IDLE | 1 << PG_PREPARING | 1 << PG_SETTING |
			    1 << PG_RUNNING | 1 << PG_CLEANING | 1 << PG_DOWN,
		[PG_PREPARING] = 1 << PG_SETTING | 1 << PG_RUNNING | 1 << PG_CLEANING |
				 1 << PG_IDLE | 1 << PG_DOWN,
		[PG_SETTING] =
			1 << PG_RUNNING | 1 << PG_CLEANING | 1 << PG_IDLE | 1 << PG_DOWN,
		[PG_RUNNING] = 1 << PG_PREPARING | 1 << PG_SETTING | 1 << PG_RUNNING |
			       1 << PG_CLEANING | 1 << PG_COMMITTING | 1 << PG_IDLE |
			       1 << PG_DOWN,
		[PG_COMMITTING] = 1 << PG_IDLE | 1 << PG_DOWN,
		[PG_CLEANING] = 1 << PG_IDLE | 1 << PG_DOWN,
	};
	ASSERT(legal[s->state] & 1 << to);
	s->state = to;
}

usec pg_now(const struct store *s)
{
	return s->loop ? io_now(s->loop) : clock_now();
}

/* One line, without the word ERROR and the line breaks that libpq puts in. */
void pg_say(char *why, size_t why_size, const char *text)
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

/* ---- statements ---- */

static void expect_answer(struct store *s, enum pg_state state, int sent)
{
	s->dead = !sent;
	s->deadline = pg_now(s) + s->statement_timeout + PG_ANSWER_MARGIN;
	pg_set_state(s, state);
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

/* A pooler may give the next transaction another session, so nothing is prepared there. */
static void send_execute(struct store *s)
{
	const struct pg_params *p = &s->params;
	int sent = s->pooled ? PQsendQueryParams(s->conn, s->text, p->count, NULL, p->values,
						 p->sizes, p->formats, 1)
			     : PQsendQueryPrepared(s->conn, s->statement, p->count, p->values,
						   p->sizes, p->formats, 1);
	expect_answer(s, PG_RUNNING, sent);
	s->params.count = 0;
}

#define SET_KEPT "set plan_cache_mode = force_generic_plan"
#define SET_FRESH "set plan_cache_mode = force_custom_plan"
#define FORGET "discard plans; "

/* What reads all of a small table costs no more than what looks a row up, and a plan that was made
 * in that hour is kept: so plans are forgotten whenever the session has become twice as old. */
static bool is_time_to_forget(struct store *s)
{
	usec now = pg_now(s), age = now - s->connected_at;
	if (now < s->forget_at)
		return false;
	s->forget_at = now + usec_min(age, PLANS_AGE_MOST);
	return true;
}

/* A session changes its mind when it must, which is seldom: most serve one kind. */
static void send_planned(struct store *s)
{
	bool keeps = s->wanted_plans == PLANS_KEPT;
	if (!s->pooled && keeps && is_time_to_forget(s))
		expect_answer(s, PG_SETTING, PQsendQuery(s->conn, FORGET SET_KEPT));
	else if (!s->pooled && s->plans != s->wanted_plans)
		expect_answer(s, PG_SETTING, PQsendQuery(s->conn, keeps ? SET_KEPT : SET_FRESH));
	else
		send_execute(s);
}

/* The session's settings are not ours either: a statement that stands alone gets them with a
 * transaction around it, which ends when the request's steps have. */
static enum pg_next send_pooled(struct store *s)
{
	if (PQtransactionStatus(s->conn) != PQTRANS_IDLE) {
		send_execute(s);
		return PG_WAIT;
	}
	s->implicit = true;
	expect_answer(s, PG_PREPARING, PQsendQuery(s->conn, s->begin));
	return PG_WAIT;
}

/* Names beyond the limit are prepared without one, each time. */
static enum pg_next run(struct store *s, const char *name, const char *text,
			enum pg_plans plans)
{
	bool known = is_prepared(s, name);
	if (s->params.failed)
		return pg_fail(s, STORE_RETRY, "no memory for the parameters of %s", name);
	ASSERT(strlen(name) < PG_NAME_LIMIT);
	s->text = text;
	s->statement = name;
	s->wanted_plans = plans;
	if (s->pooled)
		return send_pooled(s);
	s->statement = known || s->prepared_count < PG_STATEMENT_LIMIT ? name : "";
	if (known)
		send_planned(s);
	else
		expect_answer(s, PG_PREPARING,
			      PQsendPrepare(s->conn, s->statement, text, 0, NULL));
	return PG_WAIT;
}

enum pg_next pg_run_text(struct store *s, const char *name, const char *text,
			 enum pg_plans plans)
{
	return run(s, name, text, plans);
}

enum pg_next pg_run(struct store *s, const char *file)
{
	return run(s, file, pg_text_of(file).data, PLANS_FRESH);
}

enum pg_next pg_run_kept(struct store *s, const char *file)
{
	return run(s, file, pg_text_of(file).data, PLANS_KEPT);
}

enum pg_next pg_text(struct store *s, const char *statement)
{
	s->statement = statement;
	expect_answer(s, PG_RUNNING, PQsendQuery(s->conn, statement));
	return PG_WAIT;
}

enum pg_next pg_begin(struct store *s)
{
	return pg_text(s, s->begin);
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

static void note_error(struct store *s, const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const struct pg_meaning *meaning =
		pg_meaning(PQresultErrorField(result, PG_DIAG_SQLSTATE));
	char text[sizeof(s->active->why)];
	s->plans = PLANS_UNSURE;
	pg_say(text, sizeof(text), message ? message : PQresultErrorMessage(result));
	s->active->result = meaning->result;
	snprintf(s->active->why, sizeof(s->active->why), "%s%s%.120s (%.30s)", meaning->sentence,
		 *meaning->sentence ? ": " : "", text, s->statement);
}

/* The request's steps are over, well or not: leave no transaction open behind it. */
static void conclude(struct store *s)
{
	PGTransactionStatusType status = PQtransactionStatus(s->conn);
	if (status == PQTRANS_INTRANS && s->implicit && s->active->result == STORE_OK)
		expect_answer(s, PG_COMMITTING, PQsendQuery(s->conn, "commit"));
	else if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
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
		s->plans = PLANS_UNSURE;
		finish(s);
	} else if (!good) {
		note_error(s, result);
		if (s->active->result == STORE_LOST)
			s->dead = true;
		else
			conclude(s);
	} else if (s->state == PG_COMMITTING) {
		finish(s);
	} else if (s->state == PG_PREPARING) {
		if (!s->pooled)
			note_prepared(s);
		send_planned(s);
	} else if (s->state == PG_SETTING) {
		s->plans = s->wanted_plans;
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
	pg_set_state(s, PG_IDLE);
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
	s->implicit = false;
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
	return s->state == PG_PREPARING || s->state == PG_SETTING || s->state == PG_RUNNING ||
	       s->state == PG_COMMITTING || s->state == PG_CLEANING;
}

static void drive_connected(struct store *s)
{
	if (!consume_all(s)) {
		if (s->active)
			s->dead = true;
		else
			pg_drop(s); /* it broke while nobody used it: nobody need know */
	}
	while (s->conn) {
		if (s->state == PG_IDLE && !s->dead && !chain_empty(&s->queue))
			start_next(s);
		if (s->dead || PQstatus(s->conn) == CONNECTION_BAD) {
			pg_lose(s);
			return;
		}
		if (!awaiting(s))
			break;
		if (PQflush(s->conn) < 0 || (PQisBusy(s->conn) && pg_now(s) >= s->deadline)) {
			s->dead = true;
			continue;
		}
		if (PQisBusy(s->conn) || !take_result(s))
			break;
	}
	pg_listen_take(s);
	if (s->conn)
		pg_wait_for(s, PQsocket(s->conn),
			    PQflush(s->conn) == 1 ? POLLIN | POLLOUT : POLLIN);
}

/* Somebody waits to be served; or to be rung for, which only a connection can. */
static bool wants_connection(const struct store *s)
{
	return !chain_empty(&s->queue) || (s->listen.bell && !s->closing);
}

static void drive_down(struct store *s)
{
	if (!wants_connection(s) || (s->loop && pg_now(s) < s->pause_until))
		return;
	if (pg_connect(s) < 0)
		pg_lose(s);
}

static void sleep_on(struct store *s)
{
	if (s->state == PG_CONNECTING || awaiting(s))
		pg_wait_until(s, s->deadline);
	else if (s->state == PG_DOWN ? wants_connection(s) : !chain_empty(&s->queue))
		pg_wait_until(s, usec_max(s->pause_until, 1));
}

void pg_wake(struct store *s)
{
	if (s->driving || (s->state != PG_IDLE && s->state != PG_DOWN))
		return;
	if (pg_now(s) < s->pause_until)
		pg_wait_until(s, s->pause_until);
	else
		pg_wait_little(s);
}

void pg_drive(struct store *s)
{
	if (s->closing)
		return;
	s->driving = true;
	if (s->state == PG_CONNECTING && pg_now(s) >= s->deadline)
		pg_lose(s);
	else if (s->state == PG_CONNECTING)
		pg_drive_connecting(s);
	if (s->state != PG_DOWN && s->state != PG_CONNECTING)
		drive_connected(s);
	if (s->state == PG_DOWN)
		drive_down(s);
	s->driving = false;
	if (s->loop)
		sleep_on(s);
	pg_listen_tell(s);
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
		usec left = s->deadline - pg_now(s);
		if (left > 0)
			poll(&watched, 1, (int)(left / USEC_MS) + 1);
	}
}

void pg_submit(struct store *s, struct store_request *request, const struct store_work *work)
{
	request->work = work;
	chain_push_back(&s->queue, &request->link);
	if (s->loop)
		pg_wake(s);
	else
		serve(s);
}
