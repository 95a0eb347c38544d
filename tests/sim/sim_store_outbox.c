/* sim_store_outbox.c - transactional mail of engine/store/store.h over the world: rows that are
 * posted at their time, the bell, and claims that are found again when their answer was lost.
 * Slices, outcomes and what an engine left behind are sim_store.c's: a row's truth stands
 * beside those of subscribers, under its id. The bell is an event that comes a little late;
 * while the database is away it waits for the connection that comes after, which rings for all.
 */
#include "tests/sim/sim_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"

#define BELL_LIMIT 16

static struct listener {
	struct store *store; /* NULL: free */
	struct store_bell *bell;
} listeners[BELL_LIMIT];

static struct {
	struct sim_row rows[SIM_ROW_LIMIT];
	size_t count;
} outbox;

void sim_outbox_begin(void)
{
	memset(&outbox, 0, sizeof(outbox));
}

size_t sim_outbox_count(void)
{
	return outbox.count;
}

bool sim_outbox_is_done(void)
{
	for (size_t i = 0; i < outbox.count; i++)
		if (outbox.rows[i].truth.final_count == 0)
			return false;
	return sim_slices_rest(SIM_TRANSACTIONAL);
}

const struct sim_row *sim_outbox_row(size_t index)
{
	return &outbox.rows[index];
}

struct truth *sim_outbox_truth(uint64_t id)
{
	ASSERT(id >= STORE_OUTBOX_FIRST_ID && id - STORE_OUTBOX_FIRST_ID < outbox.count);
	return &outbox.rows[id - STORE_OUTBOX_FIRST_ID].truth;
}

/* ---- the bell ---- */

static void ring(struct world *w, void *a, uint64_t rung)
{
	(void)a;
	if (w->now < w->outage_until) {
		world_at(w, w->outage_until - w->now, ring, NULL, STORE_RUNG_ALL);
		return;
	}
	for (size_t i = 0; i < BELL_LIMIT; i++) {
		const struct store *store = listeners[i].store;
		if (!store || store->life->dead)
			continue;
		if (store->life->away_until > w->now) {
			world_at(w, store->life->away_until - w->now, ring, NULL, rung);
			continue;
		}
		struct sim_life *before = world_enter(w, store->life);
		listeners[i].bell->on_bell(listeners[i].bell, (unsigned)rung);
		world_leave(w, before);
	}
}

void sim_bell_ring(struct world *w, unsigned rung)
{
	world_at(w, 100 + (usec)world_below(w, 2000), ring, NULL, rung);
}

void sim_store_forget(struct store *store)
{
	for (size_t i = 0; i < BELL_LIMIT; i++)
		if (listeners[i].store == store)
			listeners[i].store = NULL;
}

void store_listen(struct store *store, struct store_bell *bell)
{
	size_t i = 0;
	while (i < BELL_LIMIT && listeners[i].store)
		i++;
	ASSERT(store->loop && i < BELL_LIMIT);
	listeners[i] = (struct listener){store, bell};
	sim_bell_ring(world, STORE_RUNG_ALL);
}

/* ---- posting ---- */

static void post(struct world *w, void *a, uint64_t index)
{
	struct sim_row *row = &outbox.rows[index];
	(void)a;
	row->posted_at = w->now;
	row->due_wall += w->now + w->wall_offset;
	row->state = SIM_ROW_QUEUED;
	sim_bell_ring(w, STORE_RUNG_OUTBOX);
}

void sim_outbox_post(struct world *w, usec delay, unsigned priority, usec wait)
{
	ASSERT(outbox.count < SIM_ROW_LIMIT);
	struct sim_row *row = &outbox.rows[outbox.count];
	*row = (struct sim_row){.priority = priority, .due_wall = wait};
	snprintf(row->truth.email, sizeof(row->truth.email), "t%zu@site%llu.test", outbox.count,
		 (unsigned long long)world_below(w, SITE_COUNT));
	world_at(w, delay, post, NULL, outbox.count++);
}

