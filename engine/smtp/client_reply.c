/* client_reply.c - what a reply means, by the state of the session and by the command that it
 * answers. Whatever does not fit (250 to DATA, a reply to nothing, a first digit of 1, garbage)
 * closes the session: a sender that guesses which reply belongs to which command delivers one
 * message twice and another never. */
#include "engine/smtp/client_state.h"
#include "engine/base/assert.h"

static bool is_positive(const struct reply *r)
{
	return r->code / 100 == 2;
}

static bool is_refusal(const struct reply *r)
{
	return r->code / 100 == 4 || r->code / 100 == 5;
}

static enum smtp_stage step_stage(const struct smtp_transaction *t)
{
	switch (t->to_answer) {
	case STEP_RSET:
		return STAGE_RSET;
	case STEP_MAIL:
		return STAGE_MAIL;
	case STEP_RCPT:
		return STAGE_RCPT;
	case STEP_DATA:
		return STAGE_DATA;
	case STEP_END:
	case STEP_DONE:
		return t->end_left ? STAGE_END : STAGE_DATA;
	}
	UNREACHABLE();
}

static enum smtp_stage open_stage(const struct smtp_client *c)
{
	for (size_t i = 0; i < c->transaction_count; i++)
		if (c->transactions[i].unanswered_count > 0)
			return step_stage(&c->transactions[i]);
	bool begun = c->transaction_count > 0 && c->transactions[0].answered;
	return begun ? step_stage(&c->transactions[0]) : STAGE_UNKNOWN;
}

enum smtp_stage session_stage(const struct smtp_client *c)
{
	switch (c->state) {
	case SESSION_GREETING:
		return STAGE_GREETING;
	case SESSION_EHLO:
	case SESSION_HELO:
		return STAGE_EHLO;
	case SESSION_STARTTLS:
	case SESSION_TLS:
		return STAGE_STARTTLS;
	case SESSION_OPEN:
		return open_stage(c);
	case SESSION_QUIT:
		return STAGE_QUIT;
	case SESSION_CLOSED:
	case SESSION_STATE_COUNT:
		break;
	}
	return STAGE_UNKNOWN;
}

void transaction_end(struct smtp_transaction *t, enum ending_scope scope, struct reply reply)
{
	t->ending = scope;
	t->ending_reply = reply;
	t->ending_in_doubt = false;
	t->told_rcpt = 0;
}

/* --- the end of a session ------------------------------------------------------------------
 */

static bool all_told(const struct smtp_transaction *t)
{
	for (size_t i = 0; i < t->envelope.rcpt_count; i++)
		if (!(t->rcpts[i] & RCPT_TOLD))
			return false;
	return true;
}

/* The cause to show for an end of data that had left and was not answered. Behind the first
 * such transaction a plain CAUSE_CONNECTION_LOST: listed as in doubt, but tried again whatever
 * the campaign's policy, since servers answer in order. */
static struct reply doubt_reply(struct reply why, bool first)
{
	if (!first)
		return reply_local(CAUSE_CONNECTION_LOST, STAGE_END);
	if (why.cause == CAUSE_TIMEOUT)
		return reply_local(CAUSE_TIMEOUT_END, STAGE_END);
	if (why.cause == CAUSE_PROTOCOL)
		return reply_local(CAUSE_PROTOCOL, STAGE_END);
	return reply_local(CAUSE_LOST_END, STAGE_END);
}

/* How one transaction ends with its session. awaited: the next reply was to be its. */
static void cut_transaction(struct smtp_transaction *t, struct reply why, bool awaited)
{
	/* A reply is an answer; what we noticed ourselves leaves a sent end of data open. */
	bool answered_now = awaited && why.origin == REPLY_REMOTE;
	bool in_doubt = t->end_left && t->unanswered_count > 0 && !answered_now;
	bool attempted = t->answered || (awaited && t->to_answer != STEP_RSET &&
					 why.cause != CAUSE_CONNECTION_LOST);
	why.stage = step_stage(t);
	t->to_send = STEP_DONE;
	t->unanswered_count = 0;
	t->again = false;
	t->gate = GATE_SHUT;
	if (all_told(t))
		return;
	if (in_doubt)
		why = doubt_reply(why, awaited);
	transaction_end(t, in_doubt || attempted ? ENDING_ALL : ENDING_RETURNED, why);
	t->ending_in_doubt = in_doubt;
}

/* The text moves: the parser may read on before SMTP_CLOSE is told. */
static void keep_reason(struct smtp_client *c, struct reply why)
{
	if (c->close_reply.code != 0)
		return;
	size_t size = why.text.size < CLIENT_REASON_LIMIT ? why.text.size : CLIENT_REASON_LIMIT;
	if (size > 0)
		memcpy(c->reason, why.text.data, size);
	why.text = str_make(c->reason, size);
	c->close_reply = why;
}

