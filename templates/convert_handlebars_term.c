/* convert_handlebars_term.c - what stands between the braces of Handlebars.
 *
 *   expression = term *( 1*space [ key "=" ] term ) [ "as |" name [ name ] "|" ]
 *   term       = path / string / number / "true" / "false" / "null" / "undefined"
 *                / "(" expression ")"
 *   path       = *( "../" ) [ "@" ] segment *( ( "." / "/" ) segment )
 *   segment    = "this" / "." / name / "[" any "]"
 *   string     = DQUOTE any DQUOTE / "'" any "'"      ; a backslash before the quote keeps it
 *
 * A name is looked for in the innermost scope alone, as Handlebars does, but in a Mustache
 * section also in those around it, as Mustache does. */
#include "templates/convert_handlebars.h"

#define GROUP_DEPTH_LIMIT 8 /* of parentheses; people write one */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool ends_term(char c)
{
	return is_space(c) || c == '=' || c == ')' || c == '(' || c == '|' || c == '"' ||
	       c == '\'';
}

static size_t string_end(str in, size_t from)
{
	for (size_t i = from + 1; i < in.size; i++) {
		if (in.data[i] == '\\' && i + 1 < in.size)
			i++;
		else if (in.data[i] == in.data[from])
			return i;
	}
	return STR_NONE;
}

static size_t group_end(str in, size_t from)
{
	size_t depth = 0;
	for (size_t i = from; i < in.size; i++) {
		if (in.data[i] == '"' || in.data[i] == '\'') {
			i = string_end(in, i);
			if (i == STR_NONE)
				return STR_NONE;
		} else if (in.data[i] == '(' && ++depth > GROUP_DEPTH_LIMIT) {
			return STR_NONE;
		} else if (in.data[i] == ')' && --depth == 0) {
			return i;
		}
	}
	return STR_NONE;
}

static size_t path_end(str in, size_t from)
{
	size_t i = from;
	for (; i < in.size && !ends_term(in.data[i]); i++) {
		if (in.data[i] != '[')
			continue;
		size_t close = str_find_byte(str_from(in, i), ']');
		if (close == STR_NONE)
			return STR_NONE;
		i += close;
	}
	return i;
}

/* The text between quotes, without the backslashes. */
static str unquoted(struct convert *c, str text)
{
	struct buf out;
	buf_init_arena(&out, c->arena, text.size + 1);
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '\\' && i + 1 < text.size)
			i++;
		buf_put_byte(&out, text.data[i]);
	}
	return buf_str(&out);
}

static struct term bare_term(str text)
{
	static const struct {
		const char *word, *liquid;
	} literals[] = {
		{"true", "true"}, {"false", "false"}, {"null", "nil"}, {"undefined", "nil"}};
	uint64_t whole;
	str digits = text, rest;
	for (size_t i = 0; i < sizeof(literals) / sizeof(*literals); i++)
		if (str_eq(text, str_of(literals[i].word)))
			return (struct term){TERM_LITERAL, str_of(literals[i].liquid), STR("")};
	if (str_starts(digits, STR("-")))
		digits = str_from(digits, 1);
	rest = digits;
	str before = str_cut(&rest, '.');
	if (str_to_u64(before, &whole) && (!rest.data || str_to_u64(rest, &whole)))
		return (struct term){TERM_LITERAL, text, STR("")};
	return (struct term){TERM_PATH, text, STR("")};
}

/* One term at *at, which moves behind it. */
static struct term read_term(struct convert *c, str in, size_t *at)
{
	size_t from = *at;
	char first = in.data[from];
	size_t end = first == '"' || first == '\'' ? string_end(in, from)
		     : first == '('                ? group_end(in, from)
						   : path_end(in, from);
	if (end == STR_NONE || (end == from && first != '"' && first != '\''))
		return (struct term){.kind = TERM_BAD};
	str inner = str_sub(in, from + 1, end - from - 1);
	if (first == '(' || first == '"' || first == '\'') {
		*at = end + 1;
		return first == '('
			       ? (struct term){TERM_GROUP, inner, STR("")}
			       : (struct term){TERM_LITERAL,
					       convert_string(c, unquoted(c, inner)), STR("")};
	}
	*at = end;
	return bare_term(str_sub(in, from, end - from));
}

