/* mac.c - see mac.h.
 *
 *   h       = HMAC-SHA256(secret, label ids)
 *   proof_p = first 10 bytes of AES-128(Kp, first 15 bytes of h, p)
 *   mask    = AES-128(Km, proof, 0) first 4 bytes of AES-128(Km, proof, 1)
 *
 * Kp, Km and the key's number are HMACs of other labels. What is authenticated has one length
 * and fits into one block of SHA-256, so an HMAC whose key is absorbed is two calls of the
 * compression function; through EVP it costs several times as much, most of it for bookkeeping.
 * AES takes all purposes' blocks in one call each. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Transform: there is no other way to a midstate   \
				     */
#include "engine/sign/mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"

#define LABEL "rundbrief token v2"
#define KEYS_LABEL "rundbrief token v2 keys"
#define AES_SIZE 16
#define BLOCK 64
#define DIGEST 32
#define TEXT_SIZE (sizeof LABEL + 4 + 8 + 8)

static_assert(TEXT_SIZE + 9 <= BLOCK);

struct mac_key {
	unsigned number;
	SHA256_CTX inner, outer; /* behind the key's block */
	EVP_CIPHER_CTX *prove, *hide;
};

struct mac_keys {
	size_t count;
	struct mac_key keys[MAC_KEY_LIMIT];
};

static void absorb(SHA256_CTX *state, const uint8_t key[BLOCK], uint8_t pad)
{
	uint8_t block[BLOCK];
	for (size_t i = 0; i < BLOCK; i++)
		block[i] = key[i] ^ pad;
	SHA256_Init(state);
	SHA256_Transform(state, block);
	OPENSSL_cleanse(block, sizeof block);
}

static EVP_CIPHER_CTX *open_aes(const uint8_t key[AES_SIZE])
{
	EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
	if (aes && EVP_EncryptInit_ex(aes, EVP_aes_128_ecb(), NULL, key, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(aes, 0) == 1)
		return aes;
	EVP_CIPHER_CTX_free(aes);
	return NULL;
}

/* RFC 2104 2: a key longer than a block is hashed first. */
static void absorb_secret(struct mac_key *key, str secret)
{
	uint8_t block[BLOCK] = {};
	if (secret.size > BLOCK)
		SHA256((const unsigned char *)secret.data, secret.size, block);
	else
		memcpy(block, secret.data, secret.size);
	absorb(&key->inner, block, 0x36);
	absorb(&key->outer, block, 0x5c);
	OPENSSL_cleanse(block, sizeof block);
}

static bool open_key(struct mac_key *key, str secret)
{
	uint8_t made[2][DIGEST];
	unsigned size = DIGEST;
	bool done = true;
	absorb_secret(key, secret);
	for (size_t i = 0; i < 2 && done; i++) {
		uint8_t label[sizeof KEYS_LABEL + 1] = KEYS_LABEL;
		label[sizeof KEYS_LABEL] = (uint8_t)i;
		done = HMAC(EVP_sha256(), secret.data, (int)secret.size, label, sizeof label,
			    made[i], &size) != NULL;
	}
	if (done) {
		key->prove = open_aes(made[0]);
		key->hide = open_aes(made[0] + AES_SIZE);
		key->number = made[1][0] & 31;
	}
	OPENSSL_cleanse(made, sizeof made);
	return key->prove && key->hide;
}

static const char *add(struct mac_keys *keys, str secret)
{
	if (secret.size < MAC_SECRET_SIZE_MIN)
		return "a secret needs at least 16 bytes";
	if (secret.size > 4096 || keys->count == MAC_KEY_LIMIT)
		return "at most 8 secrets of at most 4096 bytes; the last line is the oldest";
	struct mac_key *key = &keys->keys[keys->count++];
	if (!open_key(key, secret))
		return "OpenSSL cannot use the secret";
	for (size_t i = 0; i + 1 < keys->count; i++)
		if (keys->keys[i].number == key->number)
			return "two of the secrets have the same number by chance: make "
			       "another in place of the newest";
	return NULL;
}

struct mac_keys *mac_keys_create(str secrets, char ret_why[200])
{
	struct mac_keys *keys = calloc(1, sizeof *keys);
	const char *fault = keys ? NULL : "out of memory";
	while (secrets.size > 0 && !fault) {
		str line = str_trim(str_cut(&secrets, '\n'));
		fault = line.size > 0 ? add(keys, line) : NULL;
	}
	if (!fault && keys->count == 0)
		fault = "there is no secret";
	if (!fault)
		return keys;
	snprintf(ret_why, 200, "%s", fault);
	mac_keys_destroy(keys);
	return NULL;
}

static EVP_CIPHER_CTX *copy_aes(const EVP_CIPHER_CTX *from)
{
	EVP_CIPHER_CTX *copy = EVP_CIPHER_CTX_new();
	if (copy && EVP_CIPHER_CTX_copy(copy, from) == 1)
		return copy;
	EVP_CIPHER_CTX_free(copy);
	return NULL;
}

struct mac_keys *mac_keys_copy(const struct mac_keys *keys)
{
	struct mac_keys *copy = calloc(1, sizeof *copy);
	bool done = copy;
	for (size_t i = 0; done && i < keys->count; i++) {
		struct mac_key *key = &copy->keys[copy->count++];
		*key = keys->keys[i];
		key->prove = copy_aes(keys->keys[i].prove);
		key->hide = copy_aes(keys->keys[i].hide);
		done = key->prove && key->hide;
	}
	if (done)
		return copy;
	mac_keys_destroy(copy);
	return NULL;
}

void mac_keys_destroy(struct mac_keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < keys->count; i++) {
		EVP_CIPHER_CTX_free(keys->keys[i].prove);
		EVP_CIPHER_CTX_free(keys->keys[i].hide);
	}
	OPENSSL_cleanse(keys, sizeof *keys);
	free(keys);
}

