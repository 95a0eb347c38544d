/* sim.c - the whole engine under a virtual clock, a virtual network and a virtual database.
 *
 *   sim FIRST COUNT    runs COUNT seeds from FIRST on; a seed that fails is printed as a
 * command
 *
 * One seed is one campaign of 200 to 400 recipients over six sites with at least three kinds of
 * fault, Ed25519-signed. The driver steps all workers in one thread, lets the clock jump to
 * whatever comes next, and now and then kills the engine between two steps and starts it again
 * over what was left: its journal, its database, mail already on its way. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/io/heap.h"
#include "tests/sim/drive.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_variants.h"

#define STEP_LIMIT 2000000
#define CRASH_LIMIT 6

const char *const state_names[STATE_COUNT] = {
	[VERDICT_DELIVERED] = "delivered",
	[VERDICT_DEFERRED] = "deferred",
	[VERDICT_FAILED] = "failed",
	[VERDICT_IN_DOUBT] = "in-doubt",
	[16] = "recovered-outcomes",
	[17] = "recovered-doubts",
	[18] = "recovered-slices",
	[19] = "torn-journals",
	[20] = "put-back",
	[21] = "paused",
	[22] = "stopped",
	[23] = "chunked-hosts",
	[24] = "window-hosts",
	[25] = "lowered-hosts",
	[26] = "shut-paths",
	[27] = "warm-up-starts",
	[28] = "letters-of-winner",
	[29] = "held-out",
	[32] = "in-8-bits",
	[33] = "in-7-bits",
	[30] = "expired-waiting",
	[VERDICT_SUPPRESSED] = "suppressed",
};

static struct dkim_key *key;
static struct dkim_record record;
static char record_text[512];

const struct dkim_record *sim_dkim_record(void)
{
	return &record;
}

static const struct classifier *classifier; /* immutable: one for all seeds */

static void make_key(void)
{
	static char pem_bytes[4096];
	struct buf pem, text;
	char why[200];
	buf_init_fixed(&pem, pem_bytes, sizeof(pem_bytes));
	buf_init_fixed(&text, record_text, sizeof(record_text));
	ASSERT(dkim_generate(DKIM_ED25519_SHA256, &pem) == 0);
	key = dkim_key_create(buf_str(&pem), STR("news.test"), STR("sim"), why, sizeof(why));
	ASSERT(key);
	dkim_key_record(key, &text);
	record = (struct dkim_record){
		.selector = STR("sim"), .domain = STR("news.test"), .text = buf_str(&text)};
}

/* Somebody edits the limits all the time: the same ones, and lower ones. */
#define RELOAD_STEPS 512
static const struct rules *edits[2];

/* Limits per site, as the configuration would have them: rules_add() by site name. */
static struct rules *make_rules(struct arena *arena, uint32_t divisor)
{
	struct rules *rules = rules_create(arena);
	for (unsigned i = 0; i < SITE_COUNT; i++) {
		char *suffix = arena_bytes(arena, 32);
		char *name = arena_bytes(arena, 32);
		snprintf(suffix, 32, ".site%u.test", i);
		snprintf(name, 32, "site%u", i);
		str *suffixes = ARENA_NEW(arena, str); /* rules keep the array, too */
		*suffixes = str_of(suffix);
		const struct path_limits limits = {
			.connections = (site_limits[i].connections + divisor - 1) / divisor,
			.messages_per_connection = 20,
			.message_rate = {site_limits[i].rate_per_second, USEC_SECOND, 1},
			.idle_close = 5 * USEC_SECOND,
		};
		ASSERT(rules_add(rules, str_of(name), suffixes, 1, &limits, RULES_ALL) == 0);
	}
	return rules;
}

