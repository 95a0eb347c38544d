/* fuzz_zone.c - a file of a time zone, any bytes, is read within its bounds; what is taken can
 * be asked at any moment, and answers with an offset and a name that a letter can show. */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/io/heap.h"
#include "templates/zone_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct zone *zone, int64_t seconds)
{
	struct zone_clock clock = zone_clock_at(zone, seconds);
	ASSERT(zone_clock_ok(&clock));
}

static void ask_all(const struct zone *zone)
{
	/* A letter's dates have years of at most four digits. */
	static const int64_t moments[] = {-253402300800, -1,         0,           1,
					  2147483647,    4102444800, 253402300799};
	for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
		ask(zone, moments[i]);
	for (size_t i = 0; i < zone->change_count; i++) {
		int64_t change = zone->changes[i];
		if (change <= moments[0] || change >= moments[6])
			continue;
		ask(zone, change - 1);
		ask(zone, change);
	}
	for (int64_t hour = 0; hour < 400; hour++) /* of a year beyond the table */
		ask(zone, 4102444800 + hour * 79200);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* In memory of its own, so that a byte too far is seen. */
	char *copy = malloc(size ? size : 1);
	struct zone_rule rule;
	struct arena arena;
	memcpy(copy, data, size);
	str text = str_make(copy, size);
	arena_init(&arena, heap_source(), 4096, 1 << 20);
	struct zone *zone = zone_read(&arena, text);
	if (zone)
		ask_all(zone);
	if (zone_rule_read(text, &rule)) {
		struct zone_clock clock = {0, STR("LMT")};
		struct zone alone = {.clocks = &clock, .clock_count = 1, .rule = rule};
		ask_all(&alone);
	}
	arena_done(&arena);
	free(copy);
	return 0;
}
