/* moment.h - a point in time as a campaign names it, on the clock of a time zone. Asks the
 * system's table of zones through the C library, whose zone is the whole process's: only for
 * commands, before they start threads. */
#pragma once

#include <stdbool.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/usec.h"

/* "Europe/Berlin", "UTC": a name, never an offset, whose sign means the opposite to databases.
 */
bool zone_is_known(str name);

struct moment {
	usec wall;
	int offset_minutes; /* of its clock, east of UTC */
};

/* "2026-12-01 08:00" (or with seconds, or T between) on the clock of the zone, which is known;
 * or with an offset of its own (RFC 3339 5.6: Z, +01:00). 0, or -1 with a sentence. */
[[nodiscard]] int moment_parse(str text, str zone, struct arena *, struct moment *ret_moment,
			       char *ret_why, size_t why_size);
/* RFC 3339: "2026-12-01T08:00:00+01:00". */
void moment_put(struct buf *out, const struct moment *);

/* "08:00" of a day, up to 24:00, in minutes. */
[[nodiscard]] bool hour_parse(str text, uint32_t *ret_minutes);
