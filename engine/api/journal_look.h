/* journal_look.h - an engine's journal as people look at it: its segments, what is open in it, how
 * it ends. Read only; an engine may be writing meanwhile. */
#pragma once

#include "engine/api/cli.h"
#include "engine/base/map.h"
#include "engine/journal/cursor.h"

struct look_segment {
	uint64_t begin, end, marks, outcomes, voids;
};

struct look_mark {
	uint64_t key[3]; /* campaign, subscriber, attempt */
	struct journal_mark mark;
	uint64_t begin;
};

struct journal_look {
	struct arena *arena;
	const char *directory;
	int holder; /* process that writes it; 0: none, -1: one that cannot be named */
	struct look_segment *segments;
	size_t segment_count;
	struct map open; /* of struct look_mark */
	uint64_t marks, outcomes, voids;
	uint64_t unsettled; /* outcomes behind the settled position */
	bool settled_is_known;
	uint64_t settled;
	const char *settled_unknown; /* why */
	enum journal_ending ending;
	uint64_t end, left; /* behind the last whole record; bytes there that are none */
	unsigned aside;     /* files that damage has left */
};

/* With settled set where it is known. 0, or -1 with a sentence. */
[[nodiscard]] int journal_look(struct journal_look *, char *ret_why, size_t why_size);
void journal_look_text(const struct journal_look *, struct buf *out);
void journal_look_json(const struct journal_look *, struct buf *out);
/* "2026-11-29T08:00:00+00:00"; nothing for 0. */
void journal_put_time(struct buf *out, usec wall);

/* Outcomes that the database refused. An exit code. */
[[nodiscard]] int journal_show_asides(struct cli *);
