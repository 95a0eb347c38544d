/* single.h - one session by itself, over the very way that a campaign's mail takes: route,
 * source, TLS by need, AUTH, the SMTP machine; the next address or host where one refuses. No
 * journal, no store, no path: there is nothing to pace and nothing to remember. For test sends,
 * for reports, and to look at what a server says: a watcher is told of every step. */
#pragma once

#include "engine/send/engine.h"

enum single_task {
	SINGLE_ROUTE, /* the question for the route alone: nobody is connected to */
	SINGLE_GREET, /* to the offers and back: STARTTLS and AUTH as for mail, then QUIT */
	SINGLE_PROBE, /* MAIL, RCPT, RSET: asks, and sends nothing */
	SINGLE_SEND,
};

struct single_tls {
	bool ok, resumed, verified;
	const char *describe; /* what came about, or why nothing did */
};

/* What came of one host. */
struct single_end {
	bool through;  /* GREET: it was ready for mail; PROBE, SEND: it answered */
	bool in_doubt; /* of SEND: the message may have been taken */
	struct reply reply;
	const char *provider; /* of the route, as classify() wants it */
};

/* Who is told what happens; any function may be missing. at counts from the beginning of the
 * step, which is the question for the route, and then each connection. What stands in a line is
 * the server's choice: it is not printable yet. Lines are at most SINGLE_LINE_LIMIT long, and
 * what proves who we are is masked in them. All arguments live during the call. */
#define SINGLE_LINE_LIMIT 2048
struct single_watch {
	void *context;
	/* The question is answered: with a route, or a cause. */
	void (*on_route)(void *context, usec at, const struct route_question *);
	void (*on_connect)(void *context, usec at, const struct route_host *,
			   const struct net_address *, const struct source *);
	void (*on_open)(void *context, usec at);
	void (*on_said)(void *context, usec at, str line);
	void (*on_heard)(void *context, usec at, str line);
	void (*on_tls)(void *context, usec at, const struct single_tls *);
	void (*on_note)(void *context, usec at, const char *sentence);
	void (*on_end)(void *context, usec at, const struct single_end *);
};

struct single {
	enum single_task task;
	str to;                      /* an address; of ROUTE and GREET it may be empty, then: */
	str domain;                  /* whose hosts are asked */
	str mail_from;               /* as the command carries it; of PROBE and SEND */
	str signature, message;      /* of SEND; CRLF lines */
	const struct source *source; /* NULL: the first of the settings */
	str host;                    /* of all hosts of the route only this one; empty: any */
	bool every_host;             /* one after the other, also where one has answered */
	bool has_tls;                /* in place of what the configuration wishes: */
	enum tls_wish tls;
	/* Mail that is to arrive although TLS fails: no more than MAY is asked of MX hosts (RFC
	 * 8460 3). A relay, which may see our password, is held to its need. */
	bool tls_exempt;
	const struct single_watch *watch; /* NULL: nobody watches */
};

struct single_result {
	bool through;   /* every host asked had an end that is */
	bool accepted;  /* through, and the last answer is positive */
	char text[600]; /* of that answer: "550 5.1.1 no such user", printable */
};

/* Returns when all is over: at most a few minutes a host, 15 when a message is taken slowly.
 * 0, or -1 with only a text: nothing was tried, because of our own machine or settings. Not to
 * be called by two threads at once. */
[[nodiscard]] int single_run(const struct engine_settings *, const struct single *,
			     struct single_result *ret_result);
