/* plan_flows.c - domains become flows, flows a forecast, and the forecast rows by provider.
 * A flow is a site, or a provider where its limits hold for all of its sites together, and has
 * a path from every source. Small sites nobody knows are put together by their size, powers of
 * two: of a hundred thousand domains with three recipients each one is stepped. */
#include "engine/api/plan.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/base/map.h"
#include "engine/send/limits.h"
#include "engine/shape/rules.h"

#define SIZES 64 /* of small sites: powers of two */
/* CPU time of a message, in microseconds: by itself and of each signature; see bench/README.md.
 */
#define MESSAGE_COST 100
#define ED25519_COST 100
#define RSA_COST 800

struct gathering {
	struct arena *arena;
	const struct engine_settings *settings;
	struct plan *plan;
	struct map flows; /* of struct place, by site or provider */
	size_t room;
	bool failed;
	struct small {
		uint64_t domains, recipients;
	} small[SIZES];
};

/* What comes together in a flow, before it is divided among sources. */
struct place {
	struct plan_flow flow;
	uint64_t recipients;
	struct path_limits limits;
};

static struct place *place_of(struct gathering *g, const struct plan_domain *d)
{
	bool shared = rules_shared(g->settings->rules, d->provider);
	str key = shared ? d->provider : d->site;
	struct place *place = map_get(&g->flows, key);
	if (place)
		return place;
	place = ARENA_NEW(g->arena, struct place);
	if (!place || map_put(&g->flows, key, place) != 0)
		return NULL;
	place->flow =
		(struct plan_flow){.provider = d->provider, .site = shared ? STR("") : d->site};
	place->limits = rules_limits(g->settings->rules, d->provider, place->flow.site);
	return place;
}

static void gather(struct gathering *g)
{
	for (size_t i = 0; i < g->plan->domain_count && !g->failed; i++) {
		const struct plan_domain *d = &g->plan->domains[i];
		if (d->is_dead || d->count == 0)
			continue;
		if (d->site.size == 0) {
			unsigned size = 63u - (unsigned)__builtin_clzll(d->count);
			g->small[size].domains++;
			g->small[size].recipients += d->count;
			continue;
		}
		struct place *place = place_of(g, d);
		g->failed = !place;
		if (!place)
			return;
		place->recipients += d->count;
		place->flow.recipients += d->count;
		place->flow.domains++;
	}
}

/* Sources take turns by recipient: where there are fewer of these, each is a path of its own.
 * copies: sites alike, of so many recipients each. */
static void add_flow(struct gathering *g, const struct place *place, uint64_t copies)
{
	struct plan *p = g->plan;
	uint64_t sources = p->source_count;
	uint64_t paths = place->recipients < sources ? place->recipients : sources;
	size_t i = p->forecast.flow_count++;
	p->flows[i] = place->flow;
	p->forecast.flows[i] = (struct forecast_flow){
		.limits = place->limits,
		.recipients = (place->recipients + paths - 1) / paths,
		.paths = (uint32_t)(paths * copies),
	};
}

static int by_recipients(const void *a, const void *b)
{
	const struct place *const *x = a, *const *y = b;
	if ((*x)->recipients != (*y)->recipients)
		return (*x)->recipients < (*y)->recipients ? 1 : -1;
	return str_compare((*x)->flow.site, (*y)->flow.site);
}

static int make_flows(struct gathering *g)
{
	struct plan *p = g->plan;
	size_t limit = g->flows.live_count, n = 0, index = 0;
	const struct place **places = ARENA_ARRAY(g->arena, const struct place *, limit + 1);
	p->flows = ARENA_ARRAY(g->arena, struct plan_flow, limit + SIZES);
	p->forecast.flows = ARENA_ARRAY(g->arena, struct forecast_flow, limit + SIZES);
	if (!places || !p->flows || !p->forecast.flows)
		return -1;
	for (struct map_entry *e; (e = map_next(&g->flows, &index));)
		places[n++] = e->value;
	qsort(places, n, sizeof(*places), by_recipients);
	for (size_t i = 0; i < n; i++)
		add_flow(g, places[i], 1);
	for (size_t size = SIZES; size-- > 0;) {
		const struct small *small = &g->small[size];
		if (small->domains == 0)
			continue;
		struct place place = {
			.flow = {.domains = small->domains, .recipients = small->recipients},
			.recipients = (small->recipients + small->domains / 2) / small->domains,
			.limits = rules_limits(g->settings->rules, STR(""), STR("")),
		};
		add_flow(g, &place, small->domains);
	}
	return 0;
}

/* ---- the engine ---- */

static uint32_t engine_rate(const struct engine_settings *settings, uint32_t cores)
{
	usec cost = MESSAGE_COST;
	for (size_t i = 0; i < settings->dkim_key_count; i++)
		cost += dkim_key_algorithm(settings->dkim_keys[i]) == DKIM_RSA_SHA256
				? RSA_COST
				: ED25519_COST;
	return (uint32_t)(cores * USEC_SECOND / cost);
}

static void fill_engine(struct plan *p, const struct engine_settings *settings)
{
	struct limits limits;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	limits_of(settings, cores > 0 ? (uint32_t)cores : 1, &limits);
	p->forecast.assumption = forecast_assumption_default;
	p->forecast.retry = settings->retry;
	p->forecast.connection_limit = limits.connections;
	p->forecast.engine_rate = engine_rate(settings, cores > 0 ? (uint32_t)cores : 1);
}

