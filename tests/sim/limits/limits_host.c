/* limits_host.c - hosts that count: per source x site (or provider, where it counts as one),
 * and for every limit that is wider than a path. Site k's hosts are 10.0.k.1 and .2; the
 * sources 10.9.0.1 and on. */
#include "tests/sim/limits/limits.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tests/sim/peer.h"
#include "tests/sim/sim_store.h"

struct visit {
	struct peer peer; /* first: what is freed */
	struct chain_link link; /* of those open */
	usec opened_at;
	bool lapsed; /* its engine counted as gone meanwhile */
	unsigned source, site;
	struct truth *rcpt;
	uint64_t campaign_id;
	uint32_t message_count;
};

static const struct limits_plan *plan;
static struct tally paths[LIMITS_SOURCES][SITE_COUNT];
static struct tally named[LIMITS_NAMED], campaigns[LIMITS_CAMPAIGNS];
static struct chain visits;
static usec changed_at; /* all engines have the limits that are in force */
static struct {
	bool is_gone;
	usec back_at;
} owners[LIMITS_ENGINES];
static uint64_t arrived, together;

const char *const limits_provider_names[LIMITS_PROVIDERS] = {"alpha", "beta", "gamma", "delta"};

unsigned limits_provider_of(unsigned site)
{
	static const unsigned providers[SITE_COUNT] = {0, 0, 1, 1, 2, 3};
	return providers[site];
}

static const struct path_limits *limits_of(unsigned site)
{
	return &plan->of_provider[plan->edit][limits_provider_of(site)];
}

static struct quota_limits as_quota(const struct path_limits *l)
{
	return (struct quota_limits){l->message_rate, l->byte_rate, l->connection_rate,
				     l->connections};
}

/* A provider that counts as one counts at its first site. */
static struct tally *path_of(const struct visit *visit)
{
	unsigned first = visit->site;
	while (limits_of(visit->site)->shared && first > 0 &&
	       limits_provider_of(first - 1) == limits_provider_of(visit->site))
		first--;
	return &paths[visit->source][first];
}

void limits_hosts_begin(struct world *w, const struct limits_plan *p)
{
	char name[80];
	plan = p;
	arrived = together = 0;
	changed_at = 0;
	memset(owners, 0, sizeof(owners));
	chain_init(&visits);
	for (unsigned source = 0; source < LIMITS_SOURCES; source++)
		for (unsigned site = 0; site < SITE_COUNT; site++) {
			const struct quota_limits limits = as_quota(limits_of(site));
			snprintf(name, sizeof(name), "out%u to site%u", source + 1, site);
			tally_init(&paths[source][site], name, &limits);
			paths[source][site].messages_per_connection =
				limits_of(site)->messages_per_connection;
		}
	for (unsigned i = 0; i < p->named_count; i++) {
		snprintf(name, sizeof(name), "limit %.*s", STR_FORMAT(p->named[i].name));
		tally_init(&named[i], name, &p->named[i].limits);
	}
	for (unsigned i = 0; i < p->campaign_count; i++) {
		snprintf(name, sizeof(name), "campaign %u", i);
		tally_init(&campaigns[i], name, &p->of_campaign[i]);
	}
	(void)w;
}

void limits_hosts_change(const usec taken_at[LIMITS_ENGINES])
{
	changed_at = 0;
	for (unsigned source = 0; source < LIMITS_SOURCES; source++) {
		usec at = taken_at[source % plan->engine_count];
		changed_at = usec_max(changed_at, at);
		for (unsigned site = 0; site < SITE_COUNT; site++) {
			const struct quota_limits limits = as_quota(limits_of(site));
			tally_change(&paths[source][site], &limits,
				     limits_of(site)->messages_per_connection, at);
		}
	}
	for (unsigned i = 0; i < plan->named_count; i++)
		tally_change(&named[i], &plan->named_of[plan->edit][i], 0, changed_at);
}

