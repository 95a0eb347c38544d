/* convert.c - see convert_part.h: text, tags, notes and blocks. */
#include "templates/convert_part.h"

#include <stdarg.h>
#include <stdio.h>

const char *const convert_from_names[CONVERT_FROM_COUNT] = {
	[CONVERT_MAILCHIMP] = "mailchimp",
	[CONVERT_HANDLEBARS] = "handlebars",
	[CONVERT_LISTMONK] = "listmonk",
	[CONVERT_MJML_MERGE] = "mjml-merge",
};

void convert_fail(struct convert *c, const char *why)
{
	if (convert_going(c))
		snprintf(c->result->why, sizeof(c->result->why), "%s", why);
}

static size_t find_open(str text, size_t from)
{
	for (size_t at = from; at + 1 < text.size; at++) {
		const char *brace = memchr(text.data + at, '{', text.size - 1 - at);
		if (!brace)
			return STR_NONE;
		at = (size_t)(brace - text.data);
		if (brace[1] == '{' || brace[1] == '%')
			return at;
	}
	return STR_NONE;
}

/* Where {% raw %} would end too early: each opening for itself. */
static void put_opened(struct buf *out, str text)
{
	for (size_t at; (at = find_open(text, 0)) != STR_NONE; text = str_from(text, at + 2)) {
		buf_put(out, str_sub(text, 0, at));
		buf_printf(out, "{%% raw %%}%.2s{%% endraw %%}", text.data + at);
	}
	buf_put(out, text);
}

/* From the first line with a construct of Liquid's to the last; all of it can stand in one raw
 * block, unless it speaks of endraw. */
static void put_protected(struct buf *out, str text)
{
	size_t first = find_open(text, 0), end = first;
	if (first == STR_NONE) {
		buf_put(out, text);
		return;
	}
	for (size_t at = first; at != STR_NONE; at = find_open(text, at + 2))
		end = at + 2;
	size_t line = str_find_byte(str_from(text, end), '\n');
	end = line == STR_NONE ? text.size : end + line;
	if (end > first && text.data[end - 1] == '\r')
		end--;
	str inner = str_sub(text, first, end - first);
	buf_put(out, str_sub(text, 0, first));
	if (str_find(inner, STR("endraw")) != STR_NONE) {
		put_opened(out, inner);
	} else {
		buf_put(out, STR("{% raw %}"));
		buf_put(out, inner);
		buf_put(out, STR("{% endraw %}"));
	}
	buf_put(out, str_from(text, end));
}

/* A brace at the end would make the opening of the tag behind it another one. */
static void flush(struct convert *c, bool tag_follows)
{
	str text = buf_str(&c->text);
	size_t size = text.size;
	while (size > 0 && text.data[size - 1] == '{')
		size--;
	str braces = str_from(text, size);
	if (braces.size == 1 && !tag_follows)
		braces.size = 0;
	put_protected(&c->out, str_sub(text, 0, text.size - braces.size));
	if (braces.size > 0) {
		buf_put(&c->out, STR("{% raw %}"));
		buf_put(&c->out, braces);
		buf_put(&c->out, STR("{% endraw %}"));
	}
	c->text.size = 0;
	if (c->out.size > CONVERT_SIZE_LIMIT)
		convert_fail(c, "the result would be larger than 16 MiB");
}

