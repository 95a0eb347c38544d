/* cmd_preview.c - `rundbrief preview CAMPAIGN --to EMAIL`: one recipient's message. */
#include "engine/api/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/api/browser.h"
#include "engine/api/date_option.h"
#include "engine/api/letter.h"
#include "engine/api/rows.h"
#include "engine/api/settings.h"

struct preview {
	const char *to, *date, *picture, *variant;
	bool html, text, raw, is_unsigned, headers, size;
	struct browser_view view;
};

/* A letter can be looked at before the sender is set up: its links then verify nothing. */
static int use_secret_if_any(struct cli *cli, struct db *db, struct letter *letter)
{
	str secret;
	if (cli->config.sending.secret.size == 0)
		return CLI_GO;
	int code = settings_secret(cli, &secret);
	return code == CLI_GO ? letter_use_secret(letter, db, secret) : code;
}

/* The bytes as they are sent: signatures, then the message. */
static int make_raw(struct cli *cli, struct db *db, struct letter *letter,
		    const struct preview *p, struct buf *signature, struct buf *message)
{
	struct dkim_key **keys = NULL;
	size_t key_count = 0;
	str secret;
	int code = p->raw ? settings_secret(cli, &secret) : use_secret_if_any(cli, db, letter);
	if (code == CLI_GO && p->raw)
		code = letter_use_secret(letter, db, secret);
	if (code == CLI_GO && !p->is_unsigned)
		code = settings_dkim_keys(cli, &keys, &key_count);
	if (code != CLI_GO)
		return code;
	buf_init_arena(signature, cli->arena, 4096);
	buf_init_arena(message, cli->arena, 65536);
	letter->form = MESSAGE_8BIT;
	code = letter_raw(letter, keys, key_count, signature, message);
	for (size_t i = 0; i < key_count; i++)
		dkim_key_destroy(keys[i]);
	return code;
}

static size_t header_size(str message)
{
	size_t end = str_find(message, STR("\r\n\r\n"));
	return end == STR_NONE ? message.size : end + 2;
}

static int preview_raw(struct cli *cli, struct db *db, struct letter *letter,
		       const struct preview *p)
{
	struct buf signature, message;
	int code = make_raw(cli, db, letter, p, &signature, &message);
	if (code != CLI_GO)
		return code;
	str text = buf_str(&message);
	cli_write(buf_str(&signature));
	cli_write(p->headers ? str_sub(text, 0, header_size(text)) : text);
	return EXIT_OK;
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

static void put_variant(const struct letter *letter, struct buf *out)
{
	if (letter->variant.size == 0)
		return;
	buf_put_cstr(out, "\nVariant: ");
	text_put_printable(out, letter->variant, 40);
	if (letter->waits)
		buf_put_cstr(out, " (waits for the winner to be named)");
	if (letter->held_out)
		buf_put_cstr(out, " (is held out: gets nothing)");
}

static void put_json_variant(const struct letter *letter, struct buf *out)
{
	if (letter->variant.size == 0)
		return;
	buf_put_cstr(out, ",\"variant\":");
	json_put_string(out, letter->variant);
	buf_printf(out, ",\"waits_for_winner\":%s,\"held_out\":%s",
		   letter->waits ? "true" : "false", letter->held_out ? "true" : "false");
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
		put_variant(letter, &out);
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

/* Of a part before it is encoded. */
static int part_size(struct cli *cli, struct letter *letter, enum message_part part,
		     size_t *ret_size)
{
	struct buf text;
	buf_init_arena(&text, cli->arena, 65536);
	int code = letter_part(letter, part, &text);
	*ret_size = text.size;
	return code;
}

#define CLIP_SIZE (102 * 1024)
static int preview_size(struct cli *cli, struct db *db, struct letter *letter,
			const struct preview *p)
{
	struct buf signature, message;
	size_t text = 0, html = 0;
	int code = make_raw(cli, db, letter, p, &signature, &message);
	if (code == CLI_GO)
		code = part_size(cli, letter, MESSAGE_TEXT, &text);
	if (code == CLI_GO)
		code = part_size(cli, letter, MESSAGE_HTML, &html);
	if (code != CLI_GO)
		return code;
	size_t header = signature.size + header_size(buf_str(&message));
	printf("header  %9zu bytes, signatures and all\n", header);
	printf("text    %9zu bytes\n", text);
	printf("HTML    %9zu bytes%s\n", html,
	       html > CLIP_SIZE ? ", of which Gmail shows the first 102 KB" : "");
	printf("message %9zu bytes, as it is sent\n", signature.size + message.size);
	return EXIT_OK;
}

static int write_picture(struct cli *cli, const char *path, str png)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	while (fd >= 0 && png.size > 0) {
		ssize_t n = write(fd, png.data, png.size);
		if (n < 0 && errno != EINTR)
			break;
		png = str_from(png, n > 0 ? (size_t)n : 0);
	}
	int error = fd < 0 || png.size > 0 ? errno : 0;
	if (fd >= 0 && close(fd) != 0 && error == 0)
		error = errno;
	return error == 0 ? EXIT_OK
			  : cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(error));
}

