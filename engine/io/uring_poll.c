/* uring_poll.c - readiness of foreign descriptors (c-ares, libpq), and the bell.
 * One submission an event, on purpose: a multishot poll reports edges, and a library that reads
 * only part of what is there (c-ares on TCP does) would then wait for ever. */
#include "engine/io/ring.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/assert.h"

struct io_bell {
	struct io_loop *loop;
};

static void poll_arm(struct io_loop *l, struct io_poll *p)
{
	struct io_uring_sqe *sqe = op_arm(l, &p->op);
	io_uring_prep_poll_add(sqe, p->fd, (unsigned)p->events);
}

void io_poll_start(struct io_loop *l, struct io_poll *p, int fd, int events)
{
	op_begin(&p->op, KIND_POLL);
	p->fd = fd;
	p->events = events;
	p->stopped = false;
	poll_arm(l, p);
}

void io_poll_stop(struct io_loop *l, struct io_poll *p, void (*on_stopped)(struct io_op *, int))
{
	ASSERT(!p->stopped);
	p->stopped = true;
	op_stop(l, &p->op, on_stopped);
}

void poll_event(struct io_loop *l, struct io_op *op, int result)
{
	struct io_poll *p = (struct io_poll *)op;
	if (p->stopped) {
		op_stopped(l, op);
		return;
	}
	if (result == -EINTR || result == -EAGAIN) {
		poll_arm(l, p);
		return;
	}
	if (result < 0) {
		op->busy = false;
		p->on_ready(p, result);
		return;
	}
	p->on_ready(p, result);
	if (!p->stopped)
		poll_arm(l, p);
}

/* Every ring of a sleeping loop writes, and every write is an edge: the counter is never read.
 */
void bell_arm(struct io_loop *l)
{
	struct io_uring_sqe *sqe = op_arm(l, &l->bell);
	io_uring_prep_poll_multishot(sqe, l->bell_fd, POLLIN);
}

void bell_event(struct io_loop *l, uint32_t flags)
{
	if (!(flags & IORING_CQE_F_MORE))
		bell_arm(l);
}

int io_bell_create(struct io_loop *l, struct io_bell **ret_bell)
{
	struct io_bell *bell = malloc(sizeof *bell);
	if (!bell)
		return -ENOMEM;
	bell->loop = l;
	*ret_bell = bell;
	return 0;
}

void io_bell_destroy(struct io_bell *bell)
{
	free(bell);
}

void io_bell_ring(struct io_bell *bell)
{
	struct io_loop *l = bell->loop;
	/* Rung already: whoever rang first has woken it, or will. */
	if (atomic_exchange(&l->rung, true))
		return;
	if (!atomic_load(&l->sleeping))
		return;
	uint64_t one = 1;
	ssize_t written = write(l->bell_fd, &one, sizeof one);
	(void)written; /* only a full counter fails, and that one is readable */
}
