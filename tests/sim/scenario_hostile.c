/* scenario_hostile.c - providers that talk nonsense, that answer 250 and 421 in turn, that take
 * mail for a while and then list the source. What they defer is their own doing; what is asked
 * here is that nobody is lost, that few attempts are wasted on them, and that the others do not
 * notice. */
#include "tests/sim/scenario.h"

#include <stdio.h>

#define BEGIN (15 * USEC_MINUTE) /* of what is measured: rates start low */
#define WASTED_MOST 2.5          /* attempts for each delivery where half are refused */
#define BLOCK_TRIES_FIRST 30     /* under way, and until the run is one */
#define BLOCK_TRIES_HOURLY 2     /* that ask whether it is over */

static struct regime well(struct world *w, const char *provider)
{
	double rate = scenario_between(w, 0.3, 1.5);
	return (struct regime){
		.provider = provider, .sites = 1, .known_per_second = rate, .share = rate};
}

static double part_of(const struct plan *p, int index, int source, usec from, usec until)
{
	double seconds = (double)(until / USEC_MINUTE - from / USEC_MINUTE) * 60;
	unsigned sources = source < 0 ? p->source_count : 1;
	return 100 * (double)scenario_sum_of(index, source, from, until).accepted /
	       (p->regimes[index].known_per_second * seconds * sources);
}

/* Nobody was given up or suppressed, and nobody got it twice. */
static void check_people(struct world *w)
{
	unsigned lost = 0, suppressed = 0, twice = 0;
	for (uint32_t id = 1; id <= w->recipient_count; id++) {
		const struct truth *t = &w->truths[id];
		lost += t->final_count > 0 && t->accepted_count == 0;
		suppressed += t->suppressed || t->held;
		twice += t->accepted_count > 1;
	}
	if (lost + suppressed + twice > 0)
		world_fail(w, "%u lost, %u suppressed, %u got it twice", lost, suppressed,
			   twice);
}

void scenario_plan_nonsense(struct world *w, struct plan *p)
{
	p->regimes[0] = well(w, "gmail");
	p->regimes[0].nonsense_per_mille = 50 + (unsigned)world_below(w, 200);
	p->regimes[0].is_hostile = true;
	p->regimes[1] = well(w, "microsoft");
	p->regimes[1].alternates = true;
	p->regimes[1].is_hostile = true;
	p->regimes[1].over_status = "4.3.0";
	p->regimes[1].over_text = "try again later";
	p->regimes[2] = well(w, "yahoo");
	p->regime_count = 3;
	p->expects_errors = true;
	p->source_count = 1;
	for (unsigned i = 0; i < 3; i++)
		p->best_per_second += p->regimes[i].known_per_second;
	p->until = 2 * USEC_HOUR;
	snprintf(p->told, sizeof(p->told),
		 "%u %% nonsense at %.2f/s, 250 and 421 in turn at %.2f/s, and a sane one at "
		 "%.2f/s",
		 p->regimes[0].nonsense_per_mille / 10, p->regimes[0].known_per_second,
		 p->regimes[1].known_per_second, p->regimes[2].known_per_second);
}

void scenario_judge_nonsense(struct world *w, const struct plan *p,
			     struct scenario_result *result)
{
	struct scenario_sum garbage = scenario_sum_of(0, -1, 0, p->until);
	struct scenario_sum in_turn = scenario_sum_of(1, -1, 0, p->until);
	result->reached = part_of(p, 2, -1, BEGIN, p->until);
	check_people(w);
	if (garbage.accepted == 0 || in_turn.accepted == 0)
		world_fail(w, "nothing goes to a hostile one");
	if ((double)in_turn.tries > WASTED_MOST * (double)in_turn.accepted)
		world_fail(w, "%llu attempts for %llu deliveries where every second is refused",
			   (unsigned long long)in_turn.tries,
			   (unsigned long long)in_turn.accepted);
	snprintf(result->note, sizeof(result->note),
		 "nonsense %.0f %% of its rate, %.2f attempts each; in turn %.0f %%, %.2f ",
		 part_of(p, 0, -1, BEGIN, p->until),
		 (double)garbage.tries / (double)(garbage.accepted ? garbage.accepted : 1),
		 part_of(p, 1, -1, BEGIN, p->until),
		 (double)in_turn.tries / (double)(in_turn.accepted ? in_turn.accepted : 1));
}

void scenario_plan_block(struct world *w, struct plan *p)
{
	p->regimes[0] = well(w, "microsoft");
	p->regimes[0].blocks_from = (20 + (usec)world_below(w, 40)) * USEC_MINUTE;
	p->regimes[0].is_hostile = true;
	p->regimes[1] = well(w, "yahoo");
	p->regime_count = 2;
	p->expects_errors = true;
	p->source_count = 2;
	for (unsigned i = 0; i < 2; i++)
		p->best_per_second += 2 * p->regimes[i].known_per_second;
	p->until = p->regimes[0].blocks_from + 2 * USEC_HOUR;
	snprintf(p->told, sizeof(p->told),
		 "%.2f/s a source, one listed from %.0f min on; beside it %.2f/s",
		 p->regimes[0].known_per_second, (double)p->regimes[0].blocks_from / 60e6,
		 p->regimes[1].known_per_second);
}

void scenario_judge_block(struct world *w, const struct plan *p, struct scenario_result *result)
{
	usec from = p->regimes[0].blocks_from;
	uint64_t tries = scenario_sum_of(0, 0, from, p->until).tries;
	double hours = (double)(p->until - from) / 3600e6;
	double other = part_of(p, 0, 1, from, p->until);
	double beside = part_of(p, 1, -1, BEGIN, p->until);
	result->reached = other < beside ? other : beside;
	check_people(w);
	if ((double)tries > BLOCK_TRIES_FIRST + hours * BLOCK_TRIES_HOURLY)
		world_fail(w, "%llu attempts by the source that is listed",
			   (unsigned long long)tries);
	snprintf(result->note, sizeof(result->note),
		 "the other source %.1f %%, beside it %.1f %%, %llu attempts while listed ",
		 other, beside, (unsigned long long)tries);
}
