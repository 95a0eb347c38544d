/* links.h - the links of a campaign: found, numbered and rewritten at compile time.
 *
 * What is rewritten is the template, before it is compiled for good: a tracked link becomes
 *
 *   BASE/c/{{ click_token }}/INDEX     (anonymous: BASE/c/TOKEN/INDEX, the same for everybody)
 *
 * so that it costs each message one short slot, and the token itself is made once a message
 * (engine/mail/token.h, TOKEN_TRACK). Where it leads stays here, in a table (campaign_links): a
 * click names the campaign and an index, never an address to be led to, so that nobody can
 * make our server point elsewhere.
 *
 * Counted are http and https links of <a> and <area>, in conditional comments too. Not counted,
 * and left as they are: unsubscribe_url, preferences_url and view_url; links with the attribute
 * track="false" or data-track="false" (taken out), or whose address is written as
 * {{ url | track: false }}; and those in a loop or in a partial whose address holds a name that
 * only they know, because a click could not tell where they lead. What assign and capture made is
 * known to a click: the target takes their tags along. Pure. */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/buf.h"

#define LINK_LIMIT_COUNT 2000 /* links of a campaign; those behind stay as they are */
#define LINK_TEXT_LIMIT 100

enum links_tracking { LINKS_OFF, LINKS_ANONYMOUS, LINKS_INDIVIDUAL };

struct links_options {
	str base_url; /* without a slash at its end */
	enum links_tracking tracking;
	bool opens;         /* a picture of one pixel at the end of the HTML */
	bool text;          /* the text part's links are counted too */
	str campaign_token; /* for LINKS_ANONYMOUS */
	str utm;            /* as links_put_utm() wrote it; empty: none is added */
	bool (*load_partial)(void *context, str name, struct arena *, str *ret_source);
	void *load_context;
};

enum links_form { LINKS_HTML, LINKS_PARTIAL, LINKS_TEXT };
struct links_part {
	str name;   /* of a file, for people */
	str source; /* in: a template that compiles; out: what is to be compiled. Lines stay */
	enum links_form form;
};

struct link {
	uint32_t index; /* from 1; 0: it is not tracked, and stands here only as what it is */
	str target;     /* without entities, with what utm adds */
	bool is_liquid; /* target is Liquid, to be rendered without escaping */
	str text;       /* what a reader sees of it: at most LINK_TEXT_LIMIT bytes, UTF-8 */
};
struct links {
	const struct link *items;
	size_t count, tracked_count;
};

/* Lists and rewrites the links of all parts, in their order. 0, or -1: out of memory.
 * Everything lives in the arena. */
[[nodiscard]] int links_rewrite(struct arena *, const struct links_options *,
				struct links_part *parts, size_t part_count,
				struct links *ret_links);

/* One parameter "utm_NAME=VALUE", escaped as a query wants it (RFC 3986 2.1), behind those that
 * are there. */
void links_put_utm(struct buf *out, const char *name, str value);
/* url with those parameters of utm that it does not have, before its fragment. is_html: url is
 * written with &amp;, and so is what comes. A {{ }} or {% %} in it is passed over. */
void links_put_with_utm(struct buf *out, str url, str utm, bool is_html);

/* What a request for one of our own pages asks for. */
enum link_page { LINK_CLICK, LINK_OPEN, LINK_UNSUBSCRIBE, LINK_VIEW, LINK_PREFERENCES };
struct link_path {
	enum link_page page;
	str token;
	uint32_t index; /* of LINK_CLICK */
};
/* Of "/c/TOKEN/7", "/o/TOKEN.gif", "/u/TOKEN", "/v/TOKEN", "/p/TOKEN", what stands before it
 * and a query being ignored; false: none of ours. The token is not looked into. */
[[nodiscard]] bool link_path_read(str url, struct link_path *ret_path);
