/* sim_store_slices.c - who works on what in the simulated database: leases, start marks, what is
 * put back, deferrals that are due. See engine/store/claim.c for the real ones. */
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"
#include "tests/sim/sim_variants.h"

#include <stdlib.h>

#include "engine/base/assert.h"

#define TAKEOVER_LOOKS 6 /* as engine/store/claim.c */

/* -- leases
 * -------------------------------------------------------------------------------------- */

/* Whether what is in the slice may be leased: by who asks for that campaign, or for any (0). */
static bool is_wanted(const struct table_slice *slice, uint64_t campaign_id)
{
	if (slice->state != TABLE_SLICE_OPEN ||
	    (campaign_id != 0 && campaign_id != slice->campaign_id))
		return false;
	const struct table_campaign *newsletter = table_campaign_of(slice->campaign_id);
	return !newsletter || newsletter->state == CAMPAIGN_RUNNING;
}

uint64_t sim_slice_open(enum slice_kind kind, const uint64_t *ids, size_t count)
{
	struct table_slice *slice = table_slice_add(kind, SIM_TRANSACTIONAL, table_wall());
	for (size_t i = 0; i < count; i++)
		table_slice_put(slice, ids[i]);
	return slice->id;
}

static void hold(struct table_slice *slice, uint32_t engine_id, uint32_t epoch)
{
	slice->state = TABLE_SLICE_LEASED;
	slice->engine_id = engine_id;
	slice->epoch = epoch;
	slice->token = ++tables.token;
	for (uint32_t i = 0; i < slice->count; i++) {
		truth_of(world, slice->ids[i])->leased_at = world->now;
		world_tell(slice->ids[i], "slice %llu is leased, epoch %u",
			   (unsigned long long)slice->id, epoch);
	}
}

void sim_mark_begins(const struct sim_life *life, uint64_t id, uint64_t slice_id)
{
	truth_of(world, id)->marked_by |= life_bit(life);
	truth_of(world, id)->marked_in = slice_id;
}

/* Not of somebody who is marked in another slice by now, perhaps by the same life. */
void sim_mark_ends(const struct sim_life *life, uint64_t id, uint64_t slice_id)
{
	if (truth_of(world, id)->marked_in == slice_id)
		truth_of(world, id)->marked_by &= ~life_bit(life);
}

uint64_t sim_slice_lease(enum slice_kind kind, uint32_t engine_id, uint32_t epoch,
			 const uint64_t *ids, size_t count)
{
	struct table_slice *slice = table_slice_of(sim_slice_open(kind, ids, count));
	hold(slice, engine_id, epoch);
	for (uint32_t i = 0; i < slice->count; i++) { /* the claim is the mark */
		slice->flags[i] |= TABLE_MARKED;
		sim_mark_begins(world->life, slice->ids[i], slice->id);
	}
	return slice->id;
}

void sim_slices_due(void)
{
	for (size_t i = 0; i < tables.live_count; i++) {
		struct table_slice *slice = table_slice_of(tables.live[i]);
		if (slice->state == TABLE_SLICE_OPEN && slice->kind == SLICE_REMAINDER)
			slice->due_wall = 0;
	}
}

bool sim_slices_rest(uint64_t campaign_id)
{
	for (size_t i = 0; i < tables.live_count; i++) {
		const struct table_slice *slice = table_slice_of(tables.live[i]);
		bool rests = slice->state == TABLE_SLICE_CLOSED ||
			     slice->state == TABLE_SLICE_CANCELLED ||
			     slice->state == TABLE_SLICE_BURIED;
		if (slice->campaign_id == campaign_id && !rests)
			return false;
	}
	return true;
}

const uint64_t *sim_slice_ids(uint64_t slice_id, size_t *ret_count)
{
	*ret_count = table_slice_of(slice_id)->count;
	return table_slice_of(slice_id)->ids;
}

bool sim_slice_is_held(uint64_t slice_id, uint32_t engine_id, uint32_t epoch)
{
	const struct table_slice *slice = table_slice_of(slice_id);
	return slice->state == TABLE_SLICE_LEASED && slice->engine_id == engine_id &&
	       slice->epoch == epoch;
}

