/* warming.h - a source in warm-up with one provider, between feeder and carrier.
 * The feeder reserves starts in the database and says until when they hold and how far apart
 * they are to be; the carrier starts nothing on such a path without one of them, and counts
 * each start. All counts grow for as long as the engine runs, so that what one thread writes
 * and the other reads is one number. What is reserved and not started when the day ends is
 * void. */
#pragma once

#include <stdatomic.h>

#include "engine/store/store.h"

#define WARMING_AHEAD (40 * USEC_SECOND) /* what starts within it is handed to the carrier */
#define WARMING_LEAD (5 * USEC_SECOND)   /* so long before its time it is to be read again */

struct warming {
	char key[96]; /* source index and provider */
	const char *source;
	char provider[32];
	const struct warmup_curve *curve;

	/* The feeder's. */
	struct warmup_state state; /* as the database last told */
	struct store_warmup request;
	void *context; /* of the request's on_done */
	bool busy;
	bool wanted;              /* somebody waits to know where it stands */
	usec again_at;            /* not asked before */
	uint64_t handed;          /* envelopes given to the carrier that have not come back */
	uint64_t returned_starts; /* starts of those that have */
	/* Slices that wait come back one after the other, each when it is its turn. */
	uint64_t booked_slice;
	usec booked_wall, next_booking_wall;

	/* From feeder to carrier: until_wall is written last, and read first. */
	_Atomic uint64_t granted;
	_Atomic int64_t interval; /* between two starts; 0: none now */
	_Atomic int64_t until_wall;
	_Atomic bool warm;

	/* From carrier to feeder. */
	_Atomic uint64_t started;
	_Atomic int64_t next_at; /* when its pace lets another start */

	struct bucket pace; /* the carrier's */
};

/* The feeder's side. */
bool warming_is_known(const struct warming *, usec now_wall);
/* Whether the database is to be asked: for the day, or for more starts. */
bool warming_is_short(const struct warming *, usec now_wall);
/* Fills the request; on_done is the caller's. */
void warming_ask(struct warming *, usec now_wall);
/* False: it asked for starts and got none. */
bool warming_answered(struct warming *, usec now_wall);
/* How many more envelopes may be given to the carrier. */
uint64_t warming_room(const struct warming *, usec now, usec now_wall);
/* When it will take more of a slice that waits, at most limit from now (wall clock). */
usec warming_book(struct warming *, uint64_t slice, usec now, usec now_wall, usec limit);
/* How far apart starts are to be now: to be said again as time goes by. */
void warming_set_pace(struct warming *, usec now_wall);
/* What is reserved and will not be started: the caller gives it back, nothing starts any more.
 */
uint32_t warming_give_back(struct warming *);

/* The carrier's side. */
/* How many messages may start now, at most limit; *ret_next: when another one may, USEC_NEVER:
 * when the feeder has said so. */
uint32_t warming_allows(struct warming *, uint32_t limit, usec now, usec now_wall,
			usec *ret_next);
/* False: it is warm, and nothing is counted. */
bool warming_start(struct warming *, usec now);
/* How many could start in a time. */
size_t warming_startable(const struct warming *, usec time);
