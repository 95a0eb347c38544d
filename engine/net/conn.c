/* conn.c - one connection, direct or by a proxy, plain or TLS.
 * Everything the loop holds of this struct is counted in pending_count; on_closed comes when
 * the count is down to nothing, so that the owner may free or reuse it there. */
#include "engine/net/conn.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/ahead.h"
#include "engine/base/assert.h"

#define CONN_OF(op, member) CHAIN_OWNER((op), struct conn, member)
#define PLAIN_SIZE 16384 /* bytes decrypted for one on_bytes: a full record */

void conn_init(struct conn *c, struct io_loop *loop, const struct conn_events *events)
{
	*c = (struct conn){.loop = loop, .events = events, .fd = -1};
}

static void set_state(struct conn *c, enum conn_state next)
{
	static const unsigned legal[] = {
		[CONN_CLOSED] = 1 << CONN_CONNECTING | 1 << CONN_OPEN,
		[CONN_CONNECTING] = 1 << CONN_PROXY | 1 << CONN_OPEN | 1 << CONN_CLOSING,
		[CONN_PROXY] = 1 << CONN_OPEN | 1 << CONN_CLOSING,
		[CONN_OPEN] = 1 << CONN_HANDSHAKE | 1 << CONN_CLOSING,
		[CONN_HANDSHAKE] = 1 << CONN_OPEN | 1 << CONN_CLOSING,
		[CONN_CLOSING] = 1 << CONN_CLOSED,
	};
	ASSERT(legal[c->state] & 1U << next);
	c->state = next;
}

/* Told once; the struct stays until the owner closes. */
static void lost(struct conn *c, enum local_cause cause)
{
	if (c->lost_told || c->state == CONN_CLOSING)
		return;
	c->lost_told = true;
	if (c->state == CONN_HANDSHAKE)
		c->events->on_tls(c, false);
	else
		c->events->on_lost(c, cause);
}

static bool by_proxy(const struct conn *c)
{
	return c->from && c->from->via != SOURCE_DIRECT;
}

/* It may hold a password that was not sent. */
static void drop_proxy(struct conn *c)
{
	if (c->proxy)
		explicit_bzero(c->proxy, sizeof *c->proxy);
	free(c->proxy);
	c->proxy = NULL;
}

/* Something of the loop has ended; the last one closes. */
static void release(struct conn *c)
{
	ASSERT(c->pending_count > 0);
	c->pending_count--;
	if (c->state != CONN_CLOSING || c->pending_count > 0)
		return;
	if (c->fd >= 0)
		io_close(c->loop, c->fd);
	c->fd = -1;
	tls_session_destroy(c->tls);
	c->tls = NULL;
	drop_proxy(c);
	set_state(c, CONN_CLOSED);
	if (c->events->on_closed)
		c->events->on_closed(c);
}

static void soon(struct conn *c, int steps)
{
	if (steps > CONN_SOON_STEPS)
		ahead_write(c, sizeof *c);
	else if (c->events->on_soon)
		c->events->on_soon(c, steps);
}

static void on_send_soon(struct io_op *op, int steps)
{
	soon(CONN_OF(op, send.op), steps);
}

static void on_stream_soon(struct io_op *op, int steps)
{
	soon(CONN_OF(op, stream.op), steps);
}

static void on_sent(struct io_op *op, int result);
static void take_bytes(struct conn *c, str bytes);

static void send_spans(struct conn *c, const struct iovec *spans, size_t count)
{
	c->pending_count++;
	c->send.op.on_done = on_sent;
	io_send(c->loop, &c->send, c->fd, spans, count);
	c->send.op.on_soon = on_send_soon;
}

static void send_bytes(struct conn *c, str bytes)
{
	const struct iovec span = {(void *)(uintptr_t)bytes.data, bytes.size};
	send_spans(c, &span, 1);
}

