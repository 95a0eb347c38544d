/* lanes.h - SHA-256 of several texts at once (libipsec-mb): each step of the algorithm is done for
 * 8 or 16 of them by one instruction. A batch takes the time of its longest text, however few it
 * has, so it pays when enough wait; how many that are depends on what the CPU does for one alone. */
#pragma once

#include "engine/base/str.h"

#define HASH_LANES_LIMIT 16         /* texts of one batch */
#define HASH_LANES_TEXT_LIMIT 65534 /* bytes of one: the library counts them in 16 bits */

struct hash_lanes; /* of one thread */

/* NULL: this CPU has too few lanes to be worth it, or no memory. */
[[nodiscard]] struct hash_lanes *hash_lanes_create(void);
void hash_lanes_destroy(struct hash_lanes *);
/* Whether so many texts, of which the longest has so many bytes, are done sooner together than
 * alone_size bytes one after the other. */
bool hash_lanes_pay(const struct hash_lanes *, size_t count, size_t longest_size,
		    size_t alone_size);
/* 0 or -1 (a text is too long): then nothing is known of any. */
[[nodiscard]] int hash_lanes_run(struct hash_lanes *, const str *texts, size_t count,
				 uint8_t (*ret_hashes)[32]);
