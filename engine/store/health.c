/* health.c - how a campaign does, whether it may be sent now, and its pause by itself.
 * Windows, zones and counts are the database's own (sql/0014_policy.sql): it knows time zones
 * and sums up what all engines settled. */
#include "engine/store/pg.h"

#define REASON_LIMIT 500
#define ZONE_LIMIT 64 /* longer ones are none */

enum {
	IS_OPEN,
	IS_OVER,
	FAULT,
	CHANGES_AT,
	ENDS_AT,
	RESUMED,
	EXPECTED,
	CUT,
	PROVIDER,
	BEGUN,
	ATTEMPTED,
	DELIVERED,
	HARD,
	SETTLED,
	COMPLAINTS,
	ANSWERED,
	BLOCKED,
	AUTH_FAILED,
	SENDER_REJECTED,
	CONTENT_REJECTED,
	OPEN_LEFT
};

static bool take_provider(struct store_health *r, const PGresult *result, size_t row,
			  struct breaker_provider *provider)
{
	struct breaker_counts *n = &r->ret_counts;
	n->attempted += pg_u64(result, row, ATTEMPTED);
	n->delivered += pg_u64(result, row, DELIVERED);
	n->hard += pg_u64(result, row, HARD);
	n->complaints += pg_u64(result, row, COMPLAINTS);
	r->ret_begun += pg_u64(result, row, BEGUN);
	r->ret_settled += pg_u64(result, row, SETTLED);
	*provider = (struct breaker_provider){
		.name = arena_copy(r->arena, pg_str(result, row, PROVIDER)),
		.answered = pg_u64(result, row, ANSWERED),
		.blocked = pg_u64(result, row, BLOCKED),
		.auth_failed = pg_u64(result, row, AUTH_FAILED),
		.sender_rejected = pg_u64(result, row, SENDER_REJECTED),
		.content_rejected = pg_u64(result, row, CONTENT_REJECTED),
	};
	return provider->name.data;
}

static enum pg_next take_health(struct store *s, struct store_health *r, const PGresult *result)
{
	size_t count = pg_rows(result);
	if (count == 0)
		return pg_fail(s, STORE_NOT_FOUND, "there is no such campaign");
	struct breaker_provider *providers =
		ARENA_ARRAY(r->arena, struct breaker_provider, count);
	r->ret_open = pg_bool(result, 0, IS_OPEN);
	r->ret_over = pg_bool(result, 0, IS_OVER);
	r->ret_fault = arena_copy(r->arena, pg_str(result, 0, FAULT));
	r->ret_changes_wall = pg_time(result, 0, CHANGES_AT);
	r->ret_ends_wall = pg_time(result, 0, ENDS_AT);
	r->ret_open_left = (usec)pg_u64(result, 0, OPEN_LEFT);
	r->ret_resumed = pg_bool(result, 0, RESUMED);
	r->ret_expected = pg_u64(result, 0, EXPECTED);
	r->ret_cut = pg_u64(result, 0, CUT);
	r->ret_begun = r->ret_settled = 0;
	r->ret_counts =
		(struct breaker_counts){.providers = providers, .provider_count = count};
	for (size_t i = 0; i < count; i++)
		if (!providers || !take_provider(r, result, i, &providers[i]))
			return pg_fail(s, STORE_RETRY, "no memory for a campaign's counts");
	return PG_DONE;
}

static enum pg_next health_step(struct store *s, struct store_request *request,
				const PGresult *result)
{
	struct store_health *r = (struct store_health *)request;
	if (s->step++ > 0)
		return take_health(s, r, result);
	pg_put_tenant(s);
	pg_put_u64(s, r->campaign_id);
	return pg_run_kept(s, "health");
}

void store_health(struct store *s, struct store_health *r)
{
	static const struct store_work work = {health_step};
	pg_submit(s, &r->request, &work);
}

static enum pg_next hold_step(struct store *s, struct store_request *request,
			      const PGresult *result)
{
	struct store_hold *r = (struct store_hold *)request;
	if (s->step++ == 0) {
		pg_put_tenant(s);
		pg_put_u64(s, r->campaign_id);
		pg_put_text(s, str_sub(r->reason, 0, REASON_LIMIT));
		pg_put_bool(s, r->for_good);
		return pg_run(s, "health_hold");
	}
	r->ret_changed = pg_bool(result, 0, 0);
	return PG_DONE;
}

void store_hold(struct store *s, struct store_hold *r)
{
	static const struct store_work work = {hold_step};
	pg_submit(s, &r->request, &work);
}

static enum pg_next ask_zones(struct store *s, const struct store_zones *r)
{
	str *names = pg_own(s, (r->count + 1) * sizeof(*names));
	if (!names)
		return pg_fail(s, STORE_RETRY, "no memory for time zones");
	for (size_t i = 0; i < r->count; i++)
		names[i] = r->zones[i].name.size <= ZONE_LIMIT ? r->zones[i].name : STR("");
	pg_put_tenant(s);
	pg_put_u64(s, r->campaign_id);
	pg_put_text_array(s, names, r->count);
	return pg_run(s, "health_zones");
}

/* Without an answer for it a zone is open: the campaign's own window says what is wrong. */
static enum pg_next zones_step(struct store *s, struct store_request *request,
			       const PGresult *result)
{
	struct store_zones *r = (struct store_zones *)request;
	if (s->step++ == 0)
		return ask_zones(s, r);
	for (size_t i = 0; i < r->count; i++) {
		r->zones[i].ret_open = true;
		r->zones[i].ret_changes_wall = 0;
	}
	for (size_t i = 0; i < pg_rows(result); i++) {
		uint64_t number = pg_u64(result, i, 0);
		if (number < 1 || number > r->count)
			continue;
		r->zones[number - 1].ret_open = pg_bool(result, i, 1);
		r->zones[number - 1].ret_changes_wall = pg_time(result, i, 2);
	}
	return PG_DONE;
}

void store_zones(struct store *s, struct store_zones *r)
{
	static const struct store_work work = {zones_step};
	pg_submit(s, &r->request, &work);
}
