/* draw.c - see draw.h: when an engine asks for its part of a limit, and what an answer means.
 * Whoever has nothing to do lets go at once and says what was left; where turns are taken one
 * lets go a moment before the end of his turn, so that the next one knows exactly how full the
 * bucket is. Only who dies or falls silent leaves it to be counted as used up. */
#include "engine/shape/draw.h"

#include "engine/base/assert.h"

#define IDLE_AFTER USEC_SECOND          /* without anybody who wants to start */
#define FAR_ALONE (5 * USEC_SECOND)     /* the next start is so far away: not held until then */
#define FAR_IN_TURNS (150 * USEC_MS)    /* the same where somebody else may have a use for it */
#define TURN_MARGIN (30 * USEC_MS)      /* before the end of a turn */
#define LOST_PAUSE (100 * USEC_MS)
#define LARGEST_LEAST 65536 /* bytes: before larger ones were seen */
#define CLOCK_ERROR 1000 /* a machine's second is not off by more than a thousandth */

static bool is_limited(const struct draw *d)
{
	return d->rate.count > 0;
}

static bool holds(const struct draw *d, usec now)
{
	return d->parts > 0 && now < d->until;
}

void draw_init(struct draw *d, struct rate rate, bool whole, usec now)
{
	*d = (struct draw){.rate = rate, .whole = whole, .until = now, .again_at = now};
	d->active_at = now - IDLE_AFTER;
	d->largest = whole ? LARGEST_LEAST : 0;
	bucket_init(&d->bucket, rate, now);
}

/* The bucket of other parts, or of another rate: what is in it stays in it. */
static void refit(struct draw *d, uint32_t parts, uint32_t of, int64_t level, usec now)
{
	d->parts = parts;
	d->parts_of = of;
	d->bucket.rate = rate_share(&d->rate, parts, of);
	bucket_set_level(&d->bucket, level, now);
}

void draw_set_rate(struct draw *d, struct rate rate, usec now)
{
	bool had = is_limited(d) && holds(d, now);
	int64_t level = had ? bucket_level(&d->bucket, now) : 0;

	d->rate = rate;
	if (!is_limited(d) || !had) {
		d->parts = 0;
		bucket_init(&d->bucket, rate, now);
		return;
	}
	refit(d, d->parts, d->parts_of, level, now);
}

uint32_t draw_room(const struct draw *d, uint32_t limit, usec now)
{
	if (!is_limited(d))
		return limit;
	return holds(d, now) && d->bucket.rate.burst > 0 ? bucket_room(&d->bucket, limit, now)
							 : 0;
}

usec draw_next_at(const struct draw *d, usec now)
{
	if (!is_limited(d))
		return now;
	if (!holds(d, now) || d->bucket.rate.burst == 0)
		return USEC_NEVER;
	usec at = bucket_next_at(&d->bucket, now);
	return at < d->until ? at : USEC_NEVER;
}

void draw_take(struct draw *d, uint32_t count, usec now)
{
	if (!is_limited(d))
		return;
	bucket_take(&d->bucket, count, now);
	d->active_at = now;
	d->taken += count;
	if (count > d->largest)
		d->largest = count;
}

/* ---- asking ---- */

/* When the next may start is too far away to hold the bucket for it. */
static bool is_far(const struct draw *d, usec now)
{
	usec far = d->turns ? FAR_IN_TURNS : FAR_ALONE;
	return bucket_next_at(&d->bucket, now) > now + far;
}

static bool ends_turn(const struct draw *d, usec now)
{
	return d->turns && d->until - now <= TURN_MARGIN;
}

static bool is_wanted(struct draw *d, bool waits, usec now)
{
	if (waits)
		d->active_at = now;
	return now - d->active_at < IDLE_AFTER;
}

bool draw_is_due(struct draw *d, bool waits, usec now, usec *ret_at)
{
	*ret_at = USEC_NEVER;
	if (!is_limited(d) || d->busy)
		return false;
	bool wanted = is_wanted(d, waits, now);
	if (!holds(d, now)) {
		*ret_at = wanted ? d->again_at : USEC_NEVER;
		return wanted && now >= d->again_at;
	}
	if (!wanted || (waits && is_far(d, now)) || ends_turn(d, now))
		return true;
	usec due = d->turns ? d->until - TURN_MARGIN : d->renew_at;
	*ret_at = usec_min(due, d->active_at + IDLE_AFTER);
	return now >= due;
}

/* What it uses and half as much, or all when it was short of it. */
static uint32_t wanted_of(const struct draw *d, bool waits, usec now)
{
	uint64_t yield = (uint64_t)rate_yield(&d->rate, now - d->asked_at) / BUCKET_CELL;

	if (waits || yield == 0)
		return DRAW_THOUSAND;
	uint64_t wanted = d->taken * (DRAW_THOUSAND + DRAW_THOUSAND / 2) / yield;
	return wanted >= DRAW_THOUSAND ? DRAW_THOUSAND : wanted ? (uint32_t)wanted : 1;
}

