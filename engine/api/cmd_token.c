/* cmd_token.c - `rundbrief token TEXT...`: what a link, a return address or a Message-ID of
 * ours is about. For people who are asked "is this from you?", and for programs that read
 * bounces. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/letter.h"
#include "engine/api/rows.h"
#include "engine/api/settings.h"
#include "engine/sign/mac.h"
#include "templates/links.h"

#define LINE_LIMIT 4096

struct asking {
	struct cli *cli;
	struct db db;
	struct mac_keys *keys;
	struct rows rows;
	int code; /* of the last that was refused */
};

/* What was given, taken apart. */
struct found {
	str given, text; /* text: the token */
	bool is_page;
	struct link_path path;
	struct token token;
	enum token_purpose purpose;
};

static const char *const page_names[] = {[LINK_CLICK] = "click",
					 [LINK_OPEN] = "open",
					 [LINK_UNSUBSCRIBE] = "unsubscribe",
					 [LINK_VIEW] = "view",
					 [LINK_PREFERENCES] = "preferences"};

static enum token_purpose purpose_of(enum link_page page)
{
	return page == LINK_CLICK || page == LINK_OPEN ? TOKEN_TRACK
	       : page == LINK_UNSUBSCRIBE              ? TOKEN_UNSUBSCRIBE
						       : TOKEN_LINK;
}

/* given = url / ["<"] [prefix] token ["@" domain] [">"]; prefix = "b-" / "u-" / "mailto:u-" */
static void take_apart(str given, struct found *found)
{
	str text = str_trim(given);
	*found = (struct found){.given = text};
	found->is_page = link_path_read(text, &found->path);
	if (found->is_page) {
		found->text = found->path.token;
		return;
	}
	if (str_starts(text, STR("<")))
		text = str_from(text, 1);
	if (str_starts_nocase(text, STR("mailto:")))
		text = str_from(text, 7);
	text = str_cut(&text, '@');
	if (str_starts_nocase(text, STR("b-")) || str_starts_nocase(text, STR("u-")))
		text = str_from(text, 2);
	found->text = text;
}

static void refuse(struct asking *a, const struct found *found, const char *why)
{
	char shown[200];
	struct buf b;
	buf_init_fixed(&b, shown, sizeof(shown));
	buf_put_printable(&b, found->given, 100);
	a->code = cli_fail(a->cli, EXIT_INVALID, "%.*s: %s", STR_FORMAT(buf_str(&b)), why);
}

/* False after it was told. */
static bool check(struct asking *a, struct found *found)
{
	struct token_sealed sealed;
	if (!token_read(found->text, &sealed))
		refuse(a, found, "holds no token of rundbrief");
	else if (!mac_keys_has(a->keys, token_key_letter(sealed.key)))
		refuse(a, found, "its secret is none of those in the file of sending.secret");
	else if (!mac_check_any(a->keys, found->text, &found->token, &found->purpose))
		refuse(a, found, "is forged, or was damaged on its way");
	else if (found->is_page && found->purpose != purpose_of(found->path.page))
		refuse(a, found, "is a token for something else, put into this link by hand");
	else if (found->token.tenant != a->cli->config.database.tenant)
		refuse(a, found, "is another tenant's");
	else
		return true;
	return false;
}

static void tell(struct asking *a, const struct found *found, const char *what, str campaign,
		 str subscriber, str target, bool is_liquid)
{
	struct buf out;
	buf_init_arena(&out, a->cli->arena, 1024);
	buf_printf(&out, "%s, campaign %llu", what,
		   (unsigned long long)found->token.campaign_id);
	buf_put_cstr(&out, campaign.data ? " (" : " (which is not there");
	text_put_printable(&out, campaign, 200);
	buf_put_cstr(&out, "), ");
	if (found->token.subscriber_id == 0) {
		buf_put_cstr(&out, "nobody in particular");
	} else {
		buf_printf(&out, "subscriber %llu (",
			   (unsigned long long)found->token.subscriber_id);
		text_put_printable(&out, subscriber.data ? subscriber : STR("erased"), 320);
		buf_put_byte(&out, ')');
	}
	buf_printf(&out, ", secret '%c'", found->text.data[0] | 0x20);
	if (found->is_page && found->path.page == LINK_CLICK) {
		buf_printf(&out, "; link %u ", found->path.index);
		buf_put_cstr(&out, !target.data ? "is not known"
				   : is_liquid  ? "leads to (Liquid) "
						: "leads to ");
		text_put_printable(&out, target, 2000);
	}
	buf_put_byte(&out, '\n');
	cli_write(buf_str(&out));
}

static str number(struct arena *arena, uint64_t value)
{
	struct buf b;
	buf_init_arena(&b, arena, 24);
	buf_put_u64(&b, value);
	return buf_str(&b);
}

static void put_row(struct asking *a, const struct found *found, const char *what,
		    const PGresult *result, str target)
{
	struct arena *arena = a->cli->arena;
	bool is_click = found->is_page && found->path.page == LINK_CLICK;
	const str cells[] = {
		found->text,
		str_of(what),
		str_of(token_purpose_names[found->purpose]),
		str_sub(found->text, 0, 1),
		number(arena, found->token.tenant),
		number(arena, found->token.campaign_id),
		db_cell(result, 0, 0),
		number(arena, found->token.subscriber_id),
		db_cell(result, 0, 1),
		is_click ? number(arena, found->path.index) : (str){},
		target,
	};
	rows_put(&a->rows, cells);
}

