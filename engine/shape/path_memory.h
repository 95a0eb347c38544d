/* path_memory.h - what a path has learned, as text that outlives an engine: pure. Suspensions and
 * how often they came, the pace, the crowd, and how full its rates were when it ended in order.
 * Times in it are durations: whoever reads it says how long ago it was written.
 *
 * Rates never begin anew after an end that nobody saw: what was started since it was written is
 * not known, so they begin empty, which is never too much. */
#pragma once

#include "engine/base/buf.h"
#include "engine/shape/path.h"

#define PATH_MEMORY_SIZE 320

/* Changes when something was learned that is worth keeping; 0: what a new path knows. */
uint64_t path_learned(const struct path *, usec now);
/* One of its rates may take longer than a second to fill: what it has started must be counted
 * across a restart, so that it is known before the first start that it was in use. */
bool path_is_slow(const struct path *);
/* ended: it starts nothing more. */
void path_keep(const struct path *, bool ended, usec now, struct buf *out);
/* False: not such a text; the path stays as it was. age: since it was written. empty_since: when
 * its rates were empty at the latest, where that is not in the text. */
[[nodiscard]] bool path_remember(struct path *, str text, usec age, usec empty_since, usec now);
/* Its rates as if they had been empty then, and nothing had started since. */
void path_empty_since(struct path *, usec since, usec now);
