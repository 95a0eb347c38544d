/* account.c - see account.h: rates. */
#include "engine/shape/account.h"

#include "engine/base/assert.h"

#define NOBODY 0 /* is no engine's id */
#define LASTS_ALONE (1500 * USEC_MS)
#define LASTS_SHARED USEC_SECOND
#define LASTS_TURN (500 * USEC_MS)
#define WANTS_LONGER USEC_SECOND /* after the time it was told to come back at */
#define QUEUE_STEP (50 * USEC_MS) /* so long the one in front is waited for */
#define TURN_EARLY (25 * USEC_MS)
#define LOOK_LEAST (10 * USEC_MS)
#define LOOK_MOST (200 * USEC_MS)
#define AHEAD_ALONE USEC_SECOND /* parts that give nothing before are not given away */
#define AHEAD_IN_TURNS (100 * USEC_MS)
#define ROTATE_EVERY (4 * USEC_SECOND) /* who has the part that is left over */

/* ---- the pool ---- */

static uint32_t free_parts(const struct account *a)
{
	uint32_t held = 0;
	for (size_t i = 0; i < a->count; i++)
		held += a->holders[i].parts + a->holders[i].ending;
	return held < a->parts_of ? a->parts_of - held : 0;
}

/* It fills by the shares of the parts that nobody holds. */
static void fill(struct account *a, const struct rate *rate, usec now)
{
	uint32_t parts = free_parts(a);
	if (now > a->at && parts > 0) {
		struct rate share = rate_share(rate, parts, a->parts_of);
		int64_t most = (int64_t)share.burst * BUCKET_CELL;
		a->level += rate_yield(&share, now - a->at);
		a->level = a->level < most ? a->level : most;
	}
	if (parts == 0 && a->level > 0)
		a->level = 0;
	a->at = usec_max(a->at, now);
}

/* Nobody knows what was left in parts that have become void: nothing, and where a taking is of
 * many cells (bytes), the last one went beyond. */
static void void_of(struct account *a, struct account_holder *h, const struct rate *rate,
		    bool ending)
{
	usec at = ending ? h->ending_until : h->until;
	fill(a, rate, at);
	if (h->largest > 1)
		a->level -= (int64_t)(h->largest - 1) * BUCKET_CELL;
	a->freed_at = usec_max(a->freed_at, at);
	if (ending)
		h->ending = 0;
	else
		h->parts = 0;
}

static struct account_holder *next_void(struct account *a, usec now, bool *ret_ending)
{
	struct account_holder *first = NULL;
	usec at = now;
	for (size_t i = 0; i < a->count; i++) {
		struct account_holder *h = &a->holders[i];
		if (h->parts > 0 && h->until <= at) {
			first = h;
			at = h->until;
			*ret_ending = false;
		}
		if (h->ending > 0 && h->ending_until <= at) {
			first = h;
			at = h->ending_until;
			*ret_ending = true;
		}
	}
	return first;
}

static void settle(struct account *a, const struct rate *rate, usec now)
{
	bool ending = false;
	for (struct account_holder *h; (h = next_void(a, now, &ending));)
		void_of(a, h, rate, ending);
	fill(a, rate, now);
}

/* ---- holders ---- */

struct account_holder *account_holder_of(struct account *a, uint32_t engine_id)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->holders[i].engine_id == engine_id)
			return &a->holders[i];
	return NULL;
}

/* All times as if none had passed since they were written. */
static void set_back(struct account *a, usec by)
{
	a->at -= by;
	a->freed_at -= by;
	for (size_t i = 0; i < a->count; i++) {
		struct account_holder *h = &a->holders[i];
		h->until -= by;
		h->ending_until -= by;
		h->wants_until -= by;
		h->served_at -= by;
	}
}

