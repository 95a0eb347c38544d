/* smtp_world.h - a sender's and a receiver's machine on one unreliable wire, moved by a stream
 * of decisions; and an oracle that knows both ends. The fuzzer and a unit test with seeds use
 * it.
 *
 * Checked: a message is stored only after its release, byte for byte as submitted, once at most
 * for each recipient; a result is what the server said; delivered means stored, neither
 * delivered nor in doubt means not stored; every transaction finishes, once, with a result for
 * each recipient or returned whole; the client never talks before it may; the memory of a body
 * is not looked at after SMTP_FINISHED; the session always comes to an end. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/buf.h"
#include "engine/smtp/client_state.h"
#include "engine/smtp/server.h"

#define WORLD_TRANSACTIONS 6
#define WORLD_RCPTS 4
#define WORLD_BODY 300
#define WORLD_PIPE 65536

#define WORLD_CHECK(claim) ((claim) ? (void)0 : world_broken(#claim, __LINE__))

static void (*world_on_broken)(void);

_Noreturn static inline void world_broken(const char *claim, int line)
{
	if (world_on_broken)
		world_on_broken();
	fprintf(stderr, "smtp_world.h:%d: not so: %s\n", line, claim);
	abort();
}

struct pipe_bytes {
	char data[WORLD_PIPE];
	size_t size, read;
};

struct world_mail {
	char from[64], rcpt_memory[WORLD_RCPTS][64];
	str rcpts[WORLD_RCPTS];
	size_t rcpt_count;
	char *body; /* freed when finished */
	char kept[WORLD_BODY];
	size_t body_size;
	bool submitted, gate_told, released, finished, returned;
	/* what the server said last: to MAIL, to DATA, to the end, to each RCPT */
	int mail_code, data_code, end_code, rcpt_code[WORLD_RCPTS];
	bool in_transaction[WORLD_RCPTS];
	int stored_count[WORLD_RCPTS];
	bool told[WORLD_RCPTS], in_doubt[WORLD_RCPTS];
	int result[WORLD_RCPTS];
};

struct world {
	const uint8_t *choices;
	size_t choice_count, choice_at;
	usec now;
	struct smtp_client client;
	struct smtp_server *server;
	struct pipe_bytes to_server, to_client;
	struct iovec writing[CLIENT_SPAN_LIMIT]; /* a write under way, read when it completes */
	size_t writing_count, written_size;
	bool client_closed, wire_cut, want_tls, quit_told, said_421;
	size_t ready_count;
	struct world_mail mails[WORLD_TRANSACTIONS];
	size_t mail_count;
	struct world_mail *current; /* the server's open transaction */
	char received[4 * WORLD_BODY];
	size_t received_size;
};

static inline unsigned choose(struct world *w, unsigned bound)
{
	uint8_t byte = w->choice_at < w->choice_count ? w->choices[w->choice_at++] : 0;
	return byte % bound;
}

/* --- the receiving side --------------------------------------------------------------------
 */

/* Mostly the preset; else a refusal, a delay, a close or a drop. */
static inline void world_answer(struct world *w, struct smtp_answer *answer)
{
	static const uint16_t codes[] = {450, 451, 452, 550, 552, 554, 555, 455};
	unsigned choice = choose(w, 24);
	if (choice == 1 || choice == 2)
		*answer =
			(struct smtp_answer){codes[choose(w, 8)], NULL, "no", 0, false, false};
	else if (choice == 3)
		*answer = (struct smtp_answer){421, "4.7.0", "bye\nbye", 0, false, true};
	else if (choice == 4)
		answer->drop = true;
	else if (choice == 5)
		answer->delay = (usec)choose(w, 200) * USEC_SECOND * 5;
	w->said_421 |= answer->code == 421 && !answer->drop;
}

static inline struct world_mail *mail_of(struct world *w, char digit)
{
	size_t index = (size_t)(digit - '0');
	WORLD_CHECK(index < w->mail_count);
	return &w->mails[index];
}

static inline void world_connect(void *context, struct smtp_answer *answer)
{
	world_answer(context, answer);
}

static inline void world_hello(void *context, bool is_ehlo, str, struct smtp_answer *answer)
{
	struct world *w = context;
	if (choose(w, 20) == 1 && is_ehlo)
		*answer = (struct smtp_answer){502, NULL, "what?", 0, false, false};
	else
		world_answer(w, answer);
}