/* `as |value index|` at the end; false: something else stands there. */
static bool read_names(str in, size_t at, struct terms *terms)
{
	str rest = str_trim(str_from(in, at));
	if (!str_starts(rest, STR("|")) || !str_ends(rest, STR("|")) || rest.size < 3)
		return false;
	rest = str_trim(str_sub(rest, 1, rest.size - 2));
	terms->value_name = str_cut(&rest, ' ');
	terms->index_name = str_trim(rest);
	return true;
}

void terms_read(struct convert *c, str in, struct terms *terms)
{
	*terms = (struct terms){};
	for (size_t at = 0;;) {
		while (at < in.size && is_space(in.data[at]))
			at++;
		if (at == in.size)
			return;
		terms->bad = true;
		if (terms->count == CONVERT_OPERAND_LIMIT)
			return;
		struct term term = read_term(c, in, &at), key = term;
		if (term.kind == TERM_PATH && str_eq(term.text, STR("as"))) {
			terms->bad = !read_names(in, at, terms);
			return;
		}
		if (term.kind == TERM_PATH && at + 1 < in.size && in.data[at] == '=') {
			at++;
			if (is_space(in.data[at]))
				return;
			term = read_term(c, in, &at);
			term.key = key.text;
		}
		if (term.kind == TERM_BAD)
			return;
		terms->items[terms->count++] = term;
		terms->bad = false;
	}
}

static str scope_base(struct convert *c, const struct scope *scope)
{
	return scope->kind == SCOPE_PAIR ? convert_format(c, "%.*s[1]", STR_FORMAT(scope->base))
					 : scope->base;
}

/* The next segment of a path, off its begin. */
static str cut_segment(str *rest)
{
	size_t end = 0;
	str segment;
	if (str_starts(*rest, STR("[")) && (end = str_find_byte(*rest, ']')) != STR_NONE) {
		segment = str_sub(*rest, 1, end - 1);
		end++;
	} else {
		for (end = 0;
		     end < rest->size && rest->data[end] != '.' && rest->data[end] != '/';)
			end++;
		segment = str_sub(*rest, 0, end);
	}
	*rest = str_from(*rest, end < rest->size ? end + 1 : end);
	return segment;
}

static str members(struct convert *c, str base, str rest)
{
	for (size_t count = 0; rest.size > 0; count++) {
		str name = cut_segment(&rest);
		if (str_eq(name, STR("length")) && rest.size == 0 && base.size > 0)
			name = STR("size");
		if (name.size > 0)
			base = convert_member(c, base, name);
	}
	return base;
}

/* @index and its like: of the nearest loop at or outside of scope, seen from the innermost. */
static bool loop_value(const struct handlebars *h, size_t scope, str name,
		       struct convert_value *ret_value)
{
	static const struct {
		const char *name, *member;
		bool boolean;
	} rows[] = {{"index", "index0", false},
		    {"key", "index0", false},
		    {"first", "first", true},
		    {"last", "last", true}};
	str parents = STR("forloop");
	for (size_t i = h->scope_count; i-- > 0;) {
		const struct scope *s = &h->scopes[i];
		if (s->kind == SCOPE_ROOT || s->kind == SCOPE_PATH)
			continue;
		if (i > scope) {
			parents = convert_format(h->c, "%.*s.parentloop", STR_FORMAT(parents));
			continue;
		}
		if (s->kind == SCOPE_PAIR && str_eq(name, STR("key"))) {
			ret_value->base = convert_format(h->c, "%.*s[0]", STR_FORMAT(s->base));
			return true;
		}
		for (size_t j = 0; j < sizeof(rows) / sizeof(*rows); j++)
			if (str_eq(name, str_of(rows[j].name))) {
				ret_value->base = convert_format(
					h->c, "%.*s.%s", STR_FORMAT(parents), rows[j].member);
				ret_value->boolean = rows[j].boolean;
				return true;
			}
		return false;
	}
	return false;
}

