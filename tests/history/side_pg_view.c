/* side_pg_view.c - PostgreSQL's tables of one history's tenant, in numbers that the simulated
 * side has, too. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/assert.h"
#include "engine/base/codec.h"
#include "engine/io/heap.h"
#include "tests/history/side_pg.h"

static struct arena ids;
static bool ids_live;

void side_view_forget(void)
{
	if (ids_live)
		arena_done(&ids);
	ids_live = false;
}

static uint32_t slice_at(const struct view *t, uint64_t id)
{
	for (size_t i = 0; i < t->slice_count; i++)
		if (t->slices[i].id == id)
			return (uint32_t)i;
	return VIEW_NONE;
}

/* Numbers out of "\x0a02". */
static uint32_t *take_ids(const char *hex, uint32_t count)
{
	uint64_t found[4096];
	struct buf bytes;
	uint32_t *numbers = ARENA_ARRAY(&ids, uint32_t, count + 1);
	buf_init_arena(&bytes, &ids, strlen(hex));
	bool good = numbers && count <= 4096 && hex_decode(&bytes, str_of(hex + 2)) &&
		    delta_decode(buf_str(&bytes), found, 4096) == (long)count;
	ASSERT(good);
	for (uint32_t i = 0; i < count; i++)
		numbers[i] = side_number(found[i]);
	return numbers;
}

static void take_engines(struct view *t)
{
	PGresult *r = side_ask("select name, epoch, position, id from engines where tenant_id = "
			       "%u order by id",
			       side_pg.tenant);
	t->engine_count = (size_t)PQntuples(r);
	ASSERT(t->engine_count <= HISTORY_ENGINES + 1);
	for (int i = 0; i < PQntuples(r); i++) {
		struct view_engine *e = &t->engines[i];
		snprintf(e->name, sizeof(e->name), "%s", PQgetvalue(r, i, 0));
		e->epoch = (uint32_t)side_value(r, i, 1);
		e->position = side_value(r, i, 2);
		e->id = (uint32_t)side_value(r, i, 3);
	}
	PQclear(r);
}

static uint32_t engine_at(const struct view *t, uint64_t id)
{
	for (size_t i = 0; i < t->engine_count; i++)
		if (t->engines[i].id == id)
			return (uint32_t)i;
	return VIEW_NONE;
}

static void take_slices(struct view *t)
{
	PGresult *r = side_ask(
		"select id, campaign_id, kind, state, count, suppressed_count, "
		"coalesce(parent_id, 0), coalesce(lease_engine_id, 0), coalesce(lease_epoch, 0), "
		"(extract(epoch from due_at) * 1000000)::bigint, ids from slices "
		"where tenant_id = %u order by id",
		side_pg.tenant);
	t->slice_count = 0;
	ASSERT(PQntuples(r) <= VIEW_SLICES);
	for (int i = 0; i < PQntuples(r); i++) {
		struct view_slice_row *s = &t->slices[t->slice_count];
		*s = (struct view_slice_row){
			.id = side_value(r, i, 0),
			.campaign = side_campaign_number(side_value(r, i, 1)),
			.kind = (uint32_t)side_value(r, i, 2),
			.state = (uint32_t)side_value(r, i, 3),
			.count = (uint32_t)side_value(r, i, 4),
			.suppressed_count = (uint32_t)side_value(r, i, 5),
			.parent = slice_at(t, side_value(r, i, 6)),
			.engine = engine_at(t, side_value(r, i, 7)),
			.epoch = (uint32_t)side_value(r, i, 8),
			.due_wall = (usec)side_value(r, i, 9)};
		s->ids = take_ids(PQgetvalue(r, i, 10), s->count);
		t->slice_count++;
	}
	PQclear(r);
}

static void take_outcomes(struct view *t)
{
	PGresult *r = side_ask("select campaign_id, slice_id, subscriber_id, verdict, attempt, "
			       "final::integer from deliveries where campaign_id in (%llu, %llu, "
			       "%llu, %llu)",
			       (unsigned long long)side_pg.campaigns[0],
			       (unsigned long long)side_pg.campaigns[1],
			       (unsigned long long)side_pg.campaigns[2],
			       (unsigned long long)side_pg.campaigns[3]);
	t->outcome_count = (size_t)PQntuples(r);
	ASSERT(t->outcome_count <= VIEW_ROWS);
	for (int i = 0; i < PQntuples(r); i++)
		t->outcomes[i] = (struct view_outcome){
			.campaign = side_campaign_number(side_value(r, i, 0)),
			.slice = slice_at(t, side_value(r, i, 1)),
			.person = side_number(side_value(r, i, 2)),
			.verdict = (uint32_t)side_value(r, i, 3),
			.attempt = (uint32_t)side_value(r, i, 4),
			.final = side_value(r, i, 5)};
	PQclear(r);
}

