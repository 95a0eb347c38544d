/* outbox.c - claiming transactional mail: rows that are due become a slice that this engine
 * holds, with their start marks, and are read, all in one transaction. The claim is the mark:
 * what a crash leaves behind is told by the journal like any other slice. A claim whose commit
 * was not answered is found again by its token. Tokens are counted with those of leases, but of
 * a range of their own, so that neither finds the other's. */
#include "engine/store/outbox.h"

#include <stdlib.h>

#include "engine/base/codec.h"
#include "engine/mail/address.h"
#include "engine/store/ids.h"

#define TOKEN_RANGE (1ull << 62)
#define BYTES_LIMIT                                                                            \
	(16u << 20) /* content of one claim; a single row may be as large as 8 MB              \
		     */

struct claimed_row {
	uint64_t id;
	str key; /* data NULL: the address is none, its key stays as it is */
};

struct claim {
	struct claimed_row *rows;
	struct store_read read;
};

static void put_templates(struct store *s, const struct store_claim_outbox *r, uint64_t *ids)
{
	for (size_t i = 0; i < r->template_count; i++)
		ids[i] = r->templates[i].campaign_id;
	pg_put_tenant(s);
	pg_put_u64_array(s, ids, r->template_count);
}

static enum pg_next send_with_templates(struct store *s, const struct store_claim_outbox *r,
					const char *file)
{
	uint64_t *ids = pg_own(s, (r->template_count + 1) * sizeof(*ids));
	if (!ids)
		return pg_fail(s, STORE_RETRY, "no memory to claim transactional mail");
	put_templates(s, r, ids);
	if (strcmp(file, "outbox_due") == 0) {
		pg_put_u64(s, r->limit);
		pg_put_u64(s, BYTES_LIMIT);
	}
	return pg_run_kept(s, file);
}

static enum pg_next send_engine(struct store *s, const struct store_claim_outbox *r)
{
	pg_put_tenant(s);
	pg_put_u32(s, r->engine_id);
	pg_put_u32(s, r->epoch);
	pg_put_u64(s, s->lost_claim_token);
	return pg_run_kept(s, "outbox_engine");
}

static const struct store_outbox_template *template_of(const struct store_claim_outbox *r,
						       uint64_t campaign_id)
{
	for (size_t i = 0; i < r->template_count; i++)
		if (r->templates[i].campaign_id == campaign_id)
			return &r->templates[i];
	return NULL;
}

static enum pg_next read_rows(struct store *s, struct store_claim_outbox *r, struct claim *x,
			      uint64_t *ids, size_t count)
{
	const struct store_outbox_template *template = template_of(r, r->ret_campaign_id);
	x->read = (struct store_read){
		.campaign_id = r->ret_campaign_id,
		.slice_id = r->ret_slice_id,
		.ids = ids,
		.count = count,
		.fields = template->fields,
		.field_count = template->field_count,
		.arena = r->arena,
	};
	return read_begin(s, &x->read);
}

/* The claim that was made, though nobody learned of it. */
static enum pg_next found_again(struct store *s, struct store_claim_outbox *r, struct claim *x,
				const PGresult *result)
{
	size_t count = pg_u64(result, 0, 2);
	uint64_t *ids = pg_own(s, (count + 1) * sizeof(*ids));
	if (!ids || delta_decode(pg_str(result, 0, 3), ids, count) != (long)count)
		return pg_fail(s, STORE_RETRY,
			       "a slice's ids are damaged or too many for memory");
	r->ret_campaign_id = pg_u64(result, 0, 1);
	if (!template_of(r, r->ret_campaign_id)) {
		r->ret_unknown_campaign_id = r->ret_campaign_id;
		r->ret_next_due_wall = 0;
		return PG_DONE; /* rolled back, and asked again with it */
	}
	r->ret_slice_id = pg_u64(result, 0, 0);
	return read_rows(s, r, x, ids, count);
}

static bool key_of(struct store *s, str address, str *ret_key)
{
	struct address parsed;
	struct buf key;
	*ret_key = (str){NULL, 0};
	if (address_parse_any(address, &parsed) != ADDRESS_OK)
		return true;
	buf_init_arena(&key, &s->scratch, ADDRESS_LIMIT + 64);
	if (!address_key(&key, &parsed))
		return buf_ok(&key);
	*ret_key = buf_str(&key);
	return true;
}

