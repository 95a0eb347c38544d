/* claim.c - who works on what: slices are leased, marked, put back, and deferrals that are due
 * become slices. Not here: the engines themselves (engines.c), cutting (cut.c) and recovery
 * (recover.c). */
#include "engine/store/engines.h"

#include "engine/base/codec.h"
#include "engine/store/ids.h"
#include "engine/store/takeover.h"

/* Returns the slice's ids in the arena, or NULL: bad bytes, or the arena is at its limit. */
static uint64_t *take_ids(struct arena *arena, const PGresult *result, int count_column,
			  int ids_column, size_t *ret_count)
{
	size_t count = pg_u64(result, 0, count_column);
	uint64_t *ids = ARENA_ARRAY(arena, uint64_t, count ? count : 1);
	if (!ids || delta_decode(pg_str(result, 0, ids_column), ids, count) != (long)count)
		return NULL;
	*ret_count = count;
	return ids;
}

static bool take_lease(struct store_lease *r, const PGresult *result)
{
	r->ret_ids = take_ids(r->arena, result, 3, 4, &r->ret_count);
	if (!r->ret_ids)
		return false;
	r->ret_slice_id = pg_u64(result, 0, 0);
	r->ret_campaign_id = pg_u64(result, 0, 1);
	r->ret_kind = (enum slice_kind)pg_u64(result, 0, 2);
	r->ret_winner = (uint32_t)pg_u64(result, 0, 5);
	return true;
}

static enum pg_next send_lease(struct store *s, const struct store_lease *r)
{
	engine_put(s, r->engine_id, r->epoch);
	pg_put_u64(s, r->campaign_id);
	pg_put_u64(s, ++s->lease_token);
	s->lost_token = s->lease_token; /* until its commit is answered */
	return pg_run_kept(s, "slice_lease");
}

static enum pg_next send_lease_again(struct store *s, const struct store_lease *r)
{
	engine_put(s, r->engine_id, r->epoch);
	pg_put_u64(s, s->lost_token);
	pg_put_u64(s, r->campaign_id);
	return pg_run(s, "slice_lease_again");
}

static enum pg_next none_due(struct store *s, struct store_lease *r, const PGresult *result)
{
	if (!pg_bool(result, 0, 1))
		return pg_fail(s, STORE_FENCED, engine_fenced);
	r->ret_next_due_wall = pg_is_null(result, 0, 0) ? USEC_NEVER : pg_time(result, 0, 0);
	return takeover_begin(s, r->engine_id, r->campaign_id);
}

#define TAKEOVER_LOOKS 6 /* in the time of a lease, however much else there is to do */

/* Whoever waits in a dead engine's slices is not to wait for the end of the campaign. */
static bool looks_first(struct store *s)
{
	usec now = pg_now(s);
	if (s->lost_token || now < s->takeover_at)
		return false;
	s->takeover_at = now + s->lease / TAKEOVER_LOOKS;
	return true;
}

/* After a look whatever came of it: the lease itself, in a transaction of its own. */
static enum pg_next look(struct store *s, unsigned again, const PGresult *result)
{
	unsigned step = s->step;
	if (takeover_step(s, result, NULL) == PG_WAIT) {
		s->step = step - 1;
		return PG_WAIT;
	}
	if (s->active->result != STORE_OK)
		return PG_DONE;
	s->step = again;
	return pg_begin(s);
}

enum {
	LEASE_BEGIN,
	LEASE_FIRST, /* a look for silent engines, now and then */
	LEASE_LOOKING,
	LEASE_BEGUN,
	LEASE_AGAIN, /* whether the lost lease was made */
	LEASE_TRIED,
	LEASE_NONE,
	LEASE_TAKING_OVER,
	LEASE_ENDED, /* who of it has a verdict by now */
	LEASE_LEFT_OUT,
	LEASE_END
};

static const char no_ids[] = "a slice's ids are damaged or too many for memory";

