/* bench_rsa.c - the yardstick of `make bench`: CPU time of one bare RSA-2048 signature of a ready
 * hash with a held context, on this machine, now. One number in microseconds: the median of
 * rounds, because neighbours disturb some of them. */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 15
#define SIGNATURES 60 /* a round */

static double cpu_usec(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static EVP_PKEY_CTX *make_signer(void)
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

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(void)
{
	double rounds[ROUNDS];
	EVP_PKEY_CTX *signer = make_signer();
	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_usec();
		for (int i = 0; i < SIGNATURES; i++) {
			unsigned char hash[32] = {(unsigned char)i, (unsigned char)round};
			unsigned char signature[512];
			size_t size = sizeof(signature);
			if (EVP_PKEY_sign(signer, signature, &size, hash, sizeof(hash)) != 1)
				exit(1);
		}
		rounds[round] = (cpu_usec() - start) / SIGNATURES;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_size);
	printf("%.1f\n", rounds[ROUNDS / 2]);
	EVP_PKEY_CTX_free(signer);
	return 0;
}
