/* forecast.c - many flows under what they share: the engine's connections, its speed, the
 * campaign's rate. Time goes in spans that grow with it (1/64 of what has passed). In each span
 * a flow runs by itself (forecast_flow.c), for as much of the span as what is shared leaves it:
 * half the connections that it would use is half its speed. How much it would use is what it
 * used in the spans before. Limits wider than a path belong into share_out(); limits that
 * change with time (a warm-up, a daily window) between two spans. */
#include "engine/shape/forecast.h"

#include "engine/base/assert.h"
#include "engine/shape/forecast_flow.h"

#define SPAN_FIRST (100 * USEC_MS)
#define SPAN_PART 64
#define SPAN_LONGEST USEC_HOUR
#define CLEARLY 0.9

const char *const forecast_hold_names[HOLD_COUNT] = {
	"round trips",         "message rate",
	"byte rate",           "connections",
	"connection rate",     "messages per connection",
	"suspended",           "connections of the engine",
	"speed of the engine", "rate of the campaign",
};

const struct forecast_assumption forecast_assumption_default = {
	.round_trip = 50 * USEC_MS,
	.reply = 50 * USEC_MS,
	.open_trips = 4,
	.chunking = true,
	.message_size = 20000,
};

/* A flow within a forecast. */
struct member {
	struct flow_run {
		usec busy, path_at; /* as they were when the use was last read */
		uint64_t started;
		usec at; /* of the flow: path time and leaps */
	} before;
	struct flow flow;
	struct forecast_flow *told;
	double use;                /* connections of one path, a mean */
	double pace;               /* messages a usec of one path */
	double part;               /* of the span that it gets */
	enum forecast_hold shared; /* why it gets less than all */
	usec withheld[HOLD_COUNT];
	enum forecast_hold latest; /* of the span before */
	usec since[HOLD_COUNT];    /* when each began to hold, the last time */
	bool ended;
};

static usec time_of(const struct flow *f)
{
	return f->path_at + f->leapt;
}

/* What a flow used since it was last asked; without news it is as before. */
static void read_use(struct member *m)
{
	const struct flow *f = &m->flow;
	usec path_time = f->path_at - m->before.path_at;
	usec time = time_of(f) - m->before.at;
	if (path_time > 0)
		m->use = (double)(f->busy_time - m->before.busy) / (double)path_time;
	if (time > 0)
		m->pace = (double)(f->started - m->before.started) / (double)time;
	m->before = (struct flow_run){.busy = f->busy_time,
				      .path_at = f->path_at,
				      .started = f->started,
				      .at = time_of(f)};
}

static void withhold(struct member *m, double part, enum forecast_hold why)
{
	if (part >= 1)
		return;
	m->part *= part;
	m->shared = why;
}

/* Connections go to the large flows first: theirs stand when others are still to be opened. */
static void share_connections(const struct forecast *f, struct member *members)
{
	double left = f->connection_limit;
	for (size_t i = 0; f->connection_limit > 0 && i < f->flow_count; i++) {
		struct member *m = &members[i];
		double use = m->use * m->told->paths;
		if (m->ended || use <= 0)
			continue;
		/* Who comes last still gets one in its turn. */
		double gets = left > 1 ? left : 1;
		withhold(m, gets / use, HOLD_ENGINE_CONNECTIONS);
		left -= use < gets ? use : gets;
	}
}

static double pace_of_all(const struct forecast *f, const struct member *members)
{
	double sum = 0;
	for (size_t i = 0; i < f->flow_count; i++)
		if (!members[i].ended)
			sum += members[i].pace * members[i].part * members[i].told->paths;
	return sum;
}

static void share_rate(const struct forecast *f, struct member *members, double limit,
		       enum forecast_hold why)
{
	double sum = pace_of_all(f, members);
	for (size_t i = 0; sum > limit && i < f->flow_count; i++)
		withhold(&members[i], limit / sum, why);
}

static void share_out(const struct forecast *f, struct member *members)
{
	for (size_t i = 0; i < f->flow_count; i++)
		members[i].part = 1;
	share_connections(f, members);
	if (f->engine_rate > 0)
		share_rate(f, members, (double)f->engine_rate / (double)USEC_SECOND,
			   HOLD_ENGINE_RATE);
	const struct rate *rate = &f->campaign_rate;
	if (rate->count > 0)
		share_rate(f, members, (double)rate->count / (double)rate->per,
			   HOLD_CAMPAIGN_RATE);
}

static usec tail_of(const struct forecast *f, const struct forecast_flow *flow)
{
	static const struct classification deferred = {.class = CLASS_GREYLISTED, .cause = ""};
	struct retry_schedule schedule = f->retry;
	struct prng prng;
	double left = (double)flow->recipients * flow->paths * flow->deferred;
	usec at = flow->end_at;
	prng_init(&prng, 1);
	schedule.jitter = 0;
	for (uint32_t attempts = 1; left >= 1; attempts++) {
		usec next =
			retry_next_at(&schedule, &deferred, attempts, flow->end_at, at, &prng);
		if (next == USEC_NEVER)
			break;
		at = next;
		left *= flow->deferred;
	}
	return at;
}

