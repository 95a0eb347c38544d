/* date_option.h - a point in time on the command line. */
#pragma once

#include "engine/base/usec.h"
#include <stdbool.h>

/* "2026-03-01T08:00:00Z", "2026-03-01 08:00" (UTC) or seconds since 1970. */
[[nodiscard]] bool date_option(const char *text, usec *ret_wall);