void session_end(struct smtp_client *c, struct reply why)
{
	struct smtp_transaction *awaited = session_awaited(c);
	keep_reason(c, why);
	for (size_t i = 0; i < c->transaction_count; i++)
		cut_transaction(&c->transactions[i], why, &c->transactions[i] == awaited);
	c->ready_due = c->want_tls_due = false;
	session_enter(c, SESSION_CLOSED);
}

void session_refuse(struct smtp_client *c, struct reply why)
{
	keep_reason(c, why);
	session_enter(c, SESSION_QUIT);
}

static void protocol_error(struct smtp_client *c)
{
	session_end(c, reply_local(CAUSE_PROTOCOL, session_stage(c)));
}

/* --- greeting to ready ---------------------------------------------------------------------
 */

/* Software that reads the chunk of a refused envelope to its end: tried, or deployed against
 * single-flight senders for years. The name may be a lie; then the reply count shows it. */
static bool names_chunk_swallower(str greeting)
{
	static const char *const names[] = {"Postfix", "Exim", "gsmtp", "Microsoft ESMTP",
					    "rundbrief"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_find(greeting, str_of(names[i])) != STR_NONE)
			return true;
	return false;
}

static void greeting_reply(struct smtp_client *c, struct reply r)
{
	c->swallows_chunks = names_chunk_swallower(r.text);
	if (is_positive(&r))
		session_enter(c, SESSION_EHLO);
	else if (is_refusal(&r))
		session_refuse(c, r);
	else
		protocol_error(c);
}

static void session_open(struct smtp_client *c)
{
	session_enter(c, SESSION_OPEN);
	if (c->quitting)
		session_enter(c, SESSION_QUIT);
	else
		c->ready_due = true;
}

/* After EHLO or HELO was accepted: STARTTLS, transactions, or good-bye. */
static void offers_known(struct smtp_client *c)
{
	enum smtp_tls tls = c->is_tls ? SMTP_TLS_NONE : c->options.tls;
	if (tls != SMTP_TLS_NONE && c->caps.starttls)
		session_enter(c, SESSION_STARTTLS);
	else if (tls == SMTP_TLS_REQUIRE)
		session_refuse(c, reply_local(CAUSE_TLS_FAILED, STAGE_STARTTLS));
	else
		session_open(c);
}

/* Codes by which a server says that it does not know EHLO (RFC 5321 4.1.1.1, 4.1.4). */
static bool asks_for_helo(uint16_t code)
{
	return code == 500 || code == 502 || code == 504 || code == 550;
}

static void ehlo_reply(struct smtp_client *c, struct reply r)
{
	if (is_positive(&r) && c->state == SESSION_EHLO) {
		smtp_caps_parse(&c->caps, r.text);
		offers_known(c);
	} else if (is_positive(&r)) {
		c->caps = (struct smtp_caps){};
		offers_known(c);
	} else if (c->state == SESSION_EHLO && asks_for_helo(r.code)) {
		session_enter(c, SESSION_HELO);
	} else if (is_refusal(&r)) {
		session_refuse(c, r);
	} else {
		protocol_error(c);
	}
}

/* Plain text behind the 220 could have been slipped in by anybody on the way: it is forgotten
 * with all else that was heard in clear (RFC 3207 4.2, CVE-2011-0411). */
static void starttls_reply(struct smtp_client *c, struct reply r)
{
	if (is_positive(&r)) {
		c->input = (str){};
		c->want_tls_due = true;
		session_enter(c, SESSION_TLS);
	} else if (is_refusal(&r)) {
		session_refuse(c, r);
	} else {
		protocol_error(c);
	}
}

/* --- transactions --------------------------------------------------------------------------
 */

static void mail_reply(struct smtp_client *c, struct smtp_transaction *t, struct reply r)
{
	bool had_options = c->caps.size || t->envelope.body.is_8bit;
	t->to_answer = STEP_RCPT;
	if (is_positive(&r)) {
		t->mail = MAIL_ACCEPTED;
		return;
	}
	t->mail = MAIL_REFUSED;
	/* RFC 5321 4.1.1.11: the parameters may be what was refused. */
	if ((r.code == 555 || r.code == 455) && had_options && !t->plain)
		t->plain = t->again = true;
	else
		transaction_end(t, ENDING_ALL, r);
}

/* 452, and the 552 that older servers say (RFC 5321 4.5.3.1.10), mean "too many" only when
 * some recipient has been accepted before; x.2.x speaks of that mailbox alone. */
static bool means_too_many(const struct smtp_transaction *t, const struct reply *r)
{
	return (r->code == 452 || r->code == 552) && t->accepted_count > 0 &&
	       r->status.subject != 2;
}

static void rcpt_reply(struct smtp_transaction *t, struct reply r)
{
	size_t rcpt = t->answer_rcpt++;
	ASSERT(t->rcpts[rcpt] & RCPT_IN_ROUND);
	if (t->mail == MAIL_REFUSED)
		return; /* 503, or whatever: the transaction never began */
	if (is_positive(&r)) {
		t->rcpts[rcpt] |= RCPT_ACCEPTED;
		t->accepted_count++;
	} else if (means_too_many(t, &r)) {
		t->rcpts[rcpt] |= RCPT_LATER;
		t->again = true;
	} else {
		transaction_end(t, ENDING_ONE, r);
		t->ending_rcpt = rcpt;
	}
}

