/* feeder_slice.c - a slice's life: cut, leased, read, in memory, put back or settled, closed.
 */
#include "engine/send/feeder.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/send/first_check.h"

#define SLICE_BLOCK (32 * 1024)
#define CUT_AHEAD 2
#define LOOK_LIMIT USEC_SECOND
#define LOOK_LEAST (20 * USEC_MS)
#define POLL_INTERVAL (250 * USEC_MS) /* between tries to finish */
#define PUT_BACK_DELAY (60 * USEC_SECOND)
#define PUT_BACK_HELD (15 * USEC_MINUTE) /* made due by incident_resolve() of sql/0008 */
#define FIRST_CHECKS 10 /* recipients tried for it */
#define PUT_BACK_GATHER (100 * USEC_MS)

static void on_cut(struct store_request *);
static void on_lease(struct store_request *);
static void on_excess(struct store_request *);
static void on_read(struct store_request *);
static void on_due(struct store_request *);
static void on_put_back(struct store_request *);
static void on_finish(struct store_request *);

/* When to look again, something being due then (wall clock): not much later, and at least once
 * in a while, because what was settled meanwhile may be due earlier. */
static usec next_look(const struct feeder *feeder, usec due_wall)
{
	usec wait = due_wall == USEC_NEVER ? LOOK_LIMIT : due_wall - io_wall_now(feeder->loop);
	wait = usec_max(usec_min(wait, LOOK_LIMIT), LOOK_LEAST);
	return io_now(feeder->loop) + wait;
}

static void submit_cut(struct feeder *feeder)
{
	feeder->cut = (struct store_cut){
		.request = {.on_done = on_cut},
		.campaign_id = feeder->content->campaign_id,
		.limit = feeder->first_cut_done ? feeder->limits->slice
						: feeder->limits->first_slice,
	};
	feeder->cut_busy = true;
	store_cut(feeder->work, &feeder->cut);
}

static void on_cut(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, cut.request);
	feeder->cut_busy = false;
	if (request->result != STORE_OK) {
		feeder_failed(feeder, request, &feeder->cut_at);
		return;
	}
	feeder->database_lost = false;
	feeder->first_cut_done = true;
	feeder->fully_cut = feeder->cut.ret_fully_cut;
	feeder->targeted_count += feeder->cut.ret_count;
	if (feeder->cut.ret_slice_id) {
		feeder->cut_ahead++;
		feeder->lease_at = 0;
	}
}

static void submit_lease(struct feeder *feeder)
{
	struct slice *slice = slab_borrow(&feeder->slice_slab);
	if (!slice)
		return;
	*slice = (struct slice){.content = feeder->content};
	arena_init(&slice->arena, feeder->source, SLICE_BLOCK, 0);
	chain_init(&slice->put_back);
	feeder->reading = slice;
	feeder->lease = (struct store_lease){
		.request = {.on_done = on_lease},
		.engine_id = feeder->engine_id,
		.epoch = feeder->epoch,
		.campaign_id = feeder->content->campaign_id,
		.arena = &slice->arena,
	};
	feeder->lease_busy = true;
	store_lease(feeder->work, &feeder->lease);
}

static void forget_reading(struct feeder *feeder)
{
	arena_done(&feeder->reading->arena);
	slab_give_back(&feeder->slice_slab, feeder->reading);
	feeder->reading = NULL;
}

static void submit_read(struct feeder *feeder)
{
	const struct content *content = feeder->content;
	feeder->read = (struct store_read){
		.request = {.on_done = on_read},
		.campaign_id = content->campaign_id,
		.slice_id = feeder->reading->id,
		.ids = feeder->lease.ret_ids,
		.count = feeder->lease.ret_count,
		.fields = content->fields,
		.field_count = content->field_count,
		.arena = &feeder->reading->arena,
	};
	feeder->read_busy = true;
	store_read(feeder->work, &feeder->read);
}

/* A slice may be larger than there is room: cut by an engine with more memory, or by this one
 * before its settings changed. What is too much becomes a slice of its own again. */
