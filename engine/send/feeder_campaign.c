/* feeder_campaign.c - the campaigns this engine works on: which there are, what each may have
 * of the engine's memory, when it runs, and when it is let go. */
#include "engine/send/feeder.h"

#include <stdio.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"

#define LOOK_LIMIT USEC_SECOND
#define LOOK_LEAST (20 * USEC_MS)
#define DISCOVER_INTERVAL (2 * USEC_SECOND)
#define SLICE_LEAST 100 /* recipients: fewer are not worth a slice */
#define RATE_TIME                                                                              \
	(2 * USEC_MINUTE) /* a campaign with a limit holds no more than so much of it */

static void on_running(struct store_request *);
static void on_loaded(struct store_request *);

/* Not much later than it is due, and at least once in a while, because what was settled
 * meanwhile may be due earlier. */
usec feeder_next_look(const struct feeder *feeder, usec due_wall)
{
	usec wait = due_wall == USEC_NEVER ? LOOK_LIMIT : due_wall - io_wall_now(feeder->loop);
	wait = usec_max(usec_min(wait, LOOK_LIMIT), LOOK_LEAST);
	return io_now(feeder->loop) + wait;
}

struct campaign *feeder_campaign_of(struct feeder *feeder, uint64_t campaign_id)
{
	struct chain_link *link = chain_first(&feeder->campaigns);
	for (; link; link = chain_next(&feeder->campaigns, link)) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		if (campaign->id == campaign_id)
			return campaign;
	}
	return NULL;
}

bool feeder_campaign_runs(const struct campaign *campaign)
{
	return !campaign->paused && !campaign->cancelled && !campaign->closed &&
	       !campaign->ended;
}

void feeder_add_campaign(struct feeder *feeder, struct campaign *campaign)
{
	chain_push_back(&feeder->campaigns, &campaign->link);
	if (campaign->untouched) {
		feeder_due_wait(feeder, campaign);
		feeder_health_wait(feeder, campaign);
	}
	feeder->urgent_count += campaign->urgent;
	if (campaign->urgent)
		feeder->claim_at = 0;
	lane_push(&feeder->carrier->arrivals, campaign);
	if (feeder->carrier_bell)
		io_bell_ring(feeder->carrier_bell);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Whoever has little to send leaves what it does not use to the others, but for a slice: so
 * that one that comes later finds room at once. */
uint32_t feeder_campaign_room(struct feeder *feeder, const struct campaign *campaign)
{
	const struct limits *limits = feeder->limits;
	uint64_t sum = 0;
	struct chain_link *link = chain_first(&feeder->campaigns);
	for (; link; link = chain_next(&feeder->campaigns, link)) {
		const struct campaign *other = CHAIN_OWNER(link, struct campaign, link);
		bool idle = other->fully_cut && other->nothing_open && !other->admitted_count;
		if (feeder_campaign_runs(other) && !idle)
			sum += other->weight;
	}
	if (sum < campaign->weight)
		sum = campaign->weight;
	uint64_t usable = limits->envelopes - feeder_urgent_reserve(feeder);
	uint64_t share = usable * campaign->weight / sum;
	const struct rate *rate = &campaign->content->limits.message_rate;
	if (rate->count > 0) {
		double in_time = (double)rate->count * (double)RATE_TIME / (double)rate->per;
		share = in_time < (double)share ? (uint64_t)in_time : share;
	}
	if (share < 2 * SLICE_LEAST)
		share = 2 * SLICE_LEAST;
	uint32_t slice = least(limits->slice, (uint32_t)share / 2);
	return campaign->admitted_count + slice <= share ? slice : 0;
}

void feeder_campaign_follow(struct feeder *feeder, struct campaign *campaign)
{
	bool halted = campaign->paused || campaign->cancelled || campaign->closed;
	if (halted == campaign->halted)
		return;
	struct store_stop *stop = ARENA_NEW(&feeder->arena, struct store_stop);
	if (!stop) {
		snprintf(feeder->trouble, sizeof(feeder->trouble),
			 "out of memory for a campaign's pause");
		return;
	}
	*stop = (struct store_stop){.kind = halted ? STOP_PAUSE : STOP_RESUME,
				    .campaign_id = campaign->id,
				    .reason = ""};
	campaign->halted = halted;
	lane_push(&feeder->carrier->stops, stop);
	if (feeder->carrier_bell)
		io_bell_ring(feeder->carrier_bell);
}

void feeder_campaign_fail(struct feeder *feeder, struct campaign *campaign, const char *why)
{
	if (feeder->only) {
		if (!feeder->trouble[0])
			snprintf(feeder->trouble, sizeof(feeder->trouble), "%s", why);
		return;
	}
	log_event(LOG_ERROR, "campaign-held",
		  "campaign=\"%s\" why=\"%s\" next=\"correct it and start rundbrief serve "
		  "again\"",
		  log_str(campaign->content->name), log_str(str_of(why)));
	campaign->paused = true;
	feeder_campaign_follow(feeder, campaign);
}

/* Which campaigns there are, now and then. */
static void submit_running(struct feeder *feeder)
{
	arena_reset(&feeder->discover_arena);
	feeder->running = (struct store_running){.request = {.on_done = on_running},
						 .arena = &feeder->discover_arena};
	feeder->discover_busy = true;
	store_running(feeder->work, &feeder->running);
}

static void on_running(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, running.request);
	feeder->discover_busy = false;
	feeder->discover_at = io_now(feeder->loop) + DISCOVER_INTERVAL;
	if (request->result != STORE_OK) {
		feeder_failed(feeder, request, &feeder->discover_at);
		return;
	}
	feeder->database_lost = false;
	feeder->load_ids = feeder->running.ret_ids;
	feeder->load_count = feeder->running.ret_count;
}

