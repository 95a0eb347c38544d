/* golden_liquid.h - the golden cases (in ../shared/corpus, see its README) as templates and
 * data. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/data/json_value.h"
#include "templates/liquid.h"

#define GOLDEN_CASES "../shared/corpus/liquid/golden-liquid.json"

enum { GOLDEN_COUNT = 798 };

static inline str golden_text(const json_t *object, const char *key)
{
	const json_t *text = json_object_get(object, key);
	return text ? (str){json_string_value(text), json_string_length(text)} : (str){};
}

/* context is the case's object of templates, NULL when it has none. */
static inline bool golden_partial(void *context, str name, struct arena *arena, str *ret_source)
{
	char key[200];
	if (!context || !str_to_cstr(name, key, sizeof key) || !json_object_get(context, key))
		return false;
	*ret_source = arena_copy(arena, golden_text(context, key));
	return ret_source->data != NULL;
}

static inline struct liquid *golden_compile(struct arena *arena, const json_t *test,
					    struct liquid_error *error)
{
	struct liquid_options options = {.file = STR("case"),
					 .load_partial = golden_partial,
					 .load_context = json_object_get(test, "templates")};
	return liquid_compile(arena, golden_text(test, "template"), &options, error);
}

/* The cases, or the test is skipped. */
static inline json_t *golden_load(void)
{
	json_t *corpus = json_load_file(GOLDEN_CASES, 0, NULL);
	if (!corpus) {
		printf("skipped: " GOLDEN_CASES " is not here\n");
		skip();
	}
	return corpus;
}
