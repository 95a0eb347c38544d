/* carrier_session.c - one connection of a path: TCP and TLS below, the SMTP machine above.
 * Bytes go from conn to client and back; events of the client become ends, marks and returns.
 * How it came to its host, and what becomes of one that would not have it, stands in
 * carrier_connect.c. */
#include "engine/send/carrier.h"

#include <stdio.h>

#include "engine/base/ahead.h"
#include "engine/base/assert.h"

#define WRITE_LIMIT (512 * 1024) /* bytes that one connection writes at once */

static_assert(1 + MESSAGE_SPAN_LIMIT <= SMTP_BODY_SPANS);

static void on_open(struct conn *);
static void on_bytes(struct conn *, str);
static void on_written(struct conn *, size_t);
static void on_tls(struct conn *, bool);
static void on_lost(struct conn *, enum local_cause);
static void on_closed(struct conn *);
static void on_soon(struct conn *, int steps);

const struct conn_events session_events = {
	.on_open = on_open,
	.on_bytes = on_bytes,
	.on_written = on_written,
	.on_tls = on_tls,
	.on_lost = on_lost,
	.on_closed = on_closed,
	.on_soon = on_soon,
};

static struct session *of_conn(struct conn *conn)
{
	return CHAIN_OWNER(conn, struct session, conn);
}

static usec now_of(const struct session *session)
{
	return io_now(session->carrier->loop);
}

static void message_ends(struct session *, struct message *);

/* What is touched when its oldest message was answered; of one that has just been written it is
 * the desk, and the transaction alone. */
static void on_soon(struct conn *conn, int steps)
{
	struct session *session = of_conn(conn);
	if (steps == CONN_SOON_STEPS) {
		ahead_write(&session->client, sizeof(*session) - offsetof(struct session, client));
		return;
	}
	struct chain_link *link = chain_first(&session->messages);
	if (!link)
		return;
	struct message *message = CHAIN_OWNER(link, struct message, link);
	bool written = !conn_writable(conn);
	if (written && steps == 2) {
		ahead_write(session->client.desk, AHEAD_LINE);
		ahead_write(&message->transaction, offsetof(struct smtp_transaction, rcpts));
	} else if (steps == 2) {
		ahead_write(message, offsetof(struct message, mail_from));
	} else if (!written) {
		ahead_write(message->envelope, sizeof(struct envelope));
		ahead_read(message->recipient, sizeof(struct store_recipient));
	}
}

static struct smtp_desk *borrow_desk(struct session *session)
{
	struct smtp_desk *desk = slab_borrow(&session->carrier->desk_slab);
	ASSERT(desk); /* there is one for every session */
	return desk;
}

static void take_desk(struct session *session)
{
	if (!smtp_client_has_desk(&session->client))
		smtp_client_lend(&session->client, borrow_desk(session));
}

/* As long as nothing lies on it, others may have it. */
static void leave_desk(struct session *session)
{
	struct smtp_desk *desk = smtp_client_clear_desk(&session->client);
	if (desk)
		slab_give_back(&session->carrier->desk_slab, desk);
}

static void shut(struct session *session)
{
	session->closing = true;
	session_room_changed(session);
	if (session->gone)
		return;
	session->gone = true;
	chain_remove(&session->carrier->resting, &session->resting);
	wheel_cancel(&session->carrier->wheel, &session->timer.wheel);
	conn_close(&session->conn);
}

static void on_closed(struct conn *conn)
{
	struct session *session = of_conn(conn);
	ASSERT(chain_empty(&session->messages));
	for (struct chain_link *link; (link = chain_pop(&session->spent));)
		message_ends(session, CHAIN_OWNER(link, struct message, link));
	chain_remove(&session->carrier->pump, &session->pump);
	session_closed(session);
}

static void on_lost(struct conn *conn, enum local_cause cause)
{
	struct session *session = of_conn(conn);
	if (session->gone)
		return;
	if (!session->spoken) {
		struct reply reply =
			reply_local(cause ? cause : CAUSE_CONNECTION_LOST, STAGE_CONNECT);
		if (conn->why[0])
			reply.text = str_of(conn->why);
		session_turned_away(session, &reply);
		shut(session);
		return;
	}
	smtp_client_lost(&session->client, cause, now_of(session));
	session_pump(session, now_of(session));
}

