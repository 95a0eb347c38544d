/* carrier_session.c - one connection of a path: TCP and TLS below, the SMTP machine above.
 * Bytes go from conn to client and back; events of the client become ends, marks and returns.
 * A session that is refused before it was ready goes on with the next address of the route;
 * when none is left, the path learns it and what waits gets the refusal as its reply. */
#include "engine/send/carrier.h"

#include <stdio.h>

#include "engine/base/assert.h"

#define CONNECT_TIMEOUT (30 * USEC_SECOND)

static void on_open(struct conn *);
static void on_bytes(struct conn *, str);
static void on_written(struct conn *, size_t);
static void on_tls(struct conn *, bool);
static void on_lost(struct conn *, enum local_cause);
static void on_closed(struct conn *);

static void message_ends(struct session *, struct message *);

static const struct conn_events events = {
	.on_open = on_open,
	.on_bytes = on_bytes,
	.on_written = on_written,
	.on_tls = on_tls,
	.on_lost = on_lost,
	.on_closed = on_closed,
};

static struct session *of_conn(struct conn *conn)
{
	return CHAIN_OWNER(conn, struct session, conn);
}

static usec now_of(const struct session *session)
{
	return io_now(session->carrier->loop);
}

static const struct route_host *host_of(const struct session *session)
{
	return &session->path->route.hosts[session->host_index];
}

static enum smtp_tls smtp_tls_of(enum tls_need_kind need)
{
	switch (need) {
	case TLS_NEED_NONE:
		return SMTP_TLS_NONE;
	case TLS_NEED_MAY:
		return SMTP_TLS_MAY;
	case TLS_NEED_ENCRYPT:
	case TLS_NEED_PKIX:
	case TLS_NEED_DANE:
		break;
	}
	return SMTP_TLS_REQUIRE;
}

static struct smtp_options options_of(const struct session *session)
{
	const struct engine_settings *settings = session->carrier->settings;
	enum smtp_tls tls = smtp_tls_of(host_of(session)->tls.kind);
	if (tls == SMTP_TLS_MAY && session_in_clear(session))
		tls = SMTP_TLS_NONE;
	return (struct smtp_options){
		.helo = str_of(settings->sources[session->path->source_index].helo),
		.timeouts = settings->timeouts,
		.tls = tls,
		.flight = FLIGHT_NEXT,
	};
}

static void connect_host(struct session *session)
{
	const struct carrier *carrier = session->carrier;
	const struct route_host *host = &session->path->route.hosts[session->host_index];
	const struct source *source = &carrier->settings->sources[session->path->source_index];
	snprintf(session->host, sizeof(session->host), "%s", host->name);
	session->habit = carrier_habit_get(session->carrier, host->name);
	session->refused = session->gone = session->spoken = session->want_tls = false;
	conn_open(&session->conn, &host->addresses[session->address_index], source);
	wheel_arm(&session->carrier->wheel, &session->timer.wheel,
		  io_now(carrier->loop) + CONNECT_TIMEOUT);
}

struct session *session_open(struct carrier *carrier, struct carrier_path *path)
{
	struct session *session = slab_borrow(&carrier->session_slab);
	if (!session)
		return NULL;
	session->carrier = carrier;
	session->path = path;
	session->host_index = session->address_index = 0;
	session->submitted_count = session->delivered_count = 0;
	session->answered_count = session->cut_count = session->returned_count = 0;
	session->spoken = session->ready = session->closing = false;
	chain_init(&session->messages);
	chain_init(&session->spent);
	session->timer.of = TIMER_SESSION;
	wheel_timer_init(&session->timer.wheel);
	chain_link_init(&session->pump);
	chain_link_init(&session->resting);
	conn_init(&session->conn, carrier->loop, &events);
	chain_push_back(&path->sessions, &session->link);
	path->opening_count++;
	path->site->opening_count++;
	atomic_fetch_add_explicit(&carrier->counts.connections, 1, memory_order_relaxed);
	connect_host(session);
	return session;
}

