/* automaton.h - finds many literals in one walk over a text (Aho and Corasick, 1975).
 * Built once, immutable afterwards. A state is the index of a cell, 0 the one where nothing has
 * begun; its children lie at its base plus the column of a byte, in cells that name it as their
 * parent (a double array: Aoe, 1989). So thousands of literals stay within a core's cache,
 * where a table of states by bytes would not; where no child fits, the walk falls back. */
#pragma once

#include "engine/base/arena.h"

#define AUTOMATON_CELL_LIMIT 65535
#define AUTOMATON_NOBODY 65535 /* the parent of the first state, and of cells not in use */

struct automaton_cell {
	uint16_t base, parent;
	uint16_t failure; /* the state of the longest proper suffix that begins some literal */
	uint16_t longest; /* the nearest state (itself or a suffix) that ends a literal; 0: none
			   */
};

struct automaton {
	uint8_t columns[256]; /* byte -> column; 0: in no literal */
	struct automaton_cell *cells;
	uint16_t *shorter;  /* state that ends one -> the next that ends a shorter literal; 0 */
	uint16_t *literals; /* state that ends one -> index of the literal */
};

/* The literals are distinct and not empty; -1 when the arena or the cells are exhausted. */
[[nodiscard]] int automaton_build(struct automaton *, struct arena *, const str *literals,
				  size_t literal_count);

/* From a state to the next; the first is 0. */
static inline uint16_t automaton_step(const struct automaton *a, uint16_t state, char byte)
{
	uint8_t column = a->columns[(unsigned char)byte];

	for (;;) {
		size_t child = (size_t)a->cells[state].base + column;
		if (a->cells[child].parent == state)
			return (uint16_t)child;
		if (state == 0)
			return 0;
		state = a->cells[state].failure;
	}
}
