/* first_check.h - before anything leaves: a campaign's first message, read by an independent
 * eye. */
#pragma once

#include "engine/send/envelope.h"
#include "engine/send/published.h"

/* Makes the message of one recipient as a press would and has libopendkim verify every
 * signature with the key that DNS publishes or, where there is none yet, with the record of
 * ours. 0: verified (or unsigned by configuration); 1: this recipient's rendering failed, so it
 * proves nothing; -1 with a sentence: the signatures are wrong. */
[[nodiscard]] int first_check(const struct engine_settings *, const struct published *,
			      struct arena_source *, struct envelope *, char *ret_why,
			      size_t why_size);
