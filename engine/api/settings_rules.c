/* settings_rules.c - the rules of pacing put together from all who have a say: the built-in
 * table, the user's file, the sections default_limits and provider of the configuration. */
#include "engine/api/settings_parts.h"

#include <assert.h>
#include <stdio.h>

#include "engine/shape/provider_file.h"

static_assert((int)LIMIT_CONNECTIONS == RULES_CONNECTIONS && (int)LIMIT_WINDOW == RULES_WINDOW);
static_assert((int)LIMIT_BYTE_RATE == RULES_BYTE_RATE && (int)LIMIT_TLS == RULES_TLS);
static_assert(LIMIT_COUNT == RULES_OWN_COUNT);

struct path_limits settings_limits(const struct config_limits *c)
{
	return (struct path_limits){
		.connections = (uint32_t)c->connections,
		.messages_per_connection = (uint32_t)c->messages_per_connection,
		.message_rate = c->message_rate,
		.connection_rate = c->connection_rate,
		.byte_rate = c->byte_rate,
		.shared = c->scope == SCOPE_PROVIDER,
		.tls = (enum path_tls)c->tls,
		.idle_close = c->idle_close,
		.habits = {.pinned = c->flight > 0,
			   .flight = c->flight > 0 ? (enum smtp_flight)(c->flight - 1)
						   : FLIGHT_LOCKSTEP,
			   .limit = (enum smtp_flight)c->flight_limit,
			   .window = (uint32_t)c->window},
	};
}

static int out_of_memory(char *why, size_t why_size)
{
	snprintf(why, why_size, "out of memory");
	return -1;
}

static int add_table(const struct config *config, str table, struct rules *rules, char *why,
		     size_t why_size)
{
	const struct provider_file file = {
		.path = config->providers_file.data, .text = table, .origin = RULE_FILE};
	if (!table.data)
		return 0;
	int result = provider_file_read(rules, &file, why, why_size);
	return result == PROVIDER_FILE_NO_MEMORY ? out_of_memory(why, why_size) : result;
}

static int add_section(const struct config *config, struct rules *rules, str name,
		       const struct config_limits *section)
{
	const struct rule_place place = {.origin = RULE_SETTINGS,
					 .file = config->path,
					 .line = section->line,
					 .cell_lines = section->lines};
	struct path_limits limits = settings_limits(section);
	return rules_add_at(rules, name, section->mx.items, section->mx.count, &limits,
			    section->own, &place);
}

static int add_providers(const struct config *config, struct rules *rules, char *why,
			 size_t why_size)
{
	for (size_t i = 0; i < config->provider_count; i++) {
		const struct config_limits *provider = &config->providers[i];
		if (add_section(config, rules, provider->name, provider) == 0)
			continue;
		snprintf(why, why_size,
			 "%s:%u: provider \"%.80s\": its name is longer than %d bytes, it has "
			 "more than %d endings, or one of them is no ending of a host name",
			 config->path.data, provider->line, provider->name.data,
			 PROVIDER_NAME_LIMIT, RULES_SUFFIX_LIMIT);
		return -1;
	}
	return 0;
}

int settings_rules_of(const struct config *config, str table, struct arena *arena,
		      struct rules **ret_rules, char *ret_why, size_t why_size)
{
	struct rules *rules = rules_create(arena);
	if (!rules)
		return out_of_memory(ret_why, why_size);
	if (add_table(config, table, rules, ret_why, why_size) != 0)
		return -1;
	if (config->default_limits.own &&
	    add_section(config, rules, STR("default"), &config->default_limits) != 0)
		return out_of_memory(ret_why, why_size);
	if (add_providers(config, rules, ret_why, why_size) != 0 ||
	    rules_check_reach(rules, ret_why, why_size) != 0)
		return -1;
	*ret_rules = rules;
	return 0;
}

int settings_rules(const struct config *config, struct arena *arena, struct rules **ret_rules,
		   char *ret_why, size_t why_size)
{
	str table = {};
	if (config->providers_file.size > 0 &&
	    file_read(config->providers_file.data, PROVIDER_FILE_SIZE_LIMIT, arena, &table,
		      ret_why, why_size) != 0)
		return -1;
	return settings_rules_of(config, table, arena, ret_rules, ret_why, why_size);
}
