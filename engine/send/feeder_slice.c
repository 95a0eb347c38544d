/* feeder_slice.c - a slice's life: cut, leased, read, in memory, put back or settled, closed.
 */
#include "engine/send/feeder.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/send/first_check.h"

#define SLICE_BLOCK (32 * 1024)
#define CUT_AHEAD 2
#define POLL_INTERVAL (250 * USEC_MS)     /* between tries to finish */
#define WINNER_INTERVAL (2 * USEC_SECOND) /* the same while some wait for the winner */
#define ABSENT_INTERVAL (5 * USEC_SECOND) /* the same while another engine's journal is awaited */
#define DUE_INTERVAL (10 * USEC_SECOND)
#define DUE_LEAST (20 * USEC_MS)
#define FIRST_CHECKS 10 /* recipients tried for it */

static void on_cut(struct store_request *);
static void on_lease(struct store_request *);
static void on_excess(struct store_request *);
static void on_read(struct store_request *);
static void on_due(struct store_request *);
static void on_finish(struct store_request *);

/* The first slice is small, so that a message leaves at once. */
static void submit_cut(struct feeder *feeder, struct campaign *campaign, uint32_t room)
{
	uint32_t limit =
		campaign->first_cut_done ? feeder->limits->slice : feeder->limits->first_slice;
	feeder->cut = (struct store_cut){
		.request = {.on_done = on_cut},
		.campaign_id = campaign->id,
		.limit = room < limit ? room : limit,
	};
	if (feeder->cut.limit > campaign->ramp_room)
		feeder->cut.limit = (uint32_t)campaign->ramp_room;
	feeder->cut_of = campaign;
	feeder->cut_busy = true;
	store_cut(feeder->work, &feeder->cut);
}

static void on_cut(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, cut.request);
	struct campaign *campaign = feeder->cut_of;
	feeder->cut_busy = false;
	feeder->cut_of = NULL;
	if (request->result != STORE_OK) {
		feeder_failed_for(feeder, campaign, request, &campaign->cut_at);
		return;
	}
	feeder->database_lost = false;
	campaign->first_cut_done = true;
	campaign->untouched = false;
	campaign->fully_cut = feeder->cut.ret_fully_cut;
	campaign->targeted_count += feeder->cut.ret_count;
	campaign->cut_since += feeder->cut.ret_count;
	if (campaign->ramp_room != UINT64_MAX)
		campaign->ramp_room -= feeder->cut.ret_count < campaign->ramp_room
					       ? feeder->cut.ret_count
					       : campaign->ramp_room;
	if (feeder->cut.ret_slice_id && feeder->cut.ret_count > 0) {
		campaign->cut_ahead++;
		campaign->lease_at = 0;
	}
}

void feeder_slice_prepare(struct feeder *feeder, struct slice *slice)
{
	*slice = (struct slice){};
	arena_init(&slice->arena, feeder->source, SLICE_BLOCK, 0);
	chain_init(&slice->put_back);
	chain_init(&slice->put_back_now);
}

void feeder_slice_admit(struct feeder *feeder, struct slice *slice, size_t count)
{
	slice->count = slice->open_count = count;
	slice->leased_at = io_now(feeder->loop);
	feeder->admitted_count += count;
	slice->campaign->admitted_count += count;
	chain_push_back(&feeder->slices, &slice->link);
}

static void submit_lease(struct feeder *feeder, struct campaign *campaign)
{
	struct slice *slice = slab_borrow(&feeder->slice_slab);
	if (!slice)
		return;
	feeder_slice_prepare(feeder, slice);
	slice->campaign = campaign;
	campaign->slice_count++;
	feeder->reading = slice;
	feeder->lease = (struct store_lease){
		.request = {.on_done = on_lease},
		.engine_id = feeder->engine_id,
		.epoch = feeder->epoch,
		.campaign_id = campaign->id,
		.arena = &slice->arena,
	};
	feeder->lease_busy = true;
	store_lease(feeder->work, &feeder->lease);
}

