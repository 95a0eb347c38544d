/* settings_routes.c - relays and routes of the configuration as router and engine know them:
 * names become indices, files become secrets. A route with a host of its own makes a relay
 * without a section, which stands behind the others and is called by host and port. */
#include "engine/api/settings_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "engine/api/suggest.h"
#include "engine/base/assert.h"
#include "engine/mail/domain.h"
#include "engine/shape/rules.h"

struct opening {
	const struct config *config;
	struct arena *arena;
	const struct rules *rules;
	struct relay *relays;
	struct relay_login *logins; /* as many as relays */
	size_t relay_count;
	struct static_route *routes;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static int fail(struct opening *o, const char *format,
						      ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(o->why, o->why_size, format, arguments);
	va_end(arguments);
	return -1;
}

/* ---- relays ---- */

static int read_secret(struct opening *o, const struct config_relay *relay, const char *key,
		       str path, str *ret_secret)
{
	char reason[300];
	if (path.size == 0 ||
	    settings_secret_line(path, o->arena, ret_secret, reason, sizeof(reason)) == 0)
		return 0;
	return fail(o, "relay \"%s\".%s: %s", relay->name.data, key, reason);
}

static int read_environment(struct opening *o, const struct config_relay *relay,
			    str *ret_secret)
{
	const char *value = getenv(relay->password_env.data);
	if (!value || !value[0])
		return fail(o,
			    "relay \"%s\".password_env: the environment has no variable "
			    "%.80s, or it is empty",
			    relay->name.data, relay->password_env.data);
	*ret_secret = arena_copy(o->arena, str_of(value));
	return ret_secret->data ? 0 : fail(o, "out of memory");
}

/* sasl.h wants them in one string. */
static int join_mechanisms(struct opening *o, const struct key_list *list, str *ret_names)
{
	struct buf b;
	buf_init_arena(&b, o->arena, 64);
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			buf_put_byte(&b, ' ');
		buf_put(&b, list->items[i]);
	}
	*ret_names = buf_str(&b);
	return buf_ok(&b) ? 0 : fail(o, "out of memory");
}

static int open_login(struct opening *o, const struct config_relay *from,
		      struct relay_login *login)
{
	struct token_source_config *token = &login->token;
	login->wanted = config_relay_has_login(from);
	login->user = from->user;
	login->in_clear = from->auth_in_clear;
	login->has_token = from->token.size || from->token_endpoint.size;
	token->endpoint = from->token_endpoint;
	token->client_id = from->client_id;
	token->scope = from->token_scope;
	if (from->password_env.size && read_environment(o, from, &login->password) != 0)
		return -1;
	const struct {
		const char *key;
		str path;
		str *slot;
	} files[] = {{"password", from->password, &login->password},
		     {"client_secret", from->client_secret, &token->client_secret},
		     {"refresh_token", from->refresh_token, &token->refresh_token},
		     {"token", from->token, &token->fixed}};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (read_secret(o, from, files[i].key, files[i].path, files[i].slot) != 0)
			return -1;
	}
	return join_mechanisms(o, &from->mechanisms, &login->mechanisms);
}

static int open_relays(struct opening *o)
{
	const struct config *config = o->config;
	for (size_t i = 0; i < config->relay_count; i++) {
		const struct config_relay *from = &config->relays[i];
		o->relays[i] = (struct relay){
			.name = from->name,
			.host = from->host,
			.port = config_relay_port(config, from),
			.weight = (uint16_t)from->weight,
			.preference = (uint16_t)from->preference,
			.tls = config_relay_tls(config, from),
			.implicit_tls = from->implicit_tls,
			.lmtp = from->protocol == PROTOCOL_LMTP,
		};
		if (open_login(o, from, &o->logins[i]) != 0)
			return -1;
	}
	o->relay_count = config->relay_count;
	return 0;
}

/* ---- routes ---- */

static int add_nameless_relay(struct opening *o, const struct config_route *route)
{
	const struct config_relay plain = {.host = route->host, .port = route->port};
	uint16_t port = config_relay_port(o->config, &plain);
	struct buf name;
	buf_init_arena(&name, o->arena, route->host.size + 8);
	buf_printf(&name, "%.*s:%u", STR_FORMAT(route->host), port);
	o->relays[o->relay_count++] = (struct relay){
		.name = buf_str(&name),
		.host = route->host,
		.port = port,
		.weight = 1,
		.tls = config_relay_tls(o->config, &plain),
	};
	return buf_ok(&name) ? 0 : fail(o, "out of memory");
}

static uint16_t relay_index(const struct opening *o, str name)
{
	size_t i = 0;
	while (i < o->config->relay_count && !str_eq(o->config->relays[i].name, name))
		i++;
	ASSERT(i < o->config->relay_count); /* config_check() */
	return (uint16_t)i;
}

/* Which relays take it: those named, or the one that its host makes; and which pool it leaves
 * by. */
static int open_ways(struct opening *o, const struct config_route *from,
		     struct static_route *route)
{
	size_t count = from->host.size ? 1 : from->relays.count;
	uint16_t *indices = ARENA_ARRAY(o->arena, uint16_t, count + 1);
	if (!indices)
		return fail(o, "out of memory");
	for (size_t i = 0; i < from->relays.count; i++)
		indices[i] = relay_index(o, from->relays.items[i]);
	if (from->host.size) {
		indices[0] = (uint16_t)o->relay_count;
		if (add_nameless_relay(o, from) != 0)
			return -1;
	}
	for (size_t i = 0; from->pool.size && i < o->config->pool_count; i++)
		if (str_eq(o->config->pools[i].name, from->pool))
			route->pool = (uint16_t)(i + 1);
	route->relays = indices;
	route->relay_count = count;
	return 0;
}

