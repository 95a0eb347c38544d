/* token.c - see token.h. Ids stand in ten bytes when they fit there, as three varints (tenant,
 * campaign, subscriber) and zeros; else in twenty, as numbers of four and eight bytes. So the
 * length of nearly all tokens is the same and tells nothing, and a text has one spelling. */
#include "engine/mail/token.h"

#include "engine/base/assert.h"
#include "engine/base/codec.h"

#define SHORT_SIZE 10
#define LONG_SIZE 20
#define BYTES_LIMIT (TOKEN_PROOF_SIZE + LONG_SIZE)
#define EACH(byte) ((byte)*UINT64_C(0x0101010101010101))

static_assert(LONG_SIZE == TOKEN_MASK_SIZE);
static_assert(BYTES_LIMIT * 8 % 5 == 0 && 1 + BYTES_LIMIT * 8 / 5 == TOKEN_TEXT_LIMIT);
static_assert((TOKEN_PROOF_SIZE + SHORT_SIZE) * 8 % 5 == 0);

const char *const token_purpose_names[TOKEN_PURPOSE_COUNT] = {"bounce", "unsubscribe", "link",
							      "track"};

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

char token_key_letter(unsigned key)
{
	return letters[key & 31];
}

unsigned token_key_number(char letter)
{
	size_t at = str_find_byte(STR(letters), letter >= 'A' && letter <= 'Z'
							? (char)(letter + ('a' - 'A'))
							: letter);
	return at == STR_NONE ? 32 : (unsigned)at;
}

static void put_number(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = size; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

static uint64_t get_number(const uint8_t *at, size_t size)
{
	uint64_t value = 0;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | at[i];
	return value;
}

static bool put_short(const struct token *token, uint8_t ids[SHORT_SIZE])
{
	char memory[30];
	struct buf bytes;
	buf_init_fixed(&bytes, memory, sizeof(memory));
	varint_put(&bytes, token->tenant);
	varint_put(&bytes, token->campaign_id);
	varint_put(&bytes, token->subscriber_id);
	if (bytes.size > SHORT_SIZE)
		return false;
	memset(ids, 0, SHORT_SIZE);
	memcpy(ids, bytes.data, bytes.size);
	return true;
}

static size_t put_ids(const struct token *token, uint8_t ids[LONG_SIZE])
{
	if (put_short(token, ids))
		return SHORT_SIZE;
	put_number(ids, token->tenant, 4);
	put_number(ids + 4, token->campaign_id, 8);
	put_number(ids + 12, token->subscriber_id, 8);
	return LONG_SIZE;
}

/* Five bytes are eight letters, all at once: groups of five bits are moved apart, halving what
 * is still together, then those from 26 on become digits. */
static uint64_t letters_of(const uint8_t bytes[5])
{
	uint64_t x = get_number(bytes, 5);
	x = (x << 12 & 0x000fffff00000000) | (x & 0x00000000000fffff);
	x = (x << 6 & 0x03ff000003ff0000) | (x & 0x000003ff000003ff);
	x = (x << 3 & 0x1f001f001f001f00) | (x & 0x001f001f001f001f);
	uint64_t digits = (x + EACH(128 - 26)) >> 7 & EACH(1);
	return x + EACH('a') - digits * ('a' + 26 - '2');
}

static void put_letters(struct buf *out, const uint8_t *bytes, size_t size)
{
	char *at = buf_reserve(out, size / 5 * 8);
	if (!at)
		return;
	for (size_t i = 0; i < size; i += 5, at += 8) {
		uint64_t group = __builtin_bswap64(letters_of(bytes + i));
		memcpy(at, &group, 8);
	}
	buf_advance(out, size / 5 * 8);
}

void token_encode(struct buf *out, const struct token *token, enum token_purpose purpose,
		  const uint8_t mac[TOKEN_MAC_SIZE])
{
	uint8_t bytes[BYTES_LIMIT];
	ASSERT(purpose < TOKEN_PURPOSE_COUNT);
	const uint8_t *mask = mac + TOKEN_MASK_AT(purpose);
	memcpy(bytes, mac + TOKEN_PROOF_AT(purpose), TOKEN_PROOF_SIZE);
	size_t size = put_ids(token, bytes + TOKEN_PROOF_SIZE);
	for (size_t i = 0; i < size; i++)
		bytes[TOKEN_PROOF_SIZE + i] ^= mask[i];
	buf_put_byte(out, token_key_letter(mac[0]));
	put_letters(out, bytes, TOKEN_PROOF_SIZE + size);
}

bool token_read(str text, struct token_sealed *ret_sealed)
{
	struct token_sealed sealed = {};
	char memory[BYTES_LIMIT];
	struct buf bytes;
	if (text.size == 0 || text.size > TOKEN_TEXT_LIMIT)
		return false;
	sealed.key = token_key_number(text.data[0]);
	buf_init_fixed(&bytes, memory, sizeof(memory));
	if (sealed.key > 31 || !base32_decode(&bytes, str_from(text, 1)))
		return false;
	if (bytes.size != TOKEN_PROOF_SIZE + SHORT_SIZE &&
	    bytes.size != TOKEN_PROOF_SIZE + LONG_SIZE)
		return false;
	sealed.ids_size = bytes.size - TOKEN_PROOF_SIZE;
	memcpy(sealed.proof, memory, TOKEN_PROOF_SIZE);
	memcpy(sealed.ids, memory + TOKEN_PROOF_SIZE, sealed.ids_size);
	*ret_sealed = sealed;
	return true;
}

static bool get_short(const uint8_t ids[SHORT_SIZE], struct token *token)
{
	uint64_t tenant;
	str rest = str_make((const char *)ids, SHORT_SIZE);
	if (!varint_get(&rest, &tenant) || !varint_get(&rest, &token->campaign_id) ||
	    !varint_get(&rest, &token->subscriber_id) || tenant > UINT32_MAX)
		return false;
	token->tenant = (uint32_t)tenant;
	return true;
}

bool token_unmask(const struct token_sealed *sealed, const uint8_t mask[TOKEN_MASK_SIZE],
		  struct token *ret_token)
{
	uint8_t ids[LONG_SIZE], again[LONG_SIZE];
	struct token token = {};
	for (size_t i = 0; i < sealed->ids_size; i++)
		ids[i] = sealed->ids[i] ^ mask[i];
	if (sealed->ids_size == LONG_SIZE)
		token = (struct token){(uint32_t)get_number(ids, 4), get_number(ids + 4, 8),
				       get_number(ids + 12, 8)};
	else if (!get_short(ids, &token))
		return false;
	if (put_ids(&token, again) != sealed->ids_size ||
	    memcmp(ids, again, sealed->ids_size) != 0)
		return false;
	*ret_token = token;
	return true;
}
