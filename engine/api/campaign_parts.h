/* campaign_parts.h - what a campaign has beside its two bodies: AMP, an invitation,
 * attachments, images. Texts go into the settings; files are bytes and go apart, and the
 * settings name them by a hash, so that a changed file is a changed campaign. */
#pragma once

#include <jansson.h>

#include "engine/api/campaign_dir.h"

/* Reads the files that campaign.conf and the HTML name, into settings and c->parts. 0, or -1
 * with FILE: sentence. */
[[nodiscard]] int campaign_parts_put(struct campaign_dir *, json_t *settings,
				     const char *conf_path, struct arena *, char *ret_why,
				     size_t why_size);
