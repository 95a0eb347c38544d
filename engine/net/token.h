/* token.h - an OAuth access token kept fresh, for AUTH towards a relay (sasl.h).
 * Whoever needs it asks each time: as long as it is fresh that costs nothing, and all who ask
 * while it is not wait for one request to the token service (RFC 6749 6, or 4.4 without a
 * refresh token). It is renewed shortly before its end; if that fails, it serves until then. */
#pragma once

#include "engine/net/fetch.h"

struct token_source_config {
	str endpoint; /* URL of the token service: https, or http to a loopback address */
	str client_id, client_secret;
	str refresh_token; /* empty: client_credentials */
	str scope;         /* empty: none is named */
	str fixed;         /* a token as such: nothing is ever fetched */
	usec pause; /* after a failure, and between renewals that token_source_spent() forces;
		       0: 10 s, and 60 s */
};

struct token_source;

/* Everything given is copied. 0 or -errno: -EINVAL when something is longer than it may be. A
 * source is destroyed after its fetcher, so that no request of it is under way. */
[[nodiscard]] int token_source_create(struct token_source **ret_source, struct io_loop *,
				      struct fetcher *, const struct token_source_config *);
/* Open questions get no callback any more. Wipes the secrets. Also from within on_token. */
void token_source_destroy(struct token_source *);

/* A question embedded in its owner. */
struct token_question {
	struct chain_link link;
	void (*on_token)(struct token_question *);
	str token;    /* during on_token only; empty: there is none, and why */
	bool refused; /* the service said no, and will again until somebody changes something */
	char why[240]; /* printable, without secrets */
};
void token_get(struct token_source *, struct token_question *);
/* The question gets no callback any more; harmless when it is not open. */
void token_drop(struct token_source *, struct token_question *);

/* A server has refused the token (535): the next question has a new one fetched. Heeded once in
 * 60 s, as many connections may have used the same token, and a new one may be refused too. */
void token_source_spent(struct token_source *);
