/* sim_store_outbox.c - the bell of engine/store/store.h over the world: a notification is an
 * event that comes a little late; while the database is away it waits for the connection that
 * comes after, which rings for all. */
#include "tests/sim/sim_store.h"

#include "engine/base/assert.h"

#define BELL_LIMIT 8 /* an engine opens three stores */

static struct listener {
	struct store *store; /* NULL: free */
	struct store_bell *bell;
} listeners[BELL_LIMIT];

static void ring(struct world *w, void *a, uint64_t rung)
{
	(void)a;
	if (w->now < w->outage_until) {
		world_at(w, w->outage_until - w->now, ring, NULL, STORE_RUNG_ALL);
		return;
	}
	for (size_t i = 0; i < BELL_LIMIT && !w->dead; i++)
		if (listeners[i].store)
			listeners[i].bell->on_bell(listeners[i].bell, (unsigned)rung);
}

void sim_bell_ring(struct world *w, unsigned rung)
{
	world_at(w, 100 + (usec)world_below(w, 2000), ring, NULL, rung);
}

void sim_bell_forget(struct store *store)
{
	for (size_t i = 0; i < BELL_LIMIT; i++)
		if (listeners[i].store == store)
			listeners[i].store = NULL;
}

void store_listen(struct store *store, struct store_bell *bell)
{
	size_t i = 0;
	while (i < BELL_LIMIT && listeners[i].store)
		i++;
	ASSERT(store->loop && i < BELL_LIMIT);
	listeners[i] = (struct listener){store, bell};
	sim_bell_ring(world, STORE_RUNG_ALL);
}
