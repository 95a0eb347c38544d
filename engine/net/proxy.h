/* proxy.h - what is said to a proxy before the mail server's greeting comes through it: bytes
 * in, bytes out, no sockets. Strictly in turn: what is to be sent leaves, then an answer comes.
 *
 * SOCKS5 (RFC 1928 CONNECT, RFC 1929 login). Its answer says what became of the connection.
 *
 * PROXY protocol, version 2 (HAProxy's doc/proxy-protocol.txt). We name the mail server as the
 * destination; the relay must take the header and connect on to it, as HAProxy does with
 *	listen out
 *		mode tcp
 *		bind 192.0.2.1:2525 accept-proxy
 *		source 198.51.100.7                 (the address to leave from), or
 *		source 0.0.0.0 usesrc clientip      (the header's: the source's own address)
 *		server there 0.0.0.0:0              (the header's destination)
 * Nothing is answered: a relay that cannot connect just ends the connection, which looks as if
 * the mail server had ended it before its greeting. */
#pragma once

#include "engine/net/source.h"
#include "engine/smtp/reply.h"

#define PROXY_OUTPUT_LIMIT (3 + 2 * 255) /* a login; all else is shorter */

enum proxy_state {
	PROXY_HEADER,  /* PROXY v2: all there is */
	PROXY_METHODS, /* SOCKS5: how to log in */
	PROXY_LOGIN,
	PROXY_REQUEST, /* connecting on: the rest is up to the mail server */
	PROXY_DONE,
	PROXY_FAILED,
	PROXY_STATE_COUNT,
};

enum proxy_step { PROXY_MORE, PROXY_READY, PROXY_BAD };

struct proxy {
	const struct source *source;
	struct net_address to;
	enum proxy_state state;
	/* PROXY_BAD: CAUSE_SOURCE_UNAVAILABLE when the proxy itself is the trouble, otherwise
	 * what it says of the mail server; and a phrase that follows its name. */
	enum local_cause cause;
	const char *why;
	size_t answer_size; /* bytes of the answer so far; the first of them stand in head */
	size_t output_size; /* 0: it is the proxy's turn */
	uint8_t head[5];
	char output[PROXY_OUTPUT_LIMIT];
};

/* source->via is a proxy; it lives as long as this. */
void proxy_init(struct proxy *, const struct source *, const struct net_address *to);
/* Bytes to send now, all of them; they stand here until proxy_sent(). */
str proxy_output(const struct proxy *);
/* They have left. PROXY_READY: nothing is answered to them, the connection is the caller's. */
enum proxy_step proxy_sent(struct proxy *);
/* Takes bytes of the answer; returns the count taken. PROXY_READY: what lies behind it is the
 * mail server's. PROXY_MORE: there may be output now. Bytes out of turn are PROXY_BAD. */
[[nodiscard]] size_t proxy_feed(struct proxy *, str in, enum proxy_step *ret_step);
