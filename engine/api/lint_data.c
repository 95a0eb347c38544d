/* lint_data.c - what the real lists say of the attributes that a letter reads. The counts are
 * kept up to date (sql/0017_attribute_counts.sql); they hold for an audience of one list. Of
 * any other, a small one is counted itself, and of a large one they are about right. */
#include "engine/api/campaign_lint.h"

#include <stdio.h>

#include "engine/api/rows.h"
#include "engine/api/suggest.h"
#include "engine/api/units.h"

#define EXACT_LIMIT 100000 /* recipients counted one by one: about a second */
#define NAMES_LIMIT 500

static const char *fields_json(struct arena *arena, const struct campaign_lint *r)
{
	struct buf b;
	buf_init_arena(&b, arena, 256);
	buf_put_byte(&b, '[');
	for (size_t i = 0; i < r->field_count; i++) {
		buf_put_cstr(&b, i ? "," : "");
		json_put_string(&b, r->fields[i].name);
	}
	buf_put_byte(&b, ']');
	return arena_copy(arena, buf_str(&b)).data;
}

static bool is_whole_list(const struct campaign_lint *r)
{
	return !r->filter.data && str_eq(r->exclude, STR("[]")) &&
	       str_find_byte(r->lists, ',') == STR_NONE;
}

/* Rows of name, count and how many of these are suppressed (NULL: not known). */
static void take_counts(struct campaign_lint *r, const PGresult *result)
{
	r->about = false;
	for (int i = 0; i < PQntuples(result); i++) {
		str name = db_cell(result, i, 0);
		int64_t count = db_i64(result, i, 1), dead = db_i64(result, i, 2);
		bool known = db_cell(result, i, 1).data;
		r->about |= !db_cell(result, i, 2).data;
		uint64_t left = count > dead ? (uint64_t)(count - dead) : 0;
		if (name.size == 0)
			r->recipients = left;
		for (size_t k = 0; k < r->field_count; k++)
			if (str_eq(r->fields[k].name, name))
				r->field_counts[k] = known ? left : UINT64_MAX;
	}
}

static int read_counts(struct db *db, struct campaign_lint *r, const char *fields)
{
	const char *parameters[] = {r->lists.data, fields};
	PGresult *result = db_query(db, "api_lint_counts", 2, parameters);
	if (!result)
		return db_code(db);
	take_counts(r, result);
	PQclear(result);
	return CLI_GO;
}

static int count_exactly(struct db *db, struct campaign_lint *r, const char *fields)
{
	const char *parameters[] = {r->lists.data, fields, r->exclude.data, r->filter.data};
	PGresult *result = db_query(db, "api_lint_exact", 4, parameters);
	if (!result)
		return db_code(db);
	take_counts(r, result);
	PQclear(result);
	return CLI_GO;
}

static int do_query(struct db *db, const char *name, size_t count, const char *const *parameters)
{
	PGresult *result = db_query(db, name, count, parameters);
	int code = result ? CLI_GO : db_code(db);
	PQclear(result);
	return code;
}

/* Counts lists again; sums up what changed since they were counted, where that has become much. */
static int recount(struct db *db, const struct campaign_lint *r, bool all)
{
	const char *parameters[] = {r->lists.data, all ? "true" : "false"};
	PGresult *lists = db_query(db, "api_lint_doubtful", 2, parameters);
	if (!lists)
		return db_code(db);
	int code = CLI_GO;
	for (int i = 0; code == CLI_GO && i < PQntuples(lists); i++) {
		const char *id = PQgetvalue(lists, i, 0);
		code = PQgetisnull(lists, i, 0) ? do_query(db, "api_lint_fold", 0, NULL)
						: do_query(db, "api_lint_recount", 1, &id);
	}
	PQclear(lists);
	return code;
}

int campaign_lint_recount(struct db *db, const struct campaign_lint *r)
{
	return recount(db, r, true);
}

/* ---- findings ---- */

struct known {
	const char *names[NAMES_LIMIT];
	size_t count;
};

