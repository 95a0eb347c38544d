/* recover.c - what an engine's earlier life held is closed, and nobody in it is lost.
 * Slice by slice, in one transaction: whoever has an outcome, or was put back, is accounted
 * for; the rest becomes a remainder that is due at once. That is safe after a replay, because
 * the journal has told everyone whose end of data may have left. Where the journal is lost the
 * start marks speak in its place, and who was marked is in doubt. */
#include "engine/store/engines.h"
#include "engine/store/takeover.h"

struct recover {
	struct held *slices;
	size_t count, next;
	uint64_t summarized; /* the campaign whose index is up to date */
};

static bool take_slices(struct store *s, const PGresult *result)
{
	struct recover *x = s->own = pg_own(s, sizeof(*x));
	size_t rows = pg_rows(result);
	if (!x || !(x->slices = pg_own(s, rows * sizeof(*x->slices))))
		return false;
	for (size_t i = 0; i < rows; i++)
		if (!pg_is_null(result, i, 0) &&
		    !held_read(s, &x->slices[x->count++], result, i))
			return false;
	return true;
}

/* With the journal read, a mark alone means that nothing left: such recipients are sent again.
 */
static bool account(struct store *s, struct store_recover *r, struct held *h,
		    const PGresult *result)
{
	if (!held_account(s, h, result))
		return false;
	if (!r->trust_marks && h->doubtful_count) {
		memcpy(h->ids + h->count, h->doubtful, h->doubtful_count * sizeof(*h->ids));
		h->count += h->doubtful_count;
		h->doubtful_count = 0;
		ids_sort(h->ids, h->count);
	}
	r->ret_slices++;
	r->ret_remaining += (uint32_t)h->count;
	r->ret_in_doubt += (uint32_t)h->doubtful_count;
	return true;
}

enum {
	RECOVER_BEGIN,
	RECOVER_BEGUN,
	RECOVER_INDEXED,   /* statistics of a young partition would not choose its index */
	RECOVER_LOCKED,    /* first, and alone: what is taken over right now is seen behind it */
	RECOVER_HELD,      /* the slices are known */
	RECOVER_NEXT,      /* the next slice, or the end */
	RECOVER_ACCOUNTED, /* who of it is accounted for is known */
	RECOVER_DOUBTFUL,
	RECOVER_CLOSE,
	RECOVER_END
};

static enum pg_next recover_slice(struct store *s, struct store_recover *r, unsigned stage,
				  const PGresult *result)
{
	struct recover *x = s->own;
	struct held *h = &x->slices[x->next];
	switch (stage) {
	case RECOVER_NEXT:
		if (h->state == SLICE_STATE_BURIED)
			break; /* who was in it has his verdict */
		s->step = RECOVER_ACCOUNTED;
		return held_ask(s, h);
	case RECOVER_ACCOUNTED:
		if (!account(s, r, h, result))
			return pg_fail(s, STORE_RETRY,
				       "a slice's ids are damaged or too many for memory");
		if (h->count)
			return held_send_remainder(s, h);
		s->step++;
		[[fallthrough]];
	case RECOVER_DOUBTFUL:
		if (h->doubtful_count)
			return held_send_doubtful(s, h, r->engine_id);
		break;
	default:
		break;
	}
	s->step = RECOVER_NEXT;
	x->next++;
	return held_close(s, h, false);
}

static enum pg_next recover_next(struct store *s, struct store_recover *r)
{
	struct recover *x = s->own;
	if (x->next == x->count) {
		s->step = RECOVER_END;
		return pg_commit(s);
	}
	if (x->slices[x->next].campaign_id == x->summarized)
		return recover_slice(s, r, RECOVER_NEXT, NULL);
	x->summarized = x->slices[x->next].campaign_id;
	s->step = RECOVER_NEXT;
	pg_put_u64(s, x->summarized);
	return pg_run(s, "recover_summarize");
}

static enum pg_next recover_step(struct store *s, struct store_request *request,
				 const PGresult *result)
{
	struct store_recover *r = (struct store_recover *)request;
	unsigned stage = s->step++;
	switch (stage) {
	case RECOVER_BEGIN:
		r->ret_slices = r->ret_remaining = r->ret_in_doubt = 0;
		return pg_begin(s);
	case RECOVER_BEGUN:
		return pg_text(s, "set local enable_seqscan = off");
	case RECOVER_INDEXED:
		engine_put(s, r->engine_id, r->epoch);
		return pg_run(s, "recover_lock");
	case RECOVER_LOCKED:
		engine_put(s, r->engine_id, r->epoch);
		return pg_run(s, "recover_slices");
	case RECOVER_HELD:
		if (pg_rows(result) == 0)
			return pg_fail(s, STORE_FENCED, engine_fenced);
		if (!take_slices(s, result))
			return pg_fail(s, STORE_RETRY,
				       "a slice's ids are damaged or too many for memory");
		return recover_next(s, r);
	case RECOVER_NEXT:
		return recover_next(s, r);
	case RECOVER_END:
		return PG_DONE;
	default:
		return recover_slice(s, r, stage, result);
	}
}

void store_recover(struct store *s, struct store_recover *r)
{
	static const struct store_work work = {recover_step};
	pg_submit(s, &r->request, &work);
}
