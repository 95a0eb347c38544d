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
	uint16_t *node_of; /* state -> node */
	uint16_t *failure; /* state -> state */
};

static uint32_t assign_columns(struct automaton *a, const str *literals, size_t literal_count)
{
	uint32_t bytes = 0, count = 1;

	for (size_t i = 0; i < literal_count; i++) {
		ASSERT(literals[i].size > 0);
		bytes += (uint32_t)literals[i].size;
		for (size_t j = 0; j < literals[i].size; j++) {
			uint8_t *column = &a->columns[(unsigned char)literals[i].data[j]];
			if (*column == 0)
				*column = (uint8_t)count++;
		}
	}
	ASSERT(count <= UINT8_MAX);
	while (1U << a->row_shift < count)
		a->row_shift++;
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
		node = find_or_add_child(b, node,
					 b->automaton->columns[(unsigned char)literal.data[i]]);
	ASSERT(b->nodes[node].literal == 0); /* distinct */
	b->nodes[node].literal = (uint16_t)(index + 1);
}

static uint16_t *row_of(struct automaton *a, uint16_t state)
{
	return &a->next[(size_t)state << a->row_shift];
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
	const uint16_t *fail_row = row_of(a, b->failure[state]);
	uint16_t *row = row_of(a, state);

	if (state != 0)
		memcpy(row, fail_row, sizeof(*row) << a->row_shift);
	for (uint16_t n = b->nodes[b->node_of[state]].child; n; n = b->nodes[n].sibling) {
		uint16_t child = (uint16_t)a->state_count++;
		uint8_t column = b->nodes[n].column;
		b->node_of[child] = n;
		b->failure[child] = state == 0 ? 0 : AUTOMATON_STATE(fail_row[column]);
		row[column] = child | link_outputs(b, child);
	}
}

static int fill_table(struct builder *b, struct arena *arena)
{
	struct automaton *a = b->automaton;
	uint32_t count = b->node_count;

	a->next = ARENA_ARRAY(arena, uint16_t, (size_t)count << a->row_shift);
	a->longest = ARENA_ARRAY(arena, uint16_t, count);
	a->shorter = ARENA_ARRAY(arena, uint16_t, count);
	a->literals = ARENA_ARRAY(arena, uint16_t, count);
	b->node_of = ARENA_ARRAY(arena, uint16_t, count);
	b->failure = ARENA_ARRAY(arena, uint16_t, count);
	if (!a->next || !a->longest || !a->shorter || !a->literals || !b->node_of ||
	    !b->failure)
		return -1;

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
		assign_columns(a, literals, literal_count) + 1; /* shared prefixes or not */
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
