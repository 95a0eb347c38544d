/* show_plan.c - forecasts against facts: the whole engine sends a campaign on a virtual
 * internet, and what engine/shape/forecast.h said before is laid beside it.
 *
 *   show_plan [FIRST COUNT]      runs COUNT seeds from FIRST on
 *
 * A seed chooses three providers, each with limits that the configuration states, and what it
 * does not know: how long a server takes for a message, round trips, limits that nobody
 * publishes (above the configured ones: below them it is an incident), and how many recipients
 * are deferred at first. The forecast is made of recipients, sites and limits alone. */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/io/heap.h"
#include "engine/shape/forecast.h"
#include "tests/sim/drive.h"
#include "tests/sim/scenario.h"
#include "tests/sim/sim.h"

#define PROVIDERS 3
#define ERROR_MOST 10.0 /* percent */
#define LONGEST (6 * USEC_HOUR)

const char *const state_names[STATE_COUNT]; /* hits are of no interest here */

static const char *const names[PROVIDERS] = {"alpha", "beta", "gamma"};

static struct {
	struct path_limits limits;
	uint32_t own, recipients;
	usec last_at; /* of a first attempt; 0: none yet */
	char what[80];
} providers[PROVIDERS];
static struct plan plan;
static const struct classifier *classifier;
static usec started_at;
static struct source sources[SCENARIO_SOURCES];

/* Nothing is signed here. */
const struct dkim_record *sim_dkim_record(void)
{
	return NULL;
}

static double between(struct world *w, double least, double most)
{
	double part = (double)world_below(w, 1000001) / 1e6;
	return least * pow(most / least, part);
}

static void on_outcome(struct world *w, const struct store_outcome *row)
{
	usec at = row->at_wall - w->wall_offset - started_at;
	for (unsigned i = 0; i < PROVIDERS && row->attempt == 1; i++)
		if (str_eq(row->provider, str_of(names[i])))
			providers[i].last_at = usec_max(providers[i].last_at, at);
}

/* A rate of messages, or one of connections that take few; of each source. Returns the pace of
 * all sources, as the configuration allows it. */
static double choose_limits(struct world *w, unsigned i)
{
	struct path_limits *l = &providers[i].limits;
	double pace;
	*l = (struct path_limits){.connections = 2 + (uint32_t)world_below(w, 9),
				  .idle_close = 5 * USEC_SECOND};
	providers[i].own = RULES_CONNECTIONS | RULES_IDLE_CLOSE | RULES_MESSAGE_RATE |
			   RULES_CONNECTION_RATE | RULES_MESSAGES_PER_CONNECTION;
	if (world_below(w, 3) > 0) {
		uint32_t per_hour = (uint32_t)(3600 * between(w, 0.3, 8));
		l->message_rate = (struct rate){per_hour, USEC_HOUR, 1};
		l->messages_per_connection = world_below(w, 2) ? 20 : 100;
		pace = per_hour / 3600.0;
	} else {
		uint32_t per_hour = (uint32_t)(3600 * between(w, 0.05, 0.5));
		l->messages_per_connection = 5 + (uint32_t)world_below(w, 16);
		l->connection_rate = (struct rate){per_hour, USEC_HOUR, 1};
		pace = per_hour * l->messages_per_connection / 3600.0;
	}
	return pace * plan.source_count;
}

/* What nobody tells. A server's time stays within what its connections can make up for. */
static void choose_hidden(struct world *w, unsigned i, double pace)
{
	double of_source = pace / plan.source_count;
	double room = providers[i].limits.connections / of_source;
	plan.regimes[i] = (struct regime){
		.provider = names[i],
		.sites = 1,
		.per_second = of_source * between(w, 1.2, 4),
		.burst = 20 + of_source * 30,
		.service = (usec)(1e6 * fmin(between(w, 0.01, 1), room / 4)),
		.busy_per_mille = (unsigned)world_below(w, 40),
		.over_status = "4.7.28",
		.over_text = "too much mail from your address has been received lately",
	};
	providers[i].recipients = (uint32_t)(pace * between(w, 300, 3000)) + 10;
	if (providers[i].recipients > 12000)
		providers[i].recipients = 12000;
}

