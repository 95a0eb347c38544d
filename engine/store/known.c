/* known.c - whether the database still knows what an engine's journal tells of.
 * A replica that was promoted without the last commits does not: slices that were leased stand
 * open again, or are not there. What was sent of them would be sent a second time. Of an engine that
 * was renamed they are another one's, by its old name. */
#include "engine/store/pg.h"

#include <stdio.h>

static enum pg_next known_send(struct store *s, const struct store_known *r)
{
	uint64_t *campaigns = pg_own(s, (r->count + 1) * sizeof(*campaigns));
	uint64_t *slices = pg_own(s, (r->count + 1) * sizeof(*slices));
	size_t count = 0;
	if (!campaigns || !slices)
		return pg_fail(s, STORE_RETRY, "no memory to look for slices");
	for (size_t i = 0; i < r->count; i++) {
		const struct store_outcome *o = r->outcomes[i];
		if (count && slices[count - 1] == o->slice_id)
			continue; /* mostly one slice after the other */
		campaigns[count] = o->campaign_id;
		slices[count++] = o->slice_id;
	}
	pg_put_tenant(s);
	pg_put_u32(s, r->engine_id);
	pg_put_u64_array(s, campaigns, count);
	pg_put_u64_array(s, slices, count);
	return pg_run(s, "slice_unknown");
}

static enum pg_next known_step(struct store *s, struct store_request *request,
			       const PGresult *result)
{
	struct store_known *r = (struct store_known *)request;
	if (s->step++ == 0)
		return known_send(s, r);
	r->ret_unknown_slice_id = pg_rows(result) ? pg_u64(result, 0, 0) : 0;
	r->ret_owner[0] = '\0';
	if (pg_rows(result))
		snprintf(r->ret_owner, sizeof(r->ret_owner), "%.*s",
			 STR_FORMAT(pg_str(result, 0, 1)));
	return PG_DONE;
}

void store_known(struct store *s, struct store_known *r)
{
	static const struct store_work work = {known_step};
	pg_submit(s, &r->request, &work);
}
