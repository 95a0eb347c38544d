/* convert_handlebars.h - private to the room: terms of a mustache, and what names mean in the
 * blocks around them. */
#pragma once

#include "templates/convert_part.h"

/* A block that changes what names mean: `../` is the scope before. */
struct scope {
	enum scope_kind {
		SCOPE_ROOT,
		SCOPE_PATH,    /* #with: names are members of base */
		SCOPE_LOOP,    /* #each: of the loop's variable */
		SCOPE_PAIR,    /* #each over an object: base is [key, value] */
		SCOPE_SECTION, /* Mustache's: as LOOP, and what is no member is looked for
				  outside */
	} kind;
	str base;
	str value_name, index_name; /* as |value index| */
	str list;                   /* of SECTION: the variable that is walked through */
};

struct term {
	enum term_kind { TERM_PATH, TERM_LITERAL, TERM_GROUP, TERM_BAD } kind;
	str text; /* literals as Liquid writes them; a group without its parentheses */
	str key;  /* of key=term; else empty */
};

struct terms {
	struct term items[CONVERT_OPERAND_LIMIT];
	size_t count;
	str value_name, index_name;
	bool bad; /* more than fit, or no grammar of ours */
};

struct handlebars {
	struct convert *c;
	struct scope scopes[CONVERT_DEPTH_LIMIT + 1];
	size_t scope_count;
};

void terms_read(struct convert *, str inner, struct terms *);
/* False: no equivalent. */
[[nodiscard]] bool term_value(const struct handlebars *, const struct term *,
			      struct convert_value *ret_value);
[[nodiscard]] bool term_cond(const struct handlebars *, const struct term *,
			     struct convert_cond *ret_cond);
/* `eq a b` and its like. False: no such helper, or not with these terms. */
[[nodiscard]] bool terms_compare(const struct handlebars *, const struct terms *,
				 struct convert_cond *ret_cond);
/* `{{helper a b}}`. */
[[nodiscard]] bool terms_call(const struct handlebars *, const struct terms *,
			      struct convert_value *ret_value);
