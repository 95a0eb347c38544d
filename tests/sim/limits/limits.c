/* limits.c - whether anything ever goes above a limit, as those see it whom the limits protect.
 *
 *   limits FIRST COUNT    runs COUNT seeds from FIRST on; a seed that fails is printed as a
 * command
 *
 * One seed is up to three campaigns to 50 to 100 recipients at one to six sites, over one to
 * three sources, under limits of every kind and unit that chance gives: of paths (with reloads
 * of them in some seeds), of campaigns, and wider ones with names. Hosts count what arrives
 * (tally.h); in some seeds a few things go wrong, in some the engine crashes. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/io/heap.h"
#include "tests/sim/drive.h"
#include "tests/sim/limits/limits_plan.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_store.h"

#define RUN_TIME (10 * USEC_MINUTE) /* what is not sent by then stays unsent */
#define CRASH_LIMIT 3

const char *const state_names[STATE_COUNT]; /* hits are of no interest here */

static const struct classifier *classifier;
static struct limits_plan plan;
#define RETURNS_LIMIT 4 /* messages that connections give back in one step */
static uint64_t marks_checked;
static bool limits_are_new; /* they bind what was marked under others */
static uint64_t arrived_count, finished_count, crash_count, reload_count;

/* Nothing is signed here. */
const struct dkim_record *sim_dkim_record(void)
{
	return NULL;
}

/* Few, and none that makes a host slow: what waits there arrives together. */
static void choose_faults(struct world *w)
{
	static const struct {
		enum fault kind;
		unsigned rate;
	} some[] = {{FAULT_REFUSE, 100},      {FAULT_GREETING_421, 100},
		    {FAULT_DEFER, 150},       {FAULT_REJECT, 80},
		    {FAULT_RESET, 30},        {FAULT_LOST_MESSAGE, 30},
		    {FAULT_CUT, 60},          {FAULT_DNS_TEMPORARY, 100},
		    {FAULT_STORE_BEFORE, 20}, {FAULT_STORE_AFTER, 20}};
	for (int i = 0; i < FAULT_COUNT; i++)
		w->rate[i] = 0;
	if (w->seed % 3)
		return;
	for (unsigned i = 0; i < 3; i++) {
		size_t k = world_below(w, sizeof(some) / sizeof(some[0]));
		w->rate[some[k].kind] = some[k].rate;
	}
}

static void make_people(struct world *w, struct arena *arena)
{
	static const char *const names[LIMITS_CAMPAIGNS] = {"letter0", "letter1", "letter2"};
	struct sim_newsletter letters[LIMITS_CAMPAIGNS];
	world_people(w, 50 + (uint32_t)world_below(w, 51));
	store_begin(w);
	for (uint32_t id = 1; id <= w->recipient_count; id++) {
		struct truth *truth = &w->truths[id];
		snprintf(truth->email, sizeof(truth->email), "r%u@site%llu.test", id,
			 (unsigned long long)world_below(w, plan.site_count));
		truth->suppressed_at_cut = false;
	}
	for (unsigned i = 0; i < plan.campaign_count; i++)
		letters[i] = (struct sim_newsletter){
			.id = LIMITS_CAMPAIGN + i,
			.name = names[i],
			.settings = limits_plan_settings(arena, &plan, i),
			.recipients = w->recipient_count / plan.campaign_count,
		};
	sim_newsletters(letters, plan.campaign_count);
}

static struct source sources[LIMITS_SOURCES];

