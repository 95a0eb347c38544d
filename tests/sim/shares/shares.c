/* shares.c - how ten campaigns share one provider, and what goes before all of them.
 *
 *   shares FIRST COUNT    runs COUNT seeds from FIRST on
 *
 * Ten campaigns of 200 to 100,000 recipients, with weights by chance, on one site that takes a
 * limited rate; the large ones never finish. One line a seed: how far the share of what was
 * delivered is from that of the weight, for the campaign that is furthest, while all have mail;
 * and how long the slowest transactional message took from its insert to its MAIL command. */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/io/heap.h"
#include "engine/shape/rules.h"
#include "tests/sim/drive.h"
#include "tests/sim/shares/shares.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_store.h"

#define OFF_MOST 10.0 /* percent of the weight's share */
#define URGENT_MOST (100 * USEC_MS)
#define RUN_TIME (30 * USEC_MINUTE)
#define WARM_TIME (20 * USEC_SECOND) /* until the pace of the limit is reached */

const char *const state_names[STATE_COUNT]; /* hits are of no interest here */

static const struct classifier *classifier;
static struct shares_plan plan;

/* Nothing is signed here. */
const struct dkim_record *sim_dkim_record(void)
{
	return NULL;
}

static void make_plan(struct world *w)
{
	static const uint32_t sizes[SHARES_CAMPAIGNS] = {200,   500,   1000,  2000,  5000,
							 10000, 20000, 40000, 70000, 100000};
	static const uint32_t weights[] = {50, 100, 100, 200, 300};
	for (unsigned i = 0; i < SHARES_CAMPAIGNS; i++) {
		unsigned k = (unsigned)world_below(w, i + 1); /* in any order */
		plan.sizes[i] = plan.sizes[k];
		plan.sizes[k] = sizes[i];
		plan.weights[i] = weights[world_below(w, 5)];
	}
	plan.per_second = 30 + (uint32_t)world_below(w, 71);
	plan.connections = 20 + (uint32_t)world_below(w, 20);
}

static str settings_of(struct arena *arena, uint32_t weight)
{
	char *text = arena_bytes(arena, 160);
	ASSERT(text);
	snprintf(text, 160,
		 "{\"subject\":\"Hello {{ first_name }}\",\"from_address\":\"news@news.test\","
		 "\"weight\":%u}",
		 weight);
	return str_of(text);
}

static void make_people(struct world *w, struct arena *arena)
{
	static const char *const names[SHARES_CAMPAIGNS] = {"a", "b", "c", "d", "e",
							    "f", "g", "h", "i", "j"};
	struct sim_newsletter letters[SHARES_CAMPAIGNS];
	uint32_t count = 0;
	for (unsigned i = 0; i < SHARES_CAMPAIGNS; i++)
		count += plan.sizes[i];
	world_people(w, count);
	store_begin(w);
	for (uint32_t id = 1; id <= count; id++) {
		struct truth *truth = &w->truths[id];
		snprintf(truth->email, sizeof(truth->email), "r%u@site0.test", id);
		truth->suppressed_at_cut = false;
	}
	for (unsigned i = 0; i < SHARES_CAMPAIGNS; i++)
		letters[i] = (struct sim_newsletter){
			.id = SHARES_CAMPAIGN + i,
			.name = names[i],
			.settings = settings_of(arena, plan.weights[i]),
			.recipients = plan.sizes[i],
		};
	sim_newsletters(letters, SHARES_CAMPAIGNS);
}

/* To the same site as everything else. */
static void post_urgent(struct world *w)
{
	for (unsigned i = 0; i < SHARES_ROWS; i++) {
		usec delay =
			WARM_TIME + i * USEC_SECOND / 2 + (usec)world_below(w, 400 * USEC_MS);
		sim_outbox_post(w, delay, (unsigned)world_below(w, 10), 0);
		struct truth *truth = sim_outbox_truth(STORE_OUTBOX_FIRST_ID + i);
		snprintf(truth->email, sizeof(truth->email), "t%u@site0.test", i);
	}
}

