/* client_event.c - what the owner of a session is told, and in which order: all results of a
 * transaction before its SMTP_FINISHED, all transactions before SMTP_CLOSE. Events are found in
 * the state; only when there is none left is one more reply read. */
#include "engine/smtp/client_state.h"

static bool emit(struct smtp_event *ret_event, enum smtp_event_kind kind, void *owner)
{
	*ret_event = (struct smtp_event){.kind = kind, .owner = owner};
	return true;
}

static bool emit_result(struct smtp_transaction *t, size_t rcpt, struct reply reply,
			struct smtp_event *ret_event)
{
	t->rcpts[rcpt] |= RCPT_TOLD;
	emit(ret_event, SMTP_RESULT, t->envelope.owner);
	ret_event->rcpt_index = rcpt;
	ret_event->reply = reply;
	return true;
}

static bool ending_covers(const struct smtp_transaction *t, size_t rcpt)
{
	if (t->rcpts[rcpt] & RCPT_TOLD)
		return false;
	switch (t->ending) {
	case ENDING_ONE:
		return rcpt == t->ending_rcpt;
	case ENDING_ACCEPTED:
		return t->rcpts[rcpt] & RCPT_ACCEPTED;
	case ENDING_ALL:
		return true;
	case ENDING_NONE:
	case ENDING_RETURNED:
		break;
	}
	return false;
}

/* The session may end before a recipient's next round began: of that one the server has said
 * nothing, whatever it said of the others. A refused MAIL and 421 are for all. */
static struct reply ending_reply(const struct smtp_transaction *t, size_t rcpt)
{
	const struct reply *r = &t->ending_reply;
	bool for_all = r->code == 421 || r->stage == STAGE_MAIL;
	if (!(t->rcpts[rcpt] & RCPT_LATER) || for_all)
		return *r;
	return reply_local(CAUSE_CONNECTION_LOST, STAGE_RCPT);
}

/* The next result that the transaction's ending decides, or that we decided ourselves: those
 * are not told before, since a transaction goes back whole or not at all. */
static bool next_result(struct smtp_transaction *t, struct smtp_event *ret_event)
{
	if (t->ending == ENDING_NONE || t->ending == ENDING_RETURNED)
		return false;
	for (; t->told_rcpt < t->envelope.rcpt_count; t->told_rcpt++) {
		size_t i = t->told_rcpt;
		uint8_t rcpt = t->rcpts[i];
		if ((rcpt & RCPT_INVALID) && !(rcpt & RCPT_TOLD))
			return emit_result(t, i, reply_local(CAUSE_ADDRESS_INVALID, STAGE_RCPT),
					   ret_event);
		if ((rcpt & RCPT_NEEDS_UTF8) && !(rcpt & RCPT_TOLD))
			return emit_result(t, i,
					   reply_local(CAUSE_ADDRESS_NEEDS_UTF8, STAGE_RCPT),
					   ret_event);
		if (ending_covers(t, i)) {
			emit_result(t, i, ending_reply(t, i), ret_event);
			ret_event->in_doubt = t->ending_in_doubt && !(rcpt & RCPT_LATER);
			return true;
		}
	}
	return false;
}

/* Nothing more to say or to hear, and the transport has let go of the body. After the end of
 * the session nobody counts bytes any more: then the owner's close is what frees them. */
static bool transaction_is_over(const struct smtp_client *c, const struct smtp_transaction *t)
{
	return t->to_send == STEP_DONE && t->unanswered_count == 0 &&
	       (c->sent_size >= t->body_left_at || c->state == SESSION_CLOSED);
}

static void take_out(struct smtp_client *c, const struct smtp_transaction *t)
{
	struct smtp_transaction **at = &c->first;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
}

static void forget_transaction(struct smtp_client *c, const struct smtp_transaction *t)
{
	take_out(c, t);
	c->transaction_count--;
	if (c->transaction_count > 0 || c->state != SESSION_OPEN)
		return;
	if (c->quitting || session_mails_left(c) == 0)
		session_enter(c, SESSION_QUIT);
	else
		c->ready_due = true;
}

/* Behind all others, so that those whose commands have left keep their order. A session that
 * may begin nothing more leaves the rest for another. */
