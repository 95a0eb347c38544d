/* list.c - a file becomes a list: everything in one transaction, then a look back.
 * Rows stream into a temporary table by COPY while the file is read; four statements merge it.
 * The look back (import_suppressed) is for suppressions that were written while the merge ran:
 * neither transaction saw the other. */
#include "importer/list.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/base/embedded.h"
#include "engine/io/heap.h"
#include "engine/store/connect.h"
#include "importer/staged.h"

#define CHUNK_SIZE ((size_t)1 << 18)               /* of COPY data sent at once */
#define STAGED_LIMIT (8 * CSV_RECORD_LIMIT + 8192) /* one row, everything escaped */
#define PROGRESS_ROWS 4096
#define REJECT_TEXT_LIMIT 300

struct import {
	const struct import_options *options;
	struct import_result *result;
	struct import_progress progress;
	char *why;
	size_t why_size;
	int fd;
	PGconn *conn;
	FILE *rejects;
	struct csv_reader *reader;
	struct arena arena;
	struct header header;
	struct buf staged;
	char tenant[16], list_id[24];
};

static int fail(struct import *m, const char *what, const char *detail)
{
	size_t size = strlen(detail);
	while (size && (detail[size - 1] == '\n' || detail[size - 1] == ' '))
		size--;
	snprintf(m->why, m->why_size, "%s%s%.*s", what, size ? ": " : "", (int)size, detail);
	for (char *at = m->why; *at; at++)
		if (*at == '\n')
			*at = ' ';
	return -1;
}

static void tell(struct import *m, enum import_stage stage)
{
	m->progress.stage = stage;
	m->progress.bytes = csv_reader_bytes(m->reader);
	m->progress.rows = m->result->rows;
	m->progress.rejects = m->result->rejects;
	if (m->options->on_progress)
		m->options->on_progress(m->options->context, &m->progress);
}

/* ---- statements ---- */

static str text_of_query(const char *name)
{
	char path[80];
	snprintf(path, sizeof(path), "sql/queries/%s.sql", name);
	return embedded_find(path);
}

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* Runs sql/queries/NAME.sql; the result, or NULL after a sentence. */
static PGresult *query(struct import *m, const char *name, int count, const char *const *values)
{
	PGresult *result = PQexecParams(m->conn, text_of_query(name).data, count, NULL, values,
					NULL, NULL, 0);
	if (is_good(result))
		return result;
	fail(m, "the import was not done", PQerrorMessage(m->conn));
	PQclear(result);
	return NULL;
}

static uint64_t number_of(const char *text)
{
	uint64_t number = 0;
	return str_to_u64(str_of(text), &number) ? number : 0;
}

/* A statement that counts what it did; -1 after a sentence. */
static int count_query(struct import *m, const char *name, int count, const char *const *values,
		       uint64_t *ret)
{
	PGresult *result = query(m, name, count, values);
	if (!result)
		return -1;
	if (ret)
		*ret = number_of(PQcmdTuples(result));
	PQclear(result);
	return 0;
}

static int plain(struct import *m, const char *statement)
{
	PGresult *result = PQexec(m->conn, statement);
	ExecStatusType status = PQresultStatus(result);
	PQclear(result);
	if (status == PGRES_COMMAND_OK || status == PGRES_COPY_IN)
		return 0;
	return fail(m, "the import was not done", PQerrorMessage(m->conn));
}

static bool is_duplicate(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	return state && strcmp(state, "23505") == 0; /* unique_violation */
}

/* A statement with a line that begins by ON CONFLICT, which costs each row another look at its
 * index and another record of WAL: tried without that line first. Only when somebody else has
 * added one of these rows meanwhile, which shows as a duplicate key, it runs as it stands. */
