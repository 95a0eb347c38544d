/* top_read.c - see top.h. Every statement goes by an index, or over tables that have a row for
 * each engine, path or tally: a look a second costs the database a few milliseconds. */
#include "engine/api/top.h"

#include <stdio.h>

static str keep(struct db *db, const PGresult *result, int row, int column)
{
	str cell = db_cell(result, row, column);
	return cell.size ? arena_copy(db->cli->arena, cell) : STR("");
}

static int read_engines(struct db *db, struct top_frame *frame)
{
	PGresult *result = db_query(db, "api_top_engines", 0, NULL);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result) && i < TOP_LIMIT; i++) {
		struct top_engine *engine = &frame->engines[frame->engine_count++];
		*engine = (struct top_engine){
			.name = keep(db, result, i, 0),
			.works = str_eq(db_cell(result, i, 1), STR("working")),
			.silent_seconds = db_u64(result, i, 2),
			.slices = db_u64(result, i, 3),
			.connections = db_u64(result, i, 4),
			.waiting = db_u64(result, i, 5),
			.in_flight = db_u64(result, i, 6),
			.per_minute = db_u64(result, i, 7),
		};
		frame->working_count += engine->works;
	}
	PQclear(result);
	return CLI_GO;
}

static usec earlier(usec a, usec b) /* 0: none */
{
	return a == 0 ? b : b == 0 ? a : usec_min(a, b);
}

static void take_campaign(struct db *db, const PGresult *result, int row,
			  struct top_campaign *c)
{
	*c = (struct top_campaign){
		.id = db_u64(result, row, 0),
		.name = keep(db, result, row, 1),
		.state = keep(db, result, row, 2),
		.fully_cut = str_eq(db_cell(result, row, 3), STR("true")),
		.share = (double)db_u64(result, row, 4) / 1e6,
		.targeted = db_u64(result, row, 5),
		.ended = db_u64(result, row, 6),
		.delivered = db_u64(result, row, 7),
		.deferrals = db_u64(result, row, 8),
		.failed = db_u64(result, row, 9),
		.in_doubt = db_u64(result, row, 10),
		.deferred_now = db_u64(result, row, 11),
		.held = db_u64(result, row, 13),
		.due = db_u64(result, row, 14),
		.next_wall = earlier(db_i64(result, row, 12), db_i64(result, row, 15)),
		.reason = keep(db, result, row, 16),
		.opens_wall = db_i64(result, row, 17),
		.for_winner = db_u64(result, row, 18),
		.per_minute = -1,
		.eta = -1,
	};
}

static int read_campaigns(struct db *db, struct top_campaign *campaigns, size_t *ret_count)
{
	PGresult *result = db_query(db, "api_top_campaigns", 0, NULL);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result) && *ret_count < TOP_LIMIT; i++)
		take_campaign(db, result, i, &campaigns[(*ret_count)++]);
	PQclear(result);
	return CLI_GO;
}

static int read_providers(struct db *db, struct top_frame *frame)
{
	PGresult *result = db_query(db, "api_top_providers", 0, NULL);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result) && i < TOP_LIMIT; i++)
		frame->providers[frame->provider_count++] = (struct top_provider){
			.name = keep(db, result, i, 0),
			.paths = db_u64(result, i, 1),
			.waiting = db_u64(result, i, 2),
			.per_minute = db_u64(result, i, 3),
			.delivered = db_u64(result, i, 4),
			.deferred = db_u64(result, i, 5),
			.failed = db_u64(result, i, 6),
			.blocked = db_u64(result, i, 7),
			.throttled_wall = db_i64(result, i, 8),
		};
	PQclear(result);
	return CLI_GO;
}

static void remember(struct top_history *history, const struct top_campaign *campaigns,
		     size_t count, usec now)
{
	struct top_sample *sample = &history->samples[history->count++ % TOP_SAMPLES];
	sample->at = now;
	sample->count = count;
	for (size_t i = 0; i < count; i++) {
		sample->id[i] = campaigns[i].id;
		sample->ended[i] = campaigns[i].ended;
	}
}

/* Against the oldest look of the last minute that knew the campaign. */
static double rate_of(const struct top_history *history, const struct top_campaign *c, usec now)
{
	size_t seen = history->count < TOP_SAMPLES ? history->count : TOP_SAMPLES;
	for (size_t age = seen; age > 0; age--) {
		const struct top_sample *sample =
			&history->samples[(history->count - age) % TOP_SAMPLES];
		if (sample->at >= now || now - sample->at > USEC_MINUTE + USEC_SECOND)
			continue;
		for (size_t i = 0; i < sample->count; i++)
			if (sample->id[i] == c->id && c->ended >= sample->ended[i])
				return (double)(c->ended - sample->ended[i]) *
				       (double)USEC_MINUTE / (double)(now - sample->at);
	}
	return -1;
}

/* Of what the cut has not come to yet nobody knows; it is taken to be as dense as the rest. */
static usec eta_of(const struct top_campaign *c)
{
	double all = c->share > 0 ? (double)c->targeted / c->share : 0;
	double left = all - (double)c->ended - (double)c->deferred_now;
	if (c->per_minute <= 0 || left < 0)
		return -1;
	double minutes = left / c->per_minute;
	return minutes > 1e6 ? -1 : (usec)(minutes * (double)USEC_MINUTE);
}

int top_sample(struct db *db, struct top_history *history, usec now)
{
	struct top_campaign *campaigns =
		ARENA_ARRAY(db->cli->arena, struct top_campaign, TOP_LIMIT);
	size_t count = 0;
	if (!campaigns)
		return cli_fail(db->cli, EXIT_FAILED, "out of memory");
	int code = read_campaigns(db, campaigns, &count);
	if (code == CLI_GO)
		remember(history, campaigns, count, now);
	return code;
}

int top_read(struct db *db, struct top_history *history, size_t path_limit, usec now, usec wall,
	     struct top_frame *frame)
{
	char paths[24];
	snprintf(paths, sizeof(paths), "%zu", path_limit);
	*frame = (struct top_frame){.wall = wall};
	int code = read_engines(db, frame);
	if (code == CLI_GO)
		code = read_campaigns(db, frame->campaigns, &frame->campaign_count);
	if (code == CLI_GO)
		code = read_providers(db, frame);
	if (code == CLI_GO)
		code = path_rows_read(db, db->cli->arena, "api_paths_busy", paths,
				      &frame->paths);
	for (size_t i = 0; i < frame->provider_count; i++)
		frame->path_count += frame->providers[i].paths;
	for (size_t i = 0; i < frame->campaign_count; i++) {
		struct top_campaign *c = &frame->campaigns[i];
		c->per_minute = rate_of(history, c, now);
		c->eta = eta_of(c);
	}
	remember(history, frame->campaigns, frame->campaign_count, now);
	return code;
}