static void on_open(struct conn *conn)
{
	struct session *session = of_conn(conn);
	const struct smtp_options options = session_options(session);
	smtp_client_init(&session->client, borrow_desk(session), &options, now_of(session));
	session->in_clear = options.tls == SMTP_TLS_NONE;
	auth_begin(&session->opening->auth);
	session->spoken = true;
	session_pump(session, now_of(session));
}

/* What comes is told before the carrier looks at its gate again, and after a pause of the machine
 * much comes at once: none of it may let begin what waits in the session. */
static void look_at_gate(struct session *session)
{
	usec now = now_of(session);
	if (carrier_gate_is_shut(session->carrier, session->path->source_index, now))
		session_recall(session, now);
}

static void on_bytes(struct conn *conn, str bytes)
{
	struct session *session = of_conn(conn);
	look_at_gate(session);
	if (session->gone)
		return;
	smtp_client_feed(&session->client, bytes, now_of(session));
	session_pump(session, now_of(session));
}

static void on_written(struct conn *conn, size_t size)
{
	struct session *session = of_conn(conn);
	if (session->gone)
		return;
	smtp_client_sent(&session->client, size, now_of(session));
	look_at_gate(session);
	session_pump(session, now_of(session));
}

static void on_tls(struct conn *conn, bool ok)
{
	struct session *session = of_conn(conn);
	if (session->gone)
		return;
	if (!ok)
		session_tls_failed(session);
	take_desk(session);
	smtp_client_tls_done(&session->client, ok, now_of(session));
	session_pump(session, now_of(session));
}

static struct journal_mark mark_of(const struct session *session, const struct message *message)
{
	const struct carrier *carrier = session->carrier;
	const struct envelope *envelope = message->envelope;
	const struct store_recipient *recipient = envelope->recipient;
	return (struct journal_mark){
		.campaign_id = envelope->campaign->id,
		.slice_id = envelope->slice->id,
		.subscriber_id = recipient->subscriber_id,
		.attempt = recipient->attempts + 1,
		.revision = envelope->campaign->content->revision,
		.at_wall = message->marked_wall,
		.date_wall = envelope->date_wall,
		.first_wall = recipient->first_wall,
		.provider = str_of(session->path->route->provider),
		.site = str_of(session->path->route->site),
		.source = str_of(carrier->settings->sources[session->path->source_index].name),
		.mx_host = str_of(session->host),
	};
}

void session_mark(struct message *message)
{
	struct carrier *carrier = message->session->carrier;
	const struct journal_mark mark = mark_of(message->session, message);
	chain_remove(&carrier->open_marks, &message->mark_link);
	message->mark_position = journal_put_mark(carrier->journal, &mark);
	chain_push_back(&carrier->open_marks, &message->mark_link);
}

static void on_gate(struct session *session, struct message *message)
{
	message->marked_wall = io_wall_now(session->carrier->loop);
	session_mark(message);
	chain_push_back(&session->carrier->gates, &message->gate_link);
}

/* The next but one, and of the next what its release touches. */
static void look_ahead_of_gates(struct carrier *carrier, struct chain_link *gate)
{
	struct chain_link *next = chain_next(&carrier->gates, gate);
	struct chain_link *second = next ? chain_next(&carrier->gates, next) : NULL;
	ahead_write(second, AHEAD_LINE);
	if (!next)
		return;
	struct message *message = CHAIN_OWNER(next, struct message, gate_link);
	ahead_write(&message->transaction, offsetof(struct smtp_transaction, rcpts));
	ahead_write(message->session, sizeof(struct session));
}

/* Releases first and pumps afterwards: pumping ends messages and so changes the chain. */
void session_released(struct carrier *carrier, uint64_t written)
{
	usec now = io_now(carrier->loop);
	struct chain_link *link;
	while ((link = chain_first(&carrier->gates))) {
		struct message *message = CHAIN_OWNER(link, struct message, gate_link);
		if (message->mark_position > written)
			break;
		look_ahead_of_gates(carrier, link);
		chain_remove(&carrier->gates, link);
		smtp_client_release(&message->session->client, message, now);
		if (!chain_linked(&message->session->pump))
			chain_push_back(&carrier->pump, &message->session->pump);
	}
	while ((link = chain_pop(&carrier->pump))) {
		look_at_gate(CHAIN_OWNER(link, struct session, pump));
		session_pump(CHAIN_OWNER(link, struct session, pump), now);
	}
}

