/* convert_cond.c - names, values and conditions as Liquid writes them; see convert_part.h.
 *
 * Liquid joins from the right: `a and b or c` is a and (b or c). So a list is written with what
 * is joined alike first and at most one other at its end; more of those are decided before the
 * tag, into variables. */
#include "templates/convert_part.h"

#define NAME_TRY_LIMIT 100 /* as many names with a number behind are tried */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

bool convert_is_name(str name)
{
	static const char *const literals[] = {"nil",   "null", "true", "false",   "empty",
					       "blank", "and",  "or",   "contains"};
	if (name.size == 0 || (name.data[0] >= '0' && name.data[0] <= '9'))
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (!is_word(name.data[i]))
			return false;
	for (size_t i = 0; i < sizeof(literals) / sizeof(*literals); i++)
		if (str_eq(name, str_of(literals[i])))
			return false;
	return true;
}

void convert_words(struct convert *c, str open, str close)
{
	static char taken;
	str rest = c->source;
	for (size_t at; (at = str_find(rest, open)) != STR_NONE;) {
		rest = str_from(rest, at + open.size);
		size_t end = str_find(rest, close);
		str inner = str_sub(rest, 0, end);
		for (size_t i = 0, from; i < inner.size; i++) {
			for (from = i; i < inner.size && is_word(inner.data[i]);)
				i++;
			str word = str_sub(inner, from, i - from);
			if (word.size > 0 && !map_get(&c->words, word) &&
			    map_put(&c->words, word, &taken) != 0)
				convert_fail(c, "out of memory");
		}
		if (end == STR_NONE)
			return;
		rest = str_from(rest, end + close.size);
	}
}

str convert_name(struct convert *c, str hint)
{
	static char taken;
	str name = convert_is_name(hint) && hint.size <= 60 ? hint : STR("item");
	str base = name;
	for (int i = 2; map_get(&c->words, name) && i < NAME_TRY_LIMIT; i++)
		name = convert_format(c, "%.*s_%d", STR_FORMAT(base), i);
	while (map_get(&c->words, name))
		name = convert_format(c, "value_%u", ++c->value_count);
	if (convert_going(c) && map_put(&c->words, name, &taken) != 0)
		convert_fail(c, "out of memory");
	return name;
}

void convert_give_back(struct convert *c, str name)
{
	map_remove(&c->words, name);
}

/* Liquid's strings have no escapes, and its scanner looks for the end of a tag inside of them
 * too. */
str convert_string(struct convert *c, str text)
{
	char quote = str_find_byte(text, '"') == STR_NONE ? '"' : '\'';
	bool changed = false;
	str quoted = convert_format(c, "%c%.*s%c", quote, STR_FORMAT(text), quote);
	for (size_t i = 1; i + 1 < quoted.size; i++) {
		char byte = quoted.data[i];
		if (byte != quote && byte != '}' && byte != '\0' &&
		    !(byte == '{' && quoted.data[i + 1] == '%'))
			continue;
		((char *)(uintptr_t)quoted.data)[i] = ' ';
		changed = true;
	}
	if (changed)
		convert_note(c, c->tag_at, "a string had to lose a quote or a brace");
	return quoted;
}

str convert_member(struct convert *c, str base, str name)
{
	uint64_t index;
	if (convert_is_name(name))
		return convert_format(c, "%.*s%s%.*s", STR_FORMAT(base), base.size ? "." : "",
				      STR_FORMAT(name));
	if (base.size > 0 && str_to_u64(name, &index))
		return convert_format(c, "%.*s[%.*s]", STR_FORMAT(base), STR_FORMAT(name));
	return convert_format(c, "%.*s[%.*s]", STR_FORMAT(base),
			      STR_FORMAT(convert_string(c, name)));
}

static str next_value(struct convert *c)
{
	return convert_name(c, convert_format(c, "value_%u", ++c->value_count));
}

