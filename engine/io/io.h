/* io.h - the only door to the kernel and the clock: one loop, one ring, one thread.
 * Operations are embedded in their owners. Completions are queued by io_turn() and then run
 * from the queue, so a callback may start operations freely and nothing recurses. A callback
 * runs exactly once per operation (streams and polls: once per event until they end), never
 * inside the call that started it. The thread of the first io_turn() owns the loop from then
 * on; operations may be started before it by whoever created the loop. The simulation links
 * another implementation of this page. */
#pragma once

#include "engine/base/chain.h"
#include "engine/base/str.h"
#include "engine/base/usec.h"
#include <netinet/in.h>
#include <sys/uio.h>

struct io_loop;

#define IO_SOON_STEPS 4
struct io_op {
	struct chain_link link;
	void (*on_done)(struct io_op *, int result); /* >= 0 as the call says, or -errno */
	/* Optional, set behind the start of a send or stream: its callback comes in a moment. Called
	 * with IO_SOON_STEPS down to 1, ever nearer, and perhaps not at all, for owners to ask for
	 * memory that nobody has looked at for long (base/ahead.h), and for nothing else. */
	void (*on_soon)(struct io_op *, int steps);
	int result;
	bool busy; /* from start until on_done runs */
	/* the implementation's own */
	uint8_t kind;
	bool armed;
	void *context;
};

struct io_options {
	uint32_t entries;      /* size of the submission queue; 0: 1024 */
	uint32_t buffer_count; /* receive buffers of 4 KiB, shared by all streams; 0: 256 */
	uint32_t direct_count; /* connections that need no descriptor of the process (io_hold) */
	bool mask_new;         /* use nothing newer than Linux 6.1 (the tests run once so) */
	const char *congestion; /* control of connections that are opened, where the kernel has it;
				   NULL: its own choice */
	usec pace; /* turns begin at least so far apart unless much happens; 0: at once */
};

/* Returns 0, or -errno with a sentence for people in ret_why (what is wrong, what to do). */
[[nodiscard]] int io_loop_create(struct io_loop **ret_loop, const struct io_options *,
				 char *ret_why, size_t why_size);
/* Waits for stops asked for and tells them; other operations get no callback any more. */
void io_loop_destroy(struct io_loop *);

usec io_now(const struct io_loop *);      /* monotonic, read once a turn */
usec io_wall_now(const struct io_loop *); /* since the Unix epoch, read with it */

/* One turn: submits what was started, waits for a completion, a bell or wait_until
 * (monotonic; a past time: does not wait), reads the clocks, runs what has completed. Returns
 * the number of completions run, or -errno when the ring itself failed. */
[[nodiscard]] int io_turn(struct io_loop *, usec wait_until);
/* Another pace from the next turn on (io_options.pace). */
void io_set_pace(struct io_loop *, usec pace);

struct net_address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	};
};
/* "127.0.0.1" or "::1" with a port; false when it is no address. */
[[nodiscard]] bool net_address_parse(str text, uint16_t port, struct net_address *ret_address);
/* "192.0.2.1" or "2001:db8::1", without port; out holds at least 46 bytes. */
void net_address_format(const struct net_address *, char *out);
bool net_address_is_loopback(const struct net_address *);
/* Neither this machine nor a private, link-local or multicast network. */
bool net_address_is_public(const struct net_address *);
socklen_t net_address_size(const struct net_address *);

/* Asks for an early end of a connect, send, write or sync: on_done still comes, with -ECANCELED
 * or with what happened before. Harmless when the operation is not busy. */
void io_cancel(struct io_loop *, struct io_op *);

/* Nothing but on_done with 0 in the next round: for owners who must not call back at once. */
void io_defer(struct io_loop *, struct io_op *);
/* Takes that back: on_done does not come. Harmless when it is not deferred. */
void io_undefer(struct io_op *);

/* Takes a socket into the loop's own table, where it does not count against the limit on open
 * files. Returns the descriptor to use from now on, which is one of this page's calls only; the
 * old one when the table is full or there is none. */
[[nodiscard]] int io_hold(struct io_loop *, int fd);

