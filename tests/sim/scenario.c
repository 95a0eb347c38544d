/* scenario.c - how close the engine comes to what is possible, on internets that have names.
 *
 *   scenario NAME FIRST COUNT    runs COUNT seeds of a scenario from FIRST on; NAME may be all
 *
 * The hosts' limits come from the seed and are told to nobody; best is a closed form of them.
 * One line a seed: what was delivered in the steady state against the best possible, and the
 * share of all attempts, from the first message on, that a throttle deferred. */
#include "tests/sim/scenario.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/io/heap.h"
#include "tests/sim/drive.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_store.h"

#define REACHED_LEAST 90.0 /* percent of the best possible */
#define DEFERRED_MOST 5.0  /* percent of the attempts */

const char *const state_names[STATE_COUNT]; /* hits are of no interest here */

static struct plan plan;
static const struct classifier *classifier;
static usec started_at;
static struct {
	uint64_t attempts, deferred, suppressed;
} told; /* by the engine's outcomes */

/* Nothing is signed here. */
const struct dkim_record *sim_dkim_record(void)
{
	return NULL;
}

static bool is_throttle(const struct store_outcome *row)
{
	bool of_path = row->class == CLASS_RATE_LIMITED || row->class == CLASS_REPUTATION ||
		       row->class == CLASS_REMOTE_FAILURE || row->class == CLASS_NETWORK;
	return row->verdict == VERDICT_DEFERRED && of_path &&
	       strcmp(row->cause, "recipient-rate") != 0;
}

static bool is_of_hostile(str provider)
{
	for (unsigned i = 0; i < plan.regime_count; i++)
		if (plan.regimes[i].is_hostile &&
		    str_eq(provider, str_of(plan.regimes[i].provider)))
			return true;
	return false;
}

static void on_outcome(struct world *w, const struct store_outcome *row)
{
	usec at = row->at_wall - w->wall_offset - started_at;
	told.suppressed += row->suppress;
	if ((at >= plan.uncounted_from && at < plan.uncounted_until) ||
	    is_of_hostile(row->provider))
		return;
	told.attempts++;
	told.deferred += is_throttle(row);
}

static struct rules *make_rules(struct arena *arena)
{
	struct rules *rules = rules_create(arena);
	unsigned site = 0;
	for (unsigned i = 0; i < plan.regime_count; i++) {
		const struct regime *r = &plan.regimes[i];
		str *suffixes = ARENA_ARRAY(arena, str, r->sites);
		for (unsigned k = 0; k < r->sites; k++) {
			char *suffix = arena_bytes(arena, 32);
			snprintf(suffix, 32, ".site%u.test", site++);
			suffixes[k] = str_of(suffix);
		}
		uint32_t hourly = (uint32_t)(r->known_per_second * 3600 + 0.5);
		const struct path_limits limits = {.connections = 10,
						   .message_rate = {hourly, USEC_HOUR, 1}};
		if (r->provider)
			ASSERT(rules_add(rules, str_of(r->provider), suffixes, r->sites,
					 &limits, hourly ? RULES_MESSAGE_RATE : 0) == 0);
	}
	uint32_t per_hour = (uint32_t)(plan.known_per_second * 3600);
	const struct path_limits known = {.connections = 10,
					  .message_rate = {per_hour, USEC_HOUR, 1}};
	if (per_hour)
		ASSERT(rules_add(rules, STR("default"), NULL, 0, &known, RULES_MESSAGE_RATE) ==
		       0);
	return rules;
}

static struct source sources[SCENARIO_SOURCES];
static const struct warmup_curve *curves[SCENARIO_SOURCES]; /* of the first, if any */

