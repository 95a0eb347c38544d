/* auth.c - see auth.h. The line that is said may hold a password: it lives from the event that
 * asks for it to the next, and is wiped before it is given back. */
#include "engine/send/auth.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

static const struct token_source_config no_token;

int auth_relays_init(struct auth_relay *relays, const struct engine_settings *settings,
		     struct io_loop *loop, struct fetcher *fetcher)
{
	for (size_t i = 0; i < settings->route.relay_count; i++) {
		const struct relay_login *login =
			settings->logins ? &settings->logins[i] : NULL;
		relays[i] = (struct auth_relay){};
		chain_init(&relays[i].turns);
		if (!login || !login->wanted)
			continue;
		relays[i].login = login;
		if (login->has_token &&
		    token_source_create(&relays[i].tokens, loop, fetcher, &login->token) != 0)
			return -1;
	}
	return 0;
}

void auth_relays_done(struct auth_relay *relays, size_t count)
{
	for (size_t i = 0; relays && i < count; i++)
		if (relays[i].tokens)
			token_source_destroy(relays[i].tokens);
}

void auth_begin(struct auth *a)
{
	a->sasl = NULL;
	a->line = NULL;
	a->waiting = a->for_now = false;
	chain_link_init(&a->turn);
}

static void forget_line(struct auth *a)
{
	if (a->line)
		OPENSSL_cleanse(a->line, SASL_LINE_LIMIT);
	free(a->line);
	a->line = NULL;
}

static void fail(struct auth *a, const char *why, usec now)
{
	smtp_client_auth_fail(a->client, str_of(why), now);
}

/* The response to a challenge, behind a beginning of the line. */
static void say(struct auth *a, const char *beginning, bool respond, str challenge, usec now)
{
	char why[200] = "out of memory";
	struct buf line;
	if (!a->line)
		a->line = malloc(SASL_LINE_LIMIT);
	if (!a->line) {
		fail(a, why, now);
		return;
	}
	buf_init_fixed(&line, a->line, SASL_LINE_LIMIT - 2);
	buf_put_cstr(&line, beginning);
	if (respond && sasl_step(a->sasl, challenge, &line, why, sizeof(why)) != 0) {
		fail(a, why, now);
		return;
	}
	if (buf_ok(&line))
		smtp_client_auth_say(a->client, buf_str(&line), now);
	else
		fail(a, "the line is longer than a server takes", now);
}

static void start(struct auth *a, str token, usec now)
{
	const struct relay_login *login = a->relay->login;
	const struct sasl_credentials credentials = {
		.user = login->user,
		.password = login->password,
		.token = token,
		.mechanisms = login->mechanisms,
		.allow_plain_text_in_clear = login->in_clear,
	};
	char why[200], beginning[64];
	sasl_destroy(a->sasl);
	a->sasl = sasl_create(&credentials, str_of(a->offered), &a->channel, why, sizeof(why));
	if (!a->sasl) {
		fail(a, why, now);
		return;
	}
	bool initial = sasl_has_initial(a->sasl);
	snprintf(beginning, sizeof(beginning), "AUTH %s%s", sasl_mechanism(a->sasl),
		 initial ? " " : "");
	say(a, beginning, initial, STR(""), now);
}

static void on_token(struct token_question *question)
{
	struct auth *a = CHAIN_OWNER(question, struct auth, question);
	usec now = io_now(a->loop);
	a->waiting = false;
	a->for_now = question->token.size == 0 && !question->refused;
	if (question->token.size > 0)
		start(a, question->token, now);
	else
		fail(a, question->why, now);
	a->on_moved(a);
}

static void take_turn(struct auth *a, usec now)
{
	struct auth_relay *relay = a->relay;
	if (relay->stopped_until > now) {
		fail(a, "it has just refused our login to another connection", now);
		return;
	}
	if (!relay->proven && relay->trial) {
		chain_push_back(&relay->turns, &a->turn);
		return;
	}
	if (!relay->proven)
		relay->trial = a;
	if (!relay->tokens) {
		start(a, no_token.fixed, now);
		return;
	}
	a->waiting = true;
	a->question = (struct token_question){.on_token = on_token};
	token_get(relay->tokens, &a->question);
}

/* All go on when it went well; when not, the next one tries, or none where it was for good. */
static void trial_over(struct auth *a, usec now)
{
	struct auth_relay *relay = a->relay;
	if (!relay || relay->trial != a)
		return;
	relay->trial = NULL;
	for (size_t count = relay->turns.count; count > 0; count--) {
		struct chain_link *link = chain_pop(&relay->turns);
		if (!link)
			return;
		struct auth *next = CHAIN_OWNER(link, struct auth, turn);
		take_turn(next, now);
		next->on_moved(next);
	}
}

void auth_end(struct auth *a)
{
	if (a->waiting)
		token_drop(a->relay->tokens, &a->question);
	a->waiting = false;
	if (a->relay)
		chain_remove(&a->relay->turns, &a->turn);
	sasl_destroy(a->sasl);
	a->sasl = NULL;
	forget_line(a);
	trial_over(a, io_now(a->loop));
}

static void offered(struct auth *a, str mechanisms, usec now)
{
	if (!str_to_cstr(mechanisms, a->offered, sizeof(a->offered)))
		a->offered[0] = '\0';
	take_turn(a, now);
}

static void accepted(struct auth *a, usec now)
{
	if (!sasl_complete(a->sasl)) {
		fail(a, "the server did not prove that it knows our password", now);
		return;
	}
	smtp_client_auth_done(a->client, now);
	a->relay->proven = true;
	a->relay->renewed = false;
	trial_over(a, now);
}

void auth_event(struct auth *a, const struct smtp_event *event, usec now)
{
	if (event->reply.code == 0)
		offered(a, event->reply.text, now);
	else if (event->reply.code == 334)
		say(a, "", true, event->reply.text, now);
	else
		accepted(a, now);
}

/* A connection that was lost, or a token service that was not there, says nothing of a login.
 */
static bool is_for_good(const struct auth *a, const struct reply *reply)
{
	if (reply->origin == REPLY_REMOTE)
		return reply->code / 100 == 5;
	return reply->cause == CAUSE_AUTH_FAILED && !a->for_now;
}

enum auth_verdict auth_refused(struct auth *a, const struct reply *reply, bool again, usec now)
{
	struct auth_relay *relay = a->relay;
	if (!is_for_good(a, reply) || relay->stopped_until > now)
		return AUTH_ELSEWHERE;
	bool renewable = relay->tokens && relay->login->token.fixed.size == 0;
	bool was_fresh = again || (relay->renewed && relay->trial == a);
	relay->proven = false;
	if (renewable && reply->code == 535 && !was_fresh) {
		token_source_spent(relay->tokens);
		relay->renewed = true;
		return AUTH_AGAIN;
	}
	relay->stopped_until = now + AUTH_STOP_TIME;
	relay->renewed = false;
	return AUTH_STOPPED;
}
