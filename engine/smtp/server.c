/* server.c - the receiving machine: feeding, answering, waiting.
 * Replies gather in one buffer. An answer with a delay is written at once but not shown before
 * its time; until then nothing is read, so the order of replies is the order of commands. */
#include "engine/smtp/server_state.h"
#include "engine/base/assert.h"
#include "engine/base/buf.h"

#define TO(state) (1u << (state))
static const unsigned server_successors[SERVER_STATE_COUNT] = {
	[SERVER_STATE_COMMAND] = TO(SERVER_STATE_DATA) | TO(SERVER_STATE_CHUNK) |
				 TO(SERVER_STATE_TLS) | TO(SERVER_STATE_CLOSED),
	[SERVER_STATE_DATA] = TO(SERVER_STATE_COMMAND) | TO(SERVER_STATE_CLOSED),
	[SERVER_STATE_CHUNK] = TO(SERVER_STATE_COMMAND) | TO(SERVER_STATE_CLOSED),
	[SERVER_STATE_TLS] = TO(SERVER_STATE_COMMAND) | TO(SERVER_STATE_CLOSED),
};

void server_enter(struct smtp_server *s, enum server_state state)
{
	ASSERT(server_successors[s->state] & TO(state));
	s->state = state;
}

size_t smtp_server_size(void)
{
	return sizeof(struct smtp_server);
}

void smtp_server_init(struct smtp_server *s, const struct smtp_server_options *options,
		      usec now)
{
	*s = (struct smtp_server){.options = *options, .now = now};
	struct smtp_answer preset = {.code = 220, .text = "ESMTP"}, answer = preset;
	if (options->hooks.on_connect)
		options->hooks.on_connect(options->hooks.context, &answer);
	answer = server_settle(preset, answer);
	server_say(s, &answer);
	s->refusing = answer.code / 100 != 2;
	if (answer.code == 421 && s->state == SERVER_STATE_COMMAND)
		server_enter(s, SERVER_STATE_CLOSED);
}

struct smtp_answer server_settle(struct smtp_answer preset, struct smtp_answer answer)
{
	if (answer.code != 0)
		return answer;
	answer.code = preset.code;
	answer.status = preset.status;
	answer.text = preset.text;
	return answer;
}

/* Each line of the text with the code before it; the last one says so. */
static void put_reply(struct buf *out, const struct smtp_answer *answer, bool with_status)
{
	str rest = str_of(answer->text ? answer->text : "ok");
	do {
		str line = str_cut(&rest, '\n');
		buf_put_u64(out, answer->code);
		buf_put_byte(out, rest.data ? '-' : ' ');
		if (answer->status && with_status) {
			buf_put_cstr(out, answer->status);
			buf_put_byte(out, ' ');
		}
		buf_put(out, line);
		buf_put(out, STR("\r\n"));
	} while (rest.data);
}

static void put_answer(struct smtp_server *s, const struct smtp_answer *answer)
{
	struct buf out;
	ASSERT(s->output_size + SERVER_REPLY_LIMIT <= SERVER_OUTPUT_LIMIT);
	buf_init_fixed(&out, s->output + s->output_size, SERVER_REPLY_LIMIT);
	put_reply(&out, answer, s->options.offer_enhanced);
	if (!buf_ok(&out)) {
		struct smtp_answer brief = {.code = answer->code, .text = "too much to say"};
		buf_reset(&out);
		put_reply(&out, &brief, false);
	}
	s->output_size += out.size;
}

void server_say(struct smtp_server *s, const struct smtp_answer *answer)
{
	bool ends = answer->drop || answer->close;
	if (!answer->drop)
		put_answer(s, answer);
	if (answer->delay > 0) {
		s->held_until = s->now + answer->delay;
		s->drop_when_shown = answer->drop;
	} else {
		s->shown_size = s->output_size;
		s->dropped = answer->drop;
	}
	if (ends && s->state != SERVER_STATE_CLOSED)
		server_enter(s, SERVER_STATE_CLOSED);
}

void server_say_plain(struct smtp_server *s, uint16_t code, const char *status,
		      const char *text)
{
	server_say(s, &(struct smtp_answer){.code = code, .status = status, .text = text});
}

