/* smtp_world.h - a sender's and a receiver's machine on one unreliable wire, moved by a stream
 * of decisions; and an oracle that knows both ends. The fuzzer and a unit test with seeds use
 * it. smtp_world_server.h is the receiving side, smtp_world_sender.h the sending side with its
 * owner, smtp_world_wire.h what lies between; here is what they share, and the judgement.
 *
 * Checked: a message is stored only after its release, byte for byte as submitted, once at most
 * for each recipient, and for no recipient of another; a result is what the server said;
 * delivered means stored, neither delivered nor in doubt means not stored; every transaction
 * finishes, once, with a result for each recipient or returned whole; the client never talks
 * before it may; the memory of a body or of a line of AUTH is not looked at after it was given
 * back; the session always comes to an end, and after it nothing leaves.
 *
 * In some worlds the wire lies: replies are lost, doubled, invented, and chunks are read as
 * commands. Then nothing is asked of what a result says, and all the rest still holds. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/buf.h"
#include "engine/smtp/client_state.h"
#include "tests/talk/other_desk.h"
#include "engine/smtp/server.h"

#define WORLD_TRANSACTIONS 24
#define WORLD_RCPTS 4
#define WORLD_BODY 300
#define WORLD_PIPE 262144
#define WORLD_AUTH_LINES 64

#define WORLD_CHECK(claim) ((claim) ? (void)0 : world_broken(#claim, __LINE__))

static void (*world_on_broken)(void);
/* Steps of all worlds, for those who count how much was tried. */
uint64_t fuzz_step_count;

_Noreturn static inline void world_broken(const char *claim, int line)
{
	if (world_on_broken)
		world_on_broken();
	fprintf(stderr, "smtp_world:%d: not so: %s\n", line, claim);
	abort();
}

struct pipe_bytes {
	char data[WORLD_PIPE];
	size_t size, read;
};

struct world_mail {
	char from[64], rcpt_memory[WORLD_RCPTS][64];
	str rcpts[WORLD_RCPTS];
	size_t rcpt_count;
	char *body; /* freed when finished */
	char kept[WORLD_BODY];
	size_t body_size;
	struct smtp_transaction transaction;
	bool submitted, gate_told, released, finished, returned;
	/* what the server said last: to MAIL, to DATA, to the end, to each RCPT */
	int mail_code, data_code, end_code, rcpt_code[WORLD_RCPTS];
	bool in_transaction[WORLD_RCPTS];
	int stored_count[WORLD_RCPTS];
	bool told[WORLD_RCPTS], in_doubt[WORLD_RCPTS];
	int result[WORLD_RCPTS];
};

struct world {
	const uint8_t *choices;
	size_t choice_count, choice_at;
	usec now;
	struct smtp_client client;
	struct smtp_desk desk;
	struct smtp_server *server;
	struct pipe_bytes to_server, to_client;
	struct iovec writing[CLIENT_SPAN_LIMIT]; /* a write under way, read when it completes */
	size_t writing_count, written_size;
	bool client_closed, wire_cut, want_tls, quit_told, said_421;
	bool in_clear; /* implicit TLS: nothing is said before the handshake */
	unsigned odds; /* against trouble: a rough world or a mild one */
	bool lies, invents;
	bool swallows_no_chunk; /* a lie: CHUNKING is offered and BDAT not known */
	bool offers_strangely;  /* what is offered is then not known in MAIL or RCPT: 555 */
	size_t ready_count;
	struct world_mail mails[WORLD_TRANSACTIONS];
	size_t mail_count;
	struct world_mail *current; /* the server's open transaction */
	bool mixed;                 /* which, by a lie, has recipients of another */
	char received[4 * WORLD_BODY];
	size_t received_size;
	/* AUTH: the owner's line, freed at the next event that gives it back */
	bool auth_due;
	int auth_code;
	char *auth_line;
	size_t auth_line_count;
	char hello[200]; /* what the server says in EHLO besides its own offers */
};

static inline unsigned choose(struct world *w, unsigned bound)
{
	uint8_t byte = w->choice_at < w->choice_count ? w->choices[w->choice_at++] : 0;
	return byte % bound;
}

#include "tests/fuzz/smtp_world_server.h"

#include "tests/fuzz/smtp_world_sender.h"

#include "tests/fuzz/smtp_world_wire.h"

static inline void world_step(struct world *w)
{
	fuzz_step_count++;
	switch (choose(w, 16)) {
	case 0:
	case 1:
	case 2:
		world_write(w);
		break;
	case 3:
	case 4:
	case 5:
		world_to_server(w);
		break;
	case 6:
	case 7:
	case 8:
		world_to_client(w);
		break;
	case 9:
	case 10:
		world_submit(w);
		break;
	case 11:
		for (size_t i = 0; i < w->mail_count; i++)
			world_release(w, &w->mails[i]);
		break;
	case 12:
		if (w->mail_count > 0)
			world_release(w, &w->mails[choose(w, 256) % w->mail_count]);
		break;
	case 13:
		world_handshake(w);
		world_auth(w);
		break;
	case 14:
		if (choose(w, w->odds / 3) == 1)
			world_pass_time(w);
		break;
	case 15:
		if (choose(w, w->odds) == 1)
			world_lose(w);
		break;
	}
	world_hang_up(w);
}

