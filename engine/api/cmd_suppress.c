/* cmd_suppress.c - `rundbrief suppress add | remove | list | import | export`. */
#include "engine/api/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/api/db.h"
#include "engine/api/email.h"
#include "engine/api/rows.h"

#define TOLD_LIMIT 10 /* mistakes told one by one; the others are counted */
#define BATCH_LIMIT                                                                            \
	1000 /* addresses a statement: each batch holds the stop feed for a moment */

struct batch {
	struct db *db;
	const char *reason; /* number */
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
	const char *parameters[] = {batch->keys.data, batch->reason};
	PGresult *result =
		batch->count ? db_query(batch->db, "api_suppress_add", 2, parameters) : NULL;
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
	fprintf(stderr, "'%.*s' is not an address: %s\n", STR_FORMAT(buf_str(&b)), why);
}

static int batch_add(struct batch *batch, str text)
{
	const char *why;
	str key = email_key(&batch->arena, text, &why);
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

static int add(struct db *db, const char *reason, int argc, char **argv, bool from_file)
{
	struct batch batch = {.db = db, .reason = reason};
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
		       : "%llu suppressed, %llu were so already, %llu no addresses\n",
	       (unsigned long long)batch.added, (unsigned long long)(batch.given - batch.added),
	       (unsigned long long)batch.refused);
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

static int remove_one(struct db *db, const char *email, size_t *removed_count)
{
	str key;
	int code = email_key_of(db->cli, email, &key);
	if (code != CLI_GO)
		return code;
	PGresult *result = db_query(db, "api_suppress_remove", 1, &key.data);
	if (!result)
		return db_code(db);
	int count = PQntuples(result);
	if (count > 0)
		print_removed(db, key, db_cell(result, 0, 0), (*removed_count)++ == 0);
	PQclear(result);
	return count > 0 ? CLI_GO
			 : cli_fail(db->cli, EXIT_NOT_FOUND, "%s is not suppressed", email);
}

static int remove_all(struct db *db, int argc, char **argv)
{
	int worst = EXIT_OK;
	size_t removed_count = 0;
	bool json = db->cli->format == OUTPUT_JSON;
	cli_write(json ? STR("[") : STR(""));
	for (int i = 0; i < argc && worst != EXIT_DATABASE; i++) {
		int code = remove_one(db, argv[i], &removed_count);
		worst = code == CLI_GO ? worst : code;
	}
	cli_write(json ? STR("\n]\n") : STR(""));
	return worst;
}

static void put_row(void *context, const PGresult *result, int row)
{
	str cells[4];
	for (int i = 0; i < 4; i++)
		cells[i] = db_cell(result, row, i);
	rows_put(context, cells);
}

static int list(struct db *db, const char *reason, enum output_format format)
{
	static const struct column columns[] = {{"email", 40, false},
						{"reason", 18, false},
						{"since", 20, false},
						{"sha256", 0, false}};
	struct rows rows;
	rows_begin(&rows, format, columns, 4);
	int code = db_stream(db, "api_suppress_list", 1, &reason, put_row, &rows);
	rows_end(&rows);
	return code == CLI_GO ? EXIT_OK : code;
}

static int suppress_run(struct cli *cli, int argc, char **argv)
{
	static const char *const verbs[] = {"add", "remove", "import", "list", "export"};
	const char *reason = "";
	const struct cli_option options[] = {
		{"reason", CLI_TEXT, &reason, "NAME",
		 "list and export: only those of this reason"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 1, 10000);
	if (code != CLI_GO)
		return code;
	size_t verb = 0;
	while (verb < 5 && strcmp(argv[0], verbs[verb]) != 0)
		verb++;
	if (verb == 5)
		return cli_fail_unknown(cli, "suppress command", argv[0], verbs, 5);
	if ((argc > 1) != (verb < 3))
		return cli_fail(cli, EXIT_USAGE, "suppress %s takes %s; see --help", argv[0],
				verb < 3 ? verb == 2 ? "a FILE" : "an EMAIL" : "no argument");
	code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	if (verb == 0 || verb == 2)
		code = add(&db, verb == 0 ? "100" : "101", argc - 1, argv + 1, verb == 2);
	else if (verb == 1)
		code = remove_all(&db, argc - 1, argv + 1);
	else if ((code = db_check_word(&db, "reason", reason)) == CLI_GO)
		code = list(&db, reason,
			    verb == 4 && cli->format == OUTPUT_TEXT ? OUTPUT_CSV : cli->format);
	db_close(&db);
	return code;
}

const struct command command_suppress = {
	.name = "suppress",
	.synopsis = "add EMAIL...\nremove EMAIL...\nimport FILE\nlist [--reason NAME]\n"
		    "export [--reason NAME] > FILE",
	.summary = "Keep addresses from ever being written to, or allow them again",
	.manual = "A suppressed address gets nothing, whatever list it is on and whoever "
		  "imports it.\n"
		  "import reads one address a line, or the first column of a CSV; - is "
		  "standard input.\n"
		  "export writes CSV that import takes back.",
	.run = suppress_run,
	.outputs = CLI_JSON | CLI_CSV,
};
