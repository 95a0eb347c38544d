/* sim_resolve.c - engine/net/resolve.h over the world: site<k>.test has two hosts. */
#include "engine/net/resolve.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/world.h"

#define TTL_SECONDS 60
#define KNOWN_LIMIT 16

/* A destroyed resolver is freed with its last question, which then goes unanswered. */
struct resolver {
	bool destroyed;
	unsigned open_count;
};

enum asked { ASKED_MX, ASKED_ADDRESS, ASKED_OTHER };

struct asking {
	struct resolver *resolver;
	struct dns_question *question;
	enum asked kind;
	struct sim_life *life;
	char name[DNS_NAME_SIZE];
};

int resolver_create(struct resolver **ret_resolver, struct io_loop *loop,
		    const struct resolver_config *config)
{
	(void)loop;
	(void)config;
	*ret_resolver = calloc(1, sizeof(**ret_resolver));
	return *ret_resolver ? 0 : -1;
}

void resolver_destroy(struct resolver *resolver)
{
	if (!resolver)
		return;
	resolver->destroyed = true;
	if (resolver->open_count == 0)
		free(resolver);
}

/* One question less; whether its asker still wants to hear. */
static bool still_asked(struct resolver *resolver)
{
	bool wanted = !resolver->destroyed;
	if (--resolver->open_count == 0 && resolver->destroyed)
		free(resolver);
	return wanted;
}

static void answer_mx(struct dns_answer *answer, struct dns_mx *mx, unsigned site)
{
	answer->status = DNS_OK;
	answer->count = 2;
	answer->mx = mx;
	for (unsigned i = 0; i < 2; i++) {
		mx[i].preference = (uint16_t)(10 * (i + 1));
		snprintf(mx[i].host, sizeof(mx[i].host), "mx%u.site%u.test", i + 1, site);
	}
}

static void answer_address(struct dns_answer *answer, struct net_address *address,
			   unsigned host, unsigned site)
{
	memset(address, 0, sizeof(*address));
	address->in4.sin_family = AF_INET;
	address->in4.sin_addr.s_addr = htonl(10u << 24 | site << 8 | host);
	answer->status = DNS_OK;
	answer->count = 1;
	answer->addresses = address;
}

static void answered(struct world *w, void *a, uint64_t b)
{
	struct asking *asking = a;
	struct dns_answer answer = {.status = DNS_NO_NAME, .ttl_seconds = TTL_SECONDS};
	struct dns_mx mx[2];
	struct net_address address;
	unsigned host, site;
	if (world_is_away(w, asking->life, answered, a, b))
		return;
	bool wanted = still_asked(asking->resolver);
	if (!wanted || asking->life->dead) {
		free(asking);
		return;
	}
	struct sim_life *before = world_enter(w, asking->life);
	world_point(w, POINT_RESOLVED, 0);
	if (world_fault(w, FAULT_DNS_TEMPORARY)) {
		answer.status = DNS_TEMPORARY;
		snprintf(answer.why, sizeof(answer.why), "SERVFAIL from the simulation");
	} else if (asking->kind == ASKED_MX &&
		   sscanf(asking->name, "site%u.test", &site) == 1) {
		answer_mx(&answer, mx, site);
	} else if (asking->kind == ASKED_ADDRESS &&
		   sscanf(asking->name, "mx%u.site%u.test", &host, &site) == 2) {
		answer_address(&answer, &address, host, site);
	}
	struct dns_question *question = asking->question;
	free(asking);
	question->on_answer(question, &answer);
	world_leave(w, before);
}

/* What was asked within the time that answers are good for; of the first few names. */
static bool is_known(const struct asking *asking)
{
	static struct {
		enum asked kind;
		char name[DNS_NAME_SIZE];
		usec until;
	} known[KNOWN_LIMIT];
	static uint64_t seed;
	size_t i = 0;
	if (seed != world->seed)
		memset(known, 0, sizeof(known));
	seed = world->seed;
	while (i < KNOWN_LIMIT && known[i].name[0] &&
	       (known[i].kind != asking->kind || strcmp(known[i].name, asking->name) != 0))
		i++;
	if (i == KNOWN_LIMIT)
		return false;
	if (world->now < known[i].until)
		return true;
	known[i].kind = asking->kind;
	snprintf(known[i].name, sizeof(known[i].name), "%s", asking->name);
	known[i].until = world->now + TTL_SECONDS * USEC_SECOND;
	return false;
}

static void ask(struct resolver *resolver, struct dns_question *question, str name,
		enum asked kind)
{
	struct asking *asking = calloc(1, sizeof(*asking));
	ASSERT(asking);
	asking->resolver = resolver;
	resolver->open_count++;
	asking->question = question;
	asking->kind = kind;
	asking->life = world->life;
	(void)!str_to_cstr(name, asking->name, sizeof(asking->name));
	bool at_once = world->remembers_dns && is_known(asking);
	usec delay = at_once ? 0 : 1000 + (usec)world_below(world, 30000);
	if (world_fault(world, FAULT_DNS_SLOW))
		delay = USEC_SECOND * (1 + (usec)world_below(world, 14));
	world_at(world, delay, answered, asking, 0);
}

void resolve_mx(struct resolver *resolver, struct dns_question *question, str domain)
{
	ask(resolver, question, domain, ASKED_MX);
}

void resolve_address(struct resolver *resolver, struct dns_question *question, str host)
{
	ask(resolver, question, host, ASKED_ADDRESS);
}

void resolve_text(struct resolver *resolver, struct dns_question *question, str name)
{
	ask(resolver, question, name, ASKED_OTHER);
}

void resolve_tlsa(struct resolver *resolver, struct dns_question *question, str name)
{
	ask(resolver, question, name, ASKED_OTHER);
}

void resolve_name(struct resolver *resolver, struct dns_question *question,
		  const struct net_address *address)
{
	(void)address;
	ask(resolver, question, STR("ptr"), ASKED_OTHER);
}
