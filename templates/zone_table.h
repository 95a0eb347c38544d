/* zone_table.h - private to zone*.c: a zone in memory. */
#pragma once

#include "templates/zone.h"

/* One day of each year, and a time on it that the clock before it shows. */
struct zone_day {
	enum zone_day_kind {
		ZONE_DAY_JULIAN,  /* Jn: 1 to 365, February 29th is never counted */
		ZONE_DAY_OF_YEAR, /* n: 0 to 365 */
		ZONE_DAY_OF_WEEK, /* Mm.w.d */
	} kind;
	int day, month, week; /* day: of the year, or of the week from 0, Sunday */
	int32_t seconds;      /* of the day; -167 to 167 hours (RFC 9636 3.3.1) */
};

/* What holds beyond the table: std offset [dst [offset] [,day[/time],day[/time]]] */
struct zone_rule {
	bool given, has_summer;
	struct zone_clock standard, summer;
	struct zone_day begin, end; /* of summer */
};

struct zone {
	const int64_t *changes; /* seconds since 1970, rising */
	const uint8_t *kinds;   /* index of clocks, from that change on */
	size_t change_count;
	const struct zone_clock *clocks; /* the first also holds before the first change */
	size_t clock_count;
	struct zone_rule rule;
};

/* A footer without its line feeds; empty: nothing is given. False: it is no such rule. Names
 * point into text. */
[[nodiscard]] bool zone_rule_read(str text, struct zone_rule *ret_rule);
struct zone_clock zone_rule_clock(const struct zone_rule *, int64_t seconds);
bool zone_clock_ok(const struct zone_clock *);
