/* sink_tally.c - open addressing in shards, each under a lock that is nearly never contended.
 */
#include "bench/sink/sink_tally.h"

#include <stdlib.h>

#include "engine/base/assert.h"

#define FIRST_CAPACITY 64

void sink_tally_init(struct sink_tally *t)
{
	*t = (struct sink_tally){};
	for (size_t i = 0; i < TALLY_SHARDS; i++)
		pthread_mutex_init(&t->shards[i].lock, NULL);
}

void sink_tally_done(struct sink_tally *t)
{
	for (size_t i = 0; i < TALLY_SHARDS; i++) {
		pthread_mutex_destroy(&t->shards[i].lock);
		free(t->shards[i].keys);
		free(t->shards[i].counts);
	}
}

static size_t find(const struct sink_tally_shard *s, uint64_t key)
{
	size_t at = key & (s->capacity - 1);
	while (s->keys[at] != 0 && s->keys[at] != key)
		at = (at + 1) & (s->capacity - 1);
	return at;
}

static void grow(struct sink_tally_shard *s)
{
	struct sink_tally_shard old = *s;
	s->capacity = old.capacity ? 2 * old.capacity : FIRST_CAPACITY;
	s->keys = calloc(s->capacity, sizeof *s->keys);
	s->counts = calloc(s->capacity, sizeof *s->counts);
	ASSERT(s->keys && s->counts); /* a sink that cannot count is of no use */
	for (size_t i = 0; i < old.capacity; i++) {
		if (old.keys[i] == 0)
			continue;
		size_t at = find(s, old.keys[i]);
		s->keys[at] = old.keys[i];
		s->counts[at] = old.counts[i];
	}
	free(old.keys);
	free(old.counts);
}

unsigned sink_tally_add(struct sink_tally *t, uint64_t key)
{
	struct sink_tally_shard *s = &t->shards[key >> 58];
	key = key ? key : 1;
	pthread_mutex_lock(&s->lock);
	if (4 * s->count >= 3 * s->capacity)
		grow(s);
	size_t at = find(s, key);
	unsigned before = s->counts[at];
	if (s->keys[at] == 0) {
		s->keys[at] = key;
		s->count++;
	} else {
		s->repeated++;
	}
	if (before < UINT8_MAX)
		s->counts[at]++;
	pthread_mutex_unlock(&s->lock);
	return before;
}

void sink_tally_sum(struct sink_tally *t, uint64_t *ret_distinct, uint64_t *ret_repeated)
{
	uint64_t distinct = 0, repeated = 0;
	for (size_t i = 0; i < TALLY_SHARDS; i++) {
		struct sink_tally_shard *s = &t->shards[i];
		pthread_mutex_lock(&s->lock);
		distinct += s->count;
		repeated += s->repeated;
		pthread_mutex_unlock(&s->lock);
	}
	*ret_distinct = distinct;
	*ret_repeated = repeated;
}
