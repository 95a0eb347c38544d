/* seed_node.c - one engine of a seed over all its lives: started, stepped, stopped in order,
 * killed at a point or between two steps, standing still, cut off from the database, its clock
 * set, its machine removed. Chance of the seed decides; what it decides is counted. */
#include "tests/sim/seed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "engine/base/assert.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"
#include "tests/sim/sim_warming.h"

#define CRASH_LIMIT 6 /* lives that end in a crash, of one engine */
#define LEASE_TIME (30 * USEC_SECOND)

static struct engine engines[ENGINE_LIMIT];

/* A number of any size up to 2^most, small ones as often as large ones. */
static uint64_t any_size(struct world *w, unsigned most)
{
	return 1 + world_below(w, 1ull << world_below(w, most));
}

/* Where the life that begins will end: between two steps of the driver, or at the n-th time that
 * it meets one kind of point. */
static void plan_death(struct world *w, struct node *node)
{
	struct sim_life *life = w->life;
	uint64_t number = any_size(w, 12);
	enum point kind = (enum point)world_below(w, POINT_COUNT);
	unsigned call = (unsigned)world_below(w, CALL_COUNT);
	bool any_call = world_below(w, 3) == 0, in_time = world_below(w, 3) > 0;
	life->power = node->durable && world_fault(w, FAULT_POWER);
	if (world_limits.point > 0) {
		life->dies_at = node->index == 0 && node->deaths == 0 ? world_limits.point : 0;
		return;
	}
	uint32_t most = world_limits.crashes < CRASH_LIMIT ? world_limits.crashes : CRASH_LIMIT;
	if (w->rate[FAULT_CRASH] == 0 || node->deaths >= most)
		return;
	life->dies_kind = (int)kind;
	life->dies_at = number;
	if (kind >= POINT_STORE_BEFORE && !any_call) {
		life->dies_call = (int)call;
		life->dies_at = 1 + number % 4;
	} else if (life->power && in_time) { /* something is written and not synced */
		life->dies_kind = world_below(w, 2) ? POINT_WRITE_LANDED : POINT_SYNC_UNDERWAY;
		life->dies_at = 1 + number % 64;
	} else if (kind == POINT_DEFERRED) { /* it is met a few times only */
		life->dies_at = 1 + number % 2;
	} else if (kind != POINT_STEP && in_time) {
		life->dies_at = 1 + number % 64;
	}
}

static usec next_trouble(struct world *w)
{
	return w->now + USEC_SECOND +
	       (usec)world_below(w, (world_below(w, 3) ? 30 : 600) * USEC_SECOND);
}

/* Opening can fail while the database is away, or the process dies in it: then it is tried
 * again. */
static void start(struct world *w, struct node *node)
{
	usec skew = node->life ? node->life->wall_skew : 0;
	node->life = world_live(w, node->index);
	node->life->wall_skew = skew;
	node->engine = &engines[node->index];
	plan_death(w, node);
	if (w->engine_count == 1)
		sim_warming_begin();
	if (drive_try(w, node->engine, &node->settings, node->serves ? 0 : SIM_NEWSLETTER)) {
		node->state = NODE_UP;
		node->wake = w->now;
		if (node->engine->recovery.in_doubt_count > node->in_flight_at_death &&
		    !w->journal_may_be_lost)
			world_fail(w, "%s: %llu in doubt, and %llu were on their way",
				   node->name,
				   (unsigned long long)node->engine->recovery.in_doubt_count,
				   (unsigned long long)node->in_flight_at_death);
		return;
	}
	if (node->life->dead)
		node->deaths++;
	w->crash_count += node->life->dead;
	fault_hits[FAULT_CRASH] += node->life->dead;
	drive_give_up(w, node->engine);
	node->starts_at = w->now + USEC_SECOND;
}

static bool others_stay(const struct world *w)
{
	return w->engine_count > 1;
}

/* How many marks may stand in the journal without an end behind them: of messages, of outcomes that
 * are not written yet, and of what came back and the journal may not know of it. */
