/* reply.h - one SMTP reply, from a server or made by us.
 * Every ending of an attempt is a reply: a failed lookup, a refused connection, a time-out, a
 * 550, a bounce mail three days later. reply_local() makes those that no server sent. The text
 * points into the parser's buffer (or a literal) and lives until the next reply_feed(); who
 * keeps a reply copies its text. */
#pragma once

#include "engine/base/str.h"

enum reply_origin { REPLY_REMOTE, REPLY_LOCAL };

/* Where in the dialogue the reply came; STAGE_UNKNOWN for lines out of a log. */
enum smtp_stage {
	STAGE_UNKNOWN,
	STAGE_ROUTE, /* DNS and MX, before any connection */
	STAGE_CONNECT,
	STAGE_GREETING,
	STAGE_EHLO,
	STAGE_STARTTLS,
	STAGE_AUTH,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_END, /* final dot or BDAT LAST */
	STAGE_RSET,
	STAGE_QUIT,
	STAGE_BOUNCE, /* reported by mail after acceptance */
	STAGE_COUNT,
};
extern const char *const smtp_stage_names[STAGE_COUNT];

/* Endings that we saw ourselves; the comment is what reply_local() makes of each. */
enum local_cause {
	CAUSE_NONE,
	CAUSE_DNS_TEMPORARY,     /* 451 4.4.3 SERVFAIL or time-out of the resolver */
	CAUSE_DNS_NO_DOMAIN,     /* 550 5.1.2 NXDOMAIN */
	CAUSE_DNS_NO_HOST,       /* 550 5.4.4 no MX and no address, or no usable MX host */
	CAUSE_NULL_MX,           /* 556 5.1.10 RFC 7505 */
	CAUSE_MX_LOOPS,          /* 554 5.4.6 MX points at ourselves or at loopback, not allowed */
	CAUSE_CONNECT_REFUSED,   /* 451 4.4.1 */
	CAUSE_CONNECT_TIMEOUT,   /* 451 4.4.1 */
	CAUSE_CONNECT_UNREACHABLE, /* 451 4.4.1 */
	CAUSE_CONNECTION_LOST,   /* 451 4.4.2 */
	CAUSE_TIMEOUT,           /* 451 4.4.2 a command's reply did not come in time */
	CAUSE_TIMEOUT_END,       /* 451 4.4.2 no reply to the end of data: in doubt */
	CAUSE_LOST_END,          /* 451 4.4.2 connection lost after the end of data: in doubt */
	CAUSE_TLS_FAILED,        /* 454 4.7.5 handshake failed */
	CAUSE_PROTOCOL,          /* 451 4.5.0 the server broke the grammar or the order */
	CAUSE_ADDRESS_INVALID,   /* 553 5.1.3 */
	CAUSE_ADDRESS_NEEDS_UTF8, /* 553 5.6.7 SMTPUTF8 not offered */
	CAUSE_MESSAGE_TOO_LARGE, /* 552 5.3.4 larger than the SIZE offered */
	CAUSE_NEEDS_8BITMIME,    /* 554 5.6.3 */
	CAUSE_RENDER_FAILED,     /* 554 5.6.0 the template failed for this recipient */
	CAUSE_EXPIRED,           /* 554 4.4.7 lifetime ran out */
	CAUSE_SUPPRESSED,        /* 550 5.7.1 on our own list */
	CAUSE_CANCELLED,         /* 554 5.7.0 campaign cancelled */
	CAUSE_OUT_OF_SYNC,       /* 451 4.5.0 more was under way than the server could take */
	CAUSE_AUTH_FAILED,       /* 454 4.7.0 no mechanism in common, or the server proved nothing */
	CAUSE_NEEDS_REQUIRETLS,  /* 550 5.7.30 RFC 8689: not offered, or no TLS */
	CAUSE_TLS_POLICY,        /* 451 4.7.5 no mail host satisfies the domain's TLS policy */
	CAUSE_CRASHED,           /* 451 4.3.0 the engine stopped after the end of data: in doubt */
	CAUSE_SOURCE_UNAVAILABLE, /* 451 4.4.1 our own address or proxy is the trouble */
	CAUSE_COUNT,
};
extern const char *const local_cause_names[CAUSE_COUNT];

/* RFC 3463: class.subject.detail; all 0 means the server gave none. */
struct status {
	uint8_t class;
	uint16_t subject, detail;
};

struct reply {
	uint16_t code; /* three digits; 0 unknown (a log line without) */
	struct status status;
	enum reply_origin origin;
	enum smtp_stage stage;
	enum local_cause cause; /* CAUSE_NONE when remote */
	str text;               /* without the codes; lines joined by '\n' */
};

struct reply reply_local(enum local_cause, enum smtp_stage);

/* Incremental parser, RFC 5321 4.2:
 *   Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
 * Tolerates a bare LF (counted), lines up to 2048 bytes, differing codes in one reply (the last
 * counts, counted) and a total of 64 KiB, after which it answers REPLY_BAD. */
#define REPLY_LINE_LIMIT 2048
#define REPLY_TEXT_LIMIT 4096 /* what is kept of the joined text; the rest is dropped */
#define REPLY_TOTAL_LIMIT 65536

enum reply_step { REPLY_MORE, REPLY_READY, REPLY_BAD };

struct reply_parser {
	char line[REPLY_LINE_LIMIT];
	size_t line_size, text_size, total_size, line_count;
	uint16_t code;
	struct status status;
	bool done; /* the reply in text was handed out; the next byte starts a new one */
	uint32_t bare_lf_count, code_mismatch_count;
	char text[REPLY_TEXT_LIMIT];
};

void reply_parser_init(struct reply_parser *);
/* A reply has begun and is not whole. */
bool reply_parser_is_within(const struct reply_parser *);
/* Takes bytes up to and including one whole reply; returns the count taken. *ret_step says
 * whether a reply is ready, more bytes are wanted, or the peer broke the grammar (then the
 * connection is of no more use). The reply's stage is STAGE_UNKNOWN: the caller sets it. */
[[nodiscard]] size_t reply_feed(struct reply_parser *, str in, enum reply_step *ret_step,
                                struct reply *ret_reply);

/* "5.1.1" -> status; false (untouched) when it is none. Takes from the front; *ret_size may be
 * NULL. Used for the text of a reply line, and for log columns. */
[[nodiscard]] bool status_parse(str text, struct status *ret_status, size_t *ret_size);
