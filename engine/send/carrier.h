/* carrier.h - when and how: pacing, connections, SMTP, TLS, and the journal.
 * A carrier owns its paths (source x site), its connections, every envelope after hand-over and
 * its journal; it never blocks and is stepped by its loop. Order of things for one envelope:
 * run in -> WAITING -> start mark committed (by the feeder) -> MARKED -> ordered from a press
 * just in time -> READY -> submitted to a session -> gate: mark in the journal, written ->
 * final dot
 * -> reply -> outcome in the journal, written -> ledger.
 *
 *   carrier.c          lanes, turn, stops, put-back
 *   carrier_gate.c     by whose word anything may start
 *   carrier_site.c     paths and sites made and forgotten
 *   carrier_path.c     paths: marks, orders, verdicts, opening connections
 *   carrier_flow.c     what of a path is of one campaign: shares, what wider limits allow
 *   carrier_limits.c   which of them bind what, also after a change under way
 *   carrier_draw.c     those are drawn from the database
 *   carrier_connect.c  a connection's way to a host that will have it
 *   carrier_session.c  one connection: bytes, events, gates
 *   carrier_room.c     which connections take another message, and how soon they answer
 *   carrier_habit.c    what a session teaches about its host
 *   carrier_warming.c  what may start from a source in warm-up
 *   carrier_note.c     and what of that is kept
 *   carrier_memory.c   what paths have learned, kept and read again
 *   carrier_state.c    what people are shown of paths
 *   carrier_outcome.c  endings: classify, schedule, journal, ledger
 *   carrier_journal.c  what the written journal lets go on, and what of it is still needed
 *   carrier_incident.c providers that do not know their own users any more
 */
#pragma once

#include "engine/base/lane.h"
#include "engine/base/map.h"
#include "engine/base/slab.h"
#include "engine/base/wheel.h"
#include "engine/net/conn.h"
#include "engine/send/auth.h"
#include "engine/send/carrier_state.h"
#include "engine/send/envelope.h"
#include "engine/send/limits.h"
#include "engine/send/press.h"
#include "engine/send/tuning.h"
#include "engine/send/warming.h"
#include "engine/shape/reach.h"
#include "engine/shape/incident.h"
#include "engine/shape/path_memory.h"
#include "engine/shape/rules.h"
#include "engine/smtp/client_state.h"

struct session;

/* One source and whoever limits it: what its paths share. That is a site, whose paths differ in
 * the TLS they need, or a provider that counts for all of its sites together. */
struct carrier_site {
	char key[160]; /* source index, and site or provider */
	struct path shaping;
	struct chain paths;
	uint32_t opening_count, open_count; /* of all its paths */
	uint32_t source_index;
	struct chain_link unsaved; /* in carrier.unsaved_sites: it has learned something */
	uint64_t learned;          /* as it was saved last (path_learned()) */
	bool in_use;  /* it is known in the database that something starts there */
	bool ended;   /* the last word is said, and nothing starts any more */
	uint32_t note_count; /* under way */
};

#define CARRIER_BUNCH 4    /* messages that go to one connection at once */
#define FLOW_QUOTA_LIMIT 8 /* named limits that bind one campaign on one path */

/* What of a path is of one campaign. Flows share what the path may send by their weights
 * (start-time fair queueing): the one with the least tag is next, and each message moves its
 * tag on by the inverse of the weight. */
struct carrier_flow {
	struct chain_link link; /* in path->flows */
	struct carrier_path *path;
	struct campaign *campaign;
	struct chain waiting, marked; /* envelopes */
	uint32_t marking_count;
	uint32_t held_count; /* messages ordered or ready */
	uint32_t ahead_counted; /* of marked and marking: as its quotas have it */
	uint32_t mark_ahead; /* envelopes kept marked: doubles when the flow runs dry, and
				falls to what it orders in a moment */
	uint32_t ordered_now, ordered_before; /* in this span of marks, and the one before */
	usec span_since;
	usec busy_until; /* ordered_before is kept, unless a span had more */
	bool dry; /* it could have ordered more than was marked */
	uint64_t tag;
	usec return_at; /* when the next that finds no room may come again */
	struct carrier_quota *quotas[FLOW_QUOTA_LIMIT];
	size_t quota_count;
};

/* Everything that waits for, or moves over, one source, site and need of TLS: whatever waits
 * here may take any connection that stands here. */
