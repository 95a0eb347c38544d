/* variants.c - see variants.h. Few campaigns have variants: a batch without any costs nothing.
 */
#include "engine/store/variants.h"

#define KIND_COUNT ((VARIANT_LIMIT + 1) * VERDICT_COUNT * 2) /* of a campaign's outcomes */

enum pg_next variants_send_chosen(struct store *s, uint64_t campaign_id, const uint64_t *chosen)
{
	uint32_t variants[VARIANT_LIMIT + 1];
	uint64_t counts[VARIANT_LIMIT + 1];
	size_t n = 0;
	for (uint32_t i = 0; i <= VARIANT_LIMIT; i++) {
		if (chosen[i] == 0)
			continue;
		variants[n] = i;
		counts[n++] = chosen[i];
	}
	pg_put_tenant(s);
	pg_put_u64(s, campaign_id);
	pg_put_u32_array(s, variants, n);
	pg_put_u64_array(s, counts, n);
	return pg_run(s, "cut_variants");
}

static size_t kind_of(uint32_t variant, enum verdict verdict, bool final)
{
	return (variant * VERDICT_COUNT + (size_t)verdict) * 2 + final;
}

/* Outcomes of one campaign, by kind. Who is held out has none. */
static void count_outcomes(uint64_t *kinds, uint64_t by,
			   const struct store_outcome *const *outcomes, size_t count,
			   uint64_t campaign_id, const struct variant_split *split)
{
	for (size_t i = 0; i < count; i++) {
		const struct store_outcome *o = outcomes[i];
		if (o->campaign_id != campaign_id || (unsigned)o->verdict >= VERDICT_COUNT)
			continue;
		int variant = variant_of(split, campaign_id, o->subscriber_id);
		if (variant >= 0)
			kinds[kind_of((uint32_t)variant, o->verdict, o->final)] += by;
	}
}

struct columns {
	uint64_t *campaigns, *counts;
	uint32_t *variants, *verdicts, *finals;
	size_t count;
};

static bool init_columns(struct store *s, struct columns *c, size_t limit)
{
	*c = (struct columns){};
	return (c->campaigns = pg_own(s, limit * 8)) && (c->counts = pg_own(s, limit * 8)) &&
	       (c->variants = pg_own(s, limit * 4)) && (c->verdicts = pg_own(s, limit * 4)) &&
	       (c->finals = pg_own(s, limit * 4));
}

static void add_columns(struct columns *c, uint64_t campaign_id, const uint64_t *kinds)
{
	for (uint32_t i = 0; i < KIND_COUNT; i++) {
		if (kinds[i] == 0)
			continue;
		c->campaigns[c->count] = campaign_id;
		c->variants[c->count] = i / 2 / VERDICT_COUNT;
		c->verdicts[c->count] = i / 2 % VERDICT_COUNT;
		c->finals[c->count] = i % 2;
		c->counts[c->count++] = kinds[i];
	}
}

enum pg_next variants_send_settled(struct store *s, uint32_t engine_id,
				   const struct store_outcome *const *outcomes, size_t count,
				   const struct store_outcome *const *undone,
				   size_t undone_count, const uint64_t *campaigns,
				   const struct variant_split *splits, size_t campaign_count)
{
	struct columns c;
	size_t with_variants = 0;
	for (size_t i = 0; i < campaign_count; i++)
		with_variants += splits[i].count > 0;
	if (with_variants == 0)
		return PG_DONE;
	/* No more kinds than outcomes, whatever there might be. */
	if (!init_columns(s, &c, count + undone_count + 1))
		return pg_fail(s, STORE_RETRY, "no memory for a batch's counts");
	for (size_t i = 0; i < campaign_count; i++) {
		uint64_t kinds[KIND_COUNT] = {};
		if (splits[i].count == 0)
			continue;
		count_outcomes(kinds, 1, outcomes, count, campaigns[i], &splits[i]);
		count_outcomes(kinds, UINT64_MAX, undone, undone_count, campaigns[i],
			       &splits[i]); /* less by one */
		add_columns(&c, campaigns[i], kinds);
	}
	if (c.count == 0)
		return PG_DONE;
	pg_put_tenant(s);
	pg_put_u32(s, engine_id);
	pg_put_u64_array(s, c.campaigns, c.count);
	pg_put_u32_array(s, c.variants, c.count);
	pg_put_u32_array(s, c.verdicts, c.count);
	pg_put_u32_array(s, c.finals, c.count);
	pg_put_u64_array(s, c.counts, c.count);
	return pg_run_kept(s, "settle_variants");
}