static PGresult *query_alone(struct import *m, const char *name, int count,
			     const char *const *values)
{
	str text = text_of_query(name);
	size_t from = str_find(text, STR("on conflict"));
	struct buf alone;
	ASSERT(from < text.size);
	buf_init_arena(&alone, &m->arena, text.size + 1);
	buf_put(&alone, str_sub(text, 0, from));
	str rest = str_from(text, from);
	buf_put(&alone, str_from(rest, str_find(rest, STR("\n"))));
	buf_put_byte(&alone, 0);
	if (!buf_ok(&alone)) {
		fail(m, "the import was not done", "no memory");
		return NULL;
	}
	if (plain(m, "savepoint alone") < 0)
		return NULL;
	PGresult *result =
		PQexecParams(m->conn, alone.data, count, NULL, values, NULL, NULL, 0);
	if (is_good(result))
		return result;
	bool again = is_duplicate(result);
	if (!again)
		fail(m, "the import was not done", PQerrorMessage(m->conn));
	PQclear(result);
	if (!again || plain(m, "rollback to savepoint alone") < 0)
		return NULL;
	return query(m, name, count, values);
}

static int connect_to(struct import *m)
{
	const struct connect_to to = {
		.conninfo = m->options->conninfo,
		.application = "rundbrief import",
		.pooled = m->options->pooled,
		.options = "-c work_mem=64MB -c temp_buffers=64MB",
	};
	m->conn = connect_open(&to);
	if (!m->conn || PQstatus(m->conn) != CONNECTION_OK)
		return fail(m, "the database cannot be reached",
			    m->conn ? PQerrorMessage(m->conn) : "");
	snprintf(m->tenant, sizeof(m->tenant), "%u",
		 m->options->tenant ? m->options->tenant : 1);
	return 0;
}

static int find_list(struct import *m)
{
	const char *values[] = {m->tenant, m->options->list};
	PGresult *result = query(m, "import_list", 2, values);
	if (!result)
		return -1;
	snprintf(m->list_id, sizeof(m->list_id), "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return 0;
}

/* ---- rows ---- */

static void put_csv_cell(struct buf *b, str text)
{
	buf_put_byte(b, '"');
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '"')
			buf_put_byte(b, '"');
		buf_put_byte(b, text.data[i]);
	}
	buf_put_byte(b, '"');
}

/* The raw line of a reject, or the fields of a row that was read. */
static str text_of(const struct csv_row *row, struct buf *joined)
{
	if (row->text.data)
		return str_trim(row->text);
	for (size_t i = 0; i < row->field_count && joined->size < REJECT_TEXT_LIMIT; i++) {
		if (i)
			buf_put_byte(joined, ',');
		buf_put(joined, str_sub(row->fields[i], 0, REJECT_TEXT_LIMIT));
	}
	return buf_str(joined);
}

static int reject(struct import *m, const struct csv_row *row, const char *reason)
{
	char joined_memory[2 * REJECT_TEXT_LIMIT + 8], printable_memory[5 * REJECT_TEXT_LIMIT];
	char line_memory[12 * REJECT_TEXT_LIMIT];
	struct buf joined, printable, line;
	m->result->rejects++;
	if (!m->options->reject_path)
		return 0;
	if (!m->rejects) {
		m->rejects = fopen(m->options->reject_path, "w");
		if (!m->rejects || fputs("line,reason,text\n", m->rejects) == EOF)
			return fail(m, m->options->reject_path, strerror(errno));
	}
	buf_init_fixed(&joined, joined_memory, sizeof(joined_memory));
	buf_init_fixed(&printable, printable_memory, sizeof(printable_memory));
	buf_init_fixed(&line, line_memory, sizeof(line_memory));
	buf_put_printable(&printable, text_of(row, &joined), REJECT_TEXT_LIMIT);
	buf_put_u64(&line, row->line);
	buf_put_byte(&line, ',');
	put_csv_cell(&line, str_of(reason));
	buf_put_byte(&line, ',');
	put_csv_cell(&line, buf_str(&printable));
	buf_put_byte(&line, '\n');
	if (fwrite(line.data, 1, line.size, m->rejects) != line.size)
		return fail(m, m->options->reject_path, strerror(errno));
	return 0;
}

