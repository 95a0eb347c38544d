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
	const struct route *route; /* while it is in feeder->unsure */
	struct feeder *feeder;
};

/* The question knows its domain through this: it is borrowed from the slab for the asking. */
struct domain_question {
	struct route_question question; /* first member */
	struct domain *domain;
};

void feeder_hand_over(struct feeder *feeder, struct slice *slice, struct run what,
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
	feeder->parked_count--;
	feeder_hand_over(feeder, domain->slice, (struct run){.refused = refused},
			 &domain->envelopes);
}

static void take_route(struct feeder *feeder, struct domain *domain, const struct route *route)
{
	bool stopped = feeder->draining || !feeder_campaign_runs(domain->slice->campaign);
	if (!stopped && !feeder_sources_are_known(feeder, domain->slice, route)) {
		domain->route = route;
		chain_push_back(&feeder->unsure, &domain->link);
		return;
	}
	feeder->parked_count--;
	feeder_hand_over_by_source(feeder, domain->slice, route, &domain->envelopes);
}

void feeder_route_unsure(struct feeder *feeder)
{
	for (size_t i = feeder->unsure.count; i > 0; i--) {
		struct domain *domain =
			CHAIN_OWNER(chain_pop(&feeder->unsure), struct domain, link);
		take_route(feeder, domain, domain->route);
	}
}

static void on_route(struct route_question *question)
{
	struct domain *domain = ((struct domain_question *)question)->domain;
	struct feeder *feeder = domain->feeder;
	const struct route *route = NULL;
	if (question->cause == CAUSE_NONE)
		route = route_keep(&domain->slice->arena, &question->route);
	if (route)
		feeder_places_note(feeder, domain->name, route);
	if (route)
		take_route(feeder, domain, route);
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
/* Whoever waits for the winner is leased when it is named, or when it is too late. */
static bool has_no_variant(const struct envelope *envelope)
{
	const struct campaign *campaign = envelope->campaign;
	uint32_t winner = atomic_load_explicit(&campaign->winner, memory_order_relaxed);
	return content_variant_of(campaign->content, campaign->id,
				  envelope->recipient->subscriber_id, winner) == 0;
}

static enum local_cause examine(const struct feeder *feeder, struct slice *slice,
				struct envelope *envelope)
{
	const struct store_recipient *recipient = envelope->recipient;
	if (!recipient->email.data || recipient->suppressed) {
		envelope->why = recipient->email.data ? str_of(recipient->suppression_reason)
						      : STR("erased");
		return CAUSE_SUPPRESSED;
	}
	usec expires = envelope_expires_wall(envelope);
	if ((expires && io_wall_now(feeder->loop) > expires) || has_no_variant(envelope))
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
		if (envelope->cause == CAUSE_NONE && feeder_zone_is_shut(feeder, envelope)) {
			feeder_returned(feeder, envelope);
			continue;
		}
		if (envelope->cause == CAUSE_NONE)
			domain = domain_get(feeder, slice, &domains, envelope->domain);
		chain_push_back(domain ? &domain->envelopes : &ended, &envelope->link);
	}
	feeder_hand_over(feeder, slice, (struct run){}, &ended);
	feeder_ask_domains(feeder);
}