static void submit_excess(struct feeder *feeder)
{
	const struct slice *slice = feeder->reading;
	feeder->excess = (struct store_put_back){
		.request = {.on_done = on_excess},
		.engine_id = feeder->engine_id,
		.epoch = feeder->epoch,
		.campaign_id = feeder->content->campaign_id,
		.slice_id = slice->id,
		.ids = feeder->lease.ret_ids + slice->count,
		.count = feeder->lease.ret_count - slice->count,
	};
	feeder->read_busy = true;
	store_put_back(feeder->work, &feeder->excess);
}

static void on_excess(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, excess.request);
	feeder->read_busy = false;
	if (request->result != STORE_OK) {
		feeder_failed(feeder, request, &feeder->read_at);
		return;
	}
	feeder->lease.ret_count = feeder->reading->count;
	submit_read(feeder);
}

static void read_or_shorten(struct feeder *feeder)
{
	if (feeder->lease.ret_count > feeder->reading->count)
		submit_excess(feeder);
	else
		submit_read(feeder);
}

static void on_lease(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, lease.request);
	feeder->lease_busy = false;
	if (request->result != STORE_OK) {
		forget_reading(feeder);
		feeder_failed(feeder, request, &feeder->lease_at);
		return;
	}
	feeder->database_lost = false;
	if (feeder->lease.ret_slice_id == 0) {
		forget_reading(feeder);
		feeder->lease_at = next_look(feeder, feeder->lease.ret_next_due_wall);
		feeder->nothing_open = true;
		return;
	}
	feeder->nothing_open = false;
	if (feeder->cut_ahead > 0)
		feeder->cut_ahead--;
	struct slice *slice = feeder->reading;
	slice->id = feeder->lease.ret_slice_id;
	slice->kind = feeder->lease.ret_kind;
	size_t room = feeder->limits->envelopes - feeder->admitted_count;
	slice->count = feeder->lease.ret_count < room ? feeder->lease.ret_count : room;
	slice->open_count = slice->count;
	slice->leased_at = io_now(feeder->loop);
	feeder->admitted_count += slice->count;
	chain_push_back(&feeder->slices, &slice->link);
	read_or_shorten(feeder);
}

/* A recipient whose rendering fails proves nothing about the signature: ask the next. */
static bool check_first(struct feeder *feeder, struct slice *slice)
{
	for (size_t i = 0; i < slice->count && i < FIRST_CHECKS && !feeder->first_checked;
	     i++) {
		if (!slice->recipients[i].email.data)
			continue;
		slice->envelopes[i].date_wall = io_wall_now(feeder->loop);
		int result = first_check(feeder->settings, feeder->published, feeder->source,
					 &slice->envelopes[i], feeder->trouble,
					 sizeof(feeder->trouble));
		slice->envelopes[i].date_wall = 0;
		if (result < 0)
			return false;
		feeder->trouble[0] = '\0';
		feeder->first_checked = result == 0;
	}
	return true;
}

static void on_read(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, read.request);
	struct slice *slice = feeder->reading;
	feeder->read_busy = false;
	if (request->result != STORE_OK) {
		feeder_failed(feeder, request, &feeder->read_at);
		return;
	}
	feeder->database_lost = false;
	feeder->reading = NULL;
	slice->recipients = feeder->read.ret_recipients;
	slice->envelopes = ARENA_ARRAY(&slice->arena, struct envelope, slice->count);
	ASSERT(slice->envelopes || slice->count == 0);
	for (size_t i = 0; i < slice->count; i++) {
		chain_link_init(&slice->envelopes[i].link);
		slice->envelopes[i].slice = slice;
		slice->envelopes[i].content = slice->content;
		slice->envelopes[i].recipient = &slice->recipients[i];
	}
	if (slice->count == 0)
		feeder_settled(feeder, slice, 0);
	else if (check_first(feeder, slice))
		feeder_route_slice(feeder, slice);
	else
		for (size_t i = 0; i < slice->count; i++) /* nothing leaves */
			feeder_returned(feeder, &slice->envelopes[i]);
}

