/* nodes_read.c - see nodes.h. How many of an engine's recipients are marked and not settled is
 * counted slice by slice, as whoever takes it over will count them. */
#include "engine/api/nodes.h"

#include <stdlib.h>

#include "engine/base/codec.h"

#define IDS_LIMIT (1u << 20) /* of one slice; its size is limited far below */

/* Ids in no order, with repeats; malloc's, given back after each slice. */
struct heap_ids {
	uint64_t *ids;
	size_t count, capacity;
};

static bool room(struct heap_ids *h, size_t more)
{
	if (h->count + more > IDS_LIMIT)
		return false;
	if (h->count + more <= h->capacity)
		return true;
	size_t capacity = 2 * (h->count + more);
	uint64_t *grown = realloc(h->ids, capacity * sizeof(*grown));
	if (!grown)
		return false;
	h->ids = grown;
	h->capacity = capacity;
	return true;
}

static bool add(struct heap_ids *h, uint64_t id)
{
	if (!room(h, 1))
		return false;
	h->ids[h->count++] = id;
	return true;
}

/* bytea in text form: \x and two digits a byte. An id takes a byte at least. */
static bool add_coded(struct heap_ids *h, struct arena *arena, str cell)
{
	struct buf bytes;
	str digits = str_from(cell, 2);
	buf_init_arena(&bytes, arena, digits.size / 2 + 1);
	if (cell.size < 2 || !hex_decode(&bytes, digits) || !room(h, bytes.size))
		return false;
	long count = delta_decode(buf_str(&bytes), h->ids + h->count, h->capacity - h->count);
	h->count += count > 0 ? (size_t)count : 0;
	return count >= 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void sort(struct heap_ids *h)
{
	if (h->count > 0)
		qsort(h->ids, h->count, sizeof(*h->ids), compare);
}

/* Both sorted. */
static uint64_t count_without(const struct heap_ids *marked, const struct heap_ids *done)
{
	uint64_t count = 0;
	size_t at = 0;
	for (size_t i = 0; i < marked->count; i++) {
		if (i > 0 && marked->ids[i] == marked->ids[i - 1])
			continue;
		while (at < done->count && done->ids[at] < marked->ids[i])
			at++;
		count += at == done->count || done->ids[at] != marked->ids[i];
	}
	return count;
}

static bool count_marks(struct arena *arena, const PGresult *result, uint64_t *count)
{
	struct heap_ids done = {}, marked = {};
	bool good = true;
	for (int i = 0; good && i < PQntuples(result); i++) {
		uint64_t kind = db_u64(result, i, 0);
		good = kind == 0 ? add(&done, db_u64(result, i, 1))
				 : add_coded(kind == 1 ? &done : &marked, arena,
					     db_cell(result, i, 2));
	}
	sort(&done);
	sort(&marked);
	*count += good ? count_without(&marked, &done) : 0;
	free(done.ids);
	free(marked.ids);
	return good;
}

static int count_slice(struct db *db, const PGresult *slices, int row, uint64_t *count)
{
	const char *slice[] = {PQgetvalue(slices, row, 1), PQgetvalue(slices, row, 0)};
	PGresult *result = db_query(db, "api_nodes_marks", 2, slice);
	if (!result)
		return db_code(db);
	bool good = count_marks(db->cli->arena, result, count);
	PQclear(result);
	return good ? CLI_GO
		    : cli_fail(db->cli, EXIT_FAILED,
			       "slice %s of campaign %s cannot be read, or memory is short",
			       slice[1], slice[0]);
}

static int count_unsettled(struct db *db, struct node *node)
{
	PGresult *slices = db_query(db, "api_nodes_slices", 1, &node->id.data);
	int code = slices ? CLI_GO : db_code(db);
	for (int i = 0; code == CLI_GO && i < PQntuples(slices); i++)
		code = count_slice(db, slices, i, &node->unsettled);
	PQclear(slices);
	return code;
}

static str keep(struct db *db, const PGresult *result, int row, int column)
{
	str cell = db_cell(result, row, column);
	return cell.size ? arena_copy(db->cli->arena, cell) : STR("");
}

static void take(struct db *db, const PGresult *result, int row, struct node *node)
{
	*node = (struct node){
		.id = keep(db, result, row, 0),
		.name = keep(db, result, row, 1),
		.state = keep(db, result, row, 2),
		.epoch = db_u64(result, row, 3),
		.since_wall = db_i64(result, row, 4),
		.silent_seconds = db_u64(result, row, 5),
		.heartbeat_wall = db_i64(result, row, 6),
		.left_wall = db_i64(result, row, 7),
		.sources = keep(db, result, row, 8),
		.leased = db_u64(result, row, 9),
		.orphaned = db_u64(result, row, 10),
		.decide_wall = db_i64(result, row, 11),
		.position = db_u64(result, row, 12),
		.started_minute = db_u64(result, row, 13),
		.in_flight = db_u64(result, row, 14),
		.why = keep(db, result, row, 15),
	};
}

int nodes_read(struct db *db, const char *name, struct nodes *ret_nodes)
{
	PGresult *result = db_query(db, "api_nodes", 1, &name);
	if (!result)
		return db_code(db);
	size_t count = (size_t)PQntuples(result);
	struct node *items = ARENA_ARRAY(db->cli->arena, struct node, count + 1);
	for (size_t i = 0; items && i < count; i++)
		take(db, result, (int)i, &items[i]);
	PQclear(result);
	if (!items)
		return cli_fail(db->cli, EXIT_FAILED, "out of memory");
	int code = CLI_GO;
	for (size_t i = 0; code == CLI_GO && i < count; i++)
		if (items[i].leased + items[i].orphaned > 0)
			code = count_unsettled(db, &items[i]);
	*ret_nodes = (struct nodes){items, count};
	return code;
}
