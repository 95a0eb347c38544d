/* feeder_health.c - how each campaign does: asked of the database every few seconds, because it
 * alone knows what all engines settled, and what time it is where the campaign counts. From
 * the answer follow its window (closed), how fast a window is filled (spread_per_hour), how
 * much may be cut while its sample goes first (ramp_room), and its pause by itself. */
#include "engine/send/feeder.h"

#include <stdio.h>

#include "engine/base/log.h"

#define INTERVAL (5 * USEC_SECOND)
#define INTERVAL_RAMP (250 * USEC_MS) /* while the others wait for the sample */
#define INTERVAL_LEAST (100 * USEC_MS)
#define SPREAD_MARGIN (10 * USEC_MINUTE)

static void on_health(struct store_request *);
static void on_hold(struct store_request *);

void feeder_health_init(struct feeder *feeder)
{
	arena_init(&feeder->health_arena, feeder->source, 1 << 12, 0);
}

void feeder_health_done(struct feeder *feeder)
{
	arena_done(&feeder->health_arena);
}

void feeder_health_ask(struct campaign *campaign)
{
	campaign->health_at = 0;
	campaign->ramp_from = 0;
	campaign->alarmed = false;
}

void feeder_health_wait(struct feeder *feeder, struct campaign *campaign)
{
	const struct policy *policy = &campaign->content->policy;
	if (!policy->ramp && !policy->windowed)
		campaign->health_at = io_now(feeder->loop) + INTERVAL;
}

/* ---- what is asked ---- */

static void submit_health(struct feeder *feeder, struct campaign *campaign)
{
	arena_reset(&feeder->health_arena);
	feeder->health = (struct store_health){.request = {.on_done = on_health},
					       .campaign_id = campaign->id,
					       .arena = &feeder->health_arena};
	feeder->health_of = campaign;
	feeder->health_busy = true;
	campaign->cut_since = 0;
	store_health(feeder->beat, &feeder->health);
}

static void submit_hold(struct feeder *feeder, struct campaign *campaign)
{
	feeder->hold = (struct store_hold){.request = {.on_done = on_hold},
					   .campaign_id = campaign->id,
					   .reason = str_of(campaign->hold_why),
					   .for_good = campaign->hold_for_good};
	feeder->health_of = campaign;
	feeder->health_busy = true;
	store_hold(feeder->beat, &feeder->hold);
}

static void on_hold(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, hold.request);
	struct campaign *campaign = feeder->health_of;
	feeder->health_busy = false;
	feeder->health_of = NULL;
	if (request->result != STORE_OK) {
		feeder_failed_for(feeder, campaign, request, &campaign->health_at);
		return;
	}
	feeder->database_lost = false;
	if (feeder->hold.ret_changed)
		log_event(LOG_ERROR,
			  campaign->hold_for_good ? "campaign-ended" : "campaign-held",
			  "campaign=\"%s\" why=\"%s\"%s", log_str(campaign->content->name),
			  log_str(str_of(campaign->hold_why)),
			  campaign->hold_for_good ? "" : " next=\"rundbrief resume\"");
	campaign->hold_why[0] = '\0';
	campaign->health_at = io_now(feeder->loop) + INTERVAL;
	feeder->stop_at = 0; /* the feed says it to every engine, this one too */
}

static void hold(struct campaign *campaign, const char *why, bool for_good)
{
	snprintf(campaign->hold_why, sizeof(campaign->hold_why), "%s", why);
	campaign->hold_for_good = for_good;
	campaign->health_at = 0;
}

/* ---- what follows ---- */

/* Who has had all of it is finished, however late it is. */
static bool has_ended(const struct campaign *campaign)
{
	return campaign->fully_cut && campaign->nothing_open && campaign->slice_count == 0 &&
	       campaign->next_due_wall == USEC_NEVER && campaign->waiting_count == 0;
}

static void follow_window(struct feeder *feeder, struct campaign *campaign,
			  const struct store_health *health)
{
	bool closed = !health->ret_open;
	char why[200];
	if (health->ret_fault.size > 0) {
		snprintf(why, sizeof(why), "its send window cannot be read: %.*s",
			 health->ret_fault.size < 150 ? (int)health->ret_fault.size : 150,
			 health->ret_fault.data);
		hold(campaign, why, false);
	} else if (health->ret_over && !has_ended(campaign)) {
		hold(campaign, "too late: its send window is over", true);
	}
	if (closed == campaign->closed)
		return;
	campaign->closed = closed;
	if (!closed)
		campaign->lease_at = campaign->due_at = campaign->cut_at = 0;
	log_event(LOG_INFO, "window", "campaign=\"%s\" is=%s", log_str(campaign->content->name),
		  closed ? "closed" : "open");
	feeder_campaign_follow(feeder, campaign);
}

/* Who is left, over the time that is left but for a tenth of it, so that the last ones are not
 * too late; what is not known yet goes as fast as it may. */
