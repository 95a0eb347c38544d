/* why_read.c - see why.h. A person is in a slice when its ids say so: the slices whose range
 * holds the number are few, and only in those are rows of deliveries looked for. */
#include "engine/api/why.h"

#include "engine/base/codec.h"
#include "engine/store/reasons.h"

#define PATHS_OF_CAMPAIGN "10"

static str keep(struct db *db, const PGresult *result, int row, int column)
{
	str cell = db_cell(result, row, column);
	return cell.size ? arena_copy(db->cli->arena, cell) : STR("");
}

static bool is_true(const PGresult *result, int row, int column)
{
	return str_eq(db_cell(result, row, column), STR("true"));
}

/* Columns from first on: count, next due. */
static void take_wait(struct db *db, const PGresult *result, int row, int first,
		      struct why_waits *waits)
{
	if (waits->count == WHY_WAITS_LIMIT)
		return;
	waits->items[waits->count++] = (struct why_wait){
		.name = keep(db, result, row, 0),
		.state = first > 1 ? keep(db, result, row, 1) : STR(""),
		.count = db_u64(result, row, first),
		.next_due_wall = db_i64(result, row, first + 1),
	};
}

static int read_site_waits(struct db *db, struct why_place *place)
{
	const char *parameters[] = {place->provider.data, place->site.data};
	PGresult *result = db_query(db, "api_why_site", 2, parameters);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result); i++)
		take_wait(db, result, i, 2, &place->waits);
	PQclear(result);
	return CLI_GO;
}

int why_read_place(struct db *db, const char *domain, struct why_place *place)
{
	*place = (struct why_place){.domain = str_of(domain)};
	PGresult *result = db_query(db, "api_place_domain", 1, &domain);
	if (!result)
		return db_code(db);
	bool known = PQntuples(result) > 0;
	if (known) {
		place->site = keep(db, result, 0, 0);
		place->provider = keep(db, result, 0, 1);
		place->mx_hosts = keep(db, result, 0, 2);
		place->seen_wall = db_i64(result, 0, 3);
	}
	PQclear(result);
	if (!known)
		return CLI_GO;
	int code = path_rows_read(db, db->cli->arena, "api_paths_site", place->site.data,
				  &place->paths);
	return code == CLI_GO ? read_site_waits(db, place) : code;
}

/* ---- a person ---- */

static int read_identity(struct db *db, struct why_person *person)
{
	PGresult *result = db_query(db, "api_why_person", 1, &person->email.data);
	if (!result)
		return db_code(db);
	if (!PQgetisnull(result, 0, 0))
		person->id = keep(db, result, 0, 0);
	person->suppressed = keep(db, result, 0, 1);
	person->lists = keep(db, result, 0, 2);
	person->reason = keep(db, result, 0, 3);
	person->suppressed_wall = db_i64(result, 0, 4);
	person->suppressed_by = keep(db, result, 0, 5);
	person->engine_count = db_u64(result, 0, 6);
	PQclear(result);
	return CLI_GO;
}

static void take_mail(struct db *db, const PGresult *result, int row, struct why_mail *mail)
{
	*mail = (struct why_mail){
		.id = keep(db, result, row, 0),
		.name = keep(db, result, row, 1),
		.state = keep(db, result, row, 2),
		.fully_cut = is_true(result, row, 3),
		.reached = is_true(result, row, 4),
		.on_list = is_true(result, row, 5),
		.attempts = db_u64(result, row, 6),
		.deferred = !PQgetisnull(result, row, 6),
		.due_wall = PQgetisnull(result, row, 8) ? db_i64(result, row, 7) : 0,
		.verdict = keep(db, result, row, 9),
		.class = keep(db, result, row, 10),
		.code = keep(db, result, row, 11),
		.status = keep(db, result, row, 12),
		.text = keep(db, result, row, 13),
		.source = keep(db, result, row, 14),
	};
}

static int read_mail(struct db *db, struct why_person *person)
{
	PGresult *result = db_query(db, "api_why_mail", 1, &person->id.data);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result) && person->mail_count < WHY_MAIL_LIMIT; i++)
		take_mail(db, result, i, &person->mail[person->mail_count++]);
	PQclear(result);
	return CLI_GO;
}

/* The place of an id in a bytea of ids (codec.h), as libpq writes it; STR_NONE: it is not
 * there. */
