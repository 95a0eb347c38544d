/* sim_tables.c - the simulated database's tables, see sim_tables.h. */
#include "tests/sim/sim_tables.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/sim_store.h"

struct tables tables;

const char *const campaign_state_names[CAMPAIGN_STATE_COUNT] = {"draft", "running", "paused",
								"cancelled", "finished"};

void tables_begin(struct world *w)
{
	tables = (struct tables){
		.retry_in_doubt = w->in_doubt_retry,
	};
	table_campaign_add(SIM_NEWSLETTER, 1, w->recipient_count);
}

void tables_end(void)
{
	for (uint64_t i = 0; i < tables.slice_count; i++) {
		free(tables.slices[i]->ids);
		free(tables.slices[i]->flags);
		free(tables.slices[i]);
	}
	free(tables.slices);
	free(tables.live);
	free(tables.deliveries);
	tables = (struct tables){};
}

usec table_wall(void)
{
	return world->now + world->wall_offset;
}

/* Room for one more of size bytes each. */
static void *grown(void *array, size_t *room, size_t size)
{
	*room = *room ? 2 * *room : 64;
	array = realloc(array, *room * size);
	ASSERT(array);
	return array;
}

struct table_campaign *table_campaign_add(uint64_t id, uint32_t first, uint32_t last)
{
	ASSERT(tables.campaign_count < SIM_CAMPAIGN_LIMIT);
	struct table_campaign *campaign = &tables.campaigns[tables.campaign_count++];
	*campaign = (struct table_campaign){
		.id = id,
		.name = "simulated",
		.first = first,
		.last = last,
		.cut_mark = first - 1,
		.state = CAMPAIGN_RUNNING,
		.due_from = USEC_NEVER,
	};
	return campaign;
}

struct table_campaign *table_campaign_of(uint64_t id)
{
	for (size_t i = 0; i < tables.campaign_count; i++)
		if (tables.campaigns[i].id == id)
			return &tables.campaigns[i];
	return NULL;
}

struct table_slice *table_slice_add(enum slice_kind kind, uint64_t campaign_id, usec due_wall)
{
	if (tables.slice_count == tables.slice_room)
		tables.slices = grown(tables.slices, &tables.slice_room, sizeof(void *));
	if (tables.live_count == tables.live_room)
		tables.live = grown(tables.live, &tables.live_room, sizeof(uint64_t));
	struct table_slice *slice = malloc(sizeof(*slice));
	ASSERT(slice);
	tables.slices[tables.slice_count++] = slice;
	*slice = (struct table_slice){.id = tables.slice_count,
				      .campaign_id = campaign_id,
				      .kind = kind,
				      .due_wall = due_wall};
	tables.live[tables.live_count++] = slice->id;
	return slice;
}

struct table_slice *table_slice_of(uint64_t id)
{
	ASSERT(id >= 1 && id <= tables.slice_count);
	return tables.slices[id - 1];
}

void table_slice_put(struct table_slice *slice, uint64_t subscriber_id)
{
	if (slice->count == slice->room) {
		slice->room = slice->room ? 2 * slice->room : 64;
		slice->ids = realloc(slice->ids, slice->room * sizeof(slice->ids[0]));
		slice->flags = realloc(slice->flags, slice->room);
		ASSERT(slice->ids && slice->flags);
	}
	slice->flags[slice->count] = 0;
	slice->ids[slice->count++] = subscriber_id;
}

uint8_t *table_flags_of(struct table_slice *slice, uint64_t subscriber_id)
{
	for (uint32_t tried = 0; tried < slice->count; tried++) {
		uint32_t i = (slice->looked_at + tried) % slice->count;
		if (slice->ids[i] != subscriber_id)
			continue;
		slice->looked_at = i;
		return &slice->flags[i];
	}
	return NULL;
}

void table_slice_close(struct table_slice *slice, enum table_slice_state state)
{
	slice->state = state;
	for (uint32_t i = 0; i < slice->count; i++)
		slice->flags[i] &= (uint8_t)~TABLE_MARKED;
}

void table_forget_closed(void)
{
	size_t kept = 0;
	for (size_t i = 0; i < tables.live_count; i++) {
		enum table_slice_state state = table_slice_of(tables.live[i])->state;
		if (state != TABLE_SLICE_CLOSED && state != TABLE_SLICE_CANCELLED)
			tables.live[kept++] = tables.live[i];
	}
	tables.live_count = kept;
}

struct table_engine *table_engine_of(uint32_t engine_id, uint32_t epoch)
{
	if (engine_id < 1 || engine_id > tables.engine_count)
		return NULL;
	struct table_engine *engine = &tables.engines[engine_id - 1];
	return engine->epoch == epoch ? engine : NULL;
}

bool table_engine_is_silent(uint32_t engine_id)
{
	if (engine_id < 1 || engine_id > tables.engine_count)
		return false;
	const struct table_engine *engine = &tables.engines[engine_id - 1];
	return engine->left || engine->heartbeat_wall + engine->lease < table_wall();
}

void table_deliver(const struct store_outcome *row, uint32_t engine_id, bool by_policy)
{
	if (tables.delivery_count == tables.delivery_room)
		tables.deliveries = grown(tables.deliveries, &tables.delivery_room,
					  sizeof(*tables.deliveries));
	tables.deliveries[tables.delivery_count++] = (struct table_delivery){
		.campaign_id = row->campaign_id,
		.slice_id = row->slice_id,
		.subscriber_id = row->subscriber_id,
		.engine_id = engine_id,
		.attempt = row->attempt,
		.verdict = row->verdict,
		.final = row->final,
		.by_policy = by_policy,
		.at = world->now,
	};
}

void tables_describe(char *out, size_t size)
{
	unsigned slices[TABLE_SLICE_STATE_COUNT] = {}, waiting = 0, claimed = 0;
	for (uint64_t i = 0; i < tables.slice_count; i++)
		slices[tables.slices[i]->state]++;
	for (uint32_t id = 1; id <= world->recipient_count; id++) {
		waiting += world->truths[id].deferred && !world->truths[id].claimed_by;
		claimed += world->truths[id].deferred && world->truths[id].claimed_by;
	}
	snprintf(out, size,
		 "campaign %s, slices: %u open, %u leased, %u orphaned, %u for the winner; "
		 "deferred: %u waiting, %u claimed",
		 campaign_state_names[tables.campaigns[0].state], slices[TABLE_SLICE_OPEN],
		 slices[TABLE_SLICE_LEASED], slices[TABLE_SLICE_ORPHANED],
		 slices[TABLE_SLICE_WAITING], waiting, claimed);
}

void table_undo(uint64_t campaign_id, uint64_t subscriber_id)
{
	for (size_t i = tables.delivery_count; i-- > 0;) {
		struct table_delivery *d = &tables.deliveries[i];
		if (!d->final || d->campaign_id != campaign_id ||
		    d->subscriber_id != subscriber_id)
			continue;
		d->final = false;
		d->undone = true;
		return;
	}
}
