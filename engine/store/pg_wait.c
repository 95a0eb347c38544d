/* pg_wait.c - the loop's side of a connection: two watches, the socket and a timer.
 * A watch that must change (other events, another socket after a reconnect) is stopped first
 * and started again from on_stopped: an operation's memory is the loop's until then. The timer
 * exists because a loop has no timers of its own: its owner wakes it in time, and a store has
 * no owner's attention while it waits to reconnect. It is only ever set to an earlier time, so
 * that a statement that is answered costs no call: it may fire for nothing, and is set anew then.
 * Without a loop only what is wanted is noted. */
#include "engine/store/pg.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void on_ready(struct io_poll *poll, int events);
static void on_stopped(struct io_op *op, int result);

static void watch_start(struct pg_watch *w)
{
	w->fd = w->wanted_fd;
	w->events = w->wanted_events;
	if (w->fd < 0)
		return;
	w->poll = (struct io_poll){.on_ready = on_ready};
	io_poll_start(w->store->loop, &w->poll, w->fd, w->events);
}

static void watch(struct pg_watch *w, int fd, int events)
{
	w->wanted_fd = fd;
	w->wanted_events = events;
	if (!w->store->loop || w->stopping || (w->fd == fd && w->events == events))
		return;
	if (w->fd < 0) {
		watch_start(w);
		return;
	}
	w->stopping = true;
	io_poll_stop(w->store->loop, &w->poll, on_stopped);
}

static void free_when_stopped(struct store *s)
{
	if (s->socket_watch.fd >= 0 || s->timer_watch.fd >= 0)
		return;
	if (s->loop)
		io_undefer(&s->soon);
	if (s->timer_fd >= 0)
		close(s->timer_fd);
	free(s);
}

static void on_stopped(struct io_op *op, int result)
{
	struct io_poll *poll = (struct io_poll *)op;
	struct pg_watch *w = CHAIN_OWNER(poll, struct pg_watch, poll);
	(void)result;
	w->stopping = false;
	w->fd = -1;
	if (w->store->closing)
		free_when_stopped(w->store);
	else
		watch_start(w);
}

static void on_ready(struct io_poll *poll, int events)
{
	struct pg_watch *w = CHAIN_OWNER(poll, struct pg_watch, poll);
	struct store *s = w->store;
	uint64_t expirations;
	(void)events;
	if (w == &s->timer_watch) {
		if (read(s->timer_fd, &expirations, sizeof(expirations)) < 0)
			return;
		s->timer_at = USEC_NEVER;
	}
	pg_drive(s);
}

static void on_soon(struct io_op *op, int result)
{
	(void)result;
	pg_drive(CHAIN_OWNER(op, struct store, soon));
}

int pg_wait_init(struct store *s)
{
	s->socket_watch = (struct pg_watch){.store = s, .fd = -1, .wanted_fd = -1};
	s->timer_watch = (struct pg_watch){.store = s, .fd = -1, .wanted_fd = -1};
	s->timer_fd = -1;
	s->timer_at = USEC_NEVER;
	if (!s->loop)
		return 0;
	s->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (s->timer_fd < 0)
		return -1;
	watch(&s->timer_watch, s->timer_fd, POLLIN);
	return 0;
}

void pg_wait_for(struct store *s, int fd, int events)
{
	watch(&s->socket_watch, fd, events);
}

void pg_wait_afresh(struct store *s, int fd, int events)
{
	s->socket_watch.events = 0; /* the same number may be another socket by now */
	watch(&s->socket_watch, fd, events);
}

void pg_wait_until(struct store *s, usec at)
{
	if (at >= s->timer_at)
		return;
	const struct itimerspec when = {.it_value = {.tv_sec = at / USEC_SECOND,
						     .tv_nsec = at % USEC_SECOND * 1000}};
	timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
	s->timer_at = at;
}

void pg_wait_little(struct store *s)
{
	s->soon.on_done = on_soon;
	if (!s->soon.busy)
		io_defer(s->loop, &s->soon);
}

void pg_wait_done(struct store *s)
{
	watch(&s->socket_watch, -1, 0);
	watch(&s->timer_watch, -1, 0);
	if (!s->loop || (s->socket_watch.fd < 0 && s->timer_watch.fd < 0))
		free_when_stopped(s);
}
