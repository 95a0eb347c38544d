/* carrier_path.c - one path's work: marks asked for, messages ordered, connections opened.
 * carrier_path_run() is called for every path that something happened to, once a turn. Shaping
 * decides (engine/shape/path.h); this file only counts and moves. */
#include "engine/send/carrier.h"

#define PENDING_PER_CONNECTION 10 /* fewer do not deserve another connection */
#define MARK_AHEAD_LEAST 8
#define WAKE_PER_GIFT 4 /* paths woken for one that came back: some cannot use it now */
#define RESTING_LOOKS 16

static size_t pending_count(const struct carrier_path *path)
{
	return path->waiting.count + path->marked.count + path->marking_count +
	       path->ordered_count + path->ready.count;
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

/* How many the path's rate lets start in a time; a path without one: as many as there are. */
static size_t startable(const struct carrier_path *path, usec time)
{
	const struct rate *rate = &path->site->shaping.messages.rate;
	if (rate->count == 0)
		return SIZE_MAX;
	return (size_t)((double)rate->count * (double)time / (double)rate->per);
}

/* A throttled or suspended path takes no more than it can use, so that what is in memory is for
 * those that can send. */
bool carrier_path_has_room(const struct carrier_path *path, usec now)
{
	const struct path *shaping = &path->site->shaping;
	bool shut = path->open_count == 0 && path->reach.opening_after > now + WAIT_LIMIT;
	if (shut || shaping->suspended_until > now + WAIT_LIMIT)
		return false;
	size_t room = startable(path, WAIT_LIMIT);
	return pending_count(path) < (room > MARK_AHEAD_LEAST ? room : MARK_AHEAD_LEAST);
}

static uint32_t session_room(const struct session *session)
{
	if (!session->ready || session->closing)
		return 0;
	return (uint32_t)smtp_client_room(&session->client);
}

static uint32_t count_slots(struct carrier_path *path, uint32_t *ret_usable)
{
	uint32_t slots = 0, usable = 0;
	struct chain_link *link = chain_first(&path->sessions);
	for (; link; link = chain_next(&path->sessions, link)) {
		const struct session *session = CHAIN_OWNER(link, struct session, link);
		slots += session_room(session);
		usable += session->ready && !session->closing;
	}
	*ret_usable = usable;
	return slots;
}

static bool was_stopped(struct carrier *carrier, struct envelope *envelope)
{
	if (carrier->stopped.live_count == 0)
		return false;
	const uint64_t *id = &envelope->recipient->subscriber_id;
	const struct store_stop *stop =
		map_get(&carrier->stopped, str_make((const char *)id, sizeof(*id)));
	if (!stop)
		return false;
	struct reply reply = reply_local(CAUSE_SUPPRESSED, STAGE_ROUTE);
	reply.text = str_of(stop->reason);
	carrier_outcome(carrier, envelope, &reply, false, NULL);
	return true;
}

/* The next message to submit; those whose recipient was stopped meanwhile end here. */
static struct message *take_ready(struct carrier *carrier, struct carrier_path *path)
{
	for (struct chain_link *link; (link = chain_pop(&path->ready));) {
		struct message *message = CHAIN_OWNER(link, struct message, link);
		if (!was_stopped(carrier, message->envelope))
			return message;
		carrier_message_free(carrier, message);
	}
	return NULL;
}

/* Spreads what is ready over the sessions with room, the emptiest ones first in the first
 * round, so that no session holds two while another has none. */
static uint32_t submit_ready(struct carrier *carrier, struct carrier_path *path,
			     uint32_t allowed, usec now)
{
	uint32_t started = 0;
	bool any = true;
	for (size_t depth = 0; any && depth < SMTP_TRANSACTION_LIMIT; depth++) {
		any = false;
		struct chain_link *link = chain_first(&path->sessions);
		for (; link && started < allowed; link = chain_next(&path->sessions, link)) {
			struct session *session = CHAIN_OWNER(link, struct session, link);
			if (session_room(session) == 0)
				continue;
			any = true;
			if (session->messages.count > depth)
				continue;
			struct message *message = take_ready(carrier, path);
			if (!message)
				return started;
			const struct path_event event = {
				.kind = PATH_STARTED,
				.size = (uint32_t)(message->bytes.size +
						   message->signature_size)};
			path_record(&path->site->shaping, &event, now);
			atomic_fetch_add_explicit(&carrier->counts.started, 1,
						  memory_order_relaxed);
			session_submit(session, message, now);
			started++;
		}
	}
	return started;
}

static struct press *least_busy(struct carrier *carrier)
{
	struct press *best = &carrier->presses[0];
	for (size_t i = 1; i < carrier->press_count; i++)
		if (carrier->presses[i].outstanding < best->outstanding)
			best = &carrier->presses[i];
	return best;
}

static void order_one(struct carrier *carrier, struct carrier_path *path,
		      struct envelope *envelope, struct message *message)
{
	struct press *press = least_busy(carrier);
	chain_link_init(&message->link);
	chain_link_init(&message->mark_link);
	message->session = NULL;
	message->gated = message->returned = false;
	message->envelope = envelope;
	message->rcpt = envelope->rcpt;
	message->ordered_wall = io_wall_now(carrier->loop);
	message->press_index = (uint32_t)(press - carrier->presses);
	envelope->message = message;
	envelope->state = ENVELOPE_ORDERED;
	path->ordered_count++;
	press->outstanding++;
	lane_push(&press->bulk, message);
	doorbell_ring(&press->bell);
}

static void order(struct carrier *carrier, struct carrier_path *path, uint32_t room)
{
	while (room > 0) {
		struct chain_link *link = chain_pop(&path->marked);
		if (!link) {
			path->dry = path->marking_count + path->waiting.count > 0;
			return;
		}
		struct envelope *envelope = CHAIN_OWNER(link, struct envelope, link);
		if (was_stopped(carrier, envelope))
			continue;
		struct message *message = slab_borrow(&carrier->message_slab);
		if (!message) {
			chain_push_front(&path->marked, &envelope->link);
			carrier_path_short(carrier, path);
			return;
		}
		order_one(carrier, path, envelope, message);
		room--;
	}
}

static void ask_for_marks(struct carrier *carrier, struct carrier_path *path, usec now)
{
	size_t ahead = startable(path, WAIT_LIMIT);
	if (ahead > path->mark_ahead)
		ahead = path->mark_ahead;
	if (ahead < MARK_AHEAD_LEAST)
		ahead = MARK_AHEAD_LEAST;
	/* Asked for in batches: one at a time would wake the feeder for every message. */
	if (path->marked.count + path->marking_count > ahead / 2)
		return;
	usec wall = io_wall_now(carrier->loop);
	while (path->marked.count + path->marking_count < ahead) {
		struct chain_link *link = chain_pop(&path->waiting);
		if (!link)
			return;
		struct envelope *envelope = CHAIN_OWNER(link, struct envelope, link);
		if (was_stopped(carrier, envelope))
			continue;
		envelope->state = ENVELOPE_MARKING;
		envelope->date_wall =
			envelope->recipient->date_wall ? envelope->recipient->date_wall : wall;
		envelope->waiting_since = now;
		path->marking_count++;
		lane_push(&carrier->mark_wanted, envelope);
		carrier->to_feeder = true;
	}
}

/* Connections are for those that have mail: one that rests at a path without any goes first. */
static void close_one_resting(struct carrier *carrier, usec now)
{
	struct chain_link *link = chain_first(&carrier->resting);
	for (int i = 0; link && i < RESTING_LOOKS; i++) {
		struct session *session = CHAIN_OWNER(link, struct session, resting);
		link = chain_next(&carrier->resting, link);
		if (pending_count(session->path) > 0)
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
	bool starved = pending_count(path) > 0 && path->open_count + path->opening_count == 0;
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
	size_t pending = pending_count(path);
	size_t wanted = (pending + PENDING_PER_CONNECTION - 1) / PENDING_PER_CONNECTION;
	if (carrier_source_is_aside(carrier, path->source_index, now) || now < path->shut_until)
		return;
	while (allowed > 0 && pending_count(path) > 0 &&
	       path->open_count + path->opening_count < wanted) {
		if (!session_open(carrier, path)) {
			carrier_path_short(carrier, path);
			close_one_resting(carrier, now);
			return;
		}
		const struct path_event event = {.kind = PATH_OPENING};
		path_record(&path->site->shaping, &event, now);
		allowed--;
	}
}

static void settle_activity(struct carrier *carrier, struct carrier_path *path)
{
	bool busy = pending_count(path) > 0 || !chain_empty(&path->sessions);
	chain_remove(path->active ? &carrier->active : &carrier->idle, &path->link);
	path->active = busy;
	chain_push_back(busy ? &carrier->active : &carrier->idle, &path->link);
}

static void close_idle_sessions(struct carrier_path *path, usec now)
{
	struct chain_link *link = chain_first(&path->sessions);
	for (; link; link = chain_next(&path->sessions, link)) {
		struct session *session = CHAIN_OWNER(link, struct session, link);
		if (chain_empty(&session->messages))
			session_close_idle(session, now);
	}
}

/* What comes late to a path that was shut, from its mark or from a press, is told the same as
 * those who waited there. */
static void end_late(struct carrier *carrier, struct carrier_path *path, usec now)
{
	size_t late = path->waiting.count + path->marked.count + path->ready.count;
	bool stopped = carrier->draining || carrier->paused || carrier->journal_failed;
	if (late > 0 && now < path->shut_until && chain_empty(&path->sessions) && !stopped)
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

void carrier_path_run(struct carrier *carrier, struct carrier_path *path, usec now)
{
	uint32_t usable;
	end_late(carrier, path, now);
	struct path_demand demand = {
		.slots = count_slots(path, &usable),
		.waiting = (uint32_t)pending_count(path),
		.open = path->site->open_count,
		.opening = path->site->opening_count,
	};
	struct path_grant grant = path_verdict(&path->site->shaping, &demand, now);
	hold_unreachable(path, &grant, now);
	path->why = grant.why;
	if (carrier->draining || carrier->paused || carrier->journal_failed)
		grant = (struct path_grant){.wake_at = USEC_NEVER, .why = "stopped"};
	uint32_t started = submit_ready(carrier, path, grant.start, now);
	/* One message more than fits is kept ready per connection, unless the rate forbids. */
	uint32_t room = demand.slots - started + usable + path->opening_count;
	uint32_t held = path->ordered_count + (uint32_t)path->ready.count;
	uint32_t in_time = grant.start - started + usable;
	if (grant.why[0] && room > in_time)
		room = in_time;
	if (!carrier->draining && !carrier->paused && !carrier->journal_failed) {
		order(carrier, path, room > held ? room - held : 0);
		ask_for_marks(carrier, path, now);
	}
	open_sessions(carrier, path, grant.open, now);
	close_resting_sibling(carrier, path, now);
	if (carrier->draining)
		close_idle_sessions(path, now);
	if (grant.wake_at != USEC_NEVER && pending_count(path) > 0)
		wheel_arm(&carrier->wheel, &path->wake.wheel, grant.wake_at);
	settle_activity(carrier, path);
}

static void give_back(struct carrier *carrier, struct envelope *envelope)
{
	lane_push(&carrier->returned, envelope);
	carrier->to_feeder = true;
}

/* Once it is the feeder's it may soon be in another slice: a crash must not find its mark open
 * in this one. */
void carrier_envelope_return(struct carrier *carrier, struct envelope *envelope)
{
	envelope->state = ENVELOPE_FEEDER;
	envelope->soon = envelope->path &&
			 carrier_other_source_is_left(carrier, envelope->path->source_index,
						      io_now(carrier->loop));
	envelope->path = NULL;
	if (envelope->void_position > carrier->written_position)
		chain_push_back(&carrier->voided, &envelope->link);
	else
		give_back(carrier, envelope);
}

void carrier_return_voided(struct carrier *carrier)
{
	for (size_t i = carrier->voided.count; i > 0; i--) {
		struct chain_link *link = chain_pop(&carrier->voided);
		struct envelope *envelope = CHAIN_OWNER(link, struct envelope, link);
		if (envelope->void_position > carrier->written_position)
			chain_push_back(&carrier->voided, link);
		else
			give_back(carrier, envelope);
	}
}

static struct envelope *pop_envelope(struct chain *chain)
{
	struct chain_link *link = chain_pop(chain);
	return link ? CHAIN_OWNER(link, struct envelope, link) : NULL;
}

/* Takes rendered messages that were not submitted apart again: those that wait since before a
 * time. */
static void unready(struct carrier *carrier, struct carrier_path *path, usec waiting_before)
{
	for (size_t i = path->ready.count; i > 0; i--) {
		struct chain_link *link = chain_pop(&path->ready);
		struct message *message = CHAIN_OWNER(link, struct message, link);
		struct envelope *envelope = message->envelope;
		if (envelope->waiting_since >= waiting_before) {
			chain_push_back(&path->ready, link);
			continue;
		}
		carrier_message_free(carrier, message);
		envelope->state = ENVELOPE_MARKED;
		chain_push_front(&path->marked, &envelope->link);
	}
}

static void recall_chain(struct carrier *carrier, struct chain *chain, usec waiting_before)
{
	for (struct chain_link *link; (link = chain_first(chain));) {
		struct envelope *envelope = CHAIN_OWNER(link, struct envelope, link);
		if (envelope->waiting_since >= waiting_before)
			return;
		chain_remove(chain, link);
		carrier_envelope_return(carrier, envelope);
	}
}

/* Those that are marked have a turn of their own, counted from their mark: a path that was
 * suspended since then gives them back, too. */
void carrier_path_recall(struct carrier *carrier, struct carrier_path *path,
			 usec waiting_before)
{
	usec marked_before =
		waiting_before == USEC_NEVER ? USEC_NEVER : waiting_before - WAIT_LIMIT;
	unready(carrier, path, marked_before);
	recall_chain(carrier, &path->marked, marked_before);
	recall_chain(carrier, &path->waiting, waiting_before);
	carrier_path_touch(carrier, path);
}

void carrier_path_fail_waiting(struct carrier *carrier, struct carrier_path *path,
			       const struct reply *reply)
{
	unready(carrier, path, USEC_NEVER);
	for (struct envelope *e; (e = pop_envelope(&path->marked));)
		carrier_outcome(carrier, e, reply, false, NULL);
	for (struct envelope *e; (e = pop_envelope(&path->waiting));)
		carrier_outcome(carrier, e, reply, false, NULL);
	carrier_path_touch(carrier, path);
}
