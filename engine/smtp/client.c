/* client.c - the verbs of the sender's session machine (client.h).
 * What leaves is made in client_command.c; what an answer means stands in client_reply.c; what
 * the owner is told of it, and in which order, in client_event.c. */
#include "engine/smtp/client_state.h"
#include "engine/base/assert.h"

const struct smtp_timeouts smtp_timeouts_default = {
	.greeting = 5 * USEC_MINUTE,
	.ehlo = 5 * USEC_MINUTE,
	.starttls = 2 * USEC_MINUTE,
	.mail = 5 * USEC_MINUTE,
	.rcpt = 5 * USEC_MINUTE,
	.data = 2 * USEC_MINUTE,
	.block = 3 * USEC_MINUTE,
	.end = 10 * USEC_MINUTE,
	.rset = 1 * USEC_MINUTE,
	.quit = 5 * USEC_SECOND,
};

const char *const smtp_flight_names[FLIGHT_COUNT + 1] = {
	[FLIGHT_LOCKSTEP] = "lockstep", [FLIGHT_GROUP] = "group",   [FLIGHT_NEXT] = "next",
	[FLIGHT_CHUNK] = "chunk",       [FLIGHT_WINDOW] = "window",
};

static const char *const session_names[SESSION_STATE_COUNT] = {
	[SESSION_GREETING] = "greeting", [SESSION_EHLO] = "ehlo", [SESSION_HELO] = "helo",
	[SESSION_STARTTLS] = "starttls", [SESSION_TLS] = "tls",   [SESSION_OPEN] = "open",
	[SESSION_AUTH] = "auth",         [SESSION_QUIT] = "quit", [SESSION_CLOSED] = "closed",
};

#define TO(state) (1u << (state))
static const unsigned session_successors[SESSION_STATE_COUNT] = {
	[SESSION_GREETING] = TO(SESSION_EHLO) | TO(SESSION_QUIT) | TO(SESSION_CLOSED),
	[SESSION_EHLO] = TO(SESSION_HELO) | TO(SESSION_STARTTLS) | TO(SESSION_AUTH) |
			 TO(SESSION_OPEN) | TO(SESSION_QUIT) | TO(SESSION_CLOSED),
	[SESSION_HELO] = TO(SESSION_OPEN) | TO(SESSION_QUIT) | TO(SESSION_CLOSED),
	[SESSION_AUTH] = TO(SESSION_OPEN) | TO(SESSION_QUIT) | TO(SESSION_CLOSED),
	[SESSION_STARTTLS] = TO(SESSION_TLS) | TO(SESSION_QUIT) | TO(SESSION_CLOSED),
	[SESSION_TLS] = TO(SESSION_GREETING) | TO(SESSION_EHLO) | TO(SESSION_CLOSED),
	[SESSION_OPEN] = TO(SESSION_QUIT) | TO(SESSION_CLOSED),
	[SESSION_QUIT] = TO(SESSION_CLOSED),
};

void session_enter(struct smtp_client *c, enum session_state state)
{
	ASSERT(session_successors[c->state] & TO(state));
	c->state = state;
	c->looked_through = false;
	c->progress_at = c->now;
	if (state == SESSION_CLOSED) {
		c->close_due = true;
		c->span_count = 0;
		c->input = (str){};
	}
	command_put_session(c);
}

void session_verb(struct smtp_client *c, usec now)
{
	c->now = now;
	c->looked_through = false;
}

struct smtp_transaction *session_awaited(const struct smtp_client *c)
{
	struct smtp_transaction *t = c->first;
	while (t && t->unanswered_count == 0)
		t = t->next;
	return t;
}

void smtp_client_init(struct smtp_client *c, struct smtp_desk *desk,
		      const struct smtp_options *options, usec now)
{
	ASSERT(options->flight < FLIGHT_COUNT && options->window <= SMTP_TRANSACTION_LIMIT);
	*c = (struct smtp_client){.options = *options, .now = now, .progress_at = now};
	smtp_client_lend(c, desk);
	if (options->tls != SMTP_TLS_IMPLICIT)
		return;
	c->state = SESSION_TLS;
	c->want_tls_due = true;
}

void smtp_client_lend(struct smtp_client *c, struct smtp_desk *desk)
{
	ASSERT(!c->desk);
	c->desk = desk;
	reply_parser_init(&desk->parser);
	desk->close_reply.code = 0;
}

bool smtp_client_has_desk(const struct smtp_client *c)
{
	return c->desk != NULL;
}

