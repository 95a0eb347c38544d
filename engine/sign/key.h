/* key.h - the inside of a dkim_key, for the signer. */
#pragma once

#include <openssl/evp.h>

#include "engine/sign/dkim.h"

#define DKIM_NAME_SIZE 254 /* a domain name as text, with the NUL */

struct dkim_key {
	EVP_PKEY *pkey;
	enum dkim_algorithm algorithm;
	char domain[DKIM_NAME_SIZE], selector[DKIM_NAME_SIZE]; /* lower case */
};
