/* world_life.c - the processes of a world: when each runs, stands still or dies, and where. */
#include "tests/sim/world.h"

#include <stdlib.h>

#include "engine/base/assert.h"

uint64_t point_hits[POINT_COUNT], point_deaths[POINT_COUNT];
uint64_t call_hits[3][CALL_COUNT], call_deaths[3][CALL_COUNT];

const char *const point_names[POINT_COUNT] = {
	[POINT_STEP] = "step",
	[POINT_PRESS] = "press",
	[POINT_CONNECTED] = "connected",
	[POINT_SENT] = "sent",
	[POINT_BYTES] = "bytes",
	[POINT_STREAM_END] = "stream-end",
	[POINT_DEFERRED] = "next-round",
	[POINT_WRITE_ASKED] = "write-asked",
	[POINT_WRITE_UNDERWAY] = "write-under-way",
	[POINT_WRITE_LANDED] = "write-landed",
	[POINT_SYNC_UNDERWAY] = "sync-under-way",
	[POINT_SYNCED] = "synced",
	[POINT_RESOLVED] = "resolved",
	[POINT_STORE_BEFORE] = "store-before",
	[POINT_STORE_AFTER] = "store-after",
	[POINT_STORE_ANSWERED] = "store-answered",
};

const char *const call_names[CALL_COUNT] = {
	[CALL_JOIN] = "join",
	[CALL_HEARTBEAT] = "heartbeat",
	[CALL_LEAVE] = "leave",
	[CALL_KNOWN] = "known",
	[CALL_POSITION] = "position",
	[CALL_CAMPAIGN] = "campaign",
	[CALL_RUNNING] = "running",
	[CALL_CUT] = "cut",
	[CALL_FINISH] = "finish",
	[CALL_LEASE] = "lease",
	[CALL_READ] = "read",
	[CALL_MARK] = "mark",
	[CALL_PUT_BACK] = "put-back",
	[CALL_CLAIM_DUE] = "claim-due",
	[CALL_CLAIM_OUTBOX] = "claim-outbox",
	[CALL_STOP_FEED] = "stop-feed",
	[CALL_SETTLE] = "settle",
	[CALL_RECOVER] = "recover",
	[CALL_WARMUP] = "warm-up",
	[CALL_DRAW] = "draw",
	[CALL_MEMORY_SAVE] = "memory-save",
	[CALL_MEMORY_LOAD] = "memory-load",
	[CALL_HOSTS_LOAD] = "hosts-load",
	[CALL_HOSTS_SAVE] = "hosts-save",
	[CALL_TLS_SAVE] = "tls-save",
	[CALL_PROVIDERS_LOAD] = "providers-load",
	[CALL_INCIDENT] = "incident",
	[CALL_HEALTH] = "health",
};

struct sim_life *world_live(struct world *w, unsigned engine)
{
	struct sim_life *life = calloc(1, sizeof(*life));
	ASSERT(life);
	*life = (struct sim_life){
		.next = w->lives,
		.engine = engine,
		.number = ++w->life_count,
		.dies_kind = -1,
		.dies_call = -1,
	};
	w->lives = w->life = life;
	return life;
}

struct sim_life *world_enter(struct world *w, struct sim_life *life)
{
	struct sim_life *before = w->life;
	life->touched = true;
	w->life = life;
	return before;
}

void world_leave(struct world *w, struct sim_life *before)
{
	w->life = before;
}

void world_point(struct world *w, enum point point, unsigned detail)
{
	struct sim_life *life = w->life;
	if (life->dead)
		return;
	point_hits[point]++;
	if (point >= POINT_STORE_BEFORE)
		call_hits[point - POINT_STORE_BEFORE][detail]++;
	if (life->dies_at == 0 || (life->dies_kind >= 0 && life->dies_kind != (int)point) ||
	    (life->dies_call >= 0 && life->dies_call != (int)detail) ||
	    ++life->points_met != life->dies_at)
		return;
	life->dead = true;
	point_deaths[point]++;
	if (point >= POINT_STORE_BEFORE)
		call_deaths[point - POINT_STORE_BEFORE][detail]++;
}

bool world_is_away(struct world *w, const struct sim_life *life, event_fn *run, void *a,
		   uint64_t b)
{
	if (life->dead || life->away_until <= w->now)
		return false;
	world_at(w, life->away_until - w->now, run, a, b);
	return true;
}
