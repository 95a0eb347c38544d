/* sink_session.c - one client of the sink: the machine of engine/smtp/server.h on a connection.
 * Bytes go from the receive buffer through the machine and are gone, unless they are stored; a
 * session's memory is used again by the next one. */
#include "bench/sink/sink_worker.h"

#include <stdlib.h>

#include "bench/sink/sink_events.h"
#include "bench/sink/sink_message_id.h"
#include "bench/sink/sink_rest.h"
#include "engine/base/hash.h"
#include "engine/base/assert.h"
#include "engine/smtp/server.h"

#define FROM_LIMIT 512
#define RECIPIENTS_LIMIT 8192 /* bytes of addresses in one transaction, with commas */
#define HANG_TIME USEC_HOUR
#define REST_LIMIT (4 << 20) /* bytes on their way to a far host */
#define LINE_LIMIT 4096 /* bytes of a line of a log */

struct sink_session {
	struct conn conn;
	struct chain_link link;
	struct wheel_timer timer;
	struct sink_worker *worker;
	struct sink_listener *listener;
	struct smtp_server *server; /* behind the session, in the same block */
	struct sink_rest rest;      /* bytes the machine has not taken yet */
	usec heard_at;              /* when those came that it is given */
	uint64_t message_count, first_key;
	struct sink_transaction transaction;
	struct sink_message_id id;
	char from[FROM_LIMIT];
	char recipients[RECIPIENTS_LIMIT];
	size_t from_size, recipients_size, recipient_count;
	char *body; /* when storing; grows, and stays for the next session */
	size_t body_size, body_capacity;
	bool body_failed;
};

#define SESSION_OF(c) CHAIN_OWNER((c), struct sink_session, conn)
#define COUNT(session, field, by)                                                              \
	atomic_fetch_add_explicit(&(session)->listener->counts.field, (by),                    \
				  memory_order_relaxed)

static usec now_of(const struct sink_session *s)
{
	return io_now(s->worker->loop);
}

static const struct sink_rules *rules_of(const struct sink_session *s)
{
	return &s->listener->rules;
}

/* When what the machine looks at came: it looks at what a far host is sent when it answers. */
static usec came_at(const struct sink_session *s)
{
	return rules_of(s)->latency ? s->heard_at : now_of(s);
}

/* --- what the machine asks --- */

static void answer_share(struct smtp_answer *answer, const struct sink_share *share)
{
	answer->code = share->code;
	answer->status = share->status[0] ? share->status : NULL;
	answer->text = share->text;
}

static void on_connect(void *context, struct smtp_answer *answer)
{
	struct sink_session *s = context;
	uint64_t limit = rules_of(s)->max_connections;
	uint64_t open = atomic_fetch_add(&s->listener->open_count, 1);
	COUNT(s, connections, 1);
	answer->delay = rules_of(s)->tarpit;
	if (limit > 0 && open >= limit) {
		answer->code = 421;
		answer->status = "4.7.0";
		answer->text = "too many connections from you, try again later";
		answer->close = true;
	} else {
		answer->text = s->listener->name;
	}
}

static void on_hello(void *context, bool, str, struct smtp_answer *answer)
{
	answer->delay = rules_of(context)->tarpit;
}

static void on_mail(void *context, str from, struct smtp_answer *answer)
{
	struct sink_session *s = context;
	uint64_t limit = rules_of(s)->max_messages;
	answer->delay = rules_of(s)->tarpit;
	if (limit > 0 && s->message_count >= limit) {
		answer->code = 421;
		answer->status = "4.7.0";
		answer->text = "enough messages on this connection, come again";
		answer->close = true;
		return;
	}
	COUNT(s, transactions, 1);
	s->transaction.mail_at = came_at(s);
	s->from_size = from.size < sizeof s->from ? from.size : 0;
	memcpy(s->from, from.data, s->from_size);
}

/* By the rules for recipients; true when it was refused or put off. */
static bool judge(struct sink_session *s, uint64_t key, struct smtp_answer *answer)
{
	const struct sink_rules *rules = rules_of(s);
	switch (sink_recipient_fate(rules, key)) {
	case FATE_REJECT:
		answer_share(answer, &rules->reject);
		COUNT(s, rejected, 1);
		return true;
	case FATE_DEFER:
		if (sink_tally_add(&s->worker->sink->deferrals, key) >= rules->defer_times)
			return false;
		answer_share(answer, &rules->defer);
		COUNT(s, deferred, 1);
		return true;
	default:
		return false;
	}
}

