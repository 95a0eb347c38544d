/* late.c - see late.h. A recipient may be told of by two: the engine that had marked him and
 * was given up, and whoever decided then. Two rules keep the sums right.
 *
 * Whom a take-over moved to another slice had never been marked, so nothing was sent: what his
 * old slice says of him (no route, suppressed) concerns nobody any more.
 *
 * Whoever was buried has a row that says which final verdict counts for him. A better one takes
 * its place (delivered before failed, failed before in doubt), any other is kept as a row that
 * is not final. So both copies of a second attempt are visible, and one is final. */
#include "engine/store/late.h"

#include "engine/store/engines.h"
#include "engine/store/ids.h"
#include "engine/store/outbox.h"

struct late_burial {
	uint64_t campaign_id, subscriber_id, slice_id, final_slice_id;
	uint64_t old_slice_id; /* of the verdict that no longer counts; UINT64_MAX: none */
	struct store_outcome *mine; /* of this batch, that counts; NULL: an earlier one */
	enum verdict verdict;
	uint16_t class;
	uint32_t tries;
	str provider;
	bool final, claimed, ended, changed;
};

/* ---- slices that were taken over ---- */

enum pg_next late_send_slices(struct store *s, struct late *l, const uint64_t *campaigns,
			      size_t campaign_count,
			      const struct store_outcome *const *outcomes, size_t count)
{
	uint64_t last = 0;
	l->slice_ids = pg_own(s, (count + 1) * sizeof(*l->slice_ids));
	if (!l->slice_ids)
		return pg_fail(s, STORE_RETRY, "no memory for a batch's slices");
	for (size_t i = 0; i < count; i++) {
		if (outcomes[i]->slice_id != last)
			l->slice_ids[l->slice_count++] = outcomes[i]->slice_id;
		last = outcomes[i]->slice_id;
	}
	ids_sort(l->slice_ids, l->slice_count);
	l->slice_count = ids_unique(l->slice_ids, l->slice_count);
	pg_put_tenant(s);
	pg_put_u64_array(s, campaigns, campaign_count);
	pg_put_u64_array(s, l->slice_ids, l->slice_count);
	return pg_run_kept(s, "settle_slices");
}

int late_take_slices(struct store *s, struct late *l, const PGresult *result)
{
	(void)s;
	l->slice_count = 0;
	for (size_t i = 0; i < pg_rows(result); i++) {
		uint64_t state = pg_u64(result, i, 2);
		if (state == SLICE_STATE_ORPHANED || state == SLICE_STATE_BURIED)
			l->slice_ids[l->slice_count++] = pg_u64(result, i, 1);
	}
	ids_sort(l->slice_ids, l->slice_count);
	return 0;
}

enum pg_next late_send_children(struct store *s, struct late *l, const uint64_t *campaigns,
				size_t campaign_count)
{
	if (l->slice_count == 0)
		return PG_DONE;
	pg_put_tenant(s);
	pg_put_u64_array(s, campaigns, campaign_count);
	pg_put_u64_array(s, l->slice_ids, l->slice_count);
	return pg_run(s, "settle_children");
}

struct moved {
	uint64_t slice_id;
	struct pile ids;
};

static bool is_moved(const struct moved *moved, size_t count, const struct store_outcome *o)
{
	for (size_t i = 0; i < count; i++)
		if (moved[i].slice_id == o->slice_id &&
		    ids_contain(moved[i].ids.ids, moved[i].ids.count, o->subscriber_id))
			return true;
	return false;
}

int late_take_children(struct store *s, struct late *l, const PGresult *result,
		       const struct store_outcome **outcomes, size_t *count)
{
	size_t rows = pg_rows(result), kept = 0;
	struct moved *moved = pg_own(s, (rows + 1) * sizeof(*moved));
	if (!moved)
		return -1;
	for (size_t i = 0; i < rows; i++) {
		moved[i].slice_id = pg_u64(result, i, 0);
		if (!pile_add_coded(&moved[i].ids, &s->scratch, pg_str(result, i, 1)))
			return -1;
		pile_settle(&moved[i].ids);
	}
	for (size_t i = 0; i < *count; i++)
		if (!ids_contain(l->slice_ids, l->slice_count, outcomes[i]->slice_id) ||
		    !is_moved(moved, rows, outcomes[i]))
			outcomes[kept++] = outcomes[i];
	*count = kept;
	return 0;
}

/* ---- recipients who were buried ---- */

