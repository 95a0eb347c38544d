/* journal_aside.c - `rundbrief journal --aside`: outcomes that the database refused, read back from the
 * records that it keeps of them. */
#include "engine/api/journal_look.h"

#include <stdio.h>

#include "engine/api/db.h"
#include "engine/api/rows.h"
#include "engine/base/codec.h"

static const struct column columns[] = {
	{"at", 20, false},     {"campaign", 16, false}, {"recipient", 10, true},
	{"address", 28, false}, {"engine", 12, false},	{"attempt", 7, true},
	{"verdict", 10, false}, {"class", 16, false},	{"code", 4, true},
	{"text", 32, false},    {"why", 0, false},
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

/* What the journal had, in memory; false: no record of this program's. */
static bool read_record(char *memory, str hex, struct record *ret)
{
	struct buf bytes;
	buf_init_fixed(&bytes, memory, RECORD_HEAD_SIZE + RECORD_SIZE_LIMIT);
	if (!hex_decode(&bytes, hex))
		return false;
	str in = buf_str(&bytes);
	return record_take(&in, ret) == RECORD_READY && ret->type == RECORD_OUTCOME;
}

static void on_row(void *context, const PGresult *result, int row)
{
	struct rows *rows = context;
	struct record record;
	char code[16] = "", memory[RECORD_HEAD_SIZE + RECORD_SIZE_LIMIT];
	str cells[COLUMN_COUNT] = {};
	for (int i = 0; i < 6; i++)
		cells[i] = db_cell(result, row, i);
	cells[10] = db_cell(result, row, 7);
	if (read_record(memory, db_cell(result, row, 6), &record)) {
		const struct store_outcome *o = &record.outcome;
		cells[6] = str_of(verdict_names[o->verdict]);
		cells[7] = str_of(bounce_class_names[o->class]);
		if (o->code)
			snprintf(code, sizeof(code), "%u", o->code);
		cells[8] = o->code ? str_of(code) : (str){NULL, 0};
		cells[9] = o->text;
	}
	rows_put(rows, cells);
}

int journal_show_asides(struct cli *cli)
{
	struct rows rows;
	struct db db;
	int code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	rows_begin(&rows, cli->format, columns, COLUMN_COUNT);
	code = db_stream(&db, "api_asides", 0, NULL, on_row, &rows);
	rows_end(&rows);
	if (code == CLI_GO && rows.row_count == 0 && cli->format == OUTPUT_TEXT)
		cli_write(STR("The database has refused no outcome.\n"));
	db_close(&db);
	return code == CLI_GO ? EXIT_OK : code;
}