static int compare_marks(const void *a, const void *b)
{
	const struct view_mark *x = a, *y = b;
	if (x->slice != y->slice)
		return x->slice < y->slice ? -1 : 1;
	return (x->person > y->person) - (x->person < y->person);
}

/* Marks that were made twice stand twice; they count once. */
static void take_marks(struct view *t)
{
	uint64_t found[4096];
	PGresult *r = side_ask("select slice_id, ids from start_marks where tenant_id = %u",
			       side_pg.tenant);
	size_t count = 0, kept = 0;
	for (int i = 0; i < PQntuples(r); i++) {
		struct buf bytes;
		const char *hex = PQgetvalue(r, i, 1) + 2;
		buf_init_arena(&bytes, &ids, strlen(hex));
		bool good = hex_decode(&bytes, str_of(hex));
		long n = good ? delta_decode(buf_str(&bytes), found, 4096) : -1;
		ASSERT(n >= 0 && count + (size_t)n <= VIEW_ROWS);
		for (long k = 0; k < n; k++)
			t->marks[count++] =
				(struct view_mark){slice_at(t, side_value(r, i, 0)),
						    side_number(found[k])};
	}
	PQclear(r);
	if (count)
		qsort(t->marks, count, sizeof(t->marks[0]), compare_marks);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || compare_marks(&t->marks[kept - 1], &t->marks[i]) != 0)
			t->marks[kept++] = t->marks[i];
	t->mark_count = kept;
}

static void take_deferrals(struct view *t)
{
	PGresult *r = side_ask("select campaign_id, subscriber_id, coalesce(slice_id, 0), attempts, "
			       "verdict, (extract(epoch from due_at) * 1000000)::bigint from "
			       "deferrals where tenant_id = %u order by subscriber_id",
			       side_pg.tenant);
	t->deferral_count = (size_t)PQntuples(r);
	ASSERT(t->deferral_count <= VIEW_ROWS);
	for (int i = 0; i < PQntuples(r); i++)
		t->deferrals[i] = (struct view_deferral){
			.campaign = side_campaign_number(side_value(r, i, 0)),
			.person = side_number(side_value(r, i, 1)),
			.slice = slice_at(t, side_value(r, i, 2)),
			.attempts = (uint32_t)side_value(r, i, 3),
			.verdict = (uint32_t)side_value(r, i, 4),
			.due_wall = (usec)side_value(r, i, 5)};
	PQclear(r);
}

static void take_burials(struct view *t)
{
	PGresult *r = side_ask("select subscriber_id from burials where tenant_id = %u",
			       side_pg.tenant);
	memset(t->buried, 0, sizeof(t->buried));
	for (int i = 0; i < PQntuples(r); i++)
		t->buried[side_place(side_number(side_value(r, i, 0)))] = true;
	PQclear(r);
}

static void take_tallies(struct view *t)
{
	memset(t->tallies, 0, sizeof(t->tallies));
	PGresult *r = side_ask("select campaign_id, verdict, final::integer, sum(count) from "
			       "tallies where tenant_id = %u group by 1, 2, 3",
			       side_pg.tenant);
	for (int i = 0; i < PQntuples(r); i++) {
		struct view_tally *y = &t->tallies[side_campaign_number(side_value(r, i, 0))];
		uint64_t count = side_value(r, i, 3);
		bool final = side_value(r, i, 2);
		y->by_verdict[side_value(r, i, 1)][final] += count;
		y->final += final ? count : 0;
	}
	PQclear(r);
	r = side_ask("select id, state, (select coalesce(sum(count + suppressed_count), 0) from "
		     "slices s where s.tenant_id = c.tenant_id and s.campaign_id = c.id and kind "
		     "in (0, 3)) from campaigns c where tenant_id = %u",
		     side_pg.tenant);
	for (int i = 0; i < PQntuples(r); i++) {
		struct view_tally *y = &t->tallies[side_campaign_number(side_value(r, i, 0))];
		y->state = (enum campaign_state)side_value(r, i, 1);
		y->targeted = side_value(r, i, 2);
	}
	PQclear(r);
}

void side_view(struct view *t)
{
	if (ids_live)
		arena_reset(&ids);
	else
		arena_init(&ids, heap_source(), 0, 0);
	ids_live = true;
	take_engines(t);
	take_slices(t);
	take_outcomes(t);
	take_marks(t);
	take_deferrals(t);
	take_burials(t);
	take_tallies(t);
}
