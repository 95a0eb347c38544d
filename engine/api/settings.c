/* settings.c - see settings.h. */
#include "engine/api/settings.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/shape/rules.h"

#define KEY_FILE_LIMIT (64u << 10)
#define SECRET_SIZE_LEAST 16 /* what engine/sign/mac.h asks for */

static int out_of_memory(struct cli *cli)
{
	return cli_fail(cli, EXIT_FAILED, "out of memory");
}

static const char *host_name(struct arena *arena)
{
	char name[256] = "";
	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		return "localhost";
	return arena_copy(arena, str_of(name)).data;
}

int settings_secret(struct cli *cli, str *ret_secret)
{
	str path = cli->config.sending.secret, secret;
	char why[300];
	if (path.size == 0)
		return cli_fail(
			cli, EXIT_USAGE,
			"sending.secret is not set: name a file there, `rundbrief init` then "
			"writes it");
	if (file_read(path.data, KEY_FILE_LIMIT, cli->arena, &secret, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_USAGE, "%s (`rundbrief init` writes the secret)",
				why);
	secret = str_trim(secret);
	if (secret.size < SECRET_SIZE_LEAST)
		return cli_fail(cli, EXIT_USAGE, "%s: the secret needs at least %d bytes",
				path.data, SECRET_SIZE_LEAST);
	*ret_secret = secret;
	return CLI_GO;
}

static int open_key(struct cli *cli, const struct config_dkim *dkim, struct dkim_key **ret_key)
{
	char why[300];
	str pem;
	if (!dkim->domain.size || !dkim->selector.size || !dkim->key.size)
		return cli_fail(cli, EXIT_USAGE,
				"dkim \"%s\": domain, selector and key must be set",
				dkim->name.data);
	if (file_read(dkim->key.data, KEY_FILE_LIMIT, cli->arena, &pem, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_USAGE,
				"dkim \"%s\": %s (`rundbrief dkim keygen` makes a key)",
				dkim->name.data, why);
	*ret_key = dkim_key_create(pem, dkim->domain, dkim->selector, why, sizeof(why));
	if (*ret_key)
		return CLI_GO;
	return cli_fail(cli, EXIT_USAGE, "dkim \"%s\": %s: %s", dkim->name.data, dkim->key.data,
			why);
}

int settings_dkim_keys(struct cli *cli, struct dkim_key ***ret_keys, size_t *ret_count)
{
	size_t count = cli->config.dkim_count, opened = 0;
	struct dkim_key **keys = ARENA_ARRAY(cli->arena, struct dkim_key *, count + 1);
	int code = CLI_GO;
	if (!keys)
		return out_of_memory(cli);
	if (count > DKIM_KEY_LIMIT)
		return cli_fail(cli, EXIT_USAGE,
				"%zu dkim sections; at most %d signatures a message", count,
				DKIM_KEY_LIMIT);
	for (; opened < count && code == CLI_GO; opened += code == CLI_GO)
		code = open_key(cli, &cli->config.dkims[opened], &keys[opened]);
	if (code == CLI_GO) {
		*ret_keys = keys;
		*ret_count = count;
		return CLI_GO;
	}
	while (opened > 0)
		dkim_key_destroy(keys[--opened]);
	return code;
}

static struct path_limits limits_of_config(const struct config_limits *c)
{
	return (struct path_limits){
		.connections = (uint32_t)c->connections,
		.messages_per_connection = (uint32_t)c->messages_per_connection,
		.message_rate = c->message_rate,
		.connection_rate = c->connection_rate,
		.idle_close = c->idle_close,
	};
}

static int open_rules(struct cli *cli, struct rules **ret_rules)
{
	const struct config *config = &cli->config;
	struct path_limits limits = limits_of_config(&config->default_limits);
	struct rules *rules = rules_create(cli->arena);
	if (!rules || rules_add(rules, STR("default"), NULL, 0, &limits, RULES_ALL) != 0)
		return out_of_memory(cli);
	for (size_t i = 0; i < config->provider_count; i++) {
		const struct config_limits *provider = &config->providers[i];
		limits = limits_of_config(provider);
		/* What it does not set is not looked at, but is still a limit. */
		if (!(provider->own & LIMIT_CONNECTIONS))
			limits.connections = 1;
		if (rules_add(rules, provider->name, provider->mx.items, provider->mx.count,
			      &limits, provider->own) != 0)
			return cli_fail(
				cli, EXIT_USAGE,
				"provider \"%s\": its name is longer than %d bytes, or it has "
				"more than %d endings",
				provider->name.data, PROVIDER_NAME_LIMIT, RULES_SUFFIX_LIMIT);
	}
	*ret_rules = rules;
	return CLI_GO;
}

static str provider_of(const void *context, const struct route *route)
{
	str hosts[ROUTE_HOST_LIMIT];
	for (size_t i = 0; i < route->host_count; i++)
		hosts[i] = str_of(route->hosts[i].name);
	return rules_provider(context, hosts, route->host_count);
}

static int open_source(struct cli *cli, const struct config_source *from, struct source *to)
{
	str helo = from->helo.size ? from->helo : str_of(host_name(cli->arena));
	if (!str_to_cstr(from->name, to->name, sizeof(to->name)) ||
	    !str_to_cstr(helo, to->helo, sizeof(to->helo)))
		return cli_fail(cli, EXIT_USAGE, "source \"%s\": its name or helo is too long",
				from->name.data);
	to->has_address = from->address.size > 0;
	if (to->has_address && !net_address_parse(from->address, 0, &to->address))
		return cli_fail(cli, EXIT_USAGE, "source \"%s\": '%s' is not an IP address",
				from->name.data, from->address.data);
	return CLI_GO;
}

static int open_sources(struct cli *cli, struct engine_settings *s)
{
	static const struct config_source lone = {.name = {"default", 7}};
	const struct config_source *from = cli->config.sources;
	size_t count = cli->config.source_count;
	if (count == 0) {
		from = &lone;
		count = 1;
	}
	struct source *sources = ARENA_ARRAY(cli->arena, struct source, count);
	if (!sources)
		return out_of_memory(cli);
	for (size_t i = 0; i < count; i++) {
		int code = open_source(cli, &from[i], &sources[i]);
		if (code != CLI_GO)
			return code;
	}
	s->sources = sources;
	s->source_count = count;
	return CLI_GO;
}

/* With its parents: the first run on a machine has none of them. */
int settings_make_journal(struct cli *cli, const struct engine_settings *settings)
{
	const char *path = settings->journal_directory;
	char part[4096];
	size_t size = strlen(path);
	if (size == 0 || size >= sizeof(part))
		return cli_fail(cli, EXIT_USAGE,
				"engine.journal: the path is empty or too long");
	for (size_t i = 1; i <= size; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return cli_fail(cli, EXIT_USAGE, "engine.journal: %s: %s", part,
					strerror(errno));
	}
	return CLI_GO;
}

/* A route with a host of its own: a relay without a name, which is called by host and port. */
static bool open_relay(struct cli *cli, const struct config_route *route, struct relay *relay)
{
	unsigned port = (unsigned)(route->port ? route->port : cli->config.smtp.port);
	struct buf name;
	buf_init_arena(&name, cli->arena, route->host.size + 8);
	buf_printf(&name, "%.*s:%u", STR_FORMAT(route->host), port);
	*relay = (struct relay){.name = buf_str(&name),
				.host = route->host,
				.port = (uint16_t)port,
				.weight = 1,
				.tls = TLS_WISH_MAY};
	return buf_ok(&name);
}

static int open_routes(struct cli *cli, struct engine_settings *s)
{
	const struct config *config = &cli->config;
	uint64_t seed;
	size_t count = config->route_count;
	struct static_route *routes = ARENA_ARRAY(cli->arena, struct static_route, count + 1);
	struct relay *relays = ARENA_ARRAY(cli->arena, struct relay, count + 1);
	uint16_t *indices = ARENA_ARRAY(cli->arena, uint16_t, count + 1);
	if (!routes || !relays || !indices || getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return out_of_memory(cli);
	for (size_t i = 0; i < count; i++) {
		const struct config_route *route = &config->routes[i];
		bool all = str_eq(route->name, STR("*"));
		if (route->host.size == 0)
			return cli_fail(cli, EXIT_USAGE, "route \"%s\": host must be set",
					route->name.data);
		if (!open_relay(cli, route, &relays[i]))
			return out_of_memory(cli);
		indices[i] = (uint16_t)i;
		routes[i] = (struct static_route){.match = all ? ROUTE_ALL : ROUTE_DOMAIN,
						  .name = route->name,
						  .relays = &indices[i],
						  .relay_count = 1};
	}
	s->route = (struct router_config){
		.port = (uint16_t)config->smtp.port,
		.allow_loopback = config->smtp.allow_loopback,
		.tls = TLS_WISH_MAY,
		.relays = relays,
		.relay_count = count,
		.static_routes = routes,
		.static_route_count = count,
		.seed = seed,
		.provider_of = provider_of,
		.provider_context = s->rules,
	};
	return CLI_GO;
}

static void fill_protocol(const struct config *config, struct engine_settings *s)
{
	s->dns = (struct resolver_config){
		.server = config->dns.server,
		.port = (uint16_t)config->dns.port,
		.timeout = config->dns.timeout,
		.tries = (uint32_t)config->dns.tries,
		.no_ipv6 = !config->dns.ipv6,
	};
	s->timeouts = smtp_timeouts_default;
	s->timeouts.greeting = config->smtp.greeting_timeout;
	s->timeouts.ehlo = config->smtp.command_timeout;
	s->timeouts.mail = config->smtp.command_timeout;
	s->timeouts.rcpt = config->smtp.command_timeout;
	s->timeouts.data = config->smtp.data_timeout;
	s->timeouts.block = config->smtp.block_timeout;
	s->timeouts.end = config->smtp.end_timeout;
	s->tls = (enum smtp_tls)config->smtp.tls;
}

static void fill_engine(struct cli *cli, struct engine_settings *s)
{
	const struct config *config = &cli->config;
	s->name = config->engine.name.size ? config->engine.name.data : host_name(cli->arena);
	s->journal_directory = config->engine.journal.data;
	s->durable_disk = config->engine.durability == DURABILITY_DISK;
	s->store = (struct store_config){
		.conninfo = config->database.conninfo.data,
		.tenant = (uint32_t)config->database.tenant,
		.application = "rundbrief engine",
	};
	s->press_count = (uint32_t)config->engine.presses;
	s->envelope_limit = (uint32_t)config->engine.envelopes;
	s->connection_limit = (uint32_t)config->engine.connections;
	s->slice_size = (uint32_t)config->engine.slice_size;
	s->mark_interval = config->engine.mark_interval;
	s->default_limits = limits_of_config(&config->default_limits);
	s->return_domain = config->sending.return_domain;
	s->base_url = config->sending.base_url;
	s->unsubscribe_mailbox = config->sending.unsubscribe_mailbox;
	s->retry = (struct retry_schedule){
		.first = config->retry.first,
		.last = config->retry.last,
		.greylist_first = config->retry.greylist_first,
		.expiry = config->retry.expiry,
		.growth = config->retry.growth,
		.jitter = config->retry.jitter,
	};
}

int settings_open(struct cli *cli, struct engine_settings *ret_settings)
{
	struct engine_settings s = {};
	struct dkim_key **keys;
	int code = cli_config(cli);
	if (code != CLI_GO)
		return code;
	if (cli->config.sending.return_domain.size == 0)
		return cli_fail(
			cli, EXIT_USAGE,
			"sending.return_domain is not set: the domain whose MX takes bounces");
	fill_engine(cli, &s);
	fill_protocol(&cli->config, &s);
	code = open_rules(cli, &s.rules);
	if (code == CLI_GO)
		code = open_sources(cli, &s);
	if (code == CLI_GO)
		code = open_routes(cli, &s);
	if (code == CLI_GO)
		code = settings_secret(cli, &s.secret);
	if (code == CLI_GO)
		code = settings_dkim_keys(cli, &keys, &s.dkim_key_count);
	if (code != CLI_GO)
		return code;
	s.dkim_keys = keys;
	*ret_settings = s;
	return CLI_GO;
}

void settings_close(struct engine_settings *s)
{
	for (size_t i = 0; i < s->dkim_key_count; i++)
		dkim_key_destroy(s->dkim_keys[i]);
	s->dkim_key_count = 0;
}
