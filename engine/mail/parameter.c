/* parameter.c - parameters, and names of files.
 *
 *   parameter := regular-parameter / extended-parameter                      RFC 2231 7
 *   extended-parameter := (extended-initial-name "=" extended-initial-value) /
 *                         (extended-other-names "=" extended-other-values)
 *   extended-initial-name := attribute [initial-section] "*"       initial-section := "*0"
 *   extended-initial-value := [charset] "'" [language] "'" extended-other-values
 *   extended-other-values := *(ext-octet / attribute-char)
 *   ext-octet := "%" 2(DIGIT / "A" / "B" / "C" / "D" / "E" / "F") */
#include "engine/mail/parameter.h"

#include "engine/base/assert.h"
#include "engine/mail/header.h"
#include "engine/mail/utf8.h"

#define LINE_LIMIT 76
#define NAME_LIMIT 20
#define PLAIN_LIMIT 56 /* of a name that stands in quotes on a line of its own */
#define SUFFIX_LIMIT 10
#define SECTION_ROOM                                                                           \
	(LINE_LIMIT - NAME_LIMIT - 16) /* beside " ", "*12*=", "utf-8''" and ";"               \
					*/

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* Of all that RFC 2045 calls a token, what nobody can misread. */
static bool is_token(str value)
{
	for (size_t i = 0; i < value.size; i++)
		if (!is_alnum(value.data[i]) &&
		    str_find_byte(STR("-._+"), value.data[i]) == STR_NONE)
			return false;
	return value.size > 0;
}

/* Fit for a quoted string: nothing that a reader would take for an encoded word. */
static bool is_plain(str value)
{
	for (size_t i = 0; i < value.size; i++)
		if (!is_printable(value.data[i]))
			return false;
	return str_find(value, STR("=?")) == STR_NONE;
}

static void put_quoted(struct buf *out, str value)
{
	buf_put_byte(out, '"');
	for (size_t i = 0; i < value.size; i++) {
		if (value.data[i] == '"' || value.data[i] == '\\')
			buf_put_byte(out, '\\');
		buf_put_byte(out, value.data[i]);
	}
	buf_put_byte(out, '"');
}

static bool is_attribute_char(char c)
{
	return is_alnum(c) || str_find_byte(STR("!#$&+-.^_`|~"), c) != STR_NONE;
}

static void put_percent(struct buf *out, str text)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < text.size; i++) {
		unsigned char byte = (unsigned char)text.data[i];
		char unit[] = {'%', digits[byte >> 4], digits[byte & 15]};
		if (is_attribute_char(text.data[i]))
			buf_put_byte(out, text.data[i]);
		else
			buf_put(out, str_make(unit, sizeof(unit)));
	}
}

/* As many whole characters as take at most room columns. */
static size_t fitting(str text, size_t room)
{
	size_t taken = 0, columns = 0;
	while (taken < text.size) {
		size_t size = utf8_char_size(str_from(text, taken));
		ASSERT(size > 0); /* values are cleaned */
		for (size_t i = taken; i < taken + size; i++)
			columns += is_attribute_char(text.data[i]) ? 1 : 3;
		if (columns > room)
			break;
		taken += size;
	}
	return taken;
}

/* The next parameter: on this line where it fits, else on the next. */
static void put_parameter(struct buf *out, size_t *line_start, str parameter)
{
	buf_put_byte(out, ';');
	if (out->size - *line_start + 1 + parameter.size + 1 > LINE_LIMIT) {
		buf_put(out, STR("\r\n"));
		*line_start = out->size;
	}
	buf_put_byte(out, ' ');
	buf_put(out, parameter);
}

