/* expect.c - compares what a client told with what a dialogue names. */
#include "tests/talk/expect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/smtp/classify.h"

void talk_fail(struct talk *t, const char *format, ...)
{
	if (t->failed)
		return;
	t->failed = true;
	va_list arguments;
	va_start(arguments, format);
	printf("%s:%zu: (%s) ", t->path, t->line, dialogue_pace_names[t->pace]);
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
}

static str local_part(str address)
{
	size_t at = str_rfind_byte(address, '@');
	return at == STR_NONE ? address : str_sub(address, 0, at);
}

struct talk_transaction *talk_find(struct talk *t, str name)
{
	for (size_t i = 0; i < t->transaction_count; i++) {
		struct talk_transaction *x = &t->transactions[i];
		if (!x->named && str_eq(local_part(x->rcpts[0]), name))
			return x;
	}
	talk_fail(t, "no unnamed transaction to %.*s", STR_FORMAT(name));
	return NULL;
}

usec talk_duration(struct talk *t, str text)
{
	size_t digits = 0;
	uint64_t count;
	while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9')
		digits++;
	str unit = str_from(text, digits);
	if (!str_to_u64(str_sub(text, 0, digits), &count))
		talk_fail(t, "no duration: %.*s", STR_FORMAT(text));
	else if (str_eq(unit, STR("ms")))
		return (usec)count * USEC_MS;
	else if (str_eq(unit, STR("s")))
		return (usec)count * USEC_SECOND;
	else if (str_eq(unit, STR("m")))
		return (usec)count * USEC_MINUTE;
	else
		talk_fail(t, "no unit of time: %.*s", STR_FORMAT(unit));
	return 0;
}

uint64_t talk_number(struct talk *t, str text)
{
	uint64_t number = 0;
	if (!str_to_u64(text, &number))
		talk_fail(t, "no number: %.*s", STR_FORMAT(text));
	return number;
}

enum smtp_flight talk_flight(struct talk *t, str name)
{
	for (enum smtp_flight flight = 0; flight < FLIGHT_COUNT; flight++)
		if (str_eq(name, str_of(smtp_flight_names[flight])))
			return flight;
	talk_fail(t, "no flight: %.*s", STR_FORMAT(name));
	return FLIGHT_LOCKSTEP;
}

/* An underscore stands for a space, which would end the word. */
static bool text_fits(str wanted, str text)
{
	if (wanted.size != text.size)
		return false;
	for (size_t i = 0; i < text.size; i++)
		if (wanted.data[i] != (text.data[i] == ' ' ? '_' : text.data[i]))
			return false;
	return true;
}

/* "451/4.7.1,in-doubt,lost-end,@end,text=such_words" against a reply. Only what is named is
 * looked at, but in-doubt must be named when it is so, and a status when there is one. */
static void expect_reply(struct talk *t, str value, const struct reply *reply, bool in_doubt)
{
	bool wants_doubt = false;
	char status[32], code[8];
	str rest = value;
	str number = str_cut(&rest, ',');
	str wanted_code = str_cut(&number, '/');
	snprintf(code, sizeof(code), "%u", reply->code);
	snprintf(status, sizeof(status), "%u.%u.%u", reply->status.class, reply->status.subject,
		 reply->status.detail);
	bool fits = str_eq(wanted_code, str_of(code));
	fits &= str_eq(number.data ? number : STR("0.0.0"), str_of(status));
	while (rest.size > 0) {
		str word = str_cut(&rest, ',');
		if (str_eq(word, STR("in-doubt")))
			wants_doubt = true;
		else if (word.size > 0 && word.data[0] == '@')
			fits &= str_eq(str_from(word, 1),
				       str_of(smtp_stage_names[reply->stage]));
		else if (str_starts(word, STR("text=")))
			fits &= text_fits(str_from(word, 5), reply->text);
		else
			fits &= str_eq(word, str_of(local_cause_names[reply->cause]));
	}
	if (!fits || wants_doubt != in_doubt)
		talk_fail(t, "not %.*s but %s/%s,%s%s,@%s: %.*s", STR_FORMAT(value), code,
			  status, local_cause_names[reply->cause], in_doubt ? ",in-doubt" : "",
			  smtp_stage_names[reply->stage], STR_FORMAT(reply->text));
}