static int compare_rows(const void *a, const void *b)
{
	const struct claimed_row *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

static bool take_due(struct store *s, struct claim *x, const PGresult *result)
{
	size_t count = pg_rows(result);
	x->rows = pg_own(s, count * sizeof(*x->rows));
	for (size_t i = 0; x->rows && i < count; i++) {
		x->rows[i].id = pg_u64(result, i, 1);
		if (!key_of(s, pg_str(result, i, 2), &x->rows[i].key))
			return false;
	}
	if (x->rows)
		qsort(x->rows, count, sizeof(*x->rows), compare_rows);
	return x->rows != NULL;
}

static enum pg_next send_take(struct store *s, struct store_claim_outbox *r, struct claim *x,
			      const PGresult *result)
{
	size_t count = pg_rows(result);
	uint64_t *ids = pg_own(s, count * sizeof(*ids));
	str *keys = pg_own(s, count * sizeof(*keys));
	if (!ids || !keys || !take_due(s, x, result))
		return pg_fail(s, STORE_RETRY, "no memory to claim transactional mail");
	for (size_t i = 0; i < count; i++) {
		ids[i] = x->rows[i].id;
		keys[i] = x->rows[i].key;
	}
	str coded = ids_encode(&s->scratch, ids, count);
	if (!coded.data)
		return pg_fail(s, STORE_RETRY, "no memory to claim transactional mail");
	r->ret_campaign_id = pg_u64(result, 0, 0);
	x->read.ids = ids;
	x->read.count = count;
	s->lost_claim_token = TOKEN_RANGE | ++s->lease_token; /* until its commit is answered */
	pg_put_tenant(s);
	pg_put_u64(s, r->ret_campaign_id);
	pg_put_u32(s, r->engine_id);
	pg_put_u32(s, r->epoch);
	pg_put_u64(s, s->lost_claim_token);
	pg_put_u32(s, (uint32_t)count);
	pg_put_u64(s, ids[0]);
	pg_put_u64(s, ids[count - 1]);
	pg_put_bytes(s, coded);
	pg_put_u64_array(s, ids, count);
	pg_put_text_array(s, keys, count);
	return pg_run(s, "outbox_take");
}

enum {
	CLAIM_BEGIN,
	CLAIM_BEGUN,
	CLAIM_ENGINE, /* whether the engine is who it says, and its lost claim */
	CLAIM_DUE,
	CLAIM_TAKEN,
	CLAIM_READ,
	CLAIM_NEXT,
	CLAIM_END
};

static enum pg_next engine_known(struct store *s, struct store_claim_outbox *r,
				 const PGresult *result)
{
	if (pg_rows(result) == 0)
		return pg_fail(s, STORE_FENCED,
			       "another process runs under this engine's name");
	if (!pg_is_null(result, 0, 0)) {
		s->step = CLAIM_READ;
		return found_again(s, r, s->own, result);
	}
	s->lost_claim_token = 0;
	return send_with_templates(s, r, "outbox_due");
}

static enum pg_next due_known(struct store *s, struct store_claim_outbox *r,
			      const PGresult *result)
{
	if (pg_rows(result))
		return send_take(s, r, s->own, result);
	s->step = CLAIM_NEXT;
	return send_with_templates(s, r, "outbox_next");
}

/* Who claimed something asks again at once: when else, nobody need look up. */
static enum pg_next rows_read(struct store *s, struct store_claim_outbox *r,
			      const PGresult *result)
{
	struct claim *x = s->own;
	if (!read_take(&x->read, result))
		return pg_fail(s, STORE_RETRY, "no memory for transactional mail");
	r->ret_recipients = x->read.ret_recipients;
	r->ret_count = x->read.count;
	s->step = CLAIM_END;
	return pg_commit(s);
}

static enum pg_next claim_step(struct store *s, struct store_request *request,
			       const PGresult *result)
{
	struct store_claim_outbox *r = (struct store_claim_outbox *)request;
	struct claim *x = s->own;
	switch (s->step++) {
	case CLAIM_BEGIN:
		r->ret_slice_id = r->ret_unknown_campaign_id = 0;
		r->ret_next_due_wall = 0;
		r->ret_count = 0;
		s->own = pg_own(s, sizeof(*x));
		return s->own ? pg_begin(s) : pg_fail(s, STORE_RETRY, "no memory to claim");
	case CLAIM_BEGUN:
		return send_engine(s, r);
	case CLAIM_ENGINE:
		return engine_known(s, r, result);
	case CLAIM_DUE:
		return due_known(s, r, result);
	case CLAIM_TAKEN:
		r->ret_slice_id = pg_u64(result, 0, 0);
		return read_rows(s, r, x, (uint64_t *)x->read.ids, x->read.count);
	case CLAIM_READ:
		return rows_read(s, r, result);
	case CLAIM_NEXT:
		r->ret_next_due_wall =
			pg_is_null(result, 0, 0) ? USEC_NEVER : pg_time(result, 0, 0);
		r->ret_unknown_campaign_id = pg_u64(result, 0, 1);
		return pg_commit(s);
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