/* An answer to AUTH may still be needed to judge what the owner says to it. */
struct smtp_desk *smtp_client_clear_desk(struct smtp_client *c)
{
	struct smtp_desk *desk = c->desk;
	bool keeps = c->state == SESSION_AUTH || c->state == SESSION_CLOSED;
	if (!desk || keeps || c->span_count > 0 || c->input.size > 0 ||
	    c->pending != CAUSE_NONE || desk->close_reply.code != 0 ||
	    reply_parser_is_within(&desk->parser))
		return NULL;
	c->desk = NULL;
	return desk;
}

void smtp_client_set_flight(struct smtp_client *c, enum smtp_flight flight, uint32_t window)
{
	ASSERT(flight < FLIGHT_COUNT && window <= SMTP_TRANSACTION_LIMIT);
	c->options.flight = flight;
	c->options.window = window;
}

enum smtp_flight session_flight(const struct smtp_client *c)
{
	enum smtp_flight flight = c->options.flight;
	if (!c->caps.pipelining)
		return FLIGHT_LOCKSTEP;
	bool chunks = c->caps.chunking && !c->options.lmtp;
	return flight >= FLIGHT_CHUNK && !chunks ? FLIGHT_NEXT : flight;
}

enum smtp_flight smtp_client_flight(const struct smtp_client *c)
{
	return session_flight(c);
}

/* How many transactions may be held. One behind the one that moves is enough to keep the line
 * busy; it costs its owner an envelope that waits. */
static size_t transaction_limit(const struct smtp_client *c)
{
	switch (session_flight(c)) {
	case FLIGHT_LOCKSTEP:
	case FLIGHT_GROUP:
		return 1;
	case FLIGHT_NEXT:
		return 2;
	case FLIGHT_CHUNK:
		return c->options.window == 1 ? 1 : 2;
	case FLIGHT_WINDOW:
		return c->options.window < 2 ? 2 : c->options.window;
	case FLIGHT_COUNT:
		break;
	}
	UNREACHABLE();
}

/* RFC 9422 4: so many transactions a session, second rounds included. */
size_t session_mails_left(const struct smtp_client *c)
{
	uint32_t limit = c->caps.limit_mail_max;
	if (limit == 0)
		return SIZE_MAX;
	return limit > c->begun_count ? limit - c->begun_count : 0;
}

size_t smtp_client_room(const struct smtp_client *c)
{
	if (c->state != SESSION_OPEN || c->quitting || c->pending != CAUSE_NONE)
		return 0;
	size_t limit = transaction_limit(c);
	size_t room = limit > c->transaction_count ? limit - c->transaction_count : 0;
	return room < session_mails_left(c) ? room : session_mails_left(c);
}

/* Addresses come from a database; whatever checked them before, none may end a command early
 * or add a parameter to it: no controls anywhere, no space or angle bracket outside of quotes
 * (RFC 5321 4.1.2), and the path within 256 octets. */
static bool address_is_safe(str address)
{
	bool quoted = false;
	if (address.size > 254)
		return false;
	for (size_t i = 0; i < address.size; i++) {
		unsigned char byte = (unsigned char)address.data[i];
		if (byte < ' ' || byte == 0x7f)
			return false;
		if (quoted && byte == '\\')
			i++;
		else if (byte == '"')
			quoted = !quoted;
		else if (!quoted && (byte == ' ' || byte == '<' || byte == '>'))
			return false;
	}
	return !quoted;
}

/* What forbids the whole transaction before a byte of it has left; CAUSE_NONE: nothing. */
static enum local_cause envelope_check(const struct smtp_client *c,
				       const struct smtp_envelope *e)
{
	if (c->caps.size_limit > 0 && e->body.size > c->caps.size_limit)
		return CAUSE_MESSAGE_TOO_LARGE;
	if (e->body.is_8bit && !c->caps.eightbitmime)
		return CAUSE_NEEDS_8BITMIME;
	if (!address_is_safe(e->mail_from))
		return CAUSE_ADDRESS_INVALID;
	if (!client_is_ascii(e->mail_from) && !c->caps.smtputf8)
		return CAUSE_ADDRESS_NEEDS_UTF8;
	if (e->require_tls && !(c->is_tls && c->caps.requiretls))
		return CAUSE_NEEDS_REQUIRETLS;
	return CAUSE_NONE;
}

static uint8_t rcpt_check(const struct smtp_client *c, str rcpt)
{
	if (rcpt.size == 0 || !address_is_safe(rcpt))
		return RCPT_INVALID;
	if (!client_is_ascii(rcpt) && !c->caps.smtputf8)
		return RCPT_NEEDS_UTF8;
	return RCPT_IN_ROUND;
}

/* Without a CRLF before it the final dot would be part of the last line. */
static bool body_ends_in_crlf(const struct smtp_body *body)
{
	char tail[2] = {'\r', '\n'};
	size_t missing = 2;
	for (size_t i = body->span_count; i-- > 0 && missing > 0;) {
		const char *data = body->spans[i].iov_base;
		for (size_t at = body->spans[i].iov_len; at-- > 0 && missing > 0;)
			tail[--missing] = data[at];
	}
	return tail[0] == '\r' && tail[1] == '\n';
}

