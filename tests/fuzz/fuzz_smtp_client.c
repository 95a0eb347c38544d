/* fuzz_smtp_client.c - a server that says anything at all. The client must keep its own rules:
 * every transaction finishes once, with a result for each recipient or returned whole; no body
 * byte leaves before the release of its own envelope, nor, outside of chunks, before a 354 for
 * each, nor for nobody; nothing leaves after SMTP_CLOSE; memory that was given back is not
 * looked at (ASan). Input: two bytes of options, then pieces of a length, a choice of the
 * owner, and so many bytes of "server". */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/smtp/client_state.h"
#include "tests/talk/other_desk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SLOTS SMTP_TRANSACTION_LIMIT

uint64_t fuzz_step_count; /* of all inputs, for those who count how much was tried */

static const char text[] = "Subject: x\r\n\r\n.dot\r\n..\r\n";

struct slot {
	struct smtp_transaction transaction;
	str rcpts[SMTP_RCPT_LIMIT];
	size_t rcpt_count;
	char *body; /* the owner's until FINISHED says so, or the session is gone */
	bool busy, chunked, probe, gate_told, released, returned;
	bool told[SMTP_RCPT_LIMIT];
	size_t told_count;
};

struct sender {
	struct smtp_client client;
	struct smtp_desk desk;
	struct slot slots[SLOTS];
	char *kept[SLOTS * 64]; /* bodies of writes that may be under way, freed at the end */
	size_t kept_count;
	char *auth_line;
	int auth_code;
	bool closed, want_tls, auth_due, stalled;
	uint32_t seen_354, matched_354; /* heard in all that was fed; gates that needed one */
	unsigned last_bytes, shape;     /* shape: more bits of the next envelope */
	usec now;
};

static void take_gate(struct sender *s, struct slot *slot)
{
	ASSERT(!slot->probe); /* a probe has no message to be marked */
	slot->gate_told = true;
	slot->released = false;
	if (slot->chunked)
		return;
	ASSERT(++s->matched_354 <= s->seen_354);
	ASSERT(slot->told_count < slot->rcpt_count); /* somebody was accepted */
}

static void take_result(struct slot *slot, const struct smtp_event *e)
{
	ASSERT(e->rcpt_index < slot->rcpt_count && !slot->told[e->rcpt_index]);
	ASSERT(!e->in_doubt || (slot->released && e->reply.origin == REPLY_LOCAL));
	ASSERT(e->reply.code / 100 != 2 || slot->released || slot->probe);
	slot->told[e->rcpt_index] = true;
	slot->told_count++;
}

static void take_finished(struct sender *s, struct slot *slot, bool body_in_use)
{
	ASSERT(slot->told_count == (slot->returned ? 0 : slot->rcpt_count));
	ASSERT(!body_in_use || s->client.state == SESSION_CLOSED);
	slot->busy = false;
	if (body_in_use && s->kept_count < sizeof(s->kept) / sizeof(s->kept[0]))
		s->kept[s->kept_count++] = slot->body;
	else
		free(slot->body);
	slot->body = NULL;
}

static void take_event(struct sender *s, const struct smtp_event *e)
{
	struct slot *slot = e->owner;
	ASSERT(!s->closed && (!slot || slot->busy));
	/* Whoever shakes hands, or takes back a line of AUTH, must not find it unsent. */
	bool all_left = s->client.span_count == 0;
	ASSERT(all_left || (e->kind != SMTP_WANT_TLS && e->kind != SMTP_AUTH));
	switch (e->kind) {
	case SMTP_AUTH:
		s->auth_due = true;
		s->auth_code = e->reply.code;
		[[fallthrough]];
	case SMTP_READY:
		free(s->auth_line);
		s->auth_line = NULL;
		break;
	case SMTP_WANT_TLS:
		s->want_tls = true;
		break;
	case SMTP_GATE:
		take_gate(s, slot);
		break;
	case SMTP_RESULT:
		take_result(slot, e);
		break;
	case SMTP_RETURNED:
		slot->returned = true;
		break;
	case SMTP_FINISHED:
		take_finished(s, slot, e->body_in_use);
		break;
	case SMTP_CLOSE:
		s->closed = true;
		break;
	}
}

static void drain(struct sender *s)
{
	struct smtp_event event;
	while (smtp_client_next(&s->client, &event))
		take_event(s, &event);
	other_desk(&s->client);
}

/* A span of a body belongs to an envelope that was released; reads every byte. */
static void check_span(const struct sender *s, const struct iovec *span)
{
	static volatile char sum;
	const char *at = span->iov_base;
	for (size_t i = 0; i < span->iov_len; i++)
		sum = (char)(sum + at[i]);
	for (size_t i = 0; i < SLOTS; i++) {
		const struct slot *slot = &s->slots[i];
		if (slot->body && at >= slot->body && at < slot->body + sizeof(text))
			ASSERT(slot->busy && slot->released);
	}
}

