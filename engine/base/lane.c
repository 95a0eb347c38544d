/* lane.c - head and tail only ever grow; their difference is what waits.
 * Each side writes its own index with release and reads the other's with acquire: that order is
 * what makes the object's own bytes visible to the thread that pops it. */
#include "engine/base/lane.h"

#include "engine/base/assert.h"

int lane_init(struct lane *l, struct arena *arena, size_t capacity)
{
	size_t rounded = 1;
	while (rounded < capacity) {
		if (__builtin_mul_overflow(rounded, (size_t)2, &rounded))
			return -1;
	}
	void **slots = arena_array(arena, rounded, sizeof *slots);
	if (!slots)
		return -1;
	l->slots = slots;
	l->mask = rounded - 1;
	atomic_init(&l->head, 0);
	atomic_init(&l->tail, 0);
	return 0;
}

void lane_push(struct lane *l, void *object)
{
	ASSERT(object != NULL);
	size_t tail = atomic_load_explicit(&l->tail, memory_order_relaxed);
	size_t head = atomic_load_explicit(&l->head, memory_order_acquire);
	ASSERT(tail - head <= l->mask);
	l->slots[tail & l->mask] = object;
	atomic_store_explicit(&l->tail, tail + 1, memory_order_release);
}

void *lane_pop(struct lane *l)
{
	size_t head = atomic_load_explicit(&l->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&l->tail, memory_order_acquire);
	if (head == tail)
		return NULL;
	void *object = l->slots[head & l->mask];
	atomic_store_explicit(&l->head, head + 1, memory_order_release);
	return object;
}

void *lane_peek(const struct lane *l, size_t ahead)
{
	size_t head = atomic_load_explicit(&l->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&l->tail, memory_order_acquire);
	return tail - head > ahead ? l->slots[(head + ahead) & l->mask] : NULL;
}

bool lane_empty(const struct lane *l)
{
	return atomic_load_explicit(&l->head, memory_order_acquire) ==
	       atomic_load_explicit(&l->tail, memory_order_acquire);
}
