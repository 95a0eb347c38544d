/* sts_cache.c - see sts_cache.h. Every question asks for the TXT record, which the resolver
 * remembers; only a domain that has one, or had one, gets an entry here. An entry fetches when
 * the record's id is new, and once a day to keep its policy from running out (RFC 8461 10.2);
 * those who ask meanwhile wait at the entry. */
#include "engine/net/sts_cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/hash.h"

#define ENTRIES_DEFAULT 10000 /* about 700 bytes each */
#define EVICT_TRIES 64        /* entries looked at for one that may go */
#define PORT_DEFAULT 443
#define REFRESH USEC_DAY
#define FAILED_FOR (5 * USEC_MINUTE) /* RFC 8461 3.3: no fetch at every message */
#define ADDRESSES_TRIED 2
#define PREFIX_SIZE 16 /* "_mta-sts.", "mta-sts." */

/* A fetch under way; it lives no longer. */
struct fetching {
	struct dns_question dns; /* first member */
	struct fetch_question fetch;
	struct sts_entry *entry;
	struct route_host host; /* of the policy: its addresses */
	size_t address_index;
	char id[STS_ID_SIZE]; /* of the record that made us fetch */
};

struct sts_entry {
	struct chain_link bucket, used; /* the latter: in the order of use */
	struct chain waiters;           /* struct sts_question */
	struct sts_cache *cache;
	struct fetching *fetching; /* NULL: none under way */
	uint64_t hash;
	usec expires_at, refresh_at; /* of the policy */
	usec failed_until;
	enum tls_fault fault; /* until then */
	char *text;           /* NULL: no policy */
	size_t text_size;
	char id[STS_ID_SIZE];
	char why[160];
	char domain[]; /* with a NUL */
};

struct sts_cache {
	struct sts_cache_config config;
	struct chain *buckets;
	size_t bucket_count;
	struct chain used; /* longest unused first */
};

int sts_cache_create(struct sts_cache **ret_cache, const struct sts_cache_config *config)
{
	struct sts_cache *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->config = *config;
	if (c->config.entries == 0)
		c->config.entries = ENTRIES_DEFAULT;
	if (c->config.port == 0)
		c->config.port = PORT_DEFAULT;
	chain_init(&c->used);
	for (c->bucket_count = 64; c->bucket_count < c->config.entries;)
		c->bucket_count *= 2;
	c->buckets = calloc(c->bucket_count, sizeof *c->buckets);
	if (!c->buckets) {
		free(c);
		return -ENOMEM;
	}
	for (size_t i = 0; i < c->bucket_count; i++)
		chain_init(&c->buckets[i]);
	*ret_cache = c;
	return 0;
}

static struct chain *bucket_of(struct sts_cache *c, uint64_t hash)
{
	return &c->buckets[hash & (c->bucket_count - 1)];
}

static void forget(struct sts_cache *c, struct sts_entry *e)
{
	chain_remove(bucket_of(c, e->hash), &e->bucket);
	chain_remove(&c->used, &e->used);
	if (e->fetching)
		fetch_question_done(&e->fetching->fetch);
	free(e->fetching);
	free(e->text);
	free(e);
}

void sts_cache_destroy(struct sts_cache *c)
{
	if (!c)
		return;
	while (!chain_empty(&c->used))
		forget(c, CHAIN_OWNER(chain_first(&c->used), struct sts_entry, used));
	free(c->buckets);
	free(c);
}

static struct sts_entry *find(struct sts_cache *c, const char *domain)
{
	struct chain *bucket = bucket_of(c, hash_bytes(c->config.seed, str_of(domain)));
	for (struct chain_link *l = chain_first(bucket); l; l = chain_next(bucket, l)) {
		struct sts_entry *e = CHAIN_OWNER(l, struct sts_entry, bucket);
		if (strcmp(e->domain, domain) != 0)
			continue;
		chain_remove(&c->used, &e->used);
		chain_push_back(&c->used, &e->used);
		return e;
	}
	return NULL;
}

static void make_room(struct sts_cache *c)
{
	struct chain_link *link = chain_first(&c->used);
	for (int i = 0; i < EVICT_TRIES && link && c->used.count >= c->config.entries; i++) {
		struct sts_entry *e = CHAIN_OWNER(link, struct sts_entry, used);
		link = chain_next(&c->used, link);
		if (!e->fetching && chain_empty(&e->waiters))
			forget(c, e);
	}
}

