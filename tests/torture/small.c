/* small.c - the small campaign: made, stepped, killed, checked. */
#include "tests/torture/small.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "engine/base/assert.h"
#include "engine/io/heap.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_variants.h"

#define STEP_LIMIT 400000
/* 10.200.0.1, by which the hosts know it (tests/sim/host.c) */
#define SOURCE_ADDRESS 0x0100c80a

const char *const state_names[STATE_COUNT]; /* hits are of no interest here */

static const struct classifier *classifier;
static const struct source source = {
	.name = "out1",
	.helo = "out1.news.test",
	.has_ipv4 = true,
	.ipv4 = {.in4 = {.sin_family = AF_INET, .sin_addr = {SOURCE_ADDRESS}}}};

/* Nothing is signed here: the hosts are told that they have read enough signatures. */
const struct dkim_record *sim_dkim_record(void)
{
	return NULL;
}

void small_once(void)
{
	static struct arena arena;
	arena_init(&arena, heap_source(), 0, 0);
	classifier = classifier_create(&arena);
	ASSERT(classifier);
}

static void make_people(struct world *w, uint32_t count)
{
	world_people(w, count);
	store_begin(w);
	for (uint32_t id = 1; id <= count; id++) {
		struct truth *truth = &w->truths[id];
		snprintf(truth->email, sizeof(truth->email), "r%u@site%u.test", id, id % 3);
		truth->suppressed_at_cut = id == 7;
	}
}

/* Each site's limits, and a way of its own to send: the whole in one flight, several of them, one
 * step after the other. */
static struct rules *make_rules(struct arena *arena)
{
	static const char *const names[] = {"site0", "site1", "site2"};
	static const str suffixes[] = {STR(".site0.test"), STR(".site1.test"),
				       STR(".site2.test")};
	static const enum smtp_flight flights[] = {FLIGHT_WINDOW, FLIGHT_NEXT, FLIGHT_LOCKSTEP};
	struct rules *rules = rules_create(arena);
	for (unsigned i = 0; i < 3; i++) {
		const struct path_limits limits = {
			.connections = site_limits[i].connections,
			.messages_per_connection = 20,
			.message_rate = {site_limits[i].rate_per_second, USEC_SECOND, 1},
			.idle_close = 5 * USEC_SECOND,
			.habits = {.pinned = true, .flight = flights[i], .window = 4},
		};
		ASSERT(rules_add(rules, str_of(names[i]), &suffixes[i], 1, &limits,
				 RULES_ALL) == 0);
	}
	return rules;
}

static struct engine_settings make_settings(struct small *s)
{
	struct rules *rules = make_rules(&s->arena);
	return (struct engine_settings){
		.name = "sim1", /* by which the hosts know whose a source is */
		.journal_directory = s->world.journal,
		/* So small that a mark whose reply takes long lies far back soon. */
		.journal_segment_size = s->world.seed % 2 ? 64 : 2048,
		.durable_disk = s->world.seed % 2,
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
		.retry = {.first = USEC_MINUTE,
			  .last = 2 * USEC_MINUTE,
			  .greylist_first = USEC_MINUTE,
			  .expiry = USEC_HOUR,
			  .growth = 2.0,
			  .jitter = 0.2},
		.press_count = 1,
		.envelope_limit = 200,
		.connection_limit = 8,
		.slice_size = 10,
	};
}

void small_begin(struct small *s, uint64_t seed, uint32_t recipients, const char *name)
{
	struct world *w = &s->world;
	world_begin(w, seed);
	w->program = name;
	w->calm = true;
	w->verified_count = SIM_VERIFY_LIMIT;
	for (int i = 0; i < FAULT_COUNT; i++)
		w->rate[i] = 0;
	w->rate[FAULT_GREYLIST] = 150;
	w->rate[FAULT_DEFER] = 80;
	w->rate[FAULT_REJECT] = 60;
	w->rate[FAULT_HANG] = seed % 7 == 3 ? 20 : 0; /* ten minutes of waiting, each */
	w->rate[FAULT_TARPIT] = 100;
	drive_journal_begin(w, name);
	arena_init(&s->arena, heap_source(), 0, 0);
	make_people(w, recipients);
	hosts_begin(w);
	s->settings = make_settings(s);
	s->open = s->carried = false;
	s->on_step = NULL;
}

bool small_open(struct small *s)
{
	world_live(&s->world, 0);
	s->open = drive_try(&s->world, &s->engine, &s->settings, SIM_NEWSLETTER);
	if (!s->open)
		drive_give_up(&s->world, &s->engine);
	return s->open;
}

const char *small_why(const struct small *s)
{
	const struct engine *engine = &s->engine;
	if (!s->open)
		return engine->why;
	return engine->feeder.trouble[0] ? engine->feeder.trouble : engine->ledger.why;
}

enum small_end small_run(struct small *s)
{
	struct engine *engine = &s->engine;
	for (uint64_t step = 0; step < STEP_LIMIT; step++) {
		if (s->on_step)
			s->on_step(s);
		usec wake = drive_step(engine);
		s->carried |= engine->carrier.carried_position > 0;
		if (engine->feeder.trouble[0] || atomic_load(&engine->ledger.fenced))
			return SMALL_TROUBLE;
		if (engine->feeder.only->finished)
			return SMALL_FINISHED;
		drive_on(&s->world, wake);
	}
	return SMALL_STUCK;
}

void small_close(struct small *s)
{
	drive_drain(&s->world, &s->engine);
	engine_leave(&s->engine);
	drive_close(&s->engine);
	s->open = false;
}

void small_kill(struct small *s)
{
	drive_crash(&s->world, &s->engine);
	s->open = false;
	s->world.now += 10 * USEC_SECOND;
}

bool small_check(struct small *s)
{
	store_check(&s->world);
	return s->world.failures == 0;
}

void small_end(struct small *s)
{
	struct world *w = &s->world;
	for (int i = 0; i < 1000000 && world_run_next(w, USEC_NEVER - 1); i++)
		continue;
	hosts_end(w);
	store_end(w);
	sim_io_end();
	arena_done(&s->arena);
	drive_journal_end(w);
	world_end(w);
}