void server_forget_transaction(struct smtp_server *s)
{
	if (s->options.hooks.on_reset)
		s->options.hooks.on_reset(s->options.hooks.context);
	s->has_mail = s->is_utf8 = s->is_chunked = s->has_failed = false;
	s->rcpt_count = 0;
	s->message_size = 0;
}

/* --- reading -------------------------------------------------------------------------------
 */

static bool can_read(const struct smtp_server *s)
{
	return s->held_until == 0 && s->state != SERVER_STATE_CLOSED &&
	       s->state != SERVER_STATE_TLS &&
	       s->output_size + SERVER_REPLY_LIMIT <= SERVER_OUTPUT_LIMIT;
}

/* A whole line with its line end. CRLF is the only one: a bare LF that one server takes for an
 * end of line and another does not is how mail is smuggled. */
static void take_line(struct smtp_server *s, str line, bool more)
{
	if (s->line_too_long) {
		s->line_too_long = false;
		server_say_plain(s, 500, "5.5.2", "line too long");
	} else if (line.size < 2 || line.data[line.size - 2] != '\r') {
		server_say_plain(s, 500, "5.5.2", "line without CR LF");
	} else {
		server_command(s, str_sub(line, 0, line.size - 2), more);
	}
}

/* Lines that lie whole in the input are read there; torn ones are gathered. */
static size_t take_command_bytes(struct smtp_server *s, str in)
{
	size_t lf = str_find_byte(in, '\n');
	size_t size = lf == STR_NONE ? in.size : lf + 1;
	if (lf != STR_NONE && s->line_size == 0 && size <= SERVER_LINE_LIMIT) {
		take_line(s, str_sub(in, 0, size), in.size > size);
		return size;
	}
	if (s->line_size + size > SERVER_LINE_LIMIT) {
		s->line_too_long = true;
	} else {
		memcpy(s->line + s->line_size, in.data, size);
		s->line_size += size;
	}
	if (lf != STR_NONE) {
		str line = str_make(s->line, s->line_size);
		s->line_size = 0;
		take_line(s, line, in.size > size);
	}
	return size;
}

size_t smtp_server_feed(struct smtp_server *s, str bytes, usec now)
{
	size_t taken = 0;
	smtp_server_tick(s, now);
	while (taken < bytes.size && can_read(s)) {
		str rest = str_from(bytes, taken);
		if (s->state == SERVER_STATE_COMMAND)
			taken += take_command_bytes(s, rest);
		else if (s->state == SERVER_STATE_DATA)
			taken += server_take_data(s, rest);
		else
			taken += server_take_chunk(s, rest);
	}
	return taken;
}

/* --- what the owner asks -------------------------------------------------------------------
 */

str smtp_server_output(struct smtp_server *s)
{
	return str_make(s->output + s->sent_size, s->shown_size - s->sent_size);
}

void smtp_server_sent(struct smtp_server *s, size_t size)
{
	ASSERT(size <= s->shown_size - s->sent_size);
	s->sent_size += size;
	if (s->sent_size < s->shown_size)
		return;
	memmove(s->output, s->output + s->sent_size, s->output_size - s->sent_size);
	s->output_size -= s->sent_size;
	s->sent_size = s->shown_size = 0;
}

enum smtp_server_want smtp_server_want(const struct smtp_server *s)
{
	if (s->dropped)
		return SERVER_DROP;
	if (s->held_until != 0)
		return SERVER_WAIT;
	if (s->state == SERVER_STATE_TLS)
		return SERVER_TLS;
	return s->state == SERVER_STATE_CLOSED ? SERVER_CLOSE : SERVER_READ;
}

bool smtp_server_within_chunk(const struct smtp_server *s)
{
	return s->state == SERVER_STATE_CHUNK;
}

usec smtp_server_wake_at(const struct smtp_server *s)
{
	return s->held_until != 0 ? s->held_until : USEC_NEVER;
}

void smtp_server_tick(struct smtp_server *s, usec now)
{
	s->now = now;
	if (s->held_until == 0 || now < s->held_until)
		return;
	s->held_until = 0;
	s->shown_size = s->output_size;
	s->dropped = s->drop_when_shown;
}

void smtp_server_tls_done(struct smtp_server *s, usec now)
{
	s->now = now;
	ASSERT(s->state == SERVER_STATE_TLS);
	s->is_tls = true;
	s->greeted = s->is_esmtp = false;
	s->line_size = 0;
	server_enter(s, SERVER_STATE_COMMAND);
}
