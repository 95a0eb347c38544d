/* convert_handlebars.c - Handlebars and Mustache to Liquid: scanner and blocks. Terms and
 * names: convert_handlebars_term.c.
 *
 *   template = *( text / "\{{" ... "}}" / mustache )
 *   mustache = "{{!--" any "--}}" / "{{!" any "}}"
 *            / "{{{{" name "}}}}" any "{{{{/" name "}}}}"
 *            / "{{{" expression "}}}"
 *            / "{{" ["~"] [ "#" / "^" / "/" / ">" / "&" ] expression ["~"] "}}"
 *
 * A block's tag, a comment or a partial alone on its line takes the line with it. A section
 * {{#x}} is a loop when x is a list, else it is there when x is true: Liquid's `compact` makes
 * a list of either, so both become one loop. */
#include "templates/convert_handlebars.h"

#define QUOTE_LIMIT 1000 /* bytes of a string; a quote without its other half is none */

enum { BLOCK_IF, BLOCK_LOOP, BLOCK_WITH, BLOCK_SECTION };

struct mustache {
	str all, inner; /* with its braces; without, and without tildes and kind */
	char kind;      /* one of # ^ / > & { ! or 0: output */
	bool trim_before, trim_after;
};

/* Where the "}}" behind from is, not counting those in strings. */
static size_t find_close(str source, size_t from, str close)
{
	for (size_t at = from; at < source.size; at++) {
		char byte = source.data[at];
		if (byte == close.data[0] && str_starts(str_from(source, at), close))
			return at;
		if (byte != '"' && byte != '\'')
			continue;
		str ahead = str_sub(source, at + 1, QUOTE_LIMIT);
		for (size_t i = 0; i < ahead.size && ahead.data[i] != '\n'; i++)
			if (ahead.data[i] == byte && ahead.data[i - (i > 0)] != '\\') {
				at += i + 1;
				break;
			}
	}
	return STR_NONE;
}

/* What is between `{{!` and its end, which is "--}}" when it began with "--". */
static size_t comment_end(str source, size_t inner)
{
	bool dashes = str_starts(str_from(source, inner), STR("--"));
	str rest = str_from(source, inner);
	size_t end = dashes ? str_find(rest, STR("--}}")) : str_find(rest, STR("}}"));
	size_t tilde = dashes ? str_find(str_sub(rest, 0, end), STR("--~}}")) : STR_NONE;
	if (tilde != STR_NONE)
		return inner + tilde + 5;
	return end == STR_NONE ? STR_NONE : inner + end + (dashes ? 4 : 2);
}

/* The mustache that opens at at. False: it never ends. */
static bool read_mustache(str source, size_t at, struct mustache *m)
{
	size_t from = at + 2;
	*m = (struct mustache){.trim_before = from < source.size && source.data[from] == '~'};
	from += m->trim_before;
	m->kind = from < source.size ? source.data[from] : '\0';
	if (m->kind == '!') {
		size_t end = comment_end(source, from + 1);
		m->all = str_sub(source, at, end - at);
		m->trim_after = end != STR_NONE && source.data[end - 3] == '~';
		return end != STR_NONE;
	}
	if (m->kind == '\0' || !strchr("#^/>&{", m->kind))
		m->kind = '\0';
	from += m->kind != '\0';
	str close = m->kind == '{' ? STR("}") : STR("}}");
	size_t end = find_close(source, from, close);
	if (end == STR_NONE)
		return false;
	m->inner = str_sub(source, from, end - from);
	end += m->kind == '{';
	m->trim_after = end < source.size && source.data[end] == '~';
	end += m->trim_after;
	if (m->kind == '{' && !str_starts(str_from(source, end), STR("}}")))
		return false;
	if (str_ends(m->inner, STR("~"))) {
		m->inner.size--;
		m->trim_after = true;
	}
	m->all = str_sub(source, at, end + 2 - at);
	m->inner = str_trim(m->inner);
	return true;
}

