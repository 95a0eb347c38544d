/* draw.h - one engine's part of a limit that all engines of a database share: pure.
 * The limit is a bucket, cut into equal parts: each part has that share of the rate and of the
 * burst, so that parts in different hands together never let pass more than the whole bucket,
 * in any window. An engine draws parts for a short time from the limit's account (account.h);
 * alone it holds all of them and is not slower than a bucket of its own. A burst of one cannot
 * be cut: then engines take turns.
 *
 * Times that two machines speak of are relative: what is drawn is void so long after it was
 * asked for, by the engine's own clock, which is earlier than the account counts it. An answer
 * that was lost gives nothing: what was held before goes on until its own end. */
#pragma once

#include "engine/shape/bucket.h"

#define DRAW_THOUSAND 1000 /* wanted: of the whole rate */

struct draw_ask {
	uint64_t number; /* grows with every question of an engine: none is answered twice */
	struct rate rate; /* of the limit: count 0 when it is of connections at once, */
	uint32_t limit;   /* then of so many */
	uint32_t keeps;   /* parts (connections) that it goes on using */
	int64_t level;    /* keeps 0: what was left in its bucket (BUCKET_CELL), */
	bool reports;     /* and that it held the bucket until now */
	uint32_t wanted;  /* of the rate, in thousandths; of connections: in all */
	uint32_t largest; /* cells that one taking has come to, at most (bytes), */
	bool whole;       /* where it may go beyond what there is: then it is never cut */
	uint32_t ended_epoch; /* the engine's process of that epoch has ended, for certain; 0: none */
};

struct draw_grant {
	uint32_t parts, parts_of; /* it holds now; of connections: of so many that are its share */
	uint32_t kept;            /* of them it has held without a gap */
	int64_t level;            /* what the others have in them */
	usec lasts;               /* from when it was asked; 0: not longer than before; of connections:
				     as long as others know that this engine is there */
	usec again_in;            /* ask again after so long; 0: when what is held nears its end */
	bool turns;               /* more want it than there are parts: to be let go of in time */
};

struct draw {
	struct rate rate;     /* of the limit; count 0: there is none */
	struct bucket bucket; /* of its parts; means nothing without any */
	uint32_t parts, parts_of;
	usec until;     /* they are void from then */
	usec renew_at;  /* before that they are drawn again */
	usec again_at;  /* no question before */
	usec active_at; /* when somebody took, or wanted to, the last time */
	usec asked_at;
	uint64_t taken; /* cells since it asked the last time */
	uint32_t largest;
	uint32_t keeps; /* of the question under way */
	bool whole, turns, busy;
	bool lost; /* an answer was, and none came since: what it holds it cannot tell */
};

/* whole: a taking may be of many cells, and go beyond what there is. */
void draw_init(struct draw *, struct rate, bool whole, usec now);
void draw_set_rate(struct draw *, struct rate, usec now); /* what was taken stays taken */

/* As bucket.h has them: without parts there is no room, and no time when there will be
 * (USEC_NEVER): an answer brings it. */
uint32_t draw_room(const struct draw *, uint32_t limit, usec now);
usec draw_next_at(const struct draw *, usec now);
void draw_take(struct draw *, uint32_t count, usec now);

/* Whether to ask now, where waits says that somebody is held back by it; otherwise *ret_at is
 * when to look again at the latest. */
[[nodiscard]] bool draw_is_due(struct draw *, bool waits, usec now, usec *ret_at);
/* The question; it counts as asked from now. All parts that are not kept are let go. */
void draw_begin(struct draw *, bool waits, uint64_t number, usec now, struct draw_ask *ret_ask);
/* NULL: the answer was lost, or there was none. */
void draw_end(struct draw *, const struct draw_grant *, usec now);

/* The last question: it lets go of all it holds. False: there is nothing to say. */
[[nodiscard]] bool draw_last(struct draw *, uint64_t number, usec now, struct draw_ask *ret_ask);

/* Connections at once: places that are held for as long as they are used, and counted as held
 * until the engine says otherwise or has been silent for so long that it counts as gone. */
struct slots {
	uint32_t limit; /* 0: there is none */
	uint32_t held, share;
	usec until; /* nothing is opened from then before an answer comes */
	usec again_at, asked_at;
	bool busy;
	bool outdated; /* the question under way is of another limit */
};

void slots_init(struct slots *, uint32_t limit);
/* Another limit: what is open is told at once, and none is opened before the answer. */
void slots_set_limit(struct slots *, uint32_t limit);
uint32_t slots_room(const struct slots *, uint32_t open, usec now);
[[nodiscard]] bool slots_are_due(struct slots *, uint32_t open, bool waits, usec now, usec *ret_at);
void slots_begin(struct slots *, uint32_t open, bool waits, uint64_t number, usec now,
		 struct draw_ask *ret_ask);
void slots_end(struct slots *, const struct draw_grant *, usec now);
/* How many connections are to be closed, because others have too few. */
uint32_t slots_excess(const struct slots *, uint32_t open);
