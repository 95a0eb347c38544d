/* report_json.c - the report for programs; the names are those of the text. */
#include "engine/api/report.h"
#include "engine/api/rows.h"

static void put_text(struct buf *out, const char *name, str value)
{
	buf_printf(out, "\"%s\":", name);
	if (value.data)
		json_put_string(out, value);
	else
		buf_put_cstr(out, "null");
	buf_put_byte(out, ',');
}

/* Seconds since 1970, as every language reads them. */
static void put_time(struct buf *out, const char *name, usec wall)
{
	if (wall == 0)
		buf_printf(out, "\"%s\":null,", name);
	else
		buf_printf(out, "\"%s\":%.6f,", name, (double)wall / 1e6);
}

static void put_count(struct buf *out, const char *name, uint64_t count)
{
	buf_printf(out, "\"%s\":%llu,", name, (unsigned long long)count);
}

/* Takes the comma behind the last member away. */
static void put_close(struct buf *out, const char *closing)
{
	if (out->size > 0 && out->data[out->size - 1] == ',')
		out->size--;
	buf_put_cstr(out, closing);
}

static void put_counts(struct buf *out, const char *name, const struct report_groups *groups)
{
	buf_printf(out, "\"%s\":{", name);
	for (size_t i = 0; i < groups->count; i++) {
		json_put_string(out, groups->items[i].name);
		buf_printf(out, ":%llu,", (unsigned long long)groups->items[i].count);
	}
	put_close(out, "},");
}

static void put_providers(struct buf *out, const struct report_groups *groups)
{
	buf_put_cstr(out, "\"providers\":[");
	for (size_t i = 0; i < groups->count; i++) {
		const struct report_group *g = &groups->items[i];
		buf_put_byte(out, '{');
		put_text(out, "provider", g->name);
		put_count(out, "attempted", g->count);
		put_count(out, "delivered", g->delivered);
		put_count(out, "deferrals", g->deferrals);
		put_count(out, "failed", g->failed);
		put_count(out, "in_doubt", g->in_doubt);
		put_close(out, "},");
	}
	put_close(out, "],");
}

static void put_examples(struct buf *out, const struct report *r)
{
	buf_put_cstr(out, "\"reasons\":[");
	for (size_t i = 0; i < r->example_count; i++) {
		const struct report_example *e = &r->examples[i];
		buf_put_byte(out, '{');
		put_text(out, "verdict", e->verdict);
		put_text(out, "class", e->class);
		put_count(out, "count", e->count);
		put_text(out, "code", e->code);
		put_text(out, "status", e->status);
		put_text(out, "text", e->text);
		put_text(out, "mx_host", e->mx_host);
		put_close(out, "},");
	}
	put_close(out, "],");
}

static void put_funnel(struct buf *out, const struct report *r)
{
	put_count(out, "targeted", r->targeted);
	put_count(out, "attempted", r->attempted);
	put_count(out, "delivered", r->delivered_first + r->delivered_later);
	put_count(out, "delivered_first_try", r->delivered_first);
	put_count(out, "delivered_later", r->delivered_later);
	put_count(out, "failed", r->failed);
	put_count(out, "in_doubt", r->in_doubt);
	put_count(out, "suppressed", r->suppressed);
	put_count(out, "cancelled", r->cancelled);
	put_count(out, "held_out", r->held_out);
	put_count(out, "deferred_now", r->deferred_now);
	put_count(out, "deferrals", r->deferrals);
	put_count(out, "open", report_open(r));
	buf_printf(out, "\"holds\":%s,", report_holds(r) ? "true" : "false");
	put_counts(out, "failed_by_class", &r->failed_classes);
	put_counts(out, "suppressed_by_reason", &r->suppressed_reasons);
}

void report_put_json(const struct report *r, struct buf *out)
{
	buf_put_byte(out, '{');
	put_text(out, "campaign", r->name);
	put_text(out, "state", r->state);
	put_text(out, "reason", r->reason);
	put_text(out, "subject", r->subject);
	put_text(out, "lists", r->lists);
	put_text(out, "exclude", r->excluded);
	put_text(out, "filter", r->filter);
	buf_printf(out, "\"fully_cut\":%s,", r->fully_cut ? "true" : "false");
	put_time(out, "created_at", r->created_wall);
	put_time(out, "launched_at", r->launched_wall);
	put_time(out, "first_at", r->first_wall);
	put_time(out, "last_at", r->last_wall);
	put_time(out, "finished_at", r->finished_wall);
	put_time(out, "next_due_at", r->next_due_wall);
	buf_printf(out, "\"rate\":%.3f,", report_rate(r));
	put_funnel(out, r);
	report_put_variants_json(r, out);
	put_providers(out, &r->providers);
	report_put_forecasts_json(r, out);
	put_examples(out, r);
	put_close(out, "}\n");
}
