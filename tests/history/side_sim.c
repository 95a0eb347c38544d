/* side_sim.c - the simulated store, on a world in which nothing happens by itself: its clock
 * stands until time is to pass, its faults strike when they are armed. */
#include "tests/history/side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"

#define FIRST_CAMPAIGN 1 /* below the transactional one, which comes last here, too */

const char *const side_name = "sim";
const bool side_moves_times = false;
const char *const state_names[STATE_COUNT]; /* hits are of no interest here */

static struct world sim;
static const struct history *history;
static bool unsubscribed[HISTORY_PEOPLE + 1], suppressed[HISTORY_PEOPLE + 1];
static uint32_t *people; /* of all slices, in the view */

bool side_setup(void)
{
	return true;
}

void side_teardown(void)
{
}

/* Who is dead is suppressed, and every engine hears it. */
static void on_outcome(struct world *w, const struct store_outcome *row)
{
	uint64_t id = row->subscriber_id;
	if (!row->suppress || id > history->people_count || suppressed[id])
		return;
	suppressed[id] = true;
	w->truths[id].stopped_at = w->now;
	sim_stop(&(struct store_stop){.kind = STOP_SUBSCRIBER,
				      .subscriber_id = id,
				      .reason = bounce_class_names[row->class]});
}

bool side_begin(const struct history *h)
{
	struct sim_newsletter letters[HISTORY_CAMPAIGNS];
	history = h;
	world_begin(&sim, h->seed);
	sim.unfit = 0; /* PostgreSQL here refuses nothing */
	sim.calm = true;
	sim.journal_may_be_lost = true;
	sim.in_doubt_retry = h->retry_in_doubt;
	sim.on_outcome = on_outcome;
	memset(sim.rate, 0, sizeof(sim.rate));
	world_people(&sim, h->people_count);
	sim.unfit = 0; /* the other side refuses nobody either */
	store_begin(&sim);
	for (unsigned i = 1; i <= h->people_count; i++)
		sim.truths[i].suppressed_at_cut = suppressed[i] = h->suppressed[i];
	memset(unsubscribed, 0, sizeof(unsubscribed));
	for (unsigned i = 0; i < h->campaign_count; i++)
		letters[i] = (struct sim_newsletter){
			.id = FIRST_CAMPAIGN + i,
			.name = "letter",
			.recipients = h->campaigns[i].last - h->campaigns[i].first + 1};
	sim_newsletters(letters, h->campaign_count);
	return true;
}

void side_end(void)
{
	free(people);
	people = NULL;
	store_end(&sim);
	world_end(&sim);
}

struct store *side_open(void)
{
	const struct store_config config = {};
	struct store *store = NULL;
	char why[64];
	int result = store_open(&store, NULL, &config, why, sizeof(why));
	ASSERT(result == 0);
	return store;
}

void side_close(struct store *store)
{
	store_close(store);
}

void side_look(struct store *store, bool look)
{
	store->takeover_at = look ? 0 : USEC_NEVER;
}

usec side_wall(void)
{
	return table_wall();
}

void side_tick(void)
{
	sim.now++;
}

void side_pass(usec span)
{
	usec until = sim.now + span;
	while (world_run_next(&sim, until))
		continue;
	sim.now = until;
}

void side_arm(enum mishap mishap, unsigned)
{
	bool before = mishap == MISHAP_BEFORE || mishap == MISHAP_KILL;
	sim.rate[before ? FAULT_STORE_BEFORE : FAULT_STORE_AFTER] = 1000;
}

/* What is refused is not written, so that no answer to it can be lost. */
bool side_disarm(void)
{
	sim.rate[FAULT_STORE_BEFORE] = sim.rate[FAULT_STORE_AFTER] = 0;
	return true;
}

/* ---- names, and what people do ---- */

uint64_t side_campaign(unsigned campaign)
{
	return campaign == history->campaign_count ? SIM_TRANSACTIONAL
						   : FIRST_CAMPAIGN + campaign;
}

unsigned side_campaign_number(uint64_t campaign_id)
{
	return campaign_id == SIM_TRANSACTIONAL ? history->campaign_count
						: (unsigned)(campaign_id - FIRST_CAMPAIGN);
}

unsigned side_number(uint64_t id)
{
	return id < STORE_OUTBOX_FIRST_ID ? (unsigned)id
					  : SIDE_ROWS + (unsigned)(id - STORE_OUTBOX_FIRST_ID);
}

enum campaign_state side_state(unsigned campaign)
{
	return table_campaign_of(side_campaign(campaign))->state;
}

void side_set_state(unsigned campaign, enum campaign_state state)
{
	static const enum stop_kind kinds[] = {[CAMPAIGN_RUNNING] = STOP_RESUME,
					       [CAMPAIGN_PAUSED] = STOP_PAUSE,
					       [CAMPAIGN_CANCELLED] = STOP_CANCEL};
	table_campaign_of(side_campaign(campaign))->state = state;
	sim_stop(&(struct store_stop){.kind = kinds[state],
				      .campaign_id = side_campaign(campaign)});
}

void side_unsubscribe(unsigned person)
{
	const struct table_campaign *campaign =
		table_campaign_of(sim_newsletter_to(person));
	if (unsubscribed[person])
		return;
	unsubscribed[person] = true;
	sim.truths[person].has_left = true;
	sim.truths[person].stopped_at = sim.now;
	if (campaign->state == CAMPAIGN_RUNNING || campaign->state == CAMPAIGN_PAUSED)
		sim_stop(&(struct store_stop){.kind = STOP_SUBSCRIBER,
					      .campaign_id = campaign->id,
					      .subscriber_id = person,
					      .reason = "unsubscribed"});
}

