/* reload.h - a sending engine takes up a changed table of providers (providers_file).
 * The file is looked at every few seconds, and at once on SIGHUP. It is read and linted as a
 * whole with everything else that the configuration says: a good one is put in force between
 * two steps of the engine, no connection ends for it; a bad one is told once, and the old one
 * stays. What was in force before is kept, because a thread may be reading it, so the number of
 * changes is bounded. Belongs to the thread that calls engine_run(). */
#pragma once

#include "engine/api/settings.h"

#define RELOAD_INTERVAL (2 * USEC_SECOND)
#define RELOAD_LIMIT 100 /* changes of one run */

/* Which state of the file that was. */
struct reload_state {
	int64_t changed_sec, changed_nsec;
	uint64_t size, inode, device;
};

struct reload {
	const struct config *config;
	struct rules *rules; /* what the engine reads */
	struct arena generations[RELOAD_LIMIT];
	size_t count;
	struct reload_state seen, judged; /* at the last look; when it was last read */
	usec look_at;
};

/* Both must live until reload_end(), which comes after the engine's end: what rules answer then
 * is no longer to be used. */
void reload_begin(struct reload *, const struct config *, struct rules *, usec now);
/* To be called often; asked: somebody wants it now. */
void reload_look(struct reload *, bool asked, usec now);
void reload_end(struct reload *);
