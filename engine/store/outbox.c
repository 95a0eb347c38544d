/* outbox.c - claiming transactional mail: rows that are due become a slice that this engine
 * holds, with their start marks, and are read, all in one transaction. The claim is the mark:
 * what a crash leaves behind is told by the journal like any other slice. A claim whose commit
 * was not answered is found again by its token. Tokens are counted with those of leases, but of
 * a range of their own, so that neither finds the other's. */
#include "engine/store/outbox.h"

#include "engine/base/codec.h"
#include "engine/mail/address.h"
#include "engine/store/ids.h"

#define TOKEN_RANGE (1ull << 62)
#define BYTES_LIMIT                                                                            \
	(16u << 20) /* content of one claim; a single row may be as large as 8 MB              \
		     */

enum {
	CLAIM_BEGIN,
	CLAIM_BEGUN,
	CLAIM_ANSWERED,
	CLAIM_KEYED,
	CLAIM_READ,
	CLAIM_END
};

/* Columns of the answer. */
enum { SLICE, CAMPAIGN, CODED, COUNT, ID, ADDRESS, KEY, LOOK_AT, UNKNOWN };

struct claim {
	struct store_read read;
	uint64_t *ids;
	size_t count;
};

/* Of addresses that are compared by more than lower case. */
struct odd_keys {
	uint64_t *ids;
	str *keys;
	size_t count;
};

static enum pg_next no_memory(struct store *s)
{
	return pg_fail(s, STORE_RETRY, "no memory to claim transactional mail");
}

static uint64_t next_token(const struct store *s)
{
	return TOKEN_RANGE | (s->lease_token + 1);
}

static enum pg_next send_claim(struct store *s, const struct store_claim_outbox *r)
{
	uint64_t *ids = pg_own(s, (r->template_count + 1) * sizeof(*ids));
	if (!ids)
		return no_memory(s);
	for (size_t i = 0; i < r->template_count; i++)
		ids[i] = r->templates[i].campaign_id;
	pg_put_tenant(s);
	pg_put_u32(s, r->engine_id);
	pg_put_u32(s, r->epoch);
	pg_put_u64(s, s->lost_claim_token);
	pg_put_u64(s, next_token(s));
	pg_put_u64_array(s, ids, r->template_count);
	pg_put_u64(s, r->limit);
	pg_put_u64(s, BYTES_LIMIT);
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

static enum pg_next read_rows(struct store *s, struct store_claim_outbox *r, size_t count)
{
	struct claim *x = s->own;
	const struct store_outbox_template *template = template_of(r, r->ret_campaign_id);
	x->read = (struct store_read){
		.campaign_id = r->ret_campaign_id,
		.slice_id = r->ret_slice_id,
		.ids = x->ids,
		.count = count,
		.fields = template->fields,
		.field_count = template->field_count,
		.arena = r->arena,
	};
	s->step = CLAIM_READ;
	return read_begin(s, &x->read);
}

static enum pg_next nothing_due(struct store *s, struct store_claim_outbox *r,
				const PGresult *result)
{
	r->ret_next_due_wall =
		pg_is_null(result, 0, LOOK_AT) ? USEC_NEVER : pg_time(result, 0, LOOK_AT);
	r->ret_unknown_campaign_id = pg_u64(result, 0, UNKNOWN);
	s->step = CLAIM_END;
	return pg_commit(s);
}

/* The claim that was made, though nobody learned of it. */
static enum pg_next found_again(struct store *s, struct store_claim_outbox *r,
				const PGresult *result)
{
	struct claim *x = s->own;
	size_t count = pg_u64(result, 0, COUNT);
	x->ids = pg_own(s, (count + 1) * sizeof(*x->ids));
	if (!x->ids || delta_decode(pg_str(result, 0, CODED), x->ids, count) != (long)count)
		return pg_fail(s, STORE_RETRY,
			       "a slice's ids are damaged or too many for memory");
	if (!template_of(r, r->ret_campaign_id)) {
		r->ret_unknown_campaign_id = r->ret_campaign_id;
		r->ret_slice_id = 0;
		r->ret_next_due_wall = 0;
		return PG_DONE; /* rolled back, and asked again with it */
	}
	return read_rows(s, r, count);
}

/* data NULL: the address is none, or no name that IDNA knows; its key stays as it is. */
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

/* Whoever inserted a row could only lower its letters. */
static bool find_keys(struct store *s, const PGresult *result, struct odd_keys *odd)
{
	size_t count = pg_rows(result);
	odd->ids = pg_own(s, count * sizeof(*odd->ids));
	odd->keys = pg_own(s, count * sizeof(*odd->keys));
	for (size_t i = 0; odd->ids && odd->keys && i < count; i++) {
		str key;
		if (!key_of(s, pg_str(result, i, ADDRESS), &key))
			return false;
		if (!key.data || str_eq(key, pg_str(result, i, KEY)))
			continue;
		odd->ids[odd->count] = pg_u64(result, i, ID);
		odd->keys[odd->count++] = key;
	}
	return odd->ids && odd->keys;
}

static enum pg_next send_keys(struct store *s, const struct odd_keys *odd)
{
	pg_put_tenant(s);
	pg_put_u64_array(s, odd->ids, odd->count);
	pg_put_text_array(s, odd->keys, odd->count);
	return pg_run_kept(s, "outbox_keys");
}

static enum pg_next taken(struct store *s, struct store_claim_outbox *r,
			  const PGresult *result)
{
	struct claim *x = s->own;
	struct odd_keys odd = {};
	size_t count = pg_rows(result);
	s->lost_claim_token = next_token(s); /* until its commit is answered */
	s->lease_token++;
	x->count = count;
	x->ids = pg_own(s, count * sizeof(*x->ids));
	if (!x->ids || !find_keys(s, result, &odd))
		return no_memory(s);
	for (size_t i = 0; i < count; i++)
		x->ids[i] = pg_u64(result, i, ID);
	return odd.count > 0 ? send_keys(s, &odd) : read_rows(s, r, count);
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
	s->lost_claim_token = 0;
	return r->ret_slice_id ? taken(s, r, result) : nothing_due(s, r, result);
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
		return s->own ? pg_begin(s) : no_memory(s);
	case CLAIM_BEGUN:
		return send_claim(s, r);
	case CLAIM_ANSWERED:
		return claim_answered(s, r, result);
	case CLAIM_KEYED:
		return read_rows(s, r, x->count);
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
