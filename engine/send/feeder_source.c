/* feeder_source.c - which source takes whom. A campaign or a route names a pool; within it a
 * recipient falls to a source by weight and by his id, so that a second run of the same
 * campaign takes the same one. A retry keeps the source of the attempt before (greylisting
 * knows it by address). Sources that are set aside are passed over, and those in warm-up that
 * have no room with this provider: what they cannot take leaves by the warm ones. Where nobody
 * can take it, it is put back until somebody may. */
#include "engine/send/feeder.h"

#include <stdio.h>

#include "engine/base/log.h"

#define RATE_INTERVAL USEC_SECOND    /* between two looks at how fast starts may be */
#define ASK_AGAIN (60 * USEC_SECOND) /* when no start was to be had */
#define BACK_LEAST (5 * USEC_SECOND) /* before it is read again */
#define BACK_MOST (15 * USEC_MINUTE) /* somebody may have changed what it waits for */

static void on_warmup(struct store_request *);

/* ---- warm-ups ---- */

static struct warming *warming_create(struct feeder *feeder, const char *key, uint32_t source,
				      const char *provider)
{
	struct warming *w = ARENA_NEW(&feeder->arena, struct warming);
	if (!w)
		return NULL;
	w->source = feeder->settings->sources[source].name;
	w->curve = feeder->settings->warmups[source];
	snprintf(w->provider, sizeof(w->provider), "%s", provider);
	snprintf(w->key, sizeof(w->key), "%s", key);
	return map_put(&feeder->warmings, str_of(w->key), w) == 0 ? w : NULL;
}

/* A relay has a name of its own with providers. */
static bool has_curve(const struct feeder *feeder, uint32_t source, const struct route *route)
{
	bool by_relay = route->host_count > 0 && route->hosts[0].relay != ROUTE_NO_RELAY;
	return feeder->settings->warmups && feeder->settings->warmups[source] && !by_relay;
}

/* NULL: it has no curve there, or memory is out. */
static struct warming *warming_of(struct feeder *feeder, uint32_t source,
				  const struct route *route)
{
	char key[sizeof(((struct warming *)0)->key)];
	if (!has_curve(feeder, source, route))
		return NULL;
	snprintf(key, sizeof(key), "%u %s", source, route->provider);
	struct warming *w = map_get(&feeder->warmings, str_of(key));
	return w ? w : warming_create(feeder, key, source, route->provider);
}

static void publish_news(struct feeder *feeder)
{
	atomic_fetch_add_explicit(&feeder->carrier->warming_news, 1, memory_order_release);
	if (feeder->carrier_bell)
		io_bell_ring(feeder->carrier_bell);
}

static void tell(const struct warming *w, const struct warmup_state *before)
{
	if (before->day == w->state.day || before->day == 0)
		return;
	log_event(LOG_INFO, "warm-up",
		  "source=\"%s\" provider=\"%s\" step=%u of=%u held=\"%s\"",
		  log_str(str_of(w->source)), log_str(str_of(w->provider)), w->state.step + 1,
		  w->curve->step_count, log_str(str_of(w->state.held)));
}

static struct warming *warming_next(struct feeder *feeder, size_t *index)
{
	struct map_entry *entry = map_next(&feeder->warmings, index);
	return entry ? entry->value : NULL;
}

static void ask(struct feeder *feeder, struct warming *w)
{
	warming_ask(w, io_wall_now(feeder->loop));
	w->request.request.on_done = on_warmup;
	w->context = feeder;
	store_warmup(feeder->beat, &w->request);
}

static void on_warmup(struct store_request *request)
{
	struct warming *w = CHAIN_OWNER(request, struct warming, request.request);
	struct feeder *feeder = w->context;
	struct warmup_state before = w->state;
	w->busy = false;
	if (request->result != STORE_OK) {
		w->wanted = true;
		feeder_failed(feeder, request, &w->again_at);
		return;
	}
	feeder->database_lost = false;
	if (!warming_answered(w, io_wall_now(feeder->loop)))
		w->again_at = io_now(feeder->loop) + ASK_AGAIN;
	tell(w, &before);
	publish_news(feeder);
}

