/* reach.h - whether the hosts of one route take connections at all: pure, given now.
 * It holds back only the opening of connections. Those that work prove that the hosts do, and a
 * server that refuses the eleventh connection is not down. It is no part of the path that
 * shapes what a provider is sent: one dead MX must not stop the provider's others. */
#pragma once

#include "engine/base/usec.h"
#include "engine/shape/backoff.h"

#define REACH_FRUITLESS_LIMIT 3 /* connections lost in a row: the hosts are as good as down */

struct reach {
	struct backoff connecting; /* after failed rounds of connecting */
	usec opening_after;        /* no connection opens before; those that are open work on */
	uint32_t failures;         /* rounds in a row in which every host failed */
	uint32_t fruitless;        /* connections lost in a row that had delivered nothing */
};

void reach_init(struct reach *, usec now);
/* How many of the wanted connections may be opened, where so many are open or being opened:
 * none before opening_after, and after a failed round a single one until it is greeted. */
uint32_t reach_room(const struct reach *, uint32_t wanted, uint32_t open, uint32_t opening,
		    usec now);
void reach_opened(struct reach *);           /* connected and greeted */
void reach_failed(struct reach *, usec now); /* every host failed in this round */
void reach_delivered(struct reach *);        /* a message was taken */
/* A connection was lost that had delivered nothing; true when that has become the rule. */
[[nodiscard]] bool reach_lost(struct reach *);
