/* sim_io.c - engine/io/io.h over the world: loops and virtual sockets. What a dead process does
 * has no effect; what its kernel had already taken may still leave. */
#include "tests/sim/sim_io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/io/clock.h"

#define SOCKET_BASE 100000
#define SOCKET_LIMIT 4096
#define LOOP_LIMIT 4096 /* in one seed, over all lives of all engines */

struct io_bell {
	int unused;
};

struct sim_socket {
	bool open, peer_closed, reset;
	bool orphan; /* its process is dead, and the kernel has yet to find out */
	struct peer *peer;
	struct io_loop *loop;
	struct io_stream *stream;
	struct io_send *sending;
	char *inbox; /* bytes from the peer that the stream has not seen */
	size_t inbox_size;
	bool told_end;
	usec arrives_at; /* of the last byte sent: TCP keeps order */
	uint64_t serial;
};

static struct sim_socket sockets[SOCKET_LIMIT];
static uint64_t socket_serial;
static int next_socket;

static struct sim_socket *socket_of(int fd)
{
	ASSERT(fd >= SOCKET_BASE && fd < SOCKET_BASE + SOCKET_LIMIT);
	return &sockets[fd - SOCKET_BASE];
}

/* Virtual turns cost nothing. */
void io_set_pace(struct io_loop *, usec)
{
}

int io_loop_create(struct io_loop **ret_loop, const struct io_options *options, char *ret_why,
		   size_t why_size)
{
	(void)options;
	(void)ret_why;
	(void)why_size;
	*ret_loop = calloc(1, sizeof(**ret_loop));
	ASSERT(*ret_loop);
	chain_init(&(*ret_loop)->ready);
	(*ret_loop)->life = world->life;
	return 0;
}

static void socket_free(struct sim_socket *s)
{
	free(s->inbox);
	*s = (struct sim_socket){.serial = s->serial};
}

/* Loops are kept until the seed ends: late events may still look at them. */
static struct io_loop *graveyard[LOOP_LIMIT];
static size_t graveyard_count;

void io_loop_destroy(struct io_loop *loop)
{
	loop->destroyed = true;
	for (int i = 0; i < SOCKET_LIMIT; i++)
		if (sockets[i].open && !sockets[i].orphan && sockets[i].loop == loop) {
			if (sockets[i].peer)
				peer_gone(sockets[i].peer);
			socket_free(&sockets[i]);
		}
	ASSERT(graveyard_count < LOOP_LIMIT);
	graveyard[graveyard_count++] = loop;
}

void sim_io_end(void)
{
	for (size_t i = 0; i < graveyard_count; i++)
		free(graveyard[i]);
	graveyard_count = 0;
	next_socket = 0;
	socket_serial = 0;
	for (int i = 0; i < SOCKET_LIMIT; i++)
		socket_free(&sockets[i]);
	sim_files_end();
}

usec io_now(const struct io_loop *loop)
{
	(void)loop;
	return world->now;
}

usec io_wall_now(const struct io_loop *loop)
{
	return world->now + world->wall_offset + loop->life->wall_skew;
}

usec clock_now(void)
{
	return world->now;
}

usec clock_wall(void)
{
	return world->now + world->wall_offset + world->life->wall_skew;
}

void sim_complete(struct io_loop *loop, struct io_op *op, int result)
{
	if (loop->life->dead)
		return;
	op->result = result;
	loop->life->touched = true;
	chain_push_back(&loop->ready, &op->link);
}

static int run_ready(struct io_loop *loop)
{
	int count = 0;
	struct chain now;
	chain_init(&now);
	chain_splice_back(&now, &loop->ready);
	for (struct chain_link *link; (link = chain_pop(&now)); count++) {
		struct io_op *op = CHAIN_OWNER(link, struct io_op, link);
		if (op->kind < POINT_COUNT)
			world_point(world, (enum point)op->kind, 0);
		else
			sim_file_told(op);
		op->busy = false;
		op->on_done(op, op->result);
		if (loop->life->dead)
			break;
	}
	chain_splice_back(&loop->ready, &now);
	return count;
}

int io_turn(struct io_loop *loop, usec wait_until)
{
	if (loop->life->dead) { /* who waits in a loop of turns is let go */
		sim_files_crash(loop->life);
		return -EIO;
	}
	int count = run_ready(loop);
	while (count == 0 && world_run_next(world, wait_until))
		count += run_ready(loop);
	/* Nothing happened: the time waited for has come. */
	if (count == 0 && wait_until != USEC_NEVER && wait_until > world->now)
		world->now = wait_until;
	return count;
}

/* -- operations that end later: loop and op travel in the event ------------------------------
 */

struct later {
	struct io_loop *loop;
	struct io_op *op;
	int result;
};

static void later_done(struct world *w, void *a, uint64_t b)
{
	struct later *later = a;
	(void)b;
	(void)w;
	sim_complete(later->loop, later->op, later->result);
	free(later);
}

