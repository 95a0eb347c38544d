/* instant_io.c - engine/io/io.h for what only writes a journal: every operation is done when it
 * is asked for, and heard of at the next turn. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/io/clock.h"
#include "engine/io/io.h"

struct io_loop {
	struct chain ready;
};

int io_loop_create(struct io_loop **ret_loop, const struct io_options *options, char *ret_why,
		   size_t why_size)
{
	(void)options;
	(void)ret_why;
	(void)why_size;
	*ret_loop = malloc(sizeof(**ret_loop));
	if (!*ret_loop)
		return -ENOMEM;
	chain_init(&(*ret_loop)->ready);
	return 0;
}

void io_loop_destroy(struct io_loop *loop)
{
	free(loop);
}

usec io_now(const struct io_loop *loop)
{
	(void)loop;
	return USEC_HOUR;
}

usec io_wall_now(const struct io_loop *loop)
{
	(void)loop;
	return 1700000000 * USEC_SECOND + USEC_HOUR;
}

usec clock_now(void)
{
	return USEC_HOUR;
}

usec clock_wall(void)
{
	return io_wall_now(NULL);
}

static void done(struct io_loop *loop, struct io_op *op, int result)
{
	op->busy = true;
	op->result = result;
	chain_link_init(&op->link);
	chain_push_back(&loop->ready, &op->link);
}

void io_write(struct io_loop *loop, struct io_op *op, int fd, const void *data, size_t size,
	      uint64_t offset)
{
	ssize_t put = pwrite(fd, data, size, (off_t)offset);
	done(loop, op, put < 0 ? -errno : (int)put);
}

void io_fdatasync(struct io_loop *loop, struct io_op *op, int fd)
{
	(void)fd;
	done(loop, op, 0);
}

int io_turn(struct io_loop *loop, usec until)
{
	int count = 0;
	(void)until;
	for (struct chain_link *link; (link = chain_pop(&loop->ready)); count++) {
		struct io_op *op = CHAIN_OWNER(link, struct io_op, link);
		op->busy = false;
		op->on_done(op, op->result);
	}
	return count;
}
