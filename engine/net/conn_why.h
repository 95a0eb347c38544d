/* conn_why.h - why a connection could not be opened: whose fault it is, and a sentence for
 * people. Each function fills out, CONN_WHY_SIZE bytes, and returns the cause. */
#pragma once

#include "engine/net/proxy.h"

#define CONN_WHY_SIZE 160 /* very long names of sources are cut */

/* A connect that ended with -errno: to the mail server, or to from's proxy (from: may be NULL).
 */
enum local_cause conn_why_errno(char *out, const struct net_address *to,
				const struct source *from, int error);
/* A source without an address of the mail server's family. */
enum local_cause conn_why_family(char *out, const struct net_address *to,
				 const struct source *from);
/* PROXY_BAD. */
enum local_cause conn_why_proxy(char *out, const struct proxy *);
/* The proxy failed otherwise: phrase follows its name. */
enum local_cause conn_why_fault(char *out, const struct source *from, const char *phrase);
/* Nothing came in time. asked: the proxy has been told where to, and the rest is up to the
 * mail server. */
enum local_cause conn_why_timeout(char *out, const struct net_address *to,
				  const struct source *from, bool asked);
