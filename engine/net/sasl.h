/* sasl.h - the client's side of AUTH (RFC 4954) towards a relay, without a socket: challenges
 * in, responses out, both as base64 for the wire. SCRAM, CRAM-MD5, PLAIN and LOGIN are
 * libgsasl's, OAUTHBEARER and XOAUTH2 our own. Nothing here waits; SCRAM computes for up to
 * a second when a server asks for the most iterations that are allowed; 6 ms for 4,096. */
#pragma once

#include "engine/base/buf.h"

#define SASL_LINE_LIMIT 12288 /* with its CRLF, RFC 4954 4 */

struct sasl_credentials {
	str user, password; /* password empty: none */
	str token;          /* OAuth access token; empty: none */
	str mechanisms; /* the allowed ones, by preference, separated by spaces; empty: all, the
			   strongest first */
	bool allow_plain_text_in_clear; /* PLAIN, LOGIN and tokens without TLS */
};

struct sasl_channel {
	bool is_tls;
	unsigned char binding[32]; /* tls-exporter, RFC 9266 */
	size_t binding_size; /* 0: none (TLS 1.2 without extended master secret, no TLS) */
	str host;            /* and port: for OAUTHBEARER */
	uint16_t port;
};

struct sasl;

/* Picks the strongest allowed mechanism of those offered ("PLAIN LOGIN SCRAM-SHA-256").
 * Everything given is copied. NULL with a sentence when there is none, or no memory. */
[[nodiscard]] struct sasl *sasl_create(const struct sasl_credentials *, str offered,
				       const struct sasl_channel *, char *why, size_t why_size);
void sasl_destroy(struct sasl *); /* wipes the secrets */

/* Whether this is the name of a mechanism that sasl_credentials.mechanisms may list. */
bool sasl_knows(str mechanism);

const char *sasl_mechanism(const struct sasl *); /* "SCRAM-SHA-256" */
/* Whether the first response goes into the AUTH command: the client speaks first, and the line
 * is no longer than a command may be (RFC 4954 4). Otherwise the server's 334 comes first. */
bool sasl_has_initial(const struct sasl *);

/* One exchange. challenge is what stood behind "334 ", empty for the initial response. The
 * response is written to out as base64: "=" is an empty initial one, "" an empty later one.
 * -1 with a sentence: send "*" (RFC 4954 4) and give up. */
[[nodiscard]] int sasl_step(struct sasl *, str challenge, struct buf *out, char *why,
			    size_t why_size);

/* To be asked after a 235: whether the exchange had come to its end and all was verified that
 * had to be (the server's signature, RFC 5802 3). If not, the server is not who it should be.
 */
bool sasl_complete(const struct sasl *);

/* What the server said in a 334 about a token that it refused (RFC 7628 3.2.2), printable; ""
 * when it has not. The refusal itself is the reply that follows. */
const char *sasl_refusal(const struct sasl *);
