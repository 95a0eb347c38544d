/* campaign_tracking.h - what is counted of a campaign's links, as its settings say it to the
 * engine: tracking, track_opens, track_text, utm (see engine/send/content.h). */
#pragma once

#include <jansson.h>

#include "engine/api/campaign_dir.h"

/* 0, or -1 with "FILE:LINE: key: sentence" when keys do not fit each other. */
[[nodiscard]] int campaign_tracking_put(const struct campaign_dir *, const char *conf_path,
					json_t *settings, char *ret_why, size_t why_size);
