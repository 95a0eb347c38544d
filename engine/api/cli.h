/* cli.h - one invocation of the program: what every command shares.
 * A command is a struct in a table (commands.c) and a function in a file of its own; options
 * are a table too, from which `--help` is printed. Results go to standard output, sentences to
 * standard error, and the exit code says what scripts need to know. */
#pragma once

#include "engine/api/config.h"
#include "engine/base/arena.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* it was tried and did not work; standard error says why */
	EXIT_USAGE = 2,  /* the command line or the configuration is wrong; nothing was done */
	EXIT_NOT_FOUND = 3, /* no such campaign, list, subscriber, file */
	EXIT_DATABASE = 4,  /* the database cannot be reached, or was lost on the way */
	EXIT_STOPPED = 5,   /* stopped in order before the end: paused, cancelled, Ctrl-C */
	EXIT_INVALID =
		6, /* what was given has errors: template, campaign folder, address, DNS */
};

enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_CSV };

struct cli {
	const struct command *command;
	struct arena *arena; /* lives as long as the command */
	char **words;        /* as main() got them, NULL at the end */
	const char *config_path;
	bool explain, verbose, quiet;
	enum output_format format;
	struct config config; /* after cli_config() */
};

enum cli_option_kind { CLI_FLAG, CLI_TEXT, CLI_COUNT, CLI_EACH };

/* Of an option that may be given again. */
#define CLI_WORD_LIMIT 100
struct cli_words {
	const char *words[CLI_WORD_LIMIT];
	size_t count;
};

struct cli_option {
	const char *name; /* "list": given as --list VALUE or --list=VALUE */
	enum cli_option_kind kind;
	void *slot;           /* bool, const char *, uint64_t, struct cli_words */
	const char *argument; /* "NAME"; NULL for flags */
	const char *help;
};

struct command {
	const char *name;
	const char *synopsis; /* "FILE --list NAME"; several lines for several forms */
	const char *summary;  /* one line for `rundbrief help` */
	const char *manual;   /* what --help says beside the options */
	int (*run)(struct cli *, int argc, char **argv); /* argv[0] is the command's name */
	unsigned outputs; /* CLI_JSON | CLI_CSV: which of --json and --csv it understands */
};
enum { CLI_JSON = 1, CLI_CSV = 2 };

extern const struct command *const commands[]; /* ends with NULL */

#define CLI_GO (-1)
/* Takes the options out of argv and leaves *argc operands in front (without the name). options
 * ends with a NULL name; --help, --config, --explain, --verbose, --quiet, --json and --csv are
 * understood by themselves. CLI_GO, or the exit code to end with: after --help, or after a
 * mistake that has been told. least and most: how many operands there may be. */
[[nodiscard]] int cli_parse(struct cli *, const struct cli_option *options, int *argc,
			    char ***argv, int least, int most);
/* Reads the configuration into cli->config, and answers --explain. CLI_GO or an exit code. */
[[nodiscard]] int cli_config(struct cli *);

/* A sentence on standard error, "rundbrief COMMAND: ..."; returns code, for return cli_fail().
 */
__attribute__((format(printf, 3, 4))) int cli_fail(struct cli *, int code, const char *format,
						   ...);
/* A name that was not known; tells the nearest. */
int cli_fail_unknown(struct cli *, const char *what, const char *name, const char *const *known,
		     size_t known_count);
void cli_help(const struct command *, const struct cli_option *options, bool to_stderr);
/* What an operation writes to standard output at its end. */
void cli_write(str);
