/* clock.c - the clocks of the kernel as usec. */
#include "engine/io/clock.h"

#include <time.h>

static usec read_clock(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (usec)t.tv_sec * USEC_SECOND + (usec)t.tv_nsec / 1000;
}

usec clock_now(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

usec clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

usec clock_cpu(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}
