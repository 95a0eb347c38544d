/* carrier.c - lanes in, paths run, journal written, lanes out: one step of the carrier. */
#include "engine/send/carrier.h"

#include <stdio.h>

#include "engine/base/ahead.h"
#include "engine/base/assert.h"
#include "engine/base/log.h"

#define BEHIND_PACE (20 * USEC_MS) /* between turns while presses are behind, at most */
#define TURN_PACE (2 * USEC_MS) /* the same where mail may come that is not to wait, and while hosts
				   are slow: nobody notices, and each turn moves more */
#define SWEEP_INTERVAL (5 * USEC_SECOND)
#define LEDGER_RING_INTERVAL (50 * USEC_MS)
#define MESSAGE_BLOCK (24 * 1024)
#define LOOK_AHEAD 2 /* objects of a lane */
#define MESSAGE_AHEAD (2 * AHEAD_LINE) /* of its bytes: the kernel fetches the rest by itself */
#define QUITS_PER_STEP 128 /* what they need until they have left is little then, and used again */
#define STOPPED_LIMIT 2000000 /* subscribers stopped while this engine sends */

static int init_slabs(struct carrier *carrier, const struct limits *limits)
{
	struct arena *arena = &carrier->arena;
	if (slab_init(&carrier->path_slab, arena, sizeof(struct carrier_path), limits->paths) !=
		    0 ||
	    slab_init(&carrier->site_slab, arena, sizeof(struct carrier_site), limits->paths) !=
		    0 ||
	    slab_init(&carrier->flow_slab, arena, sizeof(struct carrier_flow),
		      limits->paths + limits->slices) != 0 ||
	    slab_init(&carrier->memory_slab, arena, sizeof(struct carrier_memory),
		      limits->paths) != 0 ||
	    slab_init(&carrier->note_slab, arena, sizeof(struct carrier_note), NOTES_LIMIT) !=
		    0 ||
	    slab_init(&carrier->habit_slab, arena, sizeof(struct carrier_habit),
		      limits->hosts) != 0 ||
	    slab_init(&carrier->session_slab, arena, sizeof(struct session),
		      limits->connections) != 0 ||
	    slab_init(&carrier->opening_slab, arena, sizeof(struct session_opening),
		      limits->connections) != 0 ||
	    slab_init(&carrier->desk_slab, arena, sizeof(struct smtp_desk),
		      limits->connections) != 0 ||
	    slab_init(&carrier->name_slab, arena, DNS_NAME_SIZE, limits->connections) != 0 ||
	    slab_init(&carrier->message_slab, arena, sizeof(struct message),
		      limits->messages) != 0 ||
	    slab_init(&carrier->outcome_slab, arena, sizeof(struct outcome),
		      limits->outcomes) != 0)
		return -1;
	return 0;
}

static int init_lanes(struct carrier *carrier, const struct limits *limits)
{
	struct arena *arena = &carrier->arena;
	if (lane_init(&carrier->runs, arena, limits->runs) != 0 ||
	    lane_init(&carrier->marked, arena, limits->envelopes) != 0 ||
	    lane_init(&carrier->stops, arena, STOP_NOTICES) != 0 ||
	    lane_init(&carrier->arrivals, arena, 2 * CAMPAIGNS_LIMIT) != 0 ||
	    lane_init(&carrier->farewells, arena, CAMPAIGNS_LIMIT) != 0 ||
	    lane_init(&carrier->mark_wanted, arena, limits->envelopes) != 0 ||
	    lane_init(&carrier->returned, arena, limits->envelopes) != 0 ||
	    lane_init(&carrier->outcomes, arena, limits->outcomes) != 0 ||
	    lane_init(&carrier->outcomes_back, arena, limits->outcomes) != 0 ||
	    lane_init(&carrier->notes, arena, NOTES_LIMIT) != 0 ||
	    lane_init(&carrier->notes_back, arena, NOTES_LIMIT) != 0 ||
	    lane_init(&carrier->draws, arena, DRAWS_LIMIT(LIMIT_PLACES)) !=
		    0 ||
	    lane_init(&carrier->draws_back, arena,
		      DRAWS_LIMIT(LIMIT_PLACES)) != 0)
		return -1;
	return 0;
}

