/* scenario_incident.c - a provider that says for two hours in the middle of a campaign that
 * live users do not exist, beside one that is well. A person calls it a false alarm some time
 * after it is over. Before and after, and at the other provider all the while, the configured
 * rates are the best possible. */
#include "tests/sim/scenario.h"

#include <stdio.h>

#include "tests/sim/sim_store.h"

#define DEAD_EVERY 50            /* really nobody: what is usual */
#define BEGIN (15 * USEC_MINUTE) /* of what is measured: rates start low */
#define FOUND_WITHIN (10 * USEC_MINUTE)
/* Beyond four times the usual in a window of ten minutes, some on their way, and some luck. */
#define WRONG_PART 0.09
#define WRONG_MORE 30

static void plan_provider(struct world *w, struct regime *r, const char *name)
{
	double rate = scenario_between(w, 0.4, 1.2);
	*r = (struct regime){
		.provider = name,
		.sites = 1,
		.dead_every = DEAD_EVERY,
		.known_per_second = rate,
		.share = rate,
	};
}

void scenario_plan_incident(struct world *w, struct plan *p)
{
	plan_provider(w, &p->regimes[0], "gmail");
	plan_provider(w, &p->regimes[1], "yahoo");
	p->regime_count = 2;
	p->source_count = 1;
	struct regime *r = &p->regimes[0];
	r->lies_from = (30 + (usec)world_below(w, 30)) * USEC_MINUTE;
	r->lies_until = r->lies_from + 2 * USEC_HOUR;
	r->lies_per_mille = (unsigned)scenario_between(w, 300, 1000);
	p->resolve_at = r->lies_until + (10 + (usec)world_below(w, 60)) * USEC_MINUTE;
	p->expects_errors = true;
	p->until = p->resolve_at + USEC_HOUR;
	p->best_per_second = r->known_per_second + p->regimes[1].known_per_second;
	snprintf(p->told, sizeof(p->told),
		 "%.2f/s, from %.0f min on %u %% unknown, resolved at %.0f min; beside it "
		 "%.2f/s",
		 r->known_per_second, (double)r->lies_from / 60e6, r->lies_per_mille / 10,
		 (double)p->resolve_at / 60e6, p->regimes[1].known_per_second);
}

/* Percent of the configured rate at which a provider was tried. */
static double part_of(const struct plan *p, int index, usec from, usec until)
{
	double seconds = (double)(until / USEC_MINUTE - from / USEC_MINUTE) * 60;
	return 100 * (double)scenario_sum_of(index, -1, from, until).tries /
	       (p->regimes[index].known_per_second * seconds);
}

/* When the last message went there before a person had looked. */
static usec stopped_at(const struct plan *p)
{
	usec at = p->resolve_at / USEC_MINUTE * USEC_MINUTE;
	while (at > 0 && scenario_sum_of(0, -1, at - USEC_MINUTE, at).tries == 0)
		at -= USEC_MINUTE;
	return at;
}

static void check_people(struct world *w, const struct plan *p)
{
	unsigned wrong = 0, right = 0;
	for (uint32_t id = 1; id <= w->recipient_count; id++) {
		const struct truth *truth = &w->truths[id];
		if (scenario_is_dead(w, &p->regimes[0], truth))
			right += truth->suppressed;
		else
			wrong += truth->suppressed || truth->held;
	}
	if (wrong > 0)
		world_fail(w, "%u wrong suppressions stand", wrong);
	if (right == 0)
		world_fail(w, "nobody of those who do not exist is suppressed");
}

void scenario_judge_incident(struct world *w, const struct plan *p,
			     struct scenario_result *result)
{
	const struct regime *r = &p->regimes[0];
	double window = r->known_per_second * 600;
	double before = part_of(p, 0, BEGIN, r->lies_from);
	double after = part_of(p, 0, p->resolve_at + 10 * USEC_MINUTE, p->until);
	double beside = part_of(p, 1, BEGIN, p->until);
	usec found = stopped_at(p) - r->lies_from;
	result->reached = before < after ? before : after;
	result->reached = beside < result->reached ? beside : result->reached;
	check_people(w, p);
	if (sim_incident_count() != 1)
		world_fail(w, "%u incidents were found", sim_incident_count());
	if (found > FOUND_WITHIN)
		world_fail(w, "it was found after %.0f min", (double)found / 60e6);
	if ((double)scenario_seen.lied > WRONG_PART * window + WRONG_MORE)
		world_fail(w, "%llu were failed wrongly",
			   (unsigned long long)scenario_seen.lied);
	snprintf(result->note, sizeof(result->note),
		 "before %.1f %%, after %.1f %%, beside it %.1f %%; stopped within %.0f min, "
		 "%llu lied about ",
		 before, after, beside, (double)found / 60e6,
		 (unsigned long long)scenario_seen.lied);
}
