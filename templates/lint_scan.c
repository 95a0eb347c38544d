/* lint_scan.c - see lint_parts.h. A small reader of HTML and no parser: it knows where tags,
 * values and comments end (as in HTML 13.2.5), and builds no tree. Every search goes forward
 * and is made once, so any input takes time in proportion to its size. */
#include "templates/lint_parts.h"

#include "templates/liquid_scanner.h"

struct flattener {
	struct lint_flat *flat;
	struct buf out;
	size_t capacity;
};

static bool keep(struct flattener *f, str text)
{
	struct lint_flat *flat = f->flat;
	if (text.size == 0)
		return true;
	if (flat->cut_count == f->capacity)
		return false;
	flat->cuts[flat->cut_count++] =
		(struct lint_cut){f->out.size, (size_t)(text.data - flat->source.data)};
	buf_put(&f->out, text);
	return true;
}

/* Comments nest. */
static void skip_comment(struct scanner *s)
{
	for (size_t depth = 1; depth > 0;) {
		struct piece piece = scanner_next(s);
		str name, markup;
		if (piece.kind == PIECE_END)
			return;
		if (piece.kind != PIECE_TAG)
			continue;
		piece_split_tag(piece.inner, &name, &markup);
		depth += str_eq(name, STR("comment"));
		depth -= str_eq(name, STR("endcomment"));
	}
}

static bool flatten_tag(struct flattener *f, struct scanner *s, const struct piece *piece)
{
	str name, markup, text;
	piece_split_tag(piece->inner, &name, &markup);
	if (str_eq(name, STR("comment"))) {
		skip_comment(s);
		return true;
	}
	if (str_eq(name, STR("doc")))
		return !scanner_take_verbatim(s, "enddoc", NULL, &text) || true;
	if (str_eq(name, STR("raw")))
		return !scanner_take_verbatim(s, "endraw", NULL, &text) || keep(f, text);
	if (!keep(f, str_sub(str_make(piece->at, 1), 0, 1)))
		return false;
	f->out.data[f->out.size - 1] = LINT_TAG;
	return true;
}

static bool flatten_piece(struct flattener *f, struct scanner *s, const struct piece *piece)
{
	if (piece->kind == PIECE_TAG)
		return flatten_tag(f, s, piece);
	if (piece->kind != PIECE_OUTPUT)
		return keep(f, piece->inner);
	if (!keep(f, str_make(piece->at, 1)))
		return false;
	f->out.data[f->out.size - 1] = LINT_OUTPUT;
	return true;
}

/* Each opening brace begins at most one piece, and text stands before and behind it. */
static size_t count_pieces(str source)
{
	size_t count = 2;
	for (size_t i = 0; i < source.size; i++)
		count += source.data[i] == '{' ? 2 : 0;
	return count;
}

int lint_flatten(struct arena *arena, str source, struct lint_flat *ret_flat)
{
	struct flattener f = {.flat = ret_flat, .capacity = count_pieces(source)};
	char *memory = arena_bytes(arena, source.size + 1);
	*ret_flat = (struct lint_flat){.source = source};
	ret_flat->cuts = ARENA_ARRAY(arena, struct lint_cut, f.capacity);
	if (!memory || !ret_flat->cuts)
		return -1;
	buf_init_fixed(&f.out, memory, source.size + 1);
	struct scanner s;
	scanner_init(&s, source);
	for (struct piece piece; (piece = scanner_next(&s)).kind != PIECE_END;)
		if (!flatten_piece(&f, &s, &piece))
			return -1;
	ret_flat->text = buf_str(&f.out);
	return buf_ok(&f.out) ? 0 : -1;
}

size_t lint_flat_source(const struct lint_flat *flat, size_t at)
{
	size_t low = 0, high = flat->cut_count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (flat->cuts[middle].at <= at)
			low = middle;
		else
			high = middle;
	}
	return flat->cut_count ? flat->cuts[low].source_at + (at - flat->cuts[low].at) : 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char at_of(const struct lint_html_scanner *s, size_t ahead)
{
	return s->at + ahead < s->text.size ? s->text.data[s->at + ahead] : '\0';
}

/* Behind the next occurrence of what ends it, or the end. */
static str take_until(struct lint_html_scanner *s, size_t from, str end)
{
	size_t found = str_find(str_from(s->text, from), end);
	size_t to = found == STR_NONE ? s->text.size : from + found;
	str text = str_sub(s->text, from, to - from);
	s->at = found == STR_NONE ? s->text.size : to + end.size;
	return text;
}

static bool ends_name(char c)
{
	return is_space(c) || c == '>' || c == '/' || c == '=';
}

static str take_name(struct lint_html_scanner *s)
{
	size_t from = s->at;
	while (s->at < s->text.size && !ends_name(s->text.data[s->at]))
		s->at++;
	return str_sub(s->text, from, s->at - from);
}

static void skip_space(struct lint_html_scanner *s)
{
	while (s->at < s->text.size && is_space(s->text.data[s->at]))
		s->at++;
}