/* Every message keeps an arena block of its own, so the slab's objects are prepared once. */
static void init_messages(struct carrier *carrier)
{
	struct slab *slab = &carrier->message_slab;
	for (size_t i = 0; i < slab->count; i++) {
		struct message *message = (void *)(slab->memory + i * slab->object_size);
		arena_init(&message->arena, carrier->arena.source, MESSAGE_BLOCK, 0);
	}
}

/* Tokens are fetched where there is a relay that wants one; else there is no thread for it. */
static int init_relays(struct carrier *carrier)
{
	const struct engine_settings *settings = carrier->settings;
	size_t count = settings->route.relay_count;
	const struct fetch_config config = {.ca_file = settings->ca_file};
	carrier->relays = ARENA_ARRAY(&carrier->arena, struct auth_relay, count + 1);
	carrier->sources =
		ARENA_ARRAY(&carrier->arena, struct carrier_source, settings->source_count);
	carrier->providers =
		ARENA_ARRAY(&carrier->arena, struct carrier_provider, CARRIER_PROVIDER_LIMIT);
	if (!carrier->relays || !carrier->sources || !carrier->providers)
		return -1;
	bool tokens = false;
	for (size_t i = 0; settings->logins && i < count; i++)
		tokens |= settings->logins[i].has_token;
	if (tokens && fetcher_create(&carrier->fetcher, carrier->loop, &config) != 0)
		return -1;
	return auth_relays_init(carrier->relays, settings, carrier->loop, carrier->fetcher);
}

/* Whether servers are likely to be verified: a letter that requires TLS may want it all the same. */
static bool verifies(const struct engine_settings *settings)
{
	const struct router_config *route = &settings->route;
	bool any = route->tls >= TLS_WISH_VERIFY || route->relay_count > 0;
	for (size_t i = 0; i < route->static_route_count; i++)
		any |= route->static_routes[i].has_tls &&
		       route->static_routes[i].tls >= TLS_WISH_VERIFY;
	return any;
}

static int init_tls(struct carrier *carrier)
{
	const struct engine_settings *settings = carrier->settings;
	const struct tls_context_config tls = {
		.role = TLS_CLIENT,
		.certificate_file = settings->certificate_file,
		.key_file = settings->key_file,
		.ca_file = settings->ca_file,
		.verifies_seldom = !verifies(settings),
		.min_version = settings->tls_1_3_only ? TLS_VERSION_1_3 : TLS_VERSION_1_2,
	};
	return tls_context_create(&carrier->tls, &tls);
}