usec feeder_warm_up(struct feeder *feeder, usec now)
{
	usec wall = io_wall_now(feeder->loop), wake = USEC_NEVER;
	bool pace = now >= feeder->paced_at + RATE_INTERVAL;
	size_t index = 0;
	for (struct warming *w; (w = warming_next(feeder, &index));) {
		if (pace && w->handed > 0)
			warming_set_pace(w, wall);
		if (w->busy || feeder->draining || !warming_is_short(w, wall))
			continue;
		if (now < w->again_at)
			wake = usec_min(wake, w->again_at);
		else
			ask(feeder, w);
	}
	if (pace)
		feeder->paced_at = now;
	return wake;
}

static void ignore(struct store_request *request)
{
	(void)request;
}

/* A database that is away keeps them counted: that costs a part of the day, and no more. */
void feeder_source_done(struct feeder *feeder, struct store *store)
{
	size_t index = 0;
	for (struct warming *w; store && (w = warming_next(feeder, &index));) {
		uint32_t unused = w->handed == 0 ? warming_give_back(w) : 0;
		struct store_warmup back = {
			.request = {.on_done = ignore},
			.source = str_of(w->source),
			.provider = str_of(w->provider),
			.curve = w->curve,
			.now_wall = io_wall_now(feeder->loop),
			.unused = unused,
			.unused_day = w->state.day,
		};
		if (unused == 0)
			continue;
		store_warmup(store, &back);
		if (back.request.result != STORE_OK)
			return;
	}
}

void feeder_source_back(struct envelope *envelope)
{
	struct warming *w = envelope->warming;
	if (!w)
		return;
	w->handed--;
	w->returned_starts += envelope->warming_starts;
	envelope->warming = NULL;
	envelope->warming_starts = 0;
}

/* ---- pools ---- */

/* One domain's envelopes on their way to the members of a pool. There is one of it, with room
 * for all sources. */
struct choosing {
	struct source_pool all; /* all sources, each as often as another */
	const struct source_pool *pool;
	struct member {
		struct warming *warming;
		uint64_t room; /* envelopes that it may still take */
		struct chain mine;
	} * members;
	bool *any, *may, *warm; /* any: of every member true */
};

static struct choosing *choosing_create(struct feeder *feeder)
{
	size_t count = feeder->settings->source_count;
	struct arena *arena = &feeder->arena;
	struct choosing *c = ARENA_NEW(arena, struct choosing);
	uint32_t *sources = ARENA_ARRAY(arena, uint32_t, count);
	uint32_t *weights = ARENA_ARRAY(arena, uint32_t, count);
	if (!c || !sources || !weights)
		return NULL;
	c->members = ARENA_ARRAY(arena, struct member, count);
	c->any = ARENA_ARRAY(arena, bool, count);
	c->may = ARENA_ARRAY(arena, bool, count);
	c->warm = ARENA_ARRAY(arena, bool, count);
	if (!c->members || !c->any || !c->may || !c->warm)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		sources[i] = (uint32_t)i;
		weights[i] = 1;
		c->any[i] = true;
	}
	c->all = (struct source_pool){.sources = sources, .weights = weights, .count = count};
	return c;
}

static const struct source_pool *
named_pool(const struct feeder *feeder, const struct slice *slice, const struct route *route)
{
	const struct engine_settings *settings = feeder->settings;
	str name = slice->campaign->content->pool;
	for (size_t i = 0; name.size > 0 && i < settings->pool_count; i++)
		if (str_eq(settings->pools[i].name, name))
			return &settings->pools[i];
	if (route->pool > 0 && route->pool <= settings->pool_count)
		return &settings->pools[route->pool - 1];
	return NULL;
}

bool feeder_sources_are_known(struct feeder *feeder, const struct slice *slice,
			      const struct route *route)
{
	const struct source_pool *pool = named_pool(feeder, slice, route);
	size_t count = pool ? pool->count : feeder->settings->source_count;
	usec wall = io_wall_now(feeder->loop);
	bool known = true;
	for (size_t i = 0; feeder->settings->warmups && i < count; i++) {
		uint32_t source = pool ? pool->sources[i] : (uint32_t)i;
		struct warming *w =
			feeder_holds(feeder, source) ? warming_of(feeder, source, route) : NULL;
		if (!w || warming_is_known(w, wall))
			continue;
		w->wanted = true;
		known = false;
	}
	return known;
}

