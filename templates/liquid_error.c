/* liquid_error.c - errors for people: where, the line itself, and a guess at what was meant. */
#include "templates/liquid_tree.h"

#include <stdio.h>

#include "templates/value_text.h"

/* One character for a terminal: controls, and bytes that are no UTF-8, as \xHH. C1 controls are
 * U+0080 to U+009F, which terminals obey too. */
static void put_shown(struct buf *out, str character)
{
	unsigned char lead = (unsigned char)character.data[0];
	bool c1 =
		lead == 0xc2 && character.size == 2 && (unsigned char)character.data[1] < 0xa0;
	if (lead == '\t')
		buf_put_byte(out, ' ');
	else if (character.size > 1 && !c1)
		buf_put(out, character);
	else
		buf_put_printable(out, character, character.size);
}

/* How wide terminals show a character of several bytes: East Asian and pictures two cells,
 * what is put onto the letter before none. */
static size_t cells_of(str character)
{
	static const struct {
		uint32_t first, last, cells;
	} ranges[] = {{0x300, 0x36f, 0},     {0x1100, 0x115f, 2},  {0x200b, 0x200f, 0},
		      {0x2e80, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},  {0xf900, 0xfaff, 2},
		      {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},  {0xff00, 0xff60, 2},
		      {0x1f300, 0x1faff, 2}, {0x20000, 0x3fffd, 2}};
	uint32_t c = (unsigned char)character.data[0] & (0xffu >> (character.size + 1));
	for (size_t i = 1; i < character.size; i++)
		c = c << 6 | ((unsigned char)character.data[i] & 0x3f);
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].cells;
	return 1;
}

/* The part of the line around the column that fits, and where in it the column is. */
static void copy_excerpt(struct liquid_error *error, str line, size_t column)
{
	struct buf excerpt;
	size_t room = sizeof error->excerpt - 16; /* the largest character shown takes 8 */
	size_t start = line.size > room && column > room / 4 ? column - room / 4 : 0;
	buf_init_fixed(&excerpt, error->excerpt, sizeof error->excerpt - 1);
	while (start > 0 && start < line.size &&
	       ((unsigned char)line.data[start] & 0xc0) == 0x80)
		start--; /* to the character's first byte */
	size_t at = start, cells = 0;
	for (size_t size; at < line.size && excerpt.size < room; at += size) {
		if (at <= column)
			error->caret = (uint32_t)cells + 1;
		size = utf8_size(str_from(line, at));
		size_t before = excerpt.size;
		put_shown(&excerpt, str_sub(line, at, size));
		cells += size > 1 && excerpt.size - before == size
				 ? cells_of(str_sub(line, at, size))
				 : excerpt.size - before;
	}
	if (column >= line.size && at == line.size)
		error->caret = (uint32_t)cells + 1; /* behind the end */
	error->excerpt[excerpt.size] = '\0';
}

void liquid_error_locate(struct liquid_error *error, const struct source *source, size_t at)
{
	str text = source->text;
	size_t line_start = 0;
	if (at > text.size)
		at = text.size;
	error->file = source->file;
	error->line = 1;
	for (size_t i = 0; i < at; i++) {
		if (text.data[i] != '\n')
			continue;
		error->line++;
		line_start = i + 1;
	}
	error->column = (uint32_t)(at - line_start + 1);
	str line = str_from(text, line_start);
	str line_text = str_cut(&line, '\n');
	if (str_ends(line_text, STR("\r")))
		line_text.size--;
	copy_excerpt(error, line_text, at - line_start);
}

/* A message quotes the template and the data: nothing in it may steer a terminal. */
void liquid_error_say(struct liquid_error *error, const char *format, va_list arguments)
{
	vsnprintf(error->message, sizeof error->message, format, arguments);
	size_t size = strlen(error->message);
	for (size_t at = 0, taken; at < size; at += taken) {
		str rest = str_make(error->message + at, size - at);
		taken = utf8_size(rest);
		unsigned char lead = (unsigned char)rest.data[0];
		bool c1 = lead == 0xc2 && taken == 2 && (unsigned char)rest.data[1] < 0xa0;
		if (c1 || (taken == 1 && (lead < 0x20 || lead > 0x7e)))
			memset(error->message + at, '?', taken);
	}
}

enum { SUGGESTED_SIZE = 32 };

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;
	return least < c ? least : c;
}

/* Levenshtein's distance, an exchange of neighbours counted as two. */
static size_t distance(str a, str b)
{
	size_t row[SUGGESTED_SIZE + 1];
	for (size_t j = 0; j <= b.size; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.size; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.size; j++) {
			size_t changed = diagonal + (a.data[i - 1] != b.data[j - 1]);
			diagonal = row[j];
			row[j] = smallest(row[j] + 1, row[j - 1] + 1, changed);
		}
	}
	return row[b.size];
}

void suggestion_begin(struct suggestion *s, str given)
{
	*s = (struct suggestion){.given = given, .distance = given.size / 3 + 2};
}

void suggestion_consider(struct suggestion *s, str name)
{
	if (name.size == 0 || name.size > SUGGESTED_SIZE || s->given.size > SUGGESTED_SIZE)
		return;
	size_t d = distance(s->given, name);
	if (d >= s->distance)
		return;
	s->best = name;
	s->distance = d;
}

void suggestion_end(const struct suggestion *s, char *out, size_t out_size)
{
	out[0] = '\0';
	if (s->best.data)
		snprintf(out, out_size, ", did you mean '%.*s'?", STR_FORMAT(s->best));
}

void liquid_suggest(char *out, size_t out_size, str given, const char *const *names)
{
	struct suggestion s;
	suggestion_begin(&s, given);
	for (; *names; names++)
		suggestion_consider(&s, str_of(*names));
	suggestion_end(&s, out, out_size);
}
