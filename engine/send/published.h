/* published.h - the DKIM records that DNS has for the keys we sign with, asked once at start.
 * Receivers verify with these, so the first message is checked with them; a key that is not
 * published yet is checked with its own record. */
#pragma once

#include "engine/send/engine.h"

struct published {
	str texts[DKIM_KEY_LIMIT]; /* TXT of each key's name; data NULL: none, or no answer */
};

/* Asks and waits, ten seconds at the most; no answer counts as none, with a line in the log.
 * Texts live in the arena. 0, or -1 with a sentence: the loop or the resolver failed. */
[[nodiscard]] int published_ask(const struct engine_settings *, struct arena *,
				struct published *ret_published, char *ret_why,
				size_t why_size);