static int read_known(struct db *db, const struct campaign_lint *r, struct known *known)
{
	PGresult *result = db_query(db, "api_lint_names", 1, &r->lists.data);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result) && known->count < NAMES_LIMIT; i++) {
		str name = arena_copy(db->cli->arena, db_cell(result, i, 0));
		if (name.data)
			known->names[known->count++] = name.data;
	}
	PQclear(result);
	return CLI_GO;
}

static const char *number(struct arena *arena, uint64_t count)
{
	char *text = arena_bytes(arena, 40);
	struct buf b;
	if (!text)
		return "";
	buf_init_fixed(&b, text, 39);
	count_format(&b, count);
	text[b.size] = '\0';
	return text;
}

static const char *printable(struct arena *arena, str text)
{
	char *memory = arena_bytes(arena, 400);
	struct buf b;
	if (!memory)
		return "";
	buf_init_fixed(&b, memory, 399);
	text_put_printable(&b, text, 80);
	memory[buf_ok(&b) ? b.size : 0] = '\0';
	return memory;
}

/* A field with a default that nobody has may be meant for the future, unless a name beside it
 * says that it was misspelt. */
static void say_unknown(struct db *db, struct campaign_lint *r, const struct lint_field *field,
			const struct known *known)
{
	struct arena *arena = db->cli->arena;
	const char *near = suggest(field->name, known->names, known->count);
	if (near && str_eq(field->name, str_of(near)))
		near = NULL; /* of those alone who are not written to */
	enum lint_severity severity = field->bare || near ? LINT_ERROR : LINT_WARNING;
	lint_say_as(&r->lint, LINT_UNKNOWN_FIELD, severity, field->place,
		    "none of the %s%s recipients has %s%s%s%s", r->about ? "about " : "",
		    number(arena, r->recipients), printable(arena, field->name),
		    near ? ", did you mean '" : "", near ? printable(arena, str_of(near)) : "",
		    near ? "'?" : "");
}

static void say_missing(struct db *db, struct campaign_lint *r, const struct lint_field *field,
			uint64_t missing)
{
	struct arena *arena = db->cli->arena;
	lint_say(&r->lint, LINT_EMPTY_FIELD, field->place, "%s%s of %s recipients %s no %s",
		 r->about ? "about " : "", number(arena, missing), number(arena, r->recipients),
		 missing == 1 ? "has" : "have", printable(arena, field->name));
}

static bool is_unknown(const struct campaign_lint *r, size_t field)
{
	return r->field_counts[field] == 0 && !r->fields[field].unseen;
}

static bool has_unknown(const struct campaign_lint *r)
{
	for (size_t i = 0; i < r->field_count; i++)
		if (is_unknown(r, i))
			return true;
	return false;
}

static void say_all(struct db *db, struct campaign_lint *r, const struct known *known)
{
	if (r->recipients == 0) {
		lint_say(&r->lint, LINT_NO_RECIPIENTS,
			 (struct lint_place){r->source.conf_file, 0, 0},
			 "nobody is on its lists");
		return;
	}
	for (size_t i = 0; i < r->field_count; i++) {
		uint64_t have = r->field_counts[i];
		if (is_unknown(r, i))
			say_unknown(db, r, &r->fields[i], known);
		else if (have < r->recipients && r->fields[i].bare)
			say_missing(db, r, &r->fields[i], r->recipients - have);
	}
}

int campaign_lint_data(struct db *db, struct campaign_lint *r)
{
	struct known *known = ARENA_NEW(db->cli->arena, struct known);
	const char *fields = fields_json(db->cli->arena, r);
	r->field_counts = ARENA_ARRAY(db->cli->arena, uint64_t, r->field_count + 1);
	if (!known || !fields || !r->field_counts)
		return cli_fail(db->cli, EXIT_FAILED, "out of memory");
	int code = recount(db, r, false);
	if (code == CLI_GO)
		code = read_counts(db, r, fields);
	if (code == CLI_GO && !is_whole_list(r) && r->recipients <= EXACT_LIMIT)
		code = count_exactly(db, r, fields);
	else if (!is_whole_list(r))
		r->about = true;
	if (code == CLI_GO && has_unknown(r))
		code = read_known(db, r, known);
	if (code != CLI_GO)
		return code;
	r->counted = true;
	say_all(db, r, known);
	return CLI_GO;
}