static struct sts_entry *add(struct sts_cache *c, const char *domain)
{
	size_t size = strlen(domain) + 1;
	make_room(c);
	struct sts_entry *e = calloc(1, sizeof *e + size);
	if (!e)
		return NULL;
	e->cache = c;
	e->hash = hash_bytes(c->config.seed, str_of(domain));
	memcpy(e->domain, domain, size);
	chain_init(&e->waiters);
	chain_push_back(bucket_of(c, e->hash), &e->bucket);
	chain_push_back(&c->used, &e->used);
	return e;
}

static void tell_nothing(struct sts_question *q)
{
	const struct sts_answer answer = {.ttl_seconds = q->ttl_seconds, .why = ""};
	q->on_sts(q, &answer);
}

/* What is in force now. The text was written by us, so it reads back. */
static void tell_all(struct sts_entry *e)
{
	usec now = io_now(e->cache->config.loop);
	struct sts_policy policy;
	struct sts_answer answer = {.why = ""};
	str text = str_make(e->text, e->text_size);
	if (e->text && e->expires_at > now && sts_policy_read(text, &policy)) {
		answer.policy = &policy;
		answer.text = text;
	}
	if (e->failed_until > now) {
		answer.fault = e->fault;
		answer.why = e->why;
	}
	for (struct chain_link *link; (link = chain_pop(&e->waiters));) {
		struct sts_question *q = CHAIN_OWNER(link, struct sts_question, link);
		answer.ttl_seconds = q->ttl_seconds;
		q->on_sts(q, &answer);
	}
}

static void end_fetch(struct sts_entry *e)
{
	fetch_question_done(&e->fetching->fetch);
	free(e->fetching);
	e->fetching = NULL;
	tell_all(e);
}

static void fail(struct sts_entry *e, enum tls_fault fault, const char *why)
{
	e->fault = fault;
	e->failed_until = io_now(e->cache->config.loop) + FAILED_FOR;
	snprintf(e->why, sizeof e->why, "%s", why);
	end_fetch(e);
}

/* The policy as we write it, in memory of its own; false when there is none left. */
static bool keep(struct sts_entry *e, const struct sts_policy *policy)
{
	char memory[STS_TEXT_LIMIT];
	struct buf text;
	buf_init_fixed(&text, memory, sizeof memory);
	sts_put_text(&text, policy);
	char *copy = buf_ok(&text) ? malloc(text.size) : NULL;
	if (!copy)
		return false;
	memcpy(copy, text.data, text.size);
	free(e->text);
	e->text = copy;
	e->text_size = text.size;
	return true;
}

static void learn(struct sts_entry *e, const struct sts_policy *policy)
{
	usec now = io_now(e->cache->config.loop);
	usec age = policy->max_age_seconds * USEC_SECOND;
	if (!keep(e, policy)) {
		fail(e, TLS_FAULT_STS_FETCH, "out of memory for the MTA-STS policy");
		return;
	}
	memcpy(e->id, e->fetching->id, sizeof e->id);
	e->expires_at = now + age;
	e->refresh_at = now + usec_min(age, REFRESH);
	e->failed_until = 0;
	end_fetch(e);
}

static void fetch_next(struct fetching *f);

static void on_fetched(struct fetch_question *fetch)
{
	struct fetching *f = CHAIN_OWNER(fetch, struct fetching, fetch);
	struct sts_entry *e = f->entry;
	struct sts_policy policy;
	char why[80];
	if (fetch->result == 0 && fetch->status != 200) {
		/* RFC 8461 3.3: no redirect is followed, and nothing but 200 counts. */
		snprintf(why, sizeof why, "the MTA-STS policy was answered with HTTP %ld",
			 fetch->status);
		fail(e, TLS_FAULT_STS_FETCH, why);
	} else if (fetch->result == 0 && strcmp(fetch->media_type, "text/plain") != 0) {
		/* RFC 8461 3.2: who may only upload files to the host must not make policies.
		 */
		fail(e, TLS_FAULT_STS_INVALID, "the MTA-STS policy is not text/plain");
	} else if (fetch->result == 0 && !sts_policy_read(fetch->body, &policy)) {
		fail(e, TLS_FAULT_STS_INVALID, "the MTA-STS policy breaks the grammar");
	} else if (fetch->result == 0) {
		learn(e, &policy);
	} else if (fetch->untrusted) {
		fail(e, TLS_FAULT_STS_WEBPKI, fetch->why);
	} else if (++f->address_index < f->host.address_count &&
		   f->address_index < ADDRESSES_TRIED) {
		fetch_next(f);
	} else {
		fail(e, TLS_FAULT_STS_FETCH, fetch->why);
	}
}