/* ---- claims and reads ---- */

void sim_outbox_campaign(struct store_campaign *r)
{
	r->campaign_id = SIM_TRANSACTIONAL;
	r->ret_state = CAMPAIGN_RUNNING;
	r->ret_name = STR("receipts");
	r->ret_settings = STR("{\"subject\":\"For {{ first_name }}\",\"from_address\":"
			      "\"news@news.test\",\"in_doubt\":\"assume\",\"kind\":"
			      "\"transactional\"}");
	r->ret_html = (str){NULL, 0};
	r->ret_text =
		STR("Dear {{ first_name }},\n.this is a receipt.\nEND {{ first_name }}.\n");
	r->ret_revision = 1;
	r->ret_launched_wall = world->wall_offset;
	r->ret_expires_wall = 0;
	r->ret_fully_cut = true;
}

void sim_read_one(const struct store_read *r, uint64_t id, struct store_recipient *to)
{
	const struct truth *truth = truth_of(world, id);
	str *fields = ARENA_ARRAY(r->arena, str, r->field_count + 1);
	str email = arena_copy(r->arena, str_of(truth->email));
	char text[80];
	*to = (struct store_recipient){
		.subscriber_id = id,
		.email = email,
		.name = STR(""),
		.attempts = truth->attempts,
		.revision = truth->revision,
		.date_wall = truth->date_wall,
		.first_wall = truth->first_wall,
		.source = STR(""),
		.suppressed = truth->stopped_at != 0,
		.suppression_reason = "unsubscribed",
		.fields = fields,
	};
	snprintf(text, sizeof(text), "\"%.*s\"",
		 STR_FORMAT(str_sub(email, 0, str_find_byte(email, '@'))));
	for (size_t f = 0; f < r->field_count; f++)
		fields[f] = arena_copy(r->arena, str_of(text));
}

static bool is_known(const struct store_claim_outbox *r)
{
	for (size_t i = 0; i < r->template_count; i++)
		if (r->templates[i].campaign_id == SIM_TRANSACTIONAL)
			return true;
	return false;
}

/* Of the rows that are queued with a priority the one that is due first, behind that one. */
static struct sim_row *next_queued(unsigned priority, const struct sim_row *behind)
{
	struct sim_row *next = NULL;
	for (size_t i = 0; i < outbox.count; i++) {
		struct sim_row *row = &outbox.rows[i];
		bool later = !behind || row->due_wall > behind->due_wall ||
			     (row->due_wall == behind->due_wall && row > behind);
		if (row->state == SIM_ROW_QUEUED && row->priority == priority && later &&
		    (!next || row->due_wall < next->due_wall))
			next = row;
	}
	return next;
}

