/* tls_pipe.h - the memory on both sides of OpenSSL: what was fed and not yet read by it, and
 * what it wrote and nobody sent yet. A BIO over plain buffers; knows nothing of TLS.
 * What tls_pipe_output() showed stays put while OpenSSL writes on into the other buffer. */
#pragma once

#include <openssl/bio.h>

#include "engine/base/str.h"

struct tls_bytes {
	char *data;
	size_t start, size, capacity; /* what counts lies between start and size */
};

struct tls_pipe {
	str fed;                           /* of the tls_feed() under way */
	struct tls_bytes kept;             /* what earlier ones left over */
	struct tls_bytes shown, gathering; /* output */
	size_t unasked_size;
	bool asked; /* what OpenSSL writes now is ours, not an answer to the peer */
};

/* A BIO, both ways, that ends before the pipe does; NULL when out of memory. */
BIO *tls_pipe_open(struct tls_pipe *);
void tls_pipe_done(struct tls_pipe *);

/* Copies what OpenSSL has not taken of fed, whose memory is the caller's. */
[[nodiscard]] bool tls_pipe_keep(struct tls_pipe *);
bool tls_pipe_has_input(const struct tls_pipe *);
/* Room for so many bytes more, so that many records grow the output once. */
void tls_pipe_expect(struct tls_pipe *, size_t size);
str tls_pipe_output(struct tls_pipe *);
void tls_pipe_sent(struct tls_pipe *, size_t size);
