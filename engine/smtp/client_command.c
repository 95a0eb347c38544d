/* client_command.c - what leaves: commands into a small buffer, bodies as spans of the owner's
 * memory, dots doubled without a copy.
 *
 *   mail  = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF        (RFC 5321 4.1.1.2)
 *   rcpt  = "RCPT TO:" Forward-path [SP Rcpt-parameters] CRLF          (RFC 5321 4.1.1.3)
 *
 * Groups (RFC 2920 3.1): RSET, MAIL and RCPT stand anywhere, DATA is the last of its group, and
 * message content may be the first of one: so the commands of the next transaction follow the
 * final dot of this one in the same write, never its DATA. BDAT with its chunk may be followed
 * by anything; servers that say so by CHUNKING and PIPELINING take whole transactions in one
 * flight, though RFC 3030 2 would have the replies to RCPT awaited first. */
#include "engine/smtp/client_state.h"
#include "engine/base/assert.h"
#include "engine/base/buf.h"

/* Longest command: a path of 256 and all parameters, ORCPT and ENVID among them (RFC 5321
 * 4.5.3.1.4 allows 512, each extension adds its own: RFC 3461 4 alone 500). */
#define COMMAND_SIZE_LIMIT 1024

static void put_span(struct smtp_client *c, const char *data, size_t size)
{
	if (c->span_count == 0)
		c->blocked_at = c->now;
	struct iovec *spans = c->desk->spans;
	struct iovec *last = c->span_count > 0 ? &spans[c->span_count - 1] : NULL;
	if (last && (char *)last->iov_base + last->iov_len == data) {
		last->iov_len += size;
	} else {
		ASSERT(c->span_count < CLIENT_SPAN_LIMIT);
		spans[c->span_count++] = (struct iovec){(char *)(uintptr_t)data, size};
	}
	c->put_size += size;
}

/* A span for a command, and its room in the buffer. One of each is kept for QUIT, which asks
 * nobody: a peer that takes nothing and answers what it was never sent may have filled both. */
static bool has_room_for_command(const struct smtp_client *c)
{
	return c->span_count + 1 < CLIENT_SPAN_LIMIT &&
	       c->commands_size + 2 * COMMAND_SIZE_LIMIT <= CLIENT_COMMAND_LIMIT;
}

static struct buf begin_command(struct smtp_client *c)
{
	struct buf command;
	buf_init_fixed(&command, c->desk->commands + c->commands_size, COMMAND_SIZE_LIMIT);
	return command;
}

static void end_command(struct smtp_client *c, struct buf *command)
{
	buf_put(command, STR("\r\n"));
	ASSERT(buf_ok(command));
	put_span(c, command->data, command->size);
	c->commands_size += command->size;
}

static void put_command(struct smtp_client *c, const char *verb, str argument)
{
	struct buf command = begin_command(c);
	buf_put_cstr(&command, verb);
	buf_put(&command, argument);
	end_command(c, &command);
}

void command_put_session(struct smtp_client *c)
{
	switch (c->state) {
	case SESSION_EHLO:
		put_command(c, c->options.lmtp ? "LHLO " : "EHLO ", c->options.helo);
		break;
	case SESSION_HELO:
		put_command(c, "HELO ", c->options.helo);
		break;
	case SESSION_STARTTLS:
		put_command(c, "STARTTLS", (str){});
		break;
	case SESSION_QUIT:
		put_command(c, "QUIT", (str){});
		break;
	default:
		break;
	}
}

void command_put_line(struct smtp_client *c, str line)
{
	static const char crlf[] = "\r\n";
	if (line.size > 0)
		put_span(c, line.data, line.size);
	put_span(c, crlf, sizeof(crlf) - 1);
}

static str domain_of(str address)
{
	size_t at = str_rfind_byte(address, '@');
	return at == STR_NONE ? (str){} : str_from(address, at + 1);
}

/* Whether no recipient of this round before index has its domain. */
static bool brings_domain(const struct smtp_transaction *t, size_t index)
{
	str domain = domain_of(t->envelope.rcpts[index]);
	for (size_t i = 0; i < index; i++)
		if ((t->rcpts[i] & RCPT_IN_ROUND) &&
		    str_eq_nocase(domain_of(t->envelope.rcpts[i]), domain))
			return false;
	return true;
}

/* RFC 9422 4.2, 4.3: who is too many for one transaction waits for the next round. */
static void obey_limits(const struct smtp_caps *caps, struct smtp_transaction *t)
{
	uint32_t count = 0, domain_count = 0;
	if (caps->limit_rcpt_max == 0 && caps->limit_rcpt_domain_max == 0)
		return;
	for (size_t i = 0; i < t->envelope.rcpt_count; i++) {
		if (!(t->rcpts[i] & RCPT_IN_ROUND))
			continue;
		bool brings = caps->limit_rcpt_domain_max > 0 && brings_domain(t, i);
		bool fits = (caps->limit_rcpt_max == 0 || count < caps->limit_rcpt_max) &&
			    (!brings || domain_count < caps->limit_rcpt_domain_max);
		if (fits) {
			count++;
			domain_count += brings;
		} else {
			t->rcpts[i] = RCPT_LATER;
			t->again = true;
		}
	}
}

