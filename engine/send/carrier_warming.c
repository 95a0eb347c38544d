/* carrier_warming.c - paths whose source is in warm-up: nothing starts there that the feeder
 * has not reserved (warming.h), whatever the path's own limits would allow. */
#include "engine/send/carrier.h"

/* The feeder has reserved starts, or a day has begun. */
void carrier_take_warming_news(struct carrier *carrier)
{
	uint32_t news = atomic_load_explicit(&carrier->warming_news, memory_order_acquire);
	if (news == carrier->warming_seen)
		return;
	carrier->warming_seen = news;
	struct chain_link *link = chain_first(&carrier->active);
	for (; link; link = chain_next(&carrier->active, link)) {
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, link);
		if (path->warming)
			carrier_path_touch(carrier, path);
	}
}

void carrier_hold_cold(struct carrier *carrier, struct carrier_path *path,
		       struct path_grant *grant, usec now)
{
	size_t pending = carrier_path_pending(path);
	usec next_at;
	if (!path->warming || pending == 0)
		return;
	uint32_t room = warming_allows(path->warming, (uint32_t)pending, now,
				       io_wall_now(carrier->loop), &next_at);
	if (room >= pending)
		return;
	grant->why = "warm-up";
	grant->wake_at = usec_min(grant->wake_at, next_at);
	grant->start = grant->start < room ? grant->start : room;
	grant->open = grant->open < room ? grant->open : room;
}

/* The start is the path's, by which it was allowed. An envelope that was handed over for
 * another one (the table of providers was changed in between) is not counted as under way
 * there. */
void carrier_start_cold(struct carrier_path *path, struct envelope *envelope, usec now)
{
	if (path->warming && warming_start(path->warming, now) &&
	    envelope->warming == path->warming)
		envelope->warming_starts++;
}
