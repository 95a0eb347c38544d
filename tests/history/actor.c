/* actor.c - the model of an engine: what it asks of the store, and what it keeps of the
 * answers. Outcomes and the journal are actor_settle.c's. */
#include "tests/history/run.h"

#include <string.h>

#define LOOK_EVERY (5 * USEC_SECOND) /* as engine/store/claim.c: a sixth of a lease */
#define WHO(p) .request.on_done = ask_done, .engine_id = (p)->engine_id, .epoch = (p)->epoch

/* The engine is told that it is not the one any more, or it died with an answer. */
static void end_process(struct process *p)
{
	side_close(p->store);
	*p = (struct process){};
}

static bool lives(struct run *run, struct actor *a, int result)
{
	if (run->died) {
		run->died = false;
		say(run, "%s dies", a->name);
		actor_crash(run, a);
		return false;
	}
	if (result == STORE_FENCED) {
		end_process(&a->process);
		return false;
	}
	return true;
}

/* ---- beginning and ending ---- */

static bool recover(struct run *run, struct actor *a)
{
	for (unsigned i = 0; i < ASK_LIMIT; i++) {
		struct store_recover r = {WHO(&a->process), .trust_marks = a->journal_is_lost};
		int result = ASK(run, a->process.store, store_recover, &r);
		say(run, "%s recover%s: %s", a->name,
		    a->journal_is_lost ? " without its journal" : "", result_name(result));
		if (!lives(run, a, result))
			return false;
		if (result == STORE_OK) {
			a->journal_is_lost = false;
			return true;
		}
	}
	run_fail(run, "%s never recovers", a->name);
	return false;
}

static bool ask_join(struct run *run, struct actor *a)
{
	for (unsigned i = 0; i < ASK_LIMIT; i++) {
		struct store_join r = {.request.on_done = ask_done, .name = str_of(a->name)};
		int result = ASK(run, a->process.store, store_join, &r);
		say(run, "%s join: %s", a->name, result_name(result));
		if (!lives(run, a, result))
			return false;
		if (result != STORE_OK)
			continue;
		a->process.engine_id = r.ret_engine_id;
		a->process.epoch = r.ret_epoch;
		say(run, "%s has position %llu", a->name, (unsigned long long)r.ret_position);
		if (r.ret_position < a->settled)
			run_fail(run, "the position went back");
		a->settled = r.ret_position;
		if (a->settled > a->journal_count)
			run_fail(run, "more is settled than stood in the journal");
		if (a->journal_is_lost)
			a->journal_count = a->settled;
		return true;
	}
	run_fail(run, "%s never joins", a->name);
	return false;
}

/* As the real one: join, replay, settle, recover; only then is anything leased. */
void actor_join(struct run *run, struct actor *a)
{
	if (a->process.store) {
		if (a->ghost.store)
			end_process(&a->ghost);
		a->ghost = a->process;
		a->process = (struct process){};
	}
	a->process.store = side_open();
	if (!ask_join(run, a))
		return;
	journal_dots(run, a);
	for (unsigned i = 0; i < JOURNAL_LIMIT && a->settled < a->journal_count; i++)
		if (!actor_settle(run, a, 0))
			return;
	recover(run, a);
}

/* What had left and was not answered is in the journal; the memory is gone. */
void actor_crash(struct run *run, struct actor *a)
{
	if (!a->process.store)
		return;
	for (size_t i = 0; i < a->process.held_count; i++)
		for (size_t k = 0; k < a->process.held[i].count; k++) {
			const struct held *h = &a->process.held[i];
			const struct recipient *r = &h->recipients[k];
			if (r->fate != FATE_MARKED || run_below(run, 3) > 0 ||
			    a->dot_count == SLICE_LIMIT)
				continue;
			a->dots[a->dot_count++] = (struct store_outcome){
				.campaign_id = h->campaign_id,
				.slice_id = h->slice_id,
				.subscriber_id = r->id,
				.attempt = r->attempts + 1,
				.first_wall = r->first_wall,
			};
		}
	if (run_below(run, 4) == 0) {
		say(run, "%s loses its journal", a->name);
		a->journal_is_lost = true;
		run->state_hits[HIT_JOURNAL_LOST]++;
		a->dot_count = 0;
	}
	end_process(&a->process);
}

