/* route_walk.h - what the parts of the router share: route.c walks (MX, addresses),
 * route_static.c knows the configuration's routes, route_tls.c finds out what TLS each host
 * needs. Not for anybody else. */
#pragma once

#include "engine/net/route.h"

struct router {
	struct resolver *resolver;
	struct router_config config;
	struct prng prng;
	struct sts_cache *sts; /* NULL: no MTA-STS */
};

/* route.provider, from the hosts as they are. */
void route_name_provider(struct route_question *);
/* The end of every walk: calls on_route. */
void route_finish(struct route_question *, enum local_cause);
__attribute__((format(printf, 2, 3))) void route_explain(struct route_question *,
							 const char *format, ...);
/* An answer the route rests on holds no longer than that. */
void route_hold(struct route_question *, uint32_t ttl_seconds);

/* The static route that counts, or NULL. While the provider is not known, NULL also when it
 * could still matter. */
const struct static_route *route_static_find(const struct route_question *,
					     bool provider_known);
/* The relays of question->fixed become the route's hosts. */
void route_take_relays(struct route_question *);
uint16_t route_port(const struct route_question *, const struct route_host *);
enum tls_wish route_wish(const struct route_question *, const struct route_host *);

/* The last leg: each host's need, and which hosts a policy rules out; ends in route_finish().
 */
void route_find_tls(struct route_question *);
