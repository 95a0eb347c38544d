/* header.h - header fields written from data nobody vouches for (RFC 5322 2.2, RFC 2047).
 * A value can never become a second field: controls, CR and LF among them, turn into spaces and
 * bytes that are no UTF-8 into U+FFFD before anything else happens. Lines are folded at white
 * space, to 78 columns where the value has white space to fold at, 76 around encoded words; all
 * output is 7-bit. Each field ends in CRLF. */
#pragma once

#include "engine/base/buf.h"

#define HEADER_LINE_LIMIT 78
#define HEADER_NAME_LIMIT 60    /* leaves room for a first encoded word on its line */
#define HEADER_WORD_LIMIT 900   /* longest word left whole by header_put_tokens */
#define HEADER_VALUE_LIMIT 4000 /* bytes; what is longer is cut behind a character */

/* ftext of RFC 5322 2.2: printable ASCII without the colon, at most HEADER_NAME_LIMIT. Names
 * given to the writers below must be of this kind. */
bool header_name_ok(str name);

/* Text for people (Subject, Comments): as it is where it is plain ASCII that folds, encoded
 * words in UTF-8 otherwise, B or Q by length. White space at both ends is dropped. */
void header_put_text(struct buf *out, str name, str value);

/* Values with a syntax of their own (List-Unsubscribe, Content-Type): folded at spaces, words
 * kept whole. What is not fit for that (header_tokens_ok) is written as text instead. */
void header_put_tokens(struct buf *out, str name, str value);
/* Printable ASCII with nothing that a reader would take for an encoded word, no word longer
 * than HEADER_WORD_LIMIT. */
bool header_tokens_ok(str value);

/* One mailbox: display-name and address. The name is written as atoms, as a quoted string or as
 * encoded words, whichever it needs; empty: none. address must be header_address_ok(). */
void header_put_mailbox(struct buf *out, str name, str display, str address);
/* The same around anything that stands between "<" and ">" (List-Id, RFC 2919 2): printable
 * ASCII without spaces and angle brackets. */
void header_put_angled(struct buf *out, str name, str display, str inside);
/* Fit to stand between "<" and ">": ASCII, with an "@", at most 320 octets, nothing that would
 * end the mailbox or begin another one. Not a judgement of the address (mail/address.h is). */
bool header_address_ok(str address);

/* The cleaning alone, for who needs the text itself: controls become spaces, what is no UTF-8
 * becomes U+FFFD, both ends are trimmed. */
void header_clean(struct buf *out, str value);
