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
	c->greeted = true;
	c->swallows_chunks = names_chunk_swallower(r.text);
	if (is_positive(&r))
		session_enter(c, SESSION_EHLO);
	else if (is_refusal(&r))
		session_refuse(c, r);
	else
		protocol_error(c);
}

void session_begin(struct smtp_client *c)
{
	session_enter(c, SESSION_OPEN);
	if (c->quitting)
		session_enter(c, SESSION_QUIT);
	else
		c->ready_due = true;
}

static struct reply local_refusal(enum local_cause cause, enum smtp_stage stage,
				  const char *text)
{
	struct reply reply = reply_local(cause, stage);
	reply.text = str_of(text);
	return reply;
}

static void tell_auth(struct smtp_client *c, struct reply reply)
{
	c->auth_due = true;
	c->desk->auth_reply = reply;
}

static void auth_begin(struct smtp_client *c)
{
	session_enter(c, SESSION_AUTH);
	tell_auth(c, (struct reply){.stage = STAGE_AUTH, .text = str_of(c->desk->mechanisms.names)});
}

/* 334 asks on, 235 is content; 454, 535, 534, 538 and their like end the session, and their
 * meaning is the owner's to know (RFC 4954 6). */
static void auth_reply(struct smtp_client *c, struct reply r)
{
	if (!c->auth_asked) {
		protocol_error(c);
		return;
	}
	c->auth_asked = false;
	if (c->auth_given_up)
		session_refuse(c, c->desk->close_reply);
	else if (r.code == 334 || is_positive(&r))
		tell_auth(c, r);
	else if (is_refusal(&r))
		session_refuse(c, r);
	else
		protocol_error(c);
}

/* After EHLO or HELO was accepted: STARTTLS, AUTH, transactions, or good-bye. */
static void offers_known(struct smtp_client *c)
{
	enum smtp_tls tls = c->is_tls ? SMTP_TLS_NONE : c->options.tls;
	if (tls != SMTP_TLS_NONE && c->caps.starttls)
		session_enter(c, SESSION_STARTTLS);
	else if (tls == SMTP_TLS_REQUIRE)
		session_refuse(c, local_refusal(CAUSE_TLS_FAILED, STAGE_STARTTLS,
						"server does not offer STARTTLS"));
	else if (!c->options.auth)
		session_begin(c);
	else if (c->caps.auth)
		auth_begin(c);
	else
		session_refuse(c, local_refusal(CAUSE_AUTH_FAILED, STAGE_AUTH,
						"server does not offer authentication"));
}

/* Codes by which a server says that it does not know EHLO (RFC 5321 4.1.1.1, 4.1.4). */
static bool asks_for_helo(uint16_t code)
{
	return code == 500 || code == 502 || code == 504 || code == 550;
}

