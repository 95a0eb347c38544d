/* cmd_suppress.c - `rundbrief suppress add | remove | list | import | export`. */
#include "engine/api/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/api/db.h"
#include "engine/api/rows.h"
#include "engine/api/suppress_scope.h"

#define TOLD_LIMIT 10 /* mistakes told one by one; the others are counted */
#define BATCH_LIMIT                                                                            \
	1000 /* addresses a statement: each batch holds the stop feed for a moment */

struct batch {
	struct db *db;
	const char *reason; /* number */
	const struct suppress_scope *scope;
	struct arena arena; /* of one batch */
	struct buf keys;
	size_t count;
	uint64_t added, given, refused, line;
};

static void batch_begin(struct batch *batch)
{
	arena_reset(&batch->arena);
	buf_init_arena(&batch->keys, &batch->arena, 65536);
	buf_put_byte(&batch->keys, '[');
	batch->count = 0;
}

static int batch_flush(struct batch *batch)
{
	buf_put_byte(&batch->keys, ']');
	buf_put_byte(&batch->keys, '\0');
	if (!buf_ok(&batch->keys))
		return cli_fail(batch->db->cli, EXIT_FAILED, "out of memory");
	const struct suppress_scope *scope = batch->scope;
	const char *parameters[] = {batch->keys.data,       batch->reason,
				    scope->expires_seconds, scope->list_id,
				    scope->sender_key,      scope->domain ? "true" : "false"};
	bool plain = suppress_scope_is_plain(scope);
	PGresult *result =
		batch->count ? db_query(batch->db, plain ? "api_suppress_add" : "api_scope_add",
					plain ? 3 : 6, parameters)
			     : NULL;
	if (batch->count && !result)
		return db_code(batch->db);
	batch->added += batch->count ? (uint64_t)PQntuples(result) : 0;
	PQclear(result);
	batch_begin(batch);
	return CLI_GO;
}

static void tell_refused(const struct batch *batch, str text, const char *why)
{
	char shown[100];
	struct buf b;
	buf_init_fixed(&b, shown, sizeof(shown));
	text_put_printable(&b, str_trim(text), 80);
	if (batch->line)
		fprintf(stderr, "line %llu: ", (unsigned long long)batch->line);
	fprintf(stderr, "'%.*s' is not %s: %s\n", STR_FORMAT(buf_str(&b)),
		batch->scope->domain ? "a domain" : "an address", why);
}

static int batch_add(struct batch *batch, str text)
{
	const char *why;
	str key = suppress_scope_key(batch->scope, &batch->arena, text, &why);
	if (!key.data) {
		batch->refused++;
		if (batch->refused <= TOLD_LIMIT)
			tell_refused(batch, text, why);
		return CLI_GO;
	}
	if (batch->count > 0)
		buf_put_byte(&batch->keys, ',');
	json_put_string(&batch->keys, key);
	batch->count++;
	batch->given++;
	return batch->count >= BATCH_LIMIT ? batch_flush(batch) : CLI_GO;
}

/* The address of a line: the first column of a CSV, quotes and a leading apostrophe off, as
 * export writes it. */
static str address_of_line(str line)
{
	str cell = str_trim(str_cut(&line, ','));
	if (cell.size >= 2 && cell.data[0] == '"' && cell.data[cell.size - 1] == '"')
		cell = str_sub(cell, 1, cell.size - 2);
	return str_starts(cell, STR("'")) ? str_from(cell, 1) : cell;
}

static int import_lines(struct batch *batch, FILE *in)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;
	int code = CLI_GO;
	while (code == CLI_GO && (size = getline(&line, &capacity, in)) >= 0) {
		str cell = address_of_line(str_make(line, (size_t)size));
		batch->line++;
		bool header = batch->line == 1 && (str_eq_nocase(cell, STR("email")) ||
						   str_eq_nocase(cell, STR("address")));
		if (cell.size == 0 || header)
			continue;
		code = batch_add(batch, cell);
	}
	free(line);
	return code;
}