/* Opens a TCP socket bound to from (NULL: any) and connects it. Result: the descriptor, held
 * (io_hold) where there is room.
 * -EADDRNOTAVAIL: from cannot be bound here, and that alone; -EAGAIN: this machine has no free
 * port or no address towards to. */
void io_connect(struct io_loop *, struct io_op *, const struct net_address *to,
		const struct net_address *from);

/* Sends all of it or fails; result: bytes. spans, at most IO_SPAN_LIMIT, are copied; what they
 * point at lives until done. A peer that ends a send half-way gives -ECONNRESET. */
#define IO_SPAN_LIMIT 64
struct io_send {
	struct io_op op;
	size_t size; /* the implementation's own */
};
void io_send(struct io_loop *, struct io_send *, int fd, const struct iovec *spans,
	     size_t count);

/* Receives until stopped. on_bytes gets a view that lives during the call only; size 0 is the
 * end of the stream, error < 0 its failure; both are the last call. */
struct io_stream {
	struct io_op op;
	void (*on_bytes)(struct io_stream *, str bytes, int error);
	int fd;
	bool paused, stopped;
	/* the implementation's own */
	bool ended;
	int end_error;
	struct io_held *held;
};
void io_stream_start(struct io_loop *, struct io_stream *, int fd);
/* While paused no on_bytes comes; what had arrived already is kept and comes first after
 * resuming. The peer feels it as a full window. */
void io_stream_pause(struct io_loop *, struct io_stream *);
void io_stream_resume(struct io_loop *, struct io_stream *);
/* After this no on_bytes comes; on_stopped says when the struct may be reused. */
void io_stream_stop(struct io_loop *, struct io_stream *,
		    void (*on_stopped)(struct io_op *, int));

/* Calls on_ready with poll events as long as fd is ready (level, not edge), until stopped (as a
 * stream). Negative events are an errno and the last call. */
struct io_poll {
	struct io_op op;
	void (*on_ready)(struct io_poll *, int events);
	int fd, events;
	bool stopped;
};
void io_poll_start(struct io_loop *, struct io_poll *, int fd, int events);
void io_poll_stop(struct io_loop *, struct io_poll *, void (*on_stopped)(struct io_op *, int));

/* Synchronous: whether a TCP socket can be bound to the address now, at a port of the kernel's
 * choice. 0 or -errno (-EADDRNOTAVAIL: this machine does not have it). */
[[nodiscard]] int io_probe_bind(const struct net_address *);

/* Accepts until stopped; on_accept gets a descriptor or -errno. Out of descriptors is told once
 * a try, tries are 100 ms apart; what the listening socket itself did is the last call. */
struct io_accept {
	struct io_op op;
	void (*on_accept)(struct io_accept *, int fd);
	int fd;
	bool stopped;
};
/* Synchronous: socket, bind, listen (SO_REUSEADDR). Returns the descriptor or -errno. */
[[nodiscard]] int io_listen(const struct net_address *, int backlog);
/* The same with SO_REUSEPORT: several loops share a port, the kernel spreads the connections.
 */
[[nodiscard]] int io_listen_shared(const struct net_address *, int backlog);
void io_accept_start(struct io_loop *, struct io_accept *, int listen_fd);
void io_accept_stop(struct io_loop *, struct io_accept *,
		    void (*on_stopped)(struct io_op *, int));

/* Files: whole writes; result bytes written (less only on a full disk: then -ENOSPC). */
void io_write(struct io_loop *, struct io_op *, int fd, const void *data, size_t size,
	      uint64_t offset);
void io_fdatasync(struct io_loop *, struct io_op *, int fd);

/* Closes without waiting for the result. Stop streams, polls and accepts on fd before it
 * (waiting for on_stopped is not needed: the order of calls is kept). */
void io_close(struct io_loop *, int fd);

/* A bell wakes a sleeping loop from another thread. Ringing is cheap when the loop is awake. */
struct io_bell;
[[nodiscard]] int io_bell_create(struct io_loop *, struct io_bell **ret_bell);
void io_bell_destroy(struct io_bell *); /* after the ringing threads have ended */
void io_bell_ring(struct io_bell *);