void transaction_begin_round(struct smtp_client *c, struct smtp_transaction *t)
{
	c->begun_count++;
	t->chunked = session_flight(c) >= FLIGHT_CHUNK && !t->envelope.probe;
	t->plain |= t->plain_next;
	t->end_rcpt = 0;
	t->to_send = t->to_answer = STEP_RSET;
	t->send_rcpt = t->answer_rcpt = 0;
	t->accepted_count = 0;
	t->mail = MAIL_UNANSWERED;
	t->gate = t->chunked ? GATE_DUE : GATE_SHUT;
	t->end_left = t->again = false;
	t->body_span = t->body_offset = 0;
	t->at_line_start = true;
	for (size_t i = 0; i < t->envelope.rcpt_count; i++)
		if (t->rcpts[i] & RCPT_LATER)
			t->rcpts[i] = RCPT_IN_ROUND;
		else if (t->rcpts[i] & RCPT_TOLD)
			t->rcpts[i] = RCPT_TOLD;
	obey_limits(&c->caps, t);
}

static void put_mail(struct smtp_client *c, const struct smtp_transaction *t)
{
	struct buf command = begin_command(c);
	buf_put(&command, STR("MAIL FROM:<"));
	buf_put(&command, t->envelope.mail_from);
	buf_put_byte(&command, '>');
	parameters_put_mail(c, t, &command);
	end_command(c, &command);
}

static void put_rcpt(struct smtp_client *c, const struct smtp_transaction *t, size_t rcpt)
{
	struct buf command = begin_command(c);
	buf_put(&command, STR("RCPT TO:<"));
	buf_put(&command, t->envelope.rcpts[rcpt]);
	buf_put_byte(&command, '>');
	parameters_put_rcpt(c, t, rcpt, &command);
	end_command(c, &command);
}

/* May this transaction's next command leave now? Of what is before it, all must have been
 * answered in lock step; all former transactions where only one may be under way. */
static bool may_send(struct smtp_client *c, const struct smtp_transaction *t)
{
	if (!has_room_for_command(c))
		return false;
	struct smtp_transaction *awaited = session_awaited(c);
	switch (session_flight(c)) {
	case FLIGHT_LOCKSTEP:
		return awaited == NULL;
	case FLIGHT_GROUP:
	case FLIGHT_CHUNK:
		return awaited == NULL || awaited == t;
	case FLIGHT_NEXT:
	case FLIGHT_WINDOW:
		return true;
	case FLIGHT_COUNT:
		break;
	}
	UNREACHABLE();
}

size_t transaction_next_rcpt(const struct smtp_transaction *t, size_t from)
{
	while (from < t->envelope.rcpt_count && !(t->rcpts[from] & RCPT_IN_ROUND))
		from++;
	return from;
}

/* What the server holds of a transaction that stops here is cleared by the next RSET. */
void transaction_stop_if_futile(struct smtp_client *c, struct smtp_transaction *t)
{
	bool all_sent = transaction_next_rcpt(t, t->send_rcpt) == t->envelope.rcpt_count;
	bool all_refused = all_sent && t->unanswered_count == 0 && t->accepted_count == 0;
	if (t->to_send != STEP_RCPT && t->to_send != STEP_DATA)
		return;
	if (t->mail != MAIL_REFUSED && !all_refused)
		return;
	t->to_send = STEP_DONE;
	if (t->mail == MAIL_ACCEPTED)
		c->reset_needed = true;
}

static void send_rset(struct smtp_client *c, struct smtp_transaction *t)
{
	if (c->reset_needed) {
		c->reset_needed = false;
		put_command(c, "RSET", (str){});
		t->unanswered_count++;
	} else {
		t->to_answer = STEP_MAIL;
	}
	t->to_send = STEP_MAIL;
}

static void send_mail(struct smtp_client *c, struct smtp_transaction *t)
{
	put_mail(c, t);
	t->unanswered_count++;
	t->to_send = STEP_RCPT;
}

static void send_rcpt(struct smtp_client *c, struct smtp_transaction *t)
{
	t->send_rcpt = transaction_next_rcpt(t, t->send_rcpt);
	if (t->send_rcpt < t->envelope.rcpt_count) {
		put_rcpt(c, t, t->send_rcpt++);
		t->unanswered_count++;
	} else {
		t->to_send = STEP_DATA;
	}
}

/* One chunk, the last. Should a recipient have been refused, so may the chunk be, and the
 * transaction then stands open at the server: RSET before the next MAIL, unless we hear in time
 * that all went well. */
