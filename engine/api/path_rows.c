/* path_rows.c - see path_rows.h. */
#include "engine/api/path_rows.h"

#include <time.h>

#include "engine/api/rows.h"
#include "engine/api/units.h"

static str keep(struct arena *arena, const PGresult *result, int row, int column)
{
	str cell = db_cell(result, row, column);
	return cell.size ? arena_copy(arena, cell) : STR("");
}

static void take(struct arena *arena, const PGresult *result, int row, struct path_row *p)
{
	*p = (struct path_row){
		.source = keep(arena, result, row, 0),
		.site = keep(arena, result, row, 1),
		.provider = keep(arena, result, row, 2),
		.tls_key = keep(arena, result, row, 3),
		.engine = keep(arena, result, row, 4),
		.state = keep(arena, result, row, 5),
		.why = keep(arena, result, row, 6),
		.held_until_wall = db_i64(result, row, 7),
		.connection_cap = db_u64(result, row, 8),
		.connection_limit = db_u64(result, row, 9),
		.rate_per_day = db_u64(result, row, 10),
		.rate_limit_per_day = db_u64(result, row, 11),
		.open = db_u64(result, row, 12),
		.waiting = db_u64(result, row, 13),
		.in_flight = db_u64(result, row, 14),
		.started_minute = db_u64(result, row, 15),
		.delivered = db_u64(result, row, 16),
		.deferred = db_u64(result, row, 17),
		.failed = db_u64(result, row, 18),
		.throttled_wall = db_i64(result, row, 19),
		.throttle = keep(arena, result, row, 20),
		.updated_wall = db_i64(result, row, 21),
	};
}

int path_rows_read(struct db *db, struct arena *arena, const char *statement,
		   const char *parameter, struct path_rows *ret_rows)
{
	PGresult *result = db_query(db, statement, 1, &parameter);
	if (!result)
		return db_code(db);
	size_t count = (size_t)PQntuples(result);
	struct path_row *items = ARENA_ARRAY(arena, struct path_row, count + 1);
	for (size_t i = 0; items && i < count; i++)
		take(arena, result, (int)i, &items[i]);
	PQclear(result);
	if (!items)
		return cli_fail(db->cli, EXIT_FAILED, "out of memory");
	*ret_rows = (struct path_rows){items, count};
	return CLI_GO;
}

static void put_number(struct buf *out, double value)
{
	if (value >= 100)
		buf_printf(out, "%.0f", value);
	else
		buf_printf(out, "%.3g", value);
}

/* In the largest unit of time that leaves at least one message in it. */
static void put_rate(struct buf *out, uint64_t per_day)
{
	static const struct {
		double days;
		const char *name;
	} units[] = {{86400, "/s"}, {1440, "/min"}, {24, "/h"}, {1, "/d"}};
	size_t i = 0;
	while (i < 3 && (double)per_day < units[i].days)
		i++;
	put_number(out, (double)per_day / units[i].days);
	buf_put_cstr(out, units[i].name);
}

void path_put_rate(struct buf *out, uint64_t per_day, uint64_t limit_per_day)
{
	if (limit_per_day == 0 || per_day == 0) {
		buf_put_cstr(out, "unlimited");
		return;
	}
	put_rate(out, per_day);
	if (per_day < limit_per_day) {
		buf_put_cstr(out, " of ");
		put_rate(out, limit_per_day);
	}
}

/* The figure that belongs to what holds it back. */
static void put_figure(struct buf *out, const struct path_row *p)
{
	buf_put_byte(out, ' ');
	if (str_eq(p->why, STR("rate")))
		path_put_rate(out, p->rate_per_day, p->rate_limit_per_day);
	else if (str_eq(p->why, STR("connections")) && p->connection_cap < p->connection_limit)
		buf_printf(out, "%llu of %llu, lowered", (unsigned long long)p->connection_cap,
			   (unsigned long long)p->connection_limit);
	else if (str_eq(p->why, STR("connections")))
		buf_printf(out, "%llu", (unsigned long long)p->connection_limit);
	else
		out->size--;
}

void path_put_hold(struct buf *out, const struct path_row *p, usec now_wall)
{
	if (p->why.size == 0)
		return;
	text_put_printable(out, p->why, 100);
	put_figure(out, p);
	if (p->held_until_wall > now_wall + USEC_SECOND) {
		buf_put_cstr(out, ", until ");
		when_put(out, p->held_until_wall, now_wall);
		when_put_distance(out, p->held_until_wall, now_wall);
	}
}

