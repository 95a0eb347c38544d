/* tls_ticket.h - sessions that can be taken up again, by whom they were made with and what had
 * to be seen there. A ticket never serves another need than its own: what was accepted without
 * a look would otherwise count as verified, or other records as matched.
 * Of each peer several are kept: a ticket of TLS 1.3 is to be used once (RFC 8446 C.4), and
 * some servers take it once only. */
#pragma once

#include <openssl/ssl.h>

#include "engine/net/tls_policy.h"

#define TLS_TICKET_HOST_SIZE 256
#define TLS_TICKET_DIGEST_SIZE 32

struct tls_ticket_key {
	uint8_t kind;                           /* enum tls_need_kind */
	uint8_t digest[TLS_TICKET_DIGEST_SIZE]; /* of the TLSA records in any order */
	char host[TLS_TICKET_HOST_SIZE];        /* a NUL ends it; empty: not to be kept */
};

struct tls_tickets;                                                     /* of one context */
[[nodiscard]] int tls_tickets_create(struct tls_tickets **ret_tickets); /* 0 or -ENOMEM */
void tls_tickets_destroy(struct tls_tickets *);

/* host may be too long for a key: it is then empty. */
void tls_ticket_key_make(struct tls_ticket_key *, str host, enum tls_need_kind,
			 const struct tlsa *, size_t tlsa_count);
/* Takes over the reference. */
void tls_tickets_put(struct tls_tickets *, const struct tls_ticket_key *, SSL_SESSION *);
/* The newest usable one, with a reference for the caller, or NULL. *ret_serial is for
 * tls_tickets_refused(): a server that would not have it will have no older one either. */
SSL_SESSION *tls_tickets_take(struct tls_tickets *, const struct tls_ticket_key *,
			      uint64_t *ret_serial);
void tls_tickets_refused(struct tls_tickets *, const struct tls_ticket_key *, uint64_t serial);