uint64_t limits_hosts_arrived(void)
{
	return arrived;
}

uint64_t limits_hosts_together(void)
{
	return together;
}

static unsigned engine_of(const struct visit *visit)
{
	return visit->source % plan->engine_count;
}

void limits_hosts_lapse(unsigned engine, bool is_gone)
{
	struct chain_link *link = chain_first(&visits);
	if (owners[engine].is_gone && !is_gone)
		owners[engine].back_at = world->now;
	owners[engine].is_gone = is_gone;
	for (; is_gone && link; link = chain_next(&visits, link)) {
		struct visit *visit = CHAIN_OWNER(link, struct visit, link);
		visit->lapsed |= engine_of(visit) == engine;
	}
}

int host_site_of(const struct net_address *address)
{
	uint32_t ip = ntohl(address->in4.sin_addr.s_addr);
	int site = (int)(ip >> 8 & 255);
	return ip >> 16 == (10u << 8) && site < SITE_COUNT ? site : -1;
}

/* -- what falls under which limit: by its words, which are those of the settings ------------
 */

static bool is_of(str wanted, const char *prefix, uint64_t number)
{
	char name[32];
	snprintf(name, sizeof(name), "%s%llu", prefix, (unsigned long long)number);
	return wanted.size == 0 || str_eq(wanted, str_of(name));
}

static bool is_over(const struct limit_rule *rule, const struct visit *visit)
{
	const char *provider = limits_provider_names[limits_provider_of(visit->site)];
	return is_of(rule->source, "out", visit->source + 1) &&
	       (rule->provider.size == 0 || str_eq(rule->provider, str_of(provider)));
}

static bool is_about(const struct limit_rule *rule, const struct visit *visit)
{
	uint64_t number = visit->campaign_id - LIMITS_CAMPAIGN;
	return is_over(rule, visit) && is_of(rule->campaign, "letter", number) &&
	       is_of(rule->list, "list", number % 2);
}

/* Whether others can know of this connection. They do not count what one has who is gone, nor,
 * for a moment, what he comes back with, or has from before the limit was there; he himself does. */
static bool is_known(const struct visit *visit, usec now)
{
	unsigned owner = engine_of(visit);
	if (visit->lapsed && (owners[owner].is_gone || now < owners[owner].back_at + TALLY_TOLD))
		return false;
	bool is_old = visit->opened_at < changed_at + TALLY_GRACE;
	return !is_old || now >= changed_at + TALLY_TOLD;
}

static uint32_t unknown_of(const struct limit_rule *rule, const struct visit *opened)
{
	uint32_t count = 0;
	struct chain_link *link = chain_first(&visits);
	for (; link; link = chain_next(&visits, link)) {
		const struct visit *visit = CHAIN_OWNER(link, struct visit, link);
		count += engine_of(visit) != engine_of(opened) && is_over(rule, visit) &&
			 !is_known(visit, opened->peer.world->now);
	}
	return count;
}

/* A limit that all engines share. */
static void message_of_all(struct visit *visit, struct tally *t)
{
	struct world *w = visit->peer.world;
	unsigned engine = engine_of(visit) + 1;
	bool is_limited = t->limits.message_rate.count || t->limits.byte_rate.count;
	together += is_limited && t->last_engine && t->last_engine != engine &&
		    w->now - t->last_at < USEC_SECOND;
	t->last_engine = engine;
	t->last_at = w->now;
	tally_message(w, t);
}

static void each_message(struct visit *visit)
{
	struct world *w = visit->peer.world;
	visit->message_count++;
	tally_on_connection(w, path_of(visit), visit->message_count);
	tally_message(w, path_of(visit));
	message_of_all(visit, &campaigns[visit->campaign_id - LIMITS_CAMPAIGN]);
	for (unsigned i = 0; i < plan->named_count; i++)
		if (is_about(&plan->named[i], visit))
			message_of_all(visit, &named[i]);
}

