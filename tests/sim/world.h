/* world.h - one seed's world: a clock that jumps, chance, events, and what has been hit.
 * Everything that happens is an event at a time; nothing waits. The seams' simulated halves
 * (sim_io.c, sim_resolve.c, sim_tls.c, sim_store.c) and the hostile hosts (host.c) live on it.
 */
#pragma once

#include "engine/base/prng.h"
#include "engine/io/io.h"
#include "engine/smtp/classify.h"
#include "engine/store/store.h"

#define RECIPIENT_LIMIT 400
#define SITE_COUNT 6

/* Kinds of fault; each seed has some of them, each hit is counted over the whole run. */
enum fault {
	FAULT_REFUSE,      /* connection refused */
	FAULT_UNREACHABLE, /* no answer to the connect */
	FAULT_GREETING_421,
	FAULT_GREETING_554,
	FAULT_GREYLIST,     /* the first try of a recipient is answered 451 4.7.1 */
	FAULT_DEFER,        /* 4yz to RCPT */
	FAULT_REJECT,       /* 550 5.1.1 to RCPT */
	FAULT_REJECT_DATA,  /* 554 after the dot */
	FAULT_421,          /* at MAIL, and close */
	FAULT_RESET,        /* connection gone at a command */
	FAULT_RESET_BODY,   /* connection gone in the middle of the data */
	FAULT_LOST_REPLY,   /* accepted, and the reply never comes */
	FAULT_LOST_MESSAGE, /* gone after the dot, not accepted */
	FAULT_HANG,         /* silence until a time-out */
	FAULT_SPLIT,        /* replies come byte by byte */
	FAULT_TARPIT,       /* replies come late */
	FAULT_TLS_BROKEN,   /* the handshake fails */
	FAULT_LIE,          /* 250 in answer to DATA */
	FAULT_OUT_OF_SYNC,  /* 503 to a MAIL that is in its place */
	FAULT_CUT,          /* 250 to a message, and then hung up on without a word */
	FAULT_DNS_TEMPORARY,
	FAULT_DNS_SLOW,
	FAULT_STORE_BEFORE, /* connection lost, nothing was written */
	FAULT_STORE_AFTER,  /* connection lost, all was written */
	FAULT_STORE_OUTAGE, /* no database for a while */
	FAULT_DISK_FULL,    /* the journal cannot be written for a while */
	FAULT_CRASH,
	FAULT_COUNT,
};
extern const char *const fault_names[FAULT_COUNT];

struct world;
typedef void event_fn(struct world *, void *a, uint64_t b);

struct event {
	usec at;
	uint64_t order;
	event_fn *run;
	void *a;
	uint64_t b;
};

/* What really became of a recipient's mail, as the hosts know it, and as the store does. */
struct truth {
	char email[64];
	unsigned accepted_count; /* whole messages that a host took */
	unsigned doubt_count;    /* times listed in doubt */
	unsigned behind_count;   /* of them: behind another in its window, and so tried again */
	unsigned final_count;
	enum verdict final;
	usec not_before_wall; /* no attempt may come earlier; 0: any time */
	uint32_t attempts, revision;
	usec date_wall, first_wall;
	usec stopped_at;     /* unsubscribed then; 0: not */
	bool deferred;       /* waits with a due time */
	uint64_t claimed_by; /* retry slice */
	bool suppressed_at_cut, greylisted_once;
	/* Suppressed by what a server said, and not taken back; held: waits for review. */
	bool suppressed, held;
	enum bounce_class suppressed_for;
	usec suppressed_wall;
	char suppressed_by[33]; /* the provider */
	usec accepted_at; /* first; 0: not yet */
	usec first_seen; /* by a host; 0: not yet */
	char message_id[96]; /* of the first message seen: the same on every retry */
};

struct world {
	uint64_t seed;
	const char *program; /* which runs it again */
	usec now, wall_offset;
	struct prng prng;
	struct event *events;
	size_t event_count, event_capacity;
	uint64_t event_order;
	unsigned rate[FAULT_COUNT]; /* per 1000, 0 when this seed is without */
	bool dead; /* the engine has crashed: nothing it started happens any more */
	usec outage_until, disk_full_until;
	struct truth *truths; /* by subscriber id; world_people() */
	uint32_t recipient_count;
	bool remembers_dns; /* the resolver answers at once what it knows, as the real one does */
	bool calm; /* nobody unsubscribes or pauses, and bytes come in few pieces */
	void (*on_outcome)(struct world *,
			   const struct store_outcome *); /* NULL: nobody asks */
	uint32_t crash_count;
	uint64_t failures; /* claims that did not hold */
	char journal[128];
	bool in_doubt_retry;
	bool with_files; /* letters are in 8 bits where that is taken, and have an attachment */
	uint32_t verified_count; /* messages whose signatures were read */
};

extern struct world *world; /* there is one at a time */
extern uint64_t fault_hits[FAULT_COUNT], state_hits[40];
extern const char *const state_names[40];

void world_begin(struct world *, uint64_t seed);
void world_end(struct world *);
void world_people(struct world *,
		  uint32_t count); /* so many recipients, nothing known of them */
void world_at(struct world *, usec delay, event_fn *, void *a, uint64_t b);
/* Runs the next event if it is due at or before until, moving the clock to it. */
bool world_run_next(struct world *, usec until);
usec world_next_at(const struct world *);
/* Chance: true rate times in 1000, counted as a hit. */
bool world_fault(struct world *, enum fault);
uint64_t world_below(struct world *, uint64_t bound);
/* A claim about the run: prints the seed and the sentence when it does not hold. */
__attribute__((format(printf, 2, 3))) void world_fail(struct world *, const char *format, ...);

struct truth *truth_by_email(struct world *, str email);
/* A subscriber's, or that of a row of the outbox. */
struct truth *truth_of(struct world *, uint64_t id);

/* host.c */
struct host_limits {
	uint32_t connections;
	uint32_t rate_per_second;
};
extern struct host_limits site_limits[SITE_COUNT];
void hosts_begin(struct world *);
void hosts_end(struct world *);
/* The site whose hosts answer at an address; -1: none. */
int host_site_of(const struct net_address *);
struct peer; /* the server's end of a connection */
struct peer *peer_open(struct world *, int site, const struct net_address *from);
void peer_bytes(struct peer *, str bytes); /* from the engine */
void peer_gone(struct peer *);             /* the engine closed, or crashed */
/* From the peer to the engine's socket: sim_io.c. */
void socket_bytes(int fd, str bytes);
void socket_reset(int fd, bool orderly);
void peer_attach(struct peer *, int fd);

/* sim_io.c */
void sim_io_crash(void); /* ends file operations under way, done or not */
void sim_io_end(void);

/* sim_store.c */
void store_begin(struct world *);
void store_end(struct world *);
void store_check(struct world *); /* all that must hold when the campaign is finished */
bool store_finished(void);
uint64_t store_journal_position(void);
