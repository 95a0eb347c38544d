/* forecast_flow.c - stepping one path; see forecast.h about leaps.
 * The order of things is that of carrier_path_run(): replies first, then a verdict, starts
 * spread over the emptiest connections, connections opened for what is left. Replies come as
 * delivered: what goes wrong on the way is nobody's plan. */
#include "engine/shape/forecast_flow.h"

#include "engine/base/assert.h"

#define PENDING_PER_CONNECTION 10       /* as the carrier opens them to hosts that answer soon */
#define PENDING_TIME (60 * USEC_SECOND) /* a path is given what it can start within it */
#define PENDING_LEAST 8
#define LAP_LEAST 512
#define LAP_MOST 20000
#define STEADY 0.01 /* two laps of one pace: equal to a hundredth */

int flow_init(struct flow *f, const struct forecast_assumption *assumption,
	      const struct path_limits *limits, uint64_t recipients, struct arena *arena)
{
	*f = (struct flow){.assumption = assumption,
			   .remaining = recipients,
			   .wake_at = USEC_NEVER,
			   .leap_size = 1};
	uint64_t deserved = recipients / PENDING_PER_CONNECTION + 1;
	f->connection_count =
		deserved < limits->connections ? (uint32_t)deserved : limits->connections;
	f->connections = ARENA_ARRAY(arena, struct flow_connection, f->connection_count);
	f->events = ARENA_ARRAY(arena, struct flow_event, f->connection_count);
	path_init(&f->path, limits, 0);
	habit_init(&f->habit);
	return f->connections && f->events ? 0 : -1;
}

/* ---- events: a binary heap by time ---- */

static void event_swap(struct flow *f, size_t a, size_t b)
{
	struct flow_event event = f->events[a];
	f->events[a] = f->events[b];
	f->events[b] = event;
}

static void event_put(struct flow *f, uint32_t connection, usec at)
{
	size_t i = f->event_count++;
	ASSERT(f->event_count <= f->connection_count);
	f->events[i] = (struct flow_event){.at = at, .connection = connection};
	for (; i > 0 && f->events[i].at < f->events[(i - 1) / 2].at; i = (i - 1) / 2)
		event_swap(f, i, (i - 1) / 2);
}

static struct flow_event event_take(struct flow *f)
{
	struct flow_event first = f->events[0];
	f->events[0] = f->events[--f->event_count];
	for (size_t i = 0;;) {
		size_t least = i, left = 2 * i + 1;
		if (left < f->event_count && f->events[left].at < f->events[least].at)
			least = left;
		if (left + 1 < f->event_count && f->events[left + 1].at < f->events[least].at)
			least = left + 1;
		if (least == i)
			return first;
		event_swap(f, i, least);
		i = least;
	}
}

/* ---- connections ---- */

static const struct habit_rule *rule_of(const struct flow *f)
{
	const struct habit_rule *rule = &f->path.limits.habits;
	return rule->window ? rule : &habit_rule_default;
}

static void plan(struct flow *f, struct flow_connection *c)
{
	c->plan = habit_plan(&f->habit, rule_of(f), false, c->submitted, f->path_at);
}

static uint32_t room_of(const struct flow_connection *c)
{
	uint32_t limit = c->plan.flight == FLIGHT_WINDOW ? c->plan.window
			 : c->plan.flight >= FLIGHT_NEXT ? 2
							 : 1;
	if (c->state != FLOW_OPEN || c->worn_out || c->under_way >= limit)
		return 0;
	return limit - c->under_way;
}

static bool is_worn_out(const struct flow *f, const struct flow_connection *c)
{
	uint32_t limit = f->path.limits.messages_per_connection;
	return limit != 0 && c->submitted >= limit;
}

/* When the server will have answered a message that is submitted now. A window's bodies are
 * under way together and taken one after the other; a next one's envelope saves a round trip,
 * and its body waits for the reply before it. */
static usec reply_at(const struct flow *f, const struct flow_connection *c)
{
	const struct forecast_assumption *a = f->assumption;
	usec before = 0, now = f->path_at;
	if (c->under_way > 0)
		before = c->replies[(c->first + c->under_way - 1) % SMTP_TRANSACTION_LIMIT];
	switch (c->plan.flight) {
	case FLIGHT_LOCKSTEP:
		return usec_max(now, before) + 4 * a->round_trip + a->reply;
	case FLIGHT_GROUP:
		return usec_max(now, before) + 2 * a->round_trip + a->reply;
	case FLIGHT_NEXT:
		return usec_max(now + a->round_trip, before) + a->round_trip + a->reply;
	case FLIGHT_CHUNK:
		return usec_max(now, before) + a->round_trip + a->reply;
	case FLIGHT_WINDOW:
		return usec_max(now + a->round_trip, before) + a->reply;
	case FLIGHT_COUNT:
		break;
	}
	UNREACHABLE();
}

