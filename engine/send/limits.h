/* limits.h - all capacities in one place, known before the first connection, printed at start.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/send/engine.h"

struct limits {
	uint32_t envelopes;   /* recipients in memory */
	uint32_t slice;       /* recipients cut at once */
	uint32_t slices;      /* in memory, however small: leased, or waiting to be closed */
	uint32_t first_slice; /* the first one: a message leaves at once */
	uint32_t connections; /* of the engine */
	uint32_t messages;    /* rendered or being rendered */
	uint32_t outcomes;    /* ended, not yet settled */
	uint32_t paths;
	uint32_t hosts; /* whose habits are known */
	uint32_t runs;
	uint32_t questions; /* route lookups under way */
	uint32_t settle;    /* outcomes a settlement takes */
	uint32_t presses;
};

/* Bytes that one recipient's records take in the journal at most: a mark, its undoing, another
 * mark, an outcome, with names as long as the carrier keeps them. */
#define JOURNAL_ROOM 2048

void limits_of(const struct engine_settings *, uint32_t cores, struct limits *ret_limits);
void limits_print(const struct limits *, struct buf *out);