/* Alone on its line: the blanks before it are taken back, and how much behind it goes. */
static size_t take_line(struct convert *c, str all)
{
	size_t begin = convert_at(c, all), from = begin, to = begin + all.size;
	while (from > 0 &&
	       (c->source.data[from - 1] == ' ' || c->source.data[from - 1] == '\t'))
		from--;
	if (from > 0 && c->source.data[from - 1] != '\n')
		return 0;
	size_t end = to;
	while (end < c->source.size &&
	       (c->source.data[end] == ' ' || c->source.data[end] == '\t'))
		end++;
	if (str_starts(str_from(c->source, end), STR("\r\n")))
		end++;
	if (end < c->source.size && c->source.data[end] != '\n')
		return 0;
	for (size_t blanks = begin - from; blanks > 0 && c->text.size > 0; blanks--)
		c->text.size--;
	return (end < c->source.size ? end + 1 : end) - to;
}

static void put_output(struct handlebars *h, const struct mustache *m)
{
	struct convert *c = h->c;
	struct terms terms;
	struct convert_value value;
	terms_read(c, m->inner, &terms);
	bool raw = m->kind == '{' || m->kind == '&';
	if (str_starts(m->inner, STR("=")))
		convert_lost(c, m->all, "delimiters cannot be changed");
	else if (!terms.bad && terms.count > 1 && str_eq(terms.items[0].text, STR("log")))
		convert_note(c, c->tag_at, "a log helper was left out");
	else if (terms.bad || terms.count == 0)
		convert_lost(c, m->all, "not understood");
	else if (terms.count == 1 ? !term_value(h, &terms.items[0], &value)
				  : !terms_call(h, &terms, &value))
		convert_lost(c, m->all,
			     terms.count == 1 ? "no such name here" : "unknown helper");
	else
		convert_put(c, "{{ %.*s%.*s%s }}", STR_FORMAT(value.base),
			    STR_FORMAT(value.filters), raw ? " | raw" : "");
}

/* {{> name key=value}}: parameters by name pass, another context cannot. */
static void put_partial(struct handlebars *h, const struct mustache *m)
{
	struct convert *c = h->c;
	struct terms terms;
	struct convert_value value;
	struct buf out;
	buf_init_arena(&out, c->arena, 256);
	terms_read(c, m->inner, &terms);
	if (terms.bad || terms.count == 0 || terms.items[0].kind == TERM_GROUP) {
		convert_lost(c, m->all, "a partial must have a plain name");
		return;
	}
	str name = terms.items[0].text;
	if (terms.items[0].kind == TERM_LITERAL && name.size > 2)
		name = str_sub(name, 1, name.size - 2);
	buf_printf(&out, "{%% include %.*s", STR_FORMAT(convert_string(c, name)));
	for (size_t i = 1; i < terms.count; i++) {
		if (!convert_is_name(terms.items[i].key) ||
		    !term_value(h, &terms.items[i], &value)) {
			convert_lost(c, m->all, "a partial of another context");
			return;
		}
		buf_printf(&out, ", %.*s: %.*s", STR_FORMAT(terms.items[i].key),
			   STR_FORMAT(convert_plain(c, &value)));
	}
	if (h->scopes[h->scope_count - 1].kind != SCOPE_ROOT) {
		convert_lost(c, m->all, "a partial inside of a loop or section");
		return;
	}
	convert_put(c, "%.*s %%}", STR_FORMAT(buf_str(&out)));
}

static void push_scope(struct handlebars *h, enum scope_kind kind, str base)
{
	if (h->scope_count <= CONVERT_DEPTH_LIMIT)
		h->scopes[h->scope_count++] = (struct scope){.kind = kind, .base = base};
}

static void pop_scope(struct handlebars *h)
{
	const struct scope *scope = &h->scopes[--h->scope_count];
	if (scope->kind != SCOPE_PATH)
		convert_give_back(h->c, scope->base);
	if (scope->kind == SCOPE_SECTION)
		convert_give_back(h->c, scope->list);
}

