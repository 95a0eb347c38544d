/* feeder_zone.c - whose night it is: a window may count in the time zone of each recipient,
 * named by an attribute. Zones are asked of the database by the slice, those that are not known
 * or whose answer has run out; who is out of his hours is put back until they begin. */
#include "engine/send/feeder.h"

#include <stdio.h>
#include <string.h>

#include "engine/data/json_value.h"

#define ASK_LIMIT 64                  /* zones in a request; a slice may need several */
#define ZONES_LIMIT 1000              /* of a campaign: more are not zones, but noise */
#define NAME_LIMIT 64                 /* the longest there is has 32 bytes */
#define KNOWN_MOST USEC_HOUR          /* rules of zones change, though rarely */
#define KNOWN_LEAST (2 * USEC_SECOND) /* clocks differ */

struct zone {
	str name;
	bool open;
	usec changes_wall;
	usec known_until_wall; /* 0: it was never asked */
};

static void on_zones(struct store_request *);

bool feeder_zones_count(const struct slice *slice)
{
	return slice->campaign->content->zone_index != SIZE_MAX && slice->kind != SLICE_OUTBOX;
}

/* As it stands in the attribute; whatever is no name is the empty one: the campaign's own. */
static str name_of(const struct slice *slice, const struct store_recipient *recipient)
{
	struct value value;
	if (!recipient->fields)
		return STR("");
	str field = recipient->fields[slice->campaign->content->zone_index];
	if (!field.data || !value_from_json_scalar(field, &value) ||
	    value.kind != VALUE_STRING || value.string.size > NAME_LIMIT)
		return STR("");
	return value.string;
}

static struct zone *zone_create(struct campaign *campaign, str name)
{
	struct zone *zone = ARENA_NEW(&campaign->arena, struct zone);
	if (!zone)
		return NULL;
	zone->name = arena_copy(&campaign->arena, name);
	if (!zone->name.data || map_put(&campaign->zones, zone->name, zone) != 0)
		return NULL;
	return zone;
}

/* NULL: memory is out. */
static struct zone *zone_of(const struct slice *slice, const struct store_recipient *recipient)
{
	struct campaign *campaign = slice->campaign;
	str name = name_of(slice, recipient);
	struct zone *zone = map_get(&campaign->zones, name);
	if (!zone && campaign->zones.live_count >= ZONES_LIMIT) {
		name = STR("");
		zone = map_get(&campaign->zones, name);
	}
	return zone ? zone : zone_create(campaign, name);
}

static bool is_known(const struct zone *zone, usec wall)
{
	return !zone || wall < zone->known_until_wall;
}

static void want(struct feeder *feeder, struct zone *zone)
{
	for (size_t i = 0; i < feeder->zones.count; i++)
		if (feeder->zones_asked[i] == zone)
			return;
	if (feeder->zones.count == ASK_LIMIT)
		return;
	feeder->zones_asked[feeder->zones.count] = zone;
	feeder->zone_rows[feeder->zones.count++] = (struct store_zone){.name = zone->name};
}

static bool all_known(struct feeder *feeder, struct slice *slice)
{
	usec wall = io_wall_now(feeder->loop);
	bool known = true;
	for (size_t i = 0; i < slice->count; i++)
		known = known && is_known(zone_of(slice, &slice->recipients[i]), wall);
	return known;
}

static void submit_zones(struct feeder *feeder, struct slice *slice)
{
	usec wall = io_wall_now(feeder->loop);
	feeder->zones = (struct store_zones){.request = {.on_done = on_zones},
					     .campaign_id = slice->campaign->id,
					     .zones = feeder->zone_rows};
	for (size_t i = 0; i < slice->count; i++) {
		struct zone *zone = zone_of(slice, &slice->recipients[i]);
		if (!is_known(zone, wall))
			want(feeder, zone);
	}
	feeder->zones_busy = true;
	store_zones(feeder->beat, &feeder->zones);
}

static void on_zones(struct store_request *request)
{
	struct feeder *feeder = CHAIN_OWNER(request, struct feeder, zones.request);
	usec wall = io_wall_now(feeder->loop);
	feeder->zones_busy = false;
	struct campaign *campaign = feeder_campaign_of(feeder, feeder->zones.campaign_id);
	if (request->result != STORE_OK) {
		if (campaign)
			feeder_failed_for(feeder, campaign, request, &feeder->zones_at);
		else
			feeder_failed(feeder, request, &feeder->zones_at);
		return;
	}
	feeder->database_lost = false;
	for (size_t i = 0; i < feeder->zones.count; i++) {
		const struct store_zone *row = &feeder->zone_rows[i];
		struct zone *zone = feeder->zones_asked[i];
		usec until = wall + KNOWN_MOST;
		if (row->ret_changes_wall)
			until = usec_min(until, row->ret_changes_wall);
		zone->open = row->ret_open;
		zone->changes_wall = row->ret_changes_wall;
		zone->known_until_wall = usec_max(until, wall + KNOWN_LEAST);
	}
}

bool feeder_zone_is_shut(struct feeder *feeder, struct envelope *envelope)
{
	if (!feeder_zones_count(envelope->slice))
		return false;
	const struct zone *zone = zone_of(envelope->slice, envelope->recipient);
	if (!zone || zone->open || zone->changes_wall == 0)
		return false;
	usec wait = zone->changes_wall - io_wall_now(feeder->loop);
	envelope->again_at = io_now(feeder->loop) + usec_max(wait, USEC_SECOND);
	return true;
}

/* Nobody waits for an answer who does not leave anyway. */
static void give_up(struct feeder *feeder, struct slice *slice)
{
	for (size_t i = 0; i < slice->count; i++)
		feeder_returned(feeder, &slice->envelopes[i]);
}

static struct slice *next_waiting(struct feeder *feeder)
{
	struct chain_link *link = chain_first(&feeder->slices);
	for (; link; link = chain_next(&feeder->slices, link)) {
		struct slice *slice = CHAIN_OWNER(link, struct slice, link);
		if (slice->awaits_zones)
			return slice;
	}
	return NULL;
}

usec feeder_zones(struct feeder *feeder, usec now)
{
	struct slice *slice;
	while (!feeder->zones_busy && (slice = next_waiting(feeder))) {
		bool stopped = feeder->draining || !feeder_campaign_runs(slice->campaign);
		if (!stopped && !all_known(feeder, slice)) {
			if (now < feeder->zones_at)
				return feeder->zones_at;
			submit_zones(feeder, slice);
			return USEC_NEVER;
		}
		slice->awaits_zones = false;
		if (stopped)
			give_up(feeder, slice);
		else
			feeder_route_slice(feeder, slice);
	}
	return USEC_NEVER;
}

int feeder_zones_init(struct feeder *feeder)
{
	feeder->zones_asked = ARENA_ARRAY(&feeder->arena, struct zone *, ASK_LIMIT);
	feeder->zone_rows = ARENA_ARRAY(&feeder->arena, struct store_zone, ASK_LIMIT);
	return feeder->zones_asked && feeder->zone_rows ? 0 : -1;
}
