/* cmd_preview.c - `rundbrief preview CAMPAIGN --to EMAIL`: one recipient's message. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/date_option.h"
#include "engine/api/letter.h"
#include "engine/api/rows.h"
#include "engine/api/settings.h"

struct preview {
	const char *to, *date;
	bool html, text, raw, is_unsigned;
};

static int preview_raw(struct cli *cli, struct db *db, struct letter *letter, bool is_unsigned)
{
	struct buf signature, message;
	struct dkim_key **keys = NULL;
	size_t key_count = 0;
	str secret;
	int code = settings_secret(cli, &secret);
	if (code == CLI_GO)
		code = letter_use_secret(letter, db, secret);
	if (code == CLI_GO && !is_unsigned)
		code = settings_dkim_keys(cli, &keys, &key_count);
	if (code != CLI_GO)
		return code;
	buf_init_arena(&signature, cli->arena, 4096);
	buf_init_arena(&message, cli->arena, 65536);
	code = letter_raw(letter, keys, key_count, &signature, &message);
	for (size_t i = 0; i < key_count; i++)
		dkim_key_destroy(keys[i]);
	if (code != CLI_GO)
		return code;
	cli_write(buf_str(&signature));
	cli_write(buf_str(&message));
	return EXIT_OK;
}

/* A letter can be looked at before the sender is set up: its links then verify nothing. */
static int use_secret_if_any(struct cli *cli, struct db *db, struct letter *letter)
{
	str secret;
	if (cli->config.sending.secret.size == 0)
		return CLI_GO;
	int code = settings_secret(cli, &secret);
	return code == CLI_GO ? letter_use_secret(letter, db, secret) : code;
}

/* What people are shown has no bytes that a terminal obeys: attributes come from anybody. */
static int put_shown(struct cli *cli, struct letter *letter, enum message_part part,
		     struct buf *out)
{
	struct buf text;
	buf_init_arena(&text, cli->arena, 65536);
	int code = letter_part(letter, part, &text);
	if (code == CLI_GO && !buf_ok(&text))
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	text_put_printable_lines(out, buf_str(&text));
	return code;
}

/* Subject and text as a reader sees them first; --text and --html give one part exactly. */
static int preview_parts(struct cli *cli, struct db *db, struct letter *letter,
			 const struct preview *p)
{
	struct buf out;
	int code = use_secret_if_any(cli, db, letter);
	buf_init_arena(&out, cli->arena, 65536);
	if (code == CLI_GO && !p->html && !p->text) {
		buf_put_cstr(&out, "To:      ");
		text_put_printable(&out, letter->email, 400);
		buf_put_cstr(&out, "\nSubject: ");
		code = put_shown(cli, letter, MESSAGE_SUBJECT, &out);
		buf_put_cstr(&out, "\n\n");
		if (code == CLI_GO)
			code = put_shown(cli, letter, MESSAGE_TEXT, &out);
	} else if (code == CLI_GO)
		code = letter_part(letter, p->html ? MESSAGE_HTML : MESSAGE_TEXT, &out);
	if (code != CLI_GO)
		return code;
	if (!buf_ok(&out))
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static int put_json_part(struct cli *cli, struct letter *letter, const char *name,
			 enum message_part part, struct buf *out)
{
	struct buf text;
	buf_init_arena(&text, cli->arena, 65536);
	int code = letter_part(letter, part, &text);
	if (code == CLI_GO && !buf_ok(&text))
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	buf_printf(out, ",\"%s\":", name);
	json_put_string(out, buf_str(&text));
	return code;
}

static int preview_json(struct cli *cli, struct db *db, struct letter *letter)
{
	struct buf out;
	int code = use_secret_if_any(cli, db, letter);
	buf_init_arena(&out, cli->arena, 65536);
	buf_put_cstr(&out, "{\"to\":");
	json_put_string(&out, letter->email);
	if (code == CLI_GO)
		code = put_json_part(cli, letter, "subject", MESSAGE_SUBJECT, &out);
	if (code == CLI_GO)
		code = put_json_part(cli, letter, "text", MESSAGE_TEXT, &out);
	if (code == CLI_GO)
		code = put_json_part(cli, letter, "html", MESSAGE_HTML, &out);
	buf_put_cstr(&out, "}\n");
	if (code == CLI_GO)
		cli_write(buf_str(&out));
	return code == CLI_GO ? EXIT_OK : code;
}

static int preview(struct cli *cli, struct db *db, const struct preview *p, const char *name)
{
	struct campaign_row campaign;
	struct letter letter;
	int code = db_campaign(db, name, &campaign);
	if (code == CLI_GO)
		code = letter_open(db, &campaign, p->to, &letter);
	if (code == CLI_GO && p->date && !date_option(p->date, &letter.recipient.date_wall))
		code = cli_fail(
			cli, EXIT_USAGE,
			"--date is written 2026-03-01T08:00:00Z or as seconds since 1970");
	if (code != CLI_GO)
		return code;
	if (cli->format == OUTPUT_JSON)
		return preview_json(cli, db, &letter);
	return p->raw ? preview_raw(cli, db, &letter, p->is_unsigned)
		      : preview_parts(cli, db, &letter, p);
}

static int preview_run(struct cli *cli, int argc, char **argv)
{
	struct preview p = {};
	const struct cli_option options[] = {
		{"to", CLI_TEXT, &p.to, "EMAIL",
		 "whose message; left out, anybody's of the audience"},
		{"text", CLI_FLAG, &p.text, NULL, "the text part, exactly"},
		{"html", CLI_FLAG, &p.html, NULL, "the HTML part, exactly"},
		{"raw", CLI_FLAG, &p.raw, NULL,
		 "exactly the bytes that are sent, signatures first"},
		{"unsigned", CLI_FLAG, &p.is_unsigned, NULL, "with --raw: without signatures"},
		{"date", CLI_TEXT, &p.date, "TIME",
		 "Date of the message, in place of now or the stored one"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 1, 1);
	if (code != CLI_GO)
		return code;
	if (p.text + p.html + p.raw > 1)
		return cli_fail(cli, EXIT_USAGE, "one of --text, --html and --raw");
	if (cli->format == OUTPUT_JSON && (p.text || p.html || p.raw))
		return cli_fail(cli, EXIT_USAGE,
				"--json holds subject, text and HTML; leave --text, --html and "
				"--raw out");
	code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = preview(cli, &db, &p, argv[0]);
	db_close(&db);
	return code;
}

const struct command command_preview = {
	.name = "preview",
	.synopsis = "CAMPAIGN --to EMAIL [--text | --html | --raw]",
	.summary = "Show one recipient's message",
	.manual = "Rendered by the same code and from the same data as when sending. Somebody "
		  "who was\n"
		  "written to already is shown what they got: the stored Date and revision are "
		  "used.",
	.run = preview_run,
	.outputs = CLI_JSON,
};
