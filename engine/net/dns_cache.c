/* dns_cache.c - a hash table of chains and a list in the order of use. */
#include "engine/net/dns_cache.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"

/* Entries looked at for one that may go: those with waiters are few and recently used. */
#define EVICT_TRIES 64

int dns_cache_init(struct dns_cache *c, size_t limit, uint64_t seed)
{
	size_t buckets = 64;
	while (buckets < limit)
		buckets *= 2;
	*c = (struct dns_cache){.bucket_count = buckets, .limit = limit, .seed = seed};
	chain_init(&c->used);
	c->buckets = calloc(buckets, sizeof(struct dns_entry *));
	return c->buckets ? 0 : -ENOMEM;
}

static void entry_free(struct dns_entry *e)
{
	free(e->packed);
	free(e);
}

void dns_cache_done(struct dns_cache *c)
{
	struct chain_link *link;
	while ((link = chain_pop(&c->used)))
		entry_free(CHAIN_OWNER(link, struct dns_entry, used));
	free(c->buckets);
}

static struct dns_entry **bucket_of(struct dns_cache *c, uint64_t hash)
{
	return &c->buckets[hash & (c->bucket_count - 1)];
}

static void forget(struct dns_cache *c, struct dns_entry *e)
{
	struct dns_entry **at = bucket_of(c, e->hash);
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	chain_remove(&c->used, &e->used);
	c->count--;
	entry_free(e);
}

static bool may_go(struct dns_entry *e)
{
	return !e->open && !e->queued && chain_empty(&e->waiters);
}

static void make_room(struct dns_cache *c)
{
	struct chain_link *link = chain_first(&c->used);
	for (int i = 0; i < EVICT_TRIES && link && c->count >= c->limit; i++) {
		struct dns_entry *e = CHAIN_OWNER(link, struct dns_entry, used);
		link = chain_next(&c->used, link);
		if (may_go(e))
			forget(c, e);
	}
}

static struct dns_entry *add(struct dns_cache *c, enum dns_type type, str name, uint64_t hash)
{
	make_room(c);
	struct dns_entry *e = calloc(1, sizeof *e + name.size + 1);
	if (!e)
		return NULL;
	e->hash = hash;
	e->type = (uint8_t)type;
	e->name_size = (uint8_t)name.size;
	memcpy(e->name, name.data, name.size);
	chain_init(&e->waiters);
	chain_link_init(&e->queue);
	struct dns_entry **bucket = bucket_of(c, hash);
	e->next = *bucket;
	*bucket = e;
	chain_push_back(&c->used, &e->used);
	c->count++;
	return e;
}

struct dns_entry *dns_cache_take(struct dns_cache *c, enum dns_type type, str name)
{
	ASSERT(name.size < DNS_NAME_SIZE);
	uint64_t hash = hash_bytes(c->seed + type, name);
	for (struct dns_entry *e = *bucket_of(c, hash); e; e = e->next) {
		if (e->hash != hash || e->type != type ||
		    !str_eq((str){e->name, e->name_size}, name))
			continue;
		chain_remove(&c->used, &e->used);
		chain_push_back(&c->used, &e->used);
		return e;
	}
	return add(c, type, name, hash);
}

bool dns_entry_keep(struct dns_entry *e, str packed)
{
	free(e->packed);
	e->packed = NULL;
	e->packed_size = 0;
	if (packed.size == 0)
		return true;
	e->packed = malloc(packed.size);
	if (!e->packed)
		return false;
	memcpy(e->packed, packed.data, packed.size);
	e->packed_size = packed.size;
	return true;
}
