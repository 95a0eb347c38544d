/* client.h - the SMTP session machine of a sender: bytes in, bytes out, no socket, no clock.
 * It speaks RFC 5321 with PIPELINING (2920) and CHUNKING (3030), or LMTP (2033). How much of it
 * is under way at once is the flight (enum smtp_flight): from one command at a time to a window
 * of whole transactions, bodies and all. Nothing that ends a message leaves before the owner
 * has released it (SMTP_GATE): that is where the journal's mark goes. The owner moves bytes,
 * shakes hands (TLS) and computes proofs (AUTH); the machine says when, and what bytes mean.
 * Envelope and body memory is the owner's and lives until the transaction's SMTP_FINISHED, and
 * so is the transaction's own. What is read and said lies on a desk, the owner's too, which a
 * session has for as long as it needs it: of thousands of sessions that wait for an answer or
 * have nothing to do, none holds one.
 * After any call below that takes now, drain smtp_client_next(), then ask for output. */
#pragma once

#include "engine/base/usec.h"
#include "engine/smtp/caps.h"
#include "engine/smtp/reply.h"
#include <sys/uio.h>

#define SMTP_RCPT_LIMIT 100       /* RFC 5321 4.5.3.1.8 */
#define SMTP_BODY_SPANS 8         /* a body is gathered from at most so many pieces */
#define SMTP_TRANSACTION_LIMIT 16 /* held at once by one session; more gains nothing */

/* RFC 5321 4.5.3.2; every one is configurable, these are the defaults. */
struct smtp_timeouts {
	usec greeting, ehlo, starttls, mail, rcpt, data, block, end, rset, quit;
};
extern const struct smtp_timeouts smtp_timeouts_default; /* 5m 5m 2m 5m 5m 2m 3m 10m 1m 5s */

/* How much may be under way (reference: modes i to v). What the server does not offer, or what
 * it has shown not to stand, lowers it; the owner decides by smtp_client_set_flight(). */
enum smtp_flight {
	FLIGHT_LOCKSTEP, /* one command, one reply */
	FLIGHT_GROUP,    /* MAIL, RCPT and DATA in one write (RFC 2920 3.1) */
	FLIGHT_NEXT,     /* and the next transaction's behind the body of this one */
	FLIGHT_CHUNK,    /* MAIL, RCPT, BDAT LAST and the body in one write */
	FLIGHT_WINDOW,   /* several such transactions before the first reply */
	FLIGHT_COUNT,
};
extern const char *const smtp_flight_names[FLIGHT_COUNT + 1]; /* NULL ends them */

enum smtp_tls {
	SMTP_TLS_NONE,
	SMTP_TLS_MAY,      /* STARTTLS when offered, clear text when it is not */
	SMTP_TLS_REQUIRE,  /* STARTTLS or nothing */
	SMTP_TLS_IMPLICIT, /* the handshake comes before the greeting (RFC 8314 3.3) */
};

struct smtp_options {
	str helo; /* A-label FQDN or address literal */
	const struct smtp_timeouts *timeouts; /* lives as long as the session */
	enum smtp_tls tls;
	bool lmtp; /* LHLO, and a reply to the end of data for each recipient */
	bool auth; /* SMTP_AUTH comes before SMTP_READY; a server without AUTH is refused */
	enum smtp_flight flight;
	uint32_t window; /* FLIGHT_WINDOW: transactions, 2..SMTP_TRANSACTION_LIMIT;
			    FLIGHT_CHUNK: 1: none waits in the session behind another */
};

struct smtp_body {
	struct iovec spans[SMTP_BODY_SPANS]; /* CRLF lines, ends in CRLF, not dot-stuffed */
	size_t span_count, size;
	bool has_leading_dot; /* false promises that no line starts with '.', so none is looked
				 for */
	bool is_8bit;
};

