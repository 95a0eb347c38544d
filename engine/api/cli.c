/* cli.c - command lines read by table, help printed from the same table. */
#include "engine/api/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/api/rows.h"
#include "engine/api/suggest.h"
#include "engine/base/log.h"

#define OPTION_LIMIT 40

struct common {
	bool help, json, csv;
	struct cli_option options[8];
};

static void common_options(struct common *c, struct cli *cli)
{
	struct cli_option *at = c->options;
	if (cli->command->outputs & CLI_JSON)
		*at++ = (struct cli_option){"json", CLI_FLAG, &c->json, NULL, "write JSON"};
	if (cli->command->outputs & CLI_CSV)
		*at++ = (struct cli_option){"csv", CLI_FLAG, &c->csv, NULL,
					    "write CSV with a header line"};
	*at++ = (struct cli_option){"config", CLI_TEXT, &cli->config_path, "FILE",
				    "read this configuration"};
	*at++ = (struct cli_option){"explain", CLI_FLAG, &cli->explain, NULL,
				    "print the settings in force and where each is from"};
	*at++ = (struct cli_option){"verbose", CLI_FLAG, &cli->verbose, NULL,
				    "log what is done"};
	*at++ = (struct cli_option){"quiet", CLI_FLAG, &cli->quiet, NULL,
				    "no progress display, log errors only"};
	*at++ = (struct cli_option){"help", CLI_FLAG, &c->help, NULL, "this page"};
	*at = (struct cli_option){};
}

static const struct cli_option *find_option(const struct cli_option *options, str name)
{
	for (; options && options->name; options++) {
		if (str_eq(name, str_of(options->name)))
			return options;
	}
	return NULL;
}

static int unknown_option(struct cli *cli, const struct cli_option *own,
			  const struct cli_option *common, const char *name)
{
	const char *known[OPTION_LIMIT];
	size_t count = 0;
	for (; own && own->name && count < OPTION_LIMIT; own++)
		known[count++] = own->name;
	for (; common->name && count < OPTION_LIMIT; common++)
		known[count++] = common->name;
	return cli_fail_unknown(cli, "option", name, known, count);
}

static int store_option(struct cli *cli, const struct cli_option *option, const char *value)
{
	if (option->kind == CLI_TEXT) {
		*(const char **)option->slot = value;
		return CLI_GO;
	}
	if (option->kind == CLI_EACH) {
		struct cli_words *each = option->slot;
		if (each->count == CLI_WORD_LIMIT)
			return cli_fail(cli, EXIT_USAGE, "--%s: more than %d of them",
					option->name, CLI_WORD_LIMIT);
		each->words[each->count++] = value;
		return CLI_GO;
	}
	if (!str_to_u64(str_of(value), (uint64_t *)option->slot))
		return cli_fail(cli, EXIT_USAGE, "--%s wants a whole number, not '%s'",
				option->name, value);
	return CLI_GO;
}

/* One "--name", "--name=value" or "--name value"; *index moves over a value of its own. */
static int take_option(struct cli *cli, const struct cli_option *own,
		       const struct cli_option *common, char **argv, int argc, int *index)
{
	str word = str_of(argv[*index] + 2), value = word;
	str name = str_cut(&value, '=');
	const struct cli_option *option = find_option(own, name);
	if (!option)
		option = find_option(common, name);
	if (!option)
		return unknown_option(cli, own, common, argv[*index] + 2);
	if (option->kind == CLI_FLAG) {
		if (value.data)
			return cli_fail(cli, EXIT_USAGE, "--%s takes no value", option->name);
		*(bool *)option->slot = true;
		return CLI_GO;
	}
	if (!value.data && *index + 1 >= argc)
		return cli_fail(cli, EXIT_USAGE, "--%s wants a value: --%s %s", option->name,
				option->name, option->argument);
	return store_option(cli, option, value.data ? value.data : argv[++*index]);
}

/* A command of several forms gets them one a line. */
static int tell_missing(struct cli *cli)
{
	const struct command *command = cli->command;
	if (!strchr(command->synopsis, '\n'))
		return cli_fail(cli, EXIT_USAGE, "something is missing: rundbrief %s %s",
				command->name, command->synopsis);
	cli_fail(cli, EXIT_USAGE, "something is missing. The forms are");
	for (str forms = str_of(command->synopsis); forms.data;) {
		str form = str_cut(&forms, '\n');
		fprintf(stderr, "  rundbrief %s %.*s\n", command->name, STR_FORMAT(form));
	}
	return EXIT_USAGE;
}

static int check_operands(struct cli *cli, int count, int least, int most, char **argv)
{
	if (count >= least && count <= most)
		return CLI_GO;
	if (count > most)
		return cli_fail(cli, EXIT_USAGE, "'%s' is one argument too many; see --help",
				argv[most]);
	return tell_missing(cli);
}

