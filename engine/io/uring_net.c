/* uring_net.c - connections: opening, sending, accepting, closing. Receiving is uring_stream.c.
 * Sockets stay in blocking mode: the ring then waits for room by itself, where a non-blocking
 * one would give -EAGAIN to us. */
#include "engine/io/ring.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/assert.h"

/* Out of descriptors: asking again at once would only spin. */
#define PARK_TIME (100 * USEC_MS)

static void set_flag(int fd, int level, int name)
{
	int on = 1;
	setsockopt(fd, level, name, &on, sizeof on);
}

/* A socket that is ready to connect, or -errno. Whatever forbids the bind, to the caller it is
 * the address that is not to be had. */
static int open_socket(const struct io_loop *l, int family, const struct net_address *from)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return -errno;
	set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
	/* A wish: one that the kernel does not have, or forbids, leaves its own. */
	if (l->congestion[0])
		setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, l->congestion,
			   (socklen_t)strlen(l->congestion));
	if (!from)
		return fd;
	/* The port is chosen at connect: thousands of connections from one address may then
	 * share it towards different peers. */
	set_flag(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
	if (bind(fd, &from->sa, net_address_size(from)) < 0) {
		close(fd);
		return -EADDRNOTAVAIL;
	}
	return fd;
}

int io_probe_bind(const struct net_address *address)
{
	struct net_address at = *address;
	if (at.sa.sa_family == AF_INET6)
		at.in6.sin6_port = 0;
	else
		at.in4.sin_port = 0;
	int fd = socket(at.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return -errno;
	int result = bind(fd, &at.sa, net_address_size(&at)) < 0 ? -errno : 0;
	close(fd);
	return result;
}

void io_connect(struct io_loop *l, struct io_op *op, const struct net_address *to,
		const struct net_address *from)
{
	op_begin(op, KIND_CONNECT);
	struct io_job *job = job_borrow(l);
	int fd = job ? open_socket(l, to->sa.sa_family, from) : -ENOMEM;
	if (fd < 0) {
		if (job)
			job_give_back(l, job);
		op_queue(l, op, fd);
		return;
	}
	fd = io_hold(l, fd);
	*job = (struct io_job){.fd = fd, .address = *to};
	struct io_uring_sqe *sqe = op_arm(l, op);
	op->context = job;
	io_uring_prep_connect(sqe, fd, &job->address.sa, net_address_size(to));
	direct_name(sqe);
}

void connect_ended(struct io_loop *l, struct io_op *op, int result)
{
	struct io_job *job = op->context;
	int fd = job->fd;
	op->context = NULL;
	job_give_back(l, job);
	if (result < 0)
		io_close(l, fd);
	/* The bind has been done: what is used up is ports, or there is no address at all. */
	if (result == -EADDRNOTAVAIL)
		result = -EAGAIN;
	op_finish(op, result < 0 ? result : fd);
}

static size_t spans_size(const struct iovec *spans, size_t count)
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += spans[i].iov_len;
	return size;
}

static struct io_gather *gather_borrow(struct io_loop *l)
{
	struct io_gather *gather = l->free_gathers;
	if (gather) {
		l->free_gathers = gather->next_free;
		return gather;
	}
	gather = malloc(sizeof *gather);
	if (!gather)
		return NULL;
	gather->next_made = l->gathers;
	l->gathers = gather;
	return gather;
}

static void gather_give_back(struct io_loop *l, struct io_gather *gather)
{
	gather->next_free = l->free_gathers;
	l->free_gathers = gather;
}