static void forget_reading(struct feeder *feeder)
{
	feeder->reading->campaign->slice_count--;
	arena_done(&feeder->reading->arena);
	slab_give_back(&feeder->slice_slab, feeder->reading);
	feeder->reading = NULL;
}

static void submit_read(struct feeder *feeder)
{
	const struct campaign *campaign = feeder->reading->campaign;
	feeder->read = (struct store_read){
		.request = {.on_done = on_read},
		.campaign_id = campaign->id,
		.slice_id = feeder->reading->id,
		.ids = feeder->lease.ret_ids,
		.count = feeder->lease.ret_count,
		.fields = campaign->content->fields,
		.field_count = campaign->content->field_count,
		.arena = &feeder->reading->arena,
	};
	feeder->read_busy = true;
	store_read(feeder->work, &feeder->read);
}

/* A slice may be larger than there is room: cut by an engine with more memory, or by this one
 * before its settings changed. What is too much becomes a slice of its own again. */
static void submit_excess(struct feeder *feeder)
{
	const struct slice *slice = feeder->reading;
	feeder->excess = (struct store_put_back){
		.request = {.on_done = on_excess},
		.engine_id = feeder->engine_id,
		.epoch = feeder->epoch,
		.campaign_id = slice->campaign->id,
		.slice_id = slice->id,
		.ids = feeder->lease.ret_ids + slice->count,
		.count = feeder->lease.ret_count - slice->count,
	};
	feeder->read_busy = true;
	store_put_back(feeder->work, &feeder->excess);
}

static void on_excess(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, excess.request);
	feeder->read_busy = false;
	if (request->result != STORE_OK) {
		feeder_failed_for(feeder, feeder->reading->campaign, request,
				  &feeder->read_at);
		return;
	}
	feeder->lease.ret_count = feeder->reading->count;
	submit_read(feeder);
}

static void read_or_shorten(struct feeder *feeder)
{
	if (feeder->lease.ret_count > feeder->reading->count)
		submit_excess(feeder);
	else
		submit_read(feeder);
}

/* What was leased may be another campaign's than was asked for: of the lease before, whose answer
 * was lost. False: of one that has left; it is leased again when this engine starts again. */
static bool take_campaign(struct feeder *feeder, struct slice *slice)
{
	struct campaign *asked = slice->campaign;
	if (feeder->lease.ret_campaign_id == asked->id)
		return true;
	struct campaign *campaign = feeder_campaign_of(feeder, feeder->lease.ret_campaign_id);
	asked->lease_at = 0;
	if (!campaign)
		return false;
	asked->slice_count--;
	campaign->slice_count++;
	slice->campaign = campaign;
	return true;
}

static void on_lease(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, lease.request);
	struct slice *slice = feeder->reading;
	struct campaign *campaign = slice->campaign;
	feeder->lease_busy = false;
	if (request->result != STORE_OK) {
		forget_reading(feeder);
		feeder_failed_for(feeder, campaign, request, &campaign->lease_at);
		return;
	}
	feeder->database_lost = false;
	if (feeder->lease.ret_slice_id == 0) {
		forget_reading(feeder);
		campaign->lease_at = feeder_next_look(feeder, feeder->lease.ret_next_due_wall);
		campaign->nothing_open = true;
		campaign->cut_ahead = 0; /* another engine has what this one cut */
		return;
	}
	if (!take_campaign(feeder, slice)) {
		log_event(LOG_WARN, "slice-left", "campaign=%llu slice=%llu next=\"it is sent "
			  "when this engine starts again\"",
			  (unsigned long long)feeder->lease.ret_campaign_id,
			  (unsigned long long)feeder->lease.ret_slice_id);
		forget_reading(feeder);
		return;
	}
	campaign = slice->campaign;
	campaign->nothing_open = false;
	campaign->waiting_count = 0; /* or it is asked again when nothing is left */
	if (feeder->lease.ret_winner)
		atomic_store_explicit(&campaign->winner, feeder->lease.ret_winner,
				      memory_order_release);
	if (campaign->cut_ahead > 0)
		campaign->cut_ahead--;
	slice->id = feeder->lease.ret_slice_id;
	slice->kind = feeder->lease.ret_kind;
	size_t room = feeder->limits->envelopes - feeder->admitted_count;
	feeder_slice_admit(feeder, slice,
			   feeder->lease.ret_count < room ? feeder->lease.ret_count : room);
	read_or_shorten(feeder);
}

