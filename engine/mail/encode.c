/* encode.c - quoted-printable and base64.
 *
 *   quoted-printable := qp-line *(CRLF qp-line)
 *   qp-line          := *(qp-segment transport-padding CRLF) qp-part transport-padding
 *   qp-part          := qp-section           ; maximum length of 76 characters
 *   qp-segment       := qp-section *(SPACE / TAB) "="       ; maximum 76 with the "="
 *   ptext            := hex-octet / safe-char
 *   safe-char        := <any octet with decimal value of 33 through 60 or 62 through 126>
 *   hex-octet        := "=" 2(DIGIT / "A" / "B" / "C" / "D" / "E" / "F")     RFC 2045 6.7
 *
 * A line is broken when the next unit would not leave room for the "="; a unit is a byte or a
 * whole UTF-8 character, so that no reader shows half of one. White space needs care only in
 * front of a hard line end: it is written as it is, and taken back when the line ends there. */
#include "engine/mail/encode.h"

#include "engine/mail/utf8.h"

#define COLUMN_LIMIT (QP_LINE_LIMIT - 1) /* leaves room for the "=" of a soft break */
/* A head grows by two columns when its first byte falls on a line's start and is guarded. */
#define HEAD_LIMIT 72
#define UNIT_LIMIT 12 /* four bytes of one character */

static const char hex_digits[] = "0123456789ABCDEF";

static inline bool is_plain(unsigned char byte)
{
	static const bool plain[256] = {
		['\t'] = true, [0x20 ... 0x3C] = true, [0x3E ... 0x7E] = true};
	return plain[byte];
}

/* Eight bytes at once: true when none is a control, "=", DEL or has the high bit. Tabs count as
 * controls here; the caller looks at such words byte by byte. */
static bool word_is_plain(const char *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
	uint64_t word;
	memcpy(&word, at, sizeof(word));
	uint64_t below_space = (word - ones * 0x20) & ~word;
	uint64_t equals = word ^ (ones * '=');
	uint64_t is_equals = (equals - ones) & ~equals;
	uint64_t del = word ^ (ones * 0x7F);
	uint64_t is_del = (del - ones) & ~del;
	/* Borrows can only spread upwards from a true hit, so a clean word is truly clean. */
	return ((word | below_space | is_equals | is_del) & highs) == 0;
}

static size_t plain_run(str text)
{
	size_t i = 0;
	for (;;) {
		while (i + 8 <= text.size && word_is_plain(text.data + i))
			i += 8;
		size_t stop = i + 8 <= text.size ? i + 8 : text.size;
		while (i < stop && is_plain((unsigned char)text.data[i]))
			i++;
		if (i < stop || i == text.size)
			return i;
	}
}

/* A dot in front would need stuffing in DATA; "From " in front is changed by mailboxes in mbox
 * form. A piece may end inside that word, so "F" at its end is guarded too. */
static bool needs_guard(str text)
{
	if (text.data[0] == '.')
		return true;
	return text.data[0] == 'F' && (text.size == 1 || text.data[1] == 'r');
}

static size_t put_hex(char *at, str bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		unsigned char byte = (unsigned char)bytes.data[i];
		*at++ = '=';
		*at++ = hex_digits[byte >> 4];
		*at++ = hex_digits[byte & 15];
	}
	return bytes.size * 3;
}

/* Encodes the one character that text begins with; returns the bytes taken. */
static size_t encode_unit(str text, char unit[UNIT_LIMIT], size_t *ret_size)
{
	size_t size = utf8_char_size(text);
	str bytes = size == 0 || text.data[0] == '\0' ? STR(UTF8_REPLACEMENT)
						      : str_make(text.data, size);
	*ret_size = put_hex(unit, bytes);
	return size ? size : 1;
}

static void soft_break(struct qp *q)
{
	buf_put(q->out, STR("=\r\n"));
	q->column = 0;
}

