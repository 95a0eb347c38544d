/* sim_store_health.c - a campaign's health, simulated: its window is always open, and nothing
 * of it is judged, so that worlds with many dead addresses end. */
#include "tests/sim/sim_store.h"
#include "tests/sim/world.h"

void store_health(struct store *store, struct store_health *r)
{
	if (lost_before(store, &r->request, CALL_HEALTH))
		return;
	r->ret_open = true;
	r->ret_over = r->ret_resumed = false;
	r->ret_fault = STR("");
	r->ret_changes_wall = r->ret_ends_wall = r->ret_open_left = 0;
	r->ret_expected = world->recipient_count;
	r->ret_cut = r->ret_begun = r->ret_settled = world->recipient_count;
	r->ret_counts = (struct breaker_counts){};
	answer(store, &r->request, STORE_OK);
}

/* Nothing that is asked of it would ever say so. */
void store_hold(struct store *store, struct store_hold *r)
{
	world_fail(world, "a healthy campaign is held: %.*s", STR_FORMAT(r->reason));
	r->ret_changed = false;
	answer(store, &r->request, STORE_OK);
}

void store_zones(struct store *store, struct store_zones *r)
{
	for (size_t i = 0; i < r->count; i++) {
		r->zones[i].ret_open = true;
		r->zones[i].ret_changes_wall = 0;
	}
	answer(store, &r->request, STORE_OK);
}
