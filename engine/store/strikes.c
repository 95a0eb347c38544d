/* strikes.c - what a batch of outcomes says about addresses, domains and providers.
 * Which outcome is evidence is decided here, by class, origin and code; how much of it makes a
 * suppression stands in the table strike_rules. Only what speaks of the recipient can ever
 * become one: refusals of the source, the sender, the message or the route are no evidence. A
 * 4yz only counts, whatever the classification says. The many that were delivered cost one
 * look into a table that is nearly empty. */
#include "engine/store/settle.h"

#include "engine/shape/breaker.h"
#include "engine/store/outbox.h"

#define EVIDENCE_TEXT_LIMIT 300
#define EVIDENCE_NAME_LIMIT 64
#define RULE_NO_DOMAIN 201 /* of the table; the others are classes */

struct evidence {
	const struct store_outcome *outcome;
	uint32_t rule;
	bool now; /* needs no counting */
};

static bool is_permanent(const struct store_outcome *o)
{
	return o->code >= 500 && o->code < 600;
}

static bool speaks_of_the_recipient(enum bounce_class class)
{
	return class == CLASS_BAD_MAILBOX || class == CLASS_INACTIVE_MAILBOX ||
	       class == CLASS_BAD_DOMAIN || class == CLASS_COMPLAINT;
}

/* What has no code speaks by its enhanced one, or is a mail. */
static bool is_temporary(const struct store_outcome *o)
{
	return (o->code >= 400 && o->code < 500) || (!o->code && o->status.class == 4);
}

static struct evidence judge(const struct store_outcome *o)
{
	const struct evidence none = {}, counts = {o, (uint32_t)o->class, false};
	if (o->verdict != VERDICT_FAILED && o->verdict != VERDICT_DEFERRED)
		return none;
	if (o->suppress && speaks_of_the_recipient(o->class) && !is_temporary(o))
		return (struct evidence){o, (uint32_t)o->class, true};
	/* A row of the outbox comes but once: nothing about it adds up. */
	if (o->subscriber_id >= STORE_OUTBOX_FIRST_ID)
		return none;
	if (o->origin == REPLY_LOCAL)
		return o->class == CLASS_BAD_DOMAIN
			       ? (struct evidence){o, RULE_NO_DOMAIN, false}
			       : none;
	switch (o->class) {
	case CLASS_MAILBOX_FULL: /* mostly 4yz: it is the time that convicts */
		return counts;
	case CLASS_INACTIVE_MAILBOX:
	case CLASS_RECIPIENT_REFUSED:
	case CLASS_UNKNOWN:
		return is_permanent(o) ? counts : none;
	default:
		return none;
	}
}

/* A later delivery in the same batch has settled the matter. */
static bool delivered_later(const struct store_settle *r, size_t at)
{
	for (size_t i = at + 1; i < r->count; i++)
		if (r->outcomes[i]->subscriber_id == r->outcomes[at]->subscriber_id &&
		    r->outcomes[i]->verdict == VERDICT_DELIVERED)
			return true;
	return false;
}

/* NULL: no memory. */
static struct evidence *gather(struct store *s, const struct store_settle *r, bool of_domains,
			       size_t *ret_count)
{
	struct evidence *all = pg_own(s, (r->count + 1) * sizeof(*all));
	size_t n = 0;
	for (size_t i = 0; all && i < r->count; i++) {
		struct evidence e = judge(r->outcomes[i]);
		if (!e.outcome || (of_domains && e.outcome->class != CLASS_BAD_DOMAIN))
			continue;
		if (e.now || !delivered_later(r, i))
			all[n++] = e;
	}
	*ret_count = n;
	return all;
}

static bool has_evidence(const struct store_settle *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (judge(r->outcomes[i]).outcome)
			return true;
	return false;
}

/* ---- statements ---- */

static str short_text(str text, size_t limit)
{
	return text.data ? str_sub(text, 0, limit) : STR("");
}

