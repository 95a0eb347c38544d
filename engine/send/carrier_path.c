/* carrier_path.c - one path's work: marks asked for, messages ordered, connections opened.
 * carrier_path_run() is called for every path that something happened to, once a turn. Shaping
 * decides (engine/shape/path.h); this file only counts and moves. */
#include "engine/send/carrier.h"

#include "engine/base/ahead.h"

#define MARK_AHEAD_LIMIT 8192 /* envelopes of one flow marked and not yet started */
#define MARK_TIME (50 * USEC_MS)  /* of asking, and of the database's commit */
#define READY_TIME (50 * USEC_MS) /* of a path's rate, that is kept ready */
#define WAKE_PER_GIFT 4       /* paths woken for one that came back: some cannot use it now */
#define RESTING_LOOKS 16
#define READY_LOOKS 64 /* messages passed over that a limit of their campaign holds back */

size_t carrier_path_pending(struct carrier_path *path)
{
	size_t count = 0;
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		const struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		count += flow->waiting.count + flow->marked.count + flow->marking_count +
			 flow->held_count;
	}
	return count;
}

void carrier_path_touch(struct carrier *carrier, struct carrier_path *path)
{
	if (!chain_linked(&path->dirty))
		chain_push_back(&carrier->dirty, &path->dirty);
}

/* Sessions and messages are few, paths may be many: who got none waits here, not for the sweep.
 */
void carrier_path_short(struct carrier *carrier, struct carrier_path *path)
{
	if (!chain_linked(&path->short_of))
		chain_push_back(&carrier->short_of, &path->short_of);
}

void carrier_given_back(struct carrier *carrier)
{
	for (int i = 0; i < WAKE_PER_GIFT; i++) {
		struct chain_link *link = chain_pop(&carrier->short_of);
		if (!link)
			return;
		carrier_path_touch(carrier, CHAIN_OWNER(link, struct carrier_path, short_of));
	}
}

/* Where transactional mail may come, it finds an idle connection: as long as the path may open
 * more of them, other mail leaves the last one free, and does not queue behind a message that
 * is under way. */
static bool keeps_one_free(const struct carrier *carrier, const struct carrier_path *path)
{
	const struct carrier_site *site = path->site;
	return carrier->urgent_count > 0 &&
	       site->open_count + site->opening_count < site->shaping.crowd.cap;
}

static uint32_t count_slots(const struct carrier *carrier, struct carrier_path *path)
{
	if (!keeps_one_free(carrier, path) || !chain_empty(&path->urgent))
		return path->slots;
	uint32_t free = (uint32_t)path->roomy[0].count;
	return free > 0 ? free - 1 : 0;
}

static const struct store_stop *stop_of(struct carrier *carrier, uint64_t campaign_id,
					uint64_t subscriber_id)
{
	const struct stop_key key = {campaign_id, subscriber_id};
	return map_get(&carrier->stopped, str_make((const char *)&key, sizeof(key)));
}

static bool was_stopped(struct carrier *carrier, struct envelope *envelope)
{
	/* Ids of the outbox are not those of subscribers. */
	if (carrier->stopped.live_count == 0 || envelope->campaign->urgent)
		return false;
	uint64_t id = envelope->recipient->subscriber_id;
	const struct store_stop *stop = stop_of(carrier, 0, id);
	if (!stop)
		stop = stop_of(carrier, envelope->campaign->id, id);
	if (!stop)
		return false;
	struct reply reply = reply_local(CAUSE_SUPPRESSED, STAGE_ROUTE);
	reply.text = str_of(stop->reason);
	carrier_outcome(carrier, envelope, &reply, false, NULL);
	return true;
}

/* Its text is in 8 bits and this host does not take them. The signature is over the bytes, so
 * it is made anew, as all that follows on this path (path.seven_bit). */
static void press_again(struct carrier *carrier, struct message *message)
{
	struct envelope *envelope = message->envelope;
	struct carrier_flow *flow = message->flow;
	carrier_message_free(carrier, message);
	envelope->state = ENVELOPE_MARKED;
	chain_push_front(&flow->marked, &envelope->link);
	carrier_path_touch(carrier, flow->path);
}

/* The next message of a chain that may start in this session; those whose recipient was stopped
 * meanwhile end here. */
