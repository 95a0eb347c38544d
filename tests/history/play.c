/* play.c - plays a history: each act by its engine, or by people, or by time. */
#include "tests/history/run.h"

#include <stdlib.h>
#include <string.h>

#include "engine/io/heap.h"

#define CHECK_EVERY 8

const char *const hit_names[HIT_COUNT] = {"lost-told", "mark-refused", "late-outcome",
					  "taken-over", "journal-lost"};

static void begin_act(struct run *run, const struct act *act, unsigned number)
{
	run->act = act;
	run->act_number = number;
	run->asked = 0;
	run->hit = run->repeated = run->repeating = run->died = false;
	prng_init(&run->chance, act->chance);
	arena_reset(&run->arena);
}

/* One campaign, or any; the transactional one among them. */
static unsigned some_campaign(struct run *run)
{
	if (run->history->with_outbox && run_below(run, 4) == 0)
		return run->history->campaign_count;
	return run_below(run, 3) ? run->act->campaign : VIEW_NONE;
}

static void by_engine(struct run *run, struct actor *a)
{
	switch (run->act->kind) {
	case ACT_HEARTBEAT:
		actor_heartbeat(run, a);
		break;
	case ACT_FEED:
		actor_feed(run, a);
		break;
	case ACT_CUT:
		actor_cut(run, a, run->act->campaign, 3 + run_below(run, 20));
		break;
	case ACT_LEASE:
		actor_lease(run, a, some_campaign(run));
		break;
	case ACT_MARK:
		actor_mark(run, a, 1 + run_below(run, 12));
		break;
	case ACT_SETTLE:
		actor_settle(run, a, run_below(run, 16));
		break;
	case ACT_PUT_BACK:
		actor_put_back(run, a, 1 + run_below(run, 8));
		break;
	case ACT_CLAIM_DUE:
		actor_claim_due(run, a, some_campaign(run));
		break;
	case ACT_CLAIM_OUTBOX:
		if (run->history->with_outbox)
			actor_claim_outbox(run, a);
		break;
	case ACT_FINISH:
		actor_finish(run, a, run->act->campaign);
		break;
	case ACT_LEAVE:
		actor_leave(run, a);
		break;
	default:
		actor_crash(run, a);
		say(run, "%s is dead", a->name);
	}
}

/* From which state a person may bring a campaign to which. */
static void set_state(struct run *run, enum campaign_state from, enum campaign_state to)
{
	if (side_state(run->act->campaign) != from)
		return;
	side_set_state(run->act->campaign, to);
	say(run, "c%u is %s", run->act->campaign, campaign_state_names[to]);
}

static void by_people(struct run *run)
{
	unsigned person = 1 + run_below(run, run->history->people_count);
	usec wait = run_below(run, 3) ? 0 : 2 * USEC_HOUR;
	switch (run->act->kind) {
	case ACT_POST:
		if (!run->history->with_outbox)
			return;
		side_post(run_below(run, 10), wait);
		say(run, "a row is posted, due %s", due_text(wait ? side_wall() + wait : 0));
		break;
	case ACT_PAUSE:
		set_state(run, CAMPAIGN_RUNNING, CAMPAIGN_PAUSED);
		break;
	case ACT_RESUME:
		set_state(run, CAMPAIGN_PAUSED, CAMPAIGN_RUNNING);
		break;
	case ACT_CANCEL:
		set_state(run, CAMPAIGN_RUNNING, CAMPAIGN_CANCELLED);
		break;
	case ACT_UNSUBSCRIBE:
		side_unsubscribe(person);
		say(run, "%u unsubscribes", person);
		break;
	default:
		side_suppress(person);
		say(run, "%u is suppressed", person);
	}
}

/* Outcomes that are written down and not settled yet have times, too. */
void run_pass(struct run *run, usec span)
{
	side_pass(span);
	run->passed += span;
	for (unsigned i = 0; i <= HISTORY_ENGINES && side_moves_times; i++) {
		struct actor *a = &run->actors[i];
		for (uint64_t k = a->settled; k < a->journal_count; k++) {
			a->journal[k].at_wall -= span;
			a->journal[k].due_wall -= a->journal[k].due_wall ? span : 0;
		}
	}
}

/* One has slept too long and wakes as if nothing had happened, while another has taken what was
 * its own. */
static void oversleep(struct run *run, unsigned awake)
{
	struct actor *sleeper = NULL, *other = NULL;
	for (unsigned i = 0; i < run->history->engine_count; i++) {
		struct actor *a = &run->actors[i];
		if (a->process.store && awake & 1u << i)
			other = a;
		else if (a->process.store && a->process.held_count > 0)
			sleeper = a;
	}
	if (!sleeper || !other)
		return;
	for (unsigned i = 0; i < 4 && other->process.store; i++)
		actor_lease(run, other, VIEW_NONE);
	if (run_below(run, 3))
		actor_mark(run, sleeper, SLICE_LIMIT);
	else
		actor_settle(run, sleeper, SLICE_LIMIT);
}

