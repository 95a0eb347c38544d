/* sim_store.h - what the files that simulate store.h share: answers that come late or never,
 * and the bell. Tables stay in the file that simulates their requests. */
#pragma once

#include "engine/store/store.h"
#include "tests/sim/world.h"

struct store {
	struct io_loop *loop;
	bool closed;
};

/* Whether the request is lost before anything is written; then it is answered here. */
bool lost_before(struct store *, struct store_request *);
/* Written; the answer may still be lost. */
void written(struct store *, struct store_request *);
void answer(struct store *, struct store_request *, int result);
/* Whether an older process asks; then it is answered here. */
bool fenced(struct store *, struct store_request *, uint32_t epoch);

/* sim_store_outbox.c: rings for everybody who listens, a little later. */
void sim_bell_ring(struct world *, unsigned rung);
void sim_bell_forget(struct store *);

/* Into the stop feed; its number is given here. */
void sim_stop(const struct store_stop *);

/* sim_store_incident.c */
void sim_incident_begin(void);
void sim_incident_settled(const struct store_outcome *);
/* What is known of a provider before the engine starts. */
void sim_incident_usual(const char *provider, double usual_rate);
/* A person's answer to the provider's incident: true when one was open. */
bool sim_incident_resolve(const char *provider, bool confirm);
/* How many were found since the world began. */
unsigned sim_incident_count(void);

/* sim_store_warmup.c */
void sim_warmup_begin(void);
void sim_warmup_settled(const struct store_outcome *);