static struct engine_settings make_settings(struct world *w, struct rules *rules)
{
	static const struct source source = {.name = "out1", .helo = "out1.news.test"};
	/* In some seeds the source is new: a message every ten seconds to each provider. */
	static const struct warmup_curve cold = {.steps = {8640},
						 .step_count = 1,
						 .closes = USEC_DAY,
						 .defer_limit = 1000000,
						 .complaint_limit = 1000000};
	static const struct warmup_curve *const colds[] = {&cold};
	/* One domain whose mail goes under TLS or not at all. */
	static const struct static_route strict = {.match = ROUTE_DOMAIN,
						   .name = {"site3.test", 10},
						   .has_tls = true,
						   .tls = TLS_WISH_ENCRYPT};
	struct engine_settings settings = {
		.name = "sim",
		.journal_directory = w->journal,
		.durable_disk = world_below(w, 2),
		.journal_segment_size = w->seed % 3 ? 4096 : 0, /* many segments, or one */
		.store = {.tenant = 1},
		.route = {.port = 25,
			  .tls = TLS_WISH_MAY,
			  .static_routes = &strict,
			  .static_route_count = 1,
			  .provider_of = drive_provider_of,
			  .provider_context = rules},
		.sources = &source,
		.source_count = 1,
		.warmups = w->seed % 5 == 4 ? colds : NULL,
		.timeouts = smtp_timeouts_default,
		.rules = rules,
		.classifier = classifier,
		.dkim_keys = &key,
		.dkim_key_count = 1,
		.secret = STR("0123456789abcdef0123456789abcdef"),
		.return_domain = STR("bounce.news.test"),
		.unsubscribe_mailbox = STR("unsubscribe@bounce.news.test"),
		.retry = {.first = USEC_MINUTE,
			  .last = 10 * USEC_MINUTE,
			  .greylist_first = USEC_MINUTE,
			  .expiry = USEC_HOUR,
			  .growth = 2.0,
			  .jitter = 0.2},
		.press_count = 2,
		.envelope_limit = 200,
		.connection_limit = world_below(w, 3) ? 16 : 3, /* fewer than there are sites */
		.slice_size = 60,
	};
	return settings;
}

/* How far hosts got to be trusted, and which paths found no TLS, while this engine ran. */
static void count_habits(const struct engine *engine)
{
	size_t index = 0;
	for (struct map_entry *e; (e = map_next(&engine->carrier.habits, &index));) {
		const struct carrier_habit *habit = e->value;
		state_hits[23] += habit->habit.flight == FLIGHT_CHUNK;
		state_hits[24] += habit->habit.flight == FLIGHT_WINDOW;
		state_hits[25] += habit->habit.ceiling_until > 0;
	}
	index = 0;
	for (struct map_entry *e; (e = map_next(&engine->carrier.paths, &index));)
		state_hits[26] += ((const struct carrier_path *)e->value)->shut_until > 0;
}

/* Between two steps everything stops: what the engine had started is no longer its own. */
static void crash(struct world *w, struct engine *engine)
{
	drive_crash(w, engine);
	w->now += USEC_SECOND * (1 + (usec)world_below(w, 30));
}

/* What the journal says, read back after the end, is what the database holds: every mark has
 * its outcome or came to nothing, and the last outcome stands at the settled position. */
struct reading {
	uint64_t open_marks[RECIPIENT_LIMIT + 1];
	uint64_t last_outcome;
};

static void read_mark(void *context, uint64_t position, const struct journal_mark *mark)
{
	struct reading *reading = context;
	reading->open_marks[mark->subscriber_id] = position;
}

static void read_void(void *context, uint64_t position, const struct journal_mark *mark)
{
	(void)position;
	((struct reading *)context)->open_marks[mark->subscriber_id] = 0;
}

static void read_outcome(void *context, uint64_t position, const struct store_outcome *row)
{
	struct reading *reading = context;
	reading->open_marks[row->subscriber_id] = 0;
	reading->last_outcome = position;
}

static void check_journal(struct world *w)
{
	static struct reading reading;
	char why[200];
	reading = (struct reading){};
	const struct journal_reader_events events = {.on_mark = read_mark,
						     .on_void = read_void,
						     .on_outcome = read_outcome,
						     .context = &reading};
	enum journal_ending ending;
	uint64_t end = journal_replay(w->journal, 0, &events, &ending, why, sizeof(why));
	if (end == UINT64_MAX || why[0])
		world_fail(w, "the journal cannot be read back: %s", why);
	for (uint32_t id = 1; id <= w->recipient_count; id++)
		if (reading.open_marks[id])
			world_fail(w, "r%u has a mark in the journal and no outcome", id);
	if (reading.last_outcome != 0 && reading.last_outcome != store_journal_position(1))
		world_fail(w, "the journal's last outcome is at %llu, settled is %llu",
			   (unsigned long long)reading.last_outcome,
			   (unsigned long long)store_journal_position(1));
}