struct carrier_path {
	struct chain_link of_site; /* in site->paths */
	struct carrier_site *site;
	struct reach reach;      /* whether its hosts take connections */
	struct chain_link link;  /* in carrier.active or carrier.idle */
	struct chain_link dirty; /* in carrier.dirty: its verdict is due this turn */
	struct chain_link
		short_of;    /* in carrier.short_of: no session or message was left for it */
	struct route *route; /* its own copy, as large as the hosts it has */
	size_t route_room;   /* hosts there is room for */
	char key[192];       /* of the site, and the route's TLS key */
	/* Its hosts did not meet its TLS policy a moment ago: until then what comes is answered
	 * with this. */
	usec shut_until;
	struct reply shut_reply;
	char shut_text[200];
	uint32_t source_index;
	struct warming *warming; /* its source is in warm-up; NULL: it is not */
	struct chain flows;
	struct chain urgent, ready; /* messages: those of urgent campaigns go first */
	struct chain sessions;
	struct chain roomy[SMTP_TRANSACTION_LIMIT]; /* those that take another message, by how
						       many they have */
	uint32_t slots, usable; /* messages they take; sessions that go on taking some */
	uint32_t under_way;     /* messages that those have */
	usec answer_time; /* from the start of a message to its reply, lately; 0: not known */
	uint32_t ordered_count, opening_count, open_count;
	uint64_t tag;   /* of the flow served last: where a new one begins */
	usec return_at; /* the last flow's, while there is none */
	struct carrier_timer wake;
	bool seven_bit; /* one of its hosts does not offer 8BITMIME: none is sent 8 bits */
	bool active;    /* which of the carrier's chains holds link */
	struct chain_link held;                         /* in held_by->waiters, or unmarked */
	bool lacks_mark;                                /* that */
	struct carrier_quota *held_by;                  /* NULL: by none */
	bool held_for[2]; /* there: to start messages; to open connections */
	struct carrier_quota *quotas[FLOW_QUOTA_LIMIT]; /* of its connections */
	size_t quota_count;
	const char *why; /* what held it back at the last verdict */
	struct carrier_state state;
};

/* One mail host, whatever the paths to it. */
struct carrier_habit {
	struct chain_link changed; /* in carrier.changed_habits: not yet at the ledger */
	struct habit habit;
	usec changed_wall;
	char host[DNS_NAME_SIZE];
	char note[64]; /* why it changed last */
};

/* What the ledger is to write down beside outcomes; texts stand in text. */
struct carrier_note {
	struct chain_link link; /* in carrier.tls_counted, while it still counts */
	enum { NOTE_HOST, NOTE_TLS, NOTE_INCIDENT, NOTE_PATH, NOTE_MEMORY } kind;
	struct store_host host;
	struct store_tls_result tls;
	struct store_incident incident;
	struct store_path_state path;
	struct store_memory memory;
	bool urgent; /* somebody waits until it is written */
	str key; /* in carrier.tls_tallies; of memory: in carrier.sites */
	size_t text_size;
	char text[2048];
};

/* A large provider, whatever the paths to it. */
struct carrier_provider {
	char name[33];
	struct incident quick, slow;
	bool stopped; /* nothing starts there */
	bool untold;  /* by a finding of ours that the ledger does not know yet */
	struct incident_finding finding;
	usec found_at, found_wall;
};
#define CARRIER_PROVIDER_LIMIT 128 /* there are two dozen */

/* A connection to a host of a route, and what became of TLS. */
struct carrier_tls_result {
	enum tls_policy_type policy;
	enum tls_fault fault; /* NONE: it came about as it had to */
	const char *policy_domain, *policy_text, *mx_host, *mx_address, *source, *reason;
};

/* What a session needs until it is ready, or has come to nothing. */
struct session_opening {
	struct session *session;
	uint32_t tried_hosts; /* a bit each */
	struct tls_need need;
	bool testing;             /* need is one that a policy only tests */
	bool tested;              /* and it has failed for this target */
	bool reauthenticated;     /* it had its second chance */
	enum tls_fault tls_fault; /* of a handshake that failed, and why */
	char tls_why[160];
	struct auth auth;
	struct reply refusal; /* while session.refused */
	char refusal_text[200];
	char why[CONN_WHY_SIZE]; /* it could not be connected */
};

/* One connection. There may be tens of thousands that wait for an answer or have nothing to do:
 * what these do not need is borrowed for as long as it is needed. A desk (smtp/client.h), the
 * session_opening, and messages, which bring the memory of their transactions. */
