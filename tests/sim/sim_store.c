/* sim_store.c - engine/store/store.h over the world: the tables in memory, each request whole
 * or not at all, answers late, connections that break before or after the write. */
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_variants.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"

#define STOP_LIMIT 64

const char *const campaign_state_names[CAMPAIGN_STATE_COUNT] = {"draft", "running", "paused",
								"cancelled", "finished"};

enum slice_state { OPEN, LEASED, CLOSED, WAITING /* for the winner */ };

struct table_slice {
	uint64_t campaign_id;
	enum slice_kind kind;
	enum slice_state state;
	uint32_t epoch;
	uint64_t parent;
	usec due_wall;
	uint32_t count, room;
	uint64_t *ids;
	bool *accounted;    /* has an outcome of this slice, or stands in a child */
	uint32_t looked_at; /* of ids: where the last one was found */
};

/* A newsletter to the recipients of these ids. */
struct table_campaign {
	uint64_t id;
	const char *name;
	str settings; /* empty: those of the one letter that there is by default */
	uint32_t first, last;
	uint32_t cut_mark; /* the last one that was cut */
	enum campaign_state state;
	usec due_from; /* no deferral is due before; wall clock */
};

static struct {
	struct table_campaign campaigns[SIM_CAMPAIGN_LIMIT];
	size_t campaign_count;
	struct table_slice **slices;
	uint64_t slice_count, slice_room; /* ids are index + 1 */
	uint64_t *live;                   /* slices that were not closed at the last lease */
	size_t live_count, live_room;
	uint32_t epoch;
	uint64_t position;
	uint64_t targeted;
	struct store_stop stops[STOP_LIMIT];
	uint64_t stop_count;
} db;

struct answering {
	struct chain_link link;        /* in open_answers */
	struct store_request *request; /* NULL: its store was closed, nobody waits any more */
	struct store *store;
	uint64_t life;
};

static struct chain open_answers;

static struct table_campaign *add_newsletter(uint64_t id, uint32_t first, uint32_t last)
{
	ASSERT(db.campaign_count < SIM_CAMPAIGN_LIMIT);
	struct table_campaign *campaign = &db.campaigns[db.campaign_count++];
	*campaign = (struct table_campaign){
		.id = id,
		.name = "simulated",
		.first = first,
		.last = last,
		.cut_mark = first - 1,
		.state = CAMPAIGN_RUNNING,
		.due_from = USEC_NEVER,
	};
	return campaign;
}

void sim_newsletters(const struct sim_newsletter *letters, size_t count)
{
	uint32_t first = 1;
	db.campaign_count = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t last = first + letters[i].recipients - 1;
		ASSERT(last <= world->recipient_count);
		struct table_campaign *campaign = add_newsletter(letters[i].id, first, last);
		campaign->name = letters[i].name;
		campaign->settings = letters[i].settings;
		first = last + 1;
	}
}

/* NULL: no newsletter. */
static struct table_campaign *newsletter_of(uint64_t id)
{
	for (size_t i = 0; i < db.campaign_count; i++)
		if (db.campaigns[i].id == id)
			return &db.campaigns[i];
	return NULL;
}

uint64_t sim_newsletter_to(uint64_t subscriber_id)
{
	for (size_t i = 0; i < db.campaign_count; i++)
		if (subscriber_id >= db.campaigns[i].first &&
		    subscriber_id <= db.campaigns[i].last)
			return db.campaigns[i].id;
	return 0;
}

void store_begin(struct world *w)
{
	memset(&db, 0, sizeof(db));
	chain_init(&open_answers);
	add_newsletter(SIM_NEWSLETTER, 1, w->recipient_count);
	sim_hosts_begin();
	sim_warmup_begin();
	sim_outbox_begin();
	for (uint32_t id = 1; id <= w->recipient_count; id++) {
		struct truth *truth = &w->truths[id];
		snprintf(truth->email, sizeof(truth->email), "r%u@site%llu.test", id,
			 (unsigned long long)world_below(w, SITE_COUNT));
		truth->suppressed_at_cut = world_below(w, 50) == 0;
	}
	sim_incident_begin();
}

void store_end(struct world *w)
{
	(void)w;
	for (uint64_t i = 0; i < db.slice_count; i++) {
		free(db.slices[i]->ids);
		free(db.slices[i]->accounted);
		free(db.slices[i]);
	}
	free(db.slices);
	free(db.live);
}

