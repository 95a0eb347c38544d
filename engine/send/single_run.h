/* single_run.h - the inside of single.h: single.c has the loop and the route, single_session.c
 * one connection after the other. */
#pragma once

#include "engine/net/conn.h"
#include "engine/send/transcript.h"
#include "engine/smtp/client_state.h"

enum single_phase { PHASE_ROUTE, PHASE_CONNECT, PHASE_TALK, PHASE_CLOSING, PHASE_OVER };

struct single_run {
	const struct single *ask;
	const struct engine_settings *settings;
	const struct source *source;
	struct io_loop *loop;
	struct tls_context *tls;
	struct resolver *resolver;
	struct fetcher *fetcher;
	struct router *router;
	struct static_route *static_routes;
	struct auth_relay *relays;
	struct route_question question;
	char wire[320];
	str rcpt, domain;
	struct smtp_envelope envelope;

	enum single_phase phase;
	usec step_at;
	size_t host_index, address_index; /* where it connects */
	struct conn conn;
	char why[CONN_WHY_SIZE]; /* it could not be opened */
	struct smtp_client client;
	struct smtp_desk desk;
	struct smtp_transaction transaction;
	struct auth auth;
	struct transcript transcript;
	bool logs_in;         /* auth is in use on this connection */
	bool want_tls;        /* the 220 came, perhaps before STARTTLS was counted as sent */
	bool ready;           /* the server would take mail */
	bool refused;         /* another address or host is worth a try */
	struct tls_need need; /* of this connection */
	bool testing, tested; /* need is that of a policy which is tested; was, at this host */
	bool in_clear;        /* TLS failed at this address, and clear text is allowed */
	bool lockstep;        /* commands in one write were more than it takes */
	bool token_renewed;   /* for this relay, once */
	bool answered;        /* end holds what this connection came to */
	bool all_through;     /* of the hosts before this one; with every_host */
	struct single_end end;
	char end_text[600];
};

/* What it came to; the first that is told of a connection stands. */
void single_end_with(struct single_run *, const struct reply *);
void single_tell_end(const struct single_run *);
void single_result_of(const struct single_run *, struct single_result *);

/* Connects to the first host that is wanted; false: there is none. */
[[nodiscard]] bool single_session_first(struct single_run *);
/* Gives up on a connection that did not open. */
void single_session_refused(struct single_run *, enum local_cause);
/* A deadline has passed: one of the dialogue, or of all of it. */
void single_session_expired(struct single_run *, bool all_of_it);
