/* store.h - the database in campaign terms: requests submitted, completions called.
 * One struct store is one connection. With a loop it is non-blocking libpq on that loop (the
 * feeder's); with loop NULL every submit runs to its end and calls on_done before it returns
 * (the ledger's, and the commands'). Requests of one store are served in order, each in one
 * transaction of its own. The simulation links another implementation of this page.
 *
 * Ids are bigint, > 0. All rows belong to the store's tenant. Strings handed in are copied or
 * used before on_done; what a request returns lives in the arena it was given. */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/chain.h"
#include "engine/base/usec.h"
#include "engine/io/io.h"
#include "engine/net/tls_policy.h"
#include "engine/shape/breaker.h"
#include "engine/shape/draw.h"
#include "engine/shape/warmup.h"
#include "engine/smtp/classify.h"

struct store;

enum store_result {
	STORE_OK = 0,
	/* No connection, or it broke: whether a write took is not known; read the position,
	 * never guess. Try again after a pause. */
	STORE_LOST = -1,
	/* Deadlock, serialization, read-only, disk full, out of memory: nothing was written. */
	STORE_RETRY = -2,
	/* The statement is wrong for this schema: a bug or a missing migration. */
	STORE_REFUSED = -3,
	STORE_NOT_FOUND = -4,
	/* Another process runs under this engine's name (newer epoch), the journal position is
	 * not the expected one, or a lease was lost. */
	STORE_FENCED = -5,
	/* Something in what was to be written does not fit (a constraint, a trigger, a value): as
	 * STORE_REFUSED, but with less of it the rest may go in. */
	STORE_UNFIT = -6,
};

struct store_config {
	const char *conninfo;    /* may name several hosts: the one that takes writes is found */
	bool pooled;             /* conninfo leads to a pooler in transaction mode; no LISTEN */
	uint32_t tenant;         /* 1: the default tenant */
	usec connect_timeout;    /* 0: 10 s */
	usec statement_timeout;  /* 0: 60 s */
	const char *application; /* application_name: "rundbrief feeder" */
	usec day_zone;           /* days of sources begin so long before those of UTC */
	usec lease;              /* what an engine holds stays its own so long without a word
				    from it; 0: 30 s */
	usec journal_wait;       /* who was started by an engine that is gone waits so long for
				    its journal, then is in doubt; 0: a day */
};

[[nodiscard]] int store_open(struct store **ret_store, struct io_loop *,
			     const struct store_config *, char *ret_why, size_t why_size);
/* Requests not yet served are dropped without on_done. With a loop: before the loop is
 * destroyed; memory is given back by the loop's next turns. */
void store_close(struct store *);

/* First member of every request. */
struct store_request {
	struct chain_link link;
	void (*on_done)(struct store_request *);
	int result;                    /* enum store_result */
	char why[256];                 /* for people, when result is not OK */
	const struct store_work *work; /* the implementation's own */
};

/* An engine says who it is. Gives it a new epoch: an older process of that name is fenced. */
struct store_join {
	struct store_request request;
	str name;
	uint32_t ret_engine_id;
	uint32_t ret_epoch;
	uint64_t ret_position; /* journal bytes whose outcomes are settled */
};
void store_join(struct store *, struct store_join *);

/* Renews what an engine holds, its slices and its sources, for its lease (30 s) by the database's
 * clock, and asks for sources: one belongs to one engine at a time, to the first that asks, until
 * it leaves, asks no more for it, or its lease is over. */
struct store_heartbeat {
	struct store_request request;
	uint32_t engine_id, epoch;
	const str *sources; /* names it would send from */
	size_t source_count;
	struct arena *arena;
	bool *ret_held;   /* of each source: this engine holds it now */
	str *ret_holders; /* of each: the name of the engine that does; empty: none */
	uint64_t *ret_lost_slices;
	size_t ret_lost_count;
};
void store_heartbeat(struct store *, struct store_heartbeat *);

/* The engine ends in order: its sources are free at once, and so are its slices that it does not
 * settle any more; what it had marked as started in them waits for its journal. Asked again it
 * changes nothing. */
struct store_leave {
	struct store_request request;
	uint32_t engine_id, epoch;
};
void store_leave(struct store *, struct store_leave *);

