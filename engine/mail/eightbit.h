/* eightbit.h - text as it is, for hosts that offer 8BITMIME (RFC 6152): CRLF line ends, UTF-8,
 * no NUL. Lines stay as long as they are, so whether they may leave is asked at the end. */
#pragma once

#include "engine/base/buf.h"

#define EIGHTBIT_LINE_LIMIT 998 /* RFC 5321 4.5.3.1.6, without the CRLF */

/* A piece of text; CRLF, CR and LF are one line end each, what is no UTF-8 and NUL become
 * U+FFFD. A CR and a LF in two pieces are two line ends. */
void eightbit_put(struct buf *out, str text);
/* Whether a whole part may leave like that: no line is too long, and none begins with "--=_",
 * as our boundaries do (in quoted-printable no text can). */
bool eightbit_fits(str part);
