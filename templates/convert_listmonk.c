/* convert_listmonk.c - Go's text/template, as listmonk's campaigns have it, to Liquid: scanner
 * and blocks. Pipelines: convert_listmonk_value.c.
 *
 *   template = *( text / "{{" ["- "] action [" -"] "}}" )
 *   action   = "/" "*" any "*" "/" / "if" pipeline / "else" [ "if" pipeline ] / "end"
 *            / "range" [ name [ "," name ] ":=" ] pipeline / "with" pipeline
 *            / "template" string [ pipeline ] / name ( ":=" / "=" ) pipeline / pipeline
 *
 * Links are followed by rundbrief itself, and so are openings: TrackLink leaves its address,
 * TrackView nothing. */
#include "templates/convert_listmonk.h"

#define QUOTE_LIMIT 1000 /* bytes of a string; a quote without its other half is none */

enum { BLOCK_IF, BLOCK_LOOP, BLOCK_WITH };

static str first_word(str text)
{
	size_t size = 0;
	while (size < text.size && !strchr(" \t\r\n(\"`", text.data[size]))
		size++;
	return str_sub(text, 0, size);
}

/* What a name begins to mean; its last meaning wins. */
static void add_name(struct listmonk *l, str name, str liquid)
{
	if (l->name_count == GO_NAME_LIMIT)
		convert_fail(l->c, "more than 64 variables");
	else
		l->names[l->name_count++] = (struct go_name){name, liquid};
}

/* `$i, $e :=` off the begin; false: what stands there is no declaration. */
static bool cut_names(str *rest, str *ret_first, str *ret_second)
{
	size_t end = str_find(*rest, STR(":="));
	if (end == STR_NONE)
		return false;
	str names = str_sub(*rest, 0, end);
	*rest = str_from(*rest, end + 2);
	*ret_first = str_trim(str_cut(&names, ','));
	*ret_second = str_trim(names);
	return true;
}

static void put_if(struct listmonk *l, str all, str pipeline)
{
	struct convert_cond cond;
	if (!go_cond(l, pipeline, &cond)) {
		convert_lost(l->c, all, "a condition");
		cond.yes = STR("false");
	}
	convert_open(l->c, all, STR("if"), "{% endif %}")->kind = BLOCK_IF;
	convert_put(l->c, "{%% if %.*s %%}", STR_FORMAT(cond.yes));
}

static void push_dot(struct listmonk *l, str dot)
{
	if (l->dot_count <= CONVERT_DEPTH_LIMIT)
		l->dots[l->dot_count++] = (struct go_dot){dot, l->name_count};
}

static void put_range(struct listmonk *l, str all, str rest)
{
	struct convert *c = l->c;
	struct convert_value value;
	str first = STR(""), second = STR("");
	bool named = cut_names(&rest, &first, &second);
	bool good = go_value(l, rest, &value);
	str list = good ? convert_plain(c, &value) : STR("nil"), last = list;
	if (!good)
		convert_lost(c, all, "a list");
	if (str_rfind_byte(last, '.') != STR_NONE)
		last = str_from(last, str_rfind_byte(last, '.') + 1);
	bool plural = str_ends(last, STR("s")) && last.size > 2;
	str item = convert_name(c, plural ? str_sub(last, 0, last.size - 1) : STR("item"));
	convert_open(c, all, STR("range"), "{% endfor %}")->kind = BLOCK_LOOP;
	convert_put(c, "{%% for %.*s in %.*s %%}", STR_FORMAT(item), STR_FORMAT(list));
	push_dot(l, item);
	if (named && second.size > 0)
		add_name(l, first, STR("forloop.index0"));
	if (named)
		add_name(l, second.size > 0 ? second : first, item);
}

static void put_with(struct listmonk *l, str all, str rest)
{
	struct convert *c = l->c;
	struct convert_value value;
	str first = STR(""), second = STR("");
	bool named = cut_names(&rest, &first, &second);
	if (!go_value(l, rest, &value)) {
		convert_lost(c, all, "a value");
		value = (struct convert_value){STR("nil"), STR(""), false};
	}
	struct convert_value plain = {convert_plain(c, &value), STR(""), false};
	struct convert_cond cond = convert_truth(c, &plain);
	convert_open(c, all, STR("with"), "{% endif %}")->kind = BLOCK_WITH;
	convert_put(c, "{%% if %.*s %%}", STR_FORMAT(cond.yes));
	push_dot(l, plain.base);
	if (named)
		add_name(l, first, plain.base);
}

