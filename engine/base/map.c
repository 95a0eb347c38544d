/* map.c - linear probing with gravestones; the table doubles at 3/4 full, counting graves, and
 * keeps its size when graves were most of it. */
#include "engine/base/map.h"

#include "engine/base/assert.h"
#include "engine/base/hash.h"

#define SMALLEST_CAPACITY 16

void map_init(struct map *m, struct arena *arena, uint64_t seed)
{
	*m = (struct map){.arena = arena, .seed = seed};
}

/* The entry that holds key, or the first slot never used, where the search ends. */
static struct map_entry *probe(const struct map *m, str key, uint64_t hash)
{
	size_t mask = m->capacity - 1;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct map_entry *e = &m->entries[i];
		if (!e->key.data)
			return e;
		if (e->hash == hash && e->value && str_eq(e->key, key))
			return e;
	}
}

void *map_get(const struct map *m, str key)
{
	if (m->capacity == 0)
		return NULL;
	return probe(m, key, hash_bytes(m->seed, key))->value;
}

/* An empty table of that capacity: the spare one, or new. */
static struct map_entry *take_table(struct map *m, size_t capacity)
{
	if (!m->spare || capacity != m->capacity)
		return ARENA_ARRAY(m->arena, struct map_entry, capacity);
	return memset(m->spare, 0, capacity * sizeof *m->spare);
}

/* Never shrinks: a smaller table would be one more to leave behind when it grows again. */
static int rebuild(struct map *m)
{
	size_t capacity = m->capacity ? m->capacity : SMALLEST_CAPACITY;
	while (capacity < m->live_count * 2 + 2)
		capacity *= 2;
	struct map_entry *entries = take_table(m, capacity);
	if (!entries)
		return -1;
	struct map old = *m;
	m->entries = entries;
	m->spare = capacity == old.capacity ? old.entries : NULL;
	m->capacity = capacity;
	m->used_count = m->live_count;
	for (size_t i = 0; i < old.capacity; i++) {
		const struct map_entry *e = &old.entries[i];
		if (e->value)
			*probe(m, e->key, e->hash) = *e;
	}
	return 0;
}

int map_put(struct map *m, str key, void *value)
{
	ASSERT(value != NULL);
	uint64_t hash = hash_bytes(m->seed, key);
	if (m->capacity) {
		struct map_entry *e = probe(m, key, hash);
		if (e->value) {
			e->key = key;
			e->value = value;
			return 0;
		}
	}
	if ((m->used_count + 1) * 4 > m->capacity * 3 && rebuild(m) < 0)
		return -1;
	/* An empty key may come without a pointer, which would read as "never used". */
	*probe(m, key, hash) =
		(struct map_entry){{key.data ? key.data : "", key.size}, value, hash};
	m->used_count++;
	m->live_count++;
	return 0;
}

void *map_remove(struct map *m, str key)
{
	if (m->capacity == 0)
		return NULL;
	struct map_entry *e = probe(m, key, hash_bytes(m->seed, key));
	void *value = e->value;
	if (value) {
		/* The key stays as a gravestone: searches must walk on past it. Its bytes may
		 * go away with the value and are never read again. */
		e->value = NULL;
		m->live_count--;
	}
	return value;
}

struct map_entry *map_next(const struct map *m, size_t *index)
{
	while (*index < m->capacity) {
		struct map_entry *e = &m->entries[(*index)++];
		if (e->value)
			return e;
	}
	return NULL;
}