/* A recipient whose rendering fails proves nothing about the signature: ask the next. */
static bool check_first(struct feeder *feeder, struct slice *slice)
{
	struct campaign *campaign = slice->campaign;
	char why[sizeof(feeder->trouble)] = "";
	for (size_t i = 0; i < slice->count && i < FIRST_CHECKS && !campaign->first_checked;
	     i++) {
		if (!slice->recipients[i].email.data)
			continue;
		slice->envelopes[i].date_wall = io_wall_now(feeder->loop);
		int result = first_check(feeder->settings, feeder->published, feeder->source,
					 &slice->envelopes[i], why, sizeof(why));
		slice->envelopes[i].date_wall = 0;
		if (result < 0) {
			feeder_campaign_fail(feeder, campaign, why);
			return false;
		}
		campaign->first_checked = result == 0;
	}
	return true;
}

static void on_read(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, read.request);
	struct slice *slice = feeder->reading;
	feeder->read_busy = false;
	if (request->result != STORE_OK) {
		feeder_failed_for(feeder, feeder->reading->campaign, request,
				  &feeder->read_at);
		return;
	}
	feeder->database_lost = false;
	feeder->reading = NULL;
	slice->recipients = feeder->read.ret_recipients;
	feeder_slice_route(feeder, slice);
}

void feeder_slice_route(struct feeder *feeder, struct slice *slice)
{
	slice->envelopes = ARENA_ARRAY(&slice->arena, struct envelope, slice->count);
	ASSERT(slice->envelopes || slice->count == 0);
	for (size_t i = 0; i < slice->count; i++) {
		chain_link_init(&slice->envelopes[i].link);
		slice->envelopes[i].slice = slice;
		slice->envelopes[i].campaign = slice->campaign;
		slice->envelopes[i].recipient = &slice->recipients[i];
	}
	if (slice->count == 0)
		feeder_settled(feeder, slice, 0);
	else if (slice_is_lost(slice))
		for (size_t i = 0; i < slice->count; i++)
			feeder_returned(feeder, &slice->envelopes[i]);
	else if (!check_first(feeder, slice))
		for (size_t i = 0; i < slice->count; i++) /* nothing leaves */
			feeder_returned(feeder, &slice->envelopes[i]);
	else if (feeder_zones_count(slice))
		slice->awaits_zones = true;
	else
		feeder_route_slice(feeder, slice);
}

/* At its time, or when something settled since is due earlier (follow_settled()); other
 * engines' deferrals are found now and then. */
static usec due_look(const struct feeder *feeder, usec due_wall)
{
	usec wait = DUE_INTERVAL;
	if (due_wall != USEC_NEVER)
		wait = usec_min(wait, due_wall - io_wall_now(feeder->loop));
	return io_now(feeder->loop) + usec_max(wait, DUE_LEAST);
}

/* The ledger has settled deferrals: when the first of them is due. */
static void follow_settled(struct feeder *feeder)
{
	struct chain_link *link = chain_first(&feeder->campaigns);
	for (; link; link = chain_next(&feeder->campaigns, link)) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		usec due_wall = atomic_exchange_explicit(&campaign->settled_due_wall,
							 USEC_NEVER, memory_order_acquire);
		if (due_wall == USEC_NEVER)
			continue;
		campaign->next_due_wall = usec_min(campaign->next_due_wall, due_wall);
		campaign->due_at = usec_min(campaign->due_at, due_look(feeder, due_wall));
	}
}

