/* actor_ghost.c - the old process of an engine that began again: whatever it asks, it is told
 * that it is not the engine any more, and nothing changes; but for what it gives back. */
#include "tests/history/run.h"

#define WHO(p) .request.on_done = ask_done, .engine_id = (p)->engine_id, .epoch = (p)->epoch

static int ghost_settles(struct run *run, struct actor *a, struct process *p)
{
	const struct store_outcome o = {.campaign_id = side_campaign(0),
					.slice_id = p->held_count ? p->held[0].slice_id : 1,
					.subscriber_id = 1,
					.verdict = VERDICT_DELIVERED,
					.final = true,
					.cause = "ghost",
					.attempt = 1,
					.at_wall = side_wall()};
	const struct store_outcome *batch[1] = {&o};
	struct store_settle r = {WHO(p),
				 .outcomes = batch,
				 .count = 1,
				 .old_position = a->settled,
				 .new_position = a->settled + 1};
	return ASK_ONCE(run, p->store, store_settle, &r);
}

/* Somebody that it has not begun; NULL: there is none. */
static struct recipient *not_begun(struct process *p)
{
	for (size_t i = 0; p->held_count && i < p->held[0].count; i++)
		if (p->held[0].recipients[i].fate == FATE_WAITING)
			return &p->held[0].recipients[i];
	return NULL;
}

static int ghost_holds(struct run *run, struct process *p, bool marks)
{
	const struct held *h = &p->held[0];
	struct recipient *who = not_begun(p);
	const uint64_t id = who->id;
	const struct store_mark_slice slice = {h->campaign_id, h->slice_id, &id, 1};
	struct store_mark mark = {WHO(p), .slices = &slice, .slice_count = 1};
	struct store_put_back back = {WHO(p),
				      .campaign_id = h->campaign_id,
				      .slice_id = h->slice_id,
				      .ids = &id,
				      .count = 1};
	if (marks)
		return ASK_ONCE(run, p->store, store_mark, &mark);
	who->fate = FATE_GONE;
	return ASK_ONCE(run, p->store, store_put_back, &back);
}

static int ghost_asks(struct run *run, struct actor *a, struct process *p, unsigned what)
{
	struct store_heartbeat beat = {WHO(p), .arena = &run->arena};
	struct store_position position = {WHO(p)};
	struct store_lease lease = {WHO(p), .arena = &run->arena};
	struct store_recover recover = {WHO(p)};
	struct store_stop_feed feed = {WHO(p), .arena = &run->arena};
	struct store_leave leave = {WHO(p)};
	switch (what) {
	case 0:
		return ghost_settles(run, a, p);
	case 1:
		return ASK_ONCE(run, p->store, store_heartbeat, &beat);
	case 2:
		return ASK_ONCE(run, p->store, store_position, &position);
	case 3:
		return ASK_ONCE(run, p->store, store_lease, &lease);
	case 4:
		return ASK_ONCE(run, p->store, store_recover, &recover);
	case 5:
		return ASK_ONCE(run, p->store, store_stop_feed, &feed);
	case 6:
		return ASK_ONCE(run, p->store, store_leave, &leave);
	default:
		return ghost_holds(run, p, what == 7);
	}
}

void actor_ghost(struct run *run, struct actor *a)
{
	static const char *const names[] = {"settle",  "heartbeat", "position",
					    "lease",   "recover",   "feed",
					    "leave", "mark", "put back"};
	struct process *p = &a->ghost;
	unsigned what = run_below(run, not_begun(p) ? 9 : 7);
	side_look(p->store, false); /* anybody may */
	int result = ghost_asks(run, a, p, what);
	run->died = false;
	say(run, "%s, as it was, %s: %s", a->name, names[what], result_name(result));
	/* What it has not begun it may give back until the new one has recovered it. */
	bool gives_back = what == 8 && result == STORE_OK;
	if (result != STORE_FENCED && result != STORE_LOST && !gives_back)
		run_fail(run, "an old process may %s", names[what]);
}
