/* warmup.c - see warmup.h. The day decides three things: whether the step rises (judged once,
 * at the first look of a later day), how many may still start, and how far apart. The
 * surprising thing: the rate is what is left divided by the time that is left, so that mail
 * that comes late in the day leaves faster, and still never all at once. */
#include "engine/shape/warmup.h"

#include <stdarg.h>
#include <stdio.h>

#include "engine/base/assert.h"

#define MILLION 1000000u
#define CHUNK_SHARE 100 /* of the allowance: what a crash may cost of a day */
#define CHUNK_LIMIT 5000
#define BURST_TIME (50 * USEC_MS) /* as rate_parse() gives a rate without a burst */

/* The plan that SparkPost publishes for a new address; between the ends of its weeks evenly. */
const struct warmup_curve warmup_standard = {
	.steps = {200,     500,     1000,    2000,    5000,    10000,   20000,   40000,
		  55000,   75000,   100000,  135000,  185000,  250000,  325000,  410000,
		  510000,  640000,  800000,  1000000, 1250000, 1750000, 2200000, 2800000,
		  3600000, 4600000, 5900000, 7500000, 10000000},
	.step_count = 29,
	.closes = USEC_DAY,
	.defer_limit = MILLION / 10,
	.complaint_limit = MILLION / 1000,
	.used_limit = MILLION / 10,
	.idle_days = 30,
};

int32_t warmup_day_of(const struct warmup_curve *curve, usec wall)
{
	return (int32_t)((wall + curve->zone) / USEC_DAY);
}

static usec midnight_wall(const struct warmup_curve *curve, int32_t day)
{
	return (usec)day * USEC_DAY - curve->zone;
}

static bool exceeds(uint64_t part, uint64_t whole, uint32_t limit)
{
	return (unsigned __int128)part * MILLION > (unsigned __int128)whole * limit;
}

static double percent(uint64_t part, uint64_t whole)
{
	return 100.0 * (double)part / (double)whole;
}

__attribute__((format(printf, 2, 3))) static bool hold(struct warmup_state *state,
						       const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(state->held, sizeof(state->held), format, arguments);
	va_end(arguments);
	return false;
}

/* Whether the day was good enough for the next step; else why not. */
static bool may_rise(const struct warmup_curve *curve, struct warmup_state *state,
		     const struct warmup_result *day)
{
	uint32_t allowance = curve->steps[state->step];
	if (state->counted == 0 || day->attempts == 0)
		return hold(state, "nothing was sent");
	if (exceeds(day->deferred, day->attempts, curve->defer_limit))
		return hold(state, "%.1f %% of %llu attempts were deferred; the limit is %g %%",
			    percent(day->deferred, day->attempts),
			    (unsigned long long)day->attempts, curve->defer_limit / 1e4);
	if (exceeds(day->complained, day->attempts, curve->complaint_limit))
		return hold(state,
			    "%.2f %% of %llu attempts were complained of; the limit is %g %%",
			    percent(day->complained, day->attempts),
			    (unsigned long long)day->attempts, curve->complaint_limit / 1e4);
	if (!exceeds(day->attempts + 1, allowance, curve->used_limit))
		return hold(state, "only %llu of %u were sent, which tells too little",
			    (unsigned long long)day->attempts, allowance);
	return true;
}

/* Providers forget: each idle period halves what was earned. */
static bool step_back(const struct warmup_curve *curve, struct warmup_state *state,
		      int32_t today)
{
	int32_t since =
		state->mailed_day > state->step_since ? state->mailed_day : state->step_since;
	uint32_t before = state->step;
	int32_t idle = (int32_t)curve->idle_days;
	if (since == 0 || idle == 0)
		return false;
	while (today - since > idle && state->step > 0) {
		state->step /= 2;
		since += idle;
	}
	if (state->step == before)
		return false;
	state->step_since = today;
	hold(state, "no mail for %d days: back from day %u to day %u",
	     state->mailed_day ? today - state->mailed_day : idle, before + 1, state->step + 1);
	return true;
}

