/* bench_rsa.c - the yardstick of `make bench`: CPU time of one bare RSA-2048 signature of a
 * ready hash with a held context, on this machine, now. One number in microseconds: the median
 * of rounds, because neighbours disturb some of them. */
#include <stdio.h>

#include "bench/micro/yardstick.h"

#define ROUNDS 15
#define SIGNATURES 60 /* a round */

int main(void)
{
	double rounds[ROUNDS];
	EVP_PKEY_CTX *signer = make_signer();
	for (int round = 0; round < ROUNDS; round++)
		rounds[round] = signature_usec(signer, SIGNATURES);
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_size);
	printf("%.1f\n", rounds[ROUNDS / 2]);
	EVP_PKEY_CTX_free(signer);
	return 0;
}
