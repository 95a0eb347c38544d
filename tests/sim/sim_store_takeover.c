/* sim_store_takeover.c - slices whose engine is gone, and an engine's own earlier lives: who of
 * them is sent again, waits, or is in doubt. See engine/store/takeover.c and recover.c. */
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"

#include "engine/base/assert.h"

/* Whose journal is lost or stays away: started, and nobody knows how it ended. As
 * sql/queries/recover_in_doubt.sql. */
static void doubt(struct table_slice *slice, uint64_t id, uint32_t engine_id)
{
	struct truth *truth = truth_of(world, id);
	const struct store_outcome row = {
		.campaign_id = slice->campaign_id,
		.slice_id = slice->id,
		.subscriber_id = id,
		.verdict = VERDICT_IN_DOUBT,
		.final = !tables.retry_in_doubt,
		.attempt = (truth->deferred ? truth->attempts : 0) + 1,
		.revision = truth->revision,
		.date_wall = truth->date_wall,
		.first_wall = truth->first_wall ? truth->first_wall : table_wall(),
		.at_wall = table_wall(),
		.due_wall = tables.retry_in_doubt ? table_wall() : 0,
		.cause = "crashed",
	};
	truth->policy_doubt_count++;
	sim_take_outcome(slice, &row, engine_id, true);
}

struct accounts table_account(struct table_slice *slice, enum marked_fate fate,
			      uint32_t engine_id)
{
	struct accounts accounts = {};
	struct table_slice *rest = NULL;
	for (uint32_t i = 0; i < slice->count; i++) {
		if (slice->flags[i] & (TABLE_TOLD | TABLE_CHILD))
			continue;
		if ((slice->flags[i] & TABLE_MARKED) && fate == MARKED_WAIT) {
			accounts.waiting++;
			continue;
		}
		if ((slice->flags[i] & TABLE_MARKED) && fate == MARKED_IN_DOUBT) {
			accounts.in_doubt++;
			doubt(slice, slice->ids[i], engine_id);
			continue;
		}
		if (!rest) {
			rest = table_slice_add(SLICE_REMAINDER, slice->campaign_id, 0);
			rest->parent = slice->id;
			rest->due_wall = table_wall();
		}
		table_slice_put(rest, slice->ids[i]);
		slice->flags[i] |= TABLE_CHILD;
		accounts.remaining++;
	}
	return accounts;
}

static bool is_to_be_taken(const struct table_slice *slice, uint32_t engine_id,
			   uint64_t campaign_id, enum table_slice_state state)
{
	if (slice->state != state || slice->engine_id == engine_id ||
	    (campaign_id != 0 && campaign_id != slice->campaign_id) ||
	    !table_engine_silent(slice->engine_id, SIM_LEASE))
		return false;
	const struct table_campaign *campaign = table_campaign_of(slice->campaign_id);
	if (campaign && campaign->state != CAMPAIGN_RUNNING &&
	    campaign->state != CAMPAIGN_CANCELLED)
		return false;
	bool expired =
		campaign && campaign->expires_wall && campaign->expires_wall < table_wall();
	return state == TABLE_SLICE_LEASED || expired || slice->decide_at <= table_wall();
}

static struct table_slice *find(uint32_t engine_id, uint64_t campaign_id)
{
	static const enum table_slice_state order[] = {TABLE_SLICE_LEASED,
						       TABLE_SLICE_ORPHANED};
	for (size_t o = 0; o < 2; o++)
		for (size_t i = 0; i < tables.live_count; i++) {
			struct table_slice *slice = table_slice_of(tables.live[i]);
			if (is_to_be_taken(slice, engine_id, campaign_id, order[o]))
				return slice;
		}
	return NULL;
}

bool table_take_over(uint32_t engine_id, uint64_t campaign_id)
{
	struct table_slice *slice = find(engine_id, campaign_id);
	if (!slice)
		return false;
	bool buried = slice->state == TABLE_SLICE_ORPHANED;
	slice->state = TABLE_SLICE_ORPHANED;
	if (!buried) {
		slice->lost_at = world->now;
		slice->decide_at = tables.engines[slice->engine_id - 1].heartbeat_at +
				   tables.journal_wait;
	}
	state_hits[buried ? STATE_BURIED : STATE_TAKEN_OVER]++;
	struct accounts accounts =
		table_account(slice, buried ? MARKED_IN_DOUBT : MARKED_WAIT, engine_id);
	state_hits[STATE_MARKED_WAITING] += accounts.waiting;
	state_hits[STATE_DOUBT_BY_POLICY] += accounts.in_doubt;
	if (accounts.waiting == 0)
		table_slice_close(slice, TABLE_SLICE_BURIED);
	return true;
}

/* The first of those that the engine held in its earlier lives, by campaign and then by id. */
static struct table_slice *first_of_earlier_life(const struct store_recover *r)
{
	struct table_slice *first = NULL;
	for (uint64_t id = 1; id <= tables.slice_count; id++) {
		struct table_slice *s = table_slice_of(id);
		if ((s->state == TABLE_SLICE_LEASED || s->state == TABLE_SLICE_ORPHANED ||
		     s->state == TABLE_SLICE_BURIED) &&
		    s->engine_id == r->engine_id && s->epoch < r->epoch &&
		    (!first || s->campaign_id < first->campaign_id))
			first = s;
	}
	return first;
}

static void recover_slice(struct store_recover *r, struct table_slice *slice)
{
	if (slice->state != TABLE_SLICE_BURIED) {
		struct accounts accounts =
			table_account(slice, r->trust_marks ? MARKED_IN_DOUBT : MARKED_SENT,
				      r->engine_id);
		r->ret_slices++;
		r->ret_remaining += accounts.remaining;
		r->ret_in_doubt += accounts.in_doubt;
	}
	table_slice_close(slice, TABLE_SLICE_CLOSED);
}

void store_recover(struct store *store, struct store_recover *r)
{
	if (lost_before(store, &r->request, CALL_RECOVER) ||
	    fenced(store, &r->request, r->engine_id, r->epoch))
		return;
	if (r->trust_marks && !world->journal_may_be_lost)
		world_fail(world, "the journal was taken for lost");
	r->ret_slices = r->ret_remaining = r->ret_in_doubt = 0;
	for (struct table_slice *slice; (slice = first_of_earlier_life(r));)
		recover_slice(r, slice);
	written(store, &r->request);
}
