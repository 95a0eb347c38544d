/* outbox.c - claiming transactional mail: rows that are due become a slice that this engine
 * holds, with their start marks, and are read, all by one statement. The claim is the mark:
 * what a crash leaves behind is told by the journal like any other slice. A claim whose
 * answer did not come is found again by its token. Tokens are counted with those of leases, but of
 * a range of their own, so that neither finds the other's. */
#include "engine/store/outbox.h"

#include "engine/base/codec.h"
#include "engine/store/ids.h"

#define TOKEN_RANGE (1ull << 62)
#define BYTES_LIMIT                                                                            \
	(16u << 20) /* content of one claim; a single row may be as large as 8 MB              \
		     */

#define WHOLE_SIZE 4000 /* of attributes that come with the claim */

enum { CLAIM_BEGIN, CLAIM_ANSWERED, CLAIM_KEYED, CLAIM_READ, CLAIM_END };

/* Columns of the answer; from the reason on they are null where a row is to be read. */
enum {
	SLICE,
	CAMPAIGN,
	CODED,
	COUNT,
	ID,
	ADDRESS,
	KEY,
	LOOK_AT,
	UNKNOWN,
	REASON,
	NAME,
	ATTRIBUTES,
	EXPIRES
};

static const struct outbox_columns columns = {.id = ID,
					      .reason = REASON,
					      .address = ADDRESS,
					      .name = NAME,
					      .attributes = ATTRIBUTES,
					      .expires = EXPIRES,
					      .key = KEY};

struct claim {
	struct store_read read;
	bool mended;
};

static enum pg_next no_memory(struct store *s)
{
	return pg_fail(s, STORE_RETRY, "no memory to claim transactional mail");
}

static enum pg_next send_claim(struct store *s, const struct store_claim_outbox *r)
{
	uint64_t *ids = pg_own(s, (r->template_count + 1) * sizeof(*ids));
	if (!ids)
		return no_memory(s);
	for (size_t i = 0; i < r->template_count; i++)
		ids[i] = r->templates[i].campaign_id;
	/* It stays lost until all of the answer is here. A claim that looks for it and finds none
	 * is made under the same token, so that one token is enough. */
	uint64_t lost = s->lost_claim_token;
	if (!lost)
		s->lost_claim_token = TOKEN_RANGE | ++s->lease_token;
	pg_put_tenant(s);
	pg_put_u32(s, r->engine_id);
	pg_put_u32(s, r->epoch);
	pg_put_u64(s, lost);
	pg_put_u64(s, s->lost_claim_token);
	pg_put_u64_array(s, ids, r->template_count);
	pg_put_u64(s, r->limit);
	pg_put_u64(s, BYTES_LIMIT);
	pg_put_u32(s, WHOLE_SIZE);
	return pg_run_kept(s, "outbox_claim");
}

static const struct store_outbox_template *template_of(const struct store_claim_outbox *r,
						       uint64_t campaign_id)
{
	for (size_t i = 0; i < r->template_count; i++)
		if (r->templates[i].campaign_id == campaign_id)
			return &r->templates[i];
	return NULL;
}

/* Behind a pooler all of it is one transaction, which is not committed yet. */
static enum pg_next end(struct store *s)
{
	s->step = CLAIM_END;
	if (s->pooled)
		return pg_commit(s);
	s->lost_claim_token = 0;
	return PG_DONE;
}

static enum pg_next claimed(struct store *s, struct store_claim_outbox *r)
{
	const struct claim *x = s->own;
	r->ret_recipients = x->read.ret_recipients;
	r->ret_count = x->read.count;
	return end(s);
}

static enum pg_next read_rows(struct store *s, struct claim *x)
{
	s->step = CLAIM_READ;
	return read_outbox_begin(s, &x->read);
}

static enum pg_next nothing_due(struct store *s, struct store_claim_outbox *r,
				const PGresult *result)
{
	r->ret_next_due_wall =
		pg_is_null(result, 0, LOOK_AT) ? USEC_NEVER : pg_time(result, 0, LOOK_AT);
	r->ret_unknown_campaign_id = pg_u64(result, 0, UNKNOWN);
	return end(s);
}

