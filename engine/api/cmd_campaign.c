/* cmd_campaign.c - `rundbrief campaign create | ready | start | list | show | delete | winner`.
 */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/campaign_links.h"
#include "engine/api/campaign_lint.h"
#include "engine/api/campaign_store.h"
#include "engine/api/rows.h"
#include "engine/api/sending.h"
#include "engine/api/winner.h"

/* Errors that were found stop the launch, not the draft. */
static int create(struct cli *cli, struct db *db, const char *from_or_folder, bool is_ready)
{
	struct campaign_row campaign;
	struct campaign_saved saved;
	struct campaign_lint *found = ARENA_NEW(cli->arena, struct campaign_lint);
	struct buf out;
	int code = is_ready ? campaign_store_ready(db, from_or_folder, &campaign, &saved)
			    : campaign_store_folder(db, from_or_folder, &campaign, &saved);
	if (code == CLI_GO && !is_ready)
		code = found ? campaign_lint_folder(db, &saved.dir, found) : EXIT_FAILED;
	if (code != CLI_GO)
		return code;
	buf_init_arena(&out, cli->arena, 4096);
	if (cli->format == OUTPUT_JSON) {
		buf_printf(&out, "{\"id\":%llu,\"revision\":%u,\"new_revision\":%s",
			   (unsigned long long)campaign.id, saved.revision,
			   saved.is_new ? "true" : "false");
		buf_put_cstr(&out, is_ready ? "" : ",");
		if (!is_ready)
			campaign_lint_json(found, &out);
		buf_put_cstr(&out, "}\n");
	} else {
		buf_printf(&out, "campaign %.*s (%.*s): revision %u%s\n",
			   STR_FORMAT(campaign.id_text), STR_FORMAT(campaign.name),
			   saved.revision, saved.is_new ? "" : ", unchanged");
		if (!is_ready)
			campaign_lint_text(found, LINT_WARNING, &out);
	}
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static int look_at(struct db *db, const char *name_or_folder, struct campaign_lint *ret)
{
	struct campaign_row campaign;
	struct campaign_dir dir;
	int code = CLI_GO;
	if (campaign_dir_is(name_or_folder)) {
		code = campaign_store_read(db, name_or_folder, &dir);
		return code == CLI_GO ? campaign_lint_folder(db, &dir, ret) : code;
	}
	code = db_campaign(db, name_or_folder, &campaign);
	return code == CLI_GO ? campaign_lint_stored(db, &campaign, ret) : code;
}

static int check(struct cli *cli, struct db *db, const char *name_or_folder, bool recount)
{
	struct campaign_lint *found = ARENA_NEW(cli->arena, struct campaign_lint);
	struct buf out;
	int code = found ? look_at(db, name_or_folder, found) : EXIT_FAILED;
	if (code == CLI_GO && recount)
		code = campaign_lint_recount(db, found);
	if (code == CLI_GO && recount)
		code = look_at(db, name_or_folder, found);
	if (code != CLI_GO)
		return code;
	buf_init_arena(&out, cli->arena, 8192);
	if (cli->format == OUTPUT_CSV) {
		campaign_lint_csv(cli, found);
	} else if (cli->format == OUTPUT_JSON) {
		buf_put_byte(&out, '{');
		campaign_lint_json(found, &out);
		buf_put_cstr(&out, "}\n");
	} else {
		campaign_lint_text(found, LINT_INFORMATION, &out);
	}
	cli_write(buf_str(&out));
	return lint_count(&found->lint, LINT_ERROR) ? EXIT_INVALID : EXIT_OK;
}

static void put_row(void *context, const PGresult *result, int row)
{
	struct rows *rows = context;
	str cells[16];
	for (size_t i = 0; i < rows->column_count; i++)
		cells[i] = db_cell(result, row, (int)i);
	rows_put(rows, cells);
}

static int list(struct cli *cli, struct db *db)
{
	static const struct column columns[] = {
		{"id", 6, true},        {"name", 30, false},     {"state", 9, false},
		{"created", 16, false}, {"launched", 16, false}, {"targeted", 9, true},
		{"delivered", 9, true}, {"failed", 7, true},
	};
	struct rows rows;
	rows_begin(&rows, cli->format, columns, 8);
	int code = db_stream(db, "api_campaign_list", 0, NULL, put_row, &rows);
	rows_end(&rows);
	return code == CLI_GO ? EXIT_OK : code;
}

static const char *const show_names[] = {
	"id",    "name",    "state",  "revision",   "settings",    "html_size",   "text_size",
	"lists", "exclude", "filter", "created_at", "launched_at", "finished_at",
};

/* The object stays open for its links. */
static void show_json(const PGresult *result, struct buf *out)
{
	for (int i = 0; i < 13; i++) {
		str cell = db_cell(result, 0, i);
		buf_printf(out, "%s\"%s\":", i ? "," : "{", show_names[i]);
		if (!cell.data)
			buf_put_cstr(out, "null");
		else if (i == 0 || i == 3 || i == 4 || i == 5 || i == 6)
			buf_put(out, cell);
		else
			json_put_string(out, cell);
	}
}

static int show(struct cli *cli, struct db *db, const char *name)
{
	struct campaign_row campaign;
	struct buf out;
	int code = db_campaign(db, name, &campaign);
	if (code != CLI_GO)
		return code;
	PGresult *result = db_query(db, "api_campaign_show", 1, &campaign.id_text.data);
	if (!result)
		return db_code(db);
	buf_init_arena(&out, cli->arena, 4096);
	if (cli->format == OUTPUT_JSON) {
		show_json(result, &out);
	} else {
		for (int i = 0; i < 13; i++) {
			if (PQgetisnull(result, 0, i))
				continue;
			buf_printf(&out, "%-12s ", show_names[i]);
			text_put_printable(&out, db_cell(result, 0, i), 4000);
			buf_put_byte(&out, '\n');
		}
	}
	PQclear(result);
	code = campaign_links_show(db, &campaign, cli->format, &out);
	if (code != CLI_GO)
		return code;
	buf_put_cstr(&out, cli->format == OUTPUT_JSON ? "}\n" : "");
	cli_write(buf_str(&out));
	return EXIT_OK;
}

/* One that runs already is no mistake: who could not hear the answer may ask again. */
static int start(struct db *db, const char *name_or_folder)
{
	struct cli *cli = db->cli;
	struct campaign_row campaign;
	struct buf out;
	int code = sending_find(db, name_or_folder, &campaign);
	if (code == CLI_GO && str_eq(campaign.state, STR("draft")))
		code = sending_launch(db, &campaign);
	else if (code == CLI_GO && !str_eq(campaign.state, STR("running")))
		code = cli_fail(cli, EXIT_FAILED, "'%.*s' is %.*s: only a draft is started",
				STR_FORMAT(campaign.name), STR_FORMAT(campaign.state));
	if (code != CLI_GO)
		return code;
	buf_init_arena(&out, cli->arena, 256);
	buf_put_cstr(&out, cli->format == OUTPUT_JSON ? "{\"campaign\":" : "campaign ");
	if (cli->format == OUTPUT_JSON)
		json_put_string(&out, campaign.name);
	else
		text_put_printable(&out, campaign.name, 200);
	buf_put_cstr(&out, cli->format == OUTPUT_JSON
				   ? ",\"state\":\"running\"}\n"
				   : " is running; `rundbrief serve` sends it\n");
	cli_write(buf_str(&out));
	return EXIT_OK;
}

/* The partitions go with DROP, which gives their pages back at once. */
static int drop_deliveries(struct db *db, const struct campaign_row *campaign)
{
	char sql[120];
	snprintf(sql, sizeof(sql), "drop table if exists deliveries_%llu, delivery_packs_%llu",
		 (unsigned long long)campaign->id, (unsigned long long)campaign->id);
	return db_do(db, sql);
}

static int delete_in_transaction(struct db *db, const struct campaign_row *campaign)
{
	PGresult *result = db_query(db, "api_campaign_delete", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	int deleted = PQntuples(result);
	PQclear(result);
	if (deleted == 0)
		return cli_fail(db->cli, EXIT_FAILED,
				"'%.*s' is %.*s; only drafts and campaigns that have ended are "
				"deleted (see `rundbrief cancel`)",
				STR_FORMAT(campaign->name), STR_FORMAT(campaign->state));
	result = db_query(db, "api_campaign_leftovers", 1, &campaign->id_text.data);
	if (!result)
		return db_code(db);
	PQclear(result);
	return drop_deliveries(db, campaign);
}

static int delete (struct db *db, const char *name)
{
	struct campaign_row campaign;
	int code = db_campaign(db, name, &campaign);
	if (code == CLI_GO)
		code = db_do(db, "begin");
	if (code != CLI_GO)
		return code;
	code = delete_in_transaction(db, &campaign);
	if (code == CLI_GO)
		code = db_do(db, "commit");
	if (code != CLI_GO)
		return code;
	if (db->cli->format == OUTPUT_JSON)
		printf("{\"id\":%.*s,\"deleted\":true}\n", STR_FORMAT(campaign.id_text));
	else
		printf("campaign %.*s is deleted, with its deliveries\n",
		       STR_FORMAT(campaign.name));
	return EXIT_OK;
}

static int campaign_run(struct cli *cli, int argc, char **argv)
{
	static const char *const verbs[] = {"create", "list",  "show",   "delete",
					    "ready",  "start", "winner", "check"};
	bool recount = false;
	const struct cli_option options[] = {
		{"recount", CLI_FLAG, &recount, NULL,
		 "check: count the attributes of its lists again before"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 1, 3);
	if (code != CLI_GO)
		return code;
	size_t verb = 0;
	while (verb < 8 && strcmp(argv[0], verbs[verb]) != 0)
		verb++;
	if (verb == 8)
		return cli_fail_unknown(cli, "campaign command", argv[0], verbs, 8);
	if (recount && verb != 7)
		return cli_fail(cli, EXIT_USAGE, "--recount goes with check");
	int wanted = verb == 1 ? 1 : verb == 6 ? 3 : 2;
	if (argc != wanted)
		return cli_fail(cli, EXIT_USAGE, "%s; see --help",
				argc < wanted && verb == 6
					? "which campaign, and which variant?"
				: argc < wanted ? "the campaign is missing"
				: verb == 1     ? "list takes no argument"
						: "there is an argument too many");
	code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = verb == 0 || verb == 4 ? create(cli, &db, argv[1], verb == 4)
	       : verb == 1            ? list(cli, &db)
	       : verb == 2            ? show(cli, &db, argv[1])
	       : verb == 3            ? delete (&db, argv[1])
	       : verb == 5            ? start(&db, argv[1])
	       : verb == 6            ? winner_name(&db, argv[1], argv[2])
				      : check(cli, &db, argv[1], recount);
	db_close(&db);
	return code;
}

const struct command command_campaign = {
	.name = "campaign",
	.synopsis =
		"create DIR\ncheck CAMPAIGN | DIR [--recount]\nready FROM\nstart CAMPAIGN | "
		"DIR\nlist\nshow CAMPAIGN\ndelete CAMPAIGN\nwinner CAMPAIGN VARIANT",
	.summary = "Store a campaign from its folder; check, start, list, show or delete them",
	.manual =
		"A campaign is a folder with campaign.conf, body.html and body.txt; "
		"`rundbrief help\n"
		"campaign` is the manual of its keys. create checks everything, stores it as "
		"a draft, and\n"
		"stores a new revision when the folder has changed. CAMPAIGN is a name or a "
		"number.\n"
		"check says what is wrong with a folder, or with what was stored, and how many "
		"of its\n"
		"recipients lack what it reads; errors (exit code 6) stop a launch, unless "
		"lint_off in\n"
		"campaign.conf names them.\n"
		"start launches a draft without sending it: engines that run `rundbrief serve` "
		"take "
		"it up.\n"
		"ready makes the transactional campaign `ready`, whose messages bring their "
		"content\n"
		"with them (see `rundbrief post`); FROM is \"Ann Example <ann@example.com>\".\n"
		"winner names the variant (A/B) that those get who wait for it; what is named "
		"stays.",
	.run = campaign_run,
	.outputs = CLI_JSON | CLI_CSV,
};
