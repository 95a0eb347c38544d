/* place.h - where to: a provider or a domain, perhaps of one campaign only, as commands are
 * told by --provider, --domain and --campaign. */
#pragma once

#include "engine/api/db.h"

struct place {
	const char *provider, *domain, *campaign; /* as typed; NULL: any */
	/* After place_read(), for statements; NULL: any. */
	const char *campaign_id, *domain_key;
	str site; /* of the domain; data NULL: no domain was given, or none knows where it leads
		   */
};

/* Checks that there is such a place. CLI_GO, or an exit code after a sentence. */
[[nodiscard]] int place_read(struct db *, struct place *);
/* A domain as the database has it: A-labels, lower case. CLI_GO, or EXIT_INVALID. */
[[nodiscard]] int place_domain_key(struct cli *, const char *text, const char **ret_key);
/* "at gmail", "at example.com, campaign spring"; "everywhere". */
void place_put(const struct place *, struct buf *out);
/* The same as members of a JSON object, each behind a comma. */
void place_put_json(const struct place *, struct buf *out);
