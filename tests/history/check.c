/* check.c - what must hold of the tables at any time, on either side; how they are printed; and
 * the end of a history, at which everybody has a verdict. */
#include "tests/history/run.h"

#include <string.h>

#define ROUND_LIMIT 60

static unsigned person_at(unsigned place)
{
	return place > HISTORY_PEOPLE ? place - HISTORY_PEOPLE - 1 + SIDE_ROWS : place;
}

static bool is_live(const struct view_slice_row *s)
{
	return s->state != VIEW_SETTLED && s->state != VIEW_CANCELLED && s->state != VIEW_BURIED;
}

/* Who of a slice is still to be accounted for in it: has no outcome of it and stands in no slice
 * that was made of it. */
static void take_in(const struct view *t, size_t slice, bool *in)
{
	const struct view_slice_row *s = &t->slices[slice];
	memset(in, 0, SIDE_PLACES * sizeof(*in));
	for (uint32_t i = 0; i < s->count; i++)
		in[side_place(s->ids[i])] = true;
	for (size_t c = slice + 1; c < t->slice_count; c++)
		for (uint32_t i = 0; t->slices[c].parent == slice && i < t->slices[c].count; i++)
			in[side_place(t->slices[c].ids[i])] = false;
	for (size_t i = 0; i < t->outcome_count; i++)
		if (t->outcomes[i].slice == slice)
			in[side_place(t->outcomes[i].person)] = false;
}

struct whereabouts {
	unsigned begun, slices, waits, finals;
};

static void find_all(struct run *run, struct whereabouts *all)
{
	const struct view *t = &run->view;
	bool in[SIDE_PLACES];
	for (size_t s = 0; s < t->slice_count; s++) {
		const struct view_slice_row *row = &t->slices[s];
		for (uint32_t i = 0; i < row->count; i++)
			all[side_place(row->ids[i])].begun = 1;
		if (!is_live(row))
			continue;
		take_in(t, s, in);
		for (unsigned i = 0; i < SIDE_PLACES; i++)
			all[i].slices += in[i];
	}
	for (size_t i = 0; i < t->deferral_count; i++)
		all[side_place(t->deferrals[i].person)].waits +=
			t->deferrals[i].slice == VIEW_NONE;
	for (size_t i = 0; i < t->outcome_count; i++)
		all[side_place(t->outcomes[i].person)].finals += t->outcomes[i].final;
}

/* Who was given up with his engine is tried again where the policy says so; what that engine
 * tells late is his verdict none the less, while the other attempt goes on. */
static bool is_in_one_place(const struct whereabouts *w, bool buried)
{
	if (!buried)
		return w->slices + w->waits + w->finals == w->begun;
	return w->finals <= 1 && w->slices + w->waits <= 1 && w->slices + w->waits + w->finals > 0;
}

/* Everybody who was chosen is in one place: a slice, a deferral that waits, or the list of final
 * verdicts. */
static void check_everybody(struct run *run)
{
	static struct whereabouts all[SIDE_PLACES];
	memset(all, 0, sizeof(all));
	find_all(run, all);
	for (unsigned i = 0; i < SIDE_PLACES; i++)
		if (!is_in_one_place(&all[i], run->view.buried[i]))
			run_fail(run, "%u is in %u slices, waits %u times, has %u final verdicts",
				 person_at(i), all[i].slices, all[i].waits, all[i].finals);
}

static void check_equation(struct run *run)
{
	const struct view *t = &run->view;
	for (unsigned c = 0; c <= run->history->campaign_count; c++) {
		uint64_t suppressed = 0, finals = 0, chosen = 0;
		for (size_t i = 0; i < t->slice_count; i++) {
			const struct view_slice_row *s = &t->slices[i];
			if (s->campaign != c || (s->kind != SLICE_AUDIENCE && s->kind != SLICE_OUTBOX))
				continue;
			suppressed += s->suppressed_count;
			chosen += s->count;
		}
		for (size_t i = 0; i < t->outcome_count; i++)
			finals += t->outcomes[i].campaign == c && t->outcomes[i].final;
		if (t->tallies[c].targeted != suppressed + chosen)
			run_fail(run, "c%u: %llu targeted, %llu in its slices", c,
				 (unsigned long long)t->tallies[c].targeted,
				 (unsigned long long)(suppressed + chosen));
		if (t->tallies[c].final != suppressed + finals)
			run_fail(run, "c%u: %llu tallied as final, %llu outcomes are", c,
				 (unsigned long long)t->tallies[c].final,
				 (unsigned long long)(suppressed + finals));
		if (t->tallies[c].state == CAMPAIGN_FINISHED &&
		    t->tallies[c].targeted != t->tallies[c].final)
			run_fail(run, "c%u has finished: %llu targeted, %llu final", c,
				 (unsigned long long)t->tallies[c].targeted,
				 (unsigned long long)t->tallies[c].final);
	}
}

