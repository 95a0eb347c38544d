/* filter_command.c - see filter_command.h. The command gets a process group of its own, so that
 * whatever it has started is ended with it, and all signals as a program expects them. */
#include "engine/api/filter_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/io/clock.h"

#define COMPLAINT_LIMIT 300 /* of standard error that people are shown */
#define BLOCK 65536

extern char **environ;

struct filter {
	pid_t pid;
	int in, out, err; /* our ends; -1: closed */
	str input;
	struct buf output, complaint;
	size_t output_limit;
	bool too_much;
};

/* ---- words ---- */

struct splitter {
	str rest;
	struct buf word;
};

static bool take_quoted(struct splitter *s, char quote)
{
	while (s->rest.size > 0 && s->rest.data[0] != quote) {
		if (quote == '"' && s->rest.data[0] == '\\' && s->rest.size > 1)
			s->rest = str_from(s->rest, 1);
		buf_put_byte(&s->word, s->rest.data[0]);
		s->rest = str_from(s->rest, 1);
	}
	if (s->rest.size == 0)
		return false;
	s->rest = str_from(s->rest, 1);
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool take_word(struct splitter *s)
{
	while (s->rest.size > 0 && !is_space(s->rest.data[0])) {
		char c = s->rest.data[0];
		s->rest = str_from(s->rest, 1);
		if (c == '\'' || c == '"') {
			if (!take_quoted(s, c))
				return false;
			continue;
		}
		if (c == '\\' && s->rest.size > 0) {
			c = s->rest.data[0];
			s->rest = str_from(s->rest, 1);
		}
		buf_put_byte(&s->word, c);
	}
	buf_put_byte(&s->word, '\0');
	return buf_ok(&s->word);
}

int command_split(str text, struct arena *arena, char **ret_words)
{
	struct splitter s = {.rest = str_trim(text)};
	size_t count = 0;
	while (s.rest.size > 0) {
		if (count == COMMAND_WORD_LIMIT)
			return -1;
		buf_init_arena(&s.word, arena, 64);
		if (!take_word(&s))
			return -1;
		ret_words[count++] = s.word.data;
		s.rest = str_trim(s.rest);
	}
	ret_words[count] = NULL;
	return count > 0 ? 0 : -1;
}

/* ---- running ---- */

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int spawn(struct filter *f, char *const *words, int in, int out, int err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, err, 2);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETSIGMASK);
	int failed = posix_spawnp(&f->pid, words[0], &actions, &attributes, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return failed;
}

static int start(struct filter *f, char *const *words, char *why, size_t why_size)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
	int failed = pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)
			     ? errno
			     : spawn(f, words, in[0], out[1], err[1]);
	close_end(&in[0]);
	close_end(&out[1]);
	close_end(&err[1]);
	f->in = in[1];
	f->out = out[0];
	f->err = err[0];
	if (failed) {
		snprintf(why, why_size, "'%s' cannot be run: %s", words[0], strerror(failed));
		return -1;
	}
	fcntl(f->in, F_SETFL, O_NONBLOCK);
	return 0;
}