static void forget_gone(struct account *a, usec now)
{
	size_t kept = 0;
	for (size_t i = 0; i < a->count; i++) {
		const struct account_holder *h = &a->holders[i];
		/* Numbers are kept for a while: a question may be on its way for long. */
		bool gone = h->parts == 0 && h->ending == 0 &&
			    h->wants_until + 10 * USEC_MINUTE < now;
		if (!gone)
			a->holders[kept++] = *h;
	}
	a->count = kept;
}

struct account_holder *account_begin(struct account *a, uint32_t engine_id, uint32_t epoch,
				     uint64_t number, usec *now)
{
	if (*now < a->at)
		set_back(a, a->at - *now);
	forget_gone(a, *now);
	struct account_holder *h = account_holder_of(a, engine_id);
	if (!h && a->count == ACCOUNT_HOLDERS)
		return NULL;
	if (!h) {
		h = &a->holders[a->count++];
		*h = (struct account_holder){.engine_id = engine_id, .epoch = epoch};
	}
	if (epoch < h->epoch || (epoch == h->epoch && number <= h->number))
		return NULL;
	return h;
}

/* A newer process of its name: what the old one holds it holds until that is void, as somebody
 * without a name; or until now, where that one is known to have ended: then all that was in its
 * hands counts as used, and no more of it is. False: there is no room for him. */
static bool take_over(struct account *a, struct account_holder *h, uint32_t epoch,
		      const struct draw_ask *ask, usec now)
{
	if (h->epoch != epoch && h->epoch == ask->ended_epoch) {
		h->until = usec_min(h->until, now);
		h->ending_until = usec_min(h->ending_until, now);
		settle(a, &ask->rate, now);
	}
	if (h->epoch != epoch && h->parts + h->ending > 0) {
		if (a->count == ACCOUNT_HOLDERS)
			return false;
		struct account_holder *old = &a->holders[a->count++];
		*old = *h;
		old->engine_id = NOBODY;
		old->wanted = 0;
		h->parts = h->ending = 0;
	}
	h->epoch = epoch;
	return true;
}

/* What it no longer uses is free at once. Of parts that are kept the ending ones come last. */
static void let_go(struct account *a, struct account_holder *h, const struct draw_ask *ask,
		   usec now)
{
	uint32_t held = h->parts + h->ending;
	uint32_t keeps = ask->keeps < held ? ask->keeps : held;
	if (keeps == held)
		return;
	bool all = keeps == 0 && ask->reports;
	h->parts = h->parts < keeps ? h->parts : keeps;
	h->ending = keeps - h->parts;
	if (all) {
		struct rate share = rate_share(&ask->rate, held, a->parts_of);
		int64_t most = (int64_t)share.burst * BUCKET_CELL;
		a->level += ask->level < most ? ask->level : most;
	}
	a->freed_at = now;
}

/* ---- who gets how many ---- */

void account_share(const uint32_t *wanted, uint32_t *shares, size_t count, uint32_t amount,
		   size_t first)
{
	for (size_t i = 0; i < count; i++)
		shares[i] = 0;
	for (size_t hungry = count; amount > 0 && hungry > 0;) {
		hungry = 0;
		for (size_t i = 0; i < count; i++)
			hungry += shares[i] < wanted[i];
		uint32_t each = hungry ? amount / (uint32_t)hungry : 0;
		for (size_t k = 0; k < count && hungry > 0 && amount > 0; k++) {
			size_t i = (first + k) % count;
			uint32_t more = wanted[i] - shares[i];
			uint32_t most = each ? each : 1;
			more = more < most ? more : most;
			more = more < amount ? more : amount;
			shares[i] += more;
			amount -= more;
		}
	}
}

static bool wants(const struct account_holder *h, usec now)
{
	return h->wanted > 0 && h->wants_until > now;
}

static uint32_t parts_for(uint32_t wanted, uint32_t of)
{
	uint32_t parts = (wanted * of + DRAW_THOUSAND - 1) / DRAW_THOUSAND;
	return parts < 1 ? 1 : parts < of ? parts : of;
}