void io_send(struct io_loop *l, struct io_send *send, int fd, const struct iovec *spans,
	     size_t count)
{
	ASSERT(count > 0 && count <= IO_SPAN_LIMIT);
	op_begin(&send->op, KIND_SEND);
	send->size = spans_size(spans, count);
	ASSERT(send->size <= INT32_MAX);
	if (count == 1) {
		struct io_uring_sqe *one = op_arm(l, &send->op);
		io_uring_prep_send(one, fd, spans->iov_base, spans->iov_len,
				   MSG_WAITALL | MSG_NOSIGNAL);
		direct_name(one);
		return;
	}
	struct io_gather *gather = gather_borrow(l);
	if (!gather) {
		op_queue(l, &send->op, -ENOMEM);
		return;
	}
	memcpy(gather->spans, spans, count * sizeof *spans);
	gather->message = (struct msghdr){.msg_iov = gather->spans, .msg_iovlen = count};
	struct io_uring_sqe *sqe = op_arm(l, &send->op);
	send->op.context = gather;
	io_uring_prep_sendmsg(sqe, fd, &gather->message, MSG_WAITALL | MSG_NOSIGNAL);
	direct_name(sqe);
}

/* MSG_WAITALL makes the ring send on until all has left; a shorter count means that the peer
 * or a cancellation ended it half-way. */
void send_ended(struct io_loop *l, struct io_op *op, int result)
{
	struct io_send *send = (struct io_send *)op;
	if (op->context)
		gather_give_back(l, op->context);
	op->context = NULL;
	if (result >= 0 && (size_t)result < send->size)
		result = -ECONNRESET;
	op_finish(op, result);
}

static int listen_at(const struct net_address *at, int backlog, bool shared)
{
	int fd = socket(at->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return -errno;
	set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
	if (shared)
		set_flag(fd, SOL_SOCKET, SO_REUSEPORT);
	/* Accepted sockets inherit it. */
	set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
	if (bind(fd, &at->sa, net_address_size(at)) < 0 || listen(fd, backlog) < 0) {
		int error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

int io_listen(const struct net_address *at, int backlog)
{
	return listen_at(at, backlog, false);
}

int io_listen_shared(const struct net_address *at, int backlog)
{
	return listen_at(at, backlog, true);
}

void accept_arm(struct io_loop *l, struct io_accept *a)
{
	struct io_uring_sqe *sqe = op_arm(l, &a->op);
	io_uring_prep_multishot_accept(sqe, a->fd, NULL, NULL, SOCK_CLOEXEC);
}

void io_accept_start(struct io_loop *l, struct io_accept *a, int listen_fd)
{
	op_begin(&a->op, KIND_ACCEPT);
	a->fd = listen_fd;
	a->stopped = false;
	accept_arm(l, a);
}

void io_accept_stop(struct io_loop *l, struct io_accept *a,
		    void (*on_stopped)(struct io_op *, int))
{
	ASSERT(!a->stopped);
	a->stopped = true;
	op_stop(l, &a->op, on_stopped);
}

static bool out_of_descriptors(int result)
{
	return result == -EMFILE || result == -ENFILE || result == -ENOBUFS ||
	       result == -ENOMEM;
}

static void park(struct io_loop *l, struct io_accept *a)
{
	if (chain_empty(&l->parked))
		l->parked_until = l->now + PARK_TIME;
	a->op.context = &l->parked;
	chain_push_back(&l->parked, &a->op.link);
}

void accept_event(struct io_loop *l, struct io_op *op, int result, uint32_t flags)
{
	struct io_accept *a = (struct io_accept *)op;
	bool ended = !(flags & IORING_CQE_F_MORE);
	if (a->stopped) {
		if (result >= 0)
			io_close(l, result);
		if (ended)
			op_stopped(l, op);
		return;
	}
	if (result >= 0 || out_of_descriptors(result)) {
		if (ended && result < 0)
			park(l, a);
		else if (ended)
			accept_arm(l, a);
		a->on_accept(a, result);
	} else if (result == -ECONNABORTED || result == -EINTR || result == -EAGAIN) {
		if (ended)
			accept_arm(l, a);
	} else {
		op->busy = false;
		a->on_accept(a, result);
	}
}

void io_close(struct io_loop *l, int fd)
{
	if (direct_close(l, fd))
		return;
	struct io_uring_sqe *sqe = ring_entry(l, NULL);
	io_uring_prep_close(sqe, fd);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}
