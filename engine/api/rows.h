/* rows.h - rows on standard output: for people, as JSON or as CSV, from one description.
 * Rows are written as they come, so a million of them cost no memory. Text for people is made
 * printable: what a mail server wrote never reaches the terminal as it is. */
#pragma once

#include "engine/api/cli.h"

struct column {
	const char *name; /* of the JSON member and the CSV header */
	unsigned width;   /* for people; 0: the last column, as wide as it likes */
	bool number;      /* JSON without quotes, aligned to the right for people */
};

struct rows {
	enum output_format format;
	const struct column *columns;
	size_t column_count, row_count;
};

void rows_begin(struct rows *, enum output_format, const struct column *, size_t column_count);
/* One cell a column; data NULL: none (JSON null). */
void rows_put(struct rows *, const str *cells);
void rows_end(struct rows *);

/* "text" with its quotes; bytes that are no UTF-8 become U+FFFD. */
void json_put_string(struct buf *out, str text);
/* RFC 4180: quoted when needed; control bytes other than line ends become spaces, and a cell
 * that a spreadsheet would take for a formula gets an apostrophe in front. */
void csv_put_cell(struct buf *out, str text);
/* As a terminal may have it: UTF-8 stays, controls and what turns the direction of writing
 * become \xHH, a line end a space. */
void text_put_printable(struct buf *out, str text, size_t limit_size);
/* The same for a text of many lines: line ends (CRLF too) and tabs stay. */
void text_put_printable_lines(struct buf *out, str text);
/* As one word of a shell, quoted where needed. */
void text_put_shell_word(struct buf *out, str word);
/* The beginning that takes at most so many columns, a letter being one. */
str text_fit(str text, size_t columns);
