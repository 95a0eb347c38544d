/* fetch.h - one HTTPS request, answered in a callback on the loop that asked. libcurl in a
 * thread of its own behind it, so that no slow server ever holds the loop up. For MTA-STS
 * policies and OAuth tokens, which are few: not for bulk. The simulation links another
 * implementation of this page. */
#pragma once

#include "engine/io/io.h"

struct fetcher;

struct fetch_config {
	const char *ca_file; /* trusted in place of the system's; NULL: the system's */
};

/* 0 or -errno. */
[[nodiscard]] int fetcher_create(struct fetcher **ret_fetcher, struct io_loop *,
				 const struct fetch_config *);
/* Open questions get no callback any more; requests under way are broken off. Also from within
 * on_fetched. */
void fetcher_destroy(struct fetcher *);

#define FETCH_BODY_LIMIT 65536 /* RFC 8461 3.2; what is longer is an error */

/* A question embedded in its owner, who must not touch it until on_fetched. Redirects are not
 * followed (RFC 8461 3.3); the certificate is always verified; only https, or http to a
 * loopback address. */
struct fetch_question {
	struct chain_link link;
	void (*on_fetched)(struct fetch_question *);
	char url[512];
	struct net_address address; /* to connect to in place of what DNS says of the URL's
				       host; family AF_UNSPEC: none given */
	str form;                   /* not empty: POST application/x-www-form-urlencoded; the
				       owner's memory, until on_fetched */
	usec timeout;               /* 0: 60 s (RFC 8461 3.3) */
	/* the answer */
	int result;          /* 0: there was an answer of any status; -1: none, and why */
	bool untrusted;      /* it failed because of the certificate */
	long status;         /* of HTTP */
	char media_type[64]; /* lower case, without parameters */
	str body;            /* the question's own memory: until fetch_question_done() */
	char why[200];
	/* the implementation's own */
	struct fetcher *fetcher;
	char *memory;
};
/* A question that is all zero but for the fields above, or one that was answered. */
void fetch(struct fetcher *, struct fetch_question *);
void fetch_question_done(struct fetch_question *); /* wipes and frees the body */
