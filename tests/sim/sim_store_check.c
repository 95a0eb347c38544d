/* sim_store_check.c - what must hold when a campaign is finished: the tables against what the
 * hosts know. */
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tables.h"
#include "tests/sim/sim_variants.h"

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

static void check_slices(struct world *w)
{
	for (uint64_t id = 1; id <= tables.slice_count; id++) {
		const struct table_slice *slice = table_slice_of(id);
		if (slice->state != TABLE_SLICE_CLOSED &&
		    slice->state != TABLE_SLICE_CANCELLED &&
		    slice->state != TABLE_SLICE_BURIED)
			world_fail(w, "slice %llu is left in state %d", (unsigned long long)id,
				   (int)slice->state);
		for (uint32_t i = 0; i < slice->count; i++)
			if (slice->state == TABLE_SLICE_CLOSED &&
			    !(slice->flags[i] & (TABLE_TOLD | TABLE_CHILD)))
				world_fail(w, "r%llu is lost in slice %llu",
					   (unsigned long long)slice->ids[i],
					   (unsigned long long)id);
	}
}

void store_check(struct world *w)
{
	if (tables.targeted != w->recipient_count)
		world_fail(w, "%llu targeted of %u", (unsigned long long)tables.targeted,
			   w->recipient_count);
	for (uint32_t id = 1; id <= w->recipient_count; id++)
		check_one(w, &w->truths[id]);
	check_slices(w);
	sim_variants_check(w);
	for (size_t i = 0; i < sim_outbox_count(); i++)
		check_one(w, &sim_outbox_row(i)->truth);
}