/* A command that has read enough closes its end; that is its own affair. */
static void feed(struct filter *f)
{
	ssize_t n = write(f->in, f->input.data, f->input.size);
	if (n > 0)
		f->input = str_from(f->input, (size_t)n);
	if (f->input.size == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_end(&f->in);
}

static void drain(int *fd, struct buf *into, size_t limit, bool *ret_too_much)
{
	char block[BLOCK];
	ssize_t n = read(*fd, block, sizeof(block));
	if (n == 0 || (n < 0 && errno != EINTR)) {
		close_end(fd);
		return;
	}
	size_t size = n > 0 ? (size_t)n : 0, room = limit - into->size;
	buf_put(into, str_make(block, size < room ? size : room));
	if (size > room && ret_too_much)
		*ret_too_much = true;
}

/* Until both its outputs have ended. False: it took too long. */
static bool run_until(struct filter *f, usec end)
{
	while ((f->out >= 0 || f->err >= 0) && !f->too_much) {
		usec left = end - clock_now();
		struct pollfd fds[3] = {
			{f->in, POLLOUT, 0}, {f->out, POLLIN, 0}, {f->err, POLLIN, 0}};
		if (left <= 0)
			return false;
		if (poll(fds, 3, (int)(left / USEC_MS) + 1) < 0 && errno != EINTR)
			return false;
		if (f->in >= 0 && fds[0].revents)
			feed(f);
		if (f->out >= 0 && fds[1].revents)
			drain(&f->out, &f->output, f->output_limit, &f->too_much);
		if (f->err >= 0 && fds[2].revents)
			drain(&f->err, &f->complaint, COMPLAINT_LIMIT, NULL);
	}
	return true;
}

/* Its outputs have ended, so it is about to end, or it is ended; with it whatever it has left
 * running, before its number may be another's. False: it was not in time. */
static bool wait_for_end(struct filter *f, usec end, int *ret_status)
{
	siginfo_t info = {};
	bool in_time = true;
	while (in_time &&
	       waitid(P_PID, (id_t)f->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0) {
		in_time = clock_now() < end && !f->too_much;
		if (in_time)
			poll(NULL, 0, 5);
	}
	kill(-f->pid, SIGKILL);
	while (waitpid(f->pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return in_time || f->too_much;
}

static void tell(struct filter *f, const char *words0, const char *what, char *why,
		 size_t why_size)
{
	char shown[COMPLAINT_LIMIT * 4 + 8];
	struct buf b;
	buf_init_fixed(&b, shown, sizeof(shown));
	buf_put_printable(&b, str_trim(buf_str(&f->complaint)), COMPLAINT_LIMIT);
	snprintf(why, why_size, "'%s' %s%s%.*s", words0, what, b.size ? ": " : "",
		 (int)(buf_ok(&b) ? b.size : 0), shown);
}

static int judge(struct filter *f, char *const *words, bool in_time, int status, usec timeout,
		 char *why, size_t why_size)
{
	char what[100];
	if (f->too_much)
		snprintf(what, sizeof(what), "wrote more than %zu bytes", f->output_limit);
	else if (!in_time)
		snprintf(what, sizeof(what), "had not ended after %lld ms",
			 (long long)(timeout / USEC_MS));
	else if (WIFSIGNALED(status))
		snprintf(what, sizeof(what), "was ended by signal %d", WTERMSIG(status));
	else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		snprintf(what, sizeof(what), "ended with status %d", WEXITSTATUS(status));
	else if (!buf_ok(&f->output))
		snprintf(what, sizeof(what), "wrote more than there is memory for");
	else
		return 0;
	tell(f, words[0], what, why, why_size);
	return -1;
}

int filter_run(char *const *words, str input, const struct filter_limits *limits,
	       struct arena *arena, str *ret_output, char *ret_why, size_t why_size)
{
	struct filter f = {.input = input, .output_limit = limits->output_size};
	char complaint[COMPLAINT_LIMIT];
	usec end = clock_now() + limits->timeout;
	int status = 0;
	buf_init_arena(&f.output, arena, input.size + 4096);
	buf_init_fixed(&f.complaint, complaint, sizeof(complaint));
	int result = start(&f, words, ret_why, why_size);
	if (result == 0) {
		bool in_time = run_until(&f, end);
		close_end(&f.in);
		close_end(&f.out);
		close_end(&f.err);
		in_time &= wait_for_end(&f, in_time ? end : 0, &status);
		result = judge(&f, words, in_time, status, limits->timeout, ret_why, why_size);
	}
	close_end(&f.in);
	close_end(&f.out);
	close_end(&f.err);
	if (result == 0)
		*ret_output = buf_str(&f.output);
	return result;
}