static bool is_held(const struct feeder *feeder, uint64_t campaign_id)
{
	for (size_t i = 0; i < feeder->held_count && i < FEEDER_HELD_LIMIT; i++)
		if (feeder->held_ids[i] == campaign_id)
			return true;
	return false;
}

/* It is not loaded again, and people are told once: what is launched does not change. */
static void hold(struct feeder *feeder, uint64_t campaign_id, const char *why)
{
	log_event(LOG_ERROR, "campaign-held",
		  "campaign=%llu why=\"%s\" next=\"correct what it says, then start the engine "
		  "again; or cancel the campaign\"",
		  (unsigned long long)campaign_id, log_str(str_of(why)));
	feeder->held_ids[feeder->held_count++ % FEEDER_HELD_LIMIT] = campaign_id;
}

static void submit_load(struct feeder *feeder, uint64_t campaign_id)
{
	arena_init(&feeder->load_arena, feeder->source, 0, 0);
	feeder->load = (struct store_campaign){.request = {.on_done = on_loaded},
					       .campaign_id = campaign_id,
					       .arena = &feeder->load_arena};
	feeder->load_busy = true;
	store_campaign(feeder->work, &feeder->load);
}

static void on_loaded(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, load.request);
	char why[200];
	feeder->load_busy = false;
	if (request->result != STORE_OK) {
		arena_done(&feeder->load_arena);
		if (request->result == STORE_REFUSED || request->result == STORE_UNFIT)
			hold(feeder, feeder->load.campaign_id, request->why);
		else if (request->result != STORE_NOT_FOUND) /* it was deleted meanwhile */
			feeder_failed(feeder, request, &feeder->discover_at);
		return;
	}
	struct campaign *campaign = campaign_create(&feeder->load_arena, feeder->settings,
						    &feeder->load, why, sizeof(why));
	if (!campaign) {
		hold(feeder, feeder->load.campaign_id, why);
		return;
	}
	log_event(LOG_INFO, "campaign", "name=\"%s\" change=taken-up",
		  log_str(campaign->content->name));
	feeder_add_campaign(feeder, campaign);
}

static bool load_next(struct feeder *feeder)
{
	while (feeder->load_count > 0) {
		uint64_t id = feeder->load_ids[--feeder->load_count];
		if (feeder_campaign_of(feeder, id) || is_held(feeder, id) ||
		    feeder->campaigns.count + feeder->leaving_count >= CAMPAIGNS_LIMIT)
			continue;
		submit_load(feeder, id);
		return true;
	}
	return false;
}

/* One that has ended is let go when nothing of it is in memory or asked for. */
static void let_go(struct feeder *feeder)
{
	for (struct chain_link *link = chain_first(&feeder->campaigns); link;) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		link = chain_next(&feeder->campaigns, link);
		bool asked = feeder->cut_of == campaign || feeder->due_of == campaign ||
			     feeder->finish_of == campaign || feeder->health_of == campaign ||
			     (campaign->urgent && feeder->claim_busy);
		if (!campaign->finished || campaign->slice_count > 0 || asked)
			continue;
		feeder->targeted_count += campaign->targeted_count;
		chain_remove(&feeder->campaigns, &campaign->link);
		feeder->urgent_count -= campaign->urgent;
		campaign->leaving = true;
		feeder->leaving_count++;
		lane_push(&feeder->carrier->arrivals, campaign);
		if (feeder->carrier_bell)
			io_bell_ring(feeder->carrier_bell);
	}
}

usec feeder_work_campaigns(struct feeder *feeder, usec now)
{
	if (feeder->only)
		return USEC_NEVER;
	let_go(feeder);
	if (feeder->discover_busy || feeder->load_busy || load_next(feeder))
		return USEC_NEVER;
	if (now < feeder->discover_at)
		return feeder->discover_at;
	submit_running(feeder);
	return USEC_NEVER;
}
