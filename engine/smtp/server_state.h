/* server_state.h - the inside of the receiving machine, for the files that move it: server.c
 * (feeding, answering, waiting), server_command.c (commands) and server_body.c (message bytes).
 */
#pragma once

#include "engine/smtp/server.h"

#define SERVER_LINE_LIMIT 2048  /* a command line; RFC 5321 asks for 512 and allowances */
#define SERVER_REPLY_LIMIT 1024 /* one reply as it leaves; longer texts are cut */
#define SERVER_OUTPUT_LIMIT                                                                    \
	8192 /* replies not yet taken; feeding stops when none more fits                       \
	      */
#define SERVER_RCPT_LIMIT 1000

enum server_state {
	SERVER_STATE_COMMAND,
	SERVER_STATE_DATA,   /* lines up to the lone dot */
	SERVER_STATE_CHUNK,  /* BDAT: chunk_left bytes */
	SERVER_STATE_TLS,    /* 220 to STARTTLS is out, the handshake is the owner's */
	SERVER_STATE_CLOSED, /* nothing is read any more */
	SERVER_STATE_COUNT,
};

enum server_line { LINE_START, LINE_INSIDE, LINE_DOT, LINE_DOT_CR };

struct smtp_server {
	struct smtp_server_options options;
	enum server_state state;
	bool refusing; /* the greeting was no 220: only QUIT is left (RFC 5321 3.1) */
	bool greeted, is_esmtp, is_tls, dropped;
	usec now;
	usec held_until; /* 0: all output may leave; else what stands behind shown_size waits */
	bool drop_when_shown;

	/* the transaction */
	bool has_mail, is_utf8, is_chunked, has_failed;
	size_t rcpt_count;
	uint64_t message_size;
	enum server_line line_state;
	bool after_cr; /* the last message byte was CR */
	uint64_t chunk_left;
	bool chunk_is_last;

	char line[SERVER_LINE_LIMIT];
	size_t line_size;
	bool line_too_long;

	char output[SERVER_OUTPUT_LIMIT];
	size_t output_size, shown_size, sent_size;
};

/* server.c */
void server_enter(struct smtp_server *, enum server_state);
/* Writes the reply: code, status when offered, text; holds, drops or closes as it says. */
void server_say(struct smtp_server *, const struct smtp_answer *);
void server_say_plain(struct smtp_server *, uint16_t code, const char *status,
		      const char *text);
/* What a hook made of the answer preset to it; code 0 becomes the preset again. */
struct smtp_answer server_settle(struct smtp_answer preset, struct smtp_answer answer);
void server_forget_transaction(struct smtp_server *);

/* server_command.c: one command line without its CRLF. More says that bytes came behind it. */
void server_command(struct smtp_server *, str line, bool more);

/* server_body.c: returns the bytes taken. */
size_t server_take_data(struct smtp_server *, str in);
size_t server_take_chunk(struct smtp_server *, str in);
void server_begin_data(struct smtp_server *);
void server_begin_chunk(struct smtp_server *, uint64_t size, bool is_last);
