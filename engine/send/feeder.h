/* feeder.h - who, and where to: slices out of the database, recipients into runs by route.
 * Waits on one loop for three database connections and for DNS. "work" cuts, leases, reads, puts
 * back and finishes; "beat" keeps the leases, follows the stop feed and commits start marks, so
 * that neither ever waits behind a long read; "claims" hears the bell and claims transactional
 * mail, which waits behind nothing. It owns slices and their arenas.
 *
 *   feeder.c           lanes, the turn's decisions, begin and end
 *   feeder_campaign.c  campaigns come and go; whose turn it is
 *   feeder_slice.c     cut, lease, read, close
 *   feeder_return.c    what comes back, put back
 *   feeder_route.c     domains of a slice to runs
 *   feeder_source.c    which source of a pool takes whom, and how far it may warm up
 *   feeder_memory.c    what is known of a source's paths, when this engine takes it
 *   feeder_draw.c      its part of limits that all engines share
 *   feeder_zone.c      who is not written to at night, by his time zone
 *   feeder_outbox.c    transactional mail, and the database's bell
 *   feeder_beat.c      marks, stops
 *   feeder_hold.c      heartbeat: sources that are ours, slices that no longer are
 *   feeder_health.c    windows, samples, pauses by itself
 *   feeder_place.c     where domains lead, for people
 */
#pragma once

#include "engine/send/carrier.h"
#include "engine/send/feeder_place.h"
#include "engine/send/ledger.h"
#include "engine/send/published.h"

#define FEEDER_HELD_LIMIT 64
#define FEEDER_QUESTION_SIZE (sizeof(struct route_question) + sizeof(void *))

/* What paths of sources have learned, on its way to the carrier. */
struct feeder_memory {
	struct store_memory_load request;
	struct arena arena; /* of the rows, until the carrier has taken them */
	uint8_t *states;    /* of each source */
	bool *asked;
	str *names;
	bool busy, handed;
	usec asked_at, again_at;
};

#define FEEDER_DRAWS 128 /* in one request */

/* Questions of limits under way. */
struct feeder_draws {
	struct store_draw request;
	struct store_draw_row *rows[FEEDER_DRAWS];
	struct carrier_draw *of[FEEDER_DRAWS];
	size_t count;
	bool busy;
	usec again_at;
};

/* What others may read of it at any time. */
struct feeder_public {
	_Atomic uint64_t targeted, for_winner;
	_Atomic int64_t next_due_wall;
	_Atomic uint32_t admitted, parked;
	const char *_Atomic standby; /* it waits for another engine: why, in the feeder's arena */
	_Atomic bool fenced; /* a newer process has this engine's name */
	_Atomic bool paused, cancelled, finished, fully_cut, database_lost, troubled, idle;
	_Atomic bool heard; /* the stop feed has answered */
	_Atomic bool claiming; /* transactional mail: the carrier will have it in a moment */
};

struct feeder {
	struct feeder_public public;
	const struct engine_settings *settings;
	const struct limits *limits;
	struct io_loop *loop;
	struct io_bell *bell;
	struct store *work, *beat, *claims;
	struct router *router;
	struct carrier *carrier;
	struct io_bell *carrier_bell;
	struct ledger *ledger;
	struct chain campaigns;
	struct campaign *only;             /* it alone is sent; NULL: all that run (serve) */
	const struct published *published; /* DKIM records, for the first message's check */
	struct arena_source *source;
	struct arena arena; /* stops that were followed: as long as the engine runs */
	uint32_t engine_id, epoch;
	uint32_t ended_epoch; /* the process before this one, where it has ended for certain; 0 */

	struct slab slice_slab, question_slab;
	struct chain slices;  /* leased, in memory */
	struct chain domains; /* of read slices, not yet asked */
	struct chain unsure;  /* domains with a route: a source's warm-up is not known yet */
	struct map warmings;  /* struct warming by source and provider */
	usec paced_at;
	struct choosing *choosing; /* feeder_source.c's: room for one domain's choice */
	size_t admitted_count, parked_count;
	uint64_t targeted_count; /* of campaigns that have left, too */
	bool draining;
	char trouble[256]; /* the engine must end: why; written once, before public.troubled */
	bool database_lost;
	usec database_told_at;  /* when people were told last, */
	char database_told[64]; /* and of what, as far as it tells one trouble from another */
	size_t returned_count; /* envelopes waiting to be put back */

