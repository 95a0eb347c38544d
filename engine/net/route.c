/* route.c - the walk: static routes, MX, then the addresses of each host, one after the other;
 * what TLS they need is route_tls.c. One embedded DNS question serves all steps. Cached lookups
 * cost a round of the loop each, which a domain pays once per TTL. */
#include "engine/net/route_walk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PORT_DEFAULT 25
#define STATIC_TTL 3600 /* seconds a static route holds: the configuration may be reloaded */

static int open_sts(struct router *r)
{
	const struct router_config *config = &r->config;
	const struct sts_cache_config sts = {
		.loop = config->loop,
		.resolver = r->resolver,
		.fetcher = config->fetcher,
		.port = config->sts_port,
		.ipv6 = config->ipv6,
		.allow_loopback = config->allow_loopback,
		.seed = config->seed,
	};
	return config->fetcher ? sts_cache_create(&r->sts, &sts) : 0;
}

int router_create(struct router **ret_router, struct resolver *resolver,
		  const struct router_config *config)
{
	struct router *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	r->resolver = resolver;
	r->config = *config;
	if (r->config.port == 0)
		r->config.port = PORT_DEFAULT;
	prng_init(&r->prng, config->seed);
	int result = open_sts(r);
	if (result < 0) {
		router_destroy(r);
		return result;
	}
	*ret_router = r;
	return 0;
}

void router_destroy(struct router *r)
{
	if (r)
		sts_cache_destroy(r->sts);
	free(r);
}

void route_name_provider(struct route_question *q)
{
	const struct router_config *config = &q->router->config;
	if (!config->provider_of)
		return;
	str name = config->provider_of(config->provider_context, &q->route);
	if (!str_to_cstr(name, q->route.provider, sizeof q->route.provider))
		q->route.provider[0] = '\0';
}

void route_finish(struct route_question *q, enum local_cause cause)
{
	q->cause = cause;
	if (cause == CAUSE_NONE) {
		route_name_provider(q);
		q->route.pool = q->fixed ? q->fixed->pool : 0;
	}
	q->on_route(q);
}

/* What the resolver said, or the rule that left nothing. */
void route_explain(struct route_question *q, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(q->why, sizeof q->why, format, arguments);
	va_end(arguments);
}

void route_hold(struct route_question *q, uint32_t ttl_seconds)
{
	if (ttl_seconds < q->ttl_seconds)
		q->ttl_seconds = ttl_seconds;
}

static bool by_relay(const struct route_question *q)
{
	return q->fixed && q->fixed->relay_count > 0;
}

static void explain_settled(struct route_question *q, enum local_cause cause)
{
	enum ip_family_policy ip = q->router->config.ipv6;
	const char *kind = ip == IP_ONLY_IPV4   ? "IPv4 address"
			   : ip == IP_ONLY_IPV6 ? "IPv6 address"
						: "address";
	if (cause == CAUSE_MX_LOOPS)
		route_explain(q, "every mail host of %.60s is this machine (loopback address)",
			      q->domain);
	else if (cause == CAUSE_DNS_NO_HOST && by_relay(q))
		route_explain(q, "none of the relays has an %s: check \"%.60s\"", kind,
			      q->route.site);
	else if (cause == CAUSE_DNS_NO_HOST)
		route_explain(q, "no mail host of %.80s has an %s", q->domain, kind);
	/* Otherwise the resolver's own sentence stands there already. */
}

static void settle(struct route_question *q)
{
	bool allow = q->router->config.allow_loopback || by_relay(q);
	enum local_cause cause = mx_settle(&q->route, q->temporary, allow);
	explain_settled(q, cause);
	/* A relay is our own affair: no recipient is to bounce because its name is wrong. */
	if (cause == CAUSE_DNS_NO_HOST && by_relay(q))
		cause = CAUSE_DNS_TEMPORARY;
	if (cause == CAUSE_NONE)
		route_find_tls(q);
	else
		route_finish(q, cause);
}

static void on_addresses(struct dns_question *dns, const struct dns_answer *answer);

static void ask_next_host(struct route_question *q)
{
	if (q->host_index == q->route.host_count) {
		settle(q);
		return;
	}
	q->dns.on_answer = on_addresses;
	resolve_address(q->router->resolver, &q->dns,
			str_of(q->route.hosts[q->host_index].name));
}