struct evidence_columns {
	uint64_t *subscribers, *campaigns;
	uint32_t *rules, *now, *codes, *statuses;
	usec *times;
	str *causes, *texts, *providers, *sources;
};

static bool alloc_columns(struct store *s, struct evidence_columns *c, size_t count)
{
	return (c->subscribers = pg_own(s, count * 8)) &&
	       (c->campaigns = pg_own(s, count * 8)) && (c->times = pg_own(s, count * 8)) &&
	       (c->rules = pg_own(s, count * 4)) && (c->now = pg_own(s, count * 4)) &&
	       (c->codes = pg_own(s, count * 4)) && (c->statuses = pg_own(s, count * 4)) &&
	       (c->causes = pg_own(s, count * sizeof(str))) &&
	       (c->texts = pg_own(s, count * sizeof(str))) &&
	       (c->providers = pg_own(s, count * sizeof(str))) &&
	       (c->sources = pg_own(s, count * sizeof(str)));
}

static void fill_column(struct evidence_columns *c, size_t at, const struct evidence *e)
{
	const struct store_outcome *o = e->outcome;
	c->subscribers[at] = o->subscriber_id;
	c->campaigns[at] = o->campaign_id;
	c->rules[at] = e->rule;
	c->times[at] = o->at_wall ? o->at_wall : 1;
	c->now[at] = e->now;
	c->codes[at] = o->code;
	c->statuses[at] = store_status_number(o->status);
	c->causes[at] = short_text(str_of(o->cause), EVIDENCE_NAME_LIMIT);
	c->texts[at] = short_text(o->text, EVIDENCE_TEXT_LIMIT);
	c->providers[at] = short_text(o->provider, EVIDENCE_NAME_LIMIT);
	c->sources[at] = short_text(o->source, EVIDENCE_NAME_LIMIT);
}

static enum pg_next send_evidence(struct store *s, const struct store_settle *r,
				  bool of_domains)
{
	struct evidence_columns c;
	size_t n = 0;
	const struct evidence *all = gather(s, r, of_domains, &n);
	if (!all || !alloc_columns(s, &c, n + 1))
		return pg_fail(s, STORE_RETRY, "no memory for a batch's suppressions");
	if (n == 0)
		return PG_DONE;
	for (size_t i = 0; i < n; i++)
		fill_column(&c, i, &all[i]);
	pg_put_tenant(s);
	pg_put_u64_array(s, c.subscribers, n);
	pg_put_u64_array(s, c.campaigns, n);
	pg_put_u32_array(s, c.rules, n);
	pg_put_time_array(s, c.times, n);
	if (!of_domains)
		pg_put_u32_array(s, c.now, n);
	pg_put_u32_array(s, c.codes, n);
	pg_put_u32_array(s, c.statuses, n);
	pg_put_text_array(s, c.causes, n);
	pg_put_text_array(s, c.texts, n);
	pg_put_text_array(s, c.providers, n);
	pg_put_text_array(s, c.sources, n);
	return pg_run_kept(s, of_domains ? "settle_domains" : "settle_strikes");
}

enum pg_next settle_strikes_lock(struct store *s, const struct store_settle *r)
{
	if (!has_evidence(r))
		return PG_DONE;
	pg_put_tenant(s);
	return pg_run_kept(s, "settle_strikes_lock");
}

enum pg_next settle_strikes(struct store *s, const struct store_settle *r)
{
	return has_evidence(r) ? send_evidence(s, r, false) : PG_DONE;
}

enum pg_next settle_domains(struct store *s, const struct store_settle *r)
{
	return has_evidence(r) ? send_evidence(s, r, true) : PG_DONE;
}

