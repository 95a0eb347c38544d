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
#define ENGINE_LIMIT 3
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
	FAULT_PAUSE,      /* an engine stands still, often for longer than its lease, and goes on */
	FAULT_CUT_OFF,    /* one engine has no database for a while, the others do */
	FAULT_CLOCK_JUMP, /* an engine's wall clock jumps, forward or backward */
	FAULT_POWER,      /* a crash of the machine: what was not synced is gone */
	FAULT_GONE,       /* a machine never comes back, nor does its journal */
	FAULT_COUNT,
};
extern const char *const fault_names[FAULT_COUNT];

/* Where a process can die, other than between two steps of the driver. */
enum point {
	POINT_STEP,           /* between two steps of its workers */
	POINT_PRESS,          /* between two messages of a press */
	POINT_CONNECTED,      /* a connect has ended, its owner has not heard */
	POINT_SENT,           /* a send has */
	POINT_BYTES,          /* bytes have come */
	POINT_STREAM_END,     /* a stream's end has */
	POINT_DEFERRED,       /* something was put off to the next round */
	POINT_WRITE_ASKED,    /* the journal's write is asked for, and not yet under way */
	POINT_WRITE_UNDERWAY, /* it is under way: a first part of it may be there */
	POINT_WRITE_LANDED,   /* it is in the file, its owner has not heard */
	POINT_SYNC_UNDERWAY,  /* the same of a sync */
	POINT_SYNCED,
	POINT_RESOLVED,       /* an answer of DNS */
	POINT_STORE_BEFORE,   /* a request to the database is not yet written; see enum sim_call */
	POINT_STORE_AFTER,    /* it is written, and not answered */
	POINT_STORE_ANSWERED, /* it is answered, its owner has not heard */
	POINT_COUNT,
};
extern const char *const point_names[POINT_COUNT];

enum sim_call {
	CALL_JOIN,
	CALL_HEARTBEAT,
	CALL_LEAVE,
	CALL_KNOWN,
	CALL_POSITION,
	CALL_CAMPAIGN,
	CALL_RUNNING,
	CALL_CUT,
	CALL_FINISH,
	CALL_LEASE,
	CALL_READ,
	CALL_MARK,
	CALL_PUT_BACK,
	CALL_CLAIM_DUE,
	CALL_CLAIM_OUTBOX,
	CALL_STOP_FEED,
	CALL_SETTLE,
	CALL_RECOVER,
	CALL_WARMUP,
	CALL_DRAW,
	CALL_MEMORY_SAVE,
	CALL_MEMORY_LOAD,
	CALL_HOSTS_LOAD,
	CALL_HOSTS_SAVE,
	CALL_TLS_SAVE,
	CALL_PROVIDERS_LOAD,
	CALL_INCIDENT,
	CALL_HEALTH,
	CALL_COUNT,
};
extern const char *const call_names[CALL_COUNT];

/* One process of one engine, from its start to its end. When it dies in the middle of a step the
 * step goes on, but nothing of what it does from then on reaches the world: its memory is as
 * good as gone. */
struct sim_life {
	struct sim_life *next; /* of the world's */
	unsigned engine;
	uint32_t number;
	bool dead;
	bool touched;        /* something has reached it since it was stepped */
	bool power;          /* it is the machine that ends with it */
	usec away_until;     /* it stands still: nothing reaches it before */
	usec cut_off_until;  /* from the database */
	usec wall_skew;      /* of its wall clock, against the database's */
	usec feed_asked_at;  /* when the last stop feed was asked that it was answered */
	uint64_t points_met; /* of those that count */
	uint64_t dies_at;    /* of them; 0: by none */
	int dies_kind;       /* of enum point: they count; -1: all do */
	int dies_call;       /* of enum sim_call; -1: all do */
};

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
	unsigned policy_doubt_count; /* of them: by policy, no journal said so */
	unsigned behind_count;   /* of them: behind another in its window, and so tried again */
	unsigned final_count;
	enum verdict final;
	usec not_before_wall; /* no attempt may come earlier; 0: any time */
	uint32_t attempts, revision;
	usec date_wall, first_wall;
	usec stopped_at;     /* unsubscribed then; 0: not */
	bool deferred;       /* waits with a due time */
	uint64_t claimed_by; /* retry slice */
	usec leased_at;      /* last, with any slice */
	usec ended_at;       /* when a verdict became final last */
	struct {
		uint64_t slice_id; /* 0: nobody was buried here */
		bool final;
		enum verdict verdict; /* that counts; where final */
	} burial;                     /* in doubt because an engine did not come back */
	bool suppressed_at_cut, greylisted_once;
	bool has_left; /* the list, before it was cut: no recipient at all */
	/* Suppressed by what a server said, and not taken back; held: waits for review. */
	bool suppressed, held;
	enum bounce_class suppressed_for;
	usec suppressed_wall;
	char suppressed_by[33]; /* the provider */
	usec accepted_at; /* first; 0: not yet */
	usec first_seen; /* by a host; 0: not yet */
	char message_id[96]; /* of the first message seen: the same on every retry */
	uint64_t marked_by; /* lives that have marked him started, and not ended that: life_bit() */
	uint64_t marked_in; /* the last slice in which one has */
};