static struct message *take_of(struct carrier *carrier, struct chain *ready,
			       const struct session *session, usec now)
{
	bool takes_8bit = smtp_client_caps(&session->client)->eightbitmime;
	struct chain_link *link = chain_first(ready);
	for (int looks = 0; link && looks < READY_LOOKS; looks++) {
		struct message *message = CHAIN_OWNER(link, struct message, link);
		link = chain_next(ready, link);
		if (was_stopped(carrier, message->envelope)) {
			chain_remove(ready, &message->link);
			carrier_message_free(carrier, message);
		} else if (message->bytes.is_8bit && !takes_8bit) {
			chain_remove(ready, &message->link);
			press_again(carrier, message);
		} else if (carrier_message_may_start(carrier, message, now)) {
			chain_remove(ready, &message->link);
			return message;
		}
	}
	return NULL;
}

static struct message *take_ready(struct carrier *carrier, const struct session *session,
				  bool urgent_only, usec now)
{
	struct carrier_path *path = session->path;
	struct message *message = take_of(carrier, &path->urgent, session, now);
	return message || urgent_only ? message : take_of(carrier, &path->ready, session, now);
}

static void start_message(struct carrier *carrier, struct session *session,
			  struct message *message, usec now)
{
	const struct path_event event = {
		.kind = PATH_STARTED,
		.size = (uint32_t)(message->bytes.size + message->signature.size)};
	path_record(&session->path->site->shaping, &event, now);
	carrier_message_start(carrier, message, now);
	carrier_start_cold(session->path, message->envelope, now);
	atomic_fetch_add_explicit(&carrier->counts.started, 1, memory_order_relaxed);
	session_submit(session, message, now);
}

/* To a host that takes a window of messages several go at once: they leave in one write and are
 * answered in one read, which costs little more than one of them would. Of a host that answers late
 * no more than a connection's share, or the last would wait for the first one's answer beside a
 * connection that has nothing to do. */
static uint32_t bunch_of(const struct session *session, uint32_t share)
{
	if (session->plan.limit != FLIGHT_WINDOW)
		return 1;
	return carrier_path_is_slow(session->path) ? share : CARRIER_BUNCH;
}

/* One bunch, as far as there is room for it and ready is something that may go; in one write. How many
 * went. */
static uint32_t submit_bunch(struct carrier *carrier, struct session *session, uint32_t bunch,
			     uint32_t allowed, bool one_free, usec now)
{
	uint32_t started = 0;
	const struct chain *free = &session->path->roomy[0];
	while (started < bunch && started < allowed && smtp_client_room(&session->client) > 0) {
		bool others = session->depth > 0 || started > 0;
		bool urgent_only = one_free && (others || free->count < 2);
		struct message *message = take_ready(carrier, session, urgent_only, now);
		if (!message)
			break;
		start_message(carrier, session, message, now);
		started++;
	}
	if (started > 0)
		session_pump(session, now);
	return started;
}

/* Spreads what is ready over the sessions with room, the emptiest ones first, so that no session
 * holds two bunches while another has none. */
static uint32_t submit_ready(struct carrier *carrier, struct carrier_path *path,
			     uint32_t allowed, usec now)
{
	uint32_t started = 0;
	bool one_free = keeps_one_free(carrier, path);
	uint32_t share = carrier_path_share(path);
	for (size_t depth = 0; depth < SMTP_TRANSACTION_LIMIT; depth++) {
		struct chain *roomy = &path->roomy[depth];
		while (!chain_empty(roomy) && started < allowed) {
			struct session *session =
				CHAIN_OWNER(chain_first(roomy), struct session, roomy);
			uint32_t count =
				submit_bunch(carrier, session, bunch_of(session, share),
					     allowed - started, one_free, now);
			if (count == 0)
				return started;
			started += count;
		}
	}
	return started;
}

/* Why; NULL: it may. */
static const char *starts_nothing(struct carrier *carrier, const struct carrier_path *path,
				  usec now)
{
	if (carrier->draining || carrier->journal_failed ||
	    carrier_provider_is_stopped(carrier, path))
		return "stopped";
	const char *why = carrier_gate_why(carrier, path, now);
	if (!why && !carrier_site_is_known(carrier, path->site))
		why = "being noted";
	return why;
}

