/* habit.c - up by clean transactions, down by trouble; see habit.h.
 *
 *   group -> next -> chunk -> window of 2 -> 4 -> 8 -> 16
 *
 * A host begins at group, known software at next. The step to chunk is the one that can go
 * wrong (a server that offers BDAT and then takes the chunk of a refused envelope for
 * commands): where the software is not known it is earned by a longer run. */
#include "engine/shape/habit.h"

#include "engine/base/assert.h"

#define RUN_KNOWN 2   /* clean transactions that earn the next level */
#define RUN_UNKNOWN 4 /* the same of software that we do not know */
#define RUN_CHUNK_UNKNOWN 32
#define PROOF_LONG 128 /* who has taken so many may be trusted with an eighth more */

const struct habit_rule habit_rule_default = {
	.limit = FLIGHT_WINDOW,
	.window = SMTP_TRANSACTION_LIMIT,
};

void habit_init(struct habit *h)
{
	*h = (struct habit){
		.flight = FLIGHT_GROUP,
		.window = 2,
		.ceiling = FLIGHT_WINDOW,
		.window_ceiling = SMTP_TRANSACTION_LIMIT,
	};
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Within the proof, as much as fits it; beyond it one end of data at a time. */
static void keep_to_proof(const struct habit *h, struct habit_plan *plan, uint32_t submitted)
{
	uint32_t reach = h->proven + (h->proven >= PROOF_LONG ? h->proven / 8 : 0);
	if (plan->flight >= FLIGHT_CHUNK && submitted >= reach)
		plan->flight = FLIGHT_NEXT;
}

struct habit_plan habit_plan(const struct habit *h, const struct habit_rule *rule, bool known,
			     uint32_t submitted, usec now_wall)
{
	struct habit_plan plan = {.flight = h->flight,
				  .window = least(h->window, rule->window)};
	if (now_wall < h->messages_until && h->closes >= HABIT_CLOSES)
		plan.messages = h->messages;
	bool lowered = now_wall < h->ceiling_until;
	if (rule->pinned) {
		plan.flight = rule->flight;
		plan.window = rule->window;
	} else if (known && plan.flight == FLIGHT_GROUP) {
		plan.flight = FLIGHT_NEXT;
	}
	if (!rule->pinned)
		plan.flight = (enum smtp_flight)least(plan.flight, rule->limit);
	if (lowered) {
		plan.flight = (enum smtp_flight)least(plan.flight, h->ceiling);
		plan.window = least(plan.window, h->window_ceiling);
	}
	plan.limit = plan.flight;
	if (!rule->pinned)
		keep_to_proof(h, &plan, submitted);
	return plan;
}

static uint32_t run_wanted(const struct habit_plan *plan, bool known)
{
	if (plan->limit == FLIGHT_WINDOW)
		return 2 * plan->window;
	if (known)
		return RUN_KNOWN;
	return plan->limit >= FLIGHT_NEXT ? RUN_CHUNK_UNKNOWN : RUN_UNKNOWN;
}

/* The next level under its ceilings; the plan's own when there is none. */
static struct habit_plan level_above(const struct habit *h, const struct habit_rule *rule,
				     const struct habit_plan *plan, bool chunking,
				     usec now_wall)
{
	bool lowered = now_wall < h->ceiling_until;
	enum smtp_flight top =
		chunking ? rule->limit : (enum smtp_flight)least(rule->limit, FLIGHT_NEXT);
	uint32_t widest = rule->window;
	if (lowered) {
		top = (enum smtp_flight)least(top, h->ceiling);
		widest = least(widest, h->window_ceiling);
	}
	struct habit_plan above = *plan;
	if (plan->limit < top)
		above.limit = plan->limit + 1;
	else if (plan->limit == FLIGHT_WINDOW && top == FLIGHT_WINDOW)
		above.window = least(2 * plan->window, widest);
	return above;
}

bool habit_clean(struct habit *h, const struct habit_rule *rule, const struct habit_plan *plan,
		 uint32_t answered, bool chunking, bool known, usec now_wall)
{
	if (answered > h->proven)
		h->proven = answered;
	if (answered > h->messages)
		h->closes = 0;
	bool behind = plan->limit < h->flight ||
		      (plan->limit == FLIGHT_WINDOW && plan->window < h->window);
	if (rule->pinned || behind)
		return false;
	if (++h->clean_run < run_wanted(plan, known))
		return false;
	h->clean_run = 0;
	struct habit_plan above = level_above(h, rule, plan, chunking, now_wall);
	if (above.limit == h->flight && above.window == h->window)
		return false;
	bool higher = above.limit > plan->limit || above.window > plan->window;
	h->flight = above.limit;
	h->window = above.window;
	return higher;
}

/* Half the window, or the level below: for days. What was under way may have left before the
 * plan came to the end of the proof, so the plan's limit is what counts. */
static void lower(struct habit *h, const struct habit_plan *plan, bool one_level, usec now_wall)
{
	h->clean_run = 0;
	h->ceiling_until = now_wall + HABIT_MEMORY;
	if (plan->limit == FLIGHT_WINDOW && plan->window > 2 && !one_level) {
		h->ceiling = FLIGHT_WINDOW;
		h->window = h->window_ceiling = plan->window / 2;
	} else if (plan->limit > FLIGHT_LOCKSTEP) {
		h->ceiling = plan->limit - 1;
		h->window = 2;
	}
	h->flight = h->ceiling;
}

bool habit_trouble(struct habit *h, const struct habit_plan *plan, enum habit_trouble trouble,
		   uint32_t under_way, uint32_t answered, usec now_wall)
{
	bool learned = false;
	bool several = trouble == TROUBLE_CUT && under_way >= 2;
	if ((trouble == TROUBLE_SYNC || several) && plan->limit > FLIGHT_LOCKSTEP) {
		lower(h, plan, trouble == TROUBLE_SYNC, now_wall);
		learned = true;
	}
	if (trouble != TROUBLE_CUT || answered == 0)
		return learned;
	bool again = now_wall < h->messages_until && answered == h->messages;
	h->closes = again ? least(h->closes + 1, HABIT_CLOSES) : 1;
	h->messages = answered;
	bool habit = h->closes == HABIT_CLOSES;
	h->messages_until = now_wall + (habit ? HABIT_MEMORY : HABIT_SUSPICION);
	if (under_way > 0)
		h->proven = least(h->proven, answered);
	return learned || habit;
}
