/* read.c - the recipients of a slice with the fields the template uses, and the stop feed.
 * Three statements: the people, who is not to be reached (left, or suppressed for this list or
 * sender), what earlier attempts left behind.
 * Each comes in two forms. Where a slice's ids lie close together a range of the primary key is
 * read whole and the few strangers in it are dropped here: no join at all. Where they lie far
 * apart they are looked up one by one. Rows of the outbox stand in for people where the ids are
 * theirs: one statement, for nobody of them has left a list. */
#include "engine/store/outbox.h"

#include "engine/store/engines.h"
#include "engine/store/fields.h"
#include "engine/store/ids.h"
#include "engine/store/reasons.h"

#define SPARSE_FACTOR 4 /* a range may hold so many times what is wanted of it */
/* Printing a jsonb costs PostgreSQL less than picking three members out of it, so attributes come
 * whole while they are no larger than this for each field that is wanted. */
#define WHOLE_SIZE_EACH 100

enum read_step { READ_BEGIN, READ_PEOPLE, READ_LEFT, READ_DEFERRALS };

struct read {
	bool dense, outbox;
	bool whole; /* attributes come in one column */
	size_t cursor; /* the recipient a row is expected for */
};

static void put_range(struct store *s, const struct store_read *r)
{
	pg_put_tenant(s);
	pg_put_u64(s, r->ids[0]);
	pg_put_u64(s, r->ids[r->count - 1]);
}

/* The parameters of the two smaller statements: range, campaign, and the ids if looked up. */
static void put_campaign_range(struct store *s, const struct store_read *r, bool dense)
{
	put_range(s, r);
	pg_put_u64(s, r->campaign_id);
	if (!dense)
		pg_put_u64_array(s, r->ids, r->count);
}

static bool may_be_whole(const struct store_read *r)
{
	for (size_t i = 0; i < r->field_count; i++)
		if (!fields_name_is_plain(r->fields[i]))
			return false;
	return true;
}

/* One column of whole attributes, or of an object of those that are wanted: each column costs a row
 * more than it holds. Names that are not plain have a column each. */
static void put_columns(struct buf *b, const struct store_read *r, bool whole, int parameter)
{
	if (whole)
		buf_printf(b,
			   ", case when pg_column_size(s.attributes) <= %zu then s.attributes "
			   "else (select jsonb_object_agg(f.name, s.attributes->f.name) "
			   "from unnest($%d::text[]) as f(name) "
			   "where s.attributes->f.name is not null) end",
			   r->field_count * WHOLE_SIZE_EACH, parameter);
	for (size_t i = 1; !whole && i <= r->field_count; i++)
		buf_printf(b, ", s.attributes->($%d::text[])[%zu]", parameter, i);
}

static enum pg_next send_people(struct store *s, const struct store_read *r,
				const struct read *x)
{
	static const char select[] = "/* FIELDS */";
	const char *file = x->outbox  ? "read_outbox"
			   : x->dense ? "read_people_dense"
				      : "read_people_sparse";
	str text = pg_text_of(file);
	size_t at = str_find(text, STR(select));
	/* A range goes one way; rows of the outbox are looked up by their ids, however many. */
	enum pg_plans plans = x->outbox || x->dense ? PLANS_KEPT : PLANS_FRESH;
	struct buf statement, name;
	if (r->field_count == 0) {
		put_range(s, r);
		if (!x->dense)
			pg_put_u64_array(s, r->ids, r->count);
		return pg_run_text(s, file, text.data, plans);
	}
	buf_init_arena(&statement, &s->scratch, text.size + (r->field_count + 1) * 300);
	buf_init_arena(&name, &s->scratch, 40);
	buf_put(&statement, str_sub(text, 0, at));
	put_columns(&statement, r, x->whole, x->dense ? 4 : 5);
	buf_put(&statement, str_from(text, at + sizeof(select) - 1));
	buf_put_byte(&statement, 0);
	buf_printf(&name, "%s_%zu%s", file, r->field_count, x->whole ? "" : "_each");
	buf_put_byte(&name, 0);
	if (!buf_ok(&statement) || !buf_ok(&name))
		return pg_fail(s, STORE_RETRY, "no memory for a statement");
	put_range(s, r);
	if (!x->dense)
		pg_put_u64_array(s, r->ids, r->count);
	pg_put_text_array(s, r->fields, r->field_count);
	return pg_run_text(s, name.data, statement.data, plans);
}