	struct store_cut cut;
	struct store_lease lease;
	struct store_read read;
	struct store_claim_due due;
	struct store_put_back put_back, excess;
	struct store_finish finish;
	struct campaign *cut_of, *due_of, *finish_of; /* whose request is under way */
	struct slice *reading;                        /* leased, being read */
	struct slice *returning;                      /* of put_back */
	struct arena work_arena;                      /* ids of the put-back under way */
	bool cut_busy, lease_busy, read_busy, due_busy, put_back_busy, finish_busy;
	usec read_at, put_back_at;

	struct store_running running; /* serve: which campaigns there are */
	struct store_campaign load;
	struct arena load_arena;
	uint64_t *load_ids; /* yet to be loaded */
	size_t load_count;
	uint64_t held_ids[FEEDER_HELD_LIMIT]; /* that cannot be sent, the last so many */
	size_t held_count;
	size_t leaving_count; /* let go, and not yet by the carrier */
	bool discover_busy, load_busy;
	struct arena discover_arena;
	usec discover_at;

	struct store_bell database_bell;
	struct store_claim_outbox claim;
	struct slice *claiming; /* of the claim under way */
	struct arena claim_arena;
	size_t urgent_count; /* urgent ones among the campaigns */
	bool claim_busy;
	usec claim_at;
	struct store_health health;
	struct store_hold hold;
	struct campaign *health_of; /* whose request of the two is under way */
	struct arena health_arena;
	bool health_busy;

	struct store_zones zones;
	struct zone **zones_asked; /* feeder_zone.c's, as the rows beside them */
	struct store_zone *zone_rows;
	bool zones_busy;
	usec zones_at;

	struct store_mark mark;
	struct store_stop_feed stop_feed;
	struct store_heartbeat heartbeat;
	struct envelope **marking; /* whose mark is wanted; as they came, and not looked at yet */
	size_t marking_count;
	struct envelope **mark_batch;
	uint64_t *mark_ids;
	struct store_mark_slice *mark_slices;
	size_t mark_count;
	struct arena beat_arena, heartbeat_arena;
	bool mark_busy, stop_busy, heartbeat_busy;
	usec mark_at, stop_at, heartbeat_at, stop_asked_at, heartbeat_asked_at;
	str *source_names;     /* of settings->sources */
	bool refused;          /* one of them is another engine's */
	bool says_absent;      /* public.standby is about another engine's journal */
	uint32_t fenced_marks; /* in a row: the feed has yet to tell what was lost */
	uint64_t stop_number;
	struct feeder_places places;
	struct feeder_draws draws;
	struct feeder_memory memory;
};

[[nodiscard]] int feeder_init(struct feeder *, struct arena_source *,
			      const struct engine_settings *, const struct limits *,
			      struct io_loop *, struct store *work, struct store *beat,
			      struct store *claims, /* beat where nothing urgent may come */
			      struct router *, struct carrier *, struct ledger *,
			      uint32_t engine_id, uint32_t epoch);
void feeder_done(struct feeder *);
/* Apart, and last: what leaves points into their content as long as there are connections. */
void feeder_free_campaigns(struct feeder *);
usec feeder_step(struct feeder *);
void feeder_drain(struct feeder *); /* nothing new; what comes back is put back */
bool feeder_idle(const struct feeder *);

/* Between the feeder's own files. */
usec feeder_work(struct feeder *, usec now); /* decides what to ask of work next */
usec feeder_work_put_back(struct feeder *, usec now);
/* Takes the campaign over, and tells the carrier. */
void feeder_add_campaign(struct feeder *, struct campaign *);
struct campaign *feeder_campaign_of(struct feeder *, uint64_t campaign_id);
bool feeder_campaign_runs(const struct campaign *);
/* Recipients of one slice of it, so that it leaves room for the others'; 0: it has its share.
 */
uint32_t feeder_campaign_room(struct feeder *, const struct campaign *);
/* Tells the carrier when it must stop, or may go on. */
void feeder_campaign_follow(struct feeder *, struct campaign *);
/* It cannot be sent: alone, that ends the engine; among others it is paused, and people are
 * told. */
