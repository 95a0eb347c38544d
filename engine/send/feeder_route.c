/* feeder_route.c - from the recipients of a slice to runs: address -> domain -> route.
 * Each distinct domain of a slice is asked once; its recipients wait at the domain, never one
 * by one. The resolver's cache makes asking again in the next slice cheap, so no route is kept
 * here. Those who need no route (suppressed, expired, bad address) go as a run without one. */
#include "engine/send/feeder.h"

#include "engine/mail/address.h"

struct domain {
	struct chain_link link;
	str name; /* A-label, lower case */
	struct slice *slice;
	struct chain envelopes;
	struct feeder *feeder;
};

/* The question knows its domain through this: it is borrowed from the slab for the asking. */
struct domain_question {
	struct route_question question; /* first member */
	struct domain *domain;
};

static void hand_over(struct feeder *feeder, struct slice *slice, struct run what,
		      struct chain *envelopes)
{
	struct run *run = ARENA_NEW(&slice->arena, struct run);
	if (!run || chain_empty(envelopes))
		return;
	*run = what;
	run->slice = slice;
	chain_init(&run->envelopes);
	chain_splice_back(&run->envelopes, envelopes);
	lane_push(&feeder->carrier->runs, run);
	if (feeder->carrier_bell)
		io_bell_ring(feeder->carrier_bell);
}

/* A retry keeps the source of the attempt before (greylisting knows it by address); others are
 * spread by subscriber, so that a second run of the same campaign takes the same ones. One that
 * is not available is passed over; where none is, the mail waits for its own. */
static uint32_t source_of(const struct feeder *feeder, const struct envelope *envelope)
{
	const struct engine_settings *settings = feeder->settings;
	str before = envelope->recipient->source;
	uint32_t count = (uint32_t)settings->source_count;
	uint32_t first = (uint32_t)(envelope->recipient->subscriber_id % count);
	for (uint32_t i = 0; before.size && i < count; i++)
		if (str_eq(before, str_of(settings->sources[i].name)))
			first = i;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = (first + i) % count;
		if (!carrier_source_is_aside(feeder->carrier, index, io_now(feeder->loop)))
			return index;
	}
	return first;
}

static void hand_over_by_source(struct feeder *feeder, struct domain *domain,
				const struct route *route)
{
	for (uint32_t i = 0; i < feeder->settings->source_count; i++) {
		struct chain mine, others;
		chain_init(&mine);
		chain_init(&others);
		for (struct chain_link *link; (link = chain_pop(&domain->envelopes));) {
			struct envelope *envelope = CHAIN_OWNER(link, struct envelope, link);
			chain_push_back(source_of(feeder, envelope) == i ? &mine : &others,
					link);
		}
		chain_splice_back(&domain->envelopes, &others);
		hand_over(feeder, domain->slice,
			  (struct run){.route = route, .source_index = i}, &mine);
	}
}

/* Only as many hosts as there are: a route is mostly empty places. */
static const struct route *route_keep(struct arena *arena, const struct route *route)
{
	size_t size =
		offsetof(struct route, hosts) + route->host_count * sizeof(route->hosts[0]);
	struct route *kept = arena_alloc(arena, size);
	if (kept)
		memcpy(kept, route, size);
	return kept;
}

static void end_domain(struct feeder *feeder, struct domain *domain,
		       const struct route_question *question)
{
	str why = arena_copy(&domain->slice->arena, str_of(question->why));
	struct chain_link *link = chain_first(&domain->envelopes);
	for (; link; link = chain_next(&domain->envelopes, link)) {
		struct envelope *envelope = CHAIN_OWNER(link, struct envelope, link);
		envelope->cause = question->cause;
		envelope->why = why;
	}
	const struct route *refused = NULL;
	if (question->route.policy_fault != TLS_FAULT_NONE)
		refused = route_keep(&domain->slice->arena, &question->route);
	hand_over(feeder, domain->slice, (struct run){.refused = refused}, &domain->envelopes);
}

