/* dialogue.c - the interpreter of .talk files; README.md lists the words.
 * The server's bytes and the message bodies are handed over in copies of exactly their size,
 * so that ASan sees every byte read too far or too late. */
#include "tests/talk/dialogue.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/buf.h"
#include "engine/smtp/client_state.h"
#include "tests/talk/other_desk.h"
#include "tests/talk/expect.h"

const char *const dialogue_pace_names[PACE_COUNT] = {
	[PACE_WHOLE] = "whole",
	[PACE_BYTEWISE] = "bytewise",
};

/* --- what the client does ------------------------------------------------------------------
 */

static struct talk_transaction *transaction_of(struct talk *t, void *owner)
{
	for (size_t i = 0; i < t->transaction_count; i++)
		if (&t->transactions[i] == owner)
			return &t->transactions[i];
	return NULL;
}

static void keep_result(struct talk *t, struct talk_transaction *owner,
			struct smtp_event *event)
{
	struct talk_result *result = &owner->results[event->rcpt_index];
	if (result->told)
		talk_fail(t, "a second result for %.*s",
			  STR_FORMAT(owner->rcpts[event->rcpt_index]));
	result->told = true;
	result->in_doubt = event->in_doubt;
	result->reply = event->reply;
	snprintf(result->text, sizeof(result->text), "%.*s", STR_FORMAT(event->reply.text));
	result->reply.text = str_of(result->text);
}

static void keep_event(struct talk *t, struct smtp_event *event)
{
	struct talk_transaction *owner = event->owner ? transaction_of(t, event->owner) : NULL;
	if (owner && owner->finished)
		talk_fail(t, "an event after the transaction was finished");
	switch (event->kind) {
	case SMTP_READY:
		t->ready_told = true;
		break;
	case SMTP_AUTH:
		t->auth_told = true;
		t->auth_reply = event->reply;
		snprintf(t->auth_text, sizeof(t->auth_text), "%.*s",
			 STR_FORMAT(event->reply.text));
		break;
	case SMTP_WANT_TLS:
		t->tls_told = true;
		break;
	case SMTP_CLOSE:
		t->close_told = true;
		t->close_reply = event->reply;
		snprintf(t->close_text, sizeof(t->close_text), "%.*s",
			 STR_FORMAT(event->reply.text));
		break;
	case SMTP_GATE:
		owner->gate_told = true;
		break;
	case SMTP_RESULT:
		keep_result(t, owner, event);
		break;
	case SMTP_RETURNED:
		owner->returned = true;
		break;
	case SMTP_FINISHED:
		owner->finished = true;
		free(owner->body);
		owner->body = NULL;
		break;
	}
}

static void drain(struct talk *t)
{
	struct smtp_event event;
	while (smtp_client_next(&t->client, &event))
		keep_event(t, &event);
	other_desk(&t->client);
}

static void say(struct talk *t, const char *data, size_t size)
{
	buf_put(&t->said, str_make(data, size));
	smtp_client_sent(&t->client, size, t->now);
	drain(t);
}

/* Takes what wants to leave, all at once or one byte of it at a time. */
static void flow(struct talk *t)
{
	struct iovec spans[CLIENT_SPAN_LIMIT];
	size_t count;
	drain(t);
	while ((count = smtp_client_output(&t->client, spans, CLIENT_SPAN_LIMIT)) > 0) {
		if (t->stalled)
			return;
		if (t->pace == PACE_BYTEWISE) {
			say(t, spans[0].iov_base, 1);
			continue;
		}
		char all[65536];
		size_t size = 0;
		for (size_t i = 0; i < count && size + spans[i].iov_len <= sizeof(all); i++) {
			memcpy(all + size, spans[i].iov_base, spans[i].iov_len);
			size += spans[i].iov_len;
		}
		say(t, all, size);
	}
}

static void feed(struct talk *t, str bytes)
{
	char *copy = malloc(bytes.size + 1);
	memcpy(copy, bytes.data, bytes.size);
	smtp_client_feed(&t->client, str_make(copy, bytes.size), t->now);
	drain(t);
	free(copy);
	flow(t);
}

