/* top.h - one look at everything that is under way, on all machines: `rundbrief top`. */
#pragma once

#include "engine/api/path_rows.h"

#define TOP_LIMIT 50   /* engines, campaigns and providers each */
#define TOP_PATHS 1000 /* in JSON */
#define TOP_SCREEN_PATHS 100
#define TOP_COUNT_LIMIT 20000 /* more who wait are not counted: a look must stay cheap */
#define TOP_SAMPLES 61        /* a minute of looks, for rates */

struct top_engine {
	str name;
	bool works;
	uint64_t silent_seconds, slices, connections, waiting, in_flight, per_minute;
};

struct top_campaign {
	uint64_t id;
	str name, state, reason; /* reason: why it paused by itself */
	usec opens_wall;         /* its send window is closed until then; 0: it is open */
	bool fully_cut;
	double share; /* of the audience that is cut, by numbers */
	uint64_t targeted, ended, delivered, deferrals, failed, in_doubt, deferred_now;
	uint64_t held, due;  /* recipients in slices: with engines; to be taken now */
	usec next_wall;      /* the next deferral or slice that is due later; 0: none */
	double per_minute;   /* endings; < 0: not known yet */
	usec eta;            /* until all were tried once; < 0: not known */
	uint64_t for_winner; /* recipients who wait until the winner is named */
};

struct top_provider {
	str name;
	uint64_t paths, waiting, per_minute, delivered, deferred, failed, blocked;
	usec throttled_wall;
};

struct top_frame {
	usec wall;
	struct top_engine engines[TOP_LIMIT];
	struct top_campaign campaigns[TOP_LIMIT];
	struct top_provider providers[TOP_LIMIT];
	size_t engine_count, campaign_count, provider_count;
	uint64_t working_count; /* engines */
	uint64_t path_count;    /* that there are; paths are the first of them */
	struct path_rows paths;
};

/* What was seen before: endings of campaigns, a look a second. */
struct top_history {
	struct top_sample {
		usec at;
		uint64_t id[TOP_LIMIT], ended[TOP_LIMIT];
		size_t count;
	} samples[TOP_SAMPLES];
	size_t count; /* ever */
};

/* Texts are in the command's arena. now: monotonic. CLI_GO or an exit code. */
[[nodiscard]] int top_read(struct db *, struct top_history *, size_t path_limit, usec now,
			   usec wall, struct top_frame *ret_frame);
/* Only what rates are made of. */
[[nodiscard]] int top_sample(struct db *, struct top_history *, usec now);
/* Lines of at most so many columns; at most so many lines, 0: as many as there are. */
void top_put_text(const struct top_frame *, size_t columns, size_t lines, struct buf *out);
void top_put_json(const struct top_frame *, struct buf *out);
/* What a campaign waits for, in words; nothing when it moves. */
void top_put_waits_for(const struct top_frame *, const struct top_campaign *, struct buf *out);