/* White space may not end a line (RFC 2045 6.7 rule 3); column says that it is on this one. */
void qp_end(struct qp *q)
{
	if (q->column == 0 || !buf_ok(q->out))
		return;
	char last = q->out->data[q->out->size - 1];
	if (last != ' ' && last != '\t')
		return;
	q->out->size--;
	q->column--;
	if (q->column + 3 > COLUMN_LIMIT)
		soft_break(q);
	buf_put(q->out, last == ' ' ? STR("=20") : STR("=09"));
	q->column += 3;
}

static void hard_break(struct qp *q)
{
	qp_end(q);
	buf_put(q->out, STR("\r\n"));
	q->column = 0;
}

static void put_unit(struct qp *q, str unit)
{
	if (q->column + unit.size > COLUMN_LIMIT)
		soft_break(q);
	buf_put(q->out, unit);
	q->column += (unsigned)unit.size;
}

/* Writes as much plain text as the line holds; returns the bytes taken. */
static size_t put_plain(struct qp *q, str text)
{
	if (q->column == COLUMN_LIMIT)
		soft_break(q);
	if (q->column == 0 && needs_guard(text)) {
		char unit[UNIT_LIMIT];
		put_unit(q, str_make(unit, put_hex(unit, str_sub(text, 0, 1))));
		return 1;
	}
	size_t size = plain_run(str_sub(text, 0, COLUMN_LIMIT - q->column));
	buf_put(q->out, str_make(text.data, size));
	q->column += (unsigned)size;
	return size;
}

static size_t put_line_end(struct qp *q, str text)
{
	bool second_half = text.data[0] == '\n' && q->after_cr;
	q->after_cr = text.data[0] == '\r';
	if (!second_half)
		hard_break(q);
	return 1;
}

void qp_begin(struct qp *q, struct buf *out)
{
	*q = (struct qp){.out = out};
}

void qp_resume_from(struct qp *q, struct buf *out, size_t from)
{
	size_t size = out->size - from < QP_LINE_LIMIT ? out->size - from : QP_LINE_LIMIT;
	const char *at = size ? out->data + out->size - size : NULL;
	const char *line_end = size ? memrchr(at, '\n', size) : NULL;
	if (line_end)
		size -= (size_t)(line_end + 1 - at);
	*q = (struct qp){.out = out, .column = (unsigned)size};
}

void qp_resume(struct qp *q, struct buf *out)
{
	qp_resume_from(q, out, 0);
}

void qp_put(struct qp *q, str text)
{
	while (text.size > 0) {
		unsigned char byte = (unsigned char)text.data[0];
		size_t taken;
		if (byte == '\r' || byte == '\n') {
			taken = put_line_end(q, text);
		} else if (is_plain(byte)) {
			q->after_cr = false;
			taken = put_plain(q, text);
		} else {
			char unit[UNIT_LIMIT];
			size_t size;
			q->after_cr = false;
			taken = encode_unit(text, unit, &size);
			put_unit(q, str_make(unit, size));
		}
		text = str_from(text, taken);
	}
}

/* Encodes up to a line end or HEAD_LIMIT columns; returns the bytes of text taken. */
static size_t compile_head(str text, struct buf *out)
{
	size_t at = 0;
	while (at < text.size && text.data[at] != '\r' && text.data[at] != '\n') {
		char unit[UNIT_LIMIT] = {text.data[at]};
		size_t size = 1, taken = 1;
		if (!is_plain((unsigned char)text.data[at]))
			taken = encode_unit(str_from(text, at), unit, &size);
		if (out->size + size > HEAD_LIMIT)
			break;
		buf_put(out, str_make(unit, size));
		at += taken;
	}
	return at;
}

