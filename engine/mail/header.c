/* header.c - the writer of header fields. A field is one of three things: words of plain ASCII,
 * folded between them; one quoted string; or encoded words.
 *
 *   encoded-word = "=?" charset "?" encoding "?" encoded-text "?="        RFC 2047 2
 *       an encoded-word may not be more than 75 characters long, a line that contains one not
 *       more than 76, and each must hold whole characters (5, rule on multi-octet characters)
 *   quoted-string = [CFWS] DQUOTE *([FWS] qcontent) [FWS] DQUOTE [CFWS]   RFC 5322 3.2.4
 *   phrase = 1*word, atext as in 3.2.3
 *
 * A value that needs encoding is encoded from end to end: the spaces between its words then
 * stand inside encoded words, where no reader may drop them (RFC 2047 6.2). */
#include "engine/mail/header.h"

#include "engine/base/assert.h"
#include "engine/mail/encode.h"
#include "engine/mail/utf8.h"

#define ENCODED_LINE_LIMIT 76
#define ENCODED_FRAME 12      /* "=?utf-8?q?" and "?=" */
#define ENCODED_WORD_LIMIT 75 /* with its frame */
#define QUOTED_LIMIT 60       /* longer display names are encoded, which folds */
#define ADDRESS_LIMIT 320

struct field {
	struct buf *out;
	size_t column;
};

static struct field field_begin(struct buf *out, str name)
{
	ASSERT(header_name_ok(name));
	buf_put(out, name);
	buf_put_byte(out, ':');
	return (struct field){out, name.size + 1};
}

static void field_put(struct field *f, str text)
{
	buf_put(f->out, text);
	f->column += text.size;
}

/* The space in front of the next word, on this line or as the start of the next. */
static void field_space(struct field *f, size_t word_size, size_t line_limit)
{
	if (f->column + 1 + word_size > line_limit) {
		buf_put(f->out, STR("\r\n"));
		f->column = 0;
	}
	field_put(f, STR(" "));
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7F;
}

/* The bytes of printable ASCII that text begins with. */
static size_t printable_run(str text)
{
	size_t size = 0;
	while (size < text.size && text.data[size] >= ' ' && text.data[size] <= '~')
		size++;
	return size;
}

/* Stops in front of the first character that would pass limit_size bytes in all. */
static void clean(struct buf *out, str value, size_t limit_size)
{
	value = str_trim(value);
	while (value.size > 0) {
		size_t plain = printable_run(value);
		if (plain > 0) {
			size_t room = limit_size - out->size;
			buf_put(out, str_sub(value, 0, plain < room ? plain : room));
			if (plain > room)
				return;
			value = str_from(value, plain);
			continue;
		}
		size_t size = utf8_char_size(value);
		str piece = size == 0 ? STR(UTF8_REPLACEMENT) : str_make(value.data, size);
		if (size == 1 && is_control(value.data[0]))
			piece = STR(" ");
		if (out->size + piece.size > limit_size)
			return;
		buf_put(out, piece);
		value = str_from(value, size ? size : 1);
	}
}

void header_clean(struct buf *out, str value)
{
	clean(out, value, SIZE_MAX);
}

bool header_name_ok(str name)
{
	if (name.size == 0 || name.size > HEADER_NAME_LIMIT)
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == ':')
			return false;
	return true;
}

/* Printable ASCII, words of at most word_limit columns with one space between them. */
static bool folds(str value, size_t word_limit)
{
	size_t word = 0;
	for (size_t i = 0; i < value.size; i++) {
		char c = value.data[i];
		if (c < ' ' || c > '~')
			return false;
		if (c == ' ' && word == 0)
			return false;
		if (c == '?' && word > 0 && value.data[i - 1] == '=')
			return false; /* would be read as an encoded word */
		word = c == ' ' ? 0 : word + 1;
		if (word > word_limit)
			return false;
	}
	return value.size == 0 || word > 0;
}

bool header_tokens_ok(str value)
{
	return folds(value, HEADER_WORD_LIMIT);
}

/* The first word stays beside the name however long it is: readers differ on what a fold right
 * behind the colon means for the value. */
