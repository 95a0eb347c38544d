/* sts_cache.h - the MTA-STS policy of a domain: asked for by its TXT record, fetched when that
 * changed, remembered for as long as the policy says (RFC 8461 3.3, 5.1). Who stands between
 * us and the domain must not be able to talk us out of a policy that we know: a lookup or a
 * fetch that fails leaves the remembered one in force. In memory only: a new process learns
 * anew. */
#pragma once

#include "engine/net/fetch.h"
#include "engine/net/mx.h"
#include "engine/net/sts.h"

struct sts_cache;

struct sts_cache_config {
	struct io_loop *loop; /* for the time */
	struct resolver *resolver;
	struct fetcher *fetcher;
	uint16_t port;              /* of the policies' servers; 0: 443 */
	enum ip_family_policy ipv6; /* for their addresses, too */
	bool allow_loopback;
	uint64_t seed;
	size_t entries; /* domains with a record that are remembered; 0: 10,000 */
};
[[nodiscard]] int sts_cache_create(struct sts_cache **ret_cache,
				   const struct sts_cache_config *);
/* After the fetcher and before the resolver turns again: both hold questions of the cache. Not
 * from on_sts. */
void sts_cache_destroy(struct sts_cache *);

struct sts_answer {
	const struct sts_policy *policy; /* NULL: none in force */
	str text;                        /* of the policy, as sts_put_text() wrote it */
	uint32_t ttl_seconds;            /* when it is worth asking again */
	enum tls_fault fault;            /* why there is none, or none fresher; or NONE */
	const char *why;                 /* for people, with the fault */
};

/* Embedded in its owner, who must not touch it until on_sts; the answer lives during that call.
 */
struct sts_question {
	struct dns_question dns; /* first member */
	void (*on_sts)(struct sts_question *, const struct sts_answer *);
	/* the implementation's own */
	struct sts_cache *cache;
	struct chain_link link;
	uint32_t ttl_seconds;
	char domain[DNS_NAME_SIZE];
};
void sts_ask(struct sts_cache *, struct sts_question *, str domain);