/* Next address, then next host. The route may have been renewed meanwhile: indexes are checked
 * against what it holds now. */
static bool next_target(struct session *session)
{
	const struct route *route = &session->path->route;
	session->address_index++;
	if (session->host_index < route->host_count &&
	    session->address_index < route->hosts[session->host_index].address_count)
		return true;
	session->address_index = 0;
	session->host_index++;
	return session->host_index < route->host_count;
}

static void refuse(struct session *session, const struct reply *reply)
{
	session->refused = true;
	session->refusal = *reply;
	snprintf(session->refusal_text, sizeof(session->refusal_text), "%.*s",
		 STR_FORMAT(str_sub(reply->text, 0, sizeof(session->refusal_text) - 1)));
	session->refusal.text = str_of(session->refusal_text);
}

static void shut(struct session *session)
{
	session->closing = true;
	if (session->gone)
		return;
	session->gone = true;
	chain_remove(&session->carrier->resting, &session->resting);
	wheel_cancel(&session->carrier->wheel, &session->timer.wheel);
	conn_close(&session->conn);
}

/* No host of the route would talk to us. Local causes back the path off; a server's own words
 * are a reply like any other. What waits and has no open connection to hope for is answered. */
static void round_failed(struct session *session)
{
	struct carrier *carrier = session->carrier;
	struct carrier_path *path = session->path;
	struct classification class =
		classify(carrier->classifier, &session->refusal, str_of(path->route.provider));
	struct path_event event = {.kind = PATH_CONNECT_FAILED};
	if (session->refusal.origin == REPLY_REMOTE)
		event = (struct path_event){
			.kind = PATH_REPLY, .classification = &class, .origin = REPLY_REMOTE};
	path_record(&path->site->shaping, &event, now_of(session));
	if (path->open_count == 0 && path->opening_count == 0)
		carrier_path_fail_waiting(carrier, path, &session->refusal);
}

static void detach(struct session *session)
{
	struct carrier_path *path = session->path;
	if (session->ready) {
		path->open_count--;
		path->site->open_count--;
	} else {
		path->opening_count--;
		path->site->opening_count--;
	}
	chain_remove(&path->sessions, &session->link);
	atomic_fetch_sub_explicit(&session->carrier->counts.connections, 1,
				  memory_order_relaxed);
}

/* RFC 7435: a host whose STARTTLS fails is tried again in clear text where policy allows it, on
 * a new connection; for a while it is then not tried again there. */
static bool tls_retry(struct session *session)
{
	bool failed = session->refusal.cause == CAUSE_TLS_FAILED ||
		      session->refusal.stage == STAGE_STARTTLS;
	if (!failed || host_of(session)->tls.kind != TLS_NEED_MAY || session->in_clear)
		return false;
	session_learn_broken_tls(session);
	return true;
}

static void on_closed(struct conn *conn)
{
	struct session *session = of_conn(conn);
	struct carrier *carrier = session->carrier;
	struct carrier_path *path = session->path;
	ASSERT(chain_empty(&session->messages));
	for (struct chain_link *link; (link = chain_pop(&session->spent));)
		message_ends(session, CHAIN_OWNER(link, struct message, link));
	chain_remove(&carrier->pump, &session->pump);
	if (session->refused && !carrier->draining &&
	    (tls_retry(session) || next_target(session))) {
		session->closing = false;
		conn_init(&session->conn, carrier->loop, &events);
		connect_host(session);
		return;
	}
	detach(session);
	if (session->refused)
		round_failed(session);
	slab_give_back(&carrier->session_slab, session);
	carrier_given_back(carrier);
	carrier_site_touch(carrier, path->site);
}

static void on_lost(struct conn *conn, enum local_cause cause)
{
	struct session *session = of_conn(conn);
	if (session->gone)
		return;
	if (!session->spoken) {
		struct reply reply =
			reply_local(cause ? cause : CAUSE_CONNECTION_LOST, STAGE_CONNECT);
		refuse(session, &reply);
		shut(session);
		return;
	}
	smtp_client_lost(&session->client, cause ? cause : CAUSE_CONNECTION_LOST,
			 now_of(session));
	session_pump(session, now_of(session));
}