/* "invoice_details" is walked through by invoice_detail. */
static str loop_name(struct convert *c, str path)
{
	for (size_t dot; (dot = str_find_byte(path, '.')) != STR_NONE ||
			 (dot = str_find_byte(path, '/')) != STR_NONE;)
		path = str_from(path, dot + 1);
	if (str_ends(path, STR("s")) && path.size > 2)
		return convert_name(c, str_sub(path, 0, path.size - 1));
	return convert_name(c, STR("item"));
}

/* Whether the body of the block that begins at from speaks of @key, which only objects have. */
static bool has_key(const struct convert *c, size_t from)
{
	size_t depth = 0;
	str rest = str_from(c->source, from);
	for (size_t at; (at = str_find(rest, STR("{{"))) != STR_NONE;) {
		rest = str_from(rest, at + 2);
		str inner = str_sub(rest, 0, str_find(rest, STR("}}")));
		if (str_starts(inner, STR("#each")))
			depth++;
		else if (str_starts(inner, STR("/each")) && depth-- == 0)
			return false;
		else if (depth == 0 && str_find(inner, STR("@key")) != STR_NONE)
			return true;
	}
	return false;
}

static void open_if(struct handlebars *h, const struct mustache *m, str name,
		    struct convert_cond cond, bool negated)
{
	str text = negated ? cond.no : cond.yes;
	convert_open(h->c, m->all, name, "{% endif %}")->kind = BLOCK_IF;
	convert_put(h->c, "{%% if %.*s %%}", STR_FORMAT(text));
}

static void open_each(struct handlebars *h, const struct mustache *m, const struct terms *terms,
		      const struct convert_value *value)
{
	struct convert *c = h->c;
	bool pair = has_key(c, convert_at(c, m->all) + m->all.size);
	str list = convert_plain(c, value), name = loop_name(c, terms->items[1].text);
	convert_open(c, m->all, STR("each"), "{% endfor %}")->kind = BLOCK_LOOP;
	convert_put(c, "{%% for %.*s in %.*s %%}", STR_FORMAT(name), STR_FORMAT(list));
	push_scope(h, pair ? SCOPE_PAIR : SCOPE_LOOP, name);
	h->scopes[h->scope_count - 1].value_name = terms->value_name;
	h->scopes[h->scope_count - 1].index_name = terms->index_name;
}

static void open_section(struct handlebars *h, const struct mustache *m, str path,
			 const struct convert_value *value)
{
	struct convert *c = h->c;
	struct convert_value plain = {.base = convert_plain(c, value), .filters = STR("")};
	struct convert_cond cond = convert_truth(c, &plain);
	str item = loop_name(c, path), list = convert_format(c, "%.*s_list", STR_FORMAT(item));
	list = convert_name(c, list);
	convert_open(c, m->all, path, "{% endfor %}{% endif %}")->kind = BLOCK_SECTION;
	convert_put(c,
		    "{%% if %.*s %%}{%% assign %.*s = %.*s | compact %%}"
		    "{%% for %.*s in %.*s %%}",
		    STR_FORMAT(cond.yes), STR_FORMAT(list), STR_FORMAT(plain.base),
		    STR_FORMAT(item), STR_FORMAT(list));
	push_scope(h, SCOPE_SECTION, item);
	h->scopes[h->scope_count - 1].list = list;
}

/* Without an equivalent: what is in it stays. */
static void open_lost(struct handlebars *h, const struct mustache *m, str name)
{
	convert_lost(h->c, m->all, "unknown block");
	convert_open(h->c, m->all, name, "{% endif %}")->kind = BLOCK_IF;
	convert_put(h->c, "{%% if true %%}");
}

static bool is_decorated(str name)
{
	return str_starts(name, STR("*")) || str_starts(name, STR(">"));
}

