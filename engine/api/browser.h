/* browser.h - a headless browser as a process of its own, to make a picture of a letter:
 * started without a shell, with a profile and an environment of its own that go away with it,
 * no network, no scripts. It is spoken to over a pipe in Chromium's DevTools protocol; whatever
 * it answers is bounded in size and time, and believed in nothing but the picture's bytes.
 *
 * As root there is no sandbox, which Chromium refuses there: a page without scripts and
 * network, of our own making, is what it is given. Ctrl-C ends it in order. */
#pragma once

#include <jansson.h>
#include <sys/types.h>

#include "engine/base/arena.h"
#include "engine/base/usec.h"

struct browser {
	pid_t pid; /* also its process group */
	int to, from, signals;
	int64_t last_id;
	usec deadline; /* monotonic */
	bool interrupted;
	char *bytes; /* what has come and was not read yet */
	size_t size, capacity;
	char profile[200];
	char why[300]; /* a sentence, once something failed; printable */
};

/* The program: the one named (a path, or a name in PATH), else the first of the usual names in
 * PATH. data NULL: there is none. */
str browser_find(struct arena *, str named);
/* 0, or -1 with why, and nothing to stop. timeout is for all that follows, too. */
[[nodiscard]] int browser_start(struct browser *, const char *program, usec timeout);
/* Asks and waits for the answer; takes parameters over; session may be NULL. NULL with why. */
[[nodiscard]] json_t *browser_ask(struct browser *, const char *session, const char *method,
				  json_t *parameters);
/* Ends the whole tree of processes and takes the profile away. */
void browser_stop(struct browser *);

struct browser_view {
	bool phone, dark; /* 390 pixels wide in place of 700; a reader who likes it dark */
};
/* A picture of the whole page as PNG, in the arena. 0, or -1 with why. */
[[nodiscard]] int browser_picture(struct browser *, str html, const struct browser_view *,
				  struct arena *, str *ret_png);
