/* warmup.c - where a source stands with a provider: read, moved and counted under one lock.
 * The arithmetic is engine/shape/warmup.h's; here only its state comes and goes. Starts are
 * counted in the transaction that grants them, so that a crash of anybody leaves too many
 * counted and never too few. */
#include "engine/store/pg.h"

static enum pg_next lock(struct store *s, const struct store_warmup *r)
{
	pg_put_tenant(s);
	pg_put_text(s, r->source);
	pg_put_text(s, r->provider.data ? r->provider : STR(""));
	return pg_run(s, "warmup_lock");
}

static void take(const PGresult *result, struct warmup_state *state, struct warmup_result *day)
{
	*state = (struct warmup_state){
		.step = (uint32_t)pg_u64(result, 0, 0),
		.day = (int32_t)pg_u64(result, 0, 1),
		.step_since = (int32_t)pg_u64(result, 0, 2),
		.mailed_day = (int32_t)pg_u64(result, 0, 3),
		.counted = (uint32_t)pg_u64(result, 0, 4),
	};
	str held = str_sub(pg_str(result, 0, 5), 0, sizeof(state->held) - 1);
	memcpy(state->held, held.data, held.size);
	*day = (struct warmup_result){
		.attempts = pg_u64(result, 0, 6),
		.deferred = pg_u64(result, 0, 7),
		.complained = pg_u64(result, 0, 8),
	};
}

static enum pg_next save(struct store *s, const struct store_warmup *r)
{
	const struct warmup_state *state = &r->ret_state;
	pg_put_tenant(s);
	pg_put_text(s, r->source);
	pg_put_text(s, r->provider.data ? r->provider : STR(""));
	pg_put_u32(s, state->step);
	pg_put_u32(s, (uint32_t)state->day);
	pg_put_u32(s, (uint32_t)state->step_since);
	pg_put_u32(s, (uint32_t)state->mailed_day);
	pg_put_u32(s, state->counted);
	pg_put_text(s, str_of(state->held));
	return pg_run(s, "warmup_save");
}

static enum pg_next warmup_step(struct store *s, struct store_request *request,
				const PGresult *result)
{
	struct store_warmup *r = (struct store_warmup *)request;
	struct warmup_result day;
	switch (s->step++) {
	case 0:
		return pg_begin(s);
	case 1:
		return lock(s, r);
	case 2:
		take(result, &r->ret_state, &day);
		r->ret_granted = warmup_count(r->curve, &r->ret_state, r->now_wall, &day,
					      r->unused_day, r->unused, r->wanted);
		return save(s, r);
	case 3:
		return pg_commit(s);
	default:
		return PG_DONE;
	}
}

void store_warmup(struct store *s, struct store_warmup *r)
{
	static const struct store_work work = {warmup_step};
	r->ret_granted = 0;
	pg_submit(s, &r->request, &work);
}