/* A mark that was answered stands until its slice is settled, and not longer. */
static void check_marks(struct run *run)
{
	static bool stands[VIEW_SLICES][SIDE_PLACES];
	const struct view *t = &run->view;
	memset(stands, 0, sizeof(stands));
	for (size_t i = 0; i < t->mark_count; i++)
		stands[t->marks[i].slice][side_place(t->marks[i].person)] = true;
	for (size_t s = 0; s < t->slice_count; s++) {
		const struct view_slice_row *row = &t->slices[s];
		bool held = row->state == VIEW_LEASED || row->state == VIEW_ORPHANED;
		unsigned seen = slice_number(run, row->id);
		for (unsigned i = 0; i < SIDE_PLACES; i++) {
			if (held && run->marked[seen][i] && !stands[s][i])
				run_fail(run, "the mark of %u in slice #%zu is lost", person_at(i), s);
			if (!held && stands[s][i])
				run_fail(run, "a mark of %u is left in slice #%zu", person_at(i), s);
		}
	}
}

void run_check_view(struct run *run)
{
	side_view(&run->view);
	check_everybody(run);
	check_equation(run);
}

void run_check(struct run *run)
{
	run_check_view(run);
	check_marks(run);
}

/* ---- printing ---- */

static const char *people_text(const uint32_t *ids, size_t count)
{
	static char text[1024];
	size_t size = 0;
	text[0] = 0;
	for (size_t i = 0; i < count && size + 24 < sizeof(text); i++)
		size += (size_t)snprintf(text + size, sizeof(text) - size, " %u", ids[i]);
	return text;
}

static void dump_slices(struct run *run)
{
	static const char *const states[] = {"open",      "leased",  "settled", "cancelled",
					     "orphaned", "waiting", "buried"};
	const struct view *t = &run->view;
	for (size_t i = 0; i < t->slice_count; i++) {
		const struct view_slice_row *s = &t->slices[i];
		bool held = s->state == VIEW_LEASED || s->state == VIEW_ORPHANED;
		say(run, "slice #%zu of c%u: kind %u, %s, parent %d, %u suppressed%s%s:%s", i,
		    s->campaign, s->kind, states[s->state], (int)s->parent, s->suppressed_count,
		    held ? ", of " : "", held ? t->engines[s->engine].name : "",
		    people_text(s->ids, s->count));
		if (s->state == VIEW_OPEN)
			say(run, "slice #%zu is due %s", i, due_text(s->due_wall));
	}
}

static void dump_people(struct run *run)
{
	const struct view *t = &run->view;
	for (unsigned i = 0; i < SIDE_PLACES; i++) {
		unsigned count = 0, doubts = 0, final = 0;
		for (size_t k = 0; k < t->outcome_count; k++) {
			const struct view_outcome *o = &t->outcomes[k];
			if (side_place(o->person) != i)
				continue;
			count++;
			doubts += o->verdict == VERDICT_IN_DOUBT;
			final = o->final ? o->verdict : final;
		}
		if (count > 0)
			say(run, "person %u: %u outcomes, %u in doubt, %s", person_at(i), count,
			    doubts, verdict_names[final]);
	}
	for (size_t i = 0; i < t->deferral_count; i++) {
		const struct view_deferral *d = &t->deferrals[i];
		bool buried = t->buried[side_place(d->person)];
		say(run, "person %u: %s after %u attempts, slice %d%s%s", d->person,
		    buried ? "buried" : verdict_names[d->verdict], d->attempts, (int)d->slice,
		    d->slice == VIEW_NONE ? ", due " : "",
		    d->slice == VIEW_NONE ? due_text(d->due_wall) : "");
	}
}

