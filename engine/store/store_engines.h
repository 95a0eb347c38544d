/* store_engines.h - engines of a database: they join, say that they live, hold sources, leave;
 * and what one knows again after a crash.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/store/store_base.h"

/* An engine says who it is. Gives it a new epoch: an older process of that name is fenced. */
struct store_join {
	struct store_request request;
	str name;
	uint32_t ret_engine_id;
	uint32_t ret_epoch;
	uint64_t ret_position; /* journal bytes whose outcomes are settled */
};
void store_join(struct store *, struct store_join *);

/* Renews what an engine holds, its slices and its sources, for its lease (30 s) by the database's
 * clock, and asks for sources: one belongs to one engine at a time, to the first that asks, until
 * it leaves, asks no more for it, or its lease is over. */
struct store_heartbeat {
	struct store_request request;
	uint32_t engine_id, epoch;
	const str *sources; /* names it would send from */
	size_t source_count;
	struct arena *arena;
	bool *ret_held;   /* of each source: this engine holds it now */
	str *ret_holders; /* of each: the name of the engine that does; empty: none */
	uint64_t *ret_lost_slices;
	size_t ret_lost_count;
};
void store_heartbeat(struct store *, struct store_heartbeat *);

/* The engine ends in order: its sources are free at once, and so are its slices that it does not
 * settle any more; what it had marked as started in them waits for its journal. Asked again it
 * changes nothing. */
struct store_leave {
	struct store_request request;
	uint32_t engine_id, epoch;
};
void store_leave(struct store *, struct store_leave *);

struct store_position {
	struct store_request request;
	uint32_t engine_id, epoch;
	uint64_t ret_position;
};
void store_position(struct store *, struct store_position *);

/* Whether the database still knows the slices of these outcomes as this engine's. One that went
 * back (a replica was promoted that lacked the last commits) does not, and would have what was
 * sent of them sent again. */
struct store_known {
	struct store_request request;
	uint32_t engine_id;
	const struct store_outcome *const *outcomes;
	size_t count;
	uint64_t ret_unknown_slice_id; /* 0: it knows all */
	char ret_owner[64];            /* the engine that it is of instead; "": of none */
};
void store_known(struct store *, struct store_known *);

/* After the journal was replayed and settled: closes the slices which this engine held in an
 * earlier epoch and opens what was not accounted for as remainders, due at once. With
 * trust_marks (the journal was lost) those marked as started go in doubt instead. */
struct store_recover {
	struct store_request request;
	uint32_t engine_id, epoch;
	bool trust_marks;
	uint32_t ret_slices, ret_remaining, ret_in_doubt;
};
void store_recover(struct store *, struct store_recover *);
