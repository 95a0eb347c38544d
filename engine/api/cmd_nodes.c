/* cmd_nodes.c - `rundbrief nodes`: the engines that share the database; `nodes forget`: one of
 * them never comes back. */
#include "engine/api/commands.h"

#include <string.h>

#include "engine/api/nodes.h"
#include "engine/api/path_rows.h"
#include "engine/api/rows.h"
#include "engine/api/units.h"
#include "engine/io/clock.h"

static void put_json_number(struct buf *out, const char *name, uint64_t value)
{
	buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void put_json_text(struct buf *out, const char *name, str text)
{
	buf_printf(out, ",\"%s\":", name);
	json_put_string(out, text);
}

static void put_json_sources(struct buf *out, str names)
{
	buf_put_cstr(out, ",\"sources\":[");
	for (bool first = true; names.size > 0; first = false) {
		str name = str_cut(&names, ',');
		buf_put_cstr(out, first ? "" : ",");
		json_put_string(out, str_starts(name, STR(" ")) ? str_from(name, 1) : name);
	}
	buf_put_byte(out, ']');
}

static void put_json(struct buf *out, const struct node *n, usec now_wall)
{
	char memory[600];
	struct buf wait;
	buf_init_fixed(&wait, memory, sizeof(memory));
	node_put_wait(&wait, n, now_wall);
	buf_put_cstr(out, "{\"node\":");
	json_put_string(out, n->name);
	put_json_text(out, "state", n->state);
	put_json_number(out, "epoch", n->epoch);
	when_put_json(out, "since", n->since_wall);
	when_put_json(out, "heartbeat_at", n->heartbeat_wall);
	put_json_number(out, "seconds_since_heartbeat", n->silent_seconds);
	when_put_json(out, "left_at", n->left_wall);
	put_json_sources(out, n->sources);
	put_json_number(out, "leased", n->leased);
	put_json_number(out, "orphaned", n->orphaned);
	when_put_json(out, "decided_at", n->decide_wall);
	put_json_number(out, "unsettled", n->unsettled);
	put_json_number(out, "settled_position", n->position);
	put_json_number(out, "started_minute", n->started_minute);
	put_json_number(out, "in_flight", n->in_flight);
	put_json_text(out, "waits_for", buf_str(&wait));
	buf_put_byte(out, '}');
}

static int list(struct db *db)
{
	struct nodes nodes;
	struct buf out;
	usec now_wall = clock_wall();
	bool json = db->cli->format == OUTPUT_JSON;
	int code = nodes_read(db, "", &nodes);
	if (code != CLI_GO)
		return code;
	buf_init_arena(&out, db->cli->arena, 4096);
	buf_put_cstr(&out, json ? "[" : "");
	for (size_t i = 0; i < nodes.count; i++) {
		buf_put_cstr(&out, i == 0 ? "" : json ? ",\n" : "\n");
		if (json)
			put_json(&out, &nodes.items[i], now_wall);
		else
			node_put_text(&out, &nodes.items[i], now_wall);
	}
	buf_put_cstr(&out, json ? "]\n" : "");
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static int refuse_living(struct cli *cli, const struct node *n)
{
	return cli_fail(cli, EXIT_FAILED,
			"'%.*s' was heard of %llu s ago: it is not gone. Stop it (SIGTERM), and it "
			"leaves in order",
			STR_FORMAT(n->name), (unsigned long long)n->silent_seconds);
}

static int warn(struct cli *cli, const struct node *n)
{
	return cli_fail(cli, EXIT_USAGE,
			"%llu recipients were marked as started by '%.*s' and may have been "
			"mailed. If its journal never comes back, `rundbrief nodes forget %.*s "
			"--yes` puts them in doubt now, and each campaign's in_doubt decides. Nothing "
			"was done",
			(unsigned long long)n->unsettled, STR_FORMAT(n->name),
			STR_FORMAT(n->name));
}

static void tell(struct cli *cli, const struct node *n, uint64_t slices)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 512);
	if (cli->format == OUTPUT_JSON) {
		buf_put_cstr(&out, "{\"forgotten\":");
		json_put_string(&out, n->name);
		put_json_number(&out, "slices", slices);
		put_json_number(&out, "unsettled", n->unsettled);
		buf_put_cstr(&out, "}\n");
	} else {
		text_put_printable(&out, n->name, 100);
		buf_put_cstr(&out, " is forgotten; slices that others take: ");
		count_format(&out, slices);
		buf_put_cstr(&out, "; recipients that go in doubt: ");
		count_format(&out, n->unsettled);
		buf_put_byte(&out, '\n');
	}
	cli_write(buf_str(&out));
}

static int forget(struct db *db, const char *name, bool sure)
{
	struct nodes nodes;
	int code = nodes_read(db, name, &nodes);
	if (code != CLI_GO)
		return code;
	if (nodes.count == 0)
		return cli_fail(db->cli, EXIT_NOT_FOUND, "there is no engine '%s'", name);
	const struct node *n = &nodes.items[0];
	if (str_eq(n->state, STR("working")) || str_eq(n->state, STR("standby")))
		return refuse_living(db->cli, n);
	if (!sure && n->leased + n->orphaned > 0)
		return warn(db->cli, n);
	PGresult *result = db_query(db, "api_nodes_forget", 1, &name);
	if (!result)
		return db_code(db);
	bool done = PQntuples(result) > 0;
	uint64_t slices = done ? db_u64(result, 0, 1) : 0;
	PQclear(result);
	if (!done)
		return refuse_living(db->cli, n); /* it was heard of meanwhile */
	tell(db->cli, n, slices);
	return EXIT_OK;
}

static int check_words(struct cli *cli, int argc, char **argv, bool sure)
{
	if (argc > 0 && strcmp(argv[0], "forget") != 0)
		return cli_fail(cli, EXIT_USAGE, "nodes knows forget, not '%s'", argv[0]);
	if (argc == 1)
		return cli_fail(cli, EXIT_USAGE, "which engine? rundbrief nodes forget NAME");
	if (argc == 0 && sure)
		return cli_fail(cli, EXIT_USAGE, "--yes goes with forget NAME");
	return CLI_GO;
}

static int nodes_run(struct cli *cli, int argc, char **argv)
{
	bool sure = false;
	const struct cli_option options[] = {
		{"yes", CLI_FLAG, &sure, NULL, "forget: its journal never comes back, I am sure"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 0, 2);
	if (code == CLI_GO)
		code = check_words(cli, argc, argv, sure);
	if (code == CLI_GO)
		code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = argc == 0 ? list(&db) : forget(&db, argv[1], sure);
	db_close(&db);
	return code;
}

const struct command command_nodes = {
	.name = "nodes",
	.synopsis = "\nforget NAME [--yes]",
	.summary = "Show the engines that share the database, or give one up for good",
	.manual =
		"An engine that is silent for its lease is gone: others take what it had not "
		"started. Whom\n"
		"it had marked as started waits for its journal, so start it again over that "
		"journal if you\n"
		"can. Where neither comes back, policy decides at the date shown, or now: "
		"forget. Whoever\n"
		"is in doubt is listed by `rundbrief recipients CAMPAIGN --verdict in-doubt`.",
	.run = nodes_run,
	.outputs = CLI_JSON,
};
