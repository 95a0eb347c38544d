/* client_state.h - the inside of the sender's session machine, for those who embed it and for
 * the files that move it: client.c (the verbs), client_command.c (what leaves),
 * client_reply.c (what an answer means) and client_event.c (what is told).
 *
 * A transaction has two cursors over one list of steps, RSET MAIL RCPT* DATA END (BDAT and its
 * chunk are sent in the place of DATA and END, and have one reply, END's): to_send says
 * what leaves next, to_answer which command the next reply belongs to. Pipelining is nothing
 * but their distance, unanswered_count. Replies are counted, never timed.
 *
 * Events are not stored: smtp_client_next() finds them in the state, and reads one reply
 * further only when there is none left. So a reply's text stays where the parser put it. */
#pragma once

#include "engine/base/buf.h"
#include "engine/smtp/client.h"

#define CLIENT_SPAN_LIMIT 64      /* spans that want to leave: three a transaction, and dots */
#define CLIENT_COMMAND_LIMIT 7168 /* bytes of commands under way: a window's of usual length   \
				   */
#define CLIENT_REASON_LIMIT 256   /* kept of the text that explains a refused session */

enum session_state {
	SESSION_GREETING, /* waits for 220 */
	SESSION_EHLO,
	SESSION_HELO,
	SESSION_STARTTLS, /* waits for the 220 to STARTTLS */
	SESSION_TLS,      /* the owner shakes hands */
	SESSION_AUTH,     /* the owner answers challenges */
	SESSION_OPEN,     /* transactions */
	SESSION_QUIT,     /* waits for 221, or for the end */
	SESSION_CLOSED,
	SESSION_STATE_COUNT,
};

enum transaction_step { STEP_RSET, STEP_MAIL, STEP_RCPT, STEP_DATA, STEP_END, STEP_DONE };

enum transaction_gate {
	GATE_SHUT,
	GATE_DUE,   /* 354 came, or BDAT would be next: SMTP_GATE is to be told */
	GATE_TOLD,  /* waits for smtp_client_release() */
	GATE_OPEN,  /* the body may leave; with BDAT its commands too */
	GATE_EMPTY, /* nobody was accepted and yet 354 came: a lone dot may leave (RFC 2920 3.1)
		     */
};

enum mail_answer { MAIL_UNANSWERED, MAIL_ACCEPTED, MAIL_REFUSED };

/* What is known of one recipient. */
enum {
	RCPT_IN_ROUND = 1, /* named in this round of the transaction; stands still during it */
	RCPT_ACCEPTED = 2, /* 2yz to RCPT */
	RCPT_LATER = 4,    /* too many recipients: next round (RFC 5321 4.5.3.1.10) */
	RCPT_TOLD = 8,     /* its result was handed out */
	RCPT_INVALID = 16, /* local refusals, to be told: an address no command may carry */
	RCPT_NEEDS_UTF8 = 32,
};

/* Whom the reply in a transaction's ending is for. */
enum ending_scope {
	ENDING_NONE,
	ENDING_ONE,      /* recipient ending_rcpt */
	ENDING_ACCEPTED, /* all that the server accepted */
	ENDING_ALL,      /* all that have no result yet */
	ENDING_RETURNED, /* the transaction as a whole goes back unattempted */
};

struct smtp_transaction {
	struct smtp_transaction *next; /* behind it in the session */
	struct smtp_envelope envelope;
	enum transaction_step to_send, to_answer;
	size_t send_rcpt, answer_rcpt;
	size_t unanswered_count, accepted_count;
	enum mail_answer mail;
	enum transaction_gate gate;
	bool answered;   /* a command of it (RSET is none) has had a reply, in any round */
	bool end_left;   /* the end of data was handed to the transport */
	size_t end_rcpt; /* LMTP: whom the next reply to the end of data is for */
	bool chunked; /* BDAT LAST instead of DATA: one flight, and the gate stands before it */
	bool plain;   /* MAIL and RCPT go without optional parameters, after a 555 or 455 */
	bool plain_next; /* from the next round on */
	bool again;      /* another round is due */

	size_t body_span, body_offset;
	bool at_line_start;
	uint64_t body_left_at; /* client->put_size behind the last body byte put */

	enum ending_scope ending;
	size_t ending_rcpt;
	bool ending_in_doubt;
	struct reply ending_reply;
	size_t told_rcpt; /* where the search for results to tell goes on */

	uint8_t rcpts[SMTP_RCPT_LIMIT];
};