/* All that can move moves, until nothing does; then the session is asked to end. */
static inline void world_settle(struct world *w)
{
	for (int round = 0; round < 40000 && !w->client_closed; round++) {
		fuzz_step_count++;
		bool moved = world_write(w);
		moved |= world_to_server(w);
		moved |= world_to_client(w);
		moved |= world_handshake(w);
		moved |= world_auth(w);
		moved |= world_hang_up(w);
		for (size_t i = 0; i < w->mail_count; i++) {
			moved |= w->mails[i].gate_told && !w->mails[i].released;
			world_release(w, &w->mails[i]);
		}
		if (moved)
			continue;
		if (!w->quit_told)
			smtp_client_quit(&w->client, w->now);
		else
			world_pass_time(w);
		w->quit_told = true;
		world_drain(w);
	}
	WORLD_CHECK(w->client_closed);
}

static inline void judge_mail(const struct world *w, struct world_mail *mail)
{
	WORLD_CHECK(mail->finished);
	for (size_t i = 0; i < mail->rcpt_count && !w->lies; i++) {
		bool delivered = mail->told[i] && mail->result[i] / 100 == 2;
		int stored = mail->stored_count[i];
		WORLD_CHECK(mail->in_doubt[i] ? stored <= 1 : stored == delivered);
	}
	free(mail->body);
}

static inline void world_judge(struct world *w)
{
	struct iovec spans[4];
	WORLD_CHECK(smtp_client_output(&w->client, spans, 4) == 0);
	WORLD_CHECK(smtp_client_deadline(&w->client) == USEC_NEVER);
	WORLD_CHECK(smtp_client_room(&w->client) == 0);
	if (!w->lies)
		check_manners(w);
	for (size_t m = 0; m < w->mail_count; m++)
		judge_mail(w, &w->mails[m]);
	free(w->auth_line);
}

/* What the machine of the server does not know is offered by its owner. */
static inline void world_offer(struct world *w)
{
	static const char *const lines[] = {
		"DSN",
		"REQUIRETLS",
		"AUTH PLAIN SCRAM-SHA-256",
		"AUTH=LOGIN",
		"LIMITS MAILMAX=4",
		"LIMITS RCPTMAX=2 X=1",
		"LIMITS RCPTDOMAINMAX=1",
	};
	unsigned which = choose(w, 4) == 1 ? choose(w, 128) : 0;
	size_t size = (size_t)snprintf(w->hello, sizeof(w->hello), "mx.example");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (which & 1u << i)
			size += (size_t)snprintf(w->hello + size, sizeof(w->hello) - size,
						 "\n%s", lines[i]);
	w->offers_strangely = which & 15;
}

static inline void world_open(struct world *w)
{
	unsigned offers = choose(w, 256);
	struct smtp_server_options server = {
		.name = STR("mx.example"),
		.size_limit = offers & 1 ? 1000 : 0,
		.offer_pipelining = offers & 6,
		.offer_chunking = offers & 24,
		.offer_starttls = offers & 32,
		.offer_8bitmime = offers & 64,
		.offer_enhanced = offers & 128,
		.hooks = {world_connect, world_hello, world_mail_from, world_rcpt_to,
			  world_data, world_bytes, world_end, world_reset, w},
	};
	unsigned wishes = choose(w, 256), more = choose(w, 256);
	struct smtp_options client = {
		.helo = STR("out1.news.example"),
		.timeouts = &smtp_timeouts_default,
		.tls = wishes % 8 == 1   ? SMTP_TLS_REQUIRE
		       : wishes % 8 == 3 ? SMTP_TLS_IMPLICIT
		       : wishes & 1      ? SMTP_TLS_MAY
					 : SMTP_TLS_NONE,
		.auth = more % 16 == 1,
		.flight = wishes & 8 ? FLIGHT_WINDOW
				     : (enum smtp_flight)((wishes >> 4) % FLIGHT_COUNT),
		.window = 2 + (more >> 4) % (SMTP_TRANSACTION_LIMIT - 1),
	};
	w->odds = choose(w, 2) ? 24 : 240;
	w->lies = choose(w, 4) == 1;
	w->invents = w->lies && choose(w, 2);
	w->swallows_no_chunk = w->lies && choose(w, 4) == 1;
	w->in_clear = client.tls == SMTP_TLS_IMPLICIT;
	world_offer(w);
	w->server = malloc(smtp_server_size());
	smtp_server_init(w->server, &server, w->now);
	smtp_client_init(&w->client, &w->desk, &client, w->now);
	world_drain(w);
	collect_said(w);
}

/* One world from one stream of choices; aborts when a check fails. Returns the number of
 * results that said delivered, so that a caller sees that something happened. */
static inline size_t world_run(const uint8_t *choices, size_t choice_count)
{
	static struct world memory; /* large, and the same in every run */
	struct world *w = &memory;
	size_t delivered = 0;
	memset(w, 0, offsetof(struct world, to_server));
	world_clear(w);
	w->choices = choices;
	w->choice_count = choice_count;
	w->now = USEC_HOUR;
	world_open(w);
	while (w->choice_at < w->choice_count && !w->client_closed)
		world_step(w);
	world_settle(w);
	world_judge(w);
	for (size_t m = 0; m < w->mail_count; m++)
		for (size_t i = 0; i < w->mails[m].rcpt_count; i++)
			delivered += w->mails[m].result[i] / 100 == 2;
	free(w->server);
	return delivered;
}
