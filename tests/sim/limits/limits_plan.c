/* limits_plan.c - the limits of one seed, by chance: of paths, of campaigns, and wider ones. */
#include "tests/sim/limits/limits_plan.h"

#include <stdio.h>

#include "engine/base/assert.h"

/* Rates in all units; slow ones are no slower than what a seed has time for. */
static struct rate some_rate(struct world *w, uint32_t least_per_minute)
{
	static const struct {
		usec per;
		double minutes;
	} units[] = {
		{USEC_SECOND, 1 / 60.0}, {USEC_MINUTE, 1}, {USEC_HOUR, 60}, {USEC_DAY, 1440}};
	size_t unit = world_below(w, 4);
	double per_minute = least_per_minute * (1 + (double)world_below(w, 1000) / 50.0);
	double count = per_minute * units[unit].minutes;
	struct rate rate = {.count = count < 1 ? 1 : (uint32_t)count, .per = units[unit].per};
	rate.burst = world_below(w, 2) ? 1 : 1 + (uint32_t)world_below(w, 8);
	return rate;
}

static struct rate some_byte_rate(struct world *w)
{
	struct rate rate = some_rate(w, 15000);
	rate.burst = 1 + (uint32_t)world_below(w, 4000);
	return rate;
}

static bool one_in(struct world *w, unsigned n)
{
	return world_below(w, n) == 0;
}

static struct quota_limits some_wide(struct world *w, bool of_connections)
{
	struct quota_limits limits = {};
	if (!one_in(w, 3))
		limits.message_rate = some_rate(w, 10);
	if (one_in(w, 3))
		limits.byte_rate = some_byte_rate(w);
	if (of_connections && one_in(w, 2))
		limits.connection_rate = some_rate(w, 6);
	if (of_connections && one_in(w, 2))
		limits.connections = 1 + (uint32_t)world_below(w, 5);
	return limits;
}

static struct path_limits some_narrow(struct world *w, bool shared)
{
	struct path_limits limits = {
		.connections = 1 + (uint32_t)world_below(w, 5),
		.messages_per_connection = one_in(w, 2) ? 1 + (uint32_t)world_below(w, 10) : 0,
		.idle_close = 5 * USEC_SECOND,
		.shared = shared,
	};
	if (one_in(w, 2))
		limits.message_rate = some_rate(w, 15);
	if (one_in(w, 3))
		limits.byte_rate = some_byte_rate(w);
	if (one_in(w, 3))
		limits.connection_rate = some_rate(w, 6);
	return limits;
}

/* Over everything, over a provider, over a source, of a campaign, of those of a list. */
static struct limit_rule some_rule(struct world *w, const struct limits_plan *plan)
{
	static const char *const sources[] = {"out1", "out2", "out3"};
	static const char *const letters[] = {"letter0", "letter1", "letter2"};
	static const char *const lists[] = {"list0", "list1"};
	struct limit_rule rule = {};
	unsigned kind = (unsigned)world_below(w, 5);
	if (kind == 1)
		rule.provider = str_of(limits_provider_names[world_below(w, LIMITS_PROVIDERS)]);
	if (kind == 2)
		rule.source = str_of(sources[world_below(w, plan->source_count)]);
	if (kind == 3)
		rule.campaign = str_of(letters[world_below(w, plan->campaign_count)]);
	if (kind == 4)
		rule.list = str_of(lists[world_below(w, 2)]);
	rule.limits = some_wide(w, kind < 3);
	return rule;
}

/* A third of the limits with names are others in each edit, some are not in it at all. */
static void make_named_edits(struct world *w, struct limits_plan *plan)
{
	for (unsigned edit = 0; edit < LIMITS_EDITS; edit++)
		for (unsigned i = 0; i < plan->named_count; i++) {
			struct limit_rule rule = plan->named[i];
			bool of_connections = rule.campaign.size + rule.list.size == 0;
			if (edit > 0 && one_in(w, 4))
				continue;
			if (edit > 0 && one_in(w, 3))
				rule.limits = some_wide(w, of_connections);
			plan->named_of[edit][i] = rule.limits;
			plan->rules_of[edit][plan->rule_count_of[edit]++] = rule;
		}
}

