/* load.c - two batches, one being read and one on its way; and beside them the rows that are
 * staged for what they are. While a batch flies, the socket is fed whenever it has room: the
 * server works on one batch while the next is read. A wrong guess costs the batch a second way,
 * and makes the next guess wait, twice as long each time. */
#include "importer/load.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/store/pg.h"
#include "importer/fresh.h"
#include "importer/seen.h"
#include "importer/staged.h"

#define BATCH_SIZE ((size_t)4 << 20) /* of text: full when there is so much of it */
#define FIRST_SIZE (BATCH_SIZE / 16) /* the server has nothing to do until it is full */
#define BATCH_ROWS 32768
#define BESIDE_SIZE ((size_t)1 << 20)
#define CHUNK_SIZE ((size_t)1 << 15) /* given to libpq at once */
#define FEED_EVERY 32		     /* rows */

struct row {
	uint64_t line;
	size_t at, size; /* in the batch's text: a row of COPY without its beginning */
	size_t seat;	 /* of what it carries, in the batch's present */
};

struct batch {
	struct buf text;
	struct row *rows;
	uint8_t *present; /* at each row's seat a bit for each column: it carries the attribute */
	size_t count;
	bool guessed;
};

/* What COPY has been given of a batch. */
struct flight {
	struct batch *batch; /* NULL: nothing is under way */
	size_t next;	     /* row */
	size_t range;
	int64_t id;
};

struct load {
	struct session *session;
	uint32_t tenant;
	const struct header *header;
	struct batch batches[2], beside;
	struct batch *filling;
	size_t enough; /* text for it to be full */
	struct flight flight;
	struct seen *seen; /* NULL: nothing is guessed */
	struct buf chunk, words;
	unsigned wrong; /* guesses */
	unsigned staged_batches;
	struct fresh_range *ranges; /* of ids: those of the flying batch are the last */
	size_t range_count, range_capacity, range_held;
	uint64_t added, staged;
	uint64_t *carried; /* by column: how many of them carry the attribute */
};

/* ---- memory ---- */

static bool buf_create(struct buf *b, size_t size)
{
	char *memory = malloc(size);
	buf_init_fixed(b, memory, memory ? size : 0);
	return memory != NULL;
}

static size_t stride_of(const struct load *l)
{
	return (l->header->count + 7) / 8;
}

static bool batch_create(struct load *l, struct batch *b)
{
	b->rows = calloc(BATCH_ROWS, sizeof(struct row));
	b->present = calloc(BATCH_ROWS, stride_of(l));
	return buf_create(&b->text, BATCH_SIZE + LOAD_ROW_LIMIT) && b->rows && b->present;
}

static void batch_destroy(struct batch *b)
{
	free(b->text.data);
	free(b->rows);
	free(b->present);
}

static void batch_empty(struct batch *b)
{
	buf_reset(&b->text);
	b->count = 0;
}

struct load *load_create(struct session *session, const struct header *header, bool guesses)
{
	struct load *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->session = session;
	l->tenant = (uint32_t)session_number(session->tenant);
	l->header = header;
	l->filling = &l->batches[0];
	l->enough = FIRST_SIZE;
	l->carried = calloc(header->count, sizeof(uint64_t));
	l->seen = guesses ? seen_create() : NULL;
	bool good = l->carried && (l->seen || !guesses) && batch_create(l, &l->batches[0]) &&
		    batch_create(l, &l->batches[1]) && batch_create(l, &l->beside) &&
		    buf_create(&l->chunk, CHUNK_SIZE + LOAD_ROW_LIMIT) &&
		    buf_create(&l->words, BATCH_SIZE + LOAD_ROW_LIMIT);
	if (good)
		return l;
	load_destroy(l);
	return NULL;
}

void load_destroy(struct load *l)
{
	if (!l)
		return;
	batch_destroy(&l->batches[0]);
	batch_destroy(&l->batches[1]);
	batch_destroy(&l->beside);
	free(l->chunk.data);
	free(l->words.data);
	free(l->carried);
	free(l->ranges);
	seen_destroy(l->seen);
	free(l);
}

