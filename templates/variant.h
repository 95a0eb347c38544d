/* variant.h - which form of a letter a recipient gets (A/B), and who gets none (hold-out).
 * The split is a hash of campaign and subscriber, so it needs no row a recipient: whoever asks
 * (the cut, a press, a settlement, a preview) gets the same answer, on every machine and for
 * all time. The function variant_of() in sql/ computes the same; a test compares. Never change
 * the numbers: what was said of some in a campaign under way would be said of others. Pure. */
#pragma once

#include "engine/base/str.h"

#define VARIANT_LIMIT 26
#define VARIANT_WHOLE 10000 /* shares are so many parts of the audience */

/* Besides 1 to count, what variant_of() says. */
enum {
	VARIANT_REST = 0,      /* waits for the winner, and gets it */
	VARIANT_HELD_OUT = -1, /* is never written to by this campaign */
};

struct variant_split {
	uint32_t shares[VARIANT_LIMIT]; /* of the variants, in their order */
	uint32_t count;                 /* 0: the letter has one form, and nobody is left out */
	uint32_t hold_out;
};

/* 0 to VARIANT_WHOLE - 1, every one as likely. */
uint32_t variant_bucket(uint64_t campaign_id, uint64_t subscriber_id);
/* 1 to count, or one of the two above; without variants 1. */
int variant_of(const struct variant_split *, uint64_t campaign_id, uint64_t subscriber_id);
/* The share that waits for the winner. */
uint32_t variant_rest(const struct variant_split *);
/* Shares as PostgreSQL writes an array, "{1000,1000}"; "{}" is none. False when they are more
 * than VARIANT_LIMIT, or more than the whole together with the hold-out. */
[[nodiscard]] bool variant_split_parse(str shares, uint64_t hold_out,
				       struct variant_split *ret_split);
