/* bench_rsa.c - the yardstick of `make bench`: CPU time of one bare RSA-2048 signature of a
 * ready hash with a held context, on this machine, now. One number in microseconds: the median
 * of rounds, because neighbours disturb some of them. With an argument it signs for so many
 * seconds of the wall clock, and the number is how many signatures a second that were. */
#include <stdio.h>

#include "bench/micro/yardstick.h"

#define ROUNDS 15
#define SIGNATURES 60 /* a round */
#define LONGEST 600   /* seconds */

static double wall_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double signatures_per_second(EVP_PKEY_CTX *signer, double seconds)
{
	double began = wall_seconds(), now = began;
	int count = 0;
	for (; now < began + seconds; now = wall_seconds(), count += SIGNATURES)
		signature_usec(signer, SIGNATURES);
	return count / (now - began);
}

static double median_usec(EVP_PKEY_CTX *signer)
{
	double rounds[ROUNDS];
	for (int round = 0; round < ROUNDS; round++)
		rounds[round] = signature_usec(signer, SIGNATURES);
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_size);
	return rounds[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 0;
	if (seconds < 0 || seconds > LONGEST || argc > 2) {
		fprintf(stderr, "usage: bench_rsa [SECONDS, at most %d]\n", LONGEST);
		return 2;
	}
	EVP_PKEY_CTX *signer = make_signer();
	printf("%.1f\n",
	       seconds > 0 ? signatures_per_second(signer, seconds) : median_usec(signer));
	EVP_PKEY_CTX_free(signer);
	return 0;
}