/* What `as |name|` gave a name to; data NULL: nothing of that name. */
static str named(const struct handlebars *h, str name)
{
	struct convert_value value = {};
	for (size_t i = h->scope_count; i-- > 0;) {
		const struct scope *s = &h->scopes[i];
		if (s->value_name.size > 0 && str_eq(s->value_name, name))
			return scope_base(h->c, s);
		if (s->index_name.size > 0 && str_eq(s->index_name, name) &&
		    loop_value(h, i, STR("key"), &value))
			return value.base;
	}
	return (str){};
}

static bool path_value(const struct handlebars *h, str path, struct convert_value *value)
{
	struct convert *c = h->c;
	size_t scope = h->scope_count - 1;
	bool explicit = false, data = str_starts(path, STR("@"));
	if (data)
		path = str_from(path, 1);
	for (; str_starts(path, STR("../")) || str_eq(path, STR("..")); explicit = true) {
		path = str_from(path, 3);
		if (scope == 0)
			return false;
		scope--;
	}
	if (data && str_starts(path, STR("root")) && (path.size == 4 || path.data[4] == '.')) {
		path = str_from(path, 5);
		scope = 0;
	} else if (data) {
		return loop_value(h, scope, path, value);
	}
	if (str_starts(path, STR("./")) || str_starts(path, STR("this.")) ||
	    str_starts(path, STR("this/")) || str_eq(path, STR("this")) ||
	    str_eq(path, STR("."))) {
		explicit = true;
		path = str_from(path, path.data[0] == '.' ? 2 : 5);
	}
	if (path.size == 0) {
		value->base = scope_base(c, &h->scopes[scope]);
		return value->base.size > 0;
	}
	str rest = path, known = explicit ? (str){} : named(h, cut_segment(&rest));
	if (known.data) {
		value->base = members(c, known, rest);
		return true;
	}
	value->base = members(c, scope_base(c, &h->scopes[scope]), path);
	while (!explicit && h->scopes[scope].kind == SCOPE_SECTION) {
		str outer = members(c, scope_base(c, &h->scopes[--scope]), path);
		value->filters = convert_format(c, "%.*s | default: %.*s, allow_false: true",
						STR_FORMAT(value->filters), STR_FORMAT(outer));
	}
	return value->base.size > 0;
}

bool term_value(const struct handlebars *h, const struct term *term,
		struct convert_value *ret_value)
{
	*ret_value = (struct convert_value){.filters = STR("")};
	if (term->kind == TERM_LITERAL) {
		ret_value->base = term->text;
		ret_value->boolean =
			str_eq(term->text, STR("true")) || str_eq(term->text, STR("false"));
		return true;
	}
	if (term->kind == TERM_PATH)
		return term->text.size <= CONVERT_PATH_LIMIT &&
		       path_value(h, term->text, ret_value) &&
		       ret_value->base.size <= 2 * CONVERT_PATH_LIMIT;
	struct terms terms;
	terms_read(h->c, term->text, &terms);
	return term->kind == TERM_GROUP && terms_call(h, &terms, ret_value);
}

/* Helpers that answer yes or no; those of SendGrid and those that everybody writes. */
static const struct helper {
	const char *name, *operator; /* "": and, or, not */
} helpers[] = {
	{"eq", "=="},  {"equals", "=="},  {"ne", "!="}, {"notEquals", "!="},
	{"lt", "<"},   {"lessThan", "<"}, {"gt", ">"},  {"greaterThan", ">"},
	{"lte", "<="}, {"gte", ">="},     {"and", ""},  {"or", ""},
	{"not", ""},
};

/* Data that came as text would not compare with a number. */
static bool operand(const struct handlebars *h, const struct term *term, bool number,
		    str *ret_text)
{
	struct convert_value value;
	if (!term_value(h, term, &value))
		return false;
	if (number && term->kind != TERM_LITERAL)
		value.filters =
			convert_format(h->c, "%.*s | plus: 0", STR_FORMAT(value.filters));
	*ret_text = convert_plain(h->c, &value);
	return true;
}