static int refuse_provider(struct opening *o, str name, const str *known, size_t count)
{
	const char **names = ARENA_ARRAY(o->arena, const char *, count + 1);
	if (!names)
		return fail(o, "out of memory");
	for (size_t i = 0; i < count; i++)
		names[i] = arena_copy(o->arena, known[i]).data;
	const char *near = suggest(name, names, count);
	if (near)
		return fail(o,
			    "route \"provider:%s\": no provider is called that, did you mean "
			    "\"provider:%s\"?",
			    name.data, near);
	return fail(o,
		    "route \"provider:%s\": no provider is called that; a section provider "
		    "\"%s\" with mx makes one",
		    name.data, name.data);
}

static int check_provider(struct opening *o, str name)
{
	str *known = ARENA_ARRAY(o->arena, str, RULES_LIMIT);
	if (!known)
		return fail(o, "out of memory");
	size_t count = rules_providers(o->rules, known, RULES_LIMIT);
	for (size_t i = 0; i < count; i++) {
		if (str_eq(known[i], name))
			return 0;
	}
	return refuse_provider(o, name, known, count);
}

static int set_match(struct opening *o, str name, struct static_route *route)
{
	const str provider = STR("provider:"), list = STR("list:");
	struct buf ascii;
	if (str_eq(name, STR("*"))) {
		route->match = ROUTE_ALL;
		return 0;
	}
	if (str_starts(name, list)) {
		route->match = ROUTE_LIST;
		route->name = str_from(name, list.size);
		return 0;
	}
	if (str_starts(name, provider)) {
		route->match = ROUTE_PROVIDER;
		route->name = str_from(name, provider.size);
		return check_provider(o, route->name);
	}
	/* In the form in which recipients have it. */
	buf_init_arena(&ascii, o->arena, DOMAIN_LIMIT + 1);
	route->match = ROUTE_DOMAIN;
	route->name = domain_to_ascii(&ascii, name) ? buf_str(&ascii) : name;
	return 0;
}

static int open_routes(struct opening *o)
{
	for (size_t i = 0; i < o->config->route_count; i++) {
		const struct config_route *from = &o->config->routes[i];
		struct static_route *route = &o->routes[i];
		route->has_tls = from->tls != CONFIG_TLS_AUTO;
		if (route->has_tls)
			route->tls = (enum tls_wish)(from->tls - 1);
		if (set_match(o, from->name, route) != 0 || open_ways(o, from, route) != 0)
			return -1;
	}
	return 0;
}

static str provider_of(const void *context, const struct route *route)
{
	str hosts[ROUTE_HOST_LIMIT];
	for (size_t i = 0; i < route->host_count; i++)
		hosts[i] = str_of(route->hosts[i].name);
	return rules_provider(context, hosts, route->host_count);
}

static enum tls_need_kind least_tls_of(const void *context, const struct route *route)
{
	static const enum tls_need_kind needs[PATH_TLS_COUNT] = {
		[PATH_TLS_ANY] = TLS_NEED_NONE,
		[PATH_TLS_ENCRYPT] = TLS_NEED_ENCRYPT,
		[PATH_TLS_VERIFY] = TLS_NEED_PKIX,
	};
	struct path_limits limits =
		rules_limits(context, str_of(route->provider), str_of(route->site));
	return needs[limits.tls];
}

static int fill_router(const struct opening *o, struct router_config *router)
{
	const struct config_smtp *smtp = &o->config->smtp;
	uint64_t seed;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -1;
	*router = (struct router_config){
		.port = (uint16_t)smtp->port,
		.allow_loopback = smtp->allow_loopback,
		.allow_address_literals = smtp->address_literals,
		.ipv6 = (enum ip_family_policy)smtp->ip,
		.tls = (enum tls_wish)smtp->tls,
		.sts_port = (uint16_t)smtp->policy_port,
		.relays = o->relays,
		.relay_count = o->relay_count,
		.static_routes = o->routes,
		.static_route_count = o->config->route_count,
		.seed = seed,
		.provider_of = provider_of,
		.least_tls_of = least_tls_of,
		.provider_context = o->rules,
	};
	return 0;
}

int settings_routes(const struct config *config, struct arena *arena, struct engine_settings *s,
		    char *ret_why, size_t why_size)
{
	struct opening o = {.config = config,
			    .arena = arena,
			    .rules = s->rules,
			    .why = ret_why,
			    .why_size = why_size};
	size_t most = config->relay_count + config->route_count + 1;
	o.relays = ARENA_ARRAY(arena, struct relay, most);
	o.logins = ARENA_ARRAY(arena, struct relay_login, most);
	o.routes = ARENA_ARRAY(arena, struct static_route, config->route_count + 1);
	if (!o.relays || !o.logins || !o.routes)
		return fail(&o, "out of memory");
	if (open_relays(&o) != 0 || open_routes(&o) != 0)
		return -1;
	if (fill_router(&o, &s->route) != 0)
		return fail(&o, "the kernel gives no random bytes");
	s->logins = o.logins;
	return 0;
}

int settings_check_routes(const struct config *config, const struct rules *rules,
			  struct arena *arena, char *ret_why, size_t why_size)
{
	const str provider = STR("provider:");
	struct opening o = {.config = config,
			    .arena = arena,
			    .rules = rules,
			    .why = ret_why,
			    .why_size = why_size};
	for (size_t i = 0; i < config->route_count; i++) {
		str name = config->routes[i].name;
		if (str_starts(name, provider) &&
		    check_provider(&o, str_from(name, provider.size)) != 0)
			return -1;
	}
	return 0;
}