static void put_counts(struct buf *out, const struct path_row *p)
{
	const struct {
		uint64_t count;
		const char *name;
	} parts[] = {{p->waiting, "waiting"},     {p->in_flight, "in flight"},
		     {p->delivered, "delivered"}, {p->deferred, "deferred"},
		     {p->failed, "failed"},       {p->started_minute, "in the last minute"}};
	bool any = false;
	for (size_t i = 0; i < 6; i++) {
		if (parts[i].count == 0)
			continue;
		buf_put_cstr(out, any ? ", " : "");
		count_format(out, parts[i].count);
		buf_printf(out, " %s", parts[i].name);
		any = true;
	}
	if (!any)
		buf_put_cstr(out, "nothing to do");
}

void path_put_text(struct buf *out, const struct path_row *p, usec now_wall)
{
	buf_put_cstr(out, "  ");
	text_put_printable(out, p->source, 64);
	buf_put_cstr(out, " on engine ");
	text_put_printable(out, p->engine, 64);
	buf_printf(out, ": %.*s; %llu of %llu connections; rate ", STR_FORMAT(p->state),
		   (unsigned long long)p->open, (unsigned long long)p->connection_cap);
	path_put_rate(out, p->rate_per_day, p->rate_limit_per_day);
	buf_put_cstr(out, "\n    ");
	put_counts(out, p);
	if (p->why.size) {
		buf_put_cstr(out, "\n    held back: ");
		path_put_hold(out, p, now_wall);
	}
	if (p->throttled_wall) {
		buf_put_cstr(out, "\n    throttled ");
		when_put(out, p->throttled_wall, now_wall);
		when_put_distance(out, p->throttled_wall, now_wall);
		buf_put_cstr(out, ": ");
		text_put_printable(out, p->throttle, 200);
	}
	buf_put_byte(out, '\n');
}

void path_put_json(struct buf *out, const struct path_row *p)
{
	const struct {
		const char *name;
		str text;
	} texts[] = {{"source", p->source},     {"site", p->site},
		     {"provider", p->provider}, {"tls_key", p->tls_key},
		     {"engine", p->engine},     {"state", p->state},
		     {"held_by", p->why},       {"throttle", p->throttle}};
	const struct {
		const char *name;
		uint64_t count;
		bool optional; /* 0 is none */
	} counts[] = {{"connections", p->open, false},
		      {"connections_now", p->connection_cap, false},
		      {"connections_limit", p->connection_limit, false},
		      {"rate_per_day", p->rate_per_day, true},
		      {"rate_limit_per_day", p->rate_limit_per_day, true},
		      {"waiting", p->waiting, false},
		      {"in_flight", p->in_flight, false},
		      {"per_minute", p->started_minute, false},
		      {"delivered", p->delivered, false},
		      {"deferred", p->deferred, false},
		      {"failed", p->failed, false}};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_printf(out, "%s\"%s\":", i ? "," : "{", texts[i].name);
		json_put_string(out, texts[i].text);
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		buf_printf(out, ",\"%s\":", counts[i].name);
		if (counts[i].optional && counts[i].count == 0)
			buf_put_cstr(out, "null");
		else
			buf_put_u64(out, counts[i].count);
	}
	when_put_json(out, "held_until", p->held_until_wall);
	when_put_json(out, "throttled_at", p->throttled_wall);
	when_put_json(out, "updated_at", p->updated_wall);
	buf_put_byte(out, '}');
}

static void put_time(struct buf *out, usec wall, const char *format)
{
	char text[40];
	time_t seconds = (time_t)(wall / USEC_SECOND);
	struct tm parts;
	size_t n =
		gmtime_r(&seconds, &parts) ? strftime(text, sizeof(text), format, &parts) : 0;
	buf_put(out, str_make(text, n));
}

void when_put(struct buf *out, usec wall, usec now_wall)
{
	bool today = wall / USEC_DAY == now_wall / USEC_DAY;
	put_time(out, wall, today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S");
}

/* Two units are enough: who waits for three days does not count seconds. */
static usec rounded(usec distance)
{
	usec grain = distance >= USEC_DAY    ? USEC_HOUR
		     : distance >= USEC_HOUR ? USEC_MINUTE
					     : USEC_SECOND;
	return distance / grain * grain;
}

void when_put_distance(struct buf *out, usec wall, usec now_wall)
{
	bool future = wall > now_wall;
	usec distance = rounded(future ? wall - now_wall : now_wall - wall);
	if (distance == 0) {
		buf_put_cstr(out, future ? " (at once)" : " (just now)");
		return;
	}
	buf_put_cstr(out, future ? " (in " : " (");
	duration_format(out, distance);
	buf_put_cstr(out, future ? ")" : " ago)");
}

void when_put_json(struct buf *out, const char *name, usec wall)
{
	buf_printf(out, ",\"%s\":", name);
	if (wall > 0)
		put_time(out, wall, "\"%Y-%m-%dT%H:%M:%SZ\"");
	else
		buf_put_cstr(out, "null");
}