/* Ciphertext that waits, if the line is free. */
static void send_cipher(struct conn *c)
{
	if (!c->tls || c->send.op.busy)
		return;
	str output = tls_output(c->tls);
	if (output.size > 0)
		send_bytes(c, output);
}

/* --- the talk with a proxy: in turn, so the stream rests while we speak. Hence nothing arrives
 * while a send is under way, and a connection that has become the owner's has none. --- */

static void tell_proxy(struct conn *c)
{
	str output = proxy_output(c->proxy);
	c->asked = c->proxy->state == PROXY_REQUEST;
	io_stream_pause(c->loop, &c->stream);
	send_bytes(c, output);
}

/* The owner's from here on, with what has come behind the proxy's last word. */
static void through_proxy(struct conn *c, str rest)
{
	drop_proxy(c);
	set_state(c, CONN_OPEN);
	c->events->on_open(c);
	ASSERT(!c->paused);
	if (rest.size > 0 && c->state != CONN_CLOSING)
		take_bytes(c, rest);
}

static void told_proxy(struct conn *c, int result)
{
	if (result < 0) {
		lost(c, conn_why_fault(c->why, c->from, "ended the connection"));
		return;
	}
	enum proxy_step step = proxy_sent(c->proxy);
	io_stream_resume(c->loop, &c->stream);
	if (step == PROXY_READY)
		through_proxy(c, (str){});
}

static void hear_proxy(struct conn *c, str bytes)
{
	enum proxy_step step;
	size_t taken = proxy_feed(c->proxy, bytes, &step);
	if (step == PROXY_BAD)
		lost(c, conn_why_proxy(c->why, c->proxy));
	else if (step == PROXY_READY)
		through_proxy(c, str_from(bytes, taken));
	else if (proxy_output(c->proxy).size > 0)
		tell_proxy(c);
}

static void on_sent(struct io_op *op, int result)
{
	struct conn *c = CONN_OF(op, send.op);
	if (result >= 0 && c->tls)
		tls_sent(c->tls, (size_t)result);
	if (c->state == CONN_CLOSING) {
		release(c);
		return;
	}
	if (c->state == CONN_PROXY) {
		told_proxy(c, result);
		release(c);
		return;
	}
	if (result < 0) {
		lost(c, CAUSE_CONNECTION_LOST);
		release(c);
		return;
	}
	send_cipher(c);
	if (!c->send.op.busy && c->write_size > 0) {
		size_t size = c->write_size;
		c->write_size = 0;
		c->events->on_written(c, size);
	}
	release(c);
}

static bool may_read(const struct conn *c)
{
	return !c->paused && c->state == CONN_OPEN && !c->lost_told;
}

static void read_plain(struct conn *c)
{
	char plain[PLAIN_SIZE];
	size_t size;
	while (may_read(c) && (size = tls_read(c->tls, plain, sizeof plain)) > 0)
		c->events->on_bytes(c, (str){plain, size});
}

static void handshake_step(struct conn *c)
{
	if (c->state != CONN_HANDSHAKE)
		return;
	if (tls_state(c->tls) == TLS_FAILED) {
		lost(c, CAUSE_TLS_FAILED);
	} else if (tls_state(c->tls) == TLS_OPEN) {
		set_state(c, CONN_OPEN);
		c->events->on_tls(c, true);
	}
}

/* After ciphertext came or reading was resumed. */
static void drive_tls(struct conn *c)
{
	send_cipher(c); /* an alert leaves before the failure is told */
	handshake_step(c);
	read_plain(c);
	if (c->state == CONN_CLOSING)
		return;
	send_cipher(c);
	if (tls_state(c->tls) == TLS_CLOSED)
		lost(c, CAUSE_NONE);
	else if (tls_state(c->tls) == TLS_FAILED)
		lost(c, CAUSE_CONNECTION_LOST);
}

static void take_bytes(struct conn *c, str bytes)
{
	if (!c->tls) {
		c->events->on_bytes(c, bytes);
		return;
	}
	tls_feed(c->tls, bytes);
	drive_tls(c);
}

