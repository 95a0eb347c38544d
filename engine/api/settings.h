/* settings.h - the configuration turned into what the engine asks for: files read, keys parsed,
 * rules put together. What is missing for sending is told with the key that is to be set. */
#pragma once

#include "engine/api/cli.h"
#include "engine/send/engine.h"

/* Everything lives in the command's arena; settings_close() gives the keys back. CLI_GO, or an
 * exit code after a sentence. */
[[nodiscard]] int settings_open(struct cli *, struct engine_settings *ret_settings);
/* Makes the journal's folder when it is missing. CLI_GO or an exit code. */
[[nodiscard]] int settings_make_journal(struct cli *, const struct engine_settings *);
void settings_close(struct engine_settings *);
/* For who is about to send: sources whose addresses are not on this machine are told and set
 * aside. CLI_GO when one is left, or an exit code. */
[[nodiscard]] int settings_use_sources(struct cli *, struct engine_settings *);

/* Only the keys that sign: *ret_keys of *ret_count, at most DKIM_KEY_LIMIT. */
[[nodiscard]] int settings_dkim_keys(struct cli *, struct dkim_key ***ret_keys,
				     size_t *ret_count);
/* Only the secrets of tokens, as engine/sign/mac.h takes them. */
[[nodiscard]] int settings_secret(struct cli *, str *ret_secret);
