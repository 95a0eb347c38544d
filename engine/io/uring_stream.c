/* uring_stream.c - receiving without end: one submission, many completions, shared buffers.
 * A stream is either armed (the kernel holds it), queued (it has something to tell in the next
 * round), starved (no buffer was free), or paused. The struct may go only when the kernel's
 * last completion has been read: io_stream_stop() waits for that and nothing less. Bytes that
 * arrive between pause and its effect are copied aside, so that a paused stream never keeps
 * buffers that the others need. */
#include "engine/io/ring.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/assert.h"

/* Linux 6.10; liburing 2.3 has no name for it. */
#define RECEIVE_BUNDLE (1U << 4)

void stream_arm(struct io_loop *l, struct io_stream *s)
{
	struct io_uring_sqe *sqe = op_arm(l, &s->op);
	io_uring_prep_recv_multishot(sqe, s->fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = RECEIVE_GROUP;
	if (l->features.bundle)
		sqe->ioprio |= RECEIVE_BUNDLE;
	direct_name(sqe);
}

void io_stream_start(struct io_loop *l, struct io_stream *s, int fd)
{
	op_begin(&s->op, KIND_STREAM);
	s->fd = fd;
	s->paused = s->stopped = s->ended = false;
	s->held = NULL;
	stream_arm(l, s);
}

void io_stream_pause(struct io_loop *l, struct io_stream *s)
{
	if (!s->op.busy || s->stopped || s->paused)
		return;
	s->paused = true;
	if (s->op.armed)
		op_cancel(l, &s->op);
	else if (chain_linked(&s->op.link))
		chain_remove(s->op.context, &s->op.link);
}

void io_stream_resume(struct io_loop *l, struct io_stream *s)
{
	if (!s->op.busy || s->stopped || !s->paused)
		return;
	s->paused = false;
	if (!s->op.armed)
		op_queue(l, &s->op, 0);
	/* Otherwise the end of the cancelled receive is still to come and queues it. */
}

void io_stream_stop(struct io_loop *l, struct io_stream *s,
		    void (*on_stopped)(struct io_op *, int))
{
	ASSERT(!s->stopped);
	s->stopped = true;
	free(s->held);
	s->held = NULL;
	op_stop(l, &s->op, on_stopped);
}

static void end(struct io_stream *s, int error)
{
	s->op.busy = false;
	s->on_bytes(s, (str){}, error);
}

/* Puts bytes behind those held already; -ENOMEM is an end of the stream like any other. */
static void hold(struct io_stream *s, str bytes)
{
	size_t size = s->held ? s->held->size : 0;
	if (!s->held || size + bytes.size > s->held->capacity) {
		size_t capacity = 2 * (size + bytes.size);
		struct io_held *grown = realloc(s->held, sizeof *grown + capacity);
		if (!grown) {
			s->ended = true;
			s->end_error = -ENOMEM;
			return;
		}
		grown->capacity = capacity;
		s->held = grown;
	}
	memcpy(s->held->bytes + size, bytes.data, bytes.size);
	s->held->size = size + bytes.size;
}

static void take(struct io_stream *s, str bytes)
{
	if (s->stopped || s->ended)
		return;
	if (s->paused || s->held)
		hold(s, bytes);
	else
		s->on_bytes(s, bytes, 0);
}

/* Bytes of one completion: in one buffer, or in a bundle of neighbours. */
static void take_buffers(struct io_loop *l, struct io_stream *s, size_t size, uint32_t buffer)
{
	while (size > 0) {
		size_t part = size < RECEIVE_BUFFER_SIZE ? size : RECEIVE_BUFFER_SIZE;
		take(s, pool_view(&l->pool, buffer, part));
		pool_give_back(&l->pool, buffer);
		buffer = (buffer + 1) & (l->pool.count - 1);
		size -= part;
	}
}

/* The kernel holds the stream no more, and it was not stopped: what next? */
static void disarmed(struct io_loop *l, struct io_stream *s, int result)
{
	if (result == -ENOBUFS && !s->paused && !s->held) {
		s->op.context = &l->starved;
		chain_push_back(&l->starved, &s->op.link);
		return;
	}
	/* -EAGAIN and -EINTR: the kernel was interrupted; -ECANCELED: a pause. */
	if (result == 0 || (result < 0 && result != -ECANCELED && result != -ENOBUFS &&
			    result != -EAGAIN && result != -EINTR)) {
		s->end_error = s->ended ? s->end_error : result;
		s->ended = true;
	}
	if (s->paused)
		return;
	if (s->ended && !s->held)
		end(s, s->end_error);
	else
		op_queue(l, &s->op, 0);
}

void stream_event(struct io_loop *l, struct io_op *op, int result, uint32_t flags)
{
	struct io_stream *s = (struct io_stream *)op;
	bool last = !op->armed;
	if (result > 0) {
		ASSERT(flags & IORING_CQE_F_BUFFER);
		take_buffers(l, s, (size_t)result, flags >> IORING_CQE_BUFFER_SHIFT);
	} else if (flags & IORING_CQE_F_BUFFER) {
		pool_give_back(&l->pool, flags >> IORING_CQE_BUFFER_SHIFT);
	}
	if (!last)
		return;
	if (!s->stopped)
		disarmed(l, s, result);
	else if (!chain_linked(&op->link))
		/* Stopped while armed; one that was stopped by its own callback just now is
		 * queued. */
		op_stopped(l, op);
}

void stream_run(struct io_loop *l, struct io_op *op)
{
	struct io_stream *s = (struct io_stream *)op;
	struct io_held *held = s->held;
	if (held) {
		s->held = NULL;
		s->on_bytes(s, (str){held->bytes, held->size}, 0);
		free(held);
	}
	if (s->stopped || s->paused || chain_linked(&op->link))
		return;
	if (s->ended && op->armed)
		op_cancel(l,
			  op); /* out of memory while holding: the end waits for the kernel */
	else if (s->ended)
		end(s, s->end_error);
	else if (!op->armed)
		stream_arm(l, s);
}
