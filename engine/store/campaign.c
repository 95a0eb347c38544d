/* campaign.c - loading a campaign, and ending it. */
#include "engine/store/pg.h"

#include <stdio.h>

#include "engine/base/codec.h"

const char *const campaign_state_names[CAMPAIGN_STATE_COUNT] = {"draft", "running", "paused",
								"cancelled", "finished"};

static bool keep(struct arena *arena, const PGresult *result, int column, str *ret)
{
	str value = pg_str(result, 0, column);
	*ret = value.data ? arena_copy(arena, value) : value;
	return !value.data || ret->data;
}

static enum pg_next take_campaign(struct store *s, struct store_campaign *r,
				  const PGresult *result)
{
	if (pg_rows(result) == 0)
		return pg_fail(s, STORE_NOT_FOUND, "there is no such campaign");
	if (r->revision && pg_is_null(result, 0, 6))
		return pg_fail(s, STORE_NOT_FOUND, "the campaign has no revision %u",
			       r->revision);
	r->campaign_id = pg_u64(result, 0, 0);
	r->ret_state = (enum campaign_state)pg_u64(result, 0, 2);
	r->ret_launched_wall = pg_time(result, 0, 3);
	r->ret_expires_wall = pg_time(result, 0, 4);
	r->ret_fully_cut = pg_bool(result, 0, 5);
	r->ret_untouched = pg_bool(result, 0, 12);
	r->ret_revision = (uint32_t)pg_u64(result, 0, 6);
	if (!keep(r->arena, result, 1, &r->ret_name) ||
	    !keep(r->arena, result, 7, &r->ret_settings) ||
	    !keep(r->arena, result, 8, &r->ret_html) ||
	    !keep(r->arena, result, 9, &r->ret_text) ||
	    !keep(r->arena, result, 11, &r->ret_token_key))
		return pg_fail(s, STORE_RETRY, "no memory for a campaign's content");
	if (!pg_bool(result, 0, 10))
		return PG_DONE;
	pg_put_tenant(s);
	pg_put_u64(s, r->campaign_id);
	pg_put_u32(s, r->ret_revision);
	return pg_run(s, "campaign_parts");
}

static enum pg_next take_parts(struct store *s, struct store_campaign *r,
			       const PGresult *result)
{
	r->ret_part_count = pg_rows(result);
	r->ret_parts = ARENA_ARRAY(r->arena, str, r->ret_part_count + 1);
	for (size_t i = 0; r->ret_parts && i < r->ret_part_count; i++) {
		str bytes = pg_str(result, i, 0);
		r->ret_parts[i] = bytes.data ? arena_copy(r->arena, bytes) : bytes;
		if (bytes.data && !r->ret_parts[i].data)
			r->ret_parts = NULL;
	}
	return r->ret_parts ? PG_DONE
			    : pg_fail(s, STORE_RETRY, "no memory for a campaign's files");
}

static enum pg_next campaign_step(struct store *s, struct store_request *request,
				  const PGresult *result)
{
	struct store_campaign *r = (struct store_campaign *)request;
	unsigned step = s->step++;
	if (step > 0)
		return step == 1 ? take_campaign(s, r, result) : take_parts(s, r, result);
	r->ret_parts = NULL;
	r->ret_part_count = 0;
	pg_put_tenant(s);
	pg_put_u64(s, r->campaign_id);
	pg_put_text(s, r->name);
	pg_put_u32(s, r->revision);
	return pg_run(s, "campaign_load");
}

void store_campaign(struct store *s, struct store_campaign *r)
{
	static const struct store_work work = {campaign_step};
	pg_submit(s, &r->request, &work);
}

static enum pg_next running_step(struct store *s, struct store_request *request,
				 const PGresult *result)
{
	struct store_running *r = (struct store_running *)request;
	if (s->step++ == 0) {
		pg_put_tenant(s);
		return pg_run(s, "campaign_running");
	}
	r->ret_count = pg_rows(result);
	r->ret_ids = ARENA_ARRAY(r->arena, uint64_t, r->ret_count + 1);
	if (!r->ret_ids)
		return pg_fail(s, STORE_RETRY, "no memory for the running campaigns");
	for (size_t i = 0; i < r->ret_count; i++)
		r->ret_ids[i] = pg_u64(result, i, 0);
	return PG_DONE;
}

void store_running(struct store *s, struct store_running *r)
{
	static const struct store_work work = {running_step};
	pg_submit(s, &r->request, &work);
}

