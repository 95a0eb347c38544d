/* feeder_beat.c - the small requests that must never wait: marks and the stop feed. */
#include "engine/send/feeder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/ahead.h"
#include "engine/base/log.h"

#define MARK_BATCH 8192
#define LOOK_AHEAD 8 /* envelopes of a batch */
#define STOP_INTERVAL (300 * USEC_MS) /* thrice in the second that its word counts */
#define FENCED_PAUSE (50 * USEC_MS)
#define STOP_BATCH 10000             /* stop_feed.sql: there may be more behind them */
#define FENCED_MARKS 20              /* the feed tells of a lost slice sooner */

static void on_marked(struct store_request *);
static void on_stops(struct store_request *);

static int by_slice_and_id(const void *left, const void *right)
{
	const struct envelope *a = *(struct envelope *const *)left;
	const struct envelope *b = *(struct envelope *const *)right;
	if (a->slice != b->slice)
		return a->slice->id < b->slice->id ? -1 : 1;
	return a->recipient < b->recipient ? -1 : a->recipient > b->recipient;
}

/* The batch without what was lost meanwhile: that goes back unmarked. */
static void sift_marks(struct feeder *feeder)
{
	size_t kept = 0;
	for (size_t i = 0; i < feeder->mark_count; i++) {
		struct envelope *envelope = feeder->mark_batch[i];
		if (i + LOOK_AHEAD < feeder->mark_count)
			ahead_read(feeder->mark_batch[i + LOOK_AHEAD], sizeof(*envelope));
		ahead_read(&envelope->recipient->subscriber_id, sizeof(uint64_t));
		if (slice_is_lost(envelope->slice))
			lane_push(&feeder->carrier->marked, envelope);
		else
			feeder->mark_batch[kept++] = envelope;
	}
	if (kept < feeder->mark_count && feeder->carrier_bell)
		io_bell_ring(feeder->carrier_bell);
	feeder->mark_count = kept;
}

static void fill_marks(struct feeder *feeder)
{
	size_t room = MARK_BATCH - feeder->mark_count, waiting = feeder->marking_count;
	size_t taken = waiting < room ? waiting : room;
	memcpy(feeder->mark_batch + feeder->mark_count, feeder->marking,
	       taken * sizeof(*feeder->marking));
	memmove(feeder->marking, feeder->marking + taken,
		(waiting - taken) * sizeof(*feeder->marking));
	feeder->mark_count += taken;
	feeder->marking_count -= taken;
	sift_marks(feeder);
	qsort(feeder->mark_batch, feeder->mark_count, sizeof(feeder->mark_batch[0]),
	      by_slice_and_id);
	size_t slices = 0;
	for (size_t i = 0; i < feeder->mark_count; i++) {
		const struct envelope *envelope = feeder->mark_batch[i];
		feeder->mark_ids[i] = envelope->recipient->subscriber_id;
		if (i == 0 || envelope->slice != feeder->mark_batch[i - 1]->slice)
			feeder->mark_slices[slices++] = (struct store_mark_slice){
				.campaign_id = envelope->campaign->id,
				.slice_id = envelope->slice->id,
				.ids = &feeder->mark_ids[i],
			};
		feeder->mark_slices[slices - 1].count++;
	}
	feeder->mark.slice_count = slices;
}

static void submit_marks(struct feeder *feeder)
{
	fill_marks(feeder);
	if (feeder->mark_count == 0)
		return;
	feeder->mark.request = (struct store_request){.on_done = on_marked};
	feeder->mark.engine_id = feeder->engine_id;
	feeder->mark.epoch = feeder->epoch;
	feeder->mark.slices = feeder->mark_slices;
	feeder->mark_busy = true;
	store_mark(feeder->beat, &feeder->mark);
}