enum campaign_state {
	CAMPAIGN_DRAFT,
	CAMPAIGN_RUNNING,
	CAMPAIGN_PAUSED,
	CAMPAIGN_CANCELLED,
	CAMPAIGN_FINISHED,
	CAMPAIGN_STATE_COUNT
};
extern const char *const campaign_state_names[CAMPAIGN_STATE_COUNT];

/* A campaign's record and content. settings is the campaign's JSON object (see
 * templates/campaign.h for the keys); revision names the content it was sent with. */
struct store_campaign {
	struct store_request request;
	uint64_t campaign_id; /* 0: look up by name */
	str name;
	uint32_t revision; /* 0: newest */
	struct arena *arena;
	enum campaign_state ret_state;
	str ret_name, ret_settings, ret_html, ret_text; /* html or text data NULL: has none */
	uint32_t ret_revision;
	usec ret_launched_wall, ret_expires_wall;
	bool ret_fully_cut; /* no further slices will be cut */
	str *ret_parts;     /* the files that its settings list; data NULL: one is missing */
	size_t ret_part_count;
	str ret_token_key; /* letter of the secret it was launched with; empty: none is noted */
};
void store_campaign(struct store *, struct store_campaign *);

/* The campaigns there is work for: running, or cancelled and not yet accounted for. */
struct store_running {
	struct store_request request;
	struct arena *arena;
	uint64_t *ret_ids;
	size_t ret_count;
};
void store_running(struct store *, struct store_running *);

/* Cuts the next slice of a running campaign: freezes at most limit ids, counts who is
 * suppressed and why, moves the cut mark. Takes a bounded time: with a filter that chooses few
 * it may find nobody and still not be fully cut; then ask again. */
struct store_cut {
	struct store_request request;
	uint64_t campaign_id;
	uint32_t limit;
	uint64_t ret_slice_id; /* 0: nobody was found */
	uint32_t ret_count;
	bool ret_fully_cut;
};
void store_cut(struct store *, struct store_cut *);

enum slice_kind {
	SLICE_AUDIENCE = 0,
	SLICE_RETRY = 1,
	SLICE_REMAINDER = 2,
	SLICE_OUTBOX = 3, /* transactional mail as it was claimed */
};

/* Leases the next open slice that is due: of campaign_id, or of any running campaign (0). When
 * none is, and else now and then, takes over from an engine that has left or was silent for its
 * lease (then ret_next_due_wall is 0). Whose verdict was told late is left out; where nobody is left
 * there is no slice, and ret_next_due_wall is 0. After STORE_LOST the same store finds the lease again if it was made. */
struct store_lease {
	struct store_request request;
	uint32_t engine_id, epoch;
	uint64_t campaign_id;
	struct arena *arena;
	uint64_t ret_slice_id; /* 0: none is due */
	uint64_t ret_campaign_id;
	enum slice_kind ret_kind;
	uint64_t *ret_ids;
	size_t ret_count;
	usec ret_next_due_wall; /* none due: when the earliest will be; USEC_NEVER: there is
				   none */
	uint32_t ret_winner;    /* of the campaign's variants, as it was then; 0: not named.
				   Slices that wait for it come only when it is, or when the
				   campaign's time is over */
};
void store_lease(struct store *, struct store_lease *);

/* One recipient as read for sending. */
struct store_recipient {
	uint64_t subscriber_id;
	str email; /* as stored; data NULL: the subscriber is gone (erased) */
	str name;
	const str *fields; /* JSON text of each attribute asked for; data NULL: has none */
	uint32_t attempts; /* ended so far */
	uint32_t revision; /* template revision of the first attempt; 0: none yet */
	usec date_wall;    /* Date of the first attempt; 0: none yet */
	usec first_wall;   /* when the first attempt ended; 0: none yet */
	str source;        /* that the last attempt used; empty: none */
	bool suppressed;   /* became so since the slice was cut (suppressed or unsubscribed) */
	const char *suppression_reason;
	usec expires_wall; /* of an outbox row: not to be started after; 0: none */
};
struct store_read {
	struct store_request request;
	uint64_t campaign_id, slice_id;
	const uint64_t *ids; /* ascending */
	size_t count;
	const str *fields; /* names of attributes the template uses */
	size_t field_count;
	struct arena *arena;
	struct store_recipient *ret_recipients; /* count entries, in the order of ids */
};
void store_read(struct store *, struct store_read *);

