/* cmd_recipients.c - `rundbrief recipients CAMPAIGN`: the rows behind a report's numbers. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/db.h"
#include "engine/api/rows.h"
#include "engine/base/codec.h"

#define SLICE_IDS_LIMIT 65536 /* more than any slice holds */

struct wanted {
	const char *verdict, *class, *reason, *provider, *code, *cause, *source, *try;
	bool attempts;
};

static const struct column columns[] = {
	{"email", 0, false},      {"subscriber", 0, true}, {"verdict", 0, false},
	{"class", 0, false},      {"cause", 0, false},     {"code", 0, true},
	{"status", 0, false},     {"text", 0, false},      {"stage", 0, false},
	{"origin", 0, false},     {"attempt", 0, true},    {"provider", 0, false},
	{"mx_host", 0, false},    {"source", 0, false},    {"at", 0, false},
	{"duration_ms", 0, true}, {"final", 0, true},
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))
enum {
	COLUMN_EMAIL,
	COLUMN_SUBSCRIBER,
	COLUMN_VERDICT,
	COLUMN_CLASS,
	COLUMN_CODE = 5,
	COLUMN_STATUS,
	COLUMN_TEXT,
	COLUMN_PROVIDER = 11,
	COLUMN_FINAL = 16,
};

/* People get what fits on a screen, programs get all. */
static const struct column shown_columns[] = {
	{"email", 32, false}, {"verdict", 10, false},  {"class", 17, false}, {"code", 4, true},
	{"status", 7, false}, {"provider", 10, false}, {"text", 0, false},
};
static const int shown[] = {COLUMN_EMAIL,  COLUMN_VERDICT,  COLUMN_CLASS, COLUMN_CODE,
			    COLUMN_STATUS, COLUMN_PROVIDER, COLUMN_TEXT};
#define SHOWN_COUNT (sizeof(shown) / sizeof(shown[0]))

static void put_cells(struct rows *rows, const str *cells)
{
	str few[SHOWN_COUNT];
	for (size_t i = 0; i < SHOWN_COUNT; i++)
		few[i] = cells[shown[i]];
	rows_put(rows, rows->format == OUTPUT_TEXT ? few : cells);
}

static void begin_rows(struct rows *rows, enum output_format format)
{
	if (format == OUTPUT_TEXT)
		rows_begin(rows, format, shown_columns, SHOWN_COUNT);
	else
		rows_begin(rows, format, columns, COLUMN_COUNT);
}

static void put_row(void *context, const PGresult *result, int row)
{
	str cells[COLUMN_COUNT];
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		cells[i] = db_cell(result, row, (int)i);
	put_cells(context, cells);
}

static int list_outcomes(struct db *db, const struct campaign_row *campaign,
			 const struct wanted *w, struct rows *rows)
{
	const char *parameters[] = {campaign->id_text.data,
				    w->attempts ? "true" : "false",
				    w->verdict,
				    w->class,
				    w->provider,
				    w->code,
				    w->cause,
				    w->source,
				    w->try};
	return db_stream(db, "api_recipients", 9, parameters, put_row, rows);
}

/* Bytes as PostgreSQL writes them in text: \x0a0b. */
static str bytes_of(struct arena *arena, str text)
{
	struct buf b;
	buf_init_arena(&b, arena, text.size / 2 + 1);
	if (!str_starts(text, STR("\\x")) || !hex_decode(&b, str_from(text, 2)) || !buf_ok(&b))
		return (str){};
	return buf_str(&b);
}

static void put_suppressed(struct rows *rows, const PGresult *result, int row)
{
	str cells[COLUMN_COUNT] = {};
	cells[COLUMN_EMAIL] = db_cell(result, row, 0);
	cells[COLUMN_SUBSCRIBER] = db_cell(result, row, 1);
	cells[COLUMN_CLASS] = db_cell(result, row, 2);
	cells[COLUMN_VERDICT] = str_eq(cells[COLUMN_CLASS], STR("held-out"))
					? cells[COLUMN_CLASS]
					: STR("suppressed");
	cells[COLUMN_FINAL] = STR("true");
	put_cells(rows, cells);
}

/* A slice keeps whom it left out as coded ids and a byte of reason for each. */
static int list_slice(struct db *db, struct arena *arena, const PGresult *slices, int row,
		      const struct wanted *w, struct rows *rows)
{
	str ids = bytes_of(arena, db_cell(slices, row, 1));
	str reasons = bytes_of(arena, db_cell(slices, row, 2));
	uint64_t *numbers = ARENA_ARRAY(arena, uint64_t, SLICE_IDS_LIMIT);
	struct buf pairs;
	long count = numbers && ids.data ? delta_decode(ids, numbers, SLICE_IDS_LIMIT) : -1;
	if (count < 0 || (size_t)count > reasons.size)
		return cli_fail(db->cli, EXIT_FAILED, "slice %s cannot be read",
				PQgetvalue(slices, row, 0));
	buf_init_arena(&pairs, arena, (size_t)count * 16 + 2);
	buf_put_byte(&pairs, '[');
	for (long i = 0; i < count; i++)
		buf_printf(&pairs, "%s[%llu,%u]", i ? "," : "", (unsigned long long)numbers[i],
			   (unsigned char)reasons.data[i]);
	buf_put_byte(&pairs, ']');
	buf_put_byte(&pairs, '\0');
	const char *parameters[] = {pairs.data, w->class, w->verdict};
	PGresult *result =
		buf_ok(&pairs) ? db_query(db, "api_suppressed_names", 3, parameters) : NULL;
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result); i++)
		put_suppressed(rows, result, i);
	PQclear(result);
	return CLI_GO;
}