struct session {
	struct chain_link link; /* in its path's sessions */
	struct conn conn;
	struct smtp_client client;
	struct carrier *carrier;
	struct carrier_path *path;
	struct carrier_timer timer;
	usec due; /* what the timer is for; it may be armed sooner */
	struct session_opening *opening; /* NULL: it is ready, or was */
	uint32_t host_index, address_index; /* of path->route: the target; it may be renewed */
	bool has_target;
	int16_t relay;             /* index, or ROUTE_NO_RELAY */
	struct chain_link roomy;   /* in path->roomy[depth], while it takes another message */
	uint8_t depth, room;
	uint8_t under_way; /* as counted in the path's */
	bool usable;       /* counted in path->usable */
	struct chain_link pump;    /* in carrier.pump: has output after its release */
	struct chain_link resting; /* in carrier.resting: connected, nothing to do */
	struct chain messages;     /* submitted, unfinished */
	struct chain spent;        /* ended, but the kernel may still hold their bytes */
	uint32_t submitted_count, delivered_count;
	struct carrier_habit *habit; /* of the host; NULL when there was no room */
	struct habit_plan plan;
	uint32_t answered_count; /* transactions that ended in order */
	uint32_t cut_count;      /* in doubt when the connection went */
	uint32_t returned_count;
	bool cut_within; /* it went while the server had a message to answer */
	bool spoken;     /* connected: the SMTP machine runs */
	bool want_tls;   /* the 220 came, perhaps before the kernel said that STARTTLS left */
	bool in_clear;   /* STARTTLS was not to be tried */
	bool ready;      /* greeted: counts as open, not as opening */
	bool closing;    /* no more submissions */
	bool recalling;  /* what comes back was asked for */
	bool gone;       /* waiting for on_closed */
	bool postponed;  /* gone, and waiting for its turn to connect to another target */
	bool refused;    /* by this host, before it was ready: on to the next, why in opening */
	bool has_name;   /* host is of carrier.name_slab; else its habit's */
	const char *host;
};

/* What is known of a source while the engine runs. */
struct carrier_source {
	_Atomic int64_t aside_until; /* the feeder reads it, too */
	_Atomic int64_t held_until;  /* the feeder's word: it is this engine's until then */
	usec since; /* what its paths knew before was read; nothing of ours started before */
	char failed_host[DNS_NAME_SIZE];
	usec failed_at;
};

/* What is known of a site that no path is made for, or was. */
struct carrier_memory {
	char key[160]; /* as that of the site */
	char state[PATH_MEMORY_SIZE];
	usec at; /* when it was written; perhaps before this machine's time began */
};

/* What the feeder has read of sources that it took; the carrier's until it sets taken. */
struct carrier_memories {
	_Atomic(const struct store_memory *) rows; /* NULL: nothing is to be taken */
	size_t count;
	const bool *sources; /* of which: by index */
	usec asked_at;
};

/* Who is stopped, and in which campaign; 0: in every one. Two neighbours of struct store_stop.
 */
struct stop_key {
	uint64_t campaign_id, subscriber_id;
};

/* By whose word anything may start (carrier_gate.c). */
struct carrier_gate {
	_Atomic int64_t heard_at; /* when what the feeder has followed was asked for */
	_Atomic bool shut;        /* who hears something is to ring */
	_Atomic uint32_t news;    /* the feeder raises it: slices or sources were lost or won */
	uint32_t seen;
	bool open;
};

struct carrier_counts {
	_Atomic uint64_t started, delivered, deferred, failed, in_doubt, suppressed, cancelled;
	_Atomic uint64_t settled_position; /* the ledger's: journal bytes settled */
	_Atomic uint32_t connections;
	_Atomic bool urgent;   /* there are campaigns of urgent mail, or were */
	_Atomic bool troubled; /* carrier.trouble holds a sentence */
	_Atomic bool idle;
};

struct carrier {
	const struct engine_settings *settings;
	const struct limits *limits;
	struct io_loop *loop;
	struct io_bell *bell; /* rung by feeder, presses and ledger */
	struct journal *journal;
	const struct classifier *classifier;
	struct tls_context *tls;
	struct fetcher *fetcher;   /* for tokens; NULL: no relay wants one */
	struct auth_relay *relays; /* by their index */
	struct carrier_source *sources;
	struct prng prng;
	struct arena arena;
	struct wheel wheel;

