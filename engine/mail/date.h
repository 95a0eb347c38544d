/* date.h - the Date field's value (RFC 5322 3.3), always in UTC: "Wed, 29 Jul 2026 22:16:32
 * +0000". Pure arithmetic, no time zone of the machine. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/usec.h"

/* Wall time in microseconds since 1970; fractions of a second are cut off. Years 1970 to 9999:
 * what lies outside is written as the nearest second inside. */
void date_put(struct buf *out, usec wall);
