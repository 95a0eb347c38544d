/* settle.c - a batch of outcomes, all in one transaction with the journal position.
 * Rows go in by COPY, most of them packed (packs.c); counts, waiting recipients and what
 * follows (strikes.c) by one statement each. A batch may hold several outcomes of one recipient
 * (a journal replayed from far back): rows and counts take all of them, who waits is decided by
 * the last. The position comes first: if it is not the expected one somebody else has settled
 * this, and nothing else is worth trying. */
#include "engine/store/settle.h"
#include "engine/store/outbox.h"

#include <stdlib.h>

#include "engine/base/hash.h"
#include "engine/store/ids.h"
#include "engine/store/late.h"
#include "engine/store/packs.h"
#include "engine/store/reasons.h"
#include "engine/store/source_days.h"
#include "engine/store/settle_times.h"
#include "engine/store/tally.h"
#include "engine/store/unknown.h"
#include "engine/store/variants.h"

#define TEXT_LIMIT 480

static const char copy_statement[] =
	"copy delivery_rows (campaign_id, slice_id, subscriber_id, "
	"at, date_at, tenant_id, revision, "
	"status, duration_ms, size, verdict, class, stage, code, "
	"attempt, origin, final, cause, "
	"provider, source, site, mx_host, text) from stdin binary";
#define COLUMN_COUNT 23

#define CAMPAIGN_LIMIT 1024 /* in one batch: more than an engine runs */

struct settle {
	uint64_t campaigns[CAMPAIGN_LIMIT]; /* of the batch, then those still there */
	struct variant_split *splits;       /* of each, then */
	size_t campaign_count;
	const struct store_outcome **outcomes; /* of campaigns that are still there */
	size_t count;
	const struct store_outcome **last; /* each recipient's last that touches deferrals */
	size_t last_count;
	bool buried; /* some of these campaigns have burials */
	struct late late;
	struct packs packs;
	const struct store_outcome **told; /* what the outbox is told */
	size_t told_count;
};

uint32_t store_status_number(struct status status)
{
	return status.class * 1000000u + status.subject % 1000u * 1000u + status.detail % 1000u;
}

/* Who was stopped has the reason's name as cause, or as the text of the reply that was made up.
 */
static uint16_t reason_number(const struct store_outcome *o)
{
	char text[40];
	uint32_t reason = store_reason_number(o->cause);
	if (!reason && str_to_cstr(o->text, text, sizeof(text)))
		reason = store_reason_number(text);
	return (uint16_t)(reason ? reason : (uint32_t)CLASS_UNKNOWN);
}

uint16_t store_class_number(const struct store_outcome *o)
{
	return o->verdict == VERDICT_SUPPRESSED ? reason_number(o) : (uint16_t)o->class;
}

static void put_row(struct buf *b, uint32_t tenant, const struct store_outcome *o)
{
	size_t text_limit =
		o->verdict == VERDICT_DELIVERED ? STORE_TEXT_LIMIT_DELIVERED : TEXT_LIMIT;
	pg_copy_row(b, COLUMN_COUNT);
	pg_copy_u64(b, o->campaign_id);
	pg_copy_u64(b, o->slice_id);
	pg_copy_u64(b, o->subscriber_id);
	pg_copy_time(b, o->at_wall ? o->at_wall : 1);
	pg_copy_time(b, o->date_wall);
	pg_copy_u32(b, tenant);
	pg_copy_u32(b, o->revision);
	pg_copy_u32(b, store_status_number(o->status));
	pg_copy_u32(b, o->duration_ms);
	pg_copy_u32(b, o->size);
	pg_copy_u16(b, (uint16_t)o->verdict);
	pg_copy_u16(b, store_class_number(o));
	pg_copy_u16(b, (uint16_t)o->stage);
	pg_copy_u16(b, o->code);
	pg_copy_u16(b, (uint16_t)(o->attempt < INT16_MAX ? o->attempt : INT16_MAX));
	pg_copy_u16(b, (uint16_t)o->origin);
	pg_copy_bool(b, o->final);
	pg_copy_text(b, str_of(o->cause ? o->cause : ""), STORE_NAME_LIMIT);
	pg_copy_text(b, o->provider, STORE_NAME_LIMIT);
	pg_copy_text(b, o->source, STORE_NAME_LIMIT);
	pg_copy_text(b, o->site, STORE_NAME_LIMIT);
	pg_copy_text(b, o->mx_host, STORE_NAME_LIMIT);
	pg_copy_text(b, o->text, text_limit);
}