void warmup_turn(const struct warmup_curve *curve, struct warmup_state *state, int32_t today,
		 const struct warmup_result *day)
{
	ASSERT(curve->step_count >= 1 && curve->step_count <= WARMUP_STEPS_LIMIT);
	if (today <= state->day)
		return;
	if (state->step > curve->step_count)
		state->step = curve->step_count;
	bool first = state->day == 0;
	if (first)
		state->step_since = today;
	else if (!step_back(curve, state, today) && state->step < curve->step_count &&
		 may_rise(curve, state, day)) {
		state->step++;
		state->step_since = today;
		state->held[0] = '\0';
	}
	state->day = today;
	state->counted = 0;
}

static uint32_t allowance_of(const struct warmup_curve *curve, const struct warmup_state *state)
{
	return state->day >= curve->first_day ? curve->steps[state->step] : 0;
}

static bool is_warm(const struct warmup_curve *curve, const struct warmup_state *state)
{
	return state->step >= curve->step_count;
}

static uint32_t left_of(uint32_t allowance, uint32_t counted)
{
	return allowance > counted ? allowance - counted : 0;
}

uint32_t warmup_reserve(const struct warmup_curve *curve, struct warmup_state *state,
			uint32_t wanted)
{
	if (is_warm(curve, state) || state->day == 0)
		return 0;
	uint32_t left = left_of(allowance_of(curve, state), state->counted);
	uint32_t count = wanted < left ? wanted : left;
	state->counted += count;
	if (count > 0)
		state->mailed_day = state->day;
	return count;
}

void warmup_give_back(struct warmup_state *state, int32_t day, uint32_t count)
{
	if (day == state->day)
		state->counted = left_of(state->counted, count);
}

uint32_t warmup_count(const struct warmup_curve *curve, struct warmup_state *state,
		      usec now_wall, const struct warmup_result *result, int32_t unused_day,
		      uint32_t unused, uint32_t wanted)
{
	int32_t today = warmup_day_of(curve, now_wall);
	warmup_turn(curve, state, today, result);
	warmup_give_back(state, unused_day, unused);
	/* Another engine's clock may be in tomorrow already. */
	return state->day == today ? warmup_reserve(curve, state, wanted) : 0;
}

struct rate warmup_rate(usec interval)
{
	usec burst = BURST_TIME / interval;
	return (struct rate){
		.count = 1, .per = interval, .burst = burst > 1 ? (uint32_t)burst : 1};
}

/* Rounded up, so that the room lasts. */
static struct rate rate_for(uint32_t room, usec time)
{
	return warmup_rate(usec_max((time + room - 1) / room, 1));
}

struct warmup_verdict warmup_verdict(const struct warmup_curve *curve,
				     const struct warmup_state *state, uint32_t unused,
				     usec now_wall)
{
	struct warmup_verdict v = {.warm = is_warm(curve, state), .why = ""};
	int32_t today = warmup_day_of(curve, now_wall);
	usec midnight = midnight_wall(curve, today);
	v.day_ends_wall = midnight + USEC_DAY;
	if (v.warm)
		return v;
	v.opens_wall = v.day_ends_wall + curve->opens;
	if (today != state->day) {
		v.why = "the day has just begun";
		v.opens_wall = now_wall;
		return v;
	}
	v.allowance = allowance_of(curve, state);
	v.room = left_of(v.allowance, left_of(state->counted, unused));
	if (v.allowance == 0) {
		v.why = "its warm-up has not begun";
		v.opens_wall = midnight_wall(curve, curve->first_day) + curve->opens;
	} else if (v.room == 0) {
		v.why = "today's allowance is used";
	} else if (now_wall < midnight + curve->opens) {
		v.why = "it is too early in the day";
		v.opens_wall = midnight + curve->opens;
	} else if (now_wall >= midnight + curve->closes) {
		v.why = "it is too late in the day";
	} else {
		v.opens_wall = now_wall;
		v.rate = rate_for(v.room, midnight + curve->closes - now_wall);
	}
	return v;
}

uint32_t warmup_chunk(const struct warmup_curve *curve, const struct warmup_state *state)
{
	uint32_t chunk = is_warm(curve, state) ? 0 : allowance_of(curve, state) / CHUNK_SHARE;
	if (chunk > CHUNK_LIMIT)
		return CHUNK_LIMIT;
	return chunk ? chunk : 1;
}
