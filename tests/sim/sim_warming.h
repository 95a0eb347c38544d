/* sim_warming.h - claims about a source in warm-up: every start was reserved, none came too
 * early, everything that was handed over comes back. */
#pragma once

#include "engine/send/engine_parts.h"
#include "tests/sim/world.h"

void sim_warming_begin(void);                            /* an engine begins */
void sim_warming_check(struct world *, struct engine *); /* after each step of its carrier */
void sim_warming_end(struct world *, struct engine *);   /* it is idle */