	struct map paths, sites, habits;
	struct chain changed_habits;
	struct map tls_tallies;      /* struct carrier_note */
	struct chain tls_counted;    /* the same ones */
	struct carrier_memories memories;
	struct map remembered; /* struct carrier_memory by key */
	struct slab memory_slab;
	struct chain unsaved_sites;
	usec unsaved_at;
	size_t memory_note_count; /* under way */
	bool memories_unsaid;     /* at the end: notes are short */
	struct chain changed_states; /* paths whose state is not yet told */
	usec states_at;
	size_t state_note_count; /* under way */
	struct slab path_slab, site_slab, flow_slab, habit_slab, note_slab, session_slab,
		message_slab, outcome_slab;
	struct slab opening_slab, desk_slab, name_slab; /* borrowed by sessions */
	struct chain campaigns;       /* those that the feeder has told of */
	uint32_t urgent_count;        /* of them */
	uint32_t urgent_messages;     /* from their order to their end */
	struct carrier_quota *quotas; /* places of limits wider than a path */
	size_t quota_count;           /* that were ever used */
	struct tuning tuning;
	usec answer_time; /* as of a path, of all of them */
	struct chain drawn;           /* quotas that limit something */
	usec draw_at;                 /* when the first of them is looked at again */
	uint64_t draw_number;         /* of the last question */
	struct chain active, idle, dirty;
	struct chain short_of; /* paths: woken one by one as sessions and messages come back */
	struct chain resting;  /* sessions: closed early when another path is short of one */
	uint32_t quits_left;   /* of idle ones that a stop may end in this step */
	struct press *presses; /* the last one is for urgent messages alone */
	size_t press_count;

	struct lane runs, marked, stops;     /* from the feeder */
	struct lane arrivals;                /* the same: campaigns that come, or leave */
	struct lane mark_wanted, returned;   /* to the feeder */
	struct lane farewells;               /* the same: campaigns that are let go */
	struct lane outcomes, outcomes_back; /* to and from the ledger */
	struct lane notes, notes_back;       /* the same */
	struct lane draws, draws_back;       /* to and from the feeder: struct carrier_draw */
	struct io_bell *feeder_bell;
	struct doorbell *ledger_bell;

	struct carrier_provider *providers;
	size_t provider_count;
	bool incident_found; /* to be acted upon at the next step */

	struct carrier_gate gate;
	struct chain voided;     /* envelopes to be returned when that is written */
	struct chain unwritten;  /* outcomes whose journal record is not written yet */
	struct chain pump;       /* sessions */
	struct chain open_marks; /* messages marked in the journal, in order of position */
	struct chain gates;      /* those of them whose mark is not written yet, the same */
	uint64_t written_position;
	uint64_t carried_position; /* behind marks put once more; not before it is written are
				      their first copies let go */
	_Atomic uint32_t warming_news; /* the feeder raises it: paths that warm up may go on */
	uint32_t warming_seen;
	bool journal_failed; /* the disk is full or broken: nothing new starts */
	bool journal_removed; /* the same, for good */
	usec journal_retry_at;
	char trouble[256];

	struct map stopped; /* struct stop_key -> struct store_stop, which holds it */
	bool draining;      /* no new starts; what waits goes back */
	bool to_feeder;     /* something was pushed: ring once at the end of the step */
	bool to_ledger;
	usec next_sweep_at, ledger_rung_at;
	usec paced_at; /* the last turn: from then on presses are timed */
	uint32_t rules_generation; /* that sites have their limits from */
	uint32_t tuning_generation;
	struct carrier_counts counts;
};

#define MEMORY_NOTES 128
#define NOTES_LIMIT (256 + STATE_NOTES + MEMORY_NOTES) /* on their way to the ledger */
#define WAIT_LIMIT                                                                             \
	(60 * USEC_SECOND)   /* what cannot start within it is put back (design §5.10) */
#define STOP_NOTICES 65536   /* that the feeder may have under way */
#define CAMPAIGNS_LIMIT 1024 /* that one engine works on at once */
#define DRAWS_LIMIT(rules) (((rules) + CAMPAIGNS_LIMIT) * QUOTA_KINDS)

[[nodiscard]] int carrier_init(struct carrier *, struct arena_source *,
			       const struct engine_settings *, const struct limits *,
			       struct io_loop *, struct journal *, const struct classifier *,
			       struct press *presses, size_t press_count, uint64_t seed);