static void pass(struct run *run)
{
	static const usec spans[] = {2 * USEC_SECOND, 40 * USEC_SECOND, 40 * USEC_SECOND,
				     2 * USEC_HOUR,   2 * USEC_HOUR,	25 * USEC_HOUR};
	usec span = spans[run_below(run, 6)];
	unsigned awake = run_below(run, 2) ? UINT32_MAX : run_below(run, 1 << HISTORY_ENGINES);
	run_pass(run, span);
	say(run, "%lld s pass", (long long)(span / USEC_SECOND));
	for (unsigned i = 0; i < run->history->engine_count; i++)
		if (run->actors[i].process.store && awake & 1u << i)
			actor_heartbeat(run, &run->actors[i]);
	if (run_below(run, 2))
		oversleep(run, awake);
}

/* An engine comes back from the dead, a day later: what it had started was given up by another,
 * which is about to try it again, where policy says so. */
static void come_back(struct run *run, struct actor *a)
{
	struct actor *other = NULL;
	for (unsigned i = 0; i < run->history->engine_count; i++)
		if (run->actors[i].process.store && &run->actors[i] != a)
			other = &run->actors[i];
	if (!a->process.store || a->process.held_count == 0 || !other)
		return;
	actor_mark(run, a, SLICE_LIMIT);
	run_pass(run, 25 * USEC_HOUR);
	say(run, "%s stands still for 25 hours", a->name);
	if (other->process.store)
		actor_heartbeat(run, other);
	for (unsigned i = 0; i < 6 && other->process.store; i++)
		actor_lease(run, other, VIEW_NONE);
	for (unsigned i = 0; i < 2 && other->process.store; i++)
		actor_claim_due(run, other, VIEW_NONE);
	if (a->process.store)
		actor_settle(run, a, SLICE_LIMIT);
	for (unsigned i = 0; i < 4 && other->process.store; i++)
		actor_lease(run, other, VIEW_NONE);
}

void run_act(struct run *run, const struct act *act, unsigned number)
{
	struct actor *a = &run->actors[act->engine];
	begin_act(run, act, number);
	if (act->kind == ACT_NONE)
		return;
	run->act_hits[act->kind]++;
	if (act->kind == ACT_PASS)
		pass(run);
	else if (act->kind == ACT_COME_BACK)
		come_back(run, a);
	else if (act->kind >= ACT_POST)
		by_people(run);
	else if (act->kind == ACT_JOIN)
		actor_join(run, a);
	else if (act->kind == ACT_GHOST && a->ghost.store)
		actor_ghost(run, a);
	else if (act->kind != ACT_GHOST && a->process.store)
		by_engine(run, a);
}

void run_begin(struct run *run, const struct history *h, FILE *out)
{
	run->history = h;
	run->out = out;
	run->slice_count = 0;
	run->serial = 0;
	run->passed = 0;
	run->is_ending = false;
	memset(run->actors, 0, sizeof(run->actors));
	memset(run->marked, 0, sizeof(run->marked));
	arena_init(&run->arena, heap_source(), 0, 0);
	for (unsigned i = 0; i <= HISTORY_ENGINES; i++) {
		run->actors[i].index = i;
		snprintf(run->actors[i].name, sizeof(run->actors[i].name), "e%u", i + 1);
	}
}

void run_end(struct run *run)
{
	for (unsigned i = 0; i <= HISTORY_ENGINES; i++) {
		if (run->actors[i].process.store)
			side_close(run->actors[i].process.store);
		if (run->actors[i].ghost.store)
			side_close(run->actors[i].ghost.store);
	}
	arena_done(&run->arena);
}

uint64_t play(const struct history *h, FILE *out, struct run *run)
{
	uint64_t before = run->failures;
	run_begin(run, h, out);
	if (!side_begin(h)) {
		run_fail(run, "the world did not begin");
		return 1;
	}
	for (unsigned i = 0; i < h->act_count; i++) {
		run_act(run, &h->acts[i], i);
		if (i % CHECK_EVERY == CHECK_EVERY - 1)
			run_check(run);
	}
	run_check(run);
	run_dump(run);
	const struct act last = {.chance = h->seed};
	begin_act(run, &last, (unsigned)h->act_count);
	run_to_the_end(run);
	run_check(run);
	run_dump(run);
	run_end(run);
	side_end();
	return run->failures - before;
}
