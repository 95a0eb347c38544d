/* source_days.c - what left by each source, and how it was taken: warm-up is judged by it.
 * A few rows a batch, whatever its size. Counted is only what a server has answered, or may
 * have: a connection that was refused says nothing about mail. */
#include "engine/store/source_days.h"

#define ROW_LIMIT                                                                              \
	1024 /* sources x providers of one batch, across midnight; more are not counted */
#define NAME_LIMIT 64

struct day_columns {
	str *sources, *providers;
	uint32_t *days, *started, *delivered, *deferred;
	size_t count;
};

static bool counts(const struct store_outcome *o)
{
	bool answered = o->origin == REPLY_REMOTE || o->verdict == VERDICT_IN_DOUBT;
	return answered && o->attempt > 0 && o->source.size > 0 &&
	       !str_starts(o->site, STR("relay:"));
}

/* Put off or blocked for the sake of who sends. A greylisting is for everybody, and what is
 * wrong with a mailbox or a letter is wrong from any source. */
static bool blames_source(const struct store_outcome *o)
{
	switch (o->class) {
	case CLASS_RATE_LIMITED:
	case CLASS_REPUTATION:
		return !o->cause || strcmp(o->cause, "recipient-rate") != 0;
	case CLASS_POLICY:
	case CLASS_REMOTE_FAILURE:
	case CLASS_NETWORK:
	case CLASS_UNKNOWN:
		return o->verdict == VERDICT_DEFERRED;
	default:
		return false;
	}
}

static bool alloc(struct store *s, struct day_columns *c)
{
	return (c->sources = pg_own(s, ROW_LIMIT * sizeof(str))) &&
	       (c->providers = pg_own(s, ROW_LIMIT * sizeof(str))) &&
	       (c->days = pg_own(s, ROW_LIMIT * 4)) &&
	       (c->started = pg_own(s, ROW_LIMIT * 4)) &&
	       (c->delivered = pg_own(s, ROW_LIMIT * 4)) &&
	       (c->deferred = pg_own(s, ROW_LIMIT * 4));
}

/* The row of an outcome: mostly the one before. ROW_LIMIT: there is no room. */
static size_t row_of(struct day_columns *c, str source, str provider, uint32_t day)
{
	for (size_t i = c->count; i-- > 0;)
		if (c->days[i] == day && str_eq(c->providers[i], provider) &&
		    str_eq(c->sources[i], source))
			return i;
	if (c->count == ROW_LIMIT)
		return ROW_LIMIT;
	c->sources[c->count] = source;
	c->providers[c->count] = provider;
	c->days[c->count] = day;
	return c->count++;
}

static void add(const struct store *s, struct day_columns *c, const struct store_outcome *o)
{
	str provider = o->provider.data ? str_sub(o->provider, 0, NAME_LIMIT) : STR("");
	uint32_t day = (uint32_t)((o->at_wall + s->day_zone) / USEC_DAY);
	size_t row = row_of(c, str_sub(o->source, 0, NAME_LIMIT), provider, day);
	if (row == ROW_LIMIT)
		return;
	c->started[row]++;
	c->delivered[row] += o->verdict == VERDICT_DELIVERED;
	c->deferred[row] += blames_source(o);
}

enum pg_next source_days_send(struct store *s, const struct store_outcome *const *outcomes,
			      size_t count)
{
	struct day_columns c = {};
	if (!alloc(s, &c))
		return pg_fail(s, STORE_RETRY, "no memory for the days of sources");
	for (size_t i = 0; i < count; i++)
		if (counts(outcomes[i]))
			add(s, &c, outcomes[i]);
	if (c.count == 0)
		return PG_DONE;
	pg_put_tenant(s);
	pg_put_text_array(s, c.sources, c.count);
	pg_put_text_array(s, c.providers, c.count);
	pg_put_u32_array(s, c.days, c.count);
	pg_put_u32_array(s, c.started, c.count);
	pg_put_u32_array(s, c.delivered, c.count);
	pg_put_u32_array(s, c.deferred, c.count);
	return pg_run_kept(s, "settle_source_days");
}
