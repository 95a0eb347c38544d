/* carrier_site.c - paths and their sites come and go: found by key, made, forgotten. */
#include "engine/send/carrier.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/log.h"

static struct path_limits limits_for(const struct carrier *carrier, const struct route *route)
{
	const struct rules *rules = carrier->settings->rules;
	return rules ? rules_limits(rules, str_of(route->provider), str_of(route->site))
		     : carrier->settings->default_limits;
}

static void path_forget(struct carrier *carrier, struct carrier_path *path)
{
	struct carrier_site *site = path->site;
	carrier_state_forget(carrier, path);
	map_remove(&carrier->paths, str_of(path->key));
	chain_remove(&site->paths, &path->of_site);
	free(path->route);
	slab_give_back(&carrier->path_slab, path);
	if (!chain_empty(&site->paths))
		return;
	carrier_site_end(carrier, site);
	map_remove(&carrier->sites, str_of(site->key));
	slab_give_back(&carrier->site_slab, site);
}

/* One that mail has come to since it ran last is still among the idle ones. */
static bool is_forgettable(struct carrier_path *path, usec now)
{
	const struct path *shaping = &path->site->shaping;
	return path->site->note_count == 0 && carrier_path_pending(path) == 0 && chain_empty(&path->sessions) &&
	       shaping->suspended_until <= now && path_is_rested(shaping, now);
}

/* An idle path whose shaping state no longer matters makes room for a new one. */
static bool evict_one(struct carrier *carrier)
{
	usec now = io_now(carrier->loop);
	struct chain_link *link = chain_first(&carrier->idle);
	for (; link; link = chain_next(&carrier->idle, link)) {
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, link);
		if (!is_forgettable(path, now))
			continue;
		chain_remove(&carrier->idle, link);
		chain_remove(&carrier->dirty, &path->dirty);
		chain_remove(&carrier->short_of, &path->short_of);
		carrier_path_unwait(carrier, path);
		wheel_cancel(&carrier->wheel, &path->wake.wheel);
		path_forget(carrier, path);
		return true;
	}
	return false;
}

/* Who counts what a sender sends to all customers together is one site to us; the space keeps
 * its name apart from those of sites. */
static void site_key(const struct carrier *carrier, const struct route *route,
		     uint32_t source_index, char *ret_key, size_t size)
{
	const struct rules *rules = carrier->settings->rules;
	if (rules && rules_shared(rules, str_of(route->provider)))
		snprintf(ret_key, size, "%u  %s", source_index, route->provider);
	else
		snprintf(ret_key, size, "%u %s", source_index, route->site);
}

/* There are as many places as for paths, so that one is free whenever a path is. */
static struct carrier_site *site_get(struct carrier *carrier, const struct route *route,
				     uint32_t source_index)
{
	char key[sizeof(((struct carrier_site *)0)->key)];
	site_key(carrier, route, source_index, key, sizeof(key));
	struct carrier_site *site = map_get(&carrier->sites, str_of(key));
	if (site)
		return site;
	site = slab_borrow(&carrier->site_slab);
	if (!site)
		return NULL;
	*site = (struct carrier_site){};
	snprintf(site->key, sizeof(site->key), "%s", key);
	chain_init(&site->paths);
	const struct path_limits limits = limits_for(carrier, route);
	path_init(&site->shaping, &limits, io_now(carrier->loop));
	site->source_index = source_index;
	chain_link_init(&site->unsaved);
	if (map_put(&carrier->sites, str_of(site->key), site) == 0) {
		carrier_site_begin(carrier, site);
		return site;
	}
	slab_give_back(&carrier->site_slab, site);
	return NULL;
}

static void path_init_empty(struct carrier_path *path, const char *key, uint32_t source_index)
{
	*path = (struct carrier_path){.source_index = source_index};
	snprintf(path->key, sizeof(path->key), "%s", key);
	chain_link_init(&path->dirty);
	chain_link_init(&path->short_of);
	carrier_state_init(&path->state);
	chain_link_init(&path->held);
	chain_init(&path->flows);
	chain_init(&path->urgent);
	chain_init(&path->ready);
	chain_init(&path->sessions);
	for (size_t i = 0; i < SMTP_TRANSACTION_LIMIT; i++)
		chain_init(&path->roomy[i]);
	path->wake.of = TIMER_PATH;
	wheel_timer_init(&path->wake.wheel);
}

/* Routes are handed over cut to their hosts: see route_keep() of the feeder. Most have one or
 * two, with room for eight a path would be ten times as large. False when memory is out: the
 * path keeps the route it has. */
static bool take_route(struct carrier_path *path, const struct route *route)
{
	size_t size =
		offsetof(struct route, hosts) + route->host_count * sizeof(route->hosts[0]);
	if (!path->route || route->host_count > path->route_room) {
		struct route *larger = realloc(path->route, size);
		if (!larger)
			return path->route != NULL;
		path->route = larger;
		path->route_room = route->host_count;
	}
	memcpy(path->route, route, size);
	return true;
}

