/* progress.c - see progress.h. */
#include "engine/api/progress.h"

#include <stdio.h>

#include "engine/api/rows.h"
#include "engine/api/terminal.h"
#include "engine/api/units.h"

#define LOG_INTERVAL (10 * USEC_SECOND) /* between lines when nobody watches */
#define RATE_INTERVAL USEC_SECOND

void progress_begin(struct progress *p, bool silent, str name, usec now)
{
	*p = (struct progress){
		.name = name, .silent = silent, .is_terminal = terminal_watched()};
	p->began_at = p->rate_at = now;
	p->shown_at = now - LOG_INTERVAL;
}

/* Half of the new second, half of what was: follows a change within a few seconds and does not
 * flicker. */
static void update_rate(struct progress *p, uint64_t ended, usec now)
{
	usec length = now - p->rate_at;
	if (length < RATE_INTERVAL)
		return;
	double rate = (double)(ended - p->rate_count) * 1e6 / (double)length;
	p->rate = p->rate > 0 ? (p->rate + rate) / 2 : rate;
	p->rate_at = now;
	p->rate_count = ended;
}

static void put_count(struct buf *out, const char *label, uint64_t count)
{
	if (count == 0)
		return;
	buf_put_cstr(out, "  ");
	buf_put_cstr(out, label);
	buf_put_byte(out, ' ');
	count_format(out, count);
}

static uint64_t ended_count(const struct engine_progress *e)
{
	return e->delivered + e->failed + e->in_doubt + e->suppressed + e->cancelled;
}

/* Early in the line: a narrow terminal cuts its end off. */
static void put_notice(const struct progress *p, const struct engine_progress *e,
		       struct buf *out)
{
	if (p->stops > 0)
		buf_put_cstr(out, p->stops > 1 ? "  stopping now" : "  stopping in order");
	else if (e->state == CAMPAIGN_PAUSED)
		buf_put_cstr(out, "  paused, waiting for `rundbrief resume`");
	else if (e->database_lost)
		buf_put_cstr(out, "  waiting for the database");
	else if (e->for_winner > 0)
		buf_printf(out, "  %llu wait for `rundbrief campaign winner`",
			   (unsigned long long)e->for_winner);
}

void progress_line(const struct progress *p, usec now, usec wall, struct buf *out)
{
	const struct engine_progress *e = &p->last;
	uint64_t ended = ended_count(e);
	text_put_printable(out, p->name, 30);
	buf_put_byte(out, ' ');
	count_format(out, ended);
	if (e->targeted > 0) {
		buf_put_cstr(out, e->fully_cut ? " of " : " of so far ");
		count_format(out, e->targeted);
	}
	put_notice(p, e, out);
	buf_printf(out, "  %.0f/s", p->rate);
	put_count(out, "delivered", e->delivered);
	put_count(out, "deferrals", e->deferred);
	put_count(out, "failed", e->failed);
	put_count(out, "in doubt", e->in_doubt);
	put_count(out, "suppressed", e->suppressed);
	buf_printf(out, "  %u connections  ", e->connections);
	duration_format(out, (now - p->began_at) / USEC_SECOND * USEC_SECOND);
	if (e->next_due_wall != USEC_NEVER && e->next_due_wall > wall) {
		buf_put_cstr(out, "  next try in ");
		duration_format(out, (e->next_due_wall - wall) / USEC_SECOND * USEC_SECOND);
	}
}

/* A trouble is told once, on a line of its own. */
static void tell_trouble(struct progress *p, const struct engine_progress *e)
{
	char shown[1100];
	struct buf b;
	if (e->trouble[0] == '\0' || strcmp(e->trouble, p->trouble) == 0)
		return;
	memcpy(p->trouble, e->trouble, sizeof(p->trouble));
	p->trouble[sizeof(p->trouble) - 1] = '\0';
	buf_init_fixed(&b, shown, sizeof(shown));
	buf_put_printable(&b, str_of(p->trouble), sizeof(p->trouble));
	fprintf(stderr, "%s%.*s\n", p->is_terminal ? "\r\033[K" : "", STR_FORMAT(buf_str(&b)));
}

static void write_line(const struct progress *p, usec now, usec wall)
{
	char text[400];
	struct buf line;
	buf_init_fixed(&line, text, sizeof(text));
	progress_line(p, now, wall, &line);
	if (p->is_terminal)
		terminal_renew_line(buf_str(&line));
	else
		fprintf(stderr, "%.*s\n", STR_FORMAT(buf_str(&line)));
}

void progress_show(struct progress *p, const struct engine_progress *e, int stops, usec now,
		   usec wall)
{
	update_rate(p, ended_count(e), now);
	tell_trouble(p, e);
	p->last = *e;
	p->stops = stops;
	if (p->silent || (!p->is_terminal && now - p->shown_at < LOG_INTERVAL))
		return;
	write_line(p, now, wall);
	p->shown_at = now;
}

void progress_end(struct progress *p, usec now, usec wall)
{
	if (p->silent)
		return;
	p->last.next_due_wall = USEC_NEVER;
	write_line(p, now, wall);
	if (p->is_terminal)
		fputc('\n', stderr);
}
