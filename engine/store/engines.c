/* engines.c - engines join, stay alive, hold their sources, and leave. How long what one holds
 * stays its own without a word from it, it says itself; the database's clock measures it. */
#include "engine/store/engines.h"

const char engine_fenced[] = "another process runs under this engine's name";

void engine_put(struct store *s, uint32_t engine_id, uint32_t epoch)
{
	pg_put_tenant(s);
	pg_put_u32(s, engine_id);
	pg_put_u32(s, epoch);
}

static enum pg_next join_step(struct store *s, struct store_request *request,
			      const PGresult *result)
{
	struct store_join *r = (struct store_join *)request;
	if (s->step++ == 0) {
		pg_put_tenant(s);
		pg_put_text(s, r->name);
		pg_put_u64(s, (uint64_t)s->lease);
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

static enum pg_next send_heartbeat(struct store *s, const struct store_heartbeat *r)
{
	engine_put(s, r->engine_id, r->epoch);
	pg_put_text_array(s, r->sources, r->source_count);
	pg_put_u64(s, (uint64_t)s->lease);
	return pg_run_kept(s, "engine_heartbeat");
}

enum { BEAT_ME, BEAT_SOURCE, BEAT_LOST }; /* kinds of rows of engine_heartbeat.sql */

static bool take_source(struct store_heartbeat *r, const PGresult *result, size_t row)
{
	uint64_t place = pg_u64(result, row, 1);
	if (place == 0 || place > r->source_count)
		return true;
	r->ret_held[place - 1] = pg_bool(result, row, 2);
	str *holder = &r->ret_holders[place - 1];
	*holder = arena_copy(r->arena, pg_str(result, row, 3));
	return holder->data || pg_is_null(result, row, 3);
}

static enum pg_next take_heartbeat(struct store *s, struct store_heartbeat *r,
				   const PGresult *result)
{
	size_t rows = pg_rows(result);
	if (rows == 0)
		return pg_fail(s, STORE_FENCED, engine_fenced);
	r->ret_held = ARENA_ARRAY(r->arena, bool, r->source_count + 1);
	r->ret_holders = ARENA_ARRAY(r->arena, str, r->source_count + 1);
	r->ret_lost_slices = ARENA_ARRAY(r->arena, uint64_t, rows);
	r->ret_lost_count = 0;
	bool good = r->ret_held && r->ret_holders && r->ret_lost_slices;
	for (size_t i = 0; good && i < rows; i++) {
		uint64_t kind = pg_u64(result, i, 0);
		if (kind == BEAT_SOURCE)
			good = take_source(r, result, i);
		else if (kind == BEAT_LOST)
			r->ret_lost_slices[r->ret_lost_count++] = pg_u64(result, i, 1);
	}
	return good ? PG_DONE : pg_fail(s, STORE_RETRY, "no memory for what an engine holds");
}

static enum pg_next heartbeat_step(struct store *s, struct store_request *request,
				   const PGresult *result)
{
	struct store_heartbeat *r = (struct store_heartbeat *)request;
	return s->step++ == 0 ? send_heartbeat(s, r) : take_heartbeat(s, r, result);
}

void store_heartbeat(struct store *s, struct store_heartbeat *r)
{
	static const struct store_work work = {heartbeat_step};
	pg_submit(s, &r->request, &work);
}

static enum pg_next leave_step(struct store *s, struct store_request *request,
			       const PGresult *result)
{
	struct store_leave *r = (struct store_leave *)request;
	if (s->step++ > 0)
		return pg_rows(result) ? PG_DONE : pg_fail(s, STORE_FENCED, engine_fenced);
	engine_put(s, r->engine_id, r->epoch);
	return pg_run(s, "engine_leave");
}

void store_leave(struct store *s, struct store_leave *r)
{
	static const struct store_work work = {leave_step};
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
	if (pg_u64(result, 0, 0) < r->epoch)
		return pg_fail(s, STORE_FENCED,
			       "the database has gone back to before this engine joined (was a "
			       "replica promoted that lacked it?)");
	if (pg_u64(result, 0, 0) != r->epoch)
		return pg_fail(s, STORE_FENCED, engine_fenced);
	r->ret_position = pg_u64(result, 0, 1);
	return PG_DONE;
}

void store_position(struct store *s, struct store_position *r)
{
	static const struct store_work work = {position_step};
	pg_submit(s, &r->request, &work);
}
