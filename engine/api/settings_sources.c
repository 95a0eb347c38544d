/* settings_sources.c - the sources of the configuration as the engine knows them, with their
 * passwords; and which of them this machine has. */
#include "engine/api/settings_parts.h"

#include <stdio.h>
#include <unistd.h>

#include "engine/api/settings.h"
#include "engine/base/assert.h"

/* What a token service may hand out (engine/net/token.h), and more than any password. */
#define SECRET_LINE_LIMIT 8192

const char *settings_host_name(struct arena *arena)
{
	char name[256] = "";
	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		return "localhost";
	return arena_copy(arena, str_of(name)).data;
}

int settings_secret_line(str path, struct arena *arena, str *ret_secret, char *ret_why,
			 size_t why_size)
{
	str text;
	const char *fault = NULL;
	if (file_read_private(path.data, SECRET_LINE_LIMIT, arena, &text, ret_why, why_size) !=
	    0)
		return -1;
	if (str_ends(text, STR("\n")))
		text.size--;
	if (str_ends(text, STR("\r")))
		text.size--;
	if (text.size == 0)
		fault = "is empty";
	else if (str_find_byte(text, '\n') != STR_NONE)
		fault = "has more than one line";
	else if (str_find_byte(text, '\0') != STR_NONE)
		fault = "holds NUL bytes: it is not a text file";
	if (fault) {
		snprintf(ret_why, why_size, "%s: %s", path.data, fault);
		return -1;
	}
	*ret_secret = text;
	return 0;
}

static int fail(char *why, size_t why_size, const struct config_source *source, const char *key,
		const char *reason)
{
	snprintf(why, why_size, "source \"%.63s\".%s: %s", source->name.data, key, reason);
	return -1;
}

static int open_source(const struct config_source *from, struct arena *arena, struct source *to,
		       char *why, size_t why_size)
{
	char reason[320];
	str password;
	int result = config_read_source(from, to, reason, sizeof(reason));
	ASSERT(result == 0); /* config_check() */
	if (to->helo[0] == '\0' &&
	    !str_to_cstr(str_of(settings_host_name(arena)), to->helo, sizeof(to->helo)))
		return fail(why, why_size, from, "helo", "the host's own name is too long");
	if (from->proxy_password.size == 0)
		return 0;
	if (settings_secret_line(from->proxy_password, arena, &password, reason,
				 sizeof(reason)) != 0)
		return fail(why, why_size, from, "proxy_password", reason);
	if (!str_to_cstr(password, to->proxy_password, sizeof(to->proxy_password)))
		return fail(why, why_size, from, "proxy_password",
			    "the password has more than 255 bytes");
	return 0;
}

int settings_sources(const struct config *config, struct arena *arena,
		     struct engine_settings *s, char *ret_why, size_t why_size)
{
	static const struct config_source lone = {.name = {"default", 7}};
	const struct config_source *from = config->source_count ? config->sources : &lone;
	size_t count = config->source_count ? config->source_count : 1;
	struct source *sources = ARENA_ARRAY(arena, struct source, count);
	if (!sources) {
		snprintf(ret_why, why_size, "out of memory");
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		if (open_source(&from[i], arena, &sources[i], ret_why, why_size) != 0)
			return -1;
	}
	s->sources = sources;
	s->source_count = count;
	return 0;
}

int settings_use_sources(struct cli *cli, struct engine_settings *s)
{
	char why[300];
	size_t count = 0;
	struct source *usable = ARENA_ARRAY(cli->arena, struct source, s->source_count);
	if (!usable)
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	for (size_t i = 0; i < s->source_count; i++) {
		if (source_probe(&s->sources[i], why, sizeof(why)) == 0)
			usable[count++] = s->sources[i];
		else
			cli_fail(cli, CLI_GO, "%s; it is set aside", why);
	}
	if (count == 0)
		return cli_fail(cli, EXIT_USAGE, "no source is left to send from");
	s->sources = usable;
	s->source_count = count;
	if (settings_pools(&cli->config, cli->arena, s, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_FAILED, "%s", why);
	for (size_t i = 0; i < s->pool_count; i++)
		if (s->pools[i].count == 0)
			cli_fail(cli, CLI_GO,
				 "pool \"%.*s\": none of its sources is left; its mail waits",
				 STR_FORMAT(s->pools[i].name));
	return CLI_GO;
}