/* The loop turns no more after this: what only its own thread can take back. */
void carrier_end(struct carrier *);
void carrier_done(struct carrier *);
/* One step between two turns of the loop; returns when the next is due at the latest. */
usec carrier_step(struct carrier *);
/* Stop: nothing new starts, what has not started goes back to the feeder. */
void carrier_drain(struct carrier *);
/* End now: closes all connections; what was under way ends (in doubt, or to be tried again). */
void carrier_abort(struct carrier *);
/* Nothing waits, moves or is unwritten. */
bool carrier_idle(const struct carrier *);

/* Between the carrier's own files. */
struct carrier_path *carrier_path_get(struct carrier *, const struct route *,
				      uint32_t source_index);
void carrier_path_touch(struct carrier *, struct carrier_path *); /* its verdict is due */
void carrier_site_touch(struct carrier *, struct carrier_site *); /* those of all its paths */
void carrier_path_short(struct carrier *, struct carrier_path *); /* of a session or message */
void carrier_paths_done(struct carrier *);
void carrier_take_rules(struct carrier *, usec now); /* when there are others: to all sites */
void carrier_given_back(struct carrier *);           /* one of them is there again */
size_t carrier_path_pending(struct carrier_path *);  /* envelopes that have not started */
void carrier_path_run(struct carrier *, struct carrier_path *, usec now);
/* What a server said of the site, with an alarm where people must act. */
void carrier_site_learn(struct carrier *, struct carrier_path *, const struct path_event *,
			const struct reply *);
void carrier_path_fail_waiting(struct carrier *, struct carrier_path *, const struct reply *);
void carrier_path_recall(struct carrier *, struct carrier_path *, usec waiting_before);
/* Of one campaign, all of it. */
void carrier_path_recall_campaign(struct carrier *, struct carrier_path *,
				  const struct campaign *);
/* Of slices that were taken from this engine. */
void carrier_path_recall_lost(struct carrier *, struct carrier_path *);
/* To the feeder, no attempt; where its mark had been made, when that is undone. */
void carrier_envelope_return(struct carrier *, struct envelope *);
void carrier_return_voided(struct carrier *);
/* What finds no room from now on need not queue behind what came before. */
void carrier_path_return_at_once(struct carrier_path *, usec now);

/* carrier_gate.c: the feeder's side, from its thread; */
void carrier_heard(struct carrier *, usec asked_at);
void carrier_gate_changed(struct carrier *);
bool carrier_source_is_held(const struct carrier *, uint32_t source_index, usec now);
/* the carrier's: first in each step. Why nothing starts on a path; NULL: it may. */
void carrier_look_at_gate(struct carrier *, usec now);
/* Somebody said stop: what waits in a session behind others, unsaid, is judged anew. */
void carrier_recall_unsaid(struct carrier *, usec now);
/* By the clock alone, whatever the last look said. */
bool carrier_gate_is_shut(struct carrier *, uint32_t source_index, usec now);
const char *carrier_gate_why(const struct carrier *, const struct carrier_path *, usec now);

/* carrier_limits.c */
[[nodiscard]] int carrier_quotas_init(struct carrier *);
void carrier_flow_bind(struct carrier *, struct carrier_flow *);
void carrier_path_bind(struct carrier *, struct carrier_path *); /* to limits of connections */
/* Of another tuning. False: so many were replaced lately that there is no place yet; try again. */
[[nodiscard]] bool carrier_take_limits(struct carrier *, usec now);

/* carrier_flow.c */
/* NULL when there is no room for another one. */
struct carrier_flow *carrier_flow_get(struct carrier *, struct carrier_path *,
				      struct campaign *);
/* Gives back those that hold nothing; all: whatever of the campaign. */
void carrier_flows_drop_empty(struct carrier *, struct carrier_path *);
/* Whether one envelope more could start within the time that envelopes may wait. */
bool carrier_flow_has_room(const struct carrier_flow *, usec now);
/* The campaign's part of a path's amount, at least one. */
size_t carrier_flow_share(const struct carrier_flow *, size_t amount);
/* How many of those wanted may be marked, for a machine that is lost leaves all of them in doubt:
 * of all paths of a limit no more than it lets start in two spans. None: the path waits there. */
size_t carrier_flow_mark_room(struct carrier *, struct carrier_flow *, size_t wanted, usec span,
			      usec now);