static struct press *least_busy(struct carrier *carrier)
{
	struct press *best = &carrier->presses[0];
	for (size_t i = 1; i + 1 < carrier->press_count; i++)
		if (carrier->presses[i].outstanding < best->outstanding)
			best = &carrier->presses[i];
	return best;
}

/* Signatures before an urgent message's own; of a press with other mail, the one under way. */
static size_t ahead_of_urgent(const struct press *press)
{
	return press->urgent_outstanding + (press->outstanding > press->urgent_outstanding);
}

/* The press of their own, unless so many urgent messages come at once that another has them
 * done sooner. */
static struct press *least_urgent(struct carrier *carrier)
{
	struct press *best = &carrier->presses[carrier->press_count - 1];
	for (size_t i = 0; i + 1 < carrier->press_count; i++)
		if (ahead_of_urgent(&carrier->presses[i]) < ahead_of_urgent(best))
			best = &carrier->presses[i];
	return best;
}

static void order_one(struct carrier *carrier, struct carrier_flow *flow,
		      struct envelope *envelope, struct message *message)
{
	bool urgent = flow->campaign->urgent;
	struct press *press = urgent ? least_urgent(carrier) : least_busy(carrier);
	chain_link_init(&message->link);
	chain_link_init(&message->mark_link);
	chain_link_init(&message->gate_link);
	message->session = NULL;
	message->returned = false;
	message->envelope = envelope;
	message->campaign = envelope->campaign;
	message->recipient = envelope->recipient;
	message->date_wall = envelope->date_wall;
	message->campaign->message_count++;
	carrier->urgent_messages += urgent;
	message->flow = NULL;
	message->rcpt = envelope->rcpt;
	message->form = flow->path->seven_bit ? MESSAGE_7BIT : MESSAGE_8BIT;
	message->ordered_wall = io_wall_now(carrier->loop);
	message->press_index = (uint32_t)(press - carrier->presses);
	envelope->message = message;
	envelope->state = ENVELOPE_ORDERED;
	carrier_message_hold(message, flow);
	carrier_flow_served(flow);
	flow->path->ordered_count++;
	flow->ordered_now++;
	press->outstanding++;
	press->urgent_outstanding += urgent;
	press->to_ring = true;
	lane_push(urgent ? &press->urgent : &press->bulk, message);
}

/* False: there is no message left to borrow. */
static bool order_next(struct carrier *carrier, struct carrier_path *path,
		       struct carrier_flow *flow, uint32_t *room)
{
	struct envelope *envelope =
		CHAIN_OWNER(chain_pop(&flow->marked), struct envelope, link);
	if (was_stopped(carrier, envelope))
		return true;
	struct message *message = slab_borrow(&carrier->message_slab);
	if (!message) {
		chain_push_front(&flow->marked, &envelope->link);
		carrier_path_short(carrier, path);
		return false;
	}
	order_one(carrier, flow, envelope, message);
	if (!flow->campaign->urgent)
		*room -= *room > 0;
	return true;
}

/* Nothing but urgent mail can be ordered: whoever lacks marks does not miss them. */
static void forget_dryness(struct carrier_path *path)
{
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		flow->dry = flow->dry && flow->campaign->urgent;
	}
}

/* Urgent ones are ordered at once: a press has them done before a connection is free. */
static void order(struct carrier *carrier, struct carrier_path *path, uint32_t room, usec now)
{
	bool full = room == 0;
	/* Who has no connection yet does not stand in the way of those that have. */
	while (room > 0 || carrier->urgent_count > 0) {
		struct carrier_flow *flow = carrier_flow_next(carrier, path, now);
		if (!flow || (room == 0 && !flow->campaign->urgent))
			break;
		if (!order_next(carrier, path, flow, &room))
			break;
	}
	if (full)
		forget_dryness(path);
}

static void mark_one(struct carrier *carrier, struct carrier_flow *flow,
		     struct envelope *envelope, usec now)
{
	usec wall = io_wall_now(carrier->loop);
	envelope->state = ENVELOPE_MARKING;
	envelope->date_wall =
		envelope->recipient->date_wall ? envelope->recipient->date_wall : wall;
	envelope->waiting_since = now;
	flow->marking_count++;
	lane_push(&carrier->mark_wanted, envelope);
	carrier->to_feeder = true;
}

