/* liquid_scanner.c - see liquid_scanner.h.
 *
 *   template = *(text / output / tag)
 *   output   = "{{" ["-"] inner ["-"] "}}"      ; inner: no "}" and no "{%"
 *   tag      = "{%" ["-"] inner ["-"] "%}"      ; inner: up to the first "%}", quoted or not
 *
 * As in the reference, a `}` alone inside an output and a `{%` inside one end the piece,
 * broken. */
#include "templates/liquid_scanner.h"

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

void scanner_init(struct scanner *s, str source)
{
	*s = (struct scanner){.at = source.data, .end = source.data + source.size};
}

void scanner_init_lines(struct scanner *s, str inside)
{
	scanner_init(s, inside);
	s->lines = true;
}

/* Where "{{" or "{%" stands at or behind at. */
static const char *find_open(const char *at, const char *end)
{
	while (at < end && (at = memchr(at, '{', (size_t)(end - at)))) {
		if (end - at >= 2 && (at[1] == '{' || at[1] == '%'))
			return at;
		at++;
	}
	return end;
}

static const char *find_tag_end(const char *at, const char *end)
{
	while (at < end && (at = memchr(at, '%', (size_t)(end - at)))) {
		if (end - at >= 2 && at[1] == '}')
			return at;
		at++;
	}
	return NULL;
}

static struct piece take_text(struct scanner *s, const char *end)
{
	const char *from = s->at, *to = end;
	bool trim_end = s->end - end >= 3 && end[2] == '-';
	while (s->trim && from < to && is_space(*from))
		from++;
	while (trim_end && to > from && is_space(to[-1]))
		to--;
	s->trim = false;
	s->at = end;
	return (struct piece){PIECE_TEXT, {from, (size_t)(to - from)}, from};
}

/* The piece whose closing brace or percent sign is at close. */
static struct piece take_closed(struct scanner *s, enum piece_kind kind, const char *close)
{
	struct piece piece = {.kind = kind, .at = s->at};
	const char *from = s->at + 2, *to = close;
	if (from < to && *from == '-')
		from++;
	s->trim = to > s->at + 2 && to[-1] == '-';
	if (s->trim && to > from)
		to--;
	piece.inner = (str){from, (size_t)(to - from)};
	s->at = close + 2;
	return piece;
}

static struct piece take_broken(struct scanner *s, const char *end)
{
	struct piece piece = {PIECE_BROKEN, {s->at, (size_t)(end - s->at)}, s->at};
	s->trim = false;
	s->at = end;
	return piece;
}

static struct piece take_tag(struct scanner *s)
{
	const char *close = s->no_tag_end ? NULL : find_tag_end(s->at + 2, s->end);
	s->no_tag_end = !close;
	return close ? take_closed(s, PIECE_TAG, close) : take_broken(s, s->at + 2);
}

static struct piece take_output(struct scanner *s)
{
	for (const char *at = s->at + 2; at < s->end && !s->no_output_end; at++) {
		if (*at == '}')
			return s->end - at >= 2 && at[1] == '}'
				       ? take_closed(s, PIECE_OUTPUT, at)
				       : take_broken(s, at + 1);
		if (*at == '{' && s->end - at >= 2 && at[1] == '%') {
			const char *close = find_tag_end(at, s->end);
			return take_broken(s, close ? close + 2 : s->end);
		}
	}
	s->no_output_end = true;
	return take_broken(s, s->at + 2);
}

/* The next line that is not empty. */
static struct piece take_line(struct scanner *s)
{
	while (s->at < s->end) {
		const char *feed = memchr(s->at, '\n', (size_t)(s->end - s->at));
		const char *from = s->at, *to = feed ? feed : s->end;
		s->at = feed ? feed + 1 : s->end;
		while (from < to && is_space(*from))
			from++;
		while (to > from && is_space(to[-1]))
			to--;
		if (from < to)
			return (struct piece){PIECE_TAG, {from, (size_t)(to - from)}, from};
	}
	return (struct piece){.kind = PIECE_END, .at = s->at};
}

struct piece scanner_next(struct scanner *s)
{
	if (s->lines)
		return take_line(s);
	if (s->at == s->end)
		return (struct piece){.kind = PIECE_END, .at = s->at};
	const char *open = find_open(s->at, s->end);
	if (open > s->at)
		return take_text(s, open);
	return open[1] == '%' ? take_tag(s) : take_output(s);
}

void piece_split_tag(str inner, str *ret_name, str *ret_markup)
{
	const char *at = inner.data, *end = inner.data + inner.size;
	while (at < end && is_space(*at))
		at++;
	const char *name = at;
	if (at < end && *at == '#')
		at++;
	else
		while (at < end && is_word(*at))
			at++;
	*ret_name = (str){name, (size_t)(at - name)};
	while (at < end && is_space(*at))
		at++;
	*ret_markup = (str){at, (size_t)(end - at)};
}

/* Whether `{% name` stands at at; a dash and spaces may stand between. */
static bool is_tag_at(const char *at, const char *end, const char *name)
{
	str given, markup;
	if (end - at < 2 || at[0] != '{' || at[1] != '%')
		return false;
	at += 2;
	if (at < end && *at == '-')
		at++;
	const char *to =
		end - at > 64 ? at + 64 : end; /* far more than a name and its spaces */
	piece_split_tag((str){at, (size_t)(to - at)}, &given, &markup);
	return str_eq(given, str_of(name));
}

static bool take_verbatim_lines(struct scanner *s, const char *name, str *ret_text)
{
	const char *from = s->at;
	for (struct piece piece; (piece = take_line(s)).kind != PIECE_END;) {
		str given, markup;
		piece_split_tag(piece.inner, &given, &markup);
		if (!str_eq(given, str_of(name)))
			continue;
		*ret_text = (str){from, (size_t)(piece.at - from)};
		return true;
	}
	return false;
}

bool scanner_take_verbatim(struct scanner *s, const char *name, const char *forbidden,
			   str *ret_text)
{
	if (s->lines)
		return take_verbatim_lines(s, name, ret_text);
	const char *from = s->at;
	for (const char *at = from; (at = find_open(at, s->end)) < s->end; at++) {
		if (forbidden && is_tag_at(at, s->end, forbidden))
			return false;
		if (!is_tag_at(at, s->end, name))
			continue;
		const char *close = find_tag_end(at + 2, s->end);
		if (!close)
			return false;
		*ret_text = (str){from, (size_t)(at - from)};
		s->trim = close[-1] == '-';
		s->at = close + 2;
		return true;
	}
	return false;
}