void carrier_flow_count_ahead(struct carrier_flow *); /* behind every change of its marks, or later */
/* The flow whose turn it is to order a message; NULL: none has one that may. */
struct carrier_flow *carrier_flow_next(struct carrier *, struct carrier_path *, usec now);
void carrier_flow_served(struct carrier_flow *);
void carrier_flow_marked(struct carrier_flow *, struct envelope *); /* carrier_path.c */
/* A message is ordered, or back in line; and is so no longer. */
void carrier_message_hold(struct message *, struct carrier_flow *);
void carrier_message_unhold(struct message *);
/* Whether all limits wider than the path let it start now; starting takes from them. */
bool carrier_message_may_start(struct carrier *, const struct message *, usec now);
void carrier_message_start(struct carrier *, struct message *, usec now);
uint32_t carrier_path_open_room(struct carrier *, struct carrier_path *, uint32_t limit,
				usec now);
void carrier_path_open_counted(struct carrier *, struct carrier_path *, usec now);
void carrier_path_closed_counted(struct carrier *, struct carrier_path *);
/* When the rates of connections allow another one in place of one that came to nothing: now or
 * later; and that it is opened. */
usec carrier_path_reopen_at(struct carrier *, const struct carrier_path *, usec now);
void carrier_path_reopen_counted(struct carrier_path *, usec now);
/* The path waits no more: it is forgotten. */
void carrier_path_unwait(struct carrier *, struct carrier_path *);
void carrier_quota_wake(struct carrier *, struct carrier_quota *, usec now);
void carrier_take_arrival(struct carrier *, struct campaign *);
void carrier_follow_spreads(struct carrier *, usec now);
struct campaign *carrier_campaign_of(struct carrier *, uint64_t campaign_id);

/* carrier_memory.c */
void carrier_site_begin(struct carrier *, struct carrier_site *); /* with what is known */
void carrier_site_end(struct carrier *, struct carrier_site *);   /* it is forgotten here */
void carrier_site_changed(struct carrier *, struct carrier_site *);
/* Whether it may be used; else it waits until that it is used is written down. */
bool carrier_site_is_known(struct carrier *, struct carrier_site *);
void carrier_take_memories(struct carrier *, usec now);
usec carrier_memories_step(struct carrier *, usec now);
bool carrier_memories_idle(const struct carrier *); /* when it ends: all is said */
void carrier_memory_written(struct carrier *, const struct carrier_note *);

/* carrier_draw.c */
void carrier_quota_prepare(struct carrier *, struct carrier_quota *,
			   const struct quota_limits *);
/* It has its account's name, or other limits. */
void carrier_quota_follow(struct carrier *, struct carrier_quota *);
void carrier_quota_forget(struct carrier *, struct carrier_quota *);
/* Somebody is held back by it. */
void carrier_quota_wanted(struct carrier *, struct carrier_quota *, bool for_connection);
void carrier_take_draws(struct carrier *, usec now); /* answers */
usec carrier_draws_step(struct carrier *, usec now); /* when the next is due */
/* When the carrier turns no more: what is to be given back; at most QUOTA_KINDS rows. */
size_t carrier_draws_last(struct carrier *, struct carrier_quota *, usec now,
			  struct store_draw_row **rows);

/* carrier_journal.c */
void carrier_journal_written(void *carrier, uint64_t position, int error);
void carrier_keep_journal(struct carrier *); /* now and then: frees what is not needed */
void carrier_rest_journal(struct carrier *); /* at the end in order */

/* carrier_warming.c */
void carrier_take_warming_news(struct carrier *);
/* No more than what is reserved, and not before its time. */
void carrier_hold_cold(struct carrier *, struct carrier_path *, struct path_grant *, usec now);
void carrier_start_cold(struct carrier_path *, struct envelope *, usec now);

/* carrier_connect.c */
/* A connection begins to be opened; false when there is no session left. */
[[nodiscard]] bool session_open(struct carrier *, struct carrier_path *);
void session_closed(struct session *); /* its transport is gone: another target, or the end */
void session_take_turn(struct session *); /* one that was postponed: its target, or the end */
struct smtp_options session_options(struct session *); /* connected: prepares AUTH, too */
void session_end_opening(struct session *); /* it is ready */
void session_turned_away(struct session *, const struct reply *); /* before it was ready */
void session_tls_failed(struct session *);
void session_tls_held(struct session *); /* ready: counted for TLS reports */
/* Set aside, or another engine's. */
bool carrier_source_is_aside(const struct carrier *, uint32_t source_index, usec now);
/* That source is set aside, and its mail may go by another one at once. */
bool carrier_other_source_is_left(const struct carrier *, uint32_t source_index, usec now);
/* Nothing of this campaign starts on this path: what comes to it goes back. */
bool carrier_path_is_stopped(const struct carrier *, const struct carrier_path *,
			     const struct campaign *, usec now);
