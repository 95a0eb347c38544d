/* sim_store.h - how the simulation's requests are answered, for the files that keep tables
 * beside those of sim_store.c. */
#pragma once

#include "engine/store/store.h"

/* Answers now without a loop, later with one. */
void sim_answer(struct store *, struct store_request *, int result);
/* Whether the request is lost before anything is written; then it is answered. */
bool sim_lost_before(struct store *, struct store_request *);
/* Written; the answer may still be lost. */
void sim_written(struct store *, struct store_request *);
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
