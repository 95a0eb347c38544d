/* automaton.h - finds many literals in one walk over a text (Aho and Corasick, 1975).
 * Built once, immutable afterwards. Bytes that stand in no literal share one column of the
 * table. Columns go by how often their byte stands in a literal, in blocks of a cache line a
 * state, so that a walk over common letters stays within the first block. A cell of the table
 * says by its top bit whether a literal ends there: one load a byte where nothing ends. */
#pragma once

#include "engine/base/arena.h"

#define AUTOMATON_STATE_LIMIT 32768
#define AUTOMATON_ENDS 0x8000 /* of a cell: at least one literal ends here */
#define AUTOMATON_STATE(cell) ((uint16_t)((cell)&0x7FFF))

#define AUTOMATON_BLOCK 32 /* columns in a block: 64 bytes of cells */

struct automaton {
	uint32_t offsets[256]; /* byte -> its cell in the row of state 0 */
	uint32_t state_count, block_count;
	uint16_t *next;    /* block x state x column in the block -> cell */
	uint16_t *longest; /* state -> nearest state (itself or a suffix) that ends a literal; 0
			    */
	uint16_t *shorter; /* such a state -> the next one that ends a shorter literal; 0 */
	uint16_t *literals; /* such a state -> index of the literal */
};

/* The literals are distinct and not empty; -1 when the arena or the state limit is exhausted.
 */
[[nodiscard]] int automaton_build(struct automaton *, struct arena *, const str *literals,
				  size_t literal_count);

/* From a cell to the next; the first is 0. */
static inline uint16_t automaton_step(const struct automaton *a, uint16_t cell, char byte)
{
	size_t row = (size_t)AUTOMATON_STATE(cell) * AUTOMATON_BLOCK;

	return a->next[row + a->offsets[(unsigned char)byte]];
}
