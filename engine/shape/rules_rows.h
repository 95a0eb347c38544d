/* rules_rows.h - the inside of rules.h, for the files that put rows together: rules.c,
 * provider_file.c and provider_lint.c. Not for anybody else. */
#pragma once

#include <stdatomic.h>

#include "engine/base/buf.h"
#include "engine/shape/rules.h"

#define RULES_HOST_LIMIT 253 /* of a host name, RFC 1035 2.3.4 without the root's dot */

struct rule {
	struct rule *next;
	str name;
	str *suffixes; /* in small letters, without dots at either end */
	size_t suffix_count;
	const uint32_t *suffix_columns; /* where they stand in their line; NULL: unknown */
	bool replaced; /* a later rule of this name has suffixes: these match no more */
	struct path_limits limits;
	uint32_t own;
	struct rule_place place;
};

struct rule_table {
	struct rule *first, **end; /* built in first, then as added */
	size_t count;
	uint64_t fingerprint;
};

struct rules {
	struct arena *arena;
	struct rule_table own;
	_Atomic(const struct rule_table *) now; /* own, or that of newer rules */
	_Atomic uint32_t generation;
};

static inline bool rule_matches(const struct rule *rule)
{
	return rule->suffix_count > 0 && !rule->replaced;
}

/* As rules keep it: small letters, no dot at either end. data NULL: memory is out. */
str rules_normal(struct arena *, str name);
/* A host name in that form: labels of letters, digits, hyphens and underscores (which some MX
 * have), RFC 1123 2.1. */
bool rules_is_host(str name);
/* Whether host (with or without its dot at the end) is suffix or below it. */
bool rules_host_is_below(str host, str suffix);
/* "FILE:LINE", or "line LINE" of what was read without a file. */
void rules_put_place(struct buf *out, const struct rule_place *);
/* rules_add_at() where suffixes and name are as rules keep them; NULL when memory is out or
 * there are too many. */
struct rule *rules_append(struct rules *, str name, str *suffixes, size_t suffix_count,
			  const struct path_limits *, uint32_t own, const struct rule_place *);