/* --- class and verdict ---------------------------------------------------------------------
 */

static void *heap_get(struct arena_source *, size_t size)
{
	return malloc(size);
}

static void heap_give_back(struct arena_source *, void *block, size_t)
{
	free(block);
}

static const struct classifier *classifier(void)
{
	static struct arena_source source = {heap_get, heap_give_back};
	static struct arena arena;
	static struct classifier *made;
	if (!made) {
		arena_init(&arena, &source, 0, 0);
		made = classifier_create(&arena);
	}
	return made;
}

static void expect_class(struct talk *t, const struct talk_result *result, str wanted)
{
	struct classification c = classify(classifier(), &result->reply, STR(""));
	if (!str_eq(wanted, str_of(bounce_class_names[c.class])))
		talk_fail(t, "class is %s", bounce_class_names[c.class]);
}

static void expect_verdict(struct talk *t, const struct talk_result *result, str wanted)
{
	struct classification c = classify(classifier(), &result->reply, STR(""));
	enum verdict verdict = result->in_doubt ? VERDICT_IN_DOUBT : c.verdict;
	if (!str_eq(wanted, str_of(verdict_names[verdict])))
		talk_fail(t, "verdict is %s", verdict_names[verdict]);
}

/* --- the words of expect -------------------------------------------------------------------
 */

static size_t find_rcpt(struct talk *t, const struct talk_transaction *x, str name)
{
	for (size_t i = 0; i < x->rcpt_count; i++)
		if (str_eq(local_part(x->rcpts[i]), name))
			return i;
	talk_fail(t, "%.*s is no recipient of it", STR_FORMAT(name));
	return 0;
}

static void expect_result(struct talk *t, struct talk_transaction *x, str name, str value)
{
	struct talk_result *result = &x->results[find_rcpt(t, x, name)];
	if (!result->told)
		talk_fail(t, "no result for %.*s", STR_FORMAT(name));
	else
		expect_reply(t, value, &result->reply, result->in_doubt);
}

/* ann=250 bob=550/5.1.1 [class=...] [verdict=...]: all recipients, and FINISHED. class and
 * verdict are of the recipient named last. */
static void expect_transaction(struct talk *t, str rest)
{
	struct talk_transaction *x = talk_find(t, str_sub(rest, 0, str_find_byte(rest, '=')));
	size_t named = 0, last = 0;
	while (x && rest.size > 0 && !t->failed) {
		str value = str_cut(&rest, ' ');
		str name = str_cut(&value, '=');
		if (str_eq(name, STR("class"))) {
			expect_class(t, &x->results[last], value);
		} else if (str_eq(name, STR("verdict"))) {
			expect_verdict(t, &x->results[last], value);
		} else {
			expect_result(t, x, name, value);
			last = find_rcpt(t, x, name);
			named++;
		}
	}
	if (!x || t->failed)
		return;
	if (!x->finished || x->returned)
		talk_fail(t, "the transaction is %s",
			  x->returned ? "returned" : "not finished");
	if (named != x->rcpt_count)
		talk_fail(t, "%zu of %zu recipients are named", named, x->rcpt_count);
	x->named = true;
}

static void expect_returned(struct talk *t, str name)
{
	struct talk_transaction *x = talk_find(t, name);
	if (!x)
		return;
	if (!x->returned || !x->finished)
		talk_fail(t, "the transaction did not come back");
	for (size_t i = 0; i < x->rcpt_count; i++)
		if (x->results[i].told)
			talk_fail(t, "returned, and yet a result for %.*s",
				  STR_FORMAT(x->rcpts[i]));
	x->named = true;
}

static void expect_flag(struct talk *t, bool *told, const char *what)
{
	if (!*told)
		talk_fail(t, "the client did not tell: %s (state %s)", what,
			  smtp_client_state_name(&t->client));
	*told = false;
}

static void expect_gate(struct talk *t, str name)
{
	struct talk_transaction *x = talk_find(t, name);
	if (x)
		expect_flag(t, &x->gate_told, "gate");
}