static void on_rcpt(void *context, str to, struct smtp_answer *answer)
{
	struct sink_session *s = context;
	uint64_t key = sink_recipient_key(rules_of(s), to);
	answer->delay = rules_of(s)->tarpit;
	if (s->recipients_size + to.size + 1 > sizeof s->recipients) {
		answer->code = 452;
		answer->status = "4.5.3";
		answer->text = "too many recipients";
		return;
	}
	if (!rules_of(s)->at_end && judge(s, key, answer))
		return;
	if (s->recipient_count++ == 0)
		s->first_key = key;
	else
		s->recipients[s->recipients_size++] = ',';
	memcpy(s->recipients + s->recipients_size, to.data, to.size);
	s->recipients_size += to.size;
}

static void append_body(struct sink_session *s, str bytes)
{
	size_t wanted = s->body_size + bytes.size;
	if (wanted > s->body_capacity) {
		char *grown = realloc(s->body, 2 * wanted);
		if (!grown) {
			s->body_failed = true;
			return;
		}
		s->body = grown;
		s->body_capacity = 2 * wanted;
	}
	memcpy(s->body + s->body_size, bytes.data, bytes.size);
	s->body_size = wanted;
}

static void on_message_bytes(void *context, str bytes)
{
	struct sink_session *s = context;
	sink_message_id_feed(&s->id, bytes);
	if (s->worker->sink->store.options.kind != STORE_NONE)
		append_body(s, bytes);
}

static void log_recipient(struct sink_session *s, str recipient, str id)
{
	struct buf line;
	char memory[LINE_LIMIT];
	buf_init_fixed(&line, memory, sizeof memory);
	buf_put_printable(&line, recipient, 320);
	buf_put_byte(&line, '\t');
	buf_put_printable(&line, id, 320);
	buf_put_byte(&line, '\t');
	buf_put_cstr(&line, s->listener->label);
	buf_put_byte(&line, '\n');
	sink_log_put(&s->worker->recipients, buf_str(&line), now_of(s));
}

static void log_recipients(struct sink_session *s, str id)
{
	str rest = {s->recipients, s->recipients_size};
	do
		log_recipient(s, str_cut(&rest, ','), id);
	while (rest.data);
}

#define SAMPLE_SEED 0x5a3b1e

/* By the recipients, so that the same run keeps the same messages. */
static bool in_sample(const struct sink *sink, str recipients)
{
	double share = sink->options->store_share;
	return share <= 0 ||
	       (double)(hash_bytes(SAMPLE_SEED, recipients) >> 11) < share * 0x1p53;
}

static bool keep(struct sink_session *s, str id)
{
	struct sink *sink = s->worker->sink;
	if (sink->store.options.kind == STORE_NONE)
		return true;
	if (!in_sample(sink, str_make(s->recipients, s->recipients_size)))
		return true;
	struct sink_stored_message m = {.from = {s->from, s->from_size},
					.recipients = {s->recipients, s->recipients_size},
					.message_id = id,
					.bytes = {s->body, s->body_size},
					.listener = s->listener->label};
	return !s->body_failed &&
	       sink_store_keep(&sink->store, &m, io_wall_now(s->worker->loop)) == 0;
}

/* The message is ours now, whatever becomes of the reply. */
static void accept_message(struct sink_session *s, size_t size, struct smtp_answer *answer)
{
	struct sink *sink = s->worker->sink;
	str id = sink_message_id_get(&s->id);
	if (!keep(s, id)) {
		answer->code = 452;
		answer->status = "4.3.1";
		answer->text = "cannot store it now";
		return;
	}
	s->message_count++;
	COUNT(s, accepted, 1);
	COUNT(s, recipients, s->recipient_count);
	COUNT(s, bytes, size);
	if (id.size > 0)
		sink_tally_add(&sink->message_ids,
			       sink_recipient_key(&(struct sink_rules){}, id));
	if (sink->recipients_fd >= 0)
		log_recipients(s, id);
}

static void decide(struct sink_session *s, size_t size, struct smtp_answer *answer)
{
	const struct sink_rules *rules = rules_of(s);
	answer->delay = rules->delay ? rules->delay : rules->tarpit;
	if (rules->latency)
		answer->delay = usec_max(0, s->heard_at + rules->latency - now_of(s));
	if (answer->code >= 400) {
		COUNT(s, rejected, 1); /* too large */
		return;
	}
	if (rules->at_end && judge(s, s->first_key, answer))
		return;
	enum fate fate = sink_end_fate(rules, s->first_key);
	if (fate != FATE_ACCEPT && sink_tally_add(&s->worker->sink->drops, s->first_key) > 0)
		fate = FATE_ACCEPT;
	if (fate != FATE_DROP || !rules->drop_loses)
		accept_message(s, size, answer);
	if (fate == FATE_DROP) {
		COUNT(s, dropped, 1);
		answer->drop = true;
	} else if (fate == FATE_HANG) {
		COUNT(s, hung, 1);
		answer->delay = HANG_TIME;
	}
}

