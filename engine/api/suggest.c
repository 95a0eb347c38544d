/* suggest.c - edit distance with swaps of neighbours (optimal string alignment). */
#include "engine/api/suggest.h"

#define SUGGEST_SIZE_LIMIT 64 /* longer words are nobody's typing slip */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;
	return least < c ? least : c;
}

static unsigned distance(str a, str b)
{
	unsigned rows[3][SUGGEST_SIZE_LIMIT + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];
	for (unsigned j = 0; j <= b.size; j++)
		last[j] = j;
	for (size_t i = 1; i <= a.size; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.size; j++) {
			unsigned cost = a.data[i - 1] != b.data[j - 1];
			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
			    a.data[i - 2] == b.data[j - 1] && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		unsigned *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b.size];
}

const char *suggest(str word, const char *const *known, size_t known_count)
{
	const char *best = NULL;
	unsigned best_distance = (unsigned)(word.size / 3) + 1;
	if (word.size == 0 || word.size > SUGGEST_SIZE_LIMIT)
		return NULL;
	for (size_t i = 0; i < known_count; i++) {
		str name = str_of(known[i]);
		if (name.size > SUGGEST_SIZE_LIMIT)
			continue;
		unsigned d = distance(word, name);
		if (d < best_distance || (d == best_distance && !best)) {
			best = known[i];
			best_distance = d;
		}
	}
	return best;
}