static void leave_body(struct listmonk *l, struct convert_block *block)
{
	if (block->has_else || block->kind == BLOCK_IF)
		return;
	const struct go_dot *dot = &l->dots[--l->dot_count];
	l->name_count = dot->name_count;
	if (block->kind == BLOCK_LOOP)
		convert_give_back(l->c, dot->path);
}

static void put_else(struct listmonk *l, str all, str rest)
{
	struct convert *c = l->c;
	struct convert_block *block = c->depth > 0 ? &c->blocks[c->depth - 1] : NULL;
	struct convert_cond cond;
	rest = str_trim(rest);
	if (!block || block->has_else) {
		convert_lost(c, all, "an else of no block");
		return;
	}
	if (rest.size == 0) {
		leave_body(l, block);
		convert_else(c, block, STR(""));
	} else if (block->kind == BLOCK_IF && str_starts(rest, STR("if ")) &&
		   go_cond(l, str_from(rest, 3), &cond)) {
		convert_else(c, block, cond.yes);
	} else {
		leave_body(l, block);
		convert_else(c, block, STR(""));
		convert_lost(c, all, "an else of another kind");
	}
}

static void put_end(struct listmonk *l, str all)
{
	struct convert *c = l->c;
	if (c->depth == 0) {
		convert_lost(c, all, "closes what is not open");
		return;
	}
	leave_body(l, &c->blocks[c->depth - 1]);
	convert_close(c);
}

static void put_template(struct listmonk *l, str all, str rest)
{
	str term;
	if (!go_cut(&rest, &term) || term.size < 2 || !strchr("\"`", term.data[0])) {
		convert_lost(l->c, all, "a template");
		return;
	}
	str name = str_sub(term, 1, term.size - 2);
	rest = str_trim(rest);
	if (rest.size > 0 && !str_eq(rest, STR("$")) &&
	    !(str_eq(rest, STR(".")) && l->dot_count == 1)) {
		convert_lost(l->c, all, "a template with another dot");
		return;
	}
	convert_note(l->c, l->c->tag_at, "put this into partials/%.*s.liquid",
		     (int)(name.size < 100 ? name.size : 100), name.data);
	convert_put(l->c, "{%% include %.*s %%}", STR_FORMAT(convert_string(l->c, name)));
}

/* $x := pipeline, and $x = pipeline. */
static bool put_assign(struct listmonk *l, str all, str action)
{
	struct convert_value value;
	str rest = action, name = str_cut(&rest, '=');
	if (action.data[0] != '$' || !rest.data || str_find_byte(name, ' ') == 0 ||
	    str_find_byte(name, '"') != STR_NONE || str_find_byte(name, '|') != STR_NONE)
		return false;
	bool declares = str_ends(name, STR(":"));
	name = str_trim(declares ? str_sub(name, 0, name.size - 1) : name);
	if (!go_value(l, rest, &value)) {
		convert_lost(l->c, all, "a value");
		return true;
	}
	str liquid = STR("");
	for (size_t i = l->name_count; i-- > 0 && liquid.size == 0 && !declares;)
		if (str_eq(l->names[i].name, name))
			liquid = l->names[i].liquid;
	if (liquid.size == 0) {
		liquid = convert_name(l->c, str_from(name, 1));
		add_name(l, name, liquid);
	}
	convert_put(l->c, "{%% assign %.*s = %.*s%.*s %%}", STR_FORMAT(liquid),
		    STR_FORMAT(value.base), STR_FORMAT(value.filters));
	return true;
}

static void put_output(struct listmonk *l, str all, str action)
{
	struct convert *c = l->c;
	struct convert_value value;
	str word = first_word(action), rest = str_from(action, word.size), term;
	if (str_eq(word, STR("TrackView"))) {
		convert_note(c, c->tag_at, "openings are counted by rundbrief itself");
	} else if (str_eq(word, STR("TrackLink")) && go_cut(&rest, &term) && term.size > 2 &&
		   strchr("\"`", term.data[0])) {
		convert_text(c, str_sub(term, 1, term.size - 2));
	} else if (go_value(l, action, &value)) {
		if (str_eq(value.base, STR("campaign.subject")))
			convert_note(c, c->tag_at,
				     "the subject as it is written: Liquid in it "
				     "is not rendered here");
		convert_put(c, "{{ %.*s%.*s }}", STR_FORMAT(value.base),
			    STR_FORMAT(value.filters));
	} else {
		convert_lost(c, all, "not understood");
	}
}

