/* sim_store_paths.c - what people are shown: nobody looks in a simulation, so a save is checked
 * and answered at once; now and then it is lost, so that the engine is seen to bear it. */
#include "tests/sim/sim_store.h"

#include "engine/store/store.h"

#define LOST_EVERY 11

static unsigned saves;

void sim_paths_begin(void)
{
	saves = 0;
}

static void tell(struct store_request *request)
{
	request->why[0] = '\0';
	request->result = ++saves % LOST_EVERY == 0 ? STORE_LOST : STORE_OK;
	request->on_done(request);
}

void store_paths_save(struct store *, struct store_paths_save *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct store_path_state *p = &r->paths[i];
		if (p->site.size == 0 || p->source.size == 0 || p->state.size == 0)
			world_fail(world, "the state of a path is about none");
		if (p->connection_cap > p->connection_limit || p->connection_cap == 0)
			world_fail(world, "a path with %u of %u connections", p->connection_cap,
				   p->connection_limit);
		if (p->in_flight_count > 0 && p->open_count == 0)
			world_fail(world, "messages in flight and no connection");
	}
	tell(&r->request);
}

void store_domains_save(struct store *, struct store_domains_save *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->domains[i].domain.size == 0 || r->domains[i].site.size == 0)
			world_fail(world, "a domain leads nowhere");
	tell(&r->request);
}