void feeder_due_wait(struct feeder *feeder, struct campaign *campaign)
{
	campaign->due_at = due_look(feeder, USEC_NEVER);
}

void feeder_due_ask(struct campaign *campaign)
{
	if (!campaign->untouched)
		campaign->due_at = 0;
}

static void submit_due(struct feeder *feeder, struct campaign *campaign)
{
	feeder->due = (struct store_claim_due){
		.request = {.on_done = on_due},
		.campaign_id = campaign->id,
		.limit = feeder->limits->slice,
	};
	feeder->due_of = campaign;
	feeder->due_busy = true;
	store_claim_due(feeder->work, &feeder->due);
}

static void on_due(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, due.request);
	struct campaign *campaign = feeder->due_of;
	feeder->due_busy = false;
	feeder->due_of = NULL;
	if (request->result != STORE_OK) {
		feeder_failed_for(feeder, campaign, request, &campaign->due_at);
		return;
	}
	campaign->next_due_wall = feeder->due.ret_next_due_wall;
	if (feeder->due.ret_count > 0)
		campaign->lease_at = campaign->due_at = 0;
	else
		campaign->due_at = due_look(feeder, campaign->next_due_wall);
}

void feeder_settled(struct feeder *feeder, struct slice *slice, size_t count)
{
	ASSERT(slice->open_count >= count);
	slice->open_count -= count;
	feeder->admitted_count -= count;
	slice->campaign->admitted_count -= count;
	if (slice->open_count > 0)
		return;
	lane_push(&feeder->ledger->closable, slice);
	doorbell_ring(&feeder->ledger->bell);
}

void feeder_slice_free(struct feeder *feeder, struct slice *slice)
{
	chain_remove(&feeder->slices, &slice->link);
	slice->campaign->slice_count--;
	arena_done(&slice->arena);
	slab_give_back(&feeder->slice_slab, slice);
}

static void submit_finish(struct feeder *feeder, struct campaign *campaign)
{
	feeder->finish = (struct store_finish){
		.request = {.on_done = on_finish},
		.campaign_id = campaign->id,
	};
	feeder->finish_of = campaign;
	feeder->finish_busy = true;
	store_finish(feeder->work, &feeder->finish);
}

static void on_finish(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, finish.request);
	struct campaign *campaign = feeder->finish_of;
	feeder->finish_busy = false;
	feeder->finish_of = NULL;
	campaign->finish_at = io_now(feeder->loop) + POLL_INTERVAL;
	if (request->result != STORE_OK) {
		feeder_failed_for(feeder, campaign, request, &campaign->finish_at);
		return;
	}
	campaign->waiting_count = feeder->finish.ret_waiting;
	if (feeder->finish.ret_absent[0])
		campaign->finish_at = io_now(feeder->loop) + ABSENT_INTERVAL;
	feeder_say_absent(feeder, &feeder->finish);
	if (campaign->waiting_count > 0)
		campaign->finish_at = io_now(feeder->loop) + WINNER_INTERVAL;
	if (feeder->finish.ret_finished) {
		campaign->ended = true;
		feeder->stop_at = 0;
	}
}

static usec work_read(struct feeder *feeder, usec now)
{
	if (!feeder->reading || feeder->lease_busy || feeder->read_busy)
		return USEC_NEVER;
	if (now < feeder->read_at)
		return feeder->read_at;
	read_or_shorten(feeder); /* it failed before */
	return USEC_NEVER;
}

static usec lease_wanted_at(struct feeder *feeder, struct campaign *campaign)
{
	bool room = feeder->admitted_count + feeder->limits->first_slice +
			    feeder_urgent_reserve(feeder) <=
		    feeder->limits->envelopes;
	bool runs = feeder_campaign_runs(campaign) && room &&
		    feeder_holds_for(feeder, campaign) &&
		    feeder_campaign_room(feeder, campaign) > 0;
	return runs ? campaign->lease_at : USEC_NEVER;
}

