/* carrier_draw.c - limits wider than a path are drawn from the database, for all engines share
 * them. A quota asks when somebody waits for it, or when what it has nears its end (quota.h says
 * when); the feeder carries questions and answers. Nothing here waits: without an answer what was
 * drawn runs out, and what it would have let start stays where it is. */
#include "engine/send/carrier.h"

#include "engine/base/assert.h"

#define LOOK_LATEST USEC_SECOND

static bool is_limited(const struct quota_limits *limits)
{
	return limits->message_rate.count > 0 || limits->byte_rate.count > 0 ||
	       limits->connection_rate.count > 0 || limits->connections > 0;
}

void carrier_quota_prepare(struct carrier *carrier, struct carrier_quota *q,
			   const struct quota_limits *limits)
{
	*q = (struct carrier_quota){};
	quota_init(&q->quota, limits, io_now(carrier->loop));
	chain_init(&q->waiters);
	chain_init(&q->unmarked);
	chain_link_init(&q->drawn);
	q->timer.of = TIMER_QUOTA;
	wheel_timer_init(&q->timer.wheel);
	for (enum quota_kind kind = 0; kind < QUOTA_KINDS; kind++)
		q->draws[kind] = (struct carrier_draw){.quota = q, .row.kind = kind};
}

void carrier_quota_follow(struct carrier *carrier, struct carrier_quota *q)
{
	for (enum quota_kind kind = 0; kind < QUOTA_KINDS; kind++)
		q->draws[kind].row.account = str_of(q->account);
	if (is_limited(&q->quota.limits) && !chain_linked(&q->drawn))
		chain_push_back(&carrier->drawn, &q->drawn);
	carrier->draw_at = 0;
}

void carrier_quota_forget(struct carrier *carrier, struct carrier_quota *q)
{
	ASSERT(!quota_is_drawing(&q->quota));
	if (chain_linked(&q->drawn))
		chain_remove(&carrier->drawn, &q->drawn);
	wheel_cancel(&carrier->wheel, &q->timer.wheel);
}

void carrier_quota_wanted(struct carrier *carrier, struct carrier_quota *q, bool for_connection)
{
	q->wanted[for_connection] = true;
	carrier->draw_at = 0;
}

/* Of those whom it holds back now. */
static bool waits_for(const struct carrier_quota *q, enum quota_kind kind)
{
	bool of_connections = kind == QUOTA_CONNECTIONS || kind == QUOTA_SLOTS;
	return q->wanted[of_connections] || q->wanted_count[of_connections] > 0;
}

static usec ask(struct carrier *carrier, struct carrier_quota *q, usec now)
{
	usec next = USEC_NEVER, at;
	for (enum quota_kind kind = 0; kind < QUOTA_KINDS; kind++) {
		bool waits = waits_for(q, kind);
		if (!quota_draw_is_due(&q->quota, kind, waits, now, &at)) {
			next = usec_min(next, at);
			continue;
		}
		quota_draw_begin(&q->quota, kind, waits, ++carrier->draw_number, now,
				 &q->draws[kind].row.ask);
		lane_push(&carrier->draws, &q->draws[kind]);
		carrier->to_feeder = true;
	}
	q->wanted[0] = q->wanted[1] = false;
	return next;
}

/* Others have too few connections: one that is ours ends after what it carries. */
static void close_excess(struct carrier *carrier, struct carrier_quota *q, usec now)
{
	uint32_t excess = slots_excess(&q->quota.slots, q->quota.open_count);
	struct chain_link *link = chain_first(&carrier->active);
	for (; link && excess > 0; link = chain_next(&carrier->active, link)) {
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, link);
		bool bound = false;
		for (size_t i = 0; i < path->quota_count; i++)
			bound |= path->quotas[i] == q;
		struct chain_link *at = bound ? chain_first(&path->sessions) : NULL;
		for (; at && excess > 0; at = chain_next(&path->sessions, at))
			excess -= session_retire(CHAIN_OWNER(at, struct session, link), now);
	}
}

static void take_answer(struct carrier *carrier, struct carrier_draw *draw, usec now)
{
	struct carrier_quota *q = draw->quota;
	struct campaign *campaign = q->campaign;
	bool drawn = draw->row.ret_drawn;
	quota_draw_end(&q->quota, draw->row.kind, drawn ? &draw->row.ret_grant : NULL, now);
	if (draw->row.kind == QUOTA_SLOTS)
		close_excess(carrier, q, now);
	if (campaign && campaign->told_to_leave && campaign->message_count == 0)
		carrier_take_arrival(carrier, campaign);
	else
		carrier_quota_wake(carrier, q, now);
}

void carrier_take_draws(struct carrier *carrier, usec now)
{
	for (struct carrier_draw *draw; (draw = lane_pop(&carrier->draws_back));) {
		take_answer(carrier, draw, now);
		carrier->draw_at = 0;
	}
}

usec carrier_draws_step(struct carrier *carrier, usec now)
{
	if (now < carrier->draw_at)
		return carrier->draw_at;
	usec next = now + LOOK_LATEST;
	struct chain_link *link = chain_first(&carrier->drawn);
	if (!link)
		next = USEC_NEVER;
	for (; link; link = chain_next(&carrier->drawn, link)) {
		struct carrier_quota *q = CHAIN_OWNER(link, struct carrier_quota, drawn);
		next = usec_min(next, ask(carrier, q, now));
	}
	carrier->draw_at = usec_max(next, now + USEC_MS);
	return carrier->draw_at;
}

/* ---- the end ---- */

size_t carrier_draws_last(struct carrier *carrier, struct carrier_quota *q, usec now,
			  struct store_draw_row **rows)
{
	size_t count = 0;
	for (enum quota_kind kind = 0; kind < QUOTA_KINDS; kind++) {
		struct store_draw_row *row = &q->draws[kind].row;
		if (quota_draw_last(&q->quota, kind, carrier->draw_number + 1, now, &row->ask)) {
			carrier->draw_number++;
			rows[count++] = row;
		}
	}
	return count;
}
