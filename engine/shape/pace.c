/* pace.c - how many messages an hour a path may start, learned from replies.
 * The surprising thing: a cut looks only at what was taken, not at the pace that was allowed.
 * Halving would need many throttles to come down from a pace that was far too high, and a fixed
 * step many to come back; what was taken is where the limit is. */
#include "engine/shape/pace.h"

#define START_SHARE 16                 /* of the limit a path begins with, */
#define START_LEAST 7200               /* an hour: but not slower, where the limit allows it */
#define DOUBLE_EVERY (2 * USEC_SECOND) /* while no ceiling is known, */
#define DOUBLE_RUN 5                   /* by so many deliveries */
#define CLIMB_EVERY (20 * USEC_SECOND) /* below it: half of the way each time */
#define LOOK_FIRST (5 * USEC_MINUTE)
#define LOOK_LAST USEC_HOUR
#define LOOK_SOONEST USEC_MINUTE /* after looks that went well */
#define LOOK_PERCENT 4           /* of the first look; doubles with each that succeeds */
#define LOOK_PERCENT_LAST 64
#define STAY_PERCENT 98 /* of the ceiling */
#define CUT_PERCENT 92  /* of what was taken */
#define USED_PERCENT 70 /* of the pace: less proves nothing about it */
#define BLOCK_COUNTED (5 * USEC_MINUTE)
#define IDLE_LEAST (2 * USEC_SECOND)
#define IDLE_MESSAGES 4 /* a gap of so many messages' time is idleness */

static uint32_t percent(uint32_t value, uint32_t of_hundred)
{
	uint64_t part = (uint64_t)value * of_hundred / 100;

	return part > UINT32_MAX ? UINT32_MAX : (uint32_t)part;
}

static uint32_t at_least(uint32_t value, uint32_t least)
{
	return value > least ? value : least;
}

/* Messages an hour, when so many come in a time. */
static uint32_t hourly(uint64_t count, usec time)
{
	unsigned __int128 rate;

	if (time <= 0)
		return UINT32_MAX;
	rate = (unsigned __int128)count * (uint64_t)USEC_HOUR / (uint64_t)time;
	return rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
}

/* What is nominally allowed; UINT32_MAX: no end. */
static uint32_t nominal(const struct pace *p)
{
	if (p->per_hour)
		return p->per_hour;
	return p->limit ? p->limit : UINT32_MAX;
}

static void measure_from(struct pace *p, usec now)
{
	p->measured_from = p->delivered_at = now;
	p->accepted = 0;
	p->blocked = 0;
}

static void observe_from(struct pace *p, usec now)
{
	p->raised_at = now;
	p->used = 0;
}

/* To this pace, which the limit may cap: at the limit nothing is left to learn. */
static void set(struct pace *p, uint32_t per_hour)
{
	p->per_hour = p->limit && per_hour >= p->limit ? 0 : per_hour;
}

/* Two a second are too few to do harm anywhere before the first throttle is heard. */
static uint32_t start_of(uint32_t limit)
{
	return at_least(limit / START_SHARE, START_LEAST);
}

void pace_init(struct pace *p, uint32_t limit, usec now)
{
	*p = (struct pace){.limit = limit,
			   .cut_at = USEC_NEVER,
			   .blocked_from = USEC_NEVER,
			   .unblocked_at = USEC_NEVER,
			   .look_every = LOOK_FIRST};
	if (limit)
		set(p, start_of(limit));
	measure_from(p, now);
	observe_from(p, now);
}

void pace_set_limit(struct pace *p, uint32_t limit, usec now)
{
	uint32_t before = p->per_hour ? p->per_hour : p->limit;

	if (limit == p->limit)
		return;
	p->limit = limit;
	/* What was learned stays. Without it, what held under a lower limit is known to hold, and
	 * beyond it we climb; a lower limit is below what held. */
	if (p->ceiling)
		set(p, before ? before : UINT32_MAX);
	else if (limit == 0 || before == 0)
		p->per_hour = 0;
	else
		set(p, at_least(before, start_of(limit)));
	observe_from(p, now);
}

void pace_restore(struct pace *p, uint32_t per_hour, uint32_t ceiling, usec now)
{
	p->ceiling = ceiling;
	set(p, at_least(per_hour, PACE_LEAST));
	measure_from(p, now);
	observe_from(p, now);
}

void pace_lift(struct pace *p, usec now)
{
	uint32_t start = start_of(p->limit);

	if (p->per_hour == 0 || p->per_hour >= start)
		return;
	p->ceiling = 0;
	set(p, start);
	measure_from(p, now);
	observe_from(p, now);
}

static usec look_after(const struct pace *p)
{
	uint32_t halvings = p->looks < 10 ? 2 * p->looks : 20;

	return usec_max(p->look_every >> halvings, usec_max(LOOK_SOONEST, p->block_time));
}

static void look_beyond(struct pace *p)
{
	uint32_t step = p->looks < 4 ? (uint32_t)LOOK_PERCENT << p->looks : LOOK_PERCENT_LAST;

	p->looks++;
	p->ceiling = at_least(percent(p->ceiling, 100 + step), p->ceiling + 1);
	set(p, at_least(percent(p->ceiling, STAY_PERCENT), p->per_hour + 1));
}

static void climb(struct pace *p, uint32_t stay)
{
	uint32_t step = (stay - p->per_hour) / 2;

	set(p, step <= stay / 50 ? stay : p->per_hour + step);
}