static void on_stream_bytes(struct io_stream *s, str bytes, int error)
{
	struct conn *c = CONN_OF(s, stream);
	if (c->lost_told)
		return;
	if (bytes.size == 0 && c->state == CONN_PROXY)
		lost(c, conn_why_fault(c->why, c->from, "ended the connection"));
	else if (bytes.size == 0)
		lost(c, error ? CAUSE_CONNECTION_LOST : CAUSE_NONE);
	else if (c->state == CONN_PROXY)
		hear_proxy(c, bytes);
	else
		take_bytes(c, bytes);
}

static void start_stream(struct conn *c)
{
	c->pending_count++; /* until on_stream_stopped: conn_close() always stops it */
	c->stream.on_bytes = on_stream_bytes;
	io_stream_start(c->loop, &c->stream, c->fd);
	c->stream.op.on_soon = on_stream_soon;
}

static void on_connected(struct io_op *op, int result)
{
	struct conn *c = CONN_OF(op, step);
	if (result >= 0)
		c->fd = result;
	if (c->state == CONN_CLOSING) {
		/* it is closed below */
	} else if (result < 0) {
		lost(c, conn_why_errno(c->why, &c->to, c->from, result));
	} else if (by_proxy(c)) {
		set_state(c, CONN_PROXY);
		start_stream(c);
		tell_proxy(c);
	} else {
		set_state(c, CONN_OPEN);
		start_stream(c);
		c->events->on_open(c);
	}
	release(c);
}

static void on_unreachable(struct io_op *op, int)
{
	struct conn *c = CONN_OF(op, step);
	lost(c, conn_why_family(c->why, &c->to, c->from));
	release(c);
}

static void on_out_of_memory(struct io_op *op, int)
{
	struct conn *c = CONN_OF(op, step);
	lost(c, conn_why_errno(c->why, &c->to, c->from, -ENOMEM));
	release(c);
}

static void connect_proxy(struct conn *c)
{
	c->proxy = malloc(sizeof *c->proxy);
	if (!c->proxy) {
		c->step.on_done = on_out_of_memory;
		io_defer(c->loop, &c->step);
		return;
	}
	proxy_init(c->proxy, c->from, &c->to);
	io_connect(c->loop, &c->step, &c->from->proxy, NULL);
}

void conn_open(struct conn *c, const struct net_address *to, const struct source *from,
	       char *why)
{
	set_state(c, CONN_CONNECTING);
	c->to = *to;
	c->from = from;
	c->why = why;
	c->why[0] = '\0';
	c->fd = -1;
	c->write_size = 0;
	c->paused = c->lost_told = c->asked = false;
	c->pending_count = 1;
	c->stream = (struct io_stream){};
	c->step = (struct io_op){.on_done = on_connected};
	if (from && !source_can_reach(from, to)) {
		c->step.on_done = on_unreachable;
		io_defer(c->loop, &c->step);
	} else if (by_proxy(c)) {
		connect_proxy(c);
	} else {
		io_connect(c->loop, &c->step, &c->to,
			   from ? source_address(from, to->sa.sa_family) : NULL);
	}
}

enum local_cause conn_timed_out(struct conn *c)
{
	return conn_why_timeout(c->why, &c->to, c->from, c->asked);
}

void conn_adopt(struct conn *c, int fd)
{
	set_state(c, CONN_OPEN);
	c->from = NULL;
	c->fd = fd;
	c->write_size = 0;
	c->paused = c->lost_told = false;
	c->pending_count = 0;
	c->stream = (struct io_stream){};
	start_stream(c);
}

bool conn_writable(const struct conn *c)
{
	return c->state == CONN_OPEN && c->write_size == 0 && !c->lost_told;
}

