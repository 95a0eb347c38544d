/* fuzz_smtp_client.c - a server that says anything at all. The client must keep its own rules:
 * every transaction finishes once, with a result for each recipient or returned whole; no body
 * byte leaves before its release, and none of a probe; after SMTP_CLOSE nothing leaves.
 * Input: options, then pieces of one length byte and so many bytes of "server". */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/smtp/client_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char body[] = "MARK\r\n.dot\r\n";

struct sender {
	struct smtp_client client;
	str rcpts[3];
	bool busy[2], gate_told[2], released[2], returned[2], probe[2];
	unsigned told[2]; /* a bit a recipient */
	bool closed, want_tls;
	usec now;
};

static size_t owner_index(struct sender *s, void *owner)
{
	return (size_t)((str *)owner - s->rcpts);
}

static void take_event(struct sender *s, const struct smtp_event *e)
{
	ASSERT(!s->closed);
	size_t i = e->owner ? owner_index(s, e->owner) : 0;
	ASSERT(!e->owner || s->busy[i]);
	ASSERT(e->kind != SMTP_GATE || !s->probe[i]);
	if (e->kind == SMTP_GATE)
		s->gate_told[i] = true;
	s->want_tls |= e->kind == SMTP_WANT_TLS;
	s->closed |= e->kind == SMTP_CLOSE;
	if (e->kind == SMTP_RETURNED)
		s->returned[i] = true;
	if (e->kind == SMTP_RESULT) {
		ASSERT(!(s->told[i] & 1u << e->rcpt_index));
		ASSERT(!e->in_doubt || s->released[i]);
		s->told[i] |= 1u << e->rcpt_index;
	}
	if (e->kind == SMTP_FINISHED) {
		ASSERT(s->returned[i] ? s->told[i] == 0 : s->told[i] == 7);
		s->busy[i] = false;
	}
}

static void turn(struct sender *s)
{
	struct smtp_event event;
	struct iovec spans[CLIENT_SPAN_LIMIT];
	size_t size = 0;
	while (smtp_client_next(&s->client, &event))
		take_event(s, &event);
	size_t count = smtp_client_output(&s->client, spans, CLIENT_SPAN_LIMIT);
	ASSERT(!s->closed || count == 0);
	for (size_t i = 0; i < count; i++) {
		if (memmem(spans[i].iov_base, spans[i].iov_len, "MARK", 4))
			ASSERT(s->released[0] || s->released[1]);
		size += spans[i].iov_len;
	}
	smtp_client_sent(&s->client, size, s->now);
	while (smtp_client_next(&s->client, &event))
		take_event(s, &event);
}

static void submit(struct sender *s, bool probe)
{
	size_t i = s->busy[0] ? 1 : 0;
	if (s->busy[i] || smtp_client_room(&s->client) == 0)
		return;
	struct smtp_envelope e = {.mail_from = STR("b@news.example"),
				  .rcpts = s->rcpts,
				  .rcpt_count = 3,
				  .probe = probe,
				  .owner = &s->rcpts[i]};
	e.body.spans[0] = (struct iovec){(char *)(uintptr_t)body, sizeof(body) - 1};
	e.body.span_count = 1;
	e.body.size = sizeof(body) - 1;
	e.body.has_leading_dot = true;
	s->busy[i] = true;
	s->probe[i] = probe;
	s->gate_told[i] = s->released[i] = s->returned[i] = false;
	s->told[i] = 0;
	smtp_client_submit(&s->client, &e, s->now);
	turn(s);
}

static void act(struct sender *s, unsigned choice)
{
	for (size_t i = 0; i < 2; i++)
		if (s->busy[i] && s->gate_told[i] && choice & 1u << i) {
			s->released[i] = true;
			s->gate_told[i] = false;
			smtp_client_release(&s->client, &s->rcpts[i], s->now);
		}
	if (choice & 4)
		submit(s, choice & 16);
	if (s->want_tls) {
		s->want_tls = false;
		smtp_client_tls_done(&s->client, choice & 8, s->now);
	}
	if ((choice & 240) == 240)
		smtp_client_quit(&s->client, s->now);
	if ((choice & 240) == 224 && smtp_client_deadline(&s->client) != USEC_NEVER) {
		s->now = usec_max(s->now, smtp_client_deadline(&s->client));
		smtp_client_expire(&s->client, s->now);
	}
	turn(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sender s;
	if (size == 0)
		return 0;
	s = (struct sender){.rcpts = {STR("a@x.test"), STR("b@x.test"), STR("c@x.test")}};
	struct smtp_options options = {.helo = STR("out.test"),
				       .timeouts = smtp_timeouts_default,
				       .tls = data[0] & 1 ? SMTP_TLS_MAY : SMTP_TLS_NONE,
				       .flight = (enum smtp_flight)((data[0] >> 1) % FLIGHT_COUNT),
				       .window = 2};
	smtp_client_init(&s.client, &options, 0);
	for (size_t at = 1; at + 1 < size && !s.closed;) {
		size_t length = data[at] % 64, left = size - at - 2;
		act(&s, data[at + 1]);
		length = length < left ? length : left;
		char *copy = malloc(length + 1);
		memcpy(copy, data + at + 2, length);
		smtp_client_feed(&s.client, str_make(copy, length), s.now);
		turn(&s);
		free(copy);
		at += 2 + length;
	}
	if (!s.closed)
		smtp_client_lost(&s.client, CAUSE_NONE, s.now);
	turn(&s);
	ASSERT(s.closed && !s.busy[0] && !s.busy[1]);
	return 0;
}