bool store_finished(void)
{
	for (size_t i = 0; i < db.campaign_count; i++)
		if (db.campaigns[i].state != CAMPAIGN_FINISHED)
			return false;
	return true;
}

uint64_t store_journal_position(void)
{
	return db.position;
}

/* -- answering: at once without a loop, later with one
 * ------------------------------------------ */

static void answered(struct world *w, void *a, uint64_t b)
{
	struct answering *answering = a;
	(void)b;
	chain_remove(&open_answers, &answering->link);
	if (answering->request && answering->life == w->crash_count && !w->dead)
		answering->request->on_done(answering->request);
	free(answering);
}

void answer(struct store *store, struct store_request *request, int result)
{
	request->result = result;
	if (result != STORE_OK && request->why[0] == '\0')
		snprintf(request->why, sizeof(request->why), "simulated failure %d", result);
	if (!store->loop) {
		request->on_done(request);
		return;
	}
	struct answering *answering = malloc(sizeof(*answering));
	ASSERT(answering);
	*answering = (struct answering){
		.request = request, .store = store, .life = world->crash_count};
	chain_push_back(&open_answers, &answering->link);
	world_at(world, 300 + (usec)world_below(world, 4000), answered, answering, 0);
}

bool lost_before(struct store *store, struct store_request *request)
{
	request->why[0] = '\0';
	if (world_fault(world, FAULT_STORE_OUTAGE))
		world->outage_until = world->now + 20 * USEC_SECOND;
	if (world->now < world->outage_until || world_fault(world, FAULT_STORE_BEFORE)) {
		answer(store, request, STORE_LOST);
		return true;
	}
	return false;
}

void written(struct store *store, struct store_request *request)
{
	answer(store, request, world_fault(world, FAULT_STORE_AFTER) ? STORE_LOST : STORE_OK);
}

int store_open(struct store **ret_store, struct io_loop *loop,
	       const struct store_config *config, char *ret_why, size_t why_size)
{
	(void)config;
	(void)ret_why;
	(void)why_size;
	*ret_store = calloc(1, sizeof(**ret_store));
	ASSERT(*ret_store);
	(*ret_store)->loop = loop;
	return 0;
}

void store_close(struct store *store)
{
	struct chain_link *link = chain_first(&open_answers);
	for (; link; link = chain_next(&open_answers, link)) {
		struct answering *answering = CHAIN_OWNER(link, struct answering, link);
		if (answering->store == store)
			answering->request = NULL;
	}
	sim_store_forget(store);
	free(store);
}

bool fenced(struct store *store, struct store_request *request, uint32_t epoch)
{
	if (epoch == db.epoch)
		return false;
	answer(store, request, STORE_FENCED);
	return true;
}

void store_join(struct store *store, struct store_join *r)
{
	if (lost_before(store, &r->request))
		return;
	r->ret_engine_id = 1;
	r->ret_epoch = ++db.epoch;
	r->ret_position = db.position;
	written(store, &r->request);
}

void store_heartbeat(struct store *store, struct store_heartbeat *r)
{
	if (lost_before(store, &r->request) || fenced(store, &r->request, r->epoch))
		return;
	r->ret_lost_slices = NULL;
	r->ret_lost_count = 0;
	written(store, &r->request);
}

/* The text leaves in 8 bits where a host takes them, the file from where the campaign has it.
 */
static void attach(struct store_campaign *r)
{
	static const char zeros[9000];
	struct buf settings;
	str plain = r->ret_settings;
	buf_init_arena(&settings, r->arena, plain.size + 100);
	buf_put(&settings, str_sub(plain, 0, plain.size - 1));
	buf_put_cstr(&settings, ",\"encoding\":\"8bit\",\"parts\":[{\"name\":\"terms.pdf\"}]}");
	r->ret_settings = buf_str(&settings);
	r->ret_parts = ARENA_NEW(r->arena, str);
	r->ret_part_count = 1;
	ASSERT(buf_ok(&settings) && r->ret_parts);
	r->ret_parts[0] = str_make(zeros, sizeof(zeros));
}

