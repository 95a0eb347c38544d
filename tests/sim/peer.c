/* peer.c - the server's end of a virtual connection: its bytes, pieces, waits and fake TLS.
 * What is answered, the owner's hooks decide; output comes late and in pieces, in order. */
#include "tests/sim/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tests/sim/sim.h"

static void peer_unref(struct peer *peer)
{
	if (--peer->references > 0)
		return;
	free(peer->server);
	free(peer->inbox);
	free(peer->portions);
	free(peer);
}

void peer_drop(struct peer *peer, bool orderly)
{
	if (peer->dropped)
		return;
	peer->dropped = true;
	if (peer->gone)
		return;
	socket_reset(peer->fd, orderly);
	peer_gone(peer);
}

/* -- output: the server's words, in pieces, later
 * ---------------------------------------------- */

struct words {
	struct peer *peer;
	size_t size;
	bool last; /* close behind them */
	char bytes[];
};

static void words_land(struct world *w, void *a, uint64_t b)
{
	struct words *words = a;
	struct peer *peer = words->peer;
	(void)w;
	(void)b;
	if (!peer->gone && !peer->dropped && words->size > 0)
		socket_bytes(peer->fd, str_make(words->bytes, words->size));
	if (words->last)
		peer_drop(peer, true);
	peer_unref(peer);
	free(words);
}

static void say(struct peer *peer, const char *bytes, size_t size, bool last)
{
	struct world *w = peer->world;
	usec at = usec_max(peer->last_output_at, w->now + 1000 + (usec)world_below(w, 20000));
	size_t step = peer->splitting ? 1 : size;
	for (size_t done = 0; done < size || (last && size == 0);) {
		size_t piece = size - done < step ? size - done : step;
		if (piece > 1 && !peer->splitting && world_below(w, 3) == 0)
			piece = 1 + world_below(w, piece);
		struct words *words = malloc(sizeof(*words) + piece);
		ASSERT(words);
		*words = (struct words){
			.peer = peer, .size = piece, .last = last && done + piece == size};
		memcpy(words->bytes, bytes + done, piece);
		peer->references++;
		world_at(w, at - w->now, words_land, words, 0);
		at += 10 + (usec)world_below(w, 200);
		done += piece;
		if (size == 0)
			break;
	}
	peer->last_output_at = at;
}

static void say_server_output(struct peer *peer, bool last)
{
	str out = smtp_server_output(peer->server);
	char *bytes = malloc(out.size + 1);
	ASSERT(bytes);
	memcpy(bytes, out.data, out.size);
	for (size_t i = 0; peer->tls_on && i < out.size; i++)
		bytes[i] ^= SIM_TLS_MASK;
	if (!peer->hanging && (out.size > 0 || last))
		say(peer, bytes, out.size, last);
	free(bytes);
	smtp_server_sent(peer->server, out.size);
}

static void peer_step(struct peer *peer);

static void peer_wakes(struct world *w, void *a, uint64_t b)
{
	struct peer *peer = a;
	(void)b;
	if (!peer->gone && !peer->dropped) {
		smtp_server_tick(peer->server, w->now);
		peer_step(peer);
	}
	peer_unref(peer);
}

static void wake_at(struct peer *peer, usec at)
{
	peer->references++;
	world_at(peer->world, usec_max(0, at - peer->world->now), peer_wakes, peer, 0);
}

/* So many bytes of the inbox have been read. */
static void take_away(struct peer *peer, size_t size)
{
	peer->inbox_size -= size;
	memmove(peer->inbox, peer->inbox + size, peer->inbox_size);
	size_t read = 0;
	while (size > 0) {
		struct peer_portion *portion = &peer->portions[read];
		size_t part = size < portion->size ? size : portion->size;
		portion->size -= part;
		size -= part;
		read += portion->size == 0;
	}
	peer->portion_count -= read;
	memmove(peer->portions, peer->portions + read,
		peer->portion_count * sizeof(*peer->portions));
}

/* The fake handshake: the client says HELLO, we say OLLEH (or rubbish), then bytes are masked.
 */
