/* rules.c - provider data: reading the built-in table, matching names, layering limits.
 * Rules are walked in order, some dozens of them, once for each domain that is resolved; a
 * tree of suffixes would be faster and is not worth its code. */
#include "engine/shape/rules.h"

#include "engine/base/assert.h"
#include "engine/base/embedded.h"

struct rule {
	struct rule *next;
	str name;
	const str *suffixes;
	size_t suffix_count;
	struct path_limits limits;
	uint32_t own;
};

struct rules {
	struct arena *arena;
	struct rule *first, **end; /* built in first, then as added */
	size_t count;
};

static const str default_name = {"default", 7};

/* A host name equals the suffix or ends in "." suffix; the suffix's own leading dot and a
 * trailing dot of the host are of no matter. */
static bool host_matches(str host, str suffix)
{
	if (str_ends(host, STR(".")))
		host.size--;
	if (str_starts(suffix, STR(".")))
		suffix = str_from(suffix, 1);
	if (suffix.size == 0 || !str_ends_nocase(host, suffix))
		return false;
	size_t before = host.size - suffix.size;
	return before == 0 || host.data[before - 1] == '.';
}

static bool rule_has_host(const struct rule *rule, str host)
{
	for (size_t i = 0; i < rule->suffix_count; i++) {
		if (host_matches(host, rule->suffixes[i]))
			return true;
	}
	return false;
}

static bool rule_has_all(const struct rule *rule, const str *hosts, size_t host_count)
{
	for (size_t i = 0; i < host_count; i++) {
		if (!rule_has_host(rule, hosts[i]))
			return false;
	}
	return rule->suffix_count > 0 && host_count > 0;
}

str rules_provider(const struct rules *rules, const str *hosts, size_t host_count)
{
	str provider = STR("");

	/* The last match wins: what the configuration says comes after what is built in. */
	for (const struct rule *rule = rules->first; rule; rule = rule->next) {
		if (rule_has_all(rule, hosts, host_count))
			provider = rule->name;
	}
	return provider;
}

size_t rules_providers(const struct rules *rules, str *names, size_t limit)
{
	size_t count = 0;

	for (const struct rule *rule = rules->first; rule && count < limit; rule = rule->next) {
		if (rule->suffix_count > 0)
			names[count++] = rule->name;
	}
	return count;
}

static void apply(struct path_limits *to, const struct rule *rule)
{
	const struct path_limits *from = &rule->limits;

	if (rule->own & RULES_CONNECTIONS)
		to->connections = from->connections;
	if (rule->own & RULES_MESSAGES_PER_CONNECTION)
		to->messages_per_connection = from->messages_per_connection;
	if (rule->own & RULES_MESSAGE_RATE)
		to->message_rate = from->message_rate;
	if (rule->own & RULES_CONNECTION_RATE)
		to->connection_rate = from->connection_rate;
	if (rule->own & RULES_IDLE_CLOSE)
		to->idle_close = from->idle_close;
	if (rule->own & RULES_FLIGHT) {
		to->habits.pinned = from->habits.pinned;
		to->habits.flight = from->habits.flight;
	}
	if (rule->own & RULES_FLIGHT_LIMIT)
		to->habits.limit = from->habits.limit;
	if (rule->own & RULES_WINDOW)
		to->habits.window = from->habits.window;
	if (rule->own & RULES_BYTE_RATE)
		to->byte_rate = from->byte_rate;
	if (rule->own & RULES_SCOPE)
		to->shared = from->shared;
}

static void apply_named(struct path_limits *to, const struct rules *rules, str name)
{
	if (name.size == 0)
		return;
	for (const struct rule *rule = rules->first; rule; rule = rule->next) {
		if (str_eq_nocase(rule->name, name))
			apply(to, rule);
	}
}

struct path_limits rules_limits(const struct rules *rules, str provider, str site)
{
	struct path_limits limits = {.habits = habit_rule_default};

	apply_named(&limits, rules, default_name);
	if (!str_eq_nocase(provider, default_name))
		apply_named(&limits, rules, provider);
	if (!str_eq_nocase(site, default_name) && !str_eq_nocase(site, provider))
		apply_named(&limits, rules, site);
	ASSERT(limits.connections >= 1);
	return limits;
}

bool rules_shared(const struct rules *rules, str provider)
{
	return provider.size > 0 && rules_limits(rules, provider, STR("")).shared;
}

static bool rate_is_sane(const struct rate *rate)
{
	return rate->count == 0 ||
	       (rate->per > 0 && rate->burst >= 1 && rate->burst <= RATE_BURST_LIMIT);
}

static bool limits_are_sane(const struct path_limits *limits, uint32_t own)
{
	if ((own & RULES_CONNECTIONS) && limits->connections == 0)
		return false;
	if ((own & RULES_IDLE_CLOSE) && limits->idle_close < 0)
		return false;
	if ((own & RULES_WINDOW) && limits->habits.window > SMTP_TRANSACTION_LIMIT)
		return false;
	return rate_is_sane(&limits->message_rate) && rate_is_sane(&limits->connection_rate) &&
	       rate_is_sane(&limits->byte_rate);
}

