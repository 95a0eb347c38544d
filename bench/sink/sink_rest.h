/* sink_rest.h - bytes that a session has received and its machine has not taken yet, in the pieces they
 * came in, and when. */
#pragma once

#include "engine/base/str.h"
#include "engine/base/usec.h"

struct sink_piece {
	struct sink_piece *next;
	usec heard_at;
	size_t at, size; /* before at they are taken */
	char bytes[];
};

struct sink_rest {
	struct sink_piece *first, *last; /* NULL: there are none */
	size_t size;                     /* of what is left of all */
};

/* Copies them behind the others; false without memory. */
[[nodiscard]] bool sink_rest_add(struct sink_rest *, str bytes, usec heard_at);
str sink_piece_left(const struct sink_piece *);
/* So many bytes of the first piece were taken; one of which nothing is left is gone. */
void sink_rest_taken(struct sink_rest *, size_t size);
void sink_rest_forget(struct sink_rest *);
