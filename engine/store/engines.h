/* engines.h - what claim.c and others share about engines. Private to engine/store. */
#pragma once

#include "engine/store/pg.h"

/* sql/README.md */
#define SLICE_STATE_ORPHANED 4
#define SLICE_STATE_BURIED 6

extern const char engine_fenced[];
void engine_put(struct store *, uint32_t engine_id, uint32_t epoch); /* $1 to $3 */
