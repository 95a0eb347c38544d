/* buffers.c - the receive buffers all streams of a loop share.
 * A buffer goes back to the kernel as soon as its callback has returned, in the order in which
 * the kernel took them; so the ring always lists the buffers in rising order, and the buffers
 * of a bundle are neighbours. */
#include "engine/io/ring.h"

#include <errno.h>
#include <sys/mman.h>

#include "engine/base/assert.h"

#define BUFFER_COUNT_LIMIT 32768 /* of the kernel */

static uint32_t power_of_two(uint32_t count)
{
	uint32_t power = 1;
	while (power < count && power < BUFFER_COUNT_LIMIT)
		power *= 2;
	return power;
}

static size_t ring_size(const struct receive_pool *p)
{
	return p->count * sizeof(struct io_uring_buf);
}

static void *map_pages(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

static void unmap(struct receive_pool *p)
{
	if (p->ring)
		munmap(p->ring, ring_size(p));
	if (p->memory)
		munmap(p->memory, (size_t)p->count * RECEIVE_BUFFER_SIZE);
}

/* The owner calls pool_done() also when this fails. */
int pool_init(struct io_loop *l, uint32_t count)
{
	struct receive_pool *p = &l->pool;
	p->count = power_of_two(count);
	p->ring = map_pages(ring_size(p));
	p->memory = map_pages((size_t)p->count * RECEIVE_BUFFER_SIZE);
	if (!p->ring || !p->memory)
		return -ENOMEM;
	struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)p->ring,
				       .ring_entries = p->count,
				       .bgid = RECEIVE_GROUP};
	int result = io_uring_register_buf_ring(&l->ring, &reg, 0);
	if (result < 0)
		return result;
	io_uring_buf_ring_init(p->ring);
	for (uint32_t i = 0; i < p->count; i++)
		pool_give_back(p, i);
	return 0;
}

/* After the ring was closed. */
void pool_done(struct io_loop *l)
{
	unmap(&l->pool);
}

str pool_view(struct receive_pool *p, uint32_t buffer, size_t size)
{
	ASSERT(buffer < p->count && size <= RECEIVE_BUFFER_SIZE);
	return (str){p->memory + (size_t)buffer * RECEIVE_BUFFER_SIZE, size};
}

void pool_give_back(struct receive_pool *p, uint32_t buffer)
{
	io_uring_buf_ring_add(p->ring, p->memory + (size_t)buffer * RECEIVE_BUFFER_SIZE,
			      RECEIVE_BUFFER_SIZE, (unsigned short)buffer,
			      io_uring_buf_ring_mask(p->count), 0);
	io_uring_buf_ring_advance(p->ring, 1);
}
