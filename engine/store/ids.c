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