/* A read often brings the replies to many: what they are about is a step further on its way here
 * with each. */
static void look_ahead(struct session *session, struct message *message)
{
	struct chain_link *link = chain_next(&session->messages, &message->link);
	if (!link)
		return;
	const struct message *next = CHAIN_OWNER(link, struct message, link);
	ahead_write(next->envelope, sizeof(struct envelope));
	ahead_read(next->recipient, sizeof(struct store_recipient));
	link = chain_next(&session->messages, link);
	if (link)
		ahead_write(CHAIN_OWNER(link, struct message, link),
			    offsetof(struct message, mail_from));
}

/* From its outcome on the envelope is the ledger's, whose settlement may free its slice before
 * the session has finished with the transaction. */
static void on_result(struct session *session, const struct smtp_event *event)
{
	struct message *message = event->owner;
	struct carrier *carrier = session->carrier;
	struct envelope *envelope = message->envelope;
	look_ahead(session, message);
	chain_remove(&carrier->open_marks, &message->mark_link);
	chain_remove(&carrier->gates, &message->gate_link);
	session->cut_count += event->in_doubt;
	session->cut_within |= event->in_doubt && event->reply.cause == CAUSE_LOST_END;
	message->answered = event->reply.origin == REPLY_REMOTE && event->reply.code != 421;
	if (message->answered)
		session_answered(session, now_of(session) - message->started_at);
	if (event->reply.code >= 200 && event->reply.code < 300) {
		session->delivered_count++;
		reach_delivered(&session->path->reach);
	}
	carrier_outcome(carrier, envelope, &event->reply, event->in_doubt, session);
	envelope->message = NULL;
	message->envelope = NULL;
}

/* One that comes back unsent goes first on the next connection, unless nothing starts any more, or
 * its slice was taken over meanwhile: then it goes where those went that were waiting. */
static void message_ends(struct session *session, struct message *message)
{
	struct carrier *carrier = session->carrier;
	struct envelope *returned = message->returned ? message->envelope : NULL;
	if (returned && message->mark_position > 0) {
		const struct journal_mark mark = mark_of(session, message);
		returned->void_position = journal_put_void(carrier->journal, &mark);
	}
	message->mark_position = 0;
	message->session = NULL;
	struct carrier_flow *flow = NULL;
	if (returned && !slice_is_lost(returned->slice) &&
	    !carrier_path_is_stopped(carrier, session->path, returned->campaign,
				     now_of(session)))
		flow = carrier_flow_get(carrier, session->path, returned->campaign);
	if (flow) {
		bool urgent = returned->campaign->urgent;
		returned->state = ENVELOPE_READY;
		carrier_message_hold(message, flow);
		chain_push_front(urgent ? &session->path->urgent : &session->path->ready,
				 &message->link);
	} else {
		carrier_message_free(carrier, message);
		if (returned)
			carrier_envelope_return(carrier, returned);
	}
	carrier_path_touch(carrier, session->path);
}

/* A body that the kernel may still be sending stays as it is until the connection is closed. */
static void on_finished(struct session *session, const struct smtp_event *event)
{
	struct message *message = event->owner;
	chain_remove(&session->messages, &message->link);
	chain_remove(&session->carrier->open_marks, &message->mark_link);
	chain_remove(&session->carrier->gates, &message->gate_link);
	if (message->answered)
		session_learn_clean(session);
	if (event->body_in_use)
		chain_push_back(&session->spent, &message->link);
	else
		message_ends(session, message);
}

/* A host that greets and then hangs up before anything was delivered, again and again, is as
 * good as down. Once is an accident, and no reason to rest while others of its connections
 * work. */
static void learn_close(struct session *session, const struct reply *reply)
{
	session_learn_close(session, reply);
	bool lost = reply->origin == REPLY_LOCAL && reply->stage != STAGE_QUIT;
	if (!lost || reply->cause == CAUSE_OUT_OF_SYNC || session->delivered_count > 0 ||
	    !reach_lost(&session->path->reach))
		return;
	reach_failed(&session->path->reach, now_of(session));
}

