/* dns_answer.h - between a cache entry, whose answer is packed, and the answer that is told.
 * Pure. */
#pragma once

#include "engine/net/dns_cache.h"

/* Where an answer is taken apart; one a resolver, as answers live during the call only. */
struct dns_scratch {
	struct dns_mx mx[DNS_MX_LIMIT];
	struct net_address addresses[DNS_ADDRESS_LIMIT];
	str texts[DNS_TEXTS_LIMIT];
	struct tlsa tlsa[DNS_TLSA_LIMIT];
};

void dns_answer_of(const struct dns_entry *, usec now, struct dns_scratch *,
		   struct dns_answer *ret_answer);
/* One reply of one or two (A, AAAA): the entry becomes what all of them say together. why: the
 * sentence for people, kept when the reply is DNS_TEMPORARY. */
void dns_answer_learn(struct dns_entry *, enum dns_type, const struct dns_reply *, str packed,
		      str why, usec now);
/* Fills the entry when its name is an address; false when it is not. */
[[nodiscard]] bool dns_answer_literal(struct dns_entry *, usec now);
void dns_answer_refuse(struct dns_entry *, usec now); /* no name at all */
