/* cut.c - freezing the next slice of an audience.
 * One list without a filter is read straight off its index. Else a window of subscriptions is
 * bounded first, then joined with that bound on both sides: a join that may read on to the end
 * of a large list gets slower with every slice. Where the filter or the exclusions leave too
 * few, a larger window follows, a few times; then the caller is given what there is, so that
 * one cut never takes long.
 * Where the letter has variants, who is held out stands among the suppressed, and who waits for
 * the winner gets a slice of his own that nobody leases (state 5). The campaign's row is locked
 * meanwhile, so that a winner is named before a cut or behind it.
 */
#include "engine/store/pg.h"

#include "engine/store/ids.h"
#include "engine/store/reasons.h"
#include "engine/store/variants.h"

#define WINDOW_LIMIT 200000 /* subscriptions of a list joined at once: about 0.2 s */
#define ROUND_LIMIT 4
#define WINDOW_GROWTH 4

/* What the next result will be; counts on by itself, except where windowed() turns back. */
enum {
	CUT_BEGIN,
	CUT_BEGUN,
	CUT_LOCKED,
	CUT_BOUNDED,
	CUT_FOUND,
	CUT_INSERTED,
	CUT_WAITING, /* the slice of those who wait for the winner */
	CUT_COUNTED,
	CUT_ADVANCED,
	CUT_END
};

struct cut {
	uint64_t mark, highest, bound, window;
	unsigned round;
	bool plain; /* one list, no filter: no window is needed */
	bool fully_cut, bound_is_end;
	str lists, excluded, filter; /* binary arrays, and text, as they came */
	struct variant_split split;
	bool winner_is_named;
	uint64_t chosen[VARIANT_LIMIT + 1]; /* for each variant */
	uint64_t *ids, *suppressed_ids, *waiting_ids;
	char *suppressed_reasons;
	size_t count, suppressed_count, waiting_count;
};

static size_t found_count(const struct cut *c)
{
	return c->count + c->suppressed_count + c->waiting_count;
}

static bool keep(struct store *s, str from, str *ret)
{
	if (!from.data) {
		*ret = from;
		return true;
	}
	*ret = arena_copy(&s->scratch, from);
	return ret->data != NULL;
}

/* In array_recv()'s form: dimensions, flags, element type, then the first dimension's size. */
static bool has_one_element(str array)
{
	static const char one[4] = {0, 0, 0, 1};
	return array.size >= 16 && memcmp(array.data, one, 4) == 0 &&
	       memcmp(array.data + 12, one, 4) == 0;
}

static enum pg_next send_plain(struct store *s, const struct store_cut *r, struct cut *c)
{
	c->bound = c->highest;
	c->bound_is_end = true;
	s->step = CUT_FOUND;
	pg_put_tenant(s);
	pg_put_u64(s, c->mark);
	pg_put_u64(s, c->highest);
	pg_put_bytes(s, c->lists);
	pg_put_bytes(s, c->excluded);
	pg_put_u64(s, r->limit - found_count(c));
	return pg_run_kept(s, "cut_plain");
}

static enum pg_next send_bound(struct store *s, const struct cut *c)
{
	pg_put_tenant(s);
	pg_put_bytes(s, c->lists);
	pg_put_u64(s, c->mark);
	pg_put_u64(s, c->highest);
	pg_put_u64(s, c->window);
	return pg_run(s, "cut_bound");
}

static enum pg_next locked(struct store *s, struct store_cut *r, const PGresult *result)
{
	if (pg_rows(result) == 0)
		return pg_fail(s, STORE_NOT_FOUND, "there is no such campaign");
	struct cut *c = s->own = pg_own(s, sizeof(*c));
	size_t limit = r->limit;
	if (!c)
		return pg_fail(s, STORE_RETRY, "no memory to cut a slice");
	c->ids = pg_own(s, limit * sizeof(*c->ids));
	c->suppressed_ids = pg_own(s, limit * sizeof(*c->ids));
	c->suppressed_reasons = pg_own(s, limit);
	c->waiting_ids = pg_own(s, limit * sizeof(*c->ids));
	if (!c->ids || !c->suppressed_ids || !c->suppressed_reasons || !c->waiting_ids ||
	    !keep(s, pg_str(result, 0, 4), &c->lists) ||
	    !keep(s, pg_str(result, 0, 5), &c->excluded) ||
	    !keep(s, pg_str(result, 0, 6), &c->filter))
		return pg_fail(s, STORE_RETRY, "no memory to cut a slice");
	c->fully_cut = pg_bool(result, 0, 1);
	c->mark = pg_u64(result, 0, 2);
	c->highest = pg_u64(result, 0, 3);
	c->window = limit;
	c->winner_is_named = pg_u64(result, 0, 9) != 0;
	if (!variant_split_parse(pg_str(result, 0, 7), pg_u64(result, 0, 8), &c->split))
		return pg_fail(s, STORE_REFUSED, "the shares of its variants cannot be read");
	c->plain = has_one_element(c->lists) && !c->filter.data;
	if (c->fully_cut || pg_u64(result, 0, 0) != CAMPAIGN_RUNNING || limit == 0) {
		r->ret_fully_cut = c->fully_cut;
		s->step = CUT_END;
		return pg_commit(s);
	}
	return c->plain ? send_plain(s, r, c) : send_bound(s, c);
}

