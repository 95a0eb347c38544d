/* main.c - the one binary: logs go to standard error, the rest is a command. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/api/commands.h"
#include "engine/base/log.h"
#include "engine/io/heap.h"

static void write_log(enum log_level level, const char *line, void *)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	/* A progress display may stand in this line. */
	fprintf(stderr, "%slevel=%s %s\n", isatty(2) ? "\r\033[K" : "", names[level], line);
}

int main(int argc, char **argv)
{
	struct arena arena;
	/* A mail server or a pager that goes away is an error code, not the end of us. */
	signal(SIGPIPE, SIG_IGN);
	log_set_writer(write_log, NULL);
	log_set_level(LOG_WARN);
	arena_init(&arena, heap_source(), 0, 0);
	int code = commands_run(&arena, argc, argv);
	if (fflush(stdout) != 0 && code == EXIT_OK)
		code = EXIT_FAILED;
	arena_done(&arena);
	return code;
}