static void on_open(struct conn *conn)
{
	struct session *session = of_conn(conn);
	const struct smtp_options options = options_of(session);
	smtp_client_init(&session->client, &options, now_of(session));
	session->in_clear = options.tls == SMTP_TLS_NONE;
	session->spoken = true;
	session_pump(session, now_of(session));
}

static void on_bytes(struct conn *conn, str bytes)
{
	struct session *session = of_conn(conn);
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
	session_pump(session, now_of(session));
}

static void on_tls(struct conn *conn, bool ok)
{
	struct session *session = of_conn(conn);
	if (session->gone)
		return;
	smtp_client_tls_done(&session->client, ok, now_of(session));
	session_pump(session, now_of(session));
}

static void on_gate(struct session *session, struct message *message)
{
	struct carrier *carrier = session->carrier;
	const struct envelope *envelope = message->envelope;
	const struct store_recipient *recipient = envelope->recipient;
	const struct journal_mark mark = {
		.campaign_id = envelope->content->campaign_id,
		.slice_id = envelope->slice->id,
		.subscriber_id = recipient->subscriber_id,
		.attempt = recipient->attempts + 1,
		.revision = envelope->content->revision,
		.at_wall = io_wall_now(carrier->loop),
		.date_wall = envelope->date_wall,
		.first_wall = recipient->first_wall,
		.provider = str_of(session->path->route.provider),
		.site = str_of(session->path->route.site),
		.source = str_of(carrier->settings->sources[session->path->source_index].name),
		.mx_host = str_of(session->host),
	};
#ifdef RUNDBRIEF_CANARY_NO_MARK
	(void)mark; /* the mutant that the simulation must catch: the dot leaves unmarked */
	smtp_client_release(&session->client, message, now_of(session));
#else
	message->mark_position = journal_put_mark(carrier->journal, &mark);
	message->gated = true;
	chain_push_back(&carrier->open_marks, &message->mark_link);
#endif
}

/* Releases first and pumps afterwards: pumping ends messages and so changes the chain. */
void session_released(struct carrier *carrier, uint64_t written)
{
	usec now = io_now(carrier->loop);
	struct chain_link *link = chain_first(&carrier->open_marks);
	for (; link; link = chain_next(&carrier->open_marks, link)) {
		struct message *message = CHAIN_OWNER(link, struct message, mark_link);
		if (!message->gated)
			continue;
		if (message->mark_position > written)
			break;
		message->gated = false;
		smtp_client_release(&message->session->client, message, now);
		if (!chain_linked(&message->session->pump))
			chain_push_back(&carrier->pump, &message->session->pump);
	}
	while ((link = chain_pop(&carrier->pump)))
		session_pump(CHAIN_OWNER(link, struct session, pump), now);
}

/* From its outcome on the envelope is the ledger's, whose settlement may free its slice before
 * the session has finished with the transaction. */
static void on_result(struct session *session, const struct smtp_event *event)
{
	struct message *message = event->owner;
	struct carrier *carrier = session->carrier;
	struct envelope *envelope = message->envelope;
	chain_remove(&carrier->open_marks, &message->mark_link);
	session->cut_count += event->in_doubt;
	message->answered = event->reply.origin == REPLY_REMOTE && event->reply.code != 421;
	session->delivered_count += event->reply.code >= 200 && event->reply.code < 300;
	carrier_outcome(carrier, envelope, &event->reply, event->in_doubt, session);
	envelope->message = NULL;
	message->envelope = NULL;
}

/* One that comes back unsent goes first on the next connection, unless nothing starts any more:
 * then it goes where those went that were waiting. */