static void ehlo_reply(struct smtp_client *c, struct reply r)
{
	if (is_positive(&r) && c->state == SESSION_EHLO) {
		smtp_caps_parse(&c->caps, &c->desk->mechanisms, r.text);
		offers_known(c);
	} else if (is_positive(&r)) {
		c->caps = (struct smtp_caps){};
		offers_known(c);
	} else if (c->state == SESSION_EHLO && asks_for_helo(r.code) && !c->options.lmtp) {
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

/* RFC 5321 4.1.1.11 */
static bool refuses_parameters(const struct reply *r)
{
	return r->code == 555 || r->code == 455;
}

static bool has_mail_dsn(const struct smtp_dsn *dsn)
{
	return dsn->ret != DSN_RET_DEFAULT || dsn->envid.size > 0;
}

static bool has_rcpt_dsn(const struct smtp_dsn *dsn)
{
	return dsn->notify != DSN_NOTIFY_DEFAULT || dsn->orcpt;
}

static void mail_reply(struct smtp_client *c, struct smtp_transaction *t, struct reply r)
{
	bool had_options = c->caps.size || t->envelope.body.is_8bit || c->authenticated ||
			   (c->caps.dsn && has_mail_dsn(&t->envelope.dsn));
	t->to_answer = STEP_RCPT;
	if (is_positive(&r)) {
		t->mail = MAIL_ACCEPTED;
		return;
	}
	t->mail = MAIL_REFUSED;
	/* In lock step nothing of ours can be nested but in what the server made up. */
	c->reset_needed |= r.code == 503;
	/* RFC 5321 4.1.1.11: the parameters may be what was refused. */
	if (refuses_parameters(&r) && had_options && !t->plain) {
		t->plain = t->again = true;
		return;
	}
	/* Who waits for the next round would be refused in the same way. */
	t->again = false;
	transaction_end(t, ENDING_ALL, r);
}

/* 452, and the 552 that older servers say (RFC 5321 4.5.3.1.10), mean "too many" only when
 * some recipient has been accepted before; x.2.x speaks of that mailbox alone. */
static bool means_too_many(const struct smtp_transaction *t, const struct reply *r)
{
	return (r->code == 452 || r->code == 552) && t->accepted_count > 0 &&
	       r->status.subject != 2;
}

static void rcpt_reply(struct smtp_client *c, struct smtp_transaction *t, struct reply r)
{
	size_t rcpt = t->answer_rcpt++;
	ASSERT(t->rcpts[rcpt] & RCPT_IN_ROUND);
	if (t->mail == MAIL_REFUSED) {
		/* 503, or whatever: the transaction never began; unless the server says that
		 * it did. */
		c->reset_needed |= is_positive(&r);
		return;
	}
	if (is_positive(&r)) {
		t->rcpts[rcpt] |= RCPT_ACCEPTED;
		t->accepted_count++;
		if (!t->envelope.probe)
			return;
		transaction_end(t, ENDING_ONE, r);
		t->ending_rcpt = rcpt;
	} else if (means_too_many(t, &r)) {
		t->rcpts[rcpt] |= RCPT_LATER;
		t->again = true;
	} else if (refuses_parameters(&r) && c->caps.dsn && has_rcpt_dsn(&t->envelope.dsn) &&
		   !t->plain) {
		t->rcpts[rcpt] |= RCPT_LATER;
		t->again = t->plain_next = true;
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
	t->to_answer = t->envelope.probe ? STEP_DONE : STEP_END;
	if (t->envelope.probe)
		return;
	if (r.code == 354) {
		t->gate = t->accepted_count > 0 ? GATE_DUE : GATE_EMPTY;
		return;
	}
	t->to_send = STEP_DONE;
	c->reset_needed |= t->mail == MAIL_ACCEPTED;
	if (t->accepted_count > 0)
		transaction_end(t, ENDING_ACCEPTED, r);
}

/* Has a later transaction sent something already? What is open at the server is its, then. */
static bool is_followed(const struct smtp_transaction *t)
{
	for (const struct smtp_transaction *other = t->next; other; other = other->next)
		if (other->to_send != STEP_RSET)
			return true;
	return false;
}

/* RFC 2033 4.2: one reply for each recipient that was accepted, in the order of their RCPT. */
static void lmtp_end_reply(struct smtp_client *c, struct smtp_transaction *t, struct reply r)
{
	while (!(t->rcpts[t->end_rcpt] & RCPT_ACCEPTED))
		t->end_rcpt++;
	transaction_end(t, ENDING_ONE, r);
	t->ending_rcpt = t->end_rcpt++;
	if (t->unanswered_count > 0)
		return;
	t->to_answer = STEP_DONE;
	c->ended_count++;
}

/* The reply to a lone dot, or to a chunk for nobody, is of no interest. */
static void end_reply(struct smtp_client *c, struct smtp_transaction *t, struct reply r)
{
	if (c->options.lmtp) {
		lmtp_end_reply(c, t, r);
		return;
	}
	t->to_answer = STEP_DONE;
	c->ended_count++;
	if (t->accepted_count > 0)
		transaction_end(t, ENDING_ACCEPTED, r);
	if (t->chunked && is_positive(&r) && !is_followed(t))
		c->reset_needed = false;
}

/* Does the reply's first digit fit the command? */
static bool fits(const struct smtp_client *c, const struct smtp_transaction *t,
		 const struct reply *r)
{
	switch (t->to_answer) {
	case STEP_RSET:
		return is_positive(r);
	case STEP_DATA:
		if (t->envelope.probe)
			return is_positive(r);
		/* In LMTP nobody would answer the dot of a message for nobody. */
		if (r->code == 354 && c->options.lmtp && t->accepted_count == 0)
			return false;
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
		rcpt_reply(c, t, r);
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
	struct smtp_transaction *t = c->first;
	struct reply end = reply_local(CAUSE_PROTOCOL, session_stage(c));
	if (t && is_early_refusal(t, &r))
		end = r;
	session_end(c, end);
}

static bool speaks_of_sync(str text)
{
	return str_find(text, STR("ynchroni")) != STR_NONE ||
	       str_find(text, STR("ipelining")) != STR_NONE;
}

/* A server that takes a command of ours for out of order, though we know that it is not: it
 * has lost count of what was under way, and more so must we not count on it. */
static bool is_sync_error(const struct smtp_client *c, const struct smtp_transaction *t,
			  const struct reply *r)
{
	if (session_flight(c) == FLIGHT_LOCKSTEP || !is_refusal(r))
		return false;
	bool nobody = t->accepted_count == 0;
	switch (t->to_answer) {
	case STEP_RSET:
	case STEP_MAIL:
		return r->code == 503 || speaks_of_sync(r->text);
	case STEP_RCPT:
		return t->mail == MAIL_ACCEPTED && (r->code == 503 || speaks_of_sync(r->text));
	case STEP_DATA:
		return !nobody && !t->envelope.probe &&
		       (r->code == 503 || speaks_of_sync(r->text));
	case STEP_END:
		if (nobody)
			return false;
		/* BDAT is not known after all, or was taken for something else. */
		return speaks_of_sync(r->text) ||
		       (t->chunked &&
			(r->code == 500 || r->code == 502 || r->code == 503 || r->code == 504));
	case STEP_DONE:
		break;
	}
	return false;
}

static void open_reply(struct smtp_client *c, struct reply r)
{
	struct smtp_transaction *t = session_awaited(c);
	if (!t) {
		unasked_reply(c, r);
		return;
	}
	r.stage = transaction_stage(t);
	if (is_sync_error(c, t, &r)) {
		struct reply end = local_refusal(CAUSE_OUT_OF_SYNC, r.stage, NULL);
		end.text = r.text;
		session_end(c, end);
	} else if (fits(c, t, &r))
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
	case SESSION_AUTH:
		auth_reply(c, r);
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
