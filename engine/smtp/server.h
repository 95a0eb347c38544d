/* server.h - the receiving side's session machine: bytes in, bytes out, rules from outside.
 * The sink runs it on sockets, the simulation runs it as the hostile internet. It knows
 * PIPELINING, CHUNKING, 8BITMIME, SIZE, SMTPUTF8, ENHANCEDSTATUSCODES, STARTTLS and REQUIRETLS
 * (RFC 5321, 2920, 3030, 6152, 1870, 6531, 2034, 3207, 8689); what is answered to whom, the
 * owner decides. */
#pragma once

#include "engine/base/usec.h"
#include "engine/smtp/reply.h"

struct smtp_server;

/* What the owner wants said. Text is one line without codes, or lines joined by '\n'. */
struct smtp_answer {
	uint16_t code;      /* 0: the machine's own answer */
	const char *status; /* "4.7.1", NULL: none */
	const char *text;
	usec delay; /* before the reply leaves */
	bool drop;  /* close without any reply */
	bool close; /* close after the reply */
};

struct smtp_server_hooks {
	/* Each is called once a command, and only for a command that is in order; answer is
	 * preset to the machine's own. NULL hooks are skipped. */
	void (*on_connect)(void *context, struct smtp_answer *);
	/* EHLO or HELO; the lines of the offers follow the answer's text when it is 250. */
	void (*on_hello)(void *context, bool is_ehlo, str name, struct smtp_answer *);
	void (*on_mail)(void *context, str from, struct smtp_answer *);
	void (*on_rcpt)(void *context, str to, struct smtp_answer *);
	void (*on_data)(void *context, struct smtp_answer *); /* to DATA itself, preset 354 */
	/* Message bytes as they come, unstuffed, CRLF lines. */
	void (*on_bytes)(void *context, str bytes);
	/* The end of data, before the reply. size counts what on_bytes saw, or would have seen
	 * of a message over the limit. */
	void (*on_end)(void *context, size_t size, struct smtp_answer *);
	void (*on_reset)(void *context); /* transaction over or forgotten */
	void *context;
};

/* Whoever talks before it may (behind DATA, EHLO or STARTTLS, or at all without PIPELINING)
 * gets 554 5.5.0 and is closed, as far as those bytes came in one piece with the command. */
struct smtp_server_options {
	str name;
	uint64_t size_limit; /* 0: none, and SIZE is not offered */
	bool offer_pipelining, offer_chunking, offer_starttls, offer_8bitmime, offer_smtputf8,
		offer_enhanced, offer_requiretls; /* the last one under TLS only */
	struct smtp_server_hooks hooks;
};

enum smtp_server_want {
	SERVER_READ, /* feed it more */
	SERVER_TLS,  /* output is to be sent, then the handshake; then smtp_server_tls_done() */
	SERVER_WAIT, /* nothing happens before smtp_server_wake_at() */
	SERVER_CLOSE, /* output is to be sent, then closed */
	SERVER_DROP,  /* close now, send nothing */
};

/* Memory of smtp_server_size() bytes, the caller's. */
size_t smtp_server_size(void);
void smtp_server_init(struct smtp_server *, const struct smtp_server_options *, usec now);
/* Returns the bytes taken: fewer than given while it waits for a delayed reply, a TLS
 * handshake, or for its output to be taken. */
[[nodiscard]] size_t smtp_server_feed(struct smtp_server *, str bytes, usec now);
str smtp_server_output(struct smtp_server *);
void smtp_server_sent(struct smtp_server *, size_t size);
enum smtp_server_want smtp_server_want(const struct smtp_server *);
/* The rest of a chunk is to come (BDAT, RFC 3030): whoever sent its beginning waits for nothing. */
bool smtp_server_within_chunk(const struct smtp_server *);
usec smtp_server_wake_at(const struct smtp_server *);
void smtp_server_tick(struct smtp_server *, usec now); /* delayed replies become output */
void smtp_server_tls_done(struct smtp_server *, usec now);
