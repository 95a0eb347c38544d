/* route_tls.c - from a wish and what is published to the need of each host.
 * Wishes that nothing published can change are needs at once. Under DANE the TLSA records of
 * each host whose name and addresses came securely are asked for (RFC 7672 2.2); what DANE
 * left open is MTA-STS's (RFC 8461 2: it never overrides DANE). */
#include "engine/net/route_walk.h"

#include <stdio.h>

#include "engine/base/hash.h"

/* The first thing found is what a report speaks of: DANE is asked first. */
static void note_policy(struct route *route, enum tls_policy_type type, const char *domain,
			enum tls_fault fault)
{
	if (route->policy == TLS_POLICY_NONE) {
		route->policy = type;
		memcpy(route->policy_domain, domain, strlen(domain) + 1);
	}
	if (route->policy == type && route->policy_fault == TLS_FAULT_NONE &&
	    strcmp(route->policy_domain, domain) == 0)
		route->policy_fault = fault;
}

/* Whole lines only, as many as there is room for. */
static void put_policy_line(struct route *route, str line)
{
	size_t size = strlen(route->policy_text);
	if (size + line.size + 2 > sizeof route->policy_text)
		return;
	memcpy(route->policy_text + size, line.data, line.size);
	memcpy(route->policy_text + size + line.size, "\n", 2);
}