/* Delivery status notifications, RFC 3461; only where they are offered. */
struct smtp_dsn {
	enum { DSN_RET_DEFAULT, DSN_RET_HDRS, DSN_RET_FULL } ret;
	enum {
		DSN_NOTIFY_DEFAULT,
		DSN_NOTIFY_NEVER = 1, /* alone */
		DSN_NOTIFY_SUCCESS = 2,
		DSN_NOTIFY_FAILURE = 4,
		DSN_NOTIFY_DELAY = 8
	} notify;
	str envid;  /* plain, put as xtext; cut at 100; empty: none */
	bool orcpt; /* name the recipient as the original one, too */
};

struct smtp_envelope {
	str mail_from;     /* without <>; empty: the null path */
	const str *rcpts;  /* without <> */
	size_t rcpt_count; /* 1..SMTP_RCPT_LIMIT */
	struct smtp_body body;
	struct smtp_dsn dsn;
	bool require_tls; /* RFC 8689: refused where it is not offered, or not under TLS */
	bool probe;       /* only asks: RSET in the place of DATA. The reply to each RCPT is its
			     result; there is no gate, and the body is not looked at */
	void *owner;      /* handed back in events */
};

enum smtp_event_kind {
	SMTP_READY, /* nothing held, transactions may be submitted: once after EHLO, and again
		       whenever the last one has finished */
	SMTP_WANT_TLS, /* the 220 to STARTTLS came: handshake, then smtp_client_tls_done() */
	SMTP_AUTH, /* reply: code 0: begin, its text the mechanisms offered; 334: the challenge;
		      235: verify and be content. Answer with one of smtp_client_auth_*() */
	SMTP_GATE, /* 354 came (or BDAT is next): mark it, then smtp_client_release(owner) */
	SMTP_RESULT, /* the ending of one recipient: reply, rcpt_index, in_doubt. A transaction
			with several recipients may go a second round (too many at once): it
			then has a second SMTP_GATE */
	SMTP_FINISHED, /* all recipients of owner's transaction have had their result (or it was
			  returned): its memory is the owner's again (but see body_in_use) */
	SMTP_RETURNED, /* the transaction never started at the server (421, close, refused
			  EHLO): submit it elsewhere, no attempt counted; FINISHED follows. A
			  host that drops every MAIL returns for ever: SMTP_CLOSE tells of it */
	SMTP_CLOSE,    /* the session is over: close the transport. reply says why; its stage is
			  STAGE_QUIT when we ended it in order, STAGE_STARTTLS when TLS was
			  refused or failed (with SMTP_TLS_MAY: try once more in clear);
			  CAUSE_OUT_OF_SYNC: this flight is more than the server can take */
};

struct smtp_event {
	enum smtp_event_kind kind;
	void *owner;
	size_t rcpt_index;
	bool in_doubt;    /* RESULT: the end of data had left and no reply came. cause is
			     CAUSE_LOST_END, _TIMEOUT_END or _PROTOCOL for the first such
			     transaction (the policy decides), CAUSE_CONNECTION_LOST for
			     those behind it, and for a first one of which the peer had
			     answered nothing when it hung up in order: listed, and tried
			     again */
	bool body_in_use; /* FINISHED, only after the session has ended: a write that holds the
			     body may be under way. Keep it until the transport is closed */
	struct reply reply; /* RESULT, RETURNED, AUTH, CLOSE; text lives until the next call */
};

struct smtp_client; /* sizes: see client_state.h, which owners that embed them include */
struct smtp_transaction;
struct smtp_desk;

/* Begins with a desk. */
void smtp_client_init(struct smtp_client *, struct smtp_desk *, const struct smtp_options *,
		      usec now);
/* A desk for one that has none; it need not be cleared. To be had before any call that takes
 * now, but smtp_client_submit(), _release(), _recall(), _feed(), _lost() and _expire(), and for
 * smtp_client_next() and _output(). */
void smtp_client_lend(struct smtp_client *, struct smtp_desk *);
bool smtp_client_has_desk(const struct smtp_client *);
/* After smtp_client_next() has answered false: the desk, when nothing lies on it that will be
 * needed; it is the owner's again. NULL: it is still in use, or there is none. */
