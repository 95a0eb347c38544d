/* clock.h - time for threads without a loop (press, ledger, commands). */
#pragma once

#include "engine/base/usec.h"

usec clock_now(void);  /* monotonic */
usec clock_wall(void); /* since the Unix epoch */
usec clock_cpu(void);  /* of this process, user and system */
