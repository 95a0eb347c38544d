/* store_settle.h - what became of recipients, with the journal's position.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/smtp/classify.h"
#include "engine/store/store_base.h"

/* What became of one recipient in one attempt (or without any). The numbers of verdicts and
 * classes stand in the tables: see sql/README.md. */
struct store_outcome {
	uint64_t campaign_id, slice_id, subscriber_id;
	enum verdict verdict;
	bool final;    /* in doubt may be final or not; deferred never is */
	bool suppress; /* a dead address: to be suppressed with this outcome */
	enum bounce_class class;
	const char *cause;
	enum reply_origin origin;
	enum smtp_stage stage;
	uint16_t code;
	struct status status;
	uint32_t attempt; /* 1 for the first; 0: none was made */
	uint32_t revision;
	usec at_wall, date_wall, first_wall;
	usec due_wall;                             /* DEFERRED, or IN_DOUBT to be tried again */
	uint32_t duration_ms;                      /* from MAIL to the reply */
	uint32_t size;                             /* bytes of the message */
	str text, mx_host, provider, site, source; /* text: bounded, may hold any bytes */
};

struct store_settle {
	struct store_request request;
	uint32_t engine_id, epoch;
	const struct store_outcome *const *outcomes;
	size_t count;
	uint64_t old_position, new_position; /* compare-and-set, in the same transaction */
	const uint64_t *closed_slices;       /* all of whose recipients are settled with this */
	size_t closed_count;
	/* Of one outcome alone, which is STORE_UNFIT: what the database said. Then its verdict is
	 * settled bare, and all of it (record: as the journal has it) is kept for people. */
	const char *refused;
	str record;
};

/* STORE_FENCED when the position is not old_position: read it with store_position(). */
void store_settle(struct store *, struct store_settle *);
