/* carrier_gate.c - by whose word anything may start: that of the database, as the feeder heard it.
 * The stop feed is the word. When the last answer was asked for more than a second ago nothing
 * is ordered and no transaction begins, so that a stop counts everywhere a second after it was
 * said, and an engine that was paused for minutes hears what happened meanwhile before it does
 * anything. What had begun its transaction goes on: that is the window that remains.
 *
 * The feeder puts stops into their lane, sets flags of slices and sources, and only then says
 * when it had asked; the carrier reads that first, and then the others. */
#include "engine/send/carrier.h"

#define FEED_LIMIT USEC_SECOND

/* The feeder's side: what was asked for at that time has been followed. */
void carrier_heard(struct carrier *carrier, usec asked_at)
{
	atomic_store(&carrier->gate.heard_at, asked_at);
	if (atomic_load(&carrier->gate.shut) && carrier->bell)
		io_bell_ring(carrier->bell);
}

void carrier_gate_changed(struct carrier *carrier)
{
	atomic_fetch_add_explicit(&carrier->gate.news, 1, memory_order_release);
	if (carrier->bell)
		io_bell_ring(carrier->bell);
}

bool carrier_source_is_held(const struct carrier *carrier, uint32_t source_index, usec now)
{
	return now < atomic_load_explicit(&carrier->sources[source_index].held_until,
					  memory_order_acquire);
}

/* Whoever rings looks at shut behind heard_at, and we at heard_at behind shut: one of the two
 * sees the other. */
static bool is_shut(struct carrier *carrier, usec now)
{
	if (now <= atomic_load(&carrier->gate.heard_at) + FEED_LIMIT)
		return false;
	atomic_store(&carrier->gate.shut, true);
	return now > atomic_load(&carrier->gate.heard_at) + FEED_LIMIT;
}

static void touch_all(struct carrier *carrier)
{
	struct chain_link *link = chain_first(&carrier->active);
	for (; link; link = chain_next(&carrier->active, link))
		carrier_path_touch(carrier, CHAIN_OWNER(link, struct carrier_path, link));
}

static void recall_of(struct chain *paths, usec now)
{
	struct chain_link *link = chain_first(paths);
	for (; link; link = chain_next(paths, link)) {
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, link);
		struct chain_link *next = chain_first(&path->sessions);
		while (next) {
			struct session *session = CHAIN_OWNER(next, struct session, link);
			next = chain_next(&path->sessions, next);
			session_recall(session, now);
		}
	}
}

/* A server may answer late, and what was submitted behind its answer would begin whenever that
 * comes: long after the word by which it was ordered. */
void carrier_recall_unsaid(struct carrier *carrier, usec now)
{
	recall_of(&carrier->active, now);
	recall_of(&carrier->idle, now);
}

static void recall(struct carrier *carrier, usec now)
{
	carrier_recall_unsaid(carrier, now);
	struct chain_link *link = chain_first(&carrier->active);
	for (; link; link = chain_next(&carrier->active, link)) {
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, link);
		if (carrier_source_is_held(carrier, path->source_index, now))
			carrier_path_recall_lost(carrier, path);
		else
			carrier_path_recall(carrier, path, USEC_NEVER);
		carrier_path_touch(carrier, path);
	}
}

void carrier_look_at_gate(struct carrier *carrier, usec now)
{
	bool was_open = carrier->gate.open;
	carrier->gate.open = !is_shut(carrier, now);
	if (carrier->gate.open)
		atomic_store_explicit(&carrier->gate.shut, false, memory_order_relaxed);
	if (carrier->gate.open && !was_open)
		touch_all(carrier);
	if (!carrier->gate.open && was_open)
		carrier_recall_unsaid(carrier, now);
	uint32_t news = atomic_load_explicit(&carrier->gate.news, memory_order_acquire);
	if (news == carrier->gate.seen)
		return;
	carrier->gate.seen = news;
	recall(carrier, now);
}

bool carrier_gate_is_shut(struct carrier *carrier, uint32_t source_index, usec now)
{
	return is_shut(carrier, now) || !carrier_source_is_held(carrier, source_index, now);
}

const char *carrier_gate_why(const struct carrier *carrier, const struct carrier_path *path,
			     usec now)
{
	if (!carrier->gate.open)
		return "database silent";
	if (!carrier_source_is_held(carrier, path->source_index, now))
		return "source not ours";
	return NULL;
}