/* Its share of the parts; *ret_others: how many beside it want some. */
static uint32_t share_of(const struct account *a, const struct account_holder *me, usec now,
			 uint32_t *ret_others)
{
	uint32_t wanted[ACCOUNT_HOLDERS], shares[ACCOUNT_HOLDERS];
	size_t count = 0, mine = 0;
	for (size_t i = 0; i < a->count; i++) {
		const struct account_holder *h = &a->holders[i];
		if (h != me && !wants(h, now))
			continue;
		if (h == me)
			mine = count;
		wanted[count++] = parts_for(h->wanted, a->parts_of);
	}
	*ret_others = (uint32_t)count - 1;
	account_share(wanted, shares, count, a->parts_of,
		      (size_t)(now / ROTATE_EVERY) % count);
	return count == 1 ? a->parts_of : shares[mine];
}

/* How many of those that wait are before it. */
static uint32_t place_of(const struct account *a, const struct account_holder *me, usec now)
{
	uint32_t before = 0;
	for (size_t i = 0; i < a->count; i++) {
		const struct account_holder *h = &a->holders[i];
		if (h == me || !wants(h, now) || h->parts + h->ending > 0)
			continue;
		before += h->served_at < me->served_at ||
			  (h->served_at == me->served_at && h < me);
	}
	return before;
}

static usec first_end(const struct account *a, usec now)
{
	usec at = USEC_NEVER;
	for (size_t i = 0; i < a->count; i++) {
		const struct account_holder *h = &a->holders[i];
		at = h->parts ? usec_min(at, h->until) : at;
		at = h->ending ? usec_min(at, h->ending_until) : at;
	}
	return at == USEC_NEVER ? LOOK_MOST : at - now;
}

static usec within(usec wait)
{
	return wait < LOOK_LEAST ? LOOK_LEAST : usec_min(wait, LOOK_MOST);
}

/* How long until parts of the pool hold a cell; negative: since when they do. */
static usec dry_for(const struct account *a, const struct rate *rate, uint32_t parts,
		    uint32_t free)
{
	struct rate share = rate_share(rate, parts, a->parts_of);
	int64_t level = a->level / (int64_t)free * (int64_t)parts;
	__int128 wait = (__int128)(BUCKET_CELL - level) * share.per /
			((__int128)share.count * BUCKET_CELL);
	return wait > USEC_DAY ? USEC_DAY : wait < -USEC_DAY ? -USEC_DAY : (usec)wait;
}

/* ---- giving ---- */

static void give(struct account *a, struct account_holder *h, uint32_t parts, uint32_t free,
		 struct draw_grant *g)
{
	int64_t level = a->level >= 0 ? a->level / (int64_t)free * (int64_t)parts
			: parts == free ? a->level
					: -(-a->level / (int64_t)free + 1) * (int64_t)parts;
	g->level = level;
	a->level -= level;
	h->parts += parts;
}

/* None of its own yet, and fewer parts than engines. Who holds one lets go of it a little before
 * its end; who is not the first to have it waits for the others to come. */
static uint32_t turn_of(const struct account *a, const struct account_holder *h,
			const struct rate *rate, uint32_t free, usec now, struct draw_grant *g)
{
	uint32_t place = place_of(a, h, now);
	if (free == 0) {
		g->again_in = within(first_end(a, now) - TURN_EARLY);
		return 0;
	}
	usec usable_at = usec_max(a->freed_at, now + dry_for(a, rate, 1, free));
	usec at = usable_at + (usec)place * QUEUE_STEP;
	if (place < free || now >= at)
		return 1;
	g->again_in = within(at - now);
	return 0;
}

/* Parts that could not be used soon stay in the pool, for whoever comes first. */
static uint32_t unless_dry(const struct account *a, const struct rate *rate, uint32_t parts,
			   uint32_t free, struct draw_grant *g)
{
	usec ahead = g->turns ? AHEAD_IN_TURNS : AHEAD_ALONE;
	usec dry = parts ? dry_for(a, rate, parts, free) : 0;
	if (dry <= ahead)
		return parts;
	g->again_in = usec_max(dry - ahead / 2, LOOK_LEAST);
	return 0;
}

