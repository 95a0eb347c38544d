/* cmd_plan.c - `rundbrief plan CAMPAIGN`: how long it will take, and what holds it back. */
#include "engine/api/commands.h"

#include "engine/api/date_option.h"
#include "engine/api/plan.h"
#include "engine/api/settings.h"
#include "engine/io/clock.h"

static int plan_campaign(struct cli *cli, struct db *db, const struct engine_settings *settings,
			 const char *name, usec start_wall)
{
	struct campaign_row campaign;
	struct buf out;
	struct plan *plan = ARENA_NEW(cli->arena, struct plan);
	int code = db_campaign(db, name, &campaign);
	if (code == CLI_GO && !plan)
		code = cli_fail(cli, EXIT_FAILED, "out of memory");
	if (code == CLI_GO)
		code = plan_make(db, settings, &campaign, start_wall, plan);
	if (code == CLI_GO)
		code = plan_save(db, &campaign, plan);
	if (code != CLI_GO)
		return code;
	buf_init_arena(&out, cli->arena, 16384);
	if (cli->format == OUTPUT_JSON)
		plan_put_json(plan, &cli->config, settings->rules, &out);
	else
		plan_put_text(plan, &cli->config, settings->rules, &out);
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static int plan_command(struct cli *cli, int argc, char **argv)
{
	const char *start = NULL;
	const struct cli_option options[] = {
		{"start", CLI_TEXT, &start, "TIME", "as if it were launched then (UTC); now"},
		{},
	};
	struct engine_settings settings;
	struct db db;
	usec start_wall = clock_wall();
	int code = cli_parse(cli, options, &argc, &argv, 1, 1);
	if (code == CLI_GO && start && !date_option(start, &start_wall))
		code = cli_fail(cli, EXIT_USAGE,
				"--start '%s' is no time; try 2026-12-01T08:00:00Z", start);
	if (code == CLI_GO)
		code = settings_open(cli, &settings);
	if (code != CLI_GO)
		return code;
	code = db_open(&db, cli);
	if (code == CLI_GO) {
		code = plan_campaign(cli, &db, &settings, argv[0], start_wall);
		db_close(&db);
	}
	settings_close(&settings);
	return code;
}

const struct command command_plan = {
	.name = "plan",
	.synopsis = "CAMPAIGN [--start TIME]",
	.summary = "Forecast how long a campaign will take, and what holds it back",
	.manual =
		"Counts the recipients by domain, finds out where the mail of the largest "
		"domains goes,\n"
		"and runs the shaping of an engine with the limits in force under a clock of "
		"its own. It\n"
		"tells for each mailbox provider when the last first attempt will be made and "
		"which limit\n"
		"holds it back. Nothing is sent. The forecast is kept with the campaign: "
		"`rundbrief report`\n"
		"shows it beside what came of it. Incidents, and limits that no server has "
		"told, are not\n"
		"foreseen.",
	.run = plan_command,
	.outputs = CLI_JSON,
};