static int no_memory(struct load *l)
{
	return session_fail(l->session, "the import was not done", "no memory");
}

/* ---- a batch on its way ---- */

static void put_start(struct load *l, const struct row *row)
{
	struct flight *f = &l->flight;
	uint16_t columns = (uint16_t)staged_columns(l->header);
	if (!f->batch->guessed) {
		pg_copy_row(&l->chunk, (uint16_t)(columns + 1));
		pg_copy_u64(&l->chunk, row->line);
		return;
	}
	ASSERT(f->range < l->range_count);
	pg_copy_row(&l->chunk, (uint16_t)(columns + 2));
	pg_copy_u32(&l->chunk, l->tenant);
	pg_copy_u64(&l->chunk, (uint64_t)f->id);
	if (f->id++ == l->ranges[f->range].hi && ++f->range < l->range_count)
		f->id = l->ranges[f->range].lo;
}

/* The next rows to libpq, if it has sent what it had; 1: there is more, or it is not sent. */
static int feed(struct load *l)
{
	struct flight *f = &l->flight;
	PGconn *conn = l->session->conn;
	int unsent = f->batch ? PQflush(conn) : 0;
	if (unsent < 0)
		return session_lost(l->session);
	if (!f->batch || unsent || f->next == f->batch->count)
		return unsent;
	buf_reset(&l->chunk);
	if (f->next == 0)
		pg_copy_head(&l->chunk);
	for (; f->next < f->batch->count && l->chunk.size < CHUNK_SIZE; f->next++) {
		const struct row *row = &f->batch->rows[f->next];
		put_start(l, row);
		buf_put(&l->chunk, str_sub(buf_str(&f->batch->text), row->at, row->size));
	}
	if (f->next == f->batch->count)
		pg_copy_tail(&l->chunk);
	ASSERT(buf_ok(&l->chunk));
	if (PQputCopyData(conn, l->chunk.data, (int)l->chunk.size) != 1)
		return session_lost(l->session);
	return 1;
}

static int wait_for_room(struct load *l)
{
	struct pollfd p = {.fd = PQsocket(l->session->conn), .events = POLLIN | POLLOUT};
	if (poll(&p, 1, -1) < 0 && errno != EINTR)
		return session_fail(l->session, "the import was not done", strerror(errno));
	if ((p.revents & POLLIN) && PQconsumeInput(l->session->conn) != 1)
		return session_lost(l->session);
	return 0;
}

/* Says how COPY ended: 0, 1 when a row of it is there already, or -1 after a sentence. */
static int end_copy(struct load *l)
{
	PGconn *conn = l->session->conn;
	int code;
	while ((code = feed(l)) > 0)
		if (wait_for_room(l) < 0)
			return -1;
	if (code < 0)
		return -1;
	if (PQsetnonblocking(conn, 0) != 0 || PQputCopyEnd(conn, NULL) != 1)
		return session_lost(l->session);
	for (PGresult *result; (result = PQgetResult(conn));) {
		if (session_is_duplicate(result))
			code = 1;
		else if (PQresultStatus(result) != PGRES_COMMAND_OK)
			code = session_lost(l->session);
		PQclear(result);
	}
	return code;
}

static int start_copy(struct load *l, struct batch *b)
{
	char statement[160];
	const char *name = l->header->name == HEADER_NONE ? "" : "name, ";
	snprintf(statement, sizeof(statement),
		 "copy %s, address_key, address, domain, %sattributes) from stdin "
		 "(format binary)",
		 b->guessed ? "subscribers (tenant_id, id" : "import_rows (line", name);
	if (session_plain(l->session, statement) < 0)
		return -1;
	if (PQsetnonblocking(l->session->conn, 1) != 0)
		return session_lost(l->session);
	l->flight = (struct flight){.batch = b, .range = l->range_held};
	if (b->guessed)
		l->flight.id = l->ranges[l->range_held].lo;
	else
		l->staged += b->count;
	return 0;
}