static bool take_handshake(struct peer *peer)
{
	if (peer->inbox_size < SIM_TLS_HELLO_SIZE)
		return false;
	if (memcmp(peer->inbox, SIM_TLS_HELLO, SIM_TLS_HELLO_SIZE) != 0)
		world_fail(peer->world, "clear text after STARTTLS");
	take_away(peer, SIM_TLS_HELLO_SIZE);
	bool broken = world_fault(peer->world, FAULT_TLS_BROKEN);
	say(peer, broken ? SIM_TLS_RUBBISH : SIM_TLS_ANSWER, SIM_TLS_HELLO_SIZE, broken);
	if (broken)
		return false;
	peer->tls_on = true;
	for (size_t i = 0; i < peer->inbox_size; i++)
		peer->inbox[i] ^= SIM_TLS_MASK;
	smtp_server_tls_done(peer->server, peer->world->now);
	return true;
}

/* In the portions in which it left the engine, so that of each command is known when it did. */
static void feed(struct peer *peer)
{
	struct world *w = peer->world;
	size_t size, taken;
	do {
		size = peer->portions[0].size;
		w->sent_at = peer->portions[0].sent_at;
		w->sent_heard_at = peer->portions[0].heard_at;
		taken = smtp_server_feed(peer->server, str_make(peer->inbox, size), w->now);
		take_away(peer, taken);
	} while (taken == size && peer->inbox_size > 0);
}

static void peer_step(struct peer *peer)
{
	for (int turn = 0; turn < 10000 && !peer->dropped && !peer->gone; turn++) {
		enum smtp_server_want want = smtp_server_want(peer->server);
		if (want == SERVER_DROP) {
			peer_drop(peer, world_below(peer->world, 2));
			return;
		}
		if (smtp_server_output(peer->server).size > 0) {
			say_server_output(peer, want == SERVER_CLOSE);
			if (want == SERVER_CLOSE)
				return;
			continue;
		}
		if (want == SERVER_CLOSE) {
			peer_drop(peer, true);
			return;
		}
		if (want == SERVER_WAIT) {
			wake_at(peer, smtp_server_wake_at(peer->server));
			return;
		}
		if (want == SERVER_TLS) {
			if (!take_handshake(peer))
				return;
			continue;
		}
		size_t before = peer->inbox_size;
		if (before == 0)
			return;
		feed(peer);
		if (peer->inbox_size == before && smtp_server_output(peer->server).size == 0 &&
		    smtp_server_want(peer->server) == SERVER_READ)
			return;
	}
}

void peer_init(struct peer *peer, struct world *w, void (*on_gone)(struct peer *))
{
	peer->world = w;
	peer->on_gone = on_gone;
	peer->references = 1;
	peer->server = calloc(1, smtp_server_size());
	peer->splitting = world_fault(w, FAULT_SPLIT);
	ASSERT(peer->server);
}

void peer_begin(struct peer *peer, int fd, const struct smtp_server_options *options)
{
	peer->fd = fd;
	smtp_server_init(peer->server, options, peer->world->now);
	wake_at(peer, peer->world->now + 45000); /* the greeting, when the connect is through */
}

static void add_portion(struct peer *peer, size_t size)
{
	if (peer->portion_count == peer->portion_room) {
		peer->portion_room = peer->portion_room ? 2 * peer->portion_room : 8;
		peer->portions = realloc(peer->portions,
					 peer->portion_room * sizeof(*peer->portions));
		ASSERT(peer->portions);
	}
	peer->portions[peer->portion_count++] = (struct peer_portion){
		size, peer->world->sent_at, peer->world->sent_heard_at};
}

void peer_bytes(struct peer *peer, str bytes)
{
	if (peer->dropped || peer->gone || bytes.size == 0)
		return;
	add_portion(peer, bytes.size);
	peer->inbox = realloc(peer->inbox, peer->inbox_size + bytes.size + 1);
	ASSERT(peer->inbox);
	for (size_t i = 0; i < bytes.size; i++)
		peer->inbox[peer->inbox_size + i] =
			peer->tls_on ? (char)(bytes.data[i] ^ SIM_TLS_MASK) : bytes.data[i];
	peer->inbox_size += bytes.size;
	peer->references++; /* it may drop itself */
	peer_step(peer);
	peer_unref(peer);
}

void peer_gone(struct peer *peer)
{
	if (peer->gone)
		return;
	peer->gone = true;
	peer->on_gone(peer);
	peer_unref(peer);
}
