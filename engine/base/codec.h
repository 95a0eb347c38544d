/* codec.h - small encodings of bytes and numbers. */
#pragma once

#include "engine/base/buf.h"

void hex_encode(struct buf *out, str bytes); /* lower case */
[[nodiscard]] bool hex_decode(struct buf *out, str text);

/* RFC 4648 5, without padding. */
void base64url_encode(struct buf *out, str bytes);
[[nodiscard]] bool base64url_decode(struct buf *out, str text);

/* RFC 4648 6 alphabet in lower case, without padding: survives servers that fold the case of a
 * local part. Decoding accepts either case. */
void base32_encode(struct buf *out, str bytes);
[[nodiscard]] bool base32_decode(struct buf *out, str text);

/* LEB128, 7 bits a byte, low bits first. Decoding takes from the front of *in. */
void varint_put(struct buf *out, uint64_t value);
[[nodiscard]] bool varint_get(str *in, uint64_t *ret_value);

/* Strictly ascending ids as varint differences, the first from 0: 1 to 2 bytes an id. */
void delta_encode(struct buf *out, const uint64_t *ids, size_t count);
/* Returns the number of ids written, or -1 on bad bytes or when there are more than limit. */
[[nodiscard]] long delta_decode(str in, uint64_t *ids, size_t limit);

/* CRC-32C (Castagnoli), as in RFC 3720 B.4; start with crc 0. Uses the CPU's instruction. */
uint32_t crc32c(uint32_t crc, str bytes);
/* The same from a table: for CPUs without the instruction, and to check it against. */
uint32_t crc32c_portable(uint32_t crc, str bytes);
