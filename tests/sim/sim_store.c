/* sim_store.c - engine/store/store.h over the world: each request whole or not at all, answers
 * late, connections that break before or after the write. A process that has crashed asks
 * nothing and hears nothing. What the requests do stands in sim_store_*.c, by noun. */
#include "tests/sim/sim_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/sim_tables.h"

struct answering {
	struct chain_link link;        /* in open_answers */
	struct store_request *request; /* NULL: its store was closed, nobody waits any more */
	struct store *store;
	struct sim_life *life;
	enum sim_call call;
	usec asked_at;
};

static struct chain open_answers;

void store_begin(struct world *w)
{
	chain_init(&open_answers);
	tables_begin(w);
	sim_hosts_begin();
	sim_paths_begin();
	sim_warmup_begin();
	sim_draw_begin();
	sim_memory_begin();
	sim_outbox_begin();
	for (uint32_t id = 1; id <= w->recipient_count; id++) {
		struct truth *truth = &w->truths[id];
		snprintf(truth->email, sizeof(truth->email), "r%u@site%llu.test", id,
			 (unsigned long long)world_below(w, SITE_COUNT));
		truth->suppressed_at_cut = world_below(w, 50) == 0;
	}
	sim_incident_begin();
}

void store_end(struct world *w)
{
	(void)w;
	tables_end();
}

/* -- answering: at once without a loop, later with one
 * ------------------------------------------ */

static void answered(struct world *w, void *a, uint64_t b)
{
	struct answering *answering = a;
	(void)b;
	if (world_is_away(w, answering->life, answered, a, b))
		return;
	chain_remove(&open_answers, &answering->link);
	if (answering->request && !answering->life->dead) {
		struct sim_life *before = world_enter(w, answering->life);
		world_point(w, POINT_STORE_ANSWERED, answering->call);
		if (answering->call == CALL_STOP_FEED && answering->request->result == STORE_OK)
			answering->life->feed_asked_at = answering->asked_at;
		answering->request->on_done(answering->request);
		world_leave(w, before);
	}
	free(answering);
}

void answer(struct store *store, struct store_request *request, int result)
{
	request->result = result;
	if (result != STORE_OK && request->why[0] == '\0')
		snprintf(request->why, sizeof(request->why), "simulated failure %d", result);
	if (!store->loop) {
		if (store->call == CALL_STOP_FEED && result == STORE_OK)
			store->life->feed_asked_at = world->now;
		request->on_done(request);
		return;
	}
	struct answering *answering = malloc(sizeof(*answering));
	ASSERT(answering);
	*answering = (struct answering){
		.request = request, .store = store, .life = store->life, .call = store->call,
		.asked_at = world->now};
	chain_push_back(&open_answers, &answering->link);
	world_at(world, 300 + (usec)world_below(world, 4000), answered, answering, 0);
}

bool lost_before(struct store *store, struct store_request *request, enum sim_call call)
{
	request->why[0] = '\0';
	store->call = call;
	world_point(world, POINT_STORE_BEFORE, call);
	if (store->life->dead) { /* nobody hears it; who waits for it goes on, to no effect */
		answer(store, request, STORE_LOST);
		return true;
	}
	if (world_fault(world, FAULT_STORE_OUTAGE))
		world->outage_until = world->now + 20 * USEC_SECOND;
	if (world->now < usec_max(world->outage_until, store->life->cut_off_until) ||
	    world_fault(world, FAULT_STORE_BEFORE)) {
		answer(store, request, STORE_LOST);
		return true;
	}
	return false;
}

bool written_or_lost(struct store *store, struct store_request *request)
{
	world_point(world, POINT_STORE_AFTER, store->call);
	bool lost = store->life->dead || world_fault(world, FAULT_STORE_AFTER);
	answer(store, request, lost ? STORE_LOST : STORE_OK);
	return !lost;
}

void written(struct store *store, struct store_request *request)
{
	(void)written_or_lost(store, request);
}

int store_open(struct store **ret_store, struct io_loop *loop,
	       const struct store_config *config, char *ret_why, size_t why_size)
{
	(void)ret_why;
	(void)why_size;
	*ret_store = calloc(1, sizeof(**ret_store));
	ASSERT(*ret_store);
	(*ret_store)->loop = loop;
	(*ret_store)->life = world->life;
	(*ret_store)->lease = config->lease ? config->lease : 30 * USEC_SECOND;
	(*ret_store)->journal_wait = config->journal_wait ? config->journal_wait : USEC_DAY;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	struct chain_link *link = chain_first(&open_answers);
	for (; link; link = chain_next(&open_answers, link)) {
		struct answering *answering = CHAIN_OWNER(link, struct answering, link);
		if (answering->store == store)
			answering->request = NULL;
	}
	sim_store_forget(store);
	free(store);
}

bool fenced(struct store *store, struct store_request *request, uint32_t engine_id,
	    uint32_t epoch)
{
	if (table_engine_of(engine_id, epoch))
		return false;
	answer(store, request, STORE_FENCED);
	return true;
}

bool fenced_by(struct store *store, struct store_request *request, const char *why)
{
	snprintf(request->why, sizeof(request->why), "%s", why);
	answer(store, request, STORE_FENCED);
	return true;
}
