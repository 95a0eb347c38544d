/* tls_verify.h - what a need means to OpenSSL, and OpenSSL's verdict in the words of a TLS
 * report (RFC 8460 4.3) and of people. */
#pragma once

#include "engine/net/tls_state.h"

/* What may be verified in the sessions of a client's context. -ENOENT: not that file. */
[[nodiscard]] int tls_verify_init(struct tls_context *, const struct tls_context_config *);
/* Before a client's handshake: what s->ssl is to verify. Fills s->peer. False when out of
 * memory, or when there is no name to verify. */
[[nodiscard]] bool tls_verify_begin(struct tls_session *, const struct tls_target *);
/* Whether this need looks at certificates. */
bool tls_verify_wanted(const struct tls_session *);