static bool prepare_read(struct store *s, struct store_claim_outbox *r, uint64_t *ids,
			 size_t count)
{
	const struct store_outbox_template *template = template_of(r, r->ret_campaign_id);
	struct claim *x = s->own = pg_own(s, sizeof(*x));
	if (x)
		x->read = (struct store_read){
			.campaign_id = r->ret_campaign_id,
			.slice_id = r->ret_slice_id,
			.ids = ids,
			.count = count,
			.fields = template->fields,
			.field_count = template->field_count,
			.arena = r->arena,
		};
	return x;
}

/* The claim that was made, though nobody learned of it. */
static enum pg_next found_again(struct store *s, struct store_claim_outbox *r,
				const PGresult *result)
{
	size_t count = pg_u64(result, 0, COUNT);
	uint64_t *ids = pg_own(s, (count + 1) * sizeof(*ids));
	if (!ids || delta_decode(pg_str(result, 0, CODED), ids, count) != (long)count)
		return pg_fail(s, STORE_RETRY,
			       "a slice's ids are damaged or too many for memory");
	if (!template_of(r, r->ret_campaign_id)) {
		r->ret_unknown_campaign_id = r->ret_campaign_id;
		r->ret_slice_id = 0;
		r->ret_next_due_wall = 0;
		return PG_DONE; /* and asked again with it, by the same token */
	}
	return prepare_read(s, r, ids, count) ? read_rows(s, s->own) : no_memory(s);
}

/* Mostly all that is wanted has come with the claim. */
static enum pg_next taken(struct store *s, struct store_claim_outbox *r,
			  const PGresult *result)
{
	size_t count = pg_rows(result);
	uint64_t *ids = pg_own(s, count * sizeof(*ids));
	if (!ids || !prepare_read(s, r, ids, count))
		return no_memory(s);
	struct claim *x = s->own;
	for (size_t i = 0; i < count; i++)
		ids[i] = pg_u64(result, i, ID);
	if (outbox_mend_keys(s, result, &columns) == PG_WAIT) {
		x->mended = true;
		s->step = CLAIM_KEYED;
		return PG_WAIT;
	}
	if (s->active->result != STORE_OK)
		return PG_DONE;
	return read_outbox_claimed(&x->read, result, &columns) ? claimed(s, r)
							       : read_rows(s, x);
}

static enum pg_next claim_answered(struct store *s, struct store_claim_outbox *r,
				   const PGresult *result)
{
	if (pg_rows(result) == 0)
		return pg_fail(s, STORE_FENCED,
			       "another process runs under this engine's name");
	r->ret_slice_id = pg_u64(result, 0, SLICE);
	r->ret_campaign_id = pg_u64(result, 0, CAMPAIGN);
	if (!pg_is_null(result, 0, CODED))
		return found_again(s, r, result);
	return r->ret_slice_id ? taken(s, r, result) : nothing_due(s, r, result);
}

static enum pg_next rows_read(struct store *s, struct store_claim_outbox *r,
			      const PGresult *result)
{
	struct claim *x = s->own;
	if (read_outbox_take(s, &x->read, result, &x->mended) == PG_WAIT) {
		s->step = CLAIM_KEYED;
		return PG_WAIT;
	}
	return s->active->result == STORE_OK ? claimed(s, r) : PG_DONE;
}

static enum pg_next claim_step(struct store *s, struct store_request *request,
			       const PGresult *result)
{
	struct store_claim_outbox *r = (struct store_claim_outbox *)request;
	switch (s->step++) {
	case CLAIM_BEGIN:
		r->ret_slice_id = r->ret_unknown_campaign_id = 0;
		r->ret_next_due_wall = 0;
		r->ret_count = 0;
		return send_claim(s, r);
	case CLAIM_ANSWERED:
		return claim_answered(s, r, result);
	case CLAIM_KEYED:
		return read_rows(s, s->own);
	case CLAIM_READ:
		return rows_read(s, r, result);
	default:
		s->lost_claim_token = 0;
		return PG_DONE;
	}
}

void store_claim_outbox(struct store *s, struct store_claim_outbox *r)
{
	static const struct store_work work = {claim_step};
	pg_submit(s, &r->request, &work);
}