static void note_transaction(struct sink_session *s)
{
	sink_event_message(&s->worker->events, &s->transaction,
			   str_make(s->recipients, s->recipients_size), now_of(s));
}

static void on_end(void *context, size_t size, struct smtp_answer *answer)
{
	struct sink_session *s = context;
	decide(s, size, answer);
	s->transaction.dot_at = came_at(s);
	s->transaction.reply_at = answer->drop ? 0 : now_of(s) + answer->delay;
	s->transaction.code = answer->drop ? 0 : answer->code;
}

static void on_reset(void *context)
{
	struct sink_session *s = context;
	note_transaction(s);
	sink_message_id_reset(&s->id);
	s->recipients_size = s->recipient_count = s->body_size = 0;
	s->body_failed = false;
}

/* --- bytes up and down --- */

static void close_session(struct sink_session *s)
{
	if (s->conn.state != CONN_CLOSING && s->conn.state != CONN_CLOSED)
		conn_close(&s->conn);
}

/* Bytes that came at that time; how many of them it took. */
static size_t feed(struct sink_session *s, str bytes, usec heard_at)
{
	s->heard_at = heard_at;
	return smtp_server_feed(s->server, bytes, now_of(s));
}

/* A reply is on the line before what is not to be answered yet is looked at; but not in the midst of a
 * chunk, where nothing is said. */
static bool waits_for_line(struct sink_session *s, const struct sink_piece *piece)
{
	return piece->heard_at + rules_of(s)->latency > now_of(s) &&
	       smtp_server_output(s->server).size > 0 && !smtp_server_within_chunk(s->server);
}

static void feed_rest(struct sink_session *s)
{
	struct sink_piece *piece = s->rest.first;
	if (!piece)
		return;
	for (; piece; piece = s->rest.first) {
		if (rules_of(s)->latency && waits_for_line(s, piece))
			return;
		sink_rest_taken(&s->rest, feed(s, sink_piece_left(piece), piece->heard_at));
		if (s->rest.first == piece)
			return;
	}
	conn_resume(&s->conn);
}

/* What the machine did not take waits. What a far host is sent meanwhile goes on its way all the same;
 * any other reads no more. */
static void keep_rest(struct sink_session *s, str bytes)
{
	if (!sink_rest_add(&s->rest, bytes, now_of(s)))
		close_session(s);
	else if (!rules_of(s)->latency || s->rest.size > REST_LIMIT)
		conn_pause(&s->conn);
}

/* RFC 3207 4.2: what came in the clear behind STARTTLS is forgotten. */
static void start_tls(struct sink_session *s)
{
	sink_rest_forget(&s->rest);
	conn_resume(&s->conn);
	conn_start_tls(&s->conn, s->worker->tls, NULL);
}

static void write_output(struct sink_session *s, str output)
{
	if (s->listener->rules.split_replies)
		output.size = 1;
	conn_write(&s->conn, &(struct iovec){(void *)(uintptr_t)output.data, output.size}, 1);
}

/* A slow server answers a flight as a whole: what it has to say to MAIL and RCPT leaves with the
 * answer to their message, where the sender waits for nothing in between. */
static bool holds_flight(const struct sink_session *s, enum smtp_server_want want)
{
	return (rules_of(s)->delay > 0 || rules_of(s)->latency > 0) &&
	       (want == SERVER_WAIT || smtp_server_within_chunk(s->server));
}

/* Whatever the machine wants now; called when something has happened. */
static void step(struct sink_session *s)
{
	if (s->conn.state != CONN_OPEN)
		return;
	feed_rest(s);
	if (s->conn.state != CONN_OPEN)
		return;
	enum smtp_server_want want = smtp_server_want(s->server);
	if (want == SERVER_DROP) {
		close_session(s);
		return;
	}
	if (want == SERVER_WAIT)
		wheel_arm(&s->worker->wheel, &s->timer, smtp_server_wake_at(s->server));
	if (!conn_writable(&s->conn) || holds_flight(s, want))
		return;
	str output = smtp_server_output(s->server);
	if (output.size > 0)
		write_output(s, output);
	else if (want == SERVER_TLS)
		start_tls(s);
	else if (want == SERVER_CLOSE)
		close_session(s);
}

