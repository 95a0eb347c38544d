/* death.h - does a broken promise end the program? Asked in a child process. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool dies_by_abort(void (*act)(void *), void *context)
{
	pid_t child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL); /* not cmocka's */
		act(context);
		_exit(0);
	}
	int status = 0;
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
