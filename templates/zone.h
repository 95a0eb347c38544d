/* zone.h - time zones: what clocks show, where, at any moment.
 * A zone is read once from a file of the zone database and immutable afterwards: one table
 * serves all threads. Pure: engine/data/zone_load finds the files. */
#pragma once

#include "engine/base/arena.h"

struct zone;

/* What a clock there shows. */
struct zone_clock {
	int32_t offset_seconds; /* east of UTC; before 1900 not always whole minutes */
	str name;               /* "CEST"; "+03" where people have no name for it */
};

/* A file in the form TZif (RFC 9636), copied into the arena. NULL: it is none, is damaged,
 * counts leap seconds, is beyond the bounds of zone_file.c, or memory is out. */
[[nodiscard]] struct zone *zone_read(struct arena *, str file);
/* At seconds since 1970, UTC: by the file's table, beyond it by the rule at its end. */
struct zone_clock zone_clock_at(const struct zone *, int64_t seconds);

/* All zones by name, in the order of zone_name_compare(). Names may share a zone. */
struct zones {
	const struct zone_name {
		str name;
		const struct zone *zone;
	} * names;
	size_t count;
};

int zone_name_compare(str a, str b); /* letter case aside, as databases read them */
const struct zone *zones_find(const struct zones *, str name); /* NULL: there is none */
/* " did you mean 'x'?" when a name is near, else empty. */
void zones_suggest(const struct zones *, str name, char *out, size_t out_size);
