/* rules.h - who owns an MX, and which limits a path begins with.
 * Rows come from three places, the later ones win: the built-in table (providers.tsv), the
 * user's file of the same form (provider_file.h), the sections of the configuration. Each row
 * remembers where it stands, so that people can be told whose word counts.
 *
 * Knows names only: no DNS, no sockets. What is read is one immutable set of rows; another may
 * be put in its place while all threads read (rules_replace()). All memory is the arena's. */
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
	RULES_TLS = 1024,
	RULES_ALL = 2047,
};
#define RULES_OWN_COUNT 11 /* bits of RULES_ALL */

enum rule_origin { RULE_BUILT_IN, RULE_FILE, RULE_SETTINGS };

/* Where a row stands. */
struct rule_place {
	enum rule_origin origin;
	str file;                   /* as it was named; empty: a test's, or the engine's own */
	uint32_t line;              /* 0: of no line */
	const uint32_t *cell_lines; /* RULES_OWN_COUNT, by bit; NULL: all stand on line */
	str source, date;           /* who says so, and when; may be empty */
};

struct rules;

/* The built-in rules; NULL when the arena is at its limit. */
[[nodiscard]] struct rules *rules_create(struct arena *);

/* Adds a rule. name is that of a provider (new or built in), of a site as routes call it, or
 * "default" for everything that no other rule speaks of. suffixes are of MX host names
 * ("mx.example.com", ".example.com": both match at label boundaries only); they may be none,
 * and some replace those of earlier rules of this name. place NULL: nowhere. Its strings, and
 * name, must live as long as the rules; suffixes are copied. -1 when a name is empty or too
 * long, a suffix is no host name, a limit is no limit (connections 0), or memory is out. */
[[nodiscard]] int rules_add_at(struct rules *, str name, const str *suffixes,
			       size_t suffix_count, const struct path_limits *, uint32_t own,
			       const struct rule_place *place);
[[nodiscard]] int rules_add(struct rules *, str name, const str *suffixes, size_t suffix_count,
                            const struct path_limits *, uint32_t own);

/* Of sections: a provider that can never be answered, because all that it matches is a later
 * rule's, or one that is nobody's name: -1 with "FILE:LINE: sentence". The last question before
 * rules are put to use. */
[[nodiscard]] int rules_check_reach(const struct rules *, char *ret_why, size_t why_size);

/* From now on whoever asks rules gets the rows of newer, at once and as a whole; newer, and
 * whatever was in force before, must live as long as rules: readers may still be at it. */
void rules_replace(struct rules *, const struct rules *newer);
/* Of the tables read into what is in force: equal ones were made of equal texts. */
uint64_t rules_fingerprint(const struct rules *);
/* Counts replacements: who keeps limits asks again when it has changed. */
uint32_t rules_generation(const struct rules *);

/* The short name of who owns these MX hosts: every one must match the same rule, the last that
 * fits counts. Empty when nobody known does. Lives as long as the rules. */
str rules_provider(const struct rules *, const str *hosts, size_t host_count);

struct rule_match {
	str name, suffix; /* the provider's; the ending that the first host matches */
	struct rule_place place;
};
/* The same with the row that decides; of one host alone: whose that would be. */
bool rules_match(const struct rules *, const str *hosts, size_t host_count,
		 struct rule_match *ret_match);

/* The names that rules_provider() may answer, as often as rules have them; returns how many were
 * put into names, at most limit. */
size_t rules_providers(const struct rules *, str *names, size_t limit);

/* Whether this provider's limits hold for all of its sites together (source x provider), not
 * for each set of MX hosts alone: it counts what it takes from a sender as a whole. */
bool rules_shared(const struct rules *, str provider);

/* What a path to this site begins with: default, then the provider's, then the site's own;
 * within each the built-in row first, then the others in the order they were added. */
struct path_limits rules_limits(const struct rules *, str provider, str site);

/* One row's word on a limit. */
struct rule_word {
	str name;
	uint32_t line;
	struct rule_place place;
	struct path_limits limits; /* what it states, own or not */
};
/* All that is said of one limit (a bit of enum rules_own) for a path to this site, the weakest
 * first: the last counts. Returns how many there are; words takes the last limit of them. */
size_t rules_words(const struct rules *, str provider, str site, uint32_t which,
		   struct rule_word *words, size_t limit);
