/* carrier_flow.c - what of a path belongs to one campaign, and the limits that bind it.
 * Shares are start-time fair queueing: a flow's tag is the virtual time at which its next
 * message is due, moved on by the inverse of its weight with each; a flow that comes (back)
 * begins at the path's present, so that nobody saves up. Urgent campaigns are before all
 * others.
 *
 * Whoever is held back by a limit wider than the path waits at that limit, first come, first
 * served, and is touched when it has room: a thousand paths of one campaign do not all look up
 * for each message that may start. */
#include "engine/send/carrier.h"

#include <stdio.h>

#include "engine/base/assert.h"

#define TAG_UNIT (UINT64_C(1) << 32) /* of a weight of one */
#define ROOM_LEAST 8
#define MARK_AHEAD_FIRST 16
#define WAKE_LIMIT 64 /* paths touched at once */
/* While what is ordered already may take all the room: who waits behind it looks again when it
 * starts, or so late, for it may wait for something else. */
#define MARKS_LEAST 2 /* of a limit that lets less than one start meanwhile: one is always ready */
#define LOOK_EVERY (20 * USEC_MS)
#define LOOK_COUNT 8

/* --- campaigns -------------------------------------------------------------------------------
 */

struct campaign *carrier_campaign_of(struct carrier *carrier, uint64_t campaign_id)
{
	struct chain_link *link = chain_first(&carrier->campaigns);
	for (; link; link = chain_next(&carrier->campaigns, link)) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, of_carrier);
		if (campaign->id == campaign_id)
			return campaign;
	}
	return NULL;
}

void carrier_flow_count_ahead(struct carrier_flow *flow)
{
	uint32_t ahead = (uint32_t)flow->marked.count + flow->marking_count;
	for (size_t i = 0; i < flow->quota_count; i++)
		flow->quotas[i]->ahead_count += ahead - flow->ahead_counted;
	flow->ahead_counted = ahead;
}

static void flow_drop(struct carrier *carrier, struct carrier_flow *flow)
{
	carrier_flow_count_ahead(flow);
	if (flow->path->flows.count == 1)
		flow->path->return_at = flow->return_at;
	chain_remove(&flow->path->flows, &flow->link);
	slab_give_back(&carrier->flow_slab, flow);
}

static bool flow_is_empty(const struct carrier_flow *flow)
{
	return flow->waiting.count + flow->marked.count + flow->marking_count +
		       flow->held_count ==
	       0;
}

/* Nothing of it is in memory any more, so its flows are empty. */
static void say_farewell(struct carrier *carrier, struct campaign *campaign)
{
	size_t index = 0;
	for (struct map_entry *e; (e = map_next(&carrier->paths, &index));) {
		struct carrier_path *path = e->value;
		carrier_flows_drop_empty(carrier, path);
		if (path->held_by == &campaign->quota)
			carrier_path_unwait(carrier, path);
	}
	chain_remove(&carrier->campaigns, &campaign->of_carrier);
	carrier->urgent_count -= campaign->urgent;
	carrier_quota_forget(carrier, &campaign->quota);
	lane_push(&carrier->farewells, campaign);
	carrier->to_feeder = true;
}

void carrier_take_arrival(struct carrier *carrier, struct campaign *campaign)
{
	if (campaign->leaving) {
		/* The kernel may still be sending what a connection that was lost had written:
		 * spans of the content among it. Or the feeder has a question of its limits. */
		campaign->told_to_leave = campaign->message_count > 0 ||
					  quota_is_drawing(&campaign->quota.quota);
		if (!campaign->told_to_leave)
			say_farewell(carrier, campaign);
		return;
	}
	struct carrier_quota *q = &campaign->quota;
	carrier_quota_prepare(carrier, q, &campaign->content->limits);
	snprintf(q->why, sizeof(q->why), "the campaign's limit");
	snprintf(q->account, sizeof(q->account), "campaign %llu",
		 (unsigned long long)campaign->id);
	q->campaign = campaign;
	carrier_quota_follow(carrier, q);
	chain_link_init(&campaign->of_carrier);
	chain_push_back(&carrier->campaigns, &campaign->of_carrier);
	carrier->urgent_count += campaign->urgent;
	if (campaign->urgent)
		atomic_store_explicit(&carrier->counts.urgent, true, memory_order_release);
}