static void finish_later(struct io_loop *loop, struct io_op *op, int result, usec delay)
{
	struct later *later = malloc(sizeof(*later));
	ASSERT(later);
	*later = (struct later){loop, op, result};
	world_at(world, delay, later_done, later, 0);
}

void sim_begin(struct io_op *op, enum point point)
{
	ASSERT(!op->busy);
	op->busy = true;
	op->kind = (uint8_t)point;
	chain_link_init(&op->link);
}

void io_defer(struct io_loop *loop, struct io_op *op)
{
	sim_begin(op, POINT_DEFERRED);
	sim_complete(loop, op, 0);
}

void io_cancel(struct io_loop *loop, struct io_op *op)
{
	(void)loop;
	(void)op; /* "with what happened before": a legal answer to every cancel */
}

/* -- sockets
 * ----------------------------------------------------------------------------------- */

static int socket_new(struct io_loop *loop)
{
	for (int i = 0; i < SOCKET_LIMIT; i++) {
		int slot = (next_socket + i) % SOCKET_LIMIT;
		if (sockets[slot].open)
			continue;
		next_socket = (slot + 1) % SOCKET_LIMIT;
		sockets[slot] = (struct sim_socket){
			.open = true, .loop = loop, .serial = ++socket_serial};
		return SOCKET_BASE + slot;
	}
	return -EMFILE;
}

void io_connect(struct io_loop *loop, struct io_op *op, const struct net_address *to,
		const struct net_address *from)
{
	sim_begin(op, POINT_CONNECTED);
	if (loop->life->dead)
		return;
	int site = host_site_of(to);
	usec delay = 1000 + (usec)world_below(world, 40000);
	if (site < 0 || world_fault(world, FAULT_REFUSE)) {
		finish_later(loop, op, -ECONNREFUSED, delay);
		return;
	}
	if (world_fault(world, FAULT_UNREACHABLE)) {
		finish_later(loop, op, -ETIMEDOUT, 20 * USEC_SECOND);
		return;
	}
	int fd = socket_new(loop);
	ASSERT(fd > 0);
	struct peer *peer = peer_open(world, site, from);
	socket_of(fd)->peer = peer;
	peer_attach(peer, fd);
	finish_later(loop, op, fd, delay);
}

/* Virtual machines have every address. */
int io_probe_bind(const struct net_address *address)
{
	(void)address;
	return 0;
}

struct flight {
	int fd;
	uint64_t serial;
	usec sent_at, heard_at;
	size_t size;
	char bytes[];
};

static void flight_lands(struct world *w, void *a, uint64_t b)
{
	struct flight *flight = a;
	struct sim_socket *s = socket_of(flight->fd);
	(void)b;
	w->sent_at = flight->sent_at;
	w->sent_heard_at = flight->heard_at;
	if (s->open && s->serial == flight->serial && s->peer)
		peer_bytes(s->peer, str_make(flight->bytes, flight->size));
	free(flight);
}

static void fly(struct sim_socket *s, int fd, const char *bytes, size_t size, usec delay)
{
	struct flight *flight = malloc(sizeof(*flight) + size);
	ASSERT(flight);
	*flight = (struct flight){
		.fd = fd,
		.serial = s->serial,
		.sent_at = world->now,
		.heard_at = s->loop->life->feed_asked_at,
		.size = size};
	memcpy(flight->bytes, bytes, size);
	s->arrives_at = usec_max(s->arrives_at, world->now + delay);
	world_at(world, s->arrives_at - world->now, flight_lands, flight, 0);
}

void io_send(struct io_loop *loop, struct io_send *send, int fd, const struct iovec *spans,
	     size_t count)
{
	struct sim_socket *s = socket_of(fd);
	sim_begin(&send->op, POINT_SENT);
	if (loop->life->dead)
		return;
	size_t total = 0;
	usec delay = 500 + (usec)world_below(world, 5000);
	bool broken = s->peer_closed || s->reset;
	for (size_t i = 0; i < count; i++) {
		/* Each span arrives in pieces, in order, as TCP may cut them. */
		for (size_t at = 0; !broken && at < spans[i].iov_len;) {
			size_t left = spans[i].iov_len - at;
			size_t piece = world->calm ? left : 1 + world_below(world, left);
			fly(s, fd, (char *)spans[i].iov_base + at, piece, delay);
			at += piece;
			delay += (usec)world_below(world, 300);
		}
		total += spans[i].iov_len;
	}
	finish_later(loop, &send->op, broken ? -ECONNRESET : (int)total,
		     200 + (usec)world_below(world, 3000));
}

