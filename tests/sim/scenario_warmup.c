/* scenario_warmup.c - a month of a new source beside a warm one. The hosts count what it sends
 * on each day, and how much of that they deferred: what it may send follows from the curve and
 * from that alone. On some days they defer many, and the day after must not rise. */
#include "tests/sim/scenario.h"

#include <stdio.h>

#define DAYS 30
#define OPENS (6 * USEC_HOUR)
#define CLOSES (22 * USEC_HOUR)
#define HOURS ((unsigned)((CLOSES - OPENS) / USEC_HOUR))
#define HOUR_SLACK 1.15 /* beyond an hour's even share, and two more: the burst */
#define WARM_PER_HOUR 6

static struct warmup_curve curve;

void scenario_plan_warmup(struct world *w, struct plan *p)
{
	double allowance = scenario_between(w, 25, 50);
	curve = (struct warmup_curve){
		.opens = OPENS,
		.closes = CLOSES,
		.defer_limit = 100000,
		.complaint_limit = 1000,
		.used_limit = 100000,
	};
	for (; curve.step_count < DAYS; curve.step_count++, allowance *= 1.08)
		curve.steps[curve.step_count] = (uint32_t)allowance;
	double per_second = (WARM_PER_HOUR + curve.steps[DAYS - 1] / (double)HOURS) / 3600;
	p->regimes[0] = (struct regime){
		.provider = "gmail",
		.sites = 1,
		.busy_per_mille = 20,
		.share = 1,
		/* Of a path: the new one's allowance is less, and the warm one has no other. */
		.known_per_second = per_second};
	for (unsigned day = 0; day < DAYS; day++)
		p->regimes[0].hectic_days |= (uint32_t)(world_below(w, 4) == 0) << day;
	p->regime_count = 1;
	p->source_count = 2;
	p->curve = &curve;
	/* Days of the world are days of the calendar: what is measured begins at midnight. */
	w->wall_offset = 20000 * USEC_DAY - w->now;
	p->until = DAYS * USEC_DAY;
	p->best_per_second = per_second * 2;
	snprintf(p->told, sizeof(p->told), "30 days, %u to %u messages a day, from 6 to 22 h",
		 curve.steps[0], curve.steps[DAYS - 1]);
}

static void check_hours(struct world *w, unsigned day, uint32_t allowance)
{
	double most = HOUR_SLACK * allowance / HOURS + 2;
	for (unsigned hour = 0; hour < 24; hour++) {
		usec from = day * USEC_DAY + hour * USEC_HOUR;
		bool closed = from % USEC_DAY < OPENS || from % USEC_DAY >= CLOSES;
		uint64_t tries = scenario_sum_of(0, 0, from, from + USEC_HOUR).tries;
		if ((double)tries > (closed ? 0 : most))
			world_fail(w, "day %u: %llu messages in hour %u, %u allowed that day",
				   day + 1, (unsigned long long)tries, hour, allowance);
	}
}

void scenario_judge_warmup(struct world *w, const struct plan *p,
			   struct scenario_result *result)
{
	unsigned step = 0, held = 0;
	double least = 100;
	for (unsigned day = 0; day < DAYS; day++) {
		usec from = day * USEC_DAY;
		struct scenario_sum sum = scenario_sum_of(0, 0, from, from + USEC_DAY);
		uint32_t allowance = curve.steps[step];
		double part = 100 * (double)sum.tries / allowance;
		least = part < least ? part : least;
		if (sum.tries > allowance)
			world_fail(w, "day %u: %llu messages, %u allowed", day + 1,
				   (unsigned long long)sum.tries, allowance);
		check_hours(w, day, allowance);
		if (10 * sum.refused > sum.tries)
			held++;
		else
			step++;
	}
	for (uint32_t id = 1; id <= w->recipient_count; id++)
		if (w->truths[id].suppressed || w->truths[id].held)
			world_fail(w, "%s is suppressed", w->truths[id].email);
	double seconds = (double)p->until / 1e6;
	double warm = 100 * (double)scenario_sum_of(0, 1, 0, p->until).tries /
		      (p->regimes[0].known_per_second * seconds);
	result->reached = least < warm ? least : warm;
	snprintf(result->note, sizeof(result->note),
		 "the least day %.1f %% of its allowance, %u days held, the warm one %.1f %% ",
		 least, held, warm);
}