/* Marks recipients as started, before a carrier may start them: all, or (STORE_FENCED) none,
 * when one of the slices is not leased by this engine any more. Marking twice does no harm. */
struct store_mark {
	struct store_request request;
	uint32_t engine_id, epoch;
	const struct store_mark_slice {
		uint64_t campaign_id, slice_id;
		const uint64_t *ids; /* ascending */
		size_t count;
	} * slices;
	size_t slice_count;
};
void store_mark(struct store *, struct store_mark *);

/* What must no longer be started, since the number given. */
enum stop_kind {
	STOP_PAUSE,
	STOP_RESUME,
	STOP_CANCEL,
	STOP_SUBSCRIBER,
	STOP_PROVIDER,     /* nothing goes there: an incident waits for review */
	STOP_PROVIDER_END, /* it goes on */
	STOP_FLUSH,        /* what waits there for its time is due now */
};
struct store_stop {
	uint64_t number;
	enum stop_kind kind;
	uint64_t campaign_id;   /* PAUSE, RESUME, CANCEL; SUBSCRIBER: 0 for every campaign */
	uint64_t subscriber_id; /* SUBSCRIBER: unsubscribed or suppressed */
	const char *reason;     /* "unsubscribed", "manual", ... */
	str provider;           /* PROVIDER, PROVIDER_END: its short name; campaign_id is 0 */
	const char *target;     /* FLUSH: "provider NAME", "site NAME"; "" everywhere */
};
/* The word by which an engine may start anything: it starts nothing when the last answer was
 * asked for more than a second ago. So it also says what was taken from the engine meanwhile
 * (its lease ran out): nothing of these slices may start any more, what has started is still
 * accepted, and what has not is put back. STORE_FENCED: a newer process has its name. */
struct store_stop_feed {
	struct store_request request;
	uint32_t engine_id, epoch; /* 0: no engine asks, nobody is fenced */
	uint64_t after_number;     /* UINT64_MAX: only tell the newest number */
	struct arena *arena;
	struct store_stop *ret_stops;
	size_t ret_count;
	uint64_t ret_newest_number;
	uint64_t *ret_lost_slices; /* all that are taken over and not yet settled */
	size_t ret_lost_count;
};
void store_stop_feed(struct store *, struct store_stop_feed *);

/* Turns deferrals that are due into retry slices (at most limit recipients a call). */
struct store_claim_due {
	struct store_request request;
	uint64_t campaign_id; /* 0: of any running campaign */
	uint32_t limit;
	uint32_t ret_count;
	usec ret_next_due_wall; /* of those left; USEC_NEVER: none left */
};
void store_claim_due(struct store *, struct store_claim_due *);

/* Puts recipients of a leased slice back, as a new open slice, no attempt counted; of a slice
 * that was taken from this engine, too: those it had marked and never started. Asked again (after
 * STORE_LOST) it puts back only who is not yet. */
struct store_put_back {
	struct store_request request;
	uint32_t engine_id, epoch;
	uint64_t campaign_id, slice_id;
	const uint64_t *ids; /* ascending */
	size_t count;
	usec due_wall; /* 0: at once */
};
void store_put_back(struct store *, struct store_put_back *);

/* What became of one recipient in one attempt (or without any). The numbers of verdicts and
 * classes stand in the tables: see sql/README.md. */
struct store_outcome {
	uint64_t campaign_id, slice_id, subscriber_id;
	enum verdict verdict;
	bool final;    /* in doubt may be final or not; deferred never is */
	bool suppress; /* a dead address: to be suppressed with this outcome */
	enum bounce_class class;
	const char *cause;
	enum reply_origin origin;
	enum smtp_stage stage;
	uint16_t code;
	struct status status;
	uint32_t attempt; /* 1 for the first; 0: none was made */
	uint32_t revision;
	usec at_wall, date_wall, first_wall;
	usec due_wall;                             /* DEFERRED, or IN_DOUBT to be tried again */
	uint32_t duration_ms;                      /* from MAIL to the reply */
	uint32_t size;                             /* bytes of the message */
	str text, mx_host, provider, site, source; /* text: bounded, may hold any bytes */
};

