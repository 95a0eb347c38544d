/* usec.h - time as the engine passes it around: microseconds in an int64_t.
 * Durations and points in time share the type; a point is always an argument named now or
 * *_at, monotonic unless the name says wall. Only engine/io reads a clock. */
#pragma once

#include <stdint.h>

typedef int64_t usec;

#define USEC_MS ((usec)1000)
#define USEC_SECOND ((usec)1000000)
#define USEC_MINUTE (60 * USEC_SECOND)
#define USEC_HOUR (60 * USEC_MINUTE)
#define USEC_DAY (24 * USEC_HOUR)
#define USEC_NEVER INT64_MAX

static inline usec usec_min(usec a, usec b)
{
	return a < b ? a : b;
}

static inline usec usec_max(usec a, usec b)
{
	return a > b ? a : b;
}
