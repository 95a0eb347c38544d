/* reasons.h - why somebody is not written to: numbers in the tables, words for people.
 * Below 100 they are bounce classes. The table "reasons" holds the same; a test compares. */
#pragma once

#include <stdint.h>

enum store_reason {
	REASON_MANUAL = 100,
	REASON_IMPORTED = 101,
	REASON_ERASED = 102,
	REASON_UNSUBSCRIBED = 103,
	REASON_GONE = 104,
	REASON_HELD_OUT = 105, /* of one campaign: in no suppression */
};

const char *store_reason_name(uint32_t reason); /* "unknown" for numbers nobody gave */
/* 0 when no reason has that name. */
uint32_t store_reason_number(const char *name);