str convert_plain(struct convert *c, const struct convert_value *value)
{
	if (value->filters.size == 0)
		return value->base;
	str name = next_value(c);
	buf_printf(&c->prelude, "{%% assign %.*s = %.*s%.*s %%}", STR_FORMAT(name),
		   STR_FORMAT(value->base), STR_FORMAT(value->filters));
	return name;
}

struct convert_cond convert_truth(struct convert *c, const struct convert_value *value)
{
	str v = convert_plain(c, value);
	if (value->boolean)
		return (struct convert_cond){
			v, convert_format(c, "%.*s == false", STR_FORMAT(v)), JOIN_NONE};
	return (struct convert_cond){
		convert_format(c, "%.*s != blank and %.*s != 0", STR_FORMAT(v), STR_FORMAT(v)),
		convert_format(c, "%.*s == blank or %.*s == 0", STR_FORMAT(v), STR_FORMAT(v)),
		JOIN_AND};
}

struct convert_cond convert_compare(struct convert *c, const char *operator, str a, str b)
{
	static const char *const pairs[][2] = {{"==", "!="}, {"!=", "=="}, {"<", ">="},
					       {">=", "<"},  {">", "<="},  {"<=", ">"}};
	const char *opposite = "!=";
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (str_eq(str_of(operator), str_of(pairs[i][0])))
			opposite = pairs[i][1];
	return (struct convert_cond){
		convert_format(c, "%.*s %s %.*s", STR_FORMAT(a), operator, STR_FORMAT(b)),
		convert_format(c, "%.*s %s %.*s", STR_FORMAT(a), opposite, STR_FORMAT(b)),
		JOIN_NONE};
}

struct convert_cond convert_not(struct convert_cond cond)
{
	enum convert_join kind = cond.kind == JOIN_AND  ? JOIN_OR
				 : cond.kind == JOIN_OR ? JOIN_AND
							: JOIN_NONE;
	return (struct convert_cond){cond.no, cond.yes, kind};
}

/* Decided before the tag: a variable that is true or false. */
static struct convert_cond decide(struct convert *c, struct convert_cond cond)
{
	struct convert_value value = {.base = next_value(c), .boolean = true};
	buf_printf(&c->prelude,
		   "{%% assign %.*s = false %%}{%% if %.*s %%}{%% assign %.*s = true %%}"
		   "{%% endif %%}",
		   STR_FORMAT(value.base), STR_FORMAT(cond.yes), STR_FORMAT(value.base));
	return convert_truth(c, &value);
}

static void add(struct convert *c, struct convert_cond *sum, enum convert_join join,
		struct convert_cond cond)
{
	const char *word = join == JOIN_AND ? "and" : "or",
		   *opposite = join == JOIN_AND ? "or" : "and";
	if (!sum->yes.data) {
		*sum = (struct convert_cond){cond.yes, cond.no, join};
		return;
	}
	sum->yes = convert_format(c, "%.*s %s %.*s", STR_FORMAT(sum->yes), word,
				  STR_FORMAT(cond.yes));
	sum->no = convert_format(c, "%.*s %s %.*s", STR_FORMAT(sum->no), opposite,
				 STR_FORMAT(cond.no));
}

struct convert_cond convert_join(struct convert *c, enum convert_join join,
				 const struct convert_cond *conds, size_t count)
{
	struct convert_cond sum = {};
	size_t last = SIZE_MAX; /* the one that is joined the other way, and stands last */
	if (count == 1)
		return conds[0];
	for (size_t i = 0; i < count; i++) {
		if (conds[i].kind == JOIN_NONE || conds[i].kind == join)
			add(c, &sum, join, conds[i]);
		else if (last == SIZE_MAX)
			last = i;
		else
			add(c, &sum, join, decide(c, conds[i]));
	}
	if (last != SIZE_MAX)
		add(c, &sum, join, conds[last]);
	return sum;
}