static void make_world(struct world *w)
{
	plan = (struct plan){.regime_count = PROVIDERS,
			     .source_count = 1 + (unsigned)world_below(w, 3)};
	for (unsigned i = 0; i < PROVIDERS; i++) {
		providers[i].last_at = 0;
		choose_hidden(w, i, choose_limits(w, i));
	}
}

static void make_people(struct world *w)
{
	uint32_t left[PROVIDERS], count = 0;
	for (unsigned i = 0; i < PROVIDERS; i++)
		count += left[i] = providers[i].recipients;
	world_people(w, count);
	store_begin(w);
	for (uint32_t id = 1; id <= count; id++) {
		uint64_t at = world_below(w, count - id + 1);
		unsigned i = 0;
		while (at >= left[i])
			at -= left[i++];
		left[i]--;
		snprintf(w->truths[id].email, sizeof(w->truths[id].email), "r%u@site%u.test",
			 id, i);
		w->truths[id].suppressed_at_cut = false;
	}
}

static struct rules *make_rules(struct arena *arena)
{
	static char texts[PROVIDERS][32];
	static str suffixes[PROVIDERS]; /* rules keep what they are given */
	struct rules *rules = rules_create(arena);
	for (unsigned i = 0; i < PROVIDERS; i++) {
		snprintf(texts[i], sizeof(texts[i]), ".site%u.test", i);
		suffixes[i] = str_of(texts[i]);
		ASSERT(rules_add(rules, str_of(names[i]), &suffixes[i], 1, &providers[i].limits,
				 providers[i].own) == 0);
	}
	return rules;
}

static struct engine_settings make_settings(struct world *w, struct rules *rules)
{
	for (unsigned i = 0; i < plan.source_count; i++) {
		sources[i] = (struct source){.has_ipv4 = true, .helo = "out.news.test"};
		snprintf(sources[i].name, sizeof(sources[i].name), "out%u", i + 1);
		sources[i].ipv4.in4.sin_family = AF_INET;
		sources[i].ipv4.in4.sin_addr.s_addr = htonl(10u << 24 | 9 << 16 | (i + 1));
	}
	return (struct engine_settings){
		.name = "plan",
		.journal_directory = w->journal,
		.store = {.tenant = 1},
		.route = {.port = 25,
			  .tls = TLS_WISH_MAY,
			  .provider_of = drive_provider_of,
			  .provider_context = rules},
		.sources = sources,
		.source_count = plan.source_count,
		.timeouts = smtp_timeouts_default,
		.rules = rules,
		.classifier = classifier,
		.secret = STR("0123456789abcdef0123456789abcdef"),
		.return_domain = STR("bounce.news.test"),
		.unsubscribe_mailbox = STR("unsubscribe@bounce.news.test"),
		.retry = retry_schedule_default,
		.press_count = 1,
		.envelope_limit = 20000,
		.connection_limit = 400,
		.slice_size = 5000,
	};
}

static void foresee(struct forecast *f, struct forecast_flow *flows, const struct rules *rules,
		    struct arena *arena)
{
	*f = (struct forecast){.flows = flows,
			       .flow_count = PROVIDERS,
			       .assumption = forecast_assumption_default,
			       .retry = retry_schedule_default,
			       .connection_limit = 400};
	for (unsigned i = 0; i < PROVIDERS; i++)
		flows[i] = (struct forecast_flow){
			.limits = rules_limits(rules, str_of(names[i]), STR("")),
			.recipients = (providers[i].recipients + plan.source_count - 1) /
				      plan.source_count,
			.paths = plan.source_count};
	ASSERT(forecast_run(f, arena) == 0);
}

static bool all_tried(const struct world *w)
{
	for (uint32_t id = 1; id <= w->recipient_count; id++)
		if (w->truths[id].attempts == 0 && w->truths[id].final_count == 0)
			return false;
	return true;
}

