/* report_text.c - the report as people read it, about 100 columns. Every number that stands for
 * recipients names the command that lists them. */
#include <time.h>

#include "engine/api/report.h"
#include "engine/api/rows.h"
#include "engine/api/units.h"

#define COUNT_COLUMN 27
#define REPLY_LIMIT 100

static void put_time(struct buf *out, usec wall)
{
	char text[40];
	time_t seconds = (time_t)(wall / USEC_SECOND);
	struct tm parts;
	size_t n = gmtime_r(&seconds, &parts)
			   ? strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts)
			   : 0;
	buf_put(out, str_make(text, n));
}

static void pad_to(struct buf *out, size_t line_start, size_t column)
{
	while (out->size - line_start < column && buf_ok(out))
		buf_put_byte(out, ' ');
}

static void put_share(struct buf *out, uint64_t part, uint64_t whole)
{
	if (whole == 0)
		buf_put_cstr(out, "         ");
	else
		buf_printf(out, " %6.2f %%", 100.0 * (double)part / (double)whole);
}

static void put_head_line(struct buf *out, const char *label, str text)
{
	if (text.size == 0)
		return;
	buf_printf(out, "%-10s ", label);
	text_put_printable(out, text, 400);
	buf_put_byte(out, '\n');
}

/* The first message's delay is told in milliseconds, a campaign's length in seconds. */
static void put_after_launch(struct buf *out, usec after)
{
	usec grain = after < 10 * USEC_SECOND ? USEC_MS : USEC_SECOND;
	duration_format(out, after / grain * grain);
}

static void put_times(const struct report *r, struct buf *out)
{
	const struct {
		const char *label;
		usec wall;
	} times[] = {{"Created", r->created_wall},
		     {"Launched", r->launched_wall},
		     {"First", r->first_wall},
		     {"Last", r->last_wall},
		     {"Finished", r->finished_wall}};
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (times[i].wall == 0)
			continue;
		buf_printf(out, "%-10s ", times[i].label);
		put_time(out, times[i].wall);
		if (i > 1 && r->launched_wall && times[i].wall >= r->launched_wall) {
			buf_put_cstr(out, "  (");
			put_after_launch(out, times[i].wall - r->launched_wall);
			buf_put_cstr(out, " after launch)");
		}
		buf_put_byte(out, '\n');
	}
	if (report_rate(r) > 0)
		buf_printf(out, "%-10s %.1f recipients a second on average\n", "Rate",
			   report_rate(r));
}

static void put_head(const struct report *r, struct buf *out)
{
	put_head_line(out, "Campaign", r->name);
	put_head_line(out, "State", r->state);
	put_head_line(out, "Reason", r->reason);
	put_head_line(out, "Subject", r->subject);
	put_head_line(out, "Lists", r->lists);
	put_head_line(out, "Without", r->excluded);
	put_head_line(out, "Filter", r->filter);
	put_times(r, out);
}

/* filter NULL: nothing lists them. */
static void put_line(const struct report *r, struct buf *out, unsigned indent,
		     const char *label, uint64_t count, const char *filter, str filter_value)
{
	size_t start = out->size;
	buf_printf(out, "%*s%s", (int)(2 * indent), "", label);
	pad_to(out, start, COUNT_COLUMN);
	count_put_right(out, count, 10);
	put_share(out, count, r->targeted);
	if (filter && count > 0) {
		buf_put_cstr(out, "   recipients ");
		text_put_shell_word(out, r->name);
		buf_put_cstr(out, filter);
		if (filter_value.size)
			text_put_shell_word(out, filter_value);
	}
	buf_put_byte(out, '\n');
}

static void put_groups(const struct report *r, struct buf *out, unsigned indent,
		       const struct report_groups *groups, const char *filter)
{
	for (size_t i = 0; i < groups->count; i++) {
		const struct report_group *g = &groups->items[i];
		char label[80] = "";
		if (!str_to_cstr(str_sub(g->name, 0, sizeof(label) - 1), label, sizeof(label)))
			continue;
		put_line(r, out, indent, label, g->count, filter, g->name);
	}
}

