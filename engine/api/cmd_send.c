/* cmd_send.c - `rundbrief send CAMPAIGN|DIR`: launches what is a draft, sends, shows progress.
 * Ctrl-C once asks the engine to stop in order, twice to stop at once; what was not started is
 * sent by the next `rundbrief send` of the same campaign. */
#include "engine/api/commands.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/api/campaign_store.h"
#include "engine/api/email.h"
#include "engine/api/letter.h"
#include "engine/api/progress.h"
#include "engine/api/reload.h"
#include "engine/api/report.h"
#include "engine/api/rows.h"
#include "engine/api/settings.h"
#include "engine/io/clock.h"

struct send {
	const char *test, *as;
	bool limits;
};

static volatile sig_atomic_t stop_signals, hangups;

static void on_signal(int)
{
	stop_signals++;
}

static void on_hangup(int)
{
	hangups++;
}

static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Not restarted: whatever waits is to notice. */
static void catch_signals(bool can_reload)
{
	struct sigaction action = {.sa_handler = on_signal}, before;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* SIGHUP is a terminal that closes; to a service, which has none, it says that a file
	 * has changed. Under nohup it is ignored and stays so. */
	if (can_reload && !has_terminal())
		action.sa_handler = on_hangup;
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
}

struct sending {
	struct progress display;
	struct reload reload;
	int hangups; /* seen */
	int told;    /* signals that the engine has been told of */
};

static bool on_progress(void *context, const struct engine_progress *p)
{
	struct sending *sending = context;
	int signals = stop_signals;
	progress_show(&sending->display, p, signals, clock_now(), clock_wall());
	int asked = hangups;
	reload_look(&sending->reload, asked != sending->hangups, clock_now());
	sending->hangups = asked;
	if (signals <= sending->told)
		return true;
	sending->told++;
	return false;
}

/* Two engines may be told to send one draft at the same time: who comes second joins. */
static int join_other(struct db *db, const struct campaign_row *campaign)
{
	struct campaign_row now;
	char name[256];
	int code = str_to_cstr(campaign->name, name, sizeof(name)) ? db_campaign(db, name, &now)
								   : EXIT_FAILED;
	if (code != CLI_GO || str_eq(now.state, STR("running")))
		return code;
	return cli_fail(db->cli, EXIT_FAILED,
			"'%s' has no content; rundbrief campaign create stores its folder",
			name);
}

