/* locale_dir.h - a folder of translations: de.json, en.json, de-AT.json (templates/locale_text.h
 * says what is in them). */
#pragma once

#include <jansson.h>

#include "engine/base/arena.h"

/* One object, locales to what their files hold; NULL with "FILE:LINE: sentence". A folder that
 * is not there is as an empty one, unless it must exist. */
[[nodiscard]] json_t *locale_dir_read(const char *folder, bool must_exist, struct arena *,
				      char *ret_why, size_t why_size);
