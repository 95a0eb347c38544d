/* inline_css.h - styles moved from <style> into the elements, by a command that the user names:
 * some mail readers know no other. Made once, when a campaign is stored.
 *
 * The command knows nothing of Liquid, so each of its tags is replaced by a stand-in that HTML
 * parsers leave where it is: a comment between elements, a word in values, an attribute among
 * attributes. A <style> that holds Liquid stands aside as a whole. Afterwards the same tags
 * must stand there in the same order, or it is an error: nothing is sent that nobody wrote. */
#pragma once

#include "engine/base/arena.h"

/* HTML of at most that size comes back. */
#define INLINE_CSS_LIMIT (8u << 20)

/* command: words, separated by spaces, quoted with ' or "; no shell. 0, or -1 with a sentence.
 */
[[nodiscard]] int inline_css(str command, str html, struct arena *, str *ret_html,
			     char *ret_why, size_t why_size);

/* ---- for tests ---- */

struct inline_tags {
	struct inline_tag {
		str text;      /* as written */
		uint32_t line; /* where */
	} * items;
	size_t count;
	char word[24]; /* what all stand-ins begin with: nothing in the HTML does */
};
[[nodiscard]] int inline_css_protect(str html, struct arena *, struct inline_tags *ret_tags,
				     str *ret_html, char *ret_why, size_t why_size);
[[nodiscard]] int inline_css_restore(str html, struct arena *, const struct inline_tags *,
				     str *ret_html, char *ret_why, size_t why_size);