static int send_staged(struct import *m)
{
	if (m->staged.size && PQputCopyData(m->conn, m->staged.data, (int)m->staged.size) != 1)
		return fail(m, "the import was not done", PQerrorMessage(m->conn));
	buf_reset(&m->staged);
	return 0;
}

static int take_row(struct import *m, enum csv_step step, const struct csv_row *row)
{
	const char *reason = row->reason;
	if (++m->result->rows % PROGRESS_ROWS == 0)
		tell(m, IMPORT_READING);
	if (step == CSV_ROW)
		reason = staged_put(&m->staged, &m->header, row, m->options->literals,
				    m->options->numbers);
	if (!buf_ok(&m->staged))
		return fail(m, "the import was not done", "a row takes too much memory");
	if (reason)
		return reject(m, row, reason);
	return m->staged.size >= CHUNK_SIZE ? send_staged(m) : 0;
}

static int reading_failed(struct import *m, enum csv_step step)
{
	if (step == CSV_UTF16)
		return fail(m, "the file is UTF-16", "save it as UTF-8 and import it again");
	return fail(m, "the file cannot be read", strerror(errno));
}

static int read_header(struct import *m)
{
	struct csv_row row;
	enum csv_step step = csv_reader_next(m->reader, &row);
	if (step == CSV_END)
		return fail(m, "the file is empty", "");
	if (step == CSV_REJECT)
		return fail(m, "the first row, which names the columns, cannot be read",
			    row.reason);
	if (step != CSV_ROW)
		return reading_failed(m, step);
	return header_read(&m->header, &m->arena, &row, m->why, m->why_size);
}

static int read_rows(struct import *m)
{
	struct csv_row row;
	enum csv_step step;
	while ((step = csv_reader_next(m->reader, &row)) == CSV_ROW || step == CSV_REJECT)
		if (take_row(m, step, &row) < 0)
			return -1;
	return step == CSV_END ? send_staged(m) : reading_failed(m, step);
}

static int stage(struct import *m)
{
	if (count_query(m, "import_stage", 0, NULL, NULL) < 0 ||
	    plain(m, "copy import_rows from stdin") < 0 || read_rows(m) < 0)
		return -1;
	if (PQputCopyEnd(m->conn, NULL) != 1)
		return fail(m, "the import was not done", PQerrorMessage(m->conn));
	for (PGresult *result; (result = PQgetResult(m->conn));) {
		bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
		PQclear(result);
		if (!good)
			return fail(m, "the import was not done", PQerrorMessage(m->conn));
	}
	return plain(m, "analyze import_rows");
}

/* ---- merging ---- */

/* The file's attributes as an array literal; every name is quoted. */
static const char *column_array(struct import *m)
{
	struct buf b;
	buf_init_arena(&b, &m->arena, 256);
	buf_put_byte(&b, '{');
	for (size_t i = 0; i < m->header.count; i++) {
		if (m->header.attributes[i].size == 0)
			continue;
		if (b.size > 1)
			buf_put_byte(&b, ',');
		buf_put_byte(&b, '"');
		buf_put(&b, m->header.attributes[i]); /* holds neither quote nor backslash */
		buf_put_byte(&b, '"');
	}
	buf_put(&b, str_make("}", 2));
	return buf_ok(&b) ? b.data : NULL;
}

static int add(struct import *m)
{
	const char *values[] = {m->tenant};
	PGresult *result = query_alone(m, "import_add", 1, values);
	if (!result)
		return -1;
	m->result->added = number_of(PQcmdTuples(result));
	PQclear(result);
	return 0;
}

static int subscribe(struct import *m)
{
	const char *values[] = {m->tenant, m->list_id,
				m->options->resubscribe ? "true" : "false"};
	PGresult *result = query_alone(m, "import_subscribe", 3, values);
	if (!result)
		return -1;
	m->result->subscribed = number_of(PQgetvalue(result, 0, 0));
	m->result->resubscribed = number_of(PQgetvalue(result, 0, 1));
	m->result->kept_off = number_of(PQgetvalue(result, 0, 2));
	m->result->suppressed = number_of(PQgetvalue(result, 0, 3));
	PQclear(result);
	return 0;
}