/* The rows that are due, the most urgent first; *ret_next: when the next will be. */
static size_t choose(uint64_t *ids, uint32_t limit, usec wall, usec *ret_next)
{
	size_t count = 0;
	*ret_next = USEC_NEVER;
	for (unsigned priority = 10; priority-- > 0;) {
		struct sim_row *row = next_queued(priority, NULL);
		for (; row && row->due_wall <= wall && count < limit;
		     row = next_queued(priority, row))
			ids[count++] = STORE_OUTBOX_FIRST_ID + (uint64_t)(row - outbox.rows);
		if (row)
			*ret_next = usec_min(*ret_next, row->due_wall);
	}
	return count;
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void claim(struct store_claim_outbox *r)
{
	uint64_t ids[SIM_ROW_LIMIT];
	size_t count = choose(ids, is_known(r) ? r->limit : 0, world->now + world->wall_offset,
			      &r->ret_next_due_wall);
	if (!is_known(r)) {
		bool due = r->ret_next_due_wall <= world->now + world->wall_offset;
		r->ret_unknown_campaign_id = due ? SIM_TRANSACTIONAL : 0;
		r->ret_next_due_wall = due ? USEC_NEVER : r->ret_next_due_wall;
	}
	if (count == 0)
		return;
	qsort(ids, count, sizeof(ids[0]), compare_ids);
	for (size_t i = 0; i < count; i++)
		outbox.rows[ids[i] - STORE_OUTBOX_FIRST_ID].state = SIM_ROW_CLAIMED;
	r->ret_slice_id =
		sim_slice_lease(SLICE_OUTBOX, r->engine_id, r->epoch, ids, count);
}

static void read_slice(struct store_claim_outbox *r)
{
	const uint64_t *ids = sim_slice_ids(r->ret_slice_id, &r->ret_count);
	const struct store_outbox_template *template = r->templates;
	while (template->campaign_id != SIM_TRANSACTIONAL)
		template ++;
	const struct store_read read = {.fields = template->fields,
					.field_count = template->field_count,
					.arena = r->arena};
	r->ret_campaign_id = SIM_TRANSACTIONAL;
	r->ret_recipients = ARENA_ARRAY(r->arena, struct store_recipient, r->ret_count + 1);
	for (size_t i = 0; i < r->ret_count; i++)
		sim_read_one(&read, ids[i], &r->ret_recipients[i]);
}

void store_claim_outbox(struct store *store, struct store_claim_outbox *r)
{
	if (lost_before(store, &r->request, CALL_CLAIM_OUTBOX) ||
	    fenced(store, &r->request, r->engine_id, r->epoch))
		return;
	bool again = store->lost_claim != 0 && store->lost_claim_epoch == r->epoch &&
		     sim_slice_is_held(store->lost_claim, r->engine_id, r->epoch);
	r->ret_slice_id = r->ret_unknown_campaign_id = 0;
	r->ret_count = 0;
	r->ret_next_due_wall = 0;
	if (again && !is_known(r)) {
		r->ret_unknown_campaign_id = SIM_TRANSACTIONAL;
		answer(store, &r->request, STORE_OK);
		return;
	}
	if (again)
		r->ret_slice_id = store->lost_claim;
	else
		claim(r);
	if (r->ret_slice_id)
		read_slice(r);
	uint64_t slice_id = r->ret_slice_id;
	bool lost = !written_or_lost(store, &r->request);
	store->lost_claim = lost ? slice_id : 0;
	store->lost_claim_epoch = r->epoch;
}

/* The one that is due first, of those that nobody has claimed. */
static struct truth *first_deferred(uint64_t *ret_id)
{
	struct truth *first = NULL;
	for (size_t i = 0; i < outbox.count; i++) {
		struct truth *truth = &outbox.rows[i].truth;
		if (!truth->deferred || truth->claimed_by ||
		    (first && truth->not_before_wall >= first->not_before_wall))
			continue;
		first = truth;
		*ret_id = STORE_OUTBOX_FIRST_ID + i;
	}
	return first;
}

usec sim_outbox_next_due(void)
{
	uint64_t id;
	const struct truth *first = first_deferred(&id);
	return first ? first->not_before_wall : USEC_NEVER;
}

void sim_outbox_claim_due(struct store_claim_due *r)
{
	usec wall = world->now + world->wall_offset;
	uint64_t ids[SIM_ROW_LIMIT], id;
	struct truth *truth;
	r->ret_count = 0;
	while (r->ret_count < r->limit && (truth = first_deferred(&id)) &&
	       truth->not_before_wall <= wall) {
		truth->claimed_by = UINT64_MAX;
		ids[r->ret_count++] = id;
	}
	qsort(ids, r->ret_count, sizeof(ids[0]), compare_ids);
	uint64_t slice = r->ret_count ? sim_slice_open(SLICE_RETRY, ids, r->ret_count) : 0;
	for (uint32_t i = 0; i < r->ret_count; i++)
		sim_outbox_truth(ids[i])->claimed_by = slice;
}
