/* single_session.c - one connection of single.h, from the socket to QUIT, and what follows when
 * it is refused: once more in clear text or with a fresh token, the next address, the next
 * host. Bytes are fed line by line, so that each is seen in the state it was heard in. */
#include "engine/send/single_run.h"

#include <stdio.h>

static const struct conn_events *session_events(void);

static struct single_run *of_conn(struct conn *conn)
{
	return CHAIN_OWNER(conn, struct single_run, conn);
}

static const struct route_host *host_of(const struct single_run *run)
{
	return &run->question.route.hosts[run->host_index];
}

static const struct relay *relay_of(const struct single_run *run)
{
	int relay = host_of(run)->relay;
	return relay == ROUTE_NO_RELAY ? NULL : &run->settings->route.relays[relay];
}

static usec since(const struct single_run *run)
{
	return io_now(run->loop) - run->step_at;
}

static void note(const struct single_run *run, const char *sentence)
{
	const struct single_watch *watch = run->ask->watch;
	if (watch && watch->on_note)
		watch->on_note(watch->context, since(run), sentence);
}

static bool in_auth(const struct single_run *run)
{
	return run->phase == PHASE_TALK &&
	       strcmp(smtp_client_state_name(&run->client), "auth") == 0;
}

/* ---- what it came to ---- */

void single_end_with(struct single_run *run, const struct reply *reply)
{
	if (run->answered)
		return;
	run->answered = true;
	str text = transcript_echoes(&run->transcript, reply->text)
			   ? STR("(it repeats what proves who we are)")
			   : str_sub(reply->text, 0, sizeof(run->end_text));
	if (text.size > 0)
		memcpy(run->end_text, text.data, text.size);
	run->end =
		(struct single_end){.reply = *reply, .provider = run->question.route.provider};
	run->end.reply.text = str_make(run->end_text, text.size);
	if (run->ask->task == SINGLE_GREET)
		run->end.through = run->ready;
	else
		run->end.through = reply->origin == REPLY_REMOTE &&
				   reply->stage >= STAGE_MAIL && !run->refused;
}

void single_tell_end(const struct single_run *run)
{
	const struct single_watch *watch = run->ask->watch;
	if (watch && watch->on_end)
		watch->on_end(watch->context, since(run), &run->end);
}

void single_result_of(const struct single_run *run, struct single_result *ret_result)
{
	const struct reply *reply = &run->end.reply;
	struct buf line;
	ret_result->through = run->end.through && run->all_through;
	ret_result->accepted = ret_result->through && reply->code / 100 == 2;
	buf_init_fixed(&line, ret_result->text, sizeof(ret_result->text) - 1);
	buf_printf(&line, "%u ", reply->code);
	if (reply->status.class)
		buf_printf(&line, "%u.%u.%u ", reply->status.class, reply->status.subject,
			   reply->status.detail);
	buf_put_printable(&line, reply->text, 300);
	ret_result->text[line.size] = '\0';
}

/* ---- to a host, and to the next ---- */

/* RFC 8461 5: what a policy that is only tested asks for is tried for once. */
static void take_need(struct single_run *run)
{
	const struct route_host *host = host_of(run);
	run->need = host->tls;
	run->testing = run->question.route.policy_testing && host->tls.kind == TLS_NEED_MAY &&
		       !host->outside_policy && !run->tested;
	if (run->testing)
		run->need.kind = TLS_NEED_PKIX;
}

static void connect_host(struct single_run *run)
{
	const struct route_host *host = host_of(run);
	const struct net_address *to = &host->addresses[run->address_index];
	const struct single_watch *watch = run->ask->watch;
	int relay = host->relay;
	const struct relay_login *login =
		relay == ROUTE_NO_RELAY ? NULL : run->relays[relay].login;
	run->phase = PHASE_CONNECT;
	run->step_at = io_now(run->loop);
	run->logs_in = login != NULL;
	run->want_tls = run->ready = run->refused = run->answered = false;
	take_need(run);
	run->auth = (struct auth){};
	run->transcript.watch = watch;
	run->transcript.auth = &run->auth;
	run->transcript.login = login;
	run->transcript.body = &run->envelope.body;
	transcript_begin(&run->transcript, run->step_at);
	if (watch && watch->on_connect)
		watch->on_connect(watch->context, 0, host, to, run->source);
	conn_init(&run->conn, run->loop, session_events());
	conn_open(&run->conn, to, run->source, run->why);
}

static bool is_wanted(const struct single_run *run)
{
	str name = run->ask->host;
	return name.size == 0 || str_eq_nocase(name, str_of(host_of(run)->name));
}

/* Moves on to the first host that is wanted, from where it stands. */
static bool find_host(struct single_run *run)
{
	run->address_index = 0;
	run->in_clear = run->tested = run->lockstep = run->token_renewed = false;
	while (run->host_index < run->question.route.host_count && !is_wanted(run))
		run->host_index++;
	return run->host_index < run->question.route.host_count;
}

bool single_session_first(struct single_run *run)
{
	run->host_index = 0;
	run->all_through = true;
	if (!find_host(run))
		return false;
	connect_host(run);
	return true;
}