struct smtp_desk *smtp_client_done(struct smtp_client *c)
{
	struct smtp_desk *desk = c->desk;
	c->desk = NULL;
	return desk;
}

static void append(struct smtp_client *c, struct smtp_transaction *t)
{
	struct smtp_transaction **end = &c->first;
	while (*end)
		end = &(*end)->next;
	*end = t;
	c->transaction_count++;
}

void smtp_client_submit(struct smtp_client *c, struct smtp_transaction *t,
			const struct smtp_envelope *envelope, usec now)
{
	ASSERT(smtp_client_room(c) > 0);
	ASSERT(envelope->rcpt_count > 0 && envelope->rcpt_count <= SMTP_RCPT_LIMIT);
	ASSERT(envelope->body.span_count <= SMTP_BODY_SPANS);
	ASSERT(envelope->probe || body_ends_in_crlf(&envelope->body));
	ASSERT(!(envelope->dsn.notify & DSN_NOTIFY_NEVER) ||
	       envelope->dsn.notify == DSN_NOTIFY_NEVER);
	*t = (struct smtp_transaction){.envelope = *envelope};
	append(c, t);
	session_verb(c, now);
	if (c->transaction_count == 1)
		c->progress_at = now;
	c->ready_due = false;

	enum local_cause refused = envelope_check(c, envelope);
	bool any = false;
	for (size_t i = 0; i < envelope->rcpt_count && refused == CAUSE_NONE; i++) {
		t->rcpts[i] = rcpt_check(c, envelope->rcpts[i]);
		any |= t->rcpts[i] == RCPT_IN_ROUND;
	}
	transaction_begin_round(c, t);
	if (refused != CAUSE_NONE)
		transaction_end(t, ENDING_ALL, reply_local(refused, STAGE_MAIL));
	else if (!any)
		transaction_end(t, ENDING_ALL, reply_local(CAUSE_ADDRESS_INVALID, STAGE_RCPT));
	if (any)
		return;
	t->to_send = STEP_DONE;
	t->gate = GATE_SHUT;
	c->begun_count--; /* nothing of it is said */
}

void smtp_client_release(struct smtp_client *c, void *owner, usec now)
{
	session_verb(c, now);
	for (struct smtp_transaction *t = c->first; t; t = t->next) {
		if (t->envelope.owner == owner && t->gate == GATE_TOLD) {
			t->gate = GATE_OPEN;
			if (!session_awaited(c)) /* else whoever is has no more time for it */
				c->progress_at = now;
			return;
		}
	}
}

void smtp_client_quit(struct smtp_client *c, usec now)
{
	session_verb(c, now);
	c->quitting = true;
	c->ready_due = false;
	if (c->state == SESSION_OPEN && c->transaction_count == 0)
		session_enter(c, SESSION_QUIT);
}

void smtp_client_feed(struct smtp_client *c, str bytes, usec now)
{
	ASSERT(c->input.size == 0);
	c->now = now;
	if (c->state != SESSION_CLOSED && c->state != SESSION_TLS)
		c->input = bytes;
}

size_t smtp_client_output(struct smtp_client *c, struct iovec *spans, size_t limit)
{
	command_pump(c);
	size_t count = c->span_count < limit ? c->span_count : limit;
	for (size_t i = 0; i < count; i++)
		spans[i] = c->desk->spans[i];
	return count;
}

/* Drops whole spans from the front and shortens the next. */
void smtp_client_sent(struct smtp_client *c, size_t size, usec now)
{
	session_verb(c, now);
	if (c->state == SESSION_CLOSED)
		return;
	c->progress_at = c->blocked_at = now;
	c->sent_size += size;
	ASSERT(c->sent_size <= c->put_size);
	struct iovec *spans = c->desk->spans;
	size_t gone = 0;
	while (gone < c->span_count && size >= spans[gone].iov_len)
		size -= spans[gone++].iov_len;
	c->span_count -= gone;
	memmove(spans, spans + gone, c->span_count * sizeof(spans[0]));
	if (size > 0) {
		spans[0].iov_base = (char *)spans[0].iov_base + size;
		spans[0].iov_len -= size;
	}
	if (c->span_count == 0)
		c->commands_size = 0;
}

void smtp_client_tls_done(struct smtp_client *c, bool ok, usec now)
{
	session_verb(c, now);
	if (c->state != SESSION_TLS)
		return;
	if (!ok) {
		session_end(c, reply_local(CAUSE_TLS_FAILED, STAGE_STARTTLS));
		return;
	}
	c->is_tls = true;
	c->caps = (struct smtp_caps){};
	reply_parser_init(&c->desk->parser);
	session_enter(c, c->greeted ? SESSION_EHLO : SESSION_GREETING);
}

