/* run.h - a history being played: engines as small models of the real one, which remember what
 * it remembers and no more. What an engine knows comes from the answers to its requests and
 * from its journal; after STORE_LOST it reads the position or asks again, it never guesses. */
#pragma once

#include <stdio.h>

#include "engine/base/prng.h"
#include "tests/history/side.h"

#define HELD_LIMIT 24
#define SLICE_LIMIT 64    /* recipients a slice, at most */
#define JOURNAL_LIMIT 4096 /* outcomes */
#define ASK_LIMIT 40      /* times that something is asked again before the run has failed */

enum fate { FATE_WAITING, FATE_MARKED, FATE_ENDED, FATE_GONE /* put back */ };

struct recipient {
	uint64_t id;
	enum fate fate;
	uint32_t attempts;
	bool stopped; /* suppressed, unsubscribed, or of a cancelled campaign */
	usec first_wall;
};

struct held {
	uint64_t slice_id, campaign_id;
	enum slice_kind kind;
	struct recipient recipients[SLICE_LIMIT];
	size_t count;
	bool is_read, is_lost;
	uint64_t last_entry; /* of the journal: behind its last outcome */
};

/* What a history must have met somewhere. */
enum run_hit {
	HIT_LOST_TOLD,    /* a slice was taken from an engine that lives, and it hears it */
	HIT_MARK_REFUSED, /* it asked to start somebody of it before it had heard */
	HIT_LATE_OUTCOME, /* it tells what had begun in it */
	HIT_TAKEN_OVER,   /* a lease says that there is something of a dead engine's now */
	HIT_JOURNAL_LOST,
	HIT_COUNT
};
extern const char *const hit_names[HIT_COUNT];

/* A process: its name is the actor's, its epoch its own. */
struct process {
	struct store *store; /* NULL: there is none */
	uint32_t engine_id, epoch;
	struct held held[HELD_LIMIT];
	size_t held_count;
	uint64_t seen; /* number of the last stop */
	usec look_at;  /* for what dead engines hold */
	bool lease_is_lost;
	bool paused[HISTORY_CAMPAIGNS + 1], cancelled[HISTORY_CAMPAIGNS + 1];
};

struct actor {
	unsigned index;
	char name[8];
	struct process process, ghost; /* ghost: the one before, which does not know it */
	/* The disk: outcomes in order, and those whose final dot left and who knows more. */
	struct store_outcome journal[JOURNAL_LIMIT];
	uint64_t journal_count, settled;
	struct store_outcome dots[SLICE_LIMIT];
	size_t dot_count;
	bool journal_is_lost;
};

struct run {
	const struct history *history;
	FILE *out;
	const struct act *act;
	unsigned act_number;
	unsigned asked; /* requests of this act */
	bool hit;       /* this request is */
	bool repeated, repeating;
	bool died;        /* the engine died with this request's answer */
	struct prng chance;
	usec passed;     /* since the beginning */
	uint64_t serial; /* makes due times differ */
	struct arena arena;
	struct actor actors[HISTORY_ENGINES + 1]; /* the last one works off what is left */
	uint64_t slices[VIEW_SLICES];            /* in the order of appearance */
	size_t slice_count;
	/* Marks that were answered: people by the slice's place in slices[]. */
	bool marked[VIEW_SLICES][SIDE_PLACES];
	uint64_t failures;
	bool is_ending; /* what is attempted is delivered */
	bool is_storm; /* requests are lost or to be asked again for real, too */
	uint64_t lost, retried, deadlocks;
	uint64_t state_hits[HIT_COUNT], act_hits[ACT_COUNT], mishap_hits[MISHAP_COUNT];
	struct view view;
};

/* ---- ask.c: one request, and what becomes of it ---- */

/* What a request needs that nobody waits for. */
void ask_done(struct store_request *);
void ask_begin(struct run *);
/* Ends a request; the result is STORE_LOST when it was hit, whatever came back. */
int ask_end(struct run *, struct store_request *);
bool ask_again(struct run *, int result);
#define ASK(run, on, verb, r)                                                                  \
	({                                                                                     \
		int result_, first_ = 1;                                                       \
		do {                                                                           \
			result_ = ASK_ONCE(run, on, verb, r);                                  \
			first_ = first_ == 1 ? result_ : first_;                               \
		} while (ask_again((run), result_));                                           \
		first_;                                                                        \
	})
/* For what an engine could not bear: a second lease would be another slice. */
#define ASK_ONCE(run, on, verb, r)                                                             \
	(ask_begin(run), verb((on), (r)), ask_end((run), &(r)->request))

__attribute__((format(printf, 2, 3))) void say(struct run *, const char *format, ...);
__attribute__((format(printf, 2, 3))) void run_fail(struct run *, const char *format, ...);
const char *result_name(int result);
unsigned slice_number(struct run *, uint64_t slice_id);
/* "1-5 7" into text, which is static. */
const char *ids_text(const uint64_t *ids, size_t count);
const char *due_text(usec wall); /* "never", "now", "3h": static */
unsigned run_below(struct run *, unsigned bound);

/* ---- actor.c: what an engine does ---- */

void actor_join(struct run *, struct actor *);
void actor_crash(struct run *, struct actor *);
void actor_heartbeat(struct run *, struct actor *);
void actor_feed(struct run *, struct actor *);
void actor_cut(struct run *, struct actor *, unsigned campaign, uint32_t limit);
bool actor_lease(struct run *, struct actor *, unsigned campaign);
void actor_mark(struct run *, struct actor *, unsigned limit);
bool actor_settle(struct run *, struct actor *, unsigned limit);
void actor_put_back(struct run *, struct actor *, unsigned limit);
void actor_claim_due(struct run *, struct actor *, unsigned campaign);
bool actor_claim_outbox(struct run *, struct actor *);
bool actor_finish(struct run *, struct actor *, unsigned campaign);
void actor_leave(struct run *, struct actor *);
void actor_ghost(struct run *, struct actor *);

/* ---- actor_settle.c ---- */

/* Ends up to limit recipients: their outcomes stand in the journal from then on. */
void journal_outcomes(struct run *, struct actor *, unsigned limit);
/* A dot without an answer becomes an outcome in doubt. */
void journal_dots(struct run *, struct actor *);
void held_forget(struct process *, size_t at);

/* ---- check.c ---- */

void run_check(struct run *);
/* Without what is known of marks: where several play at once. */
void run_check_view(struct run *);
void run_dump(struct run *);
/* Works off what is left: everybody has one final verdict then. */
void run_to_the_end(struct run *);

/* ---- play.c ---- */
void run_begin(struct run *, const struct history *, FILE *out);
void run_end(struct run *);
void run_pass(struct run *, usec);
void run_act(struct run *, const struct act *, unsigned number);
uint64_t play(const struct history *, FILE *out, struct run *);