/* What lies before a session while something is read or said. A reply that is not whole, bytes
 * that have not left, a reason to close: as long as there is one of these it stays. */
struct smtp_desk {
	struct iovec spans[CLIENT_SPAN_LIMIT];
	char commands[CLIENT_COMMAND_LIMIT];
	struct reply_parser parser;
	struct reply auth_reply;
	struct smtp_mechanisms mechanisms; /* before the session is open */
	struct reply close_reply;          /* code 0: no reason yet */
	char reason[CLIENT_REASON_LIMIT];
};

struct smtp_client {
	struct smtp_options options;
	struct smtp_desk *desk; /* NULL: none */
	struct smtp_caps caps;
	enum session_state state;
	bool is_tls, quitting;
	bool greeted;
	bool authenticated;
	bool swallows_chunks; /* the greeting names software that does */
	bool reset_needed; /* the server may hold an open transaction: RSET before the next MAIL
			    */
	bool ready_due, want_tls_due, close_due;
	bool auth_due;      /* SMTP_AUTH is to be told, with auth_reply */
	bool auth_asked;    /* a line was said and not answered yet */
	bool auth_given_up; /* "*" was said: whatever the answer, it is over */
	bool ended_in_order; /* by the peer, with an EOF */
	enum local_cause pending; /* lost or expired: acted upon when all input has been read */
	usec now;
	usec progress_at; /* last reply, last bytes that left: replies are awaited from here */
	usec blocked_at;  /* bytes have waited to leave since then */

	struct smtp_transaction *first; /* in order of sending */
	size_t transaction_count;
	bool looked_through; /* no transaction has anything to tell before the next reply */
	uint32_t begun_count; /* rounds of transactions since the session began (LIMITS) */
	uint32_t ended_count; /* ends of data that were answered */

	size_t span_count, commands_size; /* of what lies on the desk */
	uint64_t put_size, sent_size; /* bytes ever put into spans, and counted by sent() */

	str input; /* not yet read; the owner's memory */
};

/* client.c */
/* The only place where the state changes. */
void session_enter(struct smtp_client *, enum session_state);
/* The owner does something: there may be something to tell of it. */
void session_verb(struct smtp_client *, usec now);
/* What may be under way, of what is offered. */
enum smtp_flight session_flight(const struct smtp_client *);
/* The first transaction that waits for a reply; NULL when none does. */
struct smtp_transaction *session_awaited(const struct smtp_client *);

/* client_command.c */
/* EHLO, HELO, STARTTLS or QUIT by the state that was just entered. */
void command_put_session(struct smtp_client *);
/* A line of the owner's memory, and CRLF. */
void command_put_line(struct smtp_client *, str line);
/* All that may leave now, as far as there is room. */
void command_pump(struct smtp_client *);
/* Sets both cursors to the beginning of a round; BDAT is chosen where it may be. */
void transaction_begin_round(struct smtp_client *, struct smtp_transaction *);
/* The first recipient of this round from an index on; rcpt_count: none. */
size_t transaction_next_rcpt(const struct smtp_transaction *, size_t from);
/* Sends no more of a round that can reach nobody: MAIL or every RCPT was refused. */
void transaction_stop_if_futile(struct smtp_client *, struct smtp_transaction *);

/* client_parameters.c: each with a space before it. */
bool client_is_ascii(str);
void parameters_put_mail(const struct smtp_client *, const struct smtp_transaction *,
			 struct buf *command);
void parameters_put_rcpt(const struct smtp_client *, const struct smtp_transaction *,
			 size_t rcpt, struct buf *command);

/* client_reply.c */
/* Transactions may begin. */
void session_begin(struct smtp_client *);
/* RFC 9422 4.1: how many transactions this session may still begin. */
size_t session_mails_left(const struct smtp_client *);
void reply_handle(struct smtp_client *, struct reply);

/* client_end.c */
/* What the next reply would be an answer to. */
enum smtp_stage session_stage(const struct smtp_client *);
enum smtp_stage transaction_stage(const struct smtp_transaction *);
/* To be told: results of the transaction that the reply decides. */
void transaction_end(struct smtp_transaction *, enum ending_scope, struct reply);
/* The first reason stands; the text is copied. */
void session_keep_reason(struct smtp_client *, struct reply why);
/* Says QUIT, with this reply as the reason of the SMTP_CLOSE to come. */
void session_refuse(struct smtp_client *, struct reply why);
/* Ends the session: sorts every transaction into result, in doubt or returned. */
void session_end(struct smtp_client *, struct reply why);