static inline void world_mail_from(void *context, str from, struct smtp_answer *answer)
{
	struct world *w = context;
	struct world_mail *m = mail_of(w, from.data[1]);
	WORLD_CHECK(str_eq(from, str_of(m->from)));
	world_answer(w, answer);
	m->mail_code = answer->code;
	w->current = m;
	w->received_size = 0;
	memset(m->in_transaction, 0, sizeof(m->in_transaction));
}

static inline void world_rcpt_to(void *context, str to, struct smtp_answer *answer)
{
	struct world *w = context;
	WORLD_CHECK(w->current && mail_of(w, to.data[1]) == w->current);
	size_t rcpt = (size_t)(to.data[3] - '0');
	WORLD_CHECK(rcpt < w->current->rcpt_count && str_eq(to, w->current->rcpts[rcpt]));
	world_answer(w, answer);
	w->current->rcpt_code[rcpt] = answer->code;
	w->current->in_transaction[rcpt] = answer->code / 100 == 2;
}

static inline void world_data(void *context, struct smtp_answer *answer)
{
	struct world *w = context;
	world_answer(w, answer);
	if (choose(w, 40) == 1)
		*answer = (struct smtp_answer){250, NULL, "lie", 0, false, false};
	w->current->data_code = answer->code;
}

static inline void world_bytes(void *context, str bytes)
{
	struct world *w = context;
	WORLD_CHECK(w->current && w->current->released);
	WORLD_CHECK(w->received_size + bytes.size <= sizeof(w->received));
	memcpy(w->received + w->received_size, bytes.data, bytes.size);
	w->received_size += bytes.size;
}

static inline void world_end(void *context, size_t size, struct smtp_answer *answer)
{
	struct world *w = context;
	struct world_mail *m = w->current;
	WORLD_CHECK(m && m->released && size == w->received_size);
	WORLD_CHECK(size == m->body_size && memcmp(m->kept, w->received, size) == 0);
	world_answer(w, answer);
	m->end_code = answer->code;
	/* Who drops may have kept it. */
	bool stores = answer->drop ? choose(w, 2) : answer->code / 100 == 2;
	for (size_t i = 0; i < m->rcpt_count; i++)
		m->stored_count[i] += stores && m->in_transaction[i];
}

static inline void world_reset(void *context)
{
	((struct world *)context)->current = NULL;
}

/* --- the sending side ----------------------------------------------------------------------
 */

static inline void check_result(struct world *w, struct world_mail *m,
				const struct smtp_event *event)
{
	size_t i = event->rcpt_index;
	const struct reply *r = &event->reply;
	WORLD_CHECK(i < m->rcpt_count && !m->told[i] && !m->returned);
	m->told[i] = true;
	m->in_doubt[i] = event->in_doubt;
	m->result[i] = r->code;
	if (r->origin == REPLY_LOCAL) {
		WORLD_CHECK(r->code / 100 != 2);
		return;
	}
	WORLD_CHECK(!event->in_doubt);
	if (r->code == 421)
		WORLD_CHECK(w->said_421);
	else if (r->stage == STAGE_MAIL)
		WORLD_CHECK(r->code == m->mail_code && r->code / 100 != 2);
	else if (r->stage == STAGE_RCPT)
		WORLD_CHECK(r->code == m->rcpt_code[i] && r->code / 100 != 2);
	else if (r->stage == STAGE_DATA)
		WORLD_CHECK(r->code == m->data_code && r->code / 100 != 2);
	else
		WORLD_CHECK(r->stage == STAGE_END && r->code == m->end_code);
}

static inline void check_finished(struct world *w, struct world_mail *m,
				  const struct smtp_event *event)
{
	WORLD_CHECK(m->submitted && !m->finished);
	m->finished = true;
	for (size_t i = 0; i < m->rcpt_count; i++)
		WORLD_CHECK(m->told[i] != m->returned);
	bool in_use = false;
	for (size_t i = 0; i < w->writing_count; i++) {
		char *at = w->writing[i].iov_base;
		in_use |= at >= m->body && at < m->body + m->body_size;
	}
	/* Whoever is told nothing gives the memory back, and ASan watches. */
	WORLD_CHECK(!in_use || event->body_in_use);
	WORLD_CHECK(!event->body_in_use || w->client.state == SESSION_CLOSED);
	if (!event->body_in_use) {
		free(m->body);
		m->body = NULL;
	}
}