void feeder_campaign_fail(struct feeder *, struct campaign *, const char *why);
/* Campaigns that came, ended or left. */
usec feeder_work_campaigns(struct feeder *, usec now);
/* When to look again, something being due then (wall clock). */
usec feeder_next_look(const struct feeder *, usec due_wall);
void feeder_returned(struct feeder *, struct envelope *);
void feeder_settled(struct feeder *, struct slice *, size_t count);
void feeder_slice_free(struct feeder *, struct slice *);
void feeder_slice_prepare(struct feeder *, struct slice *);
void feeder_slice_admit(struct feeder *, struct slice *, size_t count);
/* Its recipients are read. */
void feeder_slice_route(struct feeder *, struct slice *);
void feeder_listen(struct feeder *); /* to the bell: once, before the first step */
usec feeder_claim(struct feeder *, usec now);
/* Room for recipients that newsletters leave free. */
uint32_t feeder_urgent_reserve(const struct feeder *);
void feeder_route_slice(struct feeder *, struct slice *);
void feeder_ask_domains(struct feeder *);
void feeder_route_unsure(struct feeder *); /* those that are known by now */
[[nodiscard]] int feeder_source_init(struct feeder *);
void feeder_hand_over(struct feeder *, struct slice *, struct run what,
		      struct chain *envelopes);
/* By the sources of the pool that the campaign or the route names. */
void feeder_hand_over_by_source(struct feeder *, struct slice *, const struct route *,
				struct chain *envelopes);
/* Whether it is known how far each source of that pool has come; asks. */
bool feeder_sources_are_known(struct feeder *, const struct slice *, const struct route *);
void feeder_source_back(struct envelope *);     /* from the carrier, however it ended there */
usec feeder_warm_up(struct feeder *, usec now); /* asks for starts, says how far apart */
/* When the feeder turns no more: what it reserved and nobody started. */
void feeder_source_done(struct feeder *, struct store *);
[[nodiscard]] int feeder_memory_init(struct feeder *);
void feeder_memory_done(struct feeder *);
/* Whether what is known of its paths is read; asks. held: the database says that it is ours;
 * was: it has been since the last time. */
bool feeder_source_is_known(struct feeder *, size_t index, bool held, bool was);
usec feeder_remember(struct feeder *, usec now);
usec feeder_draw(struct feeder *, usec now);
/* When neither turns any more: what is drawn and not used. */
void feeder_draws_done(struct feeder *, struct store *);
usec feeder_beat(struct feeder *, usec now);
[[nodiscard]] int feeder_zones_init(struct feeder *);
usec feeder_zones(struct feeder *, usec now); /* asks for zones, routes who waited for them */
bool feeder_zones_count(const struct slice *);
/* Whether it is out of his hours; then when they begin is noted in the envelope. */
bool feeder_zone_is_shut(struct feeder *, struct envelope *);
[[nodiscard]] int feeder_hold_init(struct feeder *);
usec feeder_heartbeat(struct feeder *, usec now);
/* Whether a source is this engine's; any; any that may take this campaign's mail. */
bool feeder_holds(const struct feeder *, uint32_t source_index);
bool feeder_holds_any(const struct feeder *);
bool feeder_holds_for(const struct feeder *, const struct campaign *);
/* Whose journal a campaign's end waits for: to people. */
void feeder_say_absent(struct feeder *, const struct store_finish *);
/* Slices that were taken over: what of them has not started goes back. */
void feeder_follow_lost(struct feeder *, const uint64_t *slice_ids, size_t count);
void feeder_health_init(struct feeder *);
void feeder_health_done(struct feeder *);
usec feeder_health(struct feeder *, usec now); /* asks, judges, holds */
void feeder_health_ask(struct campaign *);     /* at once: it goes on */
/* Of a campaign of which nothing was cut there is nothing to ask yet. */
void feeder_health_wait(struct feeder *, struct campaign *);
void feeder_due_wait(struct feeder *, struct campaign *);
void feeder_due_ask(struct campaign *); /* at once, unless that is so */
/* A pause; or the end, for this campaign when it is of one (NULL: it is not). */
void feeder_failed(struct feeder *, const struct store_request *, usec *ret_again_at);
void feeder_failed_for(struct feeder *, struct campaign *, const struct store_request *,
		       usec *ret_again_at);
