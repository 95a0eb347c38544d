/* path_rows.h - the state of paths as the commands read and show it: which limit binds, and
 * why. */
#pragma once

#include "engine/api/db.h"
#include "engine/base/usec.h"

struct path_row {
	str source, site, provider, tls_key, engine;
	str state; /* "sending", "waiting", "idle" */
	str why;   /* what holds it back; empty: nothing */
	usec held_until_wall;
	uint64_t connection_cap, connection_limit;
	uint64_t rate_per_day, rate_limit_per_day; /* 0: no limit */
	uint64_t open, waiting, in_flight, started_minute, delivered, deferred, failed;
	usec throttled_wall;
	str throttle;
	usec updated_wall;
};

struct path_rows {
	struct path_row *items;
	size_t count;
};

/* Runs a statement whose columns are those of api_paths_*; all texts are in the arena. CLI_GO
 * or an exit code. */
[[nodiscard]] int path_rows_read(struct db *, struct arena *, const char *statement,
				 const char *parameter, struct path_rows *ret_rows);
/* "432/h of 864/h", "2.5/s"; "unlimited". */
void path_put_rate(struct buf *out, uint64_t per_day, uint64_t limit_per_day);
/* Which limit binds: "rate 432/h of 864/h, until 12:03:11 (in 2s)"; nothing when none does. */
void path_put_hold(struct buf *out, const struct path_row *, usec now_wall);
/* Two lines about a path, indented. */
void path_put_text(struct buf *out, const struct path_row *, usec now_wall);
void path_put_json(struct buf *out, const struct path_row *);

/* "2026-11-28 12:03:11"; with today's date the time alone. All times are UTC. */
void when_put(struct buf *out, usec wall, usec now_wall);
/* " (in 4m)", " (2h ago)". */
void when_put_distance(struct buf *out, usec wall, usec now_wall);
/* ,"name":"2026-11-28T12:03:11Z" or ,"name":null for 0. */
void when_put_json(struct buf *out, const char *name, usec wall);
