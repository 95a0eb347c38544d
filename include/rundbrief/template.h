/* rundbrief/template.h - compile a Liquid template once, render it many times. C11 and C++.
 * Texts are UTF-8 with their size; nothing needs a NUL at its end. */
#ifndef RUNDBRIEF_TEMPLATE_H
#define RUNDBRIEF_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rundbrief_template rundbrief_template;

enum rundbrief_escape { RUNDBRIEF_ESCAPE_NONE = 0, RUNDBRIEF_ESCAPE_HTML = 1 };

/* What is wrong and where; line and column count from 1, 0 where there is no such place. */
struct rundbrief_error {
	unsigned line, column;
	char message[256];
};

/* NULL with *ret_error when the template does not compile or memory ran out. ret_error may be
 * NULL. The source is copied. */
rundbrief_template *rundbrief_template_compile(const char *source, size_t source_size,
					       enum rundbrief_escape escape,
					       struct rundbrief_error *ret_error);
/* NULL is harmless. */
void rundbrief_template_destroy(rundbrief_template *);

/* json: an object of variables, "{}" for none. now_usec: what `'now' | date` shows,
 * microseconds since 1970. 0 with *ret_text (a NUL behind it, to be freed with rundbrief_free)
 * and *ret_size; -1 with *ret_error and the other two untouched. A template may be rendered by
 * several threads at once. */
int rundbrief_template_render(const rundbrief_template *, const char *json, size_t json_size,
			      int64_t now_usec, char **ret_text, size_t *ret_size,
			      struct rundbrief_error *ret_error);

void rundbrief_free(void *);

#ifdef __cplusplus
}
#endif
#endif
