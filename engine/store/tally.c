/* tally.c - a small hash table over the few kinds of outcome that a batch holds. */
#include "engine/store/tally.h"

#include "engine/base/hash.h"

#define PROVIDER_LIMIT 64

int tally_init(struct tally *t, struct arena *arena, size_t outcome_count)
{
	size_t slots = 64, n = outcome_count + 1;
	while (slots < n * 2)
		slots *= 2;
	*t = (struct tally){.slot_mask = slots - 1};
	t->campaigns = ARENA_ARRAY(arena, uint64_t, n);
	t->counts = ARENA_ARRAY(arena, uint64_t, n);
	t->verdicts = ARENA_ARRAY(arena, uint32_t, n);
	t->classes = ARENA_ARRAY(arena, uint32_t, n);
	t->tries = ARENA_ARRAY(arena, uint32_t, n);
	t->finals = ARENA_ARRAY(arena, uint32_t, n);
	t->providers = ARENA_ARRAY(arena, str, n);
	t->slots = ARENA_ARRAY(arena, uint32_t, slots);
	return t->campaigns && t->counts && t->verdicts && t->classes && t->tries &&
			       t->finals && t->providers && t->slots
		       ? 0
		       : -1;
}

static str provider_of(const struct store_outcome *o)
{
	return o->provider.data ? str_sub(o->provider, 0, PROVIDER_LIMIT) : STR("");
}

static bool same(const struct tally *t, size_t i, const struct store_outcome *o, uint32_t class,
		 uint32_t tries)
{
	return t->campaigns[i] == o->campaign_id && t->verdicts[i] == o->verdict &&
	       t->classes[i] == class && t->tries[i] == tries && t->finals[i] == o->final &&
	       str_eq(t->providers[i], provider_of(o));
}

/* Its row; a new one counts nothing. */
static size_t row_of(struct tally *t, const struct store_outcome *o, uint16_t class_number)
{
	uint32_t tries = o->attempt > 1 ? 2 : o->attempt;
	uint64_t key[] = {o->campaign_id, o->verdict, class_number, tries, o->final};
	uint64_t hash = hash_bytes(hash_bytes(0, provider_of(o)),
				   str_make((const char *)key, sizeof(key)));
	size_t slot = hash & t->slot_mask;
	while (t->slots[slot] && !same(t, t->slots[slot] - 1, o, class_number, tries))
		slot = (slot + 1) & t->slot_mask;
	if (t->slots[slot])
		return t->slots[slot] - 1;
	size_t i = t->count++;
	t->slots[slot] = (uint32_t)t->count;
	t->campaigns[i] = o->campaign_id;
	t->verdicts[i] = o->verdict;
	t->classes[i] = class_number;
	t->tries[i] = tries;
	t->finals[i] = o->final;
	t->providers[i] = provider_of(o);
	return i;
}

void tally_add(struct tally *t, const struct store_outcome *o, uint16_t class_number)
{
	t->counts[row_of(t, o, class_number)]++;
}

/* Below nothing: the column is signed. */
void tally_take(struct tally *t, const struct store_outcome *o, uint16_t class_number)
{
	t->counts[row_of(t, o, class_number)]--;
}
