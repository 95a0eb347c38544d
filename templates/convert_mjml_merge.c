/* convert_mjml_merge.c - what stands in MJML's output for Mailjet, to Liquid: variables, its
 * template language, and its links.
 *
 *   output    = "{{" value "}}"
 *   value     = ("var" / "data") ":" path [ ":" default ] / path     ; path: of a loop
 *             / function "(" value *( "," value ) ")" / string / number
 *   tag       = "{%" ( "if" condition / "elseif" condition / "else" / "endif"
 *             / "for" name "in" value / "endfor" / "set" name "=" value ) "%}"
 *   condition = both *( "or" both )        both = one *( "and" one )
 *   one       = "not" one / "(" condition ")" / value [ operator value ]
 *   operator  = "=" / "==" / "!=" / "<" / ">" / "<=" / ">="
 *   link      = "[[" ( "UNSUB_LINK" [ "_" language ] / "PERMALINK" / "EMAIL_TO" / "DATA:" path
 * ) "]]"
 *
 * Words of the language are the same in capitals and small letters. */
#include "templates/convert_part.h"

#define GROUP_DEPTH_LIMIT 8 /* of parentheses; people write one */
#define LINK_LIMIT 200      /* bytes of a link in brackets; longer is text */

struct reader {
	struct convert *c;
	str rest;
	uint32_t depth;
	bool bad;
};

static void skip_spaces(struct reader *r)
{
	while (r->rest.size > 0 && strchr(" \t\r\n", r->rest.data[0]))
		r->rest = str_from(r->rest, 1);
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || (unsigned char)c >= 0x80;
}

static str take_while(struct reader *r, bool dots)
{
	size_t size = 0;
	while (size < r->rest.size &&
	       (is_word(r->rest.data[size]) || (dots && strchr(".[]", r->rest.data[size]))))
		size++;
	str taken = str_sub(r->rest, 0, size);
	r->rest = str_from(r->rest, size);
	return taken;
}

static bool take(struct reader *r, const char *text)
{
	skip_spaces(r);
	if (!str_starts(r->rest, str_of(text)))
		return false;
	r->rest = str_from(r->rest, strlen(text));
	return true;
}

/* A word of the language: what follows is no more of it. */
static bool take_word(struct reader *r, const char *word)
{
	struct reader ahead = *r;
	skip_spaces(&ahead);
	if (!str_eq_nocase(take_while(&ahead, false), str_of(word)) ||
	    str_starts(ahead.rest, STR(":")))
		return false;
	r->rest = ahead.rest;
	return true;
}

static str path_of(struct reader *r)
{
	str path = take_while(r, true), base = STR("");
	if (path.size == 0 || path.size > CONVERT_PATH_LIMIT)
		r->bad = true;
	while (path.size > 0) {
		size_t size = 0;
		while (size < path.size && !strchr(".[]", path.data[size]))
			size++;
		if (size > 0)
			base = convert_member(r->c, base, str_sub(path, 0, size));
		path = str_from(path, size + 1);
	}
	return base;
}

/* "text" or 'text', as Liquid writes it; data NULL: none stands here. */
static str take_string(struct reader *r)
{
	skip_spaces(r);
	if (r->rest.size == 0 || (r->rest.data[0] != '"' && r->rest.data[0] != '\''))
		return (str){};
	size_t size = str_find_byte(str_from(r->rest, 1), r->rest.data[0]);
	if (size == STR_NONE) {
		r->bad = true;
		return (str){};
	}
	str text = convert_string(r->c, str_sub(r->rest, 1, size));
	r->rest = str_from(r->rest, size + 2);
	return text;
}

/* What stands behind the second colon: quoted, or all that is left. */
static void take_default(struct reader *r, struct convert_value *value)
{
	if (!str_starts(r->rest, STR(":")))
		return;
	r->rest = str_from(r->rest, 1);
	str text = take_string(r);
	if (!text.data) {
		text = convert_string(r->c, str_trim(r->rest));
		r->rest = STR("");
	}
	value->filters = convert_format(r->c, "%.*s | default: %.*s",
					STR_FORMAT(value->filters), STR_FORMAT(text));
}

