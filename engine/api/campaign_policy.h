/* campaign_policy.h - when and how a campaign is sent, as its settings say it to the engine:
 *   weight: number;  rate, byte_rate: text as in campaign.conf
 *   sample: number, or "1%";  ramp: bool;  in_doubt_wait_seconds: number
 *   breaker: { hard, blocks, complaints, complaints_alarm: 0 to 1; least: number }
 *   window: { start, end: RFC 3339 with offset; from, until: "08:00"; zone, recipient_zone:
 *             text; spread: bool }
 * Only what campaign.conf or the section campaigns of rundbrief.conf sets is there. */
#pragma once

#include <jansson.h>

#include "engine/api/campaign_dir.h"

/* 0, or -1 with "FILE:LINE: key: sentence" when keys do not fit each other. */
[[nodiscard]] int campaign_policy_put(const struct campaign_dir *, const struct config *,
				      const char *conf_path, struct arena *, json_t *settings,
				      char *ret_why, size_t why_size);
