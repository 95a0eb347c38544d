/* top_text.c - a frame as lines: engines, campaigns, providers, paths. What does not fit into
 * the terminal's width is cut off at the right, where the explanations stand; what does not fit
 * into its height is counted. */
#include "engine/api/top.h"

#include "engine/api/rows.h"
#include "engine/api/units.h"

#define LINE_LIMIT 1000
#define ENGINE_LINES 4 /* on a screen; the rest is for campaigns, providers and paths */
#define CAMPAIGN_LINES 8
#define PROVIDER_LINES 8
#define OVERHEAD 5 /* the head and the four tables' names */

struct painter {
	struct buf *out;
	struct buf line; /* being written */
	size_t columns;
	char memory[LINE_LIMIT];
};

static void end_line(struct painter *p)
{
	while (p->line.size > 0 && p->line.data[p->line.size - 1] == ' ')
		p->line.size--;
	buf_put(p->out, text_fit(buf_str(&p->line), p->columns));
	buf_put_byte(p->out, '\n');
	buf_reset(&p->line);
}

static size_t width_of(str text)
{
	size_t width = 0;
	for (size_t i = 0; i < text.size; i++)
		width += ((unsigned char)text.data[i] & 0xC0) != 0x80;
	return width;
}

/* A column of a table; from: the terminal's columns that it wants, or it is left out. */
struct column_of {
	const char *name;
	int width; /* > 0: to the left; < 0: to the right */
	size_t from;
};

/* Longer ones are cut. */
static void put_cell(struct painter *p, const struct column_of *column, str text)
{
	char memory[256];
	struct buf shown;
	size_t room = (size_t)(column->width < 0 ? -column->width : column->width);
	if (p->columns < column->from)
		return;
	buf_init_fixed(&shown, memory, sizeof(memory));
	text_put_printable(&shown, text, 200);
	str fits = text_fit(buf_str(&shown), room);
	size_t padding = room - width_of(fits);
	if (column->width > 0)
		buf_put(&p->line, fits);
	while (padding-- > 0)
		buf_put_byte(&p->line, ' ');
	if (column->width < 0)
		buf_put(&p->line, fits);
	buf_put_cstr(&p->line, "  ");
}

static void put_count(struct painter *p, const struct column_of *column, uint64_t count)
{
	char memory[32];
	struct buf text;
	buf_init_fixed(&text, memory, sizeof(memory));
	count_format(&text, count);
	put_cell(p, column, buf_str(&text));
}

static void put_share(struct painter *p, const struct column_of *column, uint64_t part,
		      uint64_t whole)
{
	char memory[32];
	struct buf text;
	buf_init_fixed(&text, memory, sizeof(memory));
	if (whole > 0)
		buf_printf(&text, "%.1f %%", 100.0 * (double)part / (double)whole);
	put_cell(p, column, buf_str(&text));
}

static void put_names(struct painter *p, const struct column_of *columns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put_cell(p, &columns[i], str_of(columns[i].name));
	end_line(p);
}

static void put_left_over(struct painter *p, size_t shown, size_t count)
{
	if (shown >= count)
		return;
	buf_printf(&p->line, "... and %zu more", count - shown);
	end_line(p);
}

static size_t at_most(size_t count, size_t limit)
{
	return count < limit ? count : limit;
}

static void put_head(struct painter *p, const struct top_frame *f)
{
	uint64_t waiting = 0, per_minute = 0;
	for (size_t i = 0; i < f->engine_count; i++) {
		waiting += f->engines[i].waiting;
		per_minute += f->engines[i].per_minute;
	}
	buf_put_cstr(&p->line, "rundbrief ");
	when_put(&p->line, f->wall, f->wall);
	buf_printf(&p->line, " UTC   %llu engine%s at work, %zu campaign%s under way, ",
		   (unsigned long long)f->working_count, f->working_count == 1 ? "" : "s",
		   f->campaign_count, f->campaign_count == 1 ? "" : "s");
	count_format(&p->line, per_minute);
	buf_put_cstr(&p->line, " started in the last minute, ");
	count_format(&p->line, waiting);
	buf_put_cstr(&p->line, " waiting");
	end_line(p);
}