static int preview_picture(struct cli *cli, struct db *db, struct letter *letter,
			   const struct preview *p)
{
	const struct config_preview *config = &cli->config.preview;
	struct browser browser;
	struct buf html;
	str png, program = browser_find(cli->arena, config->browser);
	buf_init_arena(&html, cli->arena, 65536);
	if (!program.data && config->browser.size > 0)
		return cli_fail(cli, EXIT_NOT_FOUND,
				"the browser '%.*s' of rundbrief.conf is not there",
				STR_FORMAT(config->browser));
	if (!program.data)
		return cli_fail(cli, EXIT_NOT_FOUND,
				"a picture needs a browser: install chromium, or name one as "
				"preview.browser in rundbrief.conf");
	int code = use_secret_if_any(cli, db, letter);
	if (code == CLI_GO)
		code = letter_part(letter, MESSAGE_HTML, &html);
	if (code != CLI_GO)
		return code;
	if (html.size == 0)
		return cli_fail(cli, EXIT_INVALID,
				"the letter has no HTML to make a picture of");
	if (browser_start(&browser, program.data, config->timeout) != 0)
		return cli_fail(cli, EXIT_FAILED, "%s", browser.why);
	int result = browser_picture(&browser, buf_str(&html), &p->view, cli->arena, &png);
	browser_stop(&browser);
	if (browser.interrupted)
		return EXIT_STOPPED;
	return result == 0 ? write_picture(cli, p->picture, png)
			   : cli_fail(cli, EXIT_FAILED, "%s", browser.why);
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
	put_json_variant(letter, &out);
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
	if (code == CLI_GO && p->variant)
		code = letter_choose(&letter, p->variant);
	if (code == CLI_GO && p->date && !date_option(p->date, &letter.recipient.date_wall))
		code = cli_fail(
			cli, EXIT_USAGE,
			"--date is written 2026-03-01T08:00:00Z or as seconds since 1970");
	if (code != CLI_GO)
		return code;
	if (cli->format == OUTPUT_JSON)
		return preview_json(cli, db, &letter);
	return p->picture             ? preview_picture(cli, db, &letter, p)
	       : p->size              ? preview_size(cli, db, &letter, p)
	       : p->raw || p->headers ? preview_raw(cli, db, &letter, p)
				      : preview_parts(cli, db, &letter, p);
}

static int check_options(struct cli *cli, const struct preview *p)
{
	int chosen = p->text + p->html + p->raw + p->headers + p->size + (p->picture != NULL);
	if (chosen > 1)
		return cli_fail(
			cli, EXIT_USAGE,
			"one of --text, --html, --raw, --headers, --size and --picture");
	if (cli->format == OUTPUT_JSON && chosen > 0)
		return cli_fail(cli, EXIT_USAGE,
				"--json holds subject, text and HTML; leave --text, --html, "
				"--raw, --headers, --size and --picture out");
	if ((p->view.phone || p->view.dark) && !p->picture)
		return cli_fail(cli, EXIT_USAGE, "--phone and --dark are about --picture FILE");
	return CLI_GO;
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
		{"headers", CLI_FLAG, &p.headers, NULL, "the header of --raw alone"},
		{"size", CLI_FLAG, &p.size, NULL,
		 "how large the header, both parts and the message are"},
		{"unsigned", CLI_FLAG, &p.is_unsigned, NULL,
		 "with --raw, --headers, --size: without signatures"},
		{"picture", CLI_TEXT, &p.picture, "FILE",
		 "a PNG as a browser shows the letter, 700 pixels wide"},
		{"phone", CLI_FLAG, &p.view.phone, NULL, "with --picture: 390 pixels wide"},
		{"dark", CLI_FLAG, &p.view.dark, NULL,
		 "with --picture: for somebody whose screen is dark"},
		{"date", CLI_TEXT, &p.date, "TIME",
		 "Date of the message, in place of now or the stored one"},
		{"variant", CLI_TEXT, &p.variant, "NAME",
		 "this variant, in place of the recipient's own"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 1, 1);
	if (code != CLI_GO)
		return code;
	code = check_options(cli, &p);
	if (code != CLI_GO)
		return code;
	code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = preview(cli, &db, &p, argv[0]);
	db_close(&db);
	return code;
}

const struct command command_preview = {
	.name = "preview",
	.synopsis = "CAMPAIGN --to EMAIL [--variant NAME] [--text | --html | --raw | --headers "
		    "| --size]\n"
		    "CAMPAIGN --to EMAIL --picture FILE.png [--phone] [--dark]",
	.summary = "Show one recipient's message",
	.manual =
		"Rendered by the same code and from the same data as when sending. Somebody "
		"who was\n"
		"written to already is shown what they got: the stored Date and revision are "
		"used.\n\n"
		"A picture needs chromium, or another browser that preview.browser of "
		"rundbrief.conf\n"
		"names. It sees the letter alone, without scripts and without network: "
		"images from\n"
		"the web are not fetched, as with readers whose mail program does not. As root "
		"it runs\n"
		"without its sandbox, which Chromium refuses to root.",
	.run = preview_run,
	.outputs = CLI_JSON,
};
