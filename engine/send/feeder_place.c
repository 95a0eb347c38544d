/* feeder_place.c - see feeder_place.h. */
#include "engine/send/feeder.h"

#include "engine/base/hash.h"
#include "engine/base/log.h"

#define BATCH_AGE (2 * USEC_SECOND)
#define RETRY_PAUSE (5 * USEC_SECOND)
#define HOSTS_NAMED 3

int feeder_places_init(struct feeder *feeder)
{
	struct feeder_places *places = &feeder->places;
	arena_init(&places->arena, feeder->source, 1 << 16, 0);
	places->batch = ARENA_ARRAY(&feeder->arena, struct store_domain_site, PLACES_BATCH);
	places->seen = ARENA_ARRAY(&feeder->arena, uint64_t, PLACES_SEEN);
	return places->batch && places->seen ? 0 : -1;
}

void feeder_places_done(struct feeder *feeder)
{
	arena_done(&feeder->places.arena);
}

/* True the first time of a day. */
static bool is_news(struct feeder_places *places, str domain, usec now)
{
	if (now >= places->seen_from + USEC_DAY) {
		memset(places->seen, 0, PLACES_SEEN * sizeof(*places->seen));
		places->seen_from = now;
	}
	uint64_t hash = hash_bytes(0, domain);
	uint64_t *seen = &places->seen[hash % PLACES_SEEN];
	if (*seen == hash)
		return false;
	*seen = hash;
	return true;
}

static str hosts_of(struct arena *arena, const struct route *route)
{
	struct buf hosts;
	buf_init_arena(&hosts, arena, 128);
	for (size_t i = 0; i < route->host_count && i < HOSTS_NAMED; i++)
		buf_printf(&hosts, "%s%s", i ? ", " : "", route->hosts[i].name);
	return buf_ok(&hosts) ? buf_str(&hosts) : STR("");
}

void feeder_places_note(struct feeder *feeder, str domain, const struct route *route)
{
	struct feeder_places *places = &feeder->places;
	usec now = io_now(feeder->loop);
	if (places->busy || places->count == PLACES_BATCH || !is_news(places, domain, now))
		return;
	struct store_domain_site place = {
		.domain = arena_copy(&places->arena, domain),
		.site = arena_copy(&places->arena, str_of(route->site)),
		.provider = arena_copy(&places->arena, str_of(route->provider)),
		.mx_hosts = hosts_of(&places->arena, route),
	};
	if (!place.domain.data || !place.site.data || !place.provider.data)
		return;
	if (places->count == 0)
		places->since = now;
	places->batch[places->count++] = place;
}

static void let_go(struct feeder_places *places)
{
	places->count = 0;
	arena_reset(&places->arena);
}

static void on_saved(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, places.request.request);
	struct feeder_places *places = &feeder->places;
	places->busy = false;
	bool again = request->result == STORE_LOST || request->result == STORE_RETRY;
	if (request->result != STORE_OK)
		log_event(LOG_WARN, "places-unsaved", "count=%zu why=\"%s\"", places->count,
			  log_str(str_of(request->why)));
	if (again && !feeder->draining)
		places->again_at = io_now(feeder->loop) + RETRY_PAUSE;
	else
		let_go(places);
}

usec feeder_places_step(struct feeder *feeder, usec now)
{
	struct feeder_places *places = &feeder->places;
	if (places->busy || places->count == 0)
		return USEC_NEVER;
	bool full = places->count == PLACES_BATCH || feeder->draining;
	usec due = usec_max(full ? now : places->since + BATCH_AGE,
			    feeder->draining ? now : places->again_at);
	if (now < due)
		return due;
	places->request = (struct store_domains_save){
		.request = {.on_done = on_saved},
		.domains = places->batch,
		.count = places->count,
	};
	places->busy = true;
	store_domains_save(feeder->beat, &places->request);
	return USEC_NEVER;
}

bool feeder_places_idle(const struct feeder *feeder)
{
	const struct feeder_places *places = &feeder->places;
	return !places->busy && !(feeder->draining && places->count > 0);
}