static void put_engines(struct painter *p, const struct top_frame *f, size_t limit)
{
	static const struct column_of columns[] = {{"ENGINE", 20, 0},  {"STATE", 12, 0},
						   {"SLICES", -6, 90}, {"CONNECTIONS", -11, 0},
						   {"WAITING", -9, 0}, {"IN FLIGHT", -9, 0},
						   {"PER MIN", -9, 0}};
	size_t shown = at_most(f->engine_count, limit);
	put_names(p, columns, 7);
	for (size_t i = 0; i < shown; i++) {
		const struct top_engine *e = &f->engines[i];
		char state[40];
		struct buf b;
		buf_init_fixed(&b, state, sizeof(state));
		buf_put_cstr(&b, e->works ? "working" : "silent ");
		if (!e->works)
			duration_format(&b, (usec)e->silent_seconds * USEC_SECOND);
		put_cell(p, &columns[0], e->name);
		put_cell(p, &columns[1], buf_str(&b));
		put_count(p, &columns[2], e->slices);
		put_count(p, &columns[3], e->connections);
		put_count(p, &columns[4], e->waiting);
		put_count(p, &columns[5], e->in_flight);
		put_count(p, &columns[6], e->per_minute);
		end_line(p);
	}
	put_left_over(p, shown, f->engine_count);
}

void top_put_waits_for(const struct top_frame *f, const struct top_campaign *c, struct buf *out)
{
	if (str_eq(c->state, STR("paused"))) {
		buf_put_cstr(out, "resume: ");
		text_put_printable(out, c->reason.size ? c->reason : STR("it is paused"), 300);
	} else if (c->opens_wall) {
		buf_put_cstr(out, "its send window, which opens at ");
		when_put(out, c->opens_wall, f->wall);
		when_put_distance(out, c->opens_wall, f->wall);
	} else if (f->working_count == 0) {
		buf_put_cstr(out, "an engine: none is at work");
	} else if (c->held > 0) {
		return;
	} else if (c->due > 0 || !c->fully_cut) {
		buf_put_cstr(out, "an engine to take it");
	} else if (c->for_winner > 0) {
		count_format(out, c->for_winner);
		buf_put_cstr(out, " wait for the winner (campaign winner)");
	} else if (c->next_wall > f->wall) {
		buf_put_cstr(out, "the next attempt at ");
		when_put(out, c->next_wall, f->wall);
		when_put_distance(out, c->next_wall, f->wall);
	} else if (c->next_wall) {
		buf_put_cstr(out, "an engine to take what is due");
	}
}

/* Two columns: endings a minute, and how long it takes. */
static void put_pace(struct painter *p, const struct column_of *columns,
		     const struct top_campaign *c)
{
	char memory[40];
	struct buf text;
	buf_init_fixed(&text, memory, sizeof(memory));
	if (c->per_minute >= 0)
		count_format(&text, (uint64_t)(c->per_minute + 0.5));
	put_cell(p, &columns[0], buf_str(&text));
	buf_reset(&text);
	if (c->eta >= 0)
		duration_format(&text, c->eta >= USEC_HOUR
					       ? c->eta / USEC_MINUTE * USEC_MINUTE
					       : c->eta / USEC_SECOND * USEC_SECOND);
	put_cell(p, &columns[1], buf_str(&text));
}

static void put_campaigns(struct painter *p, const struct top_frame *f, size_t limit)
{
	static const struct column_of columns[] = {
		{"CAMPAIGN", 20, 0},    {"STATE", 7, 0},         {"ENDED", -10, 120},
		{"TARGETED", -11, 100}, {"DONE", -7, 0},         {"PER MIN", -9, 0},
		{"ETA", -8, 0},         {"DELIVERED", -10, 135}, {"DEFERRED", -8, 110},
		{"FAILED", -8, 145},    {"IN DOUBT", -8, 155},   {"WAITS FOR", 60, 0}};
	size_t shown = at_most(f->campaign_count, limit);
	put_names(p, columns, 12);
	for (size_t i = 0; i < shown; i++) {
		const struct top_campaign *c = &f->campaigns[i];
		char memory[700];
		struct buf waits;
		buf_init_fixed(&waits, memory, sizeof(memory));
		top_put_waits_for(f, c, &waits);
		put_cell(p, &columns[0], c->name);
		put_cell(p, &columns[1], c->state);
		put_count(p, &columns[2], c->ended);
		put_count(p, &columns[3], c->targeted);
		put_share(p, &columns[4], c->ended, c->targeted);
		put_pace(p, &columns[5], c);
		put_count(p, &columns[7], c->delivered);
		if (c->deferred_now > TOP_COUNT_LIMIT)
			put_cell(p, &columns[8], STR(">20,000"));
		else
			put_count(p, &columns[8], c->deferred_now);
		put_count(p, &columns[9], c->failed);
		put_count(p, &columns[10], c->in_doubt);
		put_cell(p, &columns[11], buf_str(&waits));
		end_line(p);
	}
	put_left_over(p, shown, f->campaign_count);
}

