/* recover.c - what an engine's earlier life held is closed, and nobody in it is lost.
 * Slice by slice, in one transaction: whoever has an outcome, or was put back, is accounted
 * for; the rest becomes a remainder that is due at once. That is safe after a replay, because
 * the journal has told everyone whose end of data may have left. Where the journal is lost the
 * start marks speak in its place, and who was marked is in doubt. */
#include "engine/store/pg.h"

#include "engine/base/codec.h"
#include "engine/store/ids.h"

struct held {
	uint64_t id, campaign_id;
	uint64_t *ids;
	size_t count;
	bool retry_in_doubt;
};

struct recover {
	struct held *slices;
	size_t count, next;
	uint64_t *doubtful;
	size_t doubtful_count;
};

/* A growing set of ids. */
struct pile {
	uint64_t *ids;
	size_t count, capacity;
};

static bool pile_room(struct store *s, struct pile *p, size_t more)
{
	if (p->count + more <= p->capacity)
		return true;
	size_t capacity = (p->count + more) * 2;
	uint64_t *ids = pg_own(s, capacity * sizeof(*ids));
	if (!ids)
		return false;
	if (p->count)
		memcpy(ids, p->ids, p->count * sizeof(*ids));
	p->ids = ids;
	p->capacity = capacity;
	return true;
}

/* Each id takes at least a byte. */
static bool pile_coded(struct store *s, struct pile *p, str coded)
{
	if (!pile_room(s, p, coded.size))
		return false;
	long count = delta_decode(coded, p->ids + p->count, coded.size);
	if (count < 0)
		return false;
	p->count += (size_t)count;
	return true;
}

static bool take_slices(struct store *s, const PGresult *result)
{
	struct recover *x = s->own = pg_own(s, sizeof(*x));
	size_t rows = pg_rows(result);
	if (!x || !(x->slices = pg_own(s, rows * sizeof(*x->slices))))
		return false;
	for (size_t i = 0; i < rows; i++) {
		if (pg_is_null(result, i, 0))
			continue;
		struct held *h = &x->slices[x->count++];
		h->id = pg_u64(result, i, 0);
		h->campaign_id = pg_u64(result, i, 1);
		h->count = pg_u64(result, i, 2);
		h->retry_in_doubt = pg_u64(result, i, 4) == 1;
		h->ids = pg_own(s, (h->count + 1) * sizeof(*h->ids));
		if (!h->ids ||
		    delta_decode(pg_str(result, i, 3), h->ids, h->count) != (long)h->count)
			return false;
	}
	return true;
}

static bool read_accounts(struct store *s, const PGresult *result, struct pile *done,
			  struct pile *marked)
{
	for (size_t i = 0; i < pg_rows(result); i++) {
		uint64_t kind = pg_u64(result, i, 0);
		if (kind == 0) {
			if (!pile_room(s, done, 1))
				return false;
			done->ids[done->count++] = pg_u64(result, i, 1);
		} else if (!pile_coded(s, kind == 1 ? done : marked, pg_str(result, i, 2))) {
			return false;
		}
	}
	ids_sort(done->ids, done->count);
	ids_sort(marked->ids, marked->count);
	marked->count = ids_unique(marked->ids, marked->count);
	return true;
}

/* Splits what is not accounted for into remainder (stays in h->ids) and doubtful. */
static bool account(struct store *s, struct store_recover *r, struct held *h,
		    const PGresult *result)
{
	struct recover *x = s->own;
	struct pile done = {}, marked = {};
	if (!read_accounts(s, result, &done, &marked))
		return false;
	h->count = ids_subtract(h->ids, h->count, done.ids, done.count);
	x->doubtful_count = 0;
	if (r->trust_marks) {
		x->doubtful = pg_own(s, (h->count + 1) * sizeof(*x->doubtful));
		if (!x->doubtful)
			return false;
		for (size_t i = 0; i < h->count; i++)
			if (ids_contain(marked.ids, marked.count, h->ids[i]))
				x->doubtful[x->doubtful_count++] = h->ids[i];
		h->count = ids_subtract(h->ids, h->count, x->doubtful, x->doubtful_count);
	}
	r->ret_slices++;
	r->ret_remaining += (uint32_t)h->count;
	r->ret_in_doubt += (uint32_t)x->doubtful_count;
	return true;
}