void actor_leave(struct run *run, struct actor *a)
{
	for (unsigned i = 0; i < ASK_LIMIT && a->settled < a->journal_count; i++)
		if (!actor_settle(run, a, 0))
			return;
	for (unsigned i = 0; i < ASK_LIMIT; i++) {
		struct store_leave r = {WHO(&a->process)};
		int result = ASK(run, a->process.store, store_leave, &r);
		say(run, "%s leave: %s", a->name, result_name(result));
		if (!lives(run, a, result))
			return;
		if (result != STORE_OK)
			continue;
		/* What it had marked and not begun is nobody's secret: it has no dots. */
		end_process(&a->process);
		return;
	}
	run_fail(run, "%s cannot leave", a->name);
}

/* ---- staying alive ---- */

static struct held *held_of(struct process *p, uint64_t slice_id)
{
	for (size_t i = 0; i < p->held_count; i++)
		if (p->held[i].slice_id == slice_id)
			return &p->held[i];
	return NULL;
}

/* They are told in no order; here they have one. */
static void say_lost(struct run *run, struct actor *a, uint64_t *slices, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k > 0 && slices[k - 1] > slices[k]; k--) {
			uint64_t later = slices[k - 1];
			slices[k - 1] = slices[k];
			slices[k] = later;
		}
	for (size_t i = 0; i < count; i++) {
		struct held *h = held_of(&a->process, slices[i]);
		say(run, "%s lost s%u%s", a->name, slice_number(run, slices[i]),
		    h ? "" : ", which it does not know");
		if (h)
			h->is_lost = true;
		run->state_hits[HIT_LOST_TOLD]++;
	}
}

void actor_heartbeat(struct run *run, struct actor *a)
{
	static const str sources[3] = {{"out1", 4}, {"out2", 4}, {"out3", 4}};
	size_t count = run_below(run, 4);
	struct store_heartbeat r = {WHO(&a->process),
				    .sources = sources,
				    .source_count = count,
				    .arena = &run->arena};
	int result = ASK(run, a->process.store, store_heartbeat, &r);
	say(run, "%s heartbeat: %s", a->name, result_name(result));
	if (!lives(run, a, result) || result != STORE_OK)
		return;
	for (size_t i = 0; i < count; i++)
		say(run, "%s source %zu: %s%.*s", a->name, i + 1,
		    r.ret_held[i] ? "held" : "of ",
		    STR_FORMAT(r.ret_held[i] ? STR("") : r.ret_holders[i]));
	say_lost(run, a, r.ret_lost_slices, r.ret_lost_count);
}

static void stop_person(struct process *p, uint64_t id, uint64_t campaign_id)
{
	for (size_t i = 0; i < p->held_count; i++)
		for (size_t k = 0; k < p->held[i].count; k++)
			if (p->held[i].recipients[k].id == id &&
			    (campaign_id == 0 || campaign_id == p->held[i].campaign_id))
				p->held[i].recipients[k].stopped = true;
}

static void take_stop(struct run *run, struct actor *a, const struct store_stop *stop)
{
	struct process *p = &a->process;
	unsigned campaign = stop->campaign_id ? side_campaign_number(stop->campaign_id) : 0;
	char where[16] = "";
	if (stop->campaign_id)
		snprintf(where, sizeof(where), " c%u", campaign);
	if (stop->kind == STOP_SUBSCRIBER) {
		say(run, "%s hears: %u%s %s", a->name, side_number(stop->subscriber_id), where,
		    stop->reason ? stop->reason : "?");
		stop_person(p, stop->subscriber_id, stop->campaign_id);
		return;
	}
	say(run, "%s hears: kind %d%s", a->name, (int)stop->kind, where);
	if (stop->kind == STOP_PAUSE || stop->kind == STOP_RESUME)
		p->paused[campaign] = stop->kind == STOP_PAUSE;
	if (stop->kind == STOP_CANCEL)
		p->cancelled[campaign] = true;
}

/* Those that one settlement made have no order among them; here they have. */
static void sort_stops(struct store_stop *stops, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k > 0; k--) {
			struct store_stop *x = &stops[k - 1], *y = &stops[k], t = *y;
			if (x->kind != STOP_SUBSCRIBER || y->kind != STOP_SUBSCRIBER ||
			    x->subscriber_id <= y->subscriber_id)
				break;
			*y = *x;
			*x = t;
		}
}

