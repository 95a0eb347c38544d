/* prng.c - xoshiro256** (Blackman and Vigna), its state filled from the seed by splitmix64,
 * which never yields the all-zero state that the generator could not leave. */
#include "engine/base/prng.h"

#include "engine/base/assert.h"

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

void prng_init(struct prng *p, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		p->state[i] = splitmix(&seed);
}

uint64_t prng_u64(struct prng *p)
{
	uint64_t *s = p->state;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
	ASSERT(bound > 0);
	/* Values past the last whole multiple of bound would favour the small ones: drawn
	 * again, which happens with probability below one half. */
	uint64_t excess = (UINT64_MAX % bound + 1) % bound;
	uint64_t value;
	do {
		value = prng_u64(p);
	} while (value > UINT64_MAX - excess);
	return value % bound;
}