/* From wanting a mark to having it: whoever is marked can be started so long from now at the
 * latest, and so need not be marked before. */
static usec mark_span(const struct carrier *carrier)
{
	usec interval = carrier->settings->mark_interval;
	return (interval ? interval : ENGINE_MARK_INTERVAL) + MARK_TIME;
}

/* What is marked when a machine is lost for good may have been mailed, so it is little: as much
 * as was ordered in one span lately, and a quarter more. Where answers come late, in the busiest span
 * since the one before: whole flights are answered at once, and then nothing for a while. */
static void follow_pace(struct carrier_flow *flow, usec span, usec now)
{
	if (now < flow->span_since + span)
		return;
	usec quiet = carrier_path_is_slow(flow->path) ? flow->path->answer_time : 0;
	bool recent = now < flow->span_since + 2 * span + quiet;
	uint32_t ordered = recent ? flow->ordered_now : 0;
	if (ordered >= flow->ordered_before || now >= flow->busy_until) {
		flow->ordered_before = ordered;
		flow->busy_until = quiet ? now + quiet + 2 * span : now;
	}
	flow->ordered_now = 0;
	flow->span_since = now;
	uint32_t wanted = flow->ordered_before + flow->ordered_before / 4 + 1;
	if (!chain_empty(&flow->marked) && wanted < flow->mark_ahead)
		flow->mark_ahead = wanted; /* it had more than it needed */
}

/* Nothing of the path starts within the span: its rate says so, or there is no connection and none
 * may be opened. */
static bool start_is_far(struct carrier *carrier, struct carrier_path *path, usec span,
			 usec now)
{
	const struct path *shaping = &path->site->shaping;
	if (shaping->suspended_until > now + span ||
	    bucket_next_at(&shaping->messages, now) > now + span)
		return true;
	return path->open_count + path->opening_count == 0 &&
	       (path->reach.opening_after > now + span ||
		carrier_path_open_room(carrier, path, 1, now) == 0);
}

/* How many may be marked at the pace the path has now; none while its next start is far. */
static size_t mark_room(struct carrier *carrier, struct carrier_flow *flow, usec span, usec now)
{
	const struct rate *rate = &flow->path->site->shaping.messages.rate;
	size_t ahead = flow->mark_ahead;
	if (start_is_far(carrier, flow->path, span, now))
		return 0;
	if (rate->count > 0) {
		double startable = (double)rate->count * (double)span / (double)rate->per;
		size_t share = carrier_flow_share(flow, (size_t)startable + rate->burst);
		ahead = share < ahead ? share : ahead;
	}
	if (flow->path->warming) {
		size_t startable = warming_startable(flow->path->warming, WAIT_LIMIT);
		ahead = startable < ahead ? startable : ahead;
	}
	return carrier_flow_mark_room(carrier, flow, ahead ? ahead : 1, span, now);
}

/* Those who wait were read long ago: each is a step further on its way here. */
static void look_ahead(struct chain *waiting)
{
	struct chain_link *link = chain_first(waiting);
	if (!link)
		return;
	ahead_read(CHAIN_OWNER(link, struct envelope, link)->recipient,
		   sizeof(struct store_recipient));
	link = chain_next(waiting, link);
	if (link)
		ahead_write(CHAIN_OWNER(link, struct envelope, link), sizeof(struct envelope));
}

static void ask_for_marks(struct carrier *carrier, struct carrier_flow *flow, usec now)
{
	usec span = mark_span(carrier);
	follow_pace(flow, span, now);
	size_t ahead = mark_room(carrier, flow, span, now);
	if (ahead == 0)
		return;
	/* Asked for in batches: one at a time would wake the feeder for every message. */
	if (flow->marked.count + flow->marking_count > ahead - ahead / 8)
		return;
	while (flow->marked.count + flow->marking_count < ahead) {
		struct chain_link *link = chain_pop(&flow->waiting);
		if (!link)
			break;
		struct envelope *envelope = CHAIN_OWNER(link, struct envelope, link);
		look_ahead(&flow->waiting);
		if (!was_stopped(carrier, envelope))
			mark_one(carrier, flow, envelope, now);
	}
	carrier_flow_count_ahead(flow);
}