static void on_ready(struct session *session)
{
	if (session->ready)
		return;
	session->ready = true;
	session->path->seven_bit |= !smtp_client_caps(&session->client)->eightbitmime;
	session_learn_ready(session);
	session_tls_held(session);
	auth_end(&session->opening->auth);
	session_end_opening(session);
	session->path->opening_count--;
	session->path->open_count++;
	session->path->site->opening_count--;
	session->path->site->open_count++;
	reach_opened(&session->path->reach);
	const struct path_event event = {.kind = PATH_OPENED,
					 .others = session->path->site->open_count - 1};
	path_record(&session->path->site->shaping, &event, now_of(session));
	carrier_path_touch(session->carrier, session->path);
}

static void on_auth(struct session *session, const struct smtp_event *event)
{
	struct sasl_channel *channel = &session->opening->auth.channel;
	channel->is_tls = conn_is_tls(&session->conn);
	channel->binding_size = conn_channel_binding(&session->conn, channel->binding,
						     sizeof(channel->binding));
	channel->host = str_of(session->host);
	auth_event(&session->opening->auth, event, now_of(session));
}

/* Who was told to go before it was ready says QUIT as soon as it may: its 221 is no refusal, and
 * nobody's answer. */
static void on_close(struct session *session, const struct reply *reply)
{
	if (session->ready)
		learn_close(session, reply);
	else if (reply->stage != STAGE_QUIT)
		session_turned_away(session, reply);
	shut(session);
}

static void on_event(struct session *session, const struct smtp_event *event)
{
	switch (event->kind) {
	case SMTP_READY:
		on_ready(session);
		return;
	case SMTP_WANT_TLS:
		session->want_tls = true;
		return;
	case SMTP_AUTH:
		on_auth(session, event);
		return;
	case SMTP_GATE:
		on_gate(session, event->owner);
		return;
	case SMTP_RESULT:
		on_result(session, event);
		return;
	case SMTP_FINISHED:
		on_finished(session, event);
		return;
	case SMTP_RETURNED:
		((struct message *)event->owner)->returned = true;
		if (session->recalling)
			session->submitted_count--;
		else
			session->returned_count++;
		return;
	case SMTP_CLOSE:
		on_close(session, &event->reply);
		return;
	}
	UNREACHABLE();
}

/* Each reply moves the deadline on: a timer that is armed sooner is left where it is, and looks
 * at the deadline again when it comes. */
static void arm_timer(struct session *session, usec now)
{
	struct carrier *carrier = session->carrier;
	usec at = smtp_client_deadline(&session->client);
	bool rests = session->ready && chain_empty(&session->messages) && at == USEC_NEVER;
	chain_remove(&carrier->resting, &session->resting);
	if (rests) {
		at = now + session->path->site->shaping.limits.idle_close;
		chain_push_back(&carrier->resting, &session->resting);
		if (!chain_empty(&carrier->short_of))
			carrier_given_back(carrier);
	}
	session->due = at;
	if (at != USEC_NEVER && !wheel_is_armed(&session->timer.wheel, at))
		wheel_arm(&carrier->wheel, &session->timer.wheel, at);
}

/* A token came: what it led to is on its way. */
void session_auth_moved(struct auth *auth)
{
	struct session *session = CHAIN_OWNER(auth, struct session_opening, auth)->session;
	if (!session->gone)
		session_pump(session, now_of(session));
}

/* A large body leaves in parts: TLS makes a copy of what is written, and what a slow line takes
 * long to carry is to show its progress. */
static size_t at_most(struct iovec *spans, size_t count, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		if (spans[i].iov_len >= size) {
			spans[i].iov_len = size;
			return i + 1;
		}
		size -= spans[i].iov_len;
	}
	return count;
}

void session_pump(struct session *session, usec now)
{
	struct smtp_event event;
	if (session->gone)
		return;
	take_desk(session);
	while (!session->gone && smtp_client_next(&session->client, &event))
		on_event(session, &event);
	if (session->gone)
		return;
	if (session->want_tls && conn_writable(&session->conn)) {
		session->want_tls = false;
		const struct tls_target target = {.host = str_of(session->host),
						  .need = &session->opening->need};
		conn_start_tls(&session->conn, session->carrier->tls, &target);
	}
	if (conn_writable(&session->conn)) {
		struct iovec spans[CONN_SPAN_LIMIT];
		size_t count = smtp_client_output(&session->client, spans, CONN_SPAN_LIMIT);
		if (count > 0)
			conn_write(&session->conn, spans, at_most(spans, count, WRITE_LIMIT));
	}
	leave_desk(session);
	session_room_changed(session);
	arm_timer(session, now);
}

