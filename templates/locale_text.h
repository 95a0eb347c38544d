/* locale_text.h - translations: what the filter `t` writes, by the reader's locale and a key.
 * Made of a hash of locales, each a hash of texts, hashes in it being parts of the key:
 *   { "de": { "greeting": { "hello": "Hallo {{ name }}" },
 *             "points": { "one": "{{ count }} Punkt", "other": "{{ count }} Punkte" } } }
 * A text whose key ends in "_html" is HTML; only what is put into it is escaped. A hash that
 * has "other" and nothing but names of plural categories is one text with several forms. */
#pragma once

#include "engine/base/map.h"
#include "templates/liquid.h"
#include "templates/locale.h"

/* Literal text, then the argument of that name (data NULL: none). */
struct text_piece {
	str literal, name;
};

struct text {
	struct text_form {
		const struct text_piece *pieces; /* NULL: there is no such form */
		size_t count;
	} forms[PLURAL_COUNT]; /* one that has no plural stands at PLURAL_OTHER */
	bool has_plural, is_html;
};

struct text_set {
	str name; /* of the locale */
	struct map by_key;
	const struct text_set *next; /* de-AT's is de; NULL: none */
};

struct texts {
	struct text_set *sets;
	size_t count;
	const struct text_set *usual; /* of the default locale; NULL: there is no such set */
	str usual_name;
};

/* In the arena; names and texts point into locales. NULL with the error, whose file then is
 * "locales/NAME.json". locale: the default. */
[[nodiscard]] struct texts *texts_compile(struct arena *, const struct value *locales,
					  str locale, struct liquid_error *ret_error);
/* The nearest there is for a locale; NULL only when there is none for the default either. */
const struct text_set *texts_for(const struct texts *, str locale);
/* The text of a key from that set on, and then from the default's; in *ret_set where it was
 * found. NULL: none has it. */
const struct text *text_find(const struct texts *, const struct text_set *, str key,
			     const struct text_set **ret_set);
/* A key that is like it, as liquid_suggest() says it. */
void text_suggest(const struct text_set *, str key, char *out, size_t out_size);
