/* limits.h - the limits of one seed, and the hosts that hold the engine to them. */
#pragma once

#include "engine/send/engine.h"
#include "tests/sim/limits/tally.h"

#define LIMITS_SOURCES 3
#define LIMITS_PROVIDERS 4 /* of six sites: two, two, one, one */
#define LIMITS_EDITS 3     /* texts of the limits of paths, each in force for a while */
#define LIMITS_NAMED 5
#define LIMITS_CAMPAIGNS 3
#define LIMITS_ENGINES 2

struct limits_plan {
	unsigned engine_count; /* source i belongs to engine i % engine_count */
	unsigned source_count, site_count, campaign_count, named_count;
	struct path_limits of_provider[LIMITS_EDITS][LIMITS_PROVIDERS];
	unsigned edit; /* which are in force */
	struct limit_rule named[LIMITS_NAMED];
	/* What each edit has of them: other limits, or none where it leaves one out. */
	struct quota_limits named_of[LIMITS_EDITS][LIMITS_NAMED];
	struct limit_rule rules_of[LIMITS_EDITS][LIMITS_NAMED];
	size_t rule_count_of[LIMITS_EDITS];
	struct quota_limits of_campaign[LIMITS_CAMPAIGNS]; /* ids LIMITS_CAMPAIGN and on */
};
#define LIMITS_CAMPAIGN 40

extern const char *const limits_provider_names[LIMITS_PROVIDERS];
unsigned limits_provider_of(unsigned site);

/* limits_host.c */
void limits_hosts_begin(struct world *, const struct limits_plan *);
/* plan->edit is another; so each engine has it, later than now where it stands still. */
void limits_hosts_change(const usec taken_at[LIMITS_ENGINES]);
/* Whether an engine counts as gone: who has been silent for longer than its lease keeps the
 * connections it has, and the others have its places. */
void limits_hosts_lapse(unsigned engine, bool is_gone);
uint64_t limits_hosts_arrived(void); /* messages */
/* Of them, under a limit wider than a path that another engine had used less than a second before. */
uint64_t limits_hosts_together(void);
