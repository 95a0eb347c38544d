/* expect.h - the state of one dialogue under test, and what its "expect" lines may ask. */
#pragma once

#include "engine/base/buf.h"
#include "engine/smtp/client_state.h"
#include "tests/talk/dialogue.h"

#define TALK_TRANSACTION_LIMIT 40

struct talk_result {
	bool told, in_doubt;
	struct reply reply;
	char text[512];
};

struct talk_transaction {
	struct smtp_transaction transaction;
	str rcpts[SMTP_RCPT_LIMIT];
	size_t rcpt_count;
	char *body;
	bool gate_told, returned, finished, named;
	struct talk_result results[SMTP_RCPT_LIMIT];
};

struct talk {
	const char *path;
	size_t line;
	enum dialogue_pace pace;
	bool failed, stalled;
	usec now;
	struct smtp_options options;
	struct smtp_client client;
	struct smtp_desk desk;
	struct buf said; /* by the client, not yet named by a C: line */
	struct talk_transaction transactions[TALK_TRANSACTION_LIMIT];
	size_t transaction_count;
	bool ready_told, tls_told, auth_told, close_told; /* and not yet named */
	struct reply auth_reply;
	char auth_text[512];
	struct reply close_reply;
	char close_text[512];
};

/* The first failure of a dialogue is printed, the rest of it is not run. */
__attribute__((format(printf, 2, 3))) void talk_fail(struct talk *, const char *format, ...);
/* The transaction, not yet named in the file, whose first recipient has this local part. */
struct talk_transaction *talk_find(struct talk *, str name);
usec talk_duration(struct talk *, str text); /* "90s", "10m", "250ms" */
uint64_t talk_number(struct talk *, str text);
enum smtp_flight talk_flight(struct talk *, str name);

void talk_expect(struct talk *, str rest);
void talk_expect_silence(struct talk *);     /* the client has said nothing unnamed */
void talk_expect_nothing_due(struct talk *); /* nor told anything unnamed, results apart */
void talk_expect_all_named(struct talk *);   /* at the end: no transaction was forgotten */
