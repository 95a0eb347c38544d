/* automaton.c - building the table: a trie of linked nodes first, then the table level by
 * level. Going by levels does two things at once: a state's failure state is complete before it
 * is needed, so that failure links fold into the table and the walk is one load a byte; and the
 * shallow states, which every walk visits all the time, lie side by side in cache. */
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
	uint32_t node_count;
	uint8_t columns[256]; /* byte -> column */
	uint16_t *node_of;    /* state -> node */
	uint16_t *failure;    /* state -> state */
};

/* Column 0 is for bytes in no literal; the others by frequency, the most frequent first.
 * Returns the bytes of all literals together. */
static uint32_t assign_columns(struct builder *b, const str *literals, size_t literal_count)
{
	uint32_t frequencies[256] = {}, bytes = 0, count = 1;

	for (size_t i = 0; i < literal_count; i++) {
		ASSERT(literals[i].size > 0);
		bytes += (uint32_t)literals[i].size;
		for (size_t j = 0; j < literals[i].size; j++)
			frequencies[(unsigned char)literals[i].data[j]]++;
	}
	for (;; count++) {
		size_t most = 0;
		for (size_t byte = 1; byte < 256; byte++)
			if (frequencies[byte] > frequencies[most])
				most = byte;
		if (frequencies[most] == 0)
			break;
		ASSERT(count <= UINT8_MAX);
		b->columns[most] = (uint8_t)count;
		frequencies[most] = 0;
	}
	b->automaton->block_count = (count + AUTOMATON_BLOCK - 1) / AUTOMATON_BLOCK;
	return bytes;
}

static uint16_t find_or_add_child(struct builder *b, uint16_t parent, uint8_t column)
{
	uint16_t child = b->nodes[parent].child;

	while (child && b->nodes[child].column != column)
		child = b->nodes[child].sibling;
	if (child)
		return child;
	child = (uint16_t)b->node_count++;
	b->nodes[child].column = column;
	b->nodes[child].sibling = b->nodes[parent].child;
	b->nodes[parent].child = child;
	return child;
}

static void add_literal(struct builder *b, str literal, size_t index)
{
	uint16_t node = 0;

	for (size_t i = 0; i < literal.size; i++)
		node = find_or_add_child(b, node, b->columns[(unsigned char)literal.data[i]]);
	ASSERT(b->nodes[node].literal == 0); /* distinct */
	b->nodes[node].literal = (uint16_t)(index + 1);
}

/* All states are counted before the table is filled: a block is as long as all their rows. */
static size_t offset_of(const struct builder *b, uint8_t column)
{
	size_t block_size = (size_t)b->node_count * AUTOMATON_BLOCK;

	return column / AUTOMATON_BLOCK * block_size + column % AUTOMATON_BLOCK;
}

static uint16_t *cell_of(const struct builder *b, uint16_t state, uint8_t column)
{
	return &b->automaton->next[(size_t)state * AUTOMATON_BLOCK + offset_of(b, column)];
}

static void copy_row(const struct builder *b, uint16_t from, uint16_t to)
{
	for (uint32_t block = 0; block < b->automaton->block_count; block++) {
		uint8_t first = (uint8_t)(block * AUTOMATON_BLOCK);
		memcpy(cell_of(b, to, first), cell_of(b, from, first),
		       AUTOMATON_BLOCK * sizeof(uint16_t));
	}
}

/* What the state ends: its own literal, then those of its failure states. */
static uint16_t link_outputs(struct builder *b, uint16_t state)
{
	struct automaton *a = b->automaton;
	uint16_t literal = b->nodes[b->node_of[state]].literal;
	uint16_t fallback = a->longest[b->failure[state]];

	a->longest[state] = literal ? state : fallback;
	if (literal) {
		a->literals[state] = (uint16_t)(literal - 1);
		a->shorter[state] = fallback;
	}
	return a->longest[state] ? AUTOMATON_ENDS : 0;
}

/* Numbers the children of a state; all else leads where the failure state leads. */
static void add_children(struct builder *b, uint16_t state)
{
	struct automaton *a = b->automaton;
	uint16_t failure = b->failure[state];

	if (state != 0)
		copy_row(b, failure, state);
	for (uint16_t n = b->nodes[b->node_of[state]].child; n; n = b->nodes[n].sibling) {
		uint16_t child = (uint16_t)a->state_count++;
		uint8_t column = b->nodes[n].column;
		b->node_of[child] = n;
		b->failure[child] =
			state == 0 ? 0 : AUTOMATON_STATE(*cell_of(b, failure, column));
		*cell_of(b, state, column) = child | link_outputs(b, child);
	}
}

/* Zeroed, and a row of a block on one cache line. */
static uint16_t *aligned_cells(struct arena *arena, size_t count)
{
	size_t line = AUTOMATON_BLOCK * sizeof(uint16_t);
	char *memory = arena_array(arena, count + AUTOMATON_BLOCK, sizeof(uint16_t));

	if (!memory)
		return NULL;
	return (uint16_t *)(memory + (line - (uintptr_t)memory % line) % line);
}

static int fill_table(struct builder *b, struct arena *arena)
{
	struct automaton *a = b->automaton;
	uint32_t count = b->node_count;

	size_t cells = (size_t)count * a->block_count * AUTOMATON_BLOCK;

	a->next = aligned_cells(arena, cells);
	a->longest = ARENA_ARRAY(arena, uint16_t, count);
	a->shorter = ARENA_ARRAY(arena, uint16_t, count);
	a->literals = ARENA_ARRAY(arena, uint16_t, count);
	b->node_of = ARENA_ARRAY(arena, uint16_t, count);
	b->failure = ARENA_ARRAY(arena, uint16_t, count);
	if (!a->next || !a->longest || !a->shorter || !a->literals || !b->node_of ||
	    !b->failure)
		return -1;

	for (size_t byte = 0; byte < 256; byte++)
		a->offsets[byte] = (uint32_t)offset_of(b, b->columns[byte]);
	a->state_count = 1;
	for (uint32_t state = 0; state < a->state_count; state++)
		add_children(b, (uint16_t)state);
	ASSERT(a->state_count == count);
	return 0;
}

int automaton_build(struct automaton *a, struct arena *arena, const str *literals,
		    size_t literal_count)
{
	struct builder b = {.automaton = a, .node_count = 1};

	*a = (struct automaton){};
	uint32_t limit =
		assign_columns(&b, literals, literal_count) + 1; /* shared prefixes or not */
	if (limit > UINT16_MAX || literal_count >= UINT16_MAX)
		return -1;
	b.nodes = ARENA_ARRAY(arena, struct node, limit);
	if (!b.nodes)
		return -1;
	for (size_t i = 0; i < literal_count; i++)
		add_literal(&b, literals[i], i);
	if (b.node_count > AUTOMATON_STATE_LIMIT)
		return -1;
	return fill_table(&b, arena);
}
