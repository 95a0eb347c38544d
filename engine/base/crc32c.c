/* crc32c.c - CRC-32C by the SSE4.2 instruction, and from a table where there is none. */
#include "engine/base/codec.h"

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

#define POLYNOMIAL 0x82f63b78u /* of Castagnoli, bits reversed */

/* What 4 bits pushed out of the register add to the rest: small enough to be made by hand. */
#define STEP(c) ((c)&1 ? (c) >> 1 ^ POLYNOMIAL : (c) >> 1)
#define NIBBLE(n) STEP(STEP(STEP(STEP((uint32_t)(n)))))
static const uint32_t nibbles[16] = {
	NIBBLE(0),  NIBBLE(1),  NIBBLE(2),  NIBBLE(3),  NIBBLE(4),  NIBBLE(5),
	NIBBLE(6),  NIBBLE(7),  NIBBLE(8),  NIBBLE(9),  NIBBLE(10), NIBBLE(11),
	NIBBLE(12), NIBBLE(13), NIBBLE(14), NIBBLE(15),
};

uint32_t crc32c_portable(uint32_t crc, str bytes)
{
	crc = ~crc;
	for (size_t i = 0; i < bytes.size; i++) {
		crc ^= (unsigned char)bytes.data[i];
		crc = crc >> 4 ^ nibbles[crc & 15];
		crc = crc >> 4 ^ nibbles[crc & 15];
	}
	return ~crc;
}

#ifdef __SSE4_2__
uint32_t crc32c(uint32_t crc, str bytes)
{
	uint64_t state = ~crc;
	const char *at = bytes.data;
	size_t left = bytes.size;
	for (; left >= sizeof(uint64_t); at += sizeof(uint64_t), left -= sizeof(uint64_t)) {
		uint64_t word;
		memcpy(&word, at, sizeof word);
		state = _mm_crc32_u64(state, word);
	}
	for (; left; at++, left--)
		state = _mm_crc32_u8((uint32_t)state, (unsigned char)*at);
	return ~(uint32_t)state;
}
#else
uint32_t crc32c(uint32_t crc, str bytes)
{
	return crc32c_portable(crc, bytes);
}
#endif
