/* cmd_report.c - `rundbrief report CAMPAIGN`, and replies that nobody understood. */
#include "engine/api/commands.h"

#include "engine/api/report.h"
#include "engine/api/rows.h"

#define UNKNOWN_COLUMN_COUNT 8

static int print_report(struct cli *cli, struct db *db, const char *name)
{
	struct campaign_row campaign;
	struct buf out;
	struct report *report = ARENA_NEW(cli->arena, struct report);
	int code = db_campaign(db, name, &campaign);
	if (code != CLI_GO)
		return code;
	if (!report)
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	code = report_read(db, &campaign, report);
	if (code != CLI_GO)
		return code;
	buf_init_arena(&out, cli->arena, 16384);
	if (cli->format == OUTPUT_JSON)
		report_put_json(report, &out);
	else
		report_put_text(report, &out);
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static void put_unknown(void *context, const PGresult *result, int row)
{
	str cells[UNKNOWN_COLUMN_COUNT];
	for (int i = 0; i < UNKNOWN_COLUMN_COUNT; i++)
		cells[i] = db_cell(result, row, i);
	rows_put(context, cells);
}

static int list_unknown(struct db *db)
{
	static const struct column columns[UNKNOWN_COLUMN_COUNT] = {
		{"count", 7, true},      {"code", 4, true},         {"stage", 8, false},
		{"provider", 12, false}, {"first_seen", 16, false}, {"last_seen", 16, false},
		{"pattern", 40, false},  {"example", 0, false},
	};
	struct rows rows;
	rows_begin(&rows, db->cli->format, columns, UNKNOWN_COLUMN_COUNT);
	int code = db_stream(db, "api_unknown", 0, NULL, put_unknown, &rows);
	rows_end(&rows);
	return code == CLI_GO ? EXIT_OK : code;
}

/* Which of the two is meant, and whether it is asked for as it can be. */
static int check_arguments(struct cli *cli, bool unknown, int argc, char **argv)
{
	if (unknown && argc > 0)
		return cli_fail(cli, EXIT_USAGE,
				"--unknown is about all campaigns; '%s' is too much", argv[0]);
	if (!unknown && argc == 0)
		return cli_fail(cli, EXIT_USAGE, "which campaign?");
	if (!unknown && cli->format == OUTPUT_CSV)
		return cli_fail(cli, EXIT_USAGE, "unknown option '--csv' of a campaign's report; --unknown has it");
	return CLI_GO;
}

static int report_run(struct cli *cli, int argc, char **argv)
{
	bool unknown = false;
	const struct cli_option options[] = {
		{"unknown", CLI_FLAG, &unknown, NULL,
		 "list replies of servers that no rule knows, of all campaigns"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 0, 1);
	if (code == CLI_GO)
		code = check_arguments(cli, unknown, argc, argv);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = unknown ? list_unknown(&db) : print_report(cli, &db, argv[0]);
	db_close(&db);
	return code;
}

const struct command command_report = {
	.name = "report",
	.synopsis = "CAMPAIGN\n--unknown",
	.summary = "Say what came of a campaign, in numbers that add up",
	.manual =
		"Targeted = delivered + failed + in doubt + suppressed + cancelled + held "
		"out, once a\n"
		"campaign is finished; until then some are still open. Each number names the "
		"command\n"
		"that lists the recipients behind it. Deferrals are attempts, the rest are "
		"recipients.\n"
		"--unknown lists the replies that were classified by their code alone: how "
		"often "
		"each\n"
		"was seen, and one of them without addresses. A line in engine/smtp/rules.tsv "
		"teaches\n"
		"the classifier what they mean.",
	.run = report_run,
	.outputs = CLI_JSON | CLI_CSV,
};
