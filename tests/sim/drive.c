/* drive.c - steps an engine through a world: all its workers in one thread, the clock jumping
 * to whatever comes next. */
#include "tests/sim/drive.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/io/heap.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_warming.h"

str drive_provider_of(const void *context, const struct route *route)
{
	str hosts[ROUTE_HOST_LIMIT];
	for (size_t i = 0; i < route->host_count; i++)
		hosts[i] = str_of(route->hosts[i].name);
	return rules_provider(context, hosts, route->host_count);
}

bool drive_try(struct world *w, struct engine *engine, const struct engine_settings *settings,
	       uint64_t campaign_id)
{
	if (engine_open(engine, settings, heap_source(), campaign_id, 2) != 0)
		return false;
	state_hits[16] += engine->recovery.settled_count;
	state_hits[17] += engine->recovery.in_doubt_count;
	state_hits[18] += engine->recovery.slice_count;
	state_hits[19] += engine->recovery.journal_note[0] != 0;
	if (engine_build_carrier(engine, prng_u64(&w->prng)) != 0 ||
	    engine_build_feeder(engine, prng_u64(&w->prng)) != 0 || w->life->dead)
		return false;
	engine->carrier.feeder_bell = engine->feeder_bell;
	return true;
}

void drive_give_up(struct world *w, struct engine *engine)
{
	w->life->dead = true;
	sim_io_crash(w->life);
	engine_close_feeder(engine);
	engine_close_carrier(engine);
	engine_close(engine);
}

/* Opening can fail while the database is away: people would try again, so do we. */
static bool open_for(struct world *w, struct engine *engine,
		     const struct engine_settings *settings, uint64_t campaign_id)
{
	sim_warming_begin();
	for (int tries = 0; tries < 1000; tries++) {
		world_live(w, w->life->engine);
		if (drive_try(w, engine, settings, campaign_id))
			return true;
		drive_give_up(w, engine);
		for (usec until = w->now + USEC_SECOND; w->now < until;)
			if (!world_run_next(w, until))
				w->now = until;
	}
	world_fail(w, "the engine cannot be opened: %s", engine->why);
	return false;
}

bool drive_open(struct world *w, struct engine *engine, const struct engine_settings *settings)
{
	return open_for(w, engine, settings, SIM_NEWSLETTER);
}

bool drive_open_all(struct world *w, struct engine *engine,
		    const struct engine_settings *settings)
{
	return open_for(w, engine, settings, 0);
}

/* The presses take turns with everybody: between two messages the process may die. */
static bool step_presses(struct world *w, struct engine *engine)
{
	bool pressed = false;
	for (uint32_t i = 0; i < engine_press_count(engine); i++)
		while (!w->life->dead && press_step(&engine->presses[i])) {
			world_point(w, POINT_PRESS, 0);
			pressed = true;
		}
	return pressed;
}

static bool has_more(struct engine *engine)
{
	return !lane_empty(&engine->carrier.mark_wanted) ||
	       !lane_empty(&engine->carrier.returned) || !lane_empty(&engine->carrier.runs) ||
	       !lane_empty(&engine->carrier.marked) ||
	       !lane_empty(&engine->carrier.outcomes_back) ||
	       !lane_empty(&engine->ledger.settled) || !lane_empty(&engine->ledger.closed) ||
	       (!lane_empty(&engine->ledger.closable) && !atomic_load(&engine->ledger.lost));
}

usec drive_step(struct engine *engine)
{
	struct world *w = world;
	usec wake = carrier_step(&engine->carrier);
	sim_warming_check(w, engine);
	if (!w->life->dead)
		wake = usec_min(wake, feeder_step(&engine->feeder));
	if (step_presses(w, engine))
		wake = w->now;
	if (!w->life->dead)
		wake = usec_min(wake, ledger_step(&engine->ledger, w->now, false));
	if (w->life->dead)
		return w->now;
	int ran = io_turn(engine->carrier_loop, w->now);
	if (!w->life->dead)
		ran += io_turn(engine->feeder_loop, w->now);
	return ran > 0 || has_more(engine) ? w->now : wake;
}

void drive_close(struct engine *engine)
{
	engine_close_feeder(engine);
	engine_close_carrier(engine);
	engine_close(engine);
	world->life->dead = true;
}

void drive_crash(struct world *w, struct engine *engine)
{
	w->life->dead = true;
	w->crash_count++;
	fault_hits[FAULT_CRASH]++;
	sim_io_crash(w->life);
	drive_close(engine);
}

void drive_check_empty(struct world *w, struct engine *engine)
{
	if (engine->carrier.message_slab.borrowed_count ||
	    engine->carrier.session_slab.borrowed_count ||
	    engine->carrier.outcome_slab.borrowed_count ||
	    engine->feeder.slice_slab.borrowed_count ||
	    engine->feeder.question_slab.borrowed_count || engine->feeder.admitted_count)
		world_fail(w,
			   "not empty at the end: messages %zu sessions %zu outcomes %zu "
			   "slices %zu "
			   "questions %zu admitted %zu",
			   engine->carrier.message_slab.borrowed_count,
			   engine->carrier.session_slab.borrowed_count,
			   engine->carrier.outcome_slab.borrowed_count,
			   engine->feeder.slice_slab.borrowed_count,
			   engine->feeder.question_slab.borrowed_count,
			   engine->feeder.admitted_count);
}

void drive_on(struct world *w, usec wake)
{
	usec next = usec_min(wake, world_next_at(w));
	if (next <= w->now) {
		world_run_next(w, w->now);
	} else if (world_next_at(w) <= wake) {
		world_run_next(w, next);
	} else {
		w->now = next;
	}
}

void drive_drain(struct world *w, struct engine *engine)
{
	carrier_drain(&engine->carrier);
	feeder_drain(&engine->feeder);
	for (int i = 0; i < 20000; i++) {
		usec wake = drive_step(engine);
		if (carrier_idle(&engine->carrier) && feeder_idle(&engine->feeder) &&
		    ledger_idle(&engine->ledger) && wake > w->now)
			break;
		drive_on(w, usec_min(wake, w->now + USEC_SECOND));
	}
	drive_check_empty(w, engine);
	sim_warming_end(w, engine);
}

/* The files of a directory, and of those in it; then these. */
static void empty_directory(const char *path, int depth)
{
	DIR *directory = opendir(path);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char name[512];
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && unlink(name) != 0 && depth > 0) {
			empty_directory(name, depth - 1);
			rmdir(name);
		}
	}
	if (directory)
		closedir(directory);
}

void drive_journal_begin(struct world *w, const char *name)
{
	snprintf(w->journal, sizeof(w->journal), "%s/rundbrief-%s-%d",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", name, (int)getpid());
	mkdir(w->journal, 0700);
	empty_directory(w->journal, 1);
}

void drive_journal_end(struct world *w)
{
	empty_directory(w->journal, 1);
	rmdir(w->journal);
}
