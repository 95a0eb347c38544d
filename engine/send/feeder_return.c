/* feeder_return.c - what a carrier could not start, put back: a slice of its own again, due
 * when it may find room. What may come again at about the same time goes together; a slow
 * path's mail comes back bit by bit, so that it is not read and put back whole every minute. */
#include "engine/send/feeder.h"

#include <stdlib.h>

#include "engine/base/assert.h"

#define GATHER_TIME (100 * USEC_MS)
#define TOGETHER (30 * USEC_SECOND) /* what is due within it comes back together */

static void on_put_back(struct store_request *);

static int by_id(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return a < b ? -1 : a > b;
}

/* Those that come first are chosen: they wait in put_back_now until they are put back. */
static usec choose(struct slice *slice)
{
	usec first = USEC_NEVER;
	struct chain_link *link = chain_first(&slice->put_back);
	for (; link; link = chain_next(&slice->put_back, link))
		first = usec_min(first, CHAIN_OWNER(link, struct envelope, link)->again_at);
	for (size_t i = slice->put_back.count; i > 0; i--) {
		link = chain_pop(&slice->put_back);
		bool now = CHAIN_OWNER(link, struct envelope, link)->again_at <=
			   (first ? first + TOGETHER : 0);
		chain_push_back(now ? &slice->put_back_now : &slice->put_back, link);
	}
	return first;
}

/* A put-back keeps its ids until it is done: after a lost connection it is asked for again, and
 * the statement ignores ids that already stand in another slice (engine/store/claim.c). */
static void submit_put_back(struct feeder *feeder, struct slice *slice)
{
	usec now = io_now(feeder->loop);
	usec due = chain_empty(&slice->put_back_now) ? choose(slice) : slice->put_back_due;
	size_t count = slice->put_back_now.count;
	arena_reset(&feeder->work_arena);
	uint64_t *ids = ARENA_ARRAY(&feeder->work_arena, uint64_t, count);
	slice->put_back_due = due;
	if (!ids)
		return;
	struct chain_link *link = chain_first(&slice->put_back_now);
	for (size_t i = 0; i < count; i++, link = chain_next(&slice->put_back_now, link))
		ids[i] = CHAIN_OWNER(link, struct envelope, link)->recipient->subscriber_id;
	qsort(ids, count, sizeof(*ids), by_id);
	bool wait = due > now && !feeder->draining && feeder_campaign_runs(slice->campaign);
	feeder->put_back = (struct store_put_back){
		.request = {.on_done = on_put_back},
		.engine_id = feeder->engine_id,
		.epoch = feeder->epoch,
		.campaign_id = slice->campaign->id,
		.slice_id = slice->id,
		.ids = ids,
		.count = count,
		.due_wall = wait ? io_wall_now(feeder->loop) + (due - now) : 0,
	};
	feeder->returning = slice;
	feeder->put_back_busy = true;
	store_put_back(feeder->work, &feeder->put_back);
}

static void on_put_back(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, put_back.request);
	struct slice *slice = feeder->returning;
	struct campaign *campaign = slice->campaign;
	size_t count = slice->put_back_now.count;
	feeder->put_back_busy = false;
	/* Fenced: all of it is somebody else's by now, or a newer process has our name, as the
	 * feed then tells. */
	if (request->result == STORE_FENCED)
		feeder->stop_at = 0;
	else if (request->result != STORE_OK) {
		feeder_failed_for(feeder, campaign, request, &feeder->put_back_at);
		return;
	}
	feeder->database_lost = false;
	chain_init(&slice->put_back_now);
	feeder->returned_count -= count;
	campaign->lease_at = usec_min(campaign->lease_at,
				      feeder_next_look(feeder, feeder->put_back.due_wall));
	feeder_settled(feeder, slice, count);
}

void feeder_returned(struct feeder *feeder, struct envelope *envelope)
{
	struct slice *slice = envelope->slice;
	if (feeder->returned_count++ == 0)
		feeder->put_back_at = io_now(feeder->loop) + GATHER_TIME;
	chain_push_back(&slice->put_back, &envelope->link);
}

static struct slice *slice_to_put_back(struct feeder *feeder)
{
	struct chain_link *link = chain_first(&feeder->slices);
	for (; link; link = chain_next(&feeder->slices, link)) {
		struct slice *slice = CHAIN_OWNER(link, struct slice, link);
		if (!chain_empty(&slice->put_back) || !chain_empty(&slice->put_back_now))
			return slice;
	}
	return NULL;
}

usec feeder_work_put_back(struct feeder *feeder, usec now)
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
