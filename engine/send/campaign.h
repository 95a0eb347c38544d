/* campaign.h - a campaign that this engine works on: its content, what it may do now, its
 * share. Made by the feeder, which keeps it as long as anything of it is in memory. Each field
 * belongs to one worker; the carrier gets to know of it by carrier.campaigns before the first
 * of its runs, and lets go of it (leaving) after the last.
 *
 * A newsletter is cut into slices, and shares what a path may send with other campaigns by its
 * weight. An urgent campaign (transactional mail) has no audience: its recipients come out of
 * the outbox one by one, marked by their claim, and go before everything else. */
#pragma once

#include "engine/base/map.h"
#include "engine/base/wheel.h"
#include "engine/send/content.h"
#include "engine/shape/quota.h"

enum carrier_timer_of { TIMER_SESSION, TIMER_PATH, TIMER_QUOTA };
struct carrier_timer {
	struct wheel_timer wheel;
	enum carrier_timer_of of;
};

struct carrier_quota;

/* A question about one kind of limit, and its answer: the feeder's while it is under way. */
struct carrier_draw {
	struct carrier_quota *quota;
	struct store_draw_row row;
};

/* A limit wider than a path, with those who wait for it. The carrier's. */
struct carrier_quota {
	struct quota quota;
	char why[64];              /* as people are told: "limit all-gmail" */
	char account[80];          /* as all engines call it: "limit all-gmail", "campaign 7" */
	struct campaign *campaign; /* whose it is; NULL: of the configuration */
	struct chain_link drawn;   /* in carrier.drawn: it limits something */
	struct carrier_draw draws[QUOTA_KINDS];
	uint32_t wanted_count[2]; /* who wait: for starts; for connections */
	bool wanted[2];           /* and whoever else was held back since it was looked at */
	struct chain waiters;  /* paths */
	struct chain unmarked; /* paths that may have no mark before others have used theirs */
	size_t mark_most;      /* envelopes that are marked and not started, of all paths; as it was last */
	struct carrier_timer timer;
	uint32_t held_count; /* messages ordered or ready, not yet started */
	uint32_t ahead_count; /* envelopes that are marked, or being marked, and not yet ordered */
	const struct limit_rule *rule; /* of those wider than a path; NULL: a free place */
	bool kept, retired;            /* while rules change */
};

struct campaign {
	struct chain_link link; /* in feeder.campaigns */
	uint64_t id;
	const struct content *content;
	struct arena arena; /* of the content */
	bool urgent;
	uint32_t weight;
	_Atomic uint32_t spread_per_hour; /* the feeder's word to the carrier; 0: no limit */
	_Atomic int64_t settled_due_wall; /* the ledger's to the feeder: the first deferral that
					     it settled since is due; USEC_NEVER: none */
	_Atomic uint32_t winner;          /* the feeder's to the presses; 0: not named */

	/* The feeder's. */
	bool paused, cancelled;
	bool closed; /* its send window is */
	bool halted; /* as the carrier was told last */
	bool untouched; /* nothing of it has been cut, as far as is known */
	bool fully_cut, first_cut_done, first_checked;
	bool nothing_open; /* the last lease found no slice */
	bool ended; /* the database says so; whether by a cancel, the stop feed may yet tell */
	bool asked_behind;                  /* the stop feed under way was asked after that */
	bool finished;                      /* it has told */
	size_t admitted_count, slice_count; /* in memory */
	uint64_t targeted_count;
	uint32_t cut_ahead; /* slices cut and not leased since */
	usec cut_at, lease_at, due_at, finish_at, next_due_wall;
	usec health_at, ramp_from; /* feeder_health.c's, as what follows */
	struct map zones;          /* struct zone of feeder_zone.c, by name */
	uint64_t ramp_room;        /* recipients that may be cut; UINT64_MAX: any */
	uint64_t cut_since;        /* since its health was asked last */
	bool ramped;               /* its sample has turned out well */
	bool alarmed;
	bool hold_for_good;
	char hold_why[BREAKER_WHY_SIZE]; /* it is to be held; "" when not */
	uint64_t waiting_count;          /* for the winner, when the database was asked last */

	/* The carrier's. */
	struct chain_link of_carrier; /* in carrier.campaigns */
	bool stopped;                 /* nothing of it starts; what waits goes back */
	bool leaving;                 /* set by the feeder before it says so */
	bool told_to_leave;           /* the feeder has said so, */
	uint32_t message_count;       /* and these still point into its content */
	struct carrier_quota quota;   /* its own rate, and that of its window */
};

/* Compiles what was loaded from the database into the arena, and takes the arena over. NULL
 * with a sentence when its template cannot be compiled (the arena is done then). */
[[nodiscard]] struct campaign *campaign_create(struct arena *, const struct engine_settings *,
					       const struct store_campaign *, char *ret_why,
					       size_t why_size);
void campaign_destroy(struct campaign *);
