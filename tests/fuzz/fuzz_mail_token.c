/* Any text as a token: what decodes encodes again to a text that decodes to the same. */
#include "engine/base/assert.h"
#include "engine/mail/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct token token, again;
	uint8_t mac[TOKEN_MAC_SIZE] = {}, proof[TOKEN_PROOF_SIZE];
	char memory[TOKEN_TEXT_LIMIT];
	struct buf out;
	if (!token_decode(str_make((const char *)data, size), &token, mac))
		return 0;
	buf_init_fixed(&out, memory, sizeof(memory));
	token_encode(&out, &token, TOKEN_BOUNCE, mac);
	ASSERT(buf_ok(&out) && token_decode(buf_str(&out), &again, proof));
	ASSERT(again.tenant == token.tenant && again.campaign_id == token.campaign_id &&
	       again.subscriber_id == token.subscriber_id);
	ASSERT(memcmp(proof, mac, sizeof(proof)) == 0);
	return 0;
}
