/* reload.h - a sending engine takes up a changed configuration, and a changed table of providers.
 * On SIGHUP both are read again; the table (providers_file) is also looked at every few seconds.
 * What is read is judged as a whole, as if the engine started: when it is good, what a reload takes
 * (`rundbrief help config` marks it) is put in force between two steps of the engine, no connection
 * ends for it, and what needs a restart is named; a bad one is told once, and all stays as it was.
 * What was in force before is kept, because a thread may be reading it, so the number of changes is
 * bounded. Belongs to the thread that calls engine_run(). */
#pragma once

#include "engine/api/settings.h"
#include "engine/send/tuning.h"

#define RELOAD_INTERVAL (2 * USEC_SECOND)
#define RELOAD_LIMIT 100 /* changes of one run */

/* Which state of the file that was. */
struct reload_state {
	int64_t changed_sec, changed_nsec;
	uint64_t size, inode, device;
};

/* One reading that was taken up, with all that it points at. */
struct reload_generation {
	struct arena arena;
	struct config config;
	struct tuning tuning;
};

struct reload {
	const struct config *first;     /* what the engine began with */
	const struct config *config;    /* what is in force */
	const char *config_path;        /* as the command was given it */
	struct rules *rules;            /* what the engine reads */
	struct tunings tunings;         /* the same */
	struct reload_generation generations[RELOAD_LIMIT];
	size_t count;
	struct reload_state seen, judged; /* at the last look; when it was last read */
	usec look_at;
};

/* All must live until reload_end(), which comes after the engine's end: what rules and tunings
 * answer then is no longer to be used. */
void reload_begin(struct reload *, const struct config *, const char *config_path,
		  struct rules *, usec now);
/* To be called often; asked: somebody wants it now. False: it was refused, and told. */
bool reload_look(struct reload *, bool asked, usec now);
void reload_end(struct reload *);