static enum pg_next send_rows(struct store *s, const struct settle *x)
{
	struct buf b;
	size_t row_count = x->count - x->packs.packed_count;
	if (row_count == 0)
		return PG_DONE;
	buf_init_arena(&b, &s->scratch, row_count * 400 + 64);
	pg_copy_head(&b);
	for (size_t i = 0; i < x->count; i++)
		if (!x->packs.packed[i])
			put_row(&b, s->tenant, x->outcomes[i]);
	pg_copy_tail(&b);
	if (!buf_ok(&b))
		return pg_fail(s, STORE_RETRY, "no memory for a batch of outcomes");
	return pg_copy(s, copy_statement, buf_str(&b));
}

static enum pg_next send_tallies(struct store *s, const struct store_settle *r,
				 const struct settle *x)
{
	struct tally t;
	const struct late *l = &x->late;
	if (tally_init(&t, &s->scratch, x->count + l->undone_count) < 0)
		return pg_fail(s, STORE_RETRY, "no memory for a batch's counts");
	for (size_t i = 0; i < x->count; i++)
		tally_add(&t, x->outcomes[i], store_class_number(x->outcomes[i]));
	for (size_t i = 0; i < l->undone_count; i++)
		tally_take(&t, l->undone[i], l->undone_classes[i]);
	pg_put_tenant(s);
	pg_put_u32(s, r->engine_id);
	pg_put_u64_array(s, t.campaigns, t.count);
	pg_put_u32_array(s, t.verdicts, t.count);
	pg_put_u32_array(s, t.classes, t.count);
	pg_put_u32_array(s, t.tries, t.count);
	pg_put_u32_array(s, t.finals, t.count);
	pg_put_text_array(s, t.providers, t.count);
	pg_put_u64_array(s, t.counts, t.count);
	return pg_run_kept(s, "settle_tallies");
}

static bool waits(const struct settle *x, const struct store_outcome *o)
{
	return !o->final && !late_is_done(&x->late, o);
}

/* A first attempt that ended for good leaves no deferral: the many are spared the look. */
static bool touches_deferrals(const struct settle *x, size_t index)
{
	const struct store_outcome *o = x->outcomes[index];
	uint8_t flags = x->late.flags ? x->late.flags[index] : 0;
	if (flags)
		return (flags & LATE_DONE) ||
		       ((flags & LATE_LOOK) && !(flags & LATE_NO_DEFERRAL));
	return waits(x, o) || o->attempt != 1;
}

static int compare_recipients(const void *a, const void *b)
{
	const struct store_outcome *const *x = a, *const *y = b;
	if ((*x)->campaign_id != (*y)->campaign_id)
		return (*x)->campaign_id < (*y)->campaign_id ? -1 : 1;
	if ((*x)->subscriber_id != (*y)->subscriber_id)
		return (*x)->subscriber_id < (*y)->subscriber_id ? -1 : 1;
	return 0;
}

static int note_campaign(struct settle *x, uint64_t id)
{
	size_t i = x->campaign_count;
	while (i-- > 0) /* mostly the one before */
		if (x->campaigns[i] == id)
			return 0;
	if (x->campaign_count == CAMPAIGN_LIMIT)
		return -1;
	x->campaigns[x->campaign_count++] = id;
	return 0;
}

static enum pg_next send_campaigns(struct store *s, const struct store_settle *r,
				   struct settle *x)
{
	for (size_t i = 0; i < r->count; i++)
		if (note_campaign(x, r->outcomes[i]->campaign_id) < 0)
			return pg_fail(s, STORE_UNFIT,
				       "outcomes of too many campaigns at once");
	ids_sort(x->campaigns, x->campaign_count);
	pg_put_tenant(s);
	pg_put_u64_array(s, x->campaigns, x->campaign_count);
	return pg_run_kept(s, "settle_campaigns");
}

/* Keeps the outcomes of campaigns that are still there. */
static int take_campaigns(struct store *s, const struct store_settle *r, struct settle *x,
			  const PGresult *result)
{
	x->campaign_count = pg_rows(result);
	x->splits = pg_own(s, (x->campaign_count + 1) * sizeof(*x->splits));
	if (!x->splits)
		return -1;
	for (size_t i = 0; i < x->campaign_count; i++) {
		x->campaigns[i] = pg_u64(result, i, 0); /* they come in order */
		if (!variant_split_parse(pg_str(result, i, 1), pg_u64(result, i, 2),
					 &x->splits[i]))
			x->splits[i] = (struct variant_split){}; /* counted without them */
		x->buried |= pg_bool(result, i, 3);
	}
	x->outcomes = pg_own(s, (r->count + 1) * sizeof(void *));
	for (size_t i = 0; x->outcomes && i < r->count; i++)
		if (ids_contain(x->campaigns, x->campaign_count, r->outcomes[i]->campaign_id))
			x->outcomes[x->count++] = r->outcomes[i];
	return x->outcomes ? 0 : -1;
}

