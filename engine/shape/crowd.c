/* crowd.c - how many connections a path may have at once, learned from refusals. */
#include "engine/shape/crowd.h"

#include "engine/base/assert.h"

#define CLIMB_EVERY (10 * USEC_SECOND)
#define LOOK_FIRST (5 * USEC_MINUTE)
#define LOOK_LAST USEC_HOUR

static uint32_t within(uint32_t value, uint32_t limit)
{
	return value < 1 ? 1 : value < limit ? value : limit;
}

static void change(struct crowd *c, uint32_t cap, usec now)
{
	c->cap = within(cap, c->limit);
	c->changed_at = now;
	c->clean_run = 0;
}

void crowd_init(struct crowd *c, uint32_t limit, usec now)
{
	ASSERT(limit >= 1);
	*c = (struct crowd){.limit = limit, .cut_at = USEC_NEVER, .look_every = LOOK_FIRST};
	change(c, limit, now);
}

void crowd_set_limit(struct crowd *c, uint32_t limit, usec now)
{
	ASSERT(limit >= 1);
	bool uncut = c->cap == c->limit;

	c->limit = limit;
	change(c, uncut && c->ceiling == 0 ? limit : c->cap, now);
}

/* The most that are let in as far as is known. */
static uint32_t known_room(const struct crowd *c)
{
	return c->ceiling ? within(c->ceiling - 1, c->limit) : c->limit;
}

void crowd_delivered(struct crowd *c, usec now)
{
	uint32_t room = known_room(c);
	usec wait = c->cap < room ? CLIMB_EVERY : c->look_every;

	c->clean_run++;
	if (c->cap == c->limit || c->clean_run < CROWD_CLEAN_RUN || now - c->changed_at < wait)
		return;
	change(c, c->cap < room ? c->cap + (room - c->cap + 1) / 2 : c->cap + 1, now);
}

void crowd_opened(struct crowd *c, uint32_t open, usec now)
{
	if (c->ceiling == 0 || open < c->ceiling)
		return;
	c->ceiling = open + 1;
	c->look_every = usec_max(c->look_every / 4, USEC_MINUTE);
	if (open > c->cap)
		change(c, open, now);
}

/* Of many that were opened together some are still to be greeted: crowd_opened() will tell. */
void crowd_refused(struct crowd *c, uint32_t others, usec now)
{
	bool looked = c->ceiling && c->cap >= c->ceiling;

	if (others >= c->cap)
		return;
	if (looked)
		c->look_every = usec_min(2 * c->look_every, LOOK_LAST);
	c->ceiling = within(others, c->limit) + 1;
	c->cut_at = now;
	change(c, others, now);
}

void crowd_troubled(struct crowd *c, usec now)
{
	bool looked = c->ceiling && c->cap >= c->ceiling;

	if (c->cut_at != USEC_NEVER && now - c->cut_at < CROWD_CUT_EVERY)
		return;
	if (looked)
		c->look_every = usec_min(2 * c->look_every, LOOK_LAST);
	c->ceiling = within(c->cap, c->limit) + (c->cap == 1);
	c->cut_at = now;
	change(c, c->cap / 2, now);
}
