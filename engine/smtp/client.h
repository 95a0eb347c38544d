/* client.h - the SMTP session machine of a sender: bytes in, bytes out, no socket, no clock.
 * It speaks RFC 5321 with PIPELINING (2920): MAIL+RCPT+DATA leave in one write, and the next
 * transaction's commands ride behind the body of the one before; with CHUNKING (3030) MAIL,
 * RCPT and BDAT LAST leave in one flight, body and all. Up to two transactions are held: one
 * whose body is under way, one whose envelope follows. Nothing that ends a message leaves
 * before the owner has released it (SMTP_GATE): that is where the journal's mark goes. The
 * owner moves bytes; the machine says what they mean. Envelope and body memory is the owner's
 * and lives until the transaction's SMTP_FINISHED. After any call below that takes now, drain
 * smtp_client_next(), then ask for output. */
#pragma once

#include "engine/base/usec.h"
#include "engine/smtp/caps.h"
#include "engine/smtp/reply.h"
#include <sys/uio.h>

#define SMTP_RCPT_LIMIT 100      /* RFC 5321 4.5.3.1.8 */
#define SMTP_BODY_SPANS 4        /* a body is gathered from at most so many pieces */
#define SMTP_TRANSACTION_LIMIT 2 /* held at once by one session */

/* RFC 5321 4.5.3.2; every one is configurable, these are the defaults. */
struct smtp_timeouts {
	usec greeting, ehlo, starttls, mail, rcpt, data, block, end, rset, quit;
};
extern const struct smtp_timeouts smtp_timeouts_default; /* 5m 5m 2m 5m 5m 2m 3m 10m 1m 5s */

/* Whole transactions in one flight, where CHUNKING and PIPELINING are offered. A server must
 * swallow the chunk of an envelope that it refused; some take it for commands. */
enum smtp_chunking {
	SMTP_CHUNKING_NEVER,
	SMTP_CHUNKING_KNOWN, /* where the greeting names software that is known to do it right
			      */
	SMTP_CHUNKING_ALWAYS,
};

enum smtp_tls { SMTP_TLS_NONE, SMTP_TLS_MAY, SMTP_TLS_REQUIRE };

struct smtp_options {
	str helo; /* A-label FQDN or address literal */
	struct smtp_timeouts timeouts;
	enum smtp_tls tls;      /* MAY: STARTTLS when offered, clear text when it is not */
	bool forbid_pipelining; /* pinned by configuration, or learned for this host */
	enum smtp_chunking chunking;
};

struct smtp_body {
	struct iovec spans[SMTP_BODY_SPANS]; /* CRLF lines, ends in CRLF, not dot-stuffed */
	size_t span_count, size;
	bool has_leading_dot; /* false promises that no line starts with '.', so none is looked
				 for */
	bool is_8bit;
};

struct smtp_envelope {
	str mail_from;     /* without <>; empty: the null path */
	const str *rcpts;  /* without <> */
	size_t rcpt_count; /* 1..SMTP_RCPT_LIMIT */
	struct smtp_body body;
	void *owner; /* handed back in events */
};

enum smtp_event_kind {
	SMTP_READY, /* nothing held, transactions may be submitted: once after EHLO, and again
		       whenever the last one has finished */
	SMTP_WANT_TLS, /* the 220 to STARTTLS came: handshake, then smtp_client_tls_done() */
	SMTP_GATE,   /* 354 came (or BDAT is next): mark it, then smtp_client_release(owner) */
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
			  refused or failed (with SMTP_TLS_MAY: try once more in clear) */
};

struct smtp_event {
	enum smtp_event_kind kind;
	void *owner;
	size_t rcpt_index;
	bool in_doubt;    /* RESULT: the end of data had left and no reply came. cause is
			     CAUSE_LOST_END, _TIMEOUT_END or _PROTOCOL for the first such
			     transaction (the policy decides), CAUSE_CONNECTION_LOST for
			     those behind it (listed, and tried again) */
	bool body_in_use; /* FINISHED, only after the session has ended: a write that holds the
			     body may be under way. Keep it until the transport is closed */
	struct reply reply; /* RESULT, RETURNED, CLOSE; text lives until the next call */
};

struct smtp_client; /* size: see client_state.h, which owners that embed it include */

void smtp_client_init(struct smtp_client *, const struct smtp_options *, usec now);

/* How many transactions may be submitted now: 0 before SMTP_READY and after SMTP_CLOSE. */
size_t smtp_client_room(const struct smtp_client *);
/* Checks what can be checked locally (SIZE, SMTPUTF8, 8BITMIME: such recipients get a local
 * RESULT as an event) and queues the commands. room must not be 0. */
void smtp_client_submit(struct smtp_client *, const struct smtp_envelope *, usec now);
/* The mark of this transaction is safe: its end of data may leave. An owner whose transaction
 * has ended in the meantime is ignored. */
void smtp_client_release(struct smtp_client *, void *owner, usec now);
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
/* The transport ended (EOF, reset, TLS error). Results follow as events, then SMTP_CLOSE. */
void smtp_client_lost(struct smtp_client *, enum local_cause, usec now);

const struct smtp_caps *smtp_client_caps(const struct smtp_client *);
const char *smtp_client_state_name(const struct smtp_client *);
