/* generate.c - draws a history from its seed: see history.h. */
#include "tests/history/history.h"


#include <string.h>

#include "engine/base/prng.h"

const char *const act_names[ACT_COUNT] = {
	"none",	    "join",	"heartbeat", "feed",	    "cut",    "lease", "mark",	"settle",
	"put-back", "claim-due", "claim-outbox", "finish", "leave",  "crash", "ghost", "post",
	"pause",    "resume",	"cancel",    "unsubscribe", "suppress", "pass",
	"come-back",
};
const char *const mishap_names[MISHAP_COUNT] = {"none", "before", "after",
						"kill", "repeat", "after-crash"};

/* How often each comes up, of their sum. */
static const unsigned weights[ACT_COUNT] = {
	[ACT_JOIN] = 4,	     [ACT_HEARTBEAT] = 5, [ACT_FEED] = 8,	   [ACT_CUT] = 12,
	[ACT_LEASE] = 20,    [ACT_MARK] = 16,	  [ACT_SETTLE] = 20,	   [ACT_PUT_BACK] = 7,
	[ACT_CLAIM_DUE] = 8, [ACT_FINISH] = 3,	  [ACT_CLAIM_OUTBOX] = 5,  [ACT_LEAVE] = 2,
	[ACT_CRASH] = 3,     [ACT_GHOST] = 4,	  [ACT_POST] = 4,	   [ACT_PAUSE] = 2,
	[ACT_RESUME] = 2,    [ACT_CANCEL] = 1,	  [ACT_UNSUBSCRIBE] = 3,   [ACT_SUPPRESS] = 1,
	[ACT_PASS] = 6,	     [ACT_COME_BACK] = 4,
};

static unsigned below(struct prng *chance, unsigned bound)
{
	return (unsigned)prng_below(chance, bound);
}

static enum act_kind draw_kind(struct prng *chance)
{
	unsigned sum = 0, kind = 0;
	for (unsigned i = 0; i < ACT_COUNT; i++)
		sum += weights[i];
	unsigned die = below(chance, sum);
	while (die >= weights[kind])
		die -= weights[kind++];
	return (enum act_kind)kind;
}

struct act history_draw(struct prng *chance, const struct history *h)
{
	struct act act = {
		.kind = draw_kind(chance),
		.engine = below(chance, h->engine_count),
		.campaign = below(chance, h->campaign_count),
		.mishap = below(chance, 5) == 0 ? (enum mishap)(1 + below(chance, MISHAP_COUNT - 1))
						: MISHAP_NONE,
		.mishap_at = below(chance, 3),
		.mishap_trip = below(chance, 12),
		.chance = prng_u64(chance),
	};
	/* A cancelled campaign has not much to tell any more. */
	if (act.kind == ACT_CANCEL && below(chance, 3))
		act.kind = ACT_FEED;
	if (act.mishap_at == 2)
		act.mishap_at = below(chance, 6);
	return act;
}

static void draw_people(struct prng *chance, struct history *h)
{
	for (unsigned i = 0; i < h->campaign_count; i++) {
		struct history_campaign *c = &h->campaigns[i];
		c->first = h->people_count + 1;
		c->last = h->people_count + 3 + below(chance, HISTORY_PEOPLE / HISTORY_CAMPAIGNS - 3);
		c->audience = (enum audience)below(chance, 4);
		h->people_count = c->last;
	}
	for (unsigned i = 1; i <= h->people_count; i++)
		h->suppressed[i] = below(chance, 15) == 0;
}

void history_make(struct history *h, uint64_t seed)
{
	struct prng chance;
	memset(h, 0, sizeof(*h));
	prng_init(&chance, seed);
	h->seed = seed;
	h->engine_count = 1 + below(&chance, HISTORY_ENGINES);
	h->campaign_count = 1 + below(&chance, HISTORY_CAMPAIGNS);
	h->with_outbox = below(&chance, 3) == 0;
	h->retry_in_doubt = below(&chance, 2);
	draw_people(&chance, h);
	h->act_count = 40 + below(&chance, HISTORY_ACTS - 40 + 1);
	for (size_t i = 0; i < h->act_count; i++)
		h->acts[i] = history_draw(&chance, h);
	for (unsigned i = 0; i < h->engine_count; i++)
		h->acts[i] = (struct act){.kind = ACT_JOIN, .engine = i, .chance = i};
}
