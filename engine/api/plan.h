/* plan.h - what becomes of a campaign before it is launched: its audience by site, the limits
 * in force, and the forecast of engine/shape/forecast.h, shown twice (text, JSON) and kept for
 * the report. All memory is the command's arena. */
#pragma once

#include "engine/api/db.h"
#include "engine/send/engine.h"
#include "engine/shape/forecast.h"

struct plan_domain {
	str name;
	uint64_t count;
	str site, provider; /* site empty: not known */
	bool is_dead;       /* DNS says that it takes no mail */
};

/* One flow of the forecast, by the same index. */
struct plan_flow {
	str provider, site; /* site empty: small sites nobody looked at, or all of a provider */
	uint64_t domains, recipients; /* of all its paths, exactly */
};

struct plan_row {
	str provider; /* empty: all the others */
	uint64_t recipients, domains;
	usec end_at, tail_at; /* as struct forecast_flow has them */
	double per_hour;
	size_t last_flow; /* whose end that is */
};

#define PLAN_LATE 0.9      /* part of the last one's end: who ends later ends as late */
#define PLAN_ROW_LIMIT 200 /* providers shown apart; the rest counts among the others */

struct plan {
	str name;
	bool has_begun;
	usec start_wall;
	str *lists;
	size_t list_count;
	uint64_t highest_id;
	/* The mix. */
	struct plan_domain *domains;
	size_t domain_count, asked_count, answered_count;
	uint64_t recipients, dead; /* dead: of them, at domains that take no mail */
	double sampled;            /* share of the audience that was looked at; 1: all */
	double share, rest, hold_out; /* of the audience: whom the plan is about; who waits for the
					 winner of its variants, and who gets nothing */
	/* The forecast. */
	uint32_t source_count;
	struct plan_flow *flows;
	struct forecast forecast;
	struct plan_row rows[PLAN_ROW_LIMIT];
	size_t row_count;
	/* With twice as much of what binds the last one, and those that end as late: */
	usec faster_end_at;
};

/* Fills a plan from the database, DNS and the settings. CLI_GO or an exit code. */
[[nodiscard]] int plan_make(struct db *, const struct engine_settings *,
			    const struct campaign_row *, usec start_wall,
			    struct plan *ret_plan);

/* The parts of plan_make(). */
[[nodiscard]] int plan_read_mix(struct db *, const struct engine_settings *,
				const struct campaign_row *, struct plan *);
[[nodiscard]] int plan_run(struct db *, const struct engine_settings *, struct plan *);

/* What holds a flow back: "message rate 100/min". */
void plan_put_hold(const struct plan *, size_t flow, struct buf *out);
/* Where that was set: "rundbrief.conf:12", or "built in"; nothing for what is no setting. */
void plan_put_where(const struct plan *, size_t flow, const struct config *,
		    const struct rules *, struct buf *out);

void plan_put_text(const struct plan *, const struct config *, const struct rules *,
		   struct buf *out);
void plan_put_json(const struct plan *, const struct config *, const struct rules *,
		   struct buf *out);

/* Keeps it with the campaign, in place of the one before. CLI_GO or an exit code. */
[[nodiscard]] int plan_save(struct db *, const struct campaign_row *, const struct plan *);