static void quit(struct session *session, usec now)
{
	session->closing = true;
	take_desk(session);
	smtp_client_quit(&session->client, now);
}

static bool worn_out(const struct session *session)
{
	uint32_t limit = session->path->site->shaping.limits.messages_per_connection;
	uint32_t learned = session->plan.messages;
	return (limit != 0 && session->submitted_count >= limit) ||
	       (learned != 0 && session->submitted_count >= learned);
}

void session_submit(struct session *session, struct message *message, usec now)
{
	struct smtp_envelope envelope = {
		.mail_from = str_make(message->mail_from, message->mail_from_size),
		.rcpts = &message->rcpt,
		.rcpt_count = 1,
		.owner = message,
		.require_tls = message->envelope->campaign->content->require_tls,
		.body = {.span_count = 1 + message->bytes.span_count,
			 .size = message->signature.size + message->bytes.size,
			 .has_leading_dot = message->bytes.is_8bit,
			 .is_8bit = message->bytes.is_8bit},
	};
	if (session->carrier->settings->ask_dsn && session->relay < 0)
		envelope.dsn = (struct smtp_dsn){.ret = DSN_RET_HDRS,
						 .notify = DSN_NOTIFY_FAILURE,
						 .envid = envelope.mail_from};
	envelope.body.spans[0] = (struct iovec){(void *)(uintptr_t)message->signature.data,
						message->signature.size};
	for (size_t i = 0; i < message->bytes.span_count; i++)
		envelope.body.spans[1 + i] =
			(struct iovec){(void *)(uintptr_t)message->bytes.spans[i].data,
				       message->bytes.spans[i].size};
	message->envelope->state = ENVELOPE_SENDING;
	message->session = session;
	message->started_at = now;
	message->returned = message->answered = false;
	message->mark_position = 0;
	chain_push_back(&session->messages, &message->link);
	session->submitted_count++;
	smtp_client_submit(&session->client, &message->transaction, &envelope, now);
	session_plan(session);
	if (worn_out(session))
		quit(session, now);
}

void session_recall(struct session *session, usec now)
{
	if (session->gone || !session->spoken || chain_empty(&session->messages))
		return;
	session->recalling = true;
	smtp_client_recall(&session->client, now);
	session_pump(session, now);
	session->recalling = false;
}

bool session_retire(struct session *session, usec now)
{
	if (session->gone || !session->ready || session->closing)
		return false;
	quit(session, now);
	session_pump(session, now);
	return true;
}

void session_retire_worn(struct session *session, usec now)
{
	if (worn_out(session))
		(void)session_retire(session, now);
}

/* One that is postponed ends by its timer, whoever walks over the path's sessions now. */
static void end_postponed(struct session *session, usec now)
{
	if (session->postponed && session->carrier->draining)
		wheel_arm(&session->carrier->wheel, &session->timer.wheel, now);
}

void session_close_idle(struct session *session, usec now)
{
	end_postponed(session, now);
	if (session->gone || session->closing || !session->spoken)
		return;
	quit(session, now);
	session_pump(session, now);
}

void session_expired(struct session *session, usec now)
{
	if (session->postponed) {
		session_take_turn(session);
		return;
	}
	if (!session->spoken) {
		struct reply reply = reply_local(conn_timed_out(&session->conn), STAGE_CONNECT);
		reply.text = str_of(session->conn.why);
		session_turned_away(session, &reply);
		shut(session);
		return;
	}
	if (now < session->due) {
		if (session->due != USEC_NEVER)
			wheel_arm(&session->carrier->wheel, &session->timer.wheel,
				  session->due);
		return;
	}
	if (smtp_client_deadline(&session->client) <= now)
		smtp_client_expire(&session->client, now);
	else if (session->ready && chain_empty(&session->messages))
		session_close_idle(session, now);
	session_pump(session, now);
}

void session_abort(struct session *session, usec now)
{
	end_postponed(session, now);
	if (session->gone)
		return;
	if (session->spoken) {
		smtp_client_lost(&session->client, CAUSE_CONNECTION_LOST, now);
		session_pump(session, now);
	}
	shut(session);
}
