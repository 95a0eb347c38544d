/* spoken_duration.h - "300 seconds", "300s", "00:05:00" out of a reply's text.
 * In the languages that servers greylist in; anything else is no duration. */
#pragma once

#include "engine/base/str.h"
#include "engine/base/usec.h"

/* word begins with digits; next is the word behind it, which may be the unit. 0: none. */
usec spoken_duration(str word, str next);
