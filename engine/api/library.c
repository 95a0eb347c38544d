/* library.c - the public C interface (include/rundbrief) over the rooms. It owns what the rooms
 * do not: memory from the heap, one arena for each object that a caller creates. */
#include <rundbrief/classify.h>
#include <rundbrief/template.h>

#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/buf.h"
#include "engine/data/json_value.h"
#include "engine/io/heap.h"
#include "engine/smtp/classify.h"
#include "templates/liquid.h"

static_assert(RUNDBRIEF_DELIVERED == (int)VERDICT_DELIVERED);
static_assert(RUNDBRIEF_DEFERRED == (int)VERDICT_DEFERRED);
static_assert(RUNDBRIEF_FAILED == (int)VERDICT_FAILED);
static_assert(RUNDBRIEF_IN_DOUBT == (int)VERDICT_IN_DOUBT);
static_assert(RUNDBRIEF_SUPPRESSED == (int)VERDICT_SUPPRESSED);
static_assert(RUNDBRIEF_CANCELLED == (int)VERDICT_CANCELLED);

struct rundbrief_template {
	struct arena arena; /* holds all of it but this struct */
	struct liquid *liquid;
};

struct rundbrief_classifier {
	struct arena arena;
	struct classifier *classifier;
};

static void tell(struct rundbrief_error *out, unsigned line, unsigned column,
		 const char *message)
{
	struct buf b;
	if (!out)
		return;
	*out = (struct rundbrief_error){.line = line, .column = column};
	buf_init_fixed(&b, out->message, sizeof(out->message) - 1);
	buf_put(&b, str_sub(str_of(message), 0, sizeof(out->message) - 1));
}

static bool compile(struct rundbrief_template *t, str source, enum rundbrief_escape escape,
		    struct rundbrief_error *ret_error)
{
	struct liquid_error error = {};
	const struct liquid_options options = {
		.escape = escape == RUNDBRIEF_ESCAPE_HTML ? LIQUID_ESCAPE_HTML
							  : LIQUID_ESCAPE_NONE,
	};
	source = arena_copy(&t->arena, source);
	if (source.data)
		t->liquid = liquid_compile(&t->arena, source, &options, &error);
	if (!t->liquid)
		tell(ret_error, error.line, error.column,
		     error.message[0] ? error.message : "out of memory");
	return t->liquid;
}

rundbrief_template *rundbrief_template_compile(const char *source, size_t source_size,
					       enum rundbrief_escape escape,
					       struct rundbrief_error *ret_error)
{
	struct rundbrief_template *t = calloc(1, sizeof(*t));
	if (!t) {
		tell(ret_error, 0, 0, "out of memory");
		return NULL;
	}
	arena_init(&t->arena, heap_source(), 0, 0);
	if (compile(t, str_make(source, source_size), escape, ret_error))
		return t;
	rundbrief_template_destroy(t);
	return NULL;
}

void rundbrief_template_destroy(rundbrief_template *t)
{
	if (!t)
		return;
	arena_done(&t->arena);
	free(t);
}

/* Hands the bytes to the caller, who knows nothing of arenas. */
static int give(str text, char **ret_text, size_t *ret_size, struct rundbrief_error *ret_error)
{
	char *copy = malloc(text.size + 1);
	if (!copy) {
		tell(ret_error, 0, 0, "out of memory");
		return -1;
	}
	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	*ret_text = copy;
	*ret_size = text.size;
	return 0;
}

static int render(const rundbrief_template *t, str json, usec wall_now, struct arena *scratch,
		  struct buf *out, struct rundbrief_error *ret_error)
{
	struct value roots;
	struct liquid_error error = {};
	char why[200] = "";
	if (value_from_json_text(scratch, json, &roots, why, sizeof(why)) != 0 ||
	    roots.kind != VALUE_HASH) {
		tell(ret_error, 0, 0, why[0] ? why : "the variables are not a JSON object");
		return -1;
	}
	if (liquid_render(t->liquid, &roots, NULL, wall_now, scratch, out, &error) != 0) {
		tell(ret_error, error.line, error.column, error.message);
		return -1;
	}
	if (!buf_ok(out)) {
		tell(ret_error, 0, 0, "out of memory");
		return -1;
	}
	return 0;
}

int rundbrief_template_render(const rundbrief_template *t, const char *json, size_t json_size,
			      int64_t now_usec, char **ret_text, size_t *ret_size,
			      struct rundbrief_error *ret_error)
{
	struct arena scratch;
	struct buf out;
	arena_init(&scratch, heap_source(), 0, 0);
	buf_init_arena(&out, &scratch, 4096);
	int result = render(t, str_make(json, json_size), now_usec, &scratch, &out, ret_error);
	if (result == 0)
		result = give(buf_str(&out), ret_text, ret_size, ret_error);
	arena_done(&scratch);
	return result;
}

void rundbrief_free(void *memory)
{
	free(memory);
}

const char *rundbrief_verdict_name(int verdict)
{
	if (verdict <= VERDICT_NONE || verdict >= VERDICT_COUNT)
		return NULL;
	return verdict_names[verdict];
}

rundbrief_classifier *rundbrief_classifier_create(void)
{
	struct rundbrief_classifier *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	arena_init(&c->arena, heap_source(), 0, 0);
	c->classifier = classifier_create(&c->arena);
	if (c->classifier)
		return c;
	rundbrief_classifier_destroy(c);
	return NULL;
}

void rundbrief_classifier_destroy(rundbrief_classifier *c)
{
	if (!c)
		return;
	arena_done(&c->arena);
	free(c);
}

void rundbrief_classify(const rundbrief_classifier *c, int code, const char *enhanced_code,
			const char *text, size_t text_size, const char *provider,
			struct rundbrief_classification *ret)
{
	struct reply reply = {.origin = REPLY_REMOTE, .stage = STAGE_UNKNOWN};
	struct status status;
	if (code >= 100 && code <= 999)
		reply.code = (uint16_t)code;
	if (enhanced_code && status_parse(str_of(enhanced_code), &status, NULL))
		reply.status = status;
	reply.text = str_sub(str_make(text, text_size), 0, REPLY_TOTAL_LIMIT);
	struct classification found =
		classify(c->classifier, &reply, str_of(provider ? provider : ""));
	*ret = (struct rundbrief_classification){
		.class_name = bounce_class_names[found.class],
		.cause = found.cause,
		.verdict = (enum rundbrief_verdict)found.verdict,
		.suppress = found.suppress,
	};
}