static void put_action(struct listmonk *l, str all, str action)
{
	str word = first_word(action), rest = str_from(action, word.size);
	if (action.size == 0 || str_starts(action, STR("/*")))
		return;
	if (str_eq(word, STR("if")))
		put_if(l, all, rest);
	else if (str_eq(word, STR("else")))
		put_else(l, all, rest);
	else if (str_eq(word, STR("end")))
		put_end(l, all);
	else if (str_eq(word, STR("range")))
		put_range(l, all, rest);
	else if (str_eq(word, STR("with")))
		put_with(l, all, rest);
	else if (str_eq(word, STR("template")))
		put_template(l, all, rest);
	else if (str_eq(word, STR("break")) || str_eq(word, STR("continue")))
		convert_put(l->c, "{%% %.*s %%}", STR_FORMAT(word));
	else if (str_eq(word, STR("block")) || str_eq(word, STR("define"))) {
		convert_lost(l->c, all, "a template of its own");
		convert_open(l->c, all, word, "{% endif %}")->kind = BLOCK_IF;
		convert_put(l->c, "{%% if true %%}");
	} else if (!put_assign(l, all, action))
		put_output(l, all, action);
}

/* Text in which https://...@TrackLink is the link alone. */
static void put_text(struct convert *c, str text)
{
	const str mark = STR("@TrackLink");
	for (size_t at; (at = str_find(text, mark)) != STR_NONE;) {
		convert_text(c, str_sub(text, 0, at));
		text = str_from(text, at + mark.size);
	}
	convert_text(c, text);
}

/* Size of the action at at, braces included; 0: it never ends. Strings may hold braces. */
static size_t action_size(str rest)
{
	if (str_starts(rest, STR("{{/*")) || str_starts(rest, STR("{{- /*"))) {
		size_t end = str_find(rest, STR("*/"));
		size_t close =
			end == STR_NONE ? STR_NONE : str_find(str_from(rest, end), STR("}}"));
		return close == STR_NONE ? 0 : end + close + 2;
	}
	for (size_t i = 2; i + 1 < rest.size; i++) {
		char byte = rest.data[i];
		if (byte == '}' && rest.data[i + 1] == '}')
			return i + 2;
		if (byte != '"' && byte != '`')
			continue;
		size_t end = i + 1;
		while (end < rest.size && end - i < QUOTE_LIMIT && rest.data[end] != byte &&
		       rest.data[end] != '\n')
			end += byte == '"' && rest.data[end] == '\\' ? 2 : 1;
		if (end >= rest.size || rest.data[end] != byte)
			continue;
		i = end;
	}
	return 0;
}

static void take_action(struct listmonk *l, str all)
{
	struct convert *c = l->c;
	str inner = str_sub(all, 2, all.size - 4);
	bool before =
		inner.size > 1 && inner.data[0] == '-' && strchr(" \t\r\n", inner.data[1]);
	inner = str_from(inner, before);
	bool after = inner.size > 1 && str_ends(inner, STR("-")) &&
		     strchr(" \t\r\n", inner.data[inner.size - 2]);
	inner.size -= after;
	c->tag_at = convert_at(c, all);
	if (before)
		convert_trim_before(c);
	if (inner.size > CONVERT_TAG_LIMIT)
		convert_lost(c, all, "too long");
	else
		put_action(l, all, str_trim(inner));
	c->trim_next = after;
}

void convert_listmonk(struct convert *c)
{
	struct listmonk *l = ARENA_NEW(c->arena, struct listmonk);
	if (!l) {
		convert_fail(c, "out of memory");
		return;
	}
	l->c = c;
	push_dot(l, STR(""));
	convert_words(c, STR("{{"), STR("}}"));
	for (str rest = c->source; rest.size > 0 && convert_going(c);) {
		size_t open = str_find(rest, STR("{{"));
		put_text(c, str_sub(rest, 0, open));
		if (open == STR_NONE)
			break;
		rest = str_from(rest, open);
		size_t size = action_size(rest);
		if (size == 0) {
			convert_lost(c, str_sub(rest, 0, 60), "never closed");
			convert_text(c, rest);
			break;
		}
		take_action(l, str_sub(rest, 0, size));
		rest = str_from(rest, size);
	}
	convert_close_all(c, "never closed");
}