static struct engine_settings make_settings(struct world *w, struct rules *rules)
{
	for (unsigned i = 0; i < plan.source_count; i++) {
		sources[i] = (struct source){.has_ipv4 = true, .helo = "out.news.test"};
		snprintf(sources[i].name, sizeof(sources[i].name), "out%u", i + 1);
		sources[i].ipv4.in4.sin_family = AF_INET;
		sources[i].ipv4.in4.sin_addr.s_addr = htonl(10u << 24 | 9 << 16 | (i + 1));
	}
	curves[0] = plan.curve;
	return (struct engine_settings){
		.name = "scenario",
		.journal_directory = w->journal,
		.store = {.tenant = 1},
		.route = {.port = 25,
			  .tls = TLS_WISH_MAY,
			  .provider_of = drive_provider_of,
			  .provider_context = rules},
		.sources = sources,
		.source_count = plan.source_count,
		.warmups = plan.curve ? curves : NULL,
		.timeouts = smtp_timeouts_default,
		.rules = rules,
		.classifier = classifier,
		.secret = STR("0123456789abcdef0123456789abcdef"),
		.return_domain = STR("bounce.news.test"),
		.unsubscribe_mailbox = STR("unsubscribe@bounce.news.test"),
		.retry = retry_schedule_default,
		.press_count = 1,
		.envelope_limit = 4000,
		.connection_limit = 400,
		.slice_size = 500,
	};
}

/* One of the sites, of which the regimes have as many as they have mail. */
static unsigned choose_site(struct world *w)
{
	double all = 0;
	for (unsigned i = 0; i < plan.regime_count; i++)
		all += plan.regimes[i].share;
	double die = all * (double)world_below(w, 1000000) / 1e6;
	unsigned first = 0, i = 0;
	for (; i + 1 < plan.regime_count && die >= plan.regimes[i].share; i++) {
		die -= plan.regimes[i].share;
		first += plan.regimes[i].sites;
	}
	return first + (unsigned)world_below(w, plan.regimes[i].sites);
}

/* As many as could be delivered at best, and more, so that the end is not short of mail: each
 * source has its share of them, whatever the other can do. */
static void make_people(struct world *w)
{
	double best = plan.best_per_second * (double)plan.until / 1e6;
	for (unsigned i = 0; i < plan.regime_count; i++)
		if (plan.regimes[i].share <= 0)
			plan.regimes[i].share = plan.regimes[i].sites;
	world_people(w, (uint32_t)((plan.source_count > 1 ? 1.5 : 1.1) * best) + 1000);
	store_begin(w);
	for (uint32_t id = 1; id <= w->recipient_count; id++) {
		struct truth *truth = &w->truths[id];
		snprintf(truth->email, sizeof(truth->email), "r%u@site%u.test", id,
			 choose_site(w));
		truth->suppressed_at_cut = false;
	}
}

static void show_path(const struct carrier_site *site, usec now)
{
	const struct pace *p = &site->shaping.pace;
	const struct crowd *c = &site->shaping.crowd;
	fprintf(stderr,
		"  %8.1f min %-28s pace %.2f/s ceiling %.2f/s proven %.2f/s connections "
		"%u/%u%s\n",
		(double)(now - started_at) / 60e6, site->key, p->per_hour / 3600.0,
		p->ceiling / 3600.0, p->proven / 3600.0, c->cap, c->ceiling,
		site->shaping.suspended ? " suspended" : "");
}

static void show_paths(struct carrier_site *site)
{
	struct chain_link *link = chain_first(&site->paths);
	for (; link; link = chain_next(&site->paths, link)) {
		struct carrier_path *path = CHAIN_OWNER(link, struct carrier_path, of_site);
		fprintf(stderr, "    pending %zu ordered %u ready %zu opening %u open %u: %s\n",
			carrier_path_pending(path), path->ordered_count, path->ready.count,
			path->opening_count, path->open_count, path->why);
	}
}

static void show(const struct engine *engine, usec now)
{
	size_t index = 0;
	for (struct map_entry *e; (e = map_next(&engine->carrier.sites, &index));) {
		show_path(e->value, now);
		show_paths(e->value);
	}
}

static void run_until(struct world *w, struct engine *engine, usec end)
{
	usec show_every = getenv("SCENARIO_SHOW") ? USEC_MINUTE : USEC_NEVER;
	usec show_at = show_every == USEC_NEVER ? USEC_NEVER : w->now + show_every;
	while (w->now < end && !engine->feeder.only->finished) {
		usec wake = drive_step(engine);
		if (engine->feeder.trouble[0]) {
			world_fail(w, "trouble: %s", engine->feeder.trouble);
			return;
		}
		drive_on(w, usec_min(wake, end));
		if (w->now >= show_at) {
			show(engine, w->now);
			show_at += show_every;
		}
	}
	if (engine->feeder.only->finished)
		world_fail(w, "the mail ran out before the end");
}