/* The one that has been due longest; NULL with the time at which the next will be. */
static struct table_slice *first_due(const struct store_lease *r, usec *ret_next)
{
	struct table_slice *first = NULL;
	*ret_next = USEC_NEVER;
	for (size_t i = 0; i < tables.live_count; i++) {
		struct table_slice *slice = table_slice_of(tables.live[i]);
		if (!is_wanted(slice, r->campaign_id))
			continue;
		if (slice->due_wall > table_wall())
			*ret_next = usec_min(*ret_next, slice->due_wall);
		else if (!first || slice->due_wall < first->due_wall)
			first = slice;
	}
	return first;
}

static bool has_ended(uint64_t id)
{
	const struct truth *truth = truth_of(world, id);
	return truth->burial.slice_id && truth->burial.final;
}

/* Whose verdict his first engine has told of meanwhile leaves the slice, for a settled one beside
 * it: as engine/store/claim.c. False: nobody is left. */
static bool leave_out(struct table_slice *slice)
{
	struct table_slice *beside = NULL;
	uint32_t ended = 0, kept = 0;
	for (uint32_t i = 0; i < slice->count; i++)
		ended += has_ended(slice->ids[i]);
	if (ended == 0)
		return true;
	if (ended < slice->count) {
		beside = table_slice_add(slice->kind, slice->campaign_id, table_wall());
		beside->parent = slice->parent;
	}
	for (uint32_t i = 0; i < slice->count; i++) {
		uint64_t id = slice->ids[i];
		if (!has_ended(id)) {
			slice->flags[kept] = slice->flags[i];
			slice->ids[kept++] = id;
			continue;
		}
		truth_of(world, id)->deferred = false;
		truth_of(world, id)->claimed_by = 0;
		slice->flags[i] |= TABLE_TOLD;
		if (beside) {
			table_slice_put(beside, id);
			*table_flags_of(beside, id) |= TABLE_TOLD;
		}
	}
	if (!beside) {
		table_slice_close(slice, TABLE_SLICE_CLOSED);
		return false;
	}
	slice->count = kept;
	slice->looked_at = 0;
	table_slice_close(beside, TABLE_SLICE_CLOSED);
	return true;
}

/* False: there is no memory for it. */
static bool tell_lease(struct store_lease *r, const struct table_slice *slice)
{
	r->ret_ids = ARENA_ARRAY(r->arena, uint64_t, slice->count + 1);
	if (!r->ret_ids)
		return false;
	r->ret_slice_id = slice->id;
	r->ret_campaign_id = slice->campaign_id;
	r->ret_kind = slice->kind;
	r->ret_count = slice->count;
	if (slice->count > 0)
		memcpy(r->ret_ids, slice->ids, slice->count * sizeof(uint64_t));
	return true;
}

/* The lease whose answer was lost, if it was made and still stands. */
static struct table_slice *lost_lease(struct store *store, const struct store_lease *r)
{
	struct table_slice *slice =
		store->lost_slice ? table_slice_of(store->lost_slice) : NULL;
	bool stands = slice && slice->token == store->lost_token &&
		      sim_slice_is_held(slice->id, r->engine_id, r->epoch);
	store->lost_slice = 0;
	if (stands && r->campaign_id && slice->campaign_id != r->campaign_id) {
		slice->state = TABLE_SLICE_OPEN; /* nobody was told of it */
		return NULL;
	}
	return stands ? slice : NULL;
}

