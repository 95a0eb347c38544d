/* region.h - what the filters date, number, money and t know of where readers live.
 * The tables are made above, by engine/data, immutable and shared by all threads; whoever
 * renders only looks things up. Asked for when a template is compiled that needs them. */
#pragma once

#include "templates/locale_text.h"
#include "templates/zone.h"

struct region {
	const struct zones *(*zones)(void);     /* NULL, or returns NULL: there are none */
	const struct locales *(*locales)(void); /* likewise */
	const struct texts *texts;              /* translations; NULL: none */
	/* Of readers who have none of their own; empty: UTC, and the root locale. */
	str zone, locale;
	/* The root variables with the reader's own; empty: there are none. */
	str zone_variable, locale_variable;
};
