/* cmd_template.c - `rundbrief template render FILE`: exactly the rendered bytes; `template
 * convert` is in template_convert.c. */
#include "engine/api/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/api/locale_dir.h"
#include "engine/api/template_convert.h"
#include "engine/api/template_error.h"
#include "engine/data/json_value.h"
#include "engine/data/locale_load.h"
#include "engine/data/zone_load.h"
#include "engine/io/clock.h"
#include "templates/liquid.h"
#include "templates/region.h"

#define TEMPLATE_SIZE_LIMIT (16u << 20)
#define DATA_SIZE_LIMIT (64u << 20)

struct render {
	const char *data, *partials, *escape, *from, *locales, *locale, *zone;
	bool strict;
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

/* The reader is somebody who has told neither zone nor locale, unless the data do. */
static int make_region(struct cli *cli, const struct render *r, struct region *ret_region)
{
	char why[500];
	struct value locales;
	struct liquid_error error;
	*ret_region = (struct region){
		.zones = zones_system,
		.locales = locales_icu,
		.zone = r->zone ? str_of(r->zone) : STR(""),
		.locale = str_of(r->locale),
		.zone_variable = STR("time_zone"),
		.locale_variable = STR("locale"),
	};
	if (r->zone && (!zones_system() || !zones_find(zones_system(), ret_region->zone)))
		return cli_fail(cli, EXIT_USAGE, "--zone: no time zone is called '%s'",
				r->zone);
	if (!r->locales)
		return CLI_GO;
	json_t *read = locale_dir_read(r->locales, true, cli->arena, why, sizeof(why));
	if (!read)
		return cli_fail(cli, EXIT_INVALID, "%s", why);
	int result = value_from_json(cli->arena, read, &locales);
	json_decref(read);
	if (result != 0)
		return cli_fail(cli, EXIT_INVALID, "%s: nested too deep", r->locales);
	ret_region->texts = texts_compile(cli->arena, &locales, ret_region->locale, &error);
	return ret_region->texts ? CLI_GO : template_error_tell(cli, &error);
}

static int render_file(struct cli *cli, const struct render *r, const char *path)
{
	str source;
	struct value roots;
	struct region region;
	struct liquid_error error;
	int code = read_input(cli, path, TEMPLATE_SIZE_LIMIT, &source);
	if (code == CLI_GO)
		code = read_data(cli, r->data, &roots);
	if (code == CLI_GO)
		code = make_region(cli, r, &region);
	if (code != CLI_GO)
		return code;
	const struct liquid_options options = {
		.file = str_of(path),
		.escape = strcmp(r->escape, "html") == 0 ? LIQUID_ESCAPE_HTML
							 : LIQUID_ESCAPE_NONE,
		.strict_variables = r->strict,
		.load_partial = r->partials ? load_partial : NULL,
		.load_context = (void *)(uintptr_t)r->partials,
		.region = &region,
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

static int convert_file(struct cli *cli, const struct render *r, const char *path)
{
	str source;
	if (!r->from)
		return cli_fail(cli, EXIT_USAGE, "--from says what language FILE is in");
	int code = read_input(cli, path, TEMPLATE_SIZE_LIMIT, &source);
	return code == CLI_GO ? template_convert(cli, r->from, path, source) : code;
}

static int template_run(struct cli *cli, int argc, char **argv)
{
	struct render r = {.escape = "html", .locale = "en"};
	const struct cli_option options[] = {
		{"data", CLI_TEXT, &r.data, "JSON",
		 "the variables, a JSON object: a file, - for standard input, or the text "
		 "itself"},
		{"partials", CLI_TEXT, &r.partials, "DIR",
		 "folder of partials: NAME is DIR/NAME.liquid or DIR/NAME"},
		{"autoescape", CLI_TEXT, &r.escape, "html|none",
		 "escaping of {{ output }}; html unless told"},
		{"from", CLI_TEXT, &r.from, "LANGUAGE",
		 "of convert: mailchimp, handlebars, listmonk or mjml-merge"},
		{"locales", CLI_TEXT, &r.locales, "DIR",
		 "folder of translations for the filter t: DIR/de.json"},
		{"locale", CLI_TEXT, &r.locale, "NAME",
		 "whose numbers and texts, unless the data say so in `locale`; en unless told"},
		{"zone", CLI_TEXT, &r.zone, "NAME",
		 "on whose clock dates are, unless the data say so in `time_zone`; else UTC"},
		{"strict", CLI_FLAG, &r.strict, NULL, "an unknown variable is an error"},
		{},
	};
	static const char *const verbs[] = {"render", "convert"};
	int code = cli_parse(cli, options, &argc, &argv, 2, 2);
	if (code != CLI_GO)
		return code;
	if (strcmp(argv[0], "convert") == 0)
		return convert_file(cli, &r, argv[1]);
	if (strcmp(argv[0], "render") != 0)
		return cli_fail_unknown(cli, "template command", argv[0], verbs, 2);
	if (strcmp(r.escape, "html") != 0 && strcmp(r.escape, "none") != 0)
		return cli_fail(cli, EXIT_USAGE, "--autoescape is html or none, not '%s'",
				r.escape);
	return render_file(cli, &r, argv[1]);
}

const struct command command_template = {
	.name = "template",
	.synopsis = "render FILE [--data JSON] [--partials DIR] [--autoescape html|none]\n"
		    "convert FILE --from mailchimp|handlebars|listmonk|mjml-merge",
	.summary = "Render one template file, or convert one of another sender's language",
	.manual =
		"render writes exactly the rendered bytes. Variables that the data does not "
		"have are empty; an\n"
		"unknown filter or tag, or a wrong number of arguments, is an error with line "
		"and column\n"
		"(exit code 6).\n\n"
		"convert writes Liquid. What has no equivalent becomes a comment, is told with "
		"line and column,\n"
		"and the exit code is 6; all the rest is converted. Names stay, but for "
		"Mailchimp's, which become\n"
		"small letters: FNAME is first_name, LNAME last_name. What a sender keeps "
		"outside of the file (an\n"
		"address, a preview text) is a partial of the campaign: partials/NAME.liquid.",
	.run = template_run,
};