int cli_parse(struct cli *cli, const struct cli_option *options, int *argc, char ***argv,
	      int least, int most)
{
	struct common common = {};
	int operands = 0;
	bool only_operands = false;
	char **words = *argv + 1;
	common_options(&common, cli);
	for (int i = 0; i < *argc - 1; i++) {
		if (strcmp(words[i], "-h") == 0 && !only_operands) {
			common.help = true;
		} else if (strcmp(words[i], "--") == 0 && !only_operands) {
			only_operands = true;
		} else if (strncmp(words[i], "--", 2) == 0 && !only_operands) {
			int code =
				take_option(cli, options, common.options, words, *argc - 1, &i);
			if (code != CLI_GO)
				return code;
		} else if (words[i][0] == '-' && words[i][1] != '\0' && !only_operands) {
			return cli_fail(cli, EXIT_USAGE,
					"options are written in full: see --help");
		} else {
			words[operands++] = words[i];
		}
	}
	if (common.help) {
		cli_help(cli->command, options, false);
		return EXIT_OK;
	}
	if (common.json && common.csv)
		return cli_fail(cli, EXIT_USAGE, "--json or --csv, not both");
	cli->format = common.json ? OUTPUT_JSON : common.csv ? OUTPUT_CSV : OUTPUT_TEXT;
	log_set_level(cli->verbose ? LOG_DEBUG : cli->quiet ? LOG_ERROR : LOG_WARN);
	*argc = operands;
	*argv = words;
	/* --explain asks about the settings only: whatever else is missing does not matter. */
	return cli->explain ? cli_config(cli)
			    : check_operands(cli, operands, least, most, words);
}

int cli_config(struct cli *cli)
{
	char why[400];
	if (!cli->config.settings && !cli->config.path.data &&
	    config_load(&cli->config, cli->config_path, cli->arena, why, sizeof(why)) != 0)
		return cli_fail(cli, EXIT_USAGE, "%s", why);
	if (!cli->explain)
		return CLI_GO;
	struct buf out;
	buf_init_arena(&out, cli->arena, 8192);
	config_explain(&cli->config, &out);
	cli_write(buf_str(&out));
	return EXIT_OK;
}

/* Names of campaigns, answers of servers and the like stand in these sentences: what a terminal
 * would obey is made visible here, once for all. */
int cli_fail(struct cli *cli, int code, const char *format, ...)
{
	char sentence[2048], shown[4096];
	struct buf b;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	buf_init_fixed(&b, shown, sizeof(shown));
	text_put_printable(&b, str_of(sentence), sizeof(shown) - 8);
	fflush(stdout);
	fprintf(stderr, "rundbrief%s%s: %.*s\n", cli->command ? " " : "",
		cli->command ? cli->command->name : "", STR_FORMAT(buf_str(&b)));
	return code;
}

int cli_fail_unknown(struct cli *cli, const char *what, const char *name,
		     const char *const *known, size_t known_count)
{
	str word = str_of(name);
	str bare = str_cut(&word, '=');
	const char *near = suggest(bare, known, known_count);
	char shown[100];
	struct buf b;
	buf_init_fixed(&b, shown, sizeof(shown) - 1);
	buf_put_printable(&b, bare, 80);
	shown[b.size] = '\0';
	const char *dashes = strcmp(what, "option") == 0 ? "--" : "";
	if (near)
		return cli_fail(cli, EXIT_USAGE, "unknown %s '%s%s', did you mean '%s%s'?",
				what, dashes, shown, dashes, near);
	return cli_fail(cli, EXIT_USAGE, "unknown %s '%s%s'; see --help", what, dashes, shown);
}

static void print_options(FILE *out, const struct cli_option *options)
{
	for (; options && options->name; options++) {
		char head[60];
		snprintf(head, sizeof(head), "--%s%s%s", options->name,
			 options->argument ? " " : "",
			 options->argument ? options->argument : "");
		fprintf(out, "  %-24s %s\n", head, options->help);
	}
}

void cli_help(const struct command *command, const struct cli_option *options, bool to_stderr)
{
	FILE *out = to_stderr ? stderr : stdout;
	struct common common = {};
	struct cli cli = {.command = command};
	str forms = str_of(command->synopsis);
	common_options(&common, &cli);
	for (bool first = true; forms.data; first = false) {
		str form = str_cut(&forms, '\n');
		fprintf(out, "%s rundbrief %s %.*s\n", first ? "usage:" : "      ",
			command->name, STR_FORMAT(form));
	}
	fprintf(out, "\n%s.\n", command->summary);
	if (command->manual)
		fprintf(out, "\n%s\n", command->manual);
	fprintf(out, "\nOptions:\n");
	print_options(out, options);
	print_options(out, common.options);
	fprintf(out,
		"\nExit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 not found,\n"
		"4 database unreachable, 5 stopped before the end, 6 what was given has "
		"errors.\n");
}

void cli_write(str text)
{
	fwrite(text.data, 1, text.size, stdout);
}
