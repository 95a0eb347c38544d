/* feeder.h - who, and where to: slices out of the database, recipients into runs by route.
 * Waits on one loop for two database connections and for DNS. "work" cuts, leases, reads, puts
 * back and finishes; "beat" keeps the leases, follows the stop feed and commits start marks, so
 * that neither ever waits behind a long read. It owns slices and their arenas.
 *
 *   feeder.c        lanes, the turn's decisions, begin and end
 *   feeder_slice.c  cut, lease, read, put back, close
 *   feeder_route.c  domains of a slice to runs
 *   feeder_beat.c   marks, stops, heartbeat
 *   feeder_place.c  where domains lead, for people
 */
#pragma once

#include "engine/send/carrier.h"
#include "engine/send/feeder_place.h"
#include "engine/send/ledger.h"
#include "engine/send/published.h"

#define FEEDER_QUESTION_SIZE (sizeof(struct route_question) + sizeof(void *))

/* What others may read of it at any time. */
struct feeder_public {
	_Atomic uint64_t targeted;
	_Atomic int64_t next_due_wall;
	_Atomic uint32_t admitted, parked;
	_Atomic bool paused, cancelled, finished, fully_cut, database_lost, troubled, idle;
};

struct feeder {
	struct feeder_public public;
	const struct engine_settings *settings;
	const struct limits *limits;
	struct io_loop *loop;
	struct io_bell *bell;
	struct store *work, *beat;
	struct router *router;
	struct carrier *carrier;
	struct io_bell *carrier_bell;
	struct ledger *ledger;
	const struct content *content;
	const struct published *published; /* DKIM records, for the first message's check */
	struct arena_source *source;
	struct arena arena; /* stops that were followed: as long as the engine runs */
	uint32_t engine_id, epoch;

	struct slab slice_slab, question_slab;
	struct chain slices;  /* leased, in memory */
	struct chain domains; /* of read slices, not yet asked */
	size_t admitted_count, parked_count;
	uint64_t targeted_count;
	bool draining, paused, cancelled, fully_cut;
	bool ended; /* the database says so; whether by a cancel, the stop feed may yet tell */
	bool asked_behind; /* the stop feed under way was asked after that */
	bool finished;     /* it has told */
	bool first_cut_done, first_checked;
	char trouble[256]; /* the engine must end: why; written once, before public.troubled */
	bool database_lost;
	usec next_due_wall;
	bool nothing_open;     /* the last lease found no slice */
	size_t returned_count; /* envelopes waiting to be put back */

	struct store_cut cut;
	struct store_lease lease;
	struct store_read read;
	struct store_claim_due due;
	struct store_put_back put_back, excess;
	struct store_finish finish;
	struct slice *reading;   /* leased, being read */
	struct slice *returning; /* of put_back */
	struct arena work_arena; /* ids of the put-back under way */
	bool cut_busy, lease_busy, read_busy, due_busy, put_back_busy, finish_busy;
	uint32_t cut_ahead; /* slices cut and not leased since */
	usec lease_at, cut_at, read_at, due_at, put_back_at, finish_at;

	struct store_mark mark;
	struct store_stop_feed stop_feed;
	struct store_heartbeat heartbeat;
	struct chain marking; /* envelopes whose mark is wanted */
	struct envelope **mark_batch;
	uint64_t *mark_ids;
	struct store_mark_slice *mark_slices;
	size_t mark_count;
	struct arena beat_arena, heartbeat_arena;
	bool mark_busy, stop_busy, heartbeat_busy;
	usec mark_at, stop_at, heartbeat_at;
	uint64_t stop_number;
	struct feeder_places places;
};

[[nodiscard]] int feeder_init(struct feeder *, struct arena_source *,
			      const struct engine_settings *, const struct limits *,
			      struct io_loop *, struct store *work, struct store *beat,
			      struct router *, struct carrier *, struct ledger *,
			      const struct content *, uint32_t engine_id, uint32_t epoch);
void feeder_done(struct feeder *);
usec feeder_step(struct feeder *);
void feeder_drain(struct feeder *); /* nothing new; what comes back is put back */
bool feeder_idle(const struct feeder *);

/* Between the feeder's own files. */
usec feeder_work(struct feeder *, usec now); /* decides what to ask of work next */
void feeder_returned(struct feeder *, struct envelope *);
void feeder_settled(struct feeder *, struct slice *, size_t count);
void feeder_slice_free(struct feeder *, struct slice *);
void feeder_route_slice(struct feeder *, struct slice *);
void feeder_ask_domains(struct feeder *);
usec feeder_beat(struct feeder *, usec now);
void feeder_failed(struct feeder *, const struct store_request *, usec *ret_again_at);
