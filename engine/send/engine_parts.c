/* engine_parts.c - builds the four workers and wires their lanes. */
#include "engine/send/engine_parts.h"

#include <stdio.h>

#include "engine/base/log.h"

static void on_done(struct store_request *request)
{
	(void)request;
}

static int fail(struct engine *engine, const char *why)
{
	if (why != engine->why)
		snprintf(engine->why, sizeof(engine->why), "%s", why);
	return -1;
}

/* Of a request of the beginning: whether it is worth trying again is known by its result. */
static int fail_store(struct engine *engine, int result, const char *why)
{
	engine->database_away = result == STORE_LOST || result == STORE_RETRY;
	return fail(engine, why);
}

/* direct: past a pooler, for the heartbeat, the stop feed and LISTEN. */
static int open_store(struct engine *engine, struct store **ret_store, struct io_loop *loop,
		      const char *application, bool direct)
{
	struct store_config config = engine->settings->store;
	config.application = application;
	if (engine->settings->pooler && !direct) {
		config.conninfo = engine->settings->pooler;
		config.pooled = true;
	}
	int result = store_open(ret_store, loop, &config, engine->why, sizeof(engine->why));
	engine->database_away = result == STORE_LOST || result == STORE_RETRY;
	return result;
}

static int join(struct engine *engine, uint64_t *ret_position)
{
	struct store_join ask = {.request = {.on_done = on_done},
				 .name = str_of(engine->settings->name)};
	store_join(engine->settle_store, &ask);
	if (ask.request.result != STORE_OK)
		return fail_store(engine, ask.request.result, ask.request.why);
	engine->engine_id = ask.ret_engine_id;
	engine->epoch = ask.ret_epoch;
	*ret_position = ask.ret_position;
	return 0;
}

/* The feed is followed from before the campaign's state is read: recovery may take its time,
 * and a pause that came in between would be known to neither. */
static int find_newest_stop(struct engine *engine)
{
	struct store_stop_feed ask = {.request = {.on_done = on_done},
				      .after_number = UINT64_MAX,
				      .arena = &engine->arena};
	store_stop_feed(engine->settle_store, &ask);
	if (ask.request.result != STORE_OK)
		return fail_store(engine, ask.request.result, ask.request.why);
	engine->stop_number = ask.ret_newest_number;
	return 0;
}

/* What is known of mail hosts is of use, never a condition: without it they are unknown ones.
 */
static void load_hosts(struct engine *engine)
{
	struct store_hosts_load ask = {.request = {.on_done = on_done},
				       .arena = &engine->arena,
				       .limit = engine->limits.hosts};
	store_hosts_load(engine->settle_store, &ask);
	if (ask.request.result != STORE_OK) {
		log_event(LOG_WARN, "hosts-unknown", "why=\"%s\"",
			  log_str(str_of(ask.request.why)));
		return;
	}
	engine->hosts = ask.ret_hosts;
	engine->host_count = ask.ret_count;
}

/* The same of providers; but a stopped one must be known, or its mail would go out. */
static int load_providers(struct engine *engine)
{
	struct store_providers_load ask = {.request = {.on_done = on_done},
					   .arena = &engine->arena};
	store_providers_load(engine->settle_store, &ask);
	if (ask.request.result != STORE_OK)
		return fail_store(engine, ask.request.result, ask.request.why);
	engine->providers = ask.ret_providers;
	engine->provider_count = ask.ret_count;
	return 0;
}

/* Whoever was the newest of this name and held this journal has ended, for we hold it. */
static void know_the_last(struct engine *engine)
{
	const char *directory = engine->settings->journal_directory;
	uint32_t last = journal_last_epoch(directory, engine->engine_id);
	engine->ended_epoch = last + 1 == engine->epoch ? last : 0;
	journal_note_epoch(directory, engine->engine_id, engine->epoch);
}

/* The one campaign that is sent; where all are, the feeder finds them. */
static int load_campaign(struct engine *engine, uint64_t campaign_id)
{
	struct arena arena;
	arena_init(&arena, engine->source, 0, 0);
	struct store_campaign ask = {
		.request = {.on_done = on_done}, .campaign_id = campaign_id, .arena = &arena};
	store_campaign(engine->settle_store, &ask);
	if (ask.request.result != STORE_OK) {
		arena_done(&arena);
		return fail_store(engine, ask.request.result, ask.request.why);
	}
	engine->only = campaign_create(&arena, engine->settings, &ask, engine->why,
				       sizeof(engine->why));
	if (engine->only)
		return 0;
	return fail(engine, engine->why[0] ? engine->why : "out of memory for the campaign");
}

