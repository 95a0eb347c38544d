/* sink_log.c - see sink_log.h. */
#include "bench/sink/sink_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DELAY (100 * USEC_MS)

void sink_log_put(struct sink_log *log, str line, usec now)
{
	if (log->size + line.size > sizeof log->bytes)
		sink_log_flush(log);
	if (log->size == 0)
		log->since = now;
	memcpy(log->bytes + log->size, line.data, line.size);
	log->size += line.size;
}

usec sink_log_due(const struct sink_log *log)
{
	return log->size > 0 ? log->since + DELAY : USEC_NEVER;
}

void sink_log_flush(struct sink_log *log)
{
	str rest = {log->bytes, log->size};
	while (rest.size > 0) {
		ssize_t size = write(log->fd, rest.data, rest.size);
		if (size < 0 && errno != EINTR) {
			fprintf(stderr, "sink: a log cannot be written: %s\n", strerror(errno));
			break;
		}
		rest = str_from(rest, size > 0 ? (size_t)size : 0);
	}
	log->size = 0;
}
