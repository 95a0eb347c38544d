/* rows.c - see rows.h. */
#include "engine/api/rows.h"

#include <stdio.h>

#include "engine/mail/utf8.h"

#define CELL_SIZE_LIMIT 8192 /* of one cell as shown; longer ones end in "..." */

static const char hex_digits[] = "0123456789abcdef";

static void json_put_ascii(struct buf *out, char c)
{
	static const char *const short_forms[] = {
		['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t"};
	if (c == '"' || c == '\\') {
		buf_put_byte(out, '\\');
		buf_put_byte(out, c);
	} else if (c == '\n' || c == '\r' || c == '\t') {
		buf_put_cstr(out, short_forms[(unsigned char)c]);
	} else if ((unsigned char)c < 0x20 || c == 0x7F) {
		buf_put_cstr(out, "\\u00");
		buf_put_byte(out, hex_digits[c >> 4]);
		buf_put_byte(out, hex_digits[c & 15]);
	} else {
		buf_put_byte(out, c);
	}
}

void json_put_string(struct buf *out, str text)
{
	buf_put_byte(out, '"');
	while (text.size > 0) {
		size_t n = utf8_char_size(text);
		if (n == 1)
			json_put_ascii(out, text.data[0]);
		else
			buf_put(out, n ? str_sub(text, 0, n) : STR("\\ufffd"));
		text = str_from(text, n ? n : 1);
	}
	buf_put_byte(out, '"');
}

void csv_put_cell(struct buf *out, str text)
{
	bool quoted = false;
	for (size_t i = 0; i < text.size && !quoted; i++)
		quoted = strchr(",\"\r\n", text.data[i]) != NULL;
	if (quoted)
		buf_put_byte(out, '"');
	if (text.size > 0 && strchr("=+-@", text.data[0]) && text.data[0])
		buf_put_byte(out, '\'');
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if (c == '"')
			buf_put_byte(out, '"');
		buf_put_byte(out, (unsigned char)c < 0x20 && c != '\r' && c != '\n' ? ' ' : c);
	}
	if (quoted)
		buf_put_byte(out, '"');
}

/* What a terminal obeys rather than shows: C0, DEL, C1 (U+0080 to U+009F, which some obey),
 * line separators and what turns the direction of writing (U+2028 to U+202E, U+2066 to U+2069).
 */
static bool is_control(str text, size_t char_size)
{
	const unsigned char *c = (const unsigned char *)text.data;
	if (char_size == 2)
		return c[0] == 0xC2 && c[1] < 0xA0;
	if (char_size == 3 && c[0] == 0xE2)
		return (c[1] == 0x80 && c[2] >= 0xA8 && c[2] <= 0xAE) ||
		       (c[1] == 0x81 && c[2] >= 0xA6 && c[2] <= 0xA9);
	return char_size == 0 || c[0] < 0x20 || c[0] == 0x7F;
}

void text_put_printable(struct buf *out, str text, size_t limit_size)
{
	size_t start = out->size;
	while (text.size > 0) {
		size_t n = utf8_char_size(text);
		unsigned char c = (unsigned char)text.data[0];
		bool control = is_control(text, n);
		if (out->size - start + (control ? 4 : n) > limit_size) {
			buf_put_cstr(out, "...");
			return;
		}
		if (c == '\n')
			buf_put_byte(out, ' ');
		else if (control)
			buf_printf(out, "\\x%02x", c);
		else
			buf_put(out, str_sub(text, 0, n));
		text = str_from(text, control ? 1 : n);
	}
}

void text_put_printable_lines(struct buf *out, str text)
{
	while (text.data) {
		bool ended = str_find_byte(text, '\n') != STR_NONE;
		str line = str_cut(&text, '\n');
		if (str_ends(line, STR("\r")))
			line.size--;
		while (line.data) {
			bool tab = str_find_byte(line, '\t') != STR_NONE;
			text_put_printable(out, str_cut(&line, '\t'), SIZE_MAX / 2);
			if (tab)
				buf_put_byte(out, '\t');
		}
		if (ended)
			buf_put_byte(out, '\n');
	}
}

void text_put_shell_word(struct buf *out, str word)
{
	bool plain = word.size > 0 && word.data[0] != '-';
	for (size_t i = 0; i < word.size && plain; i++) {
		char c = word.data[i];
		plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z') || (c != '\0' && strchr("-_.@", c));
	}
	if (plain) {
		buf_put(out, word);
		return;
	}
	buf_put_byte(out, '\'');
	while (word.data) {
		bool quote = str_find_byte(word, '\'') != STR_NONE;
		text_put_printable(out, str_cut(&word, '\''), SIZE_MAX / 2);
		if (quote)
			buf_put_cstr(out, "'\\''");
	}
	buf_put_byte(out, '\'');
}

str text_fit(str text, size_t columns)
{
	size_t at = 0;
	while (at < text.size) {
		bool starts = ((unsigned char)text.data[at] & 0xC0) != 0x80;
		if (starts && columns-- == 0)
			break;
		at++;
	}
	return str_sub(text, 0, at);
}

/* Columns that people see: letters, not bytes. */
static size_t shown_width(str text)
{
	size_t width = 0;
	for (size_t i = 0; i < text.size; i++)
		width += ((unsigned char)text.data[i] & 0xC0) != 0x80;
	return width;
}

static void put_padding(struct buf *out, size_t count)
{
	while (count-- > 0)
		buf_put_byte(out, ' ');
}

static void put_text_cell(struct buf *out, const struct column *column, str cell)
{
	char memory[CELL_SIZE_LIMIT + 8];
	struct buf shown;
	buf_init_fixed(&shown, memory, sizeof(memory));
	text_put_printable(&shown, cell, CELL_SIZE_LIMIT);
	size_t width = shown_width(buf_str(&shown));
	size_t padding = width < column->width ? column->width - width : 0;
	if (column->number)
		put_padding(out, padding);
	buf_put(out, buf_str(&shown));
	if (!column->number)
		put_padding(out, padding);
}

static void put_text_row(const struct rows *rows, const str *cells, struct buf *out)
{
	for (size_t i = 0; i < rows->column_count; i++) {
		if (i > 0)
			buf_put_cstr(out, "  ");
		put_text_cell(out, &rows->columns[i], cells[i]);
	}
	while (out->size > 0 && out->data[out->size - 1] == ' ')
		out->size--;
}

static void put_json_row(const struct rows *rows, const str *cells, struct buf *out)
{
	buf_put_cstr(out, rows->row_count ? ",\n{" : "\n{");
	for (size_t i = 0; i < rows->column_count; i++) {
		buf_printf(out, "%s\"%s\":", i ? "," : "", rows->columns[i].name);
		if (!cells[i].data || (rows->columns[i].number && cells[i].size == 0))
			buf_put_cstr(out, "null");
		else if (rows->columns[i].number)
			buf_put(out, cells[i]);
		else
			json_put_string(out, cells[i]);
	}
	buf_put_byte(out, '}');
}

static void put_csv_row(const struct rows *rows, const str *cells, struct buf *out)
{
	for (size_t i = 0; i < rows->column_count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		if (rows->columns[i].number)
			buf_put(out, cells[i]);
		else
			csv_put_cell(out, cells[i]);
	}
	buf_put_cstr(out, "\r\n");
}

/* A row may hold several long texts; what does not fit in the memory here is told as such
 * rather than cut in the middle of its syntax. */
static void write_row(struct rows *rows, const str *cells)
{
	static char memory[256 << 10];
	struct buf out;
	buf_init_fixed(&out, memory, sizeof(memory));
	if (rows->format == OUTPUT_JSON)
		put_json_row(rows, cells, &out);
	else if (rows->format == OUTPUT_CSV)
		put_csv_row(rows, cells, &out);
	else
		put_text_row(rows, cells, &out);
	if (rows->format == OUTPUT_TEXT)
		buf_put_byte(&out, '\n');
	if (buf_ok(&out))
		cli_write(buf_str(&out));
	else
		fprintf(stderr, "rundbrief: a row of more than 256 KiB was left out\n");
}

void rows_begin(struct rows *rows, enum output_format format, const struct column *columns,
		size_t column_count)
{
	*rows = (struct rows){format, columns, column_count, 0};
	str names[32];
	for (size_t i = 0; i < column_count && i < 32; i++)
		names[i] = str_of(columns[i].name);
	if (format == OUTPUT_JSON)
		cli_write(STR("["));
	else
		write_row(rows, names);
}

void rows_put(struct rows *rows, const str *cells)
{
	write_row(rows, cells);
	rows->row_count++;
}

void rows_end(struct rows *rows)
{
	if (rows->format == OUTPUT_JSON)
		cli_write(STR("\n]\n"));
}
