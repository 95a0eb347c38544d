/* mac.c - HMAC-SHA256 with the secret absorbed once.
 * What is authenticated has one length and a label in front, so that no other use of the same
 * secret can ever make a token's proof. */
#include "engine/sign/mac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "engine/base/assert.h"

#define SECRET_SIZE_MIN 16
#define LABEL "rundbrief token v1"

struct mac_key {
	EVP_MAC_CTX *context; /* holds the secret */
};

struct mac_key *mac_key_create(str secret)
{
	if (secret.size < SECRET_SIZE_MIN)
		return NULL;
	struct mac_key *key = calloc(1, sizeof *key);
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	if (key && hmac)
		key->context = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac); /* the context holds it now */
	if (key && key->context &&
	    EVP_MAC_init(key->context, (const unsigned char *)secret.data, secret.size,
			 parameters) == 1)
		return key;
	mac_key_destroy(key);
	return NULL;
}

struct mac_key *mac_key_copy(const struct mac_key *key)
{
	struct mac_key *copy = calloc(1, sizeof *copy);
	if (copy)
		copy->context = EVP_MAC_CTX_dup(key->context);
	if (copy && copy->context)
		return copy;
	mac_key_destroy(copy);
	return NULL;
}

void mac_key_destroy(struct mac_key *key)
{
	if (!key)
		return;
	EVP_MAC_CTX_free(key->context);
	free(key);
}

static void put_number(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = size; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

void mac_of(struct mac_key *key, const struct token *token, uint8_t ret_mac[TOKEN_MAC_SIZE])
{
	uint8_t text[sizeof LABEL + 4 + 8 + 8] = LABEL;
	uint8_t *at = text + sizeof LABEL;
	put_number(at, token->tenant, 4);
	put_number(at + 4, token->campaign_id, 8);
	put_number(at + 12, token->subscriber_id, 8);
	size_t size = 0;
	bool done = EVP_MAC_init(key->context, NULL, 0, NULL) == 1 &&
		    EVP_MAC_update(key->context, text, sizeof text) == 1 &&
		    EVP_MAC_final(key->context, ret_mac, &size, TOKEN_MAC_SIZE) == 1;
	/* A held HMAC fails only when its key was not set: a mistake of ours. */
	ASSERT(done && size == TOKEN_MAC_SIZE);
}

bool mac_check(struct mac_key *key, str text, enum token_purpose purpose,
	       struct token *ret_token)
{
	struct token token;
	uint8_t proof[TOKEN_PROOF_SIZE], mac[TOKEN_MAC_SIZE];
	if (!token_decode(text, &token, proof))
		return false;
	mac_of(key, &token, mac);
	if (CRYPTO_memcmp(proof, token_proof(purpose, mac), TOKEN_PROOF_SIZE) != 0)
		return false;
	*ret_token = token;
	return true;
}
