/* mx.h - from DNS answers to the ordered hosts of a domain and its site. Pure (RFC 5321 5.1,
 * RFC 7505, RFC 2181 10.3; rules B29-B39 of the checklist). */
#pragma once

#include "engine/base/prng.h"
#include "engine/net/resolve.h"
#include "engine/smtp/reply.h"

#define ROUTE_HOST_LIMIT 8    /* hosts of a domain that are ever tried */
#define ROUTE_ADDRESS_LIMIT 4 /* addresses of one host that are ever tried */

struct route_host {
	char name[DNS_NAME_SIZE];
	uint16_t preference;
	uint8_t address_count;
	struct net_address addresses[ROUTE_ADDRESS_LIMIT];
};

/* Where a domain's mail goes. site names the set of hosts that share limits: the sorted MX host
 * names, shortened to a hash when long; equal sets give equal names whatever the preferences.
 */
struct route {
	char site[128];
	char provider[32]; /* short name of the MX owner, "" when unknown */
	size_t host_count;
	struct route_host hosts[ROUTE_HOST_LIMIT]; /* in the order to try */
};

/* Step 1: the answer to the MX question -> hosts by preference, equal ones shuffled by the
 * prng. CAUSE_NONE when there is something to look up; implicit MX (the domain itself)
 * included. */
[[nodiscard]] enum local_cause mx_order(const struct dns_answer *, str domain, struct prng *,
					struct route *ret_route);
/* Between the steps, for each host: the addresses worth a try, of both families if it has them.
 */
void mx_take_addresses(struct route_host *, const struct dns_answer *);
/* Step 2: the address answers were filled in: drops hosts without any, loopback ones unless
 * allowed, and says what is left. temporary: a lookup failed for the time being. */
[[nodiscard]] enum local_cause mx_settle(struct route *, bool temporary, bool allow_loopback);
