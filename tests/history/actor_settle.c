/* actor_settle.c - the model of an engine's journal and ledger: outcomes are written down
 * first, and settled in batches of any size; a batch whose answer was lost is looked up by its
 * position before anything else is asked. */
#include "tests/history/run.h"

#include <string.h>

#define ATTEMPT_LIMIT 4

void held_forget(struct process *p, size_t at)
{
	p->held_count--;
	memmove(&p->held[at], &p->held[at + 1], (p->held_count - at) * sizeof(p->held[0]));
}

static void write_down(struct run *run, struct actor *a, struct store_outcome o)
{
	if (a->journal_count == JOURNAL_LIMIT) {
		run_fail(run, "the journal is full");
		return;
	}
	o.at_wall = side_wall();
	o.date_wall = o.at_wall;
	if (!o.first_wall)
		o.first_wall = o.at_wall;
	if (!o.final)
		o.due_wall = side_wall() + run_below(run, 4) * USEC_HOUR +
			     (usec)++run->serial * USEC_SECOND - USEC_HOUR;
	o.revision = 1;
	o.size = 1000;
	o.provider = o.subscriber_id % 3 ? STR("gmail") : STR("");
	o.site = STR("example.com");
	o.source = STR("out1");
	o.mx_host = STR("mx.example.com");
	a->journal[a->journal_count++] = o;
	say(run, "%s outcome %u of s%u: %s%s", a->name, side_number(o.subscriber_id),
	    slice_number(run, o.slice_id), verdict_names[o.verdict], o.final ? ", final" : "");
}

static void in_doubt(struct run *run, struct store_outcome *o)
{
	o->verdict = VERDICT_IN_DOUBT;
	o->final = !run->history->retry_in_doubt || o->subscriber_id >= STORE_OUTBOX_FIRST_ID;
	o->class = CLASS_NETWORK;
	o->cause = "crashed";
	o->stage = STAGE_END;
	o->origin = REPLY_LOCAL;
	o->code = 451;
}

static void refuse(struct run *run, struct store_outcome *o)
{
	bool dead = run_below(run, 2);
	o->verdict = VERDICT_FAILED;
	o->final = true;
	o->suppress = dead;
	o->class = dead ? CLASS_BAD_MAILBOX : CLASS_POLICY;
	o->cause = dead ? "no-such-user" : "policy";
	o->stage = STAGE_RCPT;
	o->code = 550;
	o->status = (struct status){5, 1, 1};
}

/* How an attempt ends. */
static void attempted(struct run *run, struct store_outcome *o)
{
	unsigned die = run_below(run, 10);
	o->cause = "delivered";
	o->stage = STAGE_END;
	o->code = 250;
	if (die < 5 || run->is_ending) {
		o->verdict = VERDICT_DELIVERED;
		o->final = true;
	} else if (die < 7 && o->attempt < ATTEMPT_LIMIT) {
		o->verdict = VERDICT_DEFERRED;
		o->class = CLASS_GREYLISTED;
		o->cause = "greylisted";
		o->stage = STAGE_RCPT;
		o->code = 451;
	} else if (die < 8 && o->attempt < ATTEMPT_LIMIT) {
		in_doubt(run, o);
	} else {
		refuse(run, o);
	}
}

/* Without an attempt. */
static void stopped(const struct process *p, struct store_outcome *o, const struct held *h)
{
	bool cancelled = p->cancelled[side_campaign_number(h->campaign_id)];
	o->verdict = cancelled ? VERDICT_CANCELLED : VERDICT_SUPPRESSED;
	o->cause = cancelled ? "cancelled" : "unsubscribed";
	o->final = true;
	o->origin = REPLY_LOCAL;
	o->code = 554;
	o->attempt = 0;
}

static bool ends(struct run *run, struct process *p, const struct held *h, struct recipient *r,
		 struct store_outcome *o)
{
	bool is_stopped = r->stopped || p->cancelled[side_campaign_number(h->campaign_id)];
	if (r->fate == FATE_WAITING && (!is_stopped || h->is_lost))
		return false;
	*o = (struct store_outcome){.campaign_id = h->campaign_id,
				    .slice_id = h->slice_id,
				    .subscriber_id = r->id,
				    .attempt = r->attempts + 1,
				    .first_wall = r->first_wall,
				    .text = STR("so it is")};
	/* What is marked may have been on its way when the stop came. */
	if (is_stopped && (r->fate == FATE_WAITING || run_below(run, 2)))
		stopped(p, o, h);
	else
		attempted(run, o);
	return true;
}

