/* draw.c - parts of shared limits: accounts are read, drawn from (engine/shape/account.h), and
 * written if nobody was quicker. No transaction is open between the two, and nobody is waited
 * for: an engine that is stopped in the middle of a draw holds up nobody else. */
#include "engine/store/pg.h"

#include "engine/shape/account.h"
#include "engine/shape/quota.h"

#define ROUNDS 4 /* then somebody else has always been quicker: later */
#define ALIVE_LIMIT 1024

struct drawing {
	size_t count;
	size_t *open;       /* rows that are not drawn yet, by index */
	size_t *tried;      /* of them, those that are being written, */
	uint64_t *versions; /* that were read so, */
	str *states;        /* and are to be so */
	size_t tried_count;
	uint32_t alive[ALIVE_LIMIT];
	size_t alive_count;
	usec lease_left; /* of the engine's own; nothing: it counts as gone */
	unsigned round;
	struct account account;
};

static void put_names(struct store *s, const struct store_draw *r, const size_t *rows,
		      size_t count)
{
	str *names = pg_own(s, (count + 1) * sizeof(str));
	uint32_t *kinds = pg_own(s, (count + 1) * sizeof(uint32_t));
	for (size_t i = 0; names && kinds && i < count; i++) {
		names[i] = r->rows[rows[i]]->account;
		kinds[i] = r->rows[rows[i]]->kind;
	}
	s->params.failed |= !names || !kinds;
	pg_put_tenant(s);
	pg_put_text_array(s, names, names && kinds ? count : 0);
	pg_put_u32_array(s, kinds, names && kinds ? count : 0);
}

static enum pg_next read_accounts(struct store *s, const struct store_draw *r)
{
	struct drawing *d = s->own;
	put_names(s, r, d->open, d->count);
	pg_put_u32(s, r->engine_id);
	return pg_run_kept(s, "draw_read");
}

static void take_alive(struct drawing *d, str text)
{
	uint64_t id;
	d->alive_count = 0;
	while (text.size > 0 && d->alive_count < ALIVE_LIMIT)
		if (str_to_u64(str_cut(&text, ' '), &id))
			d->alive[d->alive_count++] = (uint32_t)id;
}

static bool draw(struct drawing *d, const struct store_draw *r, struct store_draw_row *row,
		 usec now)
{
	if (row->kind == QUOTA_SLOTS)
		return account_draw_slots(&d->account, r->engine_id, r->epoch, &row->ask,
					  d->alive, d->alive_count, d->lease_left, now,
					  &row->ret_grant);
	return account_draw(&d->account, r->engine_id, r->epoch, &row->ask, now,
			    &row->ret_grant);
}

/* What cannot be read was written by somebody else than us: it begins anew. */
static bool draw_row(struct store *s, const struct store_draw *r, const PGresult *result,
		     size_t line)
{
	struct drawing *d = s->own;
	struct store_draw_row *row = r->rows[d->open[line]];
	struct buf out;
	if (!account_read(&d->account, pg_str(result, line, 2)))
		d->account = (struct account){};
	take_alive(d, pg_str(result, line, 4));
	d->lease_left = pg_is_null(result, line, 5) ? 0 : (usec)pg_u64(result, line, 5);
	if (!draw(d, r, row, (usec)pg_u64(result, line, 3)))
		return true; /* it is not to be drawn: not by this question */
	buf_init_arena(&out, &s->scratch, 256);
	account_write(&d->account, &out);
	if (!buf_ok(&out))
		return false;
	d->tried[d->tried_count] = d->open[line];
	d->versions[d->tried_count] = pg_u64(result, line, 1);
	d->states[d->tried_count++] = buf_str(&out);
	return true;
}

static bool any_is_new(const PGresult *result)
{
	for (size_t i = 0; i < pg_rows(result); i++)
		if (pg_is_null(result, i, 1))
			return true;
	return false;
}

static enum pg_next save(struct store *s, const struct store_draw *r, const PGresult *result)
{
	struct drawing *d = s->own;
	d->tried_count = 0;
	for (size_t i = 0; i < pg_rows(result) && i < d->count; i++)
		if (!draw_row(s, r, result, i))
			return pg_fail(s, STORE_RETRY, "no memory for drawing");
	if (d->tried_count == 0)
		return PG_DONE;
	put_names(s, r, d->tried, d->tried_count);
	pg_put_u64_array(s, d->versions, d->tried_count);
	pg_put_text_array(s, d->states, d->tried_count);
	return pg_run_kept(s, "draw_save");
}

/* Those that were not written are drawn again from what they are now. */
static enum pg_next saved(struct store *s, const struct store_draw *r, const PGresult *result)
{
	struct drawing *d = s->own;
	for (size_t i = 0; i < pg_rows(result); i++) {
		size_t at = (size_t)pg_u64(result, i, 0) - 1;
		if (at < d->tried_count)
			r->rows[d->tried[at]]->ret_drawn = true;
	}
	d->count = 0;
	for (size_t i = 0; i < d->tried_count; i++)
		if (!r->rows[d->tried[i]]->ret_drawn)
			d->open[d->count++] = d->tried[i];
	if (d->count == 0 || ++d->round == ROUNDS)
		return PG_DONE;
	s->step = 1;
	return read_accounts(s, r);
}

static enum pg_next begin(struct store *s, const struct store_draw *r)
{
	struct drawing *d = pg_own(s, sizeof(*d));
	bool good = d && (d->open = pg_own(s, (r->count + 1) * sizeof(size_t))) &&
		    (d->tried = pg_own(s, (r->count + 1) * sizeof(size_t))) &&
		    (d->versions = pg_own(s, (r->count + 1) * sizeof(uint64_t))) &&
		    (d->states = pg_own(s, (r->count + 1) * sizeof(str)));
	if (!good)
		return pg_fail(s, STORE_RETRY, "no memory for drawing");
	for (d->count = 0; d->count < r->count; d->count++)
		d->open[d->count] = d->count;
	s->own = d;
	return read_accounts(s, r);
}

static enum pg_next draw_step(struct store *s, struct store_request *request,
			      const PGresult *result)
{
	const struct store_draw *r = (const struct store_draw *)request;
	struct drawing *d = s->own;
	switch (s->step++) {
	case 0:
		return begin(s, r);
	case 1:
		if (!any_is_new(result))
			return save(s, r, result);
		s->step = 3;
		put_names(s, r, d->open, d->count);
		return pg_run(s, "draw_make");
	case 2:
		return saved(s, r, result);
	default: /* they are made */
		s->step = 1;
		return ++d->round == ROUNDS ? PG_DONE : read_accounts(s, r);
	}
}

void store_draw(struct store *s, struct store_draw *r)
{
	static const struct store_work work = {draw_step};
	for (size_t i = 0; i < r->count; i++)
		r->rows[i]->ret_drawn = false;
	pg_submit(s, &r->request, &work);
}
