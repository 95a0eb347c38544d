/* key.h - the inside of a dkim_key, for the signer. */
#pragma once

#include <openssl/evp.h>
#include <sodium.h>

#include "engine/sign/dkim.h"

#define DKIM_NAME_SIZE 254 /* a domain name as text, with the NUL */

struct dkim_key {
	EVP_PKEY *pkey;
	enum dkim_algorithm algorithm;
	uint8_t ed25519[crypto_sign_SECRETKEYBYTES]; /* the same key, of that kind, as libsodium has it */
	char domain[DKIM_NAME_SIZE], selector[DKIM_NAME_SIZE]; /* lower case */
};
