/* convert_listmonk.h - private to the room: pipelines of Go's templates, and what the dot
 * means. */
#pragma once

#include "templates/convert_part.h"

#define GO_NAME_LIMIT 64 /* variables `$x` of one template */

struct listmonk {
	struct convert *c;
	struct go_dot {
		str path;                /* what `.` is; empty: what listmonk gives */
		size_t name_count;       /* outside of its block */
	} dots[CONVERT_DEPTH_LIMIT + 1]; /* innermost last */
	size_t dot_count;
	struct go_name {
		str name, liquid; /* "$x"; a path */
	} names[GO_NAME_LIMIT];
	size_t name_count;
};

/* False: no equivalent. */
[[nodiscard]] bool go_value(const struct listmonk *, str pipeline,
			    struct convert_value *ret_value);
[[nodiscard]] bool go_cond(const struct listmonk *, str pipeline,
			   struct convert_cond *ret_cond);
/* The next word, string or parentheses off the begin of *rest; false: there is none that Go
 * would read. */
[[nodiscard]] bool go_cut(str *rest, str *ret_term);
