/* hash.c - 16 bytes a step through one 64x64 -> 128 bit multiplication, folded.
 * Both factors are disturbed by the seed, so without it nobody can choose keys that collide. */
#include "engine/base/hash.h"

/* Odd constants with about half their bits set (fractions of square roots of primes). */
#define K0 0x6a09e667f3bcc909u
#define K1 0xbb67ae8584caa73bu
#define K2 0x3c6ef372fe94f82bu

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t read64(const char *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
	return word;
}

uint64_t hash_bytes(uint64_t seed, str bytes)
{
	uint64_t state = mix(seed ^ K0, K1);
	const char *at = bytes.data;
	size_t left = bytes.size;
	for (; left >= 16; at += 16, left -= 16)
		state = mix(read64(at) ^ K1 ^ state, read64(at + 8) ^ K2) ^ state;
	char tail[16] = {};
	if (left)
		memcpy(tail, at, left);
	state = mix(read64(tail) ^ K1 ^ state, read64(tail + 8) ^ K2) ^ state;
	return mix(state ^ bytes.size, K0);
}
