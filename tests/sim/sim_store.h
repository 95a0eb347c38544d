/* sim_store.h - what the files that simulate store.h share: answers that come late or never,
 * slices, the bell, and transactional mail for a world that wants some. */
#pragma once

#include "engine/store/store.h"
#include "tests/sim/world.h"

#define SIM_NEWSLETTER 7
#define SIM_TRANSACTIONAL 8
#define SIM_ROW_LIMIT 400

struct table_slice;

struct store {
	struct io_loop *loop;
	struct sim_life *life; /* the process that opened it */
	enum sim_call call;    /* that was asked last */
	uint64_t lost_slice;   /* leased, and the answer was lost; 0: none */
	uint64_t lost_token;
	uint64_t lost_claim; /* of the outbox, and the answer was lost; 0: none */
	uint32_t lost_claim_epoch;
	usec lease, journal_wait, takeover_at; /* as engine/store/pg.h */
};

/* In place of the one newsletter that there is by default, after store_begin(): each to the next
 * so many recipients, in the order of their ids. Settings live as long as the world. */
struct sim_newsletter {
	uint64_t id;
	const char *name;
	str settings; /* content.h */
	uint32_t recipients;
};
void sim_newsletters(const struct sim_newsletter *, size_t count);
uint64_t sim_newsletter_to(uint64_t subscriber_id); /* its id; 0: nobody's */

/* Whether the request is lost before anything is written; then it is answered here. First of
 * all in every request. */
bool lost_before(struct store *, struct store_request *, enum sim_call);
/* Written; the answer may still be lost. The second tells whether it was not. */
void written(struct store *, struct store_request *);
bool written_or_lost(struct store *, struct store_request *);
void answer(struct store *, struct store_request *, int result);
/* Whether an older process asks; then it is answered here. */
bool fenced(struct store *, struct store_request *, uint32_t engine_id, uint32_t epoch);
bool fenced_by(struct store *, struct store_request *, const char *why);

/* sim_store_engines.c: what was taken from an engine and is not settled. */
uint64_t *sim_lost_slices(struct arena *, uint32_t engine_id, uint32_t epoch,
			  size_t *ret_count);

/* Whether the source of that number ("out1" is 1) is that engine's ("sim1" is 0) now. */
bool sim_source_is_held(unsigned source, unsigned engine);

/* sim_store_slices.c: a life marks somebody started in a slice, or is through with what it marked
 * there. */
void sim_mark_begins(const struct sim_life *, uint64_t id, uint64_t slice_id);
void sim_mark_ends(const struct sim_life *, uint64_t id, uint64_t slice_id);

/* sim_store_settle.c: by_policy where no journal says so. The second only notes it. */
void sim_take_outcome(struct table_slice *, const struct store_outcome *, uint32_t engine_id,
		      bool by_policy);
void sim_note_outcome(struct table_slice *, const struct store_outcome *, uint32_t engine_id,
		      bool by_policy);

/* sim_store_slices.c: a slice of these ids, leased or open; its id. */
uint64_t sim_slice_lease(enum slice_kind, uint32_t engine_id, uint32_t epoch,
			 const uint64_t *ids, size_t count);
uint64_t sim_slice_open(enum slice_kind, const uint64_t *ids, size_t count);
bool sim_slice_is_held(uint64_t slice_id, uint32_t engine_id, uint32_t epoch);
/* sim_store_campaigns.c: the next so many are cut before the engine asks, to be leased from then
 * on. */
void sim_slice_ahead(size_t count, usec due_wall);
/* What was put back may be leased at once: a person has answered. */
void sim_slices_due(void);
const uint64_t *sim_slice_ids(uint64_t slice_id, size_t *ret_count);
/* Of that campaign nobody holds a slice, and none is to be had. */
bool sim_slices_rest(uint64_t campaign_id);

/* ---- sim_store_outbox.c ---- */

enum sim_row_state { SIM_ROW_UNBORN, SIM_ROW_QUEUED, SIM_ROW_CLAIMED };
struct sim_row {
	struct truth truth; /* email t<index>@...; id STORE_OUTBOX_FIRST_ID + index */
	enum sim_row_state state;
	unsigned priority;
	usec due_wall;
	usec posted_at; /* of the world's clock; truth.accepted_at: when a host had it */
};
/* After delay a program inserts a row, which is due after wait more. */
void sim_outbox_post(struct world *, usec delay, unsigned priority, usec wait);
size_t sim_outbox_count(void);
bool sim_outbox_is_done(void); /* every row has its verdict, and no slice is left */
const struct sim_row *sim_outbox_row(size_t index);
struct truth *sim_outbox_truth(uint64_t id);

/* Rings for everybody who listens, a little later. */
void sim_bell_ring(struct world *, unsigned rung);

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

/* sim_store_draw.c */
void sim_draw_begin(void);

/* sim_store_paths.c */
void sim_paths_begin(void);

/* sim_store_hosts.c */
void sim_hosts_begin(void);
void sim_hosts_trusted(struct world *); /* earlier campaigns have learned all about them */

/* sim_store_warmup.c */
void sim_warmup_begin(void);
void sim_warmup_settled(const struct store_outcome *);

/* sim_store_memory.c */
void sim_memory_begin(void);

/* For sim_store.c. */
void sim_outbox_begin(void);
void sim_outbox_campaign(struct store_campaign *);
void sim_outbox_claim_due(struct store_claim_due *);
usec sim_outbox_next_due(void); /* of the deferred ones; USEC_NEVER: none waits */
void sim_read_one(const struct store_read *, uint64_t id, struct store_recipient *);
void sim_store_forget(struct store *); /* it is being closed */