int qp_literal_compile(struct arena *arena, str text, struct qp_literal *ret_literal)
{
	struct qp_literal literal = {};
	char memory[QP_LINE_LIMIT];
	struct buf head, tail;
	buf_init_fixed(&head, memory, sizeof(memory));
	buf_init_arena(&tail, arena, text.size + text.size / 8 + 16);
	str rest = str_from(text, compile_head(text, &head));
	struct qp q = {.out = &head, .column = (unsigned)head.size};
	if (rest.size > 0 && (rest.data[0] == '\r' || rest.data[0] == '\n')) {
		qp_end(&q); /* HEAD_LIMIT leaves room: never breaks */
		literal.break_after_head = QP_BREAK_HARD;
		literal.starts_with_lf = head.size == 0 && rest.data[0] == '\n';
		q.after_cr = rest.data[0] == '\r';
		rest = str_from(rest, 1);
	} else if (rest.size > 0) {
		literal.break_after_head = QP_BREAK_SOFT;
	}
	q.out = &tail;
	q.column = 0;
	qp_put(&q, rest);
	literal.head = arena_copy(arena, buf_str(&head));
	literal.tail = buf_str(&tail);
	literal.tail_column = q.column;
	literal.ends_with_cr = text.size > 0 && text.data[text.size - 1] == '\r';
	if (!buf_ok(&tail) || !literal.head.data)
		return -1;
	*ret_literal = literal;
	return 0;
}

static void put_head(struct qp *q, str head)
{
	if (q->column + head.size > COLUMN_LIMIT)
		soft_break(q);
	if (q->column == 0 && head.size > 0 && needs_guard(head)) {
		char unit[UNIT_LIMIT];
		put_unit(q, str_make(unit, put_hex(unit, str_sub(head, 0, 1))));
		head = str_from(head, 1);
	}
	buf_put(q->out, head);
	q->column += (unsigned)head.size;
}

/* Up to the tail. */
static void begin_literal(struct qp *q, const struct qp_literal *literal)
{
	bool second_half = q->after_cr && literal->starts_with_lf;
	put_head(q, literal->head);
	if (literal->break_after_head == QP_BREAK_SOFT)
		soft_break(q);
	else if (literal->break_after_head == QP_BREAK_HARD && !second_half)
		hard_break(q);
}

static void end_literal(struct qp *q, const struct qp_literal *literal)
{
	if (literal->break_after_head != QP_BREAK_NONE)
		q->column = literal->tail_column;
	if (literal->head.size > 0 || literal->break_after_head != QP_BREAK_NONE)
		q->after_cr = literal->ends_with_cr;
}

void qp_put_literal(struct qp *q, const struct qp_literal *literal)
{
	begin_literal(q, literal);
	if (literal->break_after_head != QP_BREAK_NONE)
		buf_put(q->out, literal->tail);
	end_literal(q, literal);
}

str qp_put_around(struct qp *q, const struct qp_literal *literal, size_t *ret_from)
{
	size_t lines_size = literal->tail.size - literal->tail_column;
	begin_literal(q, literal);
	*ret_from = q->out->size;
	buf_put(q->out, str_from(literal->tail, lines_size));
	end_literal(q, literal);
	return str_sub(literal->tail, 0, lines_size);
}

void base64_put(struct buf *out, str bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = (const unsigned char *)bytes.data;
	for (size_t i = 0; i < bytes.size; i += 3) {
		size_t left = bytes.size - i;
		uint32_t group = (uint32_t)in[i] << 16;
		if (left > 1)
			group |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			group |= in[i + 2];
		char quad[4] = {digits[group >> 18], digits[group >> 12 & 63],
				left > 1 ? digits[group >> 6 & 63] : '=',
				left > 2 ? digits[group & 63] : '='};
		buf_put(out, str_make(quad, sizeof(quad)));
	}
}

void base64_put_lines(struct buf *out, str bytes)
{
	const size_t line = QP_LINE_LIMIT / 4 * 3;
	for (size_t at = 0; at < bytes.size; at += line) {
		base64_put(out, str_sub(bytes, at, line));
		buf_put(out, STR("\r\n"));
	}
}