static void put_extended(struct buf *out, size_t *line_start, str name, str value)
{
	bool sections = fitting(value, SECTION_ROOM) < value.size;
	for (unsigned i = 0; i == 0 || value.size > 0; i++) {
		char memory[LINE_LIMIT + 16];
		struct buf section;
		buf_init_fixed(&section, memory, sizeof(memory));
		buf_put(&section, name);
		if (sections)
			buf_printf(&section, "*%u", i);
		buf_put_cstr(&section, i == 0 ? "*=utf-8''" : "*=");
		size_t size = fitting(value, SECTION_ROOM);
		put_percent(&section, str_sub(value, 0, size));
		ASSERT(buf_ok(&section));
		put_parameter(out, line_start, buf_str(&section));
		value = str_from(value, size);
	}
}

static void put_value(struct buf *out, size_t *line_start, const struct parameter *p)
{
	char memory[2 * LINE_LIMIT + NAME_LIMIT];
	char clean_memory[4 * FILE_NAME_LIMIT];
	struct buf plain, clean;
	buf_init_fixed(&plain, memory, sizeof(memory));
	buf_init_fixed(&clean, clean_memory, sizeof(clean_memory));
	header_clean(&clean, p->value);
	ASSERT(buf_ok(&clean)); /* callers give words of theirs, or names they have cleaned */
	str value = buf_str(&clean);
	buf_put(&plain, p->name);
	buf_put_byte(&plain, '=');
	if (is_token(value))
		buf_put(&plain, value);
	else
		put_quoted(&plain, value);
	if (is_plain(value) && buf_ok(&plain) && plain.size + 2 <= LINE_LIMIT)
		put_parameter(out, line_start, buf_str(&plain));
	else
		put_extended(out, line_start, p->name, value);
}

void parameter_put_field(struct buf *out, str name, str value,
			 const struct parameter *parameters, size_t count)
{
	size_t line_start = out->size;
	buf_put(out, name);
	buf_put(out, STR(": "));
	buf_put(out, value);
	for (size_t i = 0; i < count; i++) {
		ASSERT(parameters[i].name.size <= NAME_LIMIT);
		put_value(out, &line_start, &parameters[i]);
	}
	buf_put(out, STR("\r\n"));
}

/* At most FILE_NAME_LIMIT of them, from the start of a character on. */
static str last_bytes(str text)
{
	if (text.size <= FILE_NAME_LIMIT)
		return text;
	size_t at = text.size - FILE_NAME_LIMIT;
	while (at < text.size && ((unsigned char)text.data[at] & 0xC0) == 0x80)
		at++;
	return str_from(text, at);
}

void file_name_clean(struct buf *out, str name)
{
	char memory[4 * FILE_NAME_LIMIT];
	struct buf clean;
	size_t at = name.size;
	while (at > 0 && name.data[at - 1] != '/' && name.data[at - 1] != '\\')
		at--;
	buf_init_fixed(&clean, memory, sizeof(memory));
	header_clean(&clean, last_bytes(str_from(name, at)));
	str text = str_trim(last_bytes(buf_str(&clean))); /* U+FFFD is longer than its byte */
	bool nothing = text.size == 0 || str_eq(text, STR(".")) || str_eq(text, STR(".."));
	buf_put(out, nothing ? STR("attachment") : text);
}

void file_name_put_plain(struct buf *out, str clean)
{
	size_t dot = str_rfind_byte(clean, '.');
	str suffix = dot == STR_NONE ? STR("") : str_from(clean, dot);
	size_t start = out->size;
	if (suffix.size > SUFFIX_LIMIT)
		suffix = STR("");
	str stem = str_sub(clean, 0, clean.size - suffix.size);
	for (; clean.size > 0; clean = str_from(clean, utf8_char_size(clean))) {
		char c = clean.data[0];
		bool plain = is_printable(c) && c != '"' && c != '=' && c != '?' && c != '\\';
		bool in_stem = clean.data < stem.data + stem.size;
		ASSERT(utf8_char_size(clean) > 0); /* as clean names are */
		if (!in_stem || out->size - start + suffix.size < PLAIN_LIMIT)
			buf_put_byte(out, plain ? c : '_');
	}
}