/* The recipient a row is about: rows mostly come in the order of the ids. */
static struct store_recipient *recipient_of(const struct store_read *r, struct read *x,
					    uint64_t id)
{
	if (x->cursor < r->count && r->ids[x->cursor] == id)
		return &r->ret_recipients[x->cursor++];
	size_t low = 0, high = r->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (r->ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == r->count || r->ids[low] != id)
		return NULL;
	x->cursor = low + 1;
	return &r->ret_recipients[low];
}

/* jsonb_send(): a version byte, then the text. */
static str json_text(str value)
{
	return value.data && value.size && value.data[0] == 1 ? str_from(value, 1)
							      : (str){NULL, 0};
}

static bool keep(struct arena *arena, str *field)
{
	if (!field->data)
		return true;
	*field = arena_copy(arena, *field);
	return field->data != NULL;
}

static bool take_person(struct store_read *r, const struct read *x, struct store_recipient *to,
			const PGresult *result, size_t row, const struct outbox_columns *at)
{
	uint64_t reason = pg_u64(result, row, at->reason);
	to->suppressed = reason != 0;
	to->suppression_reason = reason ? store_reason_name((uint32_t)reason) : NULL;
	to->email = pg_str(result, row, at->address);
	to->name = pg_str(result, row, at->name);
	if (!keep(r->arena, &to->email) || !keep(r->arena, &to->name))
		return false;
	if (r->field_count == 0)
		return true;
	str *fields = ARENA_ARRAY(r->arena, str, r->field_count);
	if (!fields)
		return false;
	if (x->whole)
		fields_find(json_text(pg_str(result, row, at->attributes)), r->fields,
			    r->field_count, fields);
	for (size_t i = 0; i < r->field_count; i++) {
		if (!x->whole)
			fields[i] = json_text(pg_str(result, row, at->attributes + (int)i));
		if (!keep(r->arena, &fields[i]))
			return false;
	}
	to->fields = fields;
	return true;
}

/* Of the statements that read people and rows; of rows the last two are behind the fields. */
static struct outbox_columns columns_of(const PGresult *result)
{
	int count = PQnfields(result);
	return (struct outbox_columns){.id = 0,
				       .reason = 1,
				       .address = 2,
				       .name = 3,
				       .attributes = 4,
				       .expires = count - 2,
				       .key = count - 1};
}

static bool take_people(struct store_read *r, struct read *x, const PGresult *result,
			const struct outbox_columns *at)
{
	x->cursor = 0;
	for (size_t row = 0; row < pg_rows(result); row++) {
		struct store_recipient *to = recipient_of(r, x, pg_u64(result, row, at->id));
		if (to && !take_person(r, x, to, result, row, at))
			return false;
		if (to && x->outbox)
			to->expires_wall = pg_time(result, row, at->expires);
	}
	return true;
}

static void take_left(struct store_read *r, struct read *x, const PGresult *result)
{
	x->cursor = 0;
	for (size_t row = 0; row < pg_rows(result); row++) {
		struct store_recipient *to = recipient_of(r, x, pg_u64(result, row, 0));
		if (!to || to->suppressed)
			continue;
		to->suppressed = true;
		to->suppression_reason = store_reason_name((uint32_t)pg_u64(result, row, 1));
	}
}

