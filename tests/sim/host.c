/* host.c - the hostile internet: virtual mail hosts around engine/smtp/server.h.
 * A peer is the server's end of one connection. What it answers, chance decides by the seed's
 * faults; what it has truly accepted, it writes into the recipient's truth. */
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/net/tls.h"
#include "engine/sign/verify.h"
#include "engine/smtp/server.h"
#include "tests/sim/sim.h"

#define HISTORY 4096 /* starts remembered per site, for the rate's check */
#define MESSAGE_LIMIT 65536
/* From an unsubscribe to its following everywhere: the feed, and commands already sent to a
 * host that takes its time over the one before. */
#define STOP_GRACE (180 * USEC_SECOND)

struct host_limits site_limits[SITE_COUNT];

struct peer {
	struct world *world;
	int site, fd;
	bool gone;    /* the engine's end is closed */
	bool dropped; /* ours is */
	bool hanging, splitting;
	bool tls_on, tls_broken;
	bool reset_in_body, lose_reply, lose_message;
	struct smtp_server *server;
	char *inbox;
	size_t inbox_size;
	struct truth *rcpt;
	char rcpt_text[128];
	char *message;
	size_t message_size;
	usec last_output_at;
	unsigned references;
};

static struct {
	uint32_t connections;
	usec starts[HISTORY];
	uint64_t start_count;
} sites[SITE_COUNT];

void hosts_begin(struct world *w)
{
	for (int i = 0; i < SITE_COUNT; i++) {
		memset(&sites[i], 0, sizeof(sites[i]));
		site_limits[i] = (struct host_limits){
			.connections = 1 + (uint32_t)world_below(w, 4),
			.rate_per_second =
				world_below(w, 2) ? 5 + (uint32_t)world_below(w, 40) : 0,
		};
	}
}

void hosts_end(struct world *w)
{
	for (int i = 0; i < SITE_COUNT; i++)
		if (sites[i].connections != 0)
			world_fail(w, "%u connections to site %d were never closed",
				   sites[i].connections, i);
}

/* Hosts are 10.0.<site>.<1 or 2>. */
int host_site_of(const struct net_address *address)
{
	uint32_t ip = ntohl(address->in4.sin_addr.s_addr);
	int site = (int)(ip >> 8 & 255);
	return ip >> 16 == (10u << 8) && site < SITE_COUNT ? site : -1;
}

static void peer_unref(struct peer *peer)
{
	if (--peer->references > 0)
		return;
	free(peer->server);
	free(peer->inbox);
	free(peer->message);
	free(peer);
}

static void drop(struct peer *peer, bool orderly)
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
		drop(peer, true);
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

/* The fake handshake: the client says HELLO, we say OLLEH (or rubbish), then bytes are masked.
 */
