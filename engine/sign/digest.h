/* digest.h - SHA-256 of bytes that are there, for names and not for proofs. */
#pragma once

#include "engine/base/str.h"

#define DIGEST_HEX_SIZE 65

/* Lower case, with a NUL; aborts when OpenSSL has no SHA-256. */
void digest_hex(str bytes, char ret_hex[DIGEST_HEX_SIZE]);
