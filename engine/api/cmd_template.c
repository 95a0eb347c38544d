/* cmd_template.c - `rundbrief template render FILE`: exactly the rendered bytes. */
#include "engine/api/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/data/json_value.h"
#include "engine/api/template_error.h"
#include "engine/io/clock.h"
#include "templates/liquid.h"

#define TEMPLATE_SIZE_LIMIT (16u << 20)
#define DATA_SIZE_LIMIT (64u << 20)

struct render {
	const char *data, *partials, *escape;
	bool strict, lax_filters;
};

/* partial NAME is DIR/NAME.liquid or DIR/NAME; a name that climbs out of DIR is none. */
static bool load_partial(void *context, str name, struct arena *arena, str *ret_source)
{
	const char *folder = context;
	char path[4096], why[200];
	if (name.size == 0 || name.data[0] == '/' || str_find(name, STR("..")) != STR_NONE ||
	    str_find_byte(name, '\0') != STR_NONE)
		return false;
	for (int suffix = 1; suffix >= 0; suffix--) {
		int n = snprintf(path, sizeof(path), "%s/%.*s%s", folder, STR_FORMAT(name),
				 suffix ? ".liquid" : "");
		if (n > 0 && (size_t)n < sizeof(path) &&
		    file_read(path, TEMPLATE_SIZE_LIMIT, arena, ret_source, why, sizeof(why)) ==
			    0)
			return true;
	}
	return false;
}

/* All of standard input or of a pipe, which file_read() cannot measure beforehand. */
static int read_stream(FILE *in, size_t limit_size, struct arena *arena, str *ret_text)
{
	struct buf b;
	char block[16384];
	size_t n;
	buf_init_arena(&b, arena, sizeof(block));
	while ((n = fread(block, 1, sizeof(block), in)) > 0 && b.size + n <= limit_size)
		buf_put(&b, str_make(block, n));
	if (n > 0 || ferror(in) || !buf_ok(&b))
		return -1;
	*ret_text = buf_str(&b);
	return 0;
}

static int read_input(struct cli *cli, const char *path, size_t limit_size, str *ret_text)
{
	char why[300];
	if (strcmp(path, "-") == 0) {
		if (read_stream(stdin, limit_size, cli->arena, ret_text) == 0)
			return CLI_GO;
		return cli_fail(cli, EXIT_FAILED,
				"standard input cannot be read, or is too long");
	}
	if (file_read(path, limit_size, cli->arena, ret_text, why, sizeof(why)) == 0)
		return CLI_GO;
	return cli_fail(cli, EXIT_NOT_FOUND, "%s", why);
}

static int read_data(struct cli *cli, const char *path, struct value *ret_roots)
{
	str text = STR("{}");
	char why[300] = "";
	bool is_text = path && str_starts(str_trim(str_of(path)), STR("{"));
	int code = path && !is_text ? read_input(cli, path, DATA_SIZE_LIMIT, &text) : CLI_GO;
	if (is_text)
		text = str_of(path);
	if (code != CLI_GO)
		return code;
	if (value_from_json_text(cli->arena, text, ret_roots, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_INVALID, "%s: %s", path, why);
	if (ret_roots->kind != VALUE_HASH)
		return cli_fail(cli, EXIT_INVALID,
				"%s: is not a JSON object of names and values", path);
	return CLI_GO;
}

static int render_file(struct cli *cli, const struct render *r, const char *path)
{
	str source;
	struct value roots;
	struct liquid_error error;
	int code = read_input(cli, path, TEMPLATE_SIZE_LIMIT, &source);
	if (code == CLI_GO)
		code = read_data(cli, r->data, &roots);
	if (code != CLI_GO)
		return code;
	const struct liquid_options options = {
		.file = str_of(path),
		.escape = strcmp(r->escape, "html") == 0 ? LIQUID_ESCAPE_HTML
							 : LIQUID_ESCAPE_NONE,
		.strict_variables = r->strict,
		.lax_filters = r->lax_filters,
		.load_partial = r->partials ? load_partial : NULL,
		.load_context = (void *)(uintptr_t)r->partials,
	};
	const struct liquid *template = liquid_compile(cli->arena, source, &options, &error);
	if (!template)
		return template_error_tell(cli, &error);
	struct arena scratch;
	struct buf out;
	arena_init(&scratch, cli->arena->source, 0, 0);
	buf_init_arena(&out, cli->arena, 65536);
	int result = liquid_render(template, &roots, &(struct liquid_limits){}, clock_wall(),
				   &scratch, &out, &error);
	arena_done(&scratch);
	if (result != 0)
		return template_error_tell(cli, &error);
	if (!buf_ok(&out))
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static int template_run(struct cli *cli, int argc, char **argv)
{
	struct render r = {.escape = "html"};
	const struct cli_option options[] = {
		{"data", CLI_TEXT, &r.data, "JSON",
		 "the variables, a JSON object: a file, - for standard input, or the text "
		 "itself"},
		{"partials", CLI_TEXT, &r.partials, "DIR",
		 "folder of partials: NAME is DIR/NAME.liquid or DIR/NAME"},
		{"autoescape", CLI_TEXT, &r.escape, "html|none",
		 "escaping of {{ output }}; html unless told"},
		{"strict", CLI_FLAG, &r.strict, NULL, "an unknown variable is an error"},
		{"lax-filters", CLI_FLAG, &r.lax_filters, NULL,
		 "an unknown filter changes nothing, instead of being an error"},
		{},
	};
	static const char *const verbs[] = {"render"};
	int code = cli_parse(cli, options, &argc, &argv, 2, 2);
	if (code != CLI_GO)
		return code;
	if (strcmp(argv[0], "render") != 0)
		return cli_fail_unknown(cli, "template command", argv[0], verbs, 1);
	if (strcmp(r.escape, "html") != 0 && strcmp(r.escape, "none") != 0)
		return cli_fail(cli, EXIT_USAGE, "--autoescape is html or none, not '%s'",
				r.escape);
	return render_file(cli, &r, argv[1]);
}

const struct command command_template = {
	.name = "template",
	.synopsis = "render FILE [--data JSON] [--partials DIR] [--autoescape html|none] "
		    "[--strict] [--lax-filters]",
	.summary = "Render one template file and write exactly its bytes",
	.manual = "Variables that the data does not have are empty; an unknown filter or tag, "
		  "or a wrong\n"
		  "number of arguments, is an error with line and column (exit code 6).",
	.run = template_run,
};
