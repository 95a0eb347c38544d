/* uring_file.c - whole writes and flushes of files. */
#include "engine/io/ring.h"

#include <errno.h>

#define WRITE_LIMIT (1U << 30) /* of one submission; the kernel stops a little below 2 GiB */

static void write_on(struct io_loop *l, struct io_op *op)
{
	struct io_job *job = op->context;
	size_t left = job->size - job->done_size;
	struct io_uring_sqe *sqe = op_arm(l, op);
	io_uring_prep_write(sqe, job->fd, job->data + job->done_size,
			    left < WRITE_LIMIT ? (unsigned)left : WRITE_LIMIT,
			    job->offset + job->done_size);
}

void io_write(struct io_loop *l, struct io_op *op, int fd, const void *data, size_t size,
	      uint64_t offset)
{
	op_begin(op, KIND_WRITE);
	struct io_job *job = size > 0 ? job_borrow(l) : NULL;
	if (!job) {
		op_queue(l, op, size > 0 ? -ENOMEM : 0);
		return;
	}
	*job = (struct io_job){.fd = fd, .data = data, .size = size, .offset = offset};
	op->context = job;
	write_on(l, op);
}

void write_ended(struct io_loop *l, struct io_op *op, int result)
{
	struct io_job *job = op->context;
	if (result > 0)
		job->done_size += (size_t)result;
	bool again = result > 0 || result == -EINTR || result == -EAGAIN;
	if (again && job->done_size < job->size) {
		write_on(l, op);
		return;
	}
	if (result > 0)
		result = (int)job->size;
	else if (result == 0)
		result = -ENOSPC; /* a write that moves nothing and names no error: no room */
	op->context = NULL;
	job_give_back(l, job);
	op_finish(op, result);
}

void io_fdatasync(struct io_loop *l, struct io_op *op, int fd)
{
	op_begin(op, KIND_SYNC);
	struct io_uring_sqe *sqe = op_arm(l, op);
	io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
}