void draw_begin(struct draw *d, bool waits, uint64_t number, usec now, struct draw_ask *ret)
{
	ASSERT(is_limited(d) && !d->busy);
	bool wanted = is_wanted(d, waits, now), had = d->parts > 0;
	bool lets_go = !holds(d, now) || !wanted || (waits && is_far(d, now)) || ends_turn(d, now);

	*ret = (struct draw_ask){
		.number = number,
		.rate = d->rate,
		.keeps = lets_go ? 0 : d->parts,
		.reports = lets_go && had && !d->lost,
		.level = lets_go && had ? bucket_level(&d->bucket, now) : 0,
		.wanted = wanted ? wanted_of(d, waits, now) : 0,
		.largest = d->largest,
		.whole = d->whole,
	};
	if (lets_go)
		d->parts = 0;
	d->keeps = ret->keeps;
	d->busy = true;
	d->asked_at = now;
	d->taken = 0;
}

/* ---- answers ---- */

/* What it has in its own parts, of which it may have lost some meanwhile. */
static int64_t own_level(const struct draw *d, const struct draw_grant *g, usec now)
{
	if (g->kept == 0 || d->keeps == 0)
		return 0;
	int64_t level = bucket_level(&d->bucket, now);
	return now < d->until || level < 0 ? level : 0;
}

static void take_parts(struct draw *d, const struct draw_grant *g, usec now)
{
	usec until = d->asked_at + g->lasts - g->lasts / CLOCK_ERROR;
	bool same = g->kept == g->parts && d->keeps == g->parts && g->parts_of == d->parts_of &&
		    now < d->until;

	if (!same)
		refit(d, g->parts, g->parts_of, own_level(d, g, now) + g->level, now);
	if (g->lasts > 0) {
		d->until = until;
		d->renew_at = d->asked_at + g->lasts * 2 / 5;
	}
}

void draw_end(struct draw *d, const struct draw_grant *g, usec now)
{
	d->busy = false;
	if (!is_limited(d))
		return;
	d->lost = !g;
	if (!g) {
		d->again_at = d->renew_at = now + LOST_PAUSE;
		return;
	}
	d->turns = g->turns;
	if (g->parts > 0)
		take_parts(d, g, now);
	else
		d->parts = 0;
	d->again_at = now + g->again_in;
	if (g->again_in > 0 && d->parts > 0)
		d->renew_at = usec_min(d->renew_at, d->again_at);
}

bool draw_last(struct draw *d, uint64_t number, usec now, struct draw_ask *ret)
{
	if (!is_limited(d) || !holds(d, now))
		return false;
	*ret = (struct draw_ask){
		.number = number,
		.rate = d->rate,
		.level = bucket_level(&d->bucket, now),
		.reports = !d->busy && !d->lost,
		.largest = d->largest,
		.whole = d->whole,
	};
	d->parts = 0;
	return true;
}

/* ---- connections at once ---- */

#define SLOTS_RENEW (5 * USEC_SECOND)
#define SLOTS_LOOK (500 * USEC_MS) /* some are not used, or somebody wants more than a share */

void slots_init(struct slots *s, uint32_t limit)
{
	*s = (struct slots){.limit = limit, .share = limit};
}

void slots_set_limit(struct slots *s, uint32_t limit)
{
	bool busy = s->busy;
	if (s->limit == limit)
		return;
	slots_init(s, limit);
	s->busy = s->outdated = busy;
}

uint32_t slots_room(const struct slots *s, uint32_t open, usec now)
{
	if (s->limit == 0)
		return UINT32_MAX;
	uint32_t mine = s->share < s->limit ? s->share : s->limit;
	uint32_t held = s->held < mine ? s->held : mine;
	return now < s->until && held > open ? held - open : 0;
}

bool slots_are_due(struct slots *s, uint32_t open, bool waits, usec now, usec *ret_at)
{
	*ret_at = USEC_NEVER;
	if (s->limit == 0 || s->busy)
		return false;
	bool all = s->held >= s->share && now < s->until;
	bool short_of = waits && !all && slots_room(s, open, now) == 0;
	usec due = USEC_NEVER;
	if (short_of)
		due = s->again_at;
	else if (s->held != open || waits)
		due = s->asked_at + SLOTS_LOOK;
	else if (s->held > 0)
		due = s->asked_at + SLOTS_RENEW;
	*ret_at = due;
	return now >= due;
}

void slots_begin(struct slots *s, uint32_t open, bool waits, uint64_t number, usec now,
		 struct draw_ask *ret)
{
	ASSERT(s->limit > 0 && !s->busy);
	uint32_t keeps = waits && now < s->until && s->held < s->share ? s->held : s->share;
	if (!waits || s->held < open || now >= s->until || keeps < open)
		keeps = open;
	/* What it has beyond what it holds it says, and opens none in its place meanwhile. */
	s->held = keeps < s->held ? keeps : s->held;
	*ret = (struct draw_ask){
		.number = number,
		.limit = s->limit,
		.keeps = keeps,
		.wanted = waits && s->limit > keeps ? s->limit : keeps,
	};
	s->busy = true;
	s->asked_at = now;
}

void slots_end(struct slots *s, const struct draw_grant *g, usec now)
{
	bool outdated = s->outdated;
	s->busy = s->outdated = false;
	if (outdated) /* that was another limit */
		return;
	if (!g) {
		s->again_at = now + LOST_PAUSE;
		return;
	}
	s->held = g->parts;
	s->share = g->parts_of;
	s->until = s->asked_at + g->lasts - g->lasts / CLOCK_ERROR;
	s->again_at = now + g->again_in;
}

uint32_t slots_excess(const struct slots *s, uint32_t open)
{
	return s->limit > 0 && open > s->share ? open - s->share : 0;
}
