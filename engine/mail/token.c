/* token.c - base32 of three varints (tenant, campaign, subscriber) and ten bytes of proof.
 * The proof stands last and has a fixed size, so nothing needs a length. Checking the proof is
 * not done here: that needs the secret (engine/sign/mac.h). */
#include "engine/mail/token.h"

#include "engine/base/assert.h"
#include "engine/base/codec.h"

#define TOKEN_BYTES_LIMIT (5 + 10 + 10 + TOKEN_PROOF_SIZE)

static_assert(TOKEN_BYTES_LIMIT * 8 / 5 + 1 <= TOKEN_TEXT_LIMIT);
static_assert((TOKEN_LINK + 1) * TOKEN_PROOF_SIZE <= TOKEN_MAC_SIZE);

const uint8_t *token_proof(enum token_purpose purpose, const uint8_t mac[TOKEN_MAC_SIZE])
{
	ASSERT(purpose <= TOKEN_LINK);
	return mac + (size_t)purpose * TOKEN_PROOF_SIZE;
}

void token_encode(struct buf *out, const struct token *token, enum token_purpose purpose,
		  const uint8_t mac[TOKEN_MAC_SIZE])
{
	char memory[TOKEN_BYTES_LIMIT];
	struct buf bytes;
	buf_init_fixed(&bytes, memory, sizeof(memory));
	varint_put(&bytes, token->tenant);
	varint_put(&bytes, token->campaign_id);
	varint_put(&bytes, token->subscriber_id);
	buf_put(&bytes, str_make((const char *)token_proof(purpose, mac), TOKEN_PROOF_SIZE));
	ASSERT(buf_ok(&bytes));
	base32_encode(out, buf_str(&bytes));
}

bool token_decode(str text, struct token *ret_token, uint8_t ret_proof[TOKEN_PROOF_SIZE])
{
	char memory[TOKEN_BYTES_LIMIT];
	struct buf bytes;
	buf_init_fixed(&bytes, memory, sizeof(memory));
	if (text.size > TOKEN_TEXT_LIMIT || !base32_decode(&bytes, text) || !buf_ok(&bytes))
		return false;
	str rest = buf_str(&bytes);
	uint64_t tenant, campaign_id, subscriber_id;
	if (!varint_get(&rest, &tenant) || !varint_get(&rest, &campaign_id) ||
	    !varint_get(&rest, &subscriber_id))
		return false;
	if (tenant > UINT32_MAX || rest.size != TOKEN_PROOF_SIZE)
		return false;
	*ret_token = (struct token){(uint32_t)tenant, campaign_id, subscriber_id};
	memcpy(ret_proof, rest.data, TOKEN_PROOF_SIZE);
	return true;
}
