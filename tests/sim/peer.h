/* peer.h - the server's end of a virtual connection, embedded first in what its owner knows.
 * The owner allocates the whole from the heap; it is freed when nothing under way needs it. */
#pragma once

#include "engine/smtp/server.h"
#include "tests/sim/world.h"

/* Bytes that left the engine together, and wait in the inbox. */
struct peer_portion {
	size_t size;
	usec sent_at, heard_at; /* as world.h's sent_at, sent_heard_at */
};

struct peer {
	struct world *world;
	int fd;
	bool gone;    /* the engine's end is closed */
	bool dropped; /* ours is */
	bool hanging, splitting;
	bool tls_on;
	struct smtp_server *server;
	char *inbox;
	size_t inbox_size;
	struct peer_portion *portions; /* of the inbox */
	size_t portion_count, portion_room;
	usec last_output_at;
	unsigned references;
	void (*on_gone)(struct peer *);
};

void peer_init(struct peer *, struct world *, void (*on_gone)(struct peer *));
void peer_begin(struct peer *, int fd, const struct smtp_server_options *);
void peer_drop(struct peer *, bool orderly);
