/* unicode_case.h - private to the room: upper, lower and title case of all letters that have
 * them, as Unicode says without regard to language: a German sharp s becomes SS. */
#pragma once

#include "engine/base/buf.h"

enum unicode_case { UNICODE_LOWER, UNICODE_UPPER, UNICODE_TITLE };

/* Appends one UTF-8 character (or stray byte) in the case asked for. */
void unicode_put_case(struct buf *out, str character, enum unicode_case);

/* The tables of unicode_case_table.c end with an empty row. */
struct case_row {
	uint32_t first, last;
	int32_t step, distance;
};
struct case_special {
	uint32_t letter, becomes[3];
};
extern const struct case_row unicode_lower_rows[], unicode_upper_rows[];
extern const struct case_special unicode_upper_specials[], unicode_title_specials[];
