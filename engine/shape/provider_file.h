/* provider_file.h - the table of mailbox providers as text: the built-in one and the user's.
 *
 *     file    = *( comment / empty ) [ header *( comment / empty / row ) ]
 *     comment = "#" *text
 *     header  = name *( TAB name )       names of columns, in any order
 *     row     = cell *( TAB cell )       those left out at the end are empty
 *
 * Lines end with LF or CRLF. A row's first duty is its name (column provider): "default", a
 * provider, or a site as routes call it. An empty cell says nothing: the row inherits. A row of
 * the user's file for a built-in provider overrides it cell by cell.
 *
 * A file is taken as a whole or not at all, and read strictly: whoever writes 100/sek wants a
 * limit, and would not want to learn from the provider that there was none. */
#pragma once

#include "engine/shape/rules.h"

#define PROVIDER_FILE_BUILT_IN "engine/shape/providers.tsv"
#define PROVIDER_FILE_WHY_SIZE 700
#define PROVIDER_FILE_SIZE_LIMIT (4u << 20)

#define PROVIDER_FILE_REFUSED (-1)
#define PROVIDER_FILE_NO_MEMORY (-2)

struct provider_file {
	const char *path; /* for people */
	str text;
	enum rule_origin origin; /* RULE_BUILT_IN: every row needs its source and date */
};

/* Adds the rows to rules and looks at all of them together. 0; PROVIDER_FILE_REFUSED with
 * "FILE:LINE:COLUMN: name of the column 'cell': sentence" (columns count bytes, from 1) or
 * PROVIDER_FILE_NO_MEMORY: then rules are only good to be thrown away. The path and the text
 * must live as long as rules; why has PROVIDER_FILE_WHY_SIZE bytes. */
[[nodiscard]] int provider_file_read(struct rules *, const struct provider_file *,
				     char *ret_why, size_t why_size);
