/* settle_times.c - see settle_times.h. Sorted by campaign and provider, so that each has its
 * row once, and two batches take their rows in one order. */
#include "engine/store/settle_times.h"

#include <stdlib.h>

#define PROVIDER_LIMIT 64 /* as tallies keep it */

static str provider_of(const struct store_outcome *o)
{
	return o->provider.data ? str_sub(o->provider, 0, PROVIDER_LIMIT) : STR("");
}

static int compare(const void *a, const void *b)
{
	const struct store_outcome *const *x = a, *const *y = b;
	if ((*x)->campaign_id != (*y)->campaign_id)
		return (*x)->campaign_id < (*y)->campaign_id ? -1 : 1;
	return str_compare(provider_of(*x), provider_of(*y));
}

struct times {
	uint64_t *campaigns;
	str *providers;
	usec *first, *last;
	size_t count;
};

static void add(struct times *t, const struct store_outcome *o, bool same)
{
	usec at = o->at_wall ? o->at_wall : 1;
	size_t i = same ? t->count - 1 : t->count++;
	if (!same) {
		t->campaigns[i] = o->campaign_id;
		t->providers[i] = provider_of(o);
	}
	t->first[i] = same ? usec_min(t->first[i], at) : at;
	t->last[i] = same ? usec_max(t->last[i], at) : at;
}

enum pg_next settle_times_send(struct store *s, uint32_t engine_id,
			       const struct store_outcome *const *outcomes, size_t count)
{
	const struct store_outcome **first = pg_own(s, (count + 1) * sizeof(*first));
	struct times t = {.campaigns = pg_own(s, (count + 1) * sizeof(*t.campaigns)),
			  .providers = pg_own(s, (count + 1) * sizeof(*t.providers)),
			  .first = pg_own(s, (count + 1) * sizeof(*t.first)),
			  .last = pg_own(s, (count + 1) * sizeof(*t.last))};
	size_t n = 0;
	if (!first || !t.campaigns || !t.providers || !t.first || !t.last)
		return pg_fail(s, STORE_RETRY, "no memory for a batch's times");
	for (size_t i = 0; i < count; i++)
		if (outcomes[i]->attempt == 1)
			first[n++] = outcomes[i];
	if (n == 0)
		return PG_DONE;
	qsort(first, n, sizeof(*first), compare);
	for (size_t i = 0; i < n; i++)
		add(&t, first[i], i > 0 && compare(&first[i - 1], &first[i]) == 0);
	pg_put_tenant(s);
	pg_put_u32(s, engine_id);
	pg_put_u64_array(s, t.campaigns, t.count);
	pg_put_text_array(s, t.providers, t.count);
	pg_put_time_array(s, t.first, t.count);
	pg_put_time_array(s, t.last, t.count);
	return pg_run(s, "settle_times");
}
