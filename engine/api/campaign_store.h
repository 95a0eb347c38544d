/* campaign_store.h - a campaign's folder into the database: read, checked, stored. */
#pragma once

#include "engine/api/campaign_dir.h"
#include "engine/api/db.h"

struct campaign_saved {
	uint32_t revision;
	bool is_new; /* false: the newest revision had this content already */
	struct campaign_dir dir; /* what was stored */
};

/* CLI_GO, or an exit code after the mistakes were told; then nothing was stored. */
[[nodiscard]] int campaign_store_folder(struct db *, const char *folder,
					struct campaign_row *ret_campaign,
					struct campaign_saved *ret_saved);
/* Read and checked, and not stored. */
[[nodiscard]] int campaign_store_read(struct db *, const char *folder,
				      struct campaign_dir *ret_dir);
/* The same for the campaign of ready content, see campaign_dir_ready(). */
[[nodiscard]] int campaign_store_ready(struct db *, const char *from,
				       struct campaign_row *ret_campaign,
				       struct campaign_saved *ret_saved);