static void submit_due(struct feeder *feeder)
{
	feeder->due = (struct store_claim_due){
		.request = {.on_done = on_due},
		.campaign_id = feeder->content->campaign_id,
		.limit = feeder->limits->slice,
	};
	feeder->due_busy = true;
	store_claim_due(feeder->work, &feeder->due);
}

static void on_due(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, due.request);
	feeder->due_busy = false;
	if (request->result != STORE_OK) {
		feeder_failed(feeder, request, &feeder->due_at);
		return;
	}
	feeder->next_due_wall = feeder->due.ret_next_due_wall;
	if (feeder->due.ret_count > 0)
		feeder->lease_at = feeder->due_at = 0;
	else
		feeder->due_at = next_look(feeder, feeder->next_due_wall);
}

static int by_id(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return a < b ? -1 : a > b;
}

/* A put-back keeps its ids until it is done: after a lost connection it is asked for again, and
 * the statement ignores ids that already stand in another slice (engine/store/claim.c). */
static void submit_put_back(struct feeder *feeder, struct slice *slice)
{
	size_t count = slice->put_back.count;
	arena_reset(&feeder->work_arena);
	uint64_t *ids = ARENA_ARRAY(&feeder->work_arena, uint64_t, count);
	if (!ids)
		return;
	struct chain_link *link = chain_first(&slice->put_back);
	bool now = feeder->draining || feeder->paused || feeder->cancelled, held = true;
	for (size_t i = 0; i < count; i++, link = chain_next(&slice->put_back, link)) {
		const struct envelope *envelope = CHAIN_OWNER(link, struct envelope, link);
		ids[i] = envelope->recipient->subscriber_id;
		now |= envelope->soon;
		held &= envelope->held;
	}
	qsort(ids, count, sizeof(*ids), by_id);
	feeder->put_back = (struct store_put_back){
		.request = {.on_done = on_put_back},
		.engine_id = feeder->engine_id,
		.epoch = feeder->epoch,
		.campaign_id = feeder->content->campaign_id,
		.slice_id = slice->id,
		.ids = ids,
		.count = count,
		.due_wall = now ? 0
				: io_wall_now(feeder->loop) +
					  (held ? PUT_BACK_HELD : PUT_BACK_DELAY),
	};
	feeder->returning = slice;
	feeder->put_back_busy = true;
	store_put_back(feeder->work, &feeder->put_back);
}

static void on_put_back(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, put_back.request);
	struct slice *slice = feeder->returning;
	feeder->put_back_busy = false;
	/* Fenced: the slice is somebody else's by now, with all that was never marked. */
	if (request->result != STORE_OK &&
	    !(request->result == STORE_FENCED && feeder->draining)) {
		feeder_failed(feeder, request, &feeder->put_back_at);
		return;
	}
	feeder->database_lost = false;
	for (size_t i = 0; i < feeder->put_back.count; i++)
		chain_pop(&slice->put_back);
	feeder->returned_count -= feeder->put_back.count;
	feeder->lease_at =
		usec_min(feeder->lease_at, next_look(feeder, feeder->put_back.due_wall));
	feeder_settled(feeder, slice, feeder->put_back.count);
}

void feeder_returned(struct feeder *feeder, struct envelope *envelope)
{
	struct slice *slice = envelope->slice;
	if (feeder->returned_count++ == 0)
		feeder->put_back_at = io_now(feeder->loop) + PUT_BACK_GATHER;
	chain_push_back(&slice->put_back, &envelope->link);
}

void feeder_settled(struct feeder *feeder, struct slice *slice, size_t count)
{
	ASSERT(slice->open_count >= count);
	slice->open_count -= count;
	feeder->admitted_count -= count;
	if (slice->open_count > 0)
		return;
	lane_push(&feeder->ledger->closable, slice);
	doorbell_ring(&feeder->ledger->bell);
}

