/* tls.h - TLS as a filter over memory: ciphertext in, plain text out, and the reverse; no
 * socket. OpenSSL behind it; the simulation links another implementation of this page. */
#pragma once

#include "engine/base/buf.h"
#include <sys/uio.h>

struct tls_context; /* settings and certificates; shared by the sessions of one thread */
struct tls_session;

enum tls_role { TLS_CLIENT, TLS_SERVER };
enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_CLOSED, TLS_FAILED };

struct tls_context_config {
	enum tls_role role;
	const char *certificate_file, *key_file; /* server; NULL: a self-signed one is made */
	bool verify;                             /* opportunistic mode does not (RFC 7435) */
};

/* A context belongs to one thread. 0, or -errno: -ENOENT when a file could not be used. */
[[nodiscard]] int tls_context_create(struct tls_context **ret_context,
				     const struct tls_context_config *);
void tls_context_destroy(struct tls_context *);

/* host: SNI and session cache key of a client; empty for a server. NULL when out of memory. */
[[nodiscard]] struct tls_session *tls_session_create(struct tls_context *, str host);
void tls_session_destroy(struct tls_session *); /* keeps the client's ticket for next time */

enum tls_state tls_state(const struct tls_session *);
/* Takes all of the ciphertext; moves the handshake on. */
void tls_feed(struct tls_session *, str cipher);
/* Plain text that has arrived: bytes written to out, 0 when there is none. */
[[nodiscard]] size_t tls_read(struct tls_session *, char *out, size_t size);
/* Encrypts all of it; only when TLS_OPEN. */
void tls_write(struct tls_session *, const struct iovec *spans, size_t count);
/* Ciphertext that wants to leave; stays until tls_sent() has counted it. */
str tls_output(struct tls_session *);
void tls_sent(struct tls_session *, size_t size);
void tls_close(struct tls_session *); /* close_notify into the output */
/* Whether the handshake took up an earlier session (it then cost less than half). */
bool tls_resumed(const struct tls_session *);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or why it failed. */
const char *tls_describe(const struct tls_session *);
