/* carrier_state.h - what a path does at this moment, kept for people who ask on any machine.
 * The carrier tells it what happens (two calls where it happens); every two seconds the paths
 * that changed leave as notes to the ledger, at most STATE_NOTES at a time, the longest unsaid
 * first. Nothing is decided by it. */
#pragma once

#include "engine/base/chain.h"
#include "engine/shape/path.h"
#include "engine/store/store.h"

#define STATE_NOTES 128 /* on their way to the ledger */
#define STATE_SLOTS 6   /* of ten seconds: the last minute */

struct carrier;
struct carrier_path;

struct carrier_state {
	struct chain_link changed; /* in carrier.changed_states */
	const char *why;           /* of the last verdict */
	usec held_until;           /* USEC_NEVER: not known */
	uint32_t started[STATE_SLOTS];
	int64_t slot; /* of the last start, counted from the beginning of time */
	uint64_t delivered, deferred, failed;
	usec throttled_wall;
	char throttle[160]; /* the last reply that spoke of the path */
	bool told;          /* people know of this path */
};

void carrier_state_init(struct carrier_state *);
/* The path goes: nothing more is said about it. */
void carrier_state_forget(struct carrier *, struct carrier_path *);
/* The path had a verdict, and so many messages started. */
void carrier_state_ran(struct carrier *, struct carrier_path *, const struct path_grant *,
		       uint32_t started, usec now);
/* An attempt ended there; path NULL: it had none. */
void carrier_state_ended(struct carrier *, struct carrier_path *, const struct store_outcome *);
/* Says what changed; returns when it wants to be called again at the latest. */
usec carrier_states_step(struct carrier *, usec now);
/* Everything that waits at the target ("provider NAME", "site NAME", "" everywhere) may go on:
 * suspensions there end now. */
void carrier_flush(struct carrier *, const char *target);