static void run_until_tried(struct world *w, struct engine *engine)
{
	usec end = w->now + LONGEST, look_at = w->now;
	while (w->now < end && !engine->feeder.only->finished) {
		usec wake = drive_step(engine);
		if (engine->feeder.trouble[0]) {
			world_fail(w, "trouble: %s", engine->feeder.trouble);
			return;
		}
		drive_on(w, usec_min(wake, end));
		if (w->now < look_at)
			continue;
		if (all_tried(w))
			return;
		look_at = w->now + 10 * USEC_SECOND;
	}
}

static bool judge(const struct world *w, const struct forecast_flow *flows)
{
	bool good = w->failures == 0;
	for (unsigned i = 0; i < PROVIDERS; i++) {
		double forecast = (double)flows[i].end_at / 60e6;
		double fact = (double)providers[i].last_at / 60e6;
		double error = 100 * (fact / forecast - 1);
		bool near = fabs(error) <= ERROR_MOST;
		const struct path_limits *l = &providers[i].limits;
		good = good && near;
		printf("%4llu %s  %-6s %6u recipients, %u sources: forecast %6.1f min, fact "
		       "%6.1f, "
		       "%+5.1f %%  (%s; unknown: %.2f s a message, %.1f %% deferred, a limit "
		       "of "
		       "%.1f/s; %u/h, %u connections, %u/h of %u)\n",
		       (unsigned long long)w->seed, near ? "ok    " : "FAILED", names[i],
		       providers[i].recipients, plan.source_count, forecast, fact, error,
		       forecast_hold_names[flows[i].hold],
		       (double)plan.regimes[i].service / 1e6,
		       plan.regimes[i].busy_per_mille / 10.0, plan.regimes[i].per_second,
		       l->message_rate.count, l->connections, l->connection_rate.count,
		       l->messages_per_connection);
	}
	return good;
}

static bool run_seed(uint64_t seed)
{
	static struct world w;
	static struct engine engine;
	struct forecast f;
	struct forecast_flow flows[PROVIDERS];
	struct arena arena;
	world_begin(&w, seed);
	for (int i = 0; i < FAULT_COUNT; i++)
		w.rate[i] = 0;
	w.calm = true;
	w.on_outcome = on_outcome;
	make_world(&w);
	drive_journal_begin(&w, "plan");
	arena_init(&arena, heap_source(), 0, 0);
	make_people(&w);
	struct rules *rules = make_rules(&arena);
	foresee(&f, flows, rules, &arena);
	started_at = w.now;
	scenario_hosts_begin(&plan, w.now);
	struct engine_settings settings = make_settings(&w, rules);
	if (drive_open(&w, &engine, &settings)) {
		run_until_tried(&w, &engine);
		w.on_outcome = NULL;
		drive_drain(&w, &engine);
		drive_close(&engine);
	}
	bool good = judge(&w, flows);
	while (world_run_next(&w, USEC_NEVER - 1))
		continue;
	store_end(&w);
	sim_io_end();
	arena_done(&arena);
	drive_journal_end(&w);
	world_end(&w);
	return good;
}

static void write_log(enum log_level level, const char *line, void *context)
{
	(void)context;
	if (level == LOG_ERROR || getenv("SIM_LOG"))
		fprintf(stderr, "%.3f %s\n", world ? (double)world->now / 1e6 : 0.0, line);
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 10;
	uint64_t passed = 0;
	struct arena arena;
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_writer(write_log, NULL);
	arena_init(&arena, heap_source(), 0, 0);
	classifier = classifier_create(&arena);
	ASSERT(classifier);
	for (uint64_t seed = first; seed < first + count; seed++)
		passed += run_seed(seed);
	printf("show-plan: %llu of %llu simulated campaigns within %.0f %% of their "
	       "forecasts\n",
	       (unsigned long long)passed, (unsigned long long)count, ERROR_MOST);
	arena_done(&arena);
	return passed < count || count == 0;
}
