/* resolve.h - DNS lookups on a loop, with a cache by TTL: answers come in a callback, never
 * inside the call. Negative answers are cached, equal questions under way are asked once. The
 * simulation links another implementation of this page. */
#pragma once

#include "engine/io/io.h"
#include "engine/net/tls_policy.h"

enum dns_status {
	DNS_OK,        /* answers, at least one; for TLSA perhaps none that is usable */
	DNS_NO_DATA,   /* the name exists, without such records */
	DNS_NO_NAME,   /* NXDOMAIN */
	DNS_TEMPORARY, /* SERVFAIL, REFUSED, time-out, no server */
};

#define DNS_MX_LIMIT 32 /* records kept of one answer */
#define DNS_ADDRESS_LIMIT 16
#define DNS_NAME_SIZE 256   /* with the NUL */
#define DNS_TEXT_LIMIT 4096 /* all strings of one TXT record joined */
#define DNS_TEXTS_LIMIT 32  /* TXT records kept of one answer */
#define DNS_TLSA_LIMIT 16   /* TLSA records kept of one answer */

#define DNS_UNUSABLE '?'
struct dns_mx {
	uint16_t preference;
	/* Lower case, no trailing dot; "" is the null MX, "?" a name no host can have. */
	char host[DNS_NAME_SIZE];
};

struct dns_answer {
	enum dns_status status;
	bool secure; /* AD bit of a resolver that is trusted; false from any other */
	uint32_t ttl_seconds;
	size_t count;
	const struct dns_mx *mx;             /* MX questions, as they came */
	const struct net_address *addresses; /* address questions: A, then AAAA; port 0 */
	const str *texts;                    /* TXT questions */
	const struct tlsa *tlsa;             /* TLSA questions: the usable ones */
	bool tlsa_unusable; /* there were others, too (RFC 7672 2.2: when count is 0, TLS is
			       required all the same) */
	char why[128];      /* for people: "time-out asking 127.0.0.1 port 53" */
};

struct resolver;

struct resolver_config {
	str server;     /* address; empty: the system's resolv.conf */
	uint16_t port;  /* 0: 53 */
	usec timeout;   /* of one try; 0: 5 s */
	uint32_t tries; /* 0: 3 */
	bool no_ipv6;   /* do not ask for AAAA */
	bool trust_ad;  /* the server validates, and nobody sits between it and us: RFC 7672 2.1
			 */
	uint32_t cache_entries; /* 0: 100,000 */
};

[[nodiscard]] int resolver_create(struct resolver **ret_resolver, struct io_loop *,
				  const struct resolver_config *);
void resolver_destroy(struct resolver *); /* open questions get no callback any more */

/* A question embedded in its owner; the answer lives during on_answer only. */
struct dns_question {
	struct chain_link link;
	void (*on_answer)(struct dns_question *, const struct dns_answer *);
	void *context; /* the implementation's own */
};
void resolve_mx(struct resolver *, struct dns_question *, str domain);
/* A host that is written as an address is its own answer. */
void resolve_address(struct resolver *, struct dns_question *, str host);
void resolve_text(struct resolver *, struct dns_question *, str name);
/* name: "_25._tcp.mx.example.com", RFC 6698 3. */
void resolve_tlsa(struct resolver *, struct dns_question *, str name);
void resolve_name(struct resolver *, struct dns_question *,
		  const struct net_address *); /* PTR, in texts */