void store_campaign(struct store *store, struct store_campaign *r)
{
	if (lost_before(store, &r->request))
		return;
	if (r->campaign_id == SIM_TRANSACTIONAL) {
		sim_outbox_campaign(r);
		answer(store, &r->request, STORE_OK);
		return;
	}
	const struct table_campaign *campaign = newsletter_of(r->campaign_id);
	campaign = campaign ? campaign : &db.campaigns[0];
	r->campaign_id = campaign->id;
	r->ret_state = campaign->state;
	r->ret_name = str_of(campaign->name);
	r->ret_settings =
		campaign->settings.size ? campaign->settings
		: world->in_doubt_retry
			? STR("{\"subject\":\"Hello {{ first_name }}\",\"from_address\":"
			      "\"news@news.test\",\"in_doubt\":\"retry\"}")
			: STR("{\"subject\":\"Hello {{ first_name }}\",\"from_address\":"
			      "\"news@news.test\",\"in_doubt\":\"assume\"}");
	r->ret_html = STR("<p>Dear {{ first_name }},</p>\n<p>this is a letter.</p>\n"
			  "<p>END {{ first_name }}.</p>\n");
	r->ret_text = STR("Dear {{ first_name }} of K\xC3\xB6ln,\n.this is a letter.\n"
			  "END {{ first_name }}.\n");
	r->ret_revision = 1;
	r->ret_launched_wall = world->wall_offset;
	r->ret_expires_wall = 0;
	r->ret_fully_cut = campaign->cut_mark >= campaign->last;
	sim_variants_campaign(r);
	if (world->with_files)
		attach(r);
	answer(store, &r->request, STORE_OK);
}

void store_running(struct store *store, struct store_running *r)
{
	if (lost_before(store, &r->request))
		return;
	r->ret_ids = ARENA_ARRAY(r->arena, uint64_t, db.campaign_count + 1);
	r->ret_count = 0;
	for (size_t i = 0; i < db.campaign_count; i++)
		if (db.campaigns[i].state == CAMPAIGN_RUNNING)
			r->ret_ids[r->ret_count++] = db.campaigns[i].id;
	if (sim_outbox_count())
		r->ret_ids[r->ret_count++] = SIM_TRANSACTIONAL;
	answer(store, &r->request, STORE_OK);
}

static struct table_slice *new_slice(enum slice_kind kind, uint64_t campaign_id, usec due_wall,
				     uint64_t *ret_id)
{
	if (db.slice_count == db.slice_room) {
		db.slice_room = db.slice_room ? 2 * db.slice_room : 64;
		db.slices = realloc(db.slices, db.slice_room * sizeof(db.slices[0]));
		ASSERT(db.slices);
	}
	struct table_slice *slice = malloc(sizeof(*slice));
	ASSERT(slice);
	*slice = (struct table_slice){
		.campaign_id = campaign_id, .kind = kind, .due_wall = due_wall};
	db.slices[db.slice_count] = slice;
	*ret_id = ++db.slice_count;
	if (db.live_count == db.live_room) {
		db.live_room = db.live_room ? 2 * db.live_room : 64;
		db.live = realloc(db.live, db.live_room * sizeof(db.live[0]));
		ASSERT(db.live);
	}
	db.live[db.live_count++] = *ret_id;
	return slice;
}

static void add(struct table_slice *slice, uint64_t id)
{
	if (slice->count == slice->room) {
		slice->room = slice->room ? 2 * slice->room : 64;
		slice->ids = realloc(slice->ids, slice->room * sizeof(slice->ids[0]));
		slice->accounted =
			realloc(slice->accounted, slice->room * sizeof(slice->accounted[0]));
		ASSERT(slice->ids && slice->accounted);
	}
	slice->accounted[slice->count] = false;
	slice->ids[slice->count++] = id;
}

static struct table_slice *slice_of(uint64_t id)
{
	ASSERT(id >= 1 && id <= db.slice_count);
	return db.slices[id - 1];
}

/* Whether what is in the slice may be leased: by who asks for that campaign, or for any (0). */
static bool is_wanted(const struct table_slice *slice, uint64_t campaign_id)
{
	if (slice->state != OPEN || (campaign_id != 0 && campaign_id != slice->campaign_id))
		return false;
	const struct table_campaign *newsletter = newsletter_of(slice->campaign_id);
	return !newsletter || newsletter->state == CAMPAIGN_RUNNING;
}