static struct convert_value read_value(struct reader *);

/* Functions by Mailjet's names; what is filtered stands first. */
static struct convert_value read_call(struct reader *r, str name)
{
	static const struct {
		const char *name, *filter;
	} rows[] = {
		{"upper", "upcase"},  {"lower", "downcase"},       {"capitalize", "capitalize"},
		{"trim", "strip"},    {"length", "size"},          {"replace", "replace"},
		{"escape", "escape"}, {"urlencode", "url_encode"}, {"round", "round"}};
	struct convert_value value = read_value(r), given;
	const char *filter = NULL, *between = ": ";
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (str_eq_nocase(name, str_of(rows[i].name)))
			filter = rows[i].filter;
	r->bad = r->bad || !filter;
	if (r->bad)
		return value;
	value.filters = convert_format(r->c, "%.*s | %s", STR_FORMAT(value.filters), filter);
	while (!r->bad && take(r, ",")) {
		given = read_value(r);
		value.filters =
			convert_format(r->c, "%.*s%s%.*s", STR_FORMAT(value.filters), between,
				       STR_FORMAT(convert_plain(r->c, &given)));
		between = ", ";
		r->bad = r->bad || value.filters.size > CONVERT_TAG_LIMIT;
	}
	r->bad = r->bad || !take(r, ")");
	return value;
}

static struct convert_value read_value(struct reader *r)
{
	struct convert_value value = {take_string(r), STR(""), false};
	if (value.base.data || r->bad || ++r->depth > GROUP_DEPTH_LIMIT) {
		r->bad = r->bad || !value.base.data;
		return value;
	}
	struct reader ahead = *r;
	str word = take_while(&ahead, true);
	value.boolean = str_eq_nocase(word, STR("true")) || str_eq_nocase(word, STR("false"));
	if (value.boolean || (word.size > 0 && word.data[0] >= '0' && word.data[0] <= '9')) {
		r->rest = ahead.rest;
		value.base = !value.boolean                     ? word
			     : str_eq_nocase(word, STR("true")) ? STR("true")
								: STR("false");
		r->bad = !value.boolean && word.data[word.size - 1] == '.';
	} else if (str_starts(ahead.rest, STR("("))) {
		r->rest = str_from(ahead.rest, 1);
		value = read_call(r, word);
	} else if (take(r, "var:") || take(r, "data:")) {
		value.base = path_of(r);
		take_default(r, &value);
	} else {
		value.base = path_of(r);
	}
	r->depth--;
	return value;
}

/* value [operator value] */
static struct convert_cond read_comparison(struct reader *r)
{
	static const char *const operators[][2] = {{"==", "=="}, {"!=", "!="}, {">=", ">="},
						   {"<=", "<="}, {"=", "=="},  {">", ">"},
						   {"<", "<"}};
	struct convert_value left = read_value(r), right;
	if (r->bad)
		return (struct convert_cond){STR("false"), STR("true"), JOIN_NONE};
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		if (!take(r, operators[i][0]))
			continue;
		right = read_value(r);
		bool order = operators[i][1][0] == '<' || operators[i][1][0] == '>';
		if (order && left.base.size > 0 && !strchr("0123456789", left.base.data[0]))
			left.filters = convert_format(r->c, "%.*s | plus: 0",
						      STR_FORMAT(left.filters));
		str a = convert_plain(r->c, &left);
		return convert_compare(r->c, operators[i][1], a, convert_plain(r->c, &right));
	}
	return convert_truth(r->c, &left);
}

static struct convert_cond read_condition(struct reader *);

static struct convert_cond read_one(struct reader *r)
{
	bool negated = false;
	while (take_word(r, "not"))
		negated = !negated;
	struct convert_cond cond = {STR("false"), STR("true"), JOIN_NONE};
	if (!take(r, "(")) {
		cond = read_comparison(r);
	} else if (++r->depth > GROUP_DEPTH_LIMIT) {
		r->bad = true;
	} else {
		cond = read_condition(r);
		r->depth--;
		r->bad = r->bad || !take(r, ")");
	}
	return negated ? convert_not(cond) : cond;
}