/* Behind the last RCPT of the round comes DATA's, or the one for the chunk. */
static void await_next_rcpt(struct smtp_transaction *t)
{
	t->answer_rcpt = transaction_next_rcpt(t, t->answer_rcpt);
	if (t->answer_rcpt == t->envelope.rcpt_count)
		t->to_answer = t->chunked ? STEP_END : STEP_DATA;
}

static void data_reply(struct smtp_client *c, struct smtp_transaction *t, struct reply r)
{
	t->to_answer = STEP_END;
	if (r.code == 354) {
		t->gate = t->accepted_count > 0 ? GATE_DUE : GATE_EMPTY;
		return;
	}
	t->to_send = STEP_DONE;
	c->reset_needed = t->mail == MAIL_ACCEPTED;
	if (t->accepted_count > 0)
		transaction_end(t, ENDING_ACCEPTED, r);
}

/* Has a later transaction sent something already? It then had its RSET. */
static bool is_followed(const struct smtp_client *c, const struct smtp_transaction *t)
{
	const struct smtp_transaction *last = &c->transactions[c->transaction_count - 1];
	return t != last && last->to_send != STEP_RSET;
}

/* The reply to a lone dot, or to a chunk for nobody, is of no interest. */
static void end_reply(struct smtp_client *c, struct smtp_transaction *t, struct reply r)
{
	t->to_answer = STEP_DONE;
	if (t->accepted_count > 0)
		transaction_end(t, ENDING_ACCEPTED, r);
	if (t->chunked && is_positive(&r) && !is_followed(c, t))
		c->reset_needed = false;
}

/* Does the reply's first digit fit the command? */
static bool fits(const struct smtp_transaction *t, const struct reply *r)
{
	switch (t->to_answer) {
	case STEP_RSET:
		return is_positive(r);
	case STEP_DATA:
		return r->code == 354 || is_refusal(r);
	case STEP_END:
		/* A message taken for nobody belongs to a transaction that we do not know. */
		if (t->chunked && t->accepted_count == 0)
			return is_refusal(r);
		return is_positive(r) || is_refusal(r);
	case STEP_MAIL:
	case STEP_RCPT:
		return is_positive(r) || is_refusal(r);
	case STEP_DONE:
		break;
	}
	return false;
}

static void transaction_reply(struct smtp_client *c, struct smtp_transaction *t, struct reply r)
{
	t->unanswered_count--;
	switch (t->to_answer) {
	case STEP_RSET:
		t->to_answer = STEP_MAIL;
		return;
	case STEP_MAIL:
		mail_reply(c, t, r);
		await_next_rcpt(t);
		break;
	case STEP_RCPT:
		rcpt_reply(t, r);
		await_next_rcpt(t);
		break;
	case STEP_DATA:
		data_reply(c, t, r);
		break;
	case STEP_END:
		end_reply(c, t, r);
		break;
	case STEP_DONE:
		UNREACHABLE();
	}
	t->answered = true;
	transaction_stop_if_futile(c, t);
}

/* A server that refuses in the middle of the body has answered it, but what it makes of the
 * rest of the bytes nobody knows: the result stands, the session ends. */
static bool is_early_refusal(const struct smtp_transaction *t, const struct reply *r)
{
	return t->to_answer == STEP_END && t->gate == GATE_OPEN && !t->chunked && is_refusal(r);
}

static void unasked_reply(struct smtp_client *c, struct reply r)
{
	struct smtp_transaction *t = c->transactions;
	struct reply end = reply_local(CAUSE_PROTOCOL, session_stage(c));
	if (c->transaction_count > 0 && is_early_refusal(t, &r))
		end = r;
	session_end(c, end);
}

static void open_reply(struct smtp_client *c, struct reply r)
{
	struct smtp_transaction *t = session_awaited(c);
	if (!t) {
		unasked_reply(c, r);
		return;
	}
	r.stage = step_stage(t);
	if (fits(t, &r))
		transaction_reply(c, t, r);
	else
		protocol_error(c);
}

/* 421 may answer any command, or come unasked: the whole session is over (RFC 5321 3.8). */
void reply_handle(struct smtp_client *c, struct reply r)
{
	c->progress_at = c->now;
	r.stage = session_stage(c);
	if (r.code == 421 && c->state != SESSION_QUIT) {
		session_end(c, r);
		return;
	}
	switch (c->state) {
	case SESSION_GREETING:
		greeting_reply(c, r);
		break;
	case SESSION_EHLO:
	case SESSION_HELO:
		ehlo_reply(c, r);
		break;
	case SESSION_STARTTLS:
		starttls_reply(c, r);
		break;
	case SESSION_OPEN:
		open_reply(c, r);
		break;
	case SESSION_QUIT:
		session_end(c, r);
		break;
	case SESSION_TLS:
	case SESSION_CLOSED:
	case SESSION_STATE_COUNT:
		UNREACHABLE();
	}
}
