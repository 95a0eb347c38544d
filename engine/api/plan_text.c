/* plan_text.c - a plan as people read it, about 110 columns. */
#include <time.h>

#include "engine/api/plan.h"
#include "engine/api/rows.h"
#include "engine/api/units.h"

static void put_time(struct buf *out, usec wall)
{
	char text[40];
	time_t seconds = (time_t)(wall / USEC_SECOND);
	struct tm parts;
	size_t n = gmtime_r(&seconds, &parts)
			   ? strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts)
			   : 0;
	buf_put(out, str_make(text, n));
}

/* To about a hundredth: nobody knows the seconds of a day to come. */
static void put_after(struct buf *out, usec after)
{
	usec grain = USEC_SECOND;
	if (after == USEC_NEVER) {
		buf_put_cstr(out, "over a year");
		return;
	}
	if (after < 10 * USEC_SECOND)
		grain = 100 * USEC_MS;
	else if (after > 10 * USEC_HOUR)
		grain = 5 * USEC_MINUTE;
	else if (after > 2 * USEC_HOUR)
		grain = USEC_MINUTE;
	duration_format(out, (after + grain / 2) / grain * grain);
}

static void put_column(struct buf *out, usec after, size_t width)
{
	size_t start = out->size;
	put_after(out, after);
	while (out->size - start < width && buf_ok(out))
		buf_put_byte(out, ' ');
}

static void put_head(const struct plan *p, struct buf *out)
{
	buf_put_cstr(out, "Campaign    ");
	text_put_printable(out, p->name, 200);
	buf_put_cstr(out, "\nRecipients  ");
	count_put_right(out, p->recipients, 0);
	buf_put_cstr(out, " at ");
	count_put_right(out, p->domain_count, 0);
	buf_put_cstr(out, p->domain_count == 1 ? " domain" : " domains");
	if (p->sampled < 1)
		buf_printf(out, ", estimated from %.1f %% of them", 100 * p->sampled);
	if (p->rest > 0)
		buf_printf(
			out,
			"; not with them the %.2f %% who wait for the winner of its variants",
			100 * p->rest);
	if (p->hold_out > 0)
		buf_printf(out, "%s %.2f %% who are held out",
			   p->rest > 0 ? ", and" : "; without the", 100 * p->hold_out);
	if (p->dead > 0) {
		buf_put_cstr(out, "; ");
		count_put_right(out, p->dead, 0);
		buf_put_cstr(out, " of them where DNS knows of no mail");
	}
	buf_put_cstr(out, p->has_begun ? "\nLaunched    " : "\nStart       ");
	put_time(out, p->start_wall);
	buf_put_cstr(out, " UTC\n");
	if (p->answered_count < p->asked_count) {
		buf_put_cstr(out, "DNS         no answer in time for ");
		count_put_right(out, p->asked_count - p->answered_count, 0);
		buf_put_cstr(out, " domains: taken as small sites of their own\n");
	}
}

static void put_hold(const struct plan *p, size_t flow, const struct config *config,
		     const struct rules *rules, struct buf *out)
{
	plan_put_hold(p, flow, out);
	size_t start = out->size;
	buf_put_cstr(out, " (");
	size_t inside = out->size;
	plan_put_where(p, flow, config, rules, out);
	if (out->size == inside)
		out->size = start;
	else
		buf_put_byte(out, ')');
}

static void put_row(const struct plan *p, const struct plan_row *row,
		    const struct config *config, const struct rules *rules, struct buf *out)
{
	size_t start = out->size;
	uint64_t attempted = p->recipients - p->dead;
	text_put_printable(out, row->provider.size ? row->provider : STR("other"), 15);
	while (out->size - start < 16 && buf_ok(out))
		buf_put_byte(out, ' ');
	count_put_right(out, row->recipients, 12);
	buf_printf(out, " %6.2f %%  ",
		   attempted ? 100.0 * (double)row->recipients / (double)attempted : 0.0);
	put_column(out, row->end_at, 12);
	count_put_right(out, (uint64_t)(row->per_hour + 0.5), 12);
	buf_put_cstr(out, "  ");
	put_hold(p, row->last_flow, config, rules, out);
	buf_put_byte(out, '\n');
}

static void put_name(const struct plan *p, size_t flow, struct buf *out)
{
	const struct plan_flow *f = &p->flows[flow];
	if (f->provider.size)
		text_put_printable(out, f->provider, 40);
	else if (f->site.size)
		text_put_printable(out, f->site, 60);
	else
		buf_put_cstr(out, "small sites");
}

static size_t count_late(const struct plan *p)
{
	size_t count = 0;
	for (size_t i = 0; i < p->row_count; i++)
		count += (double)p->rows[i].end_at >= PLAN_LATE * (double)p->forecast.end_at;
	return count;
}

static void put_end(const struct plan *p, struct buf *out)
{
	const struct forecast *f = &p->forecast;
	buf_put_cstr(out, "\nThe last first attempt is made after ");
	put_after(out, f->end_at);
	if (f->end_at != USEC_NEVER) {
		buf_put_cstr(out, ", at ");
		put_time(out, p->start_wall + f->end_at);
		buf_put_cstr(out, " UTC");
	}
	buf_put_cstr(out, ", to ");
	put_name(p, f->last_flow, out);
	buf_put_cstr(out, ".\n");
	if (f->tail_at > f->end_at && f->tail_at != USEC_NEVER) {
		buf_put_cstr(out, "Retries go on until about ");
		put_after(out, f->tail_at);
		buf_put_cstr(out, ", if as many are deferred as in the last 90 days.\n");
	}
	if ((double)p->faster_end_at > 0.99 * (double)f->end_at)
		return;
	buf_put_cstr(out, "Faster: with twice the ");
	plan_put_hold(p, f->last_flow, out);
	buf_put_cstr(out, " of ");
	put_name(p, f->last_flow, out);
	if (count_late(p) > 1)
		buf_put_cstr(out, ", and of what holds back the others that end as late,");
	buf_put_cstr(out, " it would be after ");
	put_after(out, p->faster_end_at);
	buf_put_cstr(out, ".\n");
}

static void put_assumed(const struct plan *p, struct buf *out)
{
	const struct forecast_assumption *a = &p->forecast.assumption;
	buf_printf(out,
		   "Assumed: round trips of %lld ms, %lld ms of a server's time a message, one "
		   "engine that makes %u messages a second.\n",
		   (long long)(a->round_trip / USEC_MS), (long long)(a->reply / USEC_MS),
		   p->forecast.engine_rate);
}

void plan_put_text(const struct plan *p, const struct config *config, const struct rules *rules,
		   struct buf *out)
{
	put_head(p, out);
	if (p->row_count == 0) {
		buf_put_cstr(out, "Nobody would get it.\n");
		return;
	}
	buf_printf(out, "\n%-16s%12s%9s  %-12s%12s  %s\n", "Provider", "recipients", "share",
		   "first tries", "an hour", "held back by");
	for (size_t i = 0; i < p->row_count; i++)
		put_row(p, &p->rows[i], config, rules, out);
	put_end(p, out);
	put_assumed(p, out);
}
