/* mac.h - the secret half of tokens: one HMAC-SHA256 per recipient, from which the proofs and
 * masks of all its tokens come.
 *
 * There may be several secrets: the newest signs, all verify, so that one can be replaced while
 * links in old mails go on working. A secret's number is made from itself, so it needs no
 * bookkeeping and stays the same wherever it stands among the others. */
#pragma once

#include "engine/mail/token.h"

#define MAC_KEY_LIMIT 8
#define MAC_SECRET_SIZE_MIN 16

struct mac_keys; /* secrets absorbed once; one per thread, made by copying */

/* secrets: one a line, the newest first, each of at least 16 bytes. NULL with a sentence, which
 * shows nothing of them: one is too short, there are too many, two have the same number (1 in
 * 32 by chance: another one must be made), or OpenSSL failed. why: 200 bytes. */
[[nodiscard]] struct mac_keys *mac_keys_create(str secrets, char ret_why[200]);
[[nodiscard]] struct mac_keys *mac_keys_copy(const struct mac_keys *);
void mac_keys_destroy(struct mac_keys *);
/* By the letter that tokens begin with. */
char mac_keys_newest(const struct mac_keys *);
char mac_keys_oldest(const struct mac_keys *);
bool mac_keys_has(const struct mac_keys *, char letter);

/* What all of a recipient's tokens are made of. letter: of a key that is there. */
void mac_of(struct mac_keys *, char letter, const struct token *,
	    uint8_t ret_mac[TOKEN_MAC_SIZE]);
/* Decodes a token's text and checks its proof in constant time, with the key it names. */
[[nodiscard]] bool mac_check(struct mac_keys *, str text, enum token_purpose,
			     struct token *ret_token);
/* The same for who does not know what it is for. */
[[nodiscard]] bool mac_check_any(struct mac_keys *, str text, struct token *ret_token,
				 enum token_purpose *ret_purpose);
