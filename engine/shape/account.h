/* account.h - the account of a limit that several engines share: pure, given the database's time.
 * It stands in the database as a line of text; whoever draws reads it, computes here, and
 * writes it back if nobody else has done so meanwhile. See draw.h for what is drawn.
 *
 * What makes it exact: the cells in the pool and in all hands together are never more than the
 * burst, and what flows into the pool and into all hands together never more than the rate.
 * Parts that come back without a word come back empty; an answer that was lost leaves its parts
 * counted until they are void. A clock that is set back stands still for the account.
 *
 * Who wants it: an engine that asked lately. Where there is a part for each they share it by
 * what each wants, otherwise they take turns, whoever waited longest first. */
#pragma once

#include "engine/base/buf.h"
#include "engine/shape/draw.h"

#define ACCOUNT_PARTS 12      /* at most: of these 2, 3, 4 and 6 have equal shares */
#define ACCOUNT_HOLDERS 64    /* engines */
#define ACCOUNT_TEXT_SIZE 8192 /* is enough for all of them */

struct account_holder {
	uint32_t engine_id, epoch;
	uint64_t number; /* of its last question */
	uint32_t parts;  /* until then; or connections */
	usec until;
	uint32_t ending; /* parts that it is to let go of, until then */
	usec ending_until;
	uint32_t wanted; /* thousandths; connections; 0: nothing */
	usec wants_until; /* who is not heard of again wants no more */
	usec served_at;  /* when it got parts, having had none */
	uint32_t largest;
};

struct account {
	uint32_t parts_of;
	int64_t level; /* cells in the parts that nobody holds (BUCKET_CELL) */
	usec at;       /* when that was so */
	usec freed_at; /* when the last of them came back */
	size_t count;
	struct account_holder holders[ACCOUNT_HOLDERS];
};

/* False: not such a text. Empty: an account that nobody has drawn from. */
[[nodiscard]] bool account_read(struct account *, str text);
void account_write(const struct account *, struct buf *out);

/* False: it was asked by a process that is fenced, or late, and nothing changes. */
[[nodiscard]] bool account_draw(struct account *, uint32_t engine_id, uint32_t epoch,
				const struct draw_ask *, usec now, struct draw_grant *ret);
/* The same for connections at once. Engines whose heartbeat is fresh, in any order: the others
 * hold nothing. lease_left: so long the one that asks counts as one of them, if it says no more. */
[[nodiscard]] bool account_draw_slots(struct account *, uint32_t engine_id, uint32_t epoch,
				      const struct draw_ask *, const uint32_t *alive,
				      size_t alive_count, usec lease_left, usec now,
				      struct draw_grant *ret);

/* Between its two files. */
struct account_holder *account_holder_of(struct account *, uint32_t engine_id);
/* That of a question, made if it is new; NULL: it is to be left unanswered. */
struct account_holder *account_begin(struct account *, uint32_t engine_id, uint32_t epoch,
				     uint64_t number, usec *now);
/* Shares of an amount by what each wants: no more than that, and as even as may be. first
 * is who gets what is left over. */
void account_share(const uint32_t *wanted, uint32_t *ret_shares, size_t count, uint32_t amount,
		   size_t first);
