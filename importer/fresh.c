/* fresh.c - see fresh.h. */
#include "importer/fresh.h"

#include "engine/base/assert.h"
#include "engine/base/buf.h"
#include "engine/store/pg.h"

/* A statement's rows: the server keeps all of them for its trigger, so few that they stay in the
 * processor's cache. */
#define STATEMENT_ROWS 8192
#define CHUNK_ROWS 900
#define ROW_SIZE 34

/* What is left to be put on the list. */
struct cursor {
	const struct fresh_range *ranges;
	size_t count;
	int64_t next; /* of ranges[0] */
};

static bool at_end(const struct cursor *c)
{
	return c->count == 0;
}

static int64_t take(struct cursor *c)
{
	int64_t id = c->next;
	if (id < c->ranges->hi)
		c->next++;
	else if (c->ranges++, --c->count > 0)
		c->next = c->ranges->lo;
	return id;
}

static void put_row(struct buf *to, uint32_t tenant, uint64_t list, int64_t id)
{
	pg_copy_row(to, 3);
	pg_copy_u32(to, tenant);
	pg_copy_u64(to, list);
	pg_copy_u64(to, (uint64_t)id);
}

static int end_copy(struct session *s)
{
	int code = PQputCopyEnd(s->conn, NULL) == 1 ? 0 : session_lost(s);
	for (PGresult *result; (result = PQgetResult(s->conn));) {
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			code = session_lost(s);
		PQclear(result);
	}
	return code;
}

/* One statement. */
static int copy_some(struct session *s, struct cursor *c)
{
	char memory[CHUNK_ROWS * ROW_SIZE + 64];
	struct buf chunk;
	uint32_t tenant = (uint32_t)session_number(s->tenant);
	uint64_t list = session_number(s->list_id);
	buf_init_fixed(&chunk, memory, sizeof(memory));
	pg_copy_head(&chunk);
	if (session_plain(s, "copy subscriptions (tenant_id, list_id, subscriber_id) from stdin "
			     "(format binary)") < 0)
		return -1;
	for (size_t left = STATEMENT_ROWS; left > 0 && !at_end(c);) {
		for (size_t i = 0; i < CHUNK_ROWS && left > 0 && !at_end(c); i++, left--)
			put_row(&chunk, tenant, list, take(c));
		ASSERT(buf_ok(&chunk));
		if (PQputCopyData(s->conn, chunk.data, (int)chunk.size) != 1)
			return session_lost(s);
		buf_reset(&chunk);
	}
	pg_copy_tail(&chunk);
	if (PQputCopyData(s->conn, chunk.data, (int)chunk.size) != 1)
		return session_lost(s);
	return end_copy(s);
}

int fresh_subscribe(struct session *s, const struct fresh_range *ranges, size_t count)
{
	struct cursor c = {.ranges = ranges, .count = count, .next = count ? ranges->lo : 0};
	while (!at_end(&c))
		if (copy_some(s, &c) < 0)
			return -1;
	return 0;
}