static void message_ends(struct session *session, struct message *message)
{
	struct carrier *carrier = session->carrier;
	struct envelope *returned = message->returned ? message->envelope : NULL;
	message->session = NULL;
	if (returned && !carrier->draining && !carrier->paused) {
		returned->state = ENVELOPE_READY;
		chain_push_front(&session->path->ready, &message->link);
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
	message->gated = false;
	if (message->answered)
		session_learn_clean(session);
	if (event->body_in_use)
		chain_push_back(&session->spent, &message->link);
	else
		message_ends(session, message);
}

/* A host that greets and then hangs up before anything was delivered is as good as down. */
static void learn_close(struct session *session, const struct reply *reply)
{
	session_learn_close(session, reply);
	bool lost = reply->origin == REPLY_LOCAL && reply->stage != STAGE_QUIT;
	if (!lost || session->delivered_count > 0)
		return;
	const struct path_event event = {.kind = PATH_CONNECT_FAILED};
	path_record(&session->path->site->shaping, &event, now_of(session));
}

static void on_ready(struct session *session)
{
	if (session->ready)
		return;
	session->ready = true;
	session_learn_ready(session);
	session->path->opening_count--;
	session->path->open_count++;
	session->path->site->opening_count--;
	session->path->site->open_count++;
	const struct path_event event = {.kind = PATH_OPENED};
	path_record(&session->path->site->shaping, &event, now_of(session));
	carrier_path_touch(session->carrier, session->path);
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
		break;
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
		session->returned_count++;
		return;
	case SMTP_CLOSE:
		if (session->ready)
			learn_close(session, &event->reply);
		else
			refuse(session, &event->reply);
		shut(session);
		return;
	}
	UNREACHABLE();
}

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
	if (at == USEC_NEVER)
		wheel_cancel(&carrier->wheel, &session->timer.wheel);
	else
		wheel_arm(&carrier->wheel, &session->timer.wheel, at);
}

void session_pump(struct session *session, usec now)
{
	struct smtp_event event;
	while (!session->gone && smtp_client_next(&session->client, &event))
		on_event(session, &event);
	if (session->gone)
		return;
	if (session->want_tls && conn_writable(&session->conn)) {
		session->want_tls = false;
		const struct tls_target target = {.host = str_of(session->host)};
		conn_start_tls(&session->conn, session->carrier->tls, &target);
	}
	if (conn_writable(&session->conn)) {
		struct iovec spans[CONN_SPAN_LIMIT];
		size_t count = smtp_client_output(&session->client, spans, CONN_SPAN_LIMIT);
		if (count > 0)
			conn_write(&session->conn, spans, count);
	}
	arm_timer(session, now);
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
		.body = {.span_count = 2,
			 .size = message->signature_size + message->bytes.size},
	};
	envelope.body.spans[0] = (struct iovec){message->signature, message->signature_size};
	envelope.body.spans[1] =
		(struct iovec){(void *)(uintptr_t)message->bytes.data, message->bytes.size};
	message->envelope->state = ENVELOPE_SENDING;
	message->session = session;
	message->started_at = now;
	message->returned = message->answered = false;
	chain_push_back(&session->messages, &message->link);
	session->submitted_count++;
	smtp_client_submit(&session->client, &envelope, now);
	if (worn_out(session)) {
		session->closing = true;
		smtp_client_quit(&session->client, now);
	}
	session_pump(session, now);
}

void session_close_idle(struct session *session, usec now)
{
	if (session->gone || session->closing || !session->spoken)
		return;
	session->closing = true;
	smtp_client_quit(&session->client, now);
	session_pump(session, now);
}

void session_expired(struct session *session, usec now)
{
	if (!session->spoken) {
		struct reply reply =
			reply_local(conn_timed_out(&session->conn), STAGE_CONNECT);
		refuse(session, &reply);
		shut(session);
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
	if (session->gone)
		return;
	if (session->spoken) {
		smtp_client_lost(&session->client, CAUSE_CONNECTION_LOST, now);
		session_pump(session, now);
	}
	shut(session);
}