static inline void world_event(struct world *w, const struct smtp_event *event)
{
	struct world_mail *m = event->owner;
	WORLD_CHECK(!w->client_closed);
	WORLD_CHECK(!m || (m->submitted && !m->finished));
	switch (event->kind) {
	case SMTP_READY:
		w->ready_count++;
		break;
	case SMTP_WANT_TLS:
		w->want_tls = true;
		break;
	case SMTP_AUTH:
		WORLD_CHECK(w->client.options.auth);
		break;
	case SMTP_GATE:
		m->gate_told = true;
		m->released = false; /* each round has its own mark */
		break;
	case SMTP_RESULT:
		check_result(w, m, event);
		break;
	case SMTP_RETURNED:
		m->returned = true;
		break;
	case SMTP_FINISHED:
		check_finished(w, m, event);
		break;
	case SMTP_CLOSE:
		w->client_closed = true;
		break;
	}
}

static inline void world_drain(struct world *w)
{
	struct smtp_event event;
	while (smtp_client_next(&w->client, &event))
		world_event(w, &event);
}

/* Lines of a few bytes, many with dots, so that every kind of edge comes up. */
static inline void make_body(struct world *w, struct world_mail *m, struct smtp_body *ret_body)
{
	size_t size = 0, lines = choose(w, 8);
	for (size_t i = 0; i < lines; i++) {
		size_t length = choose(w, 6);
		for (size_t j = 0; j < length; j++)
			m->kept[size++] = "..a\r\nb"[choose(w, 2) ? choose(w, 3) : 2];
		m->kept[size++] = '\r';
		m->kept[size++] = '\n';
	}
	m->kept[size++] = '\r';
	m->kept[size++] = '\n';
	m->body = malloc(size);
	memcpy(m->body, m->kept, size);
	m->body_size = ret_body->size = size;
	for (size_t i = 0; i < size; i++)
		if (m->body[i] == '.' && (i == 0 || m->body[i - 1] == '\n'))
			ret_body->has_leading_dot = true;
	size_t at = 0;
	for (size_t i = 0; i + 1 < SMTP_BODY_SPANS; i++) {
		size_t cut = choose(w, 9) < size - at ? choose(w, 9) : 0;
		cut = cut < size - at ? cut : 0;
		ret_body->spans[ret_body->span_count++] = (struct iovec){m->body + at, cut};
		at += cut;
	}
	ret_body->spans[ret_body->span_count++] = (struct iovec){m->body + at, size - at};
}

static inline void world_submit(struct world *w)
{
	if (smtp_client_room(&w->client) == 0 || w->mail_count == WORLD_TRANSACTIONS)
		return;
	size_t index = w->mail_count++;
	struct world_mail *m = &w->mails[index];
	struct smtp_envelope envelope = {.rcpts = m->rcpts, .owner = m};
	snprintf(m->from, sizeof(m->from), "t%zu@news.example", index);
	envelope.mail_from = str_of(m->from);
	m->rcpt_count = envelope.rcpt_count = 1 + choose(w, WORLD_RCPTS);
	for (size_t i = 0; i < m->rcpt_count; i++) {
		snprintf(m->rcpt_memory[i], sizeof(m->rcpt_memory[i]), "r%zu.%zu@mx.example",
			 index, i);
		m->rcpts[i] = str_of(m->rcpt_memory[i]);
	}
	make_body(w, m, &envelope.body);
	m->submitted = true;
	smtp_client_submit(&w->client, &envelope, w->now);
	world_drain(w);
}

static inline void world_release(struct world *w, struct world_mail *m)
{
	if (!m->gate_told || m->released)
		return;
	m->released = true;
	smtp_client_release(&w->client, m, w->now);
	world_drain(w);
}

/* --- the wire ------------------------------------------------------------------------------
 */

static inline void pipe_put(struct pipe_bytes *p, const char *data, size_t size)
{
	WORLD_CHECK(p->size + size <= sizeof(p->data));
	memcpy(p->data + p->size, data, size);
	p->size += size;
}

/* A write has three moments: it begins, its bytes (or a part of them) are on the wire, it is
 * known to be complete. Replies may come between the last two. */
