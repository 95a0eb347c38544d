/* dns_channel.h - c-ares on the loop: one question out, one reply in, no memory of either.
 * It does the wire, the tries, EDNS and TCP; resolve.c above it has the cache. Replies come
 * from within c-ares: who gets them notes them down and acts later. */
#pragma once

#include "engine/base/chain.h"
#include "engine/net/dns_message.h"

/* packed lives during the call. what: for a reply that is DNS_TEMPORARY, the beginning of a
 * sentence that the server's name ends. */
typedef void dns_on_reply(void *context, enum dns_type, const struct dns_reply *, str packed,
			  const char *what);

struct dns_channel {
	struct io_loop *loop;
	struct ares_channeldata *ares;
	struct chain watches; /* descriptors of c-ares, and the timer's */
	int timer_fd;
	bool ticking;
	size_t under_way_count;
	uint16_t ids[64]; /* random, refilled */
	size_t id_count;
	char server[80]; /* for people */
	dns_on_reply *on_reply;
};

/* dns_channel_close() also after a failure. */
[[nodiscard]] int dns_channel_open(struct dns_channel *, struct io_loop *,
				   const struct resolver_config *, dns_on_reply *);
/* Questions under way get no reply any more. */
void dns_channel_close(struct dns_channel *);
/* name ends with a NUL. False when it is none that could be asked; otherwise one reply comes,
 * perhaps inside this call. */
[[nodiscard]] bool dns_channel_ask(struct dns_channel *, const char *name, enum dns_type,
				   void *context);