static void on_marked(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, mark.request);
	feeder->mark_busy = false;
	if (request->result == STORE_FENCED && ++feeder->fenced_marks < FENCED_MARKS) {
		/* One of the slices was taken over: which, the feed tells. */
		feeder->mark_at = io_now(feeder->loop) + FENCED_PAUSE;
		feeder->stop_at = 0;
		return;
	}
	if (request->result != STORE_OK) {
		/* Marking twice does no harm: the batch is kept and asked for again. */
		feeder_failed(feeder, request, &feeder->mark_at);
		return;
	}
	feeder->database_lost = false;
	feeder->fenced_marks = 0;
	for (size_t i = 0; i < feeder->mark_count; i++)
		lane_push(&feeder->carrier->marked, feeder->mark_batch[i]);
	feeder->mark_count = 0;
	if (feeder->carrier_bell)
		io_bell_ring(feeder->carrier_bell);
}

/* What was not due is due now, whatever was known of it; and the carrier holds nothing back. */
static void follow_flush(struct feeder *feeder, const struct store_stop *stop)
{
	struct store_stop *kept = ARENA_NEW(&feeder->arena, struct store_stop);
	str target = arena_copy(&feeder->arena, str_of(stop->target));
	if (!kept || !target.data)
		return;
	*kept = (struct store_stop){
		.number = stop->number, .kind = STOP_FLUSH, .target = target.data};
	log_event(LOG_INFO, "flush", "target=\"%s\"", log_str(target));
	struct chain_link *link = chain_first(&feeder->campaigns);
	for (; link; link = chain_next(&feeder->campaigns, link)) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		campaign->lease_at = campaign->due_at = 0;
	}
	lane_push(&feeder->carrier->stops, kept);
}

static void follow_campaign(struct feeder *feeder, const struct store_stop *stop)
{
	struct campaign *campaign = feeder_campaign_of(feeder, stop->campaign_id);
	if (!campaign) {
		feeder->discover_at = 0; /* one that was not running, and now may be */
		return;
	}
	if (stop->kind == STOP_CANCEL)
		campaign->cancelled = true;
	else
		campaign->paused = stop->kind == STOP_PAUSE;
	feeder_health_ask(campaign);
	feeder_campaign_follow(feeder, campaign);
	log_event(LOG_INFO, "campaign", "name=\"%s\" change=%s",
		  log_str(campaign->content->name),
		  campaign->cancelled ? "cancelled"
		  : campaign->paused  ? "paused"
				      : "resumed");
}

static void follow(struct feeder *feeder, const struct store_stop *stop)
{
	if (stop->kind == STOP_FLUSH) {
		follow_flush(feeder, stop);
		return;
	}
	bool of_campaign = stop->kind == STOP_PAUSE || stop->kind == STOP_RESUME ||
			   stop->kind == STOP_CANCEL;
	if (of_campaign) {
		follow_campaign(feeder, stop);
		return;
	}
	/* A subscriber's may be for all campaigns (0): suppressed, or for those of one list. */
	if (stop->campaign_id != 0 && !feeder_campaign_of(feeder, stop->campaign_id))
		return;
	struct store_stop *kept = ARENA_NEW(&feeder->arena, struct store_stop);
	if (!kept) {
		snprintf(feeder->trouble, sizeof(feeder->trouble),
			 "out of memory for unsubscribes that came while sending");
		return;
	}
	*kept = *stop;
	kept->reason = arena_copy(&feeder->arena, str_of(stop->reason)).data;
	if (!kept->reason)
		kept->reason = "stopped";
	kept->provider = arena_copy(&feeder->arena, stop->provider);
	lane_push(&feeder->carrier->stops, kept);
}

static void heard_all(struct feeder *feeder)
{
	struct chain_link *link = chain_first(&feeder->campaigns);
	for (; link; link = chain_next(&feeder->campaigns, link)) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		campaign->finished = campaign->asked_behind;
	}
}

