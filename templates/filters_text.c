/* filters_text.c - filters from text to text. */
#include "templates/filters.h"

#include "templates/unicode_case.h"
#include "templates/value_number.h"
#include "templates/value_text.h"

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static int concatenate(struct liquid_frame *f, str a, str b, struct value *ret)
{
	struct buf out;
	filter_begin(f, &out, a.size + b.size);
	buf_put(&out, a);
	buf_put(&out, b);
	return filter_finish(f, &out, ret);
}

static bool is_safe(const struct value *value)
{
	return value->kind == VALUE_STRING && value->safe;
}

/* Safe and unsafe text together: what is unsafe is escaped, the whole is safe. */
static int join_two(struct liquid_frame *f, const struct filter_input *input,
		    bool argument_first, struct value *ret)
{
	const struct value *argument = &input->arguments[0];
	bool safe = frame_escapes(f) && (is_safe(&input->value) || is_safe(argument));
	str text, added;
	if (!filter_text(f, input, &text) || !frame_text(f, argument, &added))
		return -1;
	if (safe && !is_safe(&input->value) && !frame_escape(f, text, &text))
		return -1;
	if (safe && !is_safe(argument) && !frame_escape(f, added, &added))
		return -1;
	if (argument_first ? concatenate(f, added, text, ret)
			   : concatenate(f, text, added, ret))
		return -1;
	ret->safe = safe;
	return 0;
}

int filter_append(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return join_two(f, input, false, ret);
}

int filter_prepend(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return join_two(f, input, true, ret);
}

static int change_case(struct liquid_frame *f, const struct filter_input *input,
		       enum unicode_case first, enum unicode_case rest, struct value *ret)
{
	struct buf out;
	str text;
	if (!filter_text(f, input, &text))
		return -1;
	filter_begin(f, &out, text.size + 8);
	for (size_t i = 0, size; i < text.size; i += size) {
		size = utf8_size(str_from(text, i));
		unicode_put_case(&out, str_sub(text, i, size), i ? rest : first);
	}
	return filter_finish(f, &out, ret);
}

int filter_upcase(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return change_case(f, input, UNICODE_UPPER, UNICODE_UPPER, ret);
}

int filter_downcase(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return change_case(f, input, UNICODE_LOWER, UNICODE_LOWER, ret);
}

int filter_capitalize(struct liquid_frame *f, const struct filter_input *input,
		      struct value *ret)
{
	return change_case(f, input, UNICODE_TITLE, UNICODE_LOWER, ret);
}

static int strip(struct liquid_frame *f, const struct filter_input *input, bool left,
		 bool right, struct value *ret)
{
	str text;
	if (!filter_text(f, input, &text))
		return -1;
	while (left && text.size && is_space(text.data[0]))
		text = str_from(text, 1);
	while (right && text.size && is_space(text.data[text.size - 1]))
		text.size--;
	*ret = value_string(text);
	return 0;
}

int filter_strip(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return strip(f, input, true, true, ret);
}

int filter_lstrip(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return strip(f, input, true, false, ret);
}

int filter_rstrip(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return strip(f, input, false, true, ret);
}

int filter_strip_newlines(struct liquid_frame *f, const struct filter_input *input,
			  struct value *ret)
{
	struct buf out;
	str text;
	if (!filter_text(f, input, &text))
		return -1;
	filter_begin(f, &out, text.size);
	for (size_t i = 0; i < text.size; i++) {
		bool pair =
			text.data[i] == '\r' && i + 1 < text.size && text.data[i + 1] == '\n';
		if (!pair && text.data[i] != '\n')
			buf_put_byte(&out, text.data[i]);
	}
	return filter_finish(f, &out, ret);
}

/* What stands for one match: in it, as in the reference, \0 and \& are the match, \` and \'
 * what is before and behind it, \1 to \9 nothing, \\ one backslash. */
static void put_replacement(struct buf *out, str by, str text, size_t at, size_t size)
{
	for (size_t slash; (slash = str_find_byte(by, '\\')) != STR_NONE && slash + 1 < by.size;
	     by = str_from(by, slash + 2)) {
		buf_put(out, str_sub(by, 0, slash));
		char code = by.data[slash + 1];
		if (code == '\\')
			buf_put_byte(out, code);
		else if (code == '&' || code == '0')
			buf_put(out, str_sub(text, at, size));
		else if (code == '`')
			buf_put(out, str_sub(text, 0, at));
		else if (code == '\'')
			buf_put(out, str_from(text, at + size));
		else if (code < '1' || code > '9')
			buf_put(out, str_sub(by, slash, 2));
	}
	buf_put(out, by);
}

/* An empty pattern is found before each character and at the end. */
static int replace_empty(struct liquid_frame *f, str text, str by, struct value *ret)
{
	struct buf out;
	filter_begin(f, &out, text.size);
	for (size_t i = 0, size; i < text.size && out.size <= f->memory_left; i += size) {
		size = utf8_size(str_from(text, i));
		put_replacement(&out, by, text, i, 0);
		buf_put(&out, str_sub(text, i, size));
	}
	put_replacement(&out, by, text, text.size, 0);
	return filter_finish(f, &out, ret);
}

