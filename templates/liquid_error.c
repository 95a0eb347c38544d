/* liquid_error.c - errors for people: where, the line itself, and a guess at what was meant. */
#include "templates/liquid_tree.h"

#include <stdio.h>

/* The part of the line around the column that fits. */
static void copy_excerpt(struct liquid_error *error, str line, size_t column)
{
	struct buf excerpt;
	size_t room = sizeof error->excerpt - 4;
	size_t start = column > room / 2 && line.size > room / 2 ? column - room / 4 : 0;
	buf_init_fixed(&excerpt, error->excerpt, sizeof error->excerpt - 1);
	for (size_t size = room / 4; size <= room; size += room / 4) {
		/* Bytes that are not printable take four: take less until it fits. */
		buf_reset(&excerpt);
		buf_put_printable(&excerpt, str_sub(line, start, room + room / 4 - size), room);
		if (buf_ok(&excerpt))
			break;
	}
	error->excerpt[excerpt.failed ? 0 : excerpt.size] = '\0';
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
	copy_excerpt(error, str_cut(&line, '\n'), at - line_start);
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

void liquid_suggest(char *out, size_t out_size, str given, const char *const *names)
{
	const char *best = NULL;
	size_t best_distance = given.size / 3 + 2;
	out[0] = '\0';
	if (given.size > SUGGESTED_SIZE)
		return;
	for (; *names; names++) {
		str name = str_of(*names);
		if (name.size > SUGGESTED_SIZE)
			continue;
		size_t d = distance(given, name);
		if (d >= best_distance)
			continue;
		best = *names;
		best_distance = d;
	}
	if (best)
		snprintf(out, out_size, ", did you mean '%s'?", best);
}
