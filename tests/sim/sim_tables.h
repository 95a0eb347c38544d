/* sim_tables.h - the simulated database's tables, as sql/ has them. Recipients, what became of
 * them and who waits to be tried again stand in the world's truths (world.h); everything else
 * is here. A request changes them whole or not at all, at once; only its answer takes time. */
#pragma once

#include "engine/store/store.h"
#include "tests/sim/world.h"

#define SIM_CAMPAIGN_LIMIT 16
#define SIM_ENGINE_LIMIT 8
#define SIM_SOURCE_LIMIT 32
#define SIM_STOP_LIMIT 512

/* By the numbers of slices.state. */
enum table_slice_state {
	TABLE_SLICE_OPEN,
	TABLE_SLICE_LEASED,
	TABLE_SLICE_CLOSED,
	TABLE_SLICE_CANCELLED,
	TABLE_SLICE_ORPHANED, /* taken over; what it had marked waits for its journal */
	TABLE_SLICE_WAITING,  /* for the winner */
	TABLE_SLICE_BURIED,   /* what it had marked is in doubt; its owner is to learn it */
	TABLE_SLICE_STATE_COUNT,
};

enum {
	TABLE_TOLD = 1,   /* has an outcome in this slice */
	TABLE_CHILD = 2,  /* stands in a slice whose parent this is */
	TABLE_MARKED = 4, /* start_marks has it */
};

struct table_slice {
	uint64_t id, campaign_id;
	enum slice_kind kind;
	enum table_slice_state state;
	uint32_t engine_id, epoch; /* of the lease; stays when it is over */
	uint64_t token;            /* of the lease */
	uint64_t parent;           /* 0: none */
	usec due_wall;
	usec decide_wall; /* when it is buried; 0: by its engine's last word */
	usec lost_at;     /* taken over then, by the world's clock; 0: not */
	uint32_t count, room, suppressed_count;
	uint64_t *ids;
	uint8_t *flags;     /* of each id: TABLE_TOLD, ... */
	uint32_t looked_at; /* of ids: where the last one was found */
};

struct table_engine {
	char name[64];
	uint32_t epoch;
	uint64_t position;
	usec heartbeat_wall, lease;
	bool left; /* it ended in order */
};

struct table_source {
	char name[64];
	uint32_t engine_id; /* 0: nobody's */
	usec until_wall;
};

/* A newsletter to the recipients of these ids. */
struct table_campaign {
	uint64_t id;
	const char *name;
	str settings; /* empty: those of the one letter that there is by default */
	uint32_t first, last;
	uint32_t cut_mark; /* the last one that was cut */
	enum campaign_state state;
	bool accounted;    /* cancelled, and everybody has his verdict */
	usec due_from;     /* no deferral is due before; the database's clock */
	usec expires_wall; /* 0: never */
};

struct table_delivery {
	uint64_t campaign_id, slice_id, subscriber_id;
	uint32_t engine_id, attempt;
	enum verdict verdict;
	bool final, by_policy; /* the second: nobody's journal said so */
	bool undone;           /* it was final, until a better verdict came */
	usec at;               /* settled then, by the world's clock */
};

struct tables {
	struct table_campaign campaigns[SIM_CAMPAIGN_LIMIT];
	size_t campaign_count;
	struct table_slice **slices;
	uint64_t slice_count, slice_room; /* ids are index + 1 */
	uint64_t *live;                   /* slices that were not closed at the last lease */
	size_t live_count, live_room;
	struct table_engine engines[SIM_ENGINE_LIMIT]; /* ids are index + 1 */
	uint32_t engine_count;
	struct table_source sources[SIM_SOURCE_LIMIT];
	size_t source_count;
	uint64_t token; /* of leases, counted over all engines */
	uint64_t targeted;
	struct table_delivery *deliveries;
	size_t delivery_count, delivery_room;
	struct store_stop stops[SIM_STOP_LIMIT];
	uint64_t stop_count;
	bool retry_in_doubt;
};
extern struct tables tables;

void tables_begin(struct world *);
void tables_end(void);
/* What is not settled, for people. */
void tables_describe(char *out, size_t size);

usec table_wall(void); /* the database's clock */
struct table_campaign *table_campaign_add(uint64_t id, uint32_t first, uint32_t last);
struct table_campaign *table_campaign_of(uint64_t id); /* NULL: no newsletter */
struct table_slice *table_slice_add(enum slice_kind, uint64_t campaign_id, usec due_wall);
struct table_slice *table_slice_of(uint64_t id);
void table_slice_put(struct table_slice *, uint64_t subscriber_id);
/* The flags of an id; NULL: it is not in it. */
uint8_t *table_flags_of(struct table_slice *, uint64_t subscriber_id);
/* Closed, and its marks have served. */
void table_slice_close(struct table_slice *, enum table_slice_state);
void table_forget_closed(void);
/* NULL: no such engine, or an older process of that name. */
struct table_engine *table_engine_of(uint32_t engine_id, uint32_t epoch);
/* It has left, or was silent for longer than its lease. */
bool table_engine_is_silent(uint32_t engine_id);
void table_deliver(const struct store_outcome *, uint32_t engine_id, bool by_policy);
/* The verdict that counted for somebody stands as it was told, and is not final any more. */
void table_undo(uint64_t campaign_id, uint64_t subscriber_id);

/* sim_store_takeover.c: whoever is in it unmarked and not accounted for becomes a remainder, due
 * at once; the marked ones too (with), or are in doubt by policy (doubt), or wait (leave). */
enum marked_fate { MARKED_WAIT, MARKED_IN_DOUBT, MARKED_SENT };
struct accounts {
	uint32_t remaining, in_doubt, waiting;
};
struct accounts table_account(struct table_slice *, enum marked_fate, uint32_t engine_id);
/* Looks for a slice of a silent engine, of that campaign or of any (0); whether one was found.
 * What it had marked waits so long, from its last heartbeat. */
bool table_take_over(uint32_t engine_id, uint64_t campaign_id, usec journal_wait);