static enum pg_next leased(struct store *s, struct store_lease *r, const PGresult *result)
{
	if (!take_lease(r, result))
		return pg_fail(s, STORE_RETRY, no_ids);
	if (!pg_bool(result, 0, 6)) {
		s->step = LEASE_END;
		return pg_commit(s);
	}
	s->step = LEASE_ENDED;
	pg_put_tenant(s);
	pg_put_u64(s, r->ret_campaign_id);
	pg_put_u64(s, r->ret_ids[0]);
	pg_put_u64(s, r->ret_ids[r->ret_count - 1]);
	return pg_run(s, "lease_ended");
}

/* Whoever waited here for another attempt, because his engine was gone, and was told of by it
 * meanwhile: there is no second copy. */
static enum pg_next leave_out(struct store *s, struct store_lease *r, const PGresult *result)
{
	size_t rows = pg_rows(result), count = 0;
	uint64_t *out = pg_own(s, (rows + 1) * sizeof(*out));
	if (!out)
		return pg_fail(s, STORE_RETRY, no_ids);
	for (size_t i = 0; i < rows; i++)
		if (ids_contain(r->ret_ids, r->ret_count, pg_u64(result, i, 0)))
			out[count++] = pg_u64(result, i, 0);
	if (count == 0) {
		s->step = LEASE_END;
		return pg_commit(s);
	}
	size_t left = ids_subtract(r->ret_ids, r->ret_count, out, count);
	str gone = ids_encode(&s->scratch, out, count);
	str kept = ids_encode(&s->scratch, r->ret_ids, left);
	if (!gone.data || !kept.data)
		return pg_fail(s, STORE_RETRY, no_ids);
	pg_put_tenant(s);
	pg_put_u64(s, r->ret_campaign_id);
	pg_put_u64(s, r->ret_slice_id);
	pg_put_u64_array(s, out, count);
	pg_put_u32(s, (uint32_t)count);
	pg_put_bytes(s, gone);
	pg_put_u32(s, (uint32_t)left);
	pg_put_u64(s, left ? r->ret_ids[0] : 0);
	pg_put_u64(s, left ? r->ret_ids[left - 1] : 0);
	pg_put_bytes(s, kept);
	r->ret_count = left;
	return pg_run(s, "lease_leave_out");
}

/* In a transaction, so that a lease whose ids did not fit into memory is no lease. */
static enum pg_next lease_step(struct store *s, struct store_request *request,
			       const PGresult *result)
{
	struct store_lease *r = (struct store_lease *)request;
	switch (s->step++) {
	case LEASE_BEGIN:
		r->ret_slice_id = 0;
		r->ret_next_due_wall = 0;
		return pg_begin(s);
	case LEASE_FIRST:
		if (looks_first(s))
			return takeover_begin(s, r->engine_id, r->campaign_id);
		s->step = LEASE_BEGUN + 1;
		[[fallthrough]];
	case LEASE_BEGUN:
		if (s->lost_token)
			return send_lease_again(s, r);
		s->step = LEASE_TRIED;
		return send_lease(s, r);
	case LEASE_LOOKING:
		return look(s, LEASE_BEGUN, result);
	case LEASE_AGAIN:
		if (pg_rows(result) == 0)
			return send_lease(s, r);
		return leased(s, r, result);
	case LEASE_TRIED:
		if (pg_rows(result))
			return leased(s, r, result);
		s->lost_token = 0;
		engine_put(s, r->engine_id, r->epoch);
		pg_put_u64(s, r->campaign_id);
		return pg_run_kept(s, "slice_next_due");
	case LEASE_NONE:
		return none_due(s, r, result);
	case LEASE_TAKING_OVER:
		s->step = LEASE_TAKING_OVER;
		return takeover_step(s, result, &r->ret_next_due_wall);
	case LEASE_ENDED:
		return leave_out(s, r, result);
	case LEASE_LEFT_OUT:
		if (r->ret_count == 0)
			r->ret_slice_id = 0; /* and nothing is said of the next: ask again */
		s->step = LEASE_END;
		return pg_commit(s);
	default:
		s->lost_token = 0;
		return PG_DONE;
	}
}

