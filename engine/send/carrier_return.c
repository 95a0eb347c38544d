/* carrier_return.c - what a path gives up: envelopes go back to the feeder with the time when
 * they may come again, messages made for nothing are dropped, and what waits for a path that is
 * no more ends with its reply. */
#include "engine/send/carrier.h"

#define RETURN_LIMIT (5 * USEC_MINUTE) /* further ahead nobody knows the rate */
#define RETURN_HELD (15 * USEC_MINUTE) /* made due by incident_resolve() of sql/0008 */

static void give_back(struct carrier *carrier, struct envelope *envelope)
{
	lane_push(&carrier->returned, envelope);
	carrier->to_feeder = true;
}

static struct carrier_flow *flow_of(struct carrier_path *path, const struct campaign *campaign)
{
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		if (flow->campaign == campaign)
			return flow;
	}
	return NULL;
}

/* Half of the time that one message takes of its campaign's share: each campaign's line is its
 * own, or a small one would wait behind all that the large ones have. */
static usec step(const struct carrier_flow *flow, const struct rate *rate)
{
	const size_t whole = 1000000;
	size_t share = flow ? carrier_flow_share(flow, whole) : whole;
	return rate->per / rate->count / 2 * (usec)(whole / share);
}

/* When what finds no room may come again: by another source at once; else when the path can be
 * expected to have sent what it holds, and one after the other, so that a slow path is not read
 * for each minute. That is at twice the pace of its limits, whatever holds it back now: who
 * comes too early goes round once more, who comes too late leaves the path idle. */
static usec comes_again_at(struct carrier *carrier, const struct envelope *envelope, usec now)
{
	struct carrier_path *path = envelope->path;
	if (!path || carrier_other_source_is_left(carrier, path->source_index, now))
		return 0;
	if (carrier_provider_is_stopped(carrier, path))
		return now + RETURN_HELD;
	const struct path *shaping = &path->site->shaping;
	const struct rate rate = path_limits_rate(&shaping->limits);
	usec least = now + (rate.count ? WAIT_LIMIT / 2 : WAIT_LIMIT);
	least = usec_max(least, shaping->suspended_until);
	if (path->open_count == 0)
		least = usec_max(least, path->reach.opening_after);
	struct carrier_flow *flow = flow_of(path, envelope->campaign);
	usec *return_at = flow ? &flow->return_at : &path->return_at;
	usec at = usec_max(*return_at, least);
	usec next = at + (rate.count ? step(flow, &rate) : 0);
	/* The rate changes: what is far ahead of it is known no better than that. */
	*return_at = usec_min(next, least + RETURN_LIMIT);
	return usec_min(at, least + RETURN_LIMIT);
}

void carrier_path_return_at_once(struct carrier_path *path, usec now)
{
	path->return_at = usec_min(path->return_at, now);
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		flow->return_at = usec_min(flow->return_at, now);
	}
}

/* Once it is the feeder's it may soon be in another slice: a crash must not find its mark open
 * in this one. */
void carrier_envelope_return(struct carrier *carrier, struct envelope *envelope)
{
	usec now = io_now(carrier->loop);
	bool halted = carrier->draining || envelope->campaign->stopped ||
		      slice_is_lost(envelope->slice);
	envelope->state = ENVELOPE_FEEDER;
	envelope->again_at = halted ? 0 : comes_again_at(carrier, envelope, now);
	envelope->path = NULL;
	envelope->flow = NULL;
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

/* Takes rendered messages that were not submitted apart again: those that wait since before a
 * time; of one campaign, or of all. */
static void unready(struct carrier *carrier, struct chain *ready,
		    const struct campaign *campaign, usec waiting_before)
{
	for (size_t i = ready->count; i > 0; i--) {
		struct chain_link *link = chain_pop(ready);
		struct message *message = CHAIN_OWNER(link, struct message, link);
		struct envelope *envelope = message->envelope;
		bool meant = !campaign || envelope->campaign == campaign;
		if (!meant || envelope->waiting_since >= waiting_before) {
			chain_push_back(ready, link);
			continue;
		}
		struct carrier_flow *flow = message->flow;
		carrier_message_free(carrier, message);
		envelope->state = ENVELOPE_MARKED;
		chain_push_front(&flow->marked, &envelope->link);
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
static void recall(struct carrier *carrier, struct carrier_path *path,
		   const struct campaign *campaign, usec waiting_before)
{
	usec marked_before =
		waiting_before == USEC_NEVER ? USEC_NEVER : waiting_before - WAIT_LIMIT;
	unready(carrier, &path->urgent, campaign, marked_before);
	unready(carrier, &path->ready, campaign, marked_before);
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		if (campaign && flow->campaign != campaign)
			continue;
		recall_chain(carrier, &flow->marked, marked_before);
		recall_chain(carrier, &flow->waiting, waiting_before);
	}
	carrier_path_touch(carrier, path);
}

static void recall_lost_chain(struct carrier *carrier, struct chain *chain)
{
	for (size_t i = chain->count; i > 0; i--) {
		struct chain_link *link = chain_pop(chain);
		struct envelope *envelope = CHAIN_OWNER(link, struct envelope, link);
		if (slice_is_lost(envelope->slice))
			carrier_envelope_return(carrier, envelope);
		else
			chain_push_back(chain, link);
	}
}

static void recall_lost_ready(struct carrier *carrier, struct chain *ready)
{
	for (size_t i = ready->count; i > 0; i--) {
		struct chain_link *link = chain_pop(ready);
		struct message *message = CHAIN_OWNER(link, struct message, link);
		struct envelope *envelope = message->envelope;
		if (!slice_is_lost(envelope->slice)) {
			chain_push_back(ready, link);
			continue;
		}
		carrier_message_free(carrier, message);
		carrier_envelope_return(carrier, envelope);
	}
}

void carrier_path_recall_lost(struct carrier *carrier, struct carrier_path *path)
{
	recall_lost_ready(carrier, &path->urgent);
	recall_lost_ready(carrier, &path->ready);
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		recall_lost_chain(carrier, &flow->marked);
		recall_lost_chain(carrier, &flow->waiting);
	}
}

void carrier_path_recall(struct carrier *carrier, struct carrier_path *path,
			 usec waiting_before)
{
	recall(carrier, path, NULL, waiting_before);
}

void carrier_path_recall_campaign(struct carrier *carrier, struct carrier_path *path,
				  const struct campaign *campaign)
{
	recall(carrier, path, campaign, USEC_NEVER);
}

static void fail_chain(struct carrier *carrier, struct chain *chain, const struct reply *reply)
{
	for (struct chain_link *link; (link = chain_pop(chain));)
		carrier_outcome(carrier, CHAIN_OWNER(link, struct envelope, link), reply, false,
				NULL);
}

void carrier_path_fail_waiting(struct carrier *carrier, struct carrier_path *path,
			       const struct reply *reply)
{
	unready(carrier, &path->urgent, NULL, USEC_NEVER);
	unready(carrier, &path->ready, NULL, USEC_NEVER);
	struct chain_link *link = chain_first(&path->flows);
	for (; link; link = chain_next(&path->flows, link)) {
		struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
		fail_chain(carrier, &flow->marked, reply);
		fail_chain(carrier, &flow->waiting, reply);
	}
	carrier_path_touch(carrier, path);
}
