/* winner.h - `rundbrief campaign winner CAMPAIGN VARIANT`: those who waited get that variant. */
#pragma once

#include "engine/api/db.h"

/* An exit code, after what was done or why not was told. Naming the same one again is no mistake.
 */
int winner_name(struct db *, const char *campaign, const char *variant);
