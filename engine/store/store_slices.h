/* store_slices.h - slices: leased, read, marked as started, put back; deferrals that are due
 * become some.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/store/store_base.h"

enum slice_kind {
	SLICE_AUDIENCE = 0,
	SLICE_RETRY = 1,
	SLICE_REMAINDER = 2,
	SLICE_OUTBOX = 3, /* transactional mail as it was claimed */
};

/* Leases the next open slice that is due: of campaign_id, or of any running campaign (0). When
 * none is, and else now and then, takes over from an engine that has left or was silent for its
 * lease (then ret_next_due_wall is 0). Whose verdict was told late is left out; where nobody is
 * left there is no slice, and ret_next_due_wall is 0. After STORE_LOST the same store finds the
 * lease again if it was made. */
struct store_lease {
	struct store_request request;
	uint32_t engine_id, epoch;
	uint64_t campaign_id;
	struct arena *arena;
	uint64_t ret_slice_id; /* 0: none is due */
	uint64_t ret_campaign_id;
	enum slice_kind ret_kind;
	uint64_t *ret_ids;
	size_t ret_count;
	usec ret_next_due_wall; /* none due: when the earliest will be; USEC_NEVER: there is
				   none */
	uint32_t ret_winner;    /* of the campaign's variants, as it was then; 0: not named.
				   Slices that wait for it come only when it is, or when the
				   campaign's time is over */
};
void store_lease(struct store *, struct store_lease *);

/* One recipient as read for sending. */
struct store_recipient {
	uint64_t subscriber_id;
	str email; /* as stored; data NULL: the subscriber is gone (erased) */
	str name;
	const str *fields; /* JSON text of each attribute asked for; data NULL: has none */
	uint32_t attempts; /* ended so far */
	uint32_t revision; /* template revision of the first attempt; 0: none yet */
	usec date_wall;    /* Date of the first attempt; 0: none yet */
	usec first_wall;   /* when the first attempt ended; 0: none yet */
	str source;        /* that the last attempt used; empty: none */
	bool suppressed;   /* became so since the slice was cut (suppressed or unsubscribed) */
	const char *suppression_reason;
	usec expires_wall; /* of an outbox row: not to be started after; 0: none */
};
struct store_read {
	struct store_request request;
	uint64_t campaign_id, slice_id;
	const uint64_t *ids; /* ascending */
	size_t count;
	const str *fields; /* names of attributes the template uses */
	size_t field_count;
	struct arena *arena;
	struct store_recipient *ret_recipients; /* count entries, in the order of ids */
};
void store_read(struct store *, struct store_read *);

/* Marks recipients as started, before a carrier may start them: all, or (STORE_FENCED) none,
 * when one of the slices is not leased by this engine any more. Marking twice does no harm. */
struct store_mark {
	struct store_request request;
	uint32_t engine_id, epoch;
	const struct store_mark_slice {
		uint64_t campaign_id, slice_id;
		const uint64_t *ids; /* ascending */
		size_t count;
	} * slices;
	size_t slice_count;
};
void store_mark(struct store *, struct store_mark *);

/* Turns deferrals that are due into retry slices (at most limit recipients a call). */
struct store_claim_due {
	struct store_request request;
	uint64_t campaign_id; /* 0: of any running campaign */
	uint32_t limit;
	uint32_t ret_count;
	usec ret_next_due_wall; /* of those left; USEC_NEVER: none left */
};
void store_claim_due(struct store *, struct store_claim_due *);

/* Puts recipients of a leased slice back, as a new open slice, no attempt counted; of a slice
 * that was taken from this engine, too: those it had marked and never started. Asked again (after
 * STORE_LOST) it puts back only who is not yet. */
struct store_put_back {
	struct store_request request;
	uint32_t engine_id, epoch;
	uint64_t campaign_id, slice_id;
	const uint64_t *ids; /* ascending */
	size_t count;
	usec due_wall; /* 0: at once */
};
void store_put_back(struct store *, struct store_put_back *);