static struct engine_settings make_settings(struct world *w, struct rules *rules)
{
	for (unsigned i = 0; i < plan.source_count; i++) {
		sources[i] = (struct source){.has_ipv4 = true, .helo = "out.news.test"};
		snprintf(sources[i].name, sizeof(sources[i].name), "out%u", i + 1);
		sources[i].ipv4.in4.sin_family = AF_INET;
		sources[i].ipv4.in4.sin_addr.s_addr = htonl(10u << 24 | 9 << 16 | (i + 1));
	}
	return (struct engine_settings){
		.name = "limits",
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
		.limit_rules = plan.named,
		.limit_rule_count = plan.named_count,
		.classifier = classifier,
		.secret = STR("0123456789abcdef0123456789abcdef"),
		.return_domain = STR("bounce.news.test"),
		.unsubscribe_mailbox = STR("unsubscribe@bounce.news.test"),
		.retry = {.first = USEC_MINUTE,
			  .last = 2 * USEC_MINUTE,
			  .greylist_first = USEC_MINUTE,
			  .expiry = USEC_HOUR,
			  .growth = 2.0,
			  .jitter = 0.2},
		.press_count = 1,
		/* Sometimes there is room for fewer paths than mail wants. */
		.envelope_limit = world_below(w, 8) ? 200 : 4,
		.connection_limit = world_below(w, 3) ? 16 : 3,
		.slice_size = 50,
	};
}

/* Between two steps everything stops. */
static bool crash(struct world *w, struct engine *engine, struct engine_settings *settings)
{
	drive_crash(w, engine);
	crash_count++;
	w->now += USEC_SECOND * (1 + (usec)world_below(w, 5));
	return drive_open_all(w, engine, settings);
}

/* All of a configuration at once, as `rundbrief serve` takes it on SIGHUP. */
static void reload(struct world *w, struct engine_settings *settings,
		   struct rules *const edits[LIMITS_EDITS])
{
	static struct tuning edited[LIMITS_EDITS];
	plan.edit = (plan.edit + 1) % LIMITS_EDITS;
	edited[plan.edit] = (struct tuning){.retry = settings->retry,
					    .timeouts = settings->timeouts,
					    .limit_rules = plan.rules_of[plan.edit],
					    .limit_rule_count = plan.rule_count_of[plan.edit]};
	rules_replace(settings->rules, edits[plan.edit]);
	tunings_publish(settings->tunings, &edited[plan.edit]);
	limits_hosts_change(w);
	limits_are_new = true;
	reload_count++;
}

/* Of this limit: marked as started, or about to be, and not started. */
static size_t marked_of(struct engine *engine, const struct carrier_quota *q)
{
	size_t marked = 0, index = 0;
	for (struct map_entry *e; (e = map_next(&engine->carrier.paths, &index));) {
		struct carrier_path *path = e->value;
		struct chain_link *link = chain_first(&path->flows);
		for (; link; link = chain_next(&path->flows, link)) {
			const struct carrier_flow *flow = CHAIN_OWNER(link, struct carrier_flow, link);
			for (size_t i = 0; i < flow->quota_count; i++)
				if (flow->quotas[i] == q)
					marked += flow->marked.count + flow->marking_count +
						  flow->held_count;
		}
	}
	return marked;
}

/* A machine that is lost leaves in doubt whom it had marked: however many paths a limit has, these
 * are no more than it lets start in 200 ms (two spans of a mark), and two. What a connection gives
 * back, or a limit that is lowered, may leave more; then nobody is marked. */
static void check_marks(struct world *w, struct engine *engine)
{
	static size_t before[LIMITS_NAMED + LIMITS_EDITS * LIMITS_NAMED + 64];
	for (size_t i = 0; i < engine->carrier.quota_count; i++) {
		const struct carrier_quota *q = &engine->carrier.quotas[i];
		const struct rate *rate = &q->quota.limits.message_rate;
		ASSERT(i < sizeof(before) / sizeof(before[0]));
		size_t marked = q->rule && rate->count ? marked_of(engine, q) : 0;
		size_t most = 2;
		if (rate->count)
			most += (size_t)((double)rate->count * 200e3 / (double)rate->per);
		if (!limits_are_new && marked > most && marked > before[i] + RETURNS_LIMIT)
			world_fail(w, "%s: %zu marked and not started, %zu before; it lets start %zu", q->why,
				   marked, before[i], most);
		before[i] = marked;
		marks_checked += marked > 0;
	}
	limits_are_new = false;
}