enum pg_next settle_delivered(struct store *s, const struct store_settle *r)
{
	uint64_t *ids = pg_own(s, (r->count + 1) * sizeof(*ids)), lo = UINT64_MAX, hi = 0;
	usec latest = 1;
	size_t n = 0;
	if (!ids)
		return pg_fail(s, STORE_RETRY, "no memory for deliveries");
	for (size_t i = 0; i < r->count; i++) {
		const struct store_outcome *o = r->outcomes[i];
		if (o->verdict != VERDICT_DELIVERED)
			continue;
		ids[n++] = o->subscriber_id;
		latest = usec_max(latest, o->at_wall);
		lo = o->subscriber_id < lo ? o->subscriber_id : lo;
		hi = o->subscriber_id > hi ? o->subscriber_id : hi;
	}
	if (n == 0)
		return PG_DONE;
	pg_put_tenant(s);
	pg_put_u64_array(s, ids, n);
	pg_put_u64(s, lo);
	pg_put_u64(s, hi);
	pg_put_time(s, latest);
	return pg_run_kept(s, "settle_delivered");
}

/* ---- providers ---- */

#define DAY_LIMIT 256 /* providers and days in one batch; what is beyond goes uncounted */

struct provider_day {
	str provider;
	usec at;
	uint32_t answers, bad_mailbox, deferred, blocked, complaints, delivered;
};

static struct provider_day *day_of(struct provider_day *days, size_t *count, str provider,
				   usec at)
{
	for (size_t i = *count; i-- > 0;)
		if (days[i].at / USEC_DAY == at / USEC_DAY &&
		    str_eq(days[i].provider, provider))
			return &days[i];
	if (*count == DAY_LIMIT)
		return NULL;
	days[*count] = (struct provider_day){.provider = provider, .at = at};
	return &days[(*count)++];
}

static void count_answer(struct provider_day *day, const struct store_outcome *o)
{
	bool answer =
		o->origin == REPLY_REMOTE && (o->stage == STAGE_RCPT || o->stage == STAGE_END);
	day->answers += answer;
	day->bad_mailbox += answer && o->class == CLASS_BAD_MAILBOX && is_permanent(o);
	day->deferred += o->verdict == VERDICT_DEFERRED;
	day->blocked += o->origin == REPLY_REMOTE && breaker_is_block(o->class, o->code);
	day->complaints += o->class == CLASS_COMPLAINT;
	day->delivered += o->verdict == VERDICT_DELIVERED;
}

static enum pg_next send_days(struct store *s, const struct store_settle *r,
			      const struct provider_day *days, size_t n)
{
	str *providers = pg_own(s, (n + 1) * sizeof(*providers));
	usec *times = pg_own(s, (n + 1) * sizeof(*times));
	uint32_t *counts = pg_own(s, (n + 1) * 6 * sizeof(*counts));
	if (!providers || !times || !counts)
		return pg_fail(s, STORE_RETRY, "no memory for what providers answered");
	for (size_t i = 0; i < n; i++) {
		const struct provider_day *d = &days[i];
		const uint32_t of_day[6] = {d->answers, d->bad_mailbox, d->deferred,
					    d->blocked, d->complaints,  d->delivered};
		providers[i] = d->provider;
		times[i] = d->at;
		for (size_t column = 0; column < 6; column++)
			counts[column * n + i] = of_day[column];
	}
	pg_put_tenant(s);
	pg_put_u32(s, r->engine_id);
	pg_put_text_array(s, providers, n);
	pg_put_time_array(s, times, n);
	for (size_t column = 0; column < 6; column++)
		pg_put_u32_array(s, counts + column * n, n);
	return pg_run_kept(s, "settle_providers");
}

enum pg_next settle_providers(struct store *s, const struct store_settle *r)
{
	struct provider_day *days = pg_own(s, DAY_LIMIT * sizeof(*days));
	size_t n = 0;
	if (!days)
		return pg_fail(s, STORE_RETRY, "no memory for what providers answered");
	for (size_t i = 0; i < r->count; i++) {
		const struct store_outcome *o = r->outcomes[i];
		if (o->attempt == 0)
			continue;
		str provider = short_text(o->provider, EVIDENCE_NAME_LIMIT);
		usec at = o->at_wall ? o->at_wall : 1;
		struct provider_day *day = day_of(days, &n, provider, at);
		if (day)
			count_answer(day, o);
	}
	return n ? send_days(s, r, days, n) : PG_DONE;
}
