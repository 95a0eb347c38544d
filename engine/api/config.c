/* config.c - rundbrief.conf found, read and explained; its table is config_keys.c. */
#include "engine/api/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/api/config_keys.h"

#define CONFIG_SIZE_LIMIT (4u << 20)

/* What a provider's section sets itself. */
static void note_own_limits(struct config *config)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} bits[] = {
		{"connections", LIMIT_CONNECTIONS},
		{"messages_per_connection", LIMIT_MESSAGES_PER_CONNECTION},
		{"message_rate", LIMIT_MESSAGE_RATE},
		{"connection_rate", LIMIT_CONNECTION_RATE},
		{"idle_close", LIMIT_IDLE_CLOSE},
		{"flight", LIMIT_FLIGHT},
		{"flight_limit", LIMIT_FLIGHT_LIMIT},
		{"window", LIMIT_WINDOW},
		{"byte_rate", LIMIT_BYTE_RATE},
		{"scope", LIMIT_SCOPE},
	};
	for (const struct key_setting *s = config->settings; s; s = s->next) {
		if (s->section->keys != config_provider_keys)
			continue;
		for (size_t p = 0; p < config->provider_count; p++) {
			struct config_limits *provider = &config->providers[p];
			if (!str_eq(provider->name, s->title))
				continue;
			for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
				if (strcmp(bits[i].name, s->key->name) == 0)
					provider->own |= bits[i].bit;
			}
		}
	}
}

int config_parse(struct config *ret_config, const char *path, str source, struct arena *arena,
		 char *ret_why, size_t why_size)
{
	struct config config = {.path = arena_copy(arena, str_of(path))};
	if (keys_load(&config_table, &config, path, source, arena, &config.settings, ret_why,
		      why_size) != 0)
		return -1;
	note_own_limits(&config);
	if (config_check(&config, ret_why, why_size) != 0)
		return -1;
	*ret_config = config;
	return 0;
}

/* The first file there is; NULL: none. A file named by somebody is never looked past. */
static const char *find_file(const char *path)
{
	static const char *const places[] = {"rundbrief.conf", "/etc/rundbrief/rundbrief.conf"};
	const char *named = path ? path : getenv("RUNDBRIEF_CONFIG");
	if (named && named[0])
		return named;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], F_OK) == 0)
			return places[i];
	}
	return NULL;
}

int config_load(struct config *ret_config, const char *path, struct arena *arena, char *ret_why,
		size_t why_size)
{
	const char *found = find_file(path);
	str source;
	if (!found)
		return config_parse(ret_config, "", (str){}, arena, ret_why, why_size);
	if (file_read(found, CONFIG_SIZE_LIMIT, arena, &source, ret_why, why_size) != 0)
		return -1;
	return config_parse(ret_config, found, source, arena, ret_why, why_size);
}

void config_explain(const struct config *config, struct buf *out)
{
	if (config->path.size)
		buf_printf(out, "# read from %.*s\n", STR_FORMAT(config->path));
	else
		buf_put_cstr(out,
			     "# no configuration file was found: all values are defaults\n");
	keys_explain(&config_table, config, config->path.data, config->settings, out);
}
