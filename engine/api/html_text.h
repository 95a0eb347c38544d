/* html_text.h - the text part of a letter that has only HTML: made once, when the campaign is
 * created, and kept as a template like any other, so that people can read and change it.
 *
 * Liquid survives: {{ output }} and {% tags %} stand in the text where they stood between the
 * elements of the HTML. A link becomes "text <address>", an image its alternative text; what is
 * not shown (head, style, script, display:none) is left out. */
#pragma once

#include "engine/base/arena.h"

/* data NULL: the arena is at its limit. */
str html_text(struct arena *, str html);