/* ---- finishing ---- */

/* The slices of a cancelled campaign that nobody has leased. */
struct leftovers {
	struct leftover {
		uint64_t id;
		uint64_t *ids;
		size_t count;
	} * slices;
	size_t count, next;
};

static void put_campaign(struct store *s, const struct store_finish *r)
{
	pg_put_tenant(s);
	pg_put_u64(s, r->campaign_id);
}

static bool take_leftovers(struct store *s, const PGresult *result)
{
	struct leftovers *x = s->own = pg_own(s, sizeof(*x));
	size_t rows = pg_rows(result);
	if (!x || !(x->slices = pg_own(s, rows * sizeof(*x->slices))))
		return false;
	for (size_t i = 0; i < rows; i++) {
		if (pg_is_null(result, i, 0))
			continue;
		struct leftover *l = &x->slices[x->count++];
		l->id = pg_u64(result, i, 0);
		l->count = pg_u64(result, i, 1);
		l->ids = pg_own(s, (l->count + 1) * sizeof(*l->ids));
		if (!l->ids ||
		    delta_decode(pg_str(result, i, 2), l->ids, l->count) != (long)l->count)
			return false;
	}
	return true;
}

static enum pg_next cancel_next(struct store *s, const struct store_finish *r)
{
	struct leftovers *x = s->own;
	put_campaign(s, r);
	if (x->next == x->count) {
		s->step++;
		return pg_run(s, "cancel_deferrals");
	}
	const struct leftover *l = &x->slices[x->next++];
	pg_put_u64(s, l->id);
	pg_put_u64_array(s, l->ids, l->count);
	return pg_run(s, "cancel_slice");
}

enum {
	FINISH_BEGIN,
	FINISH_BEGUN,
	FINISH_COUNTED,
	FINISH_TRIED,
	FINISH_LOCKED,
	FINISH_LISTED,
	FINISH_CANCELLING,
	FINISH_DEFERRALS,
	FINISH_CANCELLED,
	FINISH_COMMIT,
	FINISH_END
};

static void copy(char *to, size_t size, str from)
{
	snprintf(to, size, "%.*s", from.size < size ? (int)from.size : (int)size - 1,
		 from.data ? from.data : "");
}

static enum pg_next finish_step(struct store *s, struct store_request *request,
				const PGresult *result)
{
	struct store_finish *r = (struct store_finish *)request;
	switch (s->step++) {
	case FINISH_BEGIN:
		r->ret_finished = false;
		r->ret_waiting = 0;
		return pg_begin(s);
	case FINISH_BEGUN:
		put_campaign(s, r);
		return pg_run(s, "finish_waiting");
	case FINISH_COUNTED:
		r->ret_waiting = pg_u64(result, 0, 0);
		copy(r->ret_absent, sizeof(r->ret_absent), pg_str(result, 0, 1));
		copy(r->ret_until, sizeof(r->ret_until), pg_str(result, 0, 2));
		put_campaign(s, r);
		return pg_run(s, "campaign_finish");
	case FINISH_TRIED:
		r->ret_finished = pg_rows(result) > 0;
		if (r->ret_finished) {
			s->step = FINISH_END;
			return pg_commit(s);
		}
		put_campaign(s, r);
		return pg_run(s, "cancel_lock");
	case FINISH_LOCKED:
		if (pg_rows(result) == 0) {
			s->step = FINISH_END;
			return pg_commit(s);
		}
		put_campaign(s, r);
		return pg_run(s, "campaign_cancelled");
	case FINISH_LISTED:
		r->ret_finished = pg_rows(result) > 0;
		if (!r->ret_finished) {
			s->step = FINISH_END;
			return pg_commit(s);
		}
		if (!take_leftovers(s, result))
			return pg_fail(s, STORE_RETRY,
				       "a slice's ids are damaged or too many for memory");
		return cancel_next(s, r);
	case FINISH_CANCELLING:
		s->step = FINISH_CANCELLING;
		return cancel_next(s, r);
	case FINISH_DEFERRALS:
		put_campaign(s, r);
		return pg_run(s, "cancel_outbox");
	case FINISH_CANCELLED:
		put_campaign(s, r);
		return pg_run(s, "campaign_closed");
	case FINISH_COMMIT:
		return pg_commit(s);
	default:
		return PG_DONE;
	}
}

void store_finish(struct store *s, struct store_finish *r)
{
	static const struct store_work work = {finish_step};
	pg_submit(s, &r->request, &work);
}