/* The reject file gets their lines and not their words: nothing is to be kept of them. */
static int refuse_erased(struct import *m)
{
	const char *values[] = {m->tenant};
	PGresult *result = query(m, "import_erased", 1, values);
	int code = result ? 0 : -1;
	for (int i = 0; code == 0 && i < PQntuples(result); i++) {
		const struct csv_row row = {.line = number_of(PQgetvalue(result, i, 0))};
		code = reject(m, &row,
			      "erased on request; `rundbrief suppress remove` lets the "
			      "address in again");
		m->result->erased++;
	}
	PQclear(result);
	return code;
}

static int merge(struct import *m)
{
	const char *values[] = {m->tenant, column_array(m)};
	if (!values[1])
		return fail(m, "the import was not done", "no memory");
	tell(m, IMPORT_MERGING);
	if (count_query(m, "import_turn", 1, values, NULL) < 0 ||
	    count_query(m, "import_duplicates", 0, NULL, &m->result->duplicates) < 0 ||
	    refuse_erased(m) < 0 ||
	    count_query(m, "import_change", 2, values, &m->result->changed) < 0 || add(m) < 0)
		return -1;
	return subscribe(m);
}

/* After the commit: nothing of this is needed for the import to hold. */
static int look_back(struct import *m)
{
	const char *values[] = {m->tenant, "7200"};
	const char *list[] = {m->tenant, m->list_id};
	tell(m, IMPORT_COUNTING);
	if (count_query(m, "import_suppressed", 2, values, NULL) < 0 ||
	    count_query(m, "import_counts", 2, list, NULL) < 0)
		return -1;
	if (m->result->added + m->result->subscribed < 1000)
		return 0;
	return plain(m, "analyze subscribers; analyze subscriptions");
}

/* ---- the whole ---- */

static ssize_t read_file(void *context, char *to, size_t size)
{
	return read(((struct import *)context)->fd, to, size);
}

static int begin(struct import *m)
{
	char *memory = malloc(CHUNK_SIZE + STAGED_LIMIT);
	m->reader = csv_reader_create(read_file, m, &m->options->csv);
	if (memory)
		buf_init_fixed(&m->staged, memory, CHUNK_SIZE + STAGED_LIMIT);
	if (!memory || !m->reader)
		return fail(m, "the import was not done", "no memory");
	return 0;
}

static int run(struct import *m)
{
	if (begin(m) < 0)
		return -1;
	m->result->bad_file = read_header(m) < 0;
	/* Behind a pooler the buffers of temporary tables were somebody's before us. */
	const char *begin = m->options->pooled ? "begin; set local work_mem = '64MB'" : "begin";
	if (m->result->bad_file || connect_to(m) < 0 || plain(m, begin) < 0 ||
	    find_list(m) < 0 || stage(m) < 0 || merge(m) < 0 || plain(m, "commit") < 0)
		return -1;
	if (look_back(m) < 0) /* its sentence stays as a note */
		m->result->noted = true;
	return 0;
}

int import_list(int fd, const struct import_options *options, struct import_result *ret,
		char *ret_why, size_t why_size)
{
	if (why_size)
		ret_why[0] = 0;
	struct import m = {.options = options,
			   .result = ret,
			   .why = ret_why,
			   .why_size = why_size,
			   .fd = fd};
	*ret = (struct import_result){};
	arena_init(&m.arena, heap_source(), 0, 0);
	int result = run(&m);
	if (m.rejects && fclose(m.rejects) != 0 && result == 0)
		result = fail(&m, options->reject_path, strerror(errno));
	ret->no_database = result < 0 && m.conn && PQstatus(m.conn) != CONNECTION_OK;
	PQfinish(m.conn); /* what was not committed is rolled back */
	csv_reader_destroy(m.reader);
	free(m.staged.data);
	arena_done(&m.arena);
	return result;
}