static str take_value(struct lint_html_scanner *s)
{
	char quote = at_of(s, 0);
	if (quote == '"' || quote == '\'')
		return take_until(s, s->at + 1, str_make(&quote, 1));
	size_t from = s->at;
	while (s->at < s->text.size && !is_space(s->text.data[s->at]) &&
	       s->text.data[s->at] != '>')
		s->at++;
	return str_sub(s->text, from, s->at - from);
}

/* What Liquid steers among attributes is as if it were not there; what it prints is not known.
 */
static bool take_markers(struct lint_html_scanner *s, struct lint_piece *piece)
{
	char c = at_of(s, 0);
	if (c != LINT_OUTPUT && c != LINT_TAG)
		return false;
	piece->dynamic |= c == LINT_OUTPUT;
	s->at++;
	return true;
}

static str without_tags_behind(str name)
{
	while (name.size > 0 && name.data[name.size - 1] == LINT_TAG)
		name.size--;
	return name;
}

static void take_attribute(struct lint_html_scanner *s, struct lint_piece *piece)
{
	struct lint_attribute a = {.at = s->at};
	if (at_of(s, 0) == '=')
		s->at++;
	a.name = without_tags_behind(take_name(s));
	skip_space(s);
	if (at_of(s, 0) == '=') {
		s->at++;
		skip_space(s);
		a.value = take_value(s);
	}
	piece->dynamic |= str_find_byte(a.name, LINT_OUTPUT) != STR_NONE ||
			  piece->attribute_count == LINT_ATTRIBUTE_LIMIT;
	if (piece->attribute_count < LINT_ATTRIBUTE_LIMIT)
		piece->attributes[piece->attribute_count++] = a;
}

static bool holds_text_only(str name)
{
	static const char *const names[] = {"script", "style", "title", "textarea", "xmp"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq_nocase(name, str_of(names[i])))
			return true;
	return false;
}

static void take_tag(struct lint_html_scanner *s, struct lint_piece *piece)
{
	bool closes = at_of(s, 1) == '/';
	piece->kind = closes ? LINT_PIECE_CLOSE : LINT_PIECE_OPEN;
	s->at += closes ? 2 : 1;
	piece->name = without_tags_behind(take_name(s));
	while (s->at < s->text.size && s->text.data[s->at] != '>') {
		if (is_space(s->text.data[s->at]) || s->text.data[s->at] == '/')
			s->at++;
		else if (!take_markers(s, piece))
			take_attribute(s, piece);
	}
	s->at += s->at < s->text.size;
	if (!closes && holds_text_only(piece->name))
		s->inside = piece->name;
}

/* Text of an element that holds no others ends at its own closing tag only. */
static void take_inside(struct lint_html_scanner *s, struct lint_piece *piece)
{
	size_t from = s->at;
	piece->kind = LINT_PIECE_TEXT;
	piece->name = s->inside;
	while (s->at < s->text.size) {
		str rest = str_from(s->text, s->at);
		if (str_starts(rest, STR("</")) &&
		    str_starts_nocase(str_from(rest, 2), s->inside))
			break;
		size_t next = str_find_byte(str_from(rest, 1), '<');
		s->at = next == STR_NONE ? s->text.size : s->at + 1 + next;
	}
	piece->text = str_sub(s->text, from, s->at - from);
	s->inside = (str){};
}

void lint_html_next(struct lint_html_scanner *s, struct lint_piece *piece)
{
	piece->kind = LINT_PIECE_END;
	piece->name = piece->text = (str){};
	piece->attribute_count = 0;
	piece->dynamic = false;
	piece->at = s->at;
	if (s->at >= s->text.size)
		return;
	if (s->inside.data) {
		take_inside(s, piece);
		if (piece->text.size > 0)
			return;
		piece->name = (str){};
	}
	char next = at_of(s, 1), third = at_of(s, 2);
	if (at_of(s, 0) == '<' && (is_letter(next) || (next == '/' && is_letter(third)))) {
		take_tag(s, piece);
	} else if (at_of(s, 0) == '<' && (next == '!' || next == '?' || next == '/')) {
		piece->kind = LINT_PIECE_COMMENT;
		bool is_comment = str_starts(str_from(s->text, s->at), STR("<!--"));
		piece->text = is_comment ? take_until(s, s->at + 4, STR("-->"))
					 : take_until(s, s->at + 2, STR(">"));
	} else {
		size_t from = s->at, end = str_find_byte(str_from(s->text, from + 1), '<');
		s->at = end == STR_NONE ? s->text.size : from + 1 + end;
		piece->kind = LINT_PIECE_TEXT;
		piece->text = str_sub(s->text, from, s->at - from);
	}
}

const struct lint_attribute *lint_attribute(const struct lint_piece *piece, const char *name)
{
	for (size_t i = 0; i < piece->attribute_count; i++)
		if (str_eq_nocase(piece->attributes[i].name, str_of(name)))
			return &piece->attributes[i];
	return NULL;
}
