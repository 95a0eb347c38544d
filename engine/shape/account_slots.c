/* account_slots.c - see account.h: connections at once. An engine holds as many as it says it
 * uses and what it is given beyond; nothing ends by itself but with the engine. */
#include "engine/shape/account.h"

#define LOOK_AGAIN (200 * USEC_MS)
#define ROTATE_EVERY (5 * USEC_SECOND)

static bool is_alive(const uint32_t *alive, size_t count, uint32_t engine_id)
{
	for (size_t i = 0; i < count; i++)
		if (alive[i] == engine_id)
			return true;
	return false;
}

static void forget_dead(struct account *a, const uint32_t *alive, size_t count,
			uint32_t but_for)
{
	for (size_t i = 0; i < a->count; i++) {
		struct account_holder *h = &a->holders[i];
		if (h->engine_id != but_for && !is_alive(alive, count, h->engine_id))
			h->parts = h->wanted = 0;
	}
}

/* Its share of them; *ret_held is what others hold, *ret_pressed whether one has less than his
 * share because of somebody who has more. */
static uint32_t share_of(const struct account *a, const struct account_holder *me,
			 uint32_t limit, usec now, uint32_t *ret_held, bool *ret_pressed)
{
	uint32_t wanted[ACCOUNT_HOLDERS], shares[ACCOUNT_HOLDERS], mine = 0;
	*ret_held = 0;
	*ret_pressed = false;
	for (size_t i = 0; i < a->count; i++)
		wanted[i] = a->holders[i].wanted;
	account_share(wanted, shares, a->count, limit, (size_t)(now / ROTATE_EVERY) % a->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct account_holder *h = &a->holders[i];
		if (h == me) {
			mine = shares[i];
			continue;
		}
		*ret_held += h->parts;
		*ret_pressed |= h->parts < shares[i];
	}
	return mine;
}

bool account_draw_slots(struct account *a, uint32_t engine_id, uint32_t epoch,
			const struct draw_ask *ask, const uint32_t *alive, size_t alive_count,
			usec lease_left, usec now, struct draw_grant *g)
{
	uint32_t others;
	bool pressed;
	*g = (struct draw_grant){};
	struct account_holder *h = account_begin(a, engine_id, epoch, ask->number, &now);
	if (!h)
		return false;
	a->at = now;
	forget_dead(a, alive, alive_count, engine_id);
	h->epoch = epoch;
	h->number = ask->number;
	h->parts = ask->keeps;
	h->wanted = ask->wanted > ask->keeps ? ask->wanted : ask->keeps;
	h->wants_until = now;
	uint32_t share = share_of(a, h, ask->limit, now, &others, &pressed);
	uint32_t taken = others + h->parts;
	uint32_t free = taken < ask->limit ? ask->limit - taken : 0;
	uint32_t more = share > h->parts ? share - h->parts : 0;
	h->parts += more < free ? more : free;
	/* Who was silent for so long that others have its places keeps the connections it has, which
	 * count as held; but it may open none in place of one that ends. */
	uint32_t left = others < ask->limit ? ask->limit - others : 0;
	g->parts = h->parts < left ? h->parts : left;
	g->parts_of = pressed ? share : ask->limit;
	g->lasts = lease_left > 0 ? lease_left : 0;
	g->again_in = g->parts < ask->wanted ? LOOK_AGAIN : 0;
	return true;
}