static void on_stops(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, stop_feed.request);
	feeder->stop_busy = false;
	if (request->result != STORE_OK) {
		feeder_failed(feeder, request, &feeder->stop_at);
		return;
	}
	feeder->database_lost = false;
	for (size_t i = 0; i < feeder->stop_feed.ret_count; i++)
		follow(feeder, &feeder->stop_feed.ret_stops[i]);
	feeder->stop_number = feeder->stop_feed.ret_newest_number;
	feeder_follow_lost(feeder, feeder->stop_feed.ret_lost_slices,
			   feeder->stop_feed.ret_lost_count);
	if (feeder->stop_feed.ret_count >= STOP_BATCH) {
		feeder->stop_at = 0;
		return;
	}
	heard_all(feeder);
	atomic_store_explicit(&feeder->public.heard, true, memory_order_release);
	carrier_heard(feeder->carrier, feeder->stop_asked_at);
	if (feeder->stop_feed.ret_count > 0 && feeder->carrier_bell)
		io_bell_ring(feeder->carrier_bell);
}

static void submit_stop_feed(struct feeder *feeder)
{
	arena_reset(&feeder->beat_arena);
	feeder->stop_feed = (struct store_stop_feed){
		.request = {.on_done = on_stops},
		.engine_id = feeder->engine_id,
		.epoch = feeder->epoch,
		.after_number = feeder->stop_number,
		.arena = &feeder->beat_arena,
	};
	feeder->stop_busy = true;
	feeder->stop_asked_at = io_now(feeder->loop);
	struct chain_link *link = chain_first(&feeder->campaigns);
	for (; link; link = chain_next(&feeder->campaigns, link)) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		campaign->asked_behind = campaign->ended;
	}
	store_stop_feed(feeder->beat, &feeder->stop_feed);
}

static usec beat_stops(struct feeder *feeder, usec now)
{
	if (feeder->stop_busy)
		return USEC_NEVER;
	/* Before the carrier has taken the last ones no more are fetched: its lane has an end.
	 */
	if (now >= feeder->stop_at && !lane_empty(&feeder->carrier->stops))
		feeder->stop_at = now + STOP_INTERVAL;
	if (now < feeder->stop_at)
		return feeder->stop_at;
	feeder->stop_at = now + STOP_INTERVAL;
	submit_stop_feed(feeder);
	return USEC_NEVER;
}

/* A newer process has our name: nothing of what we hold may start, and no mark will be made. */
static void give_up_marks(struct feeder *feeder)
{
	struct chain_link *link = chain_first(&feeder->slices);
	for (; link; link = chain_next(&feeder->slices, link)) {
		struct slice *slice = CHAIN_OWNER(link, struct slice, link);
		atomic_store_explicit(&slice->lost, true, memory_order_release);
	}
	do
		fill_marks(feeder);
	while (feeder->marking_count > 0);
	carrier_gate_changed(feeder->carrier);
}

static usec beat_marks(struct feeder *feeder, usec now)
{
	usec interval = feeder->settings->mark_interval ? feeder->settings->mark_interval
							: ENGINE_MARK_INTERVAL;
	if (feeder->mark_busy || feeder->mark_count + feeder->marking_count == 0)
		return USEC_NEVER;
	if (atomic_load_explicit(&feeder->public.fenced, memory_order_relaxed)) {
		give_up_marks(feeder);
		return USEC_NEVER;
	}
	if (now < feeder->mark_at)
		return feeder->mark_at;
	feeder->mark_at = now + interval;
	submit_marks(feeder);
	return USEC_NEVER;
}

/* Who has a request under way is woken by its end, never by a time: a time that has passed
 * would keep the loop from sleeping. */
usec feeder_beat(struct feeder *feeder, usec now)
{
	usec wake = beat_stops(feeder, now);
	wake = usec_min(wake, feeder_heartbeat(feeder, now));
	wake = usec_min(wake, feeder_claim(feeder, now));
	return usec_min(wake, beat_marks(feeder, now));
}
