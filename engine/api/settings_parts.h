/* settings_parts.h - the parts that settings_open() puts together, each from a configuration
 * that config_check() has passed. 0, or -1 with a sentence; all memory is the arena's. */
#pragma once

#include "engine/api/config.h"
#include "engine/send/engine.h"

#define SETTINGS_WHY_SIZE 800 /* of the longest sentence: a cell of a table, and where it is   \
			       */

/* The built-in table, the user's, the configuration's sections, in this order. */
[[nodiscard]] int settings_rules(const struct config *, struct arena *,
				 struct rules **ret_rules, char *ret_why, size_t why_size);
/* The same with this text in place of the user's file; it must live as long as the arena. data
 * NULL: none. */
[[nodiscard]] int settings_rules_of(const struct config *, str table, struct arena *,
				    struct rules **ret_rules, char *ret_why, size_t why_size);
/* Whether the rules know the providers that routes are for. */
[[nodiscard]] int settings_check_routes(const struct config *, const struct rules *,
					struct arena *, char *ret_why, size_t why_size);
struct path_limits settings_limits(const struct config_limits *);
struct smtp_timeouts settings_timeouts(const struct config *);
struct retry_schedule settings_retry(const struct config *);
/* sources and source_count; without any section the one source "default". */
[[nodiscard]] int settings_sources(const struct config *, struct arena *,
				   struct engine_settings *, char *ret_why, size_t why_size);
/* warmups, pools and the store's day_zone, from the sources that are there. */
[[nodiscard]] int settings_pools(const struct config *, struct arena *,
				 struct engine_settings *, char *ret_why, size_t why_size);
/* route and logins. rules must be there: they know the providers. */
[[nodiscard]] int settings_routes(const struct config *, struct arena *,
				  struct engine_settings *, char *ret_why, size_t why_size);

/* limit_rules. rules must be there. */
[[nodiscard]] int settings_limit_rules(const struct config *, struct arena *,
				       struct engine_settings *, char *ret_why,
				       size_t why_size);

/* "localhost" when it has none. */
const char *settings_host_name(struct arena *);
/* The one line of a file that nobody else may read, without its end. The sentence names the
 * file and never what is in it. */
[[nodiscard]] int settings_secret_line(str path, struct arena *, str *ret_secret, char *ret_why,
				       size_t why_size);
