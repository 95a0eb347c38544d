/* suggest.h - "did you mean": the nearest of some known names. */
#pragma once

#include "engine/base/str.h"

/* The known name that is nearest to word, or NULL when none is near: at most a third of its
 * letters changed, swapped, missing or too many. */
const char *suggest(str word, const char *const *known, size_t known_count);
