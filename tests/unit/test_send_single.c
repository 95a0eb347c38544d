/* One session over a relay that wants a login, played by a thread with a script: what a watcher
 * sees of it, and above all what it does not see. */
#include "tests/unit/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/send/single.h"
#include "engine/send/transcript.h"

#define PASSWORD "pencil"
#define PLAIN "AGFubgBwZW5jaWw=" /* NUL ann NUL pencil */

/* ---- the server ---- */

/* Lines in turn: "S:" is said, "C:" is how the next line heard must begin, "H:" hangs up. */
struct server {
	const char *const *script;
	int listener, connections;
	uint16_t port;
	char said[4096], mistake[200];
	pthread_t thread;
};

static bool hear(FILE *in, const char *beginning, struct server *s)
{
	char line[4096];
	if (!fgets(line, sizeof line, in))
		line[0] = '\0';
	if (strncmp(line, beginning, strlen(beginning)) == 0)
		return true;
	snprintf(s->mistake, sizeof s->mistake, "wanted %.60s, heard %.100s", beginning, line);
	return false;
}

static void say(int fd, const char *lines)
{
	char text[2048];
	size_t size = 0;
	for (; *lines; lines++) {
		if (*lines == '|')
			text[size++] = '\r';
		text[size++] = *lines == '|' ? '\n' : *lines;
	}
	memcpy(text + size, "\r\n", 2);
	assert_true(send(fd, text, size + 2, MSG_NOSIGNAL) > 0);
}

static void *serve(void *context)
{
	struct server *s = context;
	int fd = -1;
	FILE *in = NULL;
	for (const char *const *line = s->script; *line && !s->mistake[0]; line++) {
		if (!in) {
			struct timeval patience = {.tv_sec = 20};
			fd = accept(s->listener, NULL, NULL);
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
			in = fdopen(fd, "r");
			s->connections++;
		}
		if ((*line)[0] == 'S')
			say(fd, *line + 2);
		else if ((*line)[0] == 'C')
			hear(in, *line + 2, s);
		if ((*line)[0] == 'H' || !line[1]) {
			fclose(in);
			in = NULL;
		}
	}
	if (in)
		fclose(in);
	return NULL;
}