static void fetch_next(struct fetching *f)
{
	struct sts_cache *c = f->entry->cache;
	struct fetch_question *q = &f->fetch;
	fetch_question_done(q);
	*q = (struct fetch_question){.on_fetched = on_fetched,
				     .address = f->host.addresses[f->address_index]};
	if (c->config.port == PORT_DEFAULT)
		snprintf(q->url, sizeof q->url, "https://%s/.well-known/mta-sts.txt",
			 f->host.name);
	else
		snprintf(q->url, sizeof q->url, "https://%s:%u/.well-known/mta-sts.txt",
			 f->host.name, c->config.port);
	fetch(c->config.fetcher, q);
}

static void on_addresses(struct dns_question *dns, const struct dns_answer *answer)
{
	struct fetching *f = (struct fetching *)dns;
	const struct sts_cache_config *config = &f->entry->cache->config;
	char why[DNS_NAME_SIZE + 160];
	mx_take_addresses(&f->host, answer, config->ipv6);
	if (!config->allow_loopback)
		mx_drop_loopback(&f->host);
	mx_set_port(&f->host, config->port);
	if (f->host.address_count > 0) {
		fetch_next(f);
		return;
	}
	snprintf(why, sizeof why, "%.80s: %s", f->host.name,
		 answer->why[0] ? answer->why : "it has no address that can be asked");
	fail(f->entry, TLS_FAULT_STS_FETCH, why);
}

static void start_fetch(struct sts_entry *e, const char *id)
{
	struct fetching *f = calloc(1, sizeof *f);
	if (!f) {
		tell_all(e);
		return;
	}
	e->fetching = f;
	f->entry = e;
	f->dns.on_answer = on_addresses;
	memcpy(f->id, id, sizeof f->id);
	/* Too long for a name: what is left is refused by the resolver, or is nobody's. */
	if (snprintf(f->host.name, sizeof f->host.name, "mta-sts.%s", e->domain) >=
	    (int)sizeof f->host.name)
		f->host.name[0] = '\0';
	resolve_address(e->cache->config.resolver, &f->dns, str_of(f->host.name));
}

static bool wants_fetch(const struct sts_entry *e, const char *id)
{
	usec now = io_now(e->cache->config.loop);
	if (e->failed_until > now)
		return false;
	return !e->text || e->refresh_at <= now || strcmp(e->id, id) != 0;
}

/* RFC 8461 3.1: without a usable record nothing is fetched; what is known stays in force. */
static void on_text(struct dns_question *dns, const struct dns_answer *answer)
{
	struct sts_question *q = (struct sts_question *)dns;
	char id[STS_ID_SIZE];
	bool published =
		answer->status == DNS_OK && sts_record_read(answer->texts, answer->count, id);
	struct sts_entry *e = find(q->cache, q->domain);
	if (!e && published)
		e = add(q->cache, q->domain);
	q->ttl_seconds = answer->ttl_seconds;
	if (!e) {
		tell_nothing(q);
		return;
	}
	chain_push_back(&e->waiters, &q->link);
	if (e->fetching)
		return;
	if (published && wants_fetch(e, id))
		start_fetch(e, id);
	else
		tell_all(e);
}

/* Lower case, and nothing that would mean something else in a URL; "" when there is. */
static void take_domain(str domain, char out[DNS_NAME_SIZE])
{
	size_t i = 0;
	out[0] = '\0';
	if (domain.size >= DNS_NAME_SIZE)
		return;
	for (; i < domain.size; i++) {
		char c = domain.data[i];
		bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
		if (!upper && !lower && !(c >= '0' && c <= '9') && c != '-' && c != '_' &&
		    c != '.')
			break;
		out[i] = upper ? (char)(c + ('a' - 'A')) : c;
	}
	out[i == domain.size ? i : 0] = '\0';
}

void sts_ask(struct sts_cache *c, struct sts_question *q, str domain)
{
	char name[DNS_NAME_SIZE + PREFIX_SIZE];
	q->cache = c;
	q->dns.on_answer = on_text;
	chain_link_init(&q->link);
	take_domain(domain, q->domain);
	snprintf(name, sizeof name, "_mta-sts.%s", q->domain);
	resolve_text(c->config.resolver, &q->dns, q->domain[0] ? str_of(name) : (str){});
}