void side_suppress(unsigned person)
{
	if (suppressed[person])
		return;
	suppressed[person] = true;
	sim.truths[person].suppressed_at_cut = true;
	sim.truths[person].stopped_at = sim.now;
	sim_stop(&(struct store_stop){
		.kind = STOP_SUBSCRIBER, .subscriber_id = person, .reason = "manual"});
}

void side_post(unsigned priority, usec wait)
{
	sim_outbox_post(&sim, 0, priority, wait);
	side_pass(0);
}

/* ---- the view ---- */

static uint32_t at_slice(uint64_t id)
{
	return id ? (uint32_t)id - 1 : VIEW_NONE;
}

static void take_slices(struct view *v)
{
	size_t count = 0, used = 0;
	v->slice_count = tables.slice_count;
	v->mark_count = 0;
	ASSERT(v->slice_count <= VIEW_SLICES);
	for (uint64_t id = 1; id <= tables.slice_count; id++)
		count += table_slice_of(id)->count;
	free(people);
	people = malloc((count + 1) * sizeof(*people));
	ASSERT(people);
	for (uint64_t id = 1; id <= tables.slice_count; id++) {
		const struct table_slice *s = table_slice_of(id);
		v->slices[id - 1] = (struct view_slice_row){
			.id = id,
			.campaign = side_campaign_number(s->campaign_id),
			.kind = s->kind,
			.state = s->state,
			.parent = at_slice(s->parent),
			.engine = s->engine_id ? s->engine_id - 1 : VIEW_NONE,
			.epoch = s->epoch,
			.suppressed_count = s->suppressed_count,
			.due_wall = s->due_wall,
			.ids = people + used,
			.count = s->count};
		for (uint32_t i = 0; i < s->count; i++) {
			people[used++] = side_number(s->ids[i]);
			if (s->flags[i] & TABLE_MARKED)
				v->marks[v->mark_count++] = (struct view_mark){
					at_slice(id), side_number(s->ids[i])};
		}
	}
}

static void take_deliveries(struct view *v)
{
	v->outcome_count = tables.delivery_count;
	ASSERT(v->outcome_count <= VIEW_ROWS);
	for (size_t i = 0; i < tables.delivery_count; i++) {
		const struct table_delivery *d = &tables.deliveries[i];
		v->outcomes[i] =
			(struct view_outcome){.campaign = side_campaign_number(d->campaign_id),
					      .slice = at_slice(d->slice_id),
					      .person = side_number(d->subscriber_id),
					      .verdict = d->verdict,
					      .attempt = d->attempt,
					      .final = d->final};
	}
}

static uint32_t last_verdict(const struct view *v, unsigned person)
{
	for (size_t i = v->outcome_count; i-- > 0;)
		if (v->outcomes[i].person == person)
			return v->outcomes[i].verdict;
	return VERDICT_NONE;
}

static void take_deferral(struct view *v, uint64_t id, unsigned campaign)
{
	const struct truth *t = truth_of(&sim, id);
	v->buried[side_place(side_number(id))] = t->burial.slice_id != 0;
	if (t->deferred)
		v->deferrals[v->deferral_count++] =
			(struct view_deferral){.campaign = campaign,
					       .person = side_number(id),
					       .slice = at_slice(t->claimed_by),
					       .attempts = t->attempts,
					       .verdict = last_verdict(v, side_number(id)),
					       .due_wall = t->not_before_wall};
}

static void take_tallies(struct view *v)
{
	memset(v->tallies, 0, sizeof(v->tallies));
	for (unsigned c = 0; c < history->campaign_count; c++)
		v->tallies[c].state = side_state(c);
	v->tallies[history->campaign_count].state =
		history->with_outbox ? CAMPAIGN_RUNNING : CAMPAIGN_DRAFT;
	for (size_t i = 0; i < v->slice_count; i++) {
		const struct view_slice_row *s = &v->slices[i];
		struct view_tally *t = &v->tallies[s->campaign];
		if (s->kind == SLICE_AUDIENCE || s->kind == SLICE_OUTBOX)
			t->targeted += s->count + s->suppressed_count;
		t->by_verdict[VERDICT_SUPPRESSED][1] += s->suppressed_count;
		t->final += s->suppressed_count;
	}
	for (size_t i = 0; i < v->outcome_count; i++) {
		struct view_tally *t = &v->tallies[v->outcomes[i].campaign];
		if (tables.deliveries[i].undone)
			continue;
		t->by_verdict[v->outcomes[i].verdict][v->outcomes[i].final]++;
		t->final += v->outcomes[i].final;
	}
}

void side_view(struct view *v)
{
	take_slices(v);
	take_deliveries(v);
	v->deferral_count = 0;
	memset(v->buried, 0, sizeof(v->buried));
	for (unsigned i = 1; i <= history->people_count; i++)
		take_deferral(v, i, side_campaign_number(sim_newsletter_to(i)));
	for (size_t i = 0; i < sim_outbox_count(); i++)
		take_deferral(v, STORE_OUTBOX_FIRST_ID + i, history->campaign_count);
	take_tallies(v);
	v->engine_count = tables.engine_count;
	for (uint32_t i = 0; i < tables.engine_count; i++) {
		struct view_engine *e = &v->engines[i];
		*e = (struct view_engine){.position = tables.engines[i].position,
					  .epoch = tables.engines[i].epoch,
					  .id = i + 1};
		snprintf(e->name, sizeof(e->name), "%.7s", tables.engines[i].name);
	}
}