static void each_size(struct visit *visit, size_t size)
{
	struct world *w = visit->peer.world;
	tally_bytes(w, path_of(visit), size);
	tally_bytes(w, &campaigns[visit->campaign_id - LIMITS_CAMPAIGN], size);
	for (unsigned i = 0; i < plan->named_count; i++)
		if (is_about(&plan->named[i], visit))
			tally_bytes(w, &named[i], size);
}

/* -- what is answered
 * -------------------------------------------------------------------------- */

static void answer_with(struct smtp_answer *a, uint16_t code, const char *status,
			const char *text)
{
	a->code = code;
	a->status = status;
	a->text = text;
}

static void on_connect(void *context, struct smtp_answer *a)
{
	struct visit *visit = context;
	if (!world_fault(visit->peer.world, FAULT_GREETING_421))
		return;
	answer_with(a, 421, "4.3.2", "closing, come back later");
	a->close = true;
}

static void on_rcpt(void *context, str to, struct smtp_answer *a)
{
	struct visit *visit = context;
	struct world *w = visit->peer.world;
	visit->rcpt = truth_by_email(w, to);
	if (!visit->rcpt) {
		world_fail(w, "mail to %.*s, who is nobody", STR_FORMAT(to));
		return;
	}
	visit->campaign_id = sim_newsletter_to((uint64_t)(visit->rcpt - w->truths));
	each_message(visit);
	arrived++;
	if (world_fault(w, FAULT_RESET))
		a->drop = true;
	else if (world_fault(w, FAULT_DEFER))
		answer_with(a, 450, "4.2.1", "mailbox busy, try again later");
	else if (world_fault(w, FAULT_REJECT))
		answer_with(a, 550, "5.1.1", "user unknown");
}

static void on_end(void *context, size_t size, struct smtp_answer *a)
{
	struct visit *visit = context;
	struct world *w = visit->peer.world;
	each_size(visit, size);
	if (world_fault(w, FAULT_LOST_MESSAGE)) {
		a->drop = true;
		return;
	}
	visit->rcpt->accepted_count++;
	a->close = world_fault(w, FAULT_CUT);
}

static void on_gone(struct peer *peer)
{
	struct visit *visit = (struct visit *)(void *)peer;
	chain_remove(&visits, &visit->link);
	tally_closed(path_of(visit));
	for (unsigned i = 0; i < plan->named_count; i++)
		if (is_over(&plan->named[i], visit))
			tally_closed(&named[i]);
}

struct peer *peer_open(struct world *w, int site, const struct net_address *from)
{
	struct visit *visit = calloc(1, sizeof(*visit));
	ASSERT(visit && from);
	visit->source = (ntohl(from->in4.sin_addr.s_addr) & 255) - 1;
	visit->site = (unsigned)site;
	ASSERT(visit->source < plan->source_count);
	peer_init(&visit->peer, w, on_gone);
	visit->opened_at = w->now;
	chain_link_init(&visit->link);
	chain_push_back(&visits, &visit->link);
	tally_opened(w, path_of(visit), 0);
	for (unsigned i = 0; i < plan->named_count; i++)
		if (is_over(&plan->named[i], visit))
			tally_opened(w, &named[i], unknown_of(&plan->named[i], visit));
	return &visit->peer;
}

void peer_attach(struct peer *peer, int fd)
{
	const struct visit *visit = (struct visit *)(void *)peer;
	const struct smtp_server_options options = {
		.name = STR("mx.test"),
		.size_limit = 1000000,
		.offer_pipelining = visit->site % 3 != 2,
		.offer_chunking = visit->site % 3 == 0,
		.offer_enhanced = true,
		.hooks = {.on_connect = on_connect,
			  .on_rcpt = on_rcpt,
			  .on_end = on_end,
			  .context = peer},
	};
	peer_begin(peer, fd, &options);
}
