/* report.c - reading and adding up; report_text.c and report_json.c show it. */
#include "engine/api/report.h"

#include <stdlib.h>

static str keep(struct arena *arena, const PGresult *result, int row, int column)
{
	str cell = db_cell(result, row, column);
	return cell.data ? arena_copy(arena, cell) : cell;
}

static int read_head(struct db *db, const struct campaign_row *campaign, struct report *r)
{
	struct arena *arena = db->cli->arena;
	PGresult *result = db_query(db, "api_report_head", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	str *const texts[] = {&r->name,     &r->state, NULL,         &r->subject,
			      &r->revision, &r->lists, &r->excluded, &r->filter};
	usec *const times[] = {&r->created_wall, &r->launched_wall, &r->first_wall,
			       &r->last_wall, &r->finished_wall};
	for (int i = 0; i < 8; i++) {
		if (texts[i])
			*texts[i] = keep(arena, result, 0, i);
	}
	for (int i = 0; i < 5; i++)
		*times[i] = db_i64(result, 0, 8 + i);
	r->fully_cut = str_eq(db_cell(result, 0, 2), STR("t"));
	r->targeted = db_u64(result, 0, 13);
	r->deferred_now = db_u64(result, 0, 14);
	r->next_due_wall = db_i64(result, 0, 15);
	r->reason = keep(arena, result, 0, 16);
	r->for_winner = db_u64(result, 0, 17);
	PQclear(result);
	return CLI_GO;
}

/* The group of that name; the last one takes all for which there is no more room. */
static struct report_group *group_of(struct report_groups *groups, str name)
{
	if (name.size == 0)
		name = STR("other");
	for (size_t i = 0; i < groups->count; i++) {
		if (str_eq(groups->items[i].name, name))
			return &groups->items[i];
	}
	if (groups->count == REPORT_GROUP_LIMIT)
		return &groups->items[REPORT_GROUP_LIMIT - 1];
	if (groups->count == REPORT_GROUP_LIMIT - 1)
		name = STR("other");
	struct report_group *group = &groups->items[groups->count++];
	*group = (struct report_group){.name = name};
	return group;
}

struct tally {
	str verdict, class, provider;
	uint64_t tries, count;
	bool final;
};

static void add_tally(struct report *r, const struct tally *t)
{
	struct report_group *provider =
		t->tries > 0 ? group_of(&r->providers, t->provider) : NULL;
	struct report_group none, *p = provider ? provider : &none;
	if (t->tries == 1) {
		r->attempted += t->count;
		p->count += t->count;
	}
	if (str_eq(t->verdict, STR("delivered"))) {
		*(t->tries == 1 ? &r->delivered_first : &r->delivered_later) += t->count;
		p->delivered += t->count;
	} else if (str_eq(t->verdict, STR("deferred"))) {
		r->deferrals += t->count;
		p->deferrals += t->count;
	} else if (str_eq(t->verdict, STR("failed"))) {
		r->failed += t->count;
		p->failed += t->count;
		group_of(&r->failed_classes, t->class)->count += t->count;
	} else if (str_eq(t->verdict, STR("in-doubt"))) {
		/* One that is tried again is not an ending: it stands among the deferred. */
		r->in_doubt += t->final ? t->count : 0;
		p->in_doubt += t->count;
	} else if (str_eq(t->class, STR("held-out"))) {
		r->held_out += t->count;
	} else if (str_eq(t->verdict, STR("suppressed"))) {
		r->suppressed += t->count;
		group_of(&r->suppressed_reasons, t->class)->count += t->count;
	} else if (str_eq(t->verdict, STR("cancelled"))) {
		r->cancelled += t->count;
	}
}

static int read_tallies(struct db *db, const struct campaign_row *campaign, struct report *r)
{
	struct arena *arena = db->cli->arena;
	PGresult *result = db_query(db, "api_report_tallies", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result); i++) {
		struct tally t = {
			.verdict = db_cell(result, i, 0),
			.class = keep(arena, result, i, 1),
			.tries = db_u64(result, i, 2),
			.final = str_eq(db_cell(result, i, 3), STR("t")),
			.provider = keep(arena, result, i, 4),
			.count = db_u64(result, i, 5),
		};
		add_tally(r, &t);
	}
	PQclear(result);
	return CLI_GO;
}

static int read_examples(struct db *db, const struct campaign_row *campaign, struct report *r)
{
	struct arena *arena = db->cli->arena;
	PGresult *result = db_query(db, "api_report_examples", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result) && r->example_count < 10; i++) {
		r->examples[r->example_count++] = (struct report_example){
			.verdict = keep(arena, result, i, 0),
			.class = keep(arena, result, i, 1),
			.count = db_u64(result, i, 2),
			.code = keep(arena, result, i, 3),
			.status = keep(arena, result, i, 4),
			.text = keep(arena, result, i, 5),
			.mx_host = keep(arena, result, i, 6),
		};
	}
	PQclear(result);
	return CLI_GO;
}

static int by_count(const void *a, const void *b)
{
	const struct report_group *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return str_compare(x->name, y->name);
}

static void sort(struct report_groups *groups)
{
	qsort(groups->items, groups->count, sizeof(groups->items[0]), by_count);
}

/* One snapshot for all statements, or the sums of a running campaign could not add up. */
int report_read(struct db *db, const struct campaign_row *campaign, struct report *r)
{
	*r = (struct report){.id = campaign->id_text};
	int code = db_do(db, "begin isolation level repeatable read read only");
	if (code == CLI_GO)
		code = read_head(db, campaign, r);
	if (code == CLI_GO)
		code = read_tallies(db, campaign, r);
	if (code == CLI_GO)
		code = read_examples(db, campaign, r);
	if (code == CLI_GO)
		code = report_read_forecasts(db, campaign, r);
	if (code == CLI_GO)
		code = report_read_variants(db, campaign, r);
	if (code == CLI_GO)
		code = db_do(db, "commit");
	sort(&r->providers);
	sort(&r->failed_classes);
	sort(&r->suppressed_reasons);
	return code;
}

uint64_t report_ended(const struct report *r)
{
	return r->delivered_first + r->delivered_later + r->failed + r->in_doubt +
	       r->suppressed + r->cancelled + r->held_out;
}

uint64_t report_open(const struct report *r)
{
	uint64_t ended = report_ended(r);
	return r->targeted > ended ? r->targeted - ended : 0;
}

bool report_holds(const struct report *r)
{
	uint64_t ended = report_ended(r);
	return str_eq(r->state, STR("finished")) ? ended == r->targeted
						 : ended + r->deferred_now <= r->targeted;
}

double report_rate(const struct report *r)
{
	usec length = r->last_wall - r->first_wall;
	return length > 0 ? (double)r->attempted * 1e6 / (double)length : 0;
}