void actor_feed(struct run *run, struct actor *a)
{
	struct store_stop_feed r = {
		WHO(&a->process), .after_number = a->process.seen, .arena = &run->arena};
	int result = ASK(run, a->process.store, store_stop_feed, &r);
	say(run, "%s feed: %s", a->name, result_name(result));
	if (!lives(run, a, result) || result != STORE_OK)
		return;
	for (size_t i = 0; i < r.ret_count; i++)
		if (r.ret_stops[i].number > a->process.seen)
			a->process.seen = r.ret_stops[i].number;
	sort_stops(r.ret_stops, r.ret_count);
	for (size_t i = 0; i < r.ret_count; i++)
		take_stop(run, a, &r.ret_stops[i]);
	say_lost(run, a, r.ret_lost_slices, r.ret_lost_count);
}

/* ---- work ---- */

void actor_cut(struct run *run, struct actor *a, unsigned campaign, uint32_t limit)
{
	struct store_cut r = {.request.on_done = ask_done,
			      .campaign_id = side_campaign(campaign),
			      .limit = limit};
	int result = ASK(run, a->process.store, store_cut, &r);
	if (result == STORE_OK)
		say(run, "%s cut c%u by %u: %u%s", a->name, campaign, limit, r.ret_count,
		    r.ret_fully_cut ? ", all" : "");
	else
		say(run, "%s cut c%u: %s", a->name, campaign, result_name(result));
	lives(run, a, result);
}

static struct held *hold(struct run *run, struct process *p, uint64_t slice_id,
			 uint64_t campaign_id, enum slice_kind kind, size_t count)
{
	if (held_of(p, slice_id))
		run_fail(run, "s%u is leased twice", slice_number(run, slice_id));
	if (count > SLICE_LIMIT || p->held_count == HELD_LIMIT) {
		run_fail(run, "more is held than there is room for");
		return NULL;
	}
	struct held *h = &p->held[p->held_count++];
	*h = (struct held){.slice_id = slice_id,
			   .campaign_id = campaign_id,
			   .kind = kind,
			   .count = count};
	return h;
}

static const char *kind_name(enum slice_kind kind)
{
	static const char *const names[] = {"audience", "retry", "remainder", "outbox"};
	return kind <= SLICE_OUTBOX ? names[kind] : "?";
}

bool actor_lease(struct run *run, struct actor *a, unsigned campaign)
{
	struct process *p = &a->process;
	struct store_lease r = {WHO(p),
				.campaign_id = campaign == VIEW_NONE ? 0
								      : side_campaign(campaign),
				.arena = &run->arena};
	if (p->held_count == HELD_LIMIT)
		return false;
	/* A look is a transaction of its own: one whose lease is to be lost does not look, nor
	 * one that looks for a lost one. */
	bool looks = run->passed >= p->look_at && run->act->mishap == MISHAP_NONE &&
		     !p->lease_is_lost;
	if (looks)
		p->look_at = run->passed + LOOK_EVERY;
	side_look(p->store, looks);
	int result = ASK_ONCE(run, p->store, store_lease, &r);
	p->lease_is_lost = result != STORE_OK;
	if (result != STORE_OK || !r.ret_slice_id)
		say(run, "%s lease: %s %s", a->name, result_name(result),
		    result == STORE_OK ? due_text(r.ret_next_due_wall) : "");
	if (!lives(run, a, result) || result != STORE_OK)
		return false;
	run->state_hits[HIT_TAKEN_OVER] += !r.ret_slice_id && r.ret_next_due_wall == 0;
	if (!r.ret_slice_id)
		return r.ret_next_due_wall == 0; /* something was taken over: ask again */
	say(run, "%s lease: s%u of c%u, %s: %s", a->name, slice_number(run, r.ret_slice_id),
	    side_campaign_number(r.ret_campaign_id), kind_name(r.ret_kind),
	    ids_text(r.ret_ids, r.ret_count));
	struct held *h =
		hold(run, p, r.ret_slice_id, r.ret_campaign_id, r.ret_kind, r.ret_count);
	for (size_t i = 0; h && i < r.ret_count; i++)
		h->recipients[i] = (struct recipient){.id = r.ret_ids[i]};
	return h != NULL;
}

static void take_recipient(struct run *run, struct actor *a, struct recipient *to,
			   const struct store_recipient *from)
{
	to->attempts = from->attempts;
	to->first_wall = from->first_wall;
	to->stopped |= from->suppressed || !from->email.data;
	if (from->attempts || from->suppressed || !from->email.data)
		say(run, "%s read %u: %u attempts%s%s", a->name, side_number(from->subscriber_id),
		    from->attempts, from->suppressed ? ", suppressed" : "",
		    from->email.data ? "" : ", gone");
}

