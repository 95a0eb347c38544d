/* cmd_journal.c - `rundbrief journal`: what an engine's journal holds, and what that means. Works
 * beside a running engine and on a copy of the folder; the database is asked when it is there. */
#include "engine/api/commands.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/api/db.h"
#include "engine/api/email.h"
#include "engine/api/journal_look.h"
#include "engine/api/rows.h"
#include "engine/api/settings_parts.h"

struct request {
	const char *directory, *engine, *recipient;
	bool records, aside;
	uint64_t subscriber; /* 0: all */
};

/* ---- how far it is settled ---- */

static void ask_settled(struct cli *cli, struct journal_look *look, const char *engine)
{
	struct db db;
	const char *why = NULL;
	look->settled_unknown = "the database cannot be reached";
	if (!db_open_if_there(&db, cli))
		return;
	PGresult *result = db_try(&db, "api_journal", 1, &engine, &why);
	look->settled_unknown = "the database knows no engine of that name (--engine NAME)";
	if (!result) {
		look->settled_unknown = "the database has no tables of rundbrief's";
	} else if (PQntuples(result) > 0) {
		look->settled = db_u64(result, 0, 0);
		look->settled_is_known = true;
	}
	PQclear(result);
	db_close(&db);
}

static int show(struct cli *cli, const struct request *request)
{
	char why[400];
	struct buf out;
	struct journal_look look = {.arena = cli->arena, .directory = request->directory};
	ask_settled(cli, &look, request->engine);
	if (journal_look(&look, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_FAILED, "%s", why);
	buf_init_arena(&out, cli->arena, 8192);
	if (cli->format == OUTPUT_JSON)
		journal_look_json(&look, &out);
	else
		journal_look_text(&look, &out);
	cli_write(buf_str(&out));
	return EXIT_OK;
}

/* ---- its records ---- */

static const struct column columns[] = {
	{"position", 12, true}, {"record", 8, false},   {"campaign", 8, true},
	{"slice", 8, true},     {"recipient", 10, true}, {"attempt", 7, true},
	{"at", 25, false},      {"verdict", 10, false}, {"class", 16, false},
	{"code", 4, true},      {"due", 25, false},     {"source", 12, false},
	{"mx_host", 24, false}, {"text", 0, false},
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

struct cells {
	char memory[512];
	struct buf b;
	str cells[COLUMN_COUNT];
	size_t count;
};

static void put_text(struct cells *c, str text)
{
	c->cells[c->count++] = text.size ? text : (str){NULL, 0};
}

static void put_number(struct cells *c, uint64_t number)
{
	size_t at = c->b.size;
	buf_printf(&c->b, "%llu", (unsigned long long)number);
	put_text(c, str_from(buf_str(&c->b), at));
}

static void put_time(struct cells *c, usec wall)
{
	size_t at = c->b.size;
	journal_put_time(&c->b, wall);
	put_text(c, str_from(buf_str(&c->b), at));
}

static void put_row(struct rows *rows, const struct record *record, uint64_t begin)
{
	static const char *const types[] = {"", "mark", "outcome", "undone"};
	const struct journal_mark *m = &record->mark;
	const struct store_outcome none = {.cause = ""};
	const struct store_outcome *o =
		record->type == RECORD_OUTCOME ? &record->outcome : &none;
	struct cells c = {.count = 0};
	buf_init_fixed(&c.b, c.memory, sizeof(c.memory));
	put_number(&c, begin);
	put_text(&c, str_of(types[record->type]));
	put_number(&c, m->campaign_id);
	put_number(&c, m->slice_id);
	put_number(&c, m->subscriber_id);
	put_number(&c, m->attempt);
	put_time(&c, m->at_wall);
	put_text(&c, o != &none && verdict_names[o->verdict] ? str_of(verdict_names[o->verdict])
							     : STR(""));
	put_text(&c, o != &none ? str_of(bounce_class_names[o->class]) : STR(""));
	if (o->code)
		put_number(&c, o->code);
	else
		put_text(&c, STR(""));
	put_time(&c, o->due_wall);
	put_text(&c, m->source);
	put_text(&c, m->mx_host);
	put_text(&c, o->text);
	rows_put(rows, c.cells);
}

/* What the last record of a recipient means. */
static const char *meaning(enum record_type last, bool running)
{
	switch (last) {
	case RECORD_MARK:
		return running ? "the end of the message may have left, and the engine waits for "
				 "the reply"
			       : "the end of the message may have left and no outcome is written: "
				 "the next start lists this recipient in doubt";
	case RECORD_VOID:
		return "the last transaction came back and nothing of its end had left: the "
		       "recipient goes back into the queue";
	default:
		return "the last attempt has its outcome, which is settled in the database with "
		       "this journal's position";
	}
}

static int show_records(struct cli *cli, const struct request *request)
{
	struct journal_cursor cursor;
	uint64_t begin, end;
	enum record_type last = 0;
	struct rows rows;
	int result = cursor_open(&cursor, request->directory);
	if (result < 0)
		return cli_fail(cli, EXIT_FAILED, "the journal in %s cannot be read: %s",
				request->directory, strerror(-result));
	rows_begin(&rows, cli->format, columns, COLUMN_COUNT);
	while ((result = cursor_next(&cursor, &begin, &end)) > 0) {
		if (request->subscriber &&
		    cursor.record.mark.subscriber_id != request->subscriber)
			continue;
		last = cursor.record.type;
		put_row(&rows, &cursor.record, begin);
	}
	rows_end(&rows);
	cursor_close(&cursor);
	if (result < 0)
		return cli_fail(cli, EXIT_FAILED, "the journal cannot be read further: %s",
				strerror(-result));
	if (request->subscriber && !last)
		return cli_fail(cli, EXIT_NOT_FOUND,
				"this journal has nothing about recipient %llu: it was never "
				"marked by this engine, or all of it is settled and freed",
				(unsigned long long)request->subscriber);
	if (request->subscriber && cli->format == OUTPUT_TEXT)
		printf("%s\n", meaning(last, journal_holder(request->directory) != 0));
	return EXIT_OK;
}

/* ---- the command ---- */

/* A number is the recipient's own; an address is looked for in the database. */
static int find_recipient(struct cli *cli, struct request *request)
{
	str key, word = str_of(request->recipient);
	struct db db;
	if (str_to_u64(word, &request->subscriber) && request->subscriber > 0)
		return CLI_GO;
	int code = email_key_of(cli, request->recipient, &key);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	const char *parameters[] = {key.data, "false"};
	PGresult *result = db_query(&db, "api_subscriber_find", 2, parameters);
	code = result ? CLI_GO : db_code(&db);
	if (result && PQntuples(result) > 0)
		request->subscriber = db_u64(result, 0, 0);
	else if (result)
		code = cli_fail(cli, EXIT_NOT_FOUND, "there is no subscriber %s",
				request->recipient);
	PQclear(result);
	db_close(&db);
	return code;
}

static int journal_run(struct cli *cli, int argc, char **argv)
{
	struct request request = {};
	const struct cli_option options[] = {
		{"directory", CLI_TEXT, &request.directory, "DIR",
		 "this journal, and not the configured engine's: a copy, for instance"},
		{"engine", CLI_TEXT, &request.engine, "NAME",
		 "whose it is, for how far it is settled; else the configured engine's"},
		{"records", CLI_FLAG, &request.records, NULL, "each record, in order"},
		{"recipient", CLI_TEXT, &request.recipient, "ID|EMAIL",
		 "the records of one recipient, and what they mean"},
		{"aside", CLI_FLAG, &request.aside, NULL,
		 "outcomes that the database refused, of all engines: whose, what, and why"},
		{},
	};
	struct stat state;
	int code = cli_parse(cli, options, &argc, &argv, 0, 0);
	if (code == CLI_GO)
		code = cli_config(cli);
	if (code != CLI_GO)
		return code;
	if (request.aside)
		return journal_show_asides(cli);
	if (cli->format == OUTPUT_CSV && !request.records && !request.recipient)
		return cli_fail(cli, EXIT_USAGE, "--csv goes with --records, --recipient or --aside");
	const struct config_engine *engine = &cli->config.engine;
	if (!request.engine)
		request.engine = engine->name.size ? engine->name.data
						   : settings_host_name(cli->arena);
	if (!request.directory)
		request.directory = engine->journal.data;
	if (stat(request.directory, &state) != 0 || !S_ISDIR(state.st_mode))
		return cli_fail(cli, EXIT_NOT_FOUND,
				"there is no journal in %s: no engine has run with it, or it "
				"was removed",
				request.directory);
	if (request.recipient)
		code = find_recipient(cli, &request);
	if (code != CLI_GO)
		return code;
	return request.records || request.recipient ? show_records(cli, &request)
						    : show(cli, &request);
}

const struct command command_journal = {
	.name = "journal",
	.synopsis = "[--directory DIR]\n--records [--directory DIR]\n--recipient ID|EMAIL\n--aside",
	.summary = "Show what an engine's journal holds, and what that means",
	.manual =
		"The journal is what an engine knows and the database may not know yet. A mark "
		"is written\n"
		"before the end of a message leaves, an outcome when it is answered; a "
		"transaction that came\n"
		"back before its end had left is undone. A mark with neither behind it is a "
		"recipient in doubt.\n"
		"An outcome that the database refuses three times is settled bare, so that nothing "
		"waits behind\n"
		"it, and kept whole: --aside lists them. What should have followed (another "
		"attempt, a dead\n"
		"address suppressed) is for a person to do.\n"
		"Nothing is changed and no lock is taken: look at it while the engine runs, or "
		"at a copy.",
	.run = journal_run,
	.outputs = CLI_JSON | CLI_CSV,
};
