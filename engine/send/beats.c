/* beats.c - see beats.h. */
#include "engine/send/beats.h"

#include "engine/base/assert.h"

struct beat *beats_add(struct beats *beats, const char *name, usec patience)
{
	ASSERT(beats->count < BEATS_LIMIT && patience > 0);
	struct beat *beat = &beats->of[beats->count++];
	beat->name = name;
	beat->patience = patience;
	return beat;
}

const char *beats_look(struct beats *beats, usec now)
{
	usec gap = beats->looked_at > 0 ? usec_min(now - beats->looked_at, USEC_SECOND) : 0;
	const char *stuck = NULL;
	beats->looked_at = now;
	for (size_t i = 0; i < beats->count; i++) {
		struct beat *beat = &beats->of[i];
		uint32_t turns = atomic_load_explicit(&beat->turns, memory_order_relaxed);
		beat->silent = turns == beat->seen ? beat->silent + gap : 0;
		beat->seen = turns;
		if (beat->silent > beat->patience)
			stuck = beat->name;
	}
	return stuck;
}