/* True when the pace was raised. Only a pace that was used says anything about itself. */
static bool raise(struct pace *p, usec now)
{
	usec since = now - p->raised_at;
	uint32_t stay = percent(p->ceiling, STAY_PERCENT);
	usec wait = p->ceiling == 0      ? DOUBLE_EVERY
		    : p->per_hour < stay ? CLIMB_EVERY
					 : look_after(p);

	uint32_t run = p->ceiling == 0 ? DOUBLE_RUN : PACE_CLEAN_RUN;

	if (p->per_hour == 0 || p->used < run || since < wait)
		return false;
	bool used = hourly(p->used, since) >= percent(p->per_hour, USED_PERCENT);
	observe_from(p, now);
	if (!used)
		return false;
	if (p->ceiling == 0)
		set(p, percent(p->per_hour, 200));
	else if (p->per_hour < stay)
		climb(p, stay);
	else
		look_beyond(p);
	return true;
}

/* Nothing was sent for a while because there was nothing: that is no measure of the server. */
static void leave_out_idle_time(struct pace *p, usec now)
{
	usec gap = now - p->delivered_at;
	usec usual = nominal(p) < UINT32_MAX ? USEC_HOUR / nominal(p) : 0;
	usec longest = usec_max(IDLE_MESSAGES * usual, IDLE_LEAST);

	if (gap > longest) {
		p->measured_from += gap - usual;
		p->raised_at += gap - usual;
	}
}

/* The ceiling that follows from what was taken, all of it. */
static uint32_t just_above(uint32_t taken)
{
	return at_least(percent(taken, 106), PACE_LEAST);
}

/* Everything was refused, and now it is not. When that was a good part of the time since it
 * ended the last time, what was taken meanwhile is all there is in such a time. True when the
 * pace changed. */
static bool unblock(struct pace *p, usec now)
{
	usec since = now - p->unblocked_at;
	/* An hour after one of a minute is another matter: a storm. */
	bool alike = 8 * p->block_time >= now - p->blocked_from;
	bool known = p->unblocked_at != USEC_NEVER && p->since_block >= PACE_CLEAN_RUN && alike;

	p->block_time = usec_min(now - p->blocked_from, LOOK_LAST);
	p->blocked += now - p->blocked_from;
	bool all = known && 4 * (now - p->blocked_from) >= since;
	uint32_t taken = all ? hourly(p->since_block, since) : 0;
	p->blocked_from = USEC_NEVER;
	p->unblocked_at = now;
	p->since_block = 0;
	if (!all || taken >= nominal(p))
		return false;
	p->proven = taken;
	p->ceiling = just_above(taken);
	set(p, at_least(percent(taken, STAY_PERCENT), PACE_LEAST));
	observe_from(p, now);
	return true;
}

bool pace_delivered(struct pace *p, usec now)
{
	bool changed = false;

	leave_out_idle_time(p, now);
	if (now >= p->delivered_at && p->blocked_from != USEC_NEVER)
		changed = unblock(p, now);
	p->delivered_at = usec_max(now, p->delivered_at);
	p->accepted++;
	p->since_block++;
	p->used++;
	return raise(p, now) || changed;
}

/* The time that a measure at a cut is of. Of a long time of refusals only its beginning counts:
 * a storm says nothing about the pace, and of quotas unblock() learns. */
static usec measured_time(const struct pace *p, usec now)
{
	return now - p->measured_from - usec_max(0, p->blocked - BLOCK_COUNTED);
}

/* Where the next ceiling is: between what was taken and what was too much. When everything was
 * refused for most of the time, what was taken is all there was. */
static uint32_t ceiling_of(const struct pace *p, uint32_t taken, uint32_t too_much, usec now)
{
	usec blocked = usec_min(p->blocked, BLOCK_COUNTED);

	if (taken >= too_much)
		return too_much;
	if (2 * blocked >= measured_time(p, now))
		return just_above(taken);
	return taken + (too_much - taken) / 2;
}

bool pace_throttled(struct pace *p, usec now)
{
	bool first = p->cut_at == USEC_NEVER;

	/* With fewer taken there is no measure yet. */
	if (!first && (p->accepted < PACE_CLEAN_RUN || now - p->cut_at < PACE_CUT_EVERY))
		return false;
	leave_out_idle_time(p, now);
	uint32_t taken = hourly(p->accepted, measured_time(p, now));
	uint32_t too_much = nominal(p);
	bool looked = p->ceiling && too_much >= percent(p->ceiling, STAY_PERCENT - 1);
	if (too_much == UINT32_MAX)
		too_much = taken;
	p->ceiling = ceiling_of(p, taken, too_much, now);
	if (p->blocked == 0)
		p->block_time /= 2;
	p->proven = taken < too_much ? taken : too_much;
	set(p, at_least(percent(p->proven, CUT_PERCENT), PACE_LEAST));
	if (looked)
		p->look_every = usec_min(2 * p->look_every, LOOK_LAST);
	p->looks = 0;
	p->cut_at = now;
	measure_from(p, now);
	observe_from(p, now);
	return true;
}

void pace_blocked(struct pace *p, usec until, usec now)
{
	/* A few were taken, then none: a small bucket far below the pace. What it gave is no
	 * measure, because it was full for most of that time. */
	if (p->blocked_from == USEC_NEVER && p->accepted > 0 && p->accepted < PACE_CLEAN_RUN &&
	    p->per_hour) {
		set(p, at_least(p->per_hour / 2, PACE_LEAST));
		measure_from(p, until);
	}
	p->blocked_from = usec_min(p->blocked_from, now);
	p->delivered_at = usec_max(p->delivered_at, until);
	observe_from(p, until);
}