static int import(struct batch *batch, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(path, "re");
	if (!in)
		return cli_fail(batch->db->cli, EXIT_NOT_FOUND, "%s: %s", path,
				strerror(errno));
	int code = import_lines(batch, in);
	if (!is_stdin)
		fclose(in);
	return code;
}

static int add(struct db *db, const struct suppress_scope *scope, int argc, char **argv,
	       bool from_file)
{
	struct batch batch = {.db = db, .reason = from_file ? "101" : "100", .scope = scope};
	int code = CLI_GO;
	arena_init(&batch.arena, db->cli->arena->source, 0, 0);
	batch_begin(&batch);
	for (int i = 0; i < argc && code == CLI_GO; i++)
		code = from_file ? import(&batch, argv[i]) : batch_add(&batch, str_of(argv[i]));
	if (code == CLI_GO)
		code = batch_flush(&batch);
	arena_done(&batch.arena);
	if (code != CLI_GO)
		return code;
	printf(db->cli->format == OUTPUT_JSON
		       ? "{\"suppressed\":%llu,\"already\":%llu,\"refused\":%llu}\n"
		       : "%llu suppressed, %llu were so already, %llu no %s\n",
	       (unsigned long long)batch.added, (unsigned long long)(batch.given - batch.added),
	       (unsigned long long)batch.refused, scope->domain ? "domains" : "addresses");
	return batch.refused && !batch.given ? EXIT_INVALID : EXIT_OK;
}

static void print_removed(const struct db *db, str key, str reason, bool first)
{
	struct buf out;
	char memory[2048];
	buf_init_fixed(&out, memory, sizeof(memory));
	buf_put_cstr(&out, first ? "\n{\"email\":" : ",\n{\"email\":");
	json_put_string(&out, key);
	buf_put_cstr(&out, ",\"was\":");
	json_put_string(&out, reason);
	buf_put_cstr(&out, "}");
	if (db->cli->format == OUTPUT_JSON)
		cli_write(buf_str(&out));
	else
		printf("%.*s is no longer suppressed (was: %.*s)\n", STR_FORMAT(key),
		       STR_FORMAT(reason));
}

static PGresult *remove_key(struct db *db, const struct suppress_scope *scope, const char *key)
{
	const char *parameters[] = {key, scope->list_id, scope->sender_key,
				    scope->domain ? "true" : "false"};
	return suppress_scope_is_plain(scope)
		       ? db_query(db, "api_suppress_remove", 1, parameters)
		       : db_query(db, "api_scope_remove", 4, parameters);
}

static int remove_one(struct db *db, const struct suppress_scope *scope, const char *text,
		      size_t *removed_count)
{
	const char *why;
	str key = suppress_scope_key(scope, db->cli->arena, str_of(text), &why);
	if (!key.data)
		return cli_fail(db->cli, EXIT_INVALID, "'%s' is not %s: %s", text,
				scope->domain ? "a domain" : "an address", why);
	PGresult *result = remove_key(db, scope, key.data);
	if (!result)
		return db_code(db);
	int count = PQntuples(result);
	for (int i = 0; i < count; i++)
		print_removed(db, key, db_cell(result, i, 0), (*removed_count)++ == 0);
	PQclear(result);
	return count > 0 ? CLI_GO
			 : cli_fail(db->cli, EXIT_NOT_FOUND, "%s is not suppressed%s", text,
				    suppress_scope_is_plain(scope) ? "" : " in this scope");
}

static int remove_all(struct db *db, const struct suppress_scope *scope, int argc, char **argv)
{
	int worst = EXIT_OK;
	size_t removed_count = 0;
	bool json = db->cli->format == OUTPUT_JSON;
	cli_write(json ? STR("[") : STR(""));
	for (int i = 0; i < argc && worst != EXIT_DATABASE; i++) {
		int code = remove_one(db, scope, argv[i], &removed_count);
		worst = code == CLI_GO ? worst : code;
	}
	cli_write(json ? STR("\n]\n") : STR(""));
	return worst;
}