static void run_engine(struct world *w, const struct engine_settings *settings, usec from,
		       usec until)
{
	static struct engine engine;
	while (world_run_next(w, from))
		continue;
	w->now = usec_max(w->now, from);
	w->on_outcome = on_outcome;
	if (!drive_open(w, &engine, settings))
		return;
	run_until(w, &engine, until);
	w->on_outcome = NULL;
	drive_drain(w, &engine);
	drive_close(&engine);
}

static void judge_steady(struct world *w, const struct plan *p, struct scenario_result *result)
{
	double seconds = (double)(p->until - p->steady_from) / 1e6;
	double best = p->best_per_second * seconds;
	result->reached = 100 * (double)scenario_seen.steady_accepted / best;
	if (told.suppressed > 0)
		world_fail(w, "%llu wrong suppressions", (unsigned long long)told.suppressed);
}

static bool judge(struct world *w, const struct scenario *s)
{
	struct scenario_result result = {};
	double deferred =
		100 * (double)told.deferred / (double)(told.attempts ? told.attempts : 1);
	(s->judge ? s->judge : judge_steady)(w, &plan, &result);
	bool good = result.reached >= REACHED_LEAST && deferred <= DEFERRED_MOST &&
		    w->failures == 0;
	printf("%-8s %4llu  %s  %5.1f %% of the best, %4.2f %% of %llu deferred  %s(%.1f h: "
	       "%s)\n",
	       s->name, (unsigned long long)w->seed, good ? "ok    " : "FAILED", result.reached,
	       deferred, (unsigned long long)told.attempts, result.note,
	       (double)plan.until / 3600e6, plan.told);
	return good;
}

/* A person's answer to whatever has been found by then. */
static void resolve(struct world *w, void *a, uint64_t b)
{
	(void)w;
	(void)a;
	(void)b;
	for (unsigned i = 0; i < plan.regime_count; i++)
		if (plan.regimes[i].provider)
			(void)sim_incident_resolve(plan.regimes[i].provider, false);
}

static bool run_seed(const struct scenario *s, uint64_t seed)
{
	static struct world w;
	struct arena arena;
	world_begin(&w, seed);
	for (int i = 0; i < FAULT_COUNT; i++)
		w.rate[i] = 0;
	w.calm = true;
	plan = (struct plan){};
	s->plan(&w, &plan);
	memset(&told, 0, sizeof(told));
	drive_journal_begin(&w, "scenario");
	arena_init(&arena, heap_source(), 0, 0);
	make_people(&w);
	for (unsigned i = 0; i < plan.regime_count; i++)
		if (plan.regimes[i].dead_every)
			sim_incident_usual(plan.regimes[i].provider,
					   1.0 / plan.regimes[i].dead_every);
	if (s->cut)
		s->cut(&w, &plan);
	started_at = w.now;
	scenario_hosts_begin(&plan, w.now);
	if (plan.resolve_at)
		world_at(&w, plan.resolve_at, resolve, NULL, 0);
	struct engine_settings settings = make_settings(&w, make_rules(&arena));
	if (plan.day_until == 0)
		run_engine(&w, &settings, started_at, started_at + plan.until);
	for (usec at = 0; plan.day_until && at < plan.until && !w.failures; at += USEC_DAY)
		run_engine(&w, &settings, started_at + at + plan.day_from,
			   started_at + at + plan.day_until);
	bool good = judge(&w, s);
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
	if ((level == LOG_ERROR && !plan.expects_errors) || getenv("SIM_LOG"))
		fprintf(stderr, "%.3f %s\n", world ? (double)world->now / 1e6 : 0.0, line);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "all";
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : 10;
	uint64_t passed = 0, failed = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_writer(write_log, NULL);
	struct arena arena;
	arena_init(&arena, heap_source(), 0, 0);
	classifier = classifier_create(&arena);
	ASSERT(classifier);
	for (unsigned i = 0; i < scenario_count; i++) {
		bool wanted = strcmp(name, "all") == 0 || strcmp(name, scenarios[i].name) == 0;
		for (uint64_t seed = first; wanted && seed < first + count; seed++)
			if (run_seed(&scenarios[i], seed))
				passed++;
			else
				failed++;
	}
	printf("scenarios: %llu passed, %llu failed\n", (unsigned long long)passed,
	       (unsigned long long)failed);
	arena_done(&arena);
	return failed > 0 || passed == 0;
}
