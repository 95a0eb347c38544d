/* reach.c - whether the hosts of one route take connections at all. */
#include "engine/shape/reach.h"

static const usec connect_first = 15 * USEC_SECOND, connect_last = 30 * USEC_MINUTE;

void reach_init(struct reach *r, usec now)
{
	*r = (struct reach){.opening_after = now};
	backoff_init(&r->connecting, connect_first, connect_last);
}

/* After a failed round one connection probes; the others follow when it is greeted. */
uint32_t reach_room(const struct reach *r, uint32_t wanted, uint32_t open, uint32_t opening,
		    usec now)
{
	if (now < r->opening_after)
		return 0;
	if (r->failures == 0 || open > 0)
		return wanted;
	return opening == 0 && wanted > 0 ? 1 : 0;
}

void reach_opened(struct reach *r)
{
	r->failures = 0;
	backoff_succeed(&r->connecting);
}

void reach_failed(struct reach *r, usec now)
{
	r->failures++;
	/* Connects that began together fail together: one round, one step. */
	if (now < r->opening_after)
		return;
	r->opening_after = now + backoff_fail(&r->connecting);
}

void reach_delivered(struct reach *r)
{
	r->fruitless = 0;
}

bool reach_lost(struct reach *r)
{
	return ++r->fruitless >= REACH_FRUITLESS_LIMIT;
}
