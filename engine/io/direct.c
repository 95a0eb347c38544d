/* direct.c - sockets in the ring's own table. One that stands there costs no descriptor of the
 * process, whose number is limited, and the kernel finds it without counting references.
 * To the owner it is a descriptor as any other, from DIRECT_BASE on, that only io.h can use. A
 * place is free again when the kernel has said that it closed it: until then entries that were
 * made before may still name it. */
#include "engine/io/ring.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/base/assert.h"

#define DIRECT_BASE (1 << 24) /* no process has so many */
/* User data of a close: its place, and this bit, which no address has. */
#define CLOSE_MARK 1

/* Without a table (no memory, an odd limit) all is as without direct descriptors. */
void direct_init(struct io_loop *l, uint32_t count)
{
	struct direct_table *d = &l->direct;
	struct rlimit limit;
	/* The kernel allows as many as the process may have descriptors, in place of them. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < count)
		count = (uint32_t)limit.rlim_cur;
	if (count == 0)
		return;
	d->free = malloc(count * sizeof *d->free);
	if (!d->free || io_uring_register_files_sparse(&l->ring, count) < 0) {
		free(d->free);
		d->free = NULL;
		return;
	}
	d->count = count;
	for (uint32_t i = 0; i < count; i++)
		d->free[i] = count - 1 - i;
	d->free_count = count;
}

void direct_done(struct io_loop *l)
{
	free(l->direct.free);
}

int io_hold(struct io_loop *l, int fd)
{
	struct direct_table *d = &l->direct;
	if (d->free_count == 0)
		return fd;
	uint32_t place = d->free[d->free_count - 1];
	if (io_uring_register_files_update(&l->ring, place, &fd, 1) != 1)
		return fd;
	d->free_count--;
	close(fd);
	return DIRECT_BASE + (int)place;
}

void direct_name(struct io_uring_sqe *sqe)
{
	if (sqe->fd < DIRECT_BASE)
		return;
	sqe->fd -= DIRECT_BASE;
	sqe->flags |= IOSQE_FIXED_FILE;
}

bool direct_close(struct io_loop *l, int fd)
{
	if (fd < DIRECT_BASE)
		return false;
	uint32_t place = (uint32_t)(fd - DIRECT_BASE);
	struct io_uring_sqe *sqe = ring_entry(l, NULL);
	io_uring_prep_close_direct(sqe, place);
	sqe->user_data = (uint64_t)place << 1 | CLOSE_MARK;
	return true;
}

bool direct_is_close(uint64_t user_data)
{
	return user_data & CLOSE_MARK;
}

bool direct_closed(struct io_loop *l, uint64_t user_data)
{
	struct direct_table *d = &l->direct;
	if (!direct_is_close(user_data))
		return false;
	ASSERT(d->free_count < d->count);
	d->free[d->free_count++] = (uint32_t)(user_data >> 1);
	return true;
}
