/* prng.h - repeatable chance from a seed (xoshiro256**). Not for keys or tokens. */
#pragma once

#include <stdint.h>

struct prng {
	uint64_t state[4];
};

void prng_init(struct prng *, uint64_t seed);
uint64_t prng_u64(struct prng *);
/* Uniform in [0, bound); bound > 0. */
uint64_t prng_below(struct prng *, uint64_t bound);
