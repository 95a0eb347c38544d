/* rules.h - who owns an MX, and which limits a path begins with.
 * Built-in rows come from providers.tsv; the configuration adds rules of its own, which win.
 * Knows names only: no DNS, no sockets. Immutable once the engine runs, so that all threads
 * may read it. All memory is the arena's; strings given to rules_add() must live as long. */
#pragma once

#include "engine/base/arena.h"
#include "engine/shape/path.h"

#define RULES_LIMIT 4096          /* rules in all: lookups walk them, once per domain and TTL */
#define RULES_SUFFIX_LIMIT 64     /* of one rule */
#define PROVIDER_NAME_LIMIT 31    /* what a route has room for */

/* Which of its limits a rule states; the others come from the rules below it. */
enum rules_own {
	RULES_CONNECTIONS = 1,
	RULES_MESSAGES_PER_CONNECTION = 2,
	RULES_MESSAGE_RATE = 4,
	RULES_CONNECTION_RATE = 8,
	RULES_IDLE_CLOSE = 16,
	RULES_FLIGHT = 32,
	RULES_FLIGHT_LIMIT = 64,
	RULES_WINDOW = 128,
	RULES_BYTE_RATE = 256,
	RULES_SCOPE = 512,
	RULES_ALL = 1023,
};

struct rules;

/* The built-in rules; NULL when the arena is at its limit. */
[[nodiscard]] struct rules *rules_create(struct arena *);

/* Adds a rule. name is that of a provider (new or built in), of a site as routes call it, or
 * "default" for everything that no other rule speaks of. suffixes are of MX host names
 * ("mx.example.com", ".example.com": both match at label boundaries only); they may be none.
 * -1 when a name is empty or too long, a limit is no limit (connections 0), or memory is out. */
[[nodiscard]] int rules_add(struct rules *, str name, const str *suffixes, size_t suffix_count,
                            const struct path_limits *, uint32_t own);

/* The short name of who owns these MX hosts: every one must match the same rule. Empty when
 * nobody known does. Lives as long as the rules. */
str rules_provider(const struct rules *, const str *hosts, size_t host_count);

/* The names that rules_provider() may answer, as often as rules have them; returns how many were
 * put into names, at most limit. */
size_t rules_providers(const struct rules *, str *names, size_t limit);

/* Whether this provider's limits hold for all of its sites together (source x provider), not
 * for each set of MX hosts alone: it counts what it takes from a sender as a whole. */
bool rules_shared(const struct rules *, str provider);

/* What a path to this site begins with: default, then the provider's, then the site's own;
 * within each the built-in row first, then the configured ones in the order they were added. */
struct path_limits rules_limits(const struct rules *, str provider, str site);