/* A merge sort would do; but qsort() of glibc may not be stable, so the order in the batch is
 * kept by walking it backwards and keeping the first seen. */
static int collect_last(struct store *s, struct settle *x)
{
	size_t capacity = 16;
	while (capacity < x->count * 2)
		capacity *= 2;
	const struct store_outcome **seen = pg_own(s, capacity * sizeof(void *));
	x->last = pg_own(s, (x->count + 1) * sizeof(void *));
	if (!seen || !x->last)
		return -1;
	for (size_t i = x->count; i-- > 0;) {
		const struct store_outcome *o = x->outcomes[i];
		uint64_t key[2] = {o->campaign_id, o->subscriber_id};
		if (!touches_deferrals(x, i))
			continue;
		size_t at = hash_bytes(0, str_make((const char *)key, sizeof(key))) &
			    (capacity - 1);
		while (seen[at] && compare_recipients(&seen[at], &o) != 0)
			at = (at + 1) & (capacity - 1);
		if (seen[at])
			continue;
		seen[at] = o;
		x->last[x->last_count++] = o;
	}
	/* One order for all engines, so that two batches cannot lock each other out. */
	if (x->last_count)
		qsort(x->last, x->last_count, sizeof(*x->last), compare_recipients);
	return 0;
}

/* After this the batch is as it is to be written. */
static int collect(struct store *s, struct settle *x)
{
	const uint8_t *flags = x->late.flags;
	x->told = pg_own(s, (x->count + 1) * sizeof(void *));
	for (size_t i = 0; x->told && i < x->count; i++)
		if (!flags || !(flags[i] & LATE_NO_OUTBOX))
			x->told[x->told_count++] = x->outcomes[i];
	if (!x->told || packs_make(s, &x->packs, x->outcomes, x->count) < 0)
		return -1;
	return collect_last(s, x);
}

struct deferral_columns {
	uint64_t *campaigns, *subscribers;
	usec *due, *date, *first;
	uint32_t *revisions, *attempts, *verdicts, *classes, *codes, *statuses;
	str *providers, *sources, *texts, *sites;
};

static bool alloc_columns(struct store *s, struct deferral_columns *c, size_t count)
{
	return (c->campaigns = pg_own(s, count * 8)) &&
	       (c->subscribers = pg_own(s, count * 8)) && (c->due = pg_own(s, count * 8)) &&
	       (c->date = pg_own(s, count * 8)) && (c->first = pg_own(s, count * 8)) &&
	       (c->revisions = pg_own(s, count * 4)) && (c->attempts = pg_own(s, count * 4)) &&
	       (c->verdicts = pg_own(s, count * 4)) && (c->classes = pg_own(s, count * 4)) &&
	       (c->codes = pg_own(s, count * 4)) && (c->statuses = pg_own(s, count * 4)) &&
	       (c->providers = pg_own(s, count * sizeof(str))) &&
	       (c->sources = pg_own(s, count * sizeof(str))) &&
	       (c->texts = pg_own(s, count * sizeof(str))) &&
	       (c->sites = pg_own(s, count * sizeof(str)));
}

static str no_null(str text)
{
	return text.data ? text : STR("");
}

static void fill_deferral(struct deferral_columns *c, size_t at, const struct store_outcome *o)
{
	c->campaigns[at] = o->campaign_id;
	c->subscribers[at] = o->subscriber_id;
	c->due[at] = o->due_wall ? o->due_wall : o->at_wall;
	c->date[at] = o->date_wall;
	c->first[at] = o->first_wall ? o->first_wall : o->at_wall;
	c->revisions[at] = o->revision;
	c->attempts[at] = o->attempt < INT16_MAX ? o->attempt : INT16_MAX;
	c->verdicts[at] = o->verdict;
	c->classes[at] = o->class;
	c->codes[at] = o->code;
	c->statuses[at] = store_status_number(o->status);
	c->providers[at] = no_null(o->provider);
	c->sources[at] = no_null(o->source);
	c->texts[at] = str_sub(no_null(o->text), 0, TEXT_LIMIT);
	c->sites[at] = str_sub(no_null(o->site), 0, STORE_NAME_LIMIT);
}

