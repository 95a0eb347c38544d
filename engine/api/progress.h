/* progress.h - a sending engine as one line that renews itself, or as lines in a log when
 * standard error is no terminal. */
#pragma once

#include <stdbool.h>

#include "engine/base/str.h"
#include "engine/send/engine.h"

struct progress {
	str name;
	bool silent, is_terminal;
	usec began_at, shown_at, rate_at;
	uint64_t rate_count;
	double rate; /* recipients ended a second, smoothed */
	char trouble[256];
	int stops;
	struct engine_progress last;
};

void progress_begin(struct progress *, bool silent, str name, usec now);
void progress_show(struct progress *, const struct engine_progress *, int stops, usec now,
		   usec wall);
/* The line, for whoever shows it elsewhere. */
struct buf;
void progress_line(const struct progress *, usec now, usec wall, struct buf *out);
void progress_end(struct progress *, usec now, usec wall);
