/* staged.h - one row of a list as the end of a row of COPY's binary format. Private to importer.
 * Columns: address_key, address, domain, name (when the file has one), attributes (JSON). What
 * stands before them is the caller's: it depends on the table they go to. */
#pragma once

#include "engine/base/buf.h"
#include "importer/header.h"

/* NULL when the row was put; else the reason why it cannot be taken, and nothing was put. */
const char *staged_put(struct buf *out, const struct header *, const struct csv_row *,
		       bool literals, bool numbers);
unsigned staged_columns(const struct header *); /* how many a row has */