/* Pattern is not empty. */
static int replace_all(struct liquid_frame *f, str text, str pattern, str by, struct value *ret)
{
	struct buf out;
	size_t from = 0, at;
	bool plain = str_find_byte(by, '\\') == STR_NONE;
	filter_begin(f, &out, text.size);
	while ((at = str_find(str_from(text, from), pattern)) != STR_NONE &&
	       out.size <= f->memory_left) {
		buf_put(&out, str_sub(text, from, at));
		if (plain)
			buf_put(&out, by);
		else
			put_replacement(&out, by, text, from + at, pattern.size);
		from += at + pattern.size;
	}
	buf_put(&out, str_from(text, from));
	return filter_finish(f, &out, ret);
}

static int replace_at(struct liquid_frame *f, str text, size_t at, size_t size, str by,
		      bool literal, struct value *ret)
{
	struct buf out;
	filter_begin(f, &out, text.size + by.size);
	buf_put(&out, str_sub(text, 0, at));
	if (literal)
		buf_put(&out, by);
	else
		put_replacement(&out, by, text, at, size);
	buf_put(&out, str_from(text, at + size));
	return filter_finish(f, &out, ret);
}

static size_t find_last(str text, str pattern)
{
	if (pattern.size > text.size)
		return STR_NONE;
	for (size_t at = text.size - pattern.size + 1; at-- > 0;)
		if (memcmp(text.data + at, pattern.data, pattern.size) == 0)
			return at;
	return STR_NONE;
}

enum which { WHICH_ALL, WHICH_FIRST, WHICH_LAST };

static int replace(struct liquid_frame *f, const struct filter_input *input, enum which which,
		   struct value *ret)
{
	str text, pattern, by = STR("");
	if (!filter_text(f, input, &text) || !frame_text(f, &input->arguments[0], &pattern) ||
	    (input->count > 1 && !filter_argument_text(f, input, 1, &by)))
		return -1;
	if (which == WHICH_ALL)
		return pattern.size ? replace_all(f, text, pattern, by, ret)
				    : replace_empty(f, text, by, ret);
	/* Backwards and byte by byte: as many steps as comparisons. */
	if (which == WHICH_LAST && !frame_effort(f, text.size * (1 + pattern.size / 64)))
		return -1;
	size_t at = which == WHICH_FIRST ? str_find(text, pattern) : find_last(text, pattern);
	if (at != STR_NONE)
		return replace_at(f, text, at, pattern.size, by, which == WHICH_LAST, ret);
	*ret = value_string(text);
	return 0;
}

int filter_replace(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return replace(f, input, WHICH_ALL, ret);
}

int filter_replace_first(struct liquid_frame *f, const struct filter_input *input,
			 struct value *ret)
{
	return replace(f, input, WHICH_FIRST, ret);
}

int filter_replace_last(struct liquid_frame *f, const struct filter_input *input,
			struct value *ret)
{
	return replace(f, input, WHICH_LAST, ret);
}

int filter_remove(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	return replace(f, input, WHICH_ALL, ret);
}

int filter_remove_first(struct liquid_frame *f, const struct filter_input *input,
			struct value *ret)
{
	return replace(f, input, WHICH_FIRST, ret);
}

int filter_remove_last(struct liquid_frame *f, const struct filter_input *input,
		       struct value *ret)
{
	return replace(f, input, WHICH_LAST, ret);
}

/* Characters, the ending's included, not bytes. */
int filter_truncate(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	str text, ending = STR("...");
	int64_t length;
	if (input->value.kind == VALUE_NIL)
		return 0;
	if (!filter_text(f, input, &text) ||
	    filter_argument_integer(f, input, 0, 50, &length) ||
	    (input->count > 1 && !filter_argument_text(f, input, 1, &ending)))
		return -1;
	if ((int64_t)utf8_count(text) <= length) {
		*ret = value_string(text);
		return 0;
	}
	int64_t ending_length = (int64_t)utf8_count(ending);
	int64_t kept = length > ending_length ? length - ending_length : 0;
	return concatenate(f, str_sub(text, 0, utf8_offset(text, (size_t)kept)), ending, ret);
}

static size_t skip(str text, size_t at, bool spaces)
{
	while (at < text.size && is_space(text.data[at]) == spaces)
		at++;
	return at;
}

/* Words with one space between; space behind the last counts as one more word, an empty one. */
int filter_truncatewords(struct liquid_frame *f, const struct filter_input *input,
			 struct value *ret)
{
	struct buf out;
	str text, ending = STR("...");
	int64_t limit, count = 0;
	if (input->value.kind == VALUE_NIL)
		return 0;
	if (!filter_text(f, input, &text) || filter_argument_integer(f, input, 0, 15, &limit) ||
	    (input->count > 1 && !filter_argument_text(f, input, 1, &ending)))
		return -1;
	if (limit <= 0)
		limit = 1;
	if (limit >= INT32_MAX)
		return frame_fail(f, "truncatewords cannot count so many words");
	filter_begin(f, &out, text.size + ending.size);
	size_t at = skip(text, 0, true);
	for (; at < text.size && count < limit; count++) {
		size_t end = skip(text, at, false);
		if (count)
			buf_put_byte(&out, ' ');
		buf_put(&out, str_sub(text, at, end - at));
		at = skip(text, end, true);
	}
	bool more = at < text.size ||
		    (count == limit && text.size && is_space(text.data[text.size - 1]));
	if (!more) {
		*ret = value_string(text);
		return 0;
	}
	buf_put(&out, ending);
	return filter_finish(f, &out, ret);
}
