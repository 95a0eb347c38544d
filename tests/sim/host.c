/* host.c - the hostile internet: virtual mail hosts around engine/smtp/server.h.
 * A peer is the server's end of one connection. What it answers, chance decides by the seed's
 * faults; what it has truly accepted, it writes into the recipient's truth. */

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/net/tls.h"
#include "engine/sign/verify.h"
#include "tests/sim/peer.h"
#include "tests/sim/sim_variants.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_store.h"

#define PATHS_PER_SITE (ENGINE_LIMIT * ENGINE_LIMIT)
#define HISTORY 512 /* starts remembered per site, for the rate's check */
#define MESSAGE_LIMIT 65536
/* No transaction begins on a word that is older than this, counted at the time when its MAIL left
 * the engine, whatever the host did before it came to it. */
#define WORD_LIMIT (USEC_SECOND + 100 * USEC_MS)
struct host_limits site_limits[SITE_COUNT];
static usec word_oldest; /* over all seeds */

usec hosts_oldest_word(void)
{
	return word_oldest;
}

struct visit {
	struct peer peer; /* first: what is freed */
	int site;
	struct sim_life *life; /* of the engine at the other end */
	unsigned source;       /* it came from 10.200.0.source */
	usec mail_sent_at;     /* of the transaction that runs */
	bool reset_in_body, lose_reply, lose_message;
	struct truth *rcpt;
	char rcpt_text[128];
	size_t message_size;
	char message[MESSAGE_LIMIT];
};

/* By path, and by the engine that has it: who was stopped may hold connections open. */
static struct path {
	uint32_t connections;
	usec starts[HISTORY];
	uint64_t start_count;
} paths[SITE_COUNT * PATHS_PER_SITE];

static struct path *path_of(const struct visit *visit)
{
	return &paths[visit->site * PATHS_PER_SITE +
		      (int)visit->life->engine * ENGINE_LIMIT + (int)visit->source - 1];
}

void hosts_begin(struct world *w)
{
	for (int i = 0; i < SITE_COUNT; i++) {
		for (int k = 0; k < PATHS_PER_SITE; k++) {
			paths[i * PATHS_PER_SITE + k].connections = 0;
			paths[i * PATHS_PER_SITE + k].start_count = 0;
		}
		site_limits[i] = (struct host_limits){
			.connections = 1 + (uint32_t)world_below(w, 4),
			.rate_per_second =
				world_below(w, 2) ? 5 + (uint32_t)world_below(w, 40) : 0,
		};
	}
}

void hosts_end(struct world *w)
{
	for (int i = 0; i < SITE_COUNT * PATHS_PER_SITE; i++)
		if (paths[i].connections != 0)
			world_fail(w, "%u connections to site %d were never closed",
				   paths[i].connections, i / PATHS_PER_SITE);
}

/* Hosts are 10.0.<site>.<1 or 2>. */
int host_site_of(const struct net_address *address)
{
	uint32_t ip = ntohl(address->in4.sin_addr.s_addr);
	int site = (int)(ip >> 8 & 255);
	return ip >> 16 == (10u << 8) && site < SITE_COUNT ? site : -1;
}

/* -- what the hosts decide
 * --------------------------------------------------------------------- */

static void reply(struct smtp_answer *a, uint16_t code, const char *status, const char *text)
{
	a->code = code;
	a->status = status;
	a->text = text;
}

/* What may befall any command. True: nothing else is decided for it. */
static bool befall(struct visit *visit, struct smtp_answer *a)
{
	if (world_fault(visit->peer.world, FAULT_RESET)) {
		a->drop = true;
		return true;
	}
	if (world_fault(visit->peer.world, FAULT_HANG))
		visit->peer.hanging = true;
	if (world_fault(visit->peer.world, FAULT_TARPIT))
		a->delay = USEC_SECOND + (usec)world_below(visit->peer.world, 20 * USEC_SECOND);
	return false;
}

static void on_connect(void *context, struct smtp_answer *a)
{
	struct visit *visit = context;
	if (befall(visit, a))
		return;
	if (world_fault(visit->peer.world, FAULT_GREETING_421)) {
		reply(a, 421, "4.7.0", "too many connections from your host");
		a->close = true;
	} else if (world_fault(visit->peer.world, FAULT_GREETING_554)) {
		reply(a, 554, "5.7.1", "no SMTP service for you here");
		a->close = true;
	}
}

