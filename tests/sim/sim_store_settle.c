/* sim_store_settle.c - outcomes in the simulated database, and with them the journal's position.
 * See engine/store/settle.c. */
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"

#include "engine/base/assert.h"

/* Facts are always accepted, from whoever lost the slice meanwhile, too; but never two of one
 * slice, and none after the verdict was final. What the policy decided in place of a journal
 * that stayed away is the one verdict that a fact may come after. */
static void check_outcome(const struct table_slice *slice, const struct store_outcome *row,
			  uint8_t flags)
{
	const struct truth *truth = truth_of(world, row->subscriber_id);
	if (flags & TABLE_TOLD)
		world_fail(world, "r%llu has a second outcome in slice %llu",
			   (unsigned long long)row->subscriber_id,
			   (unsigned long long)slice->id);
	if (flags & TABLE_CHILD)
		world_fail(world, "r%llu has an outcome in slice %llu, which it had left",
			   (unsigned long long)row->subscriber_id,
			   (unsigned long long)slice->id);
	if (truth->final_count > 0)
		world_fail(world, "r%llu has an outcome after its final verdict",
			   (unsigned long long)row->subscriber_id);
	if (!row->final && row->due_wall == 0)
		world_fail(world, "r%llu is not final and never due",
			   (unsigned long long)row->subscriber_id);
}

void sim_take_outcome(struct table_slice *slice, const struct store_outcome *row,
		      uint32_t engine_id, bool by_policy)
{
	struct truth *truth = truth_of(world, row->subscriber_id);
	uint8_t *flags = table_flags_of(slice, row->subscriber_id);
	if (!flags) {
		world_fail(world, "r%llu has an outcome in slice %llu, where it is not",
			   (unsigned long long)row->subscriber_id,
			   (unsigned long long)slice->id);
		return;
	}
	check_outcome(slice, row, *flags);
	state_hits[row->verdict]++;
	if (world->on_outcome)
		world->on_outcome(world, row);
	*flags |= TABLE_TOLD;
	table_deliver(row, engine_id, by_policy);
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
	truth->deferred = true;
	truth->not_before_wall = row->due_wall;
	struct table_campaign *campaign =
		table_campaign_of(sim_newsletter_to(row->subscriber_id));
	if (campaign)
		campaign->due_from = usec_min(campaign->due_from, row->due_wall);
}

static void close_slices(const struct store_settle *r)
{
	for (size_t i = 0; i < r->closed_count; i++) {
		struct table_slice *slice = table_slice_of(r->closed_slices[i]);
		if (slice->engine_id != r->engine_id ||
		    (slice->state != TABLE_SLICE_LEASED &&
		     slice->state != TABLE_SLICE_ORPHANED &&
		     slice->state != TABLE_SLICE_BURIED))
			continue;
		for (uint32_t k = 0; k < slice->count; k++)
			if (!(slice->flags[k] & (TABLE_TOLD | TABLE_CHILD)))
				world_fail(world, "slice %llu is closed without r%llu",
					   (unsigned long long)slice->id,
					   (unsigned long long)slice->ids[k]);
		table_slice_close(slice, TABLE_SLICE_CLOSED);
	}
}

void store_settle(struct store *store, struct store_settle *r)
{
	if (lost_before(store, &r->request, CALL_SETTLE) ||
	    fenced(store, &r->request, r->engine_id, r->epoch))
		return;
	struct table_engine *engine = table_engine_of(r->engine_id, r->epoch);
	if (engine->position != r->old_position) {
		answer(store, &r->request, STORE_FENCED);
		return;
	}
	for (size_t i = 0; i < r->count; i++) {
		struct table_slice *slice = table_slice_of(r->outcomes[i]->slice_id);
		state_hits[STATE_LATE_OUTCOMES] += slice->state == TABLE_SLICE_ORPHANED;
		sim_take_outcome(slice, r->outcomes[i], r->engine_id, false);
		sim_warmup_settled(r->outcomes[i]);
	}
	close_slices(r);
	engine->position = r->new_position;
	written(store, &r->request);
}
