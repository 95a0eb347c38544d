/* quota.c - see quota.h. Three buckets and a counter. */
#include "engine/shape/quota.h"

#include "engine/base/assert.h"

void quota_init(struct quota *q, const struct quota_limits *limits, usec now)
{
	*q = (struct quota){.limits = *limits};
	bucket_init(&q->messages, limits->message_rate, now);
	bucket_init(&q->bytes, limits->byte_rate, now);
	bucket_init(&q->connections, limits->connection_rate, now);
}

static void change(struct bucket *b, struct rate rate, usec now)
{
	usec arrival_at = b->arrival_at;
	bool limited = b->rate.count > 0;
	bucket_init(b, rate, now);
	if (limited && rate.count > 0)
		b->arrival_at = arrival_at;
}

void quota_set_limits(struct quota *q, const struct quota_limits *limits, usec now)
{
	q->limits = *limits;
	change(&q->messages, limits->message_rate, now);
	change(&q->bytes, limits->byte_rate, now);
	change(&q->connections, limits->connection_rate, now);
}

uint32_t quota_start_room(const struct quota *q, uint32_t limit, usec now)
{
	uint32_t room = bucket_room(&q->messages, limit, now);
	return room > 0 && bucket_room(&q->bytes, 1, now) == 0 ? 0 : room;
}

usec quota_start_at(const struct quota *q, usec now)
{
	return usec_max(bucket_next_at(&q->messages, now), bucket_next_at(&q->bytes, now));
}

void quota_start(struct quota *q, uint64_t size, usec now)
{
	bucket_take(&q->messages, 1, now);
	bucket_take(&q->bytes, size > UINT32_MAX ? UINT32_MAX : (uint32_t)size, now);
}

uint32_t quota_open_room(const struct quota *q, uint32_t limit, usec now)
{
	uint32_t most = q->limits.connections;
	uint32_t left = q->open_count < most ? most - q->open_count : 0;
	if (most > 0 && left < limit)
		limit = left;
	return bucket_room(&q->connections, limit, now);
}

usec quota_open_at(const struct quota *q, usec now)
{
	if (q->limits.connections > 0 && q->open_count >= q->limits.connections)
		return USEC_NEVER;
	return bucket_next_at(&q->connections, now);
}

void quota_open(struct quota *q, usec now)
{
	q->open_count++;
	bucket_take(&q->connections, 1, now);
}

void quota_reopen(struct quota *q, usec now)
{
	bucket_take(&q->connections, 1, now);
}

void quota_close(struct quota *q)
{
	ASSERT(q->open_count > 0);
	q->open_count--;
}
