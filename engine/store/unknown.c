/* unknown.c - replies that no rule knows: part of the settlement, so that each is counted once.
 * They are rare, or else one wording is everywhere: a batch has few patterns. */
#include "engine/store/unknown.h"

#include "engine/smtp/reply_pattern.h"

#define BATCH_LIMIT 2000   /* looked at in one batch; what is beyond is not counted */
#define PATTERN_LIMIT 4000 /* kept of a tenant */
#define PROVIDER_LIMIT 255

/* Text of a server that neither its words nor its enhanced code explained. */
static bool is_unknown(const struct store_outcome *o)
{
	if (o->origin != REPLY_REMOTE || o->verdict == VERDICT_DELIVERED)
		return false;
	return o->class == CLASS_UNKNOWN ||
	       str_starts(str_of(o->cause ? o->cause : ""), STR("unclassified-"));
}

struct unknown_columns {
	uint32_t *codes, *stages;
	str *providers, *patterns, *examples;
	usec *times;
};

static bool alloc_columns(struct store *s, struct unknown_columns *c, size_t count)
{
	return (c->codes = pg_own(s, count * sizeof(*c->codes))) &&
	       (c->stages = pg_own(s, count * sizeof(*c->stages))) &&
	       (c->providers = pg_own(s, count * sizeof(str))) &&
	       (c->patterns = pg_own(s, count * sizeof(str))) &&
	       (c->examples = pg_own(s, count * sizeof(str))) &&
	       (c->times = pg_own(s, count * sizeof(*c->times)));
}

/* UTF-8 that the database takes; data NULL: no memory. */
static str clean(struct store *s, str text, size_t limit_size)
{
	struct buf b;
	buf_init_arena(&b, &s->scratch, limit_size + 4);
	pg_clean(&b, text, limit_size);
	if (!buf_ok(&b))
		return (str){};
	return b.size ? buf_str(&b) : STR("");
}

static bool fill(struct store *s, struct unknown_columns *c, size_t at,
		 const struct store_outcome *o)
{
	char memory[REPLY_EXAMPLE_LIMIT + REPLY_PATTERN_LIMIT];
	struct buf b;
	c->codes[at] = o->code;
	c->stages[at] = o->stage;
	c->times[at] = o->at_wall ? o->at_wall : 1;
	c->providers[at] = clean(s, o->provider, PROVIDER_LIMIT);
	buf_init_fixed(&b, memory, sizeof(memory));
	reply_pattern_put(&b, o->text);
	c->patterns[at] = clean(s, buf_str(&b), REPLY_PATTERN_LIMIT);
	buf_init_fixed(&b, memory, sizeof(memory));
	reply_example_put(&b, o->text);
	c->examples[at] = clean(s, buf_str(&b), REPLY_EXAMPLE_LIMIT);
	return c->providers[at].data && c->patterns[at].data && c->examples[at].data;
}

enum pg_next unknown_send(struct store *s, const struct store_outcome *const *outcomes,
			  size_t count)
{
	struct unknown_columns c;
	size_t n = 0, at = 0;
	for (size_t i = 0; i < count; i++)
		n += is_unknown(outcomes[i]);
	if (n == 0)
		return PG_DONE;
	n = n < BATCH_LIMIT ? n : BATCH_LIMIT;
	bool good = alloc_columns(s, &c, n);
	for (size_t i = 0; good && i < count && at < n; i++)
		if (is_unknown(outcomes[i]))
			good = fill(s, &c, at++, outcomes[i]);
	if (!good)
		return pg_fail(s, STORE_RETRY, "no memory for unknown replies");
	pg_put_tenant(s);
	pg_put_u32_array(s, c.codes, n);
	pg_put_u32_array(s, c.stages, n);
	pg_put_text_array(s, c.providers, n);
	pg_put_text_array(s, c.patterns, n);
	pg_put_time_array(s, c.times, n);
	pg_put_text_array(s, c.examples, n);
	pg_put_u32(s, PATTERN_LIMIT);
	return pg_run_kept(s, "settle_unknown");
}
