/* limits.c - whether anything ever goes above a limit, as those see it whom the limits protect.
 *
 *   limits FIRST COUNT    runs COUNT seeds from FIRST on; a seed that fails is printed as a
 * command
 *
 * One seed is up to three campaigns to 50 to 100 recipients at one to six sites, over one to
 * three sources, under limits of every kind and unit that chance gives: of paths (with reloads
 * of them in some seeds), of campaigns, and wider ones with names; a third have two engines. Hosts
 * count what arrives (tally.h); in some seeds a few things go wrong, in some an engine crashes. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/io/heap.h"
#include "tests/sim/limits/limits_node.h"
#include "tests/sim/limits/limits_plan.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_store.h"

#define RUN_TIME (10 * USEC_MINUTE) /* what is not sent by then stays unsent */
#define DRAIN_STEPS 20000

const char *const state_names[STATE_COUNT]; /* hits are of no interest here */

static const struct classifier *classifier;
static struct limits_plan plan;
static uint64_t arrived_count, together_count, two_count, finished_count;

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

static struct engine_settings make_settings(struct rules *rules)
{
	return (struct engine_settings){
		.store = {.tenant = 1},
		.route = {.port = 25,
			  .tls = TLS_WISH_MAY,
			  .provider_of = drive_provider_of,
			  .provider_context = rules},
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
		/* Two share every campaign. */
		.slice_size = plan.engine_count > 1 ? 8 : 50,
	};
}

static void reload(struct limits_node *nodes, struct rules *const *edits)
{
	usec taken_at[LIMITS_ENGINES] = {};
	plan.edit = (plan.edit + 1) % LIMITS_EDITS;
	for (unsigned i = 0; i < plan.engine_count; i++)
		taken_at[i] = limits_node_reload(&nodes[i], &plan, edits[plan.edit]);
	limits_hosts_change(taken_at);
	limits_seen.reloads++;
}

/* To the next event that reaches an engine, or to when one wants to be stepped. */
static void go_on(struct world *w, const struct limits_node *nodes, usec wake)
{
	for (;;) {
		usec next = world_next_at(w);
		if (next > wake) {
			w->now = usec_max(w->now, wake);
			return;
		}
		world_run_next(w, next);
		for (unsigned i = 0; i < plan.engine_count; i++)
			if (nodes[i].life && nodes[i].life->touched)
				return;
	}
}

/* All of them once; *ret_wake: when the next is due. */
static bool step_all(struct world *w, struct limits_node *nodes, usec *ret_wake)
{
	unsigned count = plan.engine_count;
	size_t first = count > 1 ? world_below(w, count) : 0;
	*ret_wake = USEC_NEVER;
	for (unsigned i = 0; i < count; i++) {
		struct limits_node *node = &nodes[(first + i) % count];
		if (!limits_node_step(w, node))
			return false;
		*ret_wake = usec_min(*ret_wake, node->wake);
	}
	return true;
}

static void drain_all(struct world *w, struct limits_node *nodes)
{
	usec wake;
	for (unsigned i = 0; i < plan.engine_count; i++)
		limits_node_end(&nodes[i]);
	for (int i = 0; i < DRAIN_STEPS && step_all(w, nodes, &wake) && wake < USEC_NEVER; i++)
		go_on(w, nodes, wake);
	for (unsigned i = 0; i < plan.engine_count; i++)
		if (nodes[i].state != LIMITS_DONE)
			world_fail(w, "%s does not come to its end", nodes[i].name);
}

static void run_campaigns(struct world *w, struct limits_node *nodes,
			  struct rules *const edits[LIMITS_EDITS])
{
	usec end = w->now + RUN_TIME, wake;
	bool reloads = w->seed % 3 == 2;
	usec reload_at = reloads ? w->now + (usec)world_below(w, USEC_MINUTE) : USEC_NEVER;
	while (w->now < end && !store_finished()) {
		if (!step_all(w, nodes, &wake))
			return;
		if (w->now >= reload_at) {
			reload(nodes, edits);
			reload_at = w->now + (usec)world_below(w, 2 * USEC_MINUTE);
			continue;
		}
		go_on(w, nodes, usec_min(usec_min(wake, end), reload_at));
	}
	finished_count += store_finished();
	drain_all(w, nodes);
}

static bool run_seed(uint64_t seed)
{
	static struct world w;
	static struct limits_node nodes[LIMITS_ENGINES];
	struct arena arena;
	world_begin(&w, seed);
	w.program = "build/release/limits";
	w.calm = true;
	w.in_doubt_retry = false;
	choose_faults(&w);
	limits_plan_make(&w, &plan, world_below(&w, 3) ? 1 : LIMITS_ENGINES);
	w.engine_count = plan.engine_count;
	drive_journal_begin(&w, "limits");
	arena_init(&arena, heap_source(), 0, 0);
	make_people(&w, &arena);
	limits_hosts_begin(&w, &plan);
	struct rules *edits[LIMITS_EDITS];
	for (unsigned i = 0; i < LIMITS_EDITS; i++)
		edits[i] = limits_plan_rules(&arena, &plan, i);
	for (unsigned i = 0; i < plan.engine_count; i++) {
		const struct engine_settings settings =
			make_settings(limits_plan_rules(&arena, &plan, 0));
		limits_node_begin(&w, &nodes[i], i, &plan, &settings);
	}
	run_campaigns(&w, nodes, edits);
	arrived_count += limits_hosts_arrived();
	together_count += limits_hosts_together();
	two_count += plan.engine_count > 1;
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
	const struct limits_seen *seen = &limits_seen;
	const struct {
		const char *name;
		uint64_t count;
	} counts[] = {{"marks", seen->marks},         {"arrivals", arrived_count},
		      {"finished-seeds", finished_count}, {"crashes", seen->crashes},
		      {"stops", seen->stops},         {"reloads", seen->reloads},
		      {"of-two-engines", two_count},  {"together", together_count},
		      {"pauses", seen->pauses},       {"lapses", seen->lapses}};
	printf("\nseen:");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		printf(" %s=%llu", counts[i].name, (unsigned long long)counts[i].count);
	printf("\n");
	printf("limits: %llu passed, %llu failed\n", (unsigned long long)(count - failed),
	       (unsigned long long)failed);
	arena_done(&arena);
	return failed > 0;
}
