/* send_test.c - one message to one address, now: `rundbrief send --test`.
 * The same route, connection, TLS and session machine as a campaign's; no journal, no store, no
 * path: there is nothing to pace and nothing to remember. */
#include "engine/send/engine.h"

#include <stdio.h>

#include "engine/mail/address.h"
#include "engine/net/conn.h"
#include "engine/smtp/client_state.h"

#define TEST_LIMIT (15 * USEC_MINUTE) /* of the whole attempt; the final reply may take ten */

struct test {
	struct io_loop *loop;
	const struct engine_settings *settings;
	struct tls_context *tls;
	struct route_question question;
	struct conn conn;
	struct smtp_client client;
	struct smtp_envelope envelope;
	str rcpt;
	size_t host_index, address_index;
	bool spoken, want_tls, submitted, ended, closed;
	int result;
	char reply[512];
};

static struct test *of_conn(struct conn *conn)
{
	return CHAIN_OWNER(conn, struct test, conn);
}

static void end(struct test *test, int result, const char *text)
{
	if (test->ended)
		return;
	test->ended = true;
	test->result = result;
	snprintf(test->reply, sizeof(test->reply), "%s", text);
}

static void end_with_reply(struct test *test, const struct reply *reply)
{
	char text[512];
	struct buf line;
	buf_init_fixed(&line, text, sizeof(text) - 1);
	buf_printf(&line, "%u ", reply->code);
	if (reply->status.class)
		buf_printf(&line, "%u.%u.%u ", reply->status.class, reply->status.subject,
			   reply->status.detail);
	buf_put_printable(&line, reply->text, 300);
	text[line.size] = '\0';
	end(test, reply->code >= 200 && reply->code < 300 ? 0 : -1, text);
}

static void pump(struct test *test);

static void on_event(struct test *test, const struct smtp_event *event)
{
	usec now = io_now(test->loop);
	switch (event->kind) {
	case SMTP_READY:
		if (!test->submitted)
			smtp_client_submit(&test->client, &test->envelope, now);
		test->submitted = true;
		return;
	case SMTP_WANT_TLS:
		test->want_tls = true;
		return;
	case SMTP_AUTH:
		return;
	case SMTP_GATE:
		smtp_client_release(&test->client, event->owner, now);
		return;
	case SMTP_RESULT:
	case SMTP_RETURNED:
		end_with_reply(test, &event->reply);
		return;
	case SMTP_FINISHED:
		smtp_client_quit(&test->client, now);
		return;
	case SMTP_CLOSE:
		end_with_reply(test, &event->reply);
		if (test->conn.state != CONN_CLOSING && test->conn.state != CONN_CLOSED)
			conn_close(&test->conn);
		return;
	}
}

static void pump(struct test *test)
{
	struct smtp_event event;
	while (test->conn.state != CONN_CLOSING && smtp_client_next(&test->client, &event))
		on_event(test, &event);
	if (test->conn.state == CONN_CLOSING || !conn_writable(&test->conn))
		return;
	if (test->want_tls) {
		test->want_tls = false;
		const struct tls_target target = {
			.host = str_of(test->question.route.hosts[test->host_index].name)};
		conn_start_tls(&test->conn, test->tls, &target);
		return;
	}
	struct iovec spans[CONN_SPAN_LIMIT];
	size_t count = smtp_client_output(&test->client, spans, CONN_SPAN_LIMIT);
	if (count > 0)
		conn_write(&test->conn, spans, count);
}

static void on_open(struct conn *conn)
{
	struct test *test = of_conn(conn);
	const struct smtp_options options = {.helo = str_of(test->settings->sources[0].helo),
					     .timeouts = test->settings->timeouts,
					     .tls = SMTP_TLS_MAY,
					     .flight = FLIGHT_GROUP};
	smtp_client_init(&test->client, &options, io_now(test->loop));
	test->spoken = true;
	pump(test);
}

static void on_bytes(struct conn *conn, str bytes)
{
	smtp_client_feed(&of_conn(conn)->client, bytes, io_now(of_conn(conn)->loop));
	pump(of_conn(conn));
}

static void on_written(struct conn *conn, size_t size)
{
	smtp_client_sent(&of_conn(conn)->client, size, io_now(of_conn(conn)->loop));
	pump(of_conn(conn));
}

static void on_tls(struct conn *conn, bool ok)
{
	smtp_client_tls_done(&of_conn(conn)->client, ok, io_now(of_conn(conn)->loop));
	pump(of_conn(conn));
}

static void on_lost(struct conn *conn, enum local_cause cause)
{
	struct test *test = of_conn(conn);
	if (test->spoken) {
		smtp_client_lost(&test->client, cause ? cause : CAUSE_CONNECTION_LOST,
				 io_now(test->loop));
		pump(test);
	}
	if (conn->state != CONN_CLOSING && conn->state != CONN_CLOSED)
		conn_close(conn);
}

