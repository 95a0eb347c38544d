/* cmd_incidents.c - `rundbrief incidents`: providers that suddenly did not know their own
 * users, what is held for their sake, and a person's word on it. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/db.h"
#include "engine/api/rows.h"

#define LIST_COLUMNS 11
#define HELD_COLUMNS 9

static void put_row(void *context, const PGresult *result, int row)
{
	struct rows *rows = context;
	str cells[LIST_COLUMNS];
	for (size_t i = 0; i < rows->column_count; i++)
		cells[i] = db_cell(result, row, (int)i);
	rows_put(rows, cells);
}

static int print_rows(struct db *db, const char *query, const char *id,
		      const struct column *columns, size_t count)
{
	struct rows rows;
	rows_begin(&rows, db->cli->format, columns, count);
	int code = db_stream(db, query, id ? 1 : 0, &id, put_row, &rows);
	rows_end(&rows);
	return code == CLI_GO ? EXIT_OK : code;
}

static int list(struct db *db)
{
	static const struct column columns[LIST_COLUMNS] = {
		{"id", 4, true},      {"provider", 12, false}, {"state", 11, false},
		{"since", 16, false}, {"found", 16, false},    {"reviewed", 16, false},
		{"percent", 7, true}, {"usual", 6, true},      {"bad", 7, true},
		{"answers", 8, true}, {"held", 0, true},
	};
	return print_rows(db, "api_incidents", NULL, columns, LIST_COLUMNS);
}

/* Its provider and state, in the command's arena. */
static int find(struct db *db, const char *id, str *ret_provider, str *ret_state)
{
	uint64_t number;
	if (!str_to_u64(str_of(id), &number) || number > INT64_MAX)
		return cli_fail(
			db->cli, EXIT_USAGE,
			"'%s' is no incident's number; `rundbrief incidents` lists them", id);
	PGresult *result = db_query(db, "api_incident_find", 1, &id);
	if (!result)
		return db_code(db);
	bool known = PQntuples(result) > 0;
	if (known) {
		*ret_provider = arena_copy(db->cli->arena, db_cell(result, 0, 0));
		*ret_state = arena_copy(db->cli->arena, db_cell(result, 0, 1));
	}
	PQclear(result);
	return known ? CLI_GO
		     : cli_fail(db->cli, EXIT_NOT_FOUND, "there is no incident %s", id);
}

static int show(struct db *db, const char *id)
{
	static const struct column columns[HELD_COLUMNS] = {
		{"email", 32, false},  {"campaign", 16, false},   {"at", 20, false},
		{"reason", 16, false}, {"code", 4, true},         {"status", 7, false},
		{"source", 10, false}, {"taken_back", 10, false}, {"reply", 0, false},
	};
	str provider, state;
	int code = find(db, id, &provider, &state);
	return code == CLI_GO ? print_rows(db, "api_incident_held", id, columns, HELD_COLUMNS)
			      : code;
}

static void tell_resolved(struct db *db, const char *id, str provider, uint64_t held,
			  bool confirm)
{
	struct buf out;
	buf_init_arena(&out, db->cli->arena, 512);
	if (db->cli->format == OUTPUT_JSON) {
		buf_printf(&out, "{\"id\":%s,\"provider\":", id);
		json_put_string(&out, provider);
		buf_printf(&out, ",\"state\":\"%s\",\"held\":%llu}\n",
			   confirm ? "confirmed" : "false-alarm", (unsigned long long)held);
	} else {
		text_put_printable(&out, provider, 40);
		buf_printf(&out,
			   confirm ? " goes on; the %llu that were held are suppressed\n"
				   : " goes on; the %llu that were held count for nothing "
				     "(`rundbrief incidents show %s` names them)\n",
			   (unsigned long long)held, id);
	}
	cli_write(buf_str(&out));
}

static int resolve(struct db *db, const char *id, bool false_alarm, bool confirm)
{
	str provider, state;
	if (false_alarm == confirm)
		return cli_fail(db->cli, EXIT_USAGE,
				"resolve wants one of --false-alarm (those mailboxes live) and "
				"--confirm (they do not)");
	int code = find(db, id, &provider, &state);
	if (code != CLI_GO)
		return code;
	const char *parameters[] = {id, confirm ? "true" : "false"};
	PGresult *result = db_query(db, "api_incident_resolve", 2, parameters);
	if (!result)
		return db_code(db);
	bool was_open = PQntuples(result) > 0;
	if (was_open)
		tell_resolved(db, id, provider, db_u64(result, 0, 1), confirm);
	PQclear(result);
	return was_open
		       ? EXIT_OK
		       : cli_fail(db->cli, EXIT_FAILED, "incident %s was answered before: %.*s",
				  id, STR_FORMAT(state));
}

static int run_verb(struct db *db, int argc, char **argv, bool false_alarm, bool confirm)
{
	static const char *const verbs[] = {"show", "resolve"};
	if (argc == 0)
		return list(db);
	bool shows = strcmp(argv[0], verbs[0]) == 0;
	if (!shows && strcmp(argv[0], verbs[1]) != 0)
		return cli_fail_unknown(db->cli, "incidents command", argv[0], verbs, 2);
	if (argc != 2)
		return cli_fail(db->cli, EXIT_USAGE, "incidents %s takes an ID; see --help",
				argv[0]);
	return shows ? show(db, argv[1]) : resolve(db, argv[1], false_alarm, confirm);
}

static int incidents_run(struct cli *cli, int argc, char **argv)
{
	bool false_alarm = false, confirm = false;
	const struct cli_option options[] = {
		{"false-alarm", CLI_FLAG, &false_alarm, NULL,
		 "resolve: those mailboxes live; what was held is dropped"},
		{"confirm", CLI_FLAG, &confirm, NULL,
		 "resolve: they are dead; what was held becomes suppressions"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 0, 2);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = run_verb(&db, argc, argv, false_alarm, confirm);
	db_close(&db);
	return code;
}

const struct command command_incidents = {
	.name = "incidents",
	.synopsis = "\nshow ID\nresolve ID --false-alarm | --confirm",
	.summary = "Review providers that suddenly did not know their own users",
	.manual =
		"When a provider says of more than 5 % of the mailboxes, and of more than four "
		"times as many\n"
		"as usual, that they do not exist (of 200 answers or more, within 10 minutes "
		"or "
		"two hours),\n"
		"nothing goes there any more, and what was suppressed by its word waits for "
		"you. "
		"show names\n"
		"those addresses; their mail has failed, and a CSV of them can be imported "
		"into "
		"a list.\n"
		"resolve lets the provider go on.",
	.run = incidents_run,
	.outputs = CLI_JSON | CLI_CSV,
};
