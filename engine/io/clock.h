/* clock.h - time for threads without a loop (press, ledger, commands). */
#pragma once

#include "engine/base/usec.h"

/* Monotonic, and it goes on while the machine is suspended: what was heard before that is old. */
usec clock_now(void);
usec clock_wall(void); /* since the Unix epoch */
usec clock_cpu(void);  /* of this process, user and system */
