/* test_io_notify.c - the service manager's socket: named by path or abstractly, missing, full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "engine/io/notify.h"

static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(name);
	memcpy(address.sun_path, name, size);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void expect(int fd, const char *text)
{
	char got[200] = "";
	assert_int_equal(recv(fd, got, sizeof(got) - 1, 0), strlen(text));
	assert_string_equal(got, text);
}

static void test_notify_speaks_to_both_kinds_of_sockets(void **)
{
	char path[100], abstract[100], why[200];
	snprintf(path, sizeof(path), "/tmp/notify-%d", (int)getpid());
	snprintf(abstract, sizeof(abstract), "@notify-%d", (int)getpid());
	const char *names[] = {path, abstract};
	for (int i = 0; i < 2; i++) {
		struct notify notify;
		int fd = listen_at(names[i]);
		assert_int_equal(notify_open(&notify, why, sizeof(why)), 0);
		assert_int_equal(notify.watchdog, 0);
		assert_null(getenv("NOTIFY_SOCKET"));
		assert_int_equal(notify_send(&notify, "READY=1\nSTATUS=a\n"), 0);
		expect(fd, "READY=1\nSTATUS=a\n");
		notify_close(&notify);
		close(fd);
	}
	unlink(path);
}

static void test_notify_reads_the_watchdog_of_this_process_only(void **)
{
	static const struct {
		const char *interval, *pid;
		usec wanted;
	} rows[] = {
		{"30000000", NULL, 30 * USEC_SECOND}, {"30000000", "1", 0}, {"", NULL, 0},
		{"0", NULL, 0},                       {"-5", NULL, 0},      {"7x", NULL, 0},
		{"99999999999999999999", NULL, 0},
	};
	char name[100], why[200];
	snprintf(name, sizeof(name), "@watchdog-%d", (int)getpid());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct notify notify;
		int fd = listen_at(name);
		setenv("WATCHDOG_USEC", rows[i].interval, 1);
		if (rows[i].pid)
			setenv("WATCHDOG_PID", rows[i].pid, 1);
		assert_int_equal(notify_open(&notify, why, sizeof(why)), 0);
		assert_int_equal(notify.watchdog, rows[i].wanted);
		assert_null(getenv("WATCHDOG_USEC"));
		assert_null(getenv("WATCHDOG_PID"));
		notify_close(&notify);
		close(fd);
	}
}

static void test_notify_does_without_a_manager(void **)
{
	struct notify notify;
	char why[200] = "";
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_open(&notify, why, sizeof(why)), 0);
	assert_int_equal(notify_send(&notify, "READY=1\n"), 0);
	notify_close(&notify);
	static const char *const bad[] = {"vsock:2:3", "", "/nowhere/at/all"};
	for (size_t i = 0; i < 3; i++) {
		setenv("NOTIFY_SOCKET", bad[i], 1);
		assert_int_equal(notify_open(&notify, why, sizeof(why)), -1);
		assert_non_null(strstr(why, "NOTIFY_SOCKET"));
		assert_int_equal(notify_send(&notify, "READY=1\n"), 0);
		notify_close(&notify);
	}
}

/* It never waits: who says something says it again when there is room. */
static void test_notify_says_when_the_queue_is_full(void **)
{
	struct notify notify;
	char name[100], why[200];
	snprintf(name, sizeof(name), "@full-%d", (int)getpid());
	int fd = listen_at(name), sent = 0;
	assert_int_equal(notify_open(&notify, why, sizeof(why)), 0);
	while (sent < 100000 && notify_send(&notify, "WATCHDOG=1\n") == 0)
		sent++;
	assert_in_range(sent, 1, 99999);
	expect(fd, "WATCHDOG=1\n");
	assert_int_equal(notify_send(&notify, "READY=1\n"), 0);
	notify_close(&notify);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify_speaks_to_both_kinds_of_sockets),
		cmocka_unit_test(test_notify_reads_the_watchdog_of_this_process_only),
		cmocka_unit_test(test_notify_does_without_a_manager),
		cmocka_unit_test(test_notify_says_when_the_queue_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
