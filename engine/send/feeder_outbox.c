/* feeder_outbox.c - transactional mail out of the outbox, and the database's bell.
 * The bell says that there is something; nobody polls. Claims go over a connection of their own,
 * where nothing is before them; a claim is its own mark, and what it returns is routed at once. A
 * part of the engine's room is kept free of newsletters, so that there is always place for it. */
#include "engine/send/feeder.h"

#include "engine/base/log.h"

#define CLAIM_LIMIT 500
#define CLAIM_PAUSE (20 * USEC_MS)       /* before a claim that finds little or nothing */
#define LOOK_PAUSE (100 * USEC_MS)       /* after a claim, before it is asked what will be due next */
#define LOOK_INTERVAL (30 * USEC_SECOND) /* where the bell is silent: behind a pooler */
#define RESERVE_SHARE 16 /* of the room for recipients: one part for urgent ones */
#define RESERVE_LIMIT 500

static void on_claimed(struct store_request *);

uint32_t feeder_urgent_reserve(const struct feeder *feeder)
{
	uint32_t reserve = feeder->limits->envelopes / RESERVE_SHARE;
	if (feeder->urgent_count == 0)
		return 0;
	return reserve < RESERVE_LIMIT ? reserve : RESERVE_LIMIT;
}

static void due_again(struct feeder *feeder)
{
	struct chain_link *link = chain_first(&feeder->campaigns);
	for (; link; link = chain_next(&feeder->campaigns, link)) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		campaign->lease_at = 0;
		feeder_due_ask(campaign);
	}
}

static void on_bell(struct store_bell *bell, unsigned rung)
{
	struct feeder *feeder = CHAIN_OWNER(bell, struct feeder, database_bell);
	if (rung & STORE_RUNG_OUTBOX)
		feeder->claim_at = 0;
	/* Else a claim tells of campaigns that are not loaded yet. */
	if (rung & STORE_RUNG_OUTBOX && feeder->urgent_count == 0)
		feeder->discover_at = 0;
	if (rung & STORE_RUNG_STOP)
		feeder->stop_at = 0;
	if (rung & STORE_RUNG_DUE)
		due_again(feeder);
}

void feeder_listen(struct feeder *feeder)
{
	feeder->database_bell = (struct store_bell){.on_bell = on_bell};
	store_listen(feeder->claims, &feeder->database_bell);
}

static bool fill_templates(struct feeder *feeder)
{
	struct store_outbox_template *templates = ARENA_ARRAY(
		&feeder->claim_arena, struct store_outbox_template, feeder->urgent_count + 1);
	size_t count = 0;
	if (!templates)
		return false;
	struct chain_link *link = chain_first(&feeder->campaigns);
	for (; link; link = chain_next(&feeder->campaigns, link)) {
		const struct campaign *campaign = CHAIN_OWNER(link, struct campaign, link);
		if (campaign->urgent && feeder_campaign_runs(campaign))
			templates[count++] = (struct store_outbox_template){
				.campaign_id = campaign->id,
				.fields = campaign->content->fields,
				.field_count = campaign->content->field_count,
			};
	}
	feeder->claim.templates = templates;
	feeder->claim.template_count = count;
	return true;
}

/* The slice is made before it is known whose it is: it belongs to nobody until then. */
static void submit_claim(struct feeder *feeder, uint32_t room)
{
	struct slice *slice = slab_borrow(&feeder->slice_slab);
	arena_reset(&feeder->claim_arena);
	feeder->claim = (struct store_claim_outbox){
		.request = {.on_done = on_claimed},
		.engine_id = feeder->engine_id,
		.epoch = feeder->epoch,
		.limit = room < CLAIM_LIMIT ? room : CLAIM_LIMIT,
	};
	if (!slice || !fill_templates(feeder)) {
		if (slice)
			slab_give_back(&feeder->slice_slab, slice);
		feeder->claim_at = io_now(feeder->loop) + CLAIM_PAUSE;
		return;
	}
	feeder_slice_prepare(feeder, slice);
	feeder->claim.arena = &slice->arena;
	feeder->claiming = slice;
	feeder->claim_busy = true;
	atomic_store_explicit(&feeder->public.claiming, true, memory_order_release);
	store_claim_outbox(feeder->claims, &feeder->claim);
}

static void drop_claiming(struct feeder *feeder)
{
	arena_done(&feeder->claiming->arena);
	slab_give_back(&feeder->slice_slab, feeder->claiming);
	feeder->claiming = NULL;
}

static void claimed_nothing(struct feeder *feeder)
{
	usec now = io_now(feeder->loop), due_wall = feeder->claim.ret_next_due_wall;
	usec wait =
		due_wall == USEC_NEVER ? LOOK_INTERVAL : due_wall - io_wall_now(feeder->loop);
	drop_claiming(feeder);
	feeder->claim_at = now + usec_max(usec_min(wait, LOOK_INTERVAL), CLAIM_PAUSE);
	if (feeder->claim.ret_unknown_campaign_id > 0)
		feeder->discover_at = 0;
}

/* What came meanwhile has its own bell, which is told behind this answer. Of another campaign
 * there may be rows that are due already. When the next one will be due is asked in a while: soon
 * after a message another one is likely, and it would wait for that answer. */
static usec claim_again_at(const struct feeder *feeder)
{
	bool more = feeder->claim.ret_count == feeder->claim.limit || feeder->urgent_count > 1;
	return more ? 0 : io_now(feeder->loop) + LOOK_PAUSE;
}

static void take_claimed(struct feeder *feeder)
{
	const struct store_claim_outbox *claim = &feeder->claim;
	struct slice *slice = feeder->claiming;
	feeder->claiming = NULL;
	feeder->claim_at = claim_again_at(feeder);
	slice->campaign = feeder_campaign_of(feeder, claim->ret_campaign_id);
	slice->campaign->slice_count++;
	slice->id = claim->ret_slice_id;
	slice->kind = SLICE_OUTBOX;
	slice->recipients = claim->ret_recipients;
	feeder_slice_admit(feeder, slice, claim->ret_count);
	feeder_slice_route(feeder, slice);
}

/* The carrier stays awake until it can see what was claimed. */
static void on_claimed(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, claim.request);
	feeder->claim_busy = false;
	if (request->result != STORE_OK) {
		drop_claiming(feeder);
		feeder_failed(feeder, request, &feeder->claim_at);
	} else {
		feeder->database_lost = false;
		if (feeder->claim.ret_slice_id == 0)
			claimed_nothing(feeder);
		else
			take_claimed(feeder);
	}
	atomic_store_explicit(&feeder->public.claiming, false, memory_order_release);
}

usec feeder_claim(struct feeder *feeder, usec now)
{
	size_t room = feeder->limits->envelopes - feeder->admitted_count;
	if (feeder->claim_busy || feeder->draining || feeder->urgent_count == 0 || room == 0 ||
	    !feeder_holds_any(feeder))
		return USEC_NEVER;
	if (now < feeder->claim_at)
		return feeder->claim_at;
	submit_claim(feeder, (uint32_t)room);
	return USEC_NEVER;
}
