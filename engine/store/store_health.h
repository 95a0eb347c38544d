/* store_health.h - how a campaign does, and whether it may be sent now.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/shape/breaker.h"
#include "engine/store/store_base.h"

/* How a campaign does, of all engines together, and whether it may be sent now. What came
 * before a person resumed it is not counted. Cheap: asked every few seconds. */
struct store_health {
	struct store_request request;
	uint64_t campaign_id;
	struct arena *arena;
	bool ret_open;         /* its send window is */
	bool ret_over;         /* and opens no more: too late */
	str ret_fault;         /* why the window cannot be read; empty: it can */
	usec ret_changes_wall; /* when it opens or closes; 0: never */
	usec ret_ends_wall;    /* 0: it has no end */
	usec ret_open_left; /* it is open for so long yet, in all; 0: there is no end to it */
	bool ret_resumed;   /* a person has let it go on */
	uint64_t ret_expected; /* recipients in all, from the beginning; 0: not known yet */
	uint64_t ret_cut;      /* in slices, who are not suppressed, */
	uint64_t ret_begun;    /* with a first attempt (from the beginning), */
	uint64_t ret_settled;  /* with a final verdict */
	struct breaker_counts ret_counts;
};
void store_health(struct store *, struct store_health *);

/* A campaign that runs pauses for a reason, or ends for good, as if a person had said so: every
 * engine hears it by the stop feed. In another state it stays as it is. */
struct store_hold {
	struct store_request request;
	uint64_t campaign_id;
	str reason; /* a sentence */
	bool for_good;
	bool ret_changed;
};
void store_hold(struct store *, struct store_hold *);

/* Whether the hours of a campaign's window are open in other time zones. A zone that is not
 * known is the campaign's own. */
struct store_zone {
	str name;
	bool ret_open;
	usec ret_changes_wall; /* when that changes; 0: never */
};
struct store_zones {
	struct store_request request;
	uint64_t campaign_id;
	struct store_zone *zones;
	size_t count;
};
void store_zones(struct store *, struct store_zones *);
