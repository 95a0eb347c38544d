/* dns_answer.c - see dns_answer.h. */
#include "engine/net/dns_answer.h"

#include "engine/base/buf.h"

#define TTL_LIMIT 86400 /* seconds an answer is kept at most */
#define NEGATIVE_TTL_LIMIT 3600
#define TEMPORARY_TTL 2    /* seconds: spares a failing server a storm, RFC 2308 7 */
#define PACKED_LIMIT 16384 /* bytes of both halves of an address answer */

/* Only the usable ones are told; that there were others is told as well. */
static size_t take_tlsa(str packed, struct tlsa *out, bool *ret_unusable)
{
	size_t count = 0;
	while (count < DNS_TLSA_LIMIT && dns_packed_tlsa(&packed, &out[count])) {
		bool usable = out[count].size > 0;
		*ret_unusable = *ret_unusable || !usable;
		count += usable;
	}
	return count;
}

static void take_apart(struct dns_scratch *s, const struct dns_entry *e,
		       struct dns_answer *answer)
{
	str packed = {e->packed, e->packed_size};
	size_t i = 0;
	switch ((enum dns_type)e->type) {
	case DNS_MX:
		while (i < DNS_MX_LIMIT && dns_packed_mx(&packed, &s->mx[i]))
			i++;
		answer->mx = s->mx;
		break;
	case DNS_A:
	case DNS_AAAA:
		while (i < DNS_ADDRESS_LIMIT && dns_packed_address(&packed, &s->addresses[i]))
			i++;
		answer->addresses = s->addresses;
		break;
	case DNS_TXT:
	case DNS_PTR:
		while (i < DNS_TEXTS_LIMIT && dns_packed_text(&packed, &s->texts[i]))
			i++;
		answer->texts = s->texts;
		break;
	case DNS_TLSA:
		i = take_tlsa(packed, s->tlsa, &answer->tlsa_unusable);
		answer->tlsa = s->tlsa;
		break;
	}
	answer->count = i;
}

void dns_answer_of(const struct dns_entry *e, usec now, struct dns_scratch *s,
		   struct dns_answer *answer)
{
	usec left = e->expires_at - now;
	*answer = (struct dns_answer){
		.status = (enum dns_status)e->status,
		.secure = e->secure,
		.ttl_seconds = left > 0 ? (uint32_t)(left / USEC_SECOND) : 0,
	};
	if (answer->status == DNS_OK)
		take_apart(s, e, answer);
	else if (!str_to_cstr((str){e->packed, e->packed_size}, answer->why,
			      sizeof answer->why))
		answer->why[0] = '\0';
}

static usec lifetime(const struct dns_reply *reply)
{
	uint32_t limit = reply->status == DNS_OK ? TTL_LIMIT : NEGATIVE_TTL_LIMIT;
	if (reply->status == DNS_TEMPORARY)
		return TEMPORARY_TTL * USEC_SECOND;
	return USEC_SECOND * (reply->ttl_seconds < limit ? reply->ttl_seconds : limit);
}

/* How good an answer is, when the two halves of an address question differ. */
static int rank(unsigned status)
{
	static const int ranks[] = {
		[DNS_OK] = 3, [DNS_TEMPORARY] = 2, [DNS_NO_DATA] = 1, [DNS_NO_NAME] = 0};
	return ranks[status];
}

static bool addresses_join(struct dns_entry *e, str more, bool first)
{
	char both[PACKED_LIMIT];
	struct buf b;
	buf_init_fixed(&b, both, sizeof both);
	str kept = {e->packed, e->packed_size};
	buf_put(&b, first ? more : kept);
	buf_put(&b, first ? kept : more);
	return buf_ok(&b) && dns_entry_keep(e, buf_str(&b));
}

/* One reply of one or two: the entry becomes what all of them say together. */
void dns_answer_learn(struct dns_entry *e, enum dns_type type, const struct dns_reply *reply,
		      str packed, str why, usec now)
{
	usec expires_at = now + lifetime(reply);
	bool half = e->status != UINT8_MAX;
	if (half && e->status == DNS_OK && reply->status == DNS_OK) {
		addresses_join(e, packed, type == DNS_A);
		e->expires_at = usec_min(e->expires_at, expires_at);
		e->secure = e->secure && reply->secure;
		return;
	}
	/* A half that failed for the time being does not shorten the life of one that did not:
	 * servers that stumble over AAAA are common. */
	if (half && rank(e->status) >= rank(reply->status)) {
		if (reply->status != DNS_TEMPORARY)
			e->expires_at = usec_min(e->expires_at, expires_at);
		return;
	}
	if (half && e->status != DNS_TEMPORARY)
		expires_at = usec_min(e->expires_at, expires_at);
	e->expires_at = expires_at;
	e->status = (uint8_t)reply->status;
	e->secure = reply->secure;
	if (reply->status == DNS_TEMPORARY)
		dns_entry_keep(e, why);
	else if (!dns_entry_keep(e, packed))
		e->status = DNS_TEMPORARY;
}

/* A name that is an address needs nobody to be asked. */
bool dns_answer_literal(struct dns_entry *e, usec now)
{
	struct net_address a;
	char packed[1 + sizeof a.in6.sin6_addr];
	if (e->type != DNS_A || !net_address_parse((str){e->name, e->name_size}, 0, &a))
		return false;
	bool six = a.sa.sa_family == AF_INET6;
	const void *bytes =
		six ? (const void *)&a.in6.sin6_addr : (const void *)&a.in4.sin_addr;
	packed[0] = six ? 16 : 4;
	memcpy(packed + 1, bytes, (size_t)packed[0]);
	e->status = DNS_OK;
	e->expires_at = now + TTL_LIMIT * USEC_SECOND;
	dns_entry_keep(e, (str){packed, 1 + (size_t)packed[0]});
	return true;
}

void dns_answer_refuse(struct dns_entry *e, usec now)
{
	e->status = DNS_NO_NAME;
	e->expires_at = now + TEMPORARY_TTL * USEC_SECOND;
	dns_entry_keep(e, STR("not a domain name"));
}