/* ---- beside ---- */

static int land(struct load *);

/* Staged at once; nothing else is under way. */
static int flush_beside(struct load *l)
{
	if (l->beside.count == 0)
		return 0;
	if (start_copy(l, &l->beside) < 0 || land(l) < 0)
		return -1;
	batch_empty(&l->beside);
	return 0;
}

static bool beside_is_full(const struct load *l)
{
	return l->beside.text.size >= BESIDE_SIZE || l->beside.count == BATCH_ROWS;
}

static void put_beside(struct load *l, const struct batch *from, size_t index)
{
	const struct row *row = &from->rows[index];
	struct batch *to = &l->beside;
	to->rows[to->count++] =
		(struct row){.line = row->line, .at = to->text.size, .size = row->size};
	buf_put(&to->text, str_sub(buf_str(&from->text), row->at, row->size));
	ASSERT(buf_ok(&to->text));
}

/* ---- guessing ---- */

static str key_of_row(const struct batch *b, const struct row *row)
{
	str line = str_sub(buf_str(&b->text), row->at, row->size);
	uint32_t size;
	memcpy(&size, line.data, sizeof(size));
	return str_sub(line, sizeof(size), be32toh(size));
}

static str key_of(const struct batch *b, size_t index)
{
	return key_of_row(b, &b->rows[index]);
}

static int by_key(const void *left, const void *right, void *batch)
{
	return str_compare(key_of_row(batch, left), key_of_row(batch, right));
}

/* The keys as an array. Those with what an array would escape have been put beside. */
static void put_keys(struct load *l, const struct batch *b)
{
	buf_reset(&l->words);
	buf_put_byte(&l->words, '{');
	for (size_t i = 0; i < b->count; i++) {
		if (i)
			buf_put_byte(&l->words, ',');
		buf_put_byte(&l->words, '"');
		buf_put(&l->words, key_of(b, i));
		buf_put_byte(&l->words, '"');
	}
	buf_put(&l->words, str_make("}", 2));
	ASSERT(buf_ok(&l->words));
}

/* Rows of a batch, by ascending index, go beside. */
static int take_out(struct load *l, struct batch *b, const PGresult *which)
{
	size_t kept = 0;
	int next = 0;
	for (size_t i = 0; i < b->count; i++) {
		if (next < PQntuples(which) &&
		    session_number(PQgetvalue(which, next, 0)) == i) {
			next++;
			if (beside_is_full(l) && flush_beside(l) < 0)
				return -1;
			put_beside(l, b, i);
			continue;
		}
		b->rows[kept++] = b->rows[i];
	}
	b->count = kept;
	return 0;
}

/* Puts beside of whom a suppression, a scope or an erasure speaks. */
static int take_out_watched(struct load *l, struct batch *b)
{
	const char *values[] = {l->session->tenant, l->words.data};
	uint64_t watching = 0;
	if (session_count(l->session, "import_watching", 1, values, &watching) < 0)
		return -1;
	if (watching == 0)
		return 0;
	put_keys(l, b);
	PGresult *which = session_query(l->session, "import_watched", 2, values);
	int code = which ? take_out(l, b, which) : -1;
	PQclear(which);
	return code;
}

static bool hold_range(struct load *l, int64_t lo, int64_t hi)
{
	if (l->range_count == l->range_capacity) {
		size_t capacity = 2 * l->range_capacity + 64;
		struct fresh_range *ranges = realloc(l->ranges, capacity * sizeof(*ranges));
		if (!ranges)
			return false;
		l->ranges = ranges;
		l->range_capacity = capacity;
	}
	l->ranges[l->range_count++] = (struct fresh_range){lo, hi};
	return true;
}

static int take_ranges(struct load *l, const char *query, const char *const *values)
{
	PGresult *result = session_query(l->session, query, 1, values);
	if (!result)
		return -1;
	int code = 0;
	for (int i = 0; code == 0 && i < PQntuples(result); i++)
		if (!hold_range(l, (int64_t)session_number(PQgetvalue(result, i, 0)),
				(int64_t)session_number(PQgetvalue(result, i, 1))))
			code = no_memory(l);
	PQclear(result);
	return code;
}

