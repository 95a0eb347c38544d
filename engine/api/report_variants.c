/* report_variants.c - what came of each form of a letter (A/B), of the rest that got the
 * winner, and how many were held out; and whether a difference is more than chance makes. */
#include <math.h>

#include "engine/api/report.h"
#include "engine/api/rows.h"
#include "engine/api/units.h"

#define NAME_COLUMN 22
#define LEAST_COMPARED 30 /* recipients: of fewer nothing follows */

/* ---- reading ---- */

static void take(struct db *db, const PGresult *result, int row, struct report_variant *v)
{
	uint64_t *const counts[] = {&v->share,    &v->chosen,     &v->delivered, &v->failed,
				    &v->in_doubt, &v->suppressed, &v->cancelled, &v->deferrals,
				    &v->left,     &v->complaints};
	*v = (struct report_variant){
		.number = (int)db_i64(result, row, 0),
		.name = arena_copy(db->cli->arena, db_cell(result, row, 1))};
	for (int i = 0; i < 10; i++)
		*counts[i] = db_u64(result, row, 2 + i);
}

int report_read_variants(struct db *db, const struct campaign_row *campaign, struct report *r)
{
	PGresult *result = db_query(db, "api_report_variants", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	size_t count = (size_t)PQntuples(result);
	r->variants = ARENA_ARRAY(db->cli->arena, struct report_variant, count + 1);
	for (size_t i = 0; r->variants && i < count; i++)
		take(db, result, (int)i, &r->variants[r->variant_count++]);
	PQclear(result);
	return r->variants ? CLI_GO : cli_fail(db->cli, EXIT_FAILED, "out of memory");
}

/* ---- comparing ---- */

/* x1 of n1 against x0 of n0, in points of a hundred, with an interval that holds the true
 * difference in 95 of 100 cases (Agresti and Caffo 2000: two more of each, one of them a hit).
 */
struct comparison {
	double points, low, high;
};

static bool compare(uint64_t x0, uint64_t n0, uint64_t x1, uint64_t n1, struct comparison *ret)
{
	if (n0 < LEAST_COMPARED || n1 < LEAST_COMPARED || x0 > n0 || x1 > n1)
		return false;
	double a = ((double)x0 + 1) / ((double)n0 + 2), b = ((double)x1 + 1) / ((double)n1 + 2);
	double half =
		1.96 * sqrt(a * (1 - a) / ((double)n0 + 2) + b * (1 - b) / ((double)n1 + 2));
	*ret = (struct comparison){
		.points = 100 * ((double)x1 / (double)n1 - (double)x0 / (double)n0),
		.low = 100 * (b - a - half),
		.high = 100 * (b - a + half)};
	return true;
}

static uint64_t attempted(const struct report_variant *v)
{
	return v->delivered + v->failed + v->in_doubt;
}

static bool compare_delivered(const struct report_variant *a, const struct report_variant *b,
			      struct comparison *ret)
{
	return compare(a->delivered, attempted(a), b->delivered, attempted(b), ret);
}

static bool compare_left(const struct report_variant *a, const struct report_variant *b,
			 struct comparison *ret)
{
	return compare(a->left, a->chosen, b->left, b->chosen, ret);
}

/* ---- for people ---- */

static void put_name(struct buf *out, const struct report_variant *v)
{
	size_t start = out->size;
	if (v->number == 0)
		buf_put_cstr(out, v->name.size ? "the rest: " : "the rest (no winner)");
	if (v->number < 0)
		buf_put_cstr(out, "held out");
	text_put_printable(out, v->name, 40);
	while (out->size - start < NAME_COLUMN && buf_ok(out))
		buf_put_byte(out, ' ');
}

static void put_row(struct buf *out, const struct report_variant *v)
{
	put_name(out, v);
	buf_printf(out, "%7.2f %%", (double)v->share / 100);
	count_put_right(out, v->chosen, 11);
	if (v->number >= 0) {
		count_put_right(out, v->delivered, 11);
		if (attempted(v) > 0)
			buf_printf(out, " %6.2f %%",
				   100.0 * (double)v->delivered / (double)attempted(v));
		else
			buf_put_cstr(out, "         ");
		count_put_right(out, v->failed, 9);
		count_put_right(out, v->in_doubt, 9);
		count_put_right(out, v->deferrals, 10);
	} else {
		buf_printf(out, "%48s", "");
	}
	count_put_right(out, v->left, 8);
	count_put_right(out, v->complaints, 11);
	buf_put_byte(out, '\n');
}

static void put_difference(struct buf *out, const char *what, const struct comparison *c)
{
	buf_printf(out, "%s %+.2f points (%+.2f to %+.2f: %s)", what, c->points, c->low,
		   c->high, c->low > 0 || c->high < 0 ? "more than chance" : "may be chance");
}

static void put_comparison(struct buf *out, const struct report_variant *a,
			   const struct report_variant *b)
{
	struct comparison delivered, left;
	bool has_delivered = compare_delivered(a, b, &delivered);
	bool has_left = compare_left(a, b, &left);
	if (!has_delivered && !has_left)
		return;
	buf_put_cstr(out, "  ");
	text_put_printable(out, b->name, 40);
	buf_put_cstr(out, " against ");
	text_put_printable(out, a->name, 40);
	buf_put_byte(out, ':');
	if (has_delivered)
		put_difference(out, " delivered", &delivered);
	if (has_left)
		put_difference(out, has_delivered ? ", left" : " left", &left);
	buf_put_byte(out, '\n');
}

void report_put_variants_text(const struct report *r, struct buf *out)
{
	if (r->variant_count == 0)
		return;
	buf_printf(out, "\n%-22s %8s %10s %10s %8s %8s %8s %9s %7s %10s\n", "By variant",
		   "share", "recipients", "delivered", "", "failed", "in doubt", "deferrals",
		   "left", "complaints");
	for (size_t i = 0; i < r->variant_count; i++)
		put_row(out, &r->variants[i]);
	for (size_t i = 1; i < r->variant_count && r->variants[i].number > 0; i++)
		put_comparison(out, &r->variants[0], &r->variants[i]);
	if (r->for_winner > 0) {
		buf_put_cstr(out, "  ");
		count_put_right(out, r->for_winner, 0);
		buf_put_cstr(out, " wait: rundbrief campaign winner ");
		text_put_shell_word(out, r->name);
		buf_put_cstr(out, " VARIANT\n");
	}
}

/* ---- for programs ---- */

static void put_interval(struct buf *out, const char *name, bool known,
			 const struct comparison *c)
{
	if (known)
		buf_printf(out, ",\"%s\":{\"points\":%.4f,\"low\":%.4f,\"high\":%.4f}", name,
			   c->points, c->low, c->high);
	else
		buf_printf(out, ",\"%s\":null", name);
}

static void put_json(struct buf *out, const struct report *r, const struct report_variant *v)
{
	const struct {
		const char *name;
		uint64_t count;
	} counts[] = {{"recipients", v->chosen},     {"delivered", v->delivered},
		      {"failed", v->failed},         {"in_doubt", v->in_doubt},
		      {"suppressed", v->suppressed}, {"cancelled", v->cancelled},
		      {"deferrals", v->deferrals},   {"left", v->left},
		      {"complaints", v->complaints}};
	struct comparison delivered, left;
	const struct report_variant *first = &r->variants[0];
	buf_printf(out, "{\"kind\":\"%s\",\"variant\":",
		   v->number > 0    ? "variant"
		   : v->number == 0 ? "rest"
				    : "held-out");
	if (v->name.size)
		json_put_string(out, v->name);
	else
		buf_put_cstr(out, "null");
	buf_printf(out, ",\"share\":%.4f", (double)v->share / 10000);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		buf_printf(out, ",\"%s\":%llu", counts[i].name,
			   (unsigned long long)counts[i].count);
	if (v->number > 1) {
		put_interval(out, "delivered_against_first",
			     compare_delivered(first, v, &delivered), &delivered);
		put_interval(out, "left_against_first", compare_left(first, v, &left), &left);
	}
	buf_put_byte(out, '}');
}

void report_put_variants_json(const struct report *r, struct buf *out)
{
	if (r->variant_count == 0)
		return;
	buf_printf(out, "\"waiting_for_winner\":%llu,\"variants\":[",
		   (unsigned long long)r->for_winner);
	for (size_t i = 0; i < r->variant_count; i++) {
		buf_put_cstr(out, i ? "," : "");
		put_json(out, r, &r->variants[i]);
	}
	buf_put_cstr(out, "],");
}
