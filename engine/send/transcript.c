/* transcript.c - see transcript.h. Whether a span is secret is seen by where it lies: a server
 * that answers before it was asked moves the session's state on, but not our memory. */
#include "engine/send/transcript.h"

#include <openssl/crypto.h>
#include <stdio.h>

#define MASK "********"

void transcript_begin(struct transcript *t, usec now)
{
	OPENSSL_cleanse(&t->said, sizeof(t->said));
	OPENSSL_cleanse(t->response, sizeof(t->response));
	t->heard = (struct transcript_line){};
	t->response_size = t->body_size = 0;
	t->begun_at = now;
}

static void take(struct transcript_line *line, str bytes)
{
	size_t room = sizeof(line->bytes) - line->size;
	size_t size = bytes.size < room ? bytes.size : room;
	if (size > 0)
		memcpy(line->bytes + line->size, bytes.data, size);
	line->size += size;
	line->open = true;
}

static str text_of(const struct transcript_line *line)
{
	str text = str_make(line->bytes, line->size);
	if (str_ends(text, STR("\n")))
		text.size--;
	if (str_ends(text, STR("\r")))
		text.size--;
	return text;
}

static void tell_said(const struct transcript *t, str line, usec now)
{
	if (t->watch && t->watch->on_said)
		t->watch->on_said(t->watch->context, now - t->begun_at, line);
}

static void tell_heard(const struct transcript *t, str line, usec now)
{
	if (t->watch && t->watch->on_heard)
		t->watch->on_heard(t->watch->context, now - t->begun_at, line);
}

/* Keeps the response to recognise it, and returns how much of the line may be seen: "AUTH" and
 * the mechanism. */
static size_t hide_response(struct transcript *t, str line)
{
	str rest = line;
	if (str_starts_nocase(line, STR("AUTH "))) {
		str_cut(&rest, ' ');
		str_cut(&rest, ' ');
	}
	size_t size = rest.data ? rest.size : 0;
	if (size > 0)
		memcpy(t->response, rest.data, size);
	t->response_size = size;
	return rest.data ? line.size - size : line.size;
}

static void end_said(struct transcript *t, usec now)
{
	str line = text_of(&t->said);
	char masked[100];
	if (t->said.secret) {
		size_t seen = hide_response(t, line);
		snprintf(masked, sizeof(masked), "%.*s%s",
			 STR_FORMAT(str_sub(line, 0, seen < 80 ? seen : 80)),
			 seen < line.size || seen == 0 ? MASK : "");
		line = str_of(masked);
	}
	tell_said(t, line, now);
	OPENSSL_cleanse(&t->said, sizeof(t->said));
}

/* "(10,240 bytes of message)" */
static void end_body(struct transcript *t, usec now)
{
	char digits[32], text[80];
	struct buf b;
	int count = snprintf(digits, sizeof(digits), "%zu", t->body_size);
	buf_init_fixed(&b, text, sizeof(text));
	buf_put_byte(&b, '(');
	for (int i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			buf_put_byte(&b, ',');
		buf_put_byte(&b, digits[i]);
	}
	buf_put_cstr(&b, " bytes of message)");
	t->body_size = 0;
	tell_said(t, buf_str(&b), now);
}

static bool lies_in(const struct iovec *span, const void *memory, size_t size)
{
	uintptr_t at = (uintptr_t)span->iov_base, begin = (uintptr_t)memory;
	return memory && at >= begin && at < begin + size;
}

static bool is_body(const struct transcript *t, const struct iovec *span)
{
	for (size_t i = 0; t->body && i < t->body->span_count; i++)
		if (lies_in(span, t->body->spans[i].iov_base, t->body->spans[i].iov_len))
			return true;
	return false;
}

static void say_command(struct transcript *t, str bytes, bool secret, usec now)
{
	while (bytes.size > 0) {
		size_t end = str_find_byte(bytes, '\n');
		size_t size = end == STR_NONE ? bytes.size : end + 1;
		take(&t->said, str_sub(bytes, 0, size));
		t->said.secret |= secret;
		if (end != STR_NONE)
			end_said(t, now);
		bytes = str_from(bytes, size);
	}
}

void transcript_said(struct transcript *t, const struct iovec *spans, size_t count,
		     bool in_auth, usec now)
{
	for (size_t i = 0; i < count; i++) {
		str bytes = str_make(spans[i].iov_base, spans[i].iov_len);
		if (is_body(t, &spans[i])) {
			t->body_size += bytes.size;
			continue;
		}
		if (t->body_size > 0)
			end_body(t, now);
		/* Nothing but the "*" that calls an exchange off is harmless during it. */
		bool secret = (in_auth && !str_eq(bytes, STR("*"))) ||
			      (t->auth && lies_in(&spans[i], t->auth->line, SASL_LINE_LIMIT));
		say_command(t, bytes, secret && !str_eq(bytes, STR("\r\n")), now);
	}
}

bool transcript_echoes(const struct transcript *t, str text)
{
	str response = str_make(t->response, t->response_size);
	str password = t->login ? t->login->password : (str){};
	str token = t->login ? t->login->token.fixed : (str){};
	return (token.size > 0 && str_find(text, token) != STR_NONE) ||
	       (response.size > 0 && str_find(text, response) != STR_NONE) ||
	       (password.size > 0 && str_find(text, password) != STR_NONE);
}

/* A challenge keeps its code. So does a reply that repeats a secret; other words stay. */
static void end_heard(struct transcript *t, bool in_auth, usec now)
{
	str line = text_of(&t->heard);
	char masked[4 + sizeof(MASK)];
	bool challenge = in_auth && str_starts(line, STR("334"));
	uint64_t code;
	bool coded = line.size >= 4 && str_to_u64(str_sub(line, 0, 3), &code);
	if ((challenge && line.size > 4) || transcript_echoes(t, line)) {
		snprintf(masked, sizeof(masked), "%.*s%s", coded ? 4 : 0, line.data, MASK);
		line = str_of(masked);
	}
	tell_heard(t, line, now);
	t->heard = (struct transcript_line){};
}

void transcript_heard(struct transcript *t, str bytes, bool in_auth, usec now)
{
	take(&t->heard, bytes);
	if (str_ends(bytes, STR("\n")))
		end_heard(t, in_auth, now);
}

void transcript_end(struct transcript *t, bool in_auth, usec now)
{
	if (t->body_size > 0)
		end_body(t, now);
	if (t->said.open)
		end_said(t, now);
	if (t->heard.open)
		end_heard(t, in_auth, now);
	transcript_begin(t, now);
}
