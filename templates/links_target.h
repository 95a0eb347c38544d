/* links_target.h - private to links*.c: what one link is, and what becomes of it. */
#pragma once

#include "templates/links_scan.h"

/* One call of links_rewrite(). */
struct rewriting {
	struct arena *arena;
	const struct links_options *options;
	struct links_name {
		str name;
		struct links_name *next;
	} * names;      /* that tags give values to */
	uint32_t index; /* of the last tracked link */
	struct link *links;
	size_t link_count;
	const struct links_part *pixel_partial; /* ends the body for letters that do not */
};

struct target {
	uint32_t index;  /* 0: not tracked */
	bool add_utm;    /* here, not only where a click leads */
	bool dynamic;    /* begins with Liquid: its scheme is not known */
	bool late_query; /* Liquid stands where the query may begin */
};

/* Notes the names that the template's tags give values to. 0, or -1: out of memory. */
[[nodiscard]] int links_note_names(struct rewriting *, str source);
/* The tags before at, in a capture of their own and closed: what they give values to has them
 * behind it. False: the link stands in a loop or a capture; out is then of no use. */
bool links_put_before(struct buf *out, str source, size_t at);
/* As the parser reads comments: they nest, and a raw inside hides what it holds. */
struct scanner;
void scanner_skip_comment(struct scanner *);
/* Looks at one link and lists it, when it is one of ours. 0, or -1: out of memory. */
[[nodiscard]] int links_target_read(struct rewriting *, const struct links_part *,
				    const uint8_t *map, const struct links_anchor *,
				    struct target *ret_target);