/* --- words ---------------------------------------------------------------------------------
 */

/* "a | b" -> "a\r\nb\r\n". A backslash stands before an octal byte: "\000". */
static void put_lines(struct buf *out, str text)
{
	do {
		str line = str_cut(&text, '|');
		if (line.size > 0 && line.data[0] == ' ')
			line = str_from(line, 1);
		if (text.data && line.size > 0 && line.data[line.size - 1] == ' ')
			line.size--;
		for (size_t i = 0; i < line.size; i++) {
			if (line.data[i] != '\\' || i + 3 >= line.size) {
				buf_put_byte(out, line.data[i]);
				continue;
			}
			const char *d = line.data + i + 1;
			buf_put_byte(out,
				     (char)((d[0] - '0') * 64 + (d[1] - '0') * 8 + d[2] - '0'));
			i += 3;
		}
		buf_put(out, STR("\r\n"));
	} while (text.data);
}

static void word_server(struct talk *t, str rest, bool with_crlf)
{
	struct buf bytes;
	static char memory[70000];
	talk_expect_silence(t);
	buf_init_fixed(&bytes, memory, sizeof(memory));
	put_lines(&bytes, rest);
	size_t size = with_crlf ? bytes.size : bytes.size - 2;
	size_t step = t->pace == PACE_BYTEWISE ? 1 : size;
	for (size_t at = 0; at < size; at += step)
		feed(t, str_make(memory + at, step));
}

static void word_client(struct talk *t, str rest)
{
	char memory[65536];
	struct buf lines;
	buf_init_fixed(&lines, memory, sizeof(memory));
	put_lines(&lines, rest);
	if (!str_eq(buf_str(&t->said), buf_str(&lines)))
		talk_fail(t, "the client said:\n%.*s", STR_FORMAT(buf_str(&t->said)));
	buf_reset(&t->said);
}

static void word_option(struct talk *t, str rest)
{
	while (rest.size > 0) {
		str value = str_cut(&rest, ' ');
		str name = str_cut(&value, '=');
		if (str_eq(name, STR("tls")))
			t->options.tls = str_eq(value, STR("require"))    ? SMTP_TLS_REQUIRE
					 : str_eq(value, STR("may"))      ? SMTP_TLS_MAY
					 : str_eq(value, STR("implicit")) ? SMTP_TLS_IMPLICIT
									  : SMTP_TLS_NONE;
		else if (str_eq(name, STR("helo")))
			t->options.helo = value;
		else if (str_eq(name, STR("flight")))
			t->options.flight = talk_flight(t, value);
		else if (str_eq(name, STR("window")))
			t->options.window = (uint32_t)talk_number(t, value);
		else if (str_eq(name, STR("lmtp")))
			t->options.lmtp = true;
		else if (str_eq(name, STR("auth")))
			t->options.auth = true;
		else
			talk_fail(t, "no such option: %.*s", STR_FORMAT(name));
	}
	smtp_client_init(&t->client, &t->desk, &t->options, t->now);
	flow(t); /* implicit TLS is asked for before anything is heard */
}

/* A body of its own memory, freed at SMTP_FINISHED; bytewise it is cut into spans of 1, 3, 7
 * bytes and the rest. */
static void give_body(struct talk *t, struct talk_transaction *x, str text,
		      struct smtp_body *ret_body)
{
	char memory[65536];
	struct buf lines;
	buf_init_fixed(&lines, memory, sizeof(memory));
	put_lines(&lines, text);
	x->body = malloc(lines.size);
	memcpy(x->body, lines.data, lines.size);
	ret_body->size = lines.size;
	const size_t cuts[] = {1, 3, 7, SIZE_MAX};
	size_t at = 0;
	for (size_t i = t->pace == PACE_WHOLE ? 3 : 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		size_t size = cuts[i] < lines.size - at ? cuts[i] : lines.size - at;
		ret_body->spans[ret_body->span_count++] = (struct iovec){x->body + at, size};
		at += size;
	}
	for (at = 0; at < lines.size; at++)
		if (x->body[at] == '.' && (at == 0 || x->body[at - 1] == '\n'))
			ret_body->has_leading_dot = true;
}

