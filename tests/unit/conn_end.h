/* conn_end.h - one end of a connection for tests: counts what it is told, keeps what it got. */
#pragma once

#include "tests/unit/io_world.h"

#include "engine/net/conn.h"

struct end {
	struct conn conn;
	char why[CONN_WHY_SIZE];
	char in[200000];
	size_t in_size;
	int opened, written, tls_ok, tls_bad, lost, closed, bytes_calls;
	enum local_cause cause;
	bool pause_each, close_on_open;
};

#define END_OF(c) CHAIN_OWNER(c, struct end, conn)

static inline void on_open(struct conn *c)
{
	END_OF(c)->opened++;
	if (END_OF(c)->close_on_open)
		conn_close(c);
}

static inline void on_bytes(struct conn *c, str bytes)
{
	struct end *e = END_OF(c);
	assert_false(c->paused);
	assert_int_equal(c->state, CONN_OPEN);
	e->bytes_calls++;
	if (e->in_size + bytes.size > sizeof e->in)
		e->in_size = 0; /* only tests that do not look send so much */
	memcpy(e->in + e->in_size, bytes.data, bytes.size);
	e->in_size += bytes.size;
	if (e->pause_each)
		conn_pause(c);
}

static inline void on_written(struct conn *c, size_t)
{
	END_OF(c)->written++;
}

static inline void on_tls(struct conn *c, bool ok)
{
	if (ok)
		END_OF(c)->tls_ok++;
	else
		END_OF(c)->tls_bad++;
}

static inline void on_lost(struct conn *c, enum local_cause cause)
{
	END_OF(c)->lost++;
	END_OF(c)->cause = cause;
}

static inline void on_closed(struct conn *c)
{
	END_OF(c)->closed++;
}

static const struct conn_events end_events = {.on_open = on_open,
					      .on_bytes = on_bytes,
					      .on_written = on_written,
					      .on_tls = on_tls,
					      .on_lost = on_lost,
					      .on_closed = on_closed};

/* The client end is open, the server end adopted. */
static inline void open_pair(struct end **client, struct end **server)
{
	struct net_address at;
	int listener = world_listen(&at);
	*client = calloc(1, sizeof **client);
	*server = calloc(1, sizeof **server);
	conn_init(&(*client)->conn, world_loop, &end_events);
	conn_init(&(*server)->conn, world_loop, &end_events);
	conn_open(&(*client)->conn, &at, NULL, (*client)->why);
	assert_int_equal((*client)->opened, 0);
	world_run_until(&(*client)->opened, 1);
	int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	conn_adopt(&(*server)->conn, fd);
	close(listener);
}

static inline void close_end(struct end *e)
{
	if (e->conn.state != CONN_CLOSED)
		conn_close(&e->conn);
	assert_int_equal(e->closed, 0);
	world_run_until(&e->closed, 1);
	free(e);
}

static inline void put(struct end *e, const char *data, size_t size)
{
	struct iovec spans[2] = {{(void *)(uintptr_t)data, size / 2},
				 {(void *)(uintptr_t)(data + size / 2), size - size / 2}};
	int before = e->written;
	assert_true(conn_writable(&e->conn));
	conn_write(&e->conn, spans, 2);
	assert_false(conn_writable(&e->conn));
	world_run_until(&e->written, before + 1);
}

static inline void await_bytes(struct end *e, size_t size)
{
	for (usec end = clock_now() + 10 * USEC_SECOND; e->in_size < size;) {
		assert_true(clock_now() < end);
		assert_true(io_turn(world_loop, clock_now() + 10 * USEC_MS) >= 0);
	}
	assert_int_equal(e->in_size, size);
}