static size_t place_of(const PGresult *result, int row, int column, uint64_t id)
{
	size_t size = 0, place = STR_NONE;
	unsigned char *bytes =
		PQunescapeBytea((const unsigned char *)PQgetvalue(result, row, column), &size);
	str in = str_make((const char *)bytes, bytes ? size : 0);
	uint64_t at = 0, step;
	while (at < id && in.size > 0 && varint_get(&in, &step)) {
		at += step;
		place++;
	}
	PQfreemem(bytes);
	return at == id ? place : STR_NONE;
}

static unsigned byte_at(const PGresult *result, int row, int column, size_t index)
{
	size_t size = 0;
	unsigned char *bytes =
		PQunescapeBytea((const unsigned char *)PQgetvalue(result, row, column), &size);
	unsigned byte = bytes && index < size ? bytes[index] : 0;
	PQfreemem(bytes);
	return byte;
}

struct slices_of_mail {
	struct buf array; /* those that hold the person, as PostgreSQL's array */
	size_t count;
};

static struct why_mail *mail_of(struct why_person *person, str campaign_id)
{
	for (size_t i = 0; i < person->mail_count; i++)
		if (str_eq(person->mail[i].id, campaign_id))
			return &person->mail[i];
	return NULL;
}

/* They come newest first: what an older one says, a newer one has taken over. */
static void take_slice(struct db *db, const PGresult *result, int row, struct why_mail *mail)
{
	static const char *const states[] = {"open", "leased",   NULL,
					     NULL,   "orphaned", "waiting"};
	uint64_t state = db_u64(result, row, 3);
	mail->in_slice = true;
	if (state >= 6 || !states[state] || mail->slice_state.size > 0)
		return;
	mail->slice_state = str_of(states[state]);
	mail->slice_due_wall = db_i64(result, row, 4);
	mail->slice_engine = keep(db, result, row, 5);
	mail->engine_works = is_true(result, row, 6);
}

static const char *array_of_mail(struct db *db, const struct why_mail *mail, size_t count)
{
	struct buf ids;
	buf_init_arena(&ids, db->cli->arena, 128);
	for (size_t i = 0; i < count; i++)
		buf_printf(&ids, "%s%.*s", i ? "," : "{", STR_FORMAT(mail[i].id));
	buf_put_cstr(&ids, count ? "}" : "{}");
	return arena_copy(db->cli->arena, buf_str(&ids)).data;
}

/* of is that of the person's first campaign. settled: retries that are over. */
static int read_slices(struct db *db, struct why_person *person, const char *campaigns,
		       bool settled, struct slices_of_mail *of)
{
	uint64_t id = 0;
	const char *parameters[] = {campaigns, person->id.data, settled ? "true" : "false"};
	PGresult *result = db_query(db, "api_why_slices", 3, parameters);
	if (!result)
		return db_code(db);
	if (!str_to_u64(person->id, &id))
		id = 0;
	for (int i = 0; i < PQntuples(result); i++) {
		struct why_mail *mail = mail_of(person, db_cell(result, i, 0));
		if (!mail)
			continue;
		struct slices_of_mail *mine = &of[mail - person->mail];
		size_t left_out = place_of(result, i, 8, id);
		if (left_out != STR_NONE) {
			mail->left_out = true;
			mail->held_out = byte_at(result, i, 9, left_out) == REASON_HELD_OUT;
		}
		if (place_of(result, i, 7, id) == STR_NONE)
			continue;
		take_slice(db, result, i, mail);
		buf_printf(&mine->array, "%s%s", mine->count++ ? "," : "",
			   PQgetvalue(result, i, 1));
	}
	PQclear(result);
	return CLI_GO;
}

static void take_delivery(struct db *db, const PGresult *result, struct why_mail *mail)
{
	mail->verdict = keep(db, result, 0, 0);
	mail->final = is_true(result, 0, 1);
	mail->class = keep(db, result, 0, 2);
	mail->attempts = db_u64(result, 0, 3);
	mail->code = keep(db, result, 0, 4);
	mail->status = keep(db, result, 0, 5);
	mail->text = keep(db, result, 0, 6);
	mail->mx_host = keep(db, result, 0, 7);
	mail->source = keep(db, result, 0, 8);
	mail->at_wall = db_i64(result, 0, 9);
}