struct smtp_desk *smtp_client_clear_desk(struct smtp_client *);

/* Another flight from the next transaction on; to be called at SMTP_READY, when what the server
 * offers is known. */
void smtp_client_set_flight(struct smtp_client *, enum smtp_flight, uint32_t window);
/* The flight in force: what was asked for, as far as the server offers it. */
enum smtp_flight smtp_client_flight(const struct smtp_client *);

/* Answers to SMTP_AUTH. line: "AUTH PLAIN AGFubg==", or base64, without CRLF; the owner's
 * memory until the next SMTP_AUTH or SMTP_READY, or else until the transport is closed. */
void smtp_client_auth_say(struct smtp_client *, str line, usec now);
/* To a 235: whatever had to be verified was. */
void smtp_client_auth_done(struct smtp_client *, usec now);
/* The exchange cannot go on, or the server proved nothing: SMTP_CLOSE with CAUSE_AUTH_FAILED
 * and this text. */
void smtp_client_auth_fail(struct smtp_client *, str why, usec now);

/* How many transactions may be submitted now: 0 before SMTP_READY and after SMTP_CLOSE. */
size_t smtp_client_room(const struct smtp_client *);
/* The transport is closed: the desk, whatever lies on it. NULL: it had none. */
struct smtp_desk *smtp_client_done(struct smtp_client *);

/* Checks what can be checked locally (SIZE, SMTPUTF8, 8BITMIME: such recipients get a local
 * RESULT as an event) and queues the commands. room must not be 0. */
void smtp_client_submit(struct smtp_client *, struct smtp_transaction *,
			const struct smtp_envelope *, usec now);
/* The mark of this transaction is safe: its end of data may leave. An owner whose transaction
 * has ended in the meantime is ignored. */
void smtp_client_release(struct smtp_client *, void *owner, usec now);
/* Takes back every transaction of which nothing has been said yet (it waited behind others):
 * SMTP_RETURNED and SMTP_FINISHED follow for each. Those that have begun go on. */
void smtp_client_recall(struct smtp_client *, usec now);
/* QUIT as soon as nothing is in flight; ends in SMTP_CLOSE. */
void smtp_client_quit(struct smtp_client *, usec now);

/* Bytes that arrived. All are taken, but read by smtp_client_next(): they must live until it
 * has answered false, and only then more may be fed. */
void smtp_client_feed(struct smtp_client *, str bytes, usec now);
/* Next event; false when there is none. */
[[nodiscard]] bool smtp_client_next(struct smtp_client *, struct smtp_event *ret_event);
/* What wants to leave, as at most limit spans; 0: nothing. They stay valid until
 * smtp_client_sent() has counted them. */
size_t smtp_client_output(struct smtp_client *, struct iovec *spans, size_t limit);
void smtp_client_sent(struct smtp_client *, size_t size, usec now);

/* The handshake is over. ok: the session starts again with EHLO, all knowledge forgotten
 * (RFC 3207 4.2). Not ok: SMTP_CLOSE follows (clear text only on a new connection). */
void smtp_client_tls_done(struct smtp_client *, bool ok, usec now);
/* When smtp_client_expire() must be called; USEC_NEVER while idle. */
usec smtp_client_deadline(const struct smtp_client *);
void smtp_client_expire(struct smtp_client *, usec now);
/* The transport ended: CAUSE_NONE by an EOF in order, else by a reset, a TLS error. Results
 * follow as events, then SMTP_CLOSE. */
void smtp_client_lost(struct smtp_client *, enum local_cause, usec now);

const struct smtp_caps *smtp_client_caps(const struct smtp_client *);
/* The greeting names software that is known to swallow the chunk of an envelope it refused. */
bool smtp_client_swallows_chunks(const struct smtp_client *);
const char *smtp_client_state_name(const struct smtp_client *);