static const struct conn_events *test_events(void);

static void connect_host(struct test *test)
{
	const struct source *source = &test->settings->sources[0];
	const struct route_host *host = &test->question.route.hosts[test->host_index];
	conn_init(&test->conn, test->loop, test_events());
	conn_open(&test->conn, &host->addresses[test->address_index], source);
}

static void on_closed(struct conn *conn)
{
	struct test *test = of_conn(conn);
	const struct route *route = &test->question.route;
	if (test->ended || test->spoken) {
		end(test, -1, "the connection ended before there was a reply");
		test->closed = true;
		return;
	}
	if (++test->address_index >= route->hosts[test->host_index].address_count) {
		test->address_index = 0;
		test->host_index++;
	}
	if (test->host_index < route->host_count) {
		connect_host(test);
		return;
	}
	const struct reply reply = reply_local(CAUSE_CONNECT_REFUSED, STAGE_CONNECT);
	end_with_reply(test, &reply);
	test->closed = true;
}

static const struct conn_events *test_events(void)
{
	static const struct conn_events events = {.on_open = on_open,
						  .on_bytes = on_bytes,
						  .on_written = on_written,
						  .on_tls = on_tls,
						  .on_lost = on_lost,
						  .on_closed = on_closed};
	return &events;
}

static void on_route(struct route_question *question)
{
	struct test *test = CHAIN_OWNER(question, struct test, question);
	if (question->cause == CAUSE_NONE) {
		connect_host(test);
		return;
	}
	struct reply reply = reply_local(question->cause, STAGE_ROUTE);
	if (question->why[0])
		reply.text = str_of(question->why);
	end_with_reply(test, &reply);
	test->closed = true;
}

static void run(struct test *test)
{
	usec until = io_now(test->loop) + TEST_LIMIT;
	while (!test->closed && io_now(test->loop) < until) {
		usec wake = test->spoken ? smtp_client_deadline(&test->client) : until;
		if (test->spoken && !test->ended && wake <= io_now(test->loop)) {
			smtp_client_expire(&test->client, io_now(test->loop));
			pump(test);
			wake = smtp_client_deadline(&test->client);
		}
		if (io_turn(test->loop, usec_min(wake, until)) < 0)
			return;
	}
}

static int set_up(struct test *test, struct resolver **resolver, struct router **router,
		  char *why, size_t why_size)
{
	const struct engine_settings *settings = test->settings;
	const struct io_options options = {.mask_new = settings->mask_new_io};
	const struct tls_context_config tls = {.role = TLS_CLIENT};
	if (io_loop_create(&test->loop, &options, why, why_size) != 0)
		return -1;
	if (tls_context_create(&test->tls, &tls) == 0 &&
	    resolver_create(resolver, test->loop, &settings->dns) == 0 &&
	    router_create(router, *resolver, &settings->route) == 0)
		return 0;
	snprintf(why, why_size, "TLS or the resolver could not be set up");
	return -1;
}

int engine_send_test(const struct engine_settings *settings, str mail_from, str to,
		     str signature, str message, char *ret_reply, size_t reply_size)
{
	static struct test test; /* large, and there is one a process */
	struct resolver *resolver = NULL;
	struct router *router = NULL;
	struct address address;
	char wire[ADDRESS_LIMIT + 64];
	struct buf out;
	test = (struct test){.settings = settings, .result = -1};
	buf_init_fixed(&out, wire, sizeof(wire));
	if (address_parse_any(to, &address) != ADDRESS_OK || !address_wire(&out, &address)) {
		snprintf(ret_reply, reply_size, "this is no mail address");
		return -1;
	}
	if (set_up(&test, &resolver, &router, ret_reply, reply_size) == 0) {
		test.rcpt = buf_str(&out);
		test.envelope = (struct smtp_envelope){
			.mail_from = mail_from,
			.rcpts = &test.rcpt,
			.rcpt_count = 1,
			.owner = &test,
			.body = {.span_count = 2, .size = signature.size + message.size},
		};
		test.envelope.body.spans[0] =
			(struct iovec){(void *)(uintptr_t)signature.data, signature.size};
		test.envelope.body.spans[1] =
			(struct iovec){(void *)(uintptr_t)message.data, message.size};
		test.question.on_route = on_route;
		route_ask(router, &test.question,
			  str_from(test.rcpt, str_rfind_byte(test.rcpt, '@') + 1), NULL, 0);
		run(&test);
		end(&test, -1, "no reply within 15 minutes");
		snprintf(ret_reply, reply_size, "%s", test.reply);
	}
	router_destroy(router);
	resolver_destroy(resolver);
	tls_context_destroy(test.tls);
	if (test.loop)
		io_loop_destroy(test.loop);
	return test.result;
}