static bool read_held(struct run *run, struct actor *a, struct held *h)
{
	uint64_t ids[SLICE_LIMIT];
	for (size_t i = 0; i < h->count; i++)
		ids[i] = h->recipients[i].id;
	struct store_read r = {.request.on_done = ask_done,
			       .campaign_id = h->campaign_id,
			       .slice_id = h->slice_id,
			       .ids = ids,
			       .count = h->count,
			       .arena = &run->arena};
	int result = ASK(run, a->process.store, store_read, &r);
	say(run, "%s read s%u: %s", a->name, slice_number(run, h->slice_id),
	    result_name(result));
	if (!lives(run, a, result) || result != STORE_OK)
		return false;
	for (size_t i = 0; i < h->count; i++)
		take_recipient(run, a, &h->recipients[i], &r.ret_recipients[i]);
	return h->is_read = true;
}

static void note_marks(struct run *run, struct held *h, const bool *chosen)
{
	unsigned slice = slice_number(run, h->slice_id);
	for (size_t i = 0; i < h->count; i++) {
		if (!chosen[i])
			continue;
		h->recipients[i].fate = FATE_MARKED;
		run->marked[slice][side_place(side_number(h->recipients[i].id))] = true;
	}
}

static bool may_start(const struct process *p, const struct held *h)
{
	unsigned campaign = side_campaign_number(h->campaign_id);
	return h->is_read && !h->is_lost && !p->paused[campaign] && !p->cancelled[campaign];
}

/* Marks up to limit recipients, in one request, of up to two slices. */
void actor_mark(struct run *run, struct actor *a, unsigned limit)
{
	struct process *p = &a->process;
	struct store_mark_slice slices[2];
	struct held *helds[2];
	uint64_t ids[2][SLICE_LIMIT];
	bool chosen[2][SLICE_LIMIT] = {};
	size_t n = 0;
	size_t first = p->held_count ? run_below(run, (unsigned)p->held_count) : 0;
	for (size_t i = 0; i < p->held_count; i++)
		if (!p->held[i].is_read && !read_held(run, a, &p->held[i]))
			return;
	for (size_t i = 0; i < p->held_count && n < 2; i++) {
		struct held *h = &p->held[(first + i) % p->held_count];
		size_t count = 0;
		for (size_t k = 0; k < h->count && may_start(p, h) && count < limit; k++)
			if (h->recipients[k].fate == FATE_WAITING && !h->recipients[k].stopped) {
				ids[n][count++] = h->recipients[k].id;
				chosen[n][k] = true;
			}
		slices[n] = (struct store_mark_slice){h->campaign_id, h->slice_id, ids[n], count};
		helds[n] = h;
		n += count > 0;
	}
	struct store_mark r = {WHO(p), .slices = slices, .slice_count = n};
	if (n == 0)
		return;
	int result = ASK(run, p->store, store_mark, &r);
	for (size_t i = 0; i < n; i++)
		say(run, "%s mark s%u: %s: %s", a->name, slice_number(run, slices[i].slice_id),
		    ids_text(ids[i], slices[i].count), result_name(result));
	for (size_t i = 0; i < n && result == STORE_OK; i++)
		note_marks(run, helds[i], chosen[i]);
	run->state_hits[HIT_MARK_REFUSED] += result == STORE_FENCED;
	if (result == STORE_FENCED && !run->died)
		actor_feed(run, a); /* is it a lease that is lost, or the name? */
	else
		lives(run, a, result);
}

/* Asked again until it is known: whoever was put back may be with somebody else by now. */
static void put_back(struct run *run, struct actor *a, struct held *h, const uint64_t *ids,
		     size_t count, usec due_wall)
{
	/* From here on they are not begun, whatever becomes of the answer. */
	for (size_t k = 0, n = 0; k < h->count; k++)
		if (n < count && h->recipients[k].id == ids[n]) {
			h->recipients[k].fate = FATE_GONE;
			n++;
		}
	for (unsigned i = 0; i < ASK_LIMIT; i++) {
		struct store_put_back r = {WHO(&a->process),
					   .campaign_id = h->campaign_id,
					   .slice_id = h->slice_id,
					   .ids = ids,
					   .count = count,
					   .due_wall = due_wall};
		int result = ASK(run, a->process.store, store_put_back, &r);
		say(run, "%s put back %s of s%u, due %s: %s", a->name, ids_text(ids, count),
		    slice_number(run, h->slice_id), due_text(due_wall), result_name(result));
		if (run->died || result == STORE_FENCED) {
			lives(run, a, result);
			return;
		}
		if (result == STORE_OK)
			return;
	}
	run_fail(run, "%s cannot put back", a->name);
}