static void take_rcpts(struct talk_transaction *x, str list)
{
	do
		x->rcpts[x->rcpt_count++] = str_cut(&list, ',');
	while (list.data && x->rcpt_count < SMTP_RCPT_LIMIT);
}

/* "never" stands alone; the others are put together: notify=success,failure,delay. */
static unsigned notify_of(str list)
{
	unsigned notify = 0;
	while (list.data) {
		str word = str_cut(&list, ',');
		notify |= str_eq(word, STR("never"))     ? DSN_NOTIFY_NEVER
			  : str_eq(word, STR("success")) ? DSN_NOTIFY_SUCCESS
			  : str_eq(word, STR("failure")) ? DSN_NOTIFY_FAILURE
							 : DSN_NOTIFY_DELAY;
	}
	return notify;
}

static bool take_dsn(struct smtp_dsn *dsn, str name, str value)
{
	if (str_eq(name, STR("ret")))
		dsn->ret = str_eq(value, STR("hdrs")) ? DSN_RET_HDRS : DSN_RET_FULL;
	else if (str_eq(name, STR("envid")))
		dsn->envid = value;
	else if (str_eq(name, STR("notify")))
		dsn->notify = notify_of(value);
	else if (str_eq(name, STR("orcpt")))
		dsn->orcpt = true;
	else
		return false;
	return true;
}

static void word_submit(struct talk *t, str rest)
{
	if (smtp_client_room(&t->client) == 0 ||
	    t->transaction_count == TALK_TRANSACTION_LIMIT) {
		talk_fail(t, "no room for a transaction");
		return;
	}
	struct talk_transaction *x = &t->transactions[t->transaction_count++];
	struct smtp_envelope envelope = {.mail_from = STR("b@news.example"), .owner = x};
	str body = STR("Subject: hi | | hello");
	while (rest.size > 0) {
		if (str_starts(rest, STR("body="))) {
			body = str_from(rest, 5);
			break;
		}
		str value = str_cut(&rest, ' ');
		str name = str_cut(&value, '=');
		if (str_eq(name, STR("from")))
			envelope.mail_from = value;
		else if (str_eq(name, STR("to")))
			take_rcpts(x, value);
		else if (str_eq(name, STR("8bit")))
			envelope.body.is_8bit = true;
		else if (str_eq(name, STR("requiretls")))
			envelope.require_tls = true;
		else if (str_eq(name, STR("probe")))
			envelope.probe = true;
		else if (take_dsn(&envelope.dsn, name, value))
			continue;
		else
			talk_fail(t, "no such word of submit: %.*s", STR_FORMAT(name));
	}
	give_body(t, x, body, &envelope.body);
	envelope.rcpts = x->rcpts;
	envelope.rcpt_count = x->rcpt_count;
	smtp_client_submit(&t->client, &x->transaction, &envelope, t->now);
	flow(t);
}

/* A release that comes too late names a transaction that is gone. */
static void word_release(struct talk *t, str rest)
{
	str name = rest;
	bool late = str_eq(str_cut(&name, ' '), STR("late"));
	struct talk_transaction *x = late ? &t->transactions[0] : talk_find(t, rest);
	if (x)
		smtp_client_release(&t->client, x, t->now);
	flow(t);
}

/* Virtual time passes; deadlines on the way are met one by one. */
static void word_wait(struct talk *t, str text)
{
	usec until = t->now + talk_duration(t, text), at;
	talk_expect_silence(t);
	while ((at = smtp_client_deadline(&t->client)) <= until) {
		t->now = usec_max(t->now, at);
		smtp_client_expire(&t->client, t->now);
		flow(t);
	}
	t->now = until;
	smtp_client_expire(&t->client, t->now);
	flow(t);
}

static void word_lost(struct talk *t, enum local_cause cause)
{
	talk_expect_silence(t);
	smtp_client_lost(&t->client, cause, t->now);
	flow(t);
}

