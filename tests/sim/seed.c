/* seed.c - one seed from begin to end: the driver steps all workers of all engines in one
 * thread, in an order of the seed's, and lets the clock jump to whatever comes next. */
#include "tests/sim/seed.h"

#include <stdio.h>
#include <string.h>

#include "engine/io/heap.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"
#include "tests/sim/sim_variants.h"

#define STEP_LIMIT 1000000 /* for each engine: every one brings events of its own */
#define LANDING_LIMIT 1000000

char seed_failure[400];
uint64_t seed_digest;

/* Somebody edits the limits all the time: the same ones, and lower ones. */
#define RELOAD_STEPS 512

/* How far hosts got to be trusted, and which paths found no TLS, while this engine ran. */
void seed_count_habits(const struct engine *engine)
{
	size_t index = 0;
	for (struct map_entry *e; (e = map_next(&engine->carrier.habits, &index));) {
		const struct carrier_habit *habit = e->value;
		state_hits[23] += habit->habit.flight == FLIGHT_CHUNK;
		state_hits[24] += habit->habit.flight == FLIGHT_WINDOW;
		state_hits[25] += habit->habit.ceiling_until > 0;
	}
	index = 0;
	for (struct map_entry *e; (e = map_next(&engine->carrier.paths, &index));)
		state_hits[26] += ((const struct carrier_path *)e->value)->shut_until > 0;
}

static void post_some(struct world *w)
{
	if (w->seed % 4 != 2)
		return;
	size_t count = 3 + world_below(w, 10);
	for (size_t i = 0; i < count; i++)
		sim_outbox_post(w, (usec)world_below(w, 4 * USEC_MINUTE),
				(unsigned)world_below(w, 10),
				world_below(w, 4) ? 0 : (usec)world_below(w, USEC_MINUTE));
	state_hits[STATE_TRANSACTIONAL] += count;
}

static bool all_rest(const struct node *nodes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!node_rests(&nodes[i]))
			return false;
	return true;
}

/* To the next event that reaches an engine, or to when one wants to be stepped. */
static void go_on(struct world *w, const struct node *nodes, usec wake)
{
	for (;;) {
		usec next = world_next_at(w);
		if (next > wake) {
			w->now = usec_max(w->now, wake);
			return;
		}
		world_run_next(w, next);
		for (size_t i = 0; i < w->engine_count; i++)
			if (nodes[i].life && nodes[i].life->touched)
				return;
	}
}

static void run(struct world *w, struct node *nodes, const struct rules *const edits[2])
{
	size_t count = w->engine_count;
	for (uint64_t step = 0; step < STEP_LIMIT * count; step++) {
		usec wake = USEC_NEVER;
		size_t first = count > 1 ? world_below(w, count) : 0;
		for (size_t i = 0; i < count; i++) {
			struct node *node = &nodes[(first + i) % count];
			if (step % RELOAD_STEPS == RELOAD_STEPS - 1)
				rules_replace(node->settings.rules,
					      edits[step / RELOAD_STEPS % 2]);
			if (!node_step(w, node))
				return;
			if (!node_rests(node))
				wake = usec_min(wake, node->wake);
		}
		if (all_rest(nodes, count))
			return;
		go_on(w, nodes, wake);
	}
	char states[200] = "";
	tables_describe(states, sizeof(states));
	world_fail(w, "no end after %zu steps: engines in states %d %d %d, %s",
		   STEP_LIMIT * count, (int)nodes[0].state, count > 1 ? (int)nodes[1].state : -1,
		   count > 2 ? (int)nodes[2].state : -1, states);
}

static void run_engines(struct world *w, struct arena *arena)
{
	static struct node nodes[ENGINE_LIMIT];
	const struct rules *edits[2] = {seed_rules(arena, 3), seed_rules(arena, 1)};
	for (unsigned i = 0; i < w->engine_count; i++)
		node_begin(w, &nodes[i], i, seed_rules(arena, 1));
	state_hits[STATE_ENGINES_2] += w->engine_count == 2;
	state_hits[STATE_ENGINES_3] += w->engine_count == 3;
	run(w, nodes, edits);
	for (unsigned i = 0; i < w->engine_count; i++)
		node_end(w, &nodes[i]);
	/* All are closed; what is still flying lands, or is dropped with its socket. */
	for (int i = 0; i < LANDING_LIMIT && world_run_next(w, USEC_NEVER - 1); i++)
		continue;
	if (w->failures == 0)
		seed_check(w, nodes, w->engine_count);
}

/* Half of them have one engine, a sixth three. */
static uint32_t choose_engines(struct world *w)
{
	uint64_t die = world_below(w, 6);
	uint32_t count = die < 3 ? 1 : die < 5 ? 2 : 3;
	return world_limits.engines > 0 && count > world_limits.engines ? world_limits.engines
									: count;
}

bool seed_run(uint64_t seed)
{
	static struct world w;
	struct arena arena;
	world_begin(&w, seed);
	w.with_files = seed % 2;
	w.on_outcome = seed_outcome;
	w.engine_count = choose_engines(&w);
	drive_journal_begin(&w, "sim");
	arena_init(&arena, heap_source(), 0, 0);
	hosts_begin(&w);
	store_begin(&w);
	if (world_below(&w, 3) == 0)
		sim_hosts_trusted(&w);
	sim_variants_begin(&w);
	post_some(&w);
	run_engines(&w, &arena);
	hosts_end(&w);
	bool good = w.failures == 0;
	seed_digest = prng_u64(&w.prng) ^ (uint64_t)w.now ^ w.event_order;
	memcpy(seed_failure, w.first_failure, sizeof(seed_failure));
	store_end(&w);
	sim_io_end();
	arena_done(&arena);
	drive_journal_end(&w);
	world_end(&w);
	return good;
}
