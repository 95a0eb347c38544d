/* service.h - what a sending engine tells the service manager that started it, if one did:
 * that it recovers, that it is ready (what the last run left behind is settled, and the word on
 * what must not be started is heard), how it stands, that its workers turn, that it reloads, that
 * it stops and how long that may take. Belongs to the thread that calls engine_run(). */
#pragma once

#include "engine/api/progress.h"
#include "engine/io/notify.h"

struct service {
	struct notify manager;
	bool ready;      /* and told */
	bool reloading;  /* told, and not yet that it is over */
	bool stopping;   /* the same */
	const char *stuck; /* the worker that was told as hanging */
	usec pinged_at, status_at;
};

/* Tells that it recovers. A manager that cannot be reached is told to people, and done without.
 */
void service_begin(struct service *, usec now);
/* Asked by the manager, for engine_settings; 0: it does not watch. */
usec service_watchdog(const struct service *);
/* Often: at least five times a second. stop_limit: how long an end in order may take. */
void service_look(struct service *, const struct progress *, bool stopping, usec stop_limit,
		  usec now, usec wall);
/* Around what a reload does; that it is over is told with how it went. */
void service_reload_begin(struct service *, usec now);
void service_reload_end(struct service *, bool taken);
void service_end(struct service *);