void store_lease(struct store *store, struct store_lease *r)
{
	if (lost_before(store, &r->request, CALL_LEASE) ||
	    fenced(store, &r->request, r->engine_id, r->epoch))
		return;
	r->ret_slice_id = 0;
	r->ret_next_due_wall = 0;
	r->ret_winner = sim_winner();
	table_forget_closed();
	struct table_slice *slice = lost_lease(store, r);
	if (!slice && world->now >= store->takeover_at) { /* others' first, now and then */
		store->takeover_at = world->now + store->lease / TAKEOVER_LOOKS;
		if (table_take_over(r->engine_id, r->campaign_id, store->journal_wait))
			world->now++; /* in a transaction of its own */
	}
	if (!slice && (slice = first_due(r, &r->ret_next_due_wall))) {
		if (!leave_out(slice)) {
			r->ret_next_due_wall = 0;
			written(store, &r->request);
			return;
		}
		hold(slice, r->engine_id, r->epoch);
	}
	if (slice && !tell_lease(r, slice)) { /* as if its answer were lost */
		store->lost_slice = slice->id;
		store->lost_token = slice->token;
		answer(store, &r->request, STORE_LOST);
		return;
	}
	if (!slice && table_take_over(r->engine_id, r->campaign_id, store->journal_wait))
		r->ret_next_due_wall = 0;
	if (!written_or_lost(store, &r->request) && slice) {
		store->lost_slice = slice->id;
		store->lost_token = slice->token;
	}
}

void store_read(struct store *store, struct store_read *r)
{
	if (lost_before(store, &r->request, CALL_READ))
		return;
	r->ret_recipients = ARENA_ARRAY(r->arena, struct store_recipient, r->count + 1);
	for (size_t i = 0; i < r->count; i++)
		sim_read_one(r, r->ids[i], &r->ret_recipients[i]);
	answer(store, &r->request, STORE_OK);
}

/* -- marks
 * -------------------------------------------------------------------------------------- */

static bool all_are_held(const struct store_mark *r)
{
	for (size_t i = 0; i < r->slice_count; i++)
		if (!sim_slice_is_held(r->slices[i].slice_id, r->engine_id, r->epoch))
			return false;
	return true;
}

void store_mark(struct store *store, struct store_mark *r)
{
	if (lost_before(store, &r->request, CALL_MARK) ||
	    fenced(store, &r->request, r->engine_id, r->epoch))
		return;
	if (!all_are_held(r)) {
		state_hits[STATE_MARK_REFUSED]++;
		fenced_by(store, &r->request, "a lease was lost: nothing of it may be started");
		return;
	}
	for (size_t i = 0; i < r->slice_count; i++) {
		struct table_slice *slice = table_slice_of(r->slices[i].slice_id);
		for (size_t k = 0; k < r->slices[i].count; k++) {
			uint8_t *flags = table_flags_of(slice, r->slices[i].ids[k]);
			if (flags)
				*flags |= TABLE_MARKED;
			sim_mark_begins(store->life, r->slices[i].ids[k], slice->id);
			world_tell(r->slices[i].ids[k], "it is marked in slice %llu",
				   (unsigned long long)slice->id);
			if (!flags)
				world_fail(world, "r%llu is marked in slice %llu, where it is not",
					   (unsigned long long)r->slices[i].ids[k],
					   (unsigned long long)slice->id);
		}
	}
	written(store, &r->request);
}

/* -- back into the database
 * -------------------------------------------------------------------------------------- */

void store_put_back(struct store *store, struct store_put_back *r)
{
	if (lost_before(store, &r->request, CALL_PUT_BACK))
		return;
	struct table_slice *parent = table_slice_of(r->slice_id), *slice = NULL;
	bool held = parent->engine_id == r->engine_id && parent->epoch == r->epoch &&
		    (parent->state == TABLE_SLICE_LEASED ||
		     parent->state == TABLE_SLICE_ORPHANED ||
		     parent->state == TABLE_SLICE_BURIED);
	bool buried = parent->state == TABLE_SLICE_BURIED; /* he has his verdict */
	if (r->count > 0 && !held) {
		fenced_by(store, &r->request, "the slice is not held by this engine any more");
		return;
	}
	for (size_t i = 0; i < r->count && !buried; i++) {
		uint8_t *flags = table_flags_of(parent, r->ids[i]);
		ASSERT(flags);
		if (*flags & TABLE_CHILD)
			continue; /* asked for twice, or taken over */
		if (*flags & TABLE_TOLD)
			world_fail(world, "r%llu is put back after its outcome in slice %llu",
				   (unsigned long long)r->ids[i],
				   (unsigned long long)r->slice_id);
		if (!slice) {
			slice = table_slice_add(SLICE_REMAINDER, parent->campaign_id,
						r->due_wall ? r->due_wall : table_wall());
			slice->parent = parent->id;
		}
		table_slice_put(slice, r->ids[i]);
		world_tell(r->ids[i], "it is put back from slice %llu into %llu",
			   (unsigned long long)parent->id, (unsigned long long)slice->id);
		*flags |= TABLE_CHILD;
		sim_mark_ends(store->life, r->ids[i], parent->id);
		state_hits[STATE_PUT_BACK]++;
		state_hits[STATE_PUT_BACK_LOST] += parent->state == TABLE_SLICE_ORPHANED;
	}
	written(store, &r->request);
}

