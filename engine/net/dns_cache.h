/* dns_cache.h - what the resolver remembers: one entry a question, found by type and name.
 * An entry is open while the question is under way, and its waiters hang on it; so equal
 * questions are asked once. The cache is bounded: the entry longest unused goes, never one with
 * waiters. */
#pragma once

#include "engine/base/chain.h"
#include "engine/base/usec.h"
#include "engine/net/dns_message.h"

struct dns_entry {
	struct dns_entry *next;  /* in its bucket */
	struct chain_link used;  /* in the order of use */
	struct chain_link queue; /* resolver: waits to be asked, or to be told */
	struct chain waiters;    /* struct dns_question */
	struct resolver *owner;  /* while open */
	uint64_t hash;
	uint8_t type;                  /* enum dns_type; addresses: DNS_A */
	uint8_t name_size, left_count; /* parts of the answer that are still to come */
	bool open, queued, secure;
	uint8_t status, count;
	usec expires_at;
	char *packed; /* the answer, or the sentence why there is none */
	size_t packed_size;
	char name[]; /* lower case, with a NUL */
};

struct dns_cache {
	struct dns_entry **buckets;
	size_t bucket_count, count, limit;
	uint64_t seed;
	struct chain used; /* longest unused first */
};

[[nodiscard]] int dns_cache_init(struct dns_cache *, size_t limit, uint64_t seed);
void dns_cache_done(struct dns_cache *);
/* The entry, new (open false, expires_at 0) when there was none; NULL when out of memory. */
[[nodiscard]] struct dns_entry *dns_cache_take(struct dns_cache *, enum dns_type, str name);
/* Replaces what the entry holds; false when out of memory (then it holds nothing). */
bool dns_entry_keep(struct dns_entry *, str packed);