static uint64_t open_marks(struct engine *engine)
{
	struct carrier *carrier = &engine->carrier;
	uint64_t count = carrier->open_marks.count + carrier->unwritten.count;
	struct chain_link *link = chain_first(&engine->feeder.slices);
	for (; link; link = chain_next(&engine->feeder.slices, link)) {
		const struct slice *slice = CHAIN_OWNER(link, struct slice, link);
		for (size_t i = 0; slice->envelopes && i < slice->count; i++)
			count += slice->envelopes[i].void_position > carrier->written_position;
	}
	size_t index = 0;
	for (struct map_entry *e; (e = map_next(&carrier->paths, &index));) {
		struct carrier_path *path = e->value;
		link = chain_first(&path->sessions);
		for (; link; link = chain_next(&path->sessions, link))
			count += CHAIN_OWNER(link, struct session, link)->spent.count;
	}
	return count;
}

static void die(struct world *w, struct node *node)
{
	node->in_flight_at_death = open_marks(node->engine);
	node->deaths++;
	node->pauses_by = 0;
	world_tell(world_limits.traced, "dies");
	drive_crash(w, node->engine);
	node->state = NODE_DOWN;
	/* Most come back at once, some when others have taken over. */
	usec pause = world_below(w, 3)   ? (usec)world_below(w, 10 * USEC_SECOND)
		     : world_below(w, 4) ? (usec)world_below(w, 4 * LEASE_TIME)
					 : (usec)world_below(w, 20 * USEC_MINUTE);
	node->starts_at = w->now + USEC_SECOND + pause;
	if (others_stay(w) && node->index == 0 && world_fault(w, FAULT_GONE)) {
		node->state = NODE_GONE;
		world_tell(world_limits.traced, "is gone for good");
	}
}

static void stop(struct node *node, bool restarts)
{
	carrier_drain(&node->engine->carrier);
	feeder_drain(&node->engine->feeder);
	node->state = NODE_DRAINING;
	node->restarts = restarts;
}

static bool heard_the_end(const struct node *node)
{
	return node->serves ? store_finished() && sim_outbox_is_done()
			    : node->engine->feeder.only->finished;
}

static void stopped(struct world *w, struct node *node)
{
	drive_check_empty(w, node->engine);
	sim_warming_end(w, node->engine);
	/* What was settled since then may have begun again what somebody else had buried. */
	node->restarts |= !heard_the_end(node);
	engine_leave(node->engine);
	seed_count_habits(node->engine);
	drive_close(node->engine);
	state_hits[STATE_LEFT]++;
	node->state = node->restarts ? NODE_DOWN : NODE_DONE;
	node->starts_at = w->now + (usec)world_below(w, 3 * USEC_SECOND);
	/* People change settings between two starts: the slices that wait may be too large. */
	node->settings.envelope_limit = world_below(w, 2) ? 200 : 25;
}

/* For less than its lease, for some leases, or about as long as one: when others have begun to take
 * over, and are not through. */
static void stand_still(struct world *w, struct node *node)
{
	uint64_t die = world_below(w, 4);
	usec most = die == 0 ? LEASE_TIME : die == 1 ? 2 * LEASE_TIME : 8 * USEC_SECOND;
	node->pauses_by = 0;
	node->life->away_until =
		w->now + (die == 0 ? 0 : LEASE_TIME) + (usec)world_below(w, (uint64_t)most);
	world_tell(world_limits.traced, "stands still for %.1f s",
		   (double)(node->life->away_until - w->now) / 1e6);
}

/* Half of the pauses find starts that are not marked yet. */
static bool is_due_to_pause(const struct world *w, const struct node *node)
{
	return node->pauses_by > 0 &&
	       (w->now >= node->pauses_by || node->engine->feeder.marking_count > 0);
}

/* What befalls a process that runs. */
static void befall(struct world *w, struct node *node)
{
	node->trouble_at = next_trouble(w);
	switch (world_below(w, 3)) {
	case 0:
		if (!world_fault(w, FAULT_PAUSE))
			return;
		node->pauses_by = w->now + (world_below(w, 2) ? USEC_MINUTE : 0);
		return;
	case 1:
		if (!world_fault(w, FAULT_CUT_OFF))
			return;
		node->life->cut_off_until = w->now + (usec)world_below(w, 3 * LEASE_TIME);
		world_tell(world_limits.traced, "is cut off from the database for %.1f s",
			   (double)(node->life->cut_off_until - w->now) / 1e6);
		return;
	default:
		if (!world_fault(w, FAULT_CLOCK_JUMP))
			return;
		node->life->wall_skew = (usec)world_below(w, 20 * USEC_MINUTE) - 10 * USEC_MINUTE;
		world_tell(world_limits.traced, "has its clock %.1f s ahead",
			   (double)node->life->wall_skew / 1e6);
		return;
	}
}

