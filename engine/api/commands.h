/* commands.h - the table of commands, and the page `rundbrief help` prints from it. */
#pragma once

#include "engine/api/cli.h"

#define RUNDBRIEF_VERSION "0.1.0"

/* Finds and runs argv[1]; returns the exit code. */
int commands_run(struct arena *, int argc, char **argv);
void commands_overview(void);

extern const struct command command_bench, command_campaign, command_cancel, command_check, command_classify,
	command_dkim, command_explain, command_flush, command_help, command_hosts, command_journal,
	command_import, command_incidents, command_init, command_nodes, command_pause,
	command_plan, command_post, command_preview, command_recipients, command_report,
	command_reroute, command_resume, command_send, command_serve, command_sink,
	command_status, command_subscriber, command_suppress, command_template,
	command_tls_report, command_token, command_top, command_trace, command_warmup,
	command_why;
