/* recovery.h - what an engine does before it sends anything: read its own journal.
 * Outcomes that the database does not have yet are settled; marks without an outcome were on
 * their way when the engine stopped and go in doubt, by the campaign's policy; then the slices
 * it held are closed and what nobody accounted for is opened again. Every step can be
 * interrupted and run again: outcomes of step two are journalled before they are settled. */
#pragma once

#include "engine/base/arena.h"
#include "engine/send/engine.h"

struct recovery {
	uint64_t settled_count;                /* outcomes that only the journal knew */
	uint64_t in_doubt_count;               /* marks without an outcome */
	uint32_t slice_count, remaining_count; /* put back into the queue */
	uint64_t position;                     /* the journal's, as settled now */
	bool database_away; /* it failed for that, and may be run again */
	char journal_note[400];                /* a torn tail, a lost journal; empty: none */
};

/* store is a blocking one. Returns 0, or -1 with a sentence. */
[[nodiscard]] int recovery_run(const struct engine_settings *, struct arena_source *,
			       struct store *, uint32_t engine_id, uint32_t epoch,
			       uint64_t position, struct recovery *ret_recovery, char *ret_why,
			       size_t why_size);
