/* https_world.h - a web server on loopback for the tests of engine/net/fetch.c and token.c:
 * tests/unit/https_server.py in a process of its own, with a CA made for it by openssl. */
#pragma once

#include "tests/unit/io_world.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "engine/net/fetch.h"

static struct {
	char directory[128], ca_file[160];
	unsigned https_port, http_port;
	pid_t pid;
	int control; /* closing it ends the server */
	FILE *says;
} web;

/* One line of the server within ten seconds, without its end. */
static inline void web_line(char *line, int size)
{
	struct pollfd ready = {.fd = fileno(web.says), .events = POLLIN};
	line[0] = '\0';
	if (poll(&ready, 1, 10000) == 1 && fgets(line, size, web.says))
		line[strcspn(line, "\n")] = '\0';
}

static inline int web_open(const char *directory)
{
	int in[2], out[2];
	char line[200];
	snprintf(web.directory, sizeof web.directory, "%s", directory);
	snprintf(web.ca_file, sizeof web.ca_file, "%s/ca.pem", directory);
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return -1;
	posix_spawn_file_actions_t files;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in[0], 0);
	posix_spawn_file_actions_adddup2(&files, out[1], 1);
	char *arguments[] = {"/usr/bin/python3", "tests/unit/https_server.py", web.directory,
			     NULL};
	int error = posix_spawn(&web.pid, arguments[0], &files, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&files);
	close(in[0]);
	close(out[1]);
	web.control = in[1];
	web.says = fdopen(out[0], "r");
	if (error)
		return -1;
	setvbuf(web.says, NULL, _IONBF, 0);
	web_line(line, sizeof line);
	if (sscanf(line, "https %u http %u", &web.https_port, &web.http_port) == 2)
		return 0;
	print_error("the web server of the test did not start: %s\n", line);
	return -1;
}

static inline int web_close(void)
{
	int status;
	close(web.control);
	fclose(web.says);
	return waitpid(web.pid, &status, 0) == web.pid ? status : -1;
}

/* What the next requests to /scripted get: a status and a body. */
static inline void web_script(int status, const char *body)
{
	char line[4000];
	int size = snprintf(line, sizeof line, "%d %s\n", status, body);
	assert_true(write(web.control, line, (size_t)size) == size);
	web_line(line, sizeof line);
	assert_string_equal(line, "scripted");
}

/* How often /scripted was asked, and the last form posted to it. */
static inline int web_asked(char *form, int size)
{
	assert_true(write(web.control, "asked\n", 6) == 6);
	char line[4000];
	int count = 0, at = 0;
	web_line(line, sizeof line);
	assert_int_equal(sscanf(line, "asked %d %n", &count, &at), 1);
	if (form)
		snprintf(form, (size_t)size, "%s", line + at);
	return count;
}
