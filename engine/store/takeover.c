/* takeover.c - what a silent engine held goes on without it.
 * First its unmarked recipients become a remainder, and the slice is orphaned: its owner may
 * start nothing of it any more, and whom it had marked waits for its journal. When that has not
 * come back in time the rest is in doubt, and the slice is closed. The slice's row is locked
 * before its marks are read: a mark that was being written has come in by then, or is refused.
 */
#include "engine/store/takeover.h"

#include "engine/store/engines.h"

struct takeover {
	struct held held;
	uint32_t engine_id;
	enum {
		TAKEOVER_FIND,
		TAKEOVER_ORPHAN,
		TAKEOVER_ACCOUNT,
		TAKEOVER_BURY,
		TAKEOVER_CLOSE,
		TAKEOVER_COMMIT,
		TAKEOVER_END
	} stage;
};

bool held_read(struct store *s, struct held *h, const PGresult *result, size_t row)
{
	h->id = pg_u64(result, row, 0);
	h->campaign_id = pg_u64(result, row, 1);
	h->count = pg_u64(result, row, 2);
	h->retry_in_doubt = pg_u64(result, row, 4) == 1;
	h->state = (uint32_t)pg_u64(result, row, 5);
	h->engine_id = (uint32_t)pg_u64(result, row, 6);
	struct pile ids = {};
	if (!pile_add_coded(&ids, &s->scratch, pg_str(result, row, 3)) || ids.count != h->count)
		return false;
	h->ids = ids.ids;
	return true;
}

static void put_slice(struct store *s, const struct held *h)
{
	pg_put_tenant(s);
	pg_put_u64(s, h->campaign_id);
	pg_put_u64(s, h->id);
}

enum pg_next held_ask(struct store *s, const struct held *h)
{
	put_slice(s, h);
	return pg_run(s, "recover_accounts");
}

static bool read_accounts(struct store *s, const PGresult *result, struct pile *done,
			  struct pile *marked)
{
	for (size_t i = 0; i < pg_rows(result); i++) {
		uint64_t kind = pg_u64(result, i, 0);
		bool good = kind == 0 ? pile_add(done, &s->scratch, pg_u64(result, i, 1))
				      : pile_add_coded(kind == 1 ? done : marked, &s->scratch,
						       pg_str(result, i, 2));
		if (!good)
			return false;
	}
	pile_settle(done);
	pile_settle(marked);
	return true;
}

/* When each of the doubtful was marked last: mark by mark, they come in no order. */
static bool read_times(struct store *s, struct held *h, const PGresult *result)
{
	for (size_t i = 0; h->doubtful_count && i < pg_rows(result); i++) {
		struct pile ids = {};
		usec at = pg_time(result, i, 3);
		if (pg_u64(result, i, 0) != 2)
			continue;
		if (!pile_add_coded(&ids, &s->scratch, pg_str(result, i, 2)))
			return false;
		pile_settle(&ids);
		for (size_t k = 0; k < h->doubtful_count; k++)
			if (h->doubtful_at[k] < at &&
			    ids_contain(ids.ids, ids.count, h->doubtful[k]))
				h->doubtful_at[k] = at;
	}
	return true;
}

bool held_account(struct store *s, struct held *h, const PGresult *result)
{
	struct pile done = {}, marked = {};
	h->doubtful = pg_own(s, (h->count + 1) * sizeof(*h->doubtful));
	h->doubtful_at = pg_own(s, (h->count + 1) * sizeof(*h->doubtful_at));
	if (!h->doubtful || !h->doubtful_at || !read_accounts(s, result, &done, &marked))
		return false;
	h->count = ids_subtract(h->ids, h->count, done.ids, done.count);
	h->doubtful_count = 0;
	for (size_t i = 0; i < h->count; i++)
		if (ids_contain(marked.ids, marked.count, h->ids[i]))
			h->doubtful[h->doubtful_count++] = h->ids[i];
	h->count = ids_subtract(h->ids, h->count, h->doubtful, h->doubtful_count);
	return read_times(s, h, result);
}

enum pg_next held_send_remainder(struct store *s, const struct held *h)
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

enum pg_next held_send_doubtful(struct store *s, const struct held *h, uint32_t engine_id)
{
	put_slice(s, h);
	pg_put_u32(s, engine_id);
	pg_put_u64_array(s, h->doubtful, h->doubtful_count);
	pg_put_bool(s, !h->retry_in_doubt);
	pg_put_u32(s, h->engine_id);
	pg_put_time_array(s, h->doubtful_at, h->doubtful_count);
	return pg_run(s, "recover_in_doubt");
}

enum pg_next held_close(struct store *s, const struct held *h, bool buried)
{
	put_slice(s, h);
	pg_put_bool(s, buried);
	return pg_run(s, "recover_close");
}

enum pg_next takeover_begin(struct store *s, uint32_t engine_id, uint64_t campaign_id)
{
	struct takeover *x = s->own = pg_own(s, sizeof(*x));
	if (!x)
		return pg_fail(s, STORE_RETRY, "no memory to take a slice over");
	x->engine_id = engine_id;
	pg_put_tenant(s);
	pg_put_u32(s, engine_id);
	pg_put_u64(s, campaign_id);
	pg_put_u64(s, (uint64_t)s->journal_wait);
	return pg_run_kept(s, "takeover_find");
}

static enum pg_next found(struct store *s, struct takeover *x, const PGresult *result)
{
	if (pg_rows(result) == 0) {
		x->stage = TAKEOVER_END;
		return pg_commit(s);
	}
	if (!held_read(s, &x->held, result, 0))
		return pg_fail(s, STORE_RETRY,
			       "a slice's ids are damaged or too many for memory");
	put_slice(s, &x->held);
	pg_put_u64(s, (uint64_t)s->journal_wait);
	return pg_run(s, "takeover_orphan");
}

/* A slice that is taken over leaves whom it marked alone; one that is buried does not. */
static enum pg_next accounted(struct store *s, struct takeover *x, const PGresult *result)
{
	if (!held_account(s, &x->held, result))
		return pg_fail(s, STORE_RETRY,
			       "a slice's ids are damaged or too many for memory");
	if (x->held.state != SLICE_STATE_ORPHANED && x->held.doubtful_count)
		x->stage = TAKEOVER_COMMIT;
	if (x->held.count)
		return held_send_remainder(s, &x->held);
	return takeover_step(s, result, NULL);
}

enum pg_next takeover_step(struct store *s, const PGresult *result, usec *ret_due)
{
	struct takeover *x = s->own;
	if (ret_due && x->stage > TAKEOVER_FIND && x->stage < TAKEOVER_END)
		*ret_due = 0;
	switch (x->stage++) {
	case TAKEOVER_FIND:
		return found(s, x, result);
	case TAKEOVER_ORPHAN:
		return held_ask(s, &x->held);
	case TAKEOVER_ACCOUNT:
		return accounted(s, x, result);
	case TAKEOVER_BURY:
		if (x->held.doubtful_count)
			return held_send_doubtful(s, &x->held, x->engine_id);
		x->stage++;
		[[fallthrough]];
	case TAKEOVER_CLOSE:
		return held_close(s, &x->held, true);
	case TAKEOVER_COMMIT:
		return pg_commit(s);
	default:
		return PG_DONE;
	}
}
