/* scenario_warmup.c - a month of a new source beside a warm one: two hours a day, for which the
 * engine is started anew, so that a month takes seconds. The hosts count what it sends
 * on each day, and how much of that they deferred: what it may send follows from the curve and
 * from that alone. On some days they defer many, and the day after must not rise. */
#include "tests/sim/scenario.h"

#include <stdio.h>

#include "tests/sim/sim_store.h"

#define DAYS 30
#define OPENS (9 * USEC_HOUR)
#define CLOSES (11 * USEC_HOUR)
#define LOOK (15 * USEC_MINUTE) /* no such time holds more than its even share */
#define LOOKS ((unsigned)((CLOSES - OPENS) / LOOK))
#define LOOK_SLACK 1.25   /* beyond it, and two more: the burst, and what comes late */
#define WARM_PER_HOUR 120 /* more than the new one at last: recipients fall to both alike */
#define GROWTH 1.06       /* of the curve, each day */
#define MORE_MAIL 1.15    /* than both may send: so that no day is short of it */

static struct warmup_curve curve;

void scenario_plan_warmup(struct world *w, struct plan *p)
{
	double allowance = scenario_between(w, 20, 40);
	curve = (struct warmup_curve){
		.opens = OPENS,
		.closes = CLOSES,
		.defer_limit = 100000,
		.complaint_limit = 1000,
		.used_limit = 100000,
	};
	for (; curve.step_count < DAYS; curve.step_count++, allowance *= GROWTH)
		curve.steps[curve.step_count] = (uint32_t)allowance;
	double per_second = WARM_PER_HOUR / 3600.0;
	p->regimes[0] = (struct regime){
		.provider = "gmail",
		.sites = 1,
		.busy_per_mille = 20,
		.share = 1,
		/* Of each source: the new one's allowance is always less. */
		.known_per_second = per_second,
	};
	for (unsigned day = 0; day < DAYS; day++)
		p->regimes[0].hectic_days |= (uint32_t)(world_below(w, 4) == 0) << day;
	p->regime_count = 1;
	p->source_count = 2;
	p->curve = &curve;
	/* Days of the world are days of the calendar: what is measured begins at midnight. */
	w->wall_offset = 20000 * USEC_DAY - w->now;
	p->until = DAYS * USEC_DAY;
	p->day_from = OPENS - 10 * USEC_MINUTE;
	p->day_until = CLOSES + 10 * USEC_MINUTE;
	/* Of a whole day: what people there are. */
	p->best_per_second = per_second * 2 * (double)(CLOSES - OPENS) / (double)USEC_DAY;
	snprintf(p->told, sizeof(p->told), "30 days, %u to %u messages a day, within two hours",
		 curve.steps[0], curve.steps[DAYS - 1]);
}

/* Mail comes bit by bit. With all of it there from the beginning the warm source would be
 * done with it within days, or all of it would be looked at again and again for a month. */
void scenario_cut_warmup(struct world *w, const struct plan *p)
{
	unsigned step = 0;
	for (unsigned day = 0; day < DAYS; day++) {
		double mail =
			curve.steps[step] + WARM_PER_HOUR * (double)(CLOSES - OPENS) / 3600e6;
		for (usec at = OPENS; at < CLOSES; at += LOOK)
			sim_slice_ahead((size_t)(MORE_MAIL * mail / LOOKS),
					w->now + w->wall_offset + day * USEC_DAY + at);
		step += !(p->regimes[0].hectic_days >> day & 1);
	}
	sim_slice_ahead(w->recipient_count, w->now + w->wall_offset + DAYS * USEC_DAY);
}

static void check_evenness(struct world *w, unsigned day, uint32_t allowance)
{
	double most = LOOK_SLACK * allowance / LOOKS + 2;
	for (usec at = 0; at < USEC_DAY; at += LOOK) {
		usec from = day * USEC_DAY + at;
		bool open = at >= OPENS && at < CLOSES;
		uint64_t tries = scenario_sum_of(0, 0, from, from + LOOK).tries;
		if ((double)tries > (open ? most : 0))
			world_fail(w,
				   "day %u: %llu messages from %.2f h on, %u allowed that day",
				   day + 1, (unsigned long long)tries, (double)at / 3600e6,
				   allowance);
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
		check_evenness(w, day, allowance);
		if (10 * sum.refused > sum.tries)
			held++;
		else
			step++;
	}
	for (uint32_t id = 1; id <= w->recipient_count; id++)
		if (w->truths[id].suppressed || w->truths[id].held)
			world_fail(w, "%s is suppressed", w->truths[id].email);
	double days = DAYS * WARM_PER_HOUR * (double)(p->day_until - p->day_from) / 3600e6;
	double warm = 100 * (double)scenario_sum_of(0, 1, 0, p->until).tries / days;
	result->reached = least < warm ? least : warm;
	snprintf(result->note, sizeof(result->note),
		 "the least day %.1f %% of its allowance, %u days held, the warm one %.1f %% ",
		 least, held, warm);
}