static bool next_host(struct single_run *run)
{
	size_t before = run->host_index++;
	if (run->ask->every_host)
		run->all_through &= run->end.through;
	if (find_host(run))
		return true;
	run->host_index = before; /* where the last end comes from */
	if (run->ask->every_host)
		run->end.through = run->all_through;
	return false;
}

static bool next_address(struct single_run *run)
{
	run->in_clear = false;
	return ++run->address_index < host_of(run)->address_count;
}

/* The same address once more, asking for less: RFC 7435, without STARTTLS where policy allows
 * it. */
static bool tries_less_tls(struct single_run *run)
{
	const struct reply *reply = &run->end.reply;
	bool failed = reply->cause == CAUSE_TLS_FAILED || reply->stage == STAGE_STARTTLS;
	if (failed && run->testing) {
		note(run, "the policy asks for more, but is only tested: once more without it");
		return run->tested = true;
	}
	if (!failed || run->need.kind != TLS_NEED_MAY || run->in_clear)
		return false;
	note(run, "TLS did not come about: once more in clear text, as policy allows here");
	run->in_clear = true;
	return true;
}

static bool tries_lockstep(struct single_run *run)
{
	if (run->end.reply.cause != CAUSE_OUT_OF_SYNC || run->lockstep)
		return false;
	note(run, "several commands at once are more than it takes: once more one by one");
	return run->lockstep = true;
}

static bool tries_fresh_token(struct single_run *run)
{
	if (!run->logs_in || run->end.reply.stage != STAGE_AUTH)
		return false;
	if (auth_refused(&run->auth, &run->end.reply, run->token_renewed, io_now(run->loop)) !=
	    AUTH_AGAIN)
		return false;
	note(run, "the token was refused: once more with a fresh one");
	run->token_renewed = true;
	return true;
}

static void on_closed(struct conn *conn)
{
	struct single_run *run = of_conn(conn);
	transcript_end(&run->transcript, in_auth(run), io_now(run->loop));
	bool again = run->refused &&
		     (tries_less_tls(run) || tries_lockstep(run) || tries_fresh_token(run));
	if (run->logs_in)
		auth_end(&run->auth);
	if (again) {
		connect_host(run);
		return;
	}
	single_tell_end(run);
	bool more = run->refused ? next_address(run) || next_host(run)
				 : run->ask->every_host && next_host(run);
	if (more)
		connect_host(run);
	else
		run->phase = PHASE_OVER;
}

/* ---- the dialogue ---- */

static void shut(struct single_run *run)
{
	if (run->phase == PHASE_CLOSING)
		return;
	transcript_end(&run->transcript, in_auth(run), io_now(run->loop));
	run->phase = PHASE_CLOSING;
	conn_close(&run->conn);
}

static void ask_for_proof(struct single_run *run, const struct smtp_event *event)
{
	struct sasl_channel *channel = &run->auth.channel;
	const struct route_host *host = host_of(run);
	const struct net_address *to = &host->addresses[run->address_index];
	*channel = (struct sasl_channel){.is_tls = conn_is_tls(&run->conn),
					 .host = str_of(host->name),
					 .port = ntohs(to->sa.sa_family == AF_INET6
							       ? to->in6.sin6_port
							       : to->in4.sin_port)};
	if (channel->is_tls)
		channel->binding_size = tls_channel_binding(run->conn.tls, channel->binding,
							    sizeof(channel->binding));
	auth_event(&run->auth, event, io_now(run->loop));
}

static void on_close(struct single_run *run, struct reply reply)
{
	run->refused |= !run->ready;
	if (reply.cause == CAUSE_TLS_FAILED && run->conn.tls)
		reply.text = str_of(conn_tls_describe(&run->conn));
	single_end_with(run, &reply);
	shut(run);
}

static void on_event(struct single_run *run, const struct smtp_event *event)
{
	usec now = io_now(run->loop);
	switch (event->kind) {
	case SMTP_READY:
		if (!run->ready && run->ask->task != SINGLE_GREET)
			smtp_client_submit(&run->client, &run->transaction, &run->envelope,
					   now);
		else
			smtp_client_quit(&run->client, now);
		run->ready = true;
		return;
	case SMTP_WANT_TLS:
		run->want_tls = true;
		return;
	case SMTP_AUTH:
		ask_for_proof(run, event);
		return;
	case SMTP_GATE:
		smtp_client_release(&run->client, event->owner, now);
		return;
	case SMTP_RETURNED:
		run->refused = true;
		single_end_with(run, &event->reply);
		return;
	case SMTP_RESULT:
		single_end_with(run, &event->reply);
		run->end.in_doubt = event->in_doubt;
		return;
	case SMTP_FINISHED:
		smtp_client_quit(&run->client, now);
		return;
	case SMTP_CLOSE:
		on_close(run, event->reply);
		return;
	}
}

static void start_tls(struct single_run *run)
{
	const struct route_host *host = host_of(run);
	const struct tls_target target = {.host = str_of(host->name), .need = &run->need};
	run->want_tls = false;
	conn_start_tls(&run->conn, run->tls, &target);
}

