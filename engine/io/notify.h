/* notify.h - the service manager's ear (systemd, sd_notify(3)): it is told in lines, by datagrams
 * to the socket that $NOTIFY_SOCKET names. Without one everything here does nothing.
 * The protocol is spoken here and libsystemd is not linked: its manual offers the protocol as
 * stable for exactly this, it is one sendmsg(), and the library would bring decompressors into a
 * process that holds private keys. */
#pragma once

#include <stddef.h>

#include "engine/base/usec.h"

struct notify {
	int fd; /* -1: nobody listens */
	usec watchdog; /* it wants to hear WATCHDOG=1 at least so often; 0: it does not ask */
};

/* Takes the variables out of the environment, so that no child speaks for us. 0 also when there
 * is nobody; -1 with a sentence when there should be and cannot be reached. */
[[nodiscard]] int notify_open(struct notify *, char *ret_why, size_t why_size);
/* "READY=1\nSTATUS=...". Never waits: -1 when the manager's queue is full, say it again then. */
[[nodiscard]] int notify_send(const struct notify *, const char *lines);
void notify_close(struct notify *);
