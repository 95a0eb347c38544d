/* feeder_draw.c - questions of the carrier about limits that all engines share, to the database
 * and back. All that have come while one request was under way are the next one. */
#include "engine/send/feeder.h"

static void on_drawn(struct store_request *);

static void ask(struct feeder *feeder)
{
	struct feeder_draws *d = &feeder->draws;
	struct carrier_draw *draw;
	while (d->count < FEEDER_DRAWS && (draw = lane_pop(&feeder->carrier->draws))) {
		draw->row.ask.ended_epoch = feeder->ended_epoch;
		d->rows[d->count] = &draw->row;
		d->of[d->count++] = draw;
	}
	if (d->count == 0)
		return;
	d->request = (struct store_draw){
		.request = {.on_done = on_drawn},
		.engine_id = feeder->engine_id,
		.epoch = feeder->epoch,
		.rows = d->rows,
		.count = d->count,
	};
	d->busy = true;
	store_draw(feeder->beat, &d->request);
}

/* What was asked before the connection broke was perhaps drawn, and is void. */
static void on_drawn(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, draws.request.request);
	struct feeder_draws *d = &feeder->draws;
	d->busy = false;
	if (request->result != STORE_OK)
		feeder_failed(feeder, request, &d->again_at);
	else
		feeder->database_lost = false;
	for (size_t i = 0; i < d->count; i++) {
		d->rows[i]->ret_drawn &= request->result == STORE_OK;
		lane_push(&feeder->carrier->draws_back, d->of[i]);
	}
	d->count = 0;
	if (feeder->carrier_bell)
		io_bell_ring(feeder->carrier_bell);
}

usec feeder_draw(struct feeder *feeder, usec now)
{
	struct feeder_draws *d = &feeder->draws;
	if (d->busy || lane_empty(&feeder->carrier->draws))
		return USEC_NEVER;
	if (now < d->again_at)
		return d->again_at;
	ask(feeder);
	return USEC_NEVER;
}

static void ignore(struct store_request *request)
{
	(void)request;
}

static bool give_back(struct feeder *feeder, struct store *store, struct carrier_quota *q)
{
	struct store_draw_row *rows[QUOTA_KINDS];
	struct store_draw back = {
		.request = {.on_done = ignore},
		.engine_id = feeder->engine_id,
		.epoch = feeder->epoch,
		.rows = rows,
		.count = carrier_draws_last(feeder->carrier, q, io_now(feeder->loop), rows),
	};
	if (back.count == 0)
		return true;
	store_draw(store, &back);
	return back.request.result == STORE_OK;
}

/* With the database away it is void by itself a moment later, and connections when this engine
 * is known to be gone. */
void feeder_draws_done(struct feeder *feeder, struct store *store)
{
	bool good = store != NULL;
	for (size_t i = 0; good && i < feeder->carrier->quota_count; i++)
		good = give_back(feeder, store, &feeder->carrier->quotas[i]);
	struct chain_link *link = chain_first(&feeder->carrier->campaigns);
	for (; good && link; link = chain_next(&feeder->carrier->campaigns, link))
		good = give_back(feeder, store,
				 &CHAIN_OWNER(link, struct campaign, of_carrier)->quota);
}
