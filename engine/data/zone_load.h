/* zone_load.h - the system's time zones, as templates/zone.h has them.
 * Read once a process, when first asked for, from /usr/share/zoneinfo (package tzdata), or from
 * where the environment's TZDIR says, as the C library does. */
#pragma once

#include "templates/zone.h"

/* NULL: there are none. From any thread; lives as long as the process. */
const struct zones *zones_system(void);
/* Those in a folder, in the arena; the same. */
[[nodiscard]] const struct zones *zones_load(struct arena *, const char *folder);