static void put_words(struct field *f, str value)
{
	for (bool first = true; value.size > 0; first = false) {
		str word = str_cut(&value, ' ');
		field_space(f, word.size, first ? SIZE_MAX : HEADER_LINE_LIMIT);
		field_put(f, word);
	}
}

/* The columns of a byte in the Q encoding: 1 for a space ("_") and for what may stand unencoded
 * in every place where an encoded word may (RFC 2047 5, rule 3). */
static size_t q_columns(char c)
{
	static const bool plain[256] = {
		[' '] = true,         ['!'] = true,         ['*'] = true,
		['+'] = true,         ['-'] = true,         ['/'] = true,
		['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
	};
	return plain[(unsigned char)c] ? 1 : 3;
}

static size_t q_size(str text)
{
	size_t size = 0;
	for (size_t i = 0; i < text.size; i++)
		size += q_columns(text.data[i]);
	return size;
}

static size_t b_size(str text)
{
	return (text.size + 2) / 3 * 4;
}

static void q_put(struct buf *out, str text)
{
	static const char hex_digits[] = "0123456789ABCDEF";
	char *start = buf_reserve(out, 3 * text.size), *at = start;
	if (!start)
		return;
	for (size_t i = 0; i < text.size; i++) {
		unsigned char byte = (unsigned char)text.data[i];
		if (q_columns(text.data[i]) == 1) {
			*at++ = byte == ' ' ? '_' : text.data[i];
			continue;
		}
		*at++ = '=';
		*at++ = hex_digits[byte >> 4];
		*at++ = hex_digits[byte & 15];
	}
	buf_advance(out, (size_t)(at - start));
}

enum word_coding { CODING_Q, CODING_B };

/* As many whole characters of text as fit in size_limit encoded columns; at least one. */
static size_t fitting(str text, enum word_coding coding, size_t size_limit)
{
	size_t taken = 0, columns = 0;
	while (taken < text.size) {
		bool ascii = (unsigned char)text.data[taken] < 0x80;
		size_t size = ascii ? 1 : utf8_char_size(str_from(text, taken));
		ASSERT(size > 0); /* text was cleaned */
		columns = coding == CODING_Q ? columns + q_size(str_sub(text, taken, size))
					     : b_size(str_sub(text, 0, taken + size));
		if (taken > 0 && columns > size_limit)
			break;
		taken += size;
	}
	return taken;
}

static void put_encoded_word(struct field *f, enum word_coding coding, str text)
{
	size_t before = f->out->size;
	buf_put(f->out, coding == CODING_Q ? STR("=?utf-8?q?") : STR("=?utf-8?b?"));
	if (coding == CODING_Q)
		q_put(f->out, text);
	else
		base64_put(f->out, text);
	buf_put(f->out, STR("?="));
	f->column += f->out->size - before;
}

static void put_encoded(struct field *f, str text)
{
	enum word_coding coding = q_size(text) <= b_size(text) ? CODING_Q : CODING_B;
	while (text.size > 0) {
		/* A stub of a word on this line is worse than a line of its own. */
		field_space(f, ENCODED_FRAME + 12, ENCODED_LINE_LIMIT);
		size_t room = ENCODED_LINE_LIMIT - f->column;
		if (room > ENCODED_WORD_LIMIT)
			room = ENCODED_WORD_LIMIT;
		size_t size = fitting(text, coding, room - ENCODED_FRAME);
		put_encoded_word(f, coding, str_sub(text, 0, size));
		text = str_from(text, size);
	}
}

/* memory and what is returned live together. A control at either end became a space: trimmed.
 */
static str clean_copy(char memory[HEADER_VALUE_LIMIT], str value)
{
	struct buf cleaned;
	buf_init_fixed(&cleaned, memory, HEADER_VALUE_LIMIT);
	clean(&cleaned, value, HEADER_VALUE_LIMIT);
	return str_trim(buf_str(&cleaned));
}

void header_put_text(struct buf *out, str name, str value)
{
	char memory[HEADER_VALUE_LIMIT];
	value = clean_copy(memory, value);
	struct field f = field_begin(out, name);
	/* Each word must fit beside the name, so that no fold stands right behind the colon. */
	if (value.size == 0)
		field_put(&f, STR(" "));
	else if (folds(value, HEADER_LINE_LIMIT - 1 - f.column))
		put_words(&f, value);
	else
		put_encoded(&f, value);
	buf_put(out, STR("\r\n"));
}

void header_put_tokens(struct buf *out, str name, str value)
{
	value = str_trim(value);
	if (value.size == 0 || !header_tokens_ok(value)) {
		header_put_text(out, name, value);
		return;
	}
	struct field f = field_begin(out, name);
	put_words(&f, value);
	buf_put(out, STR("\r\n"));
}

static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

bool header_address_ok(str address)
{
	static const bool special[256] = {
		[' '] = true, ['<'] = true, ['>'] = true, ['('] = true,  [')'] = true,
		[','] = true, [';'] = true, [':'] = true, ['\\'] = true,
	};
	size_t at = str_rfind_byte(address, '@');
	if (address.size > ADDRESS_LIMIT || at == STR_NONE || at == 0 || at + 1 == address.size)
		return false;
	bool quoted = false;
	for (size_t i = 0; i < address.size; i++) {
		char c = address.data[i];
		if (!is_printable(c))
			return false;
		if (quoted && c == '\\') {
			i++; /* quoted-pair; the last "@" keeps it from being the last byte */
			if (i >= at || !is_printable(address.data[i]))
				return false;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted && special[(unsigned char)c]) {
			if (i < at || c != ':') /* an IPv6 literal has colons */
				return false;
		}
	}
	return !quoted && str_find(address, STR("=?")) == STR_NONE;
}

/* atext, and the space between two atoms. */
static bool is_phrase(str text)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			      (c >= '0' && c <= '9');
		if (!letter && str_find_byte(STR(" !#$%&'*+-/=?^_`{|}~"), c) == STR_NONE)
			return false;
	}
	return true;
}

