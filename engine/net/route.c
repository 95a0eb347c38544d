/* route.c - MX, then the addresses of each host, one after the other; see route.h.
 * One embedded DNS question serves all steps. Cached lookups cost a round of the loop each,
 * which a domain pays once per TTL. */
#include "engine/net/route.h"

#include <errno.h>
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PORT_DEFAULT 25
#define STATIC_TTL 3600 /* seconds a static route holds: the configuration may be reloaded */

struct router {
	struct resolver *resolver;
	struct router_config config;
	struct prng prng;
};

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
	*ret_router = r;
	return 0;
}

void router_destroy(struct router *r)
{
	free(r);
}

static void set_port(struct net_address *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
	else
		a->in4.sin_port = htons(port);
}

static void finish(struct route_question *q, enum local_cause cause)
{
	struct router *r = q->router;
	q->cause = cause;
	if (cause == CAUSE_NONE && r->config.provider_of) {
		str name = r->config.provider_of(r->config.provider_context, &q->route);
		if (!str_to_cstr(name, q->route.provider, sizeof q->route.provider))
			q->route.provider[0] = '\0';
	}
	q->on_route(q);
}

/* what the resolver said, or the rule that left nothing. */
__attribute__((format(printf, 2, 3))) static void explain(struct route_question *q,
							  const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(q->why, sizeof q->why, format, arguments);
	va_end(arguments);
}

static void explain_settled(struct route_question *q, enum local_cause cause)
{
	if (cause == CAUSE_MX_LOOPS)
		explain(q, "every mail host of %.60s is this machine (loopback address)",
			q->domain);
	else if (cause == CAUSE_DNS_NO_HOST)
		explain(q, "no mail host of %.80s has an address", q->domain);
	/* Otherwise the resolver's own sentence stands there already. */
}

static void settle(struct route_question *q)
{
	bool allow = q->router->config.allow_loopback || q->fixed;
	enum local_cause cause = mx_settle(&q->route, q->temporary, allow);
	for (size_t i = 0; i < q->route.host_count; i++)
		for (size_t k = 0; k < q->route.hosts[i].address_count; k++)
			set_port(&q->route.hosts[i].addresses[k], q->port);
	explain_settled(q, cause);
	finish(q, cause);
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
	mx_take_addresses(host, answer);
	if (answer->status == DNS_TEMPORARY) {
		q->temporary = true;
		explain(q, "%s", answer->why);
	}
	/* Also a missing address: when it appears, the route is to change. */
	if (answer->ttl_seconds < q->ttl_seconds)
		q->ttl_seconds = answer->ttl_seconds;
	ask_next_host(q);
}

static void explain_mx(struct route_question *q, enum local_cause cause,
		       const struct dns_answer *answer)
{
	switch (cause) {
	case CAUSE_DNS_TEMPORARY:
		explain(q, "%s", answer->why);
		break;
	case CAUSE_DNS_NO_DOMAIN:
		explain(q, "the domain %.100s does not exist", q->domain);
		break;
	case CAUSE_NULL_MX:
		explain(q, "the domain %.100s takes no mail (null MX)", q->domain);
		break;
	default:
		explain(q, "no MX record of %.100s names a usable host", q->domain);
	}
}

static void on_mx(struct dns_question *dns, const struct dns_answer *answer)
{
	struct route_question *q = (struct route_question *)dns;
	enum local_cause cause =
		mx_order(answer, str_of(q->domain), &q->router->prng, &q->route);
	q->ttl_seconds = answer->ttl_seconds;
	if (cause == CAUSE_NONE) {
		ask_next_host(q);
		return;
	}
	explain_mx(q, cause, answer);
	finish(q, cause);
}

static const struct static_route *find_static(const struct router *r, str domain)
{
	for (size_t i = 0; i < r->config.static_route_count; i++) {
		const struct static_route *s = &r->config.static_routes[i];
		if (str_eq_nocase(s->domain, domain) || str_eq(s->domain, STR("*")))
			return s;
	}
	return NULL;
}

static void ask_static(struct route_question *q, const struct static_route *s)
{
	struct route_host *host = &q->route.hosts[0];
	q->fixed = true;
	q->ttl_seconds = STATIC_TTL;
	if (s->port)
		q->port = s->port;
	q->route.host_count = 1;
	if (!str_to_cstr(s->host, host->name, sizeof host->name))
		host->name[0] = '\0'; /* the resolver refuses it */
	snprintf(q->route.site, sizeof q->route.site, "%.100s:%u", host->name, q->port);
	ask_next_host(q);
}

void route_ask(struct router *r, struct route_question *q, str domain)
{
	const struct static_route *fixed = find_static(r, domain);
	q->router = r;
	q->cause = CAUSE_NONE;
	q->route = (struct route){};
	q->why[0] = '\0';
	q->host_index = 0;
	q->port = r->config.port;
	q->temporary = q->fixed = false;
	/* Too long for a name: asked as the empty one, which the resolver refuses in its time.
	 */
	if (!str_to_cstr(domain, q->domain, sizeof q->domain))
		q->domain[0] = '\0';
	if (fixed) {
		ask_static(q, fixed);
		return;
	}
	/* B39: an address literal as a domain ("[192.0.2.1]") is off; no such name exists. */
	q->dns.on_answer = on_mx;
	resolve_mx(r->resolver, &q->dns, q->domain[0] == '[' ? (str){} : str_of(q->domain));
}
