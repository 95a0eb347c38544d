/* cmd_send.c - `rundbrief send CAMPAIGN|DIR`: launches what is a draft, sends, shows progress.
 * Ctrl-C once asks the engine to stop in order, twice to stop at once; what was not started is
 * sent by the next `rundbrief send` of the same campaign. */
#include "engine/api/commands.h"

#include "engine/api/email.h"
#include "engine/api/letter.h"
#include "engine/api/quicken.h"
#include "engine/api/report.h"
#include "engine/api/rows.h"
#include "engine/api/sending.h"

struct send {
	const char *test, *as, *variant;
	bool limits;
};

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
		return sending_launch(db, campaign);
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
	int code = settings_make_journal(cli, settings);
	if (code == CLI_GO)
		code = make_ready(db, campaign);
	if (code != CLI_GO)
		return code;
	code = sending_run(cli, settings, db, campaign->id, campaign->name, cli->quiet);
	return print_end(cli, db, campaign, code);
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
	if (code == CLI_GO && s->variant)
		code = letter_choose(&letter, s->variant);
	if (code == CLI_GO)
		code = letter_use_secret(&letter, db, settings->secret);
	if (code != CLI_GO)
		return code;
	buf_init_arena(&signature, cli->arena, 4096);
	buf_init_arena(&message, cli->arena, 65536);
	buf_init_arena(&from, cli->arena, 256);
	code = letter_raw(&letter, settings->dkim_keys, settings->dkim_key_count, &signature,
			  &message);
	if (code != CLI_GO)
		return code;
	message_mail_from(letter.plan, &letter.recipient, &from);
	const struct engine_letter sent = {.mail_from = buf_str(&from),
					   .to = str_of(s->test),
					   .signature = buf_str(&signature),
					   .message = buf_str(&message)};
	if (engine_send_test(settings, &sent, reply, sizeof(reply)) != 0)
		return cli_fail(cli, EXIT_FAILED, "%s was not delivered: %s", s->test, reply);
	print_sent(cli, s->test, letter.email, str_of(reply));
	return EXIT_OK;
}

static int send_or_test(struct cli *cli, const struct engine_settings *settings,
			const char *name, const struct send *s)
{
	struct campaign_row campaign;
	struct db db;
	int code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = sending_find(&db, name, &campaign);
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
		{"variant", CLI_TEXT, &s.variant, "NAME",
		 "with --test: this variant, in place of the subscriber's own"},
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
	if (!s.limits && !s.test)
		quicken(cli, &settings);
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
	.synopsis =
		"CAMPAIGN | DIR\nCAMPAIGN | DIR --test ADDRESS [--as EMAIL] [--variant NAME]",
	.summary = "Send a campaign, or one test message of it",
	.manual = "A folder is stored first, as `rundbrief campaign create` does. A draft is "
		  "launched; a\n"
		  "running campaign is joined by this engine, or taken up again after a crash. "
		  "Ends when\n"
		  "every recipient has a verdict; Ctrl-C stops in order, a second one at once.",
	.run = send_run,
	.outputs = CLI_JSON,
};
