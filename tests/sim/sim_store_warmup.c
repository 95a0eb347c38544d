/* sim_store_warmup.c - the warm-ups of a world: states and days in memory, which survive every
 * crash of the engine; see engine/store/warmup.c and source_days.c for the real ones. */
#include "tests/sim/sim_store.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tests/sim/world.h"

#define WARMUP_LIMIT 64

struct table_warmup {
	char source[64], provider[64];
	struct warmup_state state;
	struct warmup_result result; /* of state.day */
};

static struct {
	struct table_warmup warmups[WARMUP_LIMIT];
	size_t count;
} db;

void sim_warmup_begin(void)
{
	memset(&db, 0, sizeof(db));
}

static struct table_warmup *find(str source, str provider)
{
	for (size_t i = 0; i < db.count; i++)
		if (str_eq(source, str_of(db.warmups[i].source)) &&
		    str_eq(provider, str_of(db.warmups[i].provider)))
			return &db.warmups[i];
	return NULL;
}

static struct table_warmup *get(str source, str provider)
{
	struct table_warmup *w = find(source, provider);
	if (w)
		return w;
	ASSERT(db.count < WARMUP_LIMIT);
	w = &db.warmups[db.count++];
	snprintf(w->source, sizeof(w->source), "%.*s", STR_FORMAT(source));
	snprintf(w->provider, sizeof(w->provider), "%.*s", STR_FORMAT(provider));
	return w;
}

void store_warmup(struct store *store, struct store_warmup *r)
{
	r->ret_granted = 0;
	if (lost_before(store, &r->request, CALL_WARMUP))
		return;
	struct table_warmup *w = get(r->source, r->provider);
	int32_t day = w->state.day;
	r->ret_granted = warmup_count(r->curve, &w->state, r->now_wall, &w->result,
				      r->unused_day, r->unused, r->wanted);
	if (w->state.day != day)
		w->result = (struct warmup_result){};
	r->ret_state = w->state;
	written(store, &r->request);
}

/* Days are those of UTC in a world. What is not being warmed up is not counted. */
void sim_warmup_settled(const struct store_outcome *row)
{
	struct table_warmup *w = find(row->source, row->provider);
	if (!w || row->at_wall / USEC_DAY != w->state.day || row->attempt == 0 ||
	    row->origin == REPLY_LOCAL)
		return;
	w->result.attempts++;
	w->result.deferred += row->verdict == VERDICT_DEFERRED &&
			      row->class != CLASS_GREYLISTED &&
			      row->class != CLASS_MAILBOX_FULL;
}
