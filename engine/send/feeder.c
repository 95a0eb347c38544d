/* feeder.c - the feeder's step: lanes in, work and beat decided. */
#include "engine/send/feeder.h"

#include <stdio.h>

#include "engine/base/ahead.h"
#include "engine/base/assert.h"
#include "engine/base/log.h"

#define MARK_BATCH 8192
#define LOOK_AHEAD 8 /* objects of a lane: little is done with each */
#define DATABASE_TOLD_PAUSE USEC_MINUTE
/* Work in whole slices need not turn for each word from the database; a single message shall not
 * wait. */
#define SLICES_PACE (2 * USEC_MS)
#define DATABASE_PAUSE (500 * USEC_MS)

static int init_memory(struct feeder *feeder)
{
	struct arena *arena = &feeder->arena;
	const struct limits *limits = feeder->limits;
	feeder->marking = ARENA_ARRAY(arena, struct envelope *, limits->envelopes);
	feeder->mark_batch = ARENA_ARRAY(arena, struct envelope *, MARK_BATCH);
	feeder->mark_ids = ARENA_ARRAY(arena, uint64_t, MARK_BATCH);
	feeder->mark_slices = ARENA_ARRAY(arena, struct store_mark_slice, MARK_BATCH);
	if (!feeder->marking || !feeder->mark_batch || !feeder->mark_ids || !feeder->mark_slices)
		return -1;
	if (feeder_places_init(feeder) != 0 || feeder_zones_init(feeder) != 0 ||
	    feeder_hold_init(feeder) != 0 || feeder_memory_init(feeder) != 0)
		return -1;
	if (slab_init(&feeder->slice_slab, arena, sizeof(struct slice), limits->slices) != 0)
		return -1;
	return slab_init(&feeder->question_slab, arena, FEEDER_QUESTION_SIZE,
			 limits->questions);
}

int feeder_init(struct feeder *feeder, struct arena_source *source,
		const struct engine_settings *settings, const struct limits *limits,
		struct io_loop *loop, struct store *work, struct store *beat,
		struct store *claims,
		struct router *router, struct carrier *carrier, struct ledger *ledger,
		uint32_t engine_id, uint32_t epoch)
{
	*feeder = (struct feeder){
		.settings = settings,
		.limits = limits,
		.loop = loop,
		.work = work,
		.beat = beat,
		.claims = claims,
		.router = router,
		.carrier = carrier,
		.ledger = ledger,
		.source = source,
		.engine_id = engine_id,
		.epoch = epoch,
	};
	arena_init(&feeder->arena, source, 1 << 18, 0);
	arena_init(&feeder->work_arena, source, 1 << 16, 0);
	arena_init(&feeder->beat_arena, source, 1 << 16, 0);
	arena_init(&feeder->heartbeat_arena, source, 1 << 12, 0);
	arena_init(&feeder->discover_arena, source, 1 << 12, 0);
	arena_init(&feeder->claim_arena, source, 1 << 12, 0);
	feeder_health_init(feeder);
	chain_init(&feeder->campaigns);
	chain_init(&feeder->slices);
	chain_init(&feeder->domains);
	return feeder_source_init(feeder) != 0 ? -1 : init_memory(feeder);
}

void feeder_free_campaigns(struct feeder *feeder)
{
	for (struct chain_link *link; (link = chain_pop(&feeder->campaigns));)
		campaign_destroy(CHAIN_OWNER(link, struct campaign, link));
}

void feeder_done(struct feeder *feeder)
{
	for (struct chain_link *link; (link = chain_first(&feeder->slices));)
		feeder_slice_free(feeder, CHAIN_OWNER(link, struct slice, link));
	feeder_places_done(feeder);
	feeder_memory_done(feeder);
	if (feeder->load_busy)
		arena_done(&feeder->load_arena);
	arena_done(&feeder->discover_arena);
	arena_done(&feeder->claim_arena);
	if (feeder->claiming)
		arena_done(&feeder->claiming->arena);
	feeder_health_done(feeder);
	arena_done(&feeder->work_arena);
	arena_done(&feeder->beat_arena);
	arena_done(&feeder->heartbeat_arena);
	arena_done(&feeder->arena);
}

static void drain_lanes(struct feeder *feeder)
{
	struct lane *settled = &feeder->ledger->settled;
	void *object;
	while ((object = lane_pop(&feeder->carrier->mark_wanted))) {
		ASSERT(feeder->marking_count < feeder->limits->envelopes);
		feeder->marking[feeder->marking_count++] = object;
	}
	while ((object = lane_pop(&feeder->carrier->returned))) {
		feeder_source_back(object);
		feeder_returned(feeder, object);
	}
	while ((object = lane_pop(settled))) {
		ahead_write(lane_peek(settled, LOOK_AHEAD), sizeof(struct envelope));
		feeder_source_back(object);
		feeder_settled(feeder, ((struct envelope *)object)->slice, 1);
	}
	while ((object = lane_pop(&feeder->ledger->closed)))
		feeder_slice_free(feeder, object);
	while ((object = lane_pop(&feeder->carrier->farewells))) {
		feeder->leaving_count--;
		campaign_destroy(object);
	}
}