/* "auth say AUTH PLAIN AGFubg==", "auth done", "auth fail why": the line is the owner's memory.
 */
static void word_auth(struct talk *t, str rest)
{
	str verb = str_cut(&rest, ' ');
	if (str_eq(verb, STR("say")))
		smtp_client_auth_say(&t->client, rest, t->now);
	else if (str_eq(verb, STR("done")))
		smtp_client_auth_done(&t->client, t->now);
	else if (str_eq(verb, STR("fail")))
		smtp_client_auth_fail(&t->client, rest, t->now);
	else
		talk_fail(t, "no such word of auth: %.*s", STR_FORMAT(verb));
}

static void word_flight(struct talk *t, str rest)
{
	str flight = str_cut(&rest, ' ');
	smtp_client_set_flight(&t->client, talk_flight(t, flight),
			       rest.size ? (uint32_t)talk_number(t, rest) : 0);
}

static void word_owner(struct talk *t, str word, str rest)
{
	if (str_eq(word, STR("submit")))
		word_submit(t, rest);
	else if (str_eq(word, STR("release")))
		word_release(t, rest);
	else if (str_eq(word, STR("quit")))
		smtp_client_quit(&t->client, t->now);
	else if (str_eq(word, STR("recall")))
		smtp_client_recall(&t->client, t->now);
	else if (str_eq(word, STR("tls")))
		smtp_client_tls_done(&t->client, str_eq(rest, STR("ok")), t->now);
	else if (str_eq(word, STR("auth")))
		word_auth(t, rest);
	else if (str_eq(word, STR("flight")))
		word_flight(t, rest);
	else if (str_eq(word, STR("stall")))
		t->stalled = true;
	else if (str_eq(word, STR("flow")))
		t->stalled = false;
	else
		talk_fail(t, "no such word: %.*s", STR_FORMAT(word));
	flow(t);
}

static void run_line(struct talk *t, str line)
{
	str rest = line;
	str word = str_cut(&rest, ' ');
	rest = rest.data ? rest : STR("");
	if (line.size == 0 || line.data[0] == '#')
		return;
	if (str_eq(word, STR("submit")))
		t->ready_told = false; /* who submits knows */
	if (!str_eq(word, STR("expect")) && !str_eq(word, STR("C:")))
		talk_expect_nothing_due(t);
	if (str_eq(word, STR("S:")))
		word_server(t, rest, true);
	else if (str_eq(word, STR("S:part")))
		word_server(t, rest, false);
	else if (str_eq(word, STR("C:")))
		word_client(t, rest);
	else if (str_eq(word, STR("expect")))
		talk_expect(t, rest);
	else if (str_eq(word, STR("option")))
		word_option(t, rest);
	else if (str_eq(word, STR("wait")))
		word_wait(t, rest);
	else if (str_eq(word, STR("close")))
		word_lost(t, CAUSE_NONE);
	else if (str_eq(word, STR("reset")))
		word_lost(t, CAUSE_CONNECTION_LOST);
	else
		word_owner(t, word, rest);
}

/* --- a whole file --------------------------------------------------------------------------
 */

static void free_bodies(struct talk *t)
{
	for (size_t i = 0; i < t->transaction_count; i++)
		free(t->transactions[i].body);
}

bool dialogue_run(const char *path, str script, enum dialogue_pace pace)
{
	static struct talk talk;
	static char said[65536];
	struct talk *t = &talk;
	*t = (struct talk){.path = path, .pace = pace, .now = USEC_HOUR};
	t->options = (struct smtp_options){.helo = STR("out1.news.example"),
					   .timeouts = &smtp_timeouts_default,
					   .flight = FLIGHT_NEXT};
	buf_init_fixed(&t->said, said, sizeof(said));
	smtp_client_init(&t->client, &t->desk, &t->options, t->now);
	while (script.size > 0 && !t->failed) {
		t->line++;
		run_line(t, str_trim(str_cut(&script, '\n')));
	}
	talk_expect_silence(t);
	talk_expect_nothing_due(t);
	talk_expect_all_named(t);
	free_bodies(t);
	return !t->failed;
}
