/* incident.c - incidents of providers, and what engines know of providers when they start.
 * The work is the database's own (incident_open() of sql/0008): there it takes turns with the
 * settlements, so that no suppression slips through between finding and holding. */
#include "engine/store/pg.h"

static uint32_t millionths(double share)
{
	return share <= 0.0 ? 0 : share >= 1.0 ? 1000000 : (uint32_t)(share * 1e6 + 0.5);
}

static uint32_t clipped(uint32_t count)
{
	return count < INT32_MAX ? count : INT32_MAX;
}

static enum pg_next incident_step(struct store *s, struct store_request *request,
				  const PGresult *result)
{
	struct store_incident *r = (struct store_incident *)request;
	if (s->step++ == 0) {
		pg_put_tenant(s);
		pg_put_text(s, r->provider);
		pg_put_time(s, r->from_wall ? r->from_wall : 1);
		pg_put_time(s, r->at_wall ? r->at_wall : 1);
		pg_put_u32(s, millionths(r->rate));
		pg_put_u32(s, millionths(r->usual));
		pg_put_u32(s, clipped(r->counted));
		pg_put_u32(s, clipped(r->bad));
		return pg_run(s, "incident_open");
	}
	r->ret_incident_id = pg_u64(result, 0, 0);
	r->ret_new = pg_bool(result, 0, 1);
	r->ret_held = pg_u64(result, 0, 2);
	return PG_DONE;
}

void store_incident(struct store *s, struct store_incident *r)
{
	static const struct store_work work = {incident_step};
	pg_submit(s, &r->request, &work);
}

static enum pg_next take_providers(struct store *s, struct store_providers_load *r,
				   const PGresult *result)
{
	size_t count = pg_rows(result);
	struct store_provider *all = ARENA_ARRAY(r->arena, struct store_provider, count + 1);
	for (size_t i = 0; all && i < count; i++) {
		all[i] = (struct store_provider){
			.name = arena_copy(r->arena, pg_str(result, i, 0)),
			.usual_rate = (double)pg_u64(result, i, 1) / 1e6,
			.answers = pg_u64(result, i, 2),
			.stopped = pg_bool(result, i, 3),
		};
		if (!all[i].name.data)
			all = NULL;
	}
	if (!all)
		return pg_fail(s, STORE_RETRY, "no memory for what is known of providers");
	r->ret_providers = all;
	r->ret_count = count;
	return PG_DONE;
}

static enum pg_next load_step(struct store *s, struct store_request *request,
			      const PGresult *result)
{
	struct store_providers_load *r = (struct store_providers_load *)request;
	switch (s->step++) {
	case 0:
		pg_put_tenant(s);
		return pg_run(s, "suppressions_expire");
	case 1:
		pg_put_tenant(s);
		return pg_run(s, "providers_load");
	default:
		return take_providers(s, r, result);
	}
}

void store_providers_load(struct store *s, struct store_providers_load *r)
{
	static const struct store_work work = {load_step};
	pg_submit(s, &r->request, &work);
}