static bool is_space(char byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

void convert_text(struct convert *c, str text)
{
	while (c->trim_next && text.size > 0 && is_space(text.data[0]))
		text = str_from(text, 1);
	if (text.size > 0)
		c->trim_next = false;
	buf_put(&c->text, text);
}

void convert_trim_before(struct convert *c)
{
	while (c->text.size > 0 && is_space(c->text.data[c->text.size - 1]))
		c->text.size--;
}

void convert_put(struct convert *c, const char *format, ...)
{
	va_list arguments;
	c->trim_next = false;
	va_start(arguments, format);
	int size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (size <= 0 || !convert_going(c))
		return;
	flush(c, true);
	buf_put(&c->out, buf_str(&c->prelude));
	c->prelude.size = 0;
	char *room = buf_reserve(&c->out, (size_t)size + 1);
	if (!room)
		return;
	va_start(arguments, format);
	vsnprintf(room, (size_t)size + 1, format, arguments);
	va_end(arguments);
	buf_advance(&c->out, (size_t)size);
}

/* Notes come nearly in order: lines are counted on from the last one. */
static void locate(struct convert *c, size_t at, struct convert_note *note)
{
	if (at < c->note_at) {
		c->note_at = c->note_line_at = 0;
		c->note_line = 1;
	}
	for (; c->note_at < at; c->note_at++)
		if (c->source.data[c->note_at] == '\n') {
			c->note_line++;
			c->note_line_at = c->note_at + 1;
		}
	note->line = c->note_line;
	note->column = (uint32_t)(at - c->note_line_at) + 1;
}

static void add_note(struct convert *c, size_t at, bool lost, str sentence)
{
	c->result->lost_count += lost;
	if (c->note_count == CONVERT_NOTE_LIMIT) {
		c->result->dropped_count++;
		return;
	}
	struct convert_note *note = ARENA_NEW(c->arena, struct convert_note);
	if (!note) {
		convert_fail(c, "out of memory");
		return;
	}
	struct buf text;
	buf_init_fixed(&text, note->text, sizeof(note->text) - 1);
	buf_put_printable(&text, sentence, 160);
	note->text[text.size] = '\0';
	note->lost = lost;
	locate(c, at, note);
	c->note_count++;
	*c->next_note = note;
	c->next_note = &note->next;
}

void convert_note(struct convert *c, size_t at, const char *format, ...)
{
	char sentence[400];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	add_note(c, at, false, str_of(sentence));
}

/* A comment of one line that nothing in it can end. */
void convert_lost(struct convert *c, str construct, const char *what)
{
	char shown[300];
	struct buf text;
	c->prelude.size = 0;
	buf_init_fixed(&text, shown, sizeof(shown));
	buf_put_cstr(&text, what);
	buf_put_cstr(&text, ": ");
	buf_put_printable(&text, str_trim(construct), 100);
	add_note(c, convert_at(c, construct), true, buf_str(&text));
	for (size_t i = 0; i < text.size; i++)
		if (shown[i] == '{' || shown[i] == '}' || shown[i] == '%')
			shown[i] = ' ';
	convert_put(c, "{%% comment %%}not converted: %.*s{%% endcomment %%}",
		    STR_FORMAT(buf_str(&text)));
}

str convert_format(struct convert *c, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	char *bytes = size < 0 ? NULL : arena_bytes(c->arena, (size_t)size + 1);
	if (!bytes) {
		convert_fail(c, "out of memory");
		return STR("");
	}
	va_start(arguments, format);
	vsnprintf(bytes, (size_t)size + 1, format, arguments);
	va_end(arguments);
	return str_make(bytes, (size_t)size);
}

struct convert_block *convert_open(struct convert *c, str construct, str name, const char *end)
{
	static struct convert_block none;
	if (c->depth == CONVERT_DEPTH_LIMIT) {
		convert_fail(c, "blocks are nested more than 60 deep");
		return &none;
	}
	struct convert_block *block = &c->blocks[c->depth++];
	*block = (struct convert_block){name, convert_at(c, construct), end, 0, false, 0};
	return block;
}

void convert_else(struct convert *c, struct convert_block *block, str condition)
{
	if (condition.size == 0) {
		block->has_else = true;
		convert_put(c, "{%% else %%}");
	} else if (c->prelude.size == 0) {
		convert_put(c, "{%% elsif %.*s %%}", STR_FORMAT(condition));
	} else {
		str prelude = convert_format(c, "%.*s", STR_FORMAT(buf_str(&c->prelude)));
		c->prelude.size = 0;
		convert_put(c, "{%% else %%}%.*s{%% if %.*s %%}", STR_FORMAT(prelude),
			    STR_FORMAT(condition));
		block->more_ends++;
	}
}

void convert_close(struct convert *c)
{
	struct convert_block *block = &c->blocks[--c->depth];
	for (uint32_t i = 0; i < block->more_ends; i++)
		convert_put(c, "{%% endif %%}");
	if (block->end[0])
		convert_put(c, "%s", block->end);
}

void convert_close_all(struct convert *c, const char *closer)
{
	while (c->depth > 0 && convert_going(c)) {
		struct convert_block *block = &c->blocks[c->depth - 1];
		convert_lost(c, str_sub(c->source, block->at, 30), closer);
		convert_close(c);
	}
}

static int finish(struct convert *c)
{
	flush(c, false);
	if (!buf_ok(&c->out) || !buf_ok(&c->text) || !buf_ok(&c->prelude))
		convert_fail(c, "out of memory");
	c->result->liquid = buf_str(&c->out);
	c->result->notes = c->notes;
	return convert_going(c) ? 0 : -1;
}

int convert_run(struct arena *arena, str source, enum convert_from from,
		struct convert_result *ret_result)
{
	static void (*const languages[])(struct convert *) = {
		[CONVERT_MAILCHIMP] = convert_mailchimp,
		[CONVERT_HANDLEBARS] = convert_handlebars,
		[CONVERT_LISTMONK] = convert_listmonk,
		[CONVERT_MJML_MERGE] = convert_mjml_merge,
	};
	struct convert *c = ARENA_NEW(arena, struct convert);
	*ret_result = (struct convert_result){};
	if (!c || source.size > CONVERT_SIZE_LIMIT) {
		snprintf(ret_result->why, sizeof(ret_result->why), "%s",
			 c ? "it is larger than 16 MiB" : "out of memory");
		return -1;
	}
	c->arena = arena;
	c->source = source.data ? source : STR("");
	c->result = ret_result;
	c->next_note = &c->notes;
	c->note_line = 1;
	map_init(&c->words, arena, 0x72756e6462726965);
	buf_init_arena(&c->out, arena, source.size + 4096);
	buf_init_arena(&c->text, arena, source.size + 64);
	buf_init_arena(&c->prelude, arena, 256);
	languages[from](c);
	return finish(c);
}
