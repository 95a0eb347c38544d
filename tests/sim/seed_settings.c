/* seed_settings.c - what the engines of a seed are told: sources, limits, keys. */
#include "tests/sim/seed.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "engine/base/assert.h"
#include "engine/io/heap.h"
#include "tests/sim/sim.h"

static struct dkim_key *key;
static struct dkim_record record;
static char record_text[512];
static struct arena classifier_arena;
static const struct classifier *classifier; /* immutable: one for all seeds */

const struct dkim_record *sim_dkim_record(void)
{
	return &record;
}

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

void seed_settings_begin(void)
{
	arena_init(&classifier_arena, heap_source(), 0, 0);
	classifier = classifier_create(&classifier_arena);
	ASSERT(classifier);
	make_key();
}

void seed_settings_end(void)
{
	dkim_key_destroy(key);
	arena_done(&classifier_arena);
}

struct rules *seed_rules(struct arena *arena, uint32_t divisor)
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

/* 10.200.0.1 is that of out1. */
static void make_source(struct source *source, unsigned number)
{
	*source = (struct source){.has_ipv4 = true};
	snprintf(source->name, sizeof(source->name), "out%u", number);
	snprintf(source->helo, sizeof(source->helo), "out%u.news.test", number);
	source->ipv4.in4.sin_family = AF_INET;
	source->ipv4.in4.sin_addr.s_addr = htonl(10u << 24 | 200u << 16 | number);
}

/* Each engine has a source of its own, or all may send from the same ones, of which there are
 * fewer than engines. */
static void make_sources(const struct world *w, struct node *node)
{
	bool shared = w->engine_count > 1 && w->seed % 3 > 0;
	node->source_count = shared ? w->engine_count - 1 : 1;
	for (unsigned i = 0; i < node->source_count; i++)
		make_source(&node->sources[i], shared ? i + 1 : node->index + 1);
}

void seed_settings(struct world *w, struct node *node, struct rules *rules)
{
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
	make_sources(w, node);
	node->durable = world_below(w, 2);
	node->settings = (struct engine_settings){
		.name = node->name,
		.journal_directory = node->journal,
		.durable_disk = node->durable,
		.journal_segment_size = world->seed % 3 ? 4096 : 0, /* many segments, or one */
		.store = {.tenant = 1, .journal_wait = 5 * USEC_MINUTE},
		.route = {.port = 25,
			  .tls = TLS_WISH_MAY,
			  .static_routes = &strict,
			  .static_route_count = 1,
			  .provider_of = drive_provider_of,
			  .provider_context = rules},
		.sources = node->sources,
		.source_count = node->source_count,
		.warmups = w->seed % 5 == 4 && w->engine_count == 1 ? colds : NULL,
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
		.slice_size = 30,
	};
}
