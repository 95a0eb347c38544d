/* sim_store_engines.c - engines in the simulated database: who they are, what they hold and for
 * how long. See engine/store/claim.c and sql/queries/engine_*.sql for the real ones. */
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/assert.h"

uint64_t store_journal_position(uint32_t engine_id)
{
	ASSERT(engine_id >= 1 && engine_id <= tables.engine_count);
	return tables.engines[engine_id - 1].position;
}

static struct table_engine *engine_by_name(str name)
{
	for (uint32_t i = 0; i < tables.engine_count; i++)
		if (str_eq(name, str_of(tables.engines[i].name)))
			return &tables.engines[i];
	ASSERT(tables.engine_count < SIM_ENGINE_LIMIT);
	struct table_engine *engine = &tables.engines[tables.engine_count++];
	*engine = (struct table_engine){};
	snprintf(engine->name, sizeof(engine->name), "%.*s", STR_FORMAT(name));
	return engine;
}

/* It is back: should it fall silent again, policy decides so long from then. */
static void forget_dates(uint32_t engine_id)
{
	for (size_t i = 0; i < tables.live_count; i++) {
		struct table_slice *slice = table_slice_of(tables.live[i]);
		if (slice->engine_id == engine_id && (slice->state == TABLE_SLICE_LEASED ||
						      slice->state == TABLE_SLICE_ORPHANED))
			slice->decide_wall = 0;
	}
}

void store_join(struct store *store, struct store_join *r)
{
	if (lost_before(store, &r->request, CALL_JOIN))
		return;
	struct table_engine *engine = engine_by_name(r->name);
	forget_dates((uint32_t)(engine - tables.engines) + 1);
	engine->epoch++;
	engine->heartbeat_wall = table_wall();
	engine->lease = store->lease;
	engine->left = false;
	r->ret_engine_id = (uint32_t)(engine - tables.engines) + 1;
	r->ret_epoch = engine->epoch;
	r->ret_position = engine->position;
	written(store, &r->request);
}

void store_position(struct store *store, struct store_position *r)
{
	if (lost_before(store, &r->request, CALL_POSITION) ||
	    fenced(store, &r->request, r->engine_id, r->epoch))
		return;
	r->ret_position = tables.engines[r->engine_id - 1].position;
	written(store, &r->request);
}

/* -- sources
 * ------------------------------------------------------------------------------------ */

static struct table_source *source_of(str name)
{
	for (size_t i = 0; i < tables.source_count; i++)
		if (str_eq(name, str_of(tables.sources[i].name)))
			return &tables.sources[i];
	ASSERT(tables.source_count < SIM_SOURCE_LIMIT);
	struct table_source *source = &tables.sources[tables.source_count++];
	*source = (struct table_source){};
	snprintf(source->name, sizeof(source->name), "%.*s", STR_FORMAT(name));
	return source;
}

static bool is_asked_for(const struct store_heartbeat *r, const struct table_source *source)
{
	for (size_t i = 0; i < r->source_count; i++)
		if (str_eq(r->sources[i], str_of(source->name)))
			return true;
	return false;
}

/* False: there is no memory for it. The first that asks has it, until it is silent for too long or asks no more for it. */
static bool ask_sources(struct store *store, struct store_heartbeat *r)
{
	r->ret_held = ARENA_ARRAY(r->arena, bool, r->source_count + 1);
	r->ret_holders = ARENA_ARRAY(r->arena, str, r->source_count + 1);
	if (!r->ret_held || !r->ret_holders)
		return false;
	for (size_t i = 0; i < tables.source_count; i++)
		if (tables.sources[i].engine_id == r->engine_id &&
		    !is_asked_for(r, &tables.sources[i]))
			tables.sources[i].engine_id = 0;
	for (size_t i = 0; i < r->source_count; i++) {
		struct table_source *source = source_of(r->sources[i]);
		bool mine = source->engine_id == 0 || source->engine_id == r->engine_id ||
			    source->until_wall < table_wall();
		if (mine) {
			source->engine_id = r->engine_id;
			source->until_wall = table_wall() + store->lease;
		}
		r->ret_held[i] = mine;
		r->ret_holders[i] =
			mine ? STR("")
			     : arena_copy(r->arena,
					  str_of(tables.engines[source->engine_id - 1].name));
	}
	return true;
}

bool sim_source_is_held(unsigned source, unsigned engine)
{
	char name[64], holder[64];
	snprintf(name, sizeof(name), "out%u", source);
	snprintf(holder, sizeof(holder), "sim%u", engine + 1);
	const struct table_source *row = source_of(str_of(name));
	return row->engine_id != 0 &&
	       strcmp(tables.engines[row->engine_id - 1].name, holder) == 0 &&
	       row->until_wall >= table_wall();
}

uint64_t *sim_lost_slices(struct arena *arena, uint32_t engine_id, uint32_t epoch,
			  size_t *ret_count)
{
	uint64_t *lost = ARENA_ARRAY(arena, uint64_t, tables.live_count + 1);
	*ret_count = 0;
	for (size_t i = 0; lost && i < tables.live_count; i++) {
		const struct table_slice *slice = table_slice_of(tables.live[i]);
		bool taken = slice->state == TABLE_SLICE_ORPHANED ||
			    slice->state == TABLE_SLICE_BURIED;
		if (taken && slice->engine_id == engine_id && slice->epoch == epoch)
			lost[(*ret_count)++] = slice->id;
	}
	return lost;
}

void store_heartbeat(struct store *store, struct store_heartbeat *r)
{
	if (lost_before(store, &r->request, CALL_HEARTBEAT) ||
	    fenced(store, &r->request, r->engine_id, r->epoch))
		return;
	struct table_engine *engine = &tables.engines[r->engine_id - 1];
	if (table_engine_is_silent(r->engine_id))
		forget_dates(r->engine_id);
	engine->heartbeat_wall = table_wall();
	engine->lease = store->lease;
	engine->left = false;
	if (!ask_sources(store, r)) { /* no memory */
		answer(store, &r->request, STORE_RETRY);
		return;
	}
	r->ret_lost_slices =
		sim_lost_slices(r->arena, r->engine_id, r->epoch, &r->ret_lost_count);
	if (!r->ret_lost_slices)
		answer(store, &r->request, STORE_RETRY);
	else
		written(store, &r->request);
}

/* -- the end
 * ------------------------------------------------------------------------------------ */

void store_leave(struct store *store, struct store_leave *r)
{
	if (lost_before(store, &r->request, CALL_LEAVE) ||
	    fenced(store, &r->request, r->engine_id, r->epoch))
		return;
	for (size_t i = 0; i < tables.source_count; i++)
		if (tables.sources[i].engine_id == r->engine_id)
			tables.sources[i].engine_id = 0;
	tables.engines[r->engine_id - 1].left = true; /* its slices are anybody's to take over */
	written(store, &r->request);
}

/* This database never goes back: what it once knew it knows. */
void store_known(struct store *store, struct store_known *r)
{
	if (lost_before(store, &r->request, CALL_KNOWN))
		return;
	r->ret_unknown_slice_id = 0;
	r->ret_owner[0] = '\0';
	answer(store, &r->request, STORE_OK);
}
