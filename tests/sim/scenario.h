/* scenario.h - internets with limits that the engine does not know, each with a name, and what
 * could be delivered at best there: a closed form of the limits, none of our code. */
#pragma once

#include "engine/shape/warmup.h"
#include "tests/sim/world.h"

#define SCENARIO_PROVIDERS 4
#define SCENARIO_SOURCES 4
#define SCENARIO_SITES 16
#define SCENARIO_MINUTES (32 * 1440) /* the longest of them */

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
	bool alternates;             /* every second message is answered 421 */
	uint32_t dead_every;         /* each so manieth subscriber is really nobody */
	usec lies_from, lies_until;  /* 550 5.1.1 for those who live, too */
	unsigned lies_per_mille;
	usec blocks_from;     /* the first source is listed from then on; 0: never */
	uint32_t hectic_days; /* bits: many get too much mail on that day of the first source */
	const char *over_status, *over_text; /* what is said beyond the rates */

	/* What the engine is told, and what follows from it. */
	double known_per_second; /* of each source, in the configuration; 0: nothing */
	double share;            /* of the recipients; all 0: as many sites as it has */
	bool is_hostile;         /* its deferrals are its own doing */
};

struct plan {
	struct regime regimes[SCENARIO_PROVIDERS];
	unsigned regime_count, source_count;
	double known_per_second; /* what the configuration allows; 0: the built-in limits */
	double best_per_second;  /* in steady state: the oracle */
	usec steady_from, until; /* since the start */
	usec uncounted_from, uncounted_until; /* whose deferrals are the scenario's own */
	const struct warmup_curve *curve;     /* of the first source; NULL: all are warm */
	usec resolve_at;     /* a person looks at an incident; 0: nobody does */
	bool may_end;        /* before the time is over */
	bool expects_errors; /* in the log: people are to act */
	char told[200];      /* the hidden limits, for people */
};

/* What came of a seed: claims of a scenario's own are failures of the world. */
struct scenario_result {
	double reached; /* percent of the best possible */
	char note[160]; /* figures of its own */
};

struct scenario {
	const char *name, *what;
	void (*plan)(struct world *, struct plan *);
	/* NULL: the rate of the steady time against the best, and nobody may be suppressed. */
	void (*judge)(struct world *, const struct plan *, struct scenario_result *);
};
extern const struct scenario scenarios[];
extern const unsigned scenario_count;
/* Evenly on a scale of ratios: 0.3 to 3 is as likely as 2 to 20. */
double scenario_between(struct world *, double least, double most);

/* scenario_incident.c, scenario_warmup.c, scenario_hostile.c */
void scenario_plan_incident(struct world *, struct plan *);
void scenario_judge_incident(struct world *, const struct plan *, struct scenario_result *);
void scenario_plan_warmup(struct world *, struct plan *);
void scenario_judge_warmup(struct world *, const struct plan *, struct scenario_result *);
void scenario_plan_nonsense(struct world *, struct plan *);
void scenario_judge_nonsense(struct world *, const struct plan *, struct scenario_result *);
void scenario_plan_block(struct world *, struct plan *);
void scenario_judge_block(struct world *, const struct plan *, struct scenario_result *);

/* scenario_host.c: what the hosts saw. */
struct scenario_seen {
	uint64_t accepted, steady_accepted; /* messages */
	uint64_t throttled;                 /* refused beyond a limit or in a storm */
	uint64_t refused_connections;
	uint64_t lied; /* to live ones */
	struct scenario_minute {
		uint16_t tries, refused, accepted; /* tries: MAIL, or a greeting of a block */
	} minutes[SCENARIO_PROVIDERS][SCENARIO_SOURCES][SCENARIO_MINUTES];
};
extern struct scenario_seen scenario_seen;
void scenario_hosts_begin(const struct plan *, usec start);
/* Of a regime and a source (-1: all), between two times since the start, in whole minutes. */
struct scenario_sum {
	uint64_t tries, refused, accepted;
} scenario_sum_of(int regime, int source, usec from, usec until);
bool scenario_is_dead(const struct world *, const struct regime *, const struct truth *);