static inline bool world_write(struct world *w)
{
	if (w->client_closed || w->wire_cut)
		return false;
	if (w->writing_count == 0) {
		w->writing_count =
			smtp_client_output(&w->client, w->writing, CLIENT_SPAN_LIMIT);
		return w->writing_count > 0;
	}
	if (w->written_size > 0) {
		size_t size = w->written_size;
		w->writing_count = w->written_size = 0;
		smtp_client_sent(&w->client, size, w->now);
		world_drain(w);
		return true;
	}
	size_t left = choose(w, 64);
	left = left == 0 ? SIZE_MAX : left;
	for (size_t i = 0; i < w->writing_count && left > 0; i++) {
		size_t part = w->writing[i].iov_len < left ? w->writing[i].iov_len : left;
		pipe_put(&w->to_server, w->writing[i].iov_base, part);
		left -= part;
		w->written_size += part;
	}
	return true;
}

static inline void collect_said(struct world *w)
{
	str out = smtp_server_output(w->server);
	if (smtp_server_want(w->server) == SERVER_DROP)
		return;
	pipe_put(&w->to_client, out.data, out.size);
	smtp_server_sent(w->server, out.size);
}

static inline bool world_to_server(struct world *w)
{
	struct pipe_bytes *p = &w->to_server;
	size_t left = p->size - p->read, part = 1 + choose(w, 50);
	collect_said(w);
	if (left == 0 || smtp_server_want(w->server) != SERVER_READ)
		return false;
	part = part < left && part < 40 ? part : left;
	char *copy = malloc(part);
	memcpy(copy, p->data + p->read, part);
	p->read += smtp_server_feed(w->server, str_make(copy, part), w->now);
	free(copy);
	collect_said(w);
	return true;
}

static inline void check_manners(const struct pipe_bytes *p)
{
	WORLD_CHECK(memmem(p->data, p->size, "too early", 9) == NULL);
	WORLD_CHECK(memmem(p->data, p->size, "syntax", 6) == NULL);
	WORLD_CHECK(memmem(p->data, p->size, "nested", 6) == NULL);
	WORLD_CHECK(memmem(p->data, p->size, "not known", 9) == NULL);
}

static inline bool world_to_client(struct world *w)
{
	struct pipe_bytes *p = &w->to_client;
	size_t left = p->size - p->read, part = 1 + choose(w, 50);
	if (left == 0 || w->client_closed || w->want_tls)
		return false;
	part = part < left && part < 40 ? part : left;
	char *copy = malloc(part);
	memcpy(copy, p->data + p->read, part);
	p->read += part;
	smtp_client_feed(&w->client, str_make(copy, part), w->now);
	world_drain(w);
	free(copy);
	return true;
}

static inline bool world_handshake(struct world *w)
{
	if (!w->want_tls || smtp_server_want(w->server) != SERVER_TLS || w->client_closed)
		return false;
	w->want_tls = false;
	bool ok = choose(w, 8) != 1;
	smtp_server_tls_done(w->server, w->now);
	smtp_client_tls_done(&w->client, ok, w->now);
	world_drain(w);
	return true;
}

static inline void world_lose(struct world *w)
{
	w->wire_cut = true;
	if (w->client_closed)
		return;
	smtp_client_lost(&w->client, CAUSE_NONE, w->now);
	world_drain(w);
	WORLD_CHECK(w->client_closed);
}

/* The server's end of the wire, seen once all it said has been read. */
static inline bool world_hang_up(struct world *w)
{
	enum smtp_server_want want = smtp_server_want(w->server);
	if ((want != SERVER_CLOSE && want != SERVER_DROP) || w->wire_cut)
		return false;
	if (want == SERVER_CLOSE && w->to_client.read < w->to_client.size && !w->client_closed)
		return false;
	world_lose(w);
	return true;
}

static inline void world_pass_time(struct world *w)
{
	usec wake = smtp_server_wake_at(w->server);
	usec deadline = w->client_closed ? USEC_NEVER : smtp_client_deadline(&w->client);
	usec next = usec_min(wake, deadline);
	if (next == USEC_NEVER)
		return;
	w->now = usec_max(w->now, next);
	smtp_server_tick(w->server, w->now);
	collect_said(w);
	if (deadline <= w->now) {
		smtp_client_expire(&w->client, w->now);
		world_drain(w);
		WORLD_CHECK(w->client_closed);
	}
}

