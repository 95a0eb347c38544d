/* Any bytes as a letter: findings stand inside of their file, in order and bounded; whatever
 * one rule says can be silenced; and Liquid in the same bytes goes through inlining unchanged.
 */
#include "engine/api/inline_css.h"
#include "engine/base/assert.h"
#include "templates/lint_parts.h"
#include "tests/golden/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t count_lines(str text)
{
	uint32_t lines = 1;
	for (size_t i = 0; i < text.size; i++)
		lines += text.data[i] == '\n';
	return lines;
}

static void check_findings(const struct lint *lint, str html)
{
	uint32_t lines = count_lines(html);
	ASSERT(lint->count <= (size_t)LINT_RULE_COUNT * LINT_PLACES && !lint->out_of_memory);
	for (size_t i = 0; i < lint->count; i++) {
		const struct lint_finding *f = &lint->findings[i];
		ASSERT(f->place.line <= lines && f->place.column <= html.size + 1);
		ASSERT(f->sentence.size > 0);
		ASSERT(i == 0 || lint->findings[i - 1].severity >= f->severity);
	}
}

static void check_pieces(struct arena *arena, str html)
{
	struct lint_flat flat;
	struct lint_piece piece;
	ASSERT(lint_flatten(arena, html, &flat) == 0 && flat.text.size <= html.size);
	struct lint_html_scanner scanner = {.text = flat.text};
	for (size_t at = 0;; at = scanner.at) {
		lint_html_next(&scanner, &piece);
		if (piece.kind == LINT_PIECE_END)
			break;
		ASSERT(scanner.at > at && scanner.at <= flat.text.size);
		ASSERT(lint_flat_source(&flat, piece.at) < html.size);
	}
	ASSERT(scanner.at == flat.text.size);
}

static void check_inlining(struct arena *arena, str html)
{
	struct inline_tags tags;
	char why[600];
	str safe, back;
	if (inline_css_protect(html, arena, &tags, &safe, why, sizeof(why)) != 0)
		return;
	ASSERT(inline_css_restore(safe, arena, &tags, &back, why, sizeof(why)) == 0);
	ASSERT(str_eq(back, html));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct lint lint;
	struct lint_field *fields;
	size_t count;
	if (size > 8192)
		return 0;
	arena_init(&arena, &test_heap, 0, 0);
	str html = str_make((const char *)data, size);
	const struct lint_source source = {
		.subject = html,
		.html = html,
		.from_address = html,
		.conf_file = STR("c"),
		.html_file = STR("h"),
		.text_file = STR("t"),
	};
	lint_begin(&lint, &arena);
	lint_content(&lint, &source);
	lint_message(&lint, &source, &(struct lint_sample){html, html, size});
	lint_sort(&lint);
	check_findings(&lint, html);
	check_pieces(&arena, html);
	check_inlining(&arena, html);
	if (lint_fields(&arena, &source, &fields, &count) == 0)
		ASSERT(count <= size);
	arena_done(&arena);
	return 0;
}
