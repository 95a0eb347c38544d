/* mx.h - a route, and the rules from DNS answers to the ordered hosts of a domain and its site.
 * Pure (RFC 5321 5.1, RFC 7505, RFC 2181 10.3; rules B29-B39 of the checklist). */
#pragma once

#include "engine/base/prng.h"
#include "engine/net/resolve.h"
#include "engine/smtp/reply.h"

#define ROUTE_HOST_LIMIT 8    /* hosts of a domain that are ever tried */
#define ROUTE_ADDRESS_LIMIT 4 /* addresses of one host that are ever tried */
#define ROUTE_NO_RELAY (-1)

struct route_host {
	char name[DNS_NAME_SIZE];
	uint16_t preference;
	uint16_t weight; /* among relays of one preference; 1 otherwise */
	int relay;       /* index into router_config.relays; ROUTE_NO_RELAY: an MX host */
	bool secure;     /* its addresses came with DNSSEC */
	/* A policy that is only being tested does not name it: mail goes there, a report says
	 * so. */
	bool outside_policy;
	uint8_t address_count;
	struct net_address addresses[ROUTE_ADDRESS_LIMIT];
	struct tls_need tls;
};

/* Where a domain's mail goes. site names the set of hosts that share limits: the sorted MX host
 * names, shortened to a hash when long; equal sets give equal names whatever the preferences.
 * For relays it is "relay:" and their names. */
struct route {
	char site[128];
	char provider[32]; /* short name of the MX owner, "" when unknown */
	/* Connections made for one route may carry the mail of another of the same site when
	 * their keys are equal. "": every host's need is TLS_NEED_MAY. */
	char tls_key[24];
	/* For TLS reports, RFC 8460 4.2; also when the route ended with a cause. */
	enum tls_policy_type policy;
	enum tls_fault policy_fault; /* of the policy itself */
	bool policy_testing;         /* STS: failures are reported, mail goes all the same */
	char policy_domain[DNS_NAME_SIZE]; /* STS: the domain; TLSA: the first host with records
					    */
	char policy_text[256];             /* its lines, as many as fit whole */
	uint16_t pool; /* of sources, as the static route named it: index + 1; 0: none */
	size_t host_count;
	struct route_host hosts[ROUTE_HOST_LIMIT]; /* in the order to try */
};

/* Step 1: the answer to the MX question -> hosts by preference, equal ones shuffled by the
 * prng. CAUSE_NONE when there is something to look up; implicit MX (the domain itself)
 * included. */
[[nodiscard]] enum local_cause mx_order(const struct dns_answer *, str domain, struct prng *,
					struct route *ret_route);
/* Which addresses of a host are tried, and in which order. IPv4 works nearly everywhere, so the
 * last place is kept for it, or for IPv6, where the other family would fill them all; only
 * IP_PREFER_IPV4 keeps none. */
enum ip_family_policy {
	IP_BOTH, /* IPv4 first, the last place for IPv6 */
	IP_PREFER_IPV6,
	IP_PREFER_IPV4,
	IP_ONLY_IPV4,
	IP_ONLY_IPV6,
	IP_FAMILY_POLICY_COUNT,
};
extern const char *const ip_family_policy_names[IP_FAMILY_POLICY_COUNT + 1]; /* NULL ends */

/* Between the steps, for each host: the addresses worth a try. */
void mx_take_addresses(struct route_host *, const struct dns_answer *, enum ip_family_policy);
void mx_set_port(struct route_host *, uint16_t port);
/* Returns whether there was a loopback address. */
bool mx_drop_loopback(struct route_host *);
/* Step 2: the address answers were filled in: drops hosts without any, loopback ones unless
 * allowed, and says what is left. temporary: a lookup failed for the time being. */
[[nodiscard]] enum local_cause mx_settle(struct route *, bool temporary, bool allow_loopback);
/* The name of a set: prefix, then the names sorted (in place), shortened to a hash when long.
 */
void mx_name_site(const char *prefix, const char **names, size_t count, char *out, size_t size);
