/* uring.c - the loop: submissions out, completions in, one round after the other.
 * Not here: what a completion means (uring_net.c, uring_file.c, ...). A round walks the
 * completions that were there when it began and then the operations that ended without the
 * kernel; what callbacks add waits for the next round, so a round ends.
 * The surprising thing: the ring is created disabled, and enabled by the first turn, because
 * the kernel lets only the thread that enables it submit (IORING_SETUP_SINGLE_ISSUER). */
#include "engine/io/ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/ahead.h"
#include "engine/base/assert.h"
#include "engine/io/clock.h"

#define ENTRIES_DEFAULT 1024
#define BUFFERS_DEFAULT 256
#define PACE_COMPLETIONS 128 /* so many end the sleep of a loop with a pace */
#define SOON_APART 2         /* completions from one step of on_soon to the next */
#define STOP_ROUNDS 100     /* that the end of a loop waits for stops, of 10 ms at most */

static void read_clocks(struct io_loop *l)
{
	l->now = clock_now();
	l->wall_now = clock_wall();
}

static int loop_open(struct io_loop *l, const struct io_options *o, char *why, size_t why_size)
{
	uint32_t entries = o->entries ? o->entries : ENTRIES_DEFAULT;
	l->pace = o->pace;
	snprintf(l->congestion, sizeof l->congestion, "%s", o->congestion ? o->congestion : "");
	int result = probe_open(&l->ring, entries, o->mask_new, &l->features, why, why_size);
	if (result < 0)
		return result;
	result = pool_init(l, o->buffer_count ? o->buffer_count : BUFFERS_DEFAULT);
	if (result < 0) {
		snprintf(why, why_size, "receive buffers could not be registered: error %d",
			 -result);
		goto fail_ring;
	}
	l->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->bell_fd < 0) {
		result = -errno;
		snprintf(why, why_size,
			 "no descriptor left for a bell; raise the limit (ulimit -n)");
		goto fail_ring;
	}
	return 0;
fail_ring:
	io_uring_queue_exit(&l->ring);
	pool_done(l);
	return result;
}

int io_loop_create(struct io_loop **ret_loop, const struct io_options *options, char *ret_why,
		   size_t why_size)
{
	static const struct io_options defaults = {};
	struct io_loop *l = calloc(1, sizeof *l);
	if (!l) {
		snprintf(ret_why, why_size, "out of memory");
		return -ENOMEM;
	}
	chain_init(&l->ready);
	chain_init(&l->starved);
	chain_init(&l->parked);
	int result = loop_open(l, options ? options : &defaults, ret_why, why_size);
	if (result < 0) {
		free(l);
		return result;
	}
	direct_init(l, options ? options->direct_count : 0);
	read_clocks(l);
	op_begin(&l->bell, KIND_BELL);
	bell_arm(l);
	*ret_loop = l;
	return 0;
}

void io_loop_destroy(struct io_loop *l)
{
	if (!l)
		return;
	l->closing = true;
	for (int i = 0; i < STOP_ROUNDS && l->stopping_count > 0; i++)
		if (io_turn(l, clock_now() + 10 * USEC_MS) < 0)
			break; /* another thread than the owner's: the kernel refuses */
	io_uring_queue_exit(&l->ring);
	pool_done(l);
	direct_done(l);
	close(l->bell_fd);
	while (l->free_jobs) {
		struct io_job *job = l->free_jobs;
		l->free_jobs = job->next;
		free(job);
	}
	while (l->gathers) {
		struct io_gather *gather = l->gathers;
		l->gathers = gather->next_made;
		free(gather);
	}
	free(l);
}

usec io_now(const struct io_loop *l)
{
	return l->now;
}

usec io_wall_now(const struct io_loop *l)
{
	return l->wall_now;
}

void io_set_pace(struct io_loop *l, usec pace)
{
	l->pace = pace;
}

static void enable(struct io_loop *l)
{
	if (l->enabled)
		return;
	/* io_uring_enable_rings() is declared by liburing 2.3 but not in its library. */
	int result = io_uring_register((unsigned)l->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS,
				       NULL, 0);
	ASSERT(result == 0);
	l->enabled = true;
}

struct io_uring_sqe *ring_entry(struct io_loop *l, struct io_op *op)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);
	/* Full: what is there goes out early. The kernel may be short of memory for a moment.
	 */
	for (int i = 0; !sqe && i < 1000; i++) {
		enable(l);
		io_uring_submit(&l->ring);
		sqe = io_uring_get_sqe(&l->ring);
	}
	ASSERT(sqe);
	/* Set first: the prep functions of liburing reset all but the user data. */
	io_uring_sqe_set_data(sqe, op);
	return sqe;
}

void op_begin(struct io_op *op, enum io_kind kind)
{
	ASSERT(!op->busy);
	op->busy = true;
	op->armed = false;
	op->kind = (uint8_t)kind;
	op->context = NULL;
	op->on_soon = NULL;
	op->result = 0;
	chain_link_init(&op->link);
}

