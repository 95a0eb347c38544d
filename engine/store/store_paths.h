/* store_paths.h - paths: how they stand, what they have learned, where the mail of domains goes.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/store/store_base.h"

/* What goes from one source to one site at this moment, for people on any machine. Statistics,
 * never verdicts. Texts are bounded and made printable. A row counts while its engine's
 * heartbeat is fresh; rows that nobody has renewed for a day are forgotten when a save says so.
 */
struct store_path_state {
	str source, site, tls_key, provider;
	str state;            /* "sending", "waiting", "idle" */
	str why;              /* what held it back at the last look; empty: nothing */
	usec held_until_wall; /* 0: not known, or not held */
	uint32_t connection_cap, connection_limit;
	uint64_t rate_per_day, rate_limit_per_day; /* messages; 0: no limit */
	uint32_t open_count, waiting_count, in_flight_count, started_minute;
	uint64_t delivered, deferred, failed; /* since the engine began */
	usec throttled_wall;                  /* 0: never */
	str throttle_text;                    /* 200 bytes */
};

struct store_paths_save {
	struct store_request request;
	uint32_t engine_id, epoch;
	const struct store_path_state *paths; /* of several of one path the last counts */
	size_t count;
	bool forget;
};
void store_paths_save(struct store *, struct store_paths_save *);

/* What a path has learned (engine/shape/path_memory.h), of a source and a site: it survives
 * restarts, and goes with the source to another engine. What is written later counts; asked
 * again it is the same, and of a source that another engine holds nothing is written. */
struct store_memory {
	str source, site;
	str state;
	bool ended, blocked; /* for people, as the next: */
	usec suspended_for;
	uint64_t rate_per_hour; /* learned; 0: as configured */
	uint32_t connection_cap;
	usec age; /* loaded: since it was written, by the database's clock */
};

struct store_memory_save {
	struct store_request request;
	uint32_t engine_id, epoch;
	const struct store_memory *memories; /* of several of one path the last counts */
	size_t count;
};
void store_memory_save(struct store *, struct store_memory_save *);

struct store_memory_load {
	struct store_request request;
	const str *sources;
	size_t source_count;
	uint64_t limit;
	struct arena *arena;
	const struct store_memory *ret_memories; /* the newest first */
	size_t ret_count;
};
void store_memory_load(struct store *, struct store_memory_load *);

/* Where the mail of a domain goes. Forgotten when no engine asked for 60 days. */
struct store_domain_site {
	str domain; /* A-labels, lower case */
	str site, provider;
	str mx_hosts; /* the first few, by commas; 200 bytes */
};

struct store_domains_save {
	struct store_request request;
	const struct store_domain_site *domains;
	size_t count;
};
void store_domains_save(struct store *, struct store_domains_save *);