static void pump(struct single_run *run)
{
	struct iovec spans[CONN_SPAN_LIMIT];
	struct smtp_event event;
	while (run->phase == PHASE_TALK && smtp_client_next(&run->client, &event))
		on_event(run, &event);
	if (run->phase != PHASE_TALK || !conn_writable(&run->conn))
		return;
	if (run->want_tls) {
		start_tls(run);
		return;
	}
	size_t count = smtp_client_output(&run->client, spans, CONN_SPAN_LIMIT);
	if (count == 0)
		return;
	transcript_said(&run->transcript, spans, count, in_auth(run), io_now(run->loop));
	conn_write(&run->conn, spans, count);
}

static void on_auth_moved(struct auth *auth)
{
	pump(CHAIN_OWNER(auth, struct single_run, auth));
}

static enum smtp_tls smtp_tls_of(const struct single_run *run)
{
	const struct relay *relay = relay_of(run);
	enum tls_need_kind need = run->need.kind;
	if (relay && relay->implicit_tls)
		return SMTP_TLS_IMPLICIT;
	if (need == TLS_NEED_NONE || run->in_clear)
		return SMTP_TLS_NONE;
	return need == TLS_NEED_MAY ? SMTP_TLS_MAY : SMTP_TLS_REQUIRE;
}

static void on_open(struct conn *conn)
{
	struct single_run *run = of_conn(conn);
	const struct single_watch *watch = run->ask->watch;
	const struct relay *relay = relay_of(run);
	const struct smtp_options options = {.helo = str_of(run->source->helo),
					     .timeouts = &run->settings->timeouts,
					     .tls = smtp_tls_of(run),
					     .lmtp = relay && relay->lmtp,
					     .auth = run->logs_in,
					     .flight = run->lockstep ? FLIGHT_LOCKSTEP
								     : FLIGHT_GROUP};
	if (watch && watch->on_open)
		watch->on_open(watch->context, since(run));
	smtp_client_init(&run->client, &run->desk, &options, io_now(run->loop));
	run->phase = PHASE_TALK;
	if (run->logs_in) {
		run->auth = (struct auth){.client = &run->client,
					  .loop = run->loop,
					  .relay = &run->relays[host_of(run)->relay],
					  .on_moved = on_auth_moved};
		auth_begin(&run->auth);
	}
	pump(run);
}

static void on_bytes(struct conn *conn, str bytes)
{
	struct single_run *run = of_conn(conn);
	while (bytes.size > 0 && run->phase == PHASE_TALK) {
		size_t end = str_find_byte(bytes, '\n');
		str line = end == STR_NONE ? bytes : str_sub(bytes, 0, end + 1);
		transcript_heard(&run->transcript, line, in_auth(run), io_now(run->loop));
		smtp_client_feed(&run->client, line, io_now(run->loop));
		pump(run);
		bytes = str_from(bytes, line.size);
	}
}

static void on_written(struct conn *conn, size_t size)
{
	struct single_run *run = of_conn(conn);
	if (run->phase != PHASE_TALK)
		return;
	smtp_client_sent(&run->client, size, io_now(run->loop));
	pump(run);
}

static void on_tls(struct conn *conn, bool ok)
{
	struct single_run *run = of_conn(conn);
	const struct single_watch *watch = run->ask->watch;
	const struct single_tls tls = {.ok = ok,
				       .resumed = ok && tls_resumed(conn->tls),
				       .verified = ok && tls_verified(conn->tls),
				       .describe = conn_tls_describe(conn)};
	if (run->phase != PHASE_TALK)
		return;
	if (watch && watch->on_tls)
		watch->on_tls(watch->context, since(run), &tls);
	smtp_client_tls_done(&run->client, ok, io_now(run->loop));
	pump(run);
}

void single_session_refused(struct single_run *run, enum local_cause cause)
{
	struct reply reply = reply_local(cause, STAGE_CONNECT);
	if (run->conn.why[0])
		reply.text = str_of(run->conn.why);
	run->refused = true;
	single_end_with(run, &reply);
	shut(run);
}

static void on_lost(struct conn *conn, enum local_cause cause)
{
	struct single_run *run = of_conn(conn);
	if (run->phase == PHASE_CONNECT) {
		single_session_refused(run, cause ? cause : CAUSE_CONNECTION_LOST);
	} else if (run->phase == PHASE_TALK) {
		smtp_client_lost(&run->client, cause, io_now(run->loop));
		pump(run);
	}
}

void single_session_expired(struct single_run *run, bool all_of_it)
{
	usec now = io_now(run->loop);
	if (all_of_it)
		smtp_client_lost(&run->client, CAUSE_TIMEOUT, now);
	else
		smtp_client_expire(&run->client, now);
	pump(run);
}

static const struct conn_events *session_events(void)
{
	static const struct conn_events events = {.on_open = on_open,
						  .on_bytes = on_bytes,
						  .on_written = on_written,
						  .on_tls = on_tls,
						  .on_lost = on_lost,
						  .on_closed = on_closed};
	return &events;
}
