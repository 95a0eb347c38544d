/* route_static.c - the configuration's own routes: which one counts, and its relays as hosts.
 */
#include "engine/net/route_walk.h"

#include "engine/base/assert.h"

#define RELAYS_LIMIT DNS_MX_LIMIT /* relays of a route that count for its site's name */
#define RELAY_NAME_SIZE 64

static bool on_a_list(const struct route_question *q, str name)
{
	for (size_t i = 0; i < q->list_count; i++)
		if (str_eq(q->lists[i], name))
			return true;
	return false;
}

static bool matches(const struct static_route *s, const struct route_question *q)
{
	switch (s->match) {
	case ROUTE_DOMAIN:
		return str_eq_nocase(s->name, str_of(q->domain));
	case ROUTE_PROVIDER:
		return q->route.provider[0] && str_eq(s->name, str_of(q->route.provider));
	case ROUTE_LIST:
		return on_a_list(q, s->name);
	case ROUTE_ALL:
		return true;
	}
	return false;
}

const struct static_route *route_static_find(const struct route_question *q,
					     bool provider_known)
{
	const struct router_config *config = &q->router->config;
	const struct static_route *best = NULL;
	bool by_provider = false;
	for (size_t i = 0; i < config->static_route_count; i++) {
		const struct static_route *s = &config->static_routes[i];
		by_provider = by_provider || s->match == ROUTE_PROVIDER;
		if (matches(s, q) && (!best || s->match < best->match))
			best = s;
	}
	if (by_provider && !provider_known && best && best->match > ROUTE_PROVIDER)
		return NULL;
	return best;
}

/* The route's relays by preference; within one as they stand in the configuration. */
static size_t order_relays(const struct router_config *config, const struct static_route *s,
			   const struct relay **out)
{
	size_t count = 0;
	for (size_t i = 0; i < s->relay_count && count < RELAYS_LIMIT; i++) {
		ASSERT(s->relays[i] < config->relay_count);
		const struct relay *one = &config->relays[s->relays[i]];
		size_t at = count++;
		for (; at > 0 && one->preference < out[at - 1]->preference; at--)
			out[at] = out[at - 1];
		out[at] = one;
	}
	return count;
}

static void put_relay(struct route_question *q, const struct relay *relay)
{
	struct route_host *host = &q->route.hosts[q->route.host_count++];
	*host = (struct route_host){.preference = relay->preference,
				    .weight = relay->weight ? relay->weight : 1,
				    .relay = (int)(relay - q->router->config.relays)};
	if (!str_to_cstr(relay->host, host->name, sizeof host->name))
		host->name[0] = '\0'; /* the resolver refuses it */
}

void route_take_relays(struct route_question *q)
{
	const struct relay *relays[RELAYS_LIMIT];
	char memory[RELAYS_LIMIT][RELAY_NAME_SIZE];
	const char *names[RELAYS_LIMIT];
	size_t count = order_relays(&q->router->config, q->fixed, relays);
	q->route = (struct route){};
	for (size_t i = 0; i < count; i++) {
		str name = str_sub(relays[i]->name, 0, RELAY_NAME_SIZE - 1);
		memcpy(memory[i], name.data, name.size);
		memory[i][name.size] = '\0';
		names[i] = memory[i];
		if (i < ROUTE_HOST_LIMIT)
			put_relay(q, relays[i]);
	}
	mx_name_site("relay:", names, count, q->route.site, sizeof q->route.site);
}

static const struct relay *relay_of(const struct route_question *q,
				    const struct route_host *host)
{
	return host->relay == ROUTE_NO_RELAY ? NULL : &q->router->config.relays[host->relay];
}

uint16_t route_port(const struct route_question *q, const struct route_host *host)
{
	const struct relay *relay = relay_of(q, host);
	return relay && relay->port ? relay->port : q->router->config.port;
}

enum tls_wish route_wish(const struct route_question *q, const struct route_host *host)
{
	const struct relay *relay = relay_of(q, host);
	if (q->fixed && q->fixed->has_tls)
		return q->fixed->tls;
	return relay ? relay->tls : q->router->config.tls;
}
