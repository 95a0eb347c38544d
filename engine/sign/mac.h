/* mac.h - the secret half of a token: one HMAC-SHA256 per recipient. */
#pragma once

#include "engine/mail/token.h"

struct mac_key; /* HMAC state with the secret; one per thread, made by copying */

/* secret: at least 16 bytes. NULL: too short, or OpenSSL failed. */
[[nodiscard]] struct mac_key *mac_key_create(str secret);
[[nodiscard]] struct mac_key *mac_key_copy(const struct mac_key *);
void mac_key_destroy(struct mac_key *);
void mac_of(struct mac_key *, const struct token *, uint8_t ret_mac[TOKEN_MAC_SIZE]);
/* Decodes a token's text and checks its proof in constant time. */
[[nodiscard]] bool mac_check(struct mac_key *, str text, enum token_purpose,
			     struct token *ret_token);
