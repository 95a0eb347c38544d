/* classify_text.h - a reply's text as the rules see it: words in lower case, one space before,
 * between and after them.
 * What varies from reply to reply is masked or dropped, so that it can never be mistaken for
 * meaning: an address becomes "@", an IP address "#", a host name keeps its last two labels as
 * one word ("spamhaus.org"), the words of a URL are marked with a slash ("/unsolicited"). Codes
 * are taken out and remembered. Accents are folded to ASCII ("boîte" -> "boite"), apostrophes
 * vanish ("doesn't" -> "doesnt"), Cyrillic is lower-cased, other scripts stay as they are. */
#pragma once

#include "engine/base/usec.h"
#include "engine/smtp/reply.h"

#define PLAIN_WORD_LIMIT 128   /* what follows is not looked at: replies end long before */
#define PLAIN_SIZE_LIMIT 1536  /* of the words, spaces included */
#define PLAIN_DURATION_LIMIT 4 /* "300 seconds", "00:05:00"; more in one reply mean nothing */

struct plain_duration {
	usec length;
	uint32_t word; /* where it stands */
};

struct plain_text {
	uint16_t code;        /* found in the text, 0: none */
	struct status status; /* likewise, the first that says more than x.0.0 */
	uint32_t word_count, duration_count;
	struct plain_duration durations[PLAIN_DURATION_LIMIT];
	size_t size;
	char bytes[PLAIN_SIZE_LIMIT]; /* " user unknown " */
};

void plain_text_make(struct plain_text *ret_text, str text);
