/* settle_times.c - see settle_times.h. A batch has few campaigns and providers, so each outcome
 * finds its row by looking through them, the one of the outcome before first. They are sent in
 * the order of the key, so that two batches take their rows in one order. */
#include "engine/store/settle_times.h"

#include <stdlib.h>

#define PROVIDER_LIMIT 64 /* as tallies keep it */

struct row {
	uint64_t campaign;
	str provider;
	usec first, last_first; /* of first attempts; 0: none */
	usec last;
};

struct rows {
	struct row *rows;
	size_t count, newest;
};

static str provider_of(const struct store_outcome *o)
{
	return o->provider.data ? str_sub(o->provider, 0, PROVIDER_LIMIT) : STR("");
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->campaign != y->campaign)
		return x->campaign < y->campaign ? -1 : 1;
	return str_compare(x->provider, y->provider);
}

static bool is_of(const struct row *row, uint64_t campaign, str provider)
{
	return row->campaign == campaign && str_eq(row->provider, provider);
}

static struct row *row_of(struct rows *t, const struct store_outcome *o)
{
	str provider = provider_of(o);
	if (t->count && is_of(&t->rows[t->newest], o->campaign_id, provider))
		return &t->rows[t->newest];
	t->newest = 0;
	while (t->newest < t->count && !is_of(&t->rows[t->newest], o->campaign_id, provider))
		t->newest++;
	if (t->newest == t->count)
		t->rows[t->count++] =
			(struct row){.campaign = o->campaign_id, .provider = provider};
	return &t->rows[t->newest];
}

static void add(struct rows *t, const struct store_outcome *o)
{
	struct row *row = row_of(t, o);
	usec at = o->at_wall ? o->at_wall : 1;
	row->last = usec_max(row->last, at);
	if (o->attempt != 1)
		return;
	row->first = row->first ? usec_min(row->first, at) : at;
	row->last_first = usec_max(row->last_first, at);
}

static enum pg_next send_rows(struct store *s, uint32_t engine_id, const struct rows *t)
{
	uint64_t *campaigns = pg_own(s, t->count * sizeof(*campaigns));
	str *providers = pg_own(s, t->count * sizeof(*providers));
	usec *first = pg_own(s, t->count * sizeof(*first));
	usec *last_first = pg_own(s, t->count * sizeof(*last_first));
	usec *last = pg_own(s, t->count * sizeof(*last));
	if (!campaigns || !providers || !first || !last_first || !last)
		return pg_fail(s, STORE_RETRY, "no memory for a batch's times");
	for (size_t i = 0; i < t->count; i++) {
		campaigns[i] = t->rows[i].campaign;
		providers[i] = t->rows[i].provider;
		first[i] = t->rows[i].first;
		last_first[i] = t->rows[i].last_first;
		last[i] = t->rows[i].last;
	}
	pg_put_tenant(s);
	pg_put_u32(s, engine_id);
	pg_put_u64_array(s, campaigns, t->count);
	pg_put_text_array(s, providers, t->count);
	pg_put_time_array(s, first, t->count);
	pg_put_time_array(s, last_first, t->count);
	pg_put_time_array(s, last, t->count);
	return pg_run_kept(s, "settle_times");
}

enum pg_next settle_times_send(struct store *s, uint32_t engine_id,
			       const struct store_outcome *const *outcomes, size_t count)
{
	struct rows t = {.rows = pg_own(s, (count + 1) * sizeof(*t.rows))};
	if (!t.rows)
		return pg_fail(s, STORE_RETRY, "no memory for a batch's times");
	for (size_t i = 0; i < count; i++)
		if (outcomes[i]->attempt > 0)
			add(&t, outcomes[i]);
	if (t.count == 0)
		return PG_DONE;
	qsort(t.rows, t.count, sizeof(*t.rows), compare);
	return send_rows(s, engine_id, &t);
}