void store_lease(struct store *s, struct store_lease *r)
{
	static const struct store_work work = {lease_step};
	pg_submit(s, &r->request, &work);
}

static enum pg_next mark_send(struct store *s, const struct store_mark *r)
{
	uint64_t *campaigns = pg_own(s, r->slice_count * sizeof(*campaigns));
	uint64_t *slices = pg_own(s, r->slice_count * sizeof(*slices));
	str *ids = pg_own(s, r->slice_count * sizeof(*ids));
	if (!campaigns || !slices || !ids)
		return pg_fail(s, STORE_RETRY, "no memory for marks");
	for (size_t i = 0; i < r->slice_count; i++) {
		campaigns[i] = r->slices[i].campaign_id;
		slices[i] = r->slices[i].slice_id;
		ids[i] = ids_encode(&s->scratch, r->slices[i].ids, r->slices[i].count);
		if (!ids[i].data)
			return pg_fail(s, STORE_RETRY, "no memory for marks");
	}
	engine_put(s, r->engine_id, r->epoch);
	pg_put_u64_array(s, campaigns, r->slice_count);
	pg_put_u64_array(s, slices, r->slice_count);
	pg_put_bytes_array(s, ids, r->slice_count);
	return pg_run_kept(s, "slice_mark");
}

static enum pg_next mark_step(struct store *s, struct store_request *request,
			      const PGresult *result)
{
	struct store_mark *r = (struct store_mark *)request;
	if (r->slice_count == 0)
		return PG_DONE;
	if (s->step++ == 0)
		return mark_send(s, r);
	if (pg_affected(result) != r->slice_count)
		return pg_fail(s, STORE_FENCED,
			       "a lease was lost: nothing of it may be started");
	return PG_DONE;
}

void store_mark(struct store *s, struct store_mark *r)
{
	static const struct store_work work = {mark_step};
	pg_submit(s, &r->request, &work);
}

static void put_slice(struct store *s, const struct store_put_back *r)
{
	pg_put_tenant(s);
	pg_put_u64(s, r->campaign_id);
	pg_put_u64(s, r->slice_id);
}

/* What is left of the ids when those that already stand in a slice of their own are taken out.
 */
static uint64_t *left_to_put_back(struct store *s, const struct store_put_back *r,
				  const PGresult *result, size_t *ret_count)
{
	struct pile gone = {};
	uint64_t *ids = pg_own(s, r->count * sizeof(*ids));
	if (!ids)
		return NULL;
	memcpy(ids, r->ids, r->count * sizeof(*ids));
	for (size_t i = 0; i < pg_rows(result); i++)
		if (!pg_is_null(result, i, 0) &&
		    !pile_add_coded(&gone, &s->scratch, pg_str(result, i, 0)))
			return NULL;
	ids_sort(gone.ids, gone.count);
	*ret_count = ids_subtract(ids, r->count, gone.ids, gone.count);
	return ids;
}

static enum pg_next send_put_back(struct store *s, const struct store_put_back *r,
				  const PGresult *result)
{
	size_t count = 0;
	uint64_t *ids = left_to_put_back(s, r, result, &count);
	str coded = ids ? ids_encode(&s->scratch, ids, count) : (str){NULL, 0};
	if (!coded.data)
		return pg_fail(s, STORE_RETRY, "no memory for a slice's ids");
	if (count == 0) {
		s->step++;
		return pg_commit(s);
	}
	put_slice(s, r);
	pg_put_u32(s, (uint32_t)count);
	pg_put_u64(s, ids[0]);
	pg_put_u64(s, ids[count - 1]);
	pg_put_time(s, r->due_wall);
	pg_put_bytes(s, coded);
	return pg_run(s, "slice_put_back");
}

