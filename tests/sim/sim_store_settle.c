/* sim_store_settle.c - outcomes in the simulated database, and with them the journal's position.
 * See engine/store/settle.c. */
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"

#include "engine/base/assert.h"

/* Facts are always accepted, from whoever lost the slice meanwhile, too; but never two of one
 * slice, and none after the verdict was final. In a slice that was buried the first one may have
 * been by policy, also of somebody whose burial in an earlier slice is the one that is kept. */
static void check_outcome(const struct table_slice *slice, const struct store_outcome *row,
			  uint8_t flags)
{
	const struct truth *truth = truth_of(world, row->subscriber_id);
	if (flags & TABLE_TOLD && truth->burial.slice_id != slice->id &&
	    slice->state != TABLE_SLICE_BURIED)
		world_fail(world, "r%llu has a second outcome in slice %llu",
			   (unsigned long long)row->subscriber_id,
			   (unsigned long long)slice->id);
	if (flags & TABLE_CHILD)
		world_fail(world, "r%llu has an outcome in slice %llu, which it had left",
			   (unsigned long long)row->subscriber_id,
			   (unsigned long long)slice->id);
	if (truth->final_count > 0 && truth->burial.slice_id == 0)
		world_fail(world, "r%llu has an outcome after its final verdict",
			   (unsigned long long)row->subscriber_id);
	if (!row->final && row->due_wall == 0)
		world_fail(world, "r%llu is not final and never due",
			   (unsigned long long)row->subscriber_id);
}

static int rank(enum verdict verdict)
{
	return verdict == VERDICT_DELIVERED  ? 3
	       : verdict == VERDICT_FAILED   ? 2
	       : verdict == VERDICT_IN_DOUBT ? 0
					     : 1;
}

static bool campaign_has_ended(uint64_t campaign_id)
{
	const struct table_campaign *campaign = table_campaign_of(campaign_id);
	return campaign && (campaign->state == CAMPAIGN_FINISHED || campaign->accounted);
}

/* What the row means for who was buried, as engine/store/late.c: whether it counts as a verdict,
 * and whether it touches who waits to be tried again. */
static void look_at_burial(struct truth *truth, struct store_outcome *row, bool *ret_deferral)
{
	bool late = row->slice_id == truth->burial.slice_id;
	bool claimed = truth->deferred && truth->claimed_by;
	*ret_deferral = !(late && claimed);
	if (!row->final && late && campaign_has_ended(row->campaign_id)) {
		row->verdict = row->verdict == VERDICT_DEFERRED ? VERDICT_FAILED : row->verdict;
		row->final = true;
		row->due_wall = 0;
	}
	if (!truth->burial.final) {
		if (!row->final)
			return;
	} else if (row->final ? rank(row->verdict) <= rank(truth->burial.verdict)
			      : !late || truth->burial.verdict != VERDICT_IN_DOUBT) {
		row->final = false; /* a fact that changes nothing; but it ends its own attempt */
		*ret_deferral = false;
		if (!late)
			truth->deferred = false;
		if (!late)
			truth->claimed_by = 0;
		return;
	} else {
		truth->final_count--;
		table_undo(row->campaign_id, row->subscriber_id);
	}
	truth->burial.final = row->final;
	truth->burial.verdict = row->verdict;
}

static void wait_for(struct truth *truth, const struct store_outcome *row)
{
	truth->deferred = true;
	truth->not_before_wall = row->due_wall;
	struct table_campaign *campaign =
		table_campaign_of(sim_newsletter_to(row->subscriber_id));
	if (campaign)
		campaign->due_from = usec_min(campaign->due_from, row->due_wall);
}

void sim_note_outcome(struct table_slice *slice, const struct store_outcome *row,
		      uint32_t engine_id, bool by_policy)
{
	struct truth *truth = truth_of(world, row->subscriber_id);
	*table_flags_of(slice, row->subscriber_id) |= TABLE_TOLD;
	truth->doubt_count += row->verdict == VERDICT_IN_DOUBT;
	truth->behind_count += row->verdict == VERDICT_IN_DOUBT && !row->final;
	state_hits[row->verdict]++;
	if (world->on_outcome)
		world->on_outcome(world, row);
	table_deliver(row, engine_id, by_policy);
	world_tell(row->subscriber_id, "its outcome in slice %llu: %s%s, attempt %u%s",
		   (unsigned long long)slice->id, verdict_names[row->verdict],
		   row->final ? "" : ", not final", row->attempt,
		   by_policy ? ", by policy" : "");
}

void sim_take_outcome(struct table_slice *slice, const struct store_outcome *told,
		      uint32_t engine_id, bool by_policy)
{
	struct store_outcome row = *told;
	struct truth *truth = truth_of(world, row.subscriber_id);
	uint8_t *flags = table_flags_of(slice, row.subscriber_id);
	bool deferral = true;
	if (!flags) {
		world_fail(world, "r%llu has an outcome in slice %llu, where it is not",
			   (unsigned long long)row.subscriber_id,
			   (unsigned long long)slice->id);
		return;
	}
	/* Whom somebody moved had never been marked: what his old slice says concerns nobody. */
	if ((*flags & TABLE_CHILD) && (slice->state == TABLE_SLICE_ORPHANED ||
				       slice->state == TABLE_SLICE_BURIED)) {
		state_hits[STATE_MOVED_OUTCOMES]++;
		return;
	}
	check_outcome(slice, &row, *flags);
	if (truth->burial.slice_id && !by_policy)
		look_at_burial(truth, &row, &deferral);
	sim_note_outcome(slice, &row, engine_id, by_policy);
	sim_incident_settled(&row);
	if (row.final) {
		truth->final = row.verdict;
		truth->final_count++;
		truth->ended_at = world->now;
	}
	if (!deferral)
		return;
	truth->deferred = false;
	truth->claimed_by = 0;
	truth->attempts = row.attempt;
	truth->revision = row.revision;
	truth->date_wall = row.date_wall;
	truth->first_wall = row.first_wall;
	if (!row.final)
		wait_for(truth, &row);
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

static bool is_unfit(const struct store_settle *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->outcomes[i]->subscriber_id == world->unfit)
			return true;
	return false;
}

/* As engine/store/aside.c: when he would be tried again cannot be noted. */
static struct store_outcome as_it_is_settled(const struct store_settle *r, size_t index)
{
	struct store_outcome row = *r->outcomes[index];
	if (r->refused && row.verdict == VERDICT_DEFERRED)
		row.verdict = VERDICT_FAILED;
	row.final |= r->refused != NULL;
	return row;
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
	if (!r->refused && is_unfit(r)) {
		answer(store, &r->request, STORE_UNFIT);
		return;
	}
	state_hits[STATE_SET_ASIDE] += r->refused != NULL;
	for (size_t i = 0; i < r->count; i++) {
		struct table_slice *slice = table_slice_of(r->outcomes[i]->slice_id);
		struct store_outcome row = as_it_is_settled(r, i);
		state_hits[STATE_LATE_OUTCOMES] += slice->state == TABLE_SLICE_ORPHANED ||
						   slice->state == TABLE_SLICE_BURIED;
		sim_take_outcome(slice, &row, r->engine_id, false);
		sim_mark_ends(store->life, r->outcomes[i]->subscriber_id, slice->id);
		sim_warmup_settled(r->outcomes[i]);
	}
	close_slices(r);
	engine->position = r->new_position;
	written(store, &r->request);
}
