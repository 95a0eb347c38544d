/* beats.h - whether every worker still turns. Each counts its turns; whoever watches looks now and
 * then, and knows who has not turned for longer than he may. Pure but for the counters, which are
 * all that is shared.
 * Silence is summed up look by look, and of the time between two looks at most a second counts:
 * when the watcher itself was stopped (the whole process, or its machine), nobody is to blame. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include "engine/base/usec.h"

#define BEATS_LIMIT 260 /* presses, and the others */

struct beat {
	_Atomic uint32_t turns; /* the worker's */
	const char *name;       /* the watcher's, as all that follows */
	usec patience;          /* he may be silent for so long */
	uint32_t seen;
	usec silent;
};

struct beats {
	struct beat of[BEATS_LIMIT];
	size_t count;
	usec looked_at; /* 0: never */
};

/* Before its thread begins. */
struct beat *beats_add(struct beats *, const char *name, usec patience);
static inline void beat_turn(struct beat *beat)
{
	atomic_fetch_add_explicit(&beat->turns, 1, memory_order_relaxed);
}
/* The name of one that does not turn; NULL: all do. */
const char *beats_look(struct beats *, usec now);
