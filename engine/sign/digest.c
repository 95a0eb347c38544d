/* digest.c - see digest.h. */
#include "engine/sign/digest.h"

#include <openssl/evp.h>

#include "engine/base/assert.h"
#include "engine/base/codec.h"

void digest_hex(str bytes, char ret_hex[DIGEST_HEX_SIZE])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned size;
	struct buf hex;
	int done = EVP_Digest(bytes.data, bytes.size, hash, &size, EVP_sha256(), NULL);
	ASSERT(done == 1 && size == 32);
	buf_init_fixed(&hex, ret_hex, DIGEST_HEX_SIZE - 1);
	hex_encode(&hex, str_make((const char *)hash, size));
	ret_hex[hex.size] = '\0';
}
