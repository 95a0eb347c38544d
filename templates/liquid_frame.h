/* liquid_frame.h - private to the room: one rendering, and what filters may ask of it.
 * A variable has up to three values: inner (of the loop or include around), assigned, and root
 * (from outside, or a counter); the first that is there counts, as scopes do in the reference.
 */
#pragma once

#include "templates/liquid_tree.h"

struct binding {
	const struct value *inner, *assigned, *root;
	const struct value *counter; /* of increment and decrement; it is the root then */
};

/* What `render` starts afresh. */
struct scope {
	struct binding *bindings; /* by symbol */
	size_t binding_count;
	struct memory_cell {
		str key;
		int64_t number;
		struct memory_cell *next;
	} * offsets, *cycles; /* where `offset: continue` goes on; which item is next */
	str changed;          /* what ifchanged saw last */
	bool has_changed;
	const struct value *loop; /* the forloop around, for parentloop */
	bool isolated;
	struct scope *next_free;
};

struct liquid_frame {
	const struct liquid *liquid;
	const struct symbols *symbols;
	const struct source *source; /* of the node that runs */
	uint32_t at;
	struct scope *scope;
	struct scope *free_scopes;
	const struct value *roots;
	const struct value **root_values; /* by symbol: what roots say */
	size_t root_count;
	struct arena *scratch;
	struct buf *out;
	size_t held_size;          /* in captures around this one */
	struct liquid_place place; /* of the transfer encoding in out */
	bool plain;                /* inside capture: no transfer encoding */
	bool stopped;
	uint32_t depth;
	uint64_t effort_left; /* in 64ths of a step */
	uint32_t turns_left, step_limit, turn_limit;
	size_t memory_left, memory_limit, output_size;
	uint32_t depth_limit;
	usec wall_now;
	struct symbols own_symbols; /* with names that partials brought in while rendering */
	struct partial *partials;
	struct liquid_error *error;
	/* Of the reader, looked up when first asked for. */
	const struct zone *zone;
	const struct locale *locale;
	const struct text_set *texts;
	bool zone_known, texts_known;
};

enum flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAIL = -1 };

/* Always -1. */
__attribute__((format(printf, 2, 3))) int frame_fail(struct liquid_frame *, const char *format,
						     ...);
/* Counts against the limit of steps; false (and failed) when it is used up. An effort is a 64th
 * of a step: looking at an item, or at some bytes of text. So neither many small steps nor few
 * large ones make a rendering hang. */
enum { EFFORT_OF_STEP = 64, EFFORT_BYTES = 4 };
bool frame_effort(struct liquid_frame *, uint64_t amount);
static inline bool frame_step(struct liquid_frame *f)
{
	return frame_effort(f, EFFORT_OF_STEP);
}
/* One turn of a loop: a step, and counted against the limit of turns too. */
bool frame_turn(struct liquid_frame *);
/* What reading a value once costs: nothing, but for text. */
static inline uint64_t effort_of(const struct value *value)
{
	return value->kind == VALUE_STRING ? value->string.size / EFFORT_BYTES : 0;
}
/* value_equal(), counted; false when it failed. */
bool frame_equal(struct liquid_frame *, const struct value *, const struct value *,
		 bool *ret_equal);
/* A member of a hash, NULL when absent; counted, but it never fails. */
const struct value *frame_member(struct liquid_frame *, const struct value *hash, str name);
int frame_memory_fail(struct liquid_frame *); /* always -1 */
/* Counts size against the limit of memory; false (and failed) beyond it. */
bool frame_memory(struct liquid_frame *, size_t size);
/* Zeroed, or bytes; NULL (and failed) beyond the limit of memory. */
void *frame_alloc(struct liquid_frame *, size_t count, size_t size);
char *frame_bytes(struct liquid_frame *, size_t size);
/* A value as text; false when it failed. */
bool frame_text(struct liquid_frame *, const struct value *, str *ret_text);
/* Text as HTML. Plain text that needs no escaping is returned as it is. */
bool frame_escape(struct liquid_frame *, str text, str *ret_text);
static inline bool frame_escapes(const struct liquid_frame *f)
{
	return f->liquid->options.escape == LIQUID_ESCAPE_HTML;
}

/* liquid_evaluate.c */
[[nodiscard]] int evaluate(struct liquid_frame *, const struct expression *, struct value *ret);
[[nodiscard]] int evaluate_pipeline(struct liquid_frame *, const struct pipeline *,
				    struct value *ret);
[[nodiscard]] int evaluate_condition(struct liquid_frame *, const struct condition *,
				     bool *ret);
/* The size, first or last of a value. 1, 0 when it has none, -1. */
[[nodiscard]] int frame_command(struct liquid_frame *, const struct value *, str name,
				struct value *ret);
const struct value *frame_lookup(struct liquid_frame *, uint32_t symbol);

/* liquid_render.c */
[[nodiscard]] int frame_output(struct liquid_frame *, const struct value *);
void frame_put(struct liquid_frame *, str text); /* made by a tag: not escaped, but encoded */
enum flow run_block(struct liquid_frame *, const struct block *);
/* One node, as a step, with the limit of size looked at behind it. */
enum flow run_counted(struct liquid_frame *, const struct node *);
/* A binding that is put back after the block. */
static inline const struct value *frame_bind(struct liquid_frame *f, uint32_t symbol,
					     const struct value *value)
{
	const struct value *before = f->scope->bindings[symbol].inner;
	f->scope->bindings[symbol].inner = value;
	return before;
}
[[nodiscard]] struct value *frame_keep(struct liquid_frame *, const struct value *);
[[nodiscard]] struct memory_cell *frame_cell(struct liquid_frame *, struct memory_cell **,
					     str key);

/* liquid_loops.c, liquid_partials.c */
enum flow run_for(struct liquid_frame *, const struct loop *);
enum flow run_tablerow(struct liquid_frame *, const struct loop *);
enum flow run_partial(struct liquid_frame *, const struct partial_call *);
[[nodiscard]] struct scope *frame_scope(struct liquid_frame *);
[[nodiscard]] int scope_reserve(struct liquid_frame *, struct scope *);
/* Items of anything that can be walked, in [offset, offset + limit). */
struct items {
	const struct value *values; /* NULL: a range */
	const struct value_pair *pairs;
	int64_t first;
	size_t count;
};
struct items items_of(const struct value *, size_t offset, size_t limit);
[[nodiscard]] int items_at(struct liquid_frame *, const struct items *, size_t index,
			   struct value *ret_item);
/* A hash of so many pairs that a loop keeps up to date. */
[[nodiscard]] struct value *loop_helper(struct liquid_frame *, const struct value *name,
					size_t count, const struct value *parent);
void loop_helper_set(struct value *helper, size_t index, size_t count);