enum pg_next late_send_burials(struct store *s, const struct store_outcome *const *outcomes,
			       size_t count)
{
	uint64_t *campaigns = pg_own(s, (count + 1) * sizeof(*campaigns));
	uint64_t *subscribers = pg_own(s, (count + 1) * sizeof(*subscribers));
	if (!campaigns || !subscribers)
		return pg_fail(s, STORE_RETRY, "no memory for a batch of outcomes");
	for (size_t i = 0; i < count; i++) {
		campaigns[i] = outcomes[i]->campaign_id;
		subscribers[i] = outcomes[i]->subscriber_id;
	}
	pg_put_tenant(s);
	pg_put_u64_array(s, campaigns, count);
	pg_put_u64_array(s, subscribers, count);
	return pg_run(s, "settle_burials");
}

static bool take_burial(struct store *s, struct late_burial *b, const PGresult *result, size_t i)
{
	*b = (struct late_burial){
		.campaign_id = pg_u64(result, i, 0),
		.subscriber_id = pg_u64(result, i, 1),
		.slice_id = pg_u64(result, i, 2),
		.final_slice_id = pg_u64(result, i, 3),
		.old_slice_id = UINT64_MAX,
		.final = pg_bool(result, i, 4),
		.verdict = (enum verdict)pg_u64(result, i, 5),
		.class = (uint16_t)pg_u64(result, i, 6),
		.tries = (uint32_t)pg_u64(result, i, 7),
		.provider = arena_copy(&s->scratch, pg_str(result, i, 8)),
		.claimed = pg_bool(result, i, 9),
		.ended = pg_bool(result, i, 10),
	};
	return b->provider.data != NULL;
}

/* Rows may come twice when the batch has somebody twice: the first of them is his. */
static struct late_burial *burial_of(const struct late *l, const struct store_outcome *o)
{
	for (size_t i = 0; i < l->burial_count; i++)
		if (l->burials[i].subscriber_id == o->subscriber_id &&
		    l->burials[i].campaign_id == o->campaign_id)
			return &l->burials[i];
	return NULL;
}

static int rank(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_DELIVERED:
		return 3;
	case VERDICT_FAILED:
		return 2;
	case VERDICT_IN_DOUBT:
		return 0;
	default:
		return 1;
	}
}

/* What counted for him is taken out of the sums. */
static bool undo(struct store *s, struct late *l, struct late_burial *b)
{
	b->final = false;
	b->changed = true;
	if (b->mine) {
		b->mine->final = false;
		b->mine = NULL;
		return true;
	}
	struct store_outcome *o = pg_own(s, sizeof(*o));
	if (!o)
		return false;
	*o = (struct store_outcome){
		.campaign_id = b->campaign_id,
		.subscriber_id = b->subscriber_id,
		.verdict = b->verdict,
		.attempt = b->tries,
		.final = true,
		.provider = b->provider,
	};
	l->undone_classes[l->undone_count] = b->class;
	l->undone[l->undone_count++] = o;
	b->old_slice_id = b->final_slice_id;
	return true;
}

static void stand(struct late_burial *b, struct store_outcome *o)
{
	b->mine = o;
	b->final = b->changed = true;
	b->final_slice_id = o->slice_id;
	b->verdict = o->verdict;
	b->class = store_class_number(o);
	b->tries = o->attempt > 1 ? 2 : o->attempt;
	b->provider = o->provider.data ? o->provider : STR("");
}

/* Nobody works any more on a campaign that has ended: who would be tried again is not. */
static void end_for_good(struct store_outcome *o)
{
	o->verdict = o->verdict == VERDICT_DEFERRED ? VERDICT_FAILED : o->verdict;
	o->final = true;
	o->due_wall = 0;
}

/* Another verdict stands. The attempt that had claimed him for another try ends that; what is told
 * late has none. */
static void leave_alone(struct late *l, const struct store_outcome *o, bool late, uint8_t *flags)
{
	*flags = LATE_NO_OUTBOX | (late ? LATE_NO_DEFERRAL : LATE_DONE);
	if (!late)
		l->done[l->done_count++] = o;
}

bool late_is_done(const struct late *l, const struct store_outcome *o)
{
	for (size_t i = 0; i < l->done_count; i++)
		if (l->done[i] == o)
			return true;
	return false;
}

static bool settle_final(struct store *s, struct late *l, struct late_burial *b,
			 struct store_outcome *o, uint8_t *flags)
{
	bool late = o->slice_id == b->slice_id;
	*flags = LATE_LOOK;
	if (late && b->claimed)
		*flags |= LATE_NO_DEFERRAL; /* whoever has claimed it ends it */
	if (b->final && rank(o->verdict) <= rank(b->verdict)) {
		o->final = false;
		leave_alone(l, o, late, flags);
		return true;
	}
	if (b->final && !undo(s, l, b))
		return false;
	stand(b, o);
	return true;
}

