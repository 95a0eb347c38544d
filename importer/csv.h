/* csv.h - rows of a CSV file (RFC 4180), with libcsv under it and distrust around it.
 * A row that cannot be taken is given back as a reject, with its line and the reason, and
 * reading goes on with the next physical line: one broken quote costs one line, not the rest of
 * the file. Bytes come from a function, so that a file, a pipe and a test look alike. */
#pragma once

#include "engine/base/str.h"
#include <sys/types.h>

#define CSV_RECORD_LIMIT                                                                       \
	((size_t)1 << 20)    /* bytes of a row, line ends inside quotes included */
#define CSV_RECORD_LINES 200 /* lines a quoted field may run over */
#define CSV_COLUMN_LIMIT 1000

struct csv_options {
	char delimiter; /* 0: comma */
	bool latin1;    /* the bytes are ISO-8859-1; else what is not UTF-8 is rejected */
};

struct csv_row {
	uint64_t line; /* where it begins, from 1 */
	const str *fields;
	size_t field_count;
	const char *reason; /* of a reject */
	str text;           /* of a reject: its line, raw */
};

enum csv_step {
	CSV_ROW,
	CSV_REJECT,
	CSV_END,
	CSV_UNREADABLE, /* reading failed (errno), or memory ran out */
	CSV_UTF16,      /* the file begins with the mark of UTF-16: nothing of it is read */
};

struct csv_reader;
/* read as read(2): bytes, 0 at the end, -1. NULL when there is no memory. */
[[nodiscard]] struct csv_reader *csv_reader_create(ssize_t (*read)(void *context, char *to,
								   size_t size),
						   void *context, const struct csv_options *);
void csv_reader_destroy(struct csv_reader *);
/* The next row or reject; its views live until the next call. */
[[nodiscard]] enum csv_step csv_reader_next(struct csv_reader *, struct csv_row *ret);
uint64_t csv_reader_bytes(const struct csv_reader *); /* taken so far, for a progress display */