void feeder_slice_free(struct feeder *feeder, struct slice *slice)
{
	chain_remove(&feeder->slices, &slice->link);
	arena_done(&slice->arena);
	slab_give_back(&feeder->slice_slab, slice);
}

static void submit_finish(struct feeder *feeder)
{
	feeder->finish = (struct store_finish){
		.request = {.on_done = on_finish},
		.campaign_id = feeder->content->campaign_id,
	};
	feeder->finish_busy = true;
	store_finish(feeder->work, &feeder->finish);
}

static void on_finish(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, finish.request);
	feeder->finish_busy = false;
	feeder->finish_at = io_now(feeder->loop) + POLL_INTERVAL;
	if (request->result != STORE_OK) {
		feeder_failed(feeder, request, &feeder->finish_at);
	} else if (feeder->finish.ret_finished) {
		feeder->ended = true;
		feeder->stop_at = 0;
	}
}

static struct slice *slice_to_put_back(struct feeder *feeder)
{
	struct chain_link *link = chain_first(&feeder->slices);
	for (; link; link = chain_next(&feeder->slices, link)) {
		struct slice *slice = CHAIN_OWNER(link, struct slice, link);
		if (!chain_empty(&slice->put_back))
			return slice;
	}
	return NULL;
}

static usec work_put_back(struct feeder *feeder, usec now)
{
	if (feeder->put_back_busy || feeder->returned_count == 0)
		return USEC_NEVER;
	if (now < feeder->put_back_at)
		return feeder->put_back_at;
	struct slice *slice = slice_to_put_back(feeder);
	ASSERT(slice);
	submit_put_back(feeder, slice);
	return USEC_NEVER;
}

static usec work_read(struct feeder *feeder, usec now)
{
	if (!feeder->reading || feeder->lease_busy || feeder->read_busy)
		return USEC_NEVER;
	if (now < feeder->read_at)
		return feeder->read_at;
	read_or_shorten(feeder); /* it failed before */
	return USEC_NEVER;
}

static usec work_lease(struct feeder *feeder, usec now)
{
	bool room = feeder->admitted_count + feeder->limits->slice <= feeder->limits->envelopes;
	if (feeder->lease_busy || feeder->reading || !room)
		return USEC_NEVER;
	if (now < feeder->lease_at)
		return feeder->lease_at;
	submit_lease(feeder);
	return USEC_NEVER;
}

static usec work_cut(struct feeder *feeder, usec now)
{
	if (feeder->cut_busy || feeder->fully_cut || feeder->cut_ahead >= CUT_AHEAD)
		return USEC_NEVER;
	if (now < feeder->cut_at)
		return feeder->cut_at;
	submit_cut(feeder);
	return USEC_NEVER;
}

static usec work_due(struct feeder *feeder, usec now)
{
	if (feeder->due_busy)
		return USEC_NEVER;
	if (now < feeder->due_at)
		return feeder->due_at;
	submit_due(feeder);
	return USEC_NEVER;
}

static usec work_finish(struct feeder *feeder, usec now)
{
	bool ended = feeder->cancelled ||
		     (feeder->fully_cut && feeder->nothing_open && !feeder->paused);
	if (feeder->finish_busy || feeder->ended || !ended || !feeder_idle(feeder))
		return USEC_NEVER;
	if (now < feeder->finish_at)
		return feeder->finish_at;
	submit_finish(feeder);
	return USEC_NEVER;
}

usec feeder_work(struct feeder *feeder, usec now)
{
	usec wake = usec_min(work_put_back(feeder, now), work_read(feeder, now));
	if (feeder->draining)
		return wake;
	if (!feeder->paused && !feeder->cancelled) {
		wake = usec_min(wake, work_cut(feeder, now));
		wake = usec_min(wake, work_due(feeder, now));
		wake = usec_min(wake, work_lease(feeder, now));
	}
	return usec_min(wake, work_finish(feeder, now));
}