static void put_slice(struct store *s, const struct held *h)
{
	pg_put_tenant(s);
	pg_put_u64(s, h->campaign_id);
	pg_put_u64(s, h->id);
}

static enum pg_next send_remainder(struct store *s, const struct held *h)
{
	str ids = ids_encode(&s->scratch, h->ids, h->count);
	if (!ids.data)
		return pg_fail(s, STORE_RETRY, "no memory for a remainder");
	put_slice(s, h);
	pg_put_u32(s, (uint32_t)h->count);
	pg_put_u64(s, h->ids[0]);
	pg_put_u64(s, h->ids[h->count - 1]);
	pg_put_bytes(s, ids);
	return pg_run(s, "recover_remainder");
}

static enum pg_next send_doubtful(struct store *s, const struct store_recover *r,
				  const struct held *h)
{
	const struct recover *x = s->own;
	put_slice(s, h);
	pg_put_u32(s, r->engine_id);
	pg_put_u64_array(s, x->doubtful, x->doubtful_count);
	pg_put_bool(s, !h->retry_in_doubt);
	return pg_run(s, "recover_in_doubt");
}

enum {
	RECOVER_BEGIN,
	RECOVER_BEGUN,
	RECOVER_HELD,      /* the slices are known */
	RECOVER_NEXT,      /* the next slice, or the end */
	RECOVER_ACCOUNTED, /* who of it is accounted for is known */
	RECOVER_DOUBTFUL,
	RECOVER_CLOSE,
	RECOVER_COMMIT,
	RECOVER_END
};

static enum pg_next recover_slice(struct store *s, struct store_recover *r, unsigned stage,
				  const PGresult *result)
{
	struct recover *x = s->own;
	struct held *h = &x->slices[x->next];
	switch (stage) {
	case RECOVER_NEXT:
		s->step = RECOVER_ACCOUNTED;
		put_slice(s, h);
		return pg_run(s, "recover_accounts");
	case RECOVER_ACCOUNTED:
		if (!account(s, r, h, result))
			return pg_fail(s, STORE_RETRY,
				       "a slice's ids are damaged or too many for memory");
		if (h->count)
			return send_remainder(s, h);
		s->step++;
		[[fallthrough]];
	case RECOVER_DOUBTFUL:
		if (x->doubtful_count)
			return send_doubtful(s, r, h);
		s->step++;
		[[fallthrough]];
	default:
		s->step = RECOVER_NEXT;
		put_slice(s, h);
		x->next++;
		return pg_run(s, "recover_close");
	}
}

static enum pg_next recover_step(struct store *s, struct store_request *request,
				 const PGresult *result)
{
	struct store_recover *r = (struct store_recover *)request;
	struct recover *x = s->own;
	unsigned stage = s->step++;
	switch (stage) {
	case RECOVER_BEGIN:
		r->ret_slices = r->ret_remaining = r->ret_in_doubt = 0;
		return pg_begin(s);
	case RECOVER_BEGUN:
		pg_put_tenant(s);
		pg_put_u32(s, r->engine_id);
		pg_put_u32(s, r->epoch);
		return pg_run(s, "recover_slices");
	case RECOVER_HELD:
		if (pg_rows(result) == 0)
			return pg_fail(s, STORE_FENCED,
				       "another process runs under this engine's name");
		if (!take_slices(s, result))
			return pg_fail(s, STORE_RETRY,
				       "a slice's ids are damaged or too many for memory");
		x = s->own;
		stage = RECOVER_NEXT;
		[[fallthrough]];
	case RECOVER_NEXT:
		if (x->next == x->count) {
			s->step = RECOVER_END;
			return pg_commit(s);
		}
		[[fallthrough]];
	case RECOVER_ACCOUNTED:
	case RECOVER_DOUBTFUL:
	case RECOVER_CLOSE:
		return recover_slice(s, r, stage, result);
	default:
		return PG_DONE;
	}
}

void store_recover(struct store *s, struct store_recover *r)
{
	static const struct store_work work = {recover_step};
	pg_submit(s, &r->request, &work);
}
