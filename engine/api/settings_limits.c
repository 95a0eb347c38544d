/* settings_limits.c - limits wider than a path as the engine asks for them. The rules are asked
 * whether the providers exist; which campaigns and lists there will be, nobody knows yet. */
#include "engine/api/settings_parts.h"

#include <stdio.h>

#include "engine/api/suggest.h"
#include "engine/shape/rules.h"

/* Else *ret_near is what may have been meant, or NULL. */
static bool knows_provider(const struct rules *rules, struct arena *arena, str name,
			   const char **ret_near)
{
	str *known = ARENA_ARRAY(arena, str, RULES_LIMIT);
	const char **names = ARENA_ARRAY(arena, const char *, RULES_LIMIT);
	*ret_near = NULL;
	if (!known || !names)
		return false;
	size_t count = rules_providers(rules, known, RULES_LIMIT);
	for (size_t i = 0; i < count; i++) {
		if (str_eq(known[i], name))
			return true;
		const char *copy = arena_copy(arena, known[i]).data;
		names[i] = copy ? copy : "";
	}
	*ret_near = suggest(name, names, count);
	return false;
}

static int refuse_provider(const struct config *config, const struct config_limit *limit,
			   const char *near, char *why, size_t why_size)
{
	char sentence[240];
	str name = limit->provider;
	int n = snprintf(sentence, sizeof(sentence), "there is no provider \"%.*s\"",
			 (int)(name.size > 60 ? 60 : name.size), name.data);
	if (near)
		snprintf(sentence + n, sizeof(sentence) - (size_t)n, ", did you mean \"%s\"?",
			 near);
	return config_refuse(config, "limit", limit->name, "provider", sentence, why, why_size);
}

int settings_limit_rules(const struct config *config, struct arena *arena,
			 struct engine_settings *s, char *ret_why, size_t why_size)
{
	const char *near;
	struct limit_rule *rules =
		ARENA_ARRAY(arena, struct limit_rule, config->limit_count + 1);
	if (!rules) {
		snprintf(ret_why, why_size, "out of memory");
		return -1;
	}
	for (size_t i = 0; i < config->limit_count; i++) {
		const struct config_limit *from = &config->limits[i];
		if (from->provider.size > 0 &&
		    !knows_provider(s->rules, arena, from->provider, &near))
			return refuse_provider(config, from, near, ret_why, why_size);
		rules[i] = (struct limit_rule){
			.name = from->name,
			.source = from->source,
			.provider = from->provider,
			.site = from->site,
			.campaign = from->campaign,
			.list = from->list,
			.limits = {.message_rate = from->message_rate,
				   .byte_rate = from->byte_rate,
				   .connection_rate = from->connection_rate,
				   .connections = (uint32_t)from->connections},
		};
	}
	s->limit_rules = rules;
	s->limit_rule_count = config->limit_count;
	return 0;
}
