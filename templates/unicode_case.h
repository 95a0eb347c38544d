/* unicode_case.h - private to the room: upper and lower case of the alphabets that have them:
 * Latin, Greek, Cyrillic, Armenian. One letter to one letter, but for the German sharp s. */
#pragma once

#include "engine/base/buf.h"

enum unicode_case { UNICODE_LOWER, UNICODE_UPPER, UNICODE_TITLE };

/* Appends one UTF-8 character (or stray byte) in the case asked for. */
void unicode_put_case(struct buf *out, str character, enum unicode_case);
