/* cmd_help.c - `rundbrief help [COMMAND | config | campaign]`. */
#include "engine/api/commands.h"

#include <stdio.h>

#include "engine/api/campaign_dir.h"

static int help_config(struct cli *cli)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 16384);
	keys_manual(&config_table, &out);
	printf("The configuration is the file named by --config or by $RUNDBRIEF_CONFIG, or "
	       "else\n"
	       "./rundbrief.conf, or else /etc/rundbrief/rundbrief.conf. Lines are `key = "
	       "value`, in\n"
	       "sections; # begins a comment. `--explain` with any command shows what is in "
	       "force.\n"
	       "Of keys marked with reload an engine that runs takes up another value on "
	       "SIGHUP, within\n"
	       "a second; all others it reads when it starts. Keys of campaigns, tls_report and "
	       "preview\n"
	       "are read by each command.\n"
	       "\n");
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static int help_campaign(struct cli *cli)
{
	struct buf out;
	buf_init_arena(&out, cli->arena, 16384);
	keys_manual(&campaign_table, &out);
	printf("A campaign is a folder with campaign.conf, body.html and body.txt (one of the "
	       "two is\n"
	       "enough), and partials/NAME.liquid for {%% render 'NAME' %%}. `rundbrief "
	       "campaign create\n"
	       "DIR` checks and stores it; `rundbrief campaign --help` says more.\n\n");
	cli_write(buf_str(&out));
	return EXIT_OK;
}

static int help_command(struct cli *cli, char *name)
{
	const char *names[64];
	size_t count = 0;
	char *argv[] = {name, (char[]){"--help"}, NULL};
	for (; commands[count] && count < 63; count++) {
		names[count] = commands[count]->name;
		if (strcmp(name, names[count]) == 0) {
			struct cli inner = {.arena = cli->arena, .command = commands[count]};
			return commands[count]->run(&inner, 2, argv);
		}
	}
	names[count++] = "config";
	return cli_fail_unknown(cli, "subject", name, names, count);
}

static int help_run(struct cli *cli, int argc, char **argv)
{
	int code = cli_parse(cli, NULL, &argc, &argv, 0, 1);
	if (code != CLI_GO)
		return code;
	if (argc == 0) {
		commands_overview();
		return EXIT_OK;
	}
	if (strcmp(argv[0], "config") == 0)
		return help_config(cli);
	return strcmp(argv[0], "campaign") == 0 ? help_campaign(cli)
						: help_command(cli, argv[0]);
}

const struct command command_help = {
	.name = "help",
	.synopsis = "[COMMAND | config | campaign]",
	.summary = "This overview, a command's page, or the manual of a file",
	.run = help_run,
};
