/* chain.h - an intrusive doubly linked list.
 * The link is embedded in its owner; a chain is itself a link that points at its ends. A link
 * that is in no chain points at itself, so chain_remove() on it is harmless. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct chain_link {
	struct chain_link *next, *prev;
};

struct chain {
	struct chain_link head;
	size_t count;
};

#define CHAIN_OWNER(link, type, member) ((type *)(void *)((char *)(link) - offsetof(type, member)))

static inline void chain_init(struct chain *c)
{
	c->head.next = c->head.prev = &c->head;
	c->count = 0;
}

static inline void chain_link_init(struct chain_link *l)
{
	l->next = l->prev = l;
}

static inline bool chain_empty(const struct chain *c)
{
	return c->head.next == &c->head;
}

static inline bool chain_linked(const struct chain_link *l)
{
	return l->next != l;
}

static inline void chain_push_back(struct chain *c, struct chain_link *l)
{
	l->prev = c->head.prev;
	l->next = &c->head;
	c->head.prev->next = l;
	c->head.prev = l;
	c->count++;
}

static inline void chain_push_front(struct chain *c, struct chain_link *l)
{
	l->next = c->head.next;
	l->prev = &c->head;
	c->head.next->prev = l;
	c->head.next = l;
	c->count++;
}

/* c must be the chain that holds l. */
static inline void chain_remove(struct chain *c, struct chain_link *l)
{
	if (!chain_linked(l))
		return;
	l->prev->next = l->next;
	l->next->prev = l->prev;
	chain_link_init(l);
	c->count--;
}

static inline struct chain_link *chain_first(struct chain *c)
{
	return chain_empty(c) ? NULL : c->head.next;
}

/* The link behind l, or NULL at the end. */
static inline struct chain_link *chain_next(struct chain *c, struct chain_link *l)
{
	return l->next == &c->head ? NULL : l->next;
}

static inline struct chain_link *chain_pop(struct chain *c)
{
	struct chain_link *l = chain_first(c);
	if (l)
		chain_remove(c, l);
	return l;
}

/* Moves everything of from to the end of to. */
static inline void chain_splice_back(struct chain *to, struct chain *from)
{
	if (chain_empty(from))
		return;
	from->head.next->prev = to->head.prev;
	to->head.prev->next = from->head.next;
	from->head.prev->next = &to->head;
	to->head.prev = from->head.prev;
	to->count += from->count;
	chain_init(from);
}
