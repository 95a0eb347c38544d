/* template_error.c - see template_error.h. The excerpt is printable already. */
#include "engine/api/template_error.h"

#include <stdio.h>

void template_error_format(const struct liquid_error *error, struct buf *out)
{
	size_t excerpt_size = strlen(error->excerpt);
	buf_put_printable(out, error->file, 200);
	buf_printf(out, ":%u:%u: %s\n", error->line, error->column, error->message);
	if (excerpt_size == 0)
		return;
	buf_printf(out, "    %s\n", error->excerpt);
	if (error->caret == 0 || error->caret > sizeof(error->excerpt))
		return;
	buf_put_cstr(out, "    ");
	for (uint32_t i = 1; i < error->caret; i++)
		buf_put_byte(out, ' ');
	buf_put_cstr(out, "^\n");
}

int template_error_tell(struct cli *cli, const struct liquid_error *error)
{
	char text[1024];
	struct buf b;
	buf_init_fixed(&b, text, sizeof(text));
	template_error_format(error, &b);
	fflush(stdout);
	fprintf(stderr, "rundbrief %s: %.*s", cli->command->name, STR_FORMAT(buf_str(&b)));
	return EXIT_INVALID;
}