int rules_add(struct rules *rules, str name, const str *suffixes, size_t suffix_count,
	      const struct path_limits *limits, uint32_t own)
{
	if (name.size == 0 || suffix_count > RULES_SUFFIX_LIMIT || rules->count == RULES_LIMIT)
		return -1;
	/* A rule that gives a provider its name must fit a route; a site's name is longer. */
	if (suffix_count > 0 && name.size > PROVIDER_NAME_LIMIT)
		return -1;
	if (!limits_are_sane(limits, own))
		return -1;

	struct rule *rule = ARENA_NEW(rules->arena, struct rule);
	if (!rule)
		return -1;
	*rule = (struct rule){.name = name,
			      .suffixes = suffixes,
			      .suffix_count = suffix_count,
			      .limits = *limits,
			      .own = own};
	*rules->end = rule;
	rules->end = &rule->next;
	rules->count++;
	return 0;
}

/* A cell of the table that may be empty; the table is part of the program, so that a bad cell
 * is a bug of ours. */
static bool number_cell(str cell, uint32_t *ret_value)
{
	uint64_t value = 0;

	if (cell.size == 0)
		return false;
	bool ok = str_to_u64(cell, &value) && value <= UINT32_MAX;
	ASSERT(ok);
	*ret_value = (uint32_t)value;
	return true;
}

static bool rate_cell(str cell, bool (*parse)(str, struct rate *), struct rate *ret_rate)
{
	if (cell.size == 0)
		return false;
	bool ok = parse(cell, ret_rate);
	ASSERT(ok);
	return true;
}

static bool scope_cell(str cell, bool *ret_shared)
{
	if (cell.size == 0)
		return false;
	*ret_shared = str_eq(cell, STR("provider"));
	ASSERT(*ret_shared || str_eq(cell, STR("site")));
	return true;
}

/* Suffixes are separated by single spaces. */
static str *suffixes_cell(struct arena *arena, str cell, size_t *ret_count)
{
	str *suffixes = ARENA_ARRAY(arena, str, RULES_SUFFIX_LIMIT);
	size_t count = 0;

	while (suffixes && cell.size > 0) {
		ASSERT(count < RULES_SUFFIX_LIMIT);
		suffixes[count++] = str_cut(&cell, ' ');
	}
	*ret_count = count;
	return suffixes;
}

/* provider TAB suffixes TAB connections TAB messages_per_connection TAB message_rate TAB
 * connection_rate TAB byte_rate TAB idle_seconds TAB scope TAB source TAB date */
static int add_row(struct rules *rules, str line)
{
	struct path_limits limits = {};
	uint32_t own = 0, idle_seconds = 0;
	size_t suffix_count = 0;

	str name = str_cut(&line, '\t');
	str *suffixes = suffixes_cell(rules->arena, str_cut(&line, '\t'), &suffix_count);
	if (!suffixes)
		return -1;
	own |= number_cell(str_cut(&line, '\t'), &limits.connections) ? RULES_CONNECTIONS : 0;
	own |= number_cell(str_cut(&line, '\t'), &limits.messages_per_connection)
		       ? RULES_MESSAGES_PER_CONNECTION
		       : 0;
	own |= rate_cell(str_cut(&line, '\t'), rate_parse, &limits.message_rate)
		       ? RULES_MESSAGE_RATE
		       : 0;
	own |= rate_cell(str_cut(&line, '\t'), rate_parse, &limits.connection_rate)
		       ? RULES_CONNECTION_RATE
		       : 0;
	own |= rate_cell(str_cut(&line, '\t'), rate_parse_bytes, &limits.byte_rate)
		       ? RULES_BYTE_RATE
		       : 0;
	own |= number_cell(str_cut(&line, '\t'), &idle_seconds) ? RULES_IDLE_CLOSE : 0;
	own |= scope_cell(str_cut(&line, '\t'), &limits.shared) ? RULES_SCOPE : 0;
	limits.idle_close = idle_seconds * USEC_SECOND;
	return rules_add(rules, name, suffixes, suffix_count, &limits, own);
}

struct rules *rules_create(struct arena *arena)
{
	struct rules *rules = ARENA_NEW(arena, struct rules);
	str table = embedded_find("engine/shape/providers.tsv");

	ASSERT(table.data);
	if (!rules)
		return NULL;
	rules->arena = arena;
	rules->end = &rules->first;
	while (table.size > 0) {
		str line = str_cut(&table, '\n');
		if (line.size == 0 || line.data[0] == '#' ||
		    str_starts(line, STR("provider\t")))
			continue;
		if (add_row(rules, line) < 0)
			return NULL;
	}
	return rules;
}