void sink_session_expire(struct wheel_timer *timer)
{
	struct sink_session *s = CHAIN_OWNER(timer, struct sink_session, timer);
	smtp_server_tick(s->server, now_of(s));
	step(s);
}

static void on_bytes(struct conn *c, str bytes)
{
	struct sink_session *s = SESSION_OF(c);
	size_t taken = s->rest.first ? 0 : feed(s, bytes, now_of(s));
	if (taken < bytes.size)
		keep_rest(s, str_from(bytes, taken));
	step(s);
}

static void on_written(struct conn *c, size_t size)
{
	struct sink_session *s = SESSION_OF(c);
	smtp_server_sent(s->server, size);
	step(s);
}

static void on_tls(struct conn *c, bool ok)
{
	struct sink_session *s = SESSION_OF(c);
	if (!ok) {
		close_session(s);
		return;
	}
	COUNT(s, handshakes, 1);
	if (conn_tls_resumed(c))
		COUNT(s, resumed, 1);
	smtp_server_tls_done(s->server, now_of(s));
	step(s);
}

static void on_lost(struct conn *c, enum local_cause)
{
	close_session(SESSION_OF(c));
}

static void on_closed(struct conn *c)
{
	struct sink_session *s = SESSION_OF(c);
	struct sink_worker *w = s->worker;
	wheel_cancel(&w->wheel, &s->timer);
	note_transaction(s);
	sink_event_close(&w->events, &s->transaction, now_of(s));
	atomic_fetch_sub(&s->listener->open_count, 1);
	sink_rest_forget(&s->rest);
	chain_remove(&w->sessions, &s->link);
	chain_push_back(&w->idle, &s->link);
}

/* --- life --- */

static struct sink_session *borrow(struct sink_worker *w)
{
	static const struct conn_events events = {.on_bytes = on_bytes,
						  .on_written = on_written,
						  .on_tls = on_tls,
						  .on_lost = on_lost,
						  .on_closed = on_closed};
	struct chain_link *link = chain_pop(&w->idle);
	if (link)
		return CHAIN_OWNER(link, struct sink_session, link);
	size_t size = (sizeof(struct sink_session) + 15) & ~(size_t)15;
	struct sink_session *s = calloc(1, size + smtp_server_size());
	if (!s)
		return NULL;
	s->worker = w;
	s->server = (struct smtp_server *)((char *)s + size);
	chain_link_init(&s->link);
	wheel_timer_init(&s->timer);
	conn_init(&s->conn, w->loop, &events);
	return s;
}

static void begin(struct sink_session *s)
{
	const struct sink_listener *l = s->listener;
	struct smtp_server_options options = {
		.name = str_of(l->name),
		.size_limit = l->size_limit,
		.offer_pipelining = l->pipelining,
		.offer_chunking = l->chunking,
		.offer_starttls = l->starttls && s->worker->tls,
		.offer_requiretls = l->requiretls,
		.offer_8bitmime = l->eightbitmime,
		.offer_smtputf8 = l->smtputf8,
		.offer_enhanced = l->enhanced,
		.hooks = {.on_connect = on_connect,
			  .on_hello = on_hello,
			  .on_mail = on_mail,
			  .on_rcpt = on_rcpt,
			  .on_bytes = on_message_bytes,
			  .on_end = on_end,
			  .on_reset = on_reset,
			  .context = s},
	};
	s->message_count = 0;
	on_reset(s);
	smtp_server_init(s->server, &options, now_of(s));
	step(s);
}

void sink_session_open(struct sink_worker *w, struct sink_listener *listener, int fd)
{
	struct sink_session *s = borrow(w);
	if (!s) {
		io_close(w->loop, fd);
		return;
	}
	s->listener = listener;
	chain_push_back(&w->sessions, &s->link);
	s->transaction = (struct sink_transaction){
		.connection = 1 + atomic_fetch_add(&w->sink->connection_count, 1)};
	sink_event_open(&w->events, &s->transaction, fd, listener->label, now_of(s));
	conn_adopt(&s->conn, io_hold(w->loop, fd));
	begin(s);
}

void sink_session_close_all(struct sink_worker *w)
{
	struct chain_link *link = chain_first(&w->sessions);
	while (link) {
		struct sink_session *s = CHAIN_OWNER(link, struct sink_session, link);
		link = chain_next(&w->sessions, link);
		close_session(s);
	}
}

void sink_session_free_idle(struct sink_worker *w)
{
	struct chain_link *link;
	while ((link = chain_pop(&w->idle))) {
		struct sink_session *s = CHAIN_OWNER(link, struct sink_session, link);
		free(s->body);
		free(s);
	}
}