static int64_t ids_held(const struct load *l)
{
	const struct fresh_range *held = &l->ranges[l->range_held];
	return held->hi - held->lo + 1;
}

/* One range, if nobody else took an id meanwhile. */
static int take_ids(struct load *l, size_t count)
{
	char text[24];
	const char *values[] = {text};
	snprintf(text, sizeof(text), "%zu", count);
	l->range_held = l->range_count;
	int code = take_ranges(l, "import_ids", values);
	if (code != 0 || ids_held(l) == (int64_t)count)
		return code;
	l->range_count = l->range_held;
	return take_ranges(l, "import_ids_apart", values);
}

static void count_carried(struct load *l, const struct batch *b)
{
	size_t stride = stride_of(l);
	for (size_t i = 0; i < b->count; i++)
		for (size_t c = 0; c < l->header->count; c++)
			l->carried[c] += b->present[b->rows[i].seat * stride + c / 8] >> (c % 8) & 1;
	l->added += b->count;
}

/* A guess was wrong: its ids are left out, its rows are staged. */
static int land_wrong(struct load *l, struct batch *b)
{
	l->range_count = l->range_held;
	l->wrong++;
	l->staged_batches = 0;
	b->guessed = false;
	if (session_plain(l->session,
			  "rollback to savepoint guessed; release savepoint guessed") < 0 ||
	    start_copy(l, b) < 0)
		return -1;
	return land(l);
}

static int land_right(struct load *l, const struct batch *b)
{
	struct fresh_range *last = &l->ranges[l->range_held];
	count_carried(l, b);
	if (l->range_held > 0 && last[-1].hi + 1 == last->lo) {
		last[-1].hi = last->hi;
		memmove(last, last + 1,
			(l->range_count - l->range_held - 1) * sizeof(*last));
		l->range_count--;
	}
	return session_plain(l->session, "release savepoint guessed");
}

/* Waits for what is under way. */
static int land(struct load *l)
{
	struct batch *b = l->flight.batch;
	if (!b)
		return 0;
	int code = end_copy(l);
	l->flight.batch = NULL;
	if (code < 0)
		return -1;
	if (!b->guessed)
		return code == 0 ? 0 : session_lost(l->session);
	return code == 0 ? land_right(l, b) : land_wrong(l, b);
}

static bool may_guess(struct load *l)
{
	if (!l->seen)
		return false;
	unsigned wait = l->wrong == 0 ? 0 : 1u << (l->wrong < 16 ? l->wrong - 1 : 15);
	return l->staged_batches++ >= wait;
}

static int launch(struct load *l, struct batch *b)
{
	b->guessed = may_guess(l);
	if (!b->guessed)
		return start_copy(l, b);
	if (take_out_watched(l, b) < 0)
		return -1;
	if (b->count == 0)
		return 0;
	if (take_ids(l, b->count) < 0 || session_plain(l->session, "savepoint guessed") < 0)
		return -1;
	return start_copy(l, b);
}

/* The batch that is read goes on its way, when the one before it has arrived. It goes in the
 * order of its keys, as long as guesses are right: what follows each other lies together in the
 * index then, which saves a fifth of all time if the file has its addresses in no order. */
static int turn_over(struct load *l)
{
	struct batch *b = l->filling;
	if (l->seen && l->wrong == 0)
		qsort_r(b->rows, b->count, sizeof(*b->rows), by_key, b);
	if (land(l) < 0 || (beside_is_full(l) && flush_beside(l) < 0))
		return -1;
	if (l->enough < BATCH_SIZE)
		l->enough *= 2;
	l->filling = b == &l->batches[0] ? &l->batches[1] : &l->batches[0];
	batch_empty(l->filling);
	return b->count > 0 ? launch(l, b) : 0;
}

/* ---- rows ---- */

