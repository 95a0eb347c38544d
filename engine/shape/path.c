/* path.c - when and how much one path may send.
 * A path that is throttled now and then becomes slower (fewer connections, half the rate); one
 * that gets nothing but throttles is suspended for a growing time. The difference is the run:
 * throttles with no other reply of the server between them. */
#include "engine/shape/path.h"

#include "engine/base/assert.h"

/* Suspensions: bounces of volume pass in minutes, blocks in hours. */
static const usec suspend_first = USEC_MINUTE, suspend_last = USEC_HOUR;
static const usec block_first = USEC_HOUR, block_last = 4 * USEC_HOUR;

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t sub_u32(uint32_t a, uint32_t b)
{
	return a > b ? a - b : 0;
}

/* The bucket keeps its timestamp, so that a change of rate gives no second burst. */
static void apply_rate(struct path *p)
{
	p->messages.rate = p->limits.message_rate;
	p->messages.rate.per *= p->slowdown;
	p->connections.rate = p->limits.connection_rate;
}

void path_init(struct path *p, const struct path_limits *limits, usec now)
{
	ASSERT(limits->connections >= 1);
	*p = (struct path){.limits = *limits, .slowdown = 1, .decreased_at = USEC_NEVER};
	p->connection_cap = limits->connections;
	bucket_init(&p->messages, limits->message_rate, now);
	bucket_init(&p->connections, limits->connection_rate, now);
	backoff_init(&p->suspension, suspend_first, suspend_last);
	backoff_init(&p->blocking, block_first, block_last);
	p->suspended_until = now;
}

void path_set_limits(struct path *p, const struct path_limits *limits, usec now)
{
	ASSERT(limits->connections >= 1);
	bool uncut = p->connection_cap == p->limits.connections;

	if (p->limits.message_rate.count == 0)
		bucket_init(&p->messages, limits->message_rate, now);
	if (p->limits.connection_rate.count == 0)
		bucket_init(&p->connections, limits->connection_rate, now);
	p->limits = *limits;
	p->connection_cap =
		uncut ? limits->connections : min_u32(p->connection_cap, limits->connections);
	apply_rate(p);
}

static bool is_slower(const struct rate *a, const struct rate *b)
{
	return (double)a->count * (double)b->per < (double)b->count * (double)a->per;
}

struct rate path_limits_rate(const struct path_limits *limits)
{
	uint64_t each = limits->messages_per_connection;
	uint64_t count = limits->connection_rate.count * each;
	struct rate by_connections = {
		.count = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX,
		.per = limits->connection_rate.per,
		.burst = 1,
	};
	bool bound = by_connections.count > 0;
	if (bound && (limits->message_rate.count == 0 ||
		      is_slower(&by_connections, &limits->message_rate)))
		return by_connections;
	return limits->message_rate;
}

/* How many connections to open for the messages that start on none of the open ones. room is
 * what the rate would still let start: a connection that the rate leaves idle is not opened. */
static uint32_t connections_wanted(const struct path_demand *d, uint32_t start, uint32_t room)
{
	uint32_t homeless = min_u32(sub_u32(d->waiting, start), sub_u32(room, start));

	if (d->slots > start)
		return 0;
	return sub_u32(homeless, d->opening);
}

static void held_back(struct path_grant *g, const char *why, usec until)
{
	if (!g->why[0])
		g->why = why;
	g->wake_at = usec_min(g->wake_at, until);
}

static void grant_open(const struct path *p, struct path_grant *g, const struct path_demand *d,
		       uint32_t wanted, usec now)
{
	if (wanted == 0)
		return;
	uint32_t allowed = min_u32(wanted, sub_u32(p->connection_cap, d->open + d->opening));
	g->open = bucket_room(&p->connections, allowed, now);
	if (g->open < allowed)
		held_back(g, "connection rate", bucket_next_at(&p->connections, now));
	if (allowed < wanted)
		held_back(g, "connections", USEC_NEVER);
}

