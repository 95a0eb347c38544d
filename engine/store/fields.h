/* fields.h - some members of a JSON object, as PostgreSQL prints a jsonb.
 * Private to engine/store. */
#pragma once

#include "engine/base/str.h"

/* A name that stands in JSON as it is: without quotes, backslashes and control bytes. */
bool fields_name_is_plain(str name);
/* ret_values[i] becomes the JSON text of member names[i], within object; data NULL: it has none.
 * Names are plain. What is not an object has no members. */
void fields_find(str object, const str *names, size_t count, str *ret_values);