static int read_delivery(struct db *db, const struct why_person *person, struct why_mail *mail,
			 const struct slices_of_mail *of)
{
	struct buf slices;
	if (of->count == 0)
		return CLI_GO;
	buf_init_arena(&slices, db->cli->arena, of->array.size + 2);
	buf_printf(&slices, "{%.*s}", STR_FORMAT(buf_str(&of->array)));
	const char *parameters[] = {mail->id.data,
				    arena_copy(db->cli->arena, buf_str(&slices)).data,
				    person->id.data};
	PGresult *result = db_query(db, "api_why_deliveries", 3, parameters);
	if (!result)
		return db_code(db);
	if (PQntuples(result) > 0)
		take_delivery(db, result, mail);
	PQclear(result);
	return CLI_GO;
}

/* Who was deferred and no longer waits has ended in a retry: only then are those looked
 * through, for there may be many. */
static int read_endings(struct db *db, struct why_person *person, struct slices_of_mail *of)
{
	int code = CLI_GO;
	for (size_t i = 0; code == CLI_GO && i < person->mail_count; i++) {
		struct why_mail *mail = &person->mail[i];
		code = read_delivery(db, person, mail, &of[i]);
		if (code != CLI_GO || mail->final || mail->deferred || !mail->verdict.size)
			continue;
		code = read_slices(db, person, array_of_mail(db, mail, 1), true, of);
		if (code == CLI_GO)
			code = read_delivery(db, person, mail, &of[i]);
	}
	return code;
}

/* Campaigns that have nothing to do with the person are not spoken of. */
static void drop_strangers(struct why_person *person)
{
	size_t kept = 0;
	for (size_t i = 0; i < person->mail_count; i++) {
		const struct why_mail *mail = &person->mail[i];
		bool to_come = mail->on_list && !mail->reached &&
			       (str_eq(mail->state, STR("running")) ||
				str_eq(mail->state, STR("paused")));
		if (mail->in_slice || mail->left_out || mail->verdict.size > 0 || to_come)
			person->mail[kept++] = *mail;
	}
	person->mail_count = kept;
}

int why_read_person(struct db *db, str key, struct why_person *person)
{
	struct slices_of_mail of[WHY_MAIL_LIMIT] = {};
	*person = (struct why_person){.email = key};
	for (size_t i = 0; i < WHY_MAIL_LIMIT; i++)
		buf_init_arena(&of[i].array, db->cli->arena, 64);
	int code = read_identity(db, person);
	if (code == CLI_GO && person->id.data)
		code = read_mail(db, person);
	if (code == CLI_GO && person->id.data)
		code = read_slices(db, person,
				   array_of_mail(db, person->mail, person->mail_count), false,
				   of);
	if (code == CLI_GO)
		code = read_endings(db, person, of);
	drop_strangers(person);
	str domain = str_from(key, str_rfind_byte(key, '@') + 1); /* ends where the key does */
	return code == CLI_GO ? why_read_place(db, domain.data, &person->place) : code;
}

/* ---- a campaign ---- */

static int read_campaign_waits(struct db *db, const struct campaign_row *campaign,
			       struct why_campaign *why)
{
	PGresult *result = db_query(db, "api_why_providers", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result); i++)
		take_wait(db, result, i, 1, &why->waits);
	PQclear(result);
	return CLI_GO;
}

int why_read_campaign(struct db *db, const struct campaign_row *campaign,
		      struct why_campaign *why)
{
	PGresult *result = db_query(db, "api_why_campaign", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	*why = (struct why_campaign){
		.id = campaign->id_text,
		.name = campaign->name,
		.state = keep(db, result, 0, 0),
		.fully_cut = is_true(result, 0, 1),
		.due = db_u64(result, 0, 2),
		.later = db_u64(result, 0, 3),
		.next_slice_wall = db_i64(result, 0, 4),
		.leased = db_u64(result, 0, 5),
		.leased_by = keep(db, result, 0, 6),
		.orphaned = db_u64(result, 0, 7),
		.engine_count = db_u64(result, 0, 8),
		.launched_wall = db_i64(result, 0, 9),
		.finished_wall = db_i64(result, 0, 10),
		.reason = keep(db, result, 0, 11),
		.opens_wall = db_i64(result, 0, 12),
		.for_winner = db_u64(result, 0, 13),
	};
	PQclear(result);
	int code = read_campaign_waits(db, campaign, why);
	return code == CLI_GO ? path_rows_read(db, db->cli->arena, "api_paths_busy",
					       PATHS_OF_CAMPAIGN, &why->paths)
			      : code;
}
