/* token.h - the text of a token: who a link or an envelope sender is about, in a form that says
 * nothing to who does not hold the secret.
 *
 *   token = key proof sealed-ids       ; base32, the key's number its first letter
 *
 * As in SIV (RFC 5297), the proof is made from the ids and their purpose, and the mask that
 * hides the ids is made from the proof: equal ids give equal texts (a retry's Message-ID stays
 * what it was), others share nothing. One HMAC-SHA256 per recipient (engine/sign/mac.h) stands
 * behind all of its tokens; each purpose has a proof of its own, so that who sees one token can
 * make no other. Texts are lower-case: they survive servers that fold the case of a local part.
 * Pure. */
#pragma once

#include "engine/base/buf.h"

#define TOKEN_PROOF_SIZE 10
#define TOKEN_MASK_SIZE 20
/* Of a recipient: the number of the key (0 to 31), then each purpose's proof and mask. */
#define TOKEN_MAC_SIZE (1 + TOKEN_PURPOSE_COUNT * (TOKEN_PROOF_SIZE + TOKEN_MASK_SIZE))
#define TOKEN_TEXT_LIMIT 49

enum token_purpose {
	TOKEN_BOUNCE,
	TOKEN_UNSUBSCRIBE,
	TOKEN_LINK,  /* preferences, view in browser: the reader's own pages */
	TOKEN_TRACK, /* clicks and opens: proxies and scanners see it, so it opens nothing else
		      */
	TOKEN_PURPOSE_COUNT,
};
extern const char *const token_purpose_names[TOKEN_PURPOSE_COUNT];

struct token {
	uint32_t tenant;
	uint64_t campaign_id, subscriber_id; /* subscriber 0: nobody, the campaign as such */
};

/* 33 letters, or 49 when the ids are long. */
void token_encode(struct buf *out, const struct token *, enum token_purpose,
		  const uint8_t mac[TOKEN_MAC_SIZE]);

/* What a text holds before the secret is asked. */
struct token_sealed {
	unsigned key; /* 0 to 31 */
	uint8_t proof[TOKEN_PROOF_SIZE];
	uint8_t ids[TOKEN_MASK_SIZE];
	size_t ids_size;
};
/* Of a text in either case; false: malformed. */
[[nodiscard]] bool token_read(str text, struct token_sealed *ret_sealed);
/* The ids under the mask; false: it is not the mask they were hidden with, or they were written
 * in another form than ours. True proves nothing: that is the proof's. */
[[nodiscard]] bool token_unmask(const struct token_sealed *,
				const uint8_t mask[TOKEN_MASK_SIZE], struct token *ret_token);

/* Where in a recipient's MAC they stand; of a MAC that is being made, too. */
#define TOKEN_PROOF_AT(purpose) (1 + (size_t)(purpose) * (TOKEN_PROOF_SIZE + TOKEN_MASK_SIZE))
#define TOKEN_MASK_AT(purpose) (TOKEN_PROOF_AT(purpose) + TOKEN_PROOF_SIZE)
/* The letter that a key's number is written as, and back; 32: it is none. */
char token_key_letter(unsigned key);
unsigned token_key_number(char letter);