int engine_open(struct engine *engine, const struct engine_settings *settings,
		struct arena_source *source, uint64_t campaign_id, uint32_t cores)
{
	*engine = (struct engine){.settings = settings, .source = source, .journal_hold = -1};
	uint64_t position;
	arena_init(&engine->arena, source, 0, 0);
	limits_of(settings, cores, &engine->limits);
	if (engine->limits.presses > ENGINE_PRESS_LIMIT)
		engine->limits.presses = ENGINE_PRESS_LIMIT;
	engine->classifier =
		settings->classifier ? settings->classifier : classifier_create(&engine->arena);
	if (!engine->classifier)
		return fail(engine, "out of memory for the classifier");
	engine->journal_hold =
		journal_hold(settings->journal_directory, engine->why, sizeof(engine->why));
	if (engine->journal_hold < 0)
		return -1;
	if (open_store(engine, &engine->settle_store, NULL, "rundbrief ledger", false) !=
		    0 ||
	    join(engine, &position) != 0 || find_newest_stop(engine) != 0 ||
	    (campaign_id > 0 && load_campaign(engine, campaign_id) != 0) ||
	    published_ask(settings, &engine->arena, &engine->published, engine->why,
			  sizeof(engine->why)) != 0)
		return -1;
	know_the_last(engine);
	if (recovery_run(settings, source, engine->settle_store, engine->engine_id,
			 engine->epoch, position, &engine->recovery, engine->why,
			 sizeof(engine->why)) != 0) {
		engine->database_away = engine->recovery.database_away;
		return -1;
	}
	if (load_providers(engine) != 0)
		return -1;
	load_hosts(engine);
	const struct recovery *r = &engine->recovery;
	if (r->settled_count + r->in_doubt_count + r->slice_count > 0)
		log_event(LOG_INFO, "recovered",
			  "outcomes=%llu in_doubt=%llu slices=%u put_back=%u",
			  (unsigned long long)r->settled_count,
			  (unsigned long long)r->in_doubt_count, r->slice_count,
			  r->remaining_count);
	if (r->journal_note[0])
		log_event(LOG_WARN, "journal", "note=\"%s\"", r->journal_note);
	return 0;
}

static int build_presses(struct engine *engine)
{
	for (uint32_t i = 0; i < engine_press_count(engine); i++)
		if (press_init(&engine->presses[i], &engine->arena, engine->source,
			       engine->settings, engine->limits.messages) != 0)
			return fail(engine,
				    "a press could not be made: is each secret at least 16 "
				    "bytes long, and are the DKIM keys readable?");
	return 0;
}

int engine_build_carrier(struct engine *engine, uint64_t seed)
{
	const struct engine_settings *settings = engine->settings;
	const struct io_options options = {.mask_new = settings->mask_new_io,
					   .congestion = settings->congestion,
					   .direct_count = engine->limits.connections};
	if (build_presses(engine) != 0)
		return -1;
	if (io_loop_create(&engine->carrier_loop, &options, engine->why, sizeof(engine->why)) !=
		    0 ||
	    io_bell_create(engine->carrier_loop, &engine->carrier_bell) != 0)
		return fail(engine, engine->why[0] ? engine->why : "no bell could be made");
	const struct journal_options of_journal = {
		.durable_disk = settings->durable_disk,
		.begin = engine->recovery.position,
		.segment_size = settings->journal_segment_size,
		.room = (size_t)engine->limits.envelopes * JOURNAL_ROOM};
	if (journal_open(&engine->journal, engine->carrier_loop, settings->journal_directory,
			 &of_journal, engine->why, sizeof(engine->why)) != 0)
		return -1;
	if (carrier_init(&engine->carrier, engine->source, settings, &engine->limits,
			 engine->carrier_loop, engine->journal, engine->classifier,
			 engine->presses, engine_press_count(engine), seed) != 0 ||
	    ledger_init(&engine->ledger, engine->source, engine->settle_store, &engine->limits,
			&engine->carrier, engine->engine_id, engine->epoch,
			engine->recovery.position) != 0)
		return fail(engine, "out of memory for the carrier");
	carrier_take_hosts(&engine->carrier, engine->hosts, engine->host_count);
	carrier_take_providers(&engine->carrier, engine->providers, engine->provider_count);
	engine->carrier.bell = engine->carrier_bell;
	engine->carrier.ledger_bell = &engine->ledger.bell;
	return 0;
}

