/* auth.h - AUTH of one session towards a relay: between the SMTP machine that asks (client.h),
 * the proofs that are computed (sasl.h) and the token service that may have to be waited for
 * (token.h). Embedded in a session; what sessions of a relay share stands in auth_relay. */
#pragma once

#include "engine/net/sasl.h"
#include "engine/send/engine.h"

#define AUTH_STOP_TIME (10 * USEC_MINUTE) /* a relay that refuses our login is left alone */

/* Of one relay, on one thread. Many wrong logins at once would lock an account: until the relay
 * has accepted ours, one session tries and the others wait for what becomes of it. */
struct auth_relay {
	const struct relay_login *login; /* NULL: none is wanted */
	struct token_source *tokens;     /* NULL: by password */
	usec stopped_until;              /* it refused our login: not tried until then */
	bool proven;                     /* it has accepted our login */
	bool renewed;                    /* it refused a token, and has accepted none since */
	struct auth *trial;              /* the one that tries meanwhile; NULL: none */
	struct chain turns;              /* those that wait for it */
};

/* Makes what the relays of these settings need. relays: as many as settings->route has. 0, or
 * -1 when a token source cannot be made. */
[[nodiscard]] int auth_relays_init(struct auth_relay *relays, const struct engine_settings *,
				   struct io_loop *, struct fetcher *);
void auth_relays_done(struct auth_relay *relays, size_t count); /* after the fetcher */

struct auth {
	struct smtp_client *client;
	struct io_loop *loop;
	struct auth_relay *relay;
	struct sasl_channel channel;
	void (*on_moved)(struct auth *); /* a token came: there is output, or an end */
	struct sasl *sasl;
	struct token_question question;
	char *line; /* what the client is to say; while the exchange is under way */
	char offered[200];
	struct chain_link turn; /* in relay->turns */
	bool waiting;           /* for a token */
	bool for_now;           /* there was no token, and that may be otherwise in a moment */
};

/* The session is connected: client, loop, relay, on_moved are set by the owner before. */
void auth_begin(struct auth *);
/* An SMTP_AUTH event; the channel is filled in. Answers the client at once, or when a token is
 * there or the trial of another is over, and then calls on_moved. */
void auth_event(struct auth *, const struct smtp_event *, usec now);
/* The session is over, whatever was under way; behind auth_refused(). */
void auth_end(struct auth *);

enum auth_verdict {
	AUTH_ELSEWHERE, /* another relay, or this one later */
	AUTH_AGAIN,     /* the same relay, with a fresh token */
	AUTH_STOPPED,   /* it was for good: from now on the relay is left alone for a while */
};
/* What this ending at STAGE_AUTH means (RFC 4954 6). again: it was the session's second try. */
[[nodiscard]] enum auth_verdict auth_refused(struct auth *, const struct reply *, bool again,
					     usec now);