uint64_t sim_slice_open(enum slice_kind kind, const uint64_t *ids, size_t count)
{
	uint64_t id;
	struct table_slice *slice = new_slice(kind, SIM_TRANSACTIONAL, 0, &id);
	for (size_t i = 0; i < count; i++)
		add(slice, ids[i]);
	return id;
}

uint64_t sim_slice_lease(enum slice_kind kind, uint32_t epoch, const uint64_t *ids,
			 size_t count)
{
	uint64_t id = sim_slice_open(kind, ids, count);
	slice_of(id)->state = LEASED;
	slice_of(id)->epoch = epoch;
	return id;
}

void sim_slice_ahead(size_t count, usec due_wall)
{
	uint64_t id;
	struct table_campaign *campaign = newsletter_of(SIM_NEWSLETTER);
	struct table_slice *slice = new_slice(SLICE_AUDIENCE, campaign->id, due_wall, &id);
	for (size_t i = 0; i < count && campaign->cut_mark < campaign->last; i++) {
		add(slice, ++campaign->cut_mark);
		db.targeted++;
	}
}

void sim_slices_due(void)
{
	for (size_t i = 0; i < db.live_count; i++)
		if (slice_of(db.live[i])->state == OPEN &&
		    slice_of(db.live[i])->kind == SLICE_REMAINDER)
			slice_of(db.live[i])->due_wall = 0;
}

const uint64_t *sim_slice_ids(uint64_t slice_id, size_t *ret_count)
{
	*ret_count = slice_of(slice_id)->count;
	return slice_of(slice_id)->ids;
}

/* Marks an id of a slice as accounted for; false when it was already, or is not in it. */
static bool account(uint64_t slice_id, uint64_t id)
{
	struct table_slice *slice = slice_of(slice_id);
	for (uint32_t tried = 0; tried < slice->count; tried++) {
		uint32_t i = (slice->looked_at + tried) % slice->count;
		if (slice->ids[i] != id)
			continue;
		bool fresh = !slice->accounted[i];
		slice->accounted[i] = true;
		slice->looked_at = i;
		return fresh;
	}
	return false;
}

static void cut_waiting(struct table_campaign *campaign, struct table_slice **waiting)
{
	uint64_t id;
	if (!*waiting) {
		*waiting = new_slice(SLICE_AUDIENCE, campaign->id, 0, &id);
		(*waiting)->state = WAITING;
	}
	add(*waiting, campaign->cut_mark);
}

static void cut(struct table_campaign *campaign, struct store_cut *r)
{
	struct table_slice *slice =
		new_slice(SLICE_AUDIENCE, campaign->id, 0, &r->ret_slice_id);
	struct table_slice *waiting = NULL;
	while (slice->count < r->limit && campaign->cut_mark < campaign->last) {
		struct truth *truth = &world->truths[++campaign->cut_mark];
		db.targeted++;
		r->ret_count++;
		if (truth->suppressed_at_cut || sim_is_held_out(campaign->cut_mark)) {
			truth->final = VERDICT_SUPPRESSED;
			truth->final_count++;
		} else if (sim_waits_for_winner(campaign->cut_mark)) {
			cut_waiting(campaign, &waiting);
		} else {
			add(slice, campaign->cut_mark);
		}
	}
}

void store_cut(struct store *store, struct store_cut *r)
{
	if (lost_before(store, &r->request))
		return;
	struct table_campaign *campaign = newsletter_of(r->campaign_id);
	ASSERT(campaign);
	r->ret_slice_id = 0;
	r->ret_count = 0;
	if (campaign->cut_mark < campaign->last)
		cut(campaign, r);
	r->ret_fully_cut = campaign->cut_mark >= campaign->last;
	written(store, &r->request);
}

static void forget_closed(void)
{
	size_t kept = 0;
	for (size_t i = 0; i < db.live_count; i++)
		if (slice_of(db.live[i])->state != CLOSED)
			db.live[kept++] = db.live[i];
	db.live_count = kept;
}