static inline void world_step(struct world *w)
{
	switch (choose(w, 16)) {
	case 0:
	case 1:
	case 2:
		world_write(w);
		break;
	case 3:
	case 4:
	case 5:
		world_to_server(w);
		break;
	case 6:
	case 7:
	case 8:
		world_to_client(w);
		break;
	case 9:
	case 10:
		world_submit(w);
		break;
	case 11:
	case 12:
		for (size_t i = 0; i < w->mail_count; i++)
			world_release(w, &w->mails[i]);
		break;
	case 13:
		world_handshake(w);
		break;
	case 14:
		if (choose(w, 8) == 1)
			world_pass_time(w);
		break;
	case 15:
		if (choose(w, 30) == 1)
			world_lose(w);
		break;
	}
	world_hang_up(w);
}

/* All that can move moves, until nothing does; then the session is asked to end. */
static inline void world_settle(struct world *w)
{
	for (int round = 0; round < 20000 && !w->client_closed; round++) {
		bool moved = world_write(w);
		moved |= world_to_server(w);
		moved |= world_to_client(w);
		moved |= world_handshake(w);
		moved |= world_hang_up(w);
		for (size_t i = 0; i < w->mail_count; i++) {
			moved |= w->mails[i].gate_told && !w->mails[i].released;
			world_release(w, &w->mails[i]);
		}
		if (moved)
			continue;
		if (!w->quit_told)
			smtp_client_quit(&w->client, w->now);
		else
			world_pass_time(w);
		w->quit_told = true;
		world_drain(w);
	}
	WORLD_CHECK(w->client_closed);
}

static inline void world_judge(struct world *w)
{
	struct iovec spans[4];
	WORLD_CHECK(smtp_client_output(&w->client, spans, 4) == 0);
	WORLD_CHECK(smtp_client_deadline(&w->client) == USEC_NEVER);
	WORLD_CHECK(smtp_client_room(&w->client) == 0);
	check_manners(&w->to_client);
	for (size_t m = 0; m < w->mail_count; m++) {
		struct world_mail *mail = &w->mails[m];
		WORLD_CHECK(mail->finished);
		for (size_t i = 0; i < mail->rcpt_count; i++) {
			bool delivered = mail->told[i] && mail->result[i] / 100 == 2;
			int stored = mail->stored_count[i];
			WORLD_CHECK(mail->in_doubt[i] ? stored <= 1 : stored == delivered);
		}
		free(mail->body);
	}
}

static inline void world_open(struct world *w)
{
	unsigned offers = choose(w, 256);
	struct smtp_server_options server = {
		.name = STR("mx.example"),
		.size_limit = offers & 1 ? 1000 : 0,
		.offer_pipelining = offers & 6,
		.offer_chunking = offers & 8,
		.offer_starttls = offers & 16,
		.offer_8bitmime = offers & 32,
		.offer_enhanced = offers & 64,
		.hooks = {world_connect, world_hello, world_mail_from, world_rcpt_to,
			  world_data, world_bytes, world_end, world_reset, w},
	};
	unsigned wishes = choose(w, 256);
	struct smtp_options client = {
		.helo = STR("out1.news.example"),
		.timeouts = smtp_timeouts_default,
		.tls = wishes % 8 == 1 ? SMTP_TLS_REQUIRE
		       : wishes & 1    ? SMTP_TLS_MAY
				       : SMTP_TLS_NONE,
		.flight = (enum smtp_flight)((wishes >> 3) % FLIGHT_COUNT),
		.window = 2 + wishes / 64,
	};
	w->server = malloc(smtp_server_size());
	smtp_server_init(w->server, &server, w->now);
	smtp_client_init(&w->client, &client, w->now);
	collect_said(w);
}

/* One world from one stream of choices; aborts when a check fails. Returns the number of
 * results that said delivered, so that a caller sees that something happened. */
static inline size_t world_run(const uint8_t *choices, size_t choice_count)
{
	struct world *w = calloc(1, sizeof(*w));
	*w = (struct world){.choices = choices, .choice_count = choice_count, .now = USEC_HOUR};
	size_t delivered = 0;
	world_open(w);
	while (w->choice_at < w->choice_count && !w->client_closed)
		world_step(w);
	world_settle(w);
	world_judge(w);
	for (size_t m = 0; m < w->mail_count; m++)
		for (size_t i = 0; i < w->mails[m].rcpt_count; i++)
			delivered += w->mails[m].result[i] / 100 == 2;
	free(w->server);
	free(w);
	return delivered;
}
