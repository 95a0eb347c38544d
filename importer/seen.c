/* seen.c - a Bloom filter in blocks of a cache line, so that a key costs one miss. */
#include "importer/seen.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"

#define BLOCK_BITS 18 /* of the number of blocks */
#define BITS_A_KEY 4

struct seen {
	uint64_t blocks[1 << BLOCK_BITS][8];
};

struct seen *seen_create(void)
{
	struct seen *seen = aligned_alloc(64, sizeof(*seen));
	if (seen)
		memset(seen, 0, sizeof(*seen));
	return seen;
}

void seen_destroy(struct seen *seen)
{
	free(seen);
}

bool seen_again(struct seen *seen, str key)
{
	uint64_t hash = hash_bytes(0, key);
	uint64_t *block = seen->blocks[hash >> (64 - BLOCK_BITS)];
	bool again = true;
	for (unsigned i = 0; i < BITS_A_KEY; i++, hash >>= 9) {
		uint64_t bit = (uint64_t)1 << (hash & 63);
		uint64_t *word = &block[(hash >> 6) & 7];
		again = again && (*word & bit);
		*word |= bit;
	}
	return again;
}
