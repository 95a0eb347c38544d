/* zone.c - looking up; see zone.h. */
#include "templates/zone_table.h"

#include "templates/liquid_tree.h"

enum { HINTS_LIMIT = 1024 }; /* names a suggestion is looked for among; there are 600 */

struct zone_clock zone_clock_at(const struct zone *zone, int64_t seconds)
{
	size_t low = 0, high = zone->change_count; /* how many changes lie behind */
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (zone->changes[middle] <= seconds)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == zone->change_count && zone->rule.given)
		return zone_rule_clock(&zone->rule, seconds);
	return zone->clocks[low > 0 ? zone->kinds[low - 1] : 0];
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

int zone_name_compare(str a, str b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	for (size_t i = 0; i < size; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return lower(a.data[i]) < lower(b.data[i]) ? -1 : 1;
	return (a.size > b.size) - (a.size < b.size);
}

const struct zone *zones_find(const struct zones *zones, str name)
{
	size_t low = 0, high = zones->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = zone_name_compare(name, zones->names[middle].name);
		if (order == 0)
			return zones->names[middle].zone;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Names are NUL-terminated by whoever loads them. */
void zones_suggest(const struct zones *zones, str name, char *out, size_t out_size)
{
	const char *names[HINTS_LIMIT + 1] = {};
	for (size_t i = 0; i < zones->count && i < HINTS_LIMIT; i++)
		names[i] = zones->names[i].name.data;
	liquid_suggest(out, out_size, name, names);
}
