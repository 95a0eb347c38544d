/* service.c - see service.h. What the manager's full queue did not take is said again at the next
 * look: only the order matters, and each word stands by itself. */
#include "engine/api/service.h"

#include <stdio.h>

#include "engine/base/buf.h"
#include "engine/base/log.h"

#define STATUS_INTERVAL (2 * USEC_SECOND)
#define PINGS 4 /* in each of the manager's intervals: two may be late */
#define STATUS_SIZE 480

void service_begin(struct service *s, usec now)
{
	char why[200];
	*s = (struct service){.pinged_at = now, .status_at = now - STATUS_INTERVAL};
	if (notify_open(&s->manager, why, sizeof(why)) != 0)
		log_event(LOG_WARN, "service", "manager=unreachable why=\"%s\"",
			  log_str(str_of(why)));
	(void)notify_send(&s->manager, "STATUS=settling what the last run left behind\n");
}

usec service_watchdog(const struct service *s)
{
	return s->manager.watchdog;
}

/* Status is one line; the text has no control characters in it. */
static int tell(const struct service *s, const char *first, str status)
{
	char lines[STATUS_SIZE + 200];
	struct buf b;
	buf_init_fixed(&b, lines, sizeof(lines) - 1);
	buf_put_cstr(&b, first);
	if (status.size > 0) {
		buf_put_cstr(&b, "STATUS=");
		buf_put_printable(&b, status, STATUS_SIZE);
		buf_put_byte(&b, '\n');
	}
	lines[b.size] = '\0';
	return notify_send(&s->manager, lines);
}

static void tell_status(struct service *s, const struct progress *p, usec now, usec wall)
{
	char text[STATUS_SIZE];
	struct buf line;
	if (s->ready && now - s->status_at < STATUS_INTERVAL)
		return;
	if (!s->ready && !p->last.ready)
		return;
	buf_init_fixed(&line, text, sizeof(text));
	progress_line(p, now, wall, &line);
	if (tell(s, s->ready ? "" : "READY=1\n", buf_str(&line)) != 0)
		return;
	s->ready = true;
	s->status_at = now;
}

/* A worker that hangs is told to people, and the manager is left to wait for its word in vain: it
 * ends us and starts us anew, and the journal knows what was under way. */
static void ping(struct service *s, const char *stuck, usec now)
{
	if (stuck != s->stuck && stuck)
		log_event(LOG_ERROR, "stuck",
			  "worker=%s next=\"the service manager restarts this engine; its "
			  "journal knows what was under way\"",
			  stuck);
	s->stuck = stuck;
	if (stuck || s->manager.watchdog == 0 ||
	    now - s->pinged_at < s->manager.watchdog / PINGS)
		return;
	if (notify_send(&s->manager, "WATCHDOG=1\n") == 0)
		s->pinged_at = now;
}

static void tell_stopping(struct service *s, usec limit)
{
	char lines[200];
	snprintf(lines, sizeof(lines),
		 "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld\nSTATUS=stopping: what was under way "
		 "ends, the rest is put back\n",
		 (long long)limit);
	s->stopping = notify_send(&s->manager, lines) == 0;
}

void service_look(struct service *s, const struct progress *p, bool stopping, usec stop_limit,
		  usec now, usec wall)
{
	if (stopping && !s->stopping)
		tell_stopping(s, stop_limit);
	if (!stopping)
		tell_status(s, p, now, wall);
	ping(s, p->last.stuck, now);
}

void service_reload_begin(struct service *s, usec now)
{
	char lines[100];
	if (!s->ready)
		return;
	snprintf(lines, sizeof(lines),
		 "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the configuration again\n",
		 (long long)now);
	s->reloading = notify_send(&s->manager, lines) == 0;
}

/* A manager that was told of a reload waits for its end: said as ready, by the next look if its
 * queue is full. */
void service_reload_end(struct service *s, bool taken)
{
	if (!s->reloading)
		return;
	s->reloading = false;
	if (notify_send(&s->manager,
			taken ? "READY=1\nSTATUS=the configuration was taken up\n"
			      : "READY=1\nSTATUS=the configuration has an error, see the log; "
				"what was in force stays\n") != 0)
		s->ready = false;
}

void service_end(struct service *s)
{
	notify_close(&s->manager);
}