static void flow(struct sender *s, size_t limit)
{
	struct iovec spans[CLIENT_SPAN_LIMIT];
	size_t size = 0;
	drain(s);
	size_t count = smtp_client_output(&s->client, spans, CLIENT_SPAN_LIMIT);
	ASSERT(!s->closed || count == 0);
	for (size_t i = 0; i < count; i++) {
		check_span(s, &spans[i]);
		size += spans[i].iov_len;
	}
	if (s->stalled)
		return;
	smtp_client_sent(&s->client, size < limit ? size : limit, s->now);
	drain(s);
}

static void turn(struct sender *s)
{
	flow(s, SIZE_MAX);
	flow(s, SIZE_MAX);
}

static struct slot *free_slot(struct sender *s)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (!s->slots[i].busy)
			return &s->slots[i];
	return NULL;
}

/* Addresses that one parser or another stumbles over; nobody else's memory. */
#define LONG_LOCAL "a-local-part-that-is-as-long-as-it-may-be-and-then-some-letters"
static const str odd[] = {
	STR("\xe2\x82\xac+1@x.test"),
	STR("c@Y.test"),
	STR("a>b@x.test"),
	STR("\"q \\\" x\"@x.test"),
	STR(""),
	STR("nobody"),
	STR("a\x7f@x.test"),
	STR("\"open@x.test"),
	STR("\xf0\x9f\x8d\x82\xc3\xb6\xff\xe2@x.test"),
	STR(LONG_LOCAL "@" LONG_LOCAL "." LONG_LOCAL "." LONG_LOCAL ".test"),
	STR(LONG_LOCAL "@" LONG_LOCAL "." LONG_LOCAL "." LONG_LOCAL "." LONG_LOCAL ".test"),
	STR(LONG_LOCAL "+\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6@" LONG_LOCAL ".test"),
};

static void shape_rcpts(struct slot *slot, unsigned choice)
{
	size_t odd_count = sizeof(odd) / sizeof(odd[0]);
	slot->rcpts[0] = STR("a@x.test");
	slot->rcpts[1] = STR("b@x.test");
	slot->rcpts[2] = odd[choice == 6 ? 8 : choice == 7 ? 11 : choice % odd_count];
	slot->rcpt_count = choice == 31 ? 1 : choice == 30 ? SMTP_RCPT_LIMIT : 3;
	for (size_t i = 3; i < slot->rcpt_count; i++)
		slot->rcpts[i] = odd[i % 5 == 0 ? 11 : 9];
	if (slot->rcpt_count == 1)
		slot->rcpts[0] = odd[6];
}

static void shape_envelope(struct smtp_envelope *e, unsigned choice)
{
	if (choice & 1)
		e->dsn = (struct smtp_dsn){.ret = choice & 2 ? DSN_RET_FULL : DSN_RET_HDRS,
					   .notify = DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY,
					   .envid = choice & 4 ? odd[9] : STR("17=+\x01"),
					   .orcpt = choice & 8};
	if (choice & 16)
		e->require_tls = true;
	if (choice & 32)
		e->body.is_8bit = true;
	if (choice & 64)
		e->mail_from = odd[choice % 8];
	if (choice & 128)
		e->dsn.notify = DSN_NOTIFY_NEVER;
}

static void submit(struct sender *s, unsigned choice, unsigned shape)
{
	struct slot *slot = free_slot(s);
	if (!slot || smtp_client_room(&s->client) == 0)
		return;
	*slot = (struct slot){.busy = true,
			      .chunked = smtp_client_flight(&s->client) >= FLIGHT_CHUNK};
	shape_rcpts(slot, choice);
	struct smtp_envelope e = {.mail_from = STR("b@news.example"),
				  .rcpts = slot->rcpts,
				  .rcpt_count = slot->rcpt_count,
				  .owner = slot};
	slot->body = malloc(sizeof(text) - 1);
	memcpy(slot->body, text, sizeof(text) - 1);
	e.body.spans[0] = (struct iovec){slot->body, 5};
	e.body.spans[1] = (struct iovec){slot->body + 5, sizeof(text) - 6};
	e.body.span_count = 2;
	e.body.size = sizeof(text) - 1;
	e.body.has_leading_dot = true;
	shape_envelope(&e, shape);
	e.probe = slot->probe = shape % 11 == 3;
	smtp_client_submit(&s->client, &slot->transaction, &e, s->now);
	flow(s, SIZE_MAX);
}

static void release(struct sender *s, size_t i)
{
	struct slot *slot = &s->slots[i];
	if (!slot->busy || !slot->gate_told || slot->released)
		return;
	slot->released = true;
	smtp_client_release(&s->client, slot, s->now);
	flow(s, 40);
}

static void answer_auth(struct sender *s, unsigned choice)
{
	if (!s->auth_due)
		return;
	s->auth_due = choice % 8 == 3; /* once more, out of turn */
	if (choice % 8 == 1) {
		smtp_client_auth_fail(&s->client, STR("why not"), s->now);
	} else if (s->auth_code / 100 == 2) {
		smtp_client_auth_done(&s->client, s->now);
	} else if (!s->auth_line) {
		s->auth_line = strdup(choice % 8 == 2 ? "" : "AUTH PLAIN AGFubgBi");
		smtp_client_auth_say(&s->client, str_of(s->auth_line), s->now);
	} else {
		smtp_client_auth_say(&s->client, STR("out of turn"), s->now);
	}
}

