/* tls_policy.h - what a connection to one host has to be, as plain data. Pure.
 * Configuration states a wish for a domain or a provider; what the domain publishes (MTA-STS,
 * RFC 8461; TLSA records, RFC 7672) turns the wish into a need for each of its hosts. A policy
 * belongs to the domain of the recipient, never to the site: two domains whose needs differ
 * share a site's limits, but no connection. */
#pragma once

#include "engine/base/buf.h"

/* From little to much. STS and DANE ask no more than MAY of a domain that publishes nothing. */
enum tls_wish {
	TLS_WISH_NONE,    /* clear text always */
	TLS_WISH_MAY,     /* RFC 7435: TLS where it is offered, unverified */
	TLS_WISH_ENCRYPT, /* no mail in clear text; unverified */
	TLS_WISH_VERIFY,  /* chain and host name verified */
	TLS_WISH_STS,     /* MTA-STS where it is published, else MAY */
	TLS_WISH_DANE,    /* DANE where it is published, else as STS (RFC 8461 2) */
	TLS_WISH_COUNT,
};
extern const char
	*const tls_wish_names[TLS_WISH_COUNT + 1]; /* as in the configuration; NULL ends */

enum tls_need_kind {
	TLS_NEED_NONE,
	TLS_NEED_MAY,     /* clear text on a new connection when the handshake fails */
	TLS_NEED_ENCRYPT, /* TLS or nothing, any certificate */
	TLS_NEED_PKIX,    /* TLS, chain of trust and name of the host */
	TLS_NEED_DANE,    /* TLS, one of the TLSA records */
};

/* A TLSA record, RFC 6698 2.1. Full data (matching type 0) is kept as its SHA-256 digest
 * (matching type 1): that names the same certificate or key. Usages 0 and 1 are unusable for
 * mail (RFC 7672 3.1.3) and are not kept. */
#define TLSA_DATA_LIMIT 64
#define TLSA_LIMIT 12 /* kept of a host: some list all their CA's intermediates */
struct tlsa {
	uint8_t usage, selector, matching; /* usage 2 or 3, selector 0 or 1, matching 1 or 2 */
	uint8_t size;
	uint8_t data[TLSA_DATA_LIMIT];
};

struct tls_need {
	enum tls_need_kind kind;
	uint8_t tlsa_count; /* 0 under DANE: records there are, but none is usable: the kind is
			       then ENCRYPT (RFC 7672 2.2) */
	struct tlsa tlsa[TLSA_LIMIT];
};

/* What a wish asks of a host that publishes nothing. */
struct tls_need tls_need_of_wish(enum tls_wish);
/* What a host's usable TLSA records ask for; none: TLS without a check of the certificate. The
 * need has them in an order of its own, so that equal sets make equal needs, and no more of
 * them than TLSA_LIMIT, those of usage 3 first. */
struct tls_need tls_need_of_tlsa(const struct tlsa *, size_t count);
/* Bytes that are equal for equal needs only. */
void tls_need_put_key(struct buf *, const struct tls_need *);
/* "3 1 1 0f0f..." as in RFC 6698 2.2. */
void tlsa_put_text(struct buf *, const struct tlsa *);

/* What a domain published: the policy that a TLS report speaks of (RFC 8460 4.2). */
enum tls_policy_type {
	TLS_POLICY_NONE,
	TLS_POLICY_STS,
	TLS_POLICY_TLSA,
	TLS_POLICY_TYPE_COUNT
};
extern const char
	*const tls_policy_type_names[TLS_POLICY_TYPE_COUNT]; /* "no-policy-found", ... */

/* Why TLS did not come about, RFC 8460 4.3. */
enum tls_fault {
	TLS_FAULT_NONE,
	TLS_FAULT_STARTTLS_NOT_SUPPORTED,
	TLS_FAULT_HOST_MISMATCH,
	TLS_FAULT_EXPIRED,
	TLS_FAULT_NOT_TRUSTED,
	TLS_FAULT_VALIDATION, /* everything that has no name of its own */
	TLS_FAULT_TLSA_INVALID,
	TLS_FAULT_DNSSEC_INVALID,
	TLS_FAULT_DANE_REQUIRED,
	TLS_FAULT_STS_FETCH,
	TLS_FAULT_STS_INVALID,
	TLS_FAULT_STS_WEBPKI,
	TLS_FAULT_COUNT,
};
extern const char *const tls_fault_names[TLS_FAULT_COUNT]; /* "starttls-not-supported", ... */
