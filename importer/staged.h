/* staged.h - one row of a list as a line of COPY's text format. Private to importer.
 * Columns: line, address_key, address, domain, name, attributes (JSON). */
#pragma once

#include "engine/base/buf.h"
#include "importer/header.h"

/* NULL when the row was put; else the reason why it cannot be taken, and nothing was put. */
const char *staged_put(struct buf *out, const struct header *, const struct csv_row *,
		       bool literals, bool numbers);