/* Who is not marked yet is looked at before his time. */
static usec wake_for_marks(const struct carrier *carrier, struct carrier_path *path,
			   usec wake_at, usec now)
{
	usec early = wake_at - mark_span(carrier);
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		const struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		if (flow->marked.count + flow->marking_count == 0 && early > now)
			return early;
	}
	return wake_at;
}

static void ask_for_all_marks(struct carrier *carrier, struct carrier_path *path, usec now)
{
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link))
		ask_for_marks(carrier, CHAIN_OWNER(link, struct carrier_flow, link), now);
}

void carrier_flow_marked(struct carrier_flow *flow, struct envelope *envelope)
{
	chain_push_back(&flow->marked, &envelope->link);
	if (!flow->dry)
		return;
	flow->dry = false;
	if (flow->mark_ahead < MARK_AHEAD_LIMIT)
		flow->mark_ahead *= 2;
}

/* Connections are for those that have mail: one that rests at a path without any goes first. */
static void close_one_resting(struct carrier *carrier, usec now)
{
	struct chain_link *link = chain_first(&carrier->resting);
	for (int i = 0; link && i < RESTING_LOOKS; i++) {
		struct session *session = CHAIN_OWNER(link, struct session, resting);
		link = chain_next(&carrier->resting, link);
		if (carrier_path_pending(session->path) > 0)
			continue;
		session_close_idle(session, now);
		return;
	}
}

/* A path that has none of its site's connections gets one of those that rest at a sibling. */
static void close_resting_sibling(struct carrier *carrier, struct carrier_path *path, usec now)
{
	struct carrier_site *site = path->site;
	uint32_t limit = site->shaping.limits.connections;
	bool starved =
		carrier_path_pending(path) > 0 && path->open_count + path->opening_count == 0;
	if (!starved || site->open_count + site->opening_count < limit)
		return;
	struct chain_link *link = chain_first(&carrier->resting);
	for (int i = 0; link && i < RESTING_LOOKS; i++) {
		struct session *session = CHAIN_OWNER(link, struct session, resting);
		link = chain_next(&carrier->resting, link);
		if (session->path->site != site)
			continue;
		session_close_idle(session, now);
		return;
	}
}

static void open_sessions(struct carrier *carrier, struct carrier_path *path, uint32_t allowed,
			  usec now)
{
	size_t pending = carrier_path_pending(path);
	uint32_t worth = carrier_path_worth(path);
	size_t wanted = (pending + worth - 1) / worth;
	wanted += keeps_one_free(carrier, path); /* or little mail would find none, ever */
	if (carrier_source_is_aside(carrier, path->source_index, now) || now < path->shut_until)
		return;
	if (allowed > 0)
		allowed = carrier_path_open_room(carrier, path, allowed, now);
	while (allowed > 0 && pending > 0 && path->open_count + path->opening_count < wanted) {
		if (!session_open(carrier, path)) {
			carrier_path_short(carrier, path);
			close_one_resting(carrier, now);
			return;
		}
		const struct path_event event = {.kind = PATH_OPENING};
		path_record(&path->site->shaping, &event, now);
		carrier_path_open_counted(carrier, path, now);
		allowed--;
	}
}

static void settle_activity(struct carrier *carrier, struct carrier_path *path)
{
	bool busy = carrier_path_pending(path) > 0 || !chain_empty(&path->sessions);
	chain_remove(path->active ? &carrier->active : &carrier->idle, &path->link);
	path->active = busy;
	chain_push_back(busy ? &carrier->active : &carrier->idle, &path->link);
}

/* Each has a desk from its QUIT until that has left: thousands at once would take memory that the
 * engine needs at no other time. Who was looked at stands behind the others. */
static void close_idle_sessions(struct carrier *carrier, struct carrier_path *path, usec now)
{
	for (size_t left = path->sessions.count; left > 0; left--) {
		if (carrier->quits_left == 0) {
			carrier_path_touch(carrier, path);
			return;
		}
		struct chain_link *link = chain_pop(&path->sessions);
		struct session *session = CHAIN_OWNER(link, struct session, link);
		chain_push_back(&path->sessions, link);
		bool closed_before = session->closing;
		if (chain_empty(&session->messages))
			session_close_idle(session, now);
		carrier->quits_left -= session->closing && !closed_before;
	}
}