int carrier_init(struct carrier *carrier, struct arena_source *source,
		 const struct engine_settings *settings, const struct limits *limits,
		 struct io_loop *loop, struct journal *journal,
		 const struct classifier *classifier, struct press *presses, size_t press_count,
		 uint64_t seed)
{
	*carrier = (struct carrier){
		.settings = settings,
		.limits = limits,
		.loop = loop,
		.journal = journal,
		.classifier = classifier,
		.presses = presses,
		.press_count = press_count,
	};
	arena_init(&carrier->arena, source, 1 << 20, 0);
	prng_init(&carrier->prng, seed);
	wheel_init(&carrier->wheel, io_now(loop));
	map_init(&carrier->paths, &carrier->arena, seed);
	map_init(&carrier->sites, &carrier->arena, seed);
	map_init(&carrier->habits, &carrier->arena, seed);
	map_init(&carrier->tls_tallies, &carrier->arena, seed);
	chain_init(&carrier->changed_habits);
	chain_init(&carrier->tls_counted);
	chain_init(&carrier->changed_states);
	chain_init(&carrier->unsaved_sites);
	map_init(&carrier->remembered, &carrier->arena, seed);
	map_init(&carrier->stopped, &carrier->arena, seed);
	chain_init(&carrier->active);
	chain_init(&carrier->idle);
	chain_init(&carrier->dirty);
	chain_init(&carrier->pump);
	chain_init(&carrier->short_of);
	chain_init(&carrier->resting);
	chain_init(&carrier->unwritten);
	chain_init(&carrier->voided);
	chain_init(&carrier->open_marks);
	chain_init(&carrier->gates);
	chain_init(&carrier->campaigns);
	chain_init(&carrier->drawn);
	carrier->tuning = tunings_now(carrier->settings->tunings, carrier->settings);
	carrier->tuning_generation = tunings_generation(carrier->settings->tunings);
	if (carrier_quotas_init(carrier) != 0)
		return -1;
	if (init_slabs(carrier, limits) != 0 || init_lanes(carrier, limits) != 0)
		return -1;
	init_messages(carrier);
	return init_relays(carrier) != 0 ? -1 : init_tls(carrier);
}

void carrier_end(struct carrier *carrier)
{
	fetcher_destroy(carrier->fetcher);
	carrier->fetcher = NULL;
	(void)!io_turn(carrier->loop,
		       io_now(carrier->loop)); /* its poll is told that it stopped */
}

void carrier_done(struct carrier *carrier)
{
	struct slab *slab = &carrier->message_slab;
	for (size_t i = 0; slab->memory && i < slab->count; i++)
		arena_done(&((struct message *)(void *)(slab->memory + i * slab->object_size))
				    ->arena);
	fetcher_destroy(carrier->fetcher);
	auth_relays_done(carrier->relays, carrier->settings->route.relay_count);
	carrier_paths_done(carrier);
	tls_context_destroy(carrier->tls);
	arena_done(&carrier->arena);
}

static void end_locally(struct carrier *carrier, struct envelope *envelope)
{
	struct reply reply = reply_local(envelope->cause, STAGE_ROUTE);
	if (envelope->why.size)
		reply.text = envelope->why;
	carrier_outcome(carrier, envelope, &reply, false, NULL);
}

/* No session was tried, because none could have met the policy: it counts as one that failed.
 */
static void count_refused(struct carrier *carrier, struct run *run)
{
	const struct route *route = run->refused;
	struct chain_link *first = chain_first(&run->envelopes);
	char why[160];
	snprintf(why, sizeof(why), "%.*s",
		 STR_FORMAT(CHAIN_OWNER(first, struct envelope, link)->why));
	const struct carrier_tls_result result = {
		.policy = route->policy,
		.fault = route->policy_fault,
		.policy_domain = route->policy_domain,
		.policy_text = route->policy_text,
		.mx_host = route->policy == TLS_POLICY_TLSA ? route->policy_domain : "",
		.mx_address = "",
		.source = "",
		.reason = why,
	};
	carrier_count_tls(carrier, &result);
}

bool carrier_path_is_stopped(const struct carrier *carrier, const struct carrier_path *path,
			     const struct campaign *campaign, usec now)
{
	return carrier->draining || campaign->stopped ||
	       carrier_provider_is_stopped(carrier, path) ||
	       carrier_source_is_aside(carrier, path->source_index, now);
}

/* Those of the outbox come marked. */
static void take_envelope(struct carrier *carrier, struct carrier_flow *flow,
			  struct envelope *envelope)
{
	envelope->flow = flow;
	if (envelope->slice->kind == SLICE_OUTBOX) {
		envelope->date_wall = io_wall_now(carrier->loop);
		envelope->state = ENVELOPE_MARKED;
		chain_push_back(&flow->marked, &envelope->link);
		return;
	}
	envelope->state = ENVELOPE_WAITING;
	chain_push_back(&flow->waiting, &envelope->link);
}

