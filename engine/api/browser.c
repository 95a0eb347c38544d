/* browser.c - see browser.h: the process, and messages to and from it (JSON, each ended by NUL,
 * on descriptors 3 and 4 of the browser). browser_picture.c says what is asked. */
#include "engine/api/browser.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/io/clock.h"

#define MESSAGE_SIZE_LIMIT                                                                     \
	(64u << 20) /* a picture 700 wide and 16,000 high has 45 MB at most */
#define SAID_SIZE_LIMIT 160
#define STOP_WAIT (3 * USEC_SECOND)
#define STEP_WAIT (20 * USEC_MS)
#define NEW_FD 20 /* above 3 and 4, where two of the pipes' ends are put */

static int fail(struct browser *b, const char *sentence)
{
	if (!b->why[0])
		snprintf(b->why, sizeof(b->why), "%s", sentence);
	return -1;
}

static bool may_run(const char *path)
{
	return access(path, X_OK) == 0;
}

static str in_path(struct arena *arena, str name)
{
	const char *path = getenv("PATH");
	str folders = str_of(path ? path : "/usr/local/bin:/usr/bin:/bin");
	while (folders.size > 0) {
		struct buf b;
		str rest = folders, folder = str_cut(&rest, ':');
		buf_init_arena(&b, arena, 256);
		buf_put(&b, rest.data ? folder : folders);
		buf_put_byte(&b, '/');
		buf_put(&b, name);
		folders = rest.data ? rest : (str){};
		str program = arena_copy(arena, buf_str(&b));
		if (program.data && program.data[0] == '/' && may_run(program.data))
			return program;
	}
	return (str){};
}

str browser_find(struct arena *arena, str named)
{
	static const char *const names[] = {"chromium", "chromium-browser", "google-chrome",
					    "google-chrome-stable"};
	if (named.size > 0 && str_find_byte(named, '/') != STR_NONE) {
		str program = arena_copy(arena, named);
		return program.data && may_run(program.data) ? program : (str){};
	}
	if (named.size > 0)
		return in_path(arena, named);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		str program = in_path(arena, str_of(names[i]));
		if (program.data)
			return program;
	}
	return (str){};
}

static int remove_entry(const char *path, const struct stat *, int, struct FTW *)
{
	(void)remove(path);
	return 0;
}

/* What the browser wrote to standard error, the end of its last line. */
static void read_said(const char *profile, char said[SAID_SIZE_LIMIT])
{
	char path[256], text[4096];
	struct buf b;
	snprintf(path, sizeof(path), "%s/said", profile);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	str line = str_trim(str_make(text, n > 0 ? (size_t)n : 0));
	line = str_from(line, str_rfind_byte(line, '\n') + 1);
	buf_init_fixed(&b, said, SAID_SIZE_LIMIT - 1);
	buf_put_printable(&b, line, (SAID_SIZE_LIMIT - 8) / 4);
	said[b.size] = '\0';
}

static int fail_gone(struct browser *b)
{
	char said[SAID_SIZE_LIMIT];
	if (b->why[0])
		return -1;
	read_said(b->profile, said);
	snprintf(b->why, sizeof(b->why), "the browser ended before the picture was made%s%s",
		 said[0] ? ": " : "", said);
	return -1;
}

static int fail_late(struct browser *b)
{
	return fail(b, "the browser did not make the picture in time (preview.timeout of "
		       "rundbrief.conf)");
}

/* Two pipes, all four ends above the descriptors that the child is given. */
static int make_pipes(int ends[4])
{
	int result = 0;
	for (int i = 0; i < 4; i++)
		ends[i] = -1;
	for (int i = 0; i < 4 && result == 0; i += 2) {
		int low[2];
		if (pipe2(low, O_CLOEXEC) != 0)
			return -1;
		for (int j = 0; j < 2; j++) {
			ends[i + j] = fcntl(low[j], F_DUPFD_CLOEXEC, NEW_FD);
			close(low[j]);
			if (ends[i + j] < 0)
				result = -1;
		}
	}
	return result;
}