void journal_outcomes(struct run *run, struct actor *a, unsigned limit)
{
	struct process *p = &a->process;
	size_t first = p->held_count ? run_below(run, (unsigned)p->held_count) : 0;
	for (size_t i = 0; i < p->held_count && limit > 0; i++) {
		struct held *h = &p->held[(first + i) % p->held_count];
		for (size_t k = 0; k < h->count && limit > 0; k++) {
			struct store_outcome o;
			struct recipient *r = &h->recipients[k];
			if (r->fate == FATE_ENDED || r->fate == FATE_GONE ||
			    !ends(run, p, h, r, &o))
				continue;
			write_down(run, a, o);
			r->fate = FATE_ENDED;
			run->state_hits[HIT_LATE_OUTCOME] += h->is_lost;
			h->last_entry = a->journal_count;
			limit--;
		}
	}
}

void journal_dots(struct run *run, struct actor *a)
{
	for (size_t i = 0; i < a->dot_count; i++) {
		in_doubt(run, &a->dots[i]);
		write_down(run, a, a->dots[i]);
	}
	a->dot_count = 0;
}

/* ---- the ledger ---- */

static bool is_over(const struct held *h)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->recipients[i].fate != FATE_ENDED && h->recipients[i].fate != FATE_GONE)
			return false;
	return true;
}

static size_t closed_by(const struct process *p, uint64_t position, uint64_t *slices)
{
	size_t count = 0;
	for (size_t i = 0; i < p->held_count; i++)
		if (is_over(&p->held[i]) && p->held[i].last_entry <= position)
			slices[count++] = p->held[i].slice_id;
	return count;
}

static void settled(struct actor *a, uint64_t position, const uint64_t *closed, size_t count)
{
	struct process *p = &a->process;
	a->settled = position;
	for (size_t k = 0; k < count; k++)
		for (size_t i = p->held_count; i-- > 0;)
			if (p->held[i].slice_id == closed[k])
				held_forget(p, i);
}

static int ask_position(struct run *run, struct actor *a, uint64_t *ret)
{
	int result = STORE_LOST;
	for (unsigned i = 0; i < ASK_LIMIT && result != STORE_OK && result != STORE_FENCED &&
			     !run->died;
	     i++) {
		struct store_position r = {.request.on_done = ask_done,
					   .engine_id = a->process.engine_id,
					   .epoch = a->process.epoch};
		result = ASK(run, a->process.store, store_position, &r);
		say(run, "%s position: %s", a->name, result_name(result));
		*ret = r.ret_position;
	}
	return result;
}

static bool gone(struct run *run, struct actor *a, int result)
{
	if (!run->died && result != STORE_FENCED)
		return false;
	if (run->died) {
		run->died = false;
		say(run, "%s dies", a->name);
		actor_crash(run, a);
	} else {
		side_close(a->process.store);
		a->process = (struct process){};
	}
	return true;
}

static void say_settle(struct run *run, struct actor *a, const struct store_settle *r,
		       int result)
{
	say(run, "%s settle %llu to %llu: %s", a->name, (unsigned long long)r->old_position,
	    (unsigned long long)r->new_position, result_name(result));
	for (size_t i = 0; i < r->closed_count && result == STORE_OK; i++)
		say(run, "%s closes s%u", a->name, slice_number(run, r->closed_slices[i]));
}

/* A batch with as many outcomes as there may be, of those that wait. */
bool actor_settle(struct run *run, struct actor *a, unsigned limit)
{
	static const struct store_outcome *batch[JOURNAL_LIMIT];
	uint64_t closed[HELD_LIMIT], found;
	journal_outcomes(run, a, limit);
	uint64_t waiting = a->journal_count - a->settled;
	size_t count = waiting ? 1 + run_below(run, (unsigned)waiting) : 0;
	count = run->is_ending ? waiting : count;
	for (size_t i = 0; i < count; i++)
		batch[i] = &a->journal[a->settled + i];
	for (unsigned i = 0; i < ASK_LIMIT; i++) {
		struct store_settle r = {
			.request.on_done = ask_done,
			.engine_id = a->process.engine_id,
			.epoch = a->process.epoch,
			.outcomes = batch,
			.count = count,
			.old_position = a->settled,
			.new_position = a->settled + count,
			.closed_slices = closed,
			.closed_count = closed_by(&a->process, a->settled + count, closed)};
		if (count + r.closed_count == 0)
			return true;
		int result = ASK(run, a->process.store, store_settle, &r);
		say_settle(run, a, &r, result);
		bool sure = result == STORE_OK;
		found = r.new_position;
		if (!sure && result != STORE_FENCED && !run->died)
			result = ask_position(run, a, &found);
		if (gone(run, a, result))
			return false;
		/* A position that did not move says nothing about what was closed. */
		if (sure || (count > 0 && found == r.new_position)) {
			settled(a, found, closed, r.closed_count);
			return true;
		}
		if (found != r.old_position)
			run_fail(run, "the position is where nobody put it");
	}
	run_fail(run, "%s cannot settle", a->name);
	return false;
}
