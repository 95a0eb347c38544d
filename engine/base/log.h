/* log.h - one event a line, key=value, for people and machines alike.
 * Only floors 5 and up log; lower floors return. Where a line goes is set once by main; until
 * then, and in tests, lines are dropped. Use "%s" only with text of our own, and
 * log_str() for what comes from outside. */
#pragma once

#include "engine/base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

typedef void log_writer(enum log_level, const char *line, void *context);

void log_set_writer(log_writer *, void *context);
void log_set_level(enum log_level); /* lines above it cost one compare */

/* event is a word ("slice-leased"); format continues the line ("campaign=%s count=%zu"). */
__attribute__((format(printf, 3, 4))) void log_event(enum log_level, const char *event,
                                                     const char *format, ...);

/* A printable copy of s, at most 200 bytes, in one of eight rotating thread-local buffers:
 * for use as a "%s" argument of the same call. */
const char *log_str(str s);
