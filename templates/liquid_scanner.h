/* liquid_scanner.h - private to the room: a template cut into text, `{{ }}` and `{% %}`, or the
 * inside of a `{% liquid %}` tag cut into lines, each of which is a tag. */
#pragma once

#include "engine/base/str.h"

struct piece {
	enum piece_kind {
		PIECE_END,
		PIECE_TEXT,
		PIECE_OUTPUT,
		PIECE_TAG,
		PIECE_BROKEN, /* opened and not closed properly: inner is what stands there */
	} kind;
	str inner; /* TEXT: trimmed as its neighbours ask; others: between the braces and dashes
		    */
	const char *at; /* where the piece begins in the template */
};

struct scanner {
	const char *at, *end;
	bool trim; /* the last piece ended in a dash */
	bool lines;
	bool no_tag_end,
		no_output_end; /* none stands behind: searched once, not for each opening */
};

void scanner_init(struct scanner *, str source);
void scanner_init_lines(struct scanner *, str inside);
struct piece scanner_next(struct scanner *);

/* A tag's name (a word, or "#"), and what follows it. Empty name: there is none. */
void piece_split_tag(str inner, str *ret_name, str *ret_markup);

/* Moves behind the tag `{% NAME ... %}`, and gives what stood before it as it is. False: it
 * never comes, or `{% FORBIDDEN` came first (NULL: nothing is forbidden). */
bool scanner_take_verbatim(struct scanner *, const char *name, const char *forbidden,
			   str *ret_text);