void store_lease(struct store *store, struct store_lease *r)
{
	if (lost_before(store, &r->request) || fenced(store, &r->request, r->epoch))
		return;
	usec wall = world->now + world->wall_offset;
	r->ret_slice_id = 0;
	r->ret_next_due_wall = USEC_NEVER;
	r->ret_winner = sim_winner();
	forget_closed();
	for (size_t i = 0; i < db.live_count; i++) {
		uint64_t id = db.live[i];
		struct table_slice *slice = slice_of(id);
		if (!is_wanted(slice, r->campaign_id))
			continue;
		if (slice->due_wall > wall) {
			r->ret_next_due_wall = usec_min(r->ret_next_due_wall, slice->due_wall);
			continue;
		}
		slice->state = LEASED;
		slice->epoch = r->epoch;
		r->ret_slice_id = id;
		r->ret_campaign_id = slice->campaign_id;
		r->ret_kind = slice->kind;
		r->ret_count = slice->count;
		r->ret_ids = ARENA_ARRAY(r->arena, uint64_t, slice->count + 1);
		if (!r->ret_ids) {
			slice->state = OPEN;
			r->ret_slice_id = 0;
			answer(store, &r->request, STORE_RETRY);
			return;
		}
		if (slice->count > 0)
			memcpy(r->ret_ids, slice->ids, slice->count * sizeof(uint64_t));
		break;
	}
	/* A lease whose answer is lost is nobody's until the lease runs out; the model gives it
	 * back at once, as the lapse would. */
	bool lost = world_fault(world, FAULT_STORE_AFTER);
	if (lost && r->ret_slice_id)
		slice_of(r->ret_slice_id)->state = OPEN;
	answer(store, &r->request, lost ? STORE_LOST : STORE_OK);
}

void store_read(struct store *store, struct store_read *r)
{
	if (lost_before(store, &r->request))
		return;
	r->ret_recipients = ARENA_ARRAY(r->arena, struct store_recipient, r->count + 1);
	for (size_t i = 0; i < r->count; i++)
		sim_read_one(r, r->ids[i], &r->ret_recipients[i]);
	answer(store, &r->request, STORE_OK);
}

void store_mark(struct store *store, struct store_mark *r)
{
	if (lost_before(store, &r->request) || fenced(store, &r->request, r->epoch))
		return;
	for (size_t i = 0; i < r->slice_count; i++)
		if (slice_of(r->slices[i].slice_id)->state != LEASED)
			world_fail(world, "a mark in slice %llu, which is not leased",
				   (unsigned long long)r->slices[i].slice_id);
	written(store, &r->request);
}

/* People unsubscribe while their letter is on its way; and somebody pauses the campaign. */
static void stop_somebody(void)
{
	if (db.stop_count == STOP_LIMIT)
		return;
	struct store_stop *stop = &db.stops[db.stop_count];
	enum campaign_state *state = &db.campaigns[0].state;
	*stop = (struct store_stop){.number = db.stop_count + 1,
				    .campaign_id = db.campaigns[0].id};
	uint64_t die = world_below(world, 200);
	if (*state == CAMPAIGN_PAUSED && die < 20) {
		stop->kind = STOP_RESUME;
		*state = CAMPAIGN_RUNNING;
	} else if (*state == CAMPAIGN_RUNNING && die == 0 && db.stop_count + 2 < STOP_LIMIT) {
		stop->kind = STOP_PAUSE;
		*state = CAMPAIGN_PAUSED;
		state_hits[21]++;
	} else if (die >= 190 && db.stop_count + 4 < STOP_LIMIT) {
		stop->kind = STOP_SUBSCRIBER;
		stop->subscriber_id = 1 + world_below(world, world->recipient_count);
		stop->reason = "unsubscribed";
		struct truth *truth = &world->truths[stop->subscriber_id];
		if (truth->stopped_at == 0)
			truth->stopped_at = world->now;
	} else {
		return;
	}
	db.stop_count++;
}

void sim_stop(const struct store_stop *stop)
{
	if (db.stop_count == STOP_LIMIT)
		return;
	db.stops[db.stop_count] = *stop;
	db.stops[db.stop_count].number = db.stop_count + 1;
	db.stop_count++;
}

void store_stop_feed(struct store *store, struct store_stop_feed *r)
{
	if (lost_before(store, &r->request))
		return;
	if (!world->calm)
		stop_somebody();
	r->ret_stops = ARENA_ARRAY(r->arena, struct store_stop, db.stop_count + 1);
	r->ret_count = 0;
	for (uint64_t n = r->after_number; n < db.stop_count; n++)
		r->ret_stops[r->ret_count++] = db.stops[n];
	r->ret_newest_number = db.stop_count;
	answer(store, &r->request, STORE_OK);
}