static int list_suppressed(struct db *db, const struct campaign_row *campaign,
			   const struct wanted *w, struct rows *rows)
{
	struct arena arena;
	PGresult *slices = db_query(db, "api_suppressed_slices", 1, &campaign->id_text.data);
	int code = slices ? CLI_GO : db_code(db);
	arena_init(&arena, db->cli->arena->source, 0, 0);
	for (int i = 0; code == CLI_GO && i < PQntuples(slices); i++) {
		code = list_slice(db, &arena, slices, i, w, rows);
		arena_reset(&arena);
	}
	arena_done(&arena);
	PQclear(slices);
	return code;
}

/* Whom a slice left out was never attempted: only what says nothing of attempts asks for them.
 */
static bool wants_suppressed(const struct wanted *w)
{
	bool verdict = w->verdict[0] == '\0' || strcmp(w->verdict, "suppressed") == 0 ||
		       strcmp(w->verdict, "held-out") == 0;
	return verdict && !w->provider[0] && !w->code[0] && !w->cause[0] && !w->source[0] &&
	       !w->try[0];
}

static int list(struct cli *cli, struct db *db, const char *name, const struct wanted *w)
{
	struct campaign_row campaign;
	struct rows rows;
	int code = db_campaign(db, name, &campaign);
	if (code != CLI_GO)
		return code;
	begin_rows(&rows, cli->format);
	code = list_outcomes(db, &campaign, w, &rows);
	if (code == CLI_GO && wants_suppressed(w))
		code = list_suppressed(db, &campaign, w, &rows);
	rows_end(&rows);
	return code == CLI_GO ? EXIT_OK : code;
}

static int recipients_run(struct cli *cli, int argc, char **argv)
{
	struct wanted w = {"", "", "", "", "", "", "", "", false};
	const struct cli_option options[] = {
		{"verdict", CLI_TEXT, &w.verdict, "NAME",
		 "delivered, deferred, failed, in-doubt, suppressed, held-out or cancelled"},
		{"class", CLI_TEXT, &w.class, "NAME",
		 "bounce class: mailbox-full, bad-mailbox, ..."},
		{"reason", CLI_TEXT, &w.reason, "NAME",
		 "why suppressed: unsubscribed, manual, ..."},
		{"provider", CLI_TEXT, &w.provider, "NAME",
		 "mailbox provider; other: none that is known"},
		{"code", CLI_TEXT, &w.code, "NNN", "reply code"},
		{"cause", CLI_TEXT, &w.cause, "NAME", "finer cause within a class"},
		{"source", CLI_TEXT, &w.source, "NAME", "source that sent it"},
		{"try", CLI_TEXT, &w.try, "first|later",
		 "only first tries, or only later ones"},
		{"attempts", CLI_FLAG, &w.attempts, NULL,
		 "every attempt, not only what stands now"},
		{},
	};
	struct db db;
	int code = cli_parse(cli, options, &argc, &argv, 1, 1);
	if (code != CLI_GO)
		return code;
	if (w.try[0] && strcmp(w.try, "first") != 0 && strcmp(w.try, "later") != 0)
		return cli_fail(cli, EXIT_USAGE, "--try is first or later, not '%s'", w.try);
	if (w.reason[0]) {
		w.class = w.reason;
		w.verdict = "suppressed";
	}
	code = db_open(&db, cli);
	if (code != CLI_GO)
		return code;
	code = db_check_word(&db, "verdict", w.verdict);
	if (code == CLI_GO)
		code = db_check_word(&db, w.reason[0] ? "reason" : "class", w.class);
	if (code == CLI_GO)
		code = list(cli, &db, argv[0], &w);
	db_close(&db);
	return code;
}

const struct command command_recipients = {
	.name = "recipients",
	.synopsis = "CAMPAIGN [--verdict NAME] [--class NAME] [--provider NAME] ...",
	.summary = "List recipients and what came of each, as rows",
	.manual = "One row for each recipient with an outcome that stands; --attempts shows "
		  "every attempt.\n"
		  "Rows come as the database gives them, so a million of them need no memory.",
	.run = recipients_run,
	.outputs = CLI_JSON | CLI_CSV,
};