static enum pg_next send_ids(struct store *s, const struct store_cut *r, struct cut *c,
			     const PGresult *result)
{
	c->bound_is_end = pg_is_null(result, 0, 0);
	c->bound = c->bound_is_end ? c->highest : pg_u64(result, 0, 0);
	pg_put_tenant(s);
	pg_put_u64(s, c->mark);
	pg_put_u64(s, c->bound);
	pg_put_bytes(s, c->lists);
	pg_put_bytes(s, c->excluded);
	pg_put_raw_text(s, c->filter);
	pg_put_u64(s, r->limit - found_count(c));
	return pg_run(s, "cut_ids");
}

static void take(struct cut *c, uint64_t campaign_id, uint64_t id, uint64_t reason)
{
	int variant = variant_of(&c->split, campaign_id, id);
	if (!reason && variant == VARIANT_HELD_OUT)
		reason = REASON_HELD_OUT;
	if (!reason)
		c->chosen[variant]++;
	if (!reason && variant == VARIANT_REST && !c->winner_is_named) {
		c->waiting_ids[c->waiting_count++] = id;
	} else if (reason) {
		c->suppressed_reasons[c->suppressed_count] = (char)reason;
		c->suppressed_ids[c->suppressed_count++] = id;
	} else {
		c->ids[c->count++] = id;
	}
}

/* Where the next cut begins; last: the last of those found, of which there may have been as many as
 * were asked for. */
static void move_mark(struct cut *c, bool filled, uint64_t last)
{
	c->mark = filled ? last : c->bound;
	c->fully_cut = c->mark >= c->highest || (!filled && c->bound_is_end);
}

static void take_ids(struct cut *c, const struct store_cut *r, const PGresult *result)
{
	size_t rows = pg_rows(result);
	bool filled = rows == r->limit - found_count(c);
	for (size_t i = 0; i < rows; i++)
		take(c, r->campaign_id, pg_u64(result, i, 0), pg_u64(result, i, 1));
	move_mark(c, filled, filled ? pg_u64(result, rows - 1, 0) : 0);
}

/* Ids in ascending order, walked along with others. */
struct walk {
	uint64_t *ids;
	size_t count, next;
};

static bool walk_meets(struct walk *w, uint64_t id)
{
	while (w->next < w->count && w->ids[w->next] < id)
		w->next++;
	return w->next < w->count && w->ids[w->next] == id;
}

static bool take_plain(struct store *s, struct cut *c, const struct store_cut *r,
		       const PGresult *result)
{
	uint64_t *ids, *reasons;
	size_t count, reason_count;
	struct walk suppressed = {}, excluded = {};
	if (!pg_u64_array(s, result, 0, 0, &ids, &count) ||
	    !pg_u64_array(s, result, 0, 1, &suppressed.ids, &suppressed.count) ||
	    !pg_u64_array(s, result, 0, 2, &reasons, &reason_count) ||
	    !pg_u64_array(s, result, 0, 3, &excluded.ids, &excluded.count) ||
	    reason_count != suppressed.count)
		return false;
	bool filled = count == r->limit - found_count(c);
	for (size_t i = 0; i < count; i++)
		if (!walk_meets(&excluded, ids[i]))
			take(c, r->campaign_id, ids[i],
			     walk_meets(&suppressed, ids[i]) ? reasons[suppressed.next] : 0);
	move_mark(c, filled, filled ? ids[count - 1] : 0);
	return true;
}

/* Per reason, as arrays for the tallies and as the slice's JSON. */
static bool put_reasons(struct store *s, const struct cut *c)
{
	uint64_t counts[256] = {}, some[256];
	uint32_t reasons[256];
	size_t used = 0;
	struct buf json;
	for (size_t i = 0; i < c->suppressed_count; i++)
		counts[(uint8_t)c->suppressed_reasons[i]]++;
	buf_init_arena(&json, &s->scratch, 64);
	buf_put_byte(&json, '{');
	for (uint32_t reason = 0; reason < 256; reason++) {
		if (counts[reason] == 0)
			continue;
		buf_printf(&json, "%s\"%s\":%llu", used ? "," : "", store_reason_name(reason),
			   (unsigned long long)counts[reason]);
		reasons[used] = reason;
		some[used++] = counts[reason];
	}
	buf_put_byte(&json, '}');
	if (!buf_ok(&json))
		return false;
	pg_put_raw_text(s, buf_str(&json));
	pg_put_u32_array(s, reasons, used);
	pg_put_u64_array(s, some, used);
	return true;
}

