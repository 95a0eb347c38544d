/* lint.c - findings collected, bounded and put into order. */
#include "templates/lint_parts.h"

#include <stdarg.h>
#include <stdio.h>

#define SENTENCE_LIMIT 400
#define COUNT_LIMIT (LINT_RULE_COUNT * LINT_PLACES)

void lint_begin(struct lint *lint, struct arena *arena)
{
	*lint = (struct lint){.arena = arena};
	lint->findings = ARENA_ARRAY(arena, struct lint_finding, COUNT_LIMIT);
	lint->capacity = lint->findings ? COUNT_LIMIT : 0;
	lint->out_of_memory = !lint->findings;
}

bool lint_silence(struct lint *lint, str name)
{
	enum lint_rule rule = lint_rule_find(name);
	if (rule == LINT_RULE_COUNT)
		return false;
	lint->off[rule] = true;
	return true;
}

/* The last finding of the rule carries the count of those that are not listed. */
static void count_more(struct lint *lint, enum lint_rule rule, enum lint_severity severity)
{
	for (size_t i = lint->count; i-- > 0;) {
		if (lint->findings[i].rule != rule)
			continue;
		lint->findings[i].more++;
		if (lint->findings[i].severity < severity)
			lint->findings[i].severity = severity;
		return;
	}
}

static void add(struct lint *lint, enum lint_rule rule, enum lint_severity severity,
		struct lint_place place, const char *format, va_list arguments)
{
	char text[SENTENCE_LIMIT];
	struct buf printable;
	if (lint->off[rule])
		return;
	if (lint->said[rule]++ >= LINT_PLACES) {
		count_more(lint, rule, severity);
		return;
	}
	int n = vsnprintf(text, sizeof(text), format, arguments);
	char *memory = arena_bytes(lint->arena, sizeof(text));
	if (n < 0 || !memory || lint->count == lint->capacity) {
		lint->out_of_memory = true;
		return;
	}
	buf_init_fixed(&printable, memory, sizeof(text));
	buf_put(&printable, str_of(text));
	lint->findings[lint->count++] = (struct lint_finding){
		.rule = rule,
		.severity = severity,
		.place = place,
		.sentence = buf_str(&printable),
	};
}

void lint_say(struct lint *lint, enum lint_rule rule, struct lint_place place,
	      const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add(lint, rule, lint_rules[rule].severity, place, format, arguments);
	va_end(arguments);
}

void lint_say_as(struct lint *lint, enum lint_rule rule, enum lint_severity severity,
		 struct lint_place place, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add(lint, rule, severity, place, format, arguments);
	va_end(arguments);
}

static bool is_before(const struct lint_finding *a, const struct lint_finding *b)
{
	if (a->severity != b->severity)
		return a->severity > b->severity;
	int file = str_compare(a->place.file, b->place.file);
	if (file != 0)
		return file < 0;
	if (a->place.line != b->place.line)
		return a->place.line < b->place.line;
	return a->place.column < b->place.column;
}

/* By insertion: there are at most some hundred, and what is equal keeps its order. */
void lint_sort(struct lint *lint)
{
	for (size_t i = 1; i < lint->count; i++) {
		struct lint_finding finding = lint->findings[i];
		size_t at = i;
		for (; at > 0 && is_before(&finding, &lint->findings[at - 1]); at--)
			lint->findings[at] = lint->findings[at - 1];
		lint->findings[at] = finding;
	}
}

size_t lint_count(const struct lint *lint, enum lint_severity severity)
{
	size_t count = 0;
	for (size_t i = 0; i < lint->count; i++)
		count += lint->findings[i].severity == severity;
	return count;
}

const char *lint_shown(char memory[LINT_SHOWN_SIZE], str text)
{
	struct buf b;
	buf_init_fixed(&b, memory, LINT_SHOWN_SIZE - 1);
	buf_put_printable(&b, str_trim(text), 60);
	memory[buf_ok(&b) ? b.size : 0] = '\0';
	return memory;
}

struct lint_place lint_place_of(str file, str text, size_t at)
{
	struct lint_place place = {file, 1, 1};
	size_t line_start = 0;
	for (size_t i = 0; i < at && i < text.size; i++) {
		if (text.data[i] != '\n')
			continue;
		place.line++;
		line_start = i + 1;
	}
	place.column = (uint32_t)(at - line_start + 1);
	return place;
}

/* Partials may be HTML, text or parts of either; what is asked of tags harms no text. */
static void look_at_partials(struct lint *lint, const struct lint_source *source,
			     struct lint_document *document)
{
	const struct value *partials = source->partials;
	if (!partials || partials->kind != VALUE_HASH)
		return;
	for (size_t i = 0; i < partials->hash.count; i++) {
		const struct value_pair *pair = &partials->hash.pairs[i];
		struct buf file;
		if (pair->value.kind != VALUE_STRING)
			continue;
		buf_init_arena(&file, lint->arena, 64);
		buf_put(&file, source->partials_folder);
		buf_put_byte(&file, '/');
		buf_put(&file, pair->name);
		lint_html(lint, source, buf_str(&file), pair->value.string, document);
		lint_text(lint, buf_str(&file), pair->value.string, true);
	}
}

static void look_at_parts(struct lint *lint, const struct lint_source *source,
			  struct lint_own own, struct lint_document *document)
{
	struct lint_place whole = {source->html_file, 0, 0};
	if (source->html.data && own.html) {
		lint_html(lint, source, source->html_file, source->html, document);
		lint_text(lint, source->html_file, source->html, true);
		if (!source->text.data)
			lint_say(lint, LINT_NO_TEXT, whole, "there is no text part");
		else if (source->text_is_made)
			lint_say(lint, LINT_NO_TEXT, whole,
				 "there is no text part: it was made from the HTML");
	} else if (!source->html.data && source->text.data && own.text) {
		whole.file = source->text_file;
		lint_say(lint, LINT_NO_HTML, whole, "there is no HTML part");
	}
	if (source->text.data && own.text && !source->text_is_made)
		lint_text(lint, source->text_file, source->text, true);
}

static void look(struct lint *lint, const struct lint_source *source, struct lint_own own,
		 bool is_variant)
{
	struct lint_document document = {};
	bool has_body = source->html.data ? own.html : own.text;
	if (own.sender)
		lint_sender(lint, source);
	if (own.subject)
		lint_subject(lint, source, source->subject, false);
	look_at_parts(lint, source, own, &document);
	if (has_body && is_variant) {
		/* What the partials hold was told with the letter. */
		struct lint again;
		lint_begin(&again, lint->arena);
		look_at_partials(&again, source, &document);
	} else if (!is_variant) {
		look_at_partials(lint, source, &document);
	}
	if (source->html.data && own.html)
		lint_document(lint, source, &document);
	if (has_body)
		lint_way_out(lint, source, document.has_way_out, !is_variant);
}

void lint_content(struct lint *lint, const struct lint_source *source)
{
	look(lint, source, (struct lint_own){true, true, true, true}, false);
}

void lint_variant(struct lint *lint, const struct lint_source *source, struct lint_own own)
{
	look(lint, source, own, true);
}
