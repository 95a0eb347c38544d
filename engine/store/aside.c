/* aside.c - one outcome that the database refuses, whatever it is asked with: see store.h.
 * Its verdict is counted and its row is bare, so that sums and slices are right; the whole of it, and
 * what the database said, is kept in a table for people. All that would follow from it (strikes,
 * another attempt, what providers answered) does not. In one transaction with the journal's
 * position, as every settlement. */
#include "engine/store/settle.h"

#include "engine/store/tally.h"

/* By the numbers of outbox_states: what the row of a transactional mail says. */
static uint32_t outbox_number(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_DELIVERED:
		return 3;
	case VERDICT_FAILED:
		return 4;
	case VERDICT_IN_DOUBT:
		return 5;
	case VERDICT_SUPPRESSED:
		return 8;
	default:
		return 7;
	}
}

/* When he would be tried again cannot be noted: so that was the last attempt. */
static enum verdict last_verdict(const struct store_outcome *o)
{
	return o->verdict == VERDICT_DEFERRED ? VERDICT_FAILED : o->verdict;
}

/* Locked, as those of every settlement: nobody buries it before the commit. */
static enum pg_next send_slice(struct store *s, const struct store_outcome *o)
{
	pg_put_tenant(s);
	pg_put_u64_array(s, &o->campaign_id, 1);
	pg_put_u64_array(s, &o->slice_id, 1);
	return pg_run_kept(s, "settle_slices");
}

static enum pg_next send_aside(struct store *s, const struct store_settle *r)
{
	const struct store_outcome *o = r->outcomes[0];
	enum verdict verdict = last_verdict(o);
	pg_put_tenant(s);
	pg_put_u64(s, o->campaign_id);
	pg_put_u64(s, o->slice_id);
	pg_put_u64(s, o->subscriber_id);
	pg_put_u32(s, r->engine_id);
	pg_put_u32(s, verdict);
	pg_put_u32(s, outbox_number(verdict));
	pg_put_u32(s, o->attempt < INT16_MAX ? o->attempt : INT16_MAX);
	pg_put_time(s, o->at_wall ? o->at_wall : 1);
	pg_put_text(s, str_of(r->refused));
	pg_put_bytes(s, r->record);
	return pg_run(s, "settle_aside");
}

enum pg_next settle_aside_step(struct store *s, struct store_request *request,
			       const PGresult *result)
{
	struct store_settle *r = (struct store_settle *)request;
	switch (s->step++) {
	case 0:
		return pg_begin(s);
	case 1:
		return settle_position(s, r);
	case 2:
		if (pg_affected(result) == 0)
			return pg_fail(s, STORE_FENCED, settle_fenced);
		return send_slice(s, r->outcomes[0]);
	case 3:
		return send_aside(s, r);
	case 4:
		return pg_commit(s);
	default:
		return PG_DONE;
	}
}