static bool obeys_sts(enum tls_wish wish)
{
	return wish == TLS_WISH_STS || wish == TLS_WISH_DANE;
}

/* A thread for HTTPS only where some policy may have to be fetched. */
static int open_fetcher(struct engine *engine, struct router_config *route)
{
	const struct fetch_config config = {.ca_file = engine->settings->ca_file};
	bool wanted = obeys_sts(route->tls);
	for (size_t i = 0; i < route->static_route_count; i++)
		wanted |= route->static_routes[i].has_tls &&
			  obeys_sts(route->static_routes[i].tls);
	if (wanted && fetcher_create(&engine->fetcher, engine->feeder_loop, &config) != 0)
		return fail(engine, "HTTPS for MTA-STS policies could not be set up");
	route->fetcher = engine->fetcher;
	route->loop = engine->feeder_loop;
	return 0;
}

/* Urgent mail has a connection for itself: marks and the stop feed, which are asked for many times a
 * second, wait for the disk, and a bell is not heard in the midst of that. */
static int open_feeder_stores(struct engine *engine)
{
	bool urgent = !engine->only || engine->only->urgent;
	if (open_store(engine, &engine->work_store, engine->feeder_loop, "rundbrief feeder",
		       false) != 0 ||
	    open_store(engine, &engine->beat_store, engine->feeder_loop, "rundbrief beat",
		       true) != 0)
		return -1;
	return urgent ? open_store(engine, &engine->claim_store, engine->feeder_loop,
				   "rundbrief urgent", true)
		      : 0;
}

int engine_build_feeder(struct engine *engine, uint64_t seed)
{
	const struct engine_settings *settings = engine->settings;
	const struct io_options options = {.mask_new = settings->mask_new_io};
	struct router_config route = settings->route;
	route.seed = seed;
	if (io_loop_create(&engine->feeder_loop, &options, engine->why, sizeof(engine->why)) !=
		    0 ||
	    io_bell_create(engine->feeder_loop, &engine->feeder_bell) != 0)
		return fail(engine, engine->why[0] ? engine->why : "no bell could be made");
	if (open_feeder_stores(engine) != 0)
		return -1;
	if (resolver_create(&engine->resolver, engine->feeder_loop, &settings->dns) != 0)
		return fail(
			engine,
			"the resolver could not be set up: check [dns] in the configuration");
	if (open_fetcher(engine, &route) != 0)
		return -1;
	if (router_create(&engine->router, engine->resolver, &route) != 0 ||
	    feeder_init(&engine->feeder, engine->source, settings, &engine->limits,
			engine->feeder_loop, engine->work_store, engine->beat_store,
			engine->claim_store ? engine->claim_store : engine->beat_store,
			engine->router, &engine->carrier, &engine->ledger, engine->engine_id,
			engine->epoch) != 0)
		return fail(engine, "out of memory for the feeder");
	engine->feeder.published = &engine->published;
	engine->feeder.ended_epoch = engine->ended_epoch;
	engine->feeder.stop_number = engine->stop_number;
	engine->feeder.bell = engine->feeder_bell;
	engine->feeder.carrier_bell = engine->carrier_bell;
	engine->ledger.feeder_bell = engine->feeder_bell;
	engine->feeder.only = engine->only;
	feeder_listen(&engine->feeder);
	if (engine->only)
		feeder_add_campaign(&engine->feeder, engine->only);
	engine->only = NULL; /* the feeder's now */
	return 0;
}

/* What the next start reads is as little as may be. Whoever else there is has its sources and slices at once, not when its lease is over. A
 * database that is away, or a newer process of this name, is left as it is. */
void engine_leave(struct engine *engine)
{
	struct store_leave ask = {.request = {.on_done = on_done},
				  .engine_id = engine->engine_id,
				  .epoch = engine->epoch};
	carrier_rest_journal(&engine->carrier);
	if (!engine->settle_store || atomic_load(&engine->ledger.lost) ||
	    atomic_load(&engine->ledger.fenced))
		return;
	store_leave(engine->settle_store, &ask);
}

