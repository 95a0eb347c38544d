/* cmd_serve.c - `rundbrief serve`: the engine as a service. It sends all campaigns that run,
 * takes up those that are launched meanwhile, and what programs put into the outbox. */
#include "engine/api/commands.h"

#include "engine/api/quicken.h"
#include "engine/api/sending.h"
#include "engine/api/terminal.h"

/* The database is asked once before: its trouble has exit codes and sentences of its own. */
static int serve(struct cli *cli, struct engine_settings *settings)
{
	struct db db;
	int code = settings_use_sources(cli, settings);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	db_close(&db);
	code = settings_make_journal(cli, settings);
	if (code != CLI_GO)
		return code;
	return sending_run(cli, settings, NULL, 0, STR("serving"), cli->quiet || !terminal_watched());
}

static int serve_run(struct cli *cli, int argc, char **argv)
{
	struct engine_settings settings;
	int code = cli_parse(cli, NULL, &argc, &argv, 0, 0);
	if (code == CLI_GO)
		code = settings_open(cli, &settings);
	if (code != CLI_GO)
		return code;
	quicken(cli, &settings);
	code = serve(cli, &settings);
	settings_close(&settings);
	return code;
}

const struct command command_serve = {
	.name = "serve",
	.synopsis = "",
	.summary = "Send all campaigns that run, and transactional mail, until stopped",
	.manual = "Campaigns begin with `rundbrief campaign start`; who pauses, resumes or "
		  "cancels one is\n"
		  "heard within a second. SIGTERM or Ctrl-C stops in order, a second one at "
		  "once; what was\n"
		  "not started is sent by the next engine. How long an end in order may take is "
		  "engine.drain.\n"
		  "SIGHUP reads rundbrief.conf and providers_file again: what `rundbrief help "
		  "config` marks\n"
		  "with reload counts within a second, and no connection ends; a file with a "
		  "mistake is told\n"
		  "and changes nothing. A service manager (systemd) is told when it is ready, how "
		  "it stands,\n"
		  "and that its workers turn. Shows its progress on a terminal; elsewhere only "
		  "events are told.",
	.run = serve_run,
};
