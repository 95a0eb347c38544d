/* sink_tally.h - how often each 64-bit key was seen, counted by many threads at once.
 * Keys are hashes; two strings with one hash would count as one, which among ten million
 * happens once in 370,000 runs. */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_SHARDS 64

struct sink_tally_shard {
	pthread_mutex_t lock;
	uint64_t *keys; /* 0: free */
	uint8_t *counts;
	size_t capacity, count;
	uint64_t repeated; /* sightings beyond the first */
};

struct sink_tally {
	struct sink_tally_shard shards[TALLY_SHARDS];
};

void sink_tally_init(struct sink_tally *);
void sink_tally_done(struct sink_tally *);
/* Counts one sighting; returns how many there were before (at most 255). */
unsigned sink_tally_add(struct sink_tally *, uint64_t key);
void sink_tally_sum(struct sink_tally *, uint64_t *ret_distinct, uint64_t *ret_repeated);