static struct convert_cond read_list(struct reader *r, enum convert_join join,
				     struct convert_cond (*read)(struct reader *))
{
	struct convert_cond conds[CONVERT_OPERAND_LIMIT];
	size_t count = 0;
	do {
		if (count == CONVERT_OPERAND_LIMIT)
			r->bad = true;
		else
			conds[count++] = read(r);
	} while (!r->bad && take_word(r, join == JOIN_AND ? "and" : "or"));
	return convert_join(r->c, join, conds, count);
}

static struct convert_cond read_both(struct reader *r)
{
	return read_list(r, JOIN_AND, read_one);
}

static struct convert_cond read_condition(struct reader *r)
{
	return read_list(r, JOIN_OR, read_both);
}

static bool at_end(struct reader *r)
{
	skip_spaces(r);
	return !r->bad && r->rest.size == 0;
}

static void put_output(struct convert *c, str all)
{
	struct reader r = {.c = c, .rest = str_trim(str_sub(all, 2, all.size - 4))};
	struct convert_value value = read_value(&r);
	if (!at_end(&r))
		convert_lost(c, all, "not understood");
	else
		convert_put(c, "{{ %.*s%.*s }}", STR_FORMAT(value.base),
			    STR_FORMAT(value.filters));
}

static void put_if(struct reader *r, str all)
{
	struct convert_cond cond = read_condition(r);
	if (!at_end(r)) {
		convert_lost(r->c, all, "a condition");
		cond.yes = STR("false");
	}
	convert_open(r->c, all, STR("if"), "{% endif %}");
	convert_put(r->c, "{%% if %.*s %%}", STR_FORMAT(cond.yes));
}

static void put_else(struct reader *r, str all, bool condition)
{
	struct convert *c = r->c;
	struct convert_block *block = c->depth > 0 ? &c->blocks[c->depth - 1] : NULL;
	if (!block || block->has_else || !str_eq(block->name, STR("if"))) {
		convert_lost(c, all, "an else of no block");
		return;
	}
	struct convert_cond cond = condition ? read_condition(r) : (struct convert_cond){};
	if (!condition) {
		convert_else(c, block, STR(""));
	} else if (at_end(r)) {
		convert_else(c, block, cond.yes);
	} else {
		c->prelude.size = 0;
		convert_else(c, block, STR("false"));
		convert_lost(c, all, "a condition");
	}
}

static void put_for(struct reader *r, str all)
{
	struct convert_value value = {STR("nil"), STR(""), false};
	skip_spaces(r);
	str name = take_while(r, false);
	r->bad = !convert_is_name(name) || !take_word(r, "in");
	if (!r->bad)
		value = read_value(r);
	if (!at_end(r)) {
		convert_lost(r->c, all, "a loop");
		name = STR("item");
		value = (struct convert_value){STR("nil"), STR(""), false};
	}
	str list = convert_plain(r->c, &value);
	convert_open(r->c, all, STR("for"), "{% endfor %}");
	convert_put(r->c, "{%% for %.*s in %.*s %%}", STR_FORMAT(name), STR_FORMAT(list));
}

static void put_set(struct reader *r, str all)
{
	(void)(take(r, "var:") || take(r, "data:"));
	skip_spaces(r);
	str name = take_while(r, false);
	r->bad = !convert_is_name(name) || !take(r, "=");
	struct convert_value value = {};
	if (!r->bad)
		value = read_value(r);
	if (!at_end(r))
		convert_lost(r->c, all, "not understood");
	else
		convert_put(r->c, "{%% assign %.*s = %.*s%.*s %%}", STR_FORMAT(name),
			    STR_FORMAT(value.base), STR_FORMAT(value.filters));
}

