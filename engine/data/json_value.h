/* json_value.h - JSON as the values that templates see (templates/value.h).
 * Strings are copied into the arena, so the JSON may go away. Objects keep their order. */
#pragma once

#include <jansson.h>

#include "engine/base/arena.h"
#include "templates/value.h"

/* 0, or -1: out of memory or nested deeper than 100. NULL json is nil. */
[[nodiscard]] int value_from_json(struct arena *, const json_t *, struct value *ret_value);

/* Any JSON text, scalars too. 0, or -1 when it is not JSON (or as above); error, unless NULL,
 * then says what is wrong and where. */
[[nodiscard]] int value_from_json_text(struct arena *, str text, struct value *ret_value,
				       char *error, size_t error_size);
