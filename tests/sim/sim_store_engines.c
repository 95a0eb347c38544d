/* sim_store_engines.c - store.h: engines stay alive and leave. There is one of them at a time, so
 * its sources are always its own, and nothing is taken from it. */
#include "tests/sim/sim_store.h"

void store_heartbeat(struct store *store, struct store_heartbeat *r)
{
	if (lost_before(store, &r->request) || fenced(store, &r->request, r->epoch))
		return;
	r->ret_held = ARENA_ARRAY(r->arena, bool, r->source_count + 1);
	r->ret_holders = ARENA_ARRAY(r->arena, str, r->source_count + 1);
	for (size_t i = 0; i < r->source_count; i++)
		r->ret_held[i] = true;
	r->ret_lost_slices = NULL;
	r->ret_lost_count = 0;
	written(store, &r->request);
}

void store_leave(struct store *store, struct store_leave *r)
{
	if (lost_before(store, &r->request) || fenced(store, &r->request, r->epoch))
		return;
	written(store, &r->request);
}
