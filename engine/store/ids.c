/* ids.c - the little set arithmetic that recovery and reading need, on sorted arrays. */
#include "engine/store/ids.h"

#include <stdlib.h>

#include "engine/base/codec.h"

str ids_encode(struct arena *arena, const uint64_t *ids, size_t count)
{
	struct buf b;
	buf_init_arena(&b, arena, count * 2 + 16);
	delta_encode(&b, ids, count);
	if (!buf_ok(&b))
		return (str){NULL, 0};
	return b.data ? buf_str(&b) : STR("");
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

void ids_sort(uint64_t *ids, size_t count)
{
	if (count)
		qsort(ids, count, sizeof(*ids), compare);
}

size_t ids_unique(uint64_t *ids, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || ids[kept - 1] != ids[i])
			ids[kept++] = ids[i];
	return kept;
}

bool ids_contain(const uint64_t *ids, size_t count, uint64_t id)
{
	return count && bsearch(&id, ids, count, sizeof(*ids), compare);
}

size_t ids_subtract(uint64_t *ids, size_t count, const uint64_t *gone, size_t gone_count)
{
	size_t kept = 0, g = 0;
	for (size_t i = 0; i < count; i++) {
		while (g < gone_count && gone[g] < ids[i])
			g++;
		if (g == gone_count || gone[g] != ids[i])
			ids[kept++] = ids[i];
	}
	return kept;
}

static bool room(struct pile *p, struct arena *arena, size_t more)
{
	if (p->count + more <= p->capacity)
		return true;
	size_t capacity = (p->count + more) * 2;
	uint64_t *ids = ARENA_ARRAY(arena, uint64_t, capacity);
	if (!ids)
		return false;
	if (p->count)
		memcpy(ids, p->ids, p->count * sizeof(*ids));
	p->ids = ids;
	p->capacity = capacity;
	return true;
}

bool pile_add(struct pile *p, struct arena *arena, uint64_t id)
{
	if (!room(p, arena, 1))
		return false;
	p->ids[p->count++] = id;
	return true;
}

bool pile_add_coded(struct pile *p, struct arena *arena, str coded)
{
	if (!room(p, arena, coded.size)) /* each id takes at least a byte */
		return false;
	long count = delta_decode(coded, p->ids + p->count, coded.size);
	if (count < 0)
		return false;
	p->count += (size_t)count;
	return true;
}

void pile_settle(struct pile *p)
{
	ids_sort(p->ids, p->count);
	p->count = ids_unique(p->ids, p->count);
}