static void sort_hosts(const struct route *route, const struct route_host **sorted)
{
	for (size_t i = 0; i < route->host_count; i++) {
		const struct route_host *one = &route->hosts[i];
		size_t at = i;
		for (; at > 0 && strcmp(one->name, sorted[at - 1]->name) < 0; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = one;
	}
}

static void set_key(struct route *route)
{
	const struct route_host *sorted[ROUTE_HOST_LIMIT];
	char memory[ROUTE_HOST_LIMIT * (sizeof(struct tls_need) + DNS_NAME_SIZE)];
	struct buf b;
	bool plain = true;
	buf_init_fixed(&b, memory, sizeof memory);
	sort_hosts(route, sorted);
	for (size_t i = 0; i < route->host_count; i++) {
		buf_put(&b, str_make(sorted[i]->name, strlen(sorted[i]->name) + 1));
		tls_need_put_key(&b, &sorted[i]->tls);
		plain = plain && sorted[i]->tls.kind == TLS_NEED_MAY;
	}
	if (!plain)
		snprintf(route->tls_key, sizeof route->tls_key, "%016llx",
			 (unsigned long long)hash_bytes(0, buf_str(&b)));
}

/* What policies left open, or a wish for less. */
static void raise_needs(struct route_question *q)
{
	for (size_t i = 0; i < q->route.host_count; i++)
		if (q->route.hosts[i].tls.kind < TLS_NEED_PKIX)
			q->route.hosts[i].tls = tls_need_of_wish(TLS_WISH_VERIFY);
}

static void finish(struct route_question *q, enum local_cause cause)
{
	if (q->verify_all)
		raise_needs(q);
	set_key(&q->route);
	route_finish(q, cause);
}

/* Drops the hosts that were ruled out, which have lost their addresses; false when none is
 * left.
 */
static bool drop_ruled_out(struct route *route)
{
	return mx_settle(route, true, true) == CAUSE_NONE;
}

static void obey_policy(struct route_question *q, const struct sts_policy *policy)
{
	for (size_t i = 0; i < q->route.host_count; i++) {
		struct route_host *host = &q->route.hosts[i];
		bool named = sts_match(policy, str_of(host->name));
		if (host->tls.kind == TLS_NEED_DANE)
			continue;
		if (policy->mode == STS_TESTING)
			host->outside_policy = !named;
		else if (named)
			host->tls = (struct tls_need){.kind = TLS_NEED_PKIX};
		else
			host->address_count = 0;
	}
}

static void note_sts(struct route_question *q, const struct sts_answer *answer)
{
	struct route *route = &q->route;
	bool in_force = answer->policy && answer->policy->mode != STS_NONE;
	if (!in_force && answer->fault == TLS_FAULT_NONE)
		return;
	note_policy(route, TLS_POLICY_STS, q->domain, answer->fault);
	if (!in_force || route->policy != TLS_POLICY_STS)
		return;
	route->policy_testing = answer->policy->mode == STS_TESTING;
	for (str rest = answer->text; rest.size > 0;)
		put_policy_line(route, str_cut(&rest, '\n'));
}

static void on_sts(struct sts_question *sts, const struct sts_answer *answer)
{
	struct route_question *q = CHAIN_OWNER(sts, struct route_question, sts);
	route_hold(q, answer->ttl_seconds);
	note_sts(q, answer);
	if (answer->policy && answer->policy->mode != STS_NONE)
		obey_policy(q, answer->policy);
	if (drop_ruled_out(&q->route)) {
		finish(q, CAUSE_NONE);
		return;
	}
	note_policy(&q->route, TLS_POLICY_STS, q->domain, TLS_FAULT_VALIDATION);
	route_explain(q, "no mail host of %.60s is named in the domain's MTA-STS policy",
		      q->domain);
	finish(q, CAUSE_TLS_POLICY);
}

/* RFC 8461 is about the MX hosts of a domain: not about relays, not about bare addresses. */
static bool wants_sts(const struct route_question *q)
{
	bool open = false;
	for (size_t i = 0; i < q->route.host_count; i++) {
		const struct route_host *host = &q->route.hosts[i];
		enum tls_wish wish = route_wish(q, host);
		open = open || (host->relay == ROUTE_NO_RELAY &&
				(wish == TLS_WISH_STS || wish == TLS_WISH_DANE) &&
				host->tls.kind != TLS_NEED_DANE);
	}
	return open && q->router->sts && q->domain[0] != '[';
}

static void end_dane(struct route_question *q)
{
	if (!drop_ruled_out(&q->route)) {
		finish(q, CAUSE_DNS_TEMPORARY);
	} else if (wants_sts(q)) {
		q->sts.on_sts = on_sts;
		sts_ask(q->router->sts, &q->sts, str_of(q->domain));
	} else {
		finish(q, CAUSE_NONE);
	}
}

/* RFC 7672 2.2.1: an insecure MX could name any host, so its TLSA records prove nothing. */
static bool wants_tlsa(const struct route_question *q, const struct route_host *host)
{
	return route_wish(q, host) == TLS_WISH_DANE && host->secure &&
	       (q->mx_secure || host->relay != ROUTE_NO_RELAY);
}

/* RFC 7672 2.1.1: a lookup that fails may be an attack; the host is left alone until it works.
 */
static void rule_out(struct route_question *q, struct route_host *host,
		     const struct dns_answer *answer)
{
	host->address_count = 0;
	note_policy(&q->route, TLS_POLICY_TLSA, host->name, TLS_FAULT_DNSSEC_INVALID);
	route_explain(q, "the TLSA records of %.60s could not be looked up: %.60s", host->name,
		      answer->why);
}

/* RFC 7672 2.2: records that cannot be used still ask for TLS. */
static void take_tlsa(struct route_question *q, struct route_host *host,
		      const struct dns_answer *answer)
{
	bool first = q->route.policy == TLS_POLICY_NONE;
	host->tls = tls_need_of_tlsa(answer->tlsa, answer->count);
	note_policy(&q->route, TLS_POLICY_TLSA, host->name,
		    answer->count > 0 ? TLS_FAULT_NONE : TLS_FAULT_TLSA_INVALID);
	for (size_t i = 0; i < host->tls.tlsa_count && first; i++) {
		char memory[2 * TLSA_DATA_LIMIT + 16];
		struct buf line;
		buf_init_fixed(&line, memory, sizeof memory);
		tlsa_put_text(&line, &host->tls.tlsa[i]);
		put_policy_line(&q->route, buf_str(&line));
	}
}

static void ask_next_tlsa(struct route_question *q);

static void on_tlsa(struct dns_question *dns, const struct dns_answer *answer)
{
	struct route_question *q = (struct route_question *)dns;
	struct route_host *host = &q->route.hosts[q->host_index++];
	if (answer->status == DNS_TEMPORARY)
		rule_out(q, host, answer);
	else if (answer->status == DNS_OK && answer->secure)
		take_tlsa(q, host, answer);
	route_hold(q, answer->ttl_seconds);
	ask_next_tlsa(q);
}

static void ask_next_tlsa(struct route_question *q)
{
	const struct route *route = &q->route;
	char name[DNS_NAME_SIZE + 16];
	while (q->host_index < route->host_count &&
	       !wants_tlsa(q, &route->hosts[q->host_index]))
		q->host_index++;
	if (q->host_index == route->host_count) {
		end_dane(q);
		return;
	}
	const struct route_host *host = &route->hosts[q->host_index];
	snprintf(name, sizeof name, "_%u._tcp.%s", route_port(q, host), host->name);
	q->dns.on_answer = on_tlsa;
	resolve_tlsa(q->router->resolver, &q->dns, str_of(name));
}

/* TLS that begins with the first byte cannot be left out. */
static bool is_implicit(const struct route_question *q, const struct route_host *host)
{
	return host->relay != ROUTE_NO_RELAY &&
	       q->router->config.relays[host->relay].implicit_tls;
}

void route_find_tls(struct route_question *q)
{
	for (size_t i = 0; i < q->route.host_count; i++) {
		struct route_host *host = &q->route.hosts[i];
		host->tls = tls_need_of_wish(route_wish(q, host));
		if (is_implicit(q, host) && host->tls.kind < TLS_NEED_ENCRYPT)
			host->tls.kind = TLS_NEED_ENCRYPT;
	}
	q->host_index = 0;
	ask_next_tlsa(q);
}