static void put_bdat(struct smtp_client *c, const struct smtp_transaction *t)
{
	struct buf command = begin_command(c);
	buf_put(&command, STR("BDAT "));
	buf_put_u64(&command, t->envelope.body.size);
	buf_put(&command, STR(" LAST"));
	end_command(c, &command);
	c->reset_needed = true;
}

static void send_data(struct smtp_client *c, struct smtp_transaction *t)
{
	if (t->envelope.probe)
		put_command(c, "RSET", (str){});
	else if (t->chunked)
		put_bdat(c, t);
	else
		put_command(c, "DATA", (str){});
	t->unanswered_count++;
	t->to_send = t->envelope.probe ? STEP_DONE : STEP_END;
}

/* The first dot behind a line end. Five times as fast as memmem() for a needle of two bytes. */
static size_t find_line_dot(str text)
{
	const char *at = text.data, *end = text.data + text.size;
	while ((at = memchr(at, '\n', (size_t)(end - at))) && ++at < end)
		if (*at == '.')
			return (size_t)(at - text.data);
	return STR_NONE;
}

/* How much of rest leaves as one span, and how far the body moves on. A dot at the beginning
 * of a line ends a span and begins the next one too: so it leaves twice (RFC 5321 4.5.2). */
static size_t stuffed_run(struct smtp_transaction *t, str rest, size_t *ret_step)
{
	if (!t->envelope.body.has_leading_dot || t->chunked)
		return *ret_step = rest.size;
	if (t->at_line_start && rest.data[0] == '.') {
		t->at_line_start = false;
		*ret_step = 0;
		return 1;
	}
	size_t dot = find_line_dot(rest);
	if (dot != STR_NONE) {
		t->at_line_start = false;
		*ret_step = dot;
		return dot + 1;
	}
	t->at_line_start = rest.data[rest.size - 1] == '\n';
	return *ret_step = rest.size;
}

/* Puts body spans while there is room; one is kept for the final dot, one for QUIT. */
static bool put_body(struct smtp_client *c, struct smtp_transaction *t)
{
	const struct smtp_body *body = &t->envelope.body;
	while (t->body_span < body->span_count) {
		str span = str_make(body->spans[t->body_span].iov_base,
				    body->spans[t->body_span].iov_len);
		str rest = str_from(span, t->body_offset);
		if (rest.size == 0) {
			t->body_span++;
			t->body_offset = 0;
			continue;
		}
		if (c->span_count + 2 >= CLIENT_SPAN_LIMIT)
			return false;
		size_t step, size = stuffed_run(t, rest, &step);
		put_span(c, rest.data, size);
		t->body_offset += step;
		t->body_left_at = c->put_size;
	}
	return true;
}

static const char final_dot[] = ".\r\n";

static void put_final_dot(struct smtp_client *c, struct smtp_transaction *t)
{
	put_span(c, final_dot, sizeof(final_dot) - 1);
	/* That of a chunk was counted with its BDAT. RFC 2033 4.2: in LMTP each recipient that
	 * was accepted has its own. */
	t->unanswered_count += c->options.lmtp ? t->accepted_count : 1;
	t->to_send = STEP_DONE;
}

/* The content, once it may leave. True when its end is among the spans. */
static bool send_content(struct smtp_client *c, struct smtp_transaction *t)
{
	if (c->span_count + 1 >= CLIENT_SPAN_LIMIT)
		return false;
	if (t->gate == GATE_EMPTY) {
		put_final_dot(c, t);
		/* An odd server may keep the transaction that had no recipient. */
		c->reset_needed = true;
		return true;
	}
	if (t->gate != GATE_OPEN || !put_body(c, t))
		return false;
	t->end_left = true;
	if (t->chunked)
		t->to_send = STEP_DONE;
	else
		put_final_dot(c, t);
	return true;
}

/* One step of the sender's cursor; false when it cannot move now. */
static bool send_step(struct smtp_client *c, struct smtp_transaction *t)
{
	if (t->to_send == STEP_DONE)
		return false;
	if (t->to_send == STEP_END)
		return send_content(c, t);
	if (!may_send(c, t) || (t->chunked && t->gate != GATE_OPEN))
		return false;
	if (t->to_send == STEP_RSET)
		send_rset(c, t);
	else if (t->to_send == STEP_MAIL)
		send_mail(c, t);
	else if (t->to_send == STEP_RCPT)
		send_rcpt(c, t);
	else
		send_data(c, t);
	return true;
}

void command_pump(struct smtp_client *c)
{
	if (c->state != SESSION_OPEN)
		return;
	for (struct smtp_transaction *t = c->first; t; t = t->next) {
		while (send_step(c, t))
			c->looked_through = false;
		if (t->to_send != STEP_DONE)
			return;
	}
}
