/* sim_warming.c - what must hold of starts from a source in warm-up, looked at after each step.
 */
#include "tests/sim/sim_warming.h"

#include <string.h>

#define TOGETHER (50 * USEC_MS)

/* The last start of each warm-up, as this life of the engine knows it. */
static struct {
	const struct warming *warming;
	uint64_t started;
	usec at;
} last_starts[SITE_COUNT + 1];

static void check_pace(struct world *w, const struct warming *warming, uint64_t started)
{
	size_t i = 0;
	while (i < SITE_COUNT && last_starts[i].warming && last_starts[i].warming != warming)
		i++;
	bool new = last_starts[i].warming != warming || started < last_starts[i].started;
	uint64_t count = new ? started : started - last_starts[i].started;
	usec since = w->now - last_starts[i].at;
	/* Intervals grow shorter as time goes by, and not by a tenth while one passes; as much again
	 * is for a start that came a step late. The last ones of a day may be so short that some
	 * starts come together (warmup_rate()). */
	usec least = atomic_load(&warming->interval) * 8 / 10;
	bool together = least < TOGETHER;
	if ((count > 1 && !together) || (count == 1 && !new && !together &&since < least))
		world_fail(w, "%s: %llu starts, %.3f s behind the last, one every %.3f s",
			   warming->key, (unsigned long long)count, (double)since / 1e6,
			   (double)atomic_load(&warming->interval) / 1e6);
	last_starts[i].warming = warming;
	last_starts[i].started = started;
	if (count > 0)
		last_starts[i].at = w->now;
}

void sim_warming_begin(void)
{
	memset(last_starts, 0, sizeof(last_starts));
}

/* At no time anything was started that the database had not counted, or too early. */
void sim_warming_check(struct world *w, struct engine *engine)
{
	size_t index = 0;
	for (struct map_entry *e;
	     w->engine_count == 1 && (e = map_next(&engine->feeder.warmings, &index));) {
		const struct warming *warming = e->value;
		unsigned long long started = atomic_load(&warming->started);
		unsigned long long granted = atomic_load(&warming->granted);
		if (started > granted)
			world_fail(w, "%s: %llu starts, %llu were reserved", warming->key,
				   started, granted);
		check_pace(w, warming, started);
	}
}

/* The engine is idle. */
void sim_warming_end(struct world *w, struct engine *engine)
{
	size_t index = 0;
	for (struct map_entry *e; (e = map_next(&engine->feeder.warmings, &index));) {
		const struct warming *warming = e->value;
		state_hits[27] += atomic_load(&warming->started);
		if (warming->handed > 0)
			world_fail(w, "%s: %llu envelopes have not come back", warming->key,
				   (unsigned long long)warming->handed);
	}
}