#define COLUMN_COUNT 15
enum {
	CELL_ADDRESS,
	CELL_REASON,
	CELL_SINCE,
	CELL_HASH,
	CELL_DOMAIN,
	CELL_LIST,
	CELL_SENDER,
	CELL_UNTIL,
	CELL_CODE,
	CELL_STATUS,
	CELL_PROVIDER,
	CELL_TEXT = 14,
};

static void put_row(void *context, const PGresult *result, int row)
{
	str cells[COLUMN_COUNT];
	for (int i = 0; i < COLUMN_COUNT; i++)
		cells[i] = db_cell(result, row, i);
	rows_put(context, cells);
}

/* Five columns for people, the last of which says what led to it. */
static void put_row_for_people(void *context, const PGresult *result, int row)
{
	char whom[400], scope[300], evidence[700];
	struct buf b;
	str cells[6], address = db_cell(result, row, CELL_ADDRESS);
	str domain = db_cell(result, row, CELL_DOMAIN), list = db_cell(result, row, CELL_LIST);
	str sender = db_cell(result, row, CELL_SENDER);
	buf_init_fixed(&b, whom, sizeof(whom));
	if (domain.size)
		buf_printf(&b, "@%.*s", STR_FORMAT(domain));
	else if (address.size)
		buf_put(&b, address);
	else
		buf_printf(&b, "sha256:%.*s",
			   STR_FORMAT(str_sub(db_cell(result, row, CELL_HASH), 0, 16)));
	cells[0] = buf_str(&b);
	cells[1] = db_cell(result, row, CELL_REASON);
	cells[2] = str_sub(db_cell(result, row, CELL_SINCE), 0, 10);
	cells[3] = str_sub(db_cell(result, row, CELL_UNTIL), 0, 10);
	buf_init_fixed(&b, scope, sizeof(scope));
	if (list.size)
		buf_printf(&b, "list %.*s ", STR_FORMAT(str_sub(list, 0, 100)));
	if (sender.size)
		buf_printf(&b, "from %.*s", STR_FORMAT(str_sub(sender, 0, 180)));
	cells[4] = str_trim(buf_str(&b));
	buf_init_fixed(&b, evidence, sizeof(evidence));
	if (db_cell(result, row, CELL_CODE).size)
		buf_printf(&b, "%.*s: %.*s %.*s %.*s",
			   STR_FORMAT(str_sub(db_cell(result, row, CELL_PROVIDER), 0, 64)),
			   STR_FORMAT(db_cell(result, row, CELL_CODE)),
			   STR_FORMAT(db_cell(result, row, CELL_STATUS)),
			   STR_FORMAT(str_sub(db_cell(result, row, CELL_TEXT), 0, 400)));
	cells[5] = str_starts(buf_str(&b), STR(": ")) ? str_from(buf_str(&b), 2) : buf_str(&b);
	rows_put(context, cells);
}

static int list(struct db *db, const char *reason, const struct suppress_scope *scope,
		bool for_import, enum output_format format)
{
	static const struct column columns[COLUMN_COUNT] = {
		{"email", 0, false},    {"reason", 0, false},   {"since", 0, false},
		{"sha256", 0, false},   {"domain", 0, false},   {"list", 0, false},
		{"sender", 0, false},   {"until", 0, false},    {"code", 0, true},
		{"status", 0, false},   {"provider", 0, false}, {"source", 0, false},
		{"campaign", 0, false}, {"cause", 0, false},    {"reply", 0, false}};
	static const struct column for_people[] = {
		{"email", 40, false}, {"reason", 18, false}, {"since", 10, false},
		{"until", 10, false}, {"only", 24, false},   {"evidence", 0, false}};
	bool text = format == OUTPUT_TEXT;
	const char *parameters[] = {reason, scope->list ? scope->list : "", scope->sender_key,
				    scope->domain ? "true" : "false",
				    for_import ? "true" : "false"};
	struct rows rows;
	rows_begin(&rows, format, text ? for_people : columns, text ? 6 : COLUMN_COUNT);
	int code = db_stream(db, "api_suppress_list", 5, parameters,
			     text ? put_row_for_people : put_row, &rows);
	rows_end(&rows);
	return code == CLI_GO ? EXIT_OK : code;
}

