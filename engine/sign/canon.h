/* canon.h - relaxed canonical forms (RFC 6376 3.4.2, 3.4.4) streamed into a hash.
 * Nothing is copied that need not be: runs that are canonical already go to the hash as they
 * stand, short ones through a small buffer, because each call into EVP costs as much as hashing
 * some 50 bytes. Only CRLF ends a line; a bare CR or LF is a byte like others. */
#pragma once

#include <openssl/evp.h>

#include "engine/base/buf.h"

#define HASHER_PENDING_SIZE 2048

struct hasher {
	EVP_MD_CTX *context; /* the owner's */
	struct buf *into;    /* the text itself is wanted, here; NULL: its hash */
	size_t pending_size;
	bool failed;
	char pending[HASHER_PENDING_SIZE];
};

/* Starts a hash over; context and md are the caller's and are used again message by message. */
void hasher_begin(struct hasher *, EVP_MD_CTX *context, const EVP_MD *md);
void hasher_put(struct hasher *, str);
[[nodiscard]] int hasher_end(struct hasher *, uint8_t ret_hash[32]);
/* The text that would be hashed goes into out instead; 0, or -1 when out is full. */
void hasher_begin_text(struct hasher *, struct buf *out);
[[nodiscard]] int hasher_end_text(struct hasher *);
/* A hash so far into another context, and on from there; -1: OpenSSL failed. */
[[nodiscard]] int hasher_save(struct hasher *, EVP_MD_CTX *into);
void hasher_resume(struct hasher *, EVP_MD_CTX *context, const EVP_MD_CTX *saved);

/* The body in relaxed form: runs of white space become one space, none at the end of a line, no
 * empty lines at the end; an empty body hashes nothing. A missing last CRLF is supplied. It may
 * come in pieces, cut anywhere; the state between two of them is a value. */
struct canon_body {
	size_t line_ends; /* read and not yet hashed: they count only with text behind them */
	bool space;       /* behind those, white space */
	bool after_cr;    /* behind that, a CR that ended its piece */
	bool any;
};
void canon_body_put(struct canon_body *, struct hasher *, str piece);
void canon_body_end(struct canon_body *, struct hasher *);
/* All of it at once. */
void canon_body(struct hasher *, str body);
/* One header field in relaxed form: name in lower case, unfolded, trimmed. Without the CRLF
 * that ends it, since DKIM-Signature itself is hashed without. */
void canon_field(struct hasher *, str field);
