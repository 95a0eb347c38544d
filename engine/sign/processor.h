/* processor.h - what OpenSSL uses of this processor to sign with RSA. For the two powers of 1024
 * bits that an RSA-2048 signature is made of it has code with ADX (mulx, adcx) and code with AVX2,
 * takes ADX wherever that is, and asks nobody which is quicker: on an AMD EPYC (Zen 4) AVX2 takes
 * 519 us a signature and ADX 589. (AVX512-IFMA is quicker than both and is taken before them.)
 * What it may use is read from OPENSSL_ia32cap as the library is loaded (OPENSSL_ia32cap(3)), so
 * a program that wants the other begins again. */
#pragma once

#include "engine/sign/dkim.h"

/* The variable's value by which OpenSSL does without ADX. set: the value that there is, or NULL.
 * False: nothing would be gained (another processor, no ADX, or IFMA), ADX is off already, or
 * somebody has set more than what may not be used, and knows better. */
#define PROCESSOR_MASK_SIZE 24
[[nodiscard]] bool processor_without_adx(const char *set, char ret_mask[PROCESSOR_MASK_SIZE]);

/* CPU time of one signature with each of the RSA keys, the least of some rounds; 0: none of them
 * has 2048 bits, and the others gain nothing without ADX. */
usec processor_try_keys(const struct dkim_key *const *keys, size_t count);
