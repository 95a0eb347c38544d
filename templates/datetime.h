/* datetime.h - private to the room: dates as people write them, and strftime's formats.
 * UTC unless the text names an offset. Pure: no clock, no zone files (see zone.h). */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/usec.h"

struct datetime {
	usec wall;          /* since 1970, UTC */
	int offset_seconds; /* east of UTC, as written */
	/* Nothing is said of where it holds: a clock's time, or a day. */
	enum { DATETIME_MOMENT, DATETIME_CLOCK, DATETIME_DAY } kind;
	int nanoseconds; /* that wall lacks: 0 to 999 */
	str zone;        /* for %Z; data NULL: "UTC" without an offset, else "" */
};

/* "March 14, 2016", "2016-03-14 10:00:00 +0100", "Mon, 14 Mar 2016 10:00 GMT", "10:00" (today).
 * False: no date is in it. */
[[nodiscard]] bool datetime_parse(str text, usec wall_now, struct datetime *ret_datetime);
/* The directives of strftime with the flags - 0 ^ # _ : and a width. False: the format ends
 * within a directive. */
bool datetime_format(struct buf *out, struct datetime, str format);