enum verb { VERB_ADD, VERB_REMOVE, VERB_IMPORT, VERB_LIST, VERB_EXPORT, VERB_COUNT };

static int run_verb(struct db *db, enum verb verb, const char *reason,
		    struct suppress_scope *scope, int argc, char **argv)
{
	int code = suppress_scope_find(db, scope);
	if (code == CLI_GO && verb >= VERB_LIST)
		code = db_check_word(db, "reason", reason);
	if (code != CLI_GO)
		return code;
	enum output_format format = db->cli->format;
	switch (verb) {
	case VERB_REMOVE:
		return remove_all(db, scope, argc, argv);
	case VERB_LIST:
		return list(db, reason, scope, false, format);
	case VERB_EXPORT:
		return list(db, reason, scope, true,
			    format == OUTPUT_TEXT ? OUTPUT_CSV : format);
	default:
		return add(db, scope, argc, argv, verb == VERB_IMPORT);
	}
}

static int suppress_run(struct cli *cli, int argc, char **argv)
{
	static const char *const verbs[] = {"add", "remove", "import", "list", "export"};
	const char *reason = "";
	struct suppress_scope scope = {};
	const struct cli_option options[] = {
		{"reason", CLI_TEXT, &reason, "NAME",
		 "list and export: only those of this reason"},
		{"list", CLI_TEXT, &scope.list, "NAME", "for this list only"},
		{"sender", CLI_TEXT, &scope.sender, "FROM",
		 "for this From address or domain only"},
		{"domain", CLI_FLAG, &scope.domain, NULL, "whole domains instead of addresses"},
		{"expires", CLI_TEXT, &scope.expires, "TIME",
		 "add and import: for so long, as in 90d"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 1, 10000);
	if (code != CLI_GO)
		return code;
	size_t verb = 0;
	while (verb < VERB_COUNT && strcmp(argv[0], verbs[verb]) != 0)
		verb++;
	if (verb == VERB_COUNT)
		return cli_fail_unknown(cli, "suppress command", argv[0], verbs, VERB_COUNT);
	if ((argc > 1) != (verb < VERB_LIST))
		return cli_fail(cli, EXIT_USAGE, "suppress %s takes %s; see --help", argv[0],
				verb >= VERB_LIST     ? "no argument"
				: verb == VERB_IMPORT ? "a FILE"
						      : "an EMAIL");
	if (verb == VERB_EXPORT && !suppress_scope_is_plain(&scope))
		return cli_fail(cli, EXIT_USAGE,
				"export writes what holds everywhere, for import to take back; "
				"`suppress list --csv` shows the others");
	code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = run_verb(&db, (enum verb)verb, reason, &scope, argc - 1, argv + 1);
	db_close(&db);
	return code;
}

const struct command command_suppress = {
	.name = "suppress",
	.synopsis = "add EMAIL... [--list NAME | --sender FROM] [--expires TIME]\n"
		    "add --domain DOMAIN...\nremove EMAIL...\nimport FILE\nlist [--reason "
		    "NAME]\nexport [--reason NAME] > FILE",
	.summary = "Keep addresses from ever being written to, or allow them again",
	.manual = "A suppressed address gets nothing, whatever list it is on and whoever "
		  "imports it; with\n"
		  "--list or --sender nothing through that list or from that sender. A domain "
		  "holds for\n"
		  "what is read from then on. remove without a scope takes all of an address's "
		  "back.\n"
		  "list shows the reply that led to each, and until when it holds.\n"
		  "import reads one address a line, or the first column of a CSV; - is "
		  "standard input.\n"
		  "export writes CSV that import takes back.",
	.run = suppress_run,
	.outputs = CLI_JSON | CLI_CSV,
};
