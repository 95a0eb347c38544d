/* sim_store_memory.c - what paths have learned, in memory: it survives every crash. */
#include "tests/sim/sim_store.h"

#include <stdio.h>

#include "engine/base/assert.h"

#define MEMORY_LIMIT 2048

static struct {
	struct table_memory {
		char source[64], site[160], state[400];
		usec at;
	} rows[MEMORY_LIMIT];
	size_t count;
} memory;

void sim_memory_begin(void)
{
	memory.count = 0;
}

static struct table_memory *row_of(str source, str site)
{
	for (size_t i = 0; i < memory.count; i++)
		if (str_eq(source, str_of(memory.rows[i].source)) &&
		    str_eq(site, str_of(memory.rows[i].site)))
			return &memory.rows[i];
	ASSERT(memory.count < MEMORY_LIMIT);
	struct table_memory *row = &memory.rows[memory.count++];
	*row = (struct table_memory){};
	snprintf(row->source, sizeof(row->source), "%.*s", STR_FORMAT(source));
	snprintf(row->site, sizeof(row->site), "%.*s", STR_FORMAT(site));
	return row;
}

void store_memory_save(struct store *store, struct store_memory_save *r)
{
	if (lost_before(store, &r->request, CALL_MEMORY_SAVE))
		return;
	for (size_t i = 0; i < r->count; i++) {
		const struct store_memory *m = &r->memories[i];
		if (m->source.size == 0 || m->site.size == 0 || m->state.size == 0)
			world_fail(world, "what a path has learned is about none");
		struct table_memory *row = row_of(m->source, m->site);
		row->at = world->now;
		snprintf(row->state, sizeof(row->state), "%.*s", STR_FORMAT(m->state));
	}
	written(store, &r->request);
}

void store_memory_load(struct store *store, struct store_memory_load *r)
{
	size_t count = 0;
	if (lost_before(store, &r->request, CALL_MEMORY_LOAD))
		return;
	struct store_memory *found = ARENA_ARRAY(r->arena, struct store_memory, memory.count + 1);
	ASSERT(found);
	for (size_t i = 0; i < memory.count && count < r->limit; i++) {
		const struct table_memory *row = &memory.rows[i];
		bool asked = false;
		for (size_t k = 0; k < r->source_count; k++)
			asked |= str_eq(r->sources[k], str_of(row->source));
		if (asked)
			found[count++] = (struct store_memory){
				.source = arena_copy(r->arena, str_of(row->source)),
				.site = arena_copy(r->arena, str_of(row->site)),
				.state = arena_copy(r->arena, str_of(row->state)),
				.age = world->now - row->at,
			};
	}
	r->ret_memories = found;
	r->ret_count = count;
	answer(store, &r->request, STORE_OK);
}
