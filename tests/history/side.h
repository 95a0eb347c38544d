/* side.h - what a history needs of the world besides store.h: people's acts, time that passes,
 * mishaps, and a look into the tables. Two implementations: side_sim.c over the simulated
 * store, side_pg.c over the real PostgreSQL behind proxy.h. People are numbered from 1 in both,
 * rows of the outbox from SIDE_ROWS on; campaigns by their place in the history, the
 * transactional one behind the others. */
#pragma once

#include "engine/store/store.h"
#include "tests/history/history.h"

#define SIDE_ROWS 1000

/* False: it cannot be, and a sentence stands on stderr. */
[[nodiscard]] bool side_setup(void);
void side_teardown(void);
[[nodiscard]] bool side_begin(const struct history *);
void side_end(void);
extern const char *const side_name;

struct store *side_open(void); /* a process's connection */
void side_close(struct store *);
/* Whether the store's next lease first looks for what dead engines hold; a store does so by its
 * own clock, and that is not the one that passes here. */
void side_look(struct store *, bool);
usec side_wall(void);
void side_tick(void); /* no two requests come at one time */
void side_pass(usec);
/* Whether times move back when time passes, rather than the clock on. */
extern const bool side_moves_times;

void side_arm(enum mishap, unsigned trip);
/* Whether the request was hit as it was armed. */
bool side_disarm(void);

uint64_t side_campaign(unsigned campaign);
unsigned side_campaign_number(uint64_t campaign_id);
unsigned side_number(uint64_t subscriber_id);

void side_set_state(unsigned campaign, enum campaign_state);
enum campaign_state side_state(unsigned campaign);
void side_unsubscribe(unsigned person);
void side_suppress(unsigned person);
void side_post(unsigned priority, usec wait);

/* The tables, in numbers that both sides share: people's, campaigns' places, engines' places
 * in engines[]; slices by their place in slices[], which is the order in which they were made. */
#define VIEW_SLICES 1024
#define VIEW_ROWS 8192
#define VIEW_NONE UINT32_MAX
enum view_slice_state { /* by the numbers of slices.state */
	VIEW_OPEN,
	VIEW_LEASED,
	VIEW_SETTLED,
	VIEW_CANCELLED,
	VIEW_ORPHANED,
	VIEW_WAITING,
	VIEW_BURIED
};
#define SIDE_PLACES (HISTORY_PEOPLE + HISTORY_ACTS + 1) /* people, then rows */
struct view {
	struct view_slice_row {
		uint64_t id;
		uint32_t campaign, kind, state, parent, engine, epoch, suppressed_count;
		usec due_wall;
		uint32_t *ids, count;
	} slices[VIEW_SLICES];
	size_t slice_count;
	struct view_outcome { /* an ending of an attempt, or without one */
		uint32_t campaign, slice, person, verdict, attempt;
		bool final;
	} outcomes[VIEW_ROWS];
	size_t outcome_count;
	struct view_mark {
		uint32_t slice, person;
	} marks[VIEW_ROWS];
	size_t mark_count;
	struct view_deferral {
		uint32_t campaign, person, slice, attempts, verdict; /* slice VIEW_NONE: waits */
		usec due_wall;
	} deferrals[VIEW_ROWS];
	size_t deferral_count;
	/* By place: in doubt by policy once, so that a late fact may come beside another attempt. */
	bool buried[SIDE_PLACES];
	struct view_engine {
		char name[8];
		uint64_t position;
		uint32_t epoch, id;
	} engines[HISTORY_ENGINES + 1];
	size_t engine_count;
	struct view_tally {
		uint64_t targeted, final;
		uint64_t by_verdict[VERDICT_COUNT][2]; /* waiting, final */
		enum campaign_state state;
	} tallies[HISTORY_CAMPAIGNS + 1];
};
static inline unsigned side_place(unsigned person)
{
	return person >= SIDE_ROWS ? HISTORY_PEOPLE + 1 + person - SIDE_ROWS : person;
}

/* Filled anew; ids live until the next look. */
void side_view(struct view *);
