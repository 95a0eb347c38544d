/* content_links.h - private to content*.c: a campaign's links, as its settings want them. */
#pragma once

#include "engine/send/content.h"

enum content_links {
	CONTENT_LINKS_AS_THEY_WERE,
	CONTENT_LINKS_REWRITTEN, /* source is to be compiled again */
	CONTENT_LINKS_NO_BASE,   /* tracking without a site that answers clicks */
	CONTENT_LINKS_NO_MEMORY,
};

/* Rewrites HTML, text and partials of a source that compiles, and those of the variants in
 * settings (templates/links.h). */
enum content_links content_links_rewrite(struct arena *, struct value *settings,
					 const struct content_site *, struct message_source *,
					 struct links *ret_links);
