/* doorbell.h - waking a thread that has no ring (press, ledger).
 * The sleeper calls doorbell_wait() after it has found its lanes empty; a ring between its look
 * and its sleep is not lost. */
#pragma once

#include "engine/base/usec.h"
#include <stdatomic.h>
#include <stdint.h>

struct doorbell {
	_Atomic uint32_t rings;
	_Atomic uint32_t sleeping;
};

void doorbell_init(struct doorbell *);
void doorbell_ring(struct doorbell *);
/* Before looking into the lanes. */
uint32_t doorbell_look(const struct doorbell *);
/* Sleeps until a ring after that look, or timeout has passed. */
void doorbell_wait(struct doorbell *, uint32_t looked, usec timeout);