struct store_settle {
	struct store_request request;
	uint32_t engine_id, epoch;
	const struct store_outcome *const *outcomes;
	size_t count;
	uint64_t old_position, new_position; /* compare-and-set, in the same transaction */
	const uint64_t *closed_slices;       /* all of whose recipients are settled with this */
	size_t closed_count;
	/* Of one outcome alone, which is STORE_UNFIT: what the database said. Then its verdict is
	 * settled bare, and all of it (record: as the journal has it) is kept for people. */
	const char *refused;
	str record;
};
/* STORE_FENCED when the position is not old_position: read it with store_position(). */
void store_settle(struct store *, struct store_settle *);

struct store_position {
	struct store_request request;
	uint32_t engine_id, epoch;
	uint64_t ret_position;
};
void store_position(struct store *, struct store_position *);

/* Whether the database still knows the slices of these outcomes as this engine's. One that went
 * back (a replica was promoted that lacked the last commits) does not, and would have what was
 * sent of them sent again. */
struct store_known {
	struct store_request request;
	uint32_t engine_id;
	const struct store_outcome *const *outcomes;
	size_t count;
	uint64_t ret_unknown_slice_id; /* 0: it knows all */
	char ret_owner[64];            /* the engine that it is of instead; "": of none */
};
void store_known(struct store *, struct store_known *);

/* After the journal was replayed and settled: closes the slices which this engine held in an
 * earlier epoch and opens what was not accounted for as remainders, due at once. With
 * trust_marks (the journal was lost) those marked as started go in doubt instead. */
struct store_recover {
	struct store_request request;
	uint32_t engine_id, epoch;
	bool trust_marks;
	uint32_t ret_slices, ret_remaining, ret_in_doubt;
};
void store_recover(struct store *, struct store_recover *);

/* Finishes the campaign when it is fully cut, no slice is open or leased and no deferral
 * waits. A cancelled campaign: settles what has no verdict yet as cancelled. */
struct store_finish {
	struct store_request request;
	uint64_t campaign_id;
	bool ret_finished;
	uint64_t ret_waiting; /* recipients, for the winner of its variants to be named */
	char ret_absent[64];  /* name of a silent engine whose journal is waited for; "" */
	char ret_until[32];   /* and how long, for people */
};
void store_finish(struct store *, struct store_finish *);

/* What has been learned about a mail host, by any engine: how messages may follow one another
 * (flight: 0 lockstep, 1 group, 2 next, 3 chunk, 4 window), and what did not work and is
 * not tried again before a time. */
struct store_host {
	str name; /* lower case, at most 255 bytes */
	uint8_t flight;
	uint8_t flight_limit; /* the most that is tried before limit_until_wall */
	uint16_t window;
	uint32_t messages_per_connection; /* it closes after so many; 0: not known */
	uint32_t proven; /* it took so many on a connection without hanging up */
	usec limit_until_wall, messages_until_wall, tls_broken_until_wall; /* 0: no limit */
	str note;          /* why, for people; kept to 200 bytes, controls become spaces */
	usec changed_wall; /* when it was learned */
};

struct store_hosts_load {
	struct store_request request;
	struct arena *arena;
	size_t limit;
	const struct store_host *ret_hosts; /* the newest first */
	size_t ret_count;
};
void store_hosts_load(struct store *, struct store_hosts_load *);

/* Per name the newest stays, whoever saves it and how often. Hosts about which nothing new was
 * saved for 60 days are forgotten. A host without a name is not saved. */
struct store_hosts_save {
	struct store_request request;
	const struct store_host *hosts;
	size_t count;
};
void store_hosts_save(struct store *, struct store_hosts_save *);

/* Sessions with a host of a domain, by what became of TLS, for the report to that domain (RFC
 * 8460 4). Statistics, never verdicts: a save whose answer was lost may be counted twice when
 * it is asked again. Texts are bounded; of a day and a domain about 1,000 different failures
 * are kept apart, the others are counted by fault alone. Forgotten after 30 days. */
