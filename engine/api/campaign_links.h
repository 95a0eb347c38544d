/* campaign_links.h - the table of a revision's tracked links: where each leads. It is made by
 * the function that rewrites them (templates/links.h), so index and link belong together. */
#pragma once

#include "engine/api/campaign_dir.h"
#include "engine/api/db.h"

/* CLI_GO, or an exit code after a sentence. Within the transaction that stores the revision. */
[[nodiscard]] int campaign_links_save(struct db *, const struct campaign_dir *,
				      const struct campaign_row *, uint32_t revision);
/* Of the newest revision, for people or as the member "links" of an object. */
[[nodiscard]] int campaign_links_show(struct db *, const struct campaign_row *,
				      enum output_format, struct buf *out);
