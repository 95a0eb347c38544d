/* refusal.h - a batch of outcomes that the database refuses for something in it (STORE_UNFIT).
 * It is asked a few times as it is, for what another writer did may be over by then. Then with less of
 * it, half and half again, until what goes in has gone in and one outcome is alone: that one is set
 * aside, and nothing waits behind it. What the database refuses whatever is in it (STORE_REFUSED: a
 * missing table, no permission) is nobody's fault in the batch, and waits for a person. */
#pragma once

#include "engine/base/buf.h"
#include "engine/store/store.h"

struct refusal {
	size_t limit; /* outcomes at once; 0: all */
	unsigned tries;
	char said[256];  /* by the database; of the one that is to be set aside, else empty */
	char bytes[8704]; /* its record */
};

/* How many of so many are settled next; slices are closed only where there is no limit. */
size_t refusal_size(const struct refusal *, size_t count);
/* Of the settlement that is about to be asked, with refusal_size() outcomes: whether it sets aside. */
void refusal_put(struct refusal *, struct store_settle *);
/* It was refused: true: after a pause; else at once, with less or to set aside. */
bool refusal_pauses(struct refusal *, const struct store_settle *);
/* It was settled; rest: how many of the batch are left. */
void refusal_settled(struct refusal *, size_t rest);
