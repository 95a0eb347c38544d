/* lane.h - a single-producer single-consumer queue of pointers between two threads.
 * It has a slot for every object that can ever be in it (admission is bounded above), so a push
 * never fails and never waits; a push into a full lane is a broken promise and asserts.
 * Waking a sleeping consumer is not its work: see engine/io/doorbell. */
#pragma once

#include "engine/base/arena.h"
#include <stdatomic.h>

struct lane {
	void **slots;
	size_t mask;
	/* Gaps of a cache line instead of _Alignas: an arena aligns to 16 only. */
	char apart_from_slots[64];
	_Atomic size_t head; /* next to pop; written by the consumer */
	char apart_from_head[64];
	_Atomic size_t tail; /* next to push; written by the producer */
	char apart_from_neighbour[64];
};

/* capacity is rounded up to a power of two; slots come from the arena. */
[[nodiscard]] int lane_init(struct lane *, struct arena *, size_t capacity);
void lane_push(struct lane *, void *object);
[[nodiscard]] void *lane_pop(struct lane *); /* NULL when empty */
bool lane_empty(const struct lane *);
/* For the consumer: what lane_pop() would return after so many others; NULL: not there yet. Its
 * bytes are on their way from the producer's core when they are asked for early (ahead.h). */
[[nodiscard]] void *lane_peek(const struct lane *, size_t ahead);