/* Starts stand in the order in which the engine sent them: a slow host comes to some of them late,
 * and to many at once. Returns this one's place. */
static uint64_t note_start(struct path *path, usec at)
{
	uint64_t n = path->start_count++;
	for (; n > 0 && path->start_count - n < HISTORY && path->starts[(n - 1) % HISTORY] > at; n--)
		path->starts[n % HISTORY] = path->starts[(n - 1) % HISTORY];
	path->starts[n % HISTORY] = at;
	return n;
}

static void check_rate(struct visit *visit)
{
	struct world *w = visit->peer.world;
	uint32_t rate = site_limits[visit->site].rate_per_second;
	struct path *path = path_of(visit);
	uint64_t place = note_start(path, w->sent_at);
	if (rate == 0)
		return;
	/* In any window: the rate, one burst cell, what latency can bring together (30 ms), and
	 * one more burst for each time the engine forgot its bucket by crashing. */
	for (usec window = USEC_SECOND; window <= 16 * USEC_SECOND; window *= 4) {
		uint64_t allowed =
			(uint64_t)rate * (uint64_t)(window + 60 * USEC_MS) / USEC_SECOND + 2 +
			2 * w->crash_count;
		for (uint64_t n = place > allowed ? place : allowed;
		     n < path->start_count && n <= place + allowed; n++) {
			if (path->start_count - (n - allowed) > HISTORY)
				continue;
			if (path->starts[n % HISTORY] - path->starts[(n - allowed) % HISTORY] <
			    window)
				world_fail(w, "site %d: more than %llu starts in %llu s",
					   visit->site, (unsigned long long)allowed,
					   (unsigned long long)(window / USEC_SECOND));
		}
	}
}

static void check_word(struct visit *visit)
{
	struct world *w = visit->peer.world;
	usec age = w->sent_at - w->sent_heard_at;
	if (w->now < w->sent_at + USEC_SECOND && /* the host came to it at once */
	    !sim_source_is_held(visit->source, visit->life->engine))
		world_fail(w, "engine %u begins a transaction from out%u, which is not its own",
			   visit->life->engine + 1, visit->source);
	if (w->sent_heard_at > 0 && age > word_oldest)
		word_oldest = age;
	if (age > WORD_LIMIT)
		world_fail(w, "a transaction begins, and the last word was asked %.3f s before",
			   (double)age / 1e6);
}

static void on_mail(void *context, str from, struct smtp_answer *a)
{
	struct visit *visit = context;
	if (!str_ends(from, STR("@bounce.news.test")))
		world_fail(visit->peer.world, "envelope sender %.*s", STR_FORMAT(from));
	check_rate(visit);
	check_word(visit);
	visit->mail_sent_at = visit->peer.world->sent_at;
	if (befall(visit, a))
		return;
	if (world_fault(visit->peer.world, FAULT_421)) {
		reply(a, 421, "4.3.2", "closing, come back later");
		a->close = true;
	} else if (world_fault(visit->peer.world, FAULT_OUT_OF_SYNC)) {
		reply(a, 503, "5.5.1", "bad sequence of commands");
	}
}

