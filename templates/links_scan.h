/* links_scan.h - private to links*.c: HTML that is a Liquid template, looked through for links.
 * Positions count bytes of the template. */
#pragma once

#include "templates/links.h"

/* What each byte of a template is. */
enum links_byte {
	BYTE_TEXT, /* of the output */
	BYTE_RAW,  /* of the output, inside {% raw %} */
	BYTE_CODE, /* {{ }}, {% %} */
	BYTE_GONE, /* of a comment */
};
/* One value of enum links_byte for each byte; NULL: out of memory. */
uint8_t *links_map(struct arena *, str source);
static inline bool links_is_text(const uint8_t *map, size_t at)
{
	return map[at] <= BYTE_RAW;
}

struct links_span {
	size_t at, size;
};

/* A link as it stands in HTML. */
struct links_anchor {
	struct links_span href;     /* the value, without its quotes */
	char quote;                 /* 0: there are none */
	struct links_span drops[4]; /* attributes to be taken out, ascending */
	size_t drop_count;
	bool no_track;
	str text;
};

struct links_scan {
	struct links_anchor *anchors;
	size_t count;
	size_t body_end; /* where the last </body stands, or else </html; SIZE_MAX: nowhere */
};
/* 0, or -1: out of memory. */
[[nodiscard]] int links_scan_html(struct arena *, str source, const uint8_t *map,
				  struct links_scan *ret_scan);
/* Addresses in plain text: anchors of which only href is set. */
[[nodiscard]] int links_scan_text(struct arena *, str source, const uint8_t *map,
				  struct links_scan *ret_scan);

/* Text with the entities read that addresses are written with, and without line ends and tabs,
 * which are nothing there (URL Standard 4.4); code bytes stay. */
void links_put_decoded(struct buf *out, str source, const uint8_t *map, struct links_span);

/* Is it http or https, with the spaces off its ends? */
bool links_is_web(str url);
/* Is it one of our own pages: base/u/..., base/p/...? */
bool links_is_own(str url, str base);