static void take_run(struct carrier *carrier, struct run *run, usec now)
{
	struct campaign *campaign = run->slice->campaign;
	if (run->refused)
		count_refused(carrier, run);
	struct carrier_path *path =
		run->route ? carrier_path_get(carrier, run->route, run->source_index) : NULL;
	if (path)
		path->warming = run->warming;
	bool lost = slice_is_lost(run->slice);
	struct carrier_flow *flow = path ? carrier_flow_get(carrier, path, campaign) : NULL;
	for (struct chain_link *link; (link = chain_pop(&run->envelopes));) {
		struct envelope *envelope = CHAIN_OWNER(link, struct envelope, link);
		envelope->waiting_since = now;
		envelope->void_position = 0;
		envelope->path = path;
		envelope->flow = NULL;
		if (!run->route && lost)
			carrier_envelope_return(carrier, envelope);
		else if (!run->route)
			end_locally(carrier, envelope);
		else if (path && now < path->shut_until)
			carrier_outcome(carrier, envelope, &path->shut_reply, false, NULL);
		else if (!flow || lost ||
			 carrier_path_is_stopped(carrier, path, campaign, now) ||
			 !carrier_flow_has_room(flow, now))
			carrier_envelope_return(carrier, envelope);
		else
			take_envelope(carrier, flow, envelope);
	}
	if (path)
		carrier_path_touch(carrier, path);
}

static void take_marked(struct carrier *carrier, struct envelope *envelope, usec now)
{
	struct carrier_path *path = envelope->path;
	struct carrier_flow *flow = envelope->flow;
	flow->marking_count--;
	envelope->state = ENVELOPE_MARKED;
	if (slice_is_lost(envelope->slice) ||
	    carrier_path_is_stopped(carrier, path, flow->campaign, now))
		carrier_envelope_return(carrier, envelope);
	else
		carrier_flow_marked(flow, envelope);
	carrier_path_touch(carrier, path);
}

/* What a message points at that is read when it is submitted. */
static void fetch_for_submission(const struct message *message)
{
	const struct message_bytes *bytes = &message->bytes;
	str last = bytes->spans[bytes->span_count - 1];
	ahead_read(message->mail_from, message->mail_from_size);
	ahead_read(message->rcpt.data, message->rcpt.size);
	ahead_read(message->recipient, sizeof(struct store_recipient));
	ahead_read(bytes->spans[0].data, MESSAGE_AHEAD);
	ahead_read(last.data + last.size - 1, 1);
}

static void take_pressed(struct carrier *carrier, struct message *message, usec now)
{
	struct envelope *envelope = message->envelope;
	struct carrier_path *path = envelope->path;
	carrier->presses[message->press_index].outstanding--;
	carrier->presses[message->press_index].urgent_outstanding -= message->campaign->urgent;
	path->ordered_count--;
	carrier_path_touch(carrier, path);
	if (message->result != 0) {
		struct reply reply = reply_local(CAUSE_RENDER_FAILED, STAGE_ROUTE);
		reply.text = str_of(message->why);
		carrier_outcome(carrier, envelope, &reply, false, NULL);
		carrier_message_free(carrier, message);
		return;
	}
	if (slice_is_lost(envelope->slice) ||
	    carrier_path_is_stopped(carrier, path, envelope->campaign, now)) {
		carrier_message_free(carrier, message);
		carrier_envelope_return(carrier, envelope);
		return;
	}
	if (!carrier_path_is_slow(path))
		fetch_for_submission(message); /* it goes at once, others when their turn is near */
	envelope->state = ENVELOPE_READY;
	chain_push_back(envelope->campaign->urgent ? &path->urgent : &path->ready,
			&message->link);
}

static void recall_all(struct carrier *carrier, usec waiting_before)
{
	struct chain_link *link = chain_first(&carrier->active);
	for (; link; link = chain_next(&carrier->active, link))
		carrier_path_recall(carrier, CHAIN_OWNER(link, struct carrier_path, link),
				    waiting_before);
}