static void put_end(struct convert *c, str all, const char *name)
{
	if (c->depth > 0 && str_eq(c->blocks[c->depth - 1].name, str_of(name)))
		convert_close(c);
	else
		convert_lost(c, all, "closes what is not open");
}

static void put_tag(struct convert *c, str all)
{
	struct reader r = {.c = c, .rest = str_trim(str_sub(all, 2, all.size - 4))};
	if (take_word(&r, "if"))
		put_if(&r, all);
	else if (take_word(&r, "elseif") || take_word(&r, "elsif") || take_word(&r, "elif"))
		put_else(&r, all, true);
	else if (take_word(&r, "else"))
		put_else(&r, all, false);
	else if (take_word(&r, "endif"))
		put_end(c, all, "if");
	else if (take_word(&r, "for"))
		put_for(&r, all);
	else if (take_word(&r, "endfor"))
		put_end(c, all, "for");
	else if (take_word(&r, "set"))
		put_set(&r, all);
	else
		convert_lost(c, all, "not understood");
}

/* [[NAME]] in capitals; false: it is text. */
static bool put_link(struct convert *c, str all)
{
	static const struct {
		const char *begin, *liquid;
	} rows[] = {{"UNSUB_LINK", "unsubscribe_url"},
		    {"PERMALINK", "view_url"},
		    {"EMAIL_TO", "email"}};
	str inner = str_sub(all, 2, all.size - 4);
	if (inner.size == 0 || inner.data[0] < 'A' || inner.data[0] > 'Z' ||
	    str_find_byte(inner, ' ') != STR_NONE)
		return false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (str_starts(inner, str_of(rows[i].begin))) {
			convert_put(c, "{{ %s }}", rows[i].liquid);
			return true;
		}
	struct reader r = {.c = c, .rest = inner};
	if (!take(&r, "DATA:") && !take(&r, "data:") && !take(&r, "VAR:")) {
		convert_lost(c, all, "no such link here");
		return true;
	}
	struct convert_value value = {path_of(&r), STR(""), false};
	take_default(&r, &value);
	if (at_end(&r))
		convert_put(c, "{{ %.*s%.*s }}", STR_FORMAT(value.base),
			    STR_FORMAT(value.filters));
	else
		convert_lost(c, all, "not understood");
	return true;
}

/* Where something of ours opens, at or behind from. */
static size_t find_open(str rest)
{
	for (size_t at = 0; at + 1 < rest.size; at++) {
		char first = rest.data[at], second = rest.data[at + 1];
		if ((first == '{' && (second == '{' || second == '%')) ||
		    (first == '[' && second == '['))
			return at;
	}
	return STR_NONE;
}

void convert_mjml_merge(struct convert *c)
{
	convert_words(c, STR("{{"), STR("}}"));
	convert_words(c, STR("{%"), STR("%}"));
	for (str rest = c->source; rest.size > 0 && convert_going(c);) {
		size_t open = find_open(rest);
		convert_text(c, str_sub(rest, 0, open));
		if (open == STR_NONE)
			break;
		rest = str_from(rest, open);
		const char *close = rest.data[0] == '['   ? "]]"
				    : rest.data[1] == '%' ? "%}"
							  : "}}";
		size_t limit = rest.data[0] == '[' ? LINK_LIMIT : CONVERT_TAG_LIMIT;
		size_t end = str_find(str_sub(rest, 2, limit), str_of(close));
		str all = str_sub(rest, 0, end == STR_NONE ? 2 : end + 4);
		c->tag_at = convert_at(c, all);
		if (end == STR_NONE || (all.data[0] == '[' && !put_link(c, all))) {
			all.size = 2;
			if (all.data[0] == '{')
				convert_lost(c, all, "never closed");
			convert_text(c, all);
		} else if (all.data[0] == '{' && all.data[1] == '{') {
			put_output(c, all);
		} else if (all.data[0] == '{') {
			put_tag(c, all);
		}
		rest = str_from(rest, all.size);
	}
	convert_close_all(c, "never closed");
}
