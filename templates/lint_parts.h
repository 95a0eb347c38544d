/* lint_parts.h - private to lint*.c: HTML with Liquid in it as tags and text, and the parts of
 * lint_content().
 *
 * Liquid is taken out first: what prints becomes LINT_OUTPUT, what only steers LINT_TAG, one
 * byte each, wherever it stood; comments vanish. So a ">" or a quote inside of Liquid ends
 * nothing, and a value that is not known until it is rendered shows that it is not. */
#pragma once

#include "templates/lint.h"

#define LINT_OUTPUT '\x01'
#define LINT_TAG '\x02'

struct lint_flat {
	str text, source;
	struct lint_cut {
		size_t at, source_at;
	} * cuts; /* where a run of bytes begins, here and in the source */
	size_t cut_count;
};

/* 0, or -1: out of memory. */
[[nodiscard]] int lint_flatten(struct arena *, str source, struct lint_flat *ret_flat);
size_t lint_flat_source(const struct lint_flat *, size_t at);

#define LINT_ATTRIBUTE_LIMIT 32 /* of a tag; further ones are not looked at */

struct lint_piece {
	enum lint_piece_kind {
		LINT_PIECE_END,
		LINT_PIECE_TEXT, /* text; inside says of what element that holds no others */
		LINT_PIECE_OPEN,
		LINT_PIECE_CLOSE,
		LINT_PIECE_COMMENT, /* and <!doctype> */
	} kind;
	str name, text; /* as written */
	size_t at;      /* in the flat text */
	struct lint_attribute {
		str name, value; /* value data NULL: has none */
		size_t at;
	} attributes[LINT_ATTRIBUTE_LIMIT];
	size_t attribute_count;
	bool dynamic; /* Liquid prints attributes, or there are too many to be sure of one */
};

struct lint_html_scanner {
	str text;
	size_t at;
	str inside; /* script, style, title or textarea: what follows is its text */
};

/* Each call takes at least one byte; HTML that is never closed ends with the text. */
void lint_html_next(struct lint_html_scanner *, struct lint_piece *ret_piece);
/* NULL: has none of that name. */
const struct lint_attribute *lint_attribute(const struct lint_piece *, const char *name);

/* What a link is, from the bytes of it that are known. */
enum lint_link {
	LINT_LINK_FINE, /* or not known before it is rendered */
	LINT_LINK_EMPTY,
	LINT_LINK_RELATIVE,
	LINT_LINK_JAVASCRIPT,
	LINT_LINK_CID,
};
struct lint_link_facts {
	enum lint_link kind;
	bool http;               /* not https */
	bool number, short_name; /* its host is an IP address; has no domain */
	bool shortener;
	str host;
};
struct lint_link_facts lint_link_of(str url);

/* What the document as a whole has; its layout may be a partial. */
struct lint_document {
	bool has_html, has_language, has_title, has_preheader, has_way_out;
	size_t image_count, letter_count;
};
void lint_html(struct lint *, const struct lint_source *, str file, str html,
	       struct lint_document *);
void lint_document(struct lint *, const struct lint_source *, const struct lint_document *);
/* has_lines: a place in text is one in the file. */
void lint_text(struct lint *, str file, str text, bool has_lines);
void lint_subject(struct lint *, const struct lint_source *, str subject, bool is_rendered);
void lint_sender(struct lint *, const struct lint_source *);
/* Whether and how a reader can leave. */
void lint_way_out(struct lint *, const struct lint_source *, bool has_link, bool look_at_site);

/* Whether findings of the rule are still listed: else a place need not be looked for. */
static inline bool lint_wants(const struct lint *lint, enum lint_rule rule)
{
	return !lint->off[rule] && lint->said[rule] < LINT_PLACES;
}
struct lint_place lint_place_of(str file, str text, size_t at);
/* Printable, as much as a sentence wants, with a NUL. */
#define LINT_SHOWN_SIZE 260
const char *lint_shown(char memory[LINT_SHOWN_SIZE], str text);