static void open_block(struct handlebars *h, const struct mustache *m)
{
	struct terms terms;
	struct convert_value value;
	struct convert_cond cond;
	terms_read(h->c, m->inner, &terms);
	str name = terms.count > 0 ? terms.items[0].text : STR("");
	bool negated = m->kind == '^', with = str_eq(name, STR("with"));
	bool is_if = str_eq(name, STR("if")), unless = str_eq(name, STR("unless"));
	bool each = str_eq(name, STR("each"));
	if (terms.bad || is_decorated(m->inner)) {
		str rest = str_trim(is_decorated(m->inner) ? str_from(m->inner, 1) : m->inner);
		open_lost(h, m, str_cut(&rest, ' '));
	} else if (terms.count == 1 && term_value(h, &terms.items[0], &value)) {
		if (negated)
			open_if(h, m, name, convert_truth(h->c, &value), true);
		else
			open_section(h, m, name, &value);
	} else if ((is_if || unless) && terms.count == 2 &&
		   term_cond(h, &terms.items[1], &cond)) {
		open_if(h, m, name, cond, unless != negated);
	} else if ((each || with) && !negated && terms.count == 2 &&
		   term_value(h, &terms.items[1], &value)) {
		if (each) {
			open_each(h, m, &terms, &value);
			return;
		}
		value.base = convert_plain(h->c, &value);
		value.filters = STR("");
		open_if(h, m, name, convert_truth(h->c, &value), false);
		h->c->blocks[h->c->depth - 1].kind = BLOCK_WITH;
		push_scope(h, SCOPE_PATH, value.base);
		h->scopes[h->scope_count - 1].value_name = terms.value_name;
	} else if (terms_compare(h, &terms, &cond)) {
		open_if(h, m, name, cond, negated);
	} else {
		open_lost(h, m, name);
	}
}

/* Between a block and its alternative: names mean again what they mean outside. */
static void leave_body(struct handlebars *h, struct convert_block *block)
{
	if (block->has_else || block->kind == BLOCK_IF)
		return;
	pop_scope(h);
	if (block->kind == BLOCK_SECTION) {
		convert_put(h->c, "{%% endfor %%}");
		block->end = "{% endif %}";
	}
	if (block->kind != BLOCK_LOOP)
		block->kind = BLOCK_IF;
}

/* What stands behind `else`: nothing, or a condition. */
static void put_else(struct handlebars *h, const struct mustache *m, str rest)
{
	struct convert *c = h->c;
	struct convert_block *block = c->depth > 0 ? &c->blocks[c->depth - 1] : NULL;
	struct terms terms;
	struct convert_cond cond;
	if (!block || block->has_else) {
		convert_lost(c, m->all, "an else of no block");
		return;
	}
	leave_body(h, block);
	terms_read(c, rest, &terms);
	if (terms.count == 0 && !terms.bad) {
		convert_else(c, block, STR(""));
		return;
	}
	bool is_if = terms.count == 2 && str_eq(terms.items[0].text, STR("if"));
	bool unless = terms.count == 2 && str_eq(terms.items[0].text, STR("unless"));
	if (terms.bad || !((is_if || unless) ? term_cond(h, &terms.items[1], &cond)
					     : terms_compare(h, &terms, &cond))) {
		convert_else(c, block, STR(""));
		convert_lost(c, m->all, "an else of another kind");
		return;
	}
	str text = unless ? cond.no : cond.yes;
	if (block->kind == BLOCK_IF) {
		convert_else(c, block, text);
		return;
	}
	/* Of a loop: an if inside of its else, and whatever comes now belongs to that. */
	str prelude = convert_format(c, "%.*s", STR_FORMAT(buf_str(&c->prelude)));
	c->prelude.size = 0;
	convert_put(c, "{%% else %%}%.*s{%% if %.*s %%}", STR_FORMAT(prelude),
		    STR_FORMAT(text));
	block->more_ends++;
	block->kind = BLOCK_IF;
}

static void close_block(struct handlebars *h, const struct mustache *m)
{
	struct convert *c = h->c;
	struct convert_block *block = c->depth > 0 ? &c->blocks[c->depth - 1] : NULL;
	if (!block || !str_eq(block->name, m->inner)) {
		convert_lost(c, m->all, "closes what is not open");
		return;
	}
	if (!block->has_else && block->kind != BLOCK_IF)
		pop_scope(h);
	convert_close(c);
}

