/* ledger.c - batches of outcomes into the database, never lost, never twice. */
#include "engine/send/ledger.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"

/* A settlement costs a millisecond or two, whatever is in it; and what is not settled when the
 * machine never comes back is in doubt. */
#define BATCH_AGE (100 * USEC_MS)
#define RETRY_PAUSE (500 * USEC_MS)
#define SLICES_LIMIT 256 /* slices closed by one settlement */

static void on_settled(struct store_request *);
static void on_position(struct store_request *);

int ledger_init(struct ledger *ledger, struct arena_source *source, struct store *store,
		const struct limits *limits, struct carrier *carrier, uint32_t engine_id,
		uint32_t epoch, uint64_t position)
{
	*ledger = (struct ledger){
		.store = store,
		.limits = limits,
		.carrier = carrier,
		.engine_id = engine_id,
		.epoch = epoch,
		.position = position,
	};
	struct arena *arena = &ledger->arena;
	arena_init(arena, source, 1 << 20, 0);
	doorbell_init(&ledger->bell);
	ledger->batch = ARENA_ARRAY(arena, struct outcome *, limits->settle);
	ledger->rows = ARENA_ARRAY(arena, const struct store_outcome *, limits->settle);
	ledger->slices = ARENA_ARRAY(arena, struct slice *, SLICES_LIMIT);
	ledger->slice_ids = ARENA_ARRAY(arena, uint64_t, SLICES_LIMIT);
	if (!ledger->batch || !ledger->rows || !ledger->slices || !ledger->slice_ids ||
	    lane_init(&ledger->closable, arena, limits->slices) != 0 ||
	    lane_init(&ledger->settled, arena, limits->envelopes) != 0 ||
	    lane_init(&ledger->closed, arena, limits->slices) != 0)
		return -1;
	return 0;
}

void ledger_done(struct ledger *ledger)
{
	arena_done(&ledger->arena);
}

static void gather(struct ledger *ledger, usec now)
{
	bool was_empty = ledger->count + ledger->slice_count == 0;
	while (ledger->count < ledger->limits->settle) {
		struct outcome *outcome = lane_pop(&ledger->carrier->outcomes);
		if (!outcome)
			break;
		ledger->rows[ledger->count] = &outcome->row;
		ledger->batch[ledger->count++] = outcome;
	}
	while (ledger->slice_count < SLICES_LIMIT) {
		struct slice *slice = lane_pop(&ledger->closable);
		if (!slice)
			break;
		ledger->slice_ids[ledger->slice_count] = slice->id;
		ledger->slices[ledger->slice_count++] = slice;
	}
	if (was_empty && ledger->count + ledger->slice_count > 0)
		ledger->batch_since = now;
}

/* All of the batch; where the database has refused something in it, a part, and no slice is closed
 * before all is in. */
static void submit(struct ledger *ledger)
{
	size_t count = refusal_size(&ledger->refusal, ledger->count);
	ledger->request = (struct store_settle){
		.request = {.on_done = on_settled},
		.engine_id = ledger->engine_id,
		.epoch = ledger->epoch,
		.outcomes = ledger->rows,
		.count = count,
		.old_position = ledger->position,
		.new_position = count ? ledger->batch[count - 1]->position : ledger->position,
		.closed_slices = ledger->slice_ids,
		.closed_count = ledger->refusal.limit ? 0 : ledger->slice_count,
	};
	refusal_put(&ledger->refusal, &ledger->request);
	ledger->busy = true;
	store_settle(ledger->store, &ledger->request);
}

static void ask_position(struct ledger *ledger)
{
	ledger->ask = (struct store_position){
		.request = {.on_done = on_position},
		.engine_id = ledger->engine_id,
		.epoch = ledger->epoch,
	};
	ledger->busy = true;
	store_position(ledger->store, &ledger->ask);
}

/* The feeder looks for deferrals when they are due, not now and then. */
static void tell_due(const struct outcome *outcome)
{
	usec due_wall = outcome->row.due_wall;
	if (outcome->row.final || due_wall == 0)
		return;
	_Atomic int64_t *first = &outcome->envelope->campaign->settled_due_wall;
	int64_t known = atomic_load_explicit(first, memory_order_relaxed);
	while (due_wall < known &&
	       !atomic_compare_exchange_weak_explicit(
		       first, &known, due_wall, memory_order_release, memory_order_relaxed))
		;
}

/* An envelope makes room for another one, which will need an outcome: so that goes back first.
 */
static void let_go(struct ledger *ledger, size_t count, size_t slice_count)
{
	for (size_t i = 0; i < count; i++) {
		struct envelope *envelope = ledger->batch[i]->envelope;
		tell_due(ledger->batch[i]);
		lane_push(&ledger->carrier->outcomes_back, ledger->batch[i]);
		lane_push(&ledger->settled, envelope);
	}
	for (size_t i = 0; i < slice_count; i++)
		lane_push(&ledger->closed, ledger->slices[i]);
	atomic_fetch_add_explicit(&ledger->settled_count, count, memory_order_relaxed);
	atomic_store_explicit(&ledger->carrier->counts.settled_position, ledger->position,
			      memory_order_release);
	ledger->count -= count;
	ledger->slice_count -= slice_count; /* all of them, or none */
	memmove(ledger->batch, ledger->batch + count, ledger->count * sizeof(*ledger->batch));
	memmove(ledger->rows, ledger->rows + count, ledger->count * sizeof(*ledger->rows));
	if (ledger->feeder_bell)
		io_bell_ring(ledger->feeder_bell);
}

