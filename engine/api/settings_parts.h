/* settings_parts.h - the parts that settings_open() puts together, each from a configuration
 * that config_check() has passed. 0, or -1 with a sentence; all memory is the arena's. */
#pragma once

#include "engine/api/config.h"
#include "engine/send/engine.h"

/* sources and source_count; without any section the one source "default". */
[[nodiscard]] int settings_sources(const struct config *, struct arena *,
				   struct engine_settings *, char *ret_why, size_t why_size);
/* warmups, pools and the store's day_zone, from the sources that are there. */
[[nodiscard]] int settings_pools(const struct config *, struct arena *,
				 struct engine_settings *, char *ret_why, size_t why_size);
/* route and logins. rules must be there: they know the providers. */
[[nodiscard]] int settings_routes(const struct config *, struct arena *,
				  struct engine_settings *, char *ret_why, size_t why_size);

/* "localhost" when it has none. */
const char *settings_host_name(struct arena *);
/* The one line of a file that nobody else may read, without its end. The sentence names the
 * file and never what is in it. */
[[nodiscard]] int settings_secret_line(str path, struct arena *, str *ret_secret, char *ret_why,
				       size_t why_size);