static void on_route(struct route_question *question)
{
	struct domain *domain = ((struct domain_question *)question)->domain;
	struct feeder *feeder = domain->feeder;
	const struct route *route = NULL;
	feeder->parked_count--;
	if (question->cause == CAUSE_NONE)
		route = route_keep(&domain->slice->arena, &question->route);
	if (route)
		hand_over_by_source(feeder, domain, route);
	else
		end_domain(feeder, domain, question);
	slab_give_back(&feeder->question_slab, question);
}

void feeder_ask_domains(struct feeder *feeder)
{
	while (!chain_empty(&feeder->domains)) {
		struct domain_question *asked = slab_borrow(&feeder->question_slab);
		if (!asked)
			return;
		struct domain *domain =
			CHAIN_OWNER(chain_pop(&feeder->domains), struct domain, link);
		memset(&asked->question, 0, sizeof(asked->question));
		asked->question.on_route = on_route;
		asked->domain = domain;
		const struct content *content = domain->slice->campaign->content;
		/* RFC 8689 4.2.1: whoever requires TLS requires to know with whom. */
		asked->question.verify_all = content->require_tls;
		route_ask(feeder->router, &asked->question, domain->name, content->lists,
			  content->list_count);
	}
}

static struct domain *domain_get(struct feeder *feeder, struct slice *slice,
				 struct map *domains, str name)
{
	struct domain *domain = map_get(domains, name);
	if (domain)
		return domain;
	domain = ARENA_NEW(&slice->arena, struct domain);
	if (!domain)
		return NULL;
	domain->name = name;
	domain->slice = slice;
	domain->feeder = feeder;
	chain_init(&domain->envelopes);
	if (map_put(domains, name, domain) != 0)
		return NULL;
	chain_push_back(&feeder->domains, &domain->link);
	feeder->parked_count++;
	return domain;
}

static bool take_address(struct slice *slice, struct envelope *envelope)
{
	struct address address;
	struct buf wire;
	if (address_parse_any(envelope->recipient->email, &address) != ADDRESS_OK)
		return false;
	buf_init_arena(&wire, &slice->arena, envelope->recipient->email.size + 16);
	if (!address_wire(&wire, &address) || !buf_ok(&wire))
		return false;
	envelope->rcpt = buf_str(&wire);
	envelope->domain = str_from(envelope->rcpt, str_rfind_byte(envelope->rcpt, '@') + 1);
	return true;
}

/* Why this recipient gets no attempt at all; CAUSE_NONE: it gets one, domain is set. */
static enum local_cause examine(const struct feeder *feeder, struct slice *slice,
				struct envelope *envelope)
{
	const struct store_recipient *recipient = envelope->recipient;
	if (!recipient->email.data || recipient->suppressed) {
		envelope->why = recipient->email.data ? str_of(recipient->suppression_reason)
						      : STR("erased");
		return CAUSE_SUPPRESSED;
	}
	usec expires = envelope->campaign->content->expires_wall;
	if (expires && io_wall_now(feeder->loop) > expires)
		return CAUSE_EXPIRED;
	return take_address(slice, envelope) ? CAUSE_NONE : CAUSE_ADDRESS_INVALID;
}

void feeder_route_slice(struct feeder *feeder, struct slice *slice)
{
	struct map domains;
	struct chain ended;
	map_init(&domains, &slice->arena, slice->id * 0x9e3779b97f4a7c15u);
	chain_init(&ended);
	for (size_t i = 0; i < slice->count; i++) {
		struct envelope *envelope = &slice->envelopes[i];
		envelope->cause = examine(feeder, slice, envelope);
		struct domain *domain = NULL;
		if (envelope->cause == CAUSE_NONE)
			domain = domain_get(feeder, slice, &domains, envelope->domain);
		chain_push_back(domain ? &domain->envelopes : &ended, &envelope->link);
	}
	hand_over(feeder, slice, (struct run){}, &ended);
	feeder_ask_domains(feeder);
}
