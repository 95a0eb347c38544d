/* resolve.c - questions, a cache, and those who wait for answers.
 * A question finds its entry in the cache (dns_cache.c). A fresh one is told in the next round;
 * an open one takes one waiter more; else the entry waits in the backlog for its turn at the
 * channel (dns_channel.c), and its reply is learned (dns_answer.c). The surprising thing:
 * nothing is told from inside c-ares; told entries go to a queue that is emptied in a round of
 * its own, so that owners may ask, and destroy, as they like. */
#include "engine/net/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "engine/base/assert.h"
#include "engine/net/dns_answer.h"
#include "engine/net/dns_channel.h"

#define UNDER_WAY_LIMIT 500  /* questions at the channel: more overflow the socket's buffer */
#define CACHE_DEFAULT 100000 /* entries; about 250 bytes each */

/* The round in which answers are told; allocated apart, as it may outlive the resolver. */
struct wake {
	struct io_op op;
	struct resolver *resolver; /* NULL: destroyed */
	bool running;
};

struct resolver {
	struct io_loop *loop;
	struct dns_channel channel;
	struct dns_cache cache;
	struct chain backlog; /* entries to be asked */
	struct chain told;    /* entries with an answer for their waiters */
	struct wake *wake;
	struct dns_entry *nothing; /* for waiters when memory is out */
	bool no_ipv6, trust_ad;
	struct dns_scratch scratch;
};

static void wake(struct resolver *r)
{
	if (!r->wake->op.busy)
		io_defer(r->loop, &r->wake->op);
}

static void queue(struct chain *chain, struct dns_entry *e)
{
	ASSERT(!e->queued);
	e->queued = true;
	chain_push_back(chain, &e->queue);
}

static struct dns_entry *unqueue(struct chain *chain)
{
	struct chain_link *link = chain_pop(chain);
	if (!link)
		return NULL;
	struct dns_entry *e = CHAIN_OWNER(link, struct dns_entry, queue);
	e->queued = false;
	return e;
}

static void tell_later(struct resolver *r, struct dns_entry *e)
{
	e->open = false;
	if (!e->queued)
		queue(&r->told, e);
	wake(r);
}

/* Those who ask again while they are told wait for the next round; until then the entry counts
 * as open, so that it stays where it is whatever they ask. */
static void tell(struct resolver *r, struct dns_entry *e)
{
	struct wake *w = r->wake;
	struct dns_answer answer;
	dns_answer_of(e, io_now(r->loop), &r->scratch, &answer);
	e->open = true;
	for (size_t left = e->waiters.count; left > 0; left--) {
		struct chain_link *link = chain_pop(&e->waiters);
		struct dns_question *q = CHAIN_OWNER(link, struct dns_question, link);
		q->on_answer(q, &answer);
		if (!w->resolver)
			return; /* destroyed meanwhile, entry and all */
	}
	e->open = false;
	if (!chain_empty(&e->waiters))
		tell_later(r, e);
}

static void on_reply(void *context, enum dns_type type, const struct dns_reply *reply,
		     str packed, const char *what)
{
	struct dns_entry *e = context;
	struct resolver *r = e->owner;
	struct dns_reply known = *reply;
	char why[128];
	/* AD is asked for always; whether it is worth anything, the configuration knows. */
	known.secure = reply->secure && r->trust_ad;
	snprintf(why, sizeof why, "%s %s", what, r->channel.server);
	dns_answer_learn(e, type, &known, packed, str_of(why), io_now(r->loop));
	if (--e->left_count == 0)
		tell_later(r, e);
	wake(r); /* for the backlog */
}

static void ask(struct resolver *r, struct dns_entry *e)
{
	bool two = e->type == DNS_A && !r->no_ipv6;
	if (dns_answer_literal(e, io_now(r->loop))) {
		tell_later(r, e);
		return;
	}
	e->status = UINT8_MAX; /* nothing learned yet */
	e->left_count = two ? 2 : 1;
	dns_entry_keep(e, (str){});
	if (e->name_size == 0 ||
	    !dns_channel_ask(&r->channel, e->name, (enum dns_type)e->type, e)) {
		dns_answer_refuse(e, io_now(r->loop));
		tell_later(r, e);
		return;
	}
	if (two && !dns_channel_ask(&r->channel, e->name, DNS_AAAA, e) && --e->left_count == 0)
		tell_later(r, e);
}

static void start_some(struct resolver *r)
{
	while (r->channel.under_way_count < UNDER_WAY_LIMIT) {
		struct dns_entry *e = unqueue(&r->backlog);
		if (!e)
			return;
		ask(r, e);
	}
}

static void on_wake(struct io_op *op, int)
{
	struct wake *w = CHAIN_OWNER(op, struct wake, op);
	struct resolver *r = w->resolver;
	w->running = true;
	if (r)
		start_some(r);
	for (size_t left = r ? r->told.count : 0; left > 0 && w->resolver; left--)
		tell(r, unqueue(&r->told));
	w->running = false;
	if (!w->resolver && !op->busy)
		free(w);
}