/* Gives back all that waits for a source. */
void carrier_recall_source(struct carrier *, uint32_t source_index);

/* carrier_room.c: something happened to the session; */
void session_room_changed(struct session *);
void session_answered(struct session *, usec took); /* a message of it, by its host */
/* Urgent messages are ready and there was no room: is there, where only they would go? */
void carrier_path_room_for_urgent(struct carrier_path *);
/* Its host takes long to answer: what stands behind a message in its session would wait. */
bool carrier_path_is_slow(const struct carrier_path *);
/* So are nearly all hosts that are written to now. */
bool carrier_is_slow(const struct carrier *);
/* Messages that would be on each connection if all had as many: 1 .. CARRIER_BUNCH. */
uint32_t carrier_path_share(struct carrier_path *);
/* Messages that are kept ready for so many connections. */
uint32_t carrier_path_ready_room(struct carrier_path *, uint32_t usable);
/* Messages by which one more connection is worth while. */
uint32_t carrier_path_worth(const struct carrier_path *);

/* carrier_session.c */
extern const struct conn_events session_events;
void session_auth_moved(struct auth *);
/* Its output leaves with the next session_pump(), which is to follow. */
void session_submit(struct session *, struct message *, usec now);
/* What it holds and has said nothing of yet is in line again, unless nothing may start. */
void session_recall(struct session *, usec now);
void session_pump(struct session *,
		  usec now); /* output to the connection, events to their ends */
void session_close_idle(struct session *, usec now);
void session_retire_worn(struct session *, usec now); /* it has taken all it may */
bool session_retire(struct session *, usec now); /* it takes no more; false: it did not before */
void session_expired(struct session *, usec now);
void session_abort(struct session *, usec now); /* now, whatever is under way */
void session_mark(struct message *); /* into the journal; once more: at its end */
void session_released(struct carrier *, uint64_t written_position); /* marks are written */

/* NULL when there is no room for another host. */
struct carrier_habit *carrier_habit_get(struct carrier *, const char *host);
void session_learn_ready(struct session *); /* at its first SMTP_READY: sets the flight */
void session_plan(struct session *);        /* the flight of what is submitted next */
void session_learn_clean(struct session *); /* a transaction ended in order */
void session_learn_close(struct session *, const struct reply *);
void session_learn_broken_tls(struct session *);
/* TLS was broken here a moment ago: where policy allows clear text, STARTTLS is left out. */
bool session_in_clear(const struct session *);

/* What was learned before this engine began. */
void carrier_take_hosts(struct carrier *, const struct store_host *, size_t count);
void carrier_count_tls(struct carrier *, const struct carrier_tls_result *);
void carrier_push_notes(struct carrier *); /* all there are, to the ledger */
/* A note: NULL when none is left; keeps copies of texts as long as it has room; leaves. */
struct carrier_note *carrier_note_borrow(struct carrier *);
str carrier_note_keep(struct carrier_note *, str text, size_t limit);
void carrier_note_push(struct carrier *, struct carrier_note *);
void carrier_notes_take_back(struct carrier *); /* those the ledger has let go */

/* False when no note was left. Texts are copied. */
[[nodiscard]] bool carrier_note_incident(struct carrier *, const struct store_incident *);

/* carrier_incident.c */
void carrier_take_providers(struct carrier *, const struct store_provider *, size_t count);
bool carrier_provider_is_stopped(const struct carrier *, const struct carrier_path *);
void carrier_count_answer(struct carrier *, const struct carrier_path *, const struct reply *,
			  const struct classification *);
void carrier_follow_provider(struct carrier *, const struct store_stop *);
void carrier_act_on_incidents(struct carrier *);

/* An envelope ends: with an attempt (message set, session known) or without. */
void carrier_outcome(struct carrier *, struct envelope *, const struct reply *, bool in_doubt,
		     const struct session *);
void carrier_take_outcomes_back(struct carrier *); /* those the ledger has let go */
void carrier_message_free(struct carrier *, struct message *);