void engine_close_feeder(struct engine *engine)
{
	if (engine->feeder.loop) {
		feeder_source_done(&engine->feeder, engine->settle_store);
		feeder_draws_done(&engine->feeder, engine->settle_store);
		feeder_done(&engine->feeder);
	}
	fetcher_destroy(engine->fetcher);
	router_destroy(engine->router);
	resolver_destroy(engine->resolver);
	store_close(engine->claim_store);
	store_close(engine->beat_store);
	store_close(engine->work_store);
	if (engine->feeder_bell)
		io_bell_destroy(engine->feeder_bell);
	if (engine->feeder_loop)
		io_loop_destroy(engine->feeder_loop);
}

void engine_close_carrier(struct engine *engine)
{
	if (engine->carrier.loop) {
		ledger_done(&engine->ledger);
		carrier_done(&engine->carrier);
	}
	if (engine->journal)
		journal_close(engine->journal);
	if (engine->carrier_bell)
		io_bell_destroy(engine->carrier_bell);
	if (engine->carrier_loop)
		io_loop_destroy(engine->carrier_loop);
}

void engine_close(struct engine *engine)
{
	for (uint32_t i = 0; i < engine_press_count(engine); i++)
		if (engine->presses[i].keys)
			press_done(&engine->presses[i]);
	if (engine->feeder.loop)
		feeder_free_campaigns(&engine->feeder);
	campaign_destroy(engine->only);
	store_close(engine->settle_store);
	journal_release(engine->journal_hold);
	arena_done(&engine->arena);
}

static uint64_t count_of(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static enum campaign_state state_of(const struct feeder_public *feeder)
{
	if (atomic_load_explicit(&feeder->finished, memory_order_acquire))
		return CAMPAIGN_FINISHED;
	if (atomic_load_explicit(&feeder->cancelled, memory_order_relaxed))
		return CAMPAIGN_CANCELLED;
	return atomic_load_explicit(&feeder->paused, memory_order_relaxed) ? CAMPAIGN_PAUSED
									   : CAMPAIGN_RUNNING;
}

static const char *trouble_of(const struct engine *engine)
{
	if (atomic_load_explicit(&engine->feeder.public.troubled, memory_order_acquire))
		return engine->feeder.trouble;
	if (atomic_load(&engine->ledger.fenced))
		return engine->ledger.why;
	if (atomic_load_explicit(&engine->carrier.counts.troubled, memory_order_acquire))
		return engine->carrier.trouble;
	const char *standby =
		atomic_load_explicit(&engine->feeder.public.standby, memory_order_acquire);
	return standby ? standby : "";
}

void engine_read_progress(const struct engine *engine, struct engine_progress *ret)
{
	const struct carrier_counts *counts = &engine->carrier.counts;
	const struct feeder_public *feeder = &engine->feeder.public;
	*ret = (struct engine_progress){
		.state = state_of(feeder),
		.fully_cut = atomic_load_explicit(&feeder->fully_cut, memory_order_relaxed),
		.targeted = count_of(&feeder->targeted),
		.started = count_of(&counts->started),
		.delivered = count_of(&counts->delivered),
		.deferred = count_of(&counts->deferred),
		.failed = count_of(&counts->failed),
		.in_doubt = count_of(&counts->in_doubt),
		.suppressed = count_of(&counts->suppressed),
		.cancelled = count_of(&counts->cancelled),
		.connections = atomic_load_explicit(&counts->connections, memory_order_relaxed),
		.waiting = atomic_load_explicit(&feeder->admitted, memory_order_relaxed),
		.parked_domains = atomic_load_explicit(&feeder->parked, memory_order_relaxed),
		.settled = count_of(&engine->ledger.settled_count),
		.database_lost =
			atomic_load_explicit(&feeder->database_lost, memory_order_relaxed) ||
			atomic_load(&engine->ledger.lost),
		.next_due_wall =
			atomic_load_explicit(&feeder->next_due_wall, memory_order_relaxed),
		.for_winner = count_of(&feeder->for_winner),
		.ready = atomic_load_explicit(&feeder->heard, memory_order_acquire),
	};
	snprintf(ret->trouble, sizeof(ret->trouble), "%s", trouble_of(engine));
}
