/* dkim.h - DKIM signatures (RFC 6376, 8301, 8463) with a key that is parsed once and held.
 * relaxed/relaxed, header list and oversigning as bulk mail wants them (standards.md I). An own
 * canonicaliser over OpenSSL's EVP; libopendkim reads what we write (verify.h), and already
 * owns the names dkim_sign and dkim_verify. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/usec.h"

struct dkim_key; /* parsed key, domain and selector; immutable, shared by all threads */

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };

/* pem: PKCS#8 or traditional private key. NULL with a sentence in ret_why: not PEM, RSA under
 * 1024 bits, another algorithm, ... */
[[nodiscard]] struct dkim_key *dkim_key_create(str pem, str domain, str selector, char *ret_why,
					       size_t why_size);
void dkim_key_destroy(struct dkim_key *);
enum dkim_algorithm dkim_key_algorithm(const struct dkim_key *);
str dkim_key_domain(const struct dkim_key *);
str dkim_key_selector(const struct dkim_key *);
/* The TXT record's text: "v=DKIM1; k=rsa; p=...". */
void dkim_key_record(const struct dkim_key *, struct buf *out);
/* Where it belongs: "selector._domainkey.domain". */
void dkim_key_record_name(const struct dkim_key *, struct buf *out);
/* Both as one line of a zone file, the text in strings of at most 255 bytes. */
void dkim_key_zone_line(const struct dkim_key *, struct buf *out);

/* Appends a new private key as PKCS#8 PEM: RSA of 2048 bits, or Ed25519. 0 or -1. */
[[nodiscard]] int dkim_generate(enum dkim_algorithm, struct buf *out);

struct dkim_signer; /* per thread: contexts, hash states, scratch; no allocation per message */

/* Up to 4 keys: one signature each, the first first; the body hash is shared. */
#define DKIM_KEY_LIMIT 4
[[nodiscard]] struct dkim_signer *dkim_signer_create(const struct dkim_key *const *keys,
						     size_t count);
void dkim_signer_destroy(struct dkim_signer *);

/* A message in pieces, header and body with CRLF lines. The first piece holds the header, whose
 * header_size includes the empty line. */
struct dkim_message {
	const str *spans;
	size_t span_count, header_size;
	/* The first common_size bytes of the body, up to a line's end, are those of every
	 * message with this id: the signer goes on from its hash of them. 0: of no other
	 * message. */
	uint64_t common_id;
	size_t common_size;
	const uint8_t *body_hash; /* of 32 bytes, when it is known already; or NULL */
};

/* Appends the DKIM-Signature field(s), folded, each ending in CRLF, to stand before the
 * message. 0; -1: no From field, more signed fields than DKIM_FIELD_LIMIT, out full, or OpenSSL
 * failed. */
#define DKIM_FIELD_LIMIT 128 /* ours have about 20 */
[[nodiscard]] int dkim_signer_sign_spans(struct dkim_signer *, const struct dkim_message *,
					 usec wall_now, struct buf *out);
/* The body hashes of messages that are about to be signed, all at once. False: the CPU gains
 * nothing by that here; each is hashed when it is signed. */
#define DKIM_BATCH_LIMIT 16
[[nodiscard]] bool dkim_signer_hash_bodies(struct dkim_signer *, const struct dkim_message *,
					   size_t count, uint8_t (*ret_hashes)[32]);
/* The same of a message in one piece. */
[[nodiscard]] int dkim_signer_sign(struct dkim_signer *, str message, size_t header_size,
				   usec wall_now, struct buf *out);