struct io_uring_sqe *op_arm(struct io_loop *l, struct io_op *op)
{
	ASSERT(op->busy && !op->armed);
	op->armed = true;
	return ring_entry(l, op);
}

void op_queue(struct io_loop *l, struct io_op *op, int result)
{
	ASSERT(op->busy && !op->armed);
	if (chain_linked(&op->link))
		chain_remove(op->context, &op->link);
	op->result = result;
	op->context = &l->ready;
	chain_push_back(&l->ready, &op->link);
}

void op_finish(struct io_op *op, int result)
{
	ASSERT(op->busy && !op->armed && !chain_linked(&op->link));
	op->busy = false;
	op->result = result;
	if (op->on_done)
		op->on_done(op, result);
}

void op_cancel(struct io_loop *l, struct io_op *op)
{
	struct io_uring_sqe *sqe = ring_entry(l, NULL);
	io_uring_prep_cancel(sqe, op, 0);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void op_stop(struct io_loop *l, struct io_op *op, void (*on_stopped)(struct io_op *, int))
{
	l->stopping_count++;
	op->on_done = on_stopped;
	op->busy = true; /* also after it had ended by itself: on_stopped is to come */
	if (op->armed)
		op_cancel(l, op);
	else
		op_queue(l, op, 0);
}

void op_stopped(struct io_loop *l, struct io_op *op)
{
	l->stopping_count--;
	op_finish(op, 0);
}

void io_cancel(struct io_loop *l, struct io_op *op)
{
	if (op->busy && op->armed)
		op_cancel(l, op);
}

void io_defer(struct io_loop *l, struct io_op *op)
{
	op_begin(op, KIND_DEFER);
	op_queue(l, op, 0);
}

void io_undefer(struct io_op *op)
{
	if (!op->busy)
		return;
	chain_remove(op->context, &op->link);
	op->busy = false;
}

struct io_job *job_borrow(struct io_loop *l)
{
	struct io_job *job = l->free_jobs;
	if (job)
		l->free_jobs = job->next;
	else
		job = malloc(sizeof *job);
	return job;
}

void job_give_back(struct io_loop *l, struct io_job *job)
{
	job->next = l->free_jobs;
	l->free_jobs = job;
}

static bool op_is_stopped(const struct io_op *op)
{
	switch ((enum io_kind)op->kind) {
	case KIND_STREAM:
		return ((const struct io_stream *)op)->stopped;
	case KIND_POLL:
		return ((const struct io_poll *)op)->stopped;
	case KIND_ACCEPT:
		return ((const struct io_accept *)op)->stopped;
	default:
		return false;
	}
}

static void run_completion(struct io_loop *l, struct io_op *op, int result, uint32_t flags)
{
	ASSERT(op->busy && op->armed);
	if (!(flags & IORING_CQE_F_MORE))
		op->armed = false;
	if (l->closing && !op_is_stopped(op))
		return;
	switch ((enum io_kind)op->kind) {
	case KIND_CONNECT:
		connect_ended(l, op, result);
		break;
	case KIND_SEND:
		send_ended(l, op, result);
		break;
	case KIND_STREAM:
		stream_event(l, op, result, flags);
		break;
	case KIND_POLL:
		poll_event(l, op, result);
		break;
	case KIND_ACCEPT:
		accept_event(l, op, result, flags);
		break;
	case KIND_WRITE:
		write_ended(l, op, result);
		break;
	case KIND_SYNC:
		op_finish(op, result);
		break;
	case KIND_BELL:
		bell_event(l, flags);
		break;
	default:
		UNREACHABLE();
	}
}

/* Where thousands of operations are under way, what one of them needs when it ends has not been
 * looked at for long, and lies behind one pointer after the other: with each completion that is run
 * it is a step nearer. first: the one that is run now; left: those behind it. */
static void look_ahead(const struct io_loop *l, unsigned first, unsigned left)
{
	for (int steps = IO_SOON_STEPS + 1; steps > 0; steps--) {
		unsigned far = (unsigned)steps * SOON_APART;
		if (far > left)
			continue;
		unsigned place = (first + far) & *l->ring.cq.kring_mask;
		const struct io_uring_cqe *cqe = &l->ring.cq.cqes[place];
		struct io_op *op = io_uring_cqe_get_data(cqe);
		if (!op || direct_is_close(cqe->user_data))
			continue;
		if (steps > IO_SOON_STEPS)
			ahead_write(op, sizeof *op);
		else if (op->on_soon)
			op->on_soon(op, steps);
	}
}

static int run_completions(struct io_loop *l)
{
	unsigned left = io_uring_cq_ready(&l->ring);
	int count = 0;
	struct io_uring_cqe *cqe;
	while (left-- > 0 && io_uring_peek_cqe(&l->ring, &cqe) == 0) {
		look_ahead(l, *l->ring.cq.khead, left);
		struct io_op *op = io_uring_cqe_get_data(cqe);
		uint64_t user_data = cqe->user_data;
		int result = cqe->res;
		uint32_t flags = cqe->flags;
		/* The slot goes back first: the callback may submit. */
		io_uring_cqe_seen(&l->ring, cqe);
		if (!op || direct_closed(l, user_data))
			continue; /* a cancel that came too late, a close that failed */
		count++;
		run_completion(l, op, result, flags);
	}
	return count;
}

static int run_ready(struct io_loop *l)
{
	int count = 0;
	for (size_t left = l->ready.count; left > 0 && !chain_empty(&l->ready); left--) {
		struct io_op *op = CHAIN_OWNER(chain_pop(&l->ready), struct io_op, link);
		op->context = NULL;
		count++;
		if (op_is_stopped(op))
			op_stopped(l, op);
		else if (l->closing)
			continue;
		else if (op->kind == KIND_STREAM)
			stream_run(l, op);
		else
			op_finish(op, op->result);
	}
	return count;
}

/* Streams without a buffer try again once a round has given buffers back; accepts without a
 * descriptor when some time has passed. */
static void arm_again(struct io_loop *l)
{
	struct chain_link *link;
	while ((link = chain_pop(&l->starved))) {
		struct io_op *op = CHAIN_OWNER(link, struct io_op, link);
		op->context = NULL;
		stream_arm(l, (struct io_stream *)op);
	}
	if (l->now < l->parked_until)
		return;
	while ((link = chain_pop(&l->parked))) {
		struct io_op *op = CHAIN_OWNER(link, struct io_op, link);
		op->context = NULL;
		accept_arm(l, (struct io_accept *)op);
	}
}

static int submit_and_wait(struct io_loop *l, usec wait, unsigned count)
{
	struct io_uring_cqe *cqe;
	if (wait <= 0)
		return io_uring_submit_and_get_events(&l->ring);
	if (wait > USEC_DAY)
		return io_uring_submit_and_wait(&l->ring, count);
	struct __kernel_timespec t = {.tv_sec = wait / USEC_SECOND,
				      .tv_nsec = (wait % USEC_SECOND) * 1000};
	return io_uring_submit_and_wait_timeout(&l->ring, &cqe, count, &t, NULL);
}

/* The rest of the pace is slept unless much happens in it. Bells do not end this sleep and cost
 * who rings nothing: the caller looks for them behind it. The kernel keeps what it has ready
 * until it is asked once more. */
static int wait_for_pace(struct io_loop *l, usec rest)
{
	int result = submit_and_wait(l, rest, PACE_COMPLETIONS);
	if (result == -ETIME)
		result = io_uring_submit_and_get_events(&l->ring);
	return result;
}

/* Tens of completions in one turn cost the kernel little more than one of them: a loop with a
 * pace makes its turns at least so far apart. One that found nothing to do for longer than that is
 * not kept from sleeping at once. */
static int wait_paced(struct io_loop *l, usec wait)
{
	usec rest = wait > 0 && !l->rested ? l->now + l->pace - clock_now() : 0;
	if (rest <= 0)
		return 0;
	int result = wait_for_pace(l, usec_min(rest, wait));
	return result < 0 ? result : (int)io_uring_cq_ready(&l->ring);
}

/* A bell rung since the last look, or work that needs no kernel: no sleep. */
static usec time_to_wait(struct io_loop *l, usec wait_until)
{
	if (!chain_empty(&l->ready) || wait_until <= l->now)
		return 0;
	if (!chain_empty(&l->parked))
		wait_until = usec_min(wait_until, l->parked_until);
	return wait_until == USEC_NEVER ? USEC_NEVER : wait_until - clock_now();
}

int io_turn(struct io_loop *l, usec wait_until)
{
	enable(l);
	usec wait = time_to_wait(l, wait_until);
	int paced = wait_paced(l, wait);
	if (paced != 0)
		wait = 0;
	else if (l->pace > 0)
		wait = time_to_wait(l, wait_until);
	/* Who rings sets rung, then looks whether we sleep; we say that we sleep, then look
	 * whether it rang: one of the two sees the other. */
	atomic_store(&l->sleeping, wait > 0);
	if (atomic_load(&l->rung))
		wait = 0;
	usec before = l->pace > 0 && wait > l->pace ? clock_now() : USEC_NEVER;
	int result = paced > 0 ? 0 : submit_and_wait(l, wait, 1);
	atomic_store(&l->sleeping, false);
	atomic_store(&l->rung, false);
	read_clocks(l);
	l->rested = before != USEC_NEVER && l->now - before > l->pace;
	if (result < 0 && result != -ETIME && result != -EINTR && result != -EAGAIN &&
	    result != -EBUSY)
		return result;
	int count = run_completions(l);
	count += run_ready(l);
	if (!l->closing)
		arm_again(l);
	return count;
}
