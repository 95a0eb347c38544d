/* path.c - when and how much one path may send.
 * A path that is throttled now and then becomes slower (fewer messages, fewer connections); one
 * that gets nothing but throttles is suspended for a growing time. The difference is the run:
 * throttles with no other reply of the server between them. What was under way when the first
 * of them came says nothing new: with twenty connections it would make every run a long one. */
#include "engine/shape/path.h"

#include "engine/base/assert.h"

/* Suspensions: bounces of volume pass in minutes, blocks in hours. */
static const usec suspend_first = USEC_MINUTE, suspend_last = 15 * USEC_MINUTE;
static const usec block_first = USEC_HOUR, block_last = 4 * USEC_HOUR;

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t sub_u32(uint32_t a, uint32_t b)
{
	return a > b ? a - b : 0;
}

static uint32_t per_hour(const struct rate *rate)
{
	unsigned __int128 hourly = (unsigned __int128)rate->count * (uint64_t)USEC_HOUR;

	if (rate->count == 0)
		return 0;
	hourly /= (uint64_t)rate->per;
	return hourly > UINT32_MAX ? UINT32_MAX : hourly < 1 ? 1 : (uint32_t)hourly;
}

/* The bucket keeps its timestamp, so that a change of rate gives no second burst. */
static void apply_pace(struct path *p)
{
	uint64_t burst = (uint64_t)p->pace.per_hour * 50 * (uint64_t)USEC_MS / USEC_HOUR;
	struct rate learned = {p->pace.per_hour, USEC_HOUR, burst ? (uint32_t)burst : 1};

	if (p->limits.message_rate.count)
		learned.burst = min_u32(learned.burst, p->limits.message_rate.burst);
	p->messages.rate = p->pace.per_hour ? learned : p->limits.message_rate;
}

void path_init(struct path *p, const struct path_limits *limits, usec now)
{
	*p = (struct path){.limits = *limits, .suspended_until = now, .probed_at = USEC_NEVER};
	pace_init(&p->pace, per_hour(&limits->message_rate), now);
	crowd_init(&p->crowd, limits->connections, now);
	bucket_init(&p->messages, limits->message_rate, now);
	bucket_init(&p->connections, limits->connection_rate, now);
	bucket_init(&p->bytes, limits->byte_rate, now);
	backoff_init(&p->suspension, suspend_first, suspend_last);
	backoff_init(&p->blocking, block_first, block_last);
	apply_pace(p);
}

static void set_rate(struct bucket *bucket, const struct rate *rate, usec now)
{
	if (bucket->rate.count == 0)
		bucket_init(bucket, *rate, now);
	bucket->rate = *rate;
}

void path_set_limits(struct path *p, const struct path_limits *limits, usec now)
{
	set_rate(&p->messages, &limits->message_rate, now);
	set_rate(&p->connections, &limits->connection_rate, now);
	set_rate(&p->bytes, &limits->byte_rate, now);
	p->limits = *limits;
	pace_set_limit(&p->pace, per_hour(&limits->message_rate), now);
	crowd_set_limit(&p->crowd, limits->connections, now);
	apply_pace(p);
}

static void held_back(struct path_grant *g, const char *why, usec until)
{
	if (!g->why[0])
		g->why = why;
	g->wake_at = usec_min(g->wake_at, until);
}

/* How many messages the bytes left are enough for, each as large as the largest of late: the
 * last one may go beyond, and the next waits for it. */
static uint32_t byte_room(const struct path *p, uint32_t limit, usec now)
{
	if (p->bytes.rate.count == 0)
		return limit;
	uint32_t room = bucket_room(&p->bytes, UINT32_MAX, now);
	uint32_t size = p->largest_size ? p->largest_size : UINT32_MAX;

	return min_u32(limit, room / size + (room % size != 0));
}

/* After a suspension one message asks, and the others wait for its reply. */
static uint32_t probe_room(const struct path *p, struct path_grant *g, usec now)
{
	if (p->probed_at == USEC_NEVER || now - p->probed_at >= PATH_PROBE_EVERY)
		return 1;
	held_back(g, "suspended", p->probed_at + PATH_PROBE_EVERY);
	return 0;
}

/* How many the rates let start now, were there slots for all. Without room the next cell is the
 * time to ask again; with some, once it is used: the carrier does so after PATH_STARTED, or
 * when a connection becomes ready. */
