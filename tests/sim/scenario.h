/* scenario.h - internets with limits that the engine does not know, each with a name, and what
 * could be delivered at best there: a closed form of the limits, none of our code. */
#pragma once

#include "tests/sim/world.h"

#define SCENARIO_PROVIDERS 4
#define SCENARIO_SOURCES 4
#define SCENARIO_SITES 16

/* How one provider treats a sender, at all of its hosts together. 0: he does not care. */
struct regime {
	const char *provider; /* as the engine's rules call it; NULL: nobody known */
	unsigned sites;       /* customers with MX hosts of their own */
	double per_second;    /* of each source: a token bucket */
	double burst;
	double all_per_second; /* of all sources together */
	double all_burst;
	uint32_t quota; /* of each source in each window, which begin at from */
	usec window, window_from;
	uint32_t connections;             /* of each source at once */
	uint32_t messages_per_connection; /* then it hangs up without a word */
	usec service;                     /* a message's end is answered so late */
	usec greylist;                    /* a triple is let in so long after its first try */
	usec storm_from, storm_until;     /* nothing but 421 */
	unsigned busy_per_mille;     /* recipients who get too much mail at the first try */
	unsigned nonsense_per_mille; /* replies that mean nothing */
	const char *over_status, *over_text; /* what is said beyond the rates */
};

struct plan {
	struct regime regimes[SCENARIO_PROVIDERS];
	unsigned regime_count, source_count;
	double known_per_second; /* what the configuration allows; 0: the built-in limits */
	double best_per_second;  /* in steady state: the oracle */
	usec steady_from, until; /* since the start */
	usec uncounted_from, uncounted_until; /* whose deferrals are the scenario's own */
	char told[200];                       /* the hidden limits, for people */
};

struct scenario {
	const char *name, *what;
	void (*plan)(struct world *, struct plan *);
};
extern const struct scenario scenarios[];
extern const unsigned scenario_count;

/* scenario_host.c: what the hosts saw. */
struct scenario_seen {
	uint64_t accepted, steady_accepted; /* messages */
	uint64_t throttled;                 /* refused beyond a limit or in a storm */
	uint64_t refused_connections;
};
extern struct scenario_seen scenario_seen;
void scenario_hosts_begin(const struct plan *, usec start);