void store_claim_due(struct store *store, struct store_claim_due *r)
{
	if (lost_before(store, &r->request))
		return;
	if (r->campaign_id == SIM_TRANSACTIONAL) {
		sim_outbox_claim_due(store, r);
		return;
	}
	usec wall = world->now + world->wall_offset;
	struct table_campaign *campaign = newsletter_of(r->campaign_id);
	struct table_slice *slice = NULL;
	uint64_t slice_id = 0;
	ASSERT(campaign);
	r->ret_count = 0;
	r->ret_next_due_wall = USEC_NEVER;
	if (campaign->due_from > wall) {
		r->ret_next_due_wall = campaign->due_from;
		written(store, &r->request);
		return;
	}
	for (uint32_t id = campaign->first; id <= campaign->last; id++) {
		struct truth *truth = &world->truths[id];
		if (!truth->deferred || truth->claimed_by)
			continue;
		if (truth->not_before_wall > wall || r->ret_count >= r->limit) {
			r->ret_next_due_wall =
				usec_min(r->ret_next_due_wall, truth->not_before_wall);
			continue;
		}
		if (!slice)
			slice = new_slice(SLICE_RETRY, campaign->id, 0, &slice_id);
		add(slice, id);
		truth->claimed_by = slice_id;
		r->ret_count++;
	}
	campaign->due_from = r->ret_next_due_wall;
	written(store, &r->request);
}

void store_put_back(struct store *store, struct store_put_back *r)
{
	if (lost_before(store, &r->request) || fenced(store, &r->request, r->epoch))
		return;
	struct table_slice *slice = NULL;
	uint64_t slice_id = 0;
	for (size_t i = 0; i < r->count; i++) {
		if (!account(r->slice_id, r->ids[i]))
			continue; /* asked for twice */
		if (!slice) {
			slice = new_slice(SLICE_REMAINDER, slice_of(r->slice_id)->campaign_id,
					  r->due_wall, &slice_id);
			slice->parent = r->slice_id;
		}
		add(slice, r->ids[i]);
		state_hits[20]++;
	}
	written(store, &r->request);
}

static void take_outcome(const struct store_outcome *row)
{
	struct truth *truth = truth_of(world, row->subscriber_id);
	state_hits[row->verdict]++;
	if (world->on_outcome)
		world->on_outcome(world, row);
	if (!account(row->slice_id, row->subscriber_id))
		world_fail(world, "r%llu has a second outcome in slice %llu",
			   (unsigned long long)row->subscriber_id,
			   (unsigned long long)row->slice_id);
	if (truth->final_count > 0)
		world_fail(world, "r%llu has an outcome after its final verdict",
			   (unsigned long long)row->subscriber_id);
	truth->deferred = false;
	truth->claimed_by = 0;
	truth->attempts = row->attempt;
	truth->revision = row->revision;
	truth->date_wall = row->date_wall;
	truth->first_wall = row->first_wall;
	sim_incident_settled(row);
	if (row->verdict == VERDICT_IN_DOUBT)
		truth->doubt_count++;
	if (row->verdict == VERDICT_IN_DOUBT && !row->final)
		truth->behind_count++;
	if (row->final) {
		truth->final = row->verdict;
		truth->final_count++;
		return;
	}
	if (row->due_wall == 0)
		world_fail(world, "r%llu is not final and never due",
			   (unsigned long long)row->subscriber_id);
	truth->deferred = true;
	truth->not_before_wall = row->due_wall;
	struct table_campaign *campaign = newsletter_of(sim_newsletter_to(row->subscriber_id));
	if (campaign)
		campaign->due_from = usec_min(campaign->due_from, row->due_wall);
}

void store_settle(struct store *store, struct store_settle *r)
{
	if (lost_before(store, &r->request) || fenced(store, &r->request, r->epoch))
		return;
	if (db.position != r->old_position) {
		answer(store, &r->request, STORE_FENCED);
		return;
	}
	for (size_t i = 0; i < r->count; i++) {
		take_outcome(r->outcomes[i]);
		sim_warmup_settled(r->outcomes[i]);
	}
	for (size_t i = 0; i < r->closed_count; i++) {
		struct table_slice *slice = slice_of(r->closed_slices[i]);
		for (uint32_t k = 0; k < slice->count; k++)
			if (!slice->accounted[k])
				world_fail(world, "slice %llu is closed without r%llu",
					   (unsigned long long)r->closed_slices[i],
					   (unsigned long long)slice->ids[k]);
		slice->state = CLOSED;
	}
	db.position = r->new_position;
	written(store, &r->request);
}