static void start(struct server *s, const char *const *script)
{
	struct net_address at;
	struct timeval patience = {.tv_sec = 20};
	socklen_t size = sizeof at;
	*s = (struct server){.script = script};
	assert_true(net_address_parse(STR("127.0.0.1"), 0, &at));
	s->listener = io_listen(&at, 8);
	assert_true(s->listener >= 0);
	setsockopt(s->listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	assert_int_equal(getsockname(s->listener, &at.sa, &size), 0);
	s->port = ntohs(at.in4.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->listener);
	if (s->mistake[0])
		fail_msg("%s", s->mistake);
}

/* ---- the watcher ---- */

static char seen[16384];

static void see(const char *mark, str line)
{
	size_t size = strlen(seen);
	snprintf(seen + size, sizeof seen - size, "%s%.*s\n", mark, STR_FORMAT(line));
}

static void on_said(void *, usec at, str line)
{
	assert_true(at >= 0);
	see("> ", line);
}

static void on_heard(void *, usec at, str line)
{
	assert_true(at >= 0);
	see("< ", line);
}

static void on_connect(void *, usec, const struct route_host *host, const struct net_address *,
		       const struct source *source)
{
	assert_string_equal(source->name, "a");
	see("to ", str_of(host->name));
}

static void on_note(void *, usec, const char *sentence)
{
	see("- ", str_of(sentence));
}

static void on_end(void *, usec, const struct single_end *end)
{
	char line[700];
	snprintf(line, sizeof line, "%u %s %.*s", end->reply.code,
		 smtp_stage_names[end->reply.stage], STR_FORMAT(end->reply.text));
	see("= ", str_of(line));
}

static const struct single_watch watch = {.on_said = on_said,
					  .on_heard = on_heard,
					  .on_connect = on_connect,
					  .on_note = on_note,
					  .on_end = on_end};

static void check_seen(const char *part)
{
	if (!strstr(seen, part))
		fail_msg("%s\nis not in:\n%s", part, seen);
}

static void check_nothing_leaked(const struct single_result *result)
{
	static const char *const secrets[] = {PASSWORD, PLAIN, "cGVuY2ls"};
	for (size_t i = 0; i < 3; i++) {
		if (strstr(seen, secrets[i]))
			fail_msg("%s is in:\n%s", secrets[i], seen);
		assert_null(strstr(result->text, secrets[i]));
	}
}

/* ---- the run ---- */

static const uint16_t first_relay;

struct setting {
	struct relay relay;
	struct relay_login login;
	struct static_route all;
	struct source source;
	struct engine_settings settings;
};

static void set(struct setting *s, uint16_t port, const char *mechanisms)
{
	*s = (struct setting){
		.relay = {.name = STR("r"),
			  .host = STR("127.0.0.1"),
			  .port = port,
			  .weight = 1,
			  .tls = TLS_WISH_MAY},
		.login = {.wanted = mechanisms != NULL,
			  .user = STR("ann"),
			  .password = STR(PASSWORD),
			  .mechanisms = str_of(mechanisms),
			  .in_clear = true},
		.all = {.match = ROUTE_ALL, .relays = &first_relay, .relay_count = 1},
		.source = {.name = "a", .helo = "out.news.test"}};
	s->settings = (struct engine_settings){.route = {.relays = &s->relay,
							 .relay_count = 1,
							 .static_routes = &s->all,
							 .static_route_count = 1},
					       .dns = {.server = STR("127.0.0.1"), .port = 9},
					       .logins = &s->login,
					       .sources = &s->source,
					       .source_count = 1,
					       .timeouts = smtp_timeouts_default};
}

static struct single_result run_with(struct setting *setting, enum single_task task)
{
	const struct single ask = {.task = task,
				   .to = STR("eve@example.com"),
				   .mail_from = STR("b@news.test"),
				   .signature = STR("DKIM-Signature: none\r\n"),
				   .message = STR("Subject: hi\r\n\r\n.hello\r\n"),
				   .watch = &watch};
	struct single_result result;
	seen[0] = '\0';
	assert_int_equal(single_run(&setting->settings, &ask, &result), 0);
	check_nothing_leaked(&result);
	return result;
}

static struct single_result play(const char *const *script, const char *mechanisms,
				 enum single_task task)
{
	struct server server;
	struct setting setting;
	start(&server, script);
	set(&setting, server.port, mechanisms);
	struct single_result result = run_with(&setting, task);
	stop(&server);
	return result;
}

#define HELLO(mechanisms)                                                                      \
	"S:220 r.test ESMTP", "C:EHLO out.news.test",                                          \
		"S:250-r.test|250-PIPELINING|250 AUTH " mechanisms

static void test_send_single_masks_plain_and_counts_the_message(void **)
{
	static const char *const script[] = {HELLO("PLAIN"),
					     "C:AUTH PLAIN " PLAIN "\r",
					     "S:235 2.7.0 ok",
					     "C:MAIL FROM:<b@news.test> AUTH=<>\r",
					     "C:RCPT TO:<eve@example.com>\r",
					     "C:DATA\r",
					     "S:250 ok|250 ok|354 go",
					     "C:DKIM-Signature",
					     "C:Subject",
					     "C:\r",
					     "C:..hello\r",
					     "C:.\r",
					     "S:250 2.0.0 taken",
					     "C:QUIT",
					     "S:221 bye",
					     NULL};
	struct single_result result = play(script, "PLAIN", SINGLE_SEND);
	assert_true(result.accepted);
	assert_string_equal(result.text, "250 2.0.0 taken");
	check_seen("to 127.0.0.1\n< 220 r.test ESMTP\n> EHLO out.news.test\n");
	check_seen("> AUTH PLAIN ********\n< 235 2.7.0 ok\n> MAIL FROM:<b@news.test> AUTH=<>\n"
		   "> RCPT TO:<eve@example.com>\n> DATA\n< 250 ok\n< 250 ok\n< 354 go\n"
		   "> (46 bytes of message)\n> .\n< 250 2.0.0 taken\n> QUIT\n< 221 bye\n"
		   "= 250 end taken\n");
}

static void test_send_single_masks_challenges_and_responses(void **)
{
	static const char *const script[] = {HELLO("LOGIN"),       "C:AUTH LOGIN\r",
					     "S:334 VXNlcm5hbWU6", "C:YW5u\r",
					     "S:334 UGFzc3dvcmQ6", "C:cGVuY2ls\r",
					     "S:235 ok",           "C:QUIT",
					     "S:221 bye",          NULL};
	assert_true(play(script, "LOGIN", SINGLE_GREET).through);
	check_seen("> AUTH LOGIN\n< 334 ********\n> ********\n< 334 ********\n> ********\n"
		   "< 235 ok\n> QUIT\n< 221 bye\n= 221 quit bye\n");
}

static void test_send_single_masks_what_a_server_repeats(void **)
{
	static const char *const script[] = {
		HELLO("PLAIN"),
		"C:AUTH PLAIN",
		"S:535-5.7.8 not " PLAIN "|535 5.7.8 " PASSWORD "!",
		"C:QUIT",
		"S:221 bye " PASSWORD,
		NULL};
	assert_false(play(script, "PLAIN", SINGLE_PROBE).through);
	check_seen("< 535-********\n< 535 ********\n> QUIT\n< 221 ********\n"
		   "= 535 auth (it repeats what proves who we are)\n");
}

static void test_send_single_masks_after_a_hasty_235(void **)
{
	static const char *const script[] = {HELLO("PLAIN") "|235 2.7.0 hasty",
					     "C:AUTH PLAIN",
					     "C:MAIL FROM",
					     "C:RCPT TO",
					     "C:RSET",
					     "S:250 ok|550 5.1.1 none|250 ok",
					     "C:QUIT",
					     "S:221 bye",
					     NULL};
	struct single_result result = play(script, "PLAIN", SINGLE_PROBE);
	assert_true(result.through);
	assert_false(result.accepted);
	check_seen("> AUTH PLAIN ********\n");
	check_seen("= 550 rcpt none\n");
}

static void test_send_single_calls_off_what_it_cannot_answer(void **)
{
	static const char *const script[] = {HELLO("SCRAM-SHA-1"),
					     "C:AUTH SCRAM-SHA-1 ",
					     "S:334 bm9uc2Vuc2U=",
					     "C:*\r",
					     "S:501 5.7.0 cancelled",
					     "C:QUIT",
					     "S:221 bye",
					     NULL};
	assert_false(play(script, "SCRAM-SHA-1", SINGLE_PROBE).through);
	check_seen("> AUTH SCRAM-SHA-1 ********\n< 334 ********\n> *\n< 501 5.7.0 cancelled\n");
}

static void test_send_single_speaks_lmtp_to_a_relay_that_does(void **)
{
	static const char *const script[] = {"S:220 r.test LMTP",
					     "C:LHLO out.news.test\r",
					     "S:250-r.test|250 PIPELINING",
					     "C:MAIL FROM:<b@news.test>\r",
					     "C:RCPT TO:<eve@example.com>\r",
					     "C:DATA\r",
					     "S:250 ok|250 ok|354 go",
					     "C:DKIM-Signature",
					     "C:Subject",
					     "C:\r",
					     "C:..hello\r",
					     "C:.\r",
					     "S:452 4.2.2 full",
					     "C:QUIT",
					     "S:221 bye",
					     NULL};
	struct server server;
	struct setting setting;
	start(&server, script);
	set(&setting, server.port, NULL);
	setting.relay.lmtp = true;
	struct single_result result = run_with(&setting, SINGLE_SEND);
	stop(&server);
	assert_true(result.through);
	assert_false(result.accepted);
	assert_string_equal(result.text, "452 4.2.2 full");
}

static void test_send_single_retries_in_clear_where_tls_may_fail(void **)
{
	static const char *const script[] = {"S:220 r.test",
					     "C:EHLO",
					     "S:250-r.test|250 STARTTLS",
					     "C:STARTTLS",
					     "S:454 4.7.0 no TLS today",
					     "C:QUIT",
					     "S:221 bye",
					     "H:",
					     "S:220 r.test",
					     "C:EHLO",
					     "S:250-r.test|250 STARTTLS",
					     "C:QUIT",
					     "S:221 bye",
					     NULL};
	assert_true(play(script, NULL, SINGLE_GREET).through);
	check_seen("- TLS did not come about: once more in clear text");
	check_seen("= 221 quit bye\n");
}

static void test_send_single_goes_on_in_lockstep(void **)
{
	static const char *const script[] = {"S:220 r.test",
					     "C:EHLO",
					     "S:250-r.test|250 PIPELINING",
					     "C:MAIL",
					     "C:RCPT",
					     "C:RSET",
					     "S:503 5.5.1 synchronization error",
					     "H:",
					     "S:220 r.test",
					     "C:EHLO",
					     "S:250-r.test|250 PIPELINING",
					     "C:MAIL",
					     "S:250 ok",
					     "C:RCPT",
					     "S:250 yes",
					     "C:RSET",
					     "S:250 ok",
					     "C:QUIT",
					     "S:221 bye",
					     NULL};
	assert_true(play(script, NULL, SINGLE_PROBE).accepted);
	check_seen("- several commands at once are more than it takes");
	check_seen("> MAIL FROM:<b@news.test>\n< 250 ok\n> RCPT TO:<eve@example.com>\n< 250 "
		   "yes\n");
}

/* A wish to let mail through although TLS fails is no wish to show a relay our password. */
static void test_send_single_exempts_no_relay_from_its_need(void **)
{
	static const char *const script[] = {"S:220 r.test", "C:EHLO",    "S:250 r.test",
					     "C:QUIT",       "S:221 bye", NULL};
	struct server server;
	struct setting setting;
	char reply[300];
	const struct engine_letter letter = {.mail_from = STR("b@news.test"),
					     .to = STR("eve@example.com"),
					     .message = STR("Subject: hi\r\n\r\nhello\r\n"),
					     .tls_exempt = true};
	start(&server, script);
	set(&setting, server.port, NULL);
	setting.relay.tls = TLS_WISH_ENCRYPT;
	assert_int_equal(engine_send_test(&setting.settings, &letter, reply, sizeof reply), -1);
	stop(&server);
	assert_non_null(strstr(reply, "TLS"));
}

static void test_send_single_refuses_what_is_no_address(void **)
{
	struct setting setting;
	struct single_result result;
	set(&setting, 9, NULL);
	const struct single ask = {.task = SINGLE_PROBE, .to = STR("eve")};
	assert_int_equal(single_run(&setting.settings, &ask, &result), -1);
	assert_string_equal(result.text, "this is no mail address");
}

/* ---- the transcript alone ---- */

static void test_send_single_hides_by_memory_whatever_the_state(void **)
{
	char line[SASL_LINE_LIMIT] = "AUTH PLAIN " PLAIN;
	const struct auth auth = {.line = line};
	struct transcript t = {.watch = &watch, .auth = &auth};
	size_t size = strlen(line);
	for (size_t cut = 0; cut <= size; cut++) {
		const struct iovec spans[] = {
			{line, cut}, {line + cut, size - cut}, {(char *)"\r\nMAIL\r\n", 8}};
		seen[0] = '\0';
		transcript_begin(&t, 0);
		transcript_said(&t, spans, 3, false, 0);
		transcript_end(&t, false, 0);
		assert_string_equal(seen, "> AUTH PLAIN ********\n> MAIL\n");
	}
}

static void test_send_single_hears_lines_in_any_pieces(void **)
{
	static const char text[] = "334 c2VjcmV0\r\n";
	struct transcript t = {.watch = &watch};
	for (size_t cut = 1; cut < sizeof text - 1; cut++) {
		seen[0] = '\0';
		transcript_begin(&t, 0);
		transcript_heard(&t, str_make(text, cut), true, 0);
		transcript_heard(&t, str_make(text + cut, sizeof text - 1 - cut), true, 0);
		transcript_heard(&t, STR("42"), false, 0);
		transcript_end(&t, false, 0);
		assert_string_equal(seen, "< 334 ********\n< 42\n");
	}
}

static void test_send_single_cuts_endless_lines(void **)
{
	static char digits[3 * SINGLE_LINE_LIMIT];
	struct transcript t = {.watch = &watch};
	memset(digits, '4', sizeof digits);
	seen[0] = '\0';
	transcript_begin(&t, 0);
	transcript_heard(&t, str_make(digits, sizeof digits), true, 0);
	transcript_heard(&t, STR("\r\n"), true, 0);
	assert_int_equal(strlen(seen), 2 + SINGLE_LINE_LIMIT + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_send_single_masks_plain_and_counts_the_message),
		cmocka_unit_test(test_send_single_masks_challenges_and_responses),
		cmocka_unit_test(test_send_single_masks_what_a_server_repeats),
		cmocka_unit_test(test_send_single_masks_after_a_hasty_235),
		cmocka_unit_test(test_send_single_calls_off_what_it_cannot_answer),
		cmocka_unit_test(test_send_single_speaks_lmtp_to_a_relay_that_does),
		cmocka_unit_test(test_send_single_retries_in_clear_where_tls_may_fail),
		cmocka_unit_test(test_send_single_goes_on_in_lockstep),
		cmocka_unit_test(test_send_single_exempts_no_relay_from_its_need),
		cmocka_unit_test(test_send_single_refuses_what_is_no_address),
		cmocka_unit_test(test_send_single_hides_by_memory_whatever_the_state),
		cmocka_unit_test(test_send_single_hears_lines_in_any_pieces),
		cmocka_unit_test(test_send_single_cuts_endless_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