static enum pg_next send_deferrals(struct store *s, const struct settle *x)
{
	struct deferral_columns c;
	size_t n = 0;
	if (!alloc_columns(s, &c, x->last_count + 1))
		return pg_fail(s, STORE_RETRY, "no memory for deferrals");
	for (size_t i = 0; i < x->last_count; i++)
		if (waits(x, x->last[i]))
			fill_deferral(&c, n++, x->last[i]);
	if (n == 0)
		return PG_DONE;
	pg_put_tenant(s);
	pg_put_u64_array(s, c.campaigns, n);
	pg_put_u64_array(s, c.subscribers, n);
	pg_put_time_array(s, c.due, n);
	pg_put_time_array(s, c.date, n);
	pg_put_time_array(s, c.first, n);
	pg_put_u32_array(s, c.revisions, n);
	pg_put_u32_array(s, c.attempts, n);
	pg_put_u32_array(s, c.verdicts, n);
	pg_put_u32_array(s, c.classes, n);
	pg_put_u32_array(s, c.codes, n);
	pg_put_u32_array(s, c.statuses, n);
	pg_put_text_array(s, c.providers, n);
	pg_put_text_array(s, c.sources, n);
	pg_put_text_array(s, c.texts, n);
	pg_put_text_array(s, c.sites, n);
	return pg_run_kept(s, "settle_deferrals");
}

static enum pg_next send_deferrals_done(struct store *s, const struct settle *x)
{
	uint64_t *campaigns = pg_own(s, (x->last_count + 1) * sizeof(*campaigns));
	uint64_t *subscribers = pg_own(s, (x->last_count + 1) * sizeof(*subscribers));
	size_t n = 0;
	if (!campaigns || !subscribers)
		return pg_fail(s, STORE_RETRY, "no memory for deferrals");
	for (size_t i = 0; i < x->last_count; i++) {
		if (waits(x, x->last[i]))
			continue;
		campaigns[n] = x->last[i]->campaign_id;
		subscribers[n++] = x->last[i]->subscriber_id;
	}
	if (n == 0)
		return PG_DONE;
	pg_put_tenant(s);
	pg_put_u64_array(s, campaigns, n);
	pg_put_u64_array(s, subscribers, n);
	return pg_run_kept(s, "settle_deferrals_done");
}

static enum pg_next send_closed(struct store *s, const struct store_settle *r)
{
	if (r->closed_count == 0)
		return PG_DONE;
	pg_put_tenant(s);
	pg_put_u32(s, r->engine_id);
	pg_put_u64_array(s, r->closed_slices, r->closed_count);
	return pg_run_kept(s, "settle_closed");
}

const char settle_fenced[] = "the journal position is not the expected one, or another process "
			     "runs under this engine's name";

enum pg_next settle_position(struct store *s, const struct store_settle *r)
{
	pg_put_tenant(s);
	pg_put_u32(s, r->engine_id);
	pg_put_u32(s, r->epoch);
	pg_put_u64(s, r->old_position);
	pg_put_u64(s, r->new_position);
	return pg_run_kept(s, "settle_position");
}

enum {
	SETTLE_BEGIN,
	SETTLE_POSITION,
	SETTLE_CAMPAIGNS,
	SETTLE_SLICES,   /* locked: from here on nobody takes one over */
	SETTLE_CHILDREN, /* of those that somebody took over */
	SETTLE_BURIALS,
	SETTLE_MOVED, /* before there are new rows */
	SETTLE_ROWS,
	SETTLE_PACKS,
	SETTLE_TALLIES,
	SETTLE_VARIANTS,
	SETTLE_TIMES,
	SETTLE_DEFERRALS,
	SETTLE_DEFERRALS_DONE,
	SETTLE_OUTBOX,
	SETTLE_PROVIDERS,
	SETTLE_STRIKES_LOCK, /* before any row of strikes: incidents take it first, too */
	SETTLE_DELIVERED,
	SETTLE_STRIKES,
	SETTLE_DOMAINS,
	SETTLE_SOURCE_DAYS,
	SETTLE_UNKNOWN,
	SETTLE_CLOSED,
	SETTLE_COMMIT,
	SETTLE_END
};

