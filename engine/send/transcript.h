/* transcript.h - what is said and heard on one connection, as lines that may be seen.
 * Bytes come as they leave and arrive, in pieces of any size; lines go to the watcher, cut at
 * SINGLE_LINE_LIMIT. Secrets end here: what the AUTH machinery wrote, the challenges, and what
 * a server repeats of them. A message is told as its size. */
#pragma once

#include "engine/send/auth.h"
#include "engine/send/single.h"

struct transcript_line {
	char bytes[SINGLE_LINE_LIMIT];
	size_t size;
	bool open;   /* bytes have come, and no line end */
	bool secret; /* some of them prove who we are */
};

struct transcript {
	const struct single_watch *watch; /* NULL: nothing is told */
	const struct auth *auth;          /* of the session; its line is secret */
	const struct relay_login *login;  /* NULL: nobody logs in */
	const struct smtp_body *body;     /* told as a size */
	usec begun_at;
	struct transcript_line said, heard;
	size_t body_size;
	char response[SINGLE_LINE_LIMIT]; /* the last that was masked */
	size_t response_size;
};

/* A new connection; watch, auth, login and body are the owner's to set before. */
void transcript_begin(struct transcript *, usec now);
/* What is handed to the transport. in_auth: by the state of the session. */
void transcript_said(struct transcript *, const struct iovec *spans, size_t count, bool in_auth,
		     usec now);
/* What has arrived, up to one line end at most. */
void transcript_heard(struct transcript *, str bytes, bool in_auth, usec now);
/* No more will come: what stands there without a line end is told too. */
void transcript_end(struct transcript *, bool in_auth, usec now);
/* Whether a server's words repeat what proves who we are. */
bool transcript_echoes(const struct transcript *, str text);
