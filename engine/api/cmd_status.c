/* cmd_status.c - `rundbrief status [CAMPAIGN]`: what is under way, and which engines work. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/db.h"
#include "engine/api/rows.h"

static const struct column campaign_columns[] = {
	{"id", 6, true},         {"campaign", 28, false}, {"state", 9, false},
	{"targeted", 10, true},  {"ended", 10, true},     {"delivered", 10, true},
	{"deferred", 9, true},   {"failed", 8, true},     {"in_doubt", 8, true},
	{"fully_cut", 9, false}, {"launched", 19, false}, {"why", 0, false},
};
static const struct column engine_columns[] = {
	{"engine", 24, false}, {"epoch", 6, true},  {"seconds_since_heartbeat", 23, true},
	{"slices", 7, true},   {"state", 0, false},
};

static void put_row(void *context, const PGresult *result, int row)
{
	struct rows *rows = context;
	str cells[16];
	for (size_t i = 0; i < rows->column_count; i++)
		cells[i] = db_cell(result, row, (int)i);
	rows_put(rows, cells);
}

static int status(struct cli *cli, struct db *db, const char *campaign_id)
{
	struct rows rows;
	if (cli->format == OUTPUT_JSON)
		cli_write(STR("{\"campaigns\":"));
	rows_begin(&rows, cli->format, campaign_columns, 12);
	int code = db_stream(db, "api_status", 1, &campaign_id, put_row, &rows);
	rows_end(&rows);
	if (code != CLI_GO || cli->format == OUTPUT_CSV)
		return code == CLI_GO ? EXIT_OK : code;
	cli_write(cli->format == OUTPUT_JSON ? STR(",\"engines\":") : STR("\n"));
	rows_begin(&rows, cli->format, engine_columns, 5);
	code = db_stream(db, "api_status_engines", 0, NULL, put_row, &rows);
	rows_end(&rows);
	if (cli->format == OUTPUT_JSON)
		cli_write(STR("}\n"));
	return code == CLI_GO ? EXIT_OK : code;
}

static int status_run(struct cli *cli, int argc, char **argv)
{
	struct campaign_row campaign = {.id_text = {"", 0}};
	struct db db;
	int code = cli_parse(cli, NULL, &argc, &argv, 0, 1);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	if (argc == 1)
		code = db_campaign(&db, argv[0], &campaign);
	if (code == CLI_GO)
		code = status(cli, &db, campaign.id_text.data);
	db_close(&db);
	return code;
}

const struct command command_status = {
	.name = "status",
	.synopsis = "[CAMPAIGN]",
	.summary = "Show what is under way, and which engines work on it",
	.run = status_run,
	.outputs = CLI_JSON | CLI_CSV,
};
