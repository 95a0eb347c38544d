/* server_body.c - message bytes as they come: lines up to CRLF.CRLF with stuffed dots taken off
 * (RFC 5321 4.5.2), or BDAT chunks as they are (RFC 3030).
 *
 * Only CR LF "." CR LF ends data: LF.LF, CR.CR and their kin are content (4.1.1.4). Bytes are
 * handed on where they lie, in runs as long as the input allows; a run ends only at a dot that
 * is taken off. One memchr a line is all the searching there is. */
#include "engine/smtp/server_state.h"

static bool is_over_limit(const struct smtp_server *s)
{
	return s->options.size_limit > 0 && s->message_size > s->options.size_limit;
}

/* The owner sees no more than the limit allows; the rest is only counted. */
static void hand_on(struct smtp_server *s, const char *from, const char *to)
{
	size_t size = (size_t)(to - from), shown = size;
	uint64_t limit = s->options.size_limit, before = s->message_size;
	s->message_size += size;
	if (limit > 0 && s->message_size > limit)
		shown = before < limit ? (size_t)(limit - before) : 0;
	if (s->options.hooks.on_bytes && shown > 0)
		s->options.hooks.on_bytes(s->options.hooks.context, str_make(from, shown));
}

static void say_end(struct smtp_server *s)
{
	struct smtp_answer preset = {.code = 250, .status = "2.0.0", .text = "taken"};
	if (is_over_limit(s))
		preset = (struct smtp_answer){552, "5.3.4", "message too large",
					      0,   false,   false};
	struct smtp_answer answer = preset;
	if (s->options.hooks.on_end)
		s->options.hooks.on_end(s->options.hooks.context, (size_t)s->message_size,
					&answer);
	server_enter(s, SERVER_STATE_COMMAND);
	server_forget_transaction(s);
	answer = server_settle(preset, answer);
	server_say(s, &answer);
}

void server_begin_data(struct smtp_server *s)
{
	s->line_state = LINE_START;
	s->after_cr = false;
	server_enter(s, SERVER_STATE_DATA);
}

/* Inside a line: on to behind its CRLF, or to the end of the input. */
static const char *skip_line(struct smtp_server *s, const char *at, const char *end)
{
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		if (!lf) {
			s->after_cr = end[-1] == '\r';
			return end;
		}
		bool is_crlf = lf > at ? lf[-1] == '\r' : s->after_cr;
		s->after_cr = false;
		at = lf + 1;
		if (is_crlf) {
			s->line_state = LINE_START;
			return at;
		}
	}
	return at;
}

/* A dot began the line and was taken off; CR LF behind it ends the message. Returns where the
 * content goes on; *ret_end is set at the end of data. */
static const char *behind_dot(struct smtp_server *s, const char *at, bool *ret_end)
{
	static const char cr = '\r';
	if (s->line_state == LINE_DOT && *at == '\r') {
		s->line_state = LINE_DOT_CR;
		return at + 1;
	}
	if (s->line_state == LINE_DOT_CR && *at == '\n') {
		*ret_end = true;
		return at + 1;
	}
	if (s->line_state == LINE_DOT_CR)
		hand_on(s, &cr, &cr + 1);
	s->after_cr = s->line_state == LINE_DOT_CR;
	s->line_state = LINE_INSIDE;
	return at;
}

size_t server_take_data(struct smtp_server *s, str in)
{
	const char *at = in.data, *end = in.data + in.size, *from = at;
	bool ended = false;
	while (at < end && !ended) {
		if (s->line_state == LINE_DOT || s->line_state == LINE_DOT_CR) {
			at = behind_dot(s, at, &ended);
			from = at;
		} else if (s->line_state == LINE_START && *at == '.') {
			hand_on(s, from, at++);
			from = at;
			s->line_state = LINE_DOT;
		} else {
			s->line_state = LINE_INSIDE;
			at = skip_line(s, at, end);
		}
	}
	hand_on(s, from, at);
	if (ended)
		say_end(s);
	return (size_t)(at - in.data);
}

void server_begin_chunk(struct smtp_server *s, uint64_t size, bool is_last)
{
	s->chunk_left = size;
	s->chunk_is_last = is_last;
	server_enter(s, SERVER_STATE_CHUNK);
	if (size == 0)
		(void)server_take_chunk(s, STR(""));
}

/* RFC 3030 2: a chunk is read to its end even when it is not wanted; after a refused one only
 * RSET helps. */
static void end_chunk(struct smtp_server *s)
{
	if (!s->has_failed && s->chunk_is_last) {
		say_end(s);
		return;
	}
	server_enter(s, SERVER_STATE_COMMAND);
	if (!s->has_failed)
		server_say_plain(s, 250, "2.0.0", "chunk taken");
	else if (s->rcpt_count == 0)
		server_say_plain(s, s->has_mail ? 554 : 503, "5.5.1", "no valid recipients");
	else
		server_say_plain(s, 503, "5.5.1", "RSET first");
}

size_t server_take_chunk(struct smtp_server *s, str in)
{
	size_t size = s->chunk_left < in.size ? (size_t)s->chunk_left : in.size;
	if (!s->has_failed)
		hand_on(s, in.data, in.data + size);
	s->chunk_left -= size;
	if (s->chunk_left == 0)
		end_chunk(s);
	return size;
}