static void committed(struct ledger *ledger)
{
	ledger->position = ledger->request.new_position;
	ledger->uncertain = false;
	if (atomic_exchange(&ledger->lost, false))
		log_event(LOG_INFO, "database-back", "settling goes on");
	let_go(ledger, ledger->request.count, ledger->request.closed_count);
	refusal_settled(&ledger->refusal, ledger->count);
}

static void put_off(struct ledger *ledger, const struct store_request *request)
{
	if (!atomic_load(&ledger->lost)) {
		snprintf(ledger->why, sizeof(ledger->why), "%s", request->why);
		log_event(LOG_WARN, "settlement-failed", "why=\"%s\" outcomes=%zu kept=journal",
			  log_str(str_of(request->why)), ledger->count);
	}
	atomic_store(&ledger->lost, true);
	ledger->retry_at = 0; /* ledger_step() sets it from its own clock */
}

static void fence(struct ledger *ledger, const struct store_request *request)
{
	snprintf(ledger->why, sizeof(ledger->why), "%s", request->why);
	log_event(LOG_ERROR, "fenced", "why=\"%s\"", log_str(str_of(request->why)));
	atomic_store(&ledger->fenced, true);
}

static void on_settled(struct store_request *request)
{
	struct ledger *ledger = CHAIN_OWNER(request, struct ledger, request.request);
	ledger->busy = false;
	switch (request->result) {
	case STORE_OK:
		committed(ledger);
		return;
	case STORE_LOST: /* it may have been written: the position will tell */
	case STORE_FENCED:
		ledger->uncertain = true;
		put_off(ledger, request);
		return;
	case STORE_UNFIT:
		if (refusal_pauses(&ledger->refusal, &ledger->request))
			put_off(ledger, request);
		else
			atomic_store(&ledger->lost, false);
		return;
	default:
		put_off(ledger, request);
		return;
	}
}

/* The position in the database decides: where it would be after this batch, the batch is in;
 * where it was before, it is not. Anything else means that somebody else wrote under our name.
 */
static void on_position(struct store_request *request)
{
	struct ledger *ledger = CHAIN_OWNER(request, struct ledger, ask.request);
	ledger->busy = false;
	if (request->result == STORE_FENCED || request->result == STORE_NOT_FOUND) {
		fence(ledger, request);
	} else if (request->result != STORE_OK) {
		put_off(ledger, request);
	} else if (ledger->request.count &&
		   ledger->ask.ret_position == ledger->request.new_position) {
		committed(ledger);
	} else if (ledger->ask.ret_position == ledger->position) {
		ledger->uncertain = false;
		ledger->retry_at = 0;
	} else {
		snprintf(request->why, sizeof(request->why), "%s",
			 ledger->ask.ret_position < ledger->position
				 ? "the database has gone back to before outcomes that it had "
				   "settled (was a replica promoted that lacked them?): they "
				   "are in the journal, and the next start looks whether they "
				   "can be settled again"
				 : "the journal's position in the database is neither before "
				   "nor after the batch");
		fence(ledger, request);
	}
}

usec ledger_step(struct ledger *ledger, usec now, bool flush)
{
	if (ledger->busy || atomic_load(&ledger->fenced))
		return USEC_NEVER;
	if (atomic_load(&ledger->lost)) {
		if (ledger->retry_at == 0)
			ledger->retry_at = now + RETRY_PAUSE;
		if (now < ledger->retry_at)
			return ledger->retry_at;
		ledger->retry_at = 0;
	}
	if (ledger->uncertain) {
		ask_position(ledger);
		return now;
	}
	/* A batch that may have been written is never added to: its position would move. One of
	 * which something is refused comes to its end first. */
	if (!atomic_load(&ledger->lost) && ledger->refusal.tries == 0)
		gather(ledger, now);
	if (ledger->count + ledger->slice_count == 0) {
		atomic_store(&ledger->lost, false);
		return ledger_step_notes(ledger, now, flush);
	}
	bool full =
		ledger->count == ledger->limits->settle || ledger->slice_count == SLICES_LIMIT;
	usec due = ledger->batch_since + BATCH_AGE;
	if (!full && !flush && now < due && !atomic_load(&ledger->lost) &&
	    ledger->refusal.limit == 0)
		return usec_min(due, ledger_step_notes(ledger, now, flush));
	submit(ledger);
	return now;
}

bool ledger_idle(const struct ledger *ledger)
{
	return ledger->count == 0 && ledger->slice_count == 0 && !ledger->busy &&
	       lane_empty(&ledger->carrier->outcomes) && lane_empty(&ledger->closable) &&
	       ledger->note_count == 0 && lane_empty(&ledger->carrier->notes);
}
