/* config_check.c - what no single value of rundbrief.conf shows: keys that need or rule out
 * each other, and names that lead nowhere. Nothing is opened here; what files, this machine and
 * the rules have to say is settings.c's. */
#include "engine/api/config.h"

#include <stdarg.h>
#include <stdio.h>

#include "engine/api/suggest.h"
#include "engine/mail/domain.h"
#include "engine/net/mx.h"
#include "engine/net/sasl.h"
#include "engine/net/source.h"

#define PORT_SMTP 25
#define PORT_SUBMISSIONS 465 /* RFC 8314 7.3 */
#define RELAY_NAME_LIMIT 63  /* as much as tells two of them apart in a route's site */
#define CONGESTION_LIMIT 15  /* TCP_CA_NAME_MAX, with the NUL */

struct checking {
	const struct config *config;
	const char *section;
	str title; /* empty: untitled */
	char *why;
	size_t why_size;
};

/* The line of the key (NULL: none), or else of the first that the section sets; 0: it sets
 * none. */
static int line_of(const struct checking *c, const char *key)
{
	int first = 0;
	for (const struct key_setting *s = c->config->settings; s; s = s->next) {
		if (strcmp(s->section->name, c->section) != 0 || !str_eq(s->title, c->title))
			continue;
		if (key && strcmp(s->key->name, key) == 0)
			return s->line;
		first = s->line; /* they are listed newest first */
	}
	return first;
}

/* -1, after "FILE:LINE: relay "NAME".key: sentence"; key NULL: it is about the whole section.
 */
__attribute__((format(printf, 3, 4))) static int refuse(struct checking *c, const char *key,
							const char *format, ...)
{
	char sentence[320];
	struct buf b;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	int line = line_of(c, key);
	buf_init_fixed(&b, c->why, c->why_size - 1);
	buf_printf(&b, "%.*s:", STR_FORMAT(c->config->path));
	if (line > 0)
		buf_printf(&b, "%d:", line);
	buf_printf(&b, " %s", c->section);
	if (c->title.data) {
		buf_put_cstr(&b, " \"");
		buf_put_printable(&b, c->title, 80);
		buf_put_byte(&b, '"');
	}
	buf_printf(&b, "%s%s: ", key ? "." : "", key ? key : "");
	buf_put_printable(&b, str_of(sentence), sizeof(sentence));
	c->why[b.size] = '\0';
	return -1;
}

/* ---- dns and smtp ---- */

static int check_dns(struct checking *c)
{
	const struct config_dns *dns = &c->config->dns;
	struct net_address address;
	if (dns->trust_ad &&
	    !(net_address_parse(dns->server, 0, &address) && net_address_is_loopback(&address)))
		return refuse(c, "trust_ad",
			      "is believed of a dns.server on a loopback address only: anybody "
			      "on the way could forge what comes from elsewhere");
	return 0;
}

/* DANE without secure answers would quietly be none. */
static int check_dane(struct checking *c, bool wanted)
{
	if (wanted && !c->config->dns.trust_ad)
		return refuse(
			c, "tls",
			"dane needs dns.trust_ad, and a dns.server that validates DNSSEC");
	return 0;
}

static bool is_plain_word(str text)
{
	for (size_t i = 0; i < text.size; i++) {
		char byte = text.data[i];
		bool letter = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
		if (!letter && byte != '_' && byte != '-')
			return false;
	}
	return true;
}

static int check_smtp(struct checking *c)
{
	const struct config_smtp *smtp = &c->config->smtp;
	if ((smtp->certificate.size > 0) != (smtp->certificate_key.size > 0))
		return refuse(c, smtp->certificate.size ? "certificate" : "certificate_key",
			      "certificate and certificate_key go together");
	if (smtp->ip == IP_ONLY_IPV6 && !c->config->dns.ipv6)
		return refuse(c, "ip", "only-ipv6 needs dns.ipv6, which is off");
	if (smtp->congestion.size > CONGESTION_LIMIT || !is_plain_word(smtp->congestion))
		return refuse(c, "congestion",
			      "is the name of an algorithm, as cubic or bbr: see sysctl "
			      "net.ipv4.tcp_available_congestion_control");
	return check_dane(c, smtp->tls == TLS_WISH_DANE);
}

/* ---- sources ---- */

__attribute__((format(printf, 3, 4))) static int explain(char *why, size_t why_size,
							 const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why, why_size, format, arguments);
	va_end(arguments);
	return -1;
}