static bool settle_open(struct store *s, struct late *l, struct late_burial *b,
			const struct store_outcome *o, uint8_t *flags)
{
	bool late = o->slice_id == b->slice_id;
	*flags = LATE_LOOK;
	if (!b->final) {
		if (late && b->claimed)
			*flags = LATE_NO_DEFERRAL | LATE_NO_OUTBOX;
		return true;
	}
	if (late && b->verdict == VERDICT_IN_DOUBT)
		return undo(s, l, b); /* it was not sent: he is tried again */
	leave_alone(l, o, late, flags);
	return true;
}

int late_take_burials(struct store *s, struct late *l, const PGresult *result,
		      const struct store_outcome **outcomes, size_t count)
{
	size_t rows = pg_rows(result);
	if (rows == 0)
		return 0;
	l->burials = pg_own(s, rows * sizeof(*l->burials));
	l->undone = pg_own(s, count * sizeof(*l->undone));
	l->undone_classes = pg_own(s, count * sizeof(*l->undone_classes));
	l->flags = pg_own(s, count);
	l->done = pg_own(s, count * sizeof(*l->done));
	if (!l->burials || !l->undone || !l->undone_classes || !l->flags || !l->done)
		return -1;
	for (size_t i = 0; i < rows; i++)
		if (!take_burial(s, &l->burials[l->burial_count++], result, i))
			return -1;
	for (size_t i = 0; i < count; i++) {
		struct late_burial *b = burial_of(l, outcomes[i]);
		if (!b)
			continue;
		struct store_outcome *o = pg_own(s, sizeof(*o));
		if (!o)
			return -1;
		*o = *outcomes[i];
		outcomes[i] = o;
		if (!o->final && b->ended && o->slice_id == b->slice_id)
			end_for_good(o);
		if (!(o->final ? settle_final(s, l, b, o, &l->flags[i])
			       : settle_open(s, l, b, o, &l->flags[i])))
			return -1;
	}
	return 0;
}

struct columns {
	uint64_t *campaigns, *subscribers, *slices, *old_slices;
	uint32_t *finals, *verdicts, *classes, *tries;
	str *providers;
};

static bool alloc_columns(struct store *s, struct columns *c, size_t n)
{
	return (c->campaigns = pg_own(s, n * 8)) && (c->subscribers = pg_own(s, n * 8)) &&
	       (c->slices = pg_own(s, n * 8)) && (c->old_slices = pg_own(s, n * 8)) &&
	       (c->finals = pg_own(s, n * 4)) && (c->verdicts = pg_own(s, n * 4)) &&
	       (c->classes = pg_own(s, n * 4)) && (c->tries = pg_own(s, n * 4)) &&
	       (c->providers = pg_own(s, n * sizeof(str)));
}

static void fill(struct columns *c, size_t n, const struct late_burial *b)
{
	c->campaigns[n] = b->campaign_id;
	c->subscribers[n] = b->subscriber_id;
	c->slices[n] = b->final_slice_id;
	c->old_slices[n] = b->old_slice_id; /* UINT64_MAX arrives as -1: none */
	c->finals[n] = b->final;
	c->verdicts[n] = b->verdict;
	c->classes[n] = b->class;
	c->tries[n] = b->tries;
	c->providers[n] = b->provider;
}

enum pg_next late_send_moved(struct store *s, const struct late *l)
{
	struct columns c;
	size_t n = 0;
	if (l->burial_count == 0)
		return PG_DONE;
	if (!alloc_columns(s, &c, l->burial_count))
		return pg_fail(s, STORE_RETRY, "no memory for what counts now");
	for (size_t i = 0; i < l->burial_count; i++)
		if (l->burials[i].changed)
			fill(&c, n++, &l->burials[i]);
	if (n == 0)
		return PG_DONE;
	pg_put_tenant(s);
	pg_put_u64_array(s, c.campaigns, n);
	pg_put_u64_array(s, c.subscribers, n);
	pg_put_u64_array(s, c.slices, n);
	pg_put_u32_array(s, c.finals, n);
	pg_put_u32_array(s, c.verdicts, n);
	pg_put_u32_array(s, c.classes, n);
	pg_put_u32_array(s, c.tries, n);
	pg_put_text_array(s, c.providers, n);
	pg_put_u64_array(s, c.old_slices, n);
	return pg_run(s, "settle_burials_moved");
}
