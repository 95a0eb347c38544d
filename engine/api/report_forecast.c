/* report_forecast.c - forecast beside fact: when the last first attempt was to be made, and
 * when it was. */
#include "engine/api/report.h"
#include "engine/api/rows.h"
#include "engine/api/units.h"

int report_read_forecasts(struct db *db, const struct campaign_row *campaign, struct report *r)
{
	struct arena *arena = db->cli->arena;
	PGresult *result = db_query(db, "api_report_forecast", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	size_t count = (size_t)PQntuples(result);
	r->forecasts = ARENA_ARRAY(arena, struct report_forecast, count + 1);
	for (int i = 0; r->forecasts && i < (int)count; i++) {
		bool ends = db_cell(result, i, 2).data, made = db_cell(result, i, 3).data;
		r->forecasts[r->forecast_count++] = (struct report_forecast){
			.provider = arena_copy(arena, db_cell(result, i, 0)),
			.recipients = db_u64(result, i, 1),
			.forecast = ends ? db_i64(result, i, 2) : USEC_NEVER,
			.fact = made ? db_i64(result, i, 3) : -1,
			.hold = arena_copy(arena, db_cell(result, i, 4)),
		};
	}
	PQclear(result);
	return CLI_GO;
}

static str name_of(const struct report_forecast *f)
{
	return f->provider.size ? f->provider : STR("other");
}

static void put_column(struct buf *out, usec time, const char *missing, size_t width)
{
	size_t start = out->size;
	usec grain = time < 10 * USEC_SECOND ? 100 * USEC_MS : USEC_SECOND;
	if (time < 0 || time == USEC_NEVER)
		buf_put_cstr(out, missing);
	else
		duration_format(out, time / grain * grain);
	while (out->size - start < width && buf_ok(out))
		buf_put_byte(out, ' ');
}

static bool differs(const struct report_forecast *f)
{
	return f->fact > 0 && f->forecast != USEC_NEVER && f->forecast > 0;
}

void report_put_forecasts_text(const struct report *r, struct buf *out)
{
	if (r->forecast_count == 0)
		return;
	bool over = r->finished_wall != 0;
	buf_printf(out, "\n%-24s %-12s %-12s %9s   %s\n", "Last first attempt after",
		   "forecast", over ? "fact" : "so far", "", "held back by, it was said");
	for (size_t i = 0; i < r->forecast_count; i++) {
		const struct report_forecast *f = &r->forecasts[i];
		size_t start = out->size;
		text_put_printable(out, name_of(f), 24);
		while (out->size - start < 25 && buf_ok(out))
			buf_put_byte(out, ' ');
		put_column(out, f->forecast, "over a year", 13);
		put_column(out, f->fact, "-", 13);
		if (over && differs(f))
			buf_printf(out, "%+7.1f %%   ",
				   100.0 * ((double)f->fact / (double)f->forecast - 1));
		else
			buf_put_cstr(out, "            ");
		text_put_printable(out, f->hold, 60);
		buf_put_byte(out, '\n');
	}
}

static void put_seconds(struct buf *out, const char *name, usec time)
{
	if (time < 0 || time == USEC_NEVER)
		buf_printf(out, ",\"%s\":null", name);
	else
		buf_printf(out, ",\"%s\":%.3f", name, (double)time / 1e6);
}

void report_put_forecasts_json(const struct report *r, struct buf *out)
{
	buf_put_cstr(out, "\"forecast\":[");
	for (size_t i = 0; i < r->forecast_count; i++) {
		const struct report_forecast *f = &r->forecasts[i];
		buf_put_cstr(out, i > 0 ? ",{\"provider\":" : "{\"provider\":");
		json_put_string(out, name_of(f));
		buf_printf(out, ",\"recipients\":%llu", (unsigned long long)f->recipients);
		put_seconds(out, "end_after", f->forecast);
		put_seconds(out, "fact", f->fact);
		buf_put_cstr(out, ",\"held_back_by\":");
		json_put_string(out, f->hold);
		buf_put_byte(out, '}');
	}
	buf_put_cstr(out, "],");
}
