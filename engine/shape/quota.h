/* quota.h - a limit wider than a path: over several sources or sites, or of a campaign, a list,
 * a tenant. Pure, given now; shared by all paths of one carrier that it binds. What may start
 * is the least of what a path and all its quotas allow; whoever starts takes from all of them.
 *
 * It is shared by all engines of a database, too: what it lets start here are the parts that
 * this engine has drawn of it (draw.h), and without any nothing starts.
 */
#pragma once

#include "engine/shape/draw.h"

struct quota_limits {
	struct rate message_rate, byte_rate, connection_rate; /* count 0: no limit */
	uint32_t connections;                                 /* at once; 0: no limit */
};

/* What is drawn, each from an account of its own. */
enum quota_kind { QUOTA_MESSAGES, QUOTA_BYTES, QUOTA_CONNECTIONS, QUOTA_SLOTS, QUOTA_KINDS };
#define QUOTA_RATES QUOTA_SLOTS

struct quota {
	struct quota_limits limits;
	struct draw rates[QUOTA_RATES];
	struct slots slots;
	uint32_t open_count; /* connections that are open or being opened */
};

void quota_init(struct quota *, const struct quota_limits *, usec now);
/* New limits (a reload, a window that shrinks); what was taken stays taken. */
void quota_set_limits(struct quota *, const struct quota_limits *, usec now);

/* Messages that may start now, at most limit. Of bytes it asks only whether some are left: what
 * a message takes beyond them is paid back by a longer wait. */
uint32_t quota_start_room(const struct quota *, uint32_t limit, usec now);
/* When one may: now or later; USEC_NEVER: when more is drawn. */
usec quota_start_at(const struct quota *, usec now);
void quota_start(struct quota *, uint64_t size, usec now);
/* What it lets start in the long run here, as far as is known. */
struct rate quota_message_rate(const struct quota *);

/* Connections that may be opened now, at most limit. */
uint32_t quota_open_room(const struct quota *, uint32_t limit, usec now);
/* When one may: now or later; USEC_NEVER: when another one is closed, or more is drawn. */
usec quota_open_at(const struct quota *, usec now);
void quota_open(struct quota *, usec now);
/* One more in place of one that is counted: when the rate lets it, and that it is opened. */
usec quota_reopen_at(const struct quota *, usec now);
void quota_reopen(struct quota *, usec now);
void quota_close(struct quota *);

/* Drawing, for all kinds alike; waits: somebody is held back by it. As draw.h has them. */
[[nodiscard]] bool quota_draw_is_due(struct quota *, enum quota_kind, bool waits, usec now,
				     usec *ret_at);
void quota_draw_begin(struct quota *, enum quota_kind, bool waits, uint64_t number, usec now,
		      struct draw_ask *ret_ask);
void quota_draw_end(struct quota *, enum quota_kind, const struct draw_grant *, usec now);
bool quota_is_drawing(const struct quota *); /* a question is under way */
/* Whatever is held is let go of: what to say of that kind at the end. False: nothing is. */
[[nodiscard]] bool quota_draw_last(struct quota *, enum quota_kind, uint64_t number, usec now,
				   struct draw_ask *ret_ask);
