/* token.h - the text of a token: who a link or an envelope sender is about, and ten bytes of
 * proof. One HMAC-SHA256 per recipient (engine/sign/mac.h) covers all of its tokens; each
 * purpose shows its own ten bytes of it, so that who sees one token can make no other. Texts
 * are lower-case base32: they survive servers that fold the case of a local part. Pure. */
#pragma once

#include "engine/base/buf.h"

#define TOKEN_MAC_SIZE 32
#define TOKEN_PROOF_SIZE 10
#define TOKEN_TEXT_LIMIT 80

enum token_purpose { TOKEN_BOUNCE, TOKEN_UNSUBSCRIBE, TOKEN_LINK };

struct token {
	uint32_t tenant;
	uint64_t campaign_id, subscriber_id;
};

void token_encode(struct buf *out, const struct token *, enum token_purpose,
		  const uint8_t mac[TOKEN_MAC_SIZE]);
/* The ids out of a text (either case), and its proof; false: malformed. */
[[nodiscard]] bool token_decode(str text, struct token *ret_token,
				uint8_t ret_proof[TOKEN_PROOF_SIZE]);
/* Where in the MAC the proof of a purpose stands. */
const uint8_t *token_proof(enum token_purpose, const uint8_t mac[TOKEN_MAC_SIZE]);
