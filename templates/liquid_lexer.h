/* liquid_lexer.h - private to the room: tokens of what stands inside `{{ }}` and `{% %}`.
 * Tokens are views into the template, so an error knows its place. */
#pragma once

#include "engine/base/str.h"

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_STRING,
	TOKEN_COMPARISON,
	TOKEN_PIPE,
	TOKEN_COLON,
	TOKEN_COMMA,
	TOKEN_DOT,
	TOKEN_DOT_DOT,
	TOKEN_OPEN_ROUND,
	TOKEN_CLOSE_ROUND,
	TOKEN_OPEN_SQUARE,
	TOKEN_CLOSE_SQUARE,
	TOKEN_EQUALS,
	TOKEN_BAD,
};

struct token {
	enum token_kind kind;
	str text; /* of a string: without its quotes */
	const char *at;
};

struct lexer {
	const char *at, *end;
	struct token token; /* the current one */
};

/* Copying a lexer is how one looks ahead. */
void lexer_init(struct lexer *, str markup);
void lexer_advance(struct lexer *);
bool lexer_is_name(const struct lexer *, const char *name);
/* Takes the current token if it is of the kind. */
bool lexer_accept(struct lexer *, enum token_kind);
bool lexer_accept_name(struct lexer *, const char *name);
const char *token_kind_text(enum token_kind); /* "a colon" */