struct world {
	uint64_t seed;
	const char *program; /* which runs it again */
	usec now, wall_offset;
	struct prng prng;
	struct event *events;
	size_t event_count, event_capacity;
	uint64_t event_order;
	uint64_t unfit; /* a recipient whose outcomes the database refuses; 0: nobody's */
	unsigned rate[FAULT_COUNT]; /* per 1000, 0 when this seed is without */
	struct sim_life *lives; /* all there ever were, the last first */
	struct sim_life *life;  /* whose code runs now */
	uint32_t life_count;
	usec sent_at;       /* of the bytes that a host is being given, */
	usec sent_heard_at; /* and when their engine had asked for the last feed it had heard */
	bool journal_may_be_lost; /* a disk has damaged an end that was not synced */
	usec outage_until, disk_full_until;
	struct truth *truths; /* by subscriber id; world_people() */
	uint32_t recipient_count;
	bool remembers_dns; /* the resolver answers at once what it knows, as the real one does */
	bool calm; /* nobody unsubscribes or pauses, and bytes come in few pieces */
	void (*on_outcome)(struct world *,
			   const struct store_outcome *); /* NULL: nobody asks */
	uint32_t crash_count;
	uint64_t failures; /* claims that did not hold */
	char first_failure[400];
	char journal[128]; /* where the engines' journals are */
	uint32_t engine_count;
	bool in_doubt_retry;
	bool with_files; /* letters are in 8 bits where that is taken, and have an attachment */
	uint32_t verified_count; /* messages whose signatures were read */
};

extern struct world *world; /* there is one at a time */

/* Of a set of lives; of more than 64 some share one. */
static inline uint64_t life_bit(const struct sim_life *life)
{
	return 1ull << life->number % 64;
}

/* What is taken out of seeds, so that a failing one becomes small: chance is the same, but what it
 * decides is not done. */
struct world_limits {
	uint64_t without;    /* bits of enum fault */
	uint32_t recipients; /* at most; 0: as chance has it */
	uint32_t engines;    /* the same */
	uint32_t crashes;    /* at most; UINT32_MAX: as chance has it */
	uint64_t point;      /* one crash, at this point of all; 0: as chance has it */
	uint64_t traced;     /* the recipient whose life is told; 0: nobody's */
};
extern struct world_limits world_limits;
extern bool world_is_quiet; /* failures are counted, not told */
#define STATE_COUNT 64
enum {
	STATE_PUT_BACK = 20,
	STATE_PAUSED = 21,
	STATE_STOPPED = 22,
	STATE_TAKEN_OVER = 40,
	STATE_MARKED_WAITING,
	STATE_BURIED,
	STATE_DOUBT_BY_POLICY,
	STATE_MARK_REFUSED,
	STATE_PUT_BACK_LOST,
	STATE_LATE_OUTCOMES,
	STATE_MOVED_OUTCOMES,
	STATE_JOINED_LATE,
	STATE_LEFT,
	STATE_STANDBY,
	STATE_ENGINES_2,
	STATE_ENGINES_3,
	STATE_TRANSACTIONAL,
	STATE_SET_ASIDE,
	STATE_VOIDED, /* marks undone, in journals at their end */
};
extern uint64_t fault_hits[FAULT_COUNT], state_hits[STATE_COUNT];
extern uint64_t point_hits[POINT_COUNT], point_deaths[POINT_COUNT];
extern uint64_t call_hits[3][CALL_COUNT], call_deaths[3][CALL_COUNT];
extern const char *const state_names[STATE_COUNT];

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

/* Tells what befell a recipient, when it is the one that is traced. */
__attribute__((format(printf, 2, 3))) void world_tell(uint64_t subscriber_id,
						      const char *format, ...);

/* A process begins; it is the current one from now on. */
struct sim_life *world_live(struct world *, unsigned engine);
/* The code of a life runs until world_leave() with what this returned. */
struct sim_life *world_enter(struct world *, struct sim_life *);
void world_leave(struct world *, struct sim_life *before);
/* The current life is at a point where it may die; detail: the call of a store's point. */
void world_point(struct world *, enum point, unsigned detail);
/* Whether the life stands still: then the event comes again when it goes on. */
bool world_is_away(struct world *, const struct sim_life *, event_fn *, void *a, uint64_t b);

struct truth *truth_by_email(struct world *, str email);
/* A subscriber's, or that of a row of the outbox. */
struct truth *truth_of(struct world *, uint64_t id);
uint64_t truth_id(struct world *, const struct truth *);

/* host.c */
struct host_limits {
	uint32_t connections;
	uint32_t rate_per_second;
};
extern struct host_limits site_limits[SITE_COUNT];
void hosts_begin(struct world *);
void hosts_end(struct world *);
/* How old, at most, the word was by which a transaction began. */
usec hosts_oldest_word(void);
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
/* The life is dead: its file operations under way end, done, half done or not, and its sockets
 * are the kernel's, which may still send what it has. */
void sim_io_crash(struct sim_life *);
void sim_io_end(void);

/* sim_store*.c */
void store_begin(struct world *);
void store_end(struct world *);
void store_check(struct world *); /* all that must hold when the campaign is finished */
bool store_finished(void);
uint64_t store_journal_position(uint32_t engine_id);
