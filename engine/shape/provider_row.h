/* provider_row.h - the inside of provider_file.h: provider_file.c cuts lines into cells,
 * provider_cell.c knows what each column's cell may be, provider_lint.c looks at all rows
 * together. Not for anybody else. */
#pragma once

#include "engine/base/map.h"
#include "engine/shape/provider_file.h"
#include "engine/shape/rules_rows.h"

enum provider_column {
	PROVIDER_NAME,
	PROVIDER_SUFFIXES,
	PROVIDER_CONNECTIONS,
	PROVIDER_MESSAGES_PER_CONNECTION,
	PROVIDER_MESSAGE_RATE,
	PROVIDER_CONNECTION_RATE,
	PROVIDER_BYTE_RATE,
	PROVIDER_IDLE_SECONDS,
	PROVIDER_FLIGHT,
	PROVIDER_FLIGHT_LIMIT,
	PROVIDER_WINDOW,
	PROVIDER_SCOPE,
	PROVIDER_TLS,
	PROVIDER_SOURCE,
	PROVIDER_DATE,
	PROVIDER_COLUMN_COUNT,
};
extern const char *const provider_column_names[PROVIDER_COLUMN_COUNT];

struct provider_reading {
	struct rules *rules;
	const struct provider_file *file;
	struct rule *before; /* the last rule that was there before this file; NULL: none */
	uint8_t columns[PROVIDER_COLUMN_COUNT]; /* as the header orders them */
	size_t column_count;
	struct map names; /* of this file's rows: to struct rule */
	/* Where it is: for sentences. */
	uint32_t line, column;
	const char *column_name; /* NULL: the whole line */
	str cell;
	/* The row being put together. */
	struct rule row;
	char *why;
	size_t why_size;
};

/* PROVIDER_FILE_REFUSED, after the sentence about where it is. */
__attribute__((format(printf, 2, 3))) int provider_refuse(struct provider_reading *,
							  const char *format, ...);
/* One cell that is not empty into the row. 0 or a negative result. */
[[nodiscard]] int provider_take_cell(struct provider_reading *, enum provider_column);
/* All rows are there: names that lead nowhere, endings that belong to two. */
[[nodiscard]] int provider_lint(struct provider_reading *);