/* Sends the statement of a stage; PG_DONE when the stage has nothing to say (or failed). */
static enum pg_next send_stage(struct store *s, const struct store_settle *r, unsigned stage)
{
	struct settle *x = s->own;
	const struct late *l = &x->late;
	switch (stage) {
	case SETTLE_SLICES:
		return x->count ? late_send_slices(s, &x->late, x->campaigns, x->campaign_count,
						   x->outcomes, x->count)
				: PG_DONE;
	case SETTLE_CHILDREN:
		return late_send_children(s, &x->late, x->campaigns, x->campaign_count);
	case SETTLE_BURIALS:
		return x->buried && x->count ? late_send_burials(s, x->outcomes, x->count)
					     : PG_DONE;
	case SETTLE_ROWS:
		return send_rows(s, x);
	case SETTLE_PACKS:
		return packs_send(s, &x->packs, x->outcomes);
	case SETTLE_TALLIES:
		return x->count ? send_tallies(s, r, x) : PG_DONE;
	case SETTLE_VARIANTS:
		return variants_send_settled(s, r->engine_id, x->outcomes, x->count, l->undone,
					     l->undone_count, x->campaigns, x->splits,
					     x->campaign_count);
	case SETTLE_MOVED:
		return late_send_moved(s, l);
	case SETTLE_TIMES:
		return settle_times_send(s, r->engine_id, x->outcomes, x->count);
	case SETTLE_DEFERRALS:
		return send_deferrals(s, x);
	case SETTLE_DEFERRALS_DONE:
		return send_deferrals_done(s, x);
	case SETTLE_OUTBOX:
		return outbox_send_settled(s, x->told, x->told_count);
	case SETTLE_PROVIDERS:
		return settle_providers(s, r);
	case SETTLE_STRIKES_LOCK:
		return settle_strikes_lock(s, r);
	case SETTLE_DELIVERED:
		return settle_delivered(s, r);
	case SETTLE_STRIKES:
		return settle_strikes(s, r);
	case SETTLE_DOMAINS:
		return settle_domains(s, r);
	case SETTLE_SOURCE_DAYS:
		return source_days_send(s, x->outcomes, x->count);
	case SETTLE_UNKNOWN:
		return unknown_send(s, x->outcomes, x->count);
	case SETTLE_CLOSED:
		return send_closed(s, r);
	default:
		return pg_commit(s);
	}
}

/* What a stage's statement has answered. */
static int take_stage(struct store *s, const struct store_settle *r, unsigned stage,
		      const PGresult *result)
{
	struct settle *x = s->own;
	switch (stage) {
	case SETTLE_CAMPAIGNS:
		return take_campaigns(s, r, x, result);
	case SETTLE_SLICES:
		return late_take_slices(s, &x->late, result);
	case SETTLE_CHILDREN:
		return late_take_children(s, &x->late, result, x->outcomes, &x->count);
	case SETTLE_BURIALS:
		return late_take_burials(s, &x->late, result, x->outcomes, x->count);
	default:
		return 0;
	}
}

/* Sends what the stages from one on have to say, each in its turn. */
static enum pg_next send_from(struct store *s, const struct store_settle *r, unsigned stage)
{
	for (; stage < SETTLE_END; stage++) {
		s->step = stage + 1;
		if (stage == SETTLE_ROWS && collect(s, s->own) < 0)
			return pg_fail(s, STORE_RETRY, "no memory for a batch of outcomes");
		if (send_stage(s, r, stage) == PG_WAIT)
			return PG_WAIT;
		if (s->active->result != STORE_OK)
			return PG_DONE;
	}
	return PG_DONE;
}

static enum pg_next settle_step(struct store *s, struct store_request *request,
				const PGresult *result)
{
	struct store_settle *r = (struct store_settle *)request;
	unsigned stage = s->step++;
	switch (stage) {
	case SETTLE_BEGIN:
		s->own = pg_own(s, sizeof(struct settle));
		return s->own ? pg_begin(s) : pg_fail(s, STORE_RETRY, "no memory for a batch");
	case SETTLE_POSITION:
		return settle_position(s, r);
	case SETTLE_CAMPAIGNS:
		if (pg_affected(result) == 0)
			return pg_fail(s, STORE_FENCED, settle_fenced);
		return send_campaigns(s, r, s->own);
	default:
		if (take_stage(s, r, stage - 1, result) < 0)
			return pg_fail(s, STORE_RETRY, "no memory for a batch of outcomes");
		return send_from(s, r, stage);
	}
}

void store_settle(struct store *s, struct store_settle *r)
{
	static const struct store_work work = {settle_step}, aside = {settle_aside_step};
	pg_submit(s, &r->request, r->refused ? &aside : &work);
}