/* Its lease ran out while it stood still or was cut off. */
static bool is_troubled(struct world *w, struct node *node)
{
	const struct engine *engine = node->engine;
	if (!engine->feeder.trouble[0] && !atomic_load(&engine->ledger.fenced))
		return false;
	world_fail(w, "%s: trouble: %s%s", node->name, engine->feeder.trouble,
		   engine->ledger.why);
	return true;
}

static bool is_idle(const struct node *node)
{
	return carrier_idle(&node->engine->carrier) && feeder_idle(&node->engine->feeder) &&
	       ledger_idle(&node->engine->ledger);
}

static bool step_running(struct world *w, struct node *node)
{
	usec wake = drive_step(node->engine);
	if (!node->life->dead)
		world_point(w, POINT_STEP, 0);
	if (node->life->dead) {
		die(w, node);
		return true;
	}
	if (is_troubled(w, node))
		return false;
	node->wake = wake;
	const char *standby = atomic_load(&node->engine->feeder.public.standby);
	if (standby && standby != node->standby)
		state_hits[STATE_STANDBY]++;
	node->standby = standby;
	if (node->state == NODE_DRAINING) {
		if (is_idle(node) && wake > w->now)
			stopped(w, node);
		else
			node->wake = usec_min(wake, w->now + USEC_SECOND);
		return true;
	}
	if (heard_the_end(node)) {
		stop(node, false);
		node->wake = w->now;
	} else if (w->now >= node->stops_at) {
		node->stops_at = USEC_NEVER;
		state_hits[STATE_STOPPED]++;
		stop(node, true);
		node->wake = w->now;
	} else if (w->now >= node->trouble_at) {
		befall(w, node);
	}
	if (is_due_to_pause(w, node))
		stand_still(w, node);
	return true;
}

bool node_step(struct world *w, struct node *node)
{
	if (node_rests(node))
		return true;
	if (node->state == NODE_DOWN) {
		if (w->now >= node->starts_at)
			start(w, node);
		if (node->state == NODE_DOWN)
			node->wake = node->starts_at;
		return true;
	}
	if (node->life->away_until > w->now) {
		node->wake = node->life->away_until;
		return true;
	}
	if (!node->life->touched && node->wake > w->now)
		return true;
	struct sim_life *before = world_enter(w, node->life);
	node->life->touched = false;
	bool good = step_running(w, node);
	world_leave(w, before);
	if (node->state == NODE_DOWN)
		node->wake = node->starts_at;
	else if (node->state == NODE_UP)
		node->wake = usec_min(node->wake, usec_min(node->stops_at, node->trouble_at));
	if (node->state == NODE_UP && node->pauses_by > 0)
		node->wake = usec_min(node->wake, node->pauses_by);
	if (node->life->away_until > w->now)
		node->wake = node->life->away_until;
	return good;
}

bool node_rests(const struct node *node)
{
	return node->state == NODE_DONE || node->state == NODE_GONE;
}

void node_begin(struct world *w, struct node *node, unsigned index, struct rules *rules)
{
	*node = (struct node){.index = index, .state = NODE_DOWN};
	snprintf(node->name, sizeof(node->name), "sim%u", index + 1);
	snprintf(node->journal, sizeof(node->journal), "%s/%u", w->journal, index + 1);
	mkdir(node->journal, 0700);
	seed_settings(w, node, rules);
	node->serves = w->seed % 4 == 2;
	/* Some join when the others are half-way. */
	node->starts_at = w->now;
	if (index > 0 && world_below(w, 2)) {
		node->starts_at += (usec)world_below(w, 3 * USEC_MINUTE);
		state_hits[STATE_JOINED_LATE]++;
	}
	node->stops_at = w->seed % 2 ? w->now + (usec)world_below(w, 2 * USEC_MINUTE)
				     : USEC_NEVER;
	node->trouble_at = next_trouble(w);
}

void node_end(struct world *w, struct node *node)
{
	if (node->state != NODE_UP && node->state != NODE_DRAINING)
		return;
	world_enter(w, node->life);
	node->life->dead = true;
	sim_io_crash(node->life);
	drive_close(node->engine);
}