struct store_tls_result {
	usec day_wall; /* any time of the day (UTC) */
	enum tls_policy_type policy;
	str policy_domain; /* A-labels, lower case */
	str policy_text;   /* a line each: of the STS policy, or a TLSA record; 4,096 bytes */
	enum tls_fault fault;
	str source_address, mx_host, mx_address; /* empty: not known, or of no interest */
	str reason;                              /* in words of the TLS library; 200 bytes */
	uint64_t count;
};

struct store_tls_save {
	struct store_request request;
	const struct store_tls_result *results;
	size_t count;
};
void store_tls_save(struct store *, struct store_tls_save *);

/* The bell: PostgreSQL's NOTIFY for this tenant. It says where to look, never what is there: it
 * may ring for nothing, rings once for many, and rings for all after every (re)connection, for
 * what was notified meanwhile was missed. A pooler does not pass LISTEN on, so a store that is
 * listened to is never pooled. */
enum store_rung {
	STORE_RUNG_OUTBOX = 1, /* rows were put into the outbox, or a campaign was launched */
	STORE_RUNG_STOP = 2,   /* the stop feed has grown */
	STORE_RUNG_DUE = 4,    /* deferrals were made due */
	STORE_RUNG_ALL = 7,
};
struct store_bell {
	/* From the loop, never inside a request; rung: of enum store_rung, or-ed. */
	void (*on_bell)(struct store_bell *, unsigned rung);
};
/* Once a store, with a loop; it keeps itself connected from then on. The bell is the caller's
 * until store_close(). */
void store_listen(struct store *, struct store_bell *);

/* Transactional mail. Rows of the table outbox (sql/README.md) belong to a campaign that is
 * transactional: it is cut from nothing and runs until it is cancelled. A row's id stands where
 * a subscriber's does, in slices, marks, outcomes and deferrals, and every request above serves
 * such a campaign; ids of rows are 2^40 and higher, so that none is ever a subscriber's.
 *
 * Claims rows that are due, the most urgent first, all of one campaign: they become a slice
 * (SLICE_OUTBOX) that this engine holds, marked as started already, and come back as
 * store_read() would read them. After STORE_LOST the same store finds its claim again; of one
 * engine only one store claims. Who is suppressed for a dead address is marked so and gets that
 * verdict from the engine; who has only left lists is not. Rows whose time is over get their
 * verdict here.
 *
 * Nobody polls: ask when the bell rings (STORE_RUNG_OUTBOX), at ret_next_due_wall, and again at
 * once while something was claimed. */
#define STORE_OUTBOX_FIRST_ID (1ull << 40)
struct store_outbox_template {
	uint64_t campaign_id;
	const str *fields; /* names of attributes that it uses */
	size_t field_count;
};
struct store_claim_outbox {
	struct store_request request;
	uint32_t engine_id, epoch;
	const struct store_outbox_template
		*templates; /* campaigns that this engine has loaded */
	size_t template_count;
	uint32_t limit; /* rows; content is bounded, too (16 MB) */
	struct arena *arena;
	uint64_t ret_slice_id; /* 0: nothing is due */
	uint64_t ret_campaign_id;
	struct store_recipient *ret_recipients; /* by subscriber_id, ascending */
	size_t ret_count;
	uint64_t ret_unknown_campaign_id; /* running, none of templates, and has rows that are
					     due: load it and ask again; 0: none */
	usec ret_next_due_wall; /* when to ask again at the latest; may have passed: at once;
				   USEC_NEVER: there is nothing */
};
void store_claim_outbox(struct store *, struct store_claim_outbox *);
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
/* An engine draws its part of limits that all engines share (engine/shape/draw.h): each row is
 * an account of its own, drawn from or not, whatever becomes of the others. The request's
 * result may be STORE_LOST: then it is not known what was drawn, and nothing was. */
struct store_draw_row {
	str account;   /* "limit NAME", "campaign ID" */
	uint32_t kind; /* enum quota_kind: what is limited */
	struct draw_ask ask;
	bool ret_drawn; /* false: not now; somebody else drew from it at the same moment */
	struct draw_grant ret_grant;
};
struct store_draw {
	struct store_request request;
	uint32_t engine_id, epoch;
	struct store_draw_row *const *rows;
	size_t count;
};
void store_draw(struct store *, struct store_draw *);

/* What goes from one source to one site at this moment, for people on any machine. Statistics,
 * never verdicts. Texts are bounded and made printable. A row counts while its engine's
 * heartbeat is fresh; rows that nobody has renewed for a day are forgotten when a save says so.
 */
