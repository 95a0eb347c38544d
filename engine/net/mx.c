/* mx.c - see mx.h. The rules' numbers are those of the checklist, B29 to B39. */
#include "engine/net/mx.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "engine/base/buf.h"
#include "engine/base/hash.h"

const char *const ip_family_policy_names[IP_FAMILY_POLICY_COUNT + 1] = {
	[IP_BOTH] = "both",
	[IP_PREFER_IPV6] = "prefer-ipv6",
	[IP_PREFER_IPV4] = "prefer-ipv4",
	[IP_ONLY_IPV4] = "only-ipv4",
	[IP_ONLY_IPV6] = "only-ipv6",
};

static bool is_address(const char *host)
{
	struct net_address ignored;
	return net_address_parse(str_of(host), 0, &ignored);
}

static bool null_mx(const struct dns_answer *answer)
{
	return answer->count == 1 && answer->mx[0].host[0] == '\0';
}

/* B34: a target must be a name; an IP address there is refused. B36: a null MX beside others is
 * ignored. */
static bool usable(const struct dns_mx *mx)
{
	return mx->host[0] != '\0' && mx->host[0] != DNS_UNUSABLE && !is_address(mx->host);
}

struct candidate {
	const struct dns_mx *mx;
	uint64_t lot; /* order among equal preferences */
};

static bool before(const struct candidate *a, const struct candidate *b)
{
	if (a->mx->preference != b->mx->preference)
		return a->mx->preference < b->mx->preference;
	return a->lot < b->lot;
}

/* The usable hosts, each once, with its best preference. */
static size_t gather(const struct dns_answer *answer, struct prng *prng, struct candidate *out)
{
	size_t count = 0;
	for (size_t i = 0; i < answer->count && i < DNS_MX_LIMIT; i++) {
		const struct dns_mx *mx = &answer->mx[i];
		size_t same = 0;
		if (!usable(mx))
			continue;
		while (same < count && strcmp(out[same].mx->host, mx->host) != 0)
			same++;
		if (same == count)
			out[count++] = (struct candidate){mx, prng_u64(prng)};
		else if (mx->preference < out[same].mx->preference)
			out[same].mx = mx;
	}
	return count;
}

/* B30: by preference; equal ones in the order of their lots, which the prng drew. */
static void sort_candidates(struct candidate *c, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct candidate one = c[i];
		size_t at = i;
		for (; at > 0 && before(&one, &c[at - 1]); at--)
			c[at] = c[at - 1];
		c[at] = one;
	}
}

static void sort_names(const char **names, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const char *one = names[i];
		size_t at = i;
		for (; at > 0 && strcmp(one, names[at - 1]) < 0; at--)
			names[at] = names[at - 1];
		names[at] = one;
	}
}

void mx_name_site(const char *prefix, const char **names, size_t count, char *out, size_t size)
{
	char all[(DNS_MX_LIMIT + 1) * DNS_NAME_SIZE];
	struct buf b;
	buf_init_fixed(&b, all, sizeof all);
	buf_put_cstr(&b, prefix);
	sort_names(names, count);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_byte(&b, ',');
		buf_put_cstr(&b, names[i]);
	}
	if (str_to_cstr(buf_str(&b), out, size))
		return;
	/* The first name for people, the hash of all for the identity. */
	snprintf(out, size, "%s%.90s+%zu#%016llx", prefix, names[0], count - 1,
		 (unsigned long long)hash_bytes(0, buf_str(&b)));
}

static void put_hosts(const struct candidate *c, size_t count, struct route *route)
{
	const char *names[DNS_MX_LIMIT];
	for (size_t i = 0; i < count; i++) {
		names[i] = c[i].mx->host;
		if (i >= ROUTE_HOST_LIMIT)
			continue;
		struct route_host *h = &route->hosts[route->host_count++];
		memcpy(h->name, c[i].mx->host, sizeof h->name);
		h->preference = c[i].mx->preference;
		h->weight = 1;
		h->relay = ROUTE_NO_RELAY;
	}
	/* All hosts count, also those behind ROUTE_HOST_LIMIT. */
	mx_name_site("", names, count, route->site, sizeof route->site);
}

