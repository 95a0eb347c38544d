/* processor.c - see processor.h. */
#include "engine/sign/processor.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/io/clock.h"
#include "engine/sign/key.h"

/* CPUID leaf 7, EBX: what stands behind the colon. */
#define BIT_ADX (UINT64_C(1) << 19)
#define BIT_IFMA (UINT64_C(1) << 21)
#define BITS_QUICK 2048
#define ROUNDS 6 /* each 32nd signature of a key makes new blinding and takes longer */
#define HASH_SIZE 32
#define SIGNATURE_SIZE 512 /* RSA-4096 */

static bool has_choice(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("adx");
#else
	return false;
#endif
}

static bool has_ifma(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("avx512ifma");
#else
	return false;
#endif
}

/* ":~0x200000": these bits not, the rest as the processor has it. */
static bool read_mask(const char *set, uint64_t *ret)
{
	char *end;
	if (strncmp(set, ":~", 2) != 0)
		return false;
	errno = 0;
	*ret = strtoull(set + 2, &end, 0);
	return errno == 0 && end != set + 2 && *end == '\0';
}

bool processor_without_adx(const char *set, char ret_mask[PROCESSOR_MASK_SIZE])
{
	uint64_t mask = 0;
	if (!has_choice() || (set && !read_mask(set, &mask)))
		return false;
	if ((mask & BIT_ADX) != 0 || (has_ifma() && (mask & BIT_IFMA) == 0))
		return false;
	snprintf(ret_mask, PROCESSOR_MASK_SIZE, ":~0x%llx",
		 (unsigned long long)(mask | BIT_ADX));
	return true;
}

static EVP_PKEY_CTX *begin(const struct dkim_key *key)
{
	EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	if (signer && EVP_PKEY_sign_init(signer) == 1)
		return signer;
	EVP_PKEY_CTX_free(signer);
	return NULL;
}

static usec sign_once(EVP_PKEY_CTX *signer)
{
	const uint8_t hash[HASH_SIZE] = {};
	uint8_t signature[SIGNATURE_SIZE];
	size_t size = sizeof(signature);
	usec began = clock_cpu();
	bool made = EVP_PKEY_sign(signer, signature, &size, hash, sizeof(hash)) == 1;
	return made ? clock_cpu() - began : 0;
}

static usec try_key(const struct dkim_key *key)
{
	EVP_PKEY_CTX *signer = begin(key);
	usec least = 0;
	for (int round = 0; signer && round < ROUNDS; round++) {
		usec took = sign_once(signer);
		least = least == 0 || took < least ? took : least;
	}
	EVP_PKEY_CTX_free(signer);
	return least;
}

usec processor_try_keys(const struct dkim_key *const *keys, size_t count)
{
	usec sum = 0;
	bool may_gain = false;
	for (size_t i = 0; i < count; i++)
		may_gain |= keys[i]->algorithm == DKIM_RSA_SHA256 &&
			    EVP_PKEY_get_bits(keys[i]->pkey) == BITS_QUICK;
	for (size_t i = 0; may_gain && i < count; i++)
		sum += keys[i]->algorithm == DKIM_RSA_SHA256 ? try_key(keys[i]) : 0;
	return sum;
}