static void put_funnel(const struct report *r, struct buf *out)
{
	size_t start = out->size;
	uint64_t open = report_open(r);
	uint64_t elsewhere = r->deferred_now + r->for_winner;
	uint64_t under_way = open > elsewhere ? open - elsewhere : 0;
	pad_to(out, start, COUNT_COLUMN);
	buf_put_cstr(out, "recipients    share   list them: rundbrief ...\n");
	start = out->size;
	buf_put_cstr(out, r->fully_cut ? "Targeted" : "Targeted so far");
	pad_to(out, start, COUNT_COLUMN);
	count_put_right(out, r->targeted, 10);
	buf_put_byte(out, '\n');
	put_line(r, out, 1, "suppressed", r->suppressed, " --verdict suppressed", STR(""));
	put_groups(r, out, 2, &r->suppressed_reasons, " --verdict suppressed --class ");
	if (r->held_out > 0)
		put_line(r, out, 1, "held out", r->held_out, " --verdict held-out", STR(""));
	put_line(r, out, 1, "attempted", r->attempted, " --attempts --try first", STR(""));
	put_line(r, out, 1, "delivered", r->delivered_first + r->delivered_later,
		 " --verdict delivered", STR(""));
	put_line(r, out, 2, "on the first try", r->delivered_first,
		 " --verdict delivered --try first", STR(""));
	put_line(r, out, 2, "later", r->delivered_later, " --verdict delivered --try later",
		 STR(""));
	put_line(r, out, 1, "failed", r->failed, " --verdict failed", STR(""));
	put_groups(r, out, 2, &r->failed_classes, " --verdict failed --class ");
	put_line(r, out, 1, "in doubt", r->in_doubt, " --verdict in-doubt", STR(""));
	put_line(r, out, 1, "deferred now", r->deferred_now, " --verdict deferred", STR(""));
	if (r->for_winner > 0)
		put_line(r, out, 1, "wait for the winner", r->for_winner, NULL, STR(""));
	if (under_way > 0)
		put_line(r, out, 1, "waiting or under way", under_way, NULL, STR(""));
	put_line(r, out, 1, "cancelled", r->cancelled, " --verdict cancelled", STR(""));
}

static void put_equation(const struct report *r, struct buf *out)
{
	const struct {
		const char *name;
		uint64_t count;
	} terms[] = {{"delivered", r->delivered_first + r->delivered_later},
		     {"failed", r->failed},
		     {"in doubt", r->in_doubt},
		     {"suppressed", r->suppressed},
		     {"cancelled", r->cancelled},
		     {"held out", r->held_out}};
	buf_put_cstr(out, "Targeted ");
	count_put_right(out, r->targeted, 0);
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		buf_printf(out, " %s %s ", i ? "+" : "=", terms[i].name);
		count_put_right(out, terms[i].count, 0);
	}
	if (!str_eq(r->state, STR("finished"))) {
		buf_put_cstr(out, " + open ");
		count_put_right(out, report_open(r), 0);
	}
	if (str_eq(r->state, STR("cancelled")) && report_open(r) > 0)
		buf_printf(out,
			   "\nThe open ones get their verdict from the engine at work, or from "
			   "`rundbrief send %.*s`.",
			   STR_FORMAT(r->id));
	buf_put_cstr(out, report_holds(r) ? "\nIt adds up.\n" : "\nIT DOES NOT ADD UP.\n");
}

/* Under a table whose lines have no room for their commands. */
static void put_how_to_list(const struct report *r, struct buf *out, const char *filter)
{
	buf_put_cstr(out, "  list them: recipients ");
	text_put_shell_word(out, r->name);
	buf_printf(out, "%s\n", filter);
}

static void put_providers(const struct report *r, struct buf *out)
{
	if (r->providers.count == 0)
		return;
	buf_printf(out, "\n%-24s %11s %11s %9s %11s %9s %9s\n", "By mailbox provider",
		   "attempted", "delivered", "", "deferrals", "failed", "in doubt");
	for (size_t i = 0; i < r->providers.count; i++) {
		const struct report_group *g = &r->providers.items[i];
		size_t start = out->size;
		text_put_printable(out, g->name, 24);
		pad_to(out, start, 24);
		count_put_right(out, g->count, 12);
		count_put_right(out, g->delivered, 12);
		put_share(out, g->delivered, g->count);
		buf_put_byte(out, ' ');
		count_put_right(out, g->deferrals, 12);
		count_put_right(out, g->failed, 10);
		count_put_right(out, g->in_doubt, 10);
		buf_put_byte(out, '\n');
	}
	put_how_to_list(r, out, " --provider NAME --verdict NAME [--attempts]");
}

static void put_examples(const struct report *r, struct buf *out)
{
	if (r->example_count == 0)
		return;
	buf_put_cstr(out, "\nTop reasons, each with one reply\n");
	for (size_t i = 0; i < r->example_count; i++) {
		const struct report_example *e = &r->examples[i];
		count_put_right(out, e->count, 11);
		buf_printf(out, "  %.*s, %.*s\n", STR_FORMAT(e->class), STR_FORMAT(e->verdict));
		buf_put_cstr(out, "             ");
		if (e->code.size && !str_eq(e->code, STR("0")))
			buf_printf(out, "%.*s ", STR_FORMAT(e->code));
		if (e->status.size)
			buf_printf(out, "%.*s ", STR_FORMAT(e->status));
		text_put_printable(out, e->text, REPLY_LIMIT);
		if (e->mx_host.size) {
			buf_put_cstr(out, "  [");
			text_put_printable(out, e->mx_host, 80);
			buf_put_byte(out, ']');
		}
		buf_put_byte(out, '\n');
	}
	put_how_to_list(r, out, " --class NAME --verdict NAME --attempts");
}

void report_put_text(const struct report *r, struct buf *out)
{
	put_head(r, out);
	buf_put_byte(out, '\n');
	put_funnel(r, out);
	buf_put_byte(out, '\n');
	put_equation(r, out);
	report_put_variants_text(r, out);
	put_providers(r, out);
	report_put_forecasts_text(r, out);
	put_examples(r, out);
}
