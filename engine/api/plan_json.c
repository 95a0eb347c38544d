/* plan_json.c - a plan for programs. Times are seconds from the start, null when over a year.
 */
#include "engine/api/plan.h"
#include "engine/api/rows.h"

static void put_seconds(struct buf *out, const char *name, usec at)
{
	if (at == USEC_NEVER)
		buf_printf(out, ",\"%s\":null", name);
	else
		buf_printf(out, ",\"%s\":%.3f", name, (double)at / 1e6);
}

static void put_limit(const struct plan *p, size_t flow, const struct config *config,
		      const struct rules *rules, struct buf *out)
{
	char memory[300];
	struct buf text;
	const struct forecast_flow *f = &p->forecast.flows[flow];
	buf_init_fixed(&text, memory, sizeof(memory));
	plan_put_hold(p, flow, &text);
	buf_put_cstr(out, ",\"held_back_by\":");
	json_put_string(out, buf_str(&text));
	buf_init_fixed(&text, memory, sizeof(memory));
	plan_put_where(p, flow, config, rules, &text);
	buf_put_cstr(out, ",\"set_at\":");
	if (text.size > 0)
		json_put_string(out, buf_str(&text));
	else
		buf_put_cstr(out, "null");
	put_seconds(out, "held_since", f->hold_since);
}

static void put_row(const struct plan *p, const struct plan_row *row,
		    const struct config *config, const struct rules *rules, struct buf *out)
{
	buf_put_cstr(out, "{\"provider\":");
	json_put_string(out, row->provider.size ? row->provider : STR("other"));
	buf_printf(out, ",\"recipients\":%llu,\"domains\":%llu,\"per_hour\":%.1f",
		   (unsigned long long)row->recipients, (unsigned long long)row->domains,
		   row->per_hour);
	put_seconds(out, "end_after", row->end_at);
	put_seconds(out, "retries_until", row->tail_at);
	put_limit(p, row->last_flow, config, rules, out);
	buf_put_byte(out, '}');
}

void plan_put_json(const struct plan *p, const struct config *config, const struct rules *rules,
		   struct buf *out)
{
	buf_put_cstr(out, "{\"campaign\":");
	json_put_string(out, p->name);
	buf_printf(out,
		   ",\"start_at\":%.3f,\"recipients\":%llu,\"domains\":%zu,"
		   "\"without_mail_host\":%llu,\"sampled\":%.4f,\"domains_asked\":%zu,"
		   "\"domains_answered\":%zu,\"waits_for_winner\":%.4f,\"held_out\":%.4f",
		   (double)p->start_wall / 1e6, (unsigned long long)p->recipients,
		   p->domain_count, (unsigned long long)p->dead, p->sampled, p->asked_count,
		   p->answered_count, p->rest, p->hold_out);
	put_seconds(out, "end_after", p->forecast.end_at);
	put_seconds(out, "retries_until", p->forecast.tail_at);
	put_seconds(out, "end_after_with_twice_the_limit", p->faster_end_at);
	buf_put_cstr(out, ",\"providers\":[");
	for (size_t i = 0; i < p->row_count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		put_row(p, &p->rows[i], config, rules, out);
	}
	buf_put_cstr(out, "]}\n");
}