enum {
	PUT_BACK_BEGIN,
	PUT_BACK_BEGUN,
	PUT_BACK_HELD,
	PUT_BACK_LEFT,
	PUT_BACK_INSERTED,
	PUT_BACK_END
};

/* Who is buried has his verdict: nothing of such a slice goes back. */
static enum pg_next put_back_held(struct store *s, const struct store_put_back *r,
				  const PGresult *result)
{
	if (pg_rows(result) == 0)
		return pg_fail(s, STORE_FENCED,
			       "the slice is not held by this engine any more");
	if (pg_u64(result, 0, 0) == SLICE_STATE_BURIED) {
		s->step = PUT_BACK_END;
		return pg_commit(s);
	}
	put_slice(s, r);
	return pg_run(s, "slice_children");
}

static enum pg_next put_back_step(struct store *s, struct store_request *request,
				  const PGresult *result)
{
	struct store_put_back *r = (struct store_put_back *)request;
	if (r->count == 0)
		return PG_DONE;
	switch (s->step++) {
	case PUT_BACK_BEGIN:
		return pg_begin(s);
	case PUT_BACK_BEGUN:
		engine_put(s, r->engine_id, r->epoch);
		pg_put_u64(s, r->campaign_id);
		pg_put_u64(s, r->slice_id);
		return pg_run(s, "slice_hold");
	case PUT_BACK_HELD:
		return put_back_held(s, r, result);
	case PUT_BACK_LEFT:
		return send_put_back(s, r, result);
	case PUT_BACK_INSERTED:
		return pg_commit(s);
	default:
		return PG_DONE;
	}
}

void store_put_back(struct store *s, struct store_put_back *r)
{
	static const struct store_work work = {put_back_step};
	pg_submit(s, &r->request, &work);
}

/* What the update claimed, as a slice; the ids come in no order. */
static enum pg_next claimed(struct store *s, struct store_claim_due *r, const PGresult *result)
{
	size_t count = pg_rows(result);
	uint64_t *ids = pg_own(s, count * sizeof(*ids));
	if (!ids)
		return pg_fail(s, STORE_RETRY, "no memory for a retry slice");
	for (size_t i = 0; i < count; i++)
		ids[i] = pg_u64(result, i, 2);
	ids_sort(ids, count);
	str bytes = ids_encode(&s->scratch, ids, count);
	if (!bytes.data)
		return pg_fail(s, STORE_RETRY, "no memory for a retry slice");
	r->ret_count = (uint32_t)count;
	pg_put_tenant(s);
	pg_put_u64(s, pg_u64(result, 0, 0));
	pg_put_u64(s, pg_u64(result, 0, 1));
	pg_put_u32(s, (uint32_t)count);
	pg_put_u64(s, ids[0]);
	pg_put_u64(s, ids[count - 1]);
	pg_put_bytes(s, bytes);
	return pg_run(s, "due_insert");
}

static enum pg_next claim_due_step(struct store *s, struct store_request *request,
				   const PGresult *result)
{
	struct store_claim_due *r = (struct store_claim_due *)request;
	switch (s->step++) {
	case 0:
		r->ret_count = 0;
		return pg_begin(s);
	case 1:
		pg_put_tenant(s);
		pg_put_u64(s, r->campaign_id);
		pg_put_u64(s, r->limit);
		return pg_run(s, "due_claim");
	case 2:
		if (pg_rows(result))
			return claimed(s, r, result);
		s->step++;
		[[fallthrough]];
	case 3:
		pg_put_tenant(s);
		pg_put_u64(s, r->campaign_id);
		return pg_run(s, "due_next");
	case 4:
		r->ret_next_due_wall =
			pg_is_null(result, 0, 0) ? USEC_NEVER : pg_time(result, 0, 0);
		return pg_commit(s);
	default:
		return PG_DONE;
	}
}

void store_claim_due(struct store *s, struct store_claim_due *r)
{
	static const struct store_work work = {claim_due_step};
	pg_submit(s, &r->request, &work);
}
