/* route.h - asks the resolver for MX and addresses of a domain, looks at what the domain and
 * its hosts publish about TLS, and puts the route together. Answers in a callback. Static
 * routes of the configuration (to relays, or with another wish for TLS) come first. */
#pragma once

#include "engine/net/sts_cache.h"

struct router;

/* A host of our own choice that takes mail for others; the caller knows more of it by its index
 * (credentials). */
struct relay {
	str name;      /* as in the configuration; relays of one name share limits */
	str host;      /* name or address */
	uint16_t port; /* 0: the router's */
	uint16_t weight;
	uint16_t preference;
	enum tls_wish tls; /* TLS_WISH_STS asks no more than MAY of a relay */
	bool implicit_tls, lmtp;
};

enum route_match { ROUTE_DOMAIN, ROUTE_PROVIDER, ROUTE_LIST, ROUTE_ALL };

/* Of those that match, the first of the narrowest kind counts: domain, provider, list, all. */
struct static_route {
	enum route_match match;
	str name;               /* of the domain, the provider or the list */
	const uint16_t *relays; /* into router_config.relays */
	size_t relay_count;     /* 0: by MX as usual */
	bool has_tls;
	enum tls_wish tls; /* with has_tls: in place of the router's, or of the relays' */
};

struct router_config {
	uint16_t port; /* 0: 25 */
	bool allow_loopback;
	bool allow_address_literals; /* B39: "[192.0.2.1]" as a domain */
	enum ip_family_policy ipv6;
	enum tls_wish tls; /* where no static route says otherwise */
	const struct relay *relays;
	size_t relay_count;
	const struct static_route *static_routes;
	size_t static_route_count;
	struct fetcher *fetcher; /* NULL: no MTA-STS */
	struct io_loop *loop;    /* with a fetcher: for the time */
	uint16_t sts_port;       /* where policies are fetched; 0: 443 */
	uint64_t seed;
	/* Provider of a set of hosts by MX suffix, see engine/shape/rules.h. "" when unknown.
	 */
	str (*provider_of)(const void *context, const struct route *);
	const void *provider_context;
};

/* The configuration is copied, what it points to is not. DANE asks for a resolver that trusts
 * AD: with another one every domain is as one without TLSA records. */
[[nodiscard]] int router_create(struct router **ret_router, struct resolver *,
				const struct router_config *);
/* After the fetcher, before the resolver; not from on_route. */
void router_destroy(struct router *);

struct route_question {
	struct dns_question dns; /* first member */
	void (*on_route)(struct route_question *);
	enum local_cause cause; /* CAUSE_NONE: route is set */
	char why[160];          /* for the reply's text when there is a cause */
	uint32_t ttl_seconds;   /* how long the route holds */
	bool verify_all; /* asked: whatever was wished, no host without a proof of its name */
	struct route route;     /* with ports filled in */
	/* the implementation's own: see route_walk.h */
	struct router *router;
	struct sts_question sts;
	const struct static_route *fixed;
	const str *lists;
	size_t list_count, host_index;
	char domain[DNS_NAME_SIZE];
	bool temporary, mx_secure;
};
/* domain is an A-label domain, lists the names of the campaign's lists. The question and the
 * lists live until on_route. */
void route_ask(struct router *, struct route_question *, str domain, const str *lists,
	       size_t list_count);
