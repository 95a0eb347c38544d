/* sending.h - what every command that runs the engine has in common: a campaign found and
 * launched; the engine run under signals, with its progress shown and its providers reloaded.
 */
#pragma once

#include "engine/api/db.h"
#include "engine/api/settings.h"

/* By name or number, or by its folder, which is stored first. */
[[nodiscard]] int sending_find(struct db *, const char *name_or_folder,
			       struct campaign_row *ret_campaign);
/* A draft is running from here on, and any engine may take it up. CLI_GO, also when somebody
 * else was quicker; EXIT_INVALID after telling what campaign_lint.h has found, if any of it is an
 * error. */
[[nodiscard]] int sending_launch(struct db *, const struct campaign_row *);

/* Runs the engine until its end, with the signals caught: the first asks it to stop in order,
 * the second at once. campaign_id 0: all that run, until it is stopped. name is shown before
 * the progress; silent: nothing is. db, whose session becomes one of the engine's, is closed; NULL:
 * there is none. Returns an exit code, after why it ended was told. */
[[nodiscard]] int sending_run(struct cli *, const struct engine_settings *, struct db *,
			      uint64_t campaign_id, str name, bool silent);