static uint32_t start_room(const struct path *p, struct path_grant *g, uint32_t waiting,
			   usec now)
{
	uint32_t wanted = p->suspended ? min_u32(waiting, probe_room(p, g, now)) : waiting;
	uint32_t room = bucket_room(&p->messages, wanted, now);
	uint32_t bytes = byte_room(p, wanted, now);

	if (room < wanted)
		held_back(g, "rate", room ? USEC_NEVER : bucket_next_at(&p->messages, now));
	if (bytes < wanted)
		held_back(g, "bytes", bytes ? USEC_NEVER : bucket_next_at(&p->bytes, now));
	if (wanted < waiting)
		held_back(g, "suspended", USEC_NEVER);
	return min_u32(room, bytes);
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

static void grant_open(const struct path *p, struct path_grant *g, const struct path_demand *d,
		       uint32_t wanted, usec now)
{
	if (wanted == 0)
		return;
	uint32_t allowed = min_u32(wanted, sub_u32(p->crowd.cap, d->open + d->opening));
	g->open = bucket_room(&p->connections, allowed, now);
	if (g->open < allowed)
		held_back(g, "connection rate",
			  g->open ? USEC_NEVER : bucket_next_at(&p->connections, now));
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
	uint32_t room = start_room(p, &g, d->waiting, now);
	g.start = min_u32(room, d->slots);
	grant_open(p, &g, d, connections_wanted(d, g.start, room), now);
	return g;
}

/* By a run, or because the server says until when. */
static void suspend(struct path *p, const struct classification *c, bool run, usec now)
{
	bool block = run && c->class == CLASS_REPUTATION;
	struct backoff *backoff = block ? &p->blocking : &p->suspension;
	usec wait = usec_min(c->wait, block_last);

	p->suspended = true;
	p->is_blocked |= block;
	p->suspended_until = now + usec_max(run ? backoff_fail(backoff) : 0, wait);
	p->bad_since = now;
	p->throttles = 0;
	p->probed_at = USEC_NEVER;
	pace_blocked(&p->pace, p->suspended_until, now);
	apply_pace(p);
}

/* Which of its means the path takes back at the start of a bad run. */
static void lower(struct path *p, const struct classification *c, uint32_t others, usec now)
{
	if (str_eq(str_of(c->cause), STR("too-many-connections")))
		crowd_refused(&p->crowd, others, now);
	else if (c->class == CLASS_RATE_LIMITED || c->class == CLASS_REPUTATION)
		(void)!pace_throttled(&p->pace, now);
	else
		crowd_troubled(&p->crowd, now);
	apply_pace(p);
}

static void record_throttle(struct path *p, const struct path_event *event, usec now)
{
	const struct classification *c = event->classification;
	usec started_at = event->started_at ? event->started_at : now;
	bool crowded = str_eq(str_of(c->cause), STR("too-many-connections"));

	p->clean_run = 0;
	if (now < p->suspended_until)
		return; /* under way when that began */
	if (p->throttles == 0)
		p->bad_since = p->suspended ? p->bad_since : now;
	lower(p, c, event->others, now);
	if (crowded && event->others > 0)
		return; /* those that are in work on */
	if (p->throttles > 0 && started_at < p->bad_since)
		return;
	p->throttles++;
	bool run = p->suspended || p->throttles >= PATH_RUN_LIMIT;
	if (run || c->wait > 0)
		suspend(p, c, run, now);
}

/* The server answers again, unless what it answered was under way before. */
static void end_suspension(struct path *p, const struct path_event *event)
{
	if (event->started_at && event->started_at < p->bad_since)
		return;
	p->suspended = p->is_blocked = false;
	p->probed_at = USEC_NEVER;
	p->throttles = 0;
}

static void record_delivery(struct path *p, const struct path_event *event, usec now)
{
	end_suspension(p, event);
	crowd_delivered(&p->crowd, now);
	if (pace_delivered(&p->pace, now))
		apply_pace(p);
	if (++p->clean_run < PATH_CLEAN_RUN)
		return;
	p->clean_run = 0;
	backoff_succeed(&p->suspension);
	backoff_succeed(&p->blocking);
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
	if (event->origin == REPLY_LOCAL) {
		p->probed_at = USEC_NEVER; /* whoever was to ask got no answer */
		return;
	}
	switch (c->class) {
	case CLASS_RATE_LIMITED:
	case CLASS_REPUTATION:
	case CLASS_REMOTE_FAILURE:
	case CLASS_NETWORK:
		if (!is_of_recipient(c))
			record_throttle(p, event, now);
		return;
	case CLASS_NONE:
		record_delivery(p, event, now);
		return;
	default: /* of the recipient, the sender or the message: the path itself works */
		end_suspension(p, event);
		return;
	}
}

static void record_started(struct path *p, const struct path_event *event, usec now)
{
	bucket_take(&p->messages, 1, now);
	bucket_take(&p->bytes, event->size, now);
	/* A large one is remembered for about sixteen small ones. */
	p->largest_size -= p->largest_size / 16;
	if (event->size > p->largest_size)
		p->largest_size = event->size;
	if (p->suspended)
		p->probed_at = now;
}

void path_record(struct path *p, const struct path_event *event, usec now)
{
	switch (event->kind) {
	case PATH_STARTED:
		record_started(p, event, now);
		return;
	case PATH_OPENING:
		bucket_take(&p->connections, 1, now);
		return;
	case PATH_OPENED:
		crowd_opened(&p->crowd, event->others + 1, now);
		return;
	case PATH_REPLY:
		record_reply(p, event, now);
		return;
	}
	UNREACHABLE();
}

static bool is_even(const struct bucket *bucket, usec now)
{
	return bucket->rate.count == 0 || bucket->arrival_at <= now;
}

bool path_is_rested(const struct path *p, usec now)
{
	return is_even(&p->messages, now) && is_even(&p->connections, now) &&
	       is_even(&p->bytes, now);
}

void path_lift(struct path *p, usec now)
{
	p->suspended_until = usec_min(p->suspended_until, now);
	pace_lift(&p->pace, now);
	apply_pace(p);
	bucket_init(&p->messages, p->messages.rate, now);
}
