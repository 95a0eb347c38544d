/* tls.h - TLS as a filter over memory: ciphertext in, plain text out, and the reverse; no
 * socket. OpenSSL behind it; the simulation links another implementation of this page. */
#pragma once

#include "engine/base/buf.h"
#include "engine/net/tls_policy.h"
#include <sys/uio.h>

struct tls_context; /* settings, certificates, tickets; of one thread */
struct tls_session;

enum tls_role { TLS_CLIENT, TLS_SERVER };
enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_CLOSED, TLS_FAILED };
enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 }; /* older ones: RFC 8996 */

struct tls_context_config {
	enum tls_role role;
	/* PEM. Of a server, NULL: a self-signed one is made. Of a client: what it shows to a
	 * server that asks, NULL: nothing. key_file NULL: the key stands in the same file. */
	const char *certificate_file, *key_file;
	const char *ca_file; /* a client's, for TLS_NEED_PKIX; NULL: the system's, */
	bool verifies_seldom; /* which are then read when somebody is verified first */
	enum tls_version min_version;
};

/* Whom a client talks to and what it must see there; read during tls_session_create() only. */
struct tls_target {
	str host;                    /* SNI, the name to verify, part of the ticket's key */
	const struct tls_need *need; /* NULL: TLS_NEED_MAY */
};

/* A context belongs to one thread. Once it is gone its sessions may only be destroyed. 0, or
 * -errno: -ENOENT when a file could not be used. */
[[nodiscard]] int tls_context_create(struct tls_context **ret_context,
				     const struct tls_context_config *);
void tls_context_destroy(struct tls_context *);

/* A server's target is NULL. NULL when out of memory, or when a host without a usable name
 * would have to be verified. */
[[nodiscard]] struct tls_session *tls_session_create(struct tls_context *,
						     const struct tls_target *);
void tls_session_destroy(struct tls_session *); /* keeps the client's tickets for next time */

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
/* Open, and the peer has shown what PKIX or DANE asks for, now or in the session resumed. */
bool tls_verified(const struct tls_session *);
/* Why it failed, RFC 8460 4.3; TLS_FAULT_NONE while it has not. */
enum tls_fault tls_fault(const struct tls_session *);
/* "TLSv1.3 TLS_AES_128_GCM_SHA256", or why it failed, printable: "TLS failed: certificate is
 * for mx.other.example, not mx.example". */
const char *tls_describe(const struct tls_session *);
/* The binding tls-exporter of RFC 9266, equal at both ends and nowhere else: its size, or 0
 * when size is too small or the session has none (TLS 1.2 without RFC 7627, not open). */
#define TLS_CHANNEL_BINDING_SIZE 32
[[nodiscard]] size_t tls_channel_binding(const struct tls_session *, unsigned char *out,
					 size_t size);