static bool take_handshake(struct peer *peer)
{
	if (peer->inbox_size < SIM_TLS_HELLO_SIZE)
		return false;
	if (memcmp(peer->inbox, SIM_TLS_HELLO, SIM_TLS_HELLO_SIZE) != 0)
		world_fail(peer->world, "clear text after STARTTLS");
	peer->inbox_size -= SIM_TLS_HELLO_SIZE;
	memmove(peer->inbox, peer->inbox + SIM_TLS_HELLO_SIZE, peer->inbox_size);
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

static void feed(struct peer *peer)
{
	size_t taken = smtp_server_feed(peer->server, str_make(peer->inbox, peer->inbox_size),
					peer->world->now);
	peer->inbox_size -= taken;
	memmove(peer->inbox, peer->inbox + taken, peer->inbox_size);
}

static void peer_step(struct peer *peer)
{
	for (int turn = 0; turn < 10000 && !peer->dropped && !peer->gone; turn++) {
		enum smtp_server_want want = smtp_server_want(peer->server);
		if (want == SERVER_DROP) {
			drop(peer, world_below(peer->world, 2));
			return;
		}
		if (smtp_server_output(peer->server).size > 0) {
			say_server_output(peer, want == SERVER_CLOSE);
			if (want == SERVER_CLOSE)
				return;
			continue;
		}
		if (want == SERVER_CLOSE) {
			drop(peer, true);
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

/* -- what the hosts decide
 * --------------------------------------------------------------------- */

static void answer(struct smtp_answer *a, uint16_t code, const char *status, const char *text)
{
	a->code = code;
	a->status = status;
	a->text = text;
}

/* What may befall any command. True: nothing else is decided for it. */
static bool befall(struct peer *peer, struct smtp_answer *a)
{
	if (world_fault(peer->world, FAULT_RESET)) {
		a->drop = true;
		return true;
	}
	if (world_fault(peer->world, FAULT_HANG))
		peer->hanging = true;
	if (world_fault(peer->world, FAULT_TARPIT))
		a->delay = USEC_SECOND + (usec)world_below(peer->world, 20 * USEC_SECOND);
	return false;
}

static void on_connect(void *context, struct smtp_answer *a)
{
	struct peer *peer = context;
	if (befall(peer, a))
		return;
	if (world_fault(peer->world, FAULT_GREETING_421)) {
		answer(a, 421, "4.7.0", "too many connections from your host");
		a->close = true;
	} else if (world_fault(peer->world, FAULT_GREETING_554)) {
		answer(a, 554, "5.7.1", "no SMTP service for you here");
		a->close = true;
	}
}

static void check_rate(struct peer *peer)
{
	struct world *w = peer->world;
	uint32_t rate = site_limits[peer->site].rate_per_second;
	uint64_t n = sites[peer->site].start_count++;
	sites[peer->site].starts[n % HISTORY] = w->now;
	if (rate == 0)
		return;
	/* In any window: the rate, one burst cell, what latency can bring together (30 ms), and
	 * one more burst for each time the engine forgot its bucket by crashing. */
	for (usec window = USEC_SECOND; window <= 16 * USEC_SECOND; window *= 4) {
		uint64_t allowed =
			(uint64_t)rate * (uint64_t)(window + 60 * USEC_MS) / USEC_SECOND + 2 +
			2 * w->crash_count;
		if (n < allowed || n - allowed + 1 < (n >= HISTORY ? n - HISTORY + 1 : 0))
			continue;
		if (w->now - sites[peer->site].starts[(n - allowed) % HISTORY] < window)
			world_fail(w, "site %d: more than %llu starts in %llu s", peer->site,
				   (unsigned long long)allowed,
				   (unsigned long long)(window / USEC_SECOND));
	}
}

static void on_mail(void *context, str from, struct smtp_answer *a)
{
	struct peer *peer = context;
	if (!str_ends(from, STR("@bounce.news.test")))
		world_fail(peer->world, "envelope sender %.*s", STR_FORMAT(from));
	check_rate(peer);
	if (befall(peer, a))
		return;
	if (world_fault(peer->world, FAULT_421)) {
		answer(a, 421, "4.3.2", "closing, come back later");
		a->close = true;
	} else if (world_fault(peer->world, FAULT_OUT_OF_SYNC)) {
		answer(a, 503, "5.5.1", "bad sequence of commands");
	}
}

static void on_rcpt(void *context, str to, struct smtp_answer *a)
{
	struct peer *peer = context;
	struct world *w = peer->world;
	peer->rcpt = truth_by_email(w, to);
	(void)!str_to_cstr(to, peer->rcpt_text, sizeof(peer->rcpt_text));
	if (!peer->rcpt) {
		world_fail(w, "mail to %.*s, who is nobody", STR_FORMAT(to));
		return;
	}
	if (peer->rcpt->suppressed_at_cut)
		world_fail(w, "mail to %.*s, who is suppressed", STR_FORMAT(to));
	if (peer->rcpt->final_count > 0 && peer->rcpt->final != VERDICT_IN_DOUBT)
		world_fail(w, "mail to %.*s, whose verdict is final", STR_FORMAT(to));
	if (peer->rcpt->stopped_at && w->now > peer->rcpt->stopped_at + STOP_GRACE)
		world_fail(w, "mail to %.*s, %.1f s after the unsubscribe", STR_FORMAT(to),
			   (double)(w->now - peer->rcpt->stopped_at) / 1e6);
	if (w->now + w->wall_offset < peer->rcpt->not_before_wall)
		world_fail(w, "%.*s was tried again %.1f s early", STR_FORMAT(to),
			   (double)(peer->rcpt->not_before_wall - w->now - w->wall_offset) /
				   1e6);
	if (befall(peer, a))
		return;
	if (!peer->rcpt->greylisted_once && world_fault(w, FAULT_GREYLIST)) {
		peer->rcpt->greylisted_once = true;
		answer(a, 451, "4.7.1", "greylisted, try again later");
	} else if (world_fault(w, FAULT_DEFER)) {
		answer(a, 450, "4.2.1", "mailbox busy, try again later");
	} else if (world_fault(w, FAULT_REJECT)) {
		answer(a, 550, "5.1.1", "user unknown");
	}
}

static void on_data(void *context, struct smtp_answer *a)
{
	struct peer *peer = context;
	if (befall(peer, a))
		return;
	if (world_fault(peer->world, FAULT_LIE))
		answer(a, 250, "2.0.0", "ok, or so");
	peer->reset_in_body = world_fault(peer->world, FAULT_RESET_BODY);
	peer->lose_reply = world_fault(peer->world, FAULT_LOST_REPLY);
	peer->lose_message = world_fault(peer->world, FAULT_LOST_MESSAGE);
}

static void on_message_bytes(void *context, str bytes)
{
	struct peer *peer = context;
	if (peer->message_size + bytes.size > MESSAGE_LIMIT)
		return;
	memcpy(peer->message + peer->message_size, bytes.data, bytes.size);
	peer->message_size += bytes.size;
	if (peer->reset_in_body && peer->message_size > 500)
		drop(peer, false);
}

static str header_of(str message, str name)
{
	size_t at = str_find(message, name);
	if (at == STR_NONE)
		return STR("");
	str rest = str_from(message, at + name.size);
	return str_sub(rest, 0, str_find(rest, STR("\r\n")));
}

/* A whole message, for this recipient, the same identity on every retry, signed. */
static void check_message(struct peer *peer)
{
	struct world *w = peer->world;
	str message = str_make(peer->message, peer->message_size);
	str id = header_of(message, STR("\r\nMessage-ID: "));
	str to = header_of(message, STR("\r\nTo: "));
	char last[64];
	str local = str_of(peer->rcpt_text);
	local = str_sub(local, 0, str_find_byte(local, '@'));
	snprintf(last, sizeof(last), "END %.*s.", STR_FORMAT(local));
	if (str_find(to, str_of(peer->rcpt_text)) == STR_NONE)
		world_fail(w, "%s got a message to %.*s", peer->rcpt_text, STR_FORMAT(to));
	if (str_find(message, str_of(last)) == STR_NONE)
		world_fail(w, "%s got half a message", peer->rcpt_text);
	if (id.size == 0 || !str_to_cstr(id, last, sizeof(last)))
		id = str_sub(id, 0, sizeof(peer->rcpt->message_id) - 1);
	if (peer->rcpt->message_id[0] == '\0')
		(void)!str_to_cstr(id, peer->rcpt->message_id, sizeof(peer->rcpt->message_id));
	else if (!str_eq(id, str_of(peer->rcpt->message_id)))
		world_fail(w, "%s got two Message-IDs: %s and %.*s", peer->rcpt_text,
			   peer->rcpt->message_id, STR_FORMAT(id));
	if (w->verified_count >= SIM_VERIFY_LIMIT)
		return;
	char why[200];
	w->verified_count++;
	if (verify_signatures(message, sim_dkim_record(), 1, why, sizeof(why)) != 1)
		world_fail(w, "a signature does not verify: %s", why);
}

static void on_end(void *context, size_t size, struct smtp_answer *a)
{
	struct peer *peer = context;
	(void)size;
	if (peer->lose_message) {
		a->drop = true;
		return;
	}
	if (befall(peer, a))
		return;
	if (world_fault(peer->world, FAULT_REJECT_DATA)) {
		answer(a, 554, "5.7.1", "message content rejected as spam");
		return;
	}
	check_message(peer);
	if (peer->rcpt->accepted_count++ == 0)
		peer->rcpt->accepted_at = peer->world->now;
	if (peer->lose_reply)
		a->drop = true;
	else
		a->close = world_fault(peer->world, FAULT_CUT);
}

static void on_reset(void *context)
{
	struct peer *peer = context;
	peer->message_size = 0;
}

/* -- life
 * -------------------------------------------------------------------------------------- */

struct peer *peer_open(struct world *w, int site)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	ASSERT(peer);
	peer->world = w;
	peer->site = site;
	peer->references = 1;
	peer->server = calloc(1, smtp_server_size());
	peer->message = malloc(MESSAGE_LIMIT);
	peer->splitting = world_fault(w, FAULT_SPLIT);
	ASSERT(peer->server && peer->message);
	if (++sites[site].connections > site_limits[site].connections)
		world_fail(w, "%u connections to site %d, whose limit is %u",
			   sites[site].connections, site, site_limits[site].connections);
	return peer;
}

void peer_attach(struct peer *peer, int fd)
{
	peer->fd = fd;
	const struct smtp_server_options options = {
		.name = STR("mx.test"),
		.size_limit = 1000000,
		.offer_pipelining = peer->site % 3 != 2,
		.offer_chunking = peer->site % 3 == 0,
		.offer_starttls = peer->site % 2 == 1,
		.offer_enhanced = true,
		.hooks = {.on_connect = on_connect,
			  .on_mail = on_mail,
			  .on_rcpt = on_rcpt,
			  .on_data = on_data,
			  .on_bytes = on_message_bytes,
			  .on_end = on_end,
			  .on_reset = on_reset,
			  .context = peer},
	};
	smtp_server_init(peer->server, &options, peer->world->now);
	wake_at(peer, peer->world->now + 45000); /* the greeting, when the connect is through */
}

void peer_bytes(struct peer *peer, str bytes)
{
	if (peer->dropped || peer->gone)
		return;
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
	sites[peer->site].connections--;
	peer_unref(peer);
}
