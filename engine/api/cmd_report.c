/* cmd_report.c - `rundbrief report CAMPAIGN`. */
#include "engine/api/commands.h"

#include "engine/api/report.h"

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

static int report_run(struct cli *cli, int argc, char **argv)
{
	struct db db;
	int code = cli_parse(cli, NULL, &argc, &argv, 1, 1);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = print_report(cli, &db, argv[0]);
	db_close(&db);
	return code;
}

const struct command command_report = {
	.name = "report",
	.synopsis = "CAMPAIGN",
	.summary = "Say what came of a campaign, in numbers that add up",
	.manual = "Targeted = delivered + failed + in doubt + suppressed + cancelled + held "
		  "out, once a\n"
		  "campaign is finished; until then some are still open. Each number names the "
		  "command\n"
		  "that lists the recipients behind it. Deferrals are attempts, the rest are "
		  "recipients.",
	.run = report_run,
	.outputs = CLI_JSON,
};