char mac_keys_newest(const struct mac_keys *keys)
{
	return token_key_letter(keys->keys[0].number);
}

char mac_keys_oldest(const struct mac_keys *keys)
{
	return token_key_letter(keys->keys[keys->count - 1].number);
}

static struct mac_key *find(struct mac_keys *keys, unsigned number)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keys->keys[i].number == number)
			return &keys->keys[i];
	return NULL;
}

bool mac_keys_has(const struct mac_keys *keys, char letter)
{
	for (size_t i = 0; i < keys->count; i++)
		if (token_key_letter(keys->keys[i].number) == letter)
			return true;
	return false;
}

static void put_number(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = size; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

/* RFC 6234 4.1: one bit, zeros, the size in bits; the key's block counts. */
static void finish_block(uint8_t block[BLOCK], size_t size)
{
	block[size] = 0x80;
	memset(block + size + 1, 0, BLOCK - size - 1 - 8);
	put_number(block + BLOCK - 8, (BLOCK + size) * 8, 8);
}

static void put_state(uint8_t *at, const SHA256_CTX *state)
{
	for (size_t i = 0; i < 8; i++) {
		uint32_t word = __builtin_bswap32(state->h[i]);
		memcpy(at + 4 * i, &word, 4);
	}
}

static void hmac_of(const struct mac_key *key, const struct token *token,
		    uint8_t ret_digest[DIGEST])
{
	uint8_t block[BLOCK] = LABEL;
	uint8_t *at = block + sizeof LABEL;
	SHA256_CTX state = key->inner;
	put_number(at, token->tenant, 4);
	put_number(at + 4, token->campaign_id, 8);
	put_number(at + 12, token->subscriber_id, 8);
	finish_block(block, TEXT_SIZE);
	SHA256_Transform(&state, block);
	put_state(block, &state);
	finish_block(block, DIGEST);
	state = key->outer;
	SHA256_Transform(&state, block);
	put_state(ret_digest, &state);
}

/* A cipher that has its key fails only by a mistake of ours. */
static void encrypt(EVP_CIPHER_CTX *aes, uint8_t *blocks, size_t size)
{
	int done = 0;
	ASSERT(EVP_EncryptUpdate(aes, blocks, &done, blocks, (int)size) == 1 &&
	       done == (int)size);
}

/* Into two blocks, of which 20 bytes are the mask. */
static void put_mask_blocks(uint8_t at[2 * AES_SIZE], const uint8_t proof[TOKEN_PROOF_SIZE])
{
	memset(at, 0, (size_t)2 * AES_SIZE);
	memcpy(at, proof, TOKEN_PROOF_SIZE);
	memcpy(at + AES_SIZE, proof, TOKEN_PROOF_SIZE);
	at[2 * AES_SIZE - 1] = 1;
}

static void make_mac(struct mac_key *key, const struct token *token,
		     uint8_t ret_mac[TOKEN_MAC_SIZE])
{
	uint8_t digest[DIGEST], proofs[TOKEN_PURPOSE_COUNT][AES_SIZE],
		masks[TOKEN_PURPOSE_COUNT][2 * AES_SIZE];
	hmac_of(key, token, digest);
	for (size_t i = 0; i < TOKEN_PURPOSE_COUNT; i++) {
		memcpy(proofs[i], digest, AES_SIZE - 1);
		proofs[i][AES_SIZE - 1] = (uint8_t)i;
	}
	encrypt(key->prove, proofs[0], sizeof proofs);
	for (size_t i = 0; i < TOKEN_PURPOSE_COUNT; i++)
		put_mask_blocks(masks[i], proofs[i]);
	encrypt(key->hide, masks[0], sizeof masks);
	ret_mac[0] = (uint8_t)key->number;
	for (size_t i = 0; i < TOKEN_PURPOSE_COUNT; i++) {
		memcpy(ret_mac + TOKEN_PROOF_AT(i), proofs[i], TOKEN_PROOF_SIZE);
		memcpy(ret_mac + TOKEN_MASK_AT(i), masks[i], TOKEN_MASK_SIZE);
	}
}

void mac_of(struct mac_keys *keys, char letter, const struct token *token,
	    uint8_t ret_mac[TOKEN_MAC_SIZE])
{
	struct mac_key *key = find(keys, token_key_number(letter));
	ASSERT(key);
	make_mac(key, token, ret_mac);
}

/* Reveals the ids and makes their MAC. */
static bool open_token(struct mac_keys *keys, const struct token_sealed *sealed,
		       struct token *ret_token, uint8_t ret_mac[TOKEN_MAC_SIZE])
{
	uint8_t mask[2 * AES_SIZE];
	struct mac_key *key = find(keys, sealed->key);
	if (!key)
		return false;
	put_mask_blocks(mask, sealed->proof);
	encrypt(key->hide, mask, sizeof mask);
	if (!token_unmask(sealed, mask, ret_token))
		return false;
	make_mac(key, ret_token, ret_mac);
	return true;
}

static bool proves(const struct token_sealed *sealed, const uint8_t mac[TOKEN_MAC_SIZE],
		   enum token_purpose purpose)
{
	return CRYPTO_memcmp(sealed->proof, mac + TOKEN_PROOF_AT(purpose), TOKEN_PROOF_SIZE) ==
	       0;
}

bool mac_check(struct mac_keys *keys, str text, enum token_purpose purpose,
	       struct token *ret_token)
{
	struct token_sealed sealed;
	struct token token;
	uint8_t mac[TOKEN_MAC_SIZE];
	if (!token_read(text, &sealed) || !open_token(keys, &sealed, &token, mac) ||
	    !proves(&sealed, mac, purpose))
		return false;
	*ret_token = token;
	return true;
}

bool mac_check_any(struct mac_keys *keys, str text, struct token *ret_token,
		   enum token_purpose *ret_purpose)
{
	struct token_sealed sealed;
	struct token token;
	uint8_t mac[TOKEN_MAC_SIZE];
	if (!token_read(text, &sealed) || !open_token(keys, &sealed, &token, mac))
		return false;
	for (enum token_purpose purpose = 0; purpose < TOKEN_PURPOSE_COUNT; purpose++) {
		if (!proves(&sealed, mac, purpose))
			continue;
		*ret_token = token;
		*ret_purpose = purpose;
		return true;
	}
	return false;
}