void store_position(struct store *store, struct store_position *r)
{
	if (lost_before(store, &r->request) || fenced(store, &r->request, r->epoch))
		return;
	r->ret_position = db.position;
	answer(store, &r->request, STORE_OK);
}

void store_recover(struct store *store, struct store_recover *r)
{
	if (lost_before(store, &r->request) || fenced(store, &r->request, r->epoch))
		return;
	if (r->trust_marks)
		world_fail(world, "the journal was taken for lost");
	uint64_t before = db.slice_count;
	for (uint64_t id = 1; id <= before; id++) {
		struct table_slice *slice = slice_of(id);
		if (slice->state != LEASED || slice->epoch == r->epoch)
			continue;
		r->ret_slices++;
		uint64_t rest_id;
		struct table_slice *rest = NULL;
		for (uint32_t k = 0; k < slice->count; k++) {
			if (slice->accounted[k])
				continue;
			if (!rest) {
				rest = new_slice(SLICE_REMAINDER, slice->campaign_id, 0,
						 &rest_id);
				rest->parent = id;
			}
			add(rest, slice->ids[k]);
			slice->accounted[k] = true;
			r->ret_remaining++;
		}
		slice->state = CLOSED;
	}
	written(store, &r->request);
}

void sim_slices_release(void)
{
	for (size_t i = 0; i < db.live_count; i++)
		if (slice_of(db.live[i])->state == WAITING)
			slice_of(db.live[i])->state = OPEN;
}

static uint64_t waiting_count(void)
{
	uint64_t count = 0;
	for (size_t i = 0; i < db.live_count; i++)
		if (slice_of(db.live[i])->state == WAITING)
			count += slice_of(db.live[i])->count;
	return count;
}

void store_finish(struct store *store, struct store_finish *r)
{
	if (lost_before(store, &r->request))
		return;
	if (sim_winner_is_too_late())
		sim_slices_release();
	r->ret_waiting = waiting_count();
	struct table_campaign *campaign = newsletter_of(r->campaign_id);
	bool done = campaign && campaign->cut_mark >= campaign->last;
	for (size_t i = 0; done && i < db.live_count; i++)
		done = slice_of(db.live[i])->state == CLOSED ||
		       slice_of(db.live[i])->campaign_id != campaign->id;
	for (uint32_t id = campaign ? campaign->first : 1; done && id <= campaign->last; id++)
		done = !world->truths[id].deferred;
	if (done)
		campaign->state = CAMPAIGN_FINISHED;
	r->ret_finished = done;
	answer(store, &r->request, STORE_OK);
}

/* -- what must hold at the end
 * ------------------------------------------------------------------ */

static void check_one(struct world *w, const struct truth *t)
{
	if (t->final_count != 1)
		world_fail(w, "%s has %u final verdicts", t->email, t->final_count);
	bool delivered = t->final == VERDICT_DELIVERED;
	if (delivered && t->accepted_count == 0)
		world_fail(w, "%s is delivered and nobody accepted it", t->email);
	/* Every acceptance but the delivered one stands in the list of doubts. */
	if (t->accepted_count > t->doubt_count + (delivered ? 1 : 0))
		world_fail(w, "%s: accepted %u times, listed in doubt %u times, verdict %s",
			   t->email, t->accepted_count, t->doubt_count,
			   verdict_names[t->final]);
	/* Servers answer in order: the policy speaks for the first message that was not. */
	if (!w->in_doubt_retry && t->accepted_count > 1 + t->behind_count)
		world_fail(w, "%s got %u copies under the policy assume", t->email,
			   t->accepted_count);
}

void store_check(struct world *w)
{
	if (db.targeted != w->recipient_count)
		world_fail(w, "%llu targeted of %u", (unsigned long long)db.targeted,
			   w->recipient_count);
	for (uint32_t id = 1; id <= w->recipient_count; id++)
		check_one(w, &w->truths[id]);
	sim_variants_check(w);
	for (size_t i = 0; i < sim_outbox_count(); i++)
		check_one(w, &sim_outbox_row(i)->truth);
}
