/* liquid_parser.h - private to the room: from text to tree.
 * liquid_parser.c holds blocks and errors, liquid_expression.c what stands inside the braces,
 * liquid_tags*.c one function a tag. All that parse return 0, or -1 with the error filled in.
 */
#pragma once

#include "templates/liquid_lexer.h"
#include "templates/liquid_scanner.h"
#include "templates/liquid_tree.h"

/* One compilation, partials included. */
struct compilation {
	struct arena *arena;
	const struct liquid_options *options;
	struct symbols *symbols;
	struct partial **partials;
	struct liquid_error *error;
	int depth;              /* of tags, through all partials: what bounds the C stack */
	struct liquid_use *use; /* what filters need; NULL: nobody asks any more */
};

/* One source being parsed. */
struct parser {
	struct compilation *compilation;
	const struct source *source;
	struct scanner scanner;
	int depth; /* of tags, in this source */
	int expression_depth;
	uint32_t *bound; /* by symbol: how often it is a local name here */
	size_t bound_capacity;
	uint32_t *passing; /* names that stop being local at the end of the block around */
	size_t passing_count, passing_capacity;
	struct read *reads, **reads_end;
	struct map read_paths;
	struct layout *layout;      /* this source's, once it has named one */
	const struct layout *child; /* when this source is a layout: whose */
};

struct tag {
	str name, markup;
	const char *at;
};

typedef int tag_parser(struct parser *, const struct tag *, struct block *into);

[[nodiscard]] int parser_init(struct parser *, struct compilation *, const struct source *);
/* Parses all of the source. */
[[nodiscard]] int parser_run(struct parser *, struct block *ret_body);

/* Always -1; at points into the source. Only the first error counts. */
__attribute__((format(printf, 3, 4))) int parser_fail(struct parser *, const char *at,
						      const char *format, ...);
int parser_out_of_memory(struct parser *);

/* A new node at the end of the block; NULL with the error filled in. */
struct node *parser_add(struct parser *, struct block *, enum node_kind, const char *at);
/* Appends to block until a tag whose name is in ends (which *ret_end then is). opener NULL:
 * until the end of the source. */
[[nodiscard]] int parse_block(struct parser *, struct block *, const struct tag *opener,
			      const char *const *ends, struct tag *ret_end);
void block_init(struct block *);
void block_drop_blanks(struct block *);

[[nodiscard]] int parse_expression(struct parser *, struct lexer *, struct expression *);
[[nodiscard]] int parse_pipeline(struct parser *, struct lexer *, struct pipeline *);
[[nodiscard]] int parse_condition(struct parser *, struct lexer *,
				  struct condition **ret_chain);
/* As an operand of a comparison, where `empty` and `blank` ask instead of being "". */
[[nodiscard]] int parse_operand(struct parser *, struct lexer *, struct expression *);
[[nodiscard]] int parse_expression_new(struct parser *, struct lexer *,
				       struct expression **ret_expression);
[[nodiscard]] int parse_end(struct parser *, struct lexer *);
[[nodiscard]] int parse_name(struct parser *, struct lexer *, uint32_t *ret_symbol);
[[nodiscard]] int parser_intern(struct parser *, str name, uint32_t *ret_symbol);
/* The tokens from one lexer's position up to another's, without white space. */
str parser_token_text(struct parser *, const struct lexer *from, const struct lexer *to);

/* A name that is local from here on: reading it is no reading from outside. */
[[nodiscard]] int parser_bind(struct parser *, uint32_t symbol);
void parser_unbind(struct parser *, uint32_t symbol);
/* The same, up to the end of the block that is being parsed. */
[[nodiscard]] int parser_bind_in_block(struct parser *, uint32_t symbol);
[[nodiscard]] int parser_note_read(struct parser *, uint32_t symbol, str path);
/* As parser_note_read(), local here or not. */
[[nodiscard]] int parser_add_read(struct parser *, uint32_t symbol, str path);

/* The function of a tag, or NULL. */
tag_parser *tag_find(str name);
void tag_suggest(char *out, size_t out_size, str name);

tag_parser parse_for, parse_tablerow, parse_cycle, parse_include, parse_render, parse_comment,
	parse_raw, parse_doc, parse_inline_comment, parse_liquid, parse_layout, parse_section;

/* Merges and prepares literal text of a finished tree. */
[[nodiscard]] int plan_block(struct compilation *, struct block *);
[[nodiscard]] int compile_partial(struct compilation *, str name, struct partial **ret_partial);