struct store_path_state {
	str source, site, tls_key, provider;
	str state;            /* "sending", "waiting", "idle" */
	str why;              /* what held it back at the last look; empty: nothing */
	usec held_until_wall; /* 0: not known, or not held */
	uint32_t connection_cap, connection_limit;
	uint64_t rate_per_day, rate_limit_per_day; /* messages; 0: no limit */
	uint32_t open_count, waiting_count, in_flight_count, started_minute;
	uint64_t delivered, deferred, failed; /* since the engine began */
	usec throttled_wall;                  /* 0: never */
	str throttle_text;                    /* 200 bytes */
};

struct store_paths_save {
	struct store_request request;
	uint32_t engine_id, epoch;
	const struct store_path_state *paths; /* of several of one path the last counts */
	size_t count;
	bool forget;
};
void store_paths_save(struct store *, struct store_paths_save *);

/* What a path has learned (engine/shape/path_memory.h), of a source and a site: it survives
 * restarts, and goes with the source to another engine. What is written later counts; asked
 * again it is the same, and of a source that another engine holds nothing is written. */
struct store_memory {
	str source, site;
	str state;
	bool ended, blocked; /* for people, as the next: */
	usec suspended_for;
	uint64_t rate_per_hour; /* learned; 0: as configured */
	uint32_t connection_cap;
	usec age; /* loaded: since it was written, by the database's clock */
};

struct store_memory_save {
	struct store_request request;
	uint32_t engine_id, epoch;
	const struct store_memory *memories; /* of several of one path the last counts */
	size_t count;
};
void store_memory_save(struct store *, struct store_memory_save *);

struct store_memory_load {
	struct store_request request;
	const str *sources;
	size_t source_count;
	uint64_t limit;
	struct arena *arena;
	const struct store_memory *ret_memories; /* the newest first */
	size_t ret_count;
};
void store_memory_load(struct store *, struct store_memory_load *);

/* Where the mail of a domain goes. Forgotten when no engine asked for 60 days. */
struct store_domain_site {
	str domain; /* A-labels, lower case */
	str site, provider;
	str mx_hosts; /* the first few, by commas; 200 bytes */
};

struct store_domains_save {
	struct store_request request;
	const struct store_domain_site *domains;
	size_t count;
};
void store_domains_save(struct store *, struct store_domains_save *);

/* How a campaign does, of all engines together, and whether it may be sent now. What came
 * before a person resumed it is not counted. Cheap: asked every few seconds. */
struct store_health {
	struct store_request request;
	uint64_t campaign_id;
	struct arena *arena;
	bool ret_open;         /* its send window is */
	bool ret_over;         /* and opens no more: too late */
	str ret_fault;         /* why the window cannot be read; empty: it can */
	usec ret_changes_wall; /* when it opens or closes; 0: never */
	usec ret_ends_wall;    /* 0: it has no end */
	usec ret_open_left; /* it is open for so long yet, in all; 0: there is no end to it */
	bool ret_resumed;   /* a person has let it go on */
	uint64_t ret_expected; /* recipients in all, from the beginning; 0: not known yet */
	uint64_t ret_cut;      /* in slices, who are not suppressed, */
	uint64_t ret_begun;    /* with a first attempt (from the beginning), */
	uint64_t ret_settled;  /* with a final verdict */
	struct breaker_counts ret_counts;
};
void store_health(struct store *, struct store_health *);

/* A campaign that runs pauses for a reason, or ends for good, as if a person had said so: every
 * engine hears it by the stop feed. In another state it stays as it is. */
struct store_hold {
	struct store_request request;
	uint64_t campaign_id;
	str reason; /* a sentence */
	bool for_good;
	bool ret_changed;
};
void store_hold(struct store *, struct store_hold *);

/* Whether the hours of a campaign's window are open in other time zones. A zone that is not
 * known is the campaign's own. */
struct store_zone {
	str name;
	bool ret_open;
	usec ret_changes_wall; /* when that changes; 0: never */
};
struct store_zones {
	struct store_request request;
	uint64_t campaign_id;
	struct store_zone *zones;
	size_t count;
};
void store_zones(struct store *, struct store_zones *);
