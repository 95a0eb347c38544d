/* cmd_classify.c - reply lines in, one bounce class per line out, in order. */
#include "engine/api/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/smtp/classify.h"

/* Three digits, or 0 where the column is empty or something else. */
static uint16_t code_of(str text)
{
	uint64_t code;
	if (!str_to_u64(str_trim(text), &code) || code > 999)
		return 0;
	return (uint16_t)code;
}

/* line = reply-code TAB enhanced-code TAB text; fields may be empty or missing. */
static struct reply reply_of_line(str line)
{
	struct reply reply = {.origin = REPLY_REMOTE, .stage = STAGE_UNKNOWN};
	reply.code = code_of(str_cut(&line, '\t'));
	if (line.data) {
		struct status status;
		if (status_parse(str_trim(str_cut(&line, '\t')), &status, NULL))
			reply.status = status;
	}
	reply.text = line.data ? line : STR("");
	return reply;
}

static void write_class(const struct cli *cli, const struct classification *c,
			size_t line_count)
{
	if (cli->format == OUTPUT_JSON)
		printf("%s{\"class\":\"%s\",\"cause\":\"%s\",\"verdict\":\"%s\",\"suppress\":%"
		       "s,"
		       "\"rule\":%u}",
		       line_count ? ",\n" : "\n", bounce_class_names[c->class], c->cause,
		       verdict_names[c->verdict], c->suppress ? "true" : "false", c->rule);
	else
		puts(bounce_class_names[c->class]);
}

static int classify_lines(struct cli *cli, const struct classifier *classifier, str provider)
{
	char *line = NULL;
	size_t capacity = 0, line_count = 0;
	ssize_t size;
	if (cli->format == OUTPUT_JSON)
		cli_write(STR("["));
	while ((size = getline(&line, &capacity, stdin)) >= 0) {
		str text = str_make(line, (size_t)size);
		while (text.size > 0 &&
		       (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
			text.size--;
		/* The session bounds a reply's text too. */
		struct reply reply = reply_of_line(str_sub(text, 0, REPLY_TOTAL_LIMIT));
		struct classification c = classify(classifier, &reply, provider);
		write_class(cli, &c, line_count++);
	}
	free(line);
	if (cli->format == OUTPUT_JSON)
		cli_write(STR("\n]\n"));
	if (ferror(stdin))
		return cli_fail(cli, EXIT_FAILED, "standard input: %s", strerror(errno));
	return EXIT_OK;
}

static int classify_run(struct cli *cli, int argc, char **argv)
{
	const char *provider = "";
	const struct cli_option options[] = {
		{"provider", CLI_TEXT, &provider, "NAME",
		 "whose replies these are (\"gmail\")"},
		{},
	};
	int code = cli_parse(cli, options, &argc, &argv, 0, 0);
	if (code != CLI_GO)
		return code;
	const struct classifier *classifier = classifier_create(cli->arena);
	if (!classifier)
		return cli_fail(cli, EXIT_FAILED, "out of memory");
	return classify_lines(cli, classifier, str_of(provider));
}

const struct command command_classify = {
	.name = "classify",
	.synopsis = "< LINES",
	.summary = "Say what SMTP replies mean: one bounce class per line",
	.manual = "Reads lines of three columns, separated by tabs: reply code, enhanced "
		  "status code\n"
		  "and text; each may be empty. Prints one class for each line, in order.\n"
		  "  printf '550\\t5.1.1\\tNo such user\\n' | rundbrief classify",
	.run = classify_run,
	.outputs = CLI_JSON,
};
