/* cmd_hosts.c - `rundbrief hosts`: what engines have learned about mail hosts. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/db.h"
#include "engine/api/rows.h"

#define COLUMN_COUNT 11

static void put_row(void *context, const PGresult *result, int row)
{
	str cells[COLUMN_COUNT];
	for (int i = 0; i < COLUMN_COUNT; i++)
		cells[i] = db_cell(result, row, i);
	rows_put(context, cells);
}

static int list(struct db *db, const char *name)
{
	static const struct column columns[COLUMN_COUNT] = {
		{"host", 40, false},         {"mode", 8, false},
		{"window", 6, true},         {"proven", 6, true},
		{"limit", 8, false},         {"limit_until", 16, false},
		{"messages", 8, true},       {"messages_until", 16, false},
		{"no_tls_until", 16, false}, {"changed", 16, false},
		{"note", 0, false},
	};
	struct rows rows;
	rows_begin(&rows, db->cli->format, columns, COLUMN_COUNT);
	int code = db_stream(db, "api_hosts", 1, &name, put_row, &rows);
	rows_end(&rows);
	if (code != CLI_GO)
		return code;
	return rows.row_count > 0 || name[0] == '\0'
		       ? EXIT_OK
		       : cli_fail(db->cli, EXIT_NOT_FOUND, "nothing is known about '%s'", name);
}

static int forget(struct db *db, const char *name)
{
	PGresult *result = db_query(db, "api_hosts_forget", 1, &name);
	if (!result)
		return db_code(db);
	bool known = PQntuples(result) > 0;
	PQclear(result);
	if (!known)
		return cli_fail(db->cli, EXIT_NOT_FOUND, "nothing is known about '%s'", name);
	struct buf out;
	buf_init_arena(&out, db->cli->arena, 512);
	if (db->cli->format == OUTPUT_JSON) {
		buf_put_cstr(&out, "{\"forgotten\":");
		json_put_string(&out, str_of(name));
		buf_put_cstr(&out, "}\n");
	} else {
		text_put_printable(&out, str_of(name), 300);
		buf_put_cstr(&out, " is forgotten\n");
	}
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static int hosts_run(struct cli *cli, int argc, char **argv)
{
	const char *gone = NULL;
	const struct cli_option options[] = {
		{"forget", CLI_TEXT, &gone, "NAME", "forget what is known about this host"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 0, 1);
	if (code == CLI_GO && gone && argc > 0)
		code = cli_fail(cli, EXIT_USAGE, "--forget says which host; '%s' is too much",
				argv[0]);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = gone ? forget(&db, gone) : list(&db, argc > 0 ? argv[0] : "");
	db_close(&db);
	return code;
}

const struct command command_hosts = {
	.name = "hosts",
	.synopsis = "[NAME]\n--forget NAME",
	.summary = "Show what has been learned about mail hosts",
	.manual =
		"mode says how messages may follow one another on a connection: lockstep, "
		"group "
		"(commands\n"
		"together), next (the next message behind the body), chunk (whole messages by "
		"BDAT), window\n"
		"(several of them, at most so many). proven: so many it has taken on one "
		"connection,\n"
		"and no chunk leaves beyond. limit is the most that is tried until its date "
		"(UTC); "
		"after so\n"
		"many messages the host closes a connection.",
	.run = hosts_run,
	.outputs = CLI_JSON | CLI_CSV,
};