void conn_write(struct conn *c, const struct iovec *spans, size_t count)
{
	ASSERT(c->state == CONN_OPEN && c->write_size == 0);
	ASSERT(count > 0 && count <= CONN_SPAN_LIMIT);
	for (size_t i = 0; i < count; i++)
		c->write_size += spans[i].iov_len;
	ASSERT(c->write_size > 0);
	if (!c->tls) {
		send_spans(c, spans, count);
	} else if (tls_state(c->tls) == TLS_OPEN) {
		tls_write(c->tls, spans, count);
		send_cipher(c);
	}
	/* A TLS session that has ended meanwhile: on_lost is under way or was told. */
}

static void on_wake(struct io_op *op, int)
{
	struct conn *c = CONN_OF(op, step);
	if (!c->tls && c->state == CONN_HANDSHAKE)
		lost(c, CAUSE_TLS_FAILED);
	else if (c->tls && c->state != CONN_CLOSING && !c->paused)
		drive_tls(c);
	release(c);
}

/* A round later, without the kernel: plain text that OpenSSL holds, a close of nothing. */
static void wake(struct conn *c)
{
	if (c->step.busy)
		return;
	c->pending_count++;
	c->step = (struct io_op){.on_done = on_wake};
	io_defer(c->loop, &c->step);
}

void conn_start_tls(struct conn *c, struct tls_context *context,
		    const struct tls_target *target)
{
	ASSERT(c->write_size == 0 && !c->tls);
	set_state(c, CONN_HANDSHAKE);
	c->tls = tls_session_create(context, target);
	if (c->tls && tls_state(c->tls) != TLS_FAILED)
		send_cipher(c);
	else
		wake(c); /* out of memory, or nothing that it could say: no answer will come */
}

bool conn_is_tls(const struct conn *c)
{
	return c->tls && c->state == CONN_OPEN;
}

/* The handshake was neither finished nor refused: the connection went, or it never began. */
static bool broke_off(const struct conn *c)
{
	return !c->tls || (c->lost_told && tls_state(c->tls) == TLS_HANDSHAKE);
}

enum tls_fault conn_tls_fault(const struct conn *c)
{
	return broke_off(c) ? TLS_FAULT_VALIDATION : tls_fault(c->tls);
}

const char *conn_tls_describe(const struct conn *c)
{
	return broke_off(c) ? "TLS failed: the connection ended in the handshake"
			    : tls_describe(c->tls);
}

bool conn_tls_resumed(const struct conn *c)
{
	return conn_is_tls(c) && tls_resumed(c->tls);
}

bool conn_tls_verified(const struct conn *c)
{
	return conn_is_tls(c) && tls_verified(c->tls);
}

size_t conn_channel_binding(const struct conn *c, unsigned char *out, size_t size)
{
	return conn_is_tls(c) ? tls_channel_binding(c->tls, out, size) : 0;
}

void conn_pause(struct conn *c)
{
	c->paused = true;
	if (c->stream.op.busy)
		io_stream_pause(c->loop, &c->stream);
}

void conn_resume(struct conn *c)
{
	c->paused = false;
	if (c->tls)
		wake(c); /* first: what is decrypted already stands before what the stream holds
			  */
	if (c->stream.op.busy)
		io_stream_resume(c->loop, &c->stream);
}

static void on_stream_stopped(struct io_op *op, int)
{
	struct conn *c = CONN_OF(op, stream.op);
	if (c->send.op.busy)
		io_cancel(c->loop, &c->send.op); /* a peer that reads nothing holds nobody up */
	release(c);
}

void conn_close(struct conn *c)
{
	bool connected = c->fd >= 0;
	bool polite = c->state == CONN_OPEN && c->tls && !c->lost_told;
	set_state(c, CONN_CLOSING);
	if (polite) {
		tls_close(c->tls);
		send_cipher(c);
	}
	if (connected)
		io_stream_stop(c->loop, &c->stream, on_stream_stopped);
	else if (c->step.busy)
		io_cancel(c->loop, &c->step);
	else
		wake(c);
}
