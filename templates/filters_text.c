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

/* An empty pattern is found before each character and at the end. */
static int replace_empty(struct liquid_frame *f, str text, str by, struct value *ret)
{
	struct buf out;
	filter_begin(f, &out, text.size);
	for (size_t i = 0, size; i < text.size; i += size) {
		size = utf8_size(str_from(text, i));
		buf_put(&out, by);
		buf_put(&out, str_sub(text, i, size));
		if (out.size > f->memory_left)
			break;
	}
	buf_put(&out, by);
	return filter_finish(f, &out, ret);
}

static int replace_all(struct liquid_frame *f, str text, str pattern, str by, struct value *ret)
{
	struct buf out;
	size_t at;
	if (pattern.size == 0)
		return replace_empty(f, text, by, ret);
	filter_begin(f, &out, text.size);
	while ((at = str_find(text, pattern)) != STR_NONE && out.size <= f->memory_left) {
		buf_put(&out, str_sub(text, 0, at));
		buf_put(&out, by);
		text = str_from(text, at + pattern.size);
	}
	buf_put(&out, text);
	return filter_finish(f, &out, ret);
}

static int replace_at(struct liquid_frame *f, str text, size_t at, size_t size, str by,
		      struct value *ret)
{
	struct buf out;
	filter_begin(f, &out, text.size + by.size);
	buf_put(&out, str_sub(text, 0, at));
	buf_put(&out, by);
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
		return replace_all(f, text, pattern, by, ret);
	/* Backwards and byte by byte: as many steps as comparisons. */
	if (which == WHICH_LAST && !frame_effort(f, text.size * (1 + pattern.size / 64)))
		return -1;
	size_t at = which == WHICH_FIRST ? str_find(text, pattern) : find_last(text, pattern);
	if (at != STR_NONE)
		return replace_at(f, text, at, pattern.size, by, ret);
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
	int64_t kept = length - (int64_t)utf8_count(ending);
	if (length < 0 || kept < 0)
		kept = 0;
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
