/* claim.c - who works on what: engines join and stay alive, slices are leased, marked, put
 * back, and deferrals that are due become slices. Not here: cutting (cut.c) and recovery
 * (recover.c). */
#include "engine/store/pg.h"

#include "engine/base/codec.h"
#include "engine/store/ids.h"
#include "engine/store/takeover.h"

static const char fenced[] = "another process runs under this engine's name";

static enum pg_next join_step(struct store *s, struct store_request *request,
			      const PGresult *result)
{
	struct store_join *r = (struct store_join *)request;
	if (s->step++ == 0) {
		pg_put_tenant(s);
		pg_put_text(s, r->name);
		return pg_run(s, "engine_join");
	}
	r->ret_engine_id = (uint32_t)pg_u64(result, 0, 0);
	r->ret_epoch = (uint32_t)pg_u64(result, 0, 1);
	r->ret_position = pg_u64(result, 0, 2);
	return PG_DONE;
}

void store_join(struct store *s, struct store_join *r)
{
	static const struct store_work work = {join_step};
	pg_submit(s, &r->request, &work);
}

static void put_engine(struct store *s, uint32_t engine_id, uint32_t epoch)
{
	pg_put_tenant(s);
	pg_put_u32(s, engine_id);
	pg_put_u32(s, epoch);
}

static enum pg_next heartbeat_step(struct store *s, struct store_request *request,
				   const PGresult *result)
{
	struct store_heartbeat *r = (struct store_heartbeat *)request;
	if (s->step++ == 0) {
		put_engine(s, r->engine_id, r->epoch);
		return pg_run(s, "engine_heartbeat");
	}
	size_t rows = pg_rows(result);
	if (rows == 0)
		return pg_fail(s, STORE_FENCED, fenced);
	uint64_t *lost = ARENA_ARRAY(r->arena, uint64_t, rows);
	if (!lost)
		return pg_fail(s, STORE_RETRY, "no memory for the lost slices");
	r->ret_lost_count = 0;
	for (size_t i = 0; i < rows; i++)
		if (!pg_is_null(result, i, 0))
			lost[r->ret_lost_count++] = pg_u64(result, i, 0);
	r->ret_lost_slices = lost;
	return PG_DONE;
}

void store_heartbeat(struct store *s, struct store_heartbeat *r)
{
	static const struct store_work work = {heartbeat_step};
	pg_submit(s, &r->request, &work);
}

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

static enum pg_next leased(struct store *s, struct store_lease *r, const PGresult *result)
{
	r->ret_ids = take_ids(r->arena, result, 3, 4, &r->ret_count);
	if (!r->ret_ids)
		return pg_fail(s, STORE_RETRY,
			       "a slice's ids are damaged or too many for memory");
	r->ret_slice_id = pg_u64(result, 0, 0);
	r->ret_campaign_id = pg_u64(result, 0, 1);
	r->ret_kind = (enum slice_kind)pg_u64(result, 0, 2);
	r->ret_winner = (uint32_t)pg_u64(result, 0, 5);
	return pg_commit(s);
}

static enum pg_next send_lease(struct store *s, const struct store_lease *r)
{
	put_engine(s, r->engine_id, r->epoch);
	pg_put_u64(s, r->campaign_id);
	pg_put_u64(s, ++s->lease_token);
	s->lost_token = s->lease_token; /* until its commit is answered */
	return pg_run(s, "slice_lease");
}

static enum pg_next send_lease_again(struct store *s, const struct store_lease *r)
{
	put_engine(s, r->engine_id, r->epoch);
	pg_put_u64(s, s->lost_token);
	return pg_run(s, "slice_lease_again");
}

static enum pg_next none_due(struct store *s, struct store_lease *r, const PGresult *result)
{
	if (!pg_bool(result, 0, 1))
		return pg_fail(s, STORE_FENCED, fenced);
	r->ret_next_due_wall = pg_is_null(result, 0, 0) ? USEC_NEVER : pg_time(result, 0, 0);
	return takeover_begin(s, r->engine_id, r->campaign_id);
}