/* A window that is to be filled evenly: the lesser of its rate and the campaign's own. */
static void follow_spread(struct carrier *carrier, struct campaign *campaign, usec now)
{
	uint32_t per_hour =
		atomic_load_explicit(&campaign->spread_per_hour, memory_order_relaxed);
	struct quota_limits limits = campaign->content->limits;
	const struct rate own = limits.message_rate;
	const struct rate spread = {.count = per_hour, .per = USEC_HOUR, .burst = 1};
	bool slower = own.count == 0 || (double)own.count * (double)USEC_HOUR >
						(double)per_hour * (double)own.per;
	if (per_hour > 0 && slower)
		limits.message_rate = spread;
	const struct rate *now_rate = &campaign->quota.quota.limits.message_rate;
	if (now_rate->count == limits.message_rate.count &&
	    now_rate->per == limits.message_rate.per)
		return;
	quota_set_limits(&campaign->quota.quota, &limits, now);
	carrier_quota_follow(carrier, &campaign->quota);
}

void carrier_follow_spreads(struct carrier *carrier, usec now)
{
	struct chain_link *link = chain_first(&carrier->campaigns);
	for (; link; link = chain_next(&carrier->campaigns, link)) {
		struct campaign *campaign = CHAIN_OWNER(link, struct campaign, of_carrier);
		follow_spread(carrier, campaign, now);
		carrier_quota_wake(carrier, &campaign->quota, now);
	}
}

/* --- flows -----------------------------------------------------------------------------------
 */

struct carrier_flow *carrier_flow_get(struct carrier *carrier, struct carrier_path *path,
				      struct campaign *campaign)
{
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		if (flow->campaign == campaign)
			return flow;
	}
	struct carrier_flow *flow = slab_borrow(&carrier->flow_slab);
	if (!flow)
		return NULL;
	*flow = (struct carrier_flow){.path = path,
				      .campaign = campaign,
				      .mark_ahead = MARK_AHEAD_FIRST,
				      .span_since = io_now(carrier->loop),
				      .tag = path->tag};
	if (chain_empty(&path->flows))
		flow->return_at = path->return_at;
	chain_init(&flow->waiting);
	chain_init(&flow->marked);
	carrier_flow_bind(carrier, flow);
	chain_push_back(&path->flows, &flow->link);
	return flow;
}

void carrier_flows_drop_empty(struct carrier *carrier, struct carrier_path *path)
{
	for (struct chain_link *link = chain_first(&path->flows); link;) {
		struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		link = chain_next(&path->flows, link);
		if (flow_is_empty(flow))
			flow_drop(carrier, flow);
	}
}

static size_t startable(const struct rate *rate, usec time)
{
	if (rate->count == 0)
		return SIZE_MAX;
	return (size_t)((double)rate->count * (double)time / (double)rate->per);
}

size_t carrier_flow_share(const struct carrier_flow *flow, size_t amount)
{
	struct carrier_path *path = flow->path;
	uint64_t sum = 0;
	if (path->flows.count == 1 || amount == SIZE_MAX)
		return amount;
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link))
		sum += CHAIN_OWNER(link, struct carrier_flow, link)->campaign->weight;
	size_t share = (size_t)((double)amount * flow->campaign->weight / (double)sum);
	return share ? share : 1;
}

/* A throttled or suspended path takes no more than it can use, so that what is in memory is for
 * those that can send. */