/* NULL when there is no room: in the slabs, or for another entry of a map. */
static struct carrier_path *path_create(struct carrier *carrier, const char *key,
					const struct route *route, uint32_t source_index)
{
	struct carrier_path *path = slab_borrow(&carrier->path_slab);
	if (!path && evict_one(carrier))
		path = slab_borrow(&carrier->path_slab);
	if (!path)
		return NULL;
	path_init_empty(path, key, source_index);
	reach_init(&path->reach, io_now(carrier->loop));
	path->site = site_get(carrier, route, source_index);
	if (!path->site) {
		slab_give_back(&carrier->path_slab, path);
		return NULL;
	}
	chain_push_back(&path->site->paths, &path->of_site);
	if (map_put(&carrier->paths, str_of(path->key), path) != 0) {
		path_forget(carrier, path);
		return NULL;
	}
	chain_push_back(&carrier->idle, &path->link);
	return path;
}

struct carrier_path *carrier_path_get(struct carrier *carrier, const struct route *route,
				      uint32_t source_index)
{
	char key[sizeof(((struct carrier_path *)0)->key)];
	snprintf(key, sizeof(key), "%u %s %s", source_index, route->site, route->tls_key);
	struct carrier_path *path = map_get(&carrier->paths, str_of(key));
	if (path)
		return take_route(path, route) ? path : NULL;
	path = path_create(carrier, key, route, source_index);
	if (!path || !take_route(path, route))
		return NULL;
	carrier_path_bind(carrier, path);
	return path;
}

void carrier_paths_done(struct carrier *carrier)
{
	size_t index = 0;
	for (struct map_entry *e; (e = map_next(&carrier->paths, &index));)
		free(((struct carrier_path *)e->value)->route);
}

void carrier_site_learn(struct carrier *carrier, struct carrier_path *path,
			const struct path_event *event, const struct reply *reply)
{
	struct path *shaping = &path->site->shaping;
	usec now = io_now(carrier->loop);
	bool was_blocked = shaping->is_blocked;
	path_record(shaping, event, now);
	carrier_site_changed(carrier, path->site);
	if (was_blocked || !shaping->is_blocked)
		return;
	const struct source *source = &carrier->settings->sources[path->source_index];
	log_event(LOG_ERROR, "source-blocked",
		  "source=\"%s\" site=\"%s\" provider=\"%s\" minutes=%d code=%u why=\"%s\" "
		  "next=\"look the source up on block lists and at the provider's postmaster "
		  "pages; mail waits, one message asks again after that time\"",
		  log_str(str_of(source->name)), log_str(str_of(path->route->site)),
		  log_str(str_of(path->route->provider)),
		  (int)((shaping->suspended_until - now) / USEC_MINUTE), reply->code,
		  log_str(reply->text));
}

void carrier_site_touch(struct carrier *carrier, struct carrier_site *site)
{
	struct chain_link *link = chain_first(&site->paths);
	for (; link; link = chain_next(&site->paths, link))
		carrier_path_touch(carrier, CHAIN_OWNER(link, struct carrier_path, of_site));
}

/* A session that has carried more than it now may takes no message more. */
static void retire_worn(struct carrier_site *site, usec now)
{
	struct chain_link *link = chain_first(&site->paths);
	for (; link; link = chain_next(&site->paths, link)) {
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, of_site);
		struct chain_link *at = chain_first(&path->sessions);
		for (; at; at = chain_next(&path->sessions, at))
			session_retire_worn(CHAIN_OWNER(at, struct session, link), now);
	}
}

static void take_tuning(struct carrier *carrier, usec now)
{
	const struct tunings *tunings = carrier->settings->tunings;
	uint32_t generation = tunings_generation(tunings);
	if (generation == carrier->tuning_generation)
		return;
	carrier->tuning = tunings_now(tunings, carrier->settings);
	if (carrier_take_limits(carrier, now))
		carrier->tuning_generation = generation;
}

/* Sessions stay open else: a path that has more than its limit opens none, and idle ones close.
 */
void carrier_take_rules(struct carrier *carrier, usec now)
{
	const struct rules *rules = carrier->settings->rules;
	uint32_t generation = rules ? rules_generation(rules) : 0;
	size_t index = 0;
	take_tuning(carrier, now);
	if (generation == carrier->rules_generation)
		return;
	carrier->rules_generation = generation;
	for (struct map_entry *e; (e = map_next(&carrier->sites, &index));) {
		struct carrier_site *site = e->value;
		const struct carrier_path *first =
			CHAIN_OWNER(chain_first(&site->paths), struct carrier_path, of_site);
		const struct path_limits limits = limits_for(carrier, first->route);
		path_set_limits(&site->shaping, &limits, now);
		retire_worn(site, now);
		carrier_site_touch(carrier, site);
	}
}