/* Where some requests succeed and others do not (what is written needs a place on the disk), the
 * same trouble begins and ends many times a second. */
static void tell_away(struct feeder *feeder, const struct store_request *request)
{
	usec now = io_now(feeder->loop);
	bool is_same = strncmp(feeder->database_told, request->why,
			       sizeof(feeder->database_told) - 1) == 0;
	if (feeder->database_lost ||
	    (is_same && now < feeder->database_told_at + DATABASE_TOLD_PAUSE))
		return;
	feeder->database_told_at = now;
	snprintf(feeder->database_told, sizeof(feeder->database_told), "%.63s", request->why);
	log_event(LOG_WARN, "database-away", "why=\"%s\" next=retry",
		  log_str(str_of(request->why)));
}

/* What a request's failure means for the feeder: a pause, or the end. */
void feeder_failed(struct feeder *feeder, const struct store_request *request,
		   usec *ret_again_at)
{
	*ret_again_at = io_now(feeder->loop) + DATABASE_PAUSE;
	if (request->result == STORE_LOST || request->result == STORE_RETRY) {
		tell_away(feeder, request);
		feeder->database_lost = true;
		return;
	}
	if (request->result == STORE_FENCED)
		atomic_store_explicit(&feeder->public.fenced, true, memory_order_relaxed);
	if (!feeder->trouble[0])
		snprintf(feeder->trouble, sizeof(feeder->trouble), "%s", request->why);
}

/* Among others a campaign whose statements the database refuses ends for itself. */
void feeder_failed_for(struct feeder *feeder, struct campaign *campaign,
		       const struct store_request *request, usec *ret_again_at)
{
	if (feeder->only || request->result == STORE_LOST || request->result == STORE_RETRY ||
	    request->result == STORE_FENCED) {
		feeder_failed(feeder, request, ret_again_at);
		return;
	}
	*ret_again_at = io_now(feeder->loop) + DATABASE_PAUSE;
	if (!campaign->paused)
		feeder_campaign_fail(feeder, campaign, request->why);
}

/* Of one campaign, or of all together. */
static void publish(struct feeder *feeder)
{
	struct feeder_public *public = &feeder->public;
	const struct campaign *only = feeder->only;
	uint64_t targeted = feeder->targeted_count;
	usec next_due_wall = USEC_NEVER;
	struct chain_link *link = chain_first(&feeder->campaigns);
	for (; link; link = chain_next(&feeder->campaigns, link)) {
		const struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		targeted += campaign->targeted_count;
		next_due_wall = usec_min(next_due_wall, campaign->next_due_wall);
	}
	atomic_store_explicit(&public->targeted, targeted, memory_order_relaxed);
	atomic_store_explicit(&public->for_winner, only ? only->waiting_count : 0,
			      memory_order_relaxed);
	atomic_store_explicit(&public->next_due_wall, next_due_wall, memory_order_relaxed);
	atomic_store_explicit(&public->admitted, (uint32_t)feeder->admitted_count,
			      memory_order_relaxed);
	atomic_store_explicit(&public->parked, (uint32_t)feeder->parked_count,
			      memory_order_relaxed);
	atomic_store_explicit(&public->paused, only && only->paused, memory_order_relaxed);
	atomic_store_explicit(&public->cancelled, only && only->cancelled,
			      memory_order_relaxed);
	atomic_store_explicit(&public->fully_cut, only && only->fully_cut,
			      memory_order_relaxed);
	atomic_store_explicit(&public->database_lost, feeder->database_lost,
			      memory_order_relaxed);
	atomic_store_explicit(&public->finished, only && only->finished, memory_order_release);
	atomic_store_explicit(&public->troubled, feeder->trouble[0] != 0, memory_order_release);
	atomic_store_explicit(&public->idle, feeder_idle(feeder), memory_order_release);
}

usec feeder_step(struct feeder *feeder)
{
	usec now = io_now(feeder->loop);
	drain_lanes(feeder);
	feeder_ask_domains(feeder);
	feeder_route_unsure(feeder);
	usec wake = usec_min(feeder_draw(feeder, now), feeder_remember(feeder, now));
	wake = usec_min(wake, feeder_beat(feeder, now));
	wake = usec_min(wake, feeder_warm_up(feeder, now));
	wake = usec_min(wake, feeder_health(feeder, now));
	wake = usec_min(wake, feeder_zones(feeder, now));
	wake = usec_min(wake, feeder_work(feeder, now));
	wake = usec_min(wake, feeder_places_step(feeder, now));
	publish(feeder);
	io_set_pace(feeder->loop, feeder->urgent_count > 0 ? 0 : SLICES_PACE);
	return wake;
}

void feeder_drain(struct feeder *feeder)
{
	feeder->draining = true;
}

bool feeder_idle(const struct feeder *feeder)
{
	return chain_empty(&feeder->slices) && !feeder->lease_busy && !feeder->read_busy &&
	       !feeder->put_back_busy && !feeder->mark_busy && !feeder->cut_busy &&
	       !feeder->load_busy && !feeder->discover_busy && !feeder->claim_busy &&
	       !feeder->health_busy && !feeder->zones_busy && !feeder->draws.busy && !feeder->memory.busy &&
	      
	       feeder_places_idle(feeder);
}
