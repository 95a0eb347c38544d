/* filters_cut.c - split and slice. */
#include "templates/filters.h"

#include "templates/value_text.h"

struct cutter {
	struct value *parts; /* NULL: only counting */
	size_t count;
	bool safe;
};

static void add_part(struct cutter *c, str part)
{
	if (c->parts) {
		c->parts[c->count] = value_string(part);
		c->parts[c->count].safe = c->safe;
	}
	c->count++;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static void split_words(struct cutter *c, str text)
{
	for (size_t at = 0; at < text.size;) {
		size_t start = at;
		while (at < text.size && !is_space(text.data[at]))
			at++;
		if (at > start)
			add_part(c, str_sub(text, start, at - start));
		while (at < text.size && is_space(text.data[at]))
			at++;
	}
}

static void split_characters(struct cutter *c, str text)
{
	while (text.size) {
		size_t size = utf8_size(text);
		add_part(c, str_sub(text, 0, size));
		text = str_from(text, size);
	}
}

static void split_at(struct cutter *c, str text, str pattern)
{
	for (size_t at; (at = str_find(text, pattern)) != STR_NONE;) {
		add_part(c, str_sub(text, 0, at));
		text = str_from(text, at + pattern.size);
	}
	add_part(c, text);
}

/* One space means any white space, nothing means each character; empty parts at the end go. */
static void split(struct cutter *c, str text, str pattern)
{
	c->count = 0;
	if (str_eq(pattern, STR(" ")))
		split_words(c, text);
	else if (pattern.size == 0)
		split_characters(c, text);
	else
		split_at(c, text, pattern);
}

int filter_split(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	struct cutter cutter = {.safe = input->value.kind == VALUE_STRING && input->value.safe};
	str text, pattern;
	if (!filter_text(f, input, &text) || !frame_text(f, &input->arguments[0], &pattern) ||
	    !frame_effort(f, text.size / 4))
		return -1;
	split(&cutter, text, pattern);
	cutter.parts = frame_alloc(f, cutter.count, sizeof *cutter.parts);
	if (!cutter.parts)
		return -1;
	split(&cutter, text, pattern);
	while (cutter.count && cutter.parts[cutter.count - 1].string.size == 0)
		cutter.count--;
	*ret = value_array(cutter.parts, cutter.count);
	return 0;
}

/* [start, end) of count things from an offset that may count from the end; false: outside. */
static bool clip(int64_t offset, int64_t length, size_t count, size_t *ret_start,
		 size_t *ret_end)
{
	int64_t total = (int64_t)count;
	if (offset < 0)
		offset += total;
	if (offset < 0 || offset > total || length < 0)
		return false;
	*ret_start = (size_t)offset;
	*ret_end = (size_t)(length > total - offset ? total : offset + length);
	return true;
}

int filter_slice(struct liquid_frame *f, const struct filter_input *input, struct value *ret)
{
	int64_t offset, length;
	size_t start, end;
	str text;
	bool has_length = input->count > 1 && value_truthy(&input->arguments[1]);
	if (filter_argument_integer(f, input, 0, 0, &offset) ||
	    filter_argument_integer(f, input, has_length ? 1 : SIZE_MAX, 1, &length))
		return -1;
	if (input->value.kind == VALUE_ARRAY) {
		*ret = value_array(NULL, 0);
		if (clip(offset, length, input->value.array.count, &start, &end) && end > start)
			*ret = value_array(input->value.array.items + start, end - start);
		return 0;
	}
	if (!filter_text(f, input, &text))
		return -1;
	*ret = value_string(STR(""));
	if (!clip(offset, length, utf8_count(text), &start, &end))
		return 0;
	size_t from = utf8_offset(text, start);
	*ret = value_string(
		str_sub(text, from, utf8_offset(str_from(text, from), end - start)));
	return 0;
}