void run_dump(struct run *run)
{
	const struct view *t = &run->view;
	dump_slices(run);
	dump_people(run);
	for (size_t i = 0; i < t->mark_count; i++)
		say(run, "mark in #%u: %u", t->marks[i].slice, t->marks[i].person);
	for (unsigned c = 0; c <= run->history->campaign_count; c++) {
		const struct view_tally *y = &t->tallies[c];
		say(run, "c%u: %s, %llu targeted, %llu final", c, campaign_state_names[y->state],
		    (unsigned long long)y->targeted, (unsigned long long)y->final);
		for (unsigned v = 0; v < VERDICT_COUNT; v++)
			if (y->by_verdict[v][0] + y->by_verdict[v][1] > 0)
				say(run, "c%u: %s %llu and %llu final", c, verdict_names[v],
				    (unsigned long long)y->by_verdict[v][0],
				    (unsigned long long)y->by_verdict[v][1]);
	}
	for (size_t i = 0; i < t->engine_count; i++)
		say(run, "engine %s: epoch %u, position %llu", t->engines[i].name,
		    t->engines[i].epoch, (unsigned long long)t->engines[i].position);
}

/* ---- the end ---- */

/* An engine that is there ends what it has begun, or vanishes for good. */
static void wind_up(struct run *run, struct actor *a)
{
	if (run_below(run, 3) == 0) {
		actor_crash(run, a);
		return;
	}
	actor_feed(run, a);
	for (unsigned i = 0; i < 4 * HELD_LIMIT && a->process.store && a->process.held_count; i++) {
		if (i % 2)
			actor_settle(run, a, 2 * SLICE_LIMIT);
		else
			actor_put_back(run, a, SLICE_LIMIT);
	}
	if (a->process.store)
		actor_leave(run, a);
}

static bool all_finished(struct run *run)
{
	for (unsigned c = 0; c < run->history->campaign_count; c++)
		if (!actor_finish(run, &run->actors[HISTORY_ENGINES], c))
			return false;
	return true;
}

/* Whether anything was there to do. */
static bool work_off(struct run *run, struct actor *a)
{
	actor_claim_due(run, a, VIEW_NONE);
	if (run->history->with_outbox)
		actor_claim_outbox(run, a);
	for (unsigned i = 0; i < 4 * HELD_LIMIT && actor_lease(run, a, VIEW_NONE); i++)
		;
	bool busy = a->process.held_count > 0;
	if (busy)
		actor_feed(run, a);
	for (unsigned i = 0; i < HELD_LIMIT && a->process.held_count > 0; i++) {
		actor_mark(run, a, SLICE_LIMIT);
		actor_settle(run, a, HELD_LIMIT * SLICE_LIMIT);
	}
	return busy;
}

static bool is_idle(const struct run *run)
{
	for (size_t i = 0; i < run->view.slice_count; i++)
		if (is_live(&run->view.slices[i]))
			return false;
	return run->view.deferral_count == 0;
}

void run_to_the_end(struct run *run)
{
	struct actor *last = &run->actors[HISTORY_ENGINES];
	for (unsigned c = 0; c < run->history->campaign_count; c++)
		if (side_state(c) == CAMPAIGN_PAUSED)
			side_set_state(c, CAMPAIGN_RUNNING);
	for (unsigned i = 0; i < run->history->engine_count; i++)
		if (run->actors[i].process.store)
			wind_up(run, &run->actors[i]);
	run->is_ending = true;
	actor_join(run, last);
	for (unsigned i = 0; i < 3 * run->history->campaign_count; i++)
		actor_cut(run, last, i % run->history->campaign_count, SLICE_LIMIT);
	for (unsigned i = 0; i < ROUND_LIMIT; i++) {
		arena_reset(&run->arena);
		if (work_off(run, last))
			continue;
		side_view(&run->view);
		if (all_finished(run) && is_idle(run))
			return;
		run_pass(run, 26 * USEC_HOUR);
		actor_heartbeat(run, last);
	}
	run_fail(run, "the campaigns do not end");
}
