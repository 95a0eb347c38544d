/* commands.c - see commands.h. The order is that of the work: set up, write, send, look. */
#include "engine/api/commands.h"

#include <stdio.h>

/* clang-format off */
const struct command *const commands[] = {
	&command_init,
	&command_import,
	&command_campaign,
	&command_preview,
	&command_plan,
	&command_send,
	&command_serve,
	&command_post,
	&command_status,
	&command_top,
	&command_nodes,
	&command_why,
	&command_report,
	&command_recipients,
	&command_pause,
	&command_resume,
	&command_cancel,
	&command_flush,
	&command_reroute,
	&command_subscriber,
	&command_suppress,
	&command_incidents,
	&command_dkim,
	&command_check,
	&command_trace,
	&command_explain,
	&command_token,
	&command_tls_report,
	&command_warmup,
	&command_hosts,
	&command_journal,
	&command_classify,
	&command_template,
	&command_sink,
	&command_bench,
	&command_help,
	NULL,
};
/* clang-format on */

static size_t command_names(const char **names, size_t limit)
{
	size_t count = 0;
	for (; commands[count] && count < limit; count++)
		names[count] = commands[count]->name;
	return count;
}

void commands_overview(void)
{
	printf("rundbrief sends newsletters: a list in, a personal and signed message to each\n"
	       "recipient's mail server, an account of every one of them.\n\n"
	       "usage: rundbrief COMMAND [OPTIONS]\n\n");
	for (size_t i = 0; commands[i]; i++)
		printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
	printf("\n`rundbrief COMMAND --help` says more; `rundbrief help config` is the manual "
	       "of the\n"
	       "configuration file, `rundbrief help campaign` that of a campaign's folder.\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

/* Whoever parses them puts them into another order. */
static char **copy_words(struct arena *arena, int argc, char **argv)
{
	char **words = ARENA_ARRAY(arena, char *, (size_t)argc + 1);
	for (int i = 0; words && i < argc; i++)
		words[i] = argv[i];
	return words;
}

int commands_run(struct arena *arena, int argc, char **argv)
{
	struct cli cli = {.arena = arena};
	const char *names[64];
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		commands_overview();
		return argc < 2 ? EXIT_USAGE : EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("rundbrief %s\n", RUNDBRIEF_VERSION);
		return EXIT_OK;
	}
	/* `rundbrief --explain` asks about no command in particular. */
	if (strcmp(argv[1], "--explain") == 0 || strcmp(argv[1], "--config") == 0) {
		cli.command = &command_help;
		return cli.command->run(&cli, argc, argv);
	}
	cli.words = copy_words(arena, argc, argv);
	cli.command = find_command(argv[1]);
	if (cli.command)
		return cli.command->run(&cli, argc - 1, argv + 1);
	return cli_fail_unknown(&cli, "command", argv[1], names, command_names(names, 64));
}