static enum pg_next send_insert(struct store *s, const struct store_cut *r, const struct cut *c,
				uint32_t state)
{
	str ids = ids_encode(&s->scratch, c->ids, c->count);
	str suppressed = ids_encode(&s->scratch, c->suppressed_ids, c->suppressed_count);
	uint64_t lo = UINT64_MAX, hi = 0;
	if (c->count)
		lo = c->ids[0], hi = c->ids[c->count - 1];
	if (c->suppressed_count && c->suppressed_ids[0] < lo)
		lo = c->suppressed_ids[0];
	if (c->suppressed_count && c->suppressed_ids[c->suppressed_count - 1] > hi)
		hi = c->suppressed_ids[c->suppressed_count - 1];
	pg_put_tenant(s);
	pg_put_u64(s, r->campaign_id);
	pg_put_u32(s, (uint32_t)c->count);
	pg_put_u32(s, (uint32_t)c->suppressed_count);
	pg_put_u64(s, lo);
	pg_put_u64(s, hi);
	pg_put_bytes(s, ids);
	pg_put_bytes(s, suppressed);
	pg_put_bytes(s, str_make(c->suppressed_reasons, c->suppressed_count));
	if (!ids.data || !suppressed.data || !put_reasons(s, c))
		return pg_fail(s, STORE_RETRY, "no memory to cut a slice");
	pg_put_u32(s, state);
	return pg_run_kept(s, "cut_insert");
}

static enum pg_next send_waiting(struct store *s, const struct store_cut *r,
				 const struct cut *c)
{
	const struct cut waiting = {.ids = c->waiting_ids,
				    .count = c->waiting_count,
				    .suppressed_ids = c->suppressed_ids,
				    .suppressed_reasons = c->suppressed_reasons};
	return send_insert(s, r, &waiting, SLICE_STATE_WAITING);
}

static enum pg_next send_advance(struct store *s, const struct store_cut *r,
				 const struct cut *c)
{
	pg_put_tenant(s);
	pg_put_u64(s, r->campaign_id);
	pg_put_u64(s, c->mark);
	pg_put_bool(s, c->fully_cut);
	return pg_run_kept(s, "cut_advance");
}

/* The last statements of a cut, each where it has something to say; stage: from which on. */
static enum pg_next insert_from(struct store *s, const struct store_cut *r, const struct cut *c,
				unsigned stage)
{
	switch (s->step = stage) {
	case CUT_INSERTED:
		if (c->count + c->suppressed_count > 0)
			return send_insert(s, r, c, SLICE_STATE_OPEN);
		s->step = CUT_WAITING;
		[[fallthrough]];
	case CUT_WAITING:
		if (c->waiting_count > 0)
			return send_waiting(s, r, c);
		s->step = CUT_COUNTED;
		[[fallthrough]];
	case CUT_COUNTED:
		if (c->split.count > 0 && found_count(c) > 0)
			return variants_send_chosen(s, r->campaign_id, c->chosen);
		s->step = CUT_ADVANCED;
		[[fallthrough]];
	default:
		return send_advance(s, r, c);
	}
}

/* After a window: another one, or the slice. */
static enum pg_next windowed(struct store *s, struct store_cut *r, struct cut *c)
{
	size_t found = found_count(c);
	if (!c->fully_cut && found < r->limit / 2 + 1 && ++c->round < ROUND_LIMIT) {
		if (c->plain)
			return send_plain(s, r, c);
		c->window *= WINDOW_GROWTH;
		if (c->window > WINDOW_LIMIT)
			c->window = WINDOW_LIMIT;
		s->step = CUT_BOUNDED;
		return send_bound(s, c);
	}
	r->ret_count = (uint32_t)c->count;
	r->ret_fully_cut = c->fully_cut;
	return insert_from(s, r, c, CUT_INSERTED);
}

static enum pg_next cut_step(struct store *s, struct store_request *request,
			     const PGresult *result)
{
	struct store_cut *r = (struct store_cut *)request;
	struct cut *c = s->own;
	switch (s->step++) {
	case CUT_BEGIN:
		r->ret_slice_id = 0;
		r->ret_count = 0;
		return pg_begin(s);
	case CUT_BEGUN:
		pg_put_tenant(s);
		pg_put_u64(s, r->campaign_id);
		return pg_run_kept(s, "cut_lock");
	case CUT_LOCKED:
		return locked(s, r, result);
	case CUT_BOUNDED:
		return send_ids(s, r, c, result);
	case CUT_FOUND:
		if (!c->plain)
			take_ids(c, r, result);
		else if (!take_plain(s, c, r, result))
			return pg_fail(s, STORE_RETRY, "no memory to cut a slice");
		return windowed(s, r, c);
	case CUT_INSERTED:
		r->ret_slice_id = pg_u64(result, 0, 0);
		return insert_from(s, r, c, CUT_WAITING);
	case CUT_WAITING:
		return insert_from(s, r, c, CUT_COUNTED);
	case CUT_COUNTED:
		return insert_from(s, r, c, CUT_ADVANCED);
	case CUT_ADVANCED:
		return pg_commit(s);
	default:
		return PG_DONE;
	}
}

void store_cut(struct store *s, struct store_cut *r)
{
	static const struct store_work work = {cut_step};
	pg_submit(s, &r->request, &work);
}