enum {
	LEASE_BEGIN,
	LEASE_BEGUN,
	LEASE_AGAIN, /* whether the lost lease was made */
	LEASE_TRIED,
	LEASE_NONE,
	LEASE_TAKING_OVER,
	LEASE_END
};

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
	case LEASE_BEGUN:
		if (s->lost_token)
			return send_lease_again(s, r);
		s->step = LEASE_TRIED;
		return send_lease(s, r);
	case LEASE_AGAIN:
		if (pg_rows(result) == 0)
			return send_lease(s, r);
		s->step = LEASE_END;
		return leased(s, r, result);
	case LEASE_TRIED:
		if (pg_rows(result)) {
			s->step = LEASE_END;
			return leased(s, r, result);
		}
		s->lost_token = 0;
		put_engine(s, r->engine_id, r->epoch);
		pg_put_u64(s, r->campaign_id);
		return pg_run(s, "slice_next_due");
	case LEASE_NONE:
		return none_due(s, r, result);
	case LEASE_TAKING_OVER:
		s->step = LEASE_TAKING_OVER;
		return takeover_step(s, result, &r->ret_next_due_wall);
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
	put_engine(s, r->engine_id, r->epoch);
	pg_put_u64_array(s, campaigns, r->slice_count);
	pg_put_u64_array(s, slices, r->slice_count);
	pg_put_bytes_array(s, ids, r->slice_count);
	return pg_run(s, "slice_mark");
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
	if (pg_rows(result) == 0)
		return pg_fail(s, STORE_FENCED,
			       "the slice is not leased by this engine any more");
	uint64_t *ids = left_to_put_back(s, r, result, &count);
	str coded = ids ? ids_encode(&s->scratch, ids, count) : (str){NULL, 0};
	if (!coded.data)
		return pg_fail(s, STORE_RETRY, "no memory for a slice's ids");
	if (count == 0) {
		s->step++;
		return pg_commit(s);
	}
	pg_put_tenant(s);
	pg_put_u64(s, r->campaign_id);
	pg_put_u64(s, r->slice_id);
	pg_put_u32(s, (uint32_t)count);
	pg_put_u64(s, ids[0]);
	pg_put_u64(s, ids[count - 1]);
	pg_put_time(s, r->due_wall);
	pg_put_bytes(s, coded);
	return pg_run(s, "slice_put_back");
}

static enum pg_next put_back_step(struct store *s, struct store_request *request,
				  const PGresult *result)
{
	struct store_put_back *r = (struct store_put_back *)request;
	if (r->count == 0)
		return PG_DONE;
	switch (s->step++) {
	case 0:
		return pg_begin(s);
	case 1:
		put_engine(s, r->engine_id, r->epoch);
		pg_put_u64(s, r->campaign_id);
		pg_put_u64(s, r->slice_id);
		return pg_run(s, "slice_children");
	case 2:
		return send_put_back(s, r, result);
	case 3:
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

static enum pg_next position_step(struct store *s, struct store_request *request,
				  const PGresult *result)
{
	struct store_position *r = (struct store_position *)request;
	if (s->step++ == 0) {
		pg_put_tenant(s);
		pg_put_u32(s, r->engine_id);
		return pg_run(s, "engine_position");
	}
	if (pg_rows(result) == 0)
		return pg_fail(s, STORE_NOT_FOUND, "there is no such engine");
	if (pg_u64(result, 0, 0) != r->epoch)
		return pg_fail(s, STORE_FENCED, fenced);
	r->ret_position = pg_u64(result, 0, 1);
	return PG_DONE;
}

void store_position(struct store *s, struct store_position *r)
{
	static const struct store_work work = {position_step};
	pg_submit(s, &r->request, &work);
}