static void feed_bytes(struct world *w, struct sim_socket *s, struct io_stream *stream)
{
	char *bytes = s->inbox;
	size_t size = s->inbox_size;
	s->inbox = NULL;
	s->inbox_size = 0;
	world_point(w, POINT_BYTES, 0);
	stream->on_bytes(stream, str_make(bytes, size), 0);
	free(bytes);
}

/* Hands the stream what is there: in one piece or several, then the end. */
static void stream_feed(struct world *w, void *a, uint64_t serial)
{
	struct sim_socket *s = a;
	if (!s->open || s->serial != serial || !s->stream)
		return;
	struct io_stream *stream = s->stream;
	struct sim_life *life = s->loop->life;
	if (stream->stopped || stream->paused || life->dead ||
	    world_is_away(w, life, stream_feed, a, serial))
		return;
	struct sim_life *before = world_enter(w, life);
	if (s->inbox_size > 0)
		feed_bytes(w, s, stream);
	bool stands = s->open && s->serial == serial && s->stream == stream && !life->dead &&
		      !stream->stopped;
	if (stands && (s->peer_closed || s->reset) && !s->told_end) {
		s->told_end = true;
		world_point(w, POINT_STREAM_END, 0);
		stream->on_bytes(stream, str_make(NULL, 0), s->reset ? -ECONNRESET : 0);
	}
	world_leave(w, before);
}

static void feed_soon(struct sim_socket *s)
{
	world_at(world, 0, stream_feed, s, s->serial);
}

void socket_bytes(int fd, str bytes)
{
	struct sim_socket *s = socket_of(fd);
	s->inbox = realloc(s->inbox, s->inbox_size + bytes.size + 1);
	ASSERT(s->inbox);
	memcpy(s->inbox + s->inbox_size, bytes.data, bytes.size);
	s->inbox_size += bytes.size;
	feed_soon(s);
}

void socket_reset(int fd, bool orderly)
{
	struct sim_socket *s = socket_of(fd);
	s->peer = NULL;
	s->peer_closed = orderly;
	s->reset = !orderly;
	feed_soon(s);
}

void io_stream_start(struct io_loop *loop, struct io_stream *stream, int fd)
{
	(void)loop;
	stream->fd = fd;
	stream->stopped = stream->paused = false;
	stream->op.busy = true;
	chain_link_init(&stream->op.link);
	socket_of(fd)->stream = stream;
	feed_soon(socket_of(fd));
}

void io_stream_pause(struct io_loop *loop, struct io_stream *stream)
{
	(void)loop;
	stream->paused = true;
}

void io_stream_resume(struct io_loop *loop, struct io_stream *stream)
{
	(void)loop;
	stream->paused = false;
	feed_soon(socket_of(stream->fd));
}

void io_stream_stop(struct io_loop *loop, struct io_stream *stream,
		    void (*on_stopped)(struct io_op *, int))
{
	stream->stopped = true;
	struct sim_socket *s = socket_of(stream->fd);
	if (s->stream == stream)
		s->stream = NULL;
	if (!on_stopped)
		return;
	stream->op.on_done = on_stopped;
	stream->op.kind = POINT_STREAM_END;
	sim_complete(loop, &stream->op, 0);
}

void io_close(struct io_loop *loop, int fd)
{
	if (fd < SOCKET_BASE) {
		close(fd);
		return;
	}
	if (loop->life->dead)
		return;
	struct sim_socket *s = socket_of(fd);
	if (s->peer)
		peer_gone(s->peer);
	socket_free(s);
}

/* -- a crash
 * ------------------------------------------------------------------------------------- */

static void orphan_ends(struct world *w, void *a, uint64_t serial)
{
	struct sim_socket *s = a;
	(void)w;
	if (!s->open || s->serial != serial)
		return;
	if (s->peer)
		peer_gone(s->peer);
	socket_free(s);
}

/* What the process had sent and has not arrived may do so, all of it or a first part. */
static void orphan(struct sim_socket *s)
{
	usec left = usec_max(s->arrives_at - world->now, 0);
	s->orphan = true;
	s->stream = NULL;
	s->loop = NULL;
	world_at(world, (usec)world_below(world, (uint64_t)left + 1000), orphan_ends, s,
		 s->serial);
}

void sim_io_crash(struct sim_life *life)
{
	sim_files_crash(life);
	for (int i = 0; i < SOCKET_LIMIT; i++) {
		struct sim_socket *s = &sockets[i];
		if (s->open && !s->orphan && s->loop->life == life)
			orphan(s);
	}
}

/* -- bells: the driver steps everybody anyway
 * -------------------------------------------------- */

int io_bell_create(struct io_loop *loop, struct io_bell **ret_bell)
{
	(void)loop;
	*ret_bell = calloc(1, sizeof(**ret_bell));
	return *ret_bell ? 0 : -ENOMEM;
}

void io_bell_destroy(struct io_bell *bell)
{
	free(bell);
}

void io_bell_ring(struct io_bell *bell)
{
	(void)bell;
}
