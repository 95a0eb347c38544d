/* wheel.c - four wheels of 64 slots; a slot of level n spans 64^n ticks of 1 ms.
 * A timer sits at the level that its distance from now asks for. When the clock enters a slot
 * of a higher level, the timers in it fall to lower ones. The slot that the clock stands in has
 * been emptied, so what lies in it belongs to the next turn. Occupied slots are bits of one
 * word a level: an idle hour is skipped in a few steps instead of 3.6 million. */
#include "engine/base/wheel.h"

#include "engine/base/assert.h"

#define TICK USEC_MS
#define LEVELS 4
#define SLOT_BITS 6
#define SLOTS (1u << SLOT_BITS)
#define DUE_SLOT (LEVELS * SLOTS)
#define NO_TICK UINT64_MAX

/* The first tick at or after a time. Not (at + TICK - 1) / TICK: at may be USEC_NEVER. */
static uint64_t tick_of(usec at)
{
	return (uint64_t)(at / TICK) + (at % TICK != 0);
}

static uint64_t current_tick(const struct wheel *w)
{
	return (uint64_t)(w->now / TICK);
}

static struct chain *chain_of(struct wheel *w, unsigned slot)
{
	return slot == DUE_SLOT ? &w->due : &w->slots[slot];
}

void wheel_init(struct wheel *w, usec now)
{
	ASSERT(now >= 0);
	w->now = now;
	for (unsigned i = 0; i < LEVELS * SLOTS; i++)
		chain_init(&w->slots[i]);
	for (unsigned level = 0; level < LEVELS; level++)
		w->occupied[level] = 0;
	chain_init(&w->due);
}

void wheel_timer_init(struct wheel_timer *t)
{
	*t = (struct wheel_timer){};
	chain_link_init(&t->link);
}

/* Which chain a timer belongs to, seen from the tick the clock stands at. */
static unsigned slot_for(usec at, uint64_t from)
{
	uint64_t tick = tick_of(at);
	if (tick <= from)
		return DUE_SLOT;
	uint64_t distance = tick - from;
	unsigned level = 0;
	while (level < LEVELS - 1 && distance >> ((level + 1) * SLOT_BITS))
		level++;
	uint64_t reach = ((uint64_t)1 << (LEVELS * SLOT_BITS)) - 1;
	if (distance > reach)
		tick = from + reach;
	return level * SLOTS + (unsigned)(tick >> (level * SLOT_BITS) & (SLOTS - 1));
}

static void put(struct wheel *w, struct wheel_timer *t, unsigned slot)
{
	t->slot = slot;
	chain_push_back(chain_of(w, slot), &t->link);
	if (slot != DUE_SLOT)
		w->occupied[slot / SLOTS] |= (uint64_t)1 << (slot % SLOTS);
}

void wheel_arm(struct wheel *w, struct wheel_timer *t, usec at)
{
	wheel_cancel(w, t);
	t->at = at;
	put(w, t, at <= w->now ? DUE_SLOT : slot_for(at, current_tick(w)));
}

bool wheel_is_armed(const struct wheel_timer *t, usec at)
{
	return chain_linked(&t->link) && t->at <= at;
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
	if (!chain_linked(&t->link))
		return;
	struct chain *c = chain_of(w, t->slot);
	chain_remove(c, &t->link);
	if (t->slot != DUE_SLOT && chain_empty(c))
		w->occupied[t->slot / SLOTS] &= ~((uint64_t)1 << (t->slot % SLOTS));
}

/* When the clock next enters an occupied slot of the level. */
static uint64_t next_of_level(const struct wheel *w, unsigned level)
{
	uint64_t occupied = w->occupied[level];
	if (!occupied)
		return NO_TICK;
	uint64_t turn = current_tick(w) >> (level * SLOT_BITS);
	unsigned first = (unsigned)(turn + 1) % SLOTS; /* the current slot comes last */
	uint64_t rotated = occupied >> first | occupied << (SLOTS - first) % SLOTS;
	return (turn + 1 + (unsigned)__builtin_ctzll(rotated)) << (level * SLOT_BITS);
}

static uint64_t next_tick(const struct wheel *w)
{
	uint64_t next = NO_TICK;
	for (unsigned level = 0; level < LEVELS; level++) {
		uint64_t tick = next_of_level(w, level);
		if (tick < next)
			next = tick;
	}
	return next;
}

/* The clock enters a slot: its timers fall to lower levels, those of this very tick are due. */
static void empty_slot(struct wheel *w, unsigned slot)
{
	struct chain timers;
	chain_init(&timers);
	chain_splice_back(&timers, &w->slots[slot]);
	w->occupied[slot / SLOTS] &= ~((uint64_t)1 << (slot % SLOTS));
	for (struct chain_link *l; (l = chain_pop(&timers));) {
		struct wheel_timer *t = CHAIN_OWNER(l, struct wheel_timer, link);
		put(w, t, slot_for(t->at, current_tick(w)));
	}
}

static void enter_tick(struct wheel *w, uint64_t tick)
{
	w->now = (usec)tick * TICK;
	for (unsigned level = LEVELS; level-- > 0;) {
		unsigned shift = level * SLOT_BITS;
		if ((tick & (((uint64_t)1 << shift) - 1)) == 0)
			empty_slot(w, level * SLOTS + (unsigned)(tick >> shift & (SLOTS - 1)));
	}
}

struct wheel_timer *wheel_expire(struct wheel *w, usec now)
{
	/* A now that went back is one that was taken before a callback ran; time stands. */
	if (now > w->now) {
		for (uint64_t tick; (tick = next_tick(w)) <= (uint64_t)(now / TICK);)
			enter_tick(w, tick);
		w->now = now;
	}
	struct chain_link *l = chain_pop(&w->due);
	return l ? CHAIN_OWNER(l, struct wheel_timer, link) : NULL;
}

usec wheel_next(const struct wheel *w)
{
	if (!chain_empty(&w->due))
		return w->now;
	uint64_t tick = next_tick(w);
	return tick > (uint64_t)(USEC_NEVER / TICK) ? USEC_NEVER : (usec)tick * TICK;
}