struct path_grant path_verdict(const struct path *p, const struct path_demand *d, usec now)
{
	struct path_grant g = {.wake_at = USEC_NEVER, .why = ""};

	if (d->waiting == 0)
		return g;
	if (now < p->suspended_until) {
		held_back(&g, "suspended", p->suspended_until);
		return g;
	}
	uint32_t room = bucket_room(&p->messages, d->waiting, now);
	g.start = min_u32(room, d->slots);
	if (room < d->waiting) {
		/* Without room the next cell is the time; with some, ask again once it is used:
		 * the carrier does so after PATH_STARTED, or when a connection becomes ready.
		 */
		usec next_at = room ? USEC_NEVER : bucket_next_at(&p->messages, now);
		held_back(&g, "rate", next_at);
	}
	grant_open(p, &g, d, connections_wanted(d, g.start, room), now);
	return g;
}

static void decrease(struct path *p, usec now)
{
	if (p->decreased_at != USEC_NEVER && now - p->decreased_at < PATH_DECREASE_EVERY)
		return;
	p->decreased_at = now;
	p->connection_cap = p->connection_cap > 1 ? p->connection_cap / 2 : 1;
	p->slowdown = min_u32(p->slowdown * 2, PATH_SLOWDOWN_LIMIT);
	apply_rate(p);
}

static void increase(struct path *p)
{
	p->clean_run = 0;
	p->connection_cap = min_u32(p->connection_cap + 1, p->limits.connections);
	if (p->slowdown > 1)
		p->slowdown /= 2;
	backoff_succeed(&p->suspension);
	backoff_succeed(&p->blocking);
	apply_rate(p);
}

static void record_throttle(struct path *p, const struct classification *c, usec now)
{
	p->clean_run = 0;
	p->throttles++;
	decrease(p, now);
	/* Replies to what was under way when the suspension began say nothing new. */
	if (p->throttles < PATH_RUN_LIMIT || now < p->suspended_until)
		return;

	struct backoff *backoff = c->class == CLASS_REPUTATION ? &p->blocking : &p->suspension;
	usec wait = usec_min(c->wait, block_last);
	p->suspended_until = now + usec_max(backoff_fail(backoff), wait);
	/* The first reply after it decides again: one more throttle, one more suspension. */
	p->throttles = PATH_RUN_LIMIT - 1;
}

static void record_delivery(struct path *p)
{
	p->throttles = 0;
	p->clean_run++;
	if (p->clean_run >= PATH_CLEAN_RUN * p->connection_cap)
		increase(p);
}

/* A limit of one recipient's mailbox or of one transaction says nothing about the path. */
static bool is_of_recipient(const struct classification *c)
{
	str cause = str_of(c->cause);

	return str_eq(cause, STR("recipient-rate")) ||
	       str_eq(cause, STR("too-many-recipients"));
}

static void record_reply(struct path *p, const struct path_event *event, usec now)
{
	const struct classification *c = event->classification;

	ASSERT(c);
	if (event->origin == REPLY_LOCAL)
		return;
	switch (c->class) {
	case CLASS_RATE_LIMITED:
	case CLASS_REPUTATION:
	case CLASS_REMOTE_FAILURE:
	case CLASS_NETWORK:
		if (!is_of_recipient(c))
			record_throttle(p, c, now);
		return;
	case CLASS_NONE:
		record_delivery(p);
		return;
	default: /* of the recipient, the sender or the message: the path itself works */
		p->throttles = 0;
		return;
	}
}

void path_record(struct path *p, const struct path_event *event, usec now)
{
	switch (event->kind) {
	case PATH_STARTED:
		bucket_take(&p->messages, 1, now);
		return;
	case PATH_OPENING:
		bucket_take(&p->connections, 1, now);
		return;
	case PATH_REPLY:
		record_reply(p, event, now);
		return;
	}
	UNREACHABLE();
}

void path_lift(struct path *p, usec now)
{
	p->suspended_until = usec_min(p->suspended_until, now);
}