void limits_plan_make(struct world *w, struct limits_plan *plan, unsigned engines)
{
	static const char *const names[LIMITS_NAMED] = {"one", "two", "three", "four", "five"};
	static const unsigned site_counts[] = {1, 2, 4, SITE_COUNT};
	bool shared[LIMITS_PROVIDERS];
	*plan = (struct limits_plan){
		.engine_count = engines,
		.source_count =
			engines + (unsigned)world_below(w, LIMITS_SOURCES + 1 - engines),
		.site_count = site_counts[world_below(w, 4)],
		.campaign_count = 1 + (unsigned)world_below(w, LIMITS_CAMPAIGNS),
		.named_count = (unsigned)world_below(w, LIMITS_NAMED + 1),
	};
	for (unsigned i = 0; i < LIMITS_PROVIDERS; i++)
		shared[i] = one_in(w, 3);
	for (unsigned edit = 0; edit < LIMITS_EDITS; edit++)
		for (unsigned i = 0; i < LIMITS_PROVIDERS; i++)
			plan->of_provider[edit][i] = some_narrow(w, shared[i]);
	for (unsigned i = 0; i < plan->named_count; i++) {
		plan->named[i] = some_rule(w, plan);
		plan->named[i].name = str_of(names[i]);
	}
	for (unsigned i = 0; i < plan->campaign_count; i++)
		if (one_in(w, 2))
			plan->of_campaign[i] = some_wide(w, false);
	make_named_edits(w, plan);
}

/* -- as the engine is told --------------------------------------------------------------------
 */

struct rules *limits_plan_rules(struct arena *arena, const struct limits_plan *plan,
				unsigned edit)
{
	struct rules *rules = rules_create(arena);
	ASSERT(rules);
	for (unsigned i = 0; i < LIMITS_PROVIDERS; i++) {
		static const str suffixes[SITE_COUNT] = {
			{".site0.test", 11}, {".site1.test", 11}, {".site2.test", 11},
			{".site3.test", 11}, {".site4.test", 11}, {".site5.test", 11}};
		unsigned first = 0, count = 0;
		while (limits_provider_of(first) != i)
			first++;
		while (first + count < SITE_COUNT && limits_provider_of(first + count) == i)
			count++;
		ASSERT(rules_add(rules, str_of(limits_provider_names[i]), &suffixes[first],
				 count, &plan->of_provider[edit][i], RULES_ALL) == 0);
	}
	return rules;
}

static const char *unit_of(const struct rate *rate)
{
	return rate->per == USEC_SECOND   ? "s"
	       : rate->per == USEC_MINUTE ? "min"
	       : rate->per == USEC_HOUR   ? "h"
					  : "d";
}

static void put_rate(struct buf *out, const char *key, const struct rate *rate,
		     const char *size)
{
	if (rate->count)
		buf_printf(out, ",\"%s\":\"%u%s/%s,burst=%u%s\"", key, rate->count, size,
			   unit_of(rate), rate->burst, size);
}

str limits_plan_settings(struct arena *arena, const struct limits_plan *plan, unsigned letter)
{
	const struct quota_limits *limits = &plan->of_campaign[letter];
	struct buf out;
	char *bytes = arena_bytes(arena, 400);
	ASSERT(bytes);
	buf_init_fixed(&out, bytes, 400);
	buf_printf(
		&out,
		"{\"subject\":\"Hello {{ first_name }}\",\"from_address\":\"news@news.test\","
		"\"in_doubt\":\"assume\",\"lists\":[\"list%u\"]",
		letter % 2);
	put_rate(&out, "rate", &limits->message_rate, "");
	put_rate(&out, "byte_rate", &limits->byte_rate, "B");
	buf_printf(&out, "}");
	return buf_str(&out);
}
