/* route.h - asks the resolver for MX and addresses of a domain and puts the route together.
 * Answers in a callback. Static routes of the configuration (a domain or "*" to fixed hosts
 * and a port) come first. */
#pragma once

#include "engine/net/mx.h"

struct router;

struct static_route {
	str domain;    /* "*" for all */
	str host;      /* name or address, shown in reports */
	uint16_t port; /* 0: the router's */
};

struct router_config {
	uint16_t port; /* 0: 25 */
	bool allow_loopback;
	const struct static_route *static_routes;
	size_t static_route_count;
	uint64_t seed;
	/* Provider of a set of hosts by MX suffix, see engine/shape/rules.h. "" when unknown.
	 */
	str (*provider_of)(const void *context, const struct route *);
	const void *provider_context;
};

[[nodiscard]] int router_create(struct router **ret_router, struct resolver *,
				const struct router_config *);
void router_destroy(struct router *);

struct route_question {
	struct dns_question dns; /* first member */
	void (*on_route)(struct route_question *);
	enum local_cause cause; /* CAUSE_NONE: route is set */
	char why[160];          /* for the reply's text when there is a cause */
	uint32_t ttl_seconds;   /* how long the route holds */
	struct route route;     /* with ports filled in */
	/* the implementation's own */
	struct router *router;
	char domain[DNS_NAME_SIZE];
	size_t host_index;
	uint16_t port;
	bool temporary, fixed;
};
/* domain is an A-label domain. The question lives until on_route. */
void route_ask(struct router *, struct route_question *, str domain);
