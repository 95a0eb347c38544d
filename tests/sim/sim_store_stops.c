/* sim_store_stops.c - the stop feed of the simulated database: people unsubscribe while their
 * letter is on its way, and somebody pauses the campaign. */
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"

#include "engine/base/assert.h"

#define STOP_CHANCE 200 /* at one in so many looks at the feed a campaign is paused */

static void stop_somebody(void)
{
	if (tables.stop_count == SIM_STOP_LIMIT)
		return;
	struct store_stop *stop = &tables.stops[tables.stop_count];
	enum campaign_state *state = &tables.campaigns[0].state;
	*stop = (struct store_stop){.number = tables.stop_count + 1,
				    .campaign_id = tables.campaigns[0].id};
	uint64_t die = world_below(world, STOP_CHANCE);
	bool room = tables.stop_count + 4 < SIM_STOP_LIMIT;
	if (*state == CAMPAIGN_PAUSED && die < STOP_CHANCE / 10) {
		stop->kind = STOP_RESUME;
		*state = CAMPAIGN_RUNNING;
	} else if (*state == CAMPAIGN_RUNNING && die == 0 && room) {
		stop->kind = STOP_PAUSE;
		*state = CAMPAIGN_PAUSED;
		state_hits[STATE_PAUSED]++;
	} else if (die >= STOP_CHANCE - STOP_CHANCE / 20 && room) {
		stop->kind = STOP_SUBSCRIBER;
		stop->subscriber_id = 1 + world_below(world, world->recipient_count);
		stop->reason = "unsubscribed";
		struct truth *truth = &world->truths[stop->subscriber_id];
		if (truth->stopped_at == 0)
			truth->stopped_at = world->now;
	} else {
		return;
	}
	tables.stop_count++;
}

void sim_stop(const struct store_stop *stop)
{
	if (tables.stop_count == SIM_STOP_LIMIT)
		return;
	tables.stops[tables.stop_count] = *stop;
	tables.stops[tables.stop_count].number = tables.stop_count + 1;
	tables.stop_count++;
}

void store_stop_feed(struct store *store, struct store_stop_feed *r)
{
	if (lost_before(store, &r->request, CALL_STOP_FEED))
		return;
	if (r->engine_id != 0 && fenced(store, &r->request, r->engine_id, r->epoch))
		return;
	if (!world->calm && r->after_number != UINT64_MAX)
		stop_somebody();
	r->ret_stops = ARENA_ARRAY(r->arena, struct store_stop, tables.stop_count + 1);
	if (!r->ret_stops) {
		answer(store, &r->request, STORE_RETRY);
		return;
	}
	r->ret_count = 0;
	for (uint64_t n = r->after_number; n < tables.stop_count; n++)
		r->ret_stops[r->ret_count++] = tables.stops[n];
	r->ret_newest_number = tables.stop_count;
	r->ret_lost_slices =
		sim_lost_slices(r->arena, r->engine_id, r->epoch, &r->ret_lost_count);
	if (!r->ret_lost_slices)
		answer(store, &r->request, STORE_RETRY);
	else
		written(store, &r->request);
}