static void on_rcpt(void *context, str to, struct smtp_answer *a)
{
	struct visit *visit = context;
	struct world *w = visit->peer.world;
	visit->rcpt = truth_by_email(w, to);
	(void)!str_to_cstr(to, visit->rcpt_text, sizeof(visit->rcpt_text));
	if (!visit->rcpt) {
		world_fail(w, "mail to %.*s, who is nobody", STR_FORMAT(to));
		return;
	}
	/* What its successor goes by, should it never come back. */
	if (!(visit->rcpt->marked_by & life_bit(visit->life)))
		world_fail(w, "mail to %.*s by engine %u, which has not marked it", STR_FORMAT(to),
			   visit->life->engine + 1);
	if (visit->rcpt->suppressed_at_cut)
		world_fail(w, "mail to %.*s, who is suppressed", STR_FORMAT(to));
	/* Whose engine told late was being tried again already. */
	bool late = visit->rcpt->burial.slice_id && visit->rcpt->claimed_by &&
		    visit->rcpt->leased_at <= visit->rcpt->ended_at;
	if (visit->rcpt->final_count > 0 && visit->rcpt->final != VERDICT_IN_DOUBT && !late)
		world_fail(w, "mail to %.*s, whose verdict is final", STR_FORMAT(to));
	if (visit->rcpt->stopped_at &&
	    visit->mail_sent_at > visit->rcpt->stopped_at + WORD_LIMIT)
		world_fail(w, "mail to %.*s, begun %.3f s after the unsubscribe", STR_FORMAT(to),
			   (double)(visit->mail_sent_at - visit->rcpt->stopped_at) / 1e6);
	if (w->now + w->wall_offset < visit->rcpt->not_before_wall)
		world_fail(w, "%.*s was tried again %.1f s early", STR_FORMAT(to),
			   (double)(visit->rcpt->not_before_wall - w->now - w->wall_offset) /
				   1e6);
	if (befall(visit, a))
		return;
	if (!visit->rcpt->greylisted_once && world_fault(w, FAULT_GREYLIST)) {
		visit->rcpt->greylisted_once = true;
		reply(a, 451, "4.7.1", "greylisted, try again later");
	} else if (world_fault(w, FAULT_DEFER)) {
		reply(a, 450, "4.2.1", "mailbox busy, try again later");
	} else if (world_fault(w, FAULT_REJECT)) {
		reply(a, 550, "5.1.1", "user unknown");
	}
}

static void on_data(void *context, struct smtp_answer *a)
{
	struct visit *visit = context;
	if (befall(visit, a))
		return;
	if (world_fault(visit->peer.world, FAULT_LIE))
		reply(a, 250, "2.0.0", "ok, or so");
	visit->reset_in_body = world_fault(visit->peer.world, FAULT_RESET_BODY);
	visit->lose_reply = world_fault(visit->peer.world, FAULT_LOST_REPLY);
	visit->lose_message = world_fault(visit->peer.world, FAULT_LOST_MESSAGE);
}

static void on_message_bytes(void *context, str bytes)
{
	struct visit *visit = context;
	if (visit->message_size + bytes.size > MESSAGE_LIMIT)
		return;
	memcpy(visit->message + visit->message_size, bytes.data, bytes.size);
	visit->message_size += bytes.size;
	if (visit->reset_in_body && visit->message_size > 500)
		peer_drop(&visit->peer, false);
}

static str header_of(str message, str name)
{
	size_t at = str_find(message, name);
	if (at == STR_NONE)
		return STR("");
	str rest = str_from(message, at + name.size);
	return str_sub(rest, 0, str_find(rest, STR("\r\n")));
}

static bool takes_8bit(int site)
{
	return site % 2 == 0;
}

/* 8 bits only where they were offered, and what all letters have in common as a whole. */
static void check_form(const struct visit *visit, str message)
{
	struct world *w = visit->peer.world;
	size_t file = str_find(message, STR("filename=terms.pdf\r\n\r\n"));
	bool is_8bit = false;
	for (size_t i = 0; i < message.size; i++)
		is_8bit |= (unsigned char)message.data[i] >= 0x80;
	if (is_8bit && !takes_8bit(visit->site))
		world_fail(w, "%s got 8 bits from a host that takes 7", visit->rcpt_text);
	state_hits[is_8bit ? 32 : 33]++;
	if (file == STR_NONE)
		return;
	str base64 = str_from(message, file + strlen("filename=terms.pdf\r\n\r\n"));
	size_t digits = 0, at = 0;
	for (; at < base64.size && base64.data[at] != '-'; at++)
		digits += base64.data[at] == 'A';
	if (digits != 9000 / 3 * 4 || !str_ends(base64, STR("--\r\n")))
		world_fail(w, "%s got half a file", visit->rcpt_text);
}