static bool join_terms(const struct handlebars *h, const struct terms *terms,
		       struct convert_cond *ret_cond)
{
	struct convert_cond conds[CONVERT_OPERAND_LIMIT];
	str name = terms->items[0].text;
	for (size_t i = 1; i < terms->count; i++)
		if (!term_cond(h, &terms->items[i], &conds[i - 1]))
			return false;
	if (str_eq(name, STR("not")) && terms->count != 2)
		return false;
	*ret_cond = str_eq(name, STR("not"))
			    ? convert_not(conds[0])
			    : convert_join(h->c, str_eq(name, STR("and")) ? JOIN_AND : JOIN_OR,
					   conds, terms->count - 1);
	return true;
}

bool terms_compare(const struct handlebars *h, const struct terms *terms,
		   struct convert_cond *ret_cond)
{
	const struct helper *helper = NULL;
	str a, b;
	for (size_t i = 0; i < sizeof(helpers) / sizeof(*helpers); i++)
		if (terms->count > 1 && str_eq(terms->items[0].text, str_of(helpers[i].name)))
			helper = &helpers[i];
	if (!helper || terms->bad)
		return false;
	if (!helper->operator[0])
		return join_terms(h, terms, ret_cond);
	bool number = helper->operator[0] == '<' || helper->operator[0] == '>';
	if (terms->count != 3 || !operand(h, &terms->items[1], number, &a) ||
	    !operand(h, &terms->items[2], number, &b))
		return false;
	*ret_cond = convert_compare(h->c, helper->operator, a, b);
	return true;
}

bool term_cond(const struct handlebars *h, const struct term *term,
	       struct convert_cond *ret_cond)
{
	struct convert_value value;
	struct terms terms;
	if (term->kind == TERM_GROUP) {
		terms_read(h->c, term->text, &terms);
		if (terms_compare(h, &terms, ret_cond))
			return true;
	}
	if (!term_value(h, term, &value))
		return false;
	*ret_cond = convert_truth(h->c, &value);
	return true;
}

static bool call_lookup(const struct handlebars *h, const struct terms *terms,
			struct convert_value *value)
{
	struct convert_value key;
	if (terms->count != 3 || !term_value(h, &terms->items[1], value) ||
	    !term_value(h, &terms->items[2], &key))
		return false;
	str base = convert_plain(h->c, value), name = convert_plain(h->c, &key);
	*value = (struct convert_value){
		convert_format(h->c, "%.*s[%.*s]", STR_FORMAT(base), STR_FORMAT(name)), STR(""),
		false};
	return true;
}

/* SendGrid: {{insert name "default=Friend"}}. */
static bool call_insert(const struct handlebars *h, const struct terms *terms,
			struct convert_value *value)
{
	if (terms->count < 2 || terms->count > 3 || !term_value(h, &terms->items[1], value))
		return false;
	str text = terms->count == 3 ? terms->items[2].text : STR("");
	if (text.size < 2 || !str_starts(str_from(text, 1), STR("default=")))
		return terms->count == 2;
	text = str_sub(text, 1 + strlen("default="), text.size - 2 - strlen("default="));
	value->filters =
		convert_format(h->c, "%.*s | default: %.*s", STR_FORMAT(value->filters),
			       STR_FORMAT(convert_string(h->c, text)));
	return true;
}

bool terms_call(const struct handlebars *h, const struct terms *terms,
		struct convert_value *ret_value)
{
	static const struct {
		const char *name, *filter;
	} rows[] = {{"length", "size"},           {"upper", "upcase"},
		    {"uppercase", "upcase"},      {"lower", "downcase"},
		    {"lowercase", "downcase"},    {"trim", "strip"},
		    {"capitalize", "capitalize"}, {"encodeURIComponent", "url_encode"}};
	if (terms->bad || terms->count < 2 || terms->items[0].kind != TERM_PATH)
		return false;
	str name = terms->items[0].text;
	if (str_eq(name, STR("lookup")))
		return call_lookup(h, terms, ret_value);
	if (str_eq(name, STR("insert")))
		return call_insert(h, terms, ret_value);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!str_eq(name, str_of(rows[i].name)) || terms->count != 2)
			continue;
		if (!term_value(h, &terms->items[1], ret_value))
			return false;
		ret_value->filters = convert_format(
			h->c, "%.*s | %s", STR_FORMAT(ret_value->filters), rows[i].filter);
		return true;
	}
	return false;
}
