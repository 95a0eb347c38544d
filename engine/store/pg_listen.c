/* pg_listen.c - the bell: LISTEN on every new connection, and what came of it to its owner.
 * LISTEN goes before all that waits, and the bell rings when it is answered: what was notified
 * while nobody listened has rung into the void. The owner is called at the end of a turn of
 * pg_drive(), so that it may ask, or close, at once. */
#include "engine/store/pg.h"

#include <stdlib.h>

#include "engine/base/assert.h"

static const char listen_statement[] =
	"listen rundbrief_outbox; listen rundbrief_stop; listen rundbrief_due";

static const struct channel {
	const char *name;
	enum store_rung rung;
} channels[] = {
	{"rundbrief_outbox", STORE_RUNG_OUTBOX},
	{"rundbrief_stop", STORE_RUNG_STOP},
	{"rundbrief_due", STORE_RUNG_DUE},
};

static enum pg_next listen_step(struct store *s, struct store_request *request,
				const PGresult *result)
{
	(void)request;
	if (!result)
		return pg_text(s, listen_statement);
	s->listen.rung = STORE_RUNG_ALL;
	return PG_DONE;
}

static void on_listening(struct store_request *request)
{
	struct pg_listen *l = CHAIN_OWNER(request, struct pg_listen, request);
	l->asked = false;
}

static const struct store_work listen_work = {listen_step};

static void prepare(struct pg_listen *l)
{
	l->request = (struct store_request){.on_done = on_listening, .work = &listen_work};
	l->asked = true;
}

void store_listen(struct store *s, struct store_bell *bell)
{
	ASSERT(s->loop && !s->listen.bell && !s->pooled);
	s->listen.bell = bell;
	if (s->state == PG_DOWN) {
		pg_wake(s);
	} else if (s->state != PG_CONNECTING) {
		prepare(&s->listen);
		pg_submit(s, &s->listen.request, &listen_work);
	}
}

void pg_listen_begin(struct store *s)
{
	if (!s->listen.bell || s->listen.asked)
		return;
	prepare(&s->listen);
	chain_push_front(&s->queue, &s->listen.request.link);
}

/* The payload is the tenant, as every trigger says it; without one everybody is meant. */
static bool is_ours(const struct store *s, const char *payload)
{
	return !*payload || strtoul(payload, NULL, 10) == s->tenant;
}

void pg_listen_take(struct store *s)
{
	for (PGnotify *n; s->conn && (n = PQnotifies(s->conn)); PQfreemem(n))
		for (size_t i = 0; i < sizeof(channels) / sizeof(*channels); i++)
			if (strcmp(n->relname, channels[i].name) == 0 && is_ours(s, n->extra))
				s->listen.rung |= channels[i].rung;
}

void pg_listen_tell(struct store *s)
{
	unsigned rung = s->listen.rung;
	if (s->closing || !rung)
		return;
	s->listen.rung = 0;
	s->listen.bell->on_bell(s->listen.bell, rung);
}
