/* quota.h - a limit wider than a path: over several sources or sites, or of a campaign, a list,
 * a tenant. Pure, given now; shared by all paths of one carrier that it binds. What may start
 * is the least of what a path and all its quotas allow; whoever starts takes from all of them.
 */
#pragma once

#include "engine/shape/bucket.h"

struct quota_limits {
	struct rate message_rate, byte_rate, connection_rate; /* count 0: no limit */
	uint32_t connections;                                 /* at once; 0: no limit */
};

struct quota {
	struct quota_limits limits;
	struct bucket messages, bytes, connections;
	uint32_t open_count; /* connections that are open or being opened */
};

void quota_init(struct quota *, const struct quota_limits *, usec now);
/* New limits (a reload, a window that shrinks); what was taken stays taken. */
void quota_set_limits(struct quota *, const struct quota_limits *, usec now);

/* Messages that may start now, at most limit. Of bytes it asks only whether some are left: what
 * a message takes beyond them is paid back by a longer wait. */
uint32_t quota_start_room(const struct quota *, uint32_t limit, usec now);
usec quota_start_at(const struct quota *, usec now); /* when one may: now or later */
void quota_start(struct quota *, uint64_t size, usec now);

/* Connections that may be opened now, at most limit. */
uint32_t quota_open_room(const struct quota *, uint32_t limit, usec now);
/* When one may: now or later; USEC_NEVER: when another one is closed. */
usec quota_open_at(const struct quota *, usec now);
void quota_open(struct quota *, usec now);
void quota_reopen(struct quota *, usec now); /* one more in place of one that is counted */
void quota_close(struct quota *);
