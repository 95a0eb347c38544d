/* tls_ticket.c - see tls_ticket.h. The peers least recently asked for are forgotten first.
 * The surprising thing: the last ticket of a peer is lent, not given. Twenty connections that
 * break at once would otherwise find two tickets, and most servers take one many times. */
#include "engine/net/tls_ticket.h"

#include <errno.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "engine/base/arena.h"
#include "engine/base/assert.h"
#include "engine/base/chain.h"
#include "engine/base/map.h"
#include "engine/io/heap.h"

#define PEER_LIMIT 4096    /* 7 KB each and the chain of certificates: some 60 MB */
#define PEER_TICKETS 32    /* as many connections as a host usually is given */
#define TICKET_LIMIT 16384 /* 1.5 KB each, the chain is shared */

struct ticket {
	struct chain_link link;
	SSL_SESSION *session;
	uint64_t serial;
};

struct peer {
	struct chain_link link;
	struct chain tickets; /* the newest first */
	struct tls_ticket_key key;
};

struct tls_tickets {
	struct arena arena; /* of the map only */
	struct map peers;
	struct chain by_use; /* the latest first */
	size_t ticket_count;
	uint64_t last_serial;
};

int tls_tickets_create(struct tls_tickets **ret_tickets)
{
	struct tls_tickets *t = calloc(1, sizeof *t);
	uint64_t seed;
	if (!t)
		return -ENOMEM;
	if (RAND_bytes((unsigned char *)&seed, sizeof seed) != 1) {
		free(t);
		return -ENOMEM;
	}
	arena_init(&t->arena, heap_source(), 0, 0);
	map_init(&t->peers, &t->arena, seed);
	chain_init(&t->by_use);
	*ret_tickets = t;
	return 0;
}

static void drop(struct tls_tickets *t, struct peer *p, struct ticket *ticket)
{
	chain_remove(&p->tickets, &ticket->link);
	t->ticket_count--;
	SSL_SESSION_free(ticket->session);
	free(ticket);
}

static void drop_oldest(struct tls_tickets *t, struct peer *p)
{
	drop(t, p, CHAIN_OWNER(p->tickets.head.prev, struct ticket, link));
}

static str key_str(const struct tls_ticket_key *key)
{
	return (str){(const char *)key,
		     offsetof(struct tls_ticket_key, host) + strlen(key->host)};
}

static void forget(struct tls_tickets *t, struct peer *p)
{
	while (!chain_empty(&p->tickets))
		drop_oldest(t, p);
	map_remove(&t->peers, key_str(&p->key));
	chain_remove(&t->by_use, &p->link);
	free(p);
}

static void forget_longest_unused(struct tls_tickets *t)
{
	forget(t, CHAIN_OWNER(t->by_use.head.prev, struct peer, link));
}

void tls_tickets_destroy(struct tls_tickets *t)
{
	if (!t)
		return;
	while (!chain_empty(&t->by_use))
		forget_longest_unused(t);
	arena_done(&t->arena);
	free(t);
}

static int compare_tlsa(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct tlsa));
}

/* DNS turns a set of records round from answer to answer; in order it is the same set. */
static void digest_tlsa(uint8_t *out, const struct tlsa *tlsa, size_t count)
{
	struct tlsa sorted[TLSA_LIMIT] = {};
	for (size_t i = 0; i < count; i++) {
		sorted[i].usage = tlsa[i].usage;
		sorted[i].selector = tlsa[i].selector;
		sorted[i].matching = tlsa[i].matching;
		sorted[i].size = tlsa[i].size;
		memcpy(sorted[i].data, tlsa[i].data, tlsa[i].size);
	}
	qsort(sorted, count, sizeof *sorted, compare_tlsa);
	SHA256((const unsigned char *)sorted, count * sizeof *sorted, out);
}

void tls_ticket_key_make(struct tls_ticket_key *key, str host, enum tls_need_kind kind,
			 const struct tlsa *tlsa, size_t tlsa_count)
{
	static_assert(sizeof(struct tlsa) == 4 + TLSA_DATA_LIMIT, "compared as bytes");
	static_assert(SHA256_DIGEST_LENGTH == TLS_TICKET_DIGEST_SIZE, "kept whole");
	*key = (struct tls_ticket_key){.kind = (uint8_t)kind};
	if (kind == TLS_NEED_DANE)
		digest_tlsa(key->digest, tlsa, tlsa_count);
	if (!str_to_cstr(host, key->host, sizeof key->host))
		key->host[0] = '\0';
}

/* A peer without tickets, in the place of another one when there are enough. */
static struct peer *new_peer(struct tls_tickets *t, const struct tls_ticket_key *key)
{
	struct peer *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	if (t->by_use.count == PEER_LIMIT)
		forget_longest_unused(t);
	p->key = *key;
	chain_init(&p->tickets);
	if (map_put(&t->peers, key_str(&p->key), p)) {
		free(p);
		return NULL;
	}
	chain_push_front(&t->by_use, &p->link);
	return p;
}

void tls_tickets_put(struct tls_tickets *t, const struct tls_ticket_key *key,
		     SSL_SESSION *session)
{
	struct ticket *ticket = malloc(sizeof *ticket);
	struct peer *p = NULL;
	if (ticket && key->host[0] != '\0') {
		p = map_get(&t->peers, key_str(key));
		if (!p)
			p = new_peer(t, key);
	}
	if (!p) {
		SSL_SESSION_free(session);
		free(ticket);
		return;
	}
	if (p->tickets.count == PEER_TICKETS)
		drop_oldest(t, p);
	*ticket = (struct ticket){.session = session, .serial = ++t->last_serial};
	chain_push_front(&p->tickets, &ticket->link);
	t->ticket_count++;
	while (t->ticket_count > TICKET_LIMIT)
		forget_longest_unused(t);
}

static struct ticket *newest(struct tls_tickets *t, struct peer *p)
{
	while (!chain_empty(&p->tickets)) {
		struct ticket *ticket =
			CHAIN_OWNER(chain_first(&p->tickets), struct ticket, link);
		if (SSL_SESSION_is_resumable(ticket->session))
			return ticket;
		drop(t, p, ticket); /* OpenSSL saw its session break */
	}
	return NULL;
}

SSL_SESSION *tls_tickets_take(struct tls_tickets *t, const struct tls_ticket_key *key,
			      uint64_t *ret_serial)
{
	struct peer *p = map_get(&t->peers, key_str(key));
	if (!p)
		return NULL;
	chain_remove(&t->by_use, &p->link);
	chain_push_front(&t->by_use, &p->link);
	struct ticket *ticket = newest(t, p);
	if (!ticket)
		return NULL;
	SSL_SESSION *session = ticket->session;
	SSL_SESSION_up_ref(session);
	*ret_serial = ticket->serial;
	/* TLS 1.2 sessions are meant to be used again. */
	if (p->tickets.count > 1 && SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
		drop(t, p, ticket);
	return session;
}

void tls_tickets_refused(struct tls_tickets *t, const struct tls_ticket_key *key,
			 uint64_t serial)
{
	struct peer *p = map_get(&t->peers, key_str(key));
	while (p && !chain_empty(&p->tickets) &&
	       CHAIN_OWNER(p->tickets.head.prev, struct ticket, link)->serial <= serial)
		drop_oldest(t, p);
}