/* Up to limit of one slice that have not begun, marked or not; all of one that is lost. */
void actor_put_back(struct run *run, struct actor *a, unsigned limit)
{
	struct process *p = &a->process;
	uint64_t ids[SLICE_LIMIT];
	size_t count = 0;
	if (p->held_count == 0)
		return;
	struct held *h = &p->held[run_below(run, (unsigned)p->held_count)];
	bool marked_too = run_below(run, 2);
	for (size_t k = 0; k < h->count && (count < limit || h->is_lost); k++)
		if (h->recipients[k].fate == FATE_WAITING ||
		    (h->recipients[k].fate == FATE_MARKED && marked_too))
			ids[count++] = h->recipients[k].id;
	usec due = run_below(run, 2)
			   ? side_wall() + (1 + run_below(run, 3)) * USEC_HOUR +
				     (usec)++run->serial * USEC_SECOND
			   : 0;
	if (count > 0)
		put_back(run, a, h, ids, count, due);
}

/* Who went in doubt by one decision is due at one time, in no order: then all are claimed. */
void actor_claim_due(struct run *run, struct actor *a, unsigned campaign)
{
	uint32_t some = 1 + run_below(run, SLICE_LIMIT);
	struct store_claim_due r = {.request.on_done = ask_done,
				    .campaign_id =
					    campaign == VIEW_NONE ? 0 : side_campaign(campaign),
				    .limit = run->history->retry_in_doubt ? SLICE_LIMIT : some};
	int result = ASK(run, a->process.store, store_claim_due, &r);
	if (result == STORE_OK)
		say(run, "%s claim due: %u, next %s", a->name, r.ret_count,
		    due_text(r.ret_next_due_wall));
	else
		say(run, "%s claim due: %s", a->name, result_name(result));
	lives(run, a, result);
}

bool actor_claim_outbox(struct run *run, struct actor *a)
{
	struct process *p = &a->process;
	const struct store_outbox_template template = {
		.campaign_id = side_campaign(run->history->campaign_count)};
	struct store_claim_outbox r = {WHO(p),
				       .templates = &template,
				       .template_count = 1,
				       .limit = 1 + run_below(run, 5),
				       .arena = &run->arena};
	uint64_t ids[SLICE_LIMIT];
	if (p->held_count == HELD_LIMIT)
		return false;
	int result = ASK_ONCE(run, p->store, store_claim_outbox, &r);
	if (!lives(run, a, result) || result != STORE_OK || !r.ret_slice_id) {
		say(run, "%s claim outbox: %s", a->name, result_name(result));
		return false;
	}
	struct held *h = hold(run, p, r.ret_slice_id, r.ret_campaign_id, SLICE_OUTBOX,
			      r.ret_count);
	for (size_t i = 0; h && i < r.ret_count; i++)
		ids[i] = r.ret_recipients[i].subscriber_id;
	if (!h)
		return false;
	say(run, "%s claim outbox: s%u: %s", a->name, slice_number(run, r.ret_slice_id),
	    ids_text(ids, r.ret_count));
	bool all[SLICE_LIMIT];
	for (size_t i = 0; i < r.ret_count; i++) {
		all[i] = true;
		h->recipients[i].id = ids[i];
		take_recipient(run, a, &h->recipients[i], &r.ret_recipients[i]);
	}
	note_marks(run, h, all); /* the claim is the mark */
	return h->is_read = true;
}

bool actor_finish(struct run *run, struct actor *a, unsigned campaign)
{
	struct store_finish r = {.request.on_done = ask_done,
				 .campaign_id = side_campaign(campaign)};
	int result = ASK(run, a->process.store, store_finish, &r);
	say(run, "%s finish c%u: %s", a->name, campaign,
	    result != STORE_OK ? result_name(result) : r.ret_finished ? "done" : "not yet");
	lives(run, a, result);
	return result == STORE_OK && r.ret_finished;
}
