/* filter_command.h - a command of the user's as a filter: bytes in, bytes out. No shell: what
 * words it has is what stands there. Everything about it is bounded, and what it starts ends
 * with it. */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/usec.h"

#define COMMAND_WORD_LIMIT 64

/* word = 1*( plain / "'" *any "'" / DQUOTE *( any / "\" any ) DQUOTE / "\" any )
 * NUL-terminated, ends with NULL. 0; -1: a quote is never closed, too many words, or none. */
[[nodiscard]] int command_split(str text, struct arena *, char **ret_words);

struct filter_limits {
	usec timeout;
	size_t output_size;
};
/* Its standard output. 0, or -1 with a sentence that holds the beginning of its standard error:
 * not found, exit status, killed, too slow, too much. It may stop reading before the end. */
[[nodiscard]] int filter_run(char *const *words, str input, const struct filter_limits *,
			     struct arena *, str *ret_output, char *ret_why, size_t why_size);
