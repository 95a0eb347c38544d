/* nodes.h - the engines of a database as `rundbrief nodes` reads and shows them. */
#pragma once

#include "engine/api/db.h"
#include "engine/base/usec.h"

struct node {
	str id, name;
	/* working; standby: it has no source; gone: silent for its lease; left: in order;
	 * forgotten: a person said that it never returns */
	str state;
	uint64_t epoch;
	usec since_wall, heartbeat_wall, left_wall; /* 0: not known, or not */
	uint64_t silent_seconds;                    /* since the last heartbeat */
	str sources;                                /* by commas; empty: none */
	uint64_t leased, orphaned;                  /* slices; orphaned: they wait for its journal */
	usec decide_wall;                           /* until then, the first of them; 0: none */
	uint64_t unsettled; /* marked as started, and no outcome is known to the database */
	uint64_t position;  /* bytes of its journal that are settled */
	uint64_t started_minute, in_flight;
	str why; /* what holds back the path on which most waits; empty: nothing */
};

struct nodes {
	struct node *items;
	size_t count;
};

/* All, or the one of that name; texts in the command's arena. CLI_GO or an exit code. */
[[nodiscard]] int nodes_read(struct db *, const char *name, struct nodes *ret_nodes);
/* What it waits for, or others wait for because of it; nothing when it simply works. */
void node_put_wait(struct buf *out, const struct node *, usec now_wall);
/* A few lines. */
void node_put_text(struct buf *out, const struct node *, usec now_wall);