static void begin_again(struct smtp_client *c, struct smtp_transaction *t)
{
	struct smtp_transaction **end = &c->first;
	take_out(c, t);
	while (*end)
		end = &(*end)->next;
	*end = t;
	t->next = NULL;
	if (session_mails_left(c) > 0) {
		transaction_begin_round(c, t);
		return;
	}
	t->again = false;
	transaction_end(t, ENDING_ALL, reply_local(CAUSE_CONNECTION_LOST, STAGE_MAIL));
}

static bool next_of_transaction(struct smtp_client *c, struct smtp_transaction *t,
				struct smtp_event *ret_event)
{
	if (next_result(t, ret_event))
		return true;
	enum ending_scope ended = t->ending;
	struct reply reply = t->ending_reply;
	t->ending = ENDING_NONE;
	if (ended == ENDING_RETURNED) {
		emit(ret_event, SMTP_RETURNED, t->envelope.owner);
		ret_event->reply = reply;
		return true;
	}
	if (t->gate == GATE_DUE) {
		t->gate = GATE_TOLD;
		return emit(ret_event, SMTP_GATE, t->envelope.owner);
	}
	if (t->again || !transaction_is_over(c, t))
		return false;
	void *owner = t->envelope.owner;
	bool body_in_use = c->sent_size < t->body_left_at;
	forget_transaction(c, t);
	emit(ret_event, SMTP_FINISHED, owner);
	ret_event->body_in_use = body_in_use;
	return true;
}

static bool next_of_session(struct smtp_client *c, struct smtp_event *ret_event)
{
	/* Whoever answers what has not left yet waits for it: the word STARTTLS must not be
	 * said inside of TLS, and the line to AUTH is the owner's memory until its answer is
	 * told. */
	bool all_left = c->span_count == 0;
	if (c->want_tls_due && all_left) {
		c->want_tls_due = false;
		return emit(ret_event, SMTP_WANT_TLS, NULL);
	}
	if (c->auth_due && all_left) {
		c->auth_due = false;
		emit(ret_event, SMTP_AUTH, NULL);
		ret_event->reply = c->desk->auth_reply;
		return true;
	}
	if (c->ready_due) {
		c->ready_due = false;
		return emit(ret_event, SMTP_READY, NULL);
	}
	if (c->close_due) {
		c->close_due = false;
		emit(ret_event, SMTP_CLOSE, NULL);
		ret_event->reply = c->desk->close_reply;
		return true;
	}
	return false;
}

/* Most replies only move the one transaction that they answer: then nothing needs to be looked
 * for in the others of a window. */
static bool is_step_on(const struct smtp_client *c, const struct smtp_transaction *answered,
		       const struct reply *reply)
{
	return c->state == SESSION_OPEN && answered && reply->code < 300 &&
	       answered->ending == ENDING_NONE &&
	       answered->gate != GATE_DUE && !answered->again &&
	       !transaction_is_over(c, answered);
}

static void take_reply(struct smtp_client *c, struct reply reply)
{
	const struct smtp_transaction *awaited = session_awaited(c);
	reply_handle(c, reply);
	c->looked_through = c->looked_through && is_step_on(c, awaited, &reply);
}

/* Reads one reply, or acts on the end that is pending behind all replies. */
static bool read_on(struct smtp_client *c)
{
	while (c->input.size > 0) {
		enum reply_step step;
		struct reply reply;
		size_t size = reply_feed(&c->desk->parser, c->input, &step, &reply);
		c->input = str_from(c->input, size);
		if (step == REPLY_MORE)
			continue;
		if (step == REPLY_READY)
			take_reply(c, reply);
		else
			session_end(c, reply_local(CAUSE_PROTOCOL, session_stage(c)));
		return true;
	}
	if (c->pending == CAUSE_NONE || c->state == SESSION_CLOSED)
		return false;
	session_end(c, reply_local(c->pending, session_stage(c)));
	return true;
}

/* False: none of them has anything to tell. */
static bool look_through(struct smtp_client *c, struct smtp_event *ret_event)
{
	struct smtp_transaction *t = c->first, *next;
	for (; t; t = next) {
		if (next_of_transaction(c, t, ret_event))
			return true;
		next = t->next;
		if (t->again && transaction_is_over(c, t)) {
			begin_again(c, t);
			next = next ? next : t;
		}
	}
	c->looked_through = true;
	return false;
}

bool smtp_client_next(struct smtp_client *c, struct smtp_event *ret_event)
{
	do {
		if (!c->looked_through && look_through(c, ret_event))
			return true;
		if (next_of_session(c, ret_event))
			return true;
	} while (read_on(c));
	return false;
}