static bool is_else(const struct mustache *m)
{
	if (m->kind == '^')
		return m->inner.size == 0;
	return m->kind == '\0' &&
	       (str_eq(m->inner, STR("else")) || str_starts(m->inner, STR("else ")));
}

static void put_mustache(struct handlebars *h, const struct mustache *m)
{
	if (is_else(m))
		put_else(h, m, m->kind == '^' ? STR("") : str_from(m->inner, strlen("else")));
	else if (m->kind == '#' || m->kind == '^')
		open_block(h, m);
	else if (m->kind == '/')
		close_block(h, m);
	else if (m->kind == '>')
		put_partial(h, m);
	else if (m->kind != '!')
		put_output(h, m);
}

/* {{{{name}}}} any {{{{/name}}}}: its inside as it is. */
static size_t take_raw_block(struct convert *c, size_t at)
{
	str rest = str_from(c->source, at + 4);
	size_t name_end = str_find(str_sub(rest, 0, CONVERT_TAG_LIMIT), STR("}}}}"));
	if (name_end == STR_NONE)
		return 0;
	str name = str_trim(str_sub(rest, 0, name_end));
	str close = convert_format(c, "{{{{/%.*s}}}}", STR_FORMAT(name));
	str inner = str_from(rest, name_end + 4);
	size_t end = str_find(inner, close);
	if (end == STR_NONE)
		return 0;
	convert_text(c, str_sub(inner, 0, end));
	return (size_t)(inner.data - c->source.data) + end + close.size - at;
}

/* What begins with "{{" at at; returns the bytes taken. What never ends makes all that is left
 * text, as no scanner could tell where to go on. */
static size_t take_braces(struct handlebars *h, size_t at)
{
	struct convert *c = h->c;
	struct mustache m;
	bool raw_block = str_starts(str_from(c->source, at), STR("{{{{"));
	size_t size = raw_block ? take_raw_block(c, at) : 0;
	if (size > 0)
		return size;
	if (raw_block || !read_mustache(c->source, at, &m)) {
		convert_lost(c, str_sub(c->source, at, 60), "never closed");
		convert_text(c, str_from(c->source, at));
		return c->source.size - at;
	}
	c->tag_at = at;
	size_t line = is_else(&m) || (m.kind != '\0' && strchr("#^/>!", m.kind))
			      ? take_line(c, m.all)
			      : 0;
	if (m.trim_before)
		convert_trim_before(c);
	if (m.inner.size > CONVERT_TAG_LIMIT)
		convert_lost(c, m.all, "too long");
	else
		put_mustache(h, &m);
	c->trim_next = m.trim_after;
	return m.all.size + line;
}

void convert_handlebars(struct convert *c)
{
	struct handlebars *h = ARENA_NEW(c->arena, struct handlebars);
	if (!h) {
		convert_fail(c, "out of memory");
		return;
	}
	h->c = c;
	push_scope(h, SCOPE_ROOT, STR(""));
	convert_words(c, STR("{{"), STR("}}"));
	for (size_t at = 0; at < c->source.size && convert_going(c);) {
		str rest = str_from(c->source, at);
		size_t open = str_find(rest, STR("{{"));
		str text = str_sub(rest, 0, open);
		size_t escapes = str_ends(text, STR("\\\\")) ? 2
				 : str_ends(text, STR("\\")) ? 1
							     : 0;
		convert_text(c, str_sub(text, 0, text.size - (escapes > 0)));
		at += text.size;
		if (open == STR_NONE)
			return convert_close_all(c, "never closed");
		if (escapes == 1) {
			size_t end = str_find(str_from(c->source, at + 2), STR("{{"));
			str literal = str_sub(c->source, at, end == STR_NONE ? end : end + 2);
			for (int i = 0; i < 2 && str_ends(literal, STR("\\")); i++)
				literal.size--;
			convert_text(c, literal);
			at += literal.size;
		} else {
			at += take_braces(h, at);
		}
	}
	convert_close_all(c, "never closed");
}