static size_t quoted_size(str text)
{
	size_t size = text.size + 2;
	for (size_t i = 0; i < text.size; i++)
		size += text.data[i] == '"' || text.data[i] == '\\';
	return size;
}

static void put_quoted(struct field *f, str text)
{
	field_space(f, quoted_size(text), HEADER_LINE_LIMIT);
	field_put(f, STR("\""));
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			field_put(f, STR("\\"));
		field_put(f, str_sub(text, i, 1));
	}
	field_put(f, STR("\""));
}

static void put_display(struct field *f, str display)
{
	bool ascii = folds(display, QUOTED_LIMIT);
	if (ascii && is_phrase(display))
		put_words(f, display);
	else if (ascii && quoted_size(display) <= QUOTED_LIMIT)
		put_quoted(f, display);
	else
		put_encoded(f, display);
}

/* A name is words with one space between them: readers drop further ones even inside of encoded
 * words. */
static str display_copy(char memory[HEADER_VALUE_LIMIT], str value)
{
	value = clean_copy(memory, value);
	size_t size = 0;
	for (size_t i = 0; i < value.size; i++)
		if (value.data[i] != ' ' || memory[size - 1] != ' ')
			memory[size++] = value.data[i];
	return str_make(memory, size);
}

void header_put_angled(struct buf *out, str name, str display, str inside)
{
	char memory[HEADER_VALUE_LIMIT];
	display = display_copy(memory, display);
	struct field f = field_begin(out, name);
	put_display(&f, display);
	field_space(&f, inside.size + 2, ENCODED_LINE_LIMIT);
	field_put(&f, STR("<"));
	field_put(&f, inside);
	field_put(&f, STR(">"));
	buf_put(out, STR("\r\n"));
}

void header_put_mailbox(struct buf *out, str name, str display, str address)
{
	ASSERT(header_address_ok(address));
	if (str_trim(display).size > 0) {
		header_put_angled(out, name, display, address);
		return;
	}
	struct field f = field_begin(out, name);
	field_space(&f, address.size, HEADER_LINE_LIMIT);
	field_put(&f, address);
	buf_put(out, STR("\r\n"));
}