static void expect_session(struct talk *t, str rest)
{
	str value = rest;
	str word = str_cut(&value, '=');
	if (str_eq(word, STR("ready"))) {
		expect_flag(t, &t->ready_told, "ready");
	} else if (str_eq(word, STR("tls"))) {
		expect_flag(t, &t->tls_told, "want TLS");
	} else if (str_eq(word, STR("auth"))) {
		expect_flag(t, &t->auth_told, "auth");
		t->auth_reply.text = str_of(t->auth_text);
		if (!t->failed)
			expect_reply(t, value, &t->auth_reply, false);
	} else if (str_eq(word, STR("close"))) {
		expect_flag(t, &t->close_told, "close");
		t->close_reply.text = str_of(t->close_text);
		if (value.data && !t->failed)
			expect_reply(t, value, &t->close_reply, false);
	} else {
		talk_fail(t, "no such session event: %.*s", STR_FORMAT(word));
	}
}

static void expect_deadline(struct talk *t, str text)
{
	usec at = smtp_client_deadline(&t->client);
	usec wanted = str_eq(text, STR("never")) ? USEC_NEVER : t->now + talk_duration(t, text);
	if (at != wanted)
		talk_fail(t, "the deadline is in %lld ms",
			  at == USEC_NEVER ? -1LL : (long long)((at - t->now) / USEC_MS));
}

static void expect_room(struct talk *t, str text)
{
	size_t room = smtp_client_room(&t->client);
	if (talk_number(t, text) != room)
		talk_fail(t, "the room is %zu", room);
}

static void expect_flight(struct talk *t, str name)
{
	enum smtp_flight flight = smtp_client_flight(&t->client);
	if (flight != talk_flight(t, name))
		talk_fail(t, "the flight is %s", smtp_flight_names[flight]);
}

static void expect_software(struct talk *t, str what)
{
	if (smtp_client_swallows_chunks(&t->client) != str_eq(what, STR("known")))
		talk_fail(t, "the software is not %.*s", STR_FORMAT(what));
}

void talk_expect(struct talk *t, str rest)
{
	str word = str_cut(&rest, ' ');
	if (str_eq(word, STR("transaction")))
		expect_transaction(t, rest);
	else if (str_eq(word, STR("returned")))
		expect_returned(t, rest);
	else if (str_eq(word, STR("gate")))
		expect_gate(t, rest);
	else if (str_eq(word, STR("session")))
		expect_session(t, rest);
	else if (str_eq(word, STR("deadline")))
		expect_deadline(t, rest);
	else if (str_eq(word, STR("room")))
		expect_room(t, rest);
	else if (str_eq(word, STR("flight")))
		expect_flight(t, rest);
	else if (str_eq(word, STR("software")))
		expect_software(t, rest);
	else if (str_eq(word, STR("silence")))
		talk_expect_silence(t);
	else
		talk_fail(t, "no such expectation: %.*s", STR_FORMAT(word));
}

void talk_expect_silence(struct talk *t)
{
	if (t->said.size > 0)
		talk_fail(t, "unnamed, the client said:\n%.*s", STR_FORMAT(buf_str(&t->said)));
}

void talk_expect_nothing_due(struct talk *t)
{
	if (t->ready_told)
		talk_fail(t, "unnamed: session ready");
	if (t->tls_told)
		talk_fail(t, "unnamed: session tls");
	if (t->auth_told)
		talk_fail(t, "unnamed: session auth=%u", t->auth_reply.code);
	if (t->close_told)
		talk_fail(t, "unnamed: session close=%u,%s", t->close_reply.code,
			  local_cause_names[t->close_reply.cause]);
	for (size_t i = 0; i < t->transaction_count; i++) {
		struct talk_transaction *x = &t->transactions[i];
		if (x->gate_told)
			talk_fail(t, "unnamed: gate of %.*s", STR_FORMAT(x->rcpts[0]));
		if (x->finished && !x->named)
			talk_fail(t, "unnamed: the end of the transaction to %.*s",
				  STR_FORMAT(x->rcpts[0]));
	}
}

void talk_expect_all_named(struct talk *t)
{
	for (size_t i = 0; i < t->transaction_count; i++)
		if (!t->transactions[i].named)
			talk_fail(t, "the dialogue leaves the transaction to %.*s open",
				  STR_FORMAT(t->transactions[i].rcpts[0]));
}
