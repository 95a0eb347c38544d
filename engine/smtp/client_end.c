/* client_end.c - how a session ends, and what becomes of the transactions that it holds: a
 * result, in doubt, or returned as if they had never been submitted (README.md has the table).
 */
#include "engine/smtp/client_state.h"
#include "engine/base/assert.h"

enum smtp_stage transaction_stage(const struct smtp_transaction *t)
{
	switch (t->to_answer) {
	case STEP_RSET:
		return STAGE_RSET;
	case STEP_MAIL:
		return STAGE_MAIL;
	case STEP_RCPT:
		return STAGE_RCPT;
	case STEP_DATA:
		return t->envelope.probe ? STAGE_RSET : STAGE_DATA;
	case STEP_END:
	case STEP_DONE:
		return t->end_left ? STAGE_END : STAGE_DATA;
	}
	UNREACHABLE();
}

static enum smtp_stage open_stage(const struct smtp_client *c)
{
	const struct smtp_transaction *awaited = session_awaited(c);
	if (awaited)
		return transaction_stage(awaited);
	bool begun = c->first && c->first->answered;
	return begun ? transaction_stage(c->first) : STAGE_UNKNOWN;
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
	case SESSION_AUTH:
		return STAGE_AUTH;
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

static bool all_told(const struct smtp_transaction *t)
{
	for (size_t i = 0; i < t->envelope.rcpt_count; i++)
		if (!(t->rcpts[i] & RCPT_TOLD))
			return false;
	return true;
}

/* A peer that hung up in order between two messages: it had answered the one before to its end, and of
 * this one, whose commands it had too, nothing. */
static bool was_hung_up_on(const struct smtp_client *c, const struct smtp_transaction *t,
			   struct reply why)
{
	return why.cause == CAUSE_CONNECTION_LOST && c->ended_in_order && !t->answered &&
	       c->ended_count > 0;
}

/* The cause to show for an end of data that had left and was not answered. Behind the first
 * such transaction, and where the peer most likely never came to the first, a plain
 * CAUSE_CONNECTION_LOST: listed as in doubt, but tried again whatever the campaign's policy,
 * since servers answer in order. */
static struct reply doubt_reply(const struct smtp_client *c, const struct smtp_transaction *t,
				struct reply why, bool first)
{
	if (!first || why.cause == CAUSE_OUT_OF_SYNC || was_hung_up_on(c, t, why))
		return reply_local(CAUSE_CONNECTION_LOST, STAGE_END);
	if (why.cause == CAUSE_TIMEOUT)
		return reply_local(CAUSE_TIMEOUT_END, STAGE_END);
	if (why.cause == CAUSE_PROTOCOL)
		return reply_local(CAUSE_PROTOCOL, STAGE_END);
	return reply_local(CAUSE_LOST_END, STAGE_END);
}

static bool any_told(const struct smtp_transaction *t)
{
	for (size_t i = 0; i < t->envelope.rcpt_count; i++)
		if (t->rcpts[i] & RCPT_TOLD)
			return true;
	return false;
}

/* Whether a transaction that ends with its session counts as an attempt. Not when the server
 * said nothing of it, nor when what it refused was the way that we put things. */
static bool was_attempted(const struct smtp_transaction *t, struct reply why, bool awaited)
{
	if (why.cause == CAUSE_OUT_OF_SYNC)
		return any_told(t);
	return t->answered ||
	       (awaited && t->to_answer != STEP_RSET && why.cause != CAUSE_CONNECTION_LOST);
}

/* Its MAIL has not been put, in any round. The RSET before it may have been: its reply is
 * awaited before the transaction is finished. */
static bool is_unsaid(const struct smtp_transaction *t)
{
	return (t->to_send == STEP_RSET || t->to_send == STEP_MAIL) &&
	       t->ending == ENDING_NONE && !t->answered && !any_told(t);
}

void smtp_client_recall(struct smtp_client *c, usec now)
{
	session_verb(c, now);
	if (c->state != SESSION_OPEN)
		return;
	for (struct smtp_transaction *t = c->first; t; t = t->next) {
		if (!is_unsaid(t))
			continue;
		t->to_send = STEP_DONE;
		t->gate = GATE_SHUT;
		t->again = false;
		c->begun_count--;
		transaction_end(t, ENDING_RETURNED,
				reply_local(CAUSE_CONNECTION_LOST, STAGE_MAIL));
	}
}

/* How one transaction ends with its session. awaited: the next reply was to be its. */
static void cut_transaction(const struct smtp_client *c, struct smtp_transaction *t,
			    struct reply why, bool awaited)
{
	/* A reply is an answer; what we noticed ourselves leaves a sent end of data open. In
	 * LMTP it answers for one recipient, and nobody will for those behind. */
	bool refused_now = why.cause == CAUSE_OUT_OF_SYNC && t->to_answer == STEP_END;
	bool for_all = !c->options.lmtp || !t->end_left || t->unanswered_count == 1;
	bool answered_now = awaited && for_all && (why.origin == REPLY_REMOTE || refused_now);
	bool in_doubt = t->end_left && t->unanswered_count > 0 && !answered_now;
	bool attempted = was_attempted(t, why, awaited);
	why.stage = transaction_stage(t);
	t->to_send = STEP_DONE;
	t->unanswered_count = 0;
	t->again = false;
	t->gate = GATE_SHUT;
	if (all_told(t))
		return;
	if (in_doubt)
		why = doubt_reply(c, t, why, awaited);
	transaction_end(t, in_doubt || attempted ? ENDING_ALL : ENDING_RETURNED, why);
	t->ending_in_doubt = in_doubt;
}

/* The text moves: the parser may read on before SMTP_CLOSE is told. */
void session_keep_reason(struct smtp_client *c, struct reply why)
{
	struct smtp_desk *desk = c->desk;
	if (desk->close_reply.code != 0)
		return;
	size_t size = why.text.size < CLIENT_REASON_LIMIT ? why.text.size : CLIENT_REASON_LIMIT;
	if (size > 0)
		memcpy(desk->reason, why.text.data, size);
	why.text = str_make(desk->reason, size);
	desk->close_reply = why;
}

void session_end(struct smtp_client *c, struct reply why)
{
	struct smtp_transaction *awaited = session_awaited(c);
	session_keep_reason(c, why);
	for (struct smtp_transaction *t = c->first; t; t = t->next)
		cut_transaction(c, t, why, t == awaited);
	c->ready_due = c->want_tls_due = c->auth_due = false;
	session_enter(c, SESSION_CLOSED);
}

void session_refuse(struct smtp_client *c, struct reply why)
{
	session_keep_reason(c, why);
	session_enter(c, SESSION_QUIT);
}
