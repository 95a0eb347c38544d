/* quota.c - see quota.h. Three buckets and a counter, each as far as they are drawn. */
#include "engine/shape/quota.h"

#include "engine/base/assert.h"

static const struct rate *rate_of(const struct quota_limits *limits, enum quota_kind kind)
{
	switch (kind) {
	case QUOTA_MESSAGES:
		return &limits->message_rate;
	case QUOTA_BYTES:
		return &limits->byte_rate;
	default:
		return &limits->connection_rate;
	}
}

void quota_init(struct quota *q, const struct quota_limits *limits, usec now)
{
	*q = (struct quota){.limits = *limits};
	for (enum quota_kind kind = 0; kind < QUOTA_RATES; kind++)
		draw_init(&q->rates[kind], *rate_of(limits, kind), kind == QUOTA_BYTES, now);
	slots_init(&q->slots, limits->connections);
}

void quota_set_limits(struct quota *q, const struct quota_limits *limits, usec now)
{
	q->limits = *limits;
	for (enum quota_kind kind = 0; kind < QUOTA_RATES; kind++)
		draw_set_rate(&q->rates[kind], *rate_of(limits, kind), now);
	slots_set_limit(&q->slots, limits->connections);
}

uint32_t quota_start_room(const struct quota *q, uint32_t limit, usec now)
{
	uint32_t room = draw_room(&q->rates[QUOTA_MESSAGES], limit, now);
	return room > 0 && draw_room(&q->rates[QUOTA_BYTES], 1, now) == 0 ? 0 : room;
}

usec quota_start_at(const struct quota *q, usec now)
{
	return usec_max(draw_next_at(&q->rates[QUOTA_MESSAGES], now),
			draw_next_at(&q->rates[QUOTA_BYTES], now));
}

void quota_start(struct quota *q, uint64_t size, usec now)
{
	draw_take(&q->rates[QUOTA_MESSAGES], 1, now);
	draw_take(&q->rates[QUOTA_BYTES], size > UINT32_MAX ? UINT32_MAX : (uint32_t)size, now);
}

struct rate quota_message_rate(const struct quota *q)
{
	const struct draw *d = &q->rates[QUOTA_MESSAGES];
	return d->parts > 0 && !d->turns ? d->bucket.rate : q->limits.message_rate;
}

uint32_t quota_open_room(const struct quota *q, uint32_t limit, usec now)
{
	uint32_t left = slots_room(&q->slots, q->open_count, now);
	return draw_room(&q->rates[QUOTA_CONNECTIONS], left < limit ? left : limit, now);
}

usec quota_open_at(const struct quota *q, usec now)
{
	if (slots_room(&q->slots, q->open_count, now) == 0)
		return USEC_NEVER;
	return draw_next_at(&q->rates[QUOTA_CONNECTIONS], now);
}

void quota_open(struct quota *q, usec now)
{
	q->open_count++;
	quota_reopen(q, now);
}

usec quota_reopen_at(const struct quota *q, usec now)
{
	return draw_next_at(&q->rates[QUOTA_CONNECTIONS], now);
}

void quota_reopen(struct quota *q, usec now)
{
	draw_take(&q->rates[QUOTA_CONNECTIONS], 1, now);
}

void quota_close(struct quota *q)
{
	ASSERT(q->open_count > 0);
	q->open_count--;
}

bool quota_draw_is_due(struct quota *q, enum quota_kind kind, bool waits, usec now,
		       usec *ret_at)
{
	if (kind == QUOTA_SLOTS)
		return slots_are_due(&q->slots, q->open_count, waits, now, ret_at);
	return draw_is_due(&q->rates[kind], waits, now, ret_at);
}

void quota_draw_begin(struct quota *q, enum quota_kind kind, bool waits, uint64_t number,
		      usec now, struct draw_ask *ret_ask)
{
	if (kind == QUOTA_SLOTS)
		slots_begin(&q->slots, q->open_count, waits, number, now, ret_ask);
	else
		draw_begin(&q->rates[kind], waits, number, now, ret_ask);
}

void quota_draw_end(struct quota *q, enum quota_kind kind, const struct draw_grant *grant,
		    usec now)
{
	if (kind == QUOTA_SLOTS)
		slots_end(&q->slots, grant, now);
	else
		draw_end(&q->rates[kind], grant, now);
}

bool quota_is_drawing(const struct quota *q)
{
	bool busy = q->slots.busy;
	for (enum quota_kind kind = 0; kind < QUOTA_RATES; kind++)
		busy |= q->rates[kind].busy;
	return busy;
}

bool quota_draw_last(struct quota *q, enum quota_kind kind, uint64_t number, usec now,
		     struct draw_ask *ret)
{
	if (kind == QUOTA_SLOTS) {
		if (q->slots.limit == 0 || q->slots.held == 0 || q->open_count > 0)
			return false;
		q->slots.held = 0;
		*ret = (struct draw_ask){.number = number, .limit = q->slots.limit};
		return true;
	}
	return draw_last(&q->rates[kind], number, now, ret);
}
