/* ring.h - what the files of this room share: the loop and how an operation moves.
 * An operation's address is the user data of its submission, so the kernel's last word on it
 * must have been read before its owner may let go: `armed` says that a last word is still to
 * come, `busy` that the owner is still to be told. */
#pragma once

#include "engine/io/io.h"
#include "engine/io/probe.h"
#include <liburing.h>
#include <stdatomic.h>

#define RECEIVE_BUFFER_SIZE 4096
#define RECEIVE_GROUP 1

enum io_kind {
	KIND_CONNECT = 1,
	KIND_SEND,
	KIND_STREAM,
	KIND_POLL,
	KIND_ACCEPT,
	KIND_WRITE,
	KIND_SYNC,
	KIND_DEFER,
	KIND_BELL
};

/* What a connect or a write must keep while the kernel works. */
struct io_job {
	struct io_job *next; /* while free */
	int fd;
	struct net_address address;
	const char *data;
	size_t size, done_size;
	uint64_t offset;
};

/* The spans of a send, while the kernel works. */
struct io_gather {
	struct io_gather *next_made, *next_free;
	struct msghdr message;
	struct iovec spans[IO_SPAN_LIMIT];
};

/* Bytes that came to a paused stream. */
struct io_held {
	size_t size, capacity;
	char bytes[];
};

struct receive_pool {
	struct io_uring_buf_ring *ring;
	char *memory;
	uint32_t count;
};

struct direct_table {
	uint32_t *free; /* places, the next to be used is the last */
	uint32_t count, free_count;
};

struct io_loop {
	struct io_uring ring;
	struct direct_table direct;
	struct io_features features;
	bool enabled;          /* the owning thread has made its first turn */
	bool closing;          /* only stops are still told */
	size_t stopping_count; /* stops asked for and not yet told */
	usec now, wall_now;
	char congestion[16]; /* empty: the kernel's own choice */
	usec pace; /* turns are at least so far apart; 0: as it comes */
	bool rested; /* the last turn slept longer than that */
	struct chain ready;   /* ended without the kernel; run in the next round */
	struct chain starved; /* streams that found no receive buffer */
	struct chain parked;  /* accepts that found no descriptor */
	usec parked_until;
	struct receive_pool pool;
	struct io_job *free_jobs;
	struct io_gather *gathers, *free_gathers; /* all; those not in use */
	int bell_fd;
	struct io_op bell;
	_Atomic bool sleeping, rung;
};

/* A submission entry with op as its user data (NULL: nobody waits for it). */
struct io_uring_sqe *ring_entry(struct io_loop *, struct io_op *);
/* From the owner's call on: busy until finished. */
void op_begin(struct io_op *, enum io_kind);
/* The kernel is asked; its last word will come. */
struct io_uring_sqe *op_arm(struct io_loop *, struct io_op *);
/* on_done in the next round, with this result. */
void op_queue(struct io_loop *, struct io_op *, int result);
/* on_done now; only from a round. */
void op_finish(struct io_op *, int result);
void op_cancel(struct io_loop *, struct io_op *);
/* A stream, poll or accept is to end: on_stopped comes when the kernel has let go of it. */
void op_stop(struct io_loop *, struct io_op *, void (*on_stopped)(struct io_op *, int));
/* on_stopped now; only from a round. */
void op_stopped(struct io_loop *, struct io_op *);

struct io_job *job_borrow(struct io_loop *); /* NULL when out of memory */
void job_give_back(struct io_loop *, struct io_job *);

int pool_init(struct io_loop *, uint32_t count);
void pool_done(struct io_loop *);
str pool_view(struct receive_pool *, uint32_t buffer, size_t size);
void pool_give_back(struct receive_pool *, uint32_t buffer);

/* direct.c */
void direct_init(struct io_loop *, uint32_t count);
void direct_done(struct io_loop *);
/* A prepared entry names its descriptor: by its place, where it has one. */
void direct_name(struct io_uring_sqe *);
/* False: it is no direct descriptor. */
bool direct_close(struct io_loop *, int fd);
bool direct_is_close(uint64_t user_data);
/* False: this completion is none of a close. */
bool direct_closed(struct io_loop *, uint64_t user_data);

/* One word of the kernel on an operation of that kind. */
void connect_ended(struct io_loop *, struct io_op *, int result);
void send_ended(struct io_loop *, struct io_op *, int result);
void stream_event(struct io_loop *, struct io_op *, int result, uint32_t flags);
void poll_event(struct io_loop *, struct io_op *, int result);
void accept_event(struct io_loop *, struct io_op *, int result, uint32_t flags);
void write_ended(struct io_loop *, struct io_op *, int result);
void bell_event(struct io_loop *, uint32_t flags);

/* A queued stream: stopped, or resumed with bytes held. */
void stream_run(struct io_loop *, struct io_op *);
void stream_arm(struct io_loop *, struct io_stream *);
void accept_arm(struct io_loop *, struct io_accept *);
void bell_arm(struct io_loop *);
