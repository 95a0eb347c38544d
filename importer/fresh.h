/* fresh.h - whom the importer has added itself, by the ranges of their ids: onto the list, of
 * which nobody has said anything of them yet. By COPY: the server writes what comes so a page at
 * a time, and what a statement of its own makes row by row. Private to importer. */
#pragma once

#include "importer/session.h"

struct fresh_range {
	int64_t lo, hi; /* both included */
};

/* 0, or -1 after a sentence. */
[[nodiscard]] int fresh_subscribe(struct session *, const struct fresh_range *, size_t count);
