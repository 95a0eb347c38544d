/* liquid_case.h - one template rendered in one line of a test. */
#pragma once

#include "cmocka_all.h"
#include "memory.h"

#include "engine/data/json_value.h"
#include "templates/liquid.h"

struct liquid_case {
	struct counting_source source;
	struct arena arena;
	struct liquid_options options;
	struct liquid_limits limits;
	usec now;
	struct liquid_error error;
	struct liquid *liquid;
	struct value data;
	struct buf out;
};

static inline void case_begin(struct liquid_case *c)
{
	*c = (struct liquid_case){.options.file = STR("test.html")};
	counting_source_init(&c->source);
	arena_init(&c->arena, &c->source.source, 4096, (size_t)64 << 20);
}

static inline void case_end(struct liquid_case *c)
{
	arena_done(&c->arena);
	assert_int_equal(c->source.out_count, 0);
}

/* 0, or -1 with the error in the case. */
static inline int case_compile(struct liquid_case *c, str text, const char *json)
{
	char problem[200] = "";
	c->data = value_hash(NULL, 0);
	if (json &&
	    value_from_json_text(&c->arena, str_of(json), &c->data, problem, sizeof(problem)))
		fail_msg("%s: %s", json, problem);
	c->liquid = liquid_compile(&c->arena, text, &c->options, &c->error);
	return c->liquid ? 0 : -1;
}

static inline int case_run(struct liquid_case *c)
{
	buf_init_arena(&c->out, &c->arena, 64);
	return liquid_render(c->liquid, &c->data, &c->limits, c->now, &c->arena, &c->out,
			     &c->error);
}

static inline void case_expect(struct liquid_case *c, const char *text, const char *json,
			       const char *expected)
{
	if (case_compile(c, str_of(text), json) || case_run(c))
		fail_msg("%s: %u:%u %s", text, c->error.line, c->error.column,
			 c->error.message);
	if (!str_eq(buf_str(&c->out), str_of(expected)) && !(c->out.size == 0 && !*expected))
		fail_msg("%s: expected '%s', got '%.*s'", text, expected,
			 STR_FORMAT(buf_str(&c->out)));
}

/* It fails, and the message contains what is said. */
static inline void case_expect_error(struct liquid_case *c, const char *text, const char *json,
				     const char *said)
{
	if (case_compile(c, str_of(text), json) == 0 && case_run(c) == 0)
		fail_msg("%s: no error, but '%.*s'", text, STR_FORMAT(buf_str(&c->out)));
	if (str_find(str_of(c->error.message), str_of(said)) == STR_NONE)
		fail_msg("%s: expected '%s', got '%s'", text, said, c->error.message);
}
