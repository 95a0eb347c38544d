/* template_convert.c - see template_convert.h. */
#include "engine/api/template_convert.h"

#include <stdio.h>

#include "engine/api/template_error.h"
#include "templates/convert.h"
#include "templates/liquid.h"

/* Whatever partial is named will be there one day. */
static bool load_nothing(void *, str, struct arena *, str *ret_source)
{
	*ret_source = STR("");
	return true;
}

static void tell_notes(const struct cli *cli, const char *path,
		       const struct convert_result *result)
{
	for (const struct convert_note *n = result->notes; n; n = n->next)
		fprintf(stderr, "rundbrief %s: %s:%u:%u: %s%s\n", cli->command->name, path,
			n->line, n->column, n->lost ? "not converted, " : "", n->text);
	if (result->dropped_count > 0)
		fprintf(stderr, "rundbrief %s: and %zu more\n", cli->command->name,
			result->dropped_count);
}

int template_convert(struct cli *cli, const char *from, const char *path, str source)
{
	struct convert_result result;
	struct liquid_error error;
	int language = 0;
	while (language < CONVERT_FROM_COUNT && strcmp(convert_from_names[language], from) != 0)
		language++;
	if (language == CONVERT_FROM_COUNT)
		return cli_fail_unknown(cli, "language", from, convert_from_names,
					CONVERT_FROM_COUNT);
	if (convert_run(cli->arena, source, (enum convert_from)language, &result) != 0)
		return cli_fail(cli, EXIT_INVALID, "%s: %s", path, result.why);
	cli_write(result.liquid);
	fflush(stdout);
	if (!cli->quiet || result.lost_count > 0)
		tell_notes(cli, path, &result);
	const struct liquid_options options = {.file = str_of(path),
					       .load_partial = load_nothing};
	if (!liquid_compile(cli->arena, result.liquid, &options, &error)) {
		cli_fail(cli, EXIT_INVALID, "what came of it is no Liquid:");
		return template_error_tell(cli, &error);
	}
	return result.lost_count > 0 ? EXIT_INVALID : EXIT_OK;
}
