/* carrier_room.c - which connections of a path take another message, kept as they change: a path
 * of hundreds of connections that are busy or idle is run without a look at each of them. And how
 * soon its hosts answer, by which it is decided how much is made ready for them. */
#include "engine/send/carrier.h"

#define SLOW_ANSWER (200 * USEC_MS)
#define READY_TIME (50 * USEC_MS) /* for which messages are kept ready */
#define WORTH_LIMIT 10 /* messages, fewer do not deserve another connection */
#define WORTH_TIME USEC_SECOND /* nor do those that one connection sends within this */
#define ROOM_LOOKS 64 /* sessions looked at for an urgent message */
#define PATH_WEIGHT 8 /* answers that a mean is made of */
#define CARRIER_WEIGHT 64

/* A host that answers late is sent the next ones when half of a window is answered: one for each answer
 * would leave and be answered alone from then on. Urgent mail does not wait for that. */
static bool has_half(const struct session *session)
{
	const struct carrier_path *path = session->path;
	return session->plan.limit == FLIGHT_WINDOW && carrier_path_is_slow(path) &&
	       2 * session->messages.count > session->plan.window && path->urgent.count == 0;
}

static uint8_t room_of(const struct session *session)
{
	if (!session->ready || session->closing || has_half(session))
		return 0;
	return (uint8_t)smtp_client_room(&session->client);
}

/* Of those that are free the last used goes first, so that what is not needed rests and is
 * closed; of others the one that has waited longest, whose answer comes soonest. */
void session_room_changed(struct session *session)
{
	struct carrier_path *path = session->path;
	uint8_t room = room_of(session);
	uint8_t depth = room > 0 ? (uint8_t)session->messages.count : 0;
	bool usable = session->ready && !session->closing;
	path->usable += usable;
	path->usable -= session->usable;
	uint8_t under_way = usable ? (uint8_t)session->messages.count : 0;
	path->under_way += under_way;
	path->under_way -= session->under_way;
	path->slots += room;
	path->slots -= session->room;
	session->usable = usable;
	session->under_way = under_way;
	session->room = room;
	if (chain_linked(&session->roomy) && room > 0 && depth == session->depth)
		return;
	chain_remove(&path->roomy[session->depth], &session->roomy);
	session->depth = depth;
	if (room > 0 && depth == 0)
		chain_push_front(&path->roomy[0], &session->roomy);
	else if (room > 0)
		chain_push_back(&path->roomy[depth], &session->roomy);
}

void carrier_path_room_for_urgent(struct carrier_path *path)
{
	struct chain_link *link = chain_first(&path->sessions);
	for (int looks = 0; link && path->slots == 0 && looks < ROOM_LOOKS; looks++) {
		session_room_changed(CHAIN_OWNER(link, struct session, link));
		link = chain_next(&path->sessions, link);
	}
}

/* The mean of late, the last answer being one of so many. */
static void follow(usec *mean, usec took, usec weight)
{
	*mean = *mean == 0 ? took : *mean + (took - *mean) / weight;
}

void session_answered(struct session *session, usec took)
{
	follow(&session->path->answer_time, took, PATH_WEIGHT);
	follow(&session->carrier->answer_time, took, CARRIER_WEIGHT);
}

bool carrier_is_slow(const struct carrier *carrier)
{
	return carrier->answer_time > SLOW_ANSWER;
}

bool carrier_path_is_slow(const struct carrier_path *path)
{
	return path->answer_time > SLOW_ANSWER;
}

/* How many of all messages there are would be on each connection. */
uint32_t carrier_path_share(struct carrier_path *path)
{
	size_t all = carrier_path_pending(path) + path->under_way;
	size_t share = path->usable > 0 ? all / path->usable : 0;
	return share < 1 ? 1 : share < CARRIER_BUNCH ? (uint32_t)share : CARRIER_BUNCH;
}

/* One a connection, of slow ones as many as will be answered in a moment, and a bunch. */
uint32_t carrier_path_ready_room(struct carrier_path *path, uint32_t usable)
{
	if (!carrier_path_is_slow(path))
		return usable;
	uint64_t most = usable > path->under_way ? usable : path->under_way;
	return (uint32_t)(most * READY_TIME / (uint64_t)path->answer_time) +
	       carrier_path_share(path);
}

uint32_t carrier_path_worth(const struct carrier_path *path)
{
	if (!carrier_path_is_slow(path))
		return WORTH_LIMIT;
	usec count = WORTH_TIME / path->answer_time;
	return count < 1 ? 1 : count < WORTH_LIMIT ? (uint32_t)count : WORTH_LIMIT;
}