static usec cut_wanted_at(struct feeder *feeder, struct campaign *campaign)
{
	bool wanted = feeder_campaign_runs(campaign) && !campaign->fully_cut &&
		      campaign->cut_ahead < CUT_AHEAD && campaign->ramp_room > 0 &&
		      feeder_holds_for(feeder, campaign) &&
		      feeder_campaign_room(feeder, campaign) > 0;
	return wanted ? campaign->cut_at : USEC_NEVER;
}

static usec due_wanted_at(struct feeder *feeder, struct campaign *campaign)
{
	bool wanted = feeder_campaign_runs(campaign) && feeder_holds_for(feeder, campaign);
	return wanted ? campaign->due_at : USEC_NEVER;
}

static usec finish_wanted_at(struct feeder *feeder, struct campaign *campaign)
{
	(void)feeder;
	bool sent = campaign->fully_cut && campaign->nothing_open && !campaign->paused &&
		    !campaign->urgent;
	sent &= campaign->next_due_wall == USEC_NEVER; /* nobody waits for another attempt */
	bool wanted = (campaign->cancelled || sent) && !campaign->ended &&
		      campaign->slice_count == 0 && feeder->cut_of != campaign;
	return wanted ? campaign->finish_at : USEC_NEVER;
}

/* Of the campaigns that want something now, the one that has least of its share in memory; NULL
 * with the time at which the first will want it. */
static struct campaign *pick(struct feeder *feeder,
			     usec (*wanted_at)(struct feeder *, struct campaign *), usec now,
			     usec *wake)
{
	struct campaign *best = NULL;
	struct chain_link *link = chain_first(&feeder->campaigns);
	for (; link; link = chain_next(&feeder->campaigns, link)) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		usec at = wanted_at(feeder, campaign);
		if (at > now)
			*wake = usec_min(*wake, at);
		else if (!best || campaign->admitted_count * best->weight <
					  best->admitted_count * campaign->weight)
			best = campaign;
	}
	return best;
}

static usec work_lease(struct feeder *feeder, usec now)
{
	usec wake = USEC_NEVER;
	if (feeder->lease_busy || feeder->reading)
		return USEC_NEVER;
	struct campaign *campaign = pick(feeder, lease_wanted_at, now, &wake);
	if (!campaign)
		return wake;
	submit_lease(feeder, campaign);
	return USEC_NEVER;
}

static usec work_cut(struct feeder *feeder, usec now)
{
	usec wake = USEC_NEVER;
	if (feeder->cut_busy)
		return USEC_NEVER;
	struct campaign *campaign = pick(feeder, cut_wanted_at, now, &wake);
	if (!campaign)
		return wake;
	submit_cut(feeder, campaign, feeder_campaign_room(feeder, campaign));
	return USEC_NEVER;
}

static usec work_due(struct feeder *feeder, usec now)
{
	usec wake = USEC_NEVER;
	if (feeder->due_busy)
		return USEC_NEVER;
	struct campaign *campaign = pick(feeder, due_wanted_at, now, &wake);
	if (!campaign)
		return wake;
	submit_due(feeder, campaign);
	return USEC_NEVER;
}

static usec work_finish(struct feeder *feeder, usec now)
{
	usec wake = USEC_NEVER;
	if (feeder->finish_busy)
		return USEC_NEVER;
	struct campaign *campaign = pick(feeder, finish_wanted_at, now, &wake);
	if (!campaign)
		return wake;
	submit_finish(feeder, campaign);
	return USEC_NEVER;
}

usec feeder_work(struct feeder *feeder, usec now)
{
	usec wake = usec_min(feeder_work_put_back(feeder, now), work_read(feeder, now));
	if (feeder->draining)
		return wake;
	follow_settled(feeder);
	wake = usec_min(wake, feeder_work_campaigns(feeder, now));
	wake = usec_min(wake, work_cut(feeder, now));
	wake = usec_min(wake, work_due(feeder, now));
	wake = usec_min(wake, work_lease(feeder, now));
	return usec_min(wake, work_finish(feeder, now));
}
