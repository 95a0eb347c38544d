/* store_outbox.h - transactional mail.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/store/store_base.h"
#include "engine/store/store_slices.h"

/* Transactional mail. Rows of the table outbox (sql/README.md) belong to a campaign that is
 * transactional: it is cut from nothing and runs until it is cancelled. A row's id stands where
 * a subscriber's does, in slices, marks, outcomes and deferrals, and every request above serves
 * such a campaign; ids of rows are 2^40 and higher, so that none is ever a subscriber's.
 *
 * Claims rows that are due, the most urgent first, all of one campaign: they become a slice
 * (SLICE_OUTBOX) that this engine holds, marked as started already, and come back as
 * store_read() would read them. After STORE_LOST the same store finds its claim again; of one
 * engine only one store claims. Who is suppressed for a dead address is marked so and gets that
 * verdict from the engine; who has only left lists is not. Rows whose time is over get their
 * verdict here.
 *
 * Nobody polls: ask when the bell rings (STORE_RUNG_OUTBOX), at ret_next_due_wall, and again at
 * once while something was claimed. */
#define STORE_OUTBOX_FIRST_ID (1ull << 40)
struct store_outbox_template {
	uint64_t campaign_id;
	const str *fields; /* names of attributes that it uses */
	size_t field_count;
};
struct store_claim_outbox {
	struct store_request request;
	uint32_t engine_id, epoch;
	const struct store_outbox_template
		*templates; /* campaigns that this engine has loaded */
	size_t template_count;
	uint32_t limit; /* rows; content is bounded, too (16 MB) */
	struct arena *arena;
	uint64_t ret_slice_id; /* 0: nothing is due */
	uint64_t ret_campaign_id;
	struct store_recipient *ret_recipients; /* by subscriber_id, ascending */
	size_t ret_count;
	uint64_t ret_unknown_campaign_id; /* running, none of templates, and has rows that are
					     due: load it and ask again; 0: none */
	usec ret_next_due_wall; /* nothing claimed: when to ask again at the latest; may have
				   passed: at once; USEC_NEVER: there is nothing */
};
void store_claim_outbox(struct store *, struct store_claim_outbox *);
