/* yardstick.h - what costs are compared with: a bare RSA-2048 signature of a ready hash with a
 * held context, on this machine, now; and the clock for both, CPU time of this thread. */
#pragma once

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <time.h>

static inline double cpu_usec(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The caller's to free; ends the program when there is none. */
static inline EVP_PKEY_CTX *make_signer(void)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	EVP_PKEY_CTX *signer = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	if (!signer || EVP_PKEY_sign_init(signer) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(signer, RSA_PKCS1_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(signer, EVP_sha256()) != 1)
		exit(1);
	EVP_PKEY_free(key);
	return signer;
}

/* Of one signature, over so many. */
static inline double signature_usec(EVP_PKEY_CTX *signer, int count)
{
	double start = cpu_usec();
	for (int i = 0; i < count; i++) {
		unsigned char hash[32] = {(unsigned char)i, (unsigned char)(i >> 8)};
		unsigned char signature[512];
		size_t size = sizeof(signature);
		if (EVP_PKEY_sign(signer, signature, &size, hash, sizeof(hash)) != 1)
			exit(1);
	}
	return (cpu_usec() - start) / count;
}

static inline int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}