/* Not those at the database or at a press: they come by themselves. */
static bool has_late(struct carrier_path *path)
{
	bool late = !chain_empty(&path->urgent) || !chain_empty(&path->ready);
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		const struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		late |= flow->waiting.count + flow->marked.count > 0;
	}
	return late;
}

/* What comes late to a path that was shut, from its mark or from a press, is told the same as
 * those who waited there. */
static void end_late(struct carrier *carrier, struct carrier_path *path, usec now)
{
	bool stopped = starts_nothing(carrier, path, now) != NULL;
	if (now < path->shut_until && chain_empty(&path->sessions) && !stopped &&
	    has_late(path))
		carrier_path_fail_waiting(carrier, path, &path->shut_reply);
}

static void hold_unreachable(const struct carrier_path *path, struct path_grant *grant,
			     usec now)
{
	const struct reach *reach = &path->reach;
	uint32_t room =
		reach_room(reach, grant->open, path->open_count, path->opening_count, now);
	if (room < grant->open && now < reach->opening_after) {
		grant->why = "unreachable";
		grant->wake_at = usec_min(grant->wake_at, reach->opening_after);
	}
	grant->open = room;
}

/* How many go in a moment, at the most that the path's rate allows: what is ordered is marked. */
static uint32_t soon(const struct carrier_path *path, uint32_t most)
{
	const struct rate rate = path_limits_rate(&path->site->shaping.limits);
	if (rate.count == 0)
		return most;
	double count = 1 + (double)rate.count * (double)READY_TIME / (double)rate.per;
	return count < (double)most ? (uint32_t)count : most;
}

/* More than fits is kept ready, unless the rate forbids. */
static uint32_t order_room(struct carrier_path *path, const struct path_demand *demand,
			   const struct path_grant *grant, uint32_t started, uint32_t usable)
{
	uint32_t ahead = carrier_path_ready_room(path, usable);
	uint32_t room = demand->slots - started + ahead + path->opening_count;
	uint32_t held = path->ordered_count + (uint32_t)path->ready.count;
	uint32_t in_time = grant->start - started + soon(path, ahead);
	if (grant->why[0] && room > in_time)
		room = in_time;
	return room > held ? room - held : 0;
}

void carrier_path_run(struct carrier *carrier, struct carrier_path *path, usec now)
{
	uint32_t usable = path->usable;
	const char *stopped = starts_nothing(carrier, path, now);
	end_late(carrier, path, now);
	carrier_path_unwait(carrier, path);
	if (!chain_empty(&path->urgent) && path->slots == 0)
		carrier_path_room_for_urgent(path);
	struct path_demand demand = {
		.slots = count_slots(carrier, path),
		.waiting = (uint32_t)carrier_path_pending(path),
		.open = path->site->open_count,
		.opening = path->site->opening_count,
	};
	struct path_grant grant = path_verdict(&path->site->shaping, &demand, now);
	hold_unreachable(path, &grant, now);
	carrier_hold_cold(carrier, path, &grant, now);
	if (stopped)
		grant = (struct path_grant){.wake_at = USEC_NEVER, .why = stopped};
	path->why = grant.why;
	uint32_t started = submit_ready(carrier, path, grant.start, now);
	carrier_state_ran(carrier, path, &grant, started, now);
	if (!stopped)
		order(carrier, path, order_room(path, &demand, &grant, started, usable), now);
	open_sessions(carrier, path, grant.open, now);
	if (!stopped)
		ask_for_all_marks(carrier, path, now);
	close_resting_sibling(carrier, path, now);
	if (carrier->draining || !carrier_source_is_held(carrier, path->source_index, now))
		close_idle_sessions(carrier, path, now);
	carrier_flows_drop_empty(carrier, path);
	if (grant.wake_at != USEC_NEVER && carrier_path_pending(path) > 0)
		wheel_arm(&carrier->wheel, &path->wake.wheel,
			  wake_for_marks(carrier, path, grant.wake_at, now));
	settle_activity(carrier, path);
}