static void submit(struct flow *f, uint32_t index)
{
	struct flow_connection *c = &f->connections[index];
	const struct path_event event = {.kind = PATH_STARTED,
					 .size = f->assumption->message_size};
	path_record(&f->path, &event, f->path_at);
	usec at = reply_at(f, c);
	c->replies[(c->first + c->under_way++) % SMTP_TRANSACTION_LIMIT] = at;
	c->submitted++;
	if (c->under_way == 1) {
		f->working++;
		event_put(f, index, at);
	}
	plan(f, c);
	c->worn_out = is_worn_out(f, c);
	f->started++;
	f->remaining--;
}

static void opened(struct flow *f, struct flow_connection *c)
{
	c->state = FLOW_OPEN;
	c->idle_since = f->path_at;
	f->opening--;
	f->open++;
	plan(f, c);
}

static void closed(struct flow *f, struct flow_connection *c)
{
	f->closing -= c->state == FLOW_CLOSING;
	f->open--;
	*c = (struct flow_connection){.state = FLOW_CLOSED};
}

static void answered(struct flow *f, uint32_t index)
{
	static const struct classification delivered = {.class = CLASS_NONE, .cause = ""};
	struct flow_connection *c = &f->connections[index];
	const struct path_event event = {.kind = PATH_REPLY, .classification = &delivered};
	path_record(&f->path, &event, f->path_at);
	c->first = (c->first + 1) % SMTP_TRANSACTION_LIMIT;
	c->under_way--;
	c->answered++;
	(void)!habit_clean(&f->habit, rule_of(f), &c->plan, c->answered,
			   f->assumption->chunking, false, f->path_at);
	plan(f, c);
	c->idle_since = f->path_at;
	if (c->under_way > 0) {
		event_put(f, index, c->replies[c->first]);
		return;
	}
	f->working--;
	if (!c->worn_out)
		return;
	c->state = FLOW_CLOSING; /* QUIT and its reply */
	f->closing++;
	event_put(f, index, f->path_at + f->assumption->round_trip);
}

static void handle_events(struct flow *f)
{
	while (f->event_count > 0 && f->events[0].at <= f->path_at) {
		uint32_t index = event_take(f).connection;
		struct flow_connection *c = &f->connections[index];
		if (c->state == FLOW_OPENING)
			opened(f, c);
		else if (c->state == FLOW_CLOSING)
			closed(f, c);
		else
			answered(f, index);
	}
}

/* ---- a turn of the path ---- */

static uint32_t pending_of(const struct flow *f)
{
	const struct rate *rate = &f->path.messages.rate;
	double most = UINT32_MAX;
	if (rate->count > 0)
		most = (double)rate->count * (double)PENDING_TIME / (double)rate->per;
	most = most < PENDING_LEAST ? PENDING_LEAST : most;
	return f->remaining < (uint64_t)most ? (uint32_t)f->remaining : (uint32_t)most;
}

static uint32_t count_slots(struct flow *f)
{
	uint32_t slots = 0;
	for (uint32_t i = 0; i < f->connection_count; i++) {
		struct flow_connection *c = &f->connections[i];
		bool rests = c->state == FLOW_OPEN && c->under_way == 0;
		if (rests && f->path_at - c->idle_since >= f->path.limits.idle_close &&
		    f->path.limits.idle_close > 0)
			closed(f, c);
		slots += room_of(c);
	}
	return slots;
}

static void start(struct flow *f, uint32_t count)
{
	for (uint32_t depth = 0; count > 0 && depth < SMTP_TRANSACTION_LIMIT; depth++) {
		for (uint32_t i = 0; count > 0 && i < f->connection_count; i++) {
			const struct flow_connection *c = &f->connections[i];
			if (room_of(c) == 0 || c->under_way > depth)
				continue;
			submit(f, i);
			count--;
		}
	}
}

static uint32_t open_some(struct flow *f, uint32_t allowed, uint32_t pending)
{
	uint32_t wanted = (pending + PENDING_PER_CONNECTION - 1) / PENDING_PER_CONNECTION;
	uint32_t count = 0;
	usec ready_at = f->path_at + f->assumption->open_trips * f->assumption->round_trip;
	for (uint32_t i = 0; i < f->connection_count; i++) {
		if (count == allowed || f->open + f->opening >= wanted)
			return count;
		if (f->connections[i].state != FLOW_CLOSED)
			continue;
		const struct path_event event = {.kind = PATH_OPENING};
		path_record(&f->path, &event, f->path_at);
		f->connections[i].state = FLOW_OPENING;
		f->opening++;
		event_put(f, i, ready_at);
		count++;
	}
	return count;
}

static enum forecast_hold hold_named(const char *why)
{
	static const struct {
		const char *why;
		enum forecast_hold hold;
	} names[] = {{"rate", HOLD_MESSAGE_RATE},
		     {"bytes", HOLD_BYTE_RATE},
		     {"connections", HOLD_CONNECTIONS},
		     {"connection rate", HOLD_CONNECTION_RATE},
		     {"suspended", HOLD_SUSPENDED}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(str_of(why), str_of(names[i].why)))
			return names[i].hold;
	return HOLD_NONE;
}

/* What would hold back a single message: the rate, if it had a place; without one, what keeps
 * another connection from being opened. */