static enum forecast_hold longest(const usec *times)
{
	enum forecast_hold best = HOLD_NONE;
	for (enum forecast_hold i = HOLD_NONE; i < HOLD_COUNT; i++)
		if (times[i] > times[best])
			best = i;
	return best;
}

static void add_held(const struct member *m, usec *times)
{
	for (size_t i = 0; i < HOLD_COUNT; i++)
		times[i] += m->flow.held[i] + m->withheld[i];
}

/* Connections that are renewed most of the time are too few because each takes too few
 * messages. */
static enum forecast_hold finer(const struct member *m, enum forecast_hold hold)
{
	uint32_t each = m->flow.path.limits.messages_per_connection;
	bool renewed = 2 * m->flow.renewing_time > m->flow.busy_time;
	bool bounded = each > 0 && each < m->told->recipients;
	return hold == HOLD_CONNECTIONS && renewed && bounded ? HOLD_MESSAGES_PER_CONNECTION
							      : hold;
}

static void end_flow(const struct forecast *f, struct member *m, usec at)
{
	struct forecast_flow *told = m->told;
	usec held[HOLD_COUNT] = {};
	add_held(m, held);
	enum forecast_hold hold = longest(held);
	double time = (double)(at == USEC_NEVER ? FORECAST_LIMIT : usec_max(at, 1));
	m->ended = true;
	told->end_at = at;
	told->tail_at = at == USEC_NEVER ? at : tail_of(f, told);
	told->hold = finer(m, hold);
	told->hold_since = m->since[hold];
	told->per_hour = (double)m->flow.started * told->paths * (double)USEC_HOUR / time;
}

static void run_span(const struct forecast *f, struct member *m, usec at, usec span)
{
	usec given = (usec)((double)span * m->part);
	usec before[HOLD_COUNT] = {}, held[HOLD_COUNT] = {};
	add_held(m, before);
	usec taken = flow_advance(&m->flow, given);
	/* Who gets clearly less than all is held back by that, whatever its own limits are. */
	if (m->part < 1)
		m->withheld[m->shared] += m->part < CLEARLY ? span : span - given;
	add_held(m, held);
	for (size_t i = 0; i < HOLD_COUNT; i++)
		held[i] -= before[i];
	enum forecast_hold hold = longest(held);
	if (hold != m->latest)
		m->since[hold] = at;
	m->latest = hold;
	read_use(m);
	if (m->flow.remaining > 0)
		return;
	/* Paths that take turns hand their connections on when all is answered. */
	if (m->shared == HOLD_ENGINE_CONNECTIONS && m->part < 1)
		taken += flow_drain_time(&m->flow);
	end_flow(f, m, at + (usec)((double)taken / m->part));
}

static int begin(struct forecast *f, struct member *members, struct arena *arena)
{
	for (size_t i = 0; i < f->flow_count; i++) {
		struct forecast_flow *told = &f->flows[i];
		ASSERT(told->paths >= 1 && told->deferred >= 0 && told->deferred < 1);
		members[i].told = told;
		if (flow_init(&members[i].flow, &f->assumption, &told->limits, told->recipients,
			      arena) != 0)
			return -1;
		if (told->recipients == 0)
			end_flow(f, &members[i], 0);
	}
	return 0;
}

static bool all_ended(const struct forecast *f, const struct member *members)
{
	for (size_t i = 0; i < f->flow_count; i++)
		if (!members[i].ended)
			return false;
	return true;
}

static void tell_ends(struct forecast *f)
{
	f->end_at = f->tail_at = 0;
	for (size_t i = 0; i < f->flow_count; i++) {
		const struct forecast_flow *flow = &f->flows[i];
		if (flow->end_at > f->end_at)
			f->last_flow = i;
		f->end_at = usec_max(f->end_at, flow->end_at);
		f->tail_at = usec_max(f->tail_at, flow->tail_at);
	}
}

int forecast_run(struct forecast *f, struct arena *arena)
{
	struct member *members = ARENA_ARRAY(arena, struct member, f->flow_count + 1);
	if (!members || begin(f, members, arena) != 0)
		return -1;
	f->last_flow = 0;
	for (usec at = 0, span = SPAN_FIRST; !all_ended(f, members) && at < FORECAST_LIMIT;) {
		share_out(f, members);
		for (size_t i = 0; i < f->flow_count; i++)
			if (!members[i].ended)
				run_span(f, &members[i], at, span);
		at += span;
		span = usec_min(usec_max(SPAN_FIRST, at / SPAN_PART), SPAN_LONGEST);
	}
	for (size_t i = 0; i < f->flow_count; i++)
		if (!members[i].ended)
			end_flow(f, &members[i], USEC_NEVER);
	tell_ends(f);
	return 0;
}