static bool take_deferrals(struct store_read *r, struct read *x, const PGresult *result)
{
	x->cursor = 0;
	for (size_t row = 0; row < pg_rows(result); row++) {
		struct store_recipient *to = recipient_of(r, x, pg_u64(result, row, 0));
		if (!to)
			continue;
		to->attempts = (uint32_t)pg_u64(result, row, 1);
		to->revision = (uint32_t)pg_u64(result, row, 2);
		to->date_wall = pg_time(result, row, 3);
		to->first_wall = pg_time(result, row, 4);
		to->source = pg_str(result, row, 5);
		if (!keep(r->arena, &to->source))
			return false;
	}
	return true;
}

static void look(struct read *x, const struct store_read *r)
{
	x->outbox = r->ids[0] >= STORE_OUTBOX_FIRST_ID;
	x->dense = !x->outbox && r->ids[r->count - 1] - r->ids[0] < r->count * SPARSE_FACTOR;
	x->whole = may_be_whole(r);
}

static bool prepare(struct store_read *r)
{
	r->ret_recipients = ARENA_ARRAY(r->arena, struct store_recipient, r->count);
	for (size_t i = 0; r->ret_recipients && i < r->count; i++)
		r->ret_recipients[i].subscriber_id = r->ids[i];
	return r->ret_recipients;
}

static enum pg_next no_memory(struct store *s)
{
	return pg_fail(s, STORE_RETRY, "no memory for a slice's recipients");
}

static enum pg_next read_begin(struct store *s, struct store_read *r)
{
	struct read x = {};
	if (r->count == 0)
		return PG_DONE;
	if (!prepare(r))
		return no_memory(s);
	look(&x, r);
	return send_people(s, r, &x);
}

enum pg_next read_outbox_begin(struct store *s, struct store_read *r)
{
	return read_begin(s, r);
}

enum pg_next read_outbox_take(struct store *s, struct store_read *r, const PGresult *result,
			      bool *ret_mended)
{
	struct read x = {};
	const struct outbox_columns at = columns_of(result);
	look(&x, r);
	if (!*ret_mended && outbox_mend_keys(s, result, &at) == PG_WAIT) {
		*ret_mended = true;
		return PG_WAIT;
	}
	if (s->active->result != STORE_OK)
		return PG_DONE;
	return take_people(r, &x, result, &at) ? PG_DONE : no_memory(s);
}

bool read_outbox_claimed(struct store_read *r, const PGresult *result,
			 const struct outbox_columns *at)
{
	struct read x = {};
	look(&x, r);
	for (size_t row = 0; row < pg_rows(result); row++)
		if (pg_is_null(result, row, at->reason))
			return false;
	return x.whole && prepare(r) && take_people(r, &x, result, at);
}

static enum pg_next send_left(struct store *s, const struct store_read *r, const struct read *x)
{
	put_campaign_range(s, r, x->dense);
	return x->dense ? pg_run_kept(s, "read_left_dense") : pg_run(s, "read_left_sparse");
}

static enum pg_next send_deferrals(struct store *s, const struct store_read *r,
				   const struct read *x)
{
	put_campaign_range(s, r, x->dense);
	return x->dense ? pg_run_kept(s, "read_deferrals_dense")
			: pg_run(s, "read_deferrals_sparse");
}

static enum pg_next take_outbox(struct store *s, struct store_read *r, const struct read *x,
				const PGresult *result)
{
	bool *mended = s->own = s->own ? s->own : pg_own(s, sizeof(*mended));
	if (!mended)
		return no_memory(s);
	if (read_outbox_take(s, r, result, mended) == PG_WAIT) {
		s->step = READ_BEGIN; /* once more, with the keys that were sent */
		return PG_WAIT;
	}
	if (s->active->result != STORE_OK)
		return PG_DONE;
	s->step = READ_DEFERRALS;
	return send_deferrals(s, r, x);
}