static void look_at(struct feeder *feeder, struct choosing *c, size_t i,
		    const struct route *route)
{
	usec now = io_now(feeder->loop), wall = io_wall_now(feeder->loop);
	uint32_t source = c->pool->sources[i];
	bool aside = carrier_source_is_aside(feeder->carrier, source, now);
	struct member *m = &c->members[i];
	chain_init(&m->mine);
	m->warming = warming_of(feeder, source, route);
	m->room = has_curve(feeder, source, route) ? 0 : UINT64_MAX;
	if (m->warming)
		m->room = warming_room(m->warming, now, wall);
	c->may[i] = !aside && m->room > 0;
	c->warm[i] = !aside && m->room == UINT64_MAX;
}

/* When somebody of the pool may take more of the slice, after all that was just given. */
static usec again_at_of(struct feeder *feeder, const struct choosing *c,
			const struct slice *slice)
{
	usec now = io_now(feeder->loop), wall = io_wall_now(feeder->loop);
	usec back = wall + BACK_MOST;
	for (size_t i = 0; i < c->pool->count; i++) {
		struct warming *w = c->members[i].warming;
		if (!feeder_holds(feeder, c->pool->sources[i]))
			back = usec_min(back, wall + BACK_LEAST); /* its engine may take it */
		else if (carrier_source_is_aside(feeder->carrier, c->pool->sources[i], now))
			back = usec_min(back, wall + USEC_MINUTE);
		else if (w)
			back = usec_min(back, warming_book(w, slice->id, now, wall, BACK_MOST));
	}
	return now + usec_max(back - wall, BACK_LEAST);
}

/* SIZE_MAX: not by this pool, or never yet. */
static size_t member_before(const struct feeder *feeder, const struct source_pool *pool,
			    str source)
{
	for (size_t i = 0; source.size > 0 && i < pool->count; i++)
		if (str_eq(source, str_of(feeder->settings->sources[pool->sources[i]].name)))
			return i;
	return SIZE_MAX;
}

/* The member that takes him; SIZE_MAX: nobody can now. */
static size_t choose(const struct feeder *feeder, const struct choosing *c,
		     const struct store_recipient *recipient)
{
	uint64_t id = recipient->subscriber_id;
	size_t index = member_before(feeder, c->pool, recipient->source);
	if (index == SIZE_MAX)
		index = source_pool_pick(c->pool, c->any, id);
	if (index != SIZE_MAX && !c->may[index])
		index = source_pool_pick(c->pool, c->warm, id);
	return index != SIZE_MAX ? index : source_pool_pick(c->pool, c->may, id);
}

static void take(struct choosing *c, size_t index, struct envelope *envelope)
{
	struct member *m = &c->members[index];
	chain_push_back(&m->mine, &envelope->link);
	envelope->warming = m->warming;
	envelope->warming_starts = 0;
	if (m->warming)
		m->warming->handed++;
	if (m->room != UINT64_MAX && --m->room == 0)
		c->may[index] = false;
}

void feeder_hand_over_by_source(struct feeder *feeder, struct slice *slice,
				const struct route *route, struct chain *envelopes)
{
	struct choosing *c = feeder->choosing;
	const struct source_pool *named = named_pool(feeder, slice, route);
	usec again_at = 0;
	c->pool = named ? named : &c->all;
	for (size_t i = 0; i < c->pool->count; i++)
		look_at(feeder, c, i, route);
	for (struct chain_link *link; (link = chain_pop(envelopes));) {
		struct envelope *envelope = CHAIN_OWNER(link, struct envelope, link);
		size_t index = choose(feeder, c, envelope->recipient);
		if (index != SIZE_MAX) {
			take(c, index, envelope);
			continue;
		}
		if (again_at == 0)
			again_at = again_at_of(feeder, c, slice);
		envelope->again_at = again_at;
		feeder_returned(feeder, envelope);
	}
	for (size_t i = 0; i < c->pool->count; i++)
		feeder_hand_over(feeder, slice,
				 (struct run){.route = route,
					      .source_index = c->pool->sources[i],
					      .warming = c->members[i].warming},
				 &c->members[i].mine);
}

int feeder_source_init(struct feeder *feeder)
{
	map_init(&feeder->warmings, &feeder->arena, feeder->engine_id);
	chain_init(&feeder->unsure);
	feeder->choosing = choosing_create(feeder);
	return feeder->choosing ? 0 : -1;
}