/* The name in lower case without its last dot; "" when it is none, which is refused later. */
static str normalise(str name, char *out)
{
	size_t size = 0;
	if (str_ends(name, STR(".")))
		name.size--;
	for (size_t i = 0; i < name.size && size < DNS_NAME_SIZE - 1; i++) {
		char c = name.data[i];
		if (c <= ' ' || c > 126 || c == '\\')
			return (str){out, 0};
		out[size++] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	return (str){out, name.size < DNS_NAME_SIZE - 1 ? size : 0};
}

static void question(struct resolver *r, struct dns_question *q, enum dns_type type, str name)
{
	char lower[DNS_NAME_SIZE];
	struct dns_entry *e = dns_cache_take(&r->cache, type, normalise(name, lower));
	if (!e)
		e = r->nothing;
	chain_link_init(&q->link);
	chain_push_back(&e->waiters, &q->link);
	if (e->open || e->queued)
		return;
	if (e == r->nothing || e->expires_at > io_now(r->loop)) {
		tell_later(r, e);
		return;
	}
	e->open = true;
	e->owner = r;
	queue(&r->backlog, e);
	start_some(r);
}

void resolve_mx(struct resolver *r, struct dns_question *q, str domain)
{
	question(r, q, DNS_MX, domain);
}

void resolve_address(struct resolver *r, struct dns_question *q, str host)
{
	question(r, q, DNS_A, host);
}

void resolve_text(struct resolver *r, struct dns_question *q, str name)
{
	question(r, q, DNS_TXT, name);
}

void resolve_tlsa(struct resolver *r, struct dns_question *q, str name)
{
	question(r, q, DNS_TLSA, name);
}

/* RFC 1035 3.5, RFC 3596 2.5: bytes, or nibbles, from the last to the first. */
void resolve_name(struct resolver *r, struct dns_question *q, const struct net_address *a)
{
	char memory[80];
	struct buf name;
	buf_init_fixed(&name, memory, sizeof memory);
	if (a->sa.sa_family == AF_INET6) {
		for (int i = 15; i >= 0; i--)
			buf_printf(&name, "%x.%x.", a->in6.sin6_addr.s6_addr[i] & 15,
				   a->in6.sin6_addr.s6_addr[i] >> 4);
		buf_put(&name, STR("ip6.arpa"));
	} else {
		uint32_t bits = ntohl(a->in4.sin_addr.s_addr);
		buf_printf(&name, "%u.%u.%u.%u.in-addr.arpa", bits & 255, bits >> 8 & 255,
			   bits >> 16 & 255, bits >> 24);
	}
	question(r, q, DNS_PTR, buf_str(&name));
}

static struct dns_entry *make_nothing(void)
{
	struct dns_entry *e = calloc(1, sizeof *e + 1);
	if (!e)
		return NULL;
	e->status = DNS_TEMPORARY;
	chain_init(&e->waiters);
	chain_link_init(&e->queue);
	if (dns_entry_keep(e, STR("out of memory")))
		return e;
	free(e);
	return NULL;
}

static int open_all(struct resolver *r, const struct resolver_config *config)
{
	uint64_t seed;
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		return -EIO;
	r->wake = calloc(1, sizeof *r->wake);
	r->nothing = make_nothing();
	if (!r->wake || !r->nothing)
		return -ENOMEM;
	r->wake->resolver = r;
	r->wake->op.on_done = on_wake;
	size_t entries = config->cache_entries ? config->cache_entries : CACHE_DEFAULT;
	int result = dns_cache_init(&r->cache, entries, seed);
	if (result < 0)
		return result;
	return dns_channel_open(&r->channel, r->loop, config, on_reply);
}

int resolver_create(struct resolver **ret_resolver, struct io_loop *loop,
		    const struct resolver_config *config)
{
	struct resolver *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	r->loop = loop;
	r->no_ipv6 = config->no_ipv6;
	r->trust_ad = config->trust_ad;
	r->channel = (struct dns_channel){.loop = loop, .timer_fd = -1};
	chain_init(&r->channel.watches);
	chain_init(&r->backlog);
	chain_init(&r->told);
	int result = open_all(r, config);
	if (result < 0) {
		resolver_destroy(r);
		return result;
	}
	*ret_resolver = r;
	return 0;
}

static void wake_destroy(struct wake *w)
{
	if (!w)
		return;
	w->resolver = NULL;
	if (!w->op.busy && !w->running)
		free(w);
}

void resolver_destroy(struct resolver *r)
{
	if (!r)
		return;
	dns_channel_close(&r->channel);
	if (r->cache.buckets)
		dns_cache_done(&r->cache);
	if (r->nothing)
		free(r->nothing->packed);
	free(r->nothing);
	wake_destroy(r->wake);
	free(r);
}