/* A target that is Liquid becomes the address that this reader is led to. */
static int find_target(struct asking *a, const struct found *found, const PGresult *result,
		       str *ret_target, bool *ret_is_liquid)
{
	str campaign = db_cell(result, 0, 0), email = db_cell(result, 0, 1);
	struct campaign_row row;
	struct buf out;
	bool is_click = found->is_page && found->path.page == LINK_CLICK;
	*ret_target = is_click ? db_cell(result, 0, 2) : (str){};
	*ret_is_liquid = str_eq(db_cell(result, 0, 3), STR("t"));
	if (!ret_target->data || !*ret_is_liquid || !campaign.data || !email.data)
		return CLI_GO;
	int code = db_campaign(&a->db, campaign.data, &row);
	buf_init_arena(&out, a->cli->arena, 512);
	if (code == CLI_GO)
		code = letter_target(&a->db, &row, email.data, *ret_target, &out);
	if (code == CLI_GO && buf_ok(&out)) {
		*ret_target = buf_str(&out);
		*ret_is_liquid = false;
	}
	return code;
}

static int answer(struct asking *a, const struct found *found)
{
	char numbers[3][24];
	str target;
	bool is_liquid;
	const char *what = found->is_page ? page_names[found->path.page]
					  : token_purpose_names[found->purpose];
	snprintf(numbers[0], 24, "%lld", (long long)found->token.campaign_id);
	snprintf(numbers[1], 24, "%lld", (long long)found->token.subscriber_id);
	snprintf(numbers[2], 24, "%u", found->path.index);
	const char *parameters[] = {numbers[0], numbers[1], numbers[2]};
	PGresult *result = db_query(&a->db, "api_token", 3, parameters);
	if (!result)
		return db_code(&a->db);
	int code = find_target(a, found, result, &target, &is_liquid);
	if (code == CLI_GO && a->cli->format == OUTPUT_TEXT)
		tell(a, found, what, db_cell(result, 0, 0), db_cell(result, 0, 1), target,
		     is_liquid);
	else if (code == CLI_GO)
		put_row(a, found, what, result, target);
	PQclear(result);
	return code;
}

static int ask(struct asking *a, str given)
{
	struct found found;
	take_apart(given, &found);
	return check(a, &found) ? answer(a, &found) : CLI_GO;
}

/* One a line; what is longer than any of ours is refused in pieces. */
static int ask_lines(struct asking *a)
{
	char line[LINE_LIMIT];
	while (fgets(line, sizeof(line), stdin)) {
		str given = str_trim(str_of(line));
		int code = given.size > 0 ? ask(a, given) : CLI_GO;
		if (code != CLI_GO)
			return code;
	}
	return CLI_GO;
}

static int ask_all(struct asking *a, int argc, char **argv)
{
	static const struct column columns[] = {
		{"token", 33, false},    {"what", 11, false},         {"purpose", 11, false},
		{"secret", 6, false},    {"tenant", 6, true},         {"campaign_id", 11, true},
		{"campaign", 20, false}, {"subscriber_id", 13, true}, {"subscriber", 30, false},
		{"index", 5, true},      {"target", 0, false},
	};
	int code = CLI_GO;
	if (a->cli->format != OUTPUT_TEXT)
		rows_begin(&a->rows, a->cli->format, columns, 11);
	for (int i = 0; i < argc && code == CLI_GO; i++)
		code = strcmp(argv[i], "-") == 0 ? ask_lines(a) : ask(a, str_of(argv[i]));
	if (a->cli->format != OUTPUT_TEXT)
		rows_end(&a->rows);
	return code == CLI_GO ? a->code : code;
}

static int token_run(struct cli *cli, int argc, char **argv)
{
	struct asking asking = {.cli = cli, .code = EXIT_OK};
	str secrets;
	char why[200];
	int code = cli_parse(cli, NULL, &argc, &argv, 1, 1000);
	if (code == CLI_GO)
		code = cli_config(cli);
	if (code == CLI_GO)
		code = settings_secret(cli, &secrets);
	if (code != CLI_GO)
		return code;
	asking.keys = mac_keys_create(secrets, why);
	if (!asking.keys)
		return cli_fail(cli, EXIT_FAILED, "%s", why);
	code = db_open(&asking.db, cli);
	if (code == CLI_GO) {
		code = ask_all(&asking, argc, argv);
		db_close(&asking.db);
	}
	mac_keys_destroy(asking.keys);
	return code;
}

const struct command command_token = {
	.name = "token",
	.synopsis = "TEXT...",
	.summary = "Say what a link, return address or Message-ID of ours is about",
	.manual =
		"TEXT is a link out of a mail, a return address (b-...@...), a Message-ID, "
		"an address to\n"
		"unsubscribe at (u-...@...), or a token alone; - reads them from standard "
		"input, one a\n"
		"line. What was not made with one of the secrets of sending.secret is refused "
		"(exit\n"
		"code 6). Nothing is changed: a click that is looked into is not counted.",
	.run = token_run,
	.outputs = CLI_JSON | CLI_CSV,
};