static enum forecast_hold hold_of(const struct flow *f)
{
	struct path_demand one = {.waiting = 1, .slots = 1, .open = f->open + f->opening};
	if (f->remaining == 0)
		return HOLD_NONE;
	struct path_grant grant = path_verdict(&f->path, &one, f->path_at);
	if (grant.start == 0)
		return hold_named(grant.why);
	one.slots = 0;
	grant = path_verdict(&f->path, &one, f->path_at);
	return hold_named(grant.why);
}

static void turn(struct flow *f)
{
	bool moved = true;
	while (moved && f->remaining > 0) {
		uint32_t pending = pending_of(f);
		struct path_demand demand = {.waiting = pending,
					     .slots = count_slots(f),
					     .open = f->open,
					     .opening = f->opening};
		struct path_grant grant = path_verdict(&f->path, &demand, f->path_at);
		f->wake_at = grant.wake_at;
		start(f, grant.start);
		uint32_t begun = open_some(f, grant.open, pending - grant.start);
		moved = grant.start > 0 || begun > 0;
	}
	f->hold = hold_of(f);
}

/* ---- time ---- */

static void pass(struct flow *f, usec time)
{
	f->busy_time += (f->opening + f->closing + f->working) * time;
	f->renewing_time += (f->opening + f->closing) * time;
	f->held[f->hold] += time;
	f->lap_held[f->hold] += time;
	f->path_at += time;
}

static uint64_t lap_size(const struct flow *f)
{
	uint64_t connections = f->path.limits.connections;
	uint64_t each = f->path.limits.messages_per_connection;
	uint64_t size = 2 * connections * (each ? each : SMTP_TRANSACTION_LIMIT);
	if (size > LAP_MOST)
		return LAP_MOST;
	return size < LAP_LEAST ? LAP_LEAST : size;
}

/* A lap is over: was it like the one before? Then the next ones may be leapt over. */
static void end_lap(struct flow *f)
{
	uint64_t size = lap_size(f);
	if (f->started - f->lap_started < size || f->path_at == f->lap_at)
		return;
	double pace = (double)(f->started - f->lap_started) / (double)(f->path_at - f->lap_at);
	double ratio = f->pace > 0 ? pace / f->pace : 0;
	f->steady = ratio > 1 - STEADY && ratio < 1 + STEADY;
	f->leap_left = f->steady ? f->leap_size * (double)size : 0;
	f->leap_size = f->steady ? 2 * f->leap_size : 1;
	f->pace = pace;
	for (size_t i = 0; i < HOLD_COUNT; i++) {
		f->lap_share[i] = (double)f->lap_held[i] / (double)(f->path_at - f->lap_at);
		f->lap_held[i] = 0;
	}
	f->lap_started = f->started;
	f->lap_at = f->path_at;
}

/* Leaps as far as it may within a time; returns how long that took. */
static usec leap(struct flow *f, usec time)
{
	uint64_t keep = lap_size(f);
	double count = f->leap_left, fits = f->pace * (double)time + f->leap_rest;
	if (count <= 0 || f->remaining <= keep)
		return 0;
	if (count > (double)(f->remaining - keep))
		count = (double)(f->remaining - keep);
	usec taken = time;
	if (count <= fits) {
		taken = (usec)(count / f->pace);
		f->leap_rest = 0;
		f->leap_left = 0;
	} else {
		count = fits;
		f->leap_left -= count;
	}
	uint64_t whole = (uint64_t)count;
	f->leap_rest = f->leap_left > 0 ? count - (double)whole : 0;
	f->remaining -= whole;
	f->started += whole;
	f->lap_started += whole;
	f->leapt += taken;
	for (size_t i = 0; i < HOLD_COUNT; i++)
		f->held[i] += (usec)(f->lap_share[i] * (double)taken);
	return taken;
}

usec flow_advance(struct flow *f, usec time)
{
	usec left = time;
	while (f->remaining > 0) {
		left -= leap(f, left);
		if (left <= 0)
			break;
		turn(f);
		if (f->remaining == 0)
			break;
		usec next = f->event_count > 0 ? f->events[0].at : USEC_NEVER;
		/* A grant that was not used, because so few messages deserve no connection
		 * more, says now: then an event is what it waits for. */
		if (f->wake_at > f->path_at)
			next = usec_min(next, f->wake_at);
		usec wait = next == USEC_NEVER ? left : usec_min(left, next - f->path_at);
		pass(f, wait);
		left -= wait;
		handle_events(f);
		end_lap(f);
	}
	return time - (left > 0 ? left : 0);
}

usec flow_drain_time(const struct flow *f)
{
	usec last = f->path_at;
	for (uint32_t i = 0; i < f->connection_count; i++) {
		const struct flow_connection *c = &f->connections[i];
		if (c->under_way == 0)
			continue;
		size_t newest = (c->first + c->under_way - 1) % SMTP_TRANSACTION_LIMIT;
		last = usec_max(last, c->replies[newest]);
	}
	return last - f->path_at;
}
