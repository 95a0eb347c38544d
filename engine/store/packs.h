/* packs.h - delivered outcomes of a batch that share all but a few numbers, as one row each.
 * Private to engine/store. */
#pragma once

#include "engine/store/pg.h"

struct pack;

struct packs {
	struct pack *packs;
	size_t count;
	uint32_t *next; /* of an outcome, by its place: the place after it in its pack, plus one
			 */
	bool *packed;   /* of an outcome, by its place: a pack has it, so no row of its own */
	size_t packed_count;
};

/* Sorts a batch into packs; whoever would be alone in one gets a row. -1: no memory. */
[[nodiscard]] int packs_make(struct store *, struct packs *,
			     const struct store_outcome *const *outcomes, size_t count);

/* Sends them by COPY, inside of the settlement's transaction; PG_DONE: there are none. */
enum pg_next packs_send(struct store *, const struct packs *,
			const struct store_outcome *const *outcomes);
