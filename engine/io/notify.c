/* notify.c - see notify.h. */
#include "engine/io/notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* WATCHDOG_PID: whom it is for, if not whoever reads it. */
static usec watchdog_of(const char *interval, const char *pid)
{
	char *end = NULL;
	if (!interval || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	errno = 0;
	long long value = strtoll(interval, &end, 10);
	return errno == 0 && end != interval && *end == '\0' && value > 0 ? (usec)value : 0;
}

static int connect_to(const char *path, char *why, size_t why_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || size >= sizeof(address.sun_path)) {
		snprintf(why, why_size,
			 "NOTIFY_SOCKET is '%.100s': neither a path nor an abstract name", path);
		return -1;
	}
	memcpy(address.sun_path, path, size);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, length) == 0)
		return fd;
	snprintf(why, why_size, "the service manager at NOTIFY_SOCKET %.100s: %s", path,
		 strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int notify_open(struct notify *notify, char *ret_why, size_t why_size)
{
	const char *path = getenv("NOTIFY_SOCKET");
	*notify = (struct notify){.fd = -1};
	if (!path)
		return 0;
	notify->fd = connect_to(path, ret_why, why_size);
	if (notify->fd >= 0)
		notify->watchdog =
			watchdog_of(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return notify->fd >= 0 ? 0 : -1;
}

int notify_send(const struct notify *notify, const char *lines)
{
	if (notify->fd < 0)
		return 0;
	return send(notify->fd, lines, strlen(lines), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}