static void close_all(int ends[4])
{
	for (int i = 0; i < 4; i++)
		if (ends[i] >= 0)
			close(ends[i]);
}

/* Nothing of our own environment, where passwords may stand, but where programs are. */
static int spawn(struct browser *b, const char *program, int read_end, int write_end)
{
	char profile[220], home[220], temporary[220], path[1024], said[220];
	const char *own_path = getenv("PATH");
	snprintf(profile, sizeof(profile), "--user-data-dir=%s", b->profile);
	snprintf(home, sizeof(home), "HOME=%s", b->profile);
	snprintf(temporary, sizeof(temporary), "TMPDIR=%s", b->profile);
	snprintf(path, sizeof(path), "PATH=%s", own_path ? own_path : "/usr/bin:/bin");
	snprintf(said, sizeof(said), "%s/said", b->profile);
	char *environment[] = {home, temporary, path, (char *)"LANG=C.UTF-8", NULL};
	const char *arguments[] = {program,
				   "--headless",
				   "--remote-debugging-pipe",
				   profile,
				   "--no-first-run",
				   "--no-default-browser-check",
				   "--disable-gpu",
				   "--disable-extensions",
				   "--disable-sync",
				   "--disable-component-update",
				   "--disable-background-networking",
				   "--hide-scrollbars",
				   "--host-resolver-rules=MAP * ~NOTFOUND",
				   geteuid() == 0 ? "--no-sandbox" : "about:blank",
				   geteuid() == 0 ? "about:blank" : NULL,
				   NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, 2, said, O_WRONLY | O_CREAT, 0600);
	posix_spawn_file_actions_adddup2(&files, read_end, 3);
	posix_spawn_file_actions_adddup2(&files, write_end, 4);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	int error = posix_spawn(&b->pid, program, &files, &attributes,
				(char *const *)(uintptr_t)arguments, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return error;
}

static sigset_t stop_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

int browser_start(struct browser *b, const char *program, usec timeout)
{
	const char *place = getenv("TMPDIR");
	int ends[4];
	*b = (struct browser){.to = -1, .from = -1, .signals = -1};
	b->deadline = clock_now() + timeout;
	int n = snprintf(b->profile, sizeof(b->profile), "%s/rundbrief-browser-XXXXXX",
			 place && place[0] == '/' ? place : "/tmp");
	if (n < 0 || (size_t)n >= sizeof(b->profile) || !mkdtemp(b->profile))
		return fail(b, "no folder for the browser's profile can be made in TMPDIR");
	sigset_t signals = stop_signals();
	sigprocmask(SIG_BLOCK, &signals, NULL);
	b->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	int error = make_pipes(ends) != 0 ? errno : spawn(b, program, ends[0], ends[3]);
	if (error != 0) {
		snprintf(b->why, sizeof(b->why), "the browser cannot be started: %s",
			 strerror(error));
		b->pid = 0;
		close_all(ends);
		browser_stop(b);
		return -1;
	}
	close(ends[0]);
	close(ends[3]);
	b->to = ends[1];
	b->from = ends[2];
	fcntl(b->to, F_SETFL, O_NONBLOCK);
	fcntl(b->from, F_SETFL, O_NONBLOCK);
	return 0;
}

/* Until the descriptor is ready, time is over or somebody wants to leave. */
static int wait_for(struct browser *b, int fd, short events)
{
	usec left = b->deadline - clock_now();
	struct pollfd fds[] = {{.fd = fd, .events = events},
			       {.fd = b->signals, .events = POLLIN}};
	int ready = poll(fds, 2, left > 0 ? (int)(left / USEC_MS + 1) : 0);
	if (ready > 0 && fds[1].revents != 0) {
		b->interrupted = true;
		return fail(b, "stopped");
	}
	if (ready == 0 || left <= 0)
		return fail_late(b);
	return ready < 0 && errno != EINTR ? fail(b, "the browser cannot be waited for") : 0;
}

static int send_all(struct browser *b, str text)
{
	while (text.size > 0) {
		ssize_t n = write(b->to, text.data, text.size);
		if (n > 0)
			text = str_from(text, (size_t)n);
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail_gone(b);
		else if (wait_for(b, b->to, POLLOUT) != 0)
			return -1;
	}
	return 0;
}

static int grow(struct browser *b)
{
	size_t capacity = b->capacity ? b->capacity * 2 : 65536;
	char *bytes = capacity <= MESSAGE_SIZE_LIMIT ? realloc(b->bytes, capacity) : NULL;
	if (!bytes)
		return fail(b, "the browser's answer is too long");
	b->bytes = bytes;
	b->capacity = capacity;
	return 0;
}

/* Size of the first whole message in bytes, without its NUL; -1 with why. */
static ssize_t receive(struct browser *b)
{
	for (size_t looked = 0;;) {
		char *end = b->size > looked ? memchr(b->bytes + looked, '\0', b->size - looked)
					     : NULL;
		if (end)
			return end - b->bytes;
		looked = b->size;
		if (b->size == b->capacity && grow(b) != 0)
			return -1;
		ssize_t n = read(b->from, b->bytes + b->size, b->capacity - b->size);
		if (n > 0)
			b->size += (size_t)n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return fail_gone(b);
		else if (wait_for(b, b->from, POLLIN) != 0)
			return -1;
	}
}

/* The answer of that id; events and whatever else comes is passed over. */
static json_t *answer_of(struct browser *b, int64_t id)
{
	for (;;) {
		ssize_t size = receive(b);
		if (size < 0)
			return NULL;
		if (clock_now() > b->deadline) { /* also for who never stops talking */
			fail_late(b);
			return NULL;
		}
		json_t *message = json_loadb(b->bytes, (size_t)size, 0, NULL);
		b->size -= (size_t)size + 1;
		memmove(b->bytes, b->bytes + size + 1, b->size);
		if (!message) {
			fail(b, "the browser answers in a language that is not known");
			return NULL;
		}
		if (json_integer_value(json_object_get(message, "id")) == id)
			return message;
		json_decref(message);
	}
}

json_t *browser_ask(struct browser *b, const char *session, const char *method,
		    json_t *parameters)
{
	json_t *request = json_object();
	json_object_set_new(request, "id", json_integer(++b->last_id));
	json_object_set_new(request, "method", json_string(method));
	json_object_set_new(request, "params", parameters ? parameters : json_object());
	if (session)
		json_object_set_new(request, "sessionId", json_string(session));
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	int sent = text ? send_all(b, str_make(text, strlen(text) + 1))
			: fail(b, "the letter is not UTF-8");
	free(text);
	json_t *answer = sent == 0 ? answer_of(b, b->last_id) : NULL;
	json_t *result = answer ? json_incref(json_object_get(answer, "result")) : NULL;
	json_decref(answer);
	if (answer && !result && !b->why[0])
		snprintf(b->why, sizeof(b->why), "the browser does not know %.60s", method);
	return result;
}

/* It ends by itself once its pipe is closed; else it is told to, with all its children. */
static void end_process(struct browser *b)
{
	usec until = clock_now() + STOP_WAIT;
	while (waitpid(b->pid, NULL, WNOHANG) == 0 && clock_now() < until)
		poll(NULL, 0, STEP_WAIT / USEC_MS);
	if (kill(-b->pid, SIGKILL) == 0)
		while (waitpid(-b->pid, NULL, 0) > 0 || errno == EINTR)
			;
}

void browser_stop(struct browser *b)
{
	int fds[] = {b->to, b->from};
	for (size_t i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (b->pid > 0)
		end_process(b);
	if (b->signals >= 0) {
		struct signalfd_siginfo info;
		while (read(b->signals, &info, sizeof(info)) > 0)
			b->interrupted = true;
		close(b->signals);
		sigset_t signals = stop_signals();
		sigprocmask(SIG_UNBLOCK, &signals, NULL);
	}
	nftw(b->profile, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	free(b->bytes);
	b->bytes = NULL;
}
