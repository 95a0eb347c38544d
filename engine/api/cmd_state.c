/* cmd_state.c - `rundbrief pause | resume | cancel CAMPAIGN`: a state change, which every
 * engine hears of within half a second and then waits. Nothing that was started is called back.
 */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/db.h"
#include "engine/api/rows.h"

struct state_change {
	const char *state;  /* its number */
	const char *before; /* those it may come from */
	const char *said;
	bool leaves_rest; /* recipients who have no verdict yet */
};

static void print_change(struct cli *cli, const struct campaign_row *campaign,
			 const char *state)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 256);
	if (cli->format == OUTPUT_JSON) {
		buf_put_cstr(&out, "{\"campaign\":");
		json_put_string(&out, campaign->name);
		buf_printf(&out, ",\"state\":\"%s\"}\n", state);
	} else {
		buf_printf(&out, "campaign %.*s is %s\n", STR_FORMAT(campaign->name), state);
	}
	cli_write(buf_str(&out));
}

/* By number: the name may be that of a folder here. */
static void tell_rest(const struct campaign_row *campaign)
{
	fprintf(stderr,
		"who is left is accounted for by the engine at work; where none is, by "
		"`rundbrief send %.*s`\n",
		STR_FORMAT(campaign->id_text));
}

static int change(struct cli *cli, struct db *db, const char *name,
		  const struct state_change *to)
{
	struct campaign_row campaign;
	int code = db_campaign(db, name, &campaign);
	if (code != CLI_GO)
		return code;
	const char *parameters[] = {campaign.id_text.data, to->state, to->before};
	PGresult *result = db_query(db, "api_campaign_state", 3, parameters);
	if (!result)
		return db_code(db);
	bool changed = PQntuples(result) == 1;
	PQclear(result);
	if (!changed)
		return cli_fail(cli, EXIT_FAILED, "'%.*s' is %.*s: it cannot be %s",
				STR_FORMAT(campaign.name), STR_FORMAT(campaign.state),
				to->said);
	print_change(cli, &campaign, to->said);
	if (to->leaves_rest && !str_eq(campaign.state, STR("draft")))
		tell_rest(&campaign);
	return EXIT_OK;
}

static int state_run(struct cli *cli, int argc, char **argv, const struct state_change *to)
{
	struct db db;
	int code = cli_parse(cli, NULL, &argc, &argv, 1, 1);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = change(cli, &db, argv[0], to);
	db_close(&db);
	return code;
}

static int pause_run(struct cli *cli, int argc, char **argv)
{
	static const struct state_change to = {"2", "{1}", "paused", false};
	return state_run(cli, argc, argv, &to);
}

static int resume_run(struct cli *cli, int argc, char **argv)
{
	static const struct state_change to = {"1", "{2}", "running", false};
	return state_run(cli, argc, argv, &to);
}

static int cancel_run(struct cli *cli, int argc, char **argv)
{
	static const struct state_change to = {"3", "{0,1,2}", "cancelled", true};
	return state_run(cli, argc, argv, &to);
}

const struct command command_pause = {
	.name = "pause",
	.synopsis = "CAMPAIGN",
	.summary = "Stop starting messages of a campaign, on every engine",
	.manual = "Messages under way end in order; the rest, and the engines, wait for "
		  "`rundbrief\n"
		  "resume`.",
	.run = pause_run,
	.outputs = CLI_JSON,
};

const struct command command_resume = {
	.name = "resume",
	.synopsis = "CAMPAIGN",
	.summary = "Let a paused campaign go on",
	.manual = "Engines that wait go on; where none does, `rundbrief send CAMPAIGN` starts "
		  "one.",
	.run = resume_run,
	.outputs = CLI_JSON,
};

const struct command command_cancel = {
	.name = "cancel",
	.synopsis = "CAMPAIGN",
	.summary = "End a campaign for good: whoever has not got it will not",
	.manual = "Messages under way end in order; the rest counts as cancelled. A cancelled "
		  "campaign\n"
		  "cannot go on; send it under another name instead.",
	.run = cancel_run,
	.outputs = CLI_JSON,
};