static void note_present(struct load *l, const struct batch *b, const struct csv_row *from)
{
	uint8_t *present = b->present + b->count * stride_of(l);
	memset(present, 0, stride_of(l));
	for (size_t c = 0; c < l->header->count; c++)
		if (l->header->attributes[c].size && from->fields[c].size)
			present[c / 8] |= (uint8_t)(1 << (c % 8));
}

/* Nothing in it that an array would escape. */
static bool is_plain(str key)
{
	return str_find_byte(key, '\\') == STR_NONE && str_find_byte(key, '"') == STR_NONE;
}

int load_row(struct load *l, const struct csv_row *from, bool literals, bool numbers,
	     const char **ret_reason)
{
	struct batch *b = l->filling;
	struct row *row = &b->rows[b->count];
	*row = (struct row){.line = from->line, .at = b->text.size, .seat = b->count};
	*ret_reason = staged_put(&b->text, l->header, from, literals, numbers);
	if (!buf_ok(&b->text))
		return session_fail(l->session, "the import was not done",
				    "a row takes too much memory");
	if (*ret_reason)
		return 0;
	row->size = b->text.size - row->at;
	if (l->seen) {
		str key = key_of(b, b->count);
		if (seen_again(l->seen, key) || !is_plain(key)) {
			if (beside_is_full(l) && (land(l) < 0 || flush_beside(l) < 0))
				return -1;
			put_beside(l, b, b->count);
			b->text.size = row->at;
			return 0;
		}
		note_present(l, b, from);
	}
	b->count++;
	if (b->count % FEED_EVERY == 0 && feed(l) < 0)
		return -1;
	return b->text.size >= l->enough || b->count == BATCH_ROWS ? turn_over(l) : 0;
}

/* ---- the end ---- */

/* Names and how many carry them, as two arrays. */
static int count_attributes(struct load *l)
{
	struct buf names, counts;
	buf_init_arena(&names, l->session->arena, 256);
	buf_init_arena(&counts, l->session->arena, 256);
	buf_put_cstr(&names, "{\"\"");
	buf_put_byte(&counts, '{');
	buf_put_u64(&counts, l->added);
	for (size_t c = 0; c < l->header->count; c++) {
		if (l->header->attributes[c].size == 0)
			continue;
		buf_put_cstr(&names, ",\"");
		buf_put(&names, l->header->attributes[c]); /* neither quote nor backslash */
		buf_put_byte(&names, '"');
		buf_put_byte(&counts, ',');
		buf_put_u64(&counts, l->carried[c]);
	}
	buf_put(&names, str_make("}", 2));
	buf_put(&counts, str_make("}", 2));
	if (!buf_ok(&names) || !buf_ok(&counts))
		return no_memory(l);
	const char *values[] = {l->session->tenant, l->session->list_id, names.data,
				counts.data};
	return session_count(l->session, "import_tallied", 4, values, NULL);
}

const char *load_ids(const struct load *l)
{
	struct buf b;
	buf_init_arena(&b, l->session->arena, 256);
	buf_put_byte(&b, '{');
	for (size_t i = 0; i < l->range_count; i++) {
		buf_put_cstr(&b, i ? ",[" : "[");
		buf_put_i64(&b, l->ranges[i].lo);
		buf_put_byte(&b, ',');
		buf_put_i64(&b, l->ranges[i].hi);
		buf_put_byte(&b, ']');
	}
	buf_put(&b, str_make("}", 2));
	return buf_ok(&b) ? b.data : NULL;
}

static int subscribe(struct load *l)
{
	if (fresh_subscribe(l->session, l->ranges, l->range_count) < 0)
		return -1;
	return count_attributes(l);
}

int load_end(struct load *l)
{
	if (turn_over(l) < 0 || land(l) < 0 || flush_beside(l) < 0)
		return -1;
	return l->added > 0 ? subscribe(l) : 0;
}

uint64_t load_added(const struct load *l)
{
	return l->added;
}

uint64_t load_staged(const struct load *l)
{
	return l->staged;
}