static void put_providers(struct painter *p, const struct top_frame *f, size_t limit)
{
	static const struct column_of columns[] = {
		{"PROVIDER", 20, 0}, {"PATHS", -6, 95},        {"WAITING", -9, 0},
		{"PER MIN", -9, 0},  {"DELIVERED", -10, 110},  {"DEFERRED", -8, 0},
		{"BLOCKED", -7, 0},  {"LAST THROTTLED", 30, 0}};
	size_t shown = at_most(f->provider_count, limit);
	put_names(p, columns, 8);
	for (size_t i = 0; i < shown; i++) {
		const struct top_provider *v = &f->providers[i];
		char memory[80];
		struct buf when;
		buf_init_fixed(&when, memory, sizeof(memory));
		if (v->throttled_wall) {
			when_put(&when, v->throttled_wall, f->wall);
			when_put_distance(&when, v->throttled_wall, f->wall);
		}
		put_cell(p, &columns[0], v->name.size ? v->name : STR("other"));
		put_count(p, &columns[1], v->paths);
		put_count(p, &columns[2], v->waiting);
		put_count(p, &columns[3], v->per_minute);
		put_count(p, &columns[4], v->delivered);
		put_share(p, &columns[5], v->deferred, v->delivered + v->deferred + v->failed);
		put_count(p, &columns[6], v->blocked);
		put_cell(p, &columns[7], buf_str(&when));
		end_line(p);
	}
	put_left_over(p, shown, f->provider_count);
}

static void put_path(struct painter *p, const struct top_frame *f, const struct path_row *path,
		     const struct column_of *columns)
{
	char memory[400];
	struct buf text;
	buf_init_fixed(&text, memory, sizeof(memory));
	put_cell(p, &columns[0], path->source);
	put_cell(p, &columns[1], path->site);
	put_cell(p, &columns[2], path->state);
	put_count(p, &columns[3], path->waiting);
	put_count(p, &columns[4], path->in_flight);
	buf_printf(&text, "%llu/%llu", (unsigned long long)path->open,
		   (unsigned long long)path->connection_cap);
	put_cell(p, &columns[5], buf_str(&text));
	buf_reset(&text);
	path_put_rate(&text, path->rate_per_day, path->rate_limit_per_day);
	put_cell(p, &columns[6], buf_str(&text));
	put_count(p, &columns[7], path->started_minute);
	path_put_hold(&p->line, path, f->wall);
	bool blocked = str_eq(path->why, STR("suspended")) || str_eq(path->why, STR("blocked"));
	if (blocked && path->throttled_wall) {
		buf_put_cstr(&p->line, ": ");
		text_put_printable(&p->line, path->throttle, 160);
	}
	end_line(p);
}

static void put_paths(struct painter *p, const struct top_frame *f, size_t limit)
{
	static const struct column_of columns[] = {
		{"SOURCE", 12, 0},  {"SITE", 24, 0},        {"STATE", 7, 0},
		{"WAITING", -9, 0}, {"IN FLIGHT", -9, 150}, {"CONN", -7, 95},
		{"RATE", 16, 165},  {"PER MIN", -9, 120},   {"HELD BACK BY", 40, 0}};
	size_t shown = at_most(f->paths.count, limit);
	put_names(p, columns, 9);
	for (size_t i = 0; i < shown; i++)
		put_path(p, f, &f->paths.items[i], columns);
	put_left_over(p, shown, f->path_count);
}

/* Paths get what the others leave, and one line says how many there are beyond. */
static size_t paths_room(const struct top_frame *f, size_t lines)
{
	size_t used = OVERHEAD + 4 + at_most(f->engine_count, ENGINE_LINES) +
		      at_most(f->campaign_count, CAMPAIGN_LINES) +
		      at_most(f->provider_count, PROVIDER_LINES);
	return lines > used + 4 ? lines - used : 4;
}

void top_put_text(const struct top_frame *f, size_t columns, size_t lines, struct buf *out)
{
	struct painter p = {.out = out, .columns = columns};
	bool all = lines == 0;
	buf_init_fixed(&p.line, p.memory, sizeof(p.memory));
	put_head(&p, f);
	put_engines(&p, f, all ? TOP_LIMIT : ENGINE_LINES);
	put_campaigns(&p, f, all ? TOP_LIMIT : CAMPAIGN_LINES);
	put_providers(&p, f, all ? TOP_LIMIT : PROVIDER_LINES);
	put_paths(&p, f, all ? TOP_LIMIT : paths_room(f, lines));
}