static int read_deferred(struct db *db, struct plan *p)
{
	PGresult *result = db_query(db, "api_plan_history", 0, NULL);
	if (!result)
		return db_code(db);
	for (int i = 0; i < PQntuples(result); i++) {
		double share = strtod(PQgetvalue(result, i, 1), NULL);
		for (size_t k = 0; k < p->forecast.flow_count; k++)
			if (str_eq(p->flows[k].provider, db_cell(result, i, 0)))
				p->forecast.flows[k].deferred = share < 0.95 ? share : 0.95;
	}
	PQclear(result);
	return CLI_GO;
}

/* ---- rows ---- */

static struct plan_row *row_of(struct plan *p, str provider)
{
	for (size_t i = 0; i < p->row_count; i++)
		if (str_eq(p->rows[i].provider, provider))
			return &p->rows[i];
	if (p->row_count == PLAN_ROW_LIMIT)
		return &p->rows[PLAN_ROW_LIMIT - 1];
	struct plan_row *row = &p->rows[p->row_count++];
	*row = (struct plan_row){
		.provider = p->row_count == PLAN_ROW_LIMIT ? STR("") : provider, .end_at = -1};
	return row;
}

static int row_by_recipients(const void *a, const void *b)
{
	const struct plan_row *x = a, *y = b;
	if (x->recipients != y->recipients)
		return x->recipients < y->recipients ? 1 : -1;
	return str_compare(x->provider, y->provider);
}

static void make_rows(struct plan *p)
{
	for (size_t i = 0; i < p->forecast.flow_count; i++) {
		const struct forecast_flow *flow = &p->forecast.flows[i];
		struct plan_row *row = row_of(p, p->flows[i].provider);
		row->recipients += p->flows[i].recipients;
		row->domains += p->flows[i].domains;
		row->per_hour += flow->per_hour;
		row->tail_at = usec_max(row->tail_at, flow->tail_at);
		if (flow->end_at > row->end_at)
			row->last_flow = i;
		row->end_at = usec_max(row->end_at, flow->end_at);
	}
	qsort(p->rows, p->row_count, sizeof(p->rows[0]), row_by_recipients);
}

/* ---- what would help ---- */

static void twice(struct rate *rate)
{
	rate->count = rate->count > UINT32_MAX / 2 ? UINT32_MAX : 2 * rate->count;
}

static void relax(struct forecast *f, struct path_limits *limits, enum forecast_hold hold)
{
	switch (hold) {
	case HOLD_MESSAGE_RATE:
		twice(&limits->message_rate);
		return;
	case HOLD_BYTE_RATE:
		twice(&limits->byte_rate);
		return;
	case HOLD_CONNECTION_RATE:
		twice(&limits->connection_rate);
		return;
	case HOLD_CONNECTIONS:
		limits->connections *= 2;
		return;
	case HOLD_MESSAGES_PER_CONNECTION:
		limits->messages_per_connection *= 2;
		return;
	case HOLD_ENGINE_CONNECTIONS:
		f->connection_limit *= 2;
		return;
	case HOLD_ENGINE_RATE:
		f->engine_rate *= 2;
		return;
	case HOLD_CAMPAIGN_RATE:
		twice(&f->campaign_rate);
		return;
	case HOLD_NONE:
	case HOLD_SUSPENDED:
	case HOLD_COUNT:
		return;
	}
}

static int run_faster(struct plan *p, struct arena *arena)
{
	struct forecast f = p->forecast;
	p->faster_end_at = p->forecast.end_at;
	if (f.flow_count == 0)
		return 0;
	f.flows = ARENA_ARRAY(arena, struct forecast_flow, f.flow_count);
	if (!f.flows)
		return -1;
	memcpy(f.flows, p->forecast.flows, f.flow_count * sizeof(*f.flows));
	unsigned shared = 0;
	for (size_t i = 0; i < f.flow_count; i++) {
		enum forecast_hold hold = f.flows[i].hold;
		bool late = (double)f.flows[i].end_at >= PLAN_LATE * (double)f.end_at;
		bool again = hold >= HOLD_ENGINE_CONNECTIONS && (shared & 1u << hold);
		if (late && !again)
			relax(&f, &f.flows[i].limits, hold);
		shared |= late ? 1u << hold : 0;
	}
	int result = forecast_run(&f, arena);
	p->faster_end_at = f.end_at;
	return result;
}

int plan_run(struct db *db, const struct engine_settings *settings, struct plan *p)
{
	struct arena *arena = db->cli->arena;
	struct gathering g = {.arena = arena, .settings = settings, .plan = p};
	map_init(&g.flows, arena, 0x5bd1e995u ^ p->highest_id);
	p->source_count = (uint32_t)settings->source_count;
	gather(&g);
	if (g.failed || make_flows(&g) != 0)
		return cli_fail(db->cli, EXIT_FAILED, "out of memory");
	fill_engine(p, settings);
	int code = read_deferred(db, p);
	if (code != CLI_GO)
		return code;
	if (forecast_run(&p->forecast, arena) != 0 || run_faster(p, arena) != 0)
		return cli_fail(db->cli, EXIT_FAILED, "out of memory");
	make_rows(p);
	return CLI_GO;
}

int plan_make(struct db *db, const struct engine_settings *settings,
	      const struct campaign_row *campaign, usec start_wall, struct plan *p)
{
	*p = (struct plan){.name = campaign->name, .start_wall = start_wall};
	int code = plan_read_mix(db, settings, campaign, p);
	return code == CLI_GO ? plan_run(db, settings, p) : code;
}
