/* suppress_scope.h - for what a suppression holds, as a person says it: everywhere, one list,
 * one sender, and an address or a whole domain. */
#pragma once

#include "engine/api/db.h"

struct suppress_scope {
	const char *list, *sender; /* as given; NULL: not */
	const char *expires;
	bool domain; /* operands are domains, not addresses */
	/* After suppress_scope_find(), for statements: never NULL. */
	const char *list_id, *sender_key, *expires_seconds;
};

/* Looks the list up and brings the sender into its form. CLI_GO or an exit code. */
[[nodiscard]] int suppress_scope_find(struct db *, struct suppress_scope *);
/* An address everywhere: what needs no scope. */
bool suppress_scope_is_plain(const struct suppress_scope *);
/* An operand as it is compared (with a NUL behind it); data NULL: it is none, *ret_why says
 * what is wrong. */
str suppress_scope_key(const struct suppress_scope *, struct arena *, str text,
		       const char **ret_why);
