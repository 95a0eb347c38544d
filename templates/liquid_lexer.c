/* liquid_lexer.c - see liquid_lexer.h.
 *
 *   name       = (ALPHA / "_") *(ALPHA / DIGIT / "_" / "-") ["?"]
 *   number     = ["-"] 1*DIGIT ["." 1*DIGIT]
 *   string     = "'" *<any but '> "'" / DQUOTE *<any but DQUOTE> DQUOTE    ; no escapes
 *   comparison = "==" / "!=" / "<>" / "<=" / ">=" / "<" / ">"
 */
#include "templates/liquid_lexer.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool starts_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *name_end(const char *at, const char *end)
{
	while (at < end && (starts_name(*at) || is_digit(*at) || *at == '-'))
		at++;
	return at < end && *at == '?' ? at + 1 : at;
}

static const char *number_end(const char *at, const char *end)
{
	if (*at == '-')
		at++;
	while (at < end && is_digit(*at))
		at++;
	if (end - at >= 2 && *at == '.' && is_digit(at[1])) {
		at++;
		while (at < end && is_digit(*at))
			at++;
	}
	return at;
}

static enum token_kind punctuation(char c)
{
	switch (c) {
	case '|':
		return TOKEN_PIPE;
	case ':':
		return TOKEN_COLON;
	case ',':
		return TOKEN_COMMA;
	case '(':
		return TOKEN_OPEN_ROUND;
	case ')':
		return TOKEN_CLOSE_ROUND;
	case '[':
		return TOKEN_OPEN_SQUARE;
	case ']':
		return TOKEN_CLOSE_SQUARE;
	case '.':
		return TOKEN_DOT;
	case '=':
		return TOKEN_EQUALS;
	case '<':
	case '>':
		return TOKEN_COMPARISON;
	default:
		return TOKEN_BAD;
	}
}

static void take(struct lexer *l, enum token_kind kind, const char *end)
{
	l->token = (struct token){kind, {l->at, (size_t)(end - l->at)}, l->at};
	l->at = end;
}

static void take_string(struct lexer *l)
{
	const char *close = memchr(l->at + 1, *l->at, (size_t)(l->end - l->at - 1));
	if (!close) {
		take(l, TOKEN_BAD, l->end);
		return;
	}
	l->token =
		(struct token){TOKEN_STRING, {l->at + 1, (size_t)(close - l->at - 1)}, l->at};
	l->at = close + 1;
}

void lexer_advance(struct lexer *l)
{
	while (l->at < l->end && is_space(*l->at))
		l->at++;
	if (l->at == l->end) {
		take(l, TOKEN_END, l->at);
		return;
	}
	char c = *l->at, next = l->end - l->at > 1 ? l->at[1] : '\0';
	if (starts_name(c))
		take(l, TOKEN_NAME, name_end(l->at, l->end));
	else if (is_digit(c) || (c == '-' && is_digit(next)))
		take(l, TOKEN_NUMBER, number_end(l->at, l->end));
	else if (c == '\'' || c == '"')
		take_string(l);
	else if (c == '.' && next == '.')
		take(l, TOKEN_DOT_DOT, l->at + 2);
	else if ((next == '=' && strchr("=!<>", c)) || (c == '<' && next == '>'))
		take(l, TOKEN_COMPARISON, l->at + 2);
	else
		take(l, punctuation(c), l->at + 1);
}

void lexer_init(struct lexer *l, str markup)
{
	*l = (struct lexer){.at = markup.data, .end = markup.data + markup.size};
	lexer_advance(l);
}

bool lexer_is_name(const struct lexer *l, const char *name)
{
	return l->token.kind == TOKEN_NAME && str_eq(l->token.text, str_of(name));
}

bool lexer_accept(struct lexer *l, enum token_kind kind)
{
	if (l->token.kind != kind)
		return false;
	lexer_advance(l);
	return true;
}

bool lexer_accept_name(struct lexer *l, const char *name)
{
	if (!lexer_is_name(l, name))
		return false;
	lexer_advance(l);
	return true;
}

const char *token_kind_text(enum token_kind kind)
{
	static const char *const texts[] = {
		[TOKEN_END] = "the end",
		[TOKEN_NAME] = "a name",
		[TOKEN_NUMBER] = "a number",
		[TOKEN_STRING] = "a string",
		[TOKEN_COMPARISON] = "a comparison",
		[TOKEN_PIPE] = "'|'",
		[TOKEN_COLON] = "':'",
		[TOKEN_COMMA] = "','",
		[TOKEN_DOT] = "'.'",
		[TOKEN_DOT_DOT] = "'..'",
		[TOKEN_OPEN_ROUND] = "'('",
		[TOKEN_CLOSE_ROUND] = "')'",
		[TOKEN_OPEN_SQUARE] = "'['",
		[TOKEN_CLOSE_SQUARE] = "']'",
		[TOKEN_EQUALS] = "'='",
		[TOKEN_BAD] = "something unreadable",
	};
	return texts[kind];
}
