/* cmd_warmup.c - `rundbrief warmup`: where new sources stand with each provider, and why.
 * Shown is what the engines will do: the day that has not begun in the database is begun here,
 * by the same arithmetic, and not written. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/date_option.h"
#include "engine/api/db.h"
#include "engine/api/rows.h"
#include "engine/io/clock.h"
#include "engine/shape/warmup.h"

#define COLUMN_COUNT 9
#define OTHERS "other" /* providers without a name */

struct wish {
	uint64_t level, complaints;
	bool has_level, has_complaints;
	const char *day;
};

struct listing {
	struct cli *cli;
	struct rows rows;
};

/* The curve of a source; false: its section names none, or there is none of it any more. */
static bool curve_of(const struct config *config, str source, struct warmup_curve *ret_curve)
{
	char ignored[260];
	for (size_t i = 0; i < config->source_count; i++) {
		str name = config->sources[i].warmup;
		if (name.size > 0 && str_eq(config->sources[i].name, source))
			return config_read_warmup(config, config_warmup_find(config, name),
						  ret_curve, ignored, sizeof(ignored)) == 0;
	}
	return false;
}

static struct warmup_state read_state(const PGresult *result, int row,
				      struct warmup_result *ret_day)
{
	struct warmup_state state = {
		.step = (uint32_t)db_u64(result, row, 2),
		.day = (int32_t)db_i64(result, row, 3),
		.step_since = (int32_t)db_i64(result, row, 4),
		.mailed_day = (int32_t)db_i64(result, row, 5),
		.counted = (uint32_t)db_u64(result, row, 6),
	};
	snprintf(state.held, sizeof(state.held), "%.*s", STR_FORMAT(db_cell(result, row, 7)));
	*ret_day = (struct warmup_result){.attempts = db_u64(result, row, 8),
					  .deferred = db_u64(result, row, 9),
					  .complained = db_u64(result, row, 10)};
	return state;
}

static str number(char *memory, size_t size, uint64_t value)
{
	snprintf(memory, size, "%llu", (unsigned long long)value);
	return str_of(memory);
}

/* What tomorrow allows when today goes on as it went so far; data NULL: no limit. */
static str tomorrow_of(const struct warmup_curve *curve, struct warmup_state state,
		       const struct warmup_result *today, char *memory, size_t size)
{
	warmup_turn(curve, &state, state.day + 1, today);
	if (state.step >= curve->step_count)
		return (str){};
	return number(memory, size, curve->steps[state.step]);
}

static void put_row(void *context, const PGresult *result, int row)
{
	struct listing *l = context;
	struct warmup_curve curve;
	struct warmup_result day;
	char texts[4][24];
	str source = db_cell(result, row, 0), provider = db_cell(result, row, 1);
	str cells[COLUMN_COUNT] = {source, provider.size ? provider : STR(OTHERS)};
	if (!curve_of(&l->cli->config, source, &curve)) {
		cells[7] = STR("warm: it has no warmup any more");
		rows_put(&l->rows, cells);
		return;
	}
	usec now = clock_wall();
	struct warmup_state state = read_state(result, row, &day);
	int32_t before = state.day;
	warmup_turn(&curve, &state, warmup_day_of(&curve, now), &day);
	if (state.day != before)
		day = (struct warmup_result){};
	struct warmup_verdict v = warmup_verdict(&curve, &state, 0, now);
	bool warm = v.warm;
	cells[2] = number(texts[0], sizeof(texts[0]), state.step + 1 - warm);
	cells[3] = number(texts[1], sizeof(texts[1]), curve.step_count);
	cells[4] = warm ? (str){} : number(texts[2], sizeof(texts[2]), v.allowance);
	cells[5] = number(texts[3], sizeof(texts[3]), warm ? day.attempts : state.counted);
	char memory[24];
	cells[6] = warm ? (str){} : tomorrow_of(&curve, state, &day, memory, sizeof(memory));
	cells[7] = warm ? STR("warm") : v.why[0] ? str_of(v.why) : STR("sending");
	cells[8] = state.held[0] ? str_of(state.held) : (str){};
	rows_put(&l->rows, cells);
}

static int list(struct db *db, const char *source, const char *provider)
{
	static const struct column columns[COLUMN_COUNT] = {
		{"source", 14, false}, {"provider", 12, false}, {"day", 3, true},
		{"of", 3, true},       {"allowance", 9, true},  {"sent", 9, true},
		{"tomorrow", 9, true}, {"now", 26, false},      {"held", 0, false},
	};
	struct listing l = {.cli = db->cli};
	const char *parameters[] = {source, provider};
	rows_begin(&l.rows, db->cli->format, columns, COLUMN_COUNT);
	int code = db_stream(db, "api_warmups", 2, parameters, put_row, &l);
	rows_end(&l.rows);
	if (code != CLI_GO)
		return code;
	return l.rows.row_count > 0 || !source
		       ? EXIT_OK
		       : cli_fail(db->cli, EXIT_NOT_FOUND,
				  "source '%s' has not begun to warm up there: a provider is "
				  "known from the first mail to it",
				  source);
}