static void on_addresses(struct dns_question *dns, const struct dns_answer *answer)
{
	struct route_question *q = (struct route_question *)dns;
	struct route_host *host = &q->route.hosts[q->host_index++];
	mx_take_addresses(host, answer, q->router->config.ipv6);
	mx_set_port(host, route_port(q, host));
	host->secure = answer->secure;
	if (answer->status == DNS_TEMPORARY) {
		q->temporary = true;
		route_explain(q, "%s", answer->why);
	}
	/* Also a missing address: when it appears, the route is to change. */
	route_hold(q, answer->ttl_seconds);
	ask_next_host(q);
}

static void explain_mx(struct route_question *q, enum local_cause cause,
		       const struct dns_answer *answer)
{
	switch (cause) {
	case CAUSE_DNS_TEMPORARY:
		route_explain(q, "%s", answer->why);
		break;
	case CAUSE_DNS_NO_DOMAIN:
		route_explain(q,
			      q->domain[0] == '['
				      ? "no mail goes to an address in place of a domain: %.80s"
				      : "the domain %.100s does not exist",
			      q->domain);
		break;
	case CAUSE_NULL_MX:
		route_explain(q, "the domain %.100s takes no mail (null MX)", q->domain);
		break;
	default:
		route_explain(q, "no MX record of %.100s names a usable host", q->domain);
	}
}

static void ask_relays(struct route_question *q)
{
	q->ttl_seconds = STATIC_TTL;
	route_take_relays(q);
	ask_next_host(q);
}

/* Whom the mail hosts belong to may decide that they are not asked at all. */
static void choose_late(struct route_question *q, enum local_cause cause)
{
	if (q->fixed || cause == CAUSE_DNS_TEMPORARY)
		return;
	if (cause == CAUSE_NONE)
		route_name_provider(q);
	q->fixed = route_static_find(q, true);
}

static void on_mx(struct dns_question *dns, const struct dns_answer *answer)
{
	struct route_question *q = (struct route_question *)dns;
	enum local_cause cause =
		mx_order(answer, str_of(q->domain), &q->router->prng, &q->route);
	q->ttl_seconds = answer->ttl_seconds;
	q->mx_secure = answer->secure;
	choose_late(q, cause);
	if (by_relay(q)) {
		ask_relays(q);
	} else if (cause == CAUSE_NONE) {
		ask_next_host(q);
	} else {
		explain_mx(q, cause, answer);
		route_finish(q, cause);
	}
}

/* RFC 5321 4.1.3: "[192.0.2.1]" or "[IPv6:2001:db8::1]". */
static bool take_literal(struct route_question *q)
{
	struct route_host *host = &q->route.hosts[0];
	struct net_address address;
	str text = str_of(q->domain);
	if (!str_starts(text, STR("[")) || !str_ends(text, STR("]")))
		return false;
	text = str_sub(text, 1, text.size - 2);
	bool six = str_starts_nocase(text, STR("IPv6:"));
	if (!net_address_parse(six ? str_from(text, 5) : text, 0, &address) ||
	    six != (address.sa.sa_family == AF_INET6))
		return false;
	*host = (struct route_host){.weight = 1, .relay = ROUTE_NO_RELAY};
	net_address_format(&address, host->name);
	q->route.host_count = 1;
	mx_name_site("", &(const char *){host->name}, 1, q->route.site, sizeof q->route.site);
	return true;
}

static void begin(struct route_question *q, str domain, const str *lists, size_t list_count)
{
	q->cause = CAUSE_NONE;
	q->route = (struct route){};
	q->why[0] = '\0';
	q->ttl_seconds = STATIC_TTL;
	q->host_index = 0;
	q->lists = lists;
	q->list_count = list_count;
	q->temporary = q->mx_secure = false;
	/* Too long for a name: asked as the empty one, which the resolver refuses in its time.
	 */
	if (!str_to_cstr(domain, q->domain, sizeof q->domain))
		q->domain[0] = '\0';
	q->fixed = route_static_find(q, false);
}

void route_ask(struct router *r, struct route_question *q, str domain, const str *lists,
	       size_t list_count)
{
	q->router = r;
	begin(q, domain, lists, list_count);
	if (by_relay(q)) {
		ask_relays(q);
		return;
	}
	if (r->config.allow_address_literals && take_literal(q)) {
		ask_next_host(q);
		return;
	}
	q->dns.on_answer = on_mx;
	resolve_mx(r->resolver, &q->dns, q->domain[0] == '[' ? (str){} : str_of(q->domain));
}