static struct engine_settings make_settings(struct world *w, struct rules *rules)
{
	static struct source source = {
		.name = "out1", .has_ipv4 = true, .helo = "out.news.test"};
	const str suffixes[] = {STR(".site0.test")};
	const struct path_limits limits = {
		.connections = plan.connections,
		.message_rate = {plan.per_second, USEC_SECOND, 1},
		.idle_close = 5 * USEC_SECOND,
	};
	ASSERT(rules && rules_add(rules, STR("alpha"), suffixes, 1, &limits, RULES_ALL) == 0);
	source.ipv4.in4.sin_family = AF_INET;
	source.ipv4.in4.sin_addr.s_addr = htonl(10u << 24 | 9 << 16 | 1);
	return (struct engine_settings){
		.name = "shares",
		.journal_directory = w->journal,
		.store = {.tenant = 1},
		.route = {.port = 25,
			  .tls = TLS_WISH_MAY,
			  .provider_of = drive_provider_of,
			  .provider_context = rules},
		.sources = &source,
		.source_count = 1,
		.timeouts = smtp_timeouts_default,
		.rules = rules,
		.classifier = classifier,
		.secret = STR("0123456789abcdef0123456789abcdef"),
		.return_domain = STR("bounce.news.test"),
		.unsubscribe_mailbox = STR("unsubscribe@bounce.news.test"),
		.retry = retry_schedule_default,
		.press_count = 1,
	};
}

static void run(struct world *w, struct engine *engine)
{
	usec start = w->now, end = start + RUN_TIME;
	usec least = start + WARM_TIME + 25 * USEC_SECOND; /* all rows are posted */
	while (w->now < end && (!shares_seen.one_has_ended || w->now < least)) {
		usec wake = drive_step(engine);
		if (engine->feeder.trouble[0]) {
			world_fail(w, "trouble: %s", engine->feeder.trouble);
			return;
		}
		drive_on(w, usec_min(wake, end));
	}
	if (!shares_seen.one_has_ended)
		world_fail(w, "no campaign came to its end");
}

/* The one that is furthest from what its weight says, in percent of that. */
static double furthest(unsigned *ret_campaign)
{
	double weights = 0, most = 0;
	for (unsigned i = 0; i < SHARES_CAMPAIGNS; i++)
		weights += plan.weights[i];
	for (unsigned i = 0; i < SHARES_CAMPAIGNS; i++) {
		double due = (double)shares_seen.total * plan.weights[i] / weights;
		double off = 100 * fabs((double)shares_seen.counted[i] - due) / due;
		if (i > 0 && off <= most)
			continue;
		most = off;
		*ret_campaign = i;
	}
	return most;
}

static bool judge(struct world *w)
{
	unsigned k = 0;
	double off = furthest(&k);
	double urgent = (double)shares_seen.urgent_longest / USEC_MS;
	bool good = shares_seen.total > 0 && off <= OFF_MOST &&
		    shares_seen.urgent_count == SHARES_ROWS &&
		    shares_seen.urgent_longest <= URGENT_MOST && w->failures == 0;
	printf("shares %4llu  %s  %llu delivered at %u/s while all ten had mail, %4.1f %% off "
	       "at most (weight %u, %u recipients: %llu); %u of %u transactional, the "
	       "slowest %.0f ms\n",
	       (unsigned long long)w->seed, good ? "ok    " : "FAILED",
	       (unsigned long long)shares_seen.total, plan.per_second, off, plan.weights[k],
	       plan.sizes[k], (unsigned long long)shares_seen.counted[k],
	       shares_seen.urgent_count, SHARES_ROWS, urgent);
	return good;
}

static bool run_seed(uint64_t seed)
{
	static struct world w;
	static struct engine engine;
	struct arena arena;
	world_begin(&w, seed);
	w.program = "build/release/shares";
	for (int i = 0; i < FAULT_COUNT; i++)
		w.rate[i] = 0;
	w.calm = true;
	w.remembers_dns = true;
	make_plan(&w);
	drive_journal_begin(&w, "shares");
	arena_init(&arena, heap_source(), 0, 0);
	make_people(&w, &arena);
	post_urgent(&w);
	shares_host_begin(&plan);
	struct engine_settings settings = make_settings(&w, rules_create(&arena));
	if (drive_open_all(&w, &engine, &settings)) {
		run(&w, &engine);
		drive_drain(&w, &engine);
		drive_close(&engine);
	}
	bool good = judge(&w);
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
	uint64_t failed = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_writer(write_log, NULL);
	struct arena arena;
	arena_init(&arena, heap_source(), 0, 0);
	classifier = classifier_create(&arena);
	ASSERT(classifier);
	for (uint64_t seed = first; seed < first + count; seed++)
		failed += !run_seed(seed);
	printf("shares: %llu passed, %llu failed\n", (unsigned long long)(count - failed),
	       (unsigned long long)failed);
	arena_done(&arena);
	return failed > 0;
}
