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
#define SUSPICION_LEAST 10 /* messages: fewer a connection cost too much for one accident */

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

/* What was seen twice is remembered for longer than a suspicion ever is. */
static bool hangs_up(const struct habit *h, usec now_wall)
{
	bool twice = h->messages_until > now_wall + HABIT_SUSPICION;
	return now_wall < h->messages_until && (twice || h->messages >= SUSPICION_LEAST);
}

struct habit_plan habit_plan(const struct habit *h, const struct habit_rule *rule, bool known,
			     usec now_wall)
{
	struct habit_plan plan = {.flight = h->flight,
				  .window = least(h->window, rule->window)};
	if (hangs_up(h, now_wall))
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
	return plan;
}

bool habit_outlasted(struct habit *h, uint32_t answered)
{
	if (h->messages == 0 || answered <= h->messages)
		return false;
	h->messages = 0;
	h->messages_until = 0;
	return true;
}

static uint32_t run_wanted(const struct habit_plan *plan, bool known)
{
	if (plan->flight == FLIGHT_WINDOW)
		return 2 * plan->window;
	if (known)
		return RUN_KNOWN;
	return plan->flight >= FLIGHT_NEXT ? RUN_CHUNK_UNKNOWN : RUN_UNKNOWN;
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
	if (plan->flight < top)
		above.flight = plan->flight + 1;
	else if (plan->flight == FLIGHT_WINDOW && top == FLIGHT_WINDOW)
		above.window = least(2 * plan->window, widest);
	return above;
}

bool habit_clean(struct habit *h, const struct habit_rule *rule, const struct habit_plan *plan,
		 bool chunking, bool known, usec now_wall)
{
	bool behind = plan->flight < h->flight ||
		      (plan->flight == FLIGHT_WINDOW && plan->window < h->window);
	if (rule->pinned || behind)
		return false;
	if (++h->clean_run < run_wanted(plan, known))
		return false;
	h->clean_run = 0;
	struct habit_plan above = level_above(h, rule, plan, chunking, now_wall);
	if (above.flight == h->flight && above.window == h->window)
		return false;
	bool higher = above.flight > plan->flight || above.window > plan->window;
	h->flight = above.flight;
	h->window = above.window;
	return higher;
}

/* Half the window, or the level below: for days. */
static void lower(struct habit *h, const struct habit_plan *plan, bool one_level, usec now_wall)
{
	h->clean_run = 0;
	h->ceiling_until = now_wall + HABIT_MEMORY;
	if (plan->flight == FLIGHT_WINDOW && plan->window > 2 && !one_level) {
		h->ceiling = FLIGHT_WINDOW;
		h->window = h->window_ceiling = plan->window / 2;
	} else if (plan->flight > FLIGHT_LOCKSTEP) {
		h->ceiling = plan->flight - 1;
		h->window = 2;
	}
	h->flight = h->ceiling;
}

bool habit_trouble(struct habit *h, const struct habit_plan *plan, enum habit_trouble trouble,
		   uint32_t under_way, uint32_t answered, usec now_wall)
{
	bool learned = false;
	bool several = trouble == TROUBLE_CUT && under_way >= 2;
	if ((trouble == TROUBLE_SYNC || several) && plan->flight > FLIGHT_LOCKSTEP) {
		lower(h, plan, trouble == TROUBLE_SYNC, now_wall);
		learned = true;
	}
	/* Once may be an accident; twice after as many messages is a habit. */
	if (trouble == TROUBLE_CUT && answered > 0) {
		bool again = now_wall < h->messages_until && answered == h->messages;
		usec until = now_wall + (again ? HABIT_MEMORY : HABIT_SUSPICION);
		learned |= answered != h->messages || until > h->messages_until + USEC_MINUTE;
		h->messages = answered;
		h->messages_until = usec_max(until, again ? h->messages_until : 0);
	}
	return learned;
}
