/* doorbell.c - a futex over the count of rings.
 * A ring changes the count before it looks whether somebody sleeps, a sleeper says so before it
 * looks at the count: one of the two always sees the other. */
#include "engine/io/doorbell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void doorbell_init(struct doorbell *b)
{
	atomic_init(&b->rings, 0);
	atomic_init(&b->sleeping, 0);
}

void doorbell_ring(struct doorbell *b)
{
	atomic_fetch_add(&b->rings, 1);
	if (atomic_load(&b->sleeping) > 0)
		syscall(SYS_futex, &b->rings, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

uint32_t doorbell_look(const struct doorbell *b)
{
	return atomic_load(&b->rings);
}

void doorbell_wait(struct doorbell *b, uint32_t looked, usec timeout)
{
	if (timeout <= 0)
		return;
	struct timespec t = {.tv_sec = timeout / USEC_SECOND,
			     .tv_nsec = (timeout % USEC_SECOND) * 1000};
	atomic_fetch_add(&b->sleeping, 1);
	if (atomic_load(&b->rings) == looked)
		syscall(SYS_futex, &b->rings, FUTEX_WAIT_PRIVATE, looked,
			timeout == USEC_NEVER ? NULL : &t, NULL, 0);
	atomic_fetch_sub(&b->sleeping, 1);
}
