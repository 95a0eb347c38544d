/* Any text as a token: what is read, under any mask, encodes again to a text that reads the
 * same (the first bytes are the mask). */
#include "engine/base/assert.h"
#include "engine/mail/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct token token, again;
	struct token_sealed sealed, second;
	uint8_t mac[TOKEN_MAC_SIZE] = {};
	char memory[TOKEN_TEXT_LIMIT];
	struct buf out;
	if (size < TOKEN_MASK_SIZE)
		return 0;
	uint8_t *mask = mac + TOKEN_MASK_AT(TOKEN_TRACK);
	memcpy(mask, data, TOKEN_MASK_SIZE);
	if (!token_read(str_make((const char *)data + TOKEN_MASK_SIZE, size - TOKEN_MASK_SIZE),
			&sealed) ||
	    !token_unmask(&sealed, mask, &token))
		return 0;
	mac[0] = (uint8_t)sealed.key;
	memcpy(mac + TOKEN_PROOF_AT(TOKEN_TRACK), sealed.proof, TOKEN_PROOF_SIZE);
	buf_init_fixed(&out, memory, sizeof(memory));
	token_encode(&out, &token, TOKEN_TRACK, mac);
	ASSERT(buf_ok(&out) && token_read(buf_str(&out), &second));
	ASSERT(second.key == sealed.key && second.ids_size == sealed.ids_size &&
	       memcmp(second.proof, sealed.proof, sizeof(sealed.proof)) == 0 &&
	       memcmp(second.ids, sealed.ids, sealed.ids_size) == 0);
	ASSERT(token_unmask(&second, mask, &again) && again.tenant == token.tenant &&
	       again.campaign_id == token.campaign_id &&
	       again.subscriber_id == token.subscriber_id);
	return 0;
}
