/* proxy.h - stands between libpq and PostgreSQL's socket and cuts a connection where it is told
 * to: the answer of a commit that was written, or a request before anything of it is. It reads
 * the protocol's frames and changes no byte. One thread a connection; there is one proxy. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum proxy_cut {
	PROXY_NONE,
	PROXY_BEFORE, /* the connection breaks at a round trip that is not passed on */
	PROXY_AFTER,  /* what commits is passed on, and its answer is not */
	PROXY_KILL,   /* as BEFORE, but PostgreSQL ends the backend and says so */
};

/* Takes the conninfo of the real cluster (a unix socket); writes one that leads here.
 * False: no folder or no socket. */
[[nodiscard]] bool proxy_start(const char *conninfo, char *ret_conninfo, size_t size);
void proxy_stop(void);
/* The next request: cut at its round trip number trip (from 0), at the latest where it would
 * commit or roll back. Holds until it strikes or proxy_disarm(). */
void proxy_arm(enum proxy_cut, unsigned trip);
/* Whether it struck. */
bool proxy_disarm(void);
/* Round trips since it was armed, those of what is cut included. */
unsigned proxy_trips(void);