/* A whole message, for this recipient, the same identity on every retry, signed. */
static void check_message(struct visit *visit)
{
	struct world *w = visit->peer.world;
	str message = str_make(visit->message, visit->message_size);
	str id = header_of(message, STR("\r\nMessage-ID: "));
	str to = header_of(message, STR("\r\nTo: "));
	char last[64];
	str local = str_of(visit->rcpt_text);
	local = str_sub(local, 0, str_find_byte(local, '@'));
	snprintf(last, sizeof(last), "END %.*s.", STR_FORMAT(local));
	if (str_find(to, str_of(visit->rcpt_text)) == STR_NONE)
		world_fail(w, "%s got a message to %.*s", visit->rcpt_text, STR_FORMAT(to));
	if (str_find(message, str_of(last)) == STR_NONE)
		world_fail(w, "%s got half a message", visit->rcpt_text);
	if (id.size == 0 || !str_to_cstr(id, last, sizeof(last)))
		id = str_sub(id, 0, sizeof(visit->rcpt->message_id) - 1);
	if (visit->rcpt->message_id[0] == '\0')
		(void)!str_to_cstr(id, visit->rcpt->message_id,
				   sizeof(visit->rcpt->message_id));
	else if (!str_eq(id, str_of(visit->rcpt->message_id)))
		world_fail(w, "%s got two Message-IDs: %s and %.*s", visit->rcpt_text,
			   visit->rcpt->message_id, STR_FORMAT(id));
	bool is_receipt = str_find(message, STR("this is a receipt")) != STR_NONE;
	if (is_receipt != (visit->rcpt_text[0] == 't'))
		world_fail(w, "%s got the letter of another campaign", visit->rcpt_text);
	check_form(visit, message);
	sim_variants_accepted(w, visit->rcpt, message);
	if (w->verified_count >= SIM_VERIFY_LIMIT)
		return;
	char why[200];
	w->verified_count++;
	if (verify_signatures(message, sim_dkim_record(), 1, why, sizeof(why)) != 1)
		world_fail(w, "a signature does not verify: %s", why);
}

static void on_end(void *context, size_t size, struct smtp_answer *a)
{
	struct visit *visit = context;
	(void)size;
	if (visit->lose_message) {
		a->drop = true;
		return;
	}
	if (befall(visit, a))
		return;
	if (world_fault(visit->peer.world, FAULT_REJECT_DATA)) {
		reply(a, 554, "5.7.1", "message content rejected as spam");
		return;
	}
	check_message(visit);
	world_tell(truth_id(visit->peer.world, visit->rcpt), "site%d accepts it", visit->site);
	if (visit->rcpt->accepted_count++ == 0)
		visit->rcpt->accepted_at = visit->peer.world->now;
	if (visit->lose_reply)
		a->drop = true;
	else
		a->close = world_fault(visit->peer.world, FAULT_CUT);
}

static void on_reset(void *context)
{
	struct visit *visit = context;
	visit->message_size = 0;
}

/* -- life
 * -------------------------------------------------------------------------------------- */

static void on_gone(struct peer *peer)
{
	path_of((struct visit *)(void *)peer)->connections--;
}

struct peer *peer_open(struct world *w, int site, const struct net_address *from)
{
	struct visit *visit = calloc(1, sizeof(*visit));
	ASSERT(visit);
	visit->site = site;
	visit->life = w->life;
	visit->source = ntohl(from->in4.sin_addr.s_addr) & 255;
	if (!sim_source_is_held(visit->source, visit->life->engine))
		world_fail(w, "engine %u connects from out%u, which is not its own",
			   visit->life->engine + 1, visit->source);
	peer_init(&visit->peer, w, on_gone);
	if (++path_of(visit)->connections > site_limits[site].connections)
		world_fail(w, "%u connections to site %d, whose limit is %u",
			   path_of(visit)->connections, site, site_limits[site].connections);
	return &visit->peer;
}

void peer_attach(struct peer *peer, int fd)
{
	struct visit *visit = (struct visit *)(void *)peer;
	const struct smtp_server_options options = {
		.name = STR("mx.test"),
		.size_limit = 1000000,
		.offer_pipelining = visit->site % 3 != 2,
		.offer_chunking = visit->site % 3 == 0,
		.offer_starttls = visit->site % 2 == 1,
		.offer_enhanced = true,
		.offer_8bitmime = takes_8bit(visit->site),
		.hooks = {.on_connect = on_connect,
			  .on_mail = on_mail,
			  .on_rcpt = on_rcpt,
			  .on_data = on_data,
			  .on_bytes = on_message_bytes,
			  .on_end = on_end,
			  .on_reset = on_reset,
			  .context = visit},
	};
	peer_begin(peer, fd, &options);
}
