/* list.c - a file becomes a list: everything in one transaction, then a look back.
 * Rows stream into the database while the file is read: new subscribers into their table, what
 * is to be merged into a temporary one (load.h), from which some statements merge it.
 * The look back (import_suppressed, import_scoped, import_erased_since) is for what was said of
 * somebody while it ran: neither transaction saw the other. */
#include "importer/list.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/io/clock.h"
#include "engine/io/heap.h"
#include "engine/store/connect.h"
#include "importer/load.h"

#define PROGRESS_ROWS 4096
#define REJECT_TEXT_LIMIT 300

struct import {
	const struct import_options *options;
	struct import_result *result;
	struct import_progress progress;
	struct session session;
	int fd;
	FILE *rejects;
	struct csv_reader *reader;
	struct arena arena;
	struct header header;
	struct load *load;
	bool guesses; /* see load.h */
	usec began;
};

static int fail(struct import *m, const char *what, const char *detail)
{
	return session_fail(&m->session, what, detail);
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

static int connect_to(struct import *m)
{
	const struct connect_to to = {
		.conninfo = m->options->conninfo,
		.application = "rundbrief import",
		.pooled = m->options->pooled,
		.options = "-c work_mem=64MB -c temp_buffers=64MB",
	};
	m->session.conn = connect_open(&to);
	if (!m->session.conn || PQstatus(m->session.conn) != CONNECTION_OK)
		return fail(m, "the database cannot be reached",
			    m->session.conn ? PQerrorMessage(m->session.conn) : "");
	snprintf(m->session.tenant, sizeof(m->session.tenant), "%u",
		 m->options->tenant ? m->options->tenant : 1);
	return 0;
}

static int find_list(struct import *m)
{
	const char *values[] = {m->session.tenant, m->options->list};
	PGresult *result = session_query(&m->session, "import_list", 2, values);
	if (!result)
		return -1;
	snprintf(m->session.list_id, sizeof(m->session.list_id), "%s",
		 PQgetvalue(result, 0, 0));
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

static int take_row(struct import *m, enum csv_step step, const struct csv_row *row)
{
	const char *reason = row->reason;
	if (++m->result->rows % PROGRESS_ROWS == 0)
		tell(m, IMPORT_READING);
	if (step == CSV_ROW && load_row(m->load, row, m->options->literals, m->options->numbers,
					&reason) < 0)
		return -1;
	return reason ? reject(m, row, reason) : 0;
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
	return header_read(&m->header, &m->arena, &row, m->session.why, m->session.why_size);
}

static int read_rows(struct import *m)
{
	struct csv_row row;
	enum csv_step step;
	while ((step = csv_reader_next(m->reader, &row)) == CSV_ROW || step == CSV_REJECT)
		if (take_row(m, step, &row) < 0)
			return -1;
	return step == CSV_END ? load_end(m->load) : reading_failed(m, step);
}

/* Of whom is added on a guess (load.h) load.c counts the attributes, and not the triggers. */
static int load_rows(struct import *m)
{
	const char *values[] = {m->session.tenant};
	if (session_count(&m->session, "import_stage", 0, NULL, NULL) < 0)
		return -1;
	if (m->guesses &&
	    (session_count(&m->session, "import_turn", 1, values, NULL) < 0 ||
	     session_plain(&m->session, "set local rundbrief.counted = 'yes'") < 0))
		return -1;
	m->load = load_create(&m->session, &m->header, m->guesses);
	if (!m->load)
		return fail(m, "the import was not done", "no memory");
	if (read_rows(m) < 0)
		return -1;
	m->result->added = m->result->subscribed = load_added(m->load);
	return session_plain(&m->session, "set local rundbrief.counted = 'no'");
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
	const char *values[] = {m->session.tenant};
	PGresult *result = session_query_alone(&m->session, "import_add", 1, values);
	if (!result)
		return -1;
	m->result->added += session_number(PQcmdTuples(result));
	PQclear(result);
	return 0;
}

static int subscribe(struct import *m)
{
	const char *values[] = {m->session.tenant, m->session.list_id,
				m->options->resubscribe ? "true" : "false"};
	PGresult *result = session_query_alone(&m->session, "import_subscribe", 3, values);
	if (!result)
		return -1;
	m->result->subscribed += session_number(PQgetvalue(result, 0, 0));
	m->result->resubscribed = session_number(PQgetvalue(result, 0, 1));
	m->result->kept_off = session_number(PQgetvalue(result, 0, 2));
	m->result->suppressed = session_number(PQgetvalue(result, 0, 3));
	PQclear(result);
	return 0;
}

/* The reject file gets their lines and not their words: nothing is to be kept of them. */
static int refuse_erased(struct import *m)
{
	const char *values[] = {m->session.tenant};
	PGresult *result = session_query(&m->session, "import_erased", 1, values);
	int code = result ? 0 : -1;
	for (int i = 0; code == 0 && i < PQntuples(result); i++) {
		const struct csv_row row = {.line = session_number(PQgetvalue(result, i, 0))};
		code = reject(m, &row,
			      "erased on request; `rundbrief suppress remove` lets the "
			      "address in again");
		m->result->erased++;
	}
	PQclear(result);
	return code;
}

/* A statement that answers with one number. */
static int ask(struct import *m, const char *name, int count, const char *const *values,
	       uint64_t *ret)
{
	PGresult *result = session_query(&m->session, name, count, values);
	if (!result)
		return -1;
	*ret = session_number(PQgetvalue(result, 0, 0));
	PQclear(result);
	return 0;
}

/* Plans are made of what was known before this file: of a list that it has filled with millions they
 * would take one row, and look through all of them for each that is merged. */
static int learn_list(struct import *m)
{
	if (load_added(m->load) == 0)
		return 0;
	return session_plain(&m->session, "set local default_statistics_target = 30; "
					  "analyze subscriptions (list_id, subscriber_id)");
}

/* What could not be added as it was read. */
static int merge(struct import *m)
{
	const char *ids = load_ids(m->load);
	const char *values[] = {m->session.tenant, column_array(m), ids};
	const char *added[] = {m->session.tenant, ids};
	uint64_t again = 0;
	if (!values[1] || !ids)
		return fail(m, "the import was not done", "no memory");
	tell(m, IMPORT_MERGING);
	if (load_staged(m->load) == 0)
		return 0;
	if (session_plain(&m->session, "analyze import_rows (line, address_key)") < 0 ||
	    session_count(&m->session, "import_turn", 1, values, NULL) < 0 ||
	    session_count(&m->session, "import_duplicates", 0, NULL, &m->result->duplicates) <
		    0 ||
	    refuse_erased(m) < 0)
		return -1;
	if (load_added(m->load) > 0 && ask(m, "import_again", 2, added, &again) < 0)
		return -1;
	m->result->duplicates += again;
	if (ask(m, "import_change", 3, values, &m->result->changed) < 0 || add(m) < 0 ||
	    learn_list(m) < 0)
		return -1;
	return subscribe(m);
}

/* After the commit: nothing of this is needed for the import to hold. */
static int look_back(struct import *m)
{
	char since[24]; /* seconds; who began to erase before us has long ended */
	const char *values[] = {m->session.tenant, "7200"};
	const char *added[] = {m->session.tenant, since, load_ids(m->load)};
	const char *list[] = {m->session.tenant, m->session.list_id};
	tell(m, IMPORT_COUNTING);
	snprintf(since, sizeof(since), "%lld",
		 (long long)((clock_now() - m->began) / USEC_SECOND + 60));
	if (!added[2])
		return fail(m, "the list was not looked over", "no memory");
	if (session_count(&m->session, "import_suppressed", 2, values, NULL) < 0 ||
	    session_count(&m->session, "import_scoped", 2, values, NULL) < 0 ||
	    session_count(&m->session, "import_erased_since", 3, added, NULL) < 0 ||
	    session_count(&m->session, "import_counts", 2, list, NULL) < 0)
		return -1;
	if (m->result->added + m->result->subscribed < 1000)
		return 0;
	/* What plans are made of, until autovacuum looks closer; nobody plans by a sample of
	 * attributes, and it takes most of the time. */
	return session_plain(&m->session,
			     "begin; set local default_statistics_target = 30; "
			     "analyze subscribers (tenant_id, id, suppressed, address_key, "
			     "domain); analyze subscriptions; commit");
}

/* ---- the whole ---- */

static ssize_t read_file(void *context, char *to, size_t size)
{
	return read(((struct import *)context)->fd, to, size);
}

static int begin(struct import *m)
{
	struct stat status;
	m->began = clock_now();
	m->reader = csv_reader_create(read_file, m, &m->options->csv);
	m->guesses = fstat(m->fd, &status) == 0 && S_ISREG(status.st_mode);
	return m->reader ? 0 : fail(m, "the import was not done", "no memory");
}

static int run(struct import *m)
{
	if (begin(m) < 0)
		return -1;
	m->result->bad_file = read_header(m) < 0;
	/* Behind a pooler the buffers of temporary tables were somebody's before us. */
	const char *settings =
		m->options->pooled ? "begin; set local work_mem = '64MB'; set local jit = off"
				   : "begin; set local jit = off";
	if (m->result->bad_file || connect_to(m) < 0 ||
	    session_plain(&m->session, settings) < 0 || find_list(m) < 0 || load_rows(m) < 0 ||
	    merge(m) < 0 || session_plain(&m->session, "commit") < 0)
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
			   .session = {.arena = &m.arena, .why = ret_why, .why_size = why_size},
			   .fd = fd};
	*ret = (struct import_result){};
	arena_init(&m.arena, heap_source(), 0, 0);
	int result = run(&m);
	if (m.rejects && fclose(m.rejects) != 0 && result == 0)
		result = fail(&m, options->reject_path, strerror(errno));
	ret->no_database =
		result < 0 && m.session.conn && PQstatus(m.session.conn) != CONNECTION_OK;
	PQfinish(m.session.conn); /* what was not committed is rolled back */
	csv_reader_destroy(m.reader);
	load_destroy(m.load);
	arena_done(&m.arena);
	return result;
}