/* -- deferrals
 * -------------------------------------------------------------------------------------- */

static int compare_due(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	const struct truth *s = truth_of(world, x), *t = truth_of(world, y);
	if (s->not_before_wall != t->not_before_wall)
		return s->not_before_wall < t->not_before_wall ? -1 : 1;
	return (x > y) - (x < y);
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* The next that will be due, of those that nobody has claimed. */
static usec next_due(const struct table_campaign *campaign)
{
	usec next = USEC_NEVER;
	for (uint32_t id = campaign->first; id <= campaign->last; id++)
		if (world->truths[id].deferred && !world->truths[id].claimed_by)
			next = usec_min(next, world->truths[id].not_before_wall);
	return next;
}

static void claim(struct table_campaign *campaign, struct store_claim_due *r)
{
	size_t room = campaign->last - campaign->first + 1, count = 0;
	uint64_t *ids = malloc(room * sizeof(*ids));
	ASSERT(ids);
	for (uint32_t id = campaign->first; id <= campaign->last; id++) {
		const struct truth *truth = &world->truths[id];
		if (truth->deferred && !truth->claimed_by &&
		    truth->not_before_wall <= table_wall())
			ids[count++] = id;
	}
	qsort(ids, count, sizeof(*ids), compare_due);
	count = count < r->limit ? count : r->limit;
	qsort(ids, count, sizeof(*ids), compare_ids);
	struct table_slice *slice =
		count ? table_slice_add(SLICE_RETRY, campaign->id, table_wall()) : NULL;
	for (size_t i = 0; i < count; i++) {
		table_slice_put(slice, ids[i]);
		world->truths[ids[i]].claimed_by = slice->id;
	}
	r->ret_count = (uint32_t)count;
	free(ids);
}

/* The campaign whose first deferral has waited longest, transactional mail among them. */
static uint64_t campaign_due(usec *ret_due)
{
	uint64_t first = SIM_TRANSACTIONAL;
	*ret_due = sim_outbox_next_due();
	for (size_t i = 0; i < tables.campaign_count; i++) {
		const struct table_campaign *campaign = &tables.campaigns[i];
		usec due = campaign->due_from <= table_wall() ? next_due(campaign)
							      : campaign->due_from;
		if (campaign->state != CAMPAIGN_RUNNING || due >= *ret_due)
			continue;
		first = campaign->id;
		*ret_due = due;
	}
	return first;
}

static usec claim_of(struct store_claim_due *r, uint64_t campaign_id)
{
	struct table_campaign *campaign = table_campaign_of(campaign_id);
	if (campaign_id == SIM_TRANSACTIONAL) {
		sim_outbox_claim_due(r);
		return sim_outbox_next_due();
	}
	if (!campaign || campaign->state != CAMPAIGN_RUNNING)
		return USEC_NEVER;
	if (campaign->due_from <= table_wall()) {
		claim(campaign, r);
		campaign->due_from = next_due(campaign);
	}
	return campaign->due_from;
}

void store_claim_due(struct store *store, struct store_claim_due *r)
{
	usec due;
	if (lost_before(store, &r->request, CALL_CLAIM_DUE))
		return;
	r->ret_count = 0;
	if (r->campaign_id != 0) {
		r->ret_next_due_wall = claim_of(r, r->campaign_id);
	} else {
		(void)claim_of(r, campaign_due(&due));
		(void)campaign_due(&r->ret_next_due_wall);
	}
	written(store, &r->request);
}