/* A launch cannot be taken back, so a filter that chooses nobody is told before. */
static int check_filter(struct db *db, const struct campaign_row *campaign)
{
	PGresult *result = db_query(db, "api_filter_fits", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	bool somebody = PQntuples(result) > 0;
	PQclear(result);
	return somebody ? CLI_GO
			: cli_fail(db->cli, EXIT_INVALID,
				   "the filter of '%.*s' fits nobody on its lists. Imported "
				   "attributes are text, unless `rundbrief "
				   "import --numbers` made numbers of them: compare "
				   "$.age.double() with a number",
				   STR_FORMAT(campaign->name));
}

static int launch(struct db *db, const struct campaign_row *campaign)
{
	int code = check_filter(db, campaign);
	if (code != CLI_GO)
		return code;
	PGresult *result = db_query(db, "api_campaign_launch", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	bool launched = PQntuples(result) == 1;
	PQclear(result);
	return launched ? CLI_GO : join_other(db, campaign);
}

/* Cancelled while no engine was at work: nobody has written down yet whom it did not reach. */
static bool is_unaccounted(struct db *db, const struct campaign_row *campaign)
{
	struct report *report = ARENA_NEW(db->cli->arena, struct report);
	return str_eq(campaign->state, STR("cancelled")) && report &&
	       report_read(db, campaign, report) == CLI_GO && report_open(report) > 0;
}

/* Draft: launched. Running: joined, or taken up again after a crash. Cancelled with recipients
 * left: an engine gives them their verdict. Others cannot be sent. */
static int make_ready(struct db *db, const struct campaign_row *campaign)
{
	if (str_eq(campaign->state, STR("draft")))
		return launch(db, campaign);
	if (str_eq(campaign->state, STR("running")) || is_unaccounted(db, campaign))
		return CLI_GO;
	if (str_eq(campaign->state, STR("paused")))
		return cli_fail(db->cli, EXIT_STOPPED,
				"'%.*s' is paused; `rundbrief resume` first",
				STR_FORMAT(campaign->name));
	return cli_fail(db->cli, EXIT_FAILED,
			"'%.*s' is %.*s; `rundbrief report` tells about it",
			STR_FORMAT(campaign->name), STR_FORMAT(campaign->state));
}

static int end_code(struct cli *cli, enum engine_end end, const char *why)
{
	switch (end) {
	case ENGINE_FINISHED:
		return EXIT_OK;
	case ENGINE_STOPPED:
		return cli_fail(cli, EXIT_STOPPED,
				"stopped; the same command goes on where it ended");
	case ENGINE_CANCELLED:
		return cli_fail(cli, EXIT_STOPPED, "%s",
				why[0] ? why : "the campaign was cancelled");
	case ENGINE_FAILED:
		break;
	}
	return cli_fail(cli, EXIT_FAILED, "%s", why);
}

/* Programs get the report at once; people are told where it is. */
static int print_end(struct cli *cli, struct db *db, const struct campaign_row *campaign,
		     int code)
{
	struct buf out;
	struct report *report = ARENA_NEW(cli->arena, struct report);
	buf_init_arena(&out, cli->arena, 8192);
	if (code != EXIT_OK && code != EXIT_STOPPED)
		return code;
	if (cli->format != OUTPUT_JSON) {
		buf_put_cstr(&out, "`rundbrief report ");
		text_put_shell_word(&out, campaign->name);
		buf_put_cstr(&out, "` tells what came of it\n");
	} else {
		int trouble = report ? db_open(db, cli) : EXIT_FAILED;
		if (trouble == CLI_GO)
			trouble = report_read(db, campaign, report);
		if (trouble != CLI_GO)
			return trouble;
		report_put_json(report, &out);
	}
	cli_write(buf_str(&out));
	return code;
}

static int send_campaign(struct cli *cli, struct db *db, const struct engine_settings *settings,
			 const struct campaign_row *campaign)
{
	struct sending *sending = ARENA_NEW(cli->arena, struct sending);
	char why[400] = "";
	if (!sending)
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	int code = settings_make_journal(cli, settings);
	if (code == CLI_GO)
		code = make_ready(db, campaign);
	db_close(db); /* it may take days: an idle connection would be held for nothing */
	if (code != CLI_GO)
		return code;
	catch_signals(cli->config.providers_file.size > 0);
	progress_begin(&sending->display, cli->quiet, campaign->name, clock_now());
	reload_begin(&sending->reload, &cli->config, settings->rules, clock_now());
	enum engine_end end =
		engine_run(settings, campaign->id, on_progress, sending, why, sizeof(why));
	reload_end(&sending->reload);
	progress_end(&sending->display, clock_now(), clock_wall());
	return print_end(cli, db, campaign, end_code(cli, end, why));
}

static void print_sent(struct cli *cli, const char *to, str as, str reply)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 2048);
	if (cli->format == OUTPUT_JSON) {
		buf_put_cstr(&out, "{\"to\":");
		json_put_string(&out, str_of(to));
		buf_put_cstr(&out, ",\"as\":");
		json_put_string(&out, as);
		buf_put_cstr(&out, ",\"reply\":");
		json_put_string(&out, reply);
		buf_put_cstr(&out, "}\n");
	} else {
		buf_printf(&out, "sent to %s as %.*s would get it: ", to, STR_FORMAT(as));
		text_put_printable(&out, reply, 800);
		buf_put_byte(&out, '\n');
	}
	cli_write(buf_str(&out));
}

