/* liquid_tree.h - private to the room: what a compiled template is made of.
 * A block is a chain of nodes, literal text already trimmed, merged and prepared. Names of root
 * variables are symbols (small numbers), so that rendering reads an array. Everything lives in
 * the arena of the compilation and is read-only afterwards. */
#pragma once

#include <stdarg.h>

#include "engine/base/map.h"
#include "templates/liquid.h"

enum {
	DEPTH_LIMIT = 100,     /* nesting of tags and of expressions, as in the reference */
	DEPTH_LIMIT_MAX = 200, /* of rendering, whatever the caller asks: bounds the C stack */
	ARGUMENT_LIMIT = 16,   /* of a filter or cycle; the longest standard filter takes 3 */
};

struct source {
	str file, text;
};

/* Names of root variables. */
struct symbols {
	struct map by_name; /* to index + 1 */
	str *names;
	size_t count, capacity;
};
#define SYMBOL_NONE UINT32_MAX

struct expression;

struct lookup {
	bool dotted; /* .name may also mean the commands size, first, last */
	str name;    /* data NULL: key is computed */
	struct expression *key;
};

struct expression {
	enum expression_kind { EXPRESSION_LITERAL, EXPRESSION_VARIABLE, EXPRESSION_RANGE } kind;
	union {
		struct value literal;
		struct {
			uint32_t symbol; /* SYMBOL_NONE: the name is computed from root */
			struct expression *root; /* {{ [name] }} */
			struct lookup *lookups;
			size_t lookup_count;
		} variable;
		struct {
			struct expression *first, *last;
		} range;
	};
};

struct argument {
	str name; /* data NULL: positional */
	struct expression value;
};

struct filter_call {
	const struct filter *filter;
	struct argument *arguments;
	size_t argument_count;
};

/* An expression and its filters: what `{{ }}`, echo and assign evaluate. */
struct pipeline {
	struct expression head;
	struct filter_call *calls;
	size_t call_count;
};

enum comparison_operator {
	COMPARE_NONE, /* the value itself */
	COMPARE_EQUAL,
	COMPARE_UNEQUAL,
	COMPARE_LESS,
	COMPARE_GREATER,
	COMPARE_LESS_EQUAL,
	COMPARE_GREATER_EQUAL,
	COMPARE_CONTAINS,
};

/* One comparison of a chain; `and` and `or` bind to the right, alike. */
struct condition {
	struct expression left, right;
	enum comparison_operator operator;
	enum { RELATION_END, RELATION_AND, RELATION_OR } relation;
	struct condition *next;
};

struct node;

struct block {
	struct node *first, *last;
	bool blank; /* only white space and tags that write nothing: its white space is dropped
		     */
};

/* A branch of if, unless or case. */
struct branch {
	struct condition *condition; /* NULL: else */
	bool negated;                /* unless */
	struct block body;
	struct branch *next;
};

/* for and tablerow. */
struct loop {
	uint32_t variable, helper; /* helper: forloop or tablerowloop */
	str name;                  /* "item-products", for `offset: continue` */
	struct expression collection;
	struct expression *limit, *offset, *columns;
	bool reversed, from_continue;
	struct block body, otherwise;
};

struct cycle {
	struct expression *name; /* NULL: the items are the name */
	str items_text;
	struct expression *items;
	size_t count;
};

/* A partial is compiled once per template, however often it is used. */
struct partial {
	str name;
	struct source source;
	struct block body;
	struct read *reads;
	bool compiled; /* false while it is being compiled: a partial may use itself */
	struct partial *next;
};

struct partial_call {
	bool isolated;           /* render, not include */
	struct partial *partial; /* NULL: the name is computed when rendering */
	struct expression name, with;
	bool has_with;     /* or for; else include hands over what is called `same` */
	uint32_t same;     /* the partial's name as a variable, when it is known */
	bool each;         /* `for`: once an item */
	uint32_t variable; /* what `with` is called inside; SYMBOL_NONE: by the name */
	struct named {
		uint32_t symbol;
		struct expression value;
	} * named;
	size_t named_count;
};

struct node {
	enum node_kind {
		NODE_LITERAL,
		NODE_VARIABLE,
		NODE_OUTPUT,
		NODE_ASSIGN,
		NODE_CAPTURE,
		NODE_IF,
		NODE_CASE,
		NODE_FOR,
		NODE_TABLEROW,
		NODE_BREAK,
		NODE_CONTINUE,
		NODE_CYCLE,
		NODE_INCREMENT,
		NODE_DECREMENT,
		NODE_IFCHANGED,
		NODE_PARTIAL,
	} kind;
	uint32_t at; /* offset in the source, for errors */
	struct node *next;
	union {
		struct {
			str text, prepared;
		} literal;
		uint32_t symbol; /* VARIABLE, INCREMENT, DECREMENT */
		struct pipeline *output;
		struct {
			uint32_t symbol;
			struct pipeline *value;
		} assign;
		struct {
			uint32_t symbol;
			struct block body;
		} capture;
		struct branch *branches; /* IF, CASE */
		struct loop *loop;
		struct cycle *cycle;
		struct block body; /* IFCHANGED */
		struct partial_call *call;
	};
};

/* A path read from outside. */
struct read {
	str path;
	uint32_t symbol;
	struct read *next;
};

/* What filters of a template need of the reader: see region.h. */
struct liquid_use {
	bool zone, locale;
};

struct liquid {
	struct source source;
	struct liquid_options options;
	struct symbols symbols;
	struct partial *partials;
	struct block body;
	const struct node **runs;
	size_t run_count;
	str *variables;
	size_t variable_count;
	struct liquid_use use;
};

uint32_t symbols_intern(struct symbols *, str name); /* SYMBOL_NONE: out of memory */
uint32_t symbols_find(const struct symbols *, str name);

/* Compiles a partial by name into arena and a liquid's copy; for names computed when rendering.
 * NULL with the error filled in. */
struct partial *liquid_compile_partial(struct arena *, const struct liquid *, struct symbols *,
				       struct partial **partials, str name,
				       struct liquid_error *ret_error);

void liquid_error_say(struct liquid_error *, const char *format, va_list);
/* Fills in everything but the message from an offset into source. */
void liquid_error_locate(struct liquid_error *, const struct source *, size_t at);
/* " did you mean 'x'?" when one of names (ends with NULL) is near, else an empty string. */
void liquid_suggest(char *out, size_t out_size, str given, const char *const *names);