static enum pg_next read_step(struct store *s, struct store_request *request,
			      const PGresult *result)
{
	struct store_read *r = (struct store_read *)request;
	struct read x = {};
	if (r->count)
		look(&x, r);
	switch ((enum read_step)s->step++) {
	case READ_BEGIN:
		return read_begin(s, r);
	case READ_PEOPLE:
		if (x.outbox)
			return take_outbox(s, r, &x, result);
		const struct outbox_columns at = columns_of(result);
		return take_people(r, &x, result, &at) ? send_left(s, r, &x) : no_memory(s);
	case READ_LEFT:
		take_left(r, &x, result);
		return send_deferrals(s, r, &x);
	case READ_DEFERRALS:
		return take_deferrals(r, &x, result) ? PG_DONE : no_memory(s);
	}
	return PG_DONE;
}

void store_read(struct store *s, struct store_read *r)
{
	static const struct store_work work = {read_step};
	pg_submit(s, &r->request, &work);
}

static enum stop_kind kind_of(uint64_t number)
{
	static const enum stop_kind kinds[] = {STOP_PAUSE,    STOP_RESUME,
					       STOP_CANCEL,   STOP_SUBSCRIBER,
					       STOP_PROVIDER, STOP_PROVIDER_END,
					       STOP_FLUSH};
	return number < sizeof(kinds) / sizeof(*kinds) ? kinds[number] : STOP_SUBSCRIBER;
}

enum { FEED_MYSELF = 100, FEED_LOST = 101 }; /* kinds of rows of stop_feed.sql, beside stops */

static bool take_stop(struct store_stop_feed *r, const PGresult *result, size_t row)
{
	struct store_stop *stop = &r->ret_stops[r->ret_count++];
	*stop = (struct store_stop){
		.number = pg_u64(result, row, 0),
		.kind = kind_of(pg_u64(result, row, 1)),
		.campaign_id = pg_u64(result, row, 2),
		.subscriber_id = pg_u64(result, row, 3),
		.reason = store_reason_name((uint32_t)pg_u64(result, row, 4)),
		.provider = pg_str(result, row, 5),
		.target = arena_copy(r->arena, pg_str(result, row, 6)).data,
	};
	if (stop->number > r->ret_newest_number)
		r->ret_newest_number = stop->number;
	return keep(r->arena, &stop->provider) && stop->target;
}

static enum pg_next take_feed(struct store *s, struct store_stop_feed *r,
			      const PGresult *result)
{
	size_t rows = pg_rows(result);
	bool myself = r->engine_id == 0, good = true;
	r->ret_stops = ARENA_ARRAY(r->arena, struct store_stop, rows + 1);
	r->ret_lost_slices = ARENA_ARRAY(r->arena, uint64_t, rows + 1);
	good = r->ret_stops && r->ret_lost_slices;
	for (size_t i = 0; good && i < rows; i++) {
		uint64_t kind = pg_u64(result, i, 1);
		if (kind == FEED_MYSELF)
			myself = true;
		else if (kind == FEED_LOST)
			r->ret_lost_slices[r->ret_lost_count++] = pg_u64(result, i, 0);
		else
			good = take_stop(r, result, i);
	}
	if (!good)
		return pg_fail(s, STORE_RETRY, "no memory for the stop feed");
	return myself ? PG_DONE : pg_fail(s, STORE_FENCED, engine_fenced);
}

static enum pg_next stop_feed_step(struct store *s, struct store_request *request,
				   const PGresult *result)
{
	struct store_stop_feed *r = (struct store_stop_feed *)request;
	bool only_newest = r->after_number == UINT64_MAX;
	r->ret_count = r->ret_lost_count = 0;
	if (s->step++ == 0) {
		pg_put_tenant(s);
		if (only_newest)
			return pg_run(s, "stop_newest");
		pg_put_u64(s, r->after_number);
		pg_put_u32(s, r->engine_id);
		pg_put_u32(s, r->epoch);
		return pg_run_kept(s, "stop_feed");
	}
	r->ret_newest_number = only_newest ? pg_u64(result, 0, 0) : r->after_number;
	return only_newest ? PG_DONE : take_feed(s, r, result);
}

void store_stop_feed(struct store *s, struct store_stop_feed *r)
{
	static const struct store_work work = {stop_feed_step};
	pg_submit(s, &r->request, &work);
}
