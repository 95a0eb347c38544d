/* sink_message_id.c - a small machine over RFC 5322 3.6.4:
 *   message-id = "Message-ID:" msg-id CRLF        msg-id = [CFWS] "<" id-left "@" id-right ">"
 * The value may be folded; everything between "<" and ">" but white space is the id. */
#include "bench/sink/sink_message_id.h"

enum { LINE_START, SKIP_LINE, BEFORE_ID, INSIDE_ID, DONE };

static const char field[] = "message-id:";
#define FIELD_SIZE (sizeof field - 1)

void sink_message_id_reset(struct sink_message_id *m)
{
	m->state = LINE_START;
	m->matched = 0;
	m->after_lf = false;
	m->size = 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* The beginning of a header line: our field, another one, or the empty line. */
static void start_byte(struct sink_message_id *m, char c)
{
	if (m->matched == 0 && (c == '\r' || c == '\n')) {
		m->state = DONE;
	} else if (lower(c) != field[m->matched]) {
		m->state = c == '\n' ? LINE_START : SKIP_LINE;
		m->matched = 0;
	} else if (++m->matched == FIELD_SIZE) {
		m->state = BEFORE_ID;
		m->after_lf = false;
	}
}

static void before_byte(struct sink_message_id *m, char c)
{
	if (m->after_lf && c != ' ' && c != '\t')
		m->state = DONE; /* the field was empty */
	else if (c == '<')
		m->state = INSIDE_ID;
	m->after_lf = c == '\n';
	if (m->state == INSIDE_ID)
		m->text[m->size++] = c;
}

static void inside_byte(struct sink_message_id *m, char c)
{
	if (m->after_lf && c != ' ' && c != '\t') {
		m->size = 0; /* it never ended */
		m->state = DONE;
		return;
	}
	m->after_lf = c == '\n';
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		return;
	if (m->size == MESSAGE_ID_LIMIT) {
		m->size = 0;
		m->state = DONE;
		return;
	}
	m->text[m->size++] = c;
	if (c == '>')
		m->state = DONE;
}

void sink_message_id_feed(struct sink_message_id *m, str bytes)
{
	const char *at = bytes.data, *end = at + bytes.size;
	while (at < end && m->state != DONE) {
		if (m->state == SKIP_LINE) {
			const char *lf = memchr(at, '\n', (size_t)(end - at));
			if (!lf)
				return;
			m->state = LINE_START;
			m->matched = 0;
			at = lf + 1;
		} else if (m->state == LINE_START) {
			start_byte(m, *at++);
		} else if (m->state == BEFORE_ID) {
			before_byte(m, *at++);
		} else {
			inside_byte(m, *at++);
		}
	}
}

str sink_message_id_get(const struct sink_message_id *m)
{
	bool whole = m->size > 2 && m->text[m->size - 1] == '>';
	return (str){m->text, whole ? m->size : 0};
}
