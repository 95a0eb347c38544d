/* cmd_sink.c - `rundbrief sink`, the receiving side for tests, the demo and benchmarks.
 * Its options belong to the sink and are read there: order and repetition mean something. */
#include "engine/api/commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/sink/sink.h"

static int run_sink(int argc, char **argv)
{
	char why[400] = "";
	/* Some hundred bytes a listener: too much for a stack that is to stay small. */
	struct sink_options *options = malloc(sizeof *options);
	int code = EXIT_USAGE;
	if (!options)
		return EXIT_FAILED;
	if (sink_options_parse(options, argc - 1, argv + 1, why, sizeof why) == 0)
		code = sink_run(options, why, sizeof why) == 0 ? EXIT_OK : EXIT_FAILED;
	if (code != EXIT_OK)
		fprintf(stderr, "rundbrief sink: %s\n", why);
	free(options);
	return code;
}

static int sink_command(struct cli *cli, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") != 0)
			continue;
		printf("usage: rundbrief sink %s\n\n%s\n\n%s", cli->command->synopsis,
		       cli->command->manual, sink_manual);
		return EXIT_OK;
	}
	return run_sink(argc, argv);
}

const struct command command_sink = {
	.name = "sink",
	.synopsis = "[--listen ADDR:PORT]... [OPTIONS]",
	.summary = "receive mail for tests: an SMTP server that refuses, defers and counts",
	.manual =
		"Takes mail on loopback addresses, one for each provider that is to be "
		"played,\n"
		"until SIGTERM or SIGINT, and then says what it got. Which recipient is "
		"refused,\n"
		"deferred or dropped follows from the address and --seed, in every run alike.",
	.run = sink_command,
};
