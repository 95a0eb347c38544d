/* sink_log.h - lines of one thread, gathered and written to a file that all threads append to.
 * A line is written whole, and none waits longer than a tenth of a second. */
#pragma once

#include "engine/base/str.h"
#include "engine/base/usec.h"

#define SINK_LOG_SIZE 65536

struct sink_log {
	int fd; /* below 0: nothing is logged */
	char bytes[SINK_LOG_SIZE];
	size_t size;
	usec since; /* when the oldest line was gathered */
};

static inline bool sink_log_wanted(const struct sink_log *log)
{
	return log->fd >= 0;
}

void sink_log_put(struct sink_log *, str line, usec now);
usec sink_log_due(const struct sink_log *); /* USEC_NEVER: nothing waits */
void sink_log_flush(struct sink_log *);