static int send_test(struct cli *cli, struct db *db, const struct engine_settings *settings,
		     const struct campaign_row *campaign, const struct send *s)
{
	struct letter letter;
	struct buf signature, message, from;
	str key;
	char reply[600] = "";
	int code = email_key_of(cli, s->test, &key);
	if (code == CLI_GO)
		code = letter_open(db, campaign, s->as, &letter);
	if (code == CLI_GO)
		code = letter_use_secret(&letter, settings->secret);
	if (code != CLI_GO)
		return code;
	buf_init_arena(&signature, cli->arena, 4096);
	buf_init_arena(&message, cli->arena, 65536);
	buf_init_arena(&from, cli->arena, 256);
	code = letter_raw(&letter, settings->dkim_keys, settings->dkim_key_count, &signature,
			  &message);
	if (code != CLI_GO)
		return code;
	message_mail_from(letter.content->plan, &letter.recipient, &from);
	const struct engine_letter sent = {.mail_from = buf_str(&from),
					   .to = str_of(s->test),
					   .signature = buf_str(&signature),
					   .message = buf_str(&message)};
	if (engine_send_test(settings, &sent, reply, sizeof(reply)) != 0)
		return cli_fail(cli, EXIT_FAILED, "%s was not delivered: %s", s->test, reply);
	print_sent(cli, s->test, letter.email, str_of(reply));
	return EXIT_OK;
}

static int find_campaign(struct db *db, const char *name, struct campaign_row *ret_campaign)
{
	struct campaign_saved saved;
	if (!campaign_dir_is(name))
		return db_campaign(db, name, ret_campaign);
	return campaign_store_folder(db, name, ret_campaign, &saved);
}

static int send_or_test(struct cli *cli, const struct engine_settings *settings,
			const char *name, const struct send *s)
{
	struct campaign_row campaign;
	struct db db;
	int code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = find_campaign(&db, name, &campaign);
	if (code == CLI_GO && s->test)
		code = send_test(cli, &db, settings, &campaign, s);
	else if (code == CLI_GO)
		code = send_campaign(cli, &db, settings, &campaign);
	db_close(&db);
	return code;
}

static int print_limits(struct cli *cli, const struct engine_settings *settings)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 4096);
	engine_print_limits(settings, &out);
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static int send_run(struct cli *cli, int argc, char **argv)
{
	struct send s = {};
	const struct cli_option options[] = {
		{"test", CLI_TEXT, &s.test, "ADDRESS",
		 "send one message to this address and nothing else"},
		{"as", CLI_TEXT, &s.as, "EMAIL", "with --test: with this subscriber's data"},
		{"limits", CLI_FLAG, &s.limits, NULL,
		 "print the capacities that follow from the settings"},
		{},
	};
	struct engine_settings settings;
	int code = cli_parse(cli, options, &argc, &argv, 0, 1);
	if (code == CLI_GO && argc == 0 && !s.limits)
		code = cli_fail(cli, EXIT_USAGE,
				"which campaign? rundbrief send CAMPAIGN | DIR");
	if (code == CLI_GO)
		code = settings_open(cli, &settings);
	if (code != CLI_GO)
		return code;
	if (!s.limits)
		code = settings_use_sources(cli, &settings);
	if (code == CLI_GO)
		code = s.limits ? print_limits(cli, &settings)
				: send_or_test(cli, &settings, argv[0], &s);
	settings_close(&settings);
	return code;
}

const struct command command_send = {
	.name = "send",
	.synopsis = "CAMPAIGN | DIR\nCAMPAIGN | DIR --test ADDRESS [--as EMAIL]",
	.summary = "Send a campaign, or one test message of it",
	.manual = "A folder is stored first, as `rundbrief campaign create` does. A draft is "
		  "launched; a\n"
		  "running campaign is joined by this engine, or taken up again after a crash. "
		  "Ends when\n"
		  "every recipient has a verdict; Ctrl-C stops in order, a second one at once.",
	.run = send_run,
	.outputs = CLI_JSON,
};
