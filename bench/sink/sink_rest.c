/* sink_rest.c - a piece a read: what comes later is behind it and is answered later. */
#include "bench/sink/sink_rest.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"

bool sink_rest_add(struct sink_rest *rest, str bytes, usec heard_at)
{
	struct sink_piece *piece = malloc(sizeof(*piece) + bytes.size);
	if (!piece)
		return false;
	*piece = (struct sink_piece){.heard_at = heard_at, .size = bytes.size};
	memcpy(piece->bytes, bytes.data, bytes.size);
	if (rest->last)
		rest->last->next = piece;
	else
		rest->first = piece;
	rest->last = piece;
	rest->size += bytes.size;
	return true;
}

str sink_piece_left(const struct sink_piece *piece)
{
	return str_make(piece->bytes + piece->at, piece->size - piece->at);
}

void sink_rest_taken(struct sink_rest *rest, size_t size)
{
	struct sink_piece *piece = rest->first;
	ASSERT(piece && size <= piece->size - piece->at);
	piece->at += size;
	rest->size -= size;
	if (piece->at < piece->size)
		return;
	rest->first = piece->next;
	if (!rest->first)
		rest->last = NULL;
	free(piece);
}

void sink_rest_forget(struct sink_rest *rest)
{
	while (rest->first)
		sink_rest_taken(rest, rest->first->size - rest->first->at);
}
