/* automaton.c - building the cells: a trie of linked nodes first, then its states level by
 * level, so that what a state falls back to is complete before it is needed, and the shallow
 * states, which every walk visits all the time, lie side by side. */
#include "engine/smtp/automaton.h"

#include "engine/base/assert.h"

struct node {
	uint16_t child, sibling; /* 0: none, the root is nobody's child */
	uint16_t literal;        /* index + 1; 0: ends none */
	uint8_t column;
};

struct builder {
	struct automaton *automaton;
	struct node *nodes; /* [0] is the root */
	uint32_t node_count, node_limit;
	uint16_t *node_of; /* state -> node */
	uint16_t *queue;   /* states, by level */
	uint32_t queued;
	uint32_t free;       /* no cell before it is free */
	uint32_t cell_limit; /* behind it stand cells that only a base plus a column reaches */
};

/* Returns the bytes of all literals together. */
static size_t assign_columns(struct automaton *a, const str *literals, size_t literal_count)
{
	size_t bytes = 0;
	uint32_t count = 1;

	for (size_t i = 0; i < literal_count; i++) {
		ASSERT(literals[i].size > 0);
		bytes += literals[i].size;
		for (size_t j = 0; j < literals[i].size; j++) {
			uint8_t *column = &a->columns[(unsigned char)literals[i].data[j]];
			if (*column == 0)
				*column = (uint8_t)count++;
		}
	}
	ASSERT(count <= UINT8_MAX);
	return bytes;
}

/* 0 when there is no node left. */
static uint16_t find_or_add_child(struct builder *b, uint16_t parent, uint8_t column)
{
	uint16_t child = b->nodes[parent].child;

	while (child && b->nodes[child].column != column)
		child = b->nodes[child].sibling;
	if (child || b->node_count == b->node_limit)
		return child;
	child = (uint16_t)b->node_count++;
	b->nodes[child].column = column;
	b->nodes[child].sibling = b->nodes[parent].child;
	b->nodes[parent].child = child;
	return child;
}

static int add_literal(struct builder *b, str literal, size_t index)
{
	uint16_t node = 0;

	for (size_t i = 0; i < literal.size; i++) {
		node = find_or_add_child(b, node,
					 b->automaton->columns[(unsigned char)literal.data[i]]);
		if (node == 0)
			return -1;
	}
	ASSERT(b->nodes[node].literal == 0); /* distinct */
	b->nodes[node].literal = (uint16_t)(index + 1);
	return 0;
}

static bool is_free(const struct builder *b, size_t cell)
{
	return cell != 0 && b->automaton->cells[cell].parent == AUTOMATON_NOBODY;
}

static bool children_fit(const struct builder *b, uint16_t first, size_t base)
{
	for (uint16_t n = first; n; n = b->nodes[n].sibling) {
		if (!is_free(b, base + b->nodes[n].column))
			return false;
	}
	return true;
}

/* The first base at which all children of a node find free cells; false when there is none. */
static bool find_base(struct builder *b, uint16_t first, uint16_t *ret_base)
{
	uint8_t column = b->nodes[first].column;

	while (b->free < b->cell_limit && !is_free(b, b->free))
		b->free++;
	for (size_t cell = b->free < column ? column : b->free; cell < b->cell_limit; cell++) {
		if (children_fit(b, first, cell - column)) {
			*ret_base = (uint16_t)(cell - column);
			return true;
		}
	}
	return false;
}

/* Where a walk that stands in the state goes with a byte of that column, children of suffixes
 * included. */
static uint16_t next_of(const struct automaton *a, uint16_t state, uint8_t column)
{
	for (;; state = a->cells[state].failure) {
		size_t child = (size_t)a->cells[state].base + column;
		if (a->cells[child].parent == state)
			return (uint16_t)child;
		if (state == 0)
			return 0;
	}
}

/* What the state ends: its own literal, then those of its suffixes. */
static void link_outputs(struct builder *b, uint16_t state)
{
	struct automaton *a = b->automaton;
	uint16_t literal = b->nodes[b->node_of[state]].literal;
	uint16_t suffix = a->cells[a->cells[state].failure].longest;

	a->cells[state].longest = literal ? state : suffix;
	if (literal) {
		a->literals[state] = (uint16_t)(literal - 1);
		a->shorter[state] = suffix;
	}
}

static int add_children(struct builder *b, uint16_t state)
{
	struct automaton_cell *cells = b->automaton->cells;
	uint16_t first = b->nodes[b->node_of[state]].child;

	if (!first)
		return 0; /* base 0: no cell there names this state as its parent */
	if (!find_base(b, first, &cells[state].base))
		return -1;
	for (uint16_t n = first; n; n = b->nodes[n].sibling) {
		size_t child = (size_t)cells[state].base + b->nodes[n].column;
		if (child >= b->cell_limit)
			return -1;
		cells[child].parent = state;
		b->node_of[child] = n;
		b->queue[b->queued++] = (uint16_t)child;
	}
	for (uint16_t n = first; n; n = b->nodes[n].sibling) {
		uint16_t child = (uint16_t)(cells[state].base + b->nodes[n].column);
		if (state != 0)
			cells[child].failure =
				next_of(b->automaton, cells[state].failure, b->nodes[n].column);
		link_outputs(b, child);
	}
	return 0;
}

static int fill_cells(struct builder *b, struct arena *arena)
{
	struct automaton *a = b->automaton;
	uint32_t wanted = b->node_count * 2 + 256; /* they are packed far more closely */

	b->cell_limit = wanted < AUTOMATON_CELL_LIMIT ? wanted : AUTOMATON_CELL_LIMIT;
	size_t count = b->cell_limit + 256;
	a->cells = ARENA_ARRAY(arena, struct automaton_cell, count);
	a->shorter = ARENA_ARRAY(arena, uint16_t, count);
	a->literals = ARENA_ARRAY(arena, uint16_t, count);
	b->node_of = ARENA_ARRAY(arena, uint16_t, count);
	b->queue = ARENA_ARRAY(arena, uint16_t, count);
	if (!a->cells || !a->shorter || !a->literals || !b->node_of || !b->queue)
		return -1;

	for (size_t i = 0; i < count; i++)
		a->cells[i].parent = AUTOMATON_NOBODY;
	b->queue[b->queued++] = 0;
	for (uint32_t i = 0; i < b->queued; i++) {
		if (add_children(b, b->queue[i]) < 0)
			return -1;
	}
	ASSERT(b->queued == b->node_count);
	return 0;
}

int automaton_build(struct automaton *a, struct arena *arena, const str *literals,
		    size_t literal_count)
{
	struct builder b = {.automaton = a, .node_count = 1};

	*a = (struct automaton){};
	/* Shared prefixes or not, a node a byte is enough. */
	size_t bytes = assign_columns(a, literals, literal_count);
	b.node_limit = bytes < UINT16_MAX ? (uint32_t)bytes + 1 : UINT16_MAX;
	b.nodes = ARENA_ARRAY(arena, struct node, b.node_limit);
	if (!b.nodes || literal_count >= UINT16_MAX)
		return -1;
	for (size_t i = 0; i < literal_count; i++) {
		if (add_literal(&b, literals[i], i) < 0)
			return -1;
	}
	return fill_cells(&b, arena);
}