bool carrier_flow_has_room(const struct carrier_flow *flow, usec now)
{
	const struct carrier_path *path = flow->path;
	const struct path *shaping = &path->site->shaping;
	bool shut = path->open_count == 0 && path->reach.opening_after > now + WAIT_LIMIT;
	if (shut || shaping->suspended_until > now + WAIT_LIMIT)
		return false;
	const struct rate limit = path_limits_rate(&shaping->limits);
	size_t at_most = startable(&limit, WAIT_LIMIT);
	/* A path that has met no ceiling yet soon has the pace of its limits. */
	size_t in_time = shaping->pace.ceiling ? startable(&shaping->messages.rate, WAIT_LIMIT)
					       : at_most;
	size_t warming =
		path->warming ? warming_startable(path->warming, WAIT_LIMIT) : SIZE_MAX;
	size_t of_path = in_time < at_most ? in_time : at_most;
	size_t room = carrier_flow_share(flow, of_path < warming ? of_path : warming);
	for (size_t i = 0; i < flow->quota_count; i++) {
		const struct rate rate = quota_message_rate(&flow->quotas[i]->quota);
		size_t of_quota = startable(&rate, WAIT_LIMIT);
		room = of_quota < room ? of_quota : room;
	}
	size_t pending = flow->waiting.count + flow->marked.count + flow->marking_count +
			 flow->held_count;
	return pending < (room > ROOM_LEAST ? room : ROOM_LEAST);
}

/* The quota that keeps one message more of this flow from being ordered. What other paths hold
 * ready may wait there for something else (their own rate, a connection), so that a path that
 * holds none may order one as soon as there is room for it. */
static struct carrier_quota *order_barrier(struct carrier_flow *flow, usec now)
{
	const struct carrier_path *path = flow->path;
	bool holds = path->ordered_count + path->ready.count + path->urgent.count > 0;
	for (size_t i = 0; i < flow->quota_count; i++) {
		struct carrier_quota *q = flow->quotas[i];
		uint32_t room = quota_start_room(&q->quota, q->held_count + 1, now);
		if (room == 0 || (holds && room <= q->held_count))
			return q;
	}
	return NULL;
}

static usec look_at(usec at, usec now)
{
	return at > now ? usec_max(at, now + USEC_MS) : now + LOOK_EVERY;
}

/* At USEC_NEVER an answer from the database lets it go on, or a connection that closes. */
static void wait_for(struct carrier *carrier, struct carrier_path *path,
		     struct carrier_quota *q, bool for_connection, usec at, usec now)
{
	carrier_quota_wanted(carrier, q, for_connection);
	if (path->held_by && path->held_by != q)
		return; /* it looks again when that one lets it */
	if (!path->held_by) {
		path->held_by = q;
		chain_push_back(path->lacks_mark ? &q->unmarked : &q->waiters, &path->held);
	}
	q->wanted_count[for_connection] += !path->held_for[for_connection];
	path->held_for[for_connection] = true;
	if (at == USEC_NEVER)
		return;
	at = look_at(at, now);
	if (!chain_linked(&q->timer.wheel.link) || at < q->timer.wheel.at)
		wheel_arm(&carrier->wheel, &q->timer.wheel, at);
}

void carrier_path_unwait(struct carrier *carrier, struct carrier_path *path)
{
	(void)carrier;
	if (!path->held_by)
		return;
	chain_remove(path->lacks_mark ? &path->held_by->unmarked : &path->held_by->waiters,
		     &path->held);
	path->lacks_mark = false;
	for (int i = 0; i < 2; i++) {
		path->held_by->wanted_count[i] -= path->held_for[i];
		path->held_for[i] = false;
	}
	path->held_by = NULL;
}

static size_t not_started(const struct carrier_quota *q)
{
	return (size_t)q->ahead_count + q->held_count;
}

/* Something of it is marked: it is looked at again when that has started. */
static bool has_more_to_start(struct carrier_path *path)
{
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		const struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		if (flow->marked.count + flow->marking_count + flow->held_count > 0)
			return true;
	}
	return false;
}