/* False: the engine is not open any more. */
static bool run_campaigns(struct world *w, struct engine *engine,
			  struct engine_settings *settings,
			  struct rules *const edits[LIMITS_EDITS])
{
	usec end = w->now + RUN_TIME;
	limits_are_new = true;
	bool crashes = w->seed % 4 == 1, reloads = w->seed % 3 == 2;
	usec crash_at = crashes ? w->now + (usec)world_below(w, USEC_MINUTE) : USEC_NEVER;
	usec reload_at = reloads ? w->now + (usec)world_below(w, USEC_MINUTE) : USEC_NEVER;
	while (w->now < end && !store_finished()) {
		usec wake = drive_step(engine);
		check_marks(w, engine);
		if (engine->feeder.trouble[0]) {
			world_fail(w, "trouble: %s", engine->feeder.trouble);
			return true;
		}
		if (w->now >= crash_at) {
			if (!crash(w, engine, settings))
				return false;
			crash_at = w->crash_count < CRASH_LIMIT
					   ? w->now + (usec)world_below(w, USEC_MINUTE)
					   : USEC_NEVER;
			continue;
		}
		if (w->now >= reload_at) {
			reload(w, settings, edits);
			reload_at = w->now + (usec)world_below(w, 2 * USEC_MINUTE);
			continue;
		}
		drive_on(w, usec_min(usec_min(wake, end), usec_min(crash_at, reload_at)));
	}
	finished_count += store_finished();
	return true;
}

static bool run_seed(uint64_t seed)
{
	static struct world w;
	static struct engine engine;
	struct arena arena;
	world_begin(&w, seed);
	w.program = "build/release/limits";
	w.calm = true;
	w.in_doubt_retry = false;
	choose_faults(&w);
	limits_plan_make(&w, &plan);
	drive_journal_begin(&w, "limits");
	arena_init(&arena, heap_source(), 0, 0);
	make_people(&w, &arena);
	limits_hosts_begin(&w, &plan);
	struct rules *edits[LIMITS_EDITS];
	for (unsigned i = 0; i < LIMITS_EDITS; i++)
		edits[i] = limits_plan_rules(&arena, &plan, i);
	struct engine_settings settings =
		make_settings(&w, limits_plan_rules(&arena, &plan, 0));
	struct tunings tunings = {};
	settings.tunings = &tunings;
	if (drive_open_all(&w, &engine, &settings) &&
	    run_campaigns(&w, &engine, &settings, edits)) {
		drive_drain(&w, &engine);
		drive_close(&engine);
	}
	arrived_count += limits_hosts_arrived();
	while (world_run_next(&w, USEC_NEVER - 1))
		continue;
	bool good = w.failures == 0;
	store_end(&w);
	sim_io_end();
	arena_done(&arena);
	drive_journal_end(&w);
	world_end(&w);
	return good;
}

/* A killed engine leaves its memory behind, as a killed process does: no leak is news here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static void write_log(enum log_level level, const char *line, void *context)
{
	(void)context;
	if (getenv("SIM_LOG") || (level == LOG_ERROR && strstr(line, "assertion")))
		fprintf(stderr, "%.3f %s\n", world ? (double)world->now / 1e6 : 0.0, line);
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100;
	uint64_t failed = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_writer(write_log, NULL);
	struct arena arena;
	arena_init(&arena, heap_source(), 0, 0);
	classifier = classifier_create(&arena);
	ASSERT(classifier);
	for (uint64_t seed = first; seed < first + count && failed < 10; seed++)
		failed += !run_seed(seed);
	printf("met:");
	for (int i = 0; i < TALLY_KINDS; i++)
		printf(" %s=%llu", tally_kind_names[i], (unsigned long long)tally_met[i]);
	printf("\nseen: marks=%llu arrivals=%llu finished-seeds=%llu crashes=%llu reloads=%llu\n",
	       (unsigned long long)marks_checked, (unsigned long long)arrived_count,
	       (unsigned long long)finished_count,
	       (unsigned long long)crash_count, (unsigned long long)reload_count);
	printf("limits: %llu passed, %llu failed\n", (unsigned long long)(count - failed),
	       (unsigned long long)failed);
	arena_done(&arena);
	return failed > 0;
}
