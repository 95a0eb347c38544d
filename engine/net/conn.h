/* conn.h - a connection: TCP by io.h, by a proxy where the source says so, TLS by tls.h, bytes
 * up, bytes down. Knows no SMTP.
 * One write is under way at a time; conn_write() while one is under way is a broken promise
 * (ask conn_writable()). All callbacks come from the loop, never inside a call. */
#pragma once

#include "engine/io/io.h"
#include "engine/net/conn_why.h"
#include "engine/net/tls.h"
#include "engine/smtp/reply.h"

#define CONN_SPAN_LIMIT IO_SPAN_LIMIT /* as many as the SMTP machine ever puts together */

#define CONN_SOON_STEPS (IO_SOON_STEPS - 1) /* the first is the connection's own */

enum conn_state {
	CONN_CLOSED,
	CONN_CONNECTING,
	CONN_PROXY, /* connected to the proxy, not yet through it */
	CONN_OPEN,
	CONN_HANDSHAKE,
	CONN_CLOSING,
};

struct conn;
struct conn_events {
	void (*on_open)(struct conn *); /* does not pause the connection */
	/* Plain bytes; the view lives during the call. */
	void (*on_bytes)(struct conn *, str bytes);
	void (*on_written)(struct conn *, size_t size); /* the spans of conn_write() are free */
	/* Not ok: the last callback, as on_lost; the owner then calls conn_close(). */
	void (*on_tls)(struct conn *, bool ok);
	/* Last callback of a connection that failed or that the peer ended (CAUSE_NONE: by
	 * EOF in order). The owner then calls conn_close(). */
	void (*on_lost)(struct conn *, enum local_cause);
	/* After conn_close(): nothing of the kernel points into the struct any more. */
	void (*on_closed)(struct conn *);
	/* Optional: as of an operation (io_op.on_soon), from CONN_SOON_STEPS on. */
	void (*on_soon)(struct conn *, int steps);
};

struct conn {
	struct io_loop *loop;
	const struct conn_events *events;
	enum conn_state state;
	int fd;
	struct net_address to;
	const struct source *from; /* NULL: none */
	struct proxy *proxy;       /* in CONN_PROXY */
	struct io_op step; /* the connect; later on, wakes */
	struct io_send send;
	struct io_stream stream;
	size_t write_size; /* plain bytes under way; 0: writable */
	struct tls_session *tls;
	unsigned pending_count; /* operations of the loop that still point here */
	bool paused, lost_told;
	bool asked; /* the proxy has been told where to: what fails now may be of that place */
	char *why; /* the owner's, CONN_WHY_SIZE bytes, until it is open */
};

void conn_init(struct conn *, struct io_loop *, const struct conn_events *);
/* from lives as long as the connection; NULL: any address, directly. What fails before on_open
 * is told by on_lost: CAUSE_SOURCE_UNAVAILABLE when it is the source's trouble (its address is
 * gone; its proxy is, or refuses us), and no other host would be reached by it either. why,
 * CONN_WHY_SIZE bytes, lives until on_open, or else until on_closed: it is then a sentence for
 * people, and empty before. */
void conn_open(struct conn *, const struct net_address *to, const struct source *from,
	       char *why);
/* For an owner that waits no longer for on_open: whose fault that is (why says it too). */
enum local_cause conn_timed_out(struct conn *);
/* Takes over an accepted descriptor (the sink's side). */
void conn_adopt(struct conn *, int fd);
bool conn_writable(const struct conn *);
/* At most CONN_SPAN_LIMIT spans. Under TLS they are encrypted (copied) at once, otherwise they
 * must stay until on_written. */
void conn_write(struct conn *, const struct iovec *spans, size_t count);
/* Starts the handshake; plain bytes that come before on_tls are the handshake's. */
/* The target of a server's side is NULL. */
void conn_start_tls(struct conn *, struct tls_context *, const struct tls_target *);
bool conn_is_tls(const struct conn *);
/* As tls_resumed() and tls_verified(); false without TLS. */
bool conn_tls_resumed(const struct conn *);
bool conn_tls_verified(const struct conn *);
/* As tls_channel_binding(); 0 without TLS. */
[[nodiscard]] size_t conn_channel_binding(const struct conn *, unsigned char *out, size_t size);
/* Why the handshake failed, for a report and for people; from on_tls(false) to on_closed. */
enum tls_fault conn_tls_fault(const struct conn *);
const char *conn_tls_describe(const struct conn *);
/* No on_bytes until resumed; what has arrived is kept. */
void conn_pause(struct conn *);
void conn_resume(struct conn *);
void conn_close(struct conn *); /* in any state but CLOSED; on_closed follows */