void carrier_recall_source(struct carrier *carrier, uint32_t source_index)
{
	struct chain_link *link = chain_first(&carrier->active);
	for (; link; link = chain_next(&carrier->active, link)) {
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, link);
		if (path->source_index == source_index)
			carrier_path_recall(carrier, path, USEC_NEVER);
	}
}

static_assert(offsetof(struct store_stop, subscriber_id) ==
	      offsetof(struct store_stop, campaign_id) + sizeof(uint64_t));

static void stop_campaign(struct carrier *carrier, uint64_t campaign_id, bool stopped)
{
	struct campaign *campaign = carrier_campaign_of(carrier, campaign_id);
	if (!campaign)
		return;
	campaign->stopped = stopped;
	struct chain_link *link = chain_first(&carrier->active);
	for (; stopped && link; link = chain_next(&carrier->active, link))
		carrier_path_recall_campaign(
			carrier, CHAIN_OWNER(link, struct carrier_path, link), campaign);
}

static void take_stop(struct carrier *carrier, struct store_stop *stop)
{
	switch (stop->kind) {
	case STOP_PAUSE:
	case STOP_CANCEL:
		stop_campaign(carrier, stop->campaign_id, true);
		return;
	case STOP_RESUME:
		/* A window that opens: by how much is known already. */
		carrier_follow_spreads(carrier, io_now(carrier->loop));
		stop_campaign(carrier, stop->campaign_id, false);
		return;
	case STOP_PROVIDER:
	case STOP_PROVIDER_END:
		carrier_follow_provider(carrier, stop);
		return;
	case STOP_SUBSCRIBER:
		if (carrier->stopped.live_count >= STOPPED_LIMIT ||
		    map_put(&carrier->stopped,
			    str_make((const char *)&stop->campaign_id, sizeof(struct stop_key)),
			    stop) != 0)
			log_event(LOG_ERROR, "stop-ignored", "subscriber=%llu why=\"%s\"",
				  (unsigned long long)stop->subscriber_id,
				  "too many stops while sending: pause and resume");
		return;
	case STOP_FLUSH:
		carrier_flush(carrier, stop->target);
		return;
	}
}

void carrier_take_outcomes_back(struct carrier *carrier)
{
	for (void *object; (object = lane_pop(&carrier->outcomes_back));) {
		ahead_write(lane_peek(&carrier->outcomes_back, LOOK_AHEAD), AHEAD_LINE);
		slab_give_back(&carrier->outcome_slab, object);
	}
}

/* How many messages came from presses. */
static size_t drain_lanes(struct carrier *carrier, usec now)
{
	void *object;
	size_t pressed_count = 0;
	carrier_take_outcomes_back(carrier);
	while ((object = lane_pop(&carrier->arrivals)))
		carrier_take_arrival(carrier, object);
	carrier_take_warming_news(carrier);
	carrier_take_draws(carrier, now);
	if (!lane_empty(&carrier->stops))
		carrier_recall_unsaid(carrier, now);
	while ((object = lane_pop(&carrier->stops)))
		take_stop(carrier, object);
	while ((object = lane_pop(&carrier->runs)))
		take_run(carrier, object, now);
	while ((object = lane_pop(&carrier->marked))) {
		ahead_write(lane_peek(&carrier->marked, LOOK_AHEAD), sizeof(struct envelope));
		take_marked(carrier, object, now);
	}
	for (size_t i = 0; i < carrier->press_count; i++) {
		struct lane *pressed = &carrier->presses[i].pressed;
		while ((object = lane_pop(pressed))) {
			ahead_write(lane_peek(pressed, LOOK_AHEAD),
				    offsetof(struct message, mail_from));
			take_pressed(carrier, object, now);
			pressed_count++;
		}
	}
	return pressed_count;
}

