/* campaign_variants.h - the forms of a letter (A/B) and the hold-out, as campaign.conf says
 * them: into the settings as engine/send/content.h describes them, and into the split as the
 * campaign's row keeps it (templates/variant.h). */
#pragma once

#include <jansson.h>

#include "engine/api/campaign_dir.h"

#define VARIANT_OF_THE_LETTER "a" /* the letter itself is a variant, the first */

/* Sets split and hold_out of the campaign, whose bodies have been read. 0, or -1 with
 * "FILE:LINE: section.key: sentence" when something is no variant or leaves nobody. */
[[nodiscard]] int campaign_variants_put(struct campaign_dir *, const char *conf_path,
					struct arena *, json_t *settings, char *ret_why,
					size_t why_size);

/* campaign_dir.c's: a file that is UTF-8 text; from_name and from_address. 0 or -1. */
[[nodiscard]] int campaign_dir_text(str path, struct arena *, str *ret_text, char *why,
				    size_t why_size);
[[nodiscard]] int campaign_dir_put_from(json_t *settings, str from);