static void follow_spread(struct feeder *feeder, struct campaign *campaign,
			  const struct store_health *health)
{
	uint64_t per_hour = 0;
	usec left = health->ret_open_left;
	left -= usec_min(left / 10, SPREAD_MARGIN);
	if (campaign->content->policy.spread && left > 0 &&
	    health->ret_expected > health->ret_begun) {
		double count = (double)(health->ret_expected - health->ret_begun);
		double rate = count * (double)USEC_HOUR / (double)left;
		per_hour = rate < 1e9 ? (uint64_t)rate + 1 : 0;
	}
	uint32_t before = atomic_exchange_explicit(&campaign->spread_per_hour,
						   (uint32_t)per_hour, memory_order_relaxed);
	if (before != (uint32_t)per_hour && feeder->carrier_bell)
		io_bell_ring(feeder->carrier_bell);
}

static uint64_t room_of(const struct campaign *campaign, const struct store_health *health,
			uint64_t sample)
{
	uint64_t cut = health->ret_cut + campaign->cut_since;
	return cut < sample ? sample - cut : 0;
}

static void follow_ramp(struct feeder *feeder, struct campaign *campaign,
			const struct store_health *health,
			const struct breaker_judgement *judged)
{
	const struct ramp_rules *rules = &campaign->content->policy.sample;
	usec now = io_now(feeder->loop);
	/* Of a filter's audience nothing is known before it is cut. */
	uint64_t sample = health->ret_expected ? ramp_sample(rules, health->ret_expected)
					       : rules->count_min;
	if (campaign->ramped || judged->verdict == BREAKER_PAUSE)
		return;
	uint64_t room = room_of(campaign, health, sample);
	if (health->ret_expected > 0 && sample >= health->ret_expected) {
		campaign->ramped = true; /* there is nobody behind the sample */
		campaign->ramp_room = UINT64_MAX;
		return;
	}
	if (room > 0 && !campaign->fully_cut) {
		campaign->ramp_room = room;
		return;
	}
	if (campaign->ramp_from == 0)
		campaign->ramp_from = now;
	struct ramp_state state = {.sample = health->ret_cut,
				   .settled = health->ret_settled,
				   .started_at = campaign->ramp_from};
	struct ramp_judgement ramp = ramp_judge(rules, &state, judged, now);
	campaign->ramped = ramp.verdict == RAMP_GO;
	campaign->ramp_room = campaign->ramped ? UINT64_MAX : 0;
	if (campaign->ramped)
		campaign->cut_at = campaign->lease_at = 0;
	if (ramp.verdict == RAMP_STUCK && !campaign->alarmed)
		log_event(LOG_WARN, "campaign-sample", "campaign=\"%s\" why=\"%s\"",
			  log_str(campaign->content->name), log_str(str_of(ramp.why)));
	campaign->alarmed |= ramp.verdict == RAMP_STUCK;
}

static void follow_breaker(struct campaign *campaign, const struct breaker_judgement *judged)
{
	if (judged->verdict == BREAKER_PAUSE)
		hold(campaign, judged->why, false);
	if (judged->verdict != BREAKER_ALARM || campaign->alarmed)
		return;
	campaign->alarmed = true;
	log_event(LOG_WARN, "campaign-alarm", "campaign=\"%s\" why=\"%s\"",
		  log_str(campaign->content->name), log_str(str_of(judged->why)));
}

/* Not before it is of use: a window opens at a known time, a sample is short. */
static usec next_at(struct feeder *feeder, const struct campaign *campaign,
		    const struct store_health *health)
{
	usec wait = INTERVAL;
	bool unknown = campaign->content->policy.spread && health->ret_expected == 0;
	if (!campaign->closed && (unknown || (!campaign->ramped && !campaign->fully_cut)))
		wait = INTERVAL_RAMP;
	if (health->ret_changes_wall)
		wait = usec_min(wait, health->ret_changes_wall - io_wall_now(feeder->loop));
	return io_now(feeder->loop) + usec_max(wait, INTERVAL_LEAST);
}

static void on_health(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, health.request);
	const struct store_health *health = &feeder->health;
	struct campaign *campaign = feeder->health_of;
	feeder->health_busy = false;
	feeder->health_of = NULL;
	if (request->result != STORE_OK) {
		feeder_failed_for(feeder, campaign, request, &campaign->health_at);
		return;
	}
	feeder->database_lost = false;
	struct breaker_judgement judged =
		breaker_judge(&campaign->content->policy.breaker, &health->ret_counts);
	if (campaign->content->policy.ramp)
		follow_ramp(feeder, campaign, health, &judged);
	if (campaign->content->policy.windowed) {
		follow_spread(feeder, campaign, health);
		follow_window(feeder, campaign, health);
	}
	follow_breaker(campaign, &judged);
	if (!campaign->hold_why[0])
		campaign->health_at = next_at(feeder, campaign, health);
}

usec feeder_health(struct feeder *feeder, usec now)
{
	usec wake = USEC_NEVER;
	struct campaign *first = NULL;
	struct chain_link *link = chain_first(&feeder->campaigns);
	if (feeder->health_busy || feeder->draining)
		return USEC_NEVER;
	for (; link; link = chain_next(&feeder->campaigns, link)) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		if (campaign->paused || campaign->cancelled || campaign->ended)
			continue;
		if (!first || campaign->health_at < first->health_at)
			first = campaign;
	}
	if (first && first->health_at > now)
		wake = first->health_at;
	else if (first && first->hold_why[0])
		submit_hold(feeder, first);
	else if (first)
		submit_health(feeder, first);
	return wake;
}
