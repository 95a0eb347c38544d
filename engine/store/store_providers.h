/* store_providers.h - providers: those that are stopped, and how far a source has come with one.
 * A card of store.h, which says what holds for all of them. */
#pragma once

#include "engine/shape/warmup.h"
#include "engine/store/store_base.h"

/* A provider that suddenly does not know its own users (engine/shape/incident.h): it is stopped
 * for every engine (STOP_PROVIDER), what was suppressed by its word since from_wall is taken
 * back and waits for review, and what comes is held. Asked again it is the same incident. */
struct store_incident {
	struct store_request request;
	str provider;
	usec from_wall, at_wall; /* the window's begin, and when it was found */
	double rate, usual;      /* shares: 0.31 is 31 % */
	uint32_t counted, bad;   /* answers in the window, and of them "no such mailbox" */
	uint64_t ret_incident_id;
	bool ret_new;
	uint64_t ret_held; /* suppressions that wait now */
};
void store_incident(struct store *, struct store_incident *);

/* What is known of providers when an engine starts, the stopped ones first. Suppressions that
 * have decayed go at this occasion. */
struct store_provider {
	str name;          /* short, "gmail" */
	double usual_rate; /* share of its answers that said "no such mailbox", of 30 days */
	uint64_t answers;  /* in them; 0: nothing is known */
	bool stopped;      /* an incident waits for review */
};
struct store_providers_load {
	struct store_request request;
	struct arena *arena;
	const struct store_provider *ret_providers;
	size_t ret_count;
};
void store_providers_load(struct store *, struct store_providers_load *);

/* One source's warm-up with one provider (engine/shape/warmup.h; "" is every provider without a
 * name): begins the day of now_wall when it is a new one, takes back what was counted and will
 * not be started, counts up to wanted starts. All engines count on the same day, so that they
 * never exceed it together. After STORE_LOST some may be counted that nobody was granted: ask
 * anew, and never for what was taken back. */
struct store_warmup {
	struct store_request request;
	str source, provider;
	const struct warmup_curve *curve;
	usec now_wall;
	uint32_t wanted;
	uint32_t unused;    /* taken back */
	int32_t unused_day; /* on which it was counted */
	struct warmup_state ret_state;
	uint32_t ret_granted;
};
void store_warmup(struct store *, struct store_warmup *);