size_t carrier_flow_mark_room(struct carrier *carrier, struct carrier_flow *flow, size_t wanted,
			      usec span, usec now)
{
	struct carrier_quota *least = NULL;
	carrier_flow_count_ahead(flow);
	for (size_t i = 0; i < flow->quota_count; i++) {
		struct carrier_quota *q = flow->quotas[i];
		const struct rate rate = quota_message_rate(&q->quota);
		if (rate.count == 0)
			continue;
		q->mark_most = startable(&rate, 2 * span) + MARKS_LEAST;
		size_t others = not_started(q) - flow->ahead_counted;
		size_t room = q->mark_most > others ? q->mark_most - others : 0;
		least = room < wanted ? q : least;
		wanted = room < wanted ? room : wanted;
	}
	if (wanted == 0 && !flow->path->held_by && !chain_empty(&flow->waiting) &&
	    !has_more_to_start(flow->path)) {
		flow->path->lacks_mark = true;
		flow->path->why = least->why;
		wait_for(carrier, flow->path, least, false, quota_start_at(&least->quota, now),
			 now);
	}
	return wanted;
}

/* Others have started meanwhile: so many more may be marked. */
static void wake_unmarked(struct carrier *carrier, struct carrier_quota *q)
{
	size_t marked = not_started(q);
	for (; marked < q->mark_most && !chain_empty(&q->unmarked); marked++) {
		struct carrier_path *path =
			CHAIN_OWNER(chain_first(&q->unmarked), struct carrier_path, held);
		carrier_path_unwait(carrier, path);
		carrier_path_touch(carrier, path);
	}
}

void carrier_quota_wake(struct carrier *carrier, struct carrier_quota *q, usec now)
{
	wake_unmarked(carrier, q);
	uint32_t room = quota_start_room(&q->quota, WAKE_LIMIT, now);
	uint32_t open = quota_open_room(&q->quota, WAKE_LIMIT, now);
	room = room > open ? room : open;
	if (room > 0 && room < LOOK_COUNT && q->held_count >= room)
		room = LOOK_COUNT;
	for (; room > 0; room--) {
		struct chain_link *link = chain_first(&q->waiters);
		if (!link)
			break;
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, held);
		carrier_path_unwait(carrier, path);
		carrier_path_touch(carrier, path);
	}
	if (chain_empty(&q->waiters) && chain_empty(&q->unmarked))
		return;
	usec at = quota_start_at(&q->quota, now);
	if (at != USEC_NEVER)
		wheel_arm(&carrier->wheel, &q->timer.wheel, look_at(at, now));
}

struct carrier_flow *carrier_flow_next(struct carrier *carrier, struct carrier_path *path,
				       usec now)
{
	struct carrier_flow *best = NULL;
	struct carrier_quota *barrier = NULL;
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		struct carrier_quota *own = order_barrier(flow, now);
		if (chain_empty(&flow->marked)) {
			/* One that has just begun waits for its first marks. */
			flow->dry = !own && flow->ordered_now + flow->ordered_before > 0 &&
				    flow->waiting.count + flow->marking_count > 0;
			continue;
		}
		barrier = own ? own : barrier;
		if (own)
			continue;
		bool before = !best || (flow->campaign->urgent && !best->campaign->urgent) ||
			      (flow->campaign->urgent == best->campaign->urgent &&
			       flow->tag < best->tag);
		best = before ? flow : best;
	}
	if (!best && barrier) {
		path->why = barrier->why;
		wait_for(carrier, path, barrier, false, quota_start_at(&barrier->quota, now),
			 now);
	}
	return best;
}

void carrier_flow_served(struct carrier_flow *flow)
{
	struct carrier_path *path = flow->path;
	if (flow->campaign->urgent)
		return;
	if (flow->tag < path->tag)
		flow->tag = path->tag;
	path->tag = flow->tag;
	flow->tag += TAG_UNIT / flow->campaign->weight;
}

/* --- messages --------------------------------------------------------------------------------
 */