/* Whatever is done out of turn is ignored. */
static void out_of_turn(struct sender *s, unsigned choice)
{
	struct smtp_client *c = &s->client;
	if (choice == 1 && c->state != SESSION_TLS)
		smtp_client_tls_done(c, true, s->now);
	if (choice == 2 && c->state != SESSION_AUTH)
		smtp_client_auth_say(c, STR("out of turn"), s->now);
	if (choice == 3 && c->state != SESSION_AUTH)
		smtp_client_auth_done(c, s->now);
	if (choice == 4 && c->state != SESSION_AUTH)
		smtp_client_auth_fail(c, (str){}, s->now);
	if (choice == 5)
		smtp_client_release(c, s, s->now);
	if (choice == 6)
		smtp_client_expire(c, s->now);
	if (choice >= 8 && choice < 16)
		s->shape = choice - 8;
	ASSERT(strlen(smtp_client_state_name(c)) > 0);
	ASSERT(!smtp_client_caps(c)->size_limit || smtp_client_caps(c)->size);
	ASSERT(!smtp_client_swallows_chunks(c) || c->greeted);
}

/* What ends a session, or stops it. */
static void trouble(struct sender *s, unsigned choice)
{
	if (choice % 4 == 0)
		s->stalled = !s->stalled;
	if (choice == 1)
		smtp_client_quit(&s->client, s->now);
	if (choice == 2 && smtp_client_deadline(&s->client) != USEC_NEVER) {
		s->now = usec_max(s->now, smtp_client_deadline(&s->client));
		smtp_client_expire(&s->client, s->now);
	}
	if (choice == 3 || choice == 7)
		smtp_client_lost(&s->client, choice == 3 ? CAUSE_NONE : CAUSE_TLS_FAILED,
				 s->now);
	if (choice == 5 && s->client.ready_due)
		smtp_client_set_flight(&s->client, FLIGHT_WINDOW, SLOTS);
}

static void act(struct sender *s, unsigned byte)
{
	unsigned choice = byte >> 3;
	fuzz_step_count++;
	switch (byte & 7) {
	case 0:
		out_of_turn(s, choice);
		break;
	case 1:
		release(s, choice % SLOTS);
		break;
	case 2:
		submit(s, choice, 0);
		break;
	case 3:
		submit(s, s->shape, choice | s->shape << 5);
		break;
	case 4:
		if (s->want_tls)
			smtp_client_tls_done(&s->client, choice != 1, s->now);
		s->want_tls = false;
		break;
	case 5:
		answer_auth(s, choice);
		break;
	case 6:
		trouble(s, choice);
		break;
	case 7:
		for (size_t i = 0; i <= choice % SLOTS; i++)
			submit(s, 3, 0);
		for (size_t i = 0; i < SLOTS; i++)
			release(s, i);
		break;
	}
	turn(s);
}

static void hear(struct sender *s, const uint8_t *bytes, size_t size)
{
	char *copy = malloc(size + 1);
	memcpy(copy, bytes, size);
	for (size_t i = 0; i < size; i++) {
		s->last_bytes = (s->last_bytes << 8 | bytes[i]) & 0xffffff;
		s->seen_354 += s->last_bytes == ('3' << 16 | '5' << 8 | '4');
	}
	smtp_client_feed(&s->client, str_make(copy, size), s->now);
	drain(s);
	free(copy);
	turn(s);
}

static void open_session(struct sender *s, unsigned first, unsigned second)
{
	struct smtp_options options = {.helo = STR("out.test"),
				       .timeouts = &smtp_timeouts_default,
				       .tls = (enum smtp_tls)(first & 3),
				       .lmtp = (first & 12) == 4,
				       .auth = (first & 48) == 16,
				       .flight = (enum smtp_flight)(second % FLIGHT_COUNT),
				       .window = 2 + (second >> 3) % (SLOTS - 1)};
	smtp_client_init(&s->client, &s->desk, &options, 0);
	turn(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sender s; /* large: a window of recipients */
	if (size < 2)
		return 0;
	memset(&s, 0, sizeof(s));
	open_session(&s, data[0], data[1]);
	for (size_t at = 2; at + 1 < size && !s.closed;) {
		size_t length = data[at], left = size - at - 2;
		length = length < left ? length : left;
		act(&s, data[at + 1]);
		hear(&s, data + at + 2, length);
		at += 2 + length;
	}
	s.stalled = false;
	turn(&s);
	if (!s.closed)
		smtp_client_lost(&s.client, CAUSE_NONE, s.now);
	turn(&s);
	ASSERT(s.closed && free_slot(&s) == &s.slots[0]);
	for (size_t i = 0; i < SLOTS; i++)
		ASSERT(!s.slots[i].busy);
	for (size_t i = 0; i < s.kept_count; i++)
		free(s.kept[i]);
	free(s.auth_line);
	return 0;
}