static int read_addresses(const struct config_source *from, struct source *to, char *why,
			  size_t why_size)
{
	struct net_address address;
	if (from->address.size > 0) {
		if (!net_address_parse(from->address, 0, &address))
			return explain(why, why_size, "address: '%.60s' is not an IP address",
				       from->address.data);
		to->has_ipv4 = address.sa.sa_family == AF_INET;
		to->has_ipv6 = !to->has_ipv4;
		*(to->has_ipv4 ? &to->ipv4 : &to->ipv6) = address;
	}
	if (from->address6.size == 0)
		return 0;
	if (!net_address_parse(from->address6, 0, &address) || address.sa.sa_family != AF_INET6)
		return explain(why, why_size, "address6: '%.60s' is not an IPv6 address",
			       from->address6.data);
	if (to->has_ipv6)
		return explain(why, why_size,
			       "address6: address is an IPv6 address already; a second one "
			       "makes a second source");
	to->has_ipv6 = true;
	to->ipv6 = address;
	return 0;
}

static int read_proxy(const struct config_source *from, struct source *to, char *why,
		      size_t why_size)
{
	char reason[200];
	if (from->proxy.size == 0 && (from->proxy_user.size || from->proxy_password.size))
		return explain(why, why_size, "proxy_user: there is no proxy to log in to");
	if (from->proxy.size == 0)
		return 0;
	/* The URL is shown by --explain. */
	if (str_find_byte(from->proxy, '@') != STR_NONE)
		return explain(why, why_size,
			       "proxy: the login goes into proxy_user and proxy_password");
	if (source_parse_proxy(from->proxy, to, reason, sizeof(reason)) != 0)
		return explain(why, why_size, "proxy: %s", reason);
	if (to->via != SOURCE_SOCKS5 && (from->proxy_user.size || from->proxy_password.size))
		return explain(why, why_size,
			       "proxy_user: haproxy:// takes no user, the PROXY protocol has "
			       "none");
	if ((from->proxy_user.size > 0) != (from->proxy_password.size > 0))
		return explain(why, why_size,
			       "proxy_user: proxy_user and proxy_password go together");
	if (!str_to_cstr(from->proxy_user, to->proxy_user, sizeof(to->proxy_user)))
		return explain(why, why_size, "proxy_user: has more than 255 bytes");
	return 0;
}

int config_read_source(const struct config_source *from, struct source *ret_source,
		       char *ret_why, size_t why_size)
{
	struct source to = {};
	if (!str_to_cstr(from->name, to.name, sizeof(to.name)))
		return explain(ret_why, why_size,
			       "helo: the source's name has more than %zu bytes",
			       sizeof(to.name) - 1);
	if (!str_to_cstr(from->helo, to.helo, sizeof(to.helo)))
		return explain(ret_why, why_size, "helo: has more than %zu bytes",
			       sizeof(to.helo) - 1);
	if (read_addresses(from, &to, ret_why, why_size) != 0 ||
	    read_proxy(from, &to, ret_why, why_size) != 0)
		return -1;
	*ret_source = to;
	return 0;
}

/* The sentence begins with the key. */
static int check_source(struct checking *c, const struct config_source *source)
{
	struct source ignored;
	char why[260], key[20];
	if (config_read_source(source, &ignored, why, sizeof(why)) == 0)
		return 0;
	str sentence = str_of(why), name = str_cut(&sentence, ':');
	if (!str_to_cstr(name, key, sizeof(key)))
		key[0] = '\0';
	return refuse(c, key, "%.*s", STR_FORMAT(str_trim(sentence)));
}

/* ---- relays ---- */

uint16_t config_relay_port(const struct config *config, const struct config_relay *relay)
{
	if (relay->port)
		return (uint16_t)relay->port;
	return relay->implicit_tls ? PORT_SUBMISSIONS : (uint16_t)config->smtp.port;
}

bool config_relay_has_login(const struct config_relay *relay)
{
	return relay->user.size || relay->token.size || relay->token_endpoint.size;
}

enum tls_wish config_relay_tls(const struct config *config, const struct config_relay *relay)
{
	enum tls_wish general = (enum tls_wish)config->smtp.tls;
	if (relay->tls != CONFIG_TLS_AUTO)
		return (enum tls_wish)(relay->tls - 1);
	if (config_relay_has_login(relay))
		return TLS_WISH_VERIFY;
	return general < TLS_WISH_MAY ? TLS_WISH_MAY : general;
}