static void run_timers(struct carrier *carrier, usec now)
{
	for (struct wheel_timer *timer; (timer = wheel_expire(&carrier->wheel, now));) {
		struct carrier_timer *mine = CHAIN_OWNER(timer, struct carrier_timer, wheel);
		if (mine->of == TIMER_SESSION)
			session_expired(CHAIN_OWNER(mine, struct session, timer), now);
		else if (mine->of == TIMER_PATH)
			carrier_path_touch(carrier,
					   CHAIN_OWNER(mine, struct carrier_path, wake));
		else
			carrier_quota_wake(carrier,
					   CHAIN_OWNER(mine, struct carrier_quota, timer), now);
	}
}

static void sweep(struct carrier *carrier, usec now)
{
	if (now < carrier->next_sweep_at)
		return;
	carrier->next_sweep_at = now + SWEEP_INTERVAL;
	recall_all(carrier, now - WAIT_LIMIT);
	carrier_follow_spreads(carrier, now);
	carrier_keep_journal(carrier);
	carrier_push_notes(carrier);
}

static struct message *first_ready(struct carrier_path *path)
{
	struct chain_link *link = chain_first(&path->ready);
	return link ? CHAIN_OWNER(link, struct message, link) : NULL;
}

/* Of many paths with slow hosts each has little to do in a turn, and what it is done with was made
 * ready long ago. With each path that is run all this is a step nearer: the one after the next, the
 * next one's first message, and what that of this one points at. */
static void look_ahead(struct carrier *carrier, struct carrier_path *path)
{
	struct chain_link *next = chain_first(&carrier->dirty);
	struct chain_link *second = next ? chain_next(&carrier->dirty, next) : NULL;
	struct message *message = first_ready(path);
	if (second)
		ahead_write(CHAIN_OWNER(second, struct carrier_path, dirty), sizeof(*path));
	if (message)
		fetch_for_submission(message);
	message = next ? first_ready(CHAIN_OWNER(next, struct carrier_path, dirty)) : NULL;
	if (message)
		ahead_write(message, offsetof(struct message, mail_from));
}

static void run_paths(struct carrier *carrier, usec now)
{
	/* Running a path may touch others; what is touched now is run in this step too,
	 * bounded. */
	for (size_t budget = carrier->dirty.count + 64; budget > 0; budget--) {
		struct chain_link *link = chain_pop(&carrier->dirty);
		if (!link)
			return;
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, dirty);
		look_ahead(carrier, path);
		carrier_path_run(carrier, path, now);
	}
}

/* Once a turn, however much was ordered in it: waking a thread costs as much as a message. */
static void ring_presses(struct carrier *carrier)
{
	for (size_t i = 0; i < carrier->press_count; i++) {
		struct press *press = &carrier->presses[i];
		if (press->to_ring)
			doorbell_ring(&press->bell);
		press->to_ring = false;
	}
}

/* The ledger gathers for a while anyway, and looks by itself now and then: it is not woken for
 * every message. */
static void ring_bells(struct carrier *carrier, usec now)
{
	if (carrier->to_feeder && carrier->feeder_bell)
		io_bell_ring(carrier->feeder_bell);
	carrier->to_feeder = false;
	if (!carrier->to_ledger || !carrier->ledger_bell ||
	    now < carrier->ledger_rung_at + LEDGER_RING_INTERVAL)
		return;
	doorbell_ring(carrier->ledger_bell);
	carrier->ledger_rung_at = now;
	carrier->to_ledger = false;
}

/* How far apart turns may be. What presses still have of former turns is what everything waits for
 * then, and a turn for each message they make would only take the time they need from them. They
 * are looked at again when they have done half of it, at the pace they had since the last turn. */