void carrier_message_hold(struct message *message, struct carrier_flow *flow)
{
	message->flow = message->envelope->flow = flow;
	flow->held_count++;
	for (size_t i = 0; i < flow->quota_count; i++)
		flow->quotas[i]->held_count++;
}

void carrier_message_unhold(struct message *message)
{
	struct carrier_flow *flow = message->flow;
	if (!flow)
		return;
	message->flow = NULL;
	ASSERT(flow->held_count > 0);
	flow->held_count--;
	for (size_t i = 0; i < flow->quota_count; i++)
		flow->quotas[i]->held_count--;
}

bool carrier_message_may_start(struct carrier *carrier, const struct message *message, usec now)
{
	const struct carrier_flow *flow = message->flow;
#ifdef RUNDBRIEF_CANARY_NO_QUOTA
	return true; /* the simulation's mutant: a host must notice */
#endif
	for (size_t i = 0; i < flow->quota_count; i++) {
		struct carrier_quota *q = flow->quotas[i];
		if (quota_start_room(&q->quota, 1, now) > 0)
			continue;
		flow->path->why = q->why;
		wait_for(carrier, flow->path, q, false, quota_start_at(&q->quota, now), now);
		return false;
	}
	return true;
}

void carrier_message_start(struct carrier *carrier, struct message *message, usec now)
{
	const struct carrier_flow *flow = message->flow;
	for (size_t i = 0; i < flow->quota_count; i++) {
		struct carrier_quota *q = flow->quotas[i];
		quota_start(&q->quota, message->bytes.size + message->signature.size, now);
		usec at = quota_start_at(&q->quota, now);
		if (!(chain_empty(&q->waiters) && chain_empty(&q->unmarked)) && at != USEC_NEVER)
			wheel_arm(&carrier->wheel, &q->timer.wheel,
				  usec_max(at, now + USEC_MS));
	}
	carrier_message_unhold(message);
	message->envelope->flow = NULL;
}

/* --- connections -----------------------------------------------------------------------------
 */

uint32_t carrier_path_open_room(struct carrier *carrier, struct carrier_path *path,
				uint32_t limit, usec now)
{
	for (size_t i = 0; i < path->quota_count && limit > 0; i++) {
		struct carrier_quota *q = path->quotas[i];
		uint32_t room = quota_open_room(&q->quota, limit, now);
		limit = room;
		if (room > 0)
			continue;
		path->why = q->why;
		wait_for(carrier, path, q, true, quota_open_at(&q->quota, now), now);
	}
	return limit;
}

void carrier_path_open_counted(struct carrier *carrier, struct carrier_path *path, usec now)
{
	(void)carrier;
	for (size_t i = 0; i < path->quota_count; i++)
		quota_open(&path->quotas[i]->quota, now);
}

usec carrier_path_reopen_at(struct carrier *carrier, const struct carrier_path *path, usec now)
{
	usec at = bucket_next_at(&path->site->shaping.connections, now);
	for (size_t i = 0; i < path->quota_count; i++) {
		struct carrier_quota *q = path->quotas[i];
		usec next = quota_reopen_at(&q->quota, now);
		if (next > now)
			carrier_quota_wanted(carrier, q, true);
		at = usec_max(at, next == USEC_NEVER ? now + LOOK_EVERY : next);
	}
	return at;
}

void carrier_path_reopen_counted(struct carrier_path *path, usec now)
{
	const struct path_event event = {.kind = PATH_OPENING};
	path_record(&path->site->shaping, &event, now);
	for (size_t i = 0; i < path->quota_count; i++)
		quota_reopen(&path->quotas[i]->quota, now);
}

void carrier_path_closed_counted(struct carrier *carrier, struct carrier_path *path)
{
	carrier->draw_at = 0;
	for (size_t i = 0; i < path->quota_count; i++) {
		quota_close(&path->quotas[i]->quota);
		carrier_quota_wake(carrier, path->quotas[i], io_now(carrier->loop));
	}
}