/* B32: without MX the domain itself is the host, at preference 0. */
static enum local_cause implicit_mx(str domain, struct route *route)
{
	struct dns_mx self = {};
	if (!str_to_cstr(domain, self.host, sizeof self.host) || !usable(&self))
		return CAUSE_DNS_NO_HOST;
	put_hosts(&(struct candidate){.mx = &self}, 1, route);
	return CAUSE_NONE;
}

enum local_cause mx_order(const struct dns_answer *answer, str domain, struct prng *prng,
			  struct route *ret_route)
{
	struct candidate candidates[DNS_MX_LIMIT];
	*ret_route = (struct route){};
	switch (answer->status) {
	case DNS_TEMPORARY:
		return CAUSE_DNS_TEMPORARY; /* B33 */
	case DNS_NO_NAME:
		return CAUSE_DNS_NO_DOMAIN; /* B33 */
	case DNS_NO_DATA:
		return implicit_mx(domain, ret_route);
	case DNS_OK:
		break;
	}
	if (null_mx(answer))
		return CAUSE_NULL_MX; /* B36 */
	size_t count = gather(answer, prng, candidates);
	if (count == 0)
		return CAUSE_DNS_NO_HOST; /* B31: never the domain's own address */
	sort_candidates(candidates, count);
	put_hosts(candidates, count, ret_route);
	return CAUSE_NONE;
}

/* Takes those of one family in the order of the resolver until the host has so many. */
static void take_family(struct route_host *host, const struct dns_answer *answer, int family,
			size_t until)
{
	for (size_t i = 0; i < answer->count && host->address_count < until; i++)
		if (answer->addresses[i].sa.sa_family == family)
			host->addresses[host->address_count++] = answer->addresses[i];
}

static bool has_family(const struct dns_answer *answer, int family)
{
	for (size_t i = 0; i < answer->count; i++)
		if (answer->addresses[i].sa.sa_family == family)
			return true;
	return false;
}

/* B35: resolver order within a host and a family. */
void mx_take_addresses(struct route_host *host, const struct dns_answer *answer,
		       enum ip_family_policy policy)
{
	bool six_first = policy == IP_PREFER_IPV6 || policy == IP_ONLY_IPV6;
	bool only = policy == IP_ONLY_IPV4 || policy == IP_ONLY_IPV6;
	int first = six_first ? AF_INET6 : AF_INET, second = six_first ? AF_INET : AF_INET6;
	host->address_count = 0;
	if (answer->status != DNS_OK)
		return;
	bool keep_place = !only && policy != IP_PREFER_IPV4 && has_family(answer, second);
	take_family(host, answer, first, ROUTE_ADDRESS_LIMIT - keep_place);
	if (!only)
		take_family(host, answer, second, ROUTE_ADDRESS_LIMIT);
}

void mx_set_port(struct route_host *host, uint16_t port)
{
	for (size_t i = 0; i < host->address_count; i++)
		if (host->addresses[i].sa.sa_family == AF_INET6)
			host->addresses[i].in6.sin6_port = htons(port);
		else
			host->addresses[i].in4.sin_port = htons(port);
}

bool mx_drop_loopback(struct route_host *h)
{
	uint8_t kept = 0;
	for (uint8_t i = 0; i < h->address_count; i++)
		if (!net_address_is_loopback(&h->addresses[i]))
			h->addresses[kept++] = h->addresses[i];
	bool found = kept < h->address_count;
	h->address_count = kept;
	return found;
}

enum local_cause mx_settle(struct route *route, bool temporary, bool allow_loopback)
{
	size_t kept = 0;
	bool loops = false;
	for (size_t i = 0; i < route->host_count; i++) {
		struct route_host *h = &route->hosts[i];
		if (!allow_loopback)
			loops = mx_drop_loopback(h) || loops;
		if (h->address_count > 0 && kept != i)
			route->hosts[kept] = *h;
		kept += h->address_count > 0;
	}
	route->host_count = kept;
	if (kept > 0)
		return CAUSE_NONE;
	if (temporary)
		return CAUSE_DNS_TEMPORARY;
	return loops ? CAUSE_MX_LOOPS : CAUSE_DNS_NO_HOST;
}