static void answer(struct account *a, struct account_holder *h, const struct draw_ask *ask,
		   usec now, struct draw_grant *g)
{
	uint32_t others, held = h->parts + h->ending, free = free_parts(a);
	uint32_t share = share_of(a, h, now, &others), more;
	g->turns = others >= a->parts_of;
	if (g->turns) {
		share = held > 0 ? 1 : 0;
		more = held > 0 ? 0 : turn_of(a, h, &ask->rate, free, now, g);
	} else {
		more = share > held ? share - held : 0;
		more = more < free ? more : free;
		g->again_in = held + more < share ? within(first_end(a, now)) : 0;
	}
	if (held == 0)
		more = unless_dry(a, &ask->rate, more, free, g);
	if (held == 0 && more > 0)
		h->served_at = now;
	g->kept = held < share ? held : share;
	uint32_t left = held - g->kept;
	usec end = usec_max(h->parts ? h->until : 0, h->ending ? h->ending_until : 0);
	h->parts = g->kept;
	h->ending = left;
	h->ending_until = end;
	if (g->turns && held > 0) {
		h->until = end; /* a turn has its end */
	} else if (g->kept + more > 0) {
		/* Never sooner than before: if this answer is lost, it goes on until then. */
		h->until = now + (g->turns ? LASTS_TURN : others ? LASTS_SHARED : LASTS_ALONE);
		h->until = usec_max(h->until, end);
		g->lasts = h->until - now;
	}
	if (more > 0)
		give(a, h, more, free, g);
	g->parts = h->parts;
}

static uint32_t parts_of(const struct rate *rate, bool whole)
{
	if (whole)
		return 1;
	return rate->burst < ACCOUNT_PARTS ? rate->burst : ACCOUNT_PARTS;
}

/* Limits may be written anew, and not everywhere at the same moment: then nobody gets more
 * before all that was cut the old way is void. False: not yet. */
static bool recut(struct account *a, struct account_holder *h, uint32_t parts)
{
	if (a->parts_of == parts)
		return true;
	h->ending_until = usec_max(h->ending > 0 ? h->ending_until : 0, h->parts ? h->until : 0);
	h->ending += h->parts;
	h->parts = 0;
	if (free_parts(a) < a->parts_of)
		return false;
	a->parts_of = parts;
	return true;
}

bool account_draw(struct account *a, uint32_t engine_id, uint32_t epoch,
		  const struct draw_ask *ask, usec now, struct draw_grant *g)
{
	ASSERT(ask->rate.count > 0 && ask->rate.burst >= 1);
	uint32_t parts = parts_of(&ask->rate, ask->whole);
	*g = (struct draw_grant){};
	struct account_holder *h = account_begin(a, engine_id, epoch, ask->number, &now);
	if (!h)
		return false;
	if (a->parts_of == 0) { /* a new one is full */
		a->parts_of = parts;
		a->level = (int64_t)ask->rate.burst * BUCKET_CELL;
		a->at = now;
	}
	settle(a, &ask->rate, now);
	if (!take_over(a, h, epoch, ask, now))
		return false;
	let_go(a, h, ask, now);
	h->number = ask->number;
	h->wanted = ask->wanted;
	h->largest = ask->largest;
	g->parts_of = a->parts_of;
	if (ask->wanted > 0 && recut(a, h, parts)) {
		g->parts_of = a->parts_of;
		answer(a, h, ask, now, g);
	} else if (ask->wanted > 0) {
		g->again_in = within(first_end(a, now));
	}
	fill(a, &ask->rate, now);
	h->wants_until = now + usec_max(g->lasts, g->again_in) + WANTS_LONGER;
	return true;
}