static int known_curve(struct db *db, const char *source, struct warmup_curve *ret_curve)
{
	if (curve_of(&db->cli->config, str_of(source), ret_curve))
		return CLI_GO;
	return cli_fail(db->cli, EXIT_NOT_FOUND,
			"no source '%s' with a warmup stands in the configuration", source);
}

static int set_level(struct db *db, const char *source, const char *provider, uint64_t level)
{
	struct warmup_curve curve;
	char step[24], day[24];
	int code = known_curve(db, source, &curve);
	if (code != CLI_GO)
		return code;
	if (level < 1 || level > curve.step_count + 1)
		return cli_fail(db->cli, EXIT_USAGE,
				"--set-level is a day from 1 to %u, or %u: warm",
				curve.step_count, curve.step_count + 1);
	snprintf(step, sizeof(step), "%llu", (unsigned long long)level - 1);
	snprintf(day, sizeof(day), "%d", warmup_day_of(&curve, clock_wall()));
	const char *parameters[] = {source, provider, step, day};
	PGresult *result = db_query(db, "api_warmup_set", 4, parameters);
	if (!result)
		return db_code(db);
	bool none = PQntuples(result) == 0;
	PQclear(result);
	if (none)
		return cli_fail(db->cli, EXIT_NOT_FOUND,
				"source '%s' has written to nobody yet: name the provider, too",
				source);
	return list(db, source, provider);
}

static int add_complaints(struct db *db, const char *source, const char *provider,
			  const struct wish *wish)
{
	struct warmup_curve curve;
	char count[24], day[24];
	usec wall = clock_wall();
	int code = known_curve(db, source, &curve);
	if (code != CLI_GO)
		return code;
	if (!provider)
		return cli_fail(db->cli, EXIT_USAGE, "--complaints are those of one PROVIDER");
	if (wish->day && !date_option(wish->day, &wall))
		return cli_fail(db->cli, EXIT_USAGE,
				"--day is a date such as 2026-03-01, not "
				"'%s'",
				wish->day);
	int32_t number = wish->day ? (int32_t)(wall / USEC_DAY) : warmup_day_of(&curve, wall);
	snprintf(count, sizeof(count), "%llu", (unsigned long long)wish->complaints);
	snprintf(day, sizeof(day), "%d", number);
	const char *parameters[] = {source, provider, day, count};
	PGresult *result = db_query(db, "api_warmup_complaints", 4, parameters);
	if (!result)
		return db_code(db);
	PQclear(result);
	return list(db, source, provider);
}

static int act(struct db *db, int argc, char **argv, const struct wish *wish)
{
	const char *source = argc > 0 ? argv[0] : NULL;
	const char *provider = argc > 1 ? argv[1] : NULL;
	if (provider && strcmp(provider, OTHERS) == 0)
		provider = "";
	if ((wish->has_level || wish->has_complaints) && !source)
		return cli_fail(db->cli, EXIT_USAGE, "say of which SOURCE");
	if (wish->has_level && wish->has_complaints)
		return cli_fail(db->cli, EXIT_USAGE,
				"--set-level or --complaints, one at a time");
	if (wish->has_level)
		return set_level(db, source, provider, wish->level);
	if (wish->has_complaints)
		return add_complaints(db, source, provider, wish);
	return list(db, source, provider);
}

static int warmup_run(struct cli *cli, int argc, char **argv)
{
	struct wish wish = {.level = UINT64_MAX, .complaints = UINT64_MAX};
	const struct cli_option options[] = {
		{"set-level", CLI_COUNT, &wish.level, "DAY",
		 "it stands at this day of its curve; one more than there are: warm"},
		{"complaints", CLI_COUNT, &wish.complaints, "COUNT",
		 "so many more people complained"},
		{"day", CLI_TEXT, &wish.day, "DATE", "of mail of this day (default: today)"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 0, 2);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	wish.has_level = wish.level != UINT64_MAX;
	wish.has_complaints = wish.complaints != UINT64_MAX;
	code = act(&db, argc, argv, &wish);
	db_close(&db);
	return code;
}

const struct command command_warmup = {
	.name = "warmup",
	.synopsis = "[SOURCE [PROVIDER]]\nSOURCE [PROVIDER] --set-level DAY\n"
		    "SOURCE PROVIDER --complaints COUNT [--day DATE]",
	.summary = "Show how far new sources have come with each provider",
	.manual =
		"A source with `warmup` in the configuration may send a provider so many "
		"messages "
		"a day\n"
		"as its curve allows, spread over the sending hours; the next day allows more, "
		"unless too\n"
		"much was deferred or complained of, and then `held` says why. sent counts "
		"what "
		"engines have\n"
		"reserved, too; tomorrow is what follows if today goes on as so far. PROVIDER "
		"other is all\n"
		"that have no name. An engine at work learns of --set-level when it reserves "
		"its "
		"next starts.\n"
		"Complaints come from feedback loops and postmaster pages: tell them here.",
	.run = warmup_run,
	.outputs = CLI_JSON | CLI_CSV,
};
