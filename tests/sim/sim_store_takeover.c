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
	bool again = tables.retry_in_doubt && slice->campaign_id != SIM_TRANSACTIONAL;
	const struct store_outcome row = {
		.campaign_id = slice->campaign_id,
		.slice_id = slice->id,
		.subscriber_id = id,
		.verdict = VERDICT_IN_DOUBT,
		.final = !again,
		.attempt = (truth->deferred ? truth->attempts : 0) + 1,
		.revision = truth->revision,
		.date_wall = truth->date_wall,
		.first_wall = truth->first_wall ? truth->first_wall : table_wall(),
		.at_wall = table_wall(),
		.due_wall = again ? table_wall() : 0,
		.cause = "crashed",
	};
	truth->policy_doubt_count++;
	if (truth->burial.slice_id && truth->burial.final) {
		/* His first engine has told meanwhile: this attempt is noted beside it. */
		struct store_outcome beside = row;
		beside.final = false;
		sim_note_outcome(slice, &beside, engine_id, true);
		truth->deferred = false;
		truth->claimed_by = 0;
		return;
	}
	sim_take_outcome(slice, &row, engine_id, true);
	truth->burial.slice_id = slice->id;
	truth->burial.final = row.final;
	truth->burial.verdict = VERDICT_IN_DOUBT;
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
			world_tell(slice->ids[i], "it waits for the journal, slice %llu",
				   (unsigned long long)slice->id);
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
		world_tell(slice->ids[i], "it remains of slice %llu, in %llu",
			   (unsigned long long)slice->id, (unsigned long long)rest->id);
		slice->flags[i] |= TABLE_CHILD;
		accounts.remaining++;
	}
	return accounts;
}

static bool is_to_be_taken(const struct table_slice *slice, uint32_t engine_id,
			   uint64_t campaign_id, enum table_slice_state state,
			   usec journal_wait)
{
	if (slice->state != state || slice->engine_id == engine_id ||
	    (campaign_id != 0 && campaign_id != slice->campaign_id) ||
	    !table_engine_is_silent(slice->engine_id))
		return false;
	const struct table_campaign *campaign = table_campaign_of(slice->campaign_id);
	if (campaign && campaign->state != CAMPAIGN_RUNNING &&
	    campaign->state != CAMPAIGN_CANCELLED)
		return false;
	bool expired =
		campaign && campaign->expires_wall && campaign->expires_wall < table_wall();
	usec decide_wall = slice->decide_wall
				   ? slice->decide_wall
				   : tables.engines[slice->engine_id - 1].heartbeat_wall + journal_wait;
	return state == TABLE_SLICE_LEASED || expired || decide_wall <= table_wall();
}

static struct table_slice *find(uint32_t engine_id, uint64_t campaign_id, usec journal_wait)
{
	static const enum table_slice_state order[] = {TABLE_SLICE_LEASED,
						       TABLE_SLICE_ORPHANED};
	for (size_t o = 0; o < 2; o++)
		for (size_t i = 0; i < tables.live_count; i++) {
			struct table_slice *slice = table_slice_of(tables.live[i]);
			if (is_to_be_taken(slice, engine_id, campaign_id, order[o],
					   journal_wait))
				return slice;
		}
	return NULL;
}

bool table_take_over(uint32_t engine_id, uint64_t campaign_id, usec journal_wait)
{
	struct table_slice *slice = find(engine_id, campaign_id, journal_wait);
	if (!slice)
		return false;
	bool buried = slice->state == TABLE_SLICE_ORPHANED;
	slice->state = TABLE_SLICE_ORPHANED;
	if (!buried)
		slice->lost_at = world->now;
	if (!buried && !slice->decide_wall)
		slice->decide_wall =
			tables.engines[slice->engine_id - 1].heartbeat_wall + journal_wait;
	state_hits[buried ? STATE_BURIED : STATE_TAKEN_OVER]++;
	struct accounts accounts =
		table_account(slice, buried ? MARKED_IN_DOUBT : MARKED_WAIT, engine_id);
	state_hits[STATE_MARKED_WAITING] += accounts.waiting;
	state_hits[STATE_DOUBT_BY_POLICY] += accounts.in_doubt;
	if (accounts.waiting == 0)
		table_slice_close(slice, TABLE_SLICE_BURIED);
	return true;
}

static bool is_of_earlier_life(const struct table_slice *slice, const struct store_recover *r)
{
	bool held = slice->state == TABLE_SLICE_LEASED ||
		    slice->state == TABLE_SLICE_ORPHANED || slice->state == TABLE_SLICE_BURIED;
	return held && slice->engine_id == r->engine_id && slice->epoch < r->epoch;
}

/* By campaign and then by id, as recover_slices.sql has them. */
static struct table_slice *first_of_earlier_life(const struct store_recover *r)
{
	struct table_slice *first = NULL;
	for (uint64_t id = 1; id <= tables.slice_count; id++) {
		struct table_slice *slice = table_slice_of(id);
		if (is_of_earlier_life(slice, r) &&
		    (!first || slice->campaign_id < first->campaign_id))
			first = slice;
	}
	return first;
}

void store_recover(struct store *store, struct store_recover *r)
{
	if (lost_before(store, &r->request, CALL_RECOVER) ||
	    fenced(store, &r->request, r->engine_id, r->epoch))
		return;
	if (r->trust_marks && !world->journal_may_be_lost)
		world_fail(world, "the journal was taken for lost");
	struct table_slice *slice;
	r->ret_slices = r->ret_remaining = r->ret_in_doubt = 0;
	while ((slice = first_of_earlier_life(r))) {
		struct accounts accounts = {};
		if (slice->state != TABLE_SLICE_BURIED)
			accounts = table_account(
				slice, r->trust_marks ? MARKED_IN_DOUBT : MARKED_SENT,
				r->engine_id);
		r->ret_slices++;
		r->ret_remaining += accounts.remaining;
		r->ret_in_doubt += accounts.in_doubt;
		table_slice_close(slice, TABLE_SLICE_CLOSED);
	}
	written(store, &r->request);
}