static usec pace(struct carrier *carrier, size_t pressed, usec now)
{
	size_t outstanding = 0;
	for (size_t i = 0; i < carrier->press_count; i++)
		outstanding += carrier->presses[i].outstanding;
	usec elapsed = now - carrier->paced_at;
	carrier->paced_at = now;
	if (outstanding == 0)
		return carrier_is_slow(carrier) ? TURN_PACE : 0;
	usec limit = carrier->urgent_count > 0 ? TURN_PACE : BEHIND_PACE;
	if (pressed == 0 || elapsed > USEC_SECOND)
		return TURN_PACE;
	return usec_min(limit, elapsed * (usec)outstanding / (usec)(2 * pressed));
}

usec carrier_step(struct carrier *carrier)
{
	usec now = io_now(carrier->loop);
	carrier_look_at_gate(carrier, now);
	carrier_take_rules(carrier, now);
	carrier_take_memories(carrier, now);
	size_t pressed = drain_lanes(carrier, now);
	usec apart = pace(carrier, pressed, now);
	run_timers(carrier, now);
	carrier_act_on_incidents(carrier);
	sweep(carrier, now);
	if (carrier->draining)
		carrier_push_notes(carrier);
	carrier->quits_left = QUITS_PER_STEP;
	run_paths(carrier, now);
	/* An urgent message finds us awake at each step of its way. */
	io_set_pace(carrier->loop, carrier->urgent_messages == 0 ? apart : 0);
	ring_presses(carrier);
	usec draws_at = carrier_draws_step(carrier, now);
	usec states_at = usec_min(carrier_states_step(carrier, now),
				  carrier_memories_step(carrier, now));
	if (!carrier->journal_failed || now >= carrier->journal_retry_at)
		journal_flush(carrier->journal, carrier_journal_written, carrier);
	ring_bells(carrier, now);
	atomic_store_explicit(&carrier->counts.idle,
			      carrier_idle(carrier) && carrier_memories_idle(carrier),
			      memory_order_release);
	usec wake = usec_min(wheel_next(&carrier->wheel), carrier->next_sweep_at);
	wake = usec_min(wake, usec_min(states_at, draws_at));
	if (carrier->journal_failed && now < carrier->journal_retry_at)
		wake = usec_min(wake, carrier->journal_retry_at);
	return chain_empty(&carrier->dirty) ? wake : now;
}

static size_t held(const struct slab *slab)
{
	return slab->borrowed_count * slab->object_size;
}

/* Of what connections hold, messages apart; most: what they held when it was most. */
static void tell_memory(const struct carrier *carrier)
{
	const struct slab *sessions = &carrier->session_slab;
	size_t size = held(sessions) + held(&carrier->opening_slab) +
		      held(&carrier->desk_slab) + held(&carrier->name_slab);
	if (sessions->borrowed_count > 0)
		log_event(LOG_INFO, "connection-memory",
			  "connections=%zu bytes_each=%zu most_desks=%zu most_opening=%zu",
			  sessions->borrowed_count, size / sessions->borrowed_count,
			  carrier->desk_slab.fresh, carrier->opening_slab.fresh);
}

void carrier_drain(struct carrier *carrier)
{
	tell_memory(carrier);
	carrier->draining = true;
	carrier_recall_unsaid(carrier, io_now(carrier->loop));
	recall_all(carrier,
		   USEC_NEVER); /* touches every path: its sessions close as they empty */
}

void carrier_abort(struct carrier *carrier)
{
	usec now = io_now(carrier->loop);
	struct chain_link *link = chain_first(&carrier->active);
	for (; link; link = chain_next(&carrier->active, link)) {
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, link);
		struct chain_link *at = chain_first(&path->sessions);
		for (; at; at = chain_next(&path->sessions, at))
			session_abort(CHAIN_OWNER(at, struct session, link), now);
	}
}

bool carrier_idle(const struct carrier *carrier)
{
	return chain_empty(&carrier->active) && chain_empty(&carrier->unwritten) &&
	       chain_empty(&carrier->voided) && journal_idle(carrier->journal) &&
	       carrier->message_slab.borrowed_count == 0 &&
	       carrier->session_slab.borrowed_count == 0;
}
