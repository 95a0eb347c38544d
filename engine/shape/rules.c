/* rules.c - provider data: matching names, layering limits, and whose word that is.
 * Rules are walked in order, some dozens of them, once for each domain that is resolved; a
 * tree of suffixes would be faster and is not worth its code. The surprising thing: the object
 * that all hold never changes its address, so that nobody needs to know of a reload; what is
 * exchanged is the table behind it. */
#include "engine/shape/rules_rows.h"

#include "engine/base/assert.h"
#include "engine/base/embedded.h"
#include "engine/shape/provider_file.h"

const char *const path_tls_names[PATH_TLS_COUNT] = {"any", "encrypt", "verify"};

static const str default_name = {"default", 7};

static const struct rule_table *table_of(const struct rules *rules)
{
	return atomic_load_explicit(&rules->now, memory_order_acquire);
}

/* ---- names ---- */

str rules_normal(struct arena *arena, str name)
{
	if (str_starts(name, STR(".")))
		name = str_from(name, 1);
	if (str_ends(name, STR(".")))
		name.size--;
	char *copy = arena_bytes(arena, name.size + 1);
	for (size_t i = 0; copy && i < name.size; i++) {
		char c = name.data[i];
		copy[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	if (!copy)
		return (str){};
	copy[name.size] = '\0';
	return str_make(copy, name.size);
}

static bool is_label(str label)
{
	for (size_t i = 0; i < label.size; i++) {
		char c = label.data[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return label.size > 0 && label.size <= 63 && label.data[0] != '-' &&
	       label.data[label.size - 1] != '-';
}

bool rules_is_host(str name)
{
	if (name.size == 0 || name.size > RULES_HOST_LIMIT)
		return false;
	while (name.data) {
		if (!is_label(str_cut(&name, '.')))
			return false;
	}
	return true;
}

bool rules_host_is_below(str host, str suffix)
{
	if (str_ends(host, STR(".")))
		host.size--;
	if (suffix.size == 0 || !str_ends_nocase(host, suffix))
		return false;
	size_t before = host.size - suffix.size;
	return before == 0 || host.data[before - 1] == '.';
}

/* ---- who owns an MX ---- */

/* The suffix that the host has; NULL: none. */
static const str *rule_suffix(const struct rule *rule, str host)
{
	for (size_t i = 0; i < rule->suffix_count; i++) {
		if (rules_host_is_below(host, rule->suffixes[i]))
			return &rule->suffixes[i];
	}
	return NULL;
}

static bool rule_has_all(const struct rule *rule, const str *hosts, size_t host_count)
{
	if (!rule_matches(rule))
		return false;
	for (size_t i = 0; i < host_count; i++) {
		if (!rule_suffix(rule, hosts[i]))
			return false;
	}
	return host_count > 0;
}

/* The last match wins: what the configuration says comes after what is built in. */
static const struct rule *find_owner(const struct rules *rules, const str *hosts,
				     size_t host_count)
{
	const struct rule *owner = NULL;

	for (const struct rule *rule = table_of(rules)->first; rule; rule = rule->next) {
		if (rule_has_all(rule, hosts, host_count))
			owner = rule;
	}
	return owner;
}

str rules_provider(const struct rules *rules, const str *hosts, size_t host_count)
{
	const struct rule *owner = find_owner(rules, hosts, host_count);

	return owner ? owner->name : STR("");
}

bool rules_match(const struct rules *rules, const str *hosts, size_t host_count,
		 struct rule_match *ret_match)
{
	const struct rule *owner = find_owner(rules, hosts, host_count);

	if (!owner)
		return false;
	*ret_match = (struct rule_match){.name = owner->name,
					 .suffix = *rule_suffix(owner, hosts[0]),
					 .place = owner->place};
	return true;
}

size_t rules_providers(const struct rules *rules, str *names, size_t limit)
{
	const struct rule *rule = table_of(rules)->first;
	size_t count = 0;

	for (; rule && count < limit; rule = rule->next) {
		if (rule_matches(rule))
			names[count++] = rule->name;
	}
	return count;
}

/* ---- limits in layers ---- */

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
	if (rule->own & RULES_TLS)
		to->tls = from->tls;
}

/* The names whose rules speak of a path, the weakest first; equal ones once. */
struct layers {
	str names[3];
	size_t count;
};

static struct layers layers_of(str provider, str site)
{
	struct layers layers = {.names = {default_name}, .count = 1};
	const str more[] = {provider, site};

	for (size_t i = 0; i < 2; i++) {
		bool known = more[i].size == 0;
		for (size_t l = 0; l < layers.count; l++)
			known |= str_eq_nocase(layers.names[l], more[i]);
		if (!known)
			layers.names[layers.count++] = more[i];
	}
	return layers;
}

static struct path_limits limits_in(const struct rule_table *table, str provider, str site)
{
	struct path_limits limits = {.habits = habit_rule_default};
	struct layers layers = layers_of(provider, site);

	for (size_t l = 0; l < layers.count; l++) {
		for (const struct rule *rule = table->first; rule; rule = rule->next) {
			if (str_eq_nocase(rule->name, layers.names[l]))
				apply(&limits, rule);
		}
	}
	ASSERT(limits.connections >= 1);
	return limits;
}

struct path_limits rules_limits(const struct rules *rules, str provider, str site)
{
	return limits_in(table_of(rules), provider, site);
}

bool rules_shared(const struct rules *rules, str provider)
{
	return provider.size > 0 && rules_limits(rules, provider, STR("")).shared;
}

static uint32_t line_of(const struct rule *rule, uint32_t which)
{
	const uint32_t *lines = rule->place.cell_lines;

	return lines ? lines[__builtin_ctz(which)] : rule->place.line;
}

size_t rules_words(const struct rules *rules, str provider, str site, uint32_t which,
		   struct rule_word *words, size_t limit)
{
	struct layers layers = layers_of(provider, site);
	size_t count = 0;

	ASSERT(limit > 0 && which && (which & (which - 1)) == 0 && which <= RULES_ALL);
	for (size_t l = 0; l < layers.count; l++) {
		const struct rule *rule = table_of(rules)->first;
		for (; rule; rule = rule->next) {
			if (!(rule->own & which) || !str_eq_nocase(rule->name, layers.names[l]))
				continue;
			if (count >= limit)
				memmove(words, words + 1, (limit - 1) * sizeof(words[0]));
			words[count < limit ? count : limit - 1] = (struct rule_word){
				rule->name, line_of(rule, which), rule->place, rule->limits};
			count++;
		}
	}
	return count;
}

/* ---- rules come in ---- */

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

struct rule *rules_append(struct rules *rules, str name, str *suffixes, size_t suffix_count,
			  const struct path_limits *limits, uint32_t own,
			  const struct rule_place *place)
{
	static const struct rule_place nowhere = {.origin = RULE_SETTINGS};
	struct rule *rule = ARENA_NEW(rules->arena, struct rule);

	if (!rule || rules->own.count == RULES_LIMIT)
		return NULL;
	*rule = (struct rule){.name = name,
			      .suffixes = suffixes,
			      .suffix_count = suffix_count,
			      .limits = *limits,
			      .own = own,
			      .place = place ? *place : nowhere};
	for (struct rule *old = rules->own.first; old && suffix_count > 0; old = old->next) {
		if (str_eq_nocase(old->name, name))
			old->replaced = true;
	}
	*rules->own.end = rule;
	rules->own.end = &rule->next;
	rules->own.count++;
	return rule;
}

int rules_add_at(struct rules *rules, str name, const str *suffixes, size_t suffix_count,
		 const struct path_limits *limits, uint32_t own, const struct rule_place *place)
{
	str *normal = ARENA_ARRAY(rules->arena, str, suffix_count + 1);

	if (!normal || name.size == 0 || suffix_count > RULES_SUFFIX_LIMIT)
		return -1;
	/* A rule that gives a provider its name must fit a route; a site's name is longer. */
	if (suffix_count > 0 && name.size > PROVIDER_NAME_LIMIT)
		return -1;
	if (!limits_are_sane(limits, own))
		return -1;
	for (size_t i = 0; i < suffix_count; i++) {
		normal[i] = rules_normal(rules->arena, suffixes[i]);
		if (!rules_is_host(normal[i]))
			return -1;
	}
	return rules_append(rules, name, normal, suffix_count, limits, own, place) ? 0 : -1;
}

int rules_add(struct rules *rules, str name, const str *suffixes, size_t suffix_count,
	      const struct path_limits *limits, uint32_t own)
{
	return rules_add_at(rules, name, suffixes, suffix_count, limits, own, NULL);
}

struct rules *rules_create(struct arena *arena)
{
	struct rules *rules = ARENA_NEW(arena, struct rules);
	const struct provider_file built_in = {.path = PROVIDER_FILE_BUILT_IN,
					       .text = embedded_find(PROVIDER_FILE_BUILT_IN),
					       .origin = RULE_BUILT_IN};
	char why[PROVIDER_FILE_WHY_SIZE];

	ASSERT(built_in.text.data);
	if (!rules)
		return NULL;
	rules->arena = arena;
	rules->own.end = &rules->own.first;
	atomic_init(&rules->now, &rules->own);
	/* A bad cell of it is a bug of ours, which a test would have found. */
	int result = provider_file_read(rules, &built_in, why, sizeof(why));
	ASSERT(result != PROVIDER_FILE_REFUSED);
	return result == 0 ? rules : NULL;
}

void rules_replace(struct rules *rules, const struct rules *newer)
{
	atomic_store_explicit(&rules->now, table_of(newer), memory_order_release);
	atomic_fetch_add_explicit(&rules->generation, 1, memory_order_release);
}

uint32_t rules_generation(const struct rules *rules)
{
	return atomic_load_explicit(&rules->generation, memory_order_acquire);
}

uint64_t rules_fingerprint(const struct rules *rules)
{
	return table_of(rules)->fingerprint;
}