/* A name or an address. Underscores are no host's, and yet in use inside of networks. */
static int check_host(struct checking *c, str host)
{
	struct net_address address;
	if (net_address_parse(host, 0, &address))
		return 0;
	if (str_find_byte(host, ':') != STR_NONE)
		return refuse(c, "host",
			      "is a name or an address alone; the port goes into port");
	bool ok = host.size <= DOMAIN_LIMIT && !str_starts(host, STR(".")) &&
		  !str_ends(host, STR("."));
	for (size_t i = 0; i < host.size; i++) {
		char byte = host.data[i], lower = (char)(byte | 0x20);
		ok = ok && ((lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') ||
			    byte == '.' || byte == '-' || byte == '_');
	}
	return ok ? 0 : refuse(c, "host", "is neither the name of a host nor an address");
}

/* RFC 6749 3.2 wants TLS; what is on this machine may do without. */
static bool endpoint_is_safe(str url)
{
	const str https = STR("https://"), http = STR("http://");
	struct net_address address;
	bool secure = str_starts_nocase(url, https);
	if (!secure && !str_starts_nocase(url, http))
		return false;
	url = str_from(url, secure ? https.size : http.size);
	str host = str_cut(&url, '/');
	/* It is shown by --explain, so that no password may stand there. */
	if (host.size == 0 || str_find_byte(host, '@') != STR_NONE)
		return false;
	if (secure)
		return true;
	if (str_starts(host, STR("[")))
		host = str_sub(host, 1, str_find_byte(host, ']') - 1);
	else
		host = str_cut(&host, ':');
	return net_address_parse(host, 0, &address) && net_address_is_loopback(&address);
}

static int check_token(struct checking *c, const struct config_relay *relay)
{
	bool details = relay->client_id.size || relay->client_secret.size ||
		       relay->refresh_token.size || relay->token_scope.size;
	if (relay->token.size && relay->token_endpoint.size)
		return refuse(c, "token", "token or token_endpoint, not both");
	if (relay->token_endpoint.size == 0)
		return details ? refuse(c, "token_endpoint",
					"must be set: client_id, client_secret, refresh_token "
					"and "
					"token_scope are for it")
			       : 0;
	if (!endpoint_is_safe(relay->token_endpoint))
		return refuse(c, "token_endpoint",
			      "is an https URL without a login, or http on a loopback address");
	if (relay->client_id.size == 0)
		return refuse(c, "client_id", "must be set: token_endpoint asks for it");
	if (relay->client_secret.size == 0 && relay->refresh_token.size == 0)
		return refuse(c, "refresh_token",
			      "token_endpoint needs refresh_token, client_secret or both");
	return 0;
}

static int check_login(struct checking *c, const struct config_relay *relay)
{
	bool by_password = relay->password.size || relay->password_env.size;
	bool by_token = relay->token.size || relay->token_endpoint.size;
	if (relay->password.size && relay->password_env.size)
		return refuse(c, "password_env", "password or password_env, not both");
	if (by_password && relay->user.size == 0)
		return refuse(c, "user", "must be set: there is a password");
	if (relay->user.size && !by_password && !by_token)
		return refuse(c, "user",
			      "needs a password, a password_env, a token or a token_endpoint");
	for (size_t i = 0; i < relay->mechanisms.count; i++) {
		str name = relay->mechanisms.items[i];
		if (!sasl_knows(name))
			return refuse(c, "mechanisms",
				      "'%.*s' is not known; `rundbrief help config` lists them",
				      (int)(name.size > 40 ? 40 : name.size), name.data);
	}
	return check_token(c, relay);
}

/* Their names make the name of a site, with commas in between. */
static bool is_relay_name(str name)
{
	return name.size > 0 && name.size <= RELAY_NAME_LIMIT &&
	       str_find_byte(name, ',') == STR_NONE;
}

static int check_relay(struct checking *c, const struct config_relay *relay)
{
	enum tls_wish wish = config_relay_tls(c->config, relay);
	if (!is_relay_name(relay->name))
		return refuse(c, NULL, "a relay's name has 1 to %d bytes, and no comma",
			      RELAY_NAME_LIMIT);
	if (relay->host.size == 0)
		return refuse(c, "host", "must be set");
	if (relay->implicit_tls && wish == TLS_WISH_NONE)
		return refuse(c, "tls", "none contradicts implicit_tls");
	if (relay->protocol == PROTOCOL_LMTP &&
	    config_relay_port(c->config, relay) == PORT_SMTP)
		return refuse(c, "port", "lmtp needs a port of its own, not 25 (RFC 2033 5)");
	if (check_host(c, relay->host) != 0 ||
	    check_dane(c, relay->tls == 1 + TLS_WISH_DANE) != 0)
		return -1;
	return check_login(c, relay);
}

/* ---- routes ---- */

static int refuse_relay(struct checking *c, str name)
{
	const char *known[1024];
	size_t count = 0;
	for (; count < c->config->relay_count && count < sizeof(known) / sizeof(known[0]);
	     count++)
		known[count] = c->config->relays[count].name.data;
	const char *near = suggest(name, known, count);
	int shown = (int)(name.size > 80 ? 80 : name.size);
	if (near)
		return refuse(c, "relays", "there is no relay \"%.*s\", did you mean \"%s\"?",
			      shown, name.data, near);
	return refuse(c, "relays", "there is no relay \"%.*s\"", shown, name.data);
}

static int check_relays(struct checking *c, const struct config_route *route)
{
	if (route->relays.count > ROUTE_HOST_LIMIT)
		return refuse(c, "relays", "%zu relays; at most %d of a route are tried",
			      route->relays.count, ROUTE_HOST_LIMIT);
	for (size_t i = 0; i < route->relays.count; i++) {
		str name = route->relays.items[i];
		bool found = false;
		for (size_t r = 0; r < c->config->relay_count && !found; r++)
			found = str_eq(c->config->relays[r].name, name);
		if (!found)
			return refuse_relay(c, name);
	}
	return 0;
}

/* What a route is for; an address literal is a domain, too (smtp.address_literals). */
static bool is_route_name(str name)
{
	char memory[DOMAIN_LIMIT + 1];
	struct buf ascii;
	const str provider = STR("provider:"), list = STR("list:");
	if (str_starts(name, provider))
		return name.size > provider.size;
	if (str_starts(name, list))
		return name.size > list.size;
	buf_init_fixed(&ascii, memory, sizeof(memory));
	return str_eq(name, STR("*")) || domain_is_valid(name) ||
	       domain_to_ascii(&ascii, name) ||
	       (str_starts(name, STR("[")) && str_ends(name, STR("]")));
}

static int check_route(struct checking *c, const struct config_route *route)
{
	if (!is_route_name(route->name))
		return refuse(c, NULL,
			      "a route is for a domain, provider:NAME, list:NAME or *");
	if (route->relays.count && route->host.size)
		return refuse(c, "host", "relays or host, not both");
	if (route->port && route->host.size == 0)
		return refuse(c, "port", "is that of host, which is not set");
	if (!route->relays.count && !route->host.size && !route->pool.size &&
	    route->tls == CONFIG_TLS_AUTO)
		return refuse(c, NULL, "relays, host, tls or pool must be set");
	if (check_relays(c, route) != 0 || check_dane(c, route->tls == 1 + TLS_WISH_DANE) != 0)
		return -1;
	return route->host.size ? check_host(c, route->host) : 0;
}

int config_check(const struct config *config, char *ret_why, size_t why_size)
{
	struct checking c = {.config = config, .why = ret_why, .why_size = why_size};
	if (config_check_database(config, ret_why, why_size) != 0)
		return -1;
	c.section = "dns";
	if (check_dns(&c) != 0)
		return -1;
	c.section = "smtp";
	if (check_smtp(&c) != 0)
		return -1;
	c.section = "source";
	for (size_t i = 0; i < config->source_count; i++) {
		c.title = config->sources[i].name;
		if (check_source(&c, &config->sources[i]) != 0)
			return -1;
	}
	c.section = "relay";
	for (size_t i = 0; i < config->relay_count; i++) {
		c.title = config->relays[i].name;
		if (check_relay(&c, &config->relays[i]) != 0)
			return -1;
	}
	c.section = "route";
	for (size_t i = 0; i < config->route_count; i++) {
		c.title = config->routes[i].name;
		if (check_route(&c, &config->routes[i]) != 0)
			return -1;
	}
	return config_check_pools(config, ret_why, why_size) == 0
		       ? config_check_policy(config, ret_why, why_size)
		       : -1;
}

int config_refuse(const struct config *config, const char *section, str title, const char *key,
		  const char *sentence, char *ret_why, size_t why_size)
{
	struct checking c = {.config = config,
			     .section = section,
			     .title = title,
			     .why = ret_why,
			     .why_size = why_size};
	return refuse(&c, key[0] ? key : NULL, "%s", sentence);
}