/* People change settings between two starts: the slices that wait may then be too large. */
static bool open_again(struct world *w, struct engine *engine, struct engine_settings *settings)
{
	settings->envelope_limit = world_below(w, 2) ? 200 : 25;
	return drive_open(w, engine, settings);
}

static void run_campaign(struct world *w, struct engine *engine,
			 struct engine_settings *settings)
{
	uint64_t crash_in = w->rate[FAULT_CRASH] ? 1 + world_below(w, 3000) : UINT64_MAX;
	uint64_t stop_in = w->seed % 2 ? 1 + world_below(w, 3000) : UINT64_MAX;
	if (!drive_open(w, engine, settings))
		return;
	for (uint64_t step = 0; step < STEP_LIMIT; step++) {
		if (step % RELOAD_STEPS == RELOAD_STEPS - 1)
			rules_replace(settings->rules, edits[step / RELOAD_STEPS % 2]);
		usec wake = drive_step(engine);
		if (engine->feeder.trouble[0] || atomic_load(&engine->ledger.fenced)) {
			world_fail(w, "trouble: %s%s", engine->feeder.trouble,
				   engine->ledger.why);
			break;
		}
		if (engine->feeder.only->finished) {
			drive_drain(w, engine);
			count_habits(engine);
			drive_close(engine);
			check_journal(w);
			return;
		}
		if (stop_in-- == 0) { /* Ctrl-C: in order, and started again */
			state_hits[22]++;
			drive_drain(w, engine);
			drive_close(engine);
			if (w->failures || !open_again(w, engine, settings))
				return;
			continue;
		}
		if (crash_in-- == 0) {
			crash(w, engine);
			crash_in = w->crash_count < CRASH_LIMIT ? 1 + world_below(w, 4000)
								: UINT64_MAX;
			if (!open_again(w, engine, settings))
				return;
			continue;
		}
		drive_on(w, wake);
	}
	world_fail(w, "no end after %d steps: %s", STEP_LIMIT,
		   store_finished() ? "finished" : "campaign unfinished");
	drive_close(engine);
}

static bool run_seed(uint64_t seed)
{
	static struct world w;
	static struct engine engine;
	struct arena arena;
	world_begin(&w, seed);
	w.with_files = seed % 2;
	drive_journal_begin(&w, "sim");
	arena_init(&arena, heap_source(), 0, 0);
	hosts_begin(&w);
	store_begin(&w);
	sim_variants_begin(&w);
	edits[0] = make_rules(&arena, 3);
	edits[1] = make_rules(&arena, 1);
	struct engine_settings settings = make_settings(&w, make_rules(&arena, 1));
	run_campaign(&w, &engine, &settings);
	/* The engine is closed; what is still flying lands, or is dropped with its socket. */
	for (int i = 0; i < 1000000 && world_run_next(&w, USEC_NEVER - 1); i++)
		continue;
	if (w.failures == 0)
		store_check(&w);
	hosts_end(&w);
	bool good = w.failures == 0;
	store_end(&w);
	sim_io_end();
	arena_done(&arena);
	world_end(&w);
	drive_journal_end(&w);
	return good;
}

/* The hits are added up over all shares of a run by tests/sim/run.sh, which fails on a zero. */
static int report(uint64_t count, uint64_t failed)
{
	printf("faults:");
	for (int i = 0; i < FAULT_COUNT; i++)
		printf(" %s=%llu", fault_names[i], (unsigned long long)fault_hits[i]);
	printf("\nstates:");
	for (int i = 0; i < STATE_COUNT; i++)
		if (state_names[i])
			printf(" %s=%llu", state_names[i], (unsigned long long)state_hits[i]);
	printf("\nsim: %llu passed, %llu failed\n", (unsigned long long)(count - failed),
	       (unsigned long long)failed);
	return failed > 0;
}

/* A killed engine leaves its memory behind, as a killed process does: no leak is news here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* A broken promise is told through the log; its other lines only when asked for. */
static void write_log(enum log_level level, const char *line, void *context)
{
	(void)context;
	if (level == LOG_ERROR || getenv("SIM_LOG"))
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
	make_key();
	for (uint64_t seed = first; seed < first + count && failed < 10; seed++)
		failed += !run_seed(seed);
	int result = report(count, failed);
	dkim_key_destroy(key);
	arena_done(&arena);
	return result;
}