void smtp_client_auth_say(struct smtp_client *c, str line, usec now)
{
	session_verb(c, now);
	if (c->state != SESSION_AUTH || c->auth_asked)
		return;
	c->auth_asked = true;
	command_put_line(c, line);
}

void smtp_client_auth_done(struct smtp_client *c, usec now)
{
	session_verb(c, now);
	if (c->state != SESSION_AUTH)
		return;
	c->authenticated = true;
	session_begin(c);
}

/* In answer to a challenge "*" calls the exchange off (RFC 4954 4). Outside of one there is
 * nothing to call off, whoever proved nothing hears no more of us, and behind a line that is
 * not answered yet nothing may be said. */
void smtp_client_auth_fail(struct smtp_client *c, str why, usec now)
{
	session_verb(c, now);
	if (c->state != SESSION_AUTH)
		return;
	struct reply reply = reply_local(CAUSE_AUTH_FAILED, STAGE_AUTH);
	if (why.size > 0)
		reply.text = why;
	if (c->desk->auth_reply.code != 334 || c->auth_asked) {
		session_end(c, reply);
		return;
	}
	session_keep_reason(c, reply);
	c->auth_given_up = c->auth_asked = true;
	command_put_line(c, STR("*"));
}

void smtp_client_lost(struct smtp_client *c, enum local_cause cause, usec now)
{
	session_verb(c, now);
	if (c->state == SESSION_CLOSED || c->pending != CAUSE_NONE)
		return;
	c->ended_in_order = cause == CAUSE_NONE;
	c->pending = cause == CAUSE_NONE ? CAUSE_CONNECTION_LOST : cause;
}

void smtp_client_expire(struct smtp_client *c, usec now)
{
	session_verb(c, now);
	if (c->pending == CAUSE_NONE && now >= smtp_client_deadline(c))
		c->pending = CAUSE_TIMEOUT;
}

static usec step_timeout(const struct smtp_timeouts *timeouts, enum transaction_step step)
{
	switch (step) {
	case STEP_RSET:
		return timeouts->rset;
	case STEP_MAIL:
		return timeouts->mail;
	case STEP_RCPT:
		return timeouts->rcpt;
	case STEP_DATA:
		return timeouts->data;
	case STEP_END:
		return timeouts->end;
	case STEP_DONE:
		break;
	}
	UNREACHABLE();
}

static usec open_deadline(const struct smtp_client *c)
{
	const struct smtp_timeouts *timeouts = c->options.timeouts;
	usec deadline = c->span_count > 0 ? c->blocked_at + timeouts->block : USEC_NEVER;
	const struct smtp_transaction *awaited = session_awaited(c);
	if (!awaited)
		return deadline;
	return usec_min(deadline, c->progress_at + step_timeout(timeouts, awaited->to_answer));
}

usec smtp_client_deadline(const struct smtp_client *c)
{
	const struct smtp_timeouts *timeouts = c->options.timeouts;
	switch (c->state) {
	case SESSION_GREETING:
		return c->progress_at + timeouts->greeting;
	case SESSION_EHLO:
	case SESSION_HELO:
		return c->progress_at + timeouts->ehlo;
	case SESSION_STARTTLS:
	case SESSION_TLS:
		return c->progress_at + timeouts->starttls;
	case SESSION_AUTH:
		return c->progress_at + timeouts->ehlo;
	case SESSION_OPEN:
		return open_deadline(c);
	case SESSION_QUIT:
		return c->progress_at + timeouts->quit;
	case SESSION_CLOSED:
	case SESSION_STATE_COUNT:
		break;
	}
	return USEC_NEVER;
}

const struct smtp_caps *smtp_client_caps(const struct smtp_client *c)
{
	return &c->caps;
}

bool smtp_client_swallows_chunks(const struct smtp_client *c)
{
	return c->swallows_chunks;
}

static const char *transaction_state_name(const struct smtp_transaction *t)
{
	static const char *const names[] = {
		[STEP_RSET] = "rset", [STEP_MAIL] = "mail", [STEP_RCPT] = "rcpt",
		[STEP_DATA] = "data", [STEP_END] = "end",   [STEP_DONE] = "done",
	};
	if (t->unanswered_count > 0)
		return names[t->to_answer];
	if (t->gate == GATE_DUE || t->gate == GATE_TOLD)
		return "gate";
	return t->gate == GATE_OPEN && t->to_send == STEP_END ? "body" : names[t->to_answer];
}

const char *smtp_client_state_name(const struct smtp_client *c)
{
	if (c->state != SESSION_OPEN)
		return session_names[c->state];
	return c->first ? transaction_state_name(c->first) : "idle";
}
