#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/prng.h"
#include "engine/smtp/server.h"

/* One receiver with a memory: what it was told, and what it stored. */
struct receiver {
	struct smtp_server *server;
	struct smtp_server_options options;
	char said[8192], stored[8192];
	struct buf out, store;
	size_t end_count, reset_count, end_size;
};

static void store_bytes(void *context, str bytes)
{
	struct receiver *r = context;
	buf_put(&r->store, bytes);
}

static void count_end(void *context, size_t size, struct smtp_answer *)
{
	struct receiver *r = context;
	r->end_count++;
	r->end_size = size;
	buf_put_byte(&r->store, '|');
}

static void count_reset(void *context)
{
	((struct receiver *)context)->reset_count++;
}

static void receiver_init(struct receiver *r)
{
	*r = (struct receiver){
		.options = {.name = STR("mx.test"),
			    .offer_pipelining = true,
			    .offer_chunking = true,
			    .offer_8bitmime = true,
			    .offer_smtputf8 = true,
			    .offer_enhanced = true,
			    .offer_starttls = true,
			    .size_limit = 1000,
			    .hooks = {.on_bytes = store_bytes,
				      .on_end = count_end,
				      .on_reset = count_reset,
				      .context = r}},
	};
	buf_init_fixed(&r->out, r->said, sizeof(r->said));
	buf_init_fixed(&r->store, r->stored, sizeof(r->stored));
}

static void receiver_start(struct receiver *r)
{
	r->server = malloc(smtp_server_size());
	smtp_server_init(r->server, &r->options, 0);
}

static void receiver_stop(struct receiver *r)
{
	free(r->server);
}

static void take_output(struct receiver *r)
{
	str out = smtp_server_output(r->server);
	buf_put(&r->out, out);
	smtp_server_sent(r->server, out.size);
}

/* Feeds a copy of exactly this size, so that ASan sees a byte read too far. */
static size_t feed_copy(struct receiver *r, str bytes)
{
	char *copy = malloc(bytes.size ? bytes.size : 1);
	memcpy(copy, bytes.data, bytes.size);
	size_t taken = smtp_server_feed(r->server, str_make(copy, bytes.size), 0);
	free(copy);
	return taken;
}

static void feed_all(struct receiver *r, str bytes)
{
	take_output(r);
	while (bytes.size > 0 && smtp_server_want(r->server) == SERVER_READ) {
		bytes = str_from(bytes, feed_copy(r, bytes));
		take_output(r);
	}
}

static void expect_said(struct receiver *r, const char *said)
{
	assert_true(buf_ok(&r->out));
	if (!str_eq(buf_str(&r->out), str_of(said)))
		fail_msg("said:\n%.*s\ninstead of:\n%s", STR_FORMAT(buf_str(&r->out)), said);
	buf_reset(&r->out);
}

static void expect_stored(struct receiver *r, str stored)
{
	if (!str_eq(buf_str(&r->store), stored))
		fail_msg("stored:\n%.*s\ninstead of:\n%.*s", STR_FORMAT(buf_str(&r->store)),
			 STR_FORMAT(stored));
}

#define GREETING "220 ESMTP\r\n"
#define HELLO                                                                                  \
	"250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250-8BITMIME\r\n"   \
	"250-SMTPUTF8\r\n250-CHUNKING\r\n250 ENHANCEDSTATUSCODES\r\n"
#define ENVELOPE "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
#define ENVELOPE_OK "250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n"

/* A dialogue in groups: the receiver answers each before the next is fed. */
static void run(struct receiver *r, const char *const *groups, size_t split)
{
	for (; *groups; groups++) {
		str group = str_of(*groups);
		feed_all(r, str_sub(group, 0, split));
		feed_all(r, str_from(group, split < group.size ? split : group.size));
	}
	take_output(r);
}

static void expect_dialogue(const char *const *groups, const char *said, str stored)
{
	for (size_t split = 0; split < 120; split++) {
		struct receiver r;
		receiver_init(&r);
		receiver_start(&r);
		run(&r, groups, split);
		expect_said(&r, said);
		expect_stored(&r, stored);
		receiver_stop(&r);
	}
}

static void test_smtp_server_takes_a_message(void **)
{
	expect_dialogue((const char *[]){"ehlo me\r\n", ENVELOPE "data\r\n",
					 "Subject: x\r\n\r\nbody\r\n.\r\n", "quit\r\n", NULL},
			GREETING HELLO ENVELOPE_OK
			"354 end with a lone dot\r\n250 2.0.0 taken\r\n221 2.0.0 bye\r\n",
			STR("Subject: x\r\n\r\nbody\r\n|"));
}

/* The next envelope may ride behind the dot. */
static void test_smtp_server_takes_the_next_envelope_behind_the_dot(void **)
{
	expect_dialogue((const char *[]){"EHLO me\r\n", ENVELOPE "DATA\r\n",
					 "one\r\n.\r\n" ENVELOPE "DATA\r\n", "two\r\n.\r\n",
					 NULL},
			GREETING HELLO ENVELOPE_OK
			"354 end with a lone dot\r\n250 2.0.0 taken\r\n" ENVELOPE_OK
			"354 end with a lone dot\r\n250 2.0.0 taken\r\n",
			STR("one\r\n|two\r\n|"));
}

/* What ends data, and what does not, each at every split point and in single bytes. */
static void expect_content(str content, str stored)
{
	for (size_t split = 0; split <= content.size; split++) {
		struct receiver r;
		receiver_init(&r);
		receiver_start(&r);
		run(&r, (const char *[]){"EHLO me\r\n", ENVELOPE "DATA\r\n", NULL}, SIZE_MAX);
		feed_all(&r, str_sub(content, 0, split));
		for (size_t i = split; i < content.size; i++)
			feed_all(&r, str_sub(content, i, 1));
		expect_stored(&r, stored);
		assert_int_equal(r.end_count, 1);
		assert_int_equal(r.end_size, stored.size - 1);
		receiver_stop(&r);
	}
}

static void test_smtp_server_ends_data_at_crlf_dot_crlf_only(void **)
{
	expect_content(STR(".\r\n"), STR("|"));
	expect_content(STR("a\r\n.\r\n"), STR("a\r\n|"));
	expect_content(STR("..\r\n.\r\n"), STR(".\r\n|"));
	expect_content(STR("..a\r\n...\r\n.\r\n"), STR(".a\r\n..\r\n|"));
	expect_content(STR(".a\r\n.\r\n"), STR("a\r\n|"));
	expect_content(STR("a\n.\nb\r\n.\r\n"), STR("a\n.\nb\r\n|"));
	expect_content(STR("a\r.\rb\r\n.\r\n"), STR("a\r.\rb\r\n|"));
	expect_content(STR("a\n.\r\n\r\n.\r\n"), STR("a\n.\r\n\r\n|"));
	expect_content(STR("a\r\n.\n\r\n.\r\n"), STR("a\r\n\n\r\n|"));
	expect_content(STR("a\r\n.\rb\r\n.\r\n"), STR("a\r\n\rb\r\n|"));
	expect_content(STR("a\r\n.\r\r\n.\r\n"), STR("a\r\n\r\r\n|"));
	expect_content(STR("a\r\r\n.\r\n"), STR("a\r\r\n|"));
	expect_content(STR("\r\n\r\n.\r\n"), STR("\r\n\r\n|"));
}

static void test_smtp_server_takes_chunks(void **)
{
	expect_dialogue((const char *[]){"EHLO me\r\n",
					 ENVELOPE "BDAT 5\r\n.\r\na\r"
						  "BDAT 1\r\n\nBDAT 0 LAST\r\n"
						  "RSET\r\n",
					 NULL},
			GREETING HELLO ENVELOPE_OK
			"250 2.0.0 chunk taken\r\n250 2.0.0 chunk taken\r\n250 2.0.0 taken\r\n"
			"250 2.0.0 forgotten\r\n",
			STR(".\r\na\r\n|"));
}

/* A chunk nobody wants is read to its end, never as commands. */
static void test_smtp_server_swallows_refused_chunks(void **)
{
	expect_dialogue(
		(const char *[]){"EHLO me\r\n",
				 "MAIL FROM:<a@b.test>\r\nBDAT 6 LAST\r\nQUIT\r\n" ENVELOPE
				 "RSET\r\n" ENVELOPE "BDAT 3 LAST\r\nyes",
				 NULL},
		GREETING HELLO "250 2.1.0 sender ok\r\n554 5.5.1 no valid recipients\r\n"
			       "503 5.5.1 nested MAIL\r\n503 5.5.1 BDAT has begun\r\n250 2.0.0 "
			       "forgotten\r\n" ENVELOPE_OK "250 2.0.0 taken\r\n",
		STR("yes|"));
}

static void test_smtp_server_keeps_the_order_of_commands(void **)
{
	expect_dialogue(
		(const char *[]){
			"MAIL FROM:<a@b.test>\r\n", "HELO\r\n", "EHLO me\r\n",
			"RCPT TO:<a@b.test>\r\nDATA\r\n", "MAIL FROM: <a@b.test>\r\n",
			"MAIL FROM:<a@b.test> X=1\r\n", "MAIL FROM:<a@b.test> SIZE=1001\r\n",
			"MAIL FROM:<\xC3\xBC@b.test>\r\n",
			"MAIL FROM:<\"a>b\"@c.test> size=1000 BODY=8bitmime\r\n", "DATA\r\n",
			"RCPT TO:<>\r\n", "RCPT TO:<a@b.test> NOTIFY=NEVER\r\n", "NOOP\r\n",
			"VRFY ann\r\n", "FROB\r\n", "NOOP\n", NULL},
		GREETING
		"503 5.5.1 EHLO first\r\n501 5.5.4 say your name\r\n" HELLO
		"503 5.5.1 MAIL first\r\n503 5.5.1 MAIL first\r\n"
		"501 5.5.4 syntax: MAIL FROM:<address>\r\n555 5.5.4 parameter not known\r\n"
		"552 5.3.4 message too large\r\n553 5.6.7 SMTPUTF8 was not asked for\r\n"
		"250 2.1.0 sender ok\r\n554 5.5.1 no valid recipients\r\n"
		"501 5.5.4 syntax: RCPT TO:<address>\r\n555 5.5.4 parameter not known\r\n"
		"250 2.0.0 ok\r\n252 2.1.5 send it and see\r\n500 5.5.2 command not known\r\n"
		"500 5.5.2 line without CR LF\r\n",
		STR(""));
}

static void test_smtp_server_refuses_early_talk(void **)
{
	const char *const early[] = {"EHLO me\r\nMAIL FROM:<a@b.test>\r\n",
				     "STARTTLS\r\nNOOP\r\n"};
	for (size_t i = 0; i < 2; i++) {
		struct receiver r;
		receiver_init(&r);
		receiver_start(&r);
		feed_all(&r, str_of(early[i]));
		expect_said(&r, GREETING "554 5.5.0 talks too early\r\n");
		assert_int_equal(smtp_server_want(r.server), SERVER_CLOSE);
		receiver_stop(&r);
	}
}

static void test_smtp_server_limits_size_and_line(void **)
{
	static char big[3000];
	memset(big, 'x', sizeof(big));
	struct receiver r;
	receiver_init(&r);
	receiver_start(&r);
	feed_all(&r, STR("EHLO me\r\n"));
	feed_all(&r, STR(ENVELOPE "DATA\r\n"));
	feed_all(&r, str_make(big, 1500));
	feed_all(&r, STR("\r\n.\r\n"));
	feed_all(&r, str_make(big, sizeof(big)));
	feed_all(&r, STR("\r\nNOOP\r\n"));
	expect_said(&r, GREETING HELLO ENVELOPE_OK
		    "354 end with a lone dot\r\n552 5.3.4 message too large\r\n"
		    "500 5.5.2 line too long\r\n250 2.0.0 ok\r\n");
	receiver_stop(&r);
}

static void test_smtp_server_forgets_all_at_tls(void **)
{
	struct receiver r;
	receiver_init(&r);
	receiver_start(&r);
	feed_all(&r, STR("EHLO me\r\n"));
	feed_all(&r, STR("STARTTLS\r\n"));
	assert_int_equal(smtp_server_want(r.server), SERVER_TLS);
	smtp_server_tls_done(r.server, 0);
	feed_all(&r, STR("MAIL FROM:<a@b.test>\r\n"));
	feed_all(&r, STR("EHLO me\r\n"));
	expect_said(&r, GREETING HELLO "220 2.0.0 go ahead\r\n503 5.5.1 EHLO first\r\n"
				       "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n"
				       "250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n"
				       "250 ENHANCEDSTATUSCODES\r\n");
	receiver_stop(&r);
}

/* RFC 8689 2: without TLS it is neither offered nor known. */
static void test_smtp_server_offers_requiretls_under_tls(void **)
{
	struct receiver r;
	receiver_init(&r);
	r.options.offer_requiretls = true;
	receiver_start(&r);
	feed_all(&r, STR("EHLO me\r\n"));
	feed_all(&r, STR("MAIL FROM:<a@b.test> REQUIRETLS\r\n"));
	feed_all(&r, STR("STARTTLS\r\n"));
	smtp_server_tls_done(r.server, 0);
	feed_all(&r, STR("EHLO me\r\n"));
	feed_all(&r, STR("MAIL FROM:<a@b.test> REQUIRETLS\r\n"));
	expect_said(&r, GREETING HELLO "555 5.5.4 parameter not known\r\n220 2.0.0 go ahead\r\n"
				       "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n"
				       "250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n"
				       "250-REQUIRETLS\r\n250 ENHANCEDSTATUSCODES\r\n"
				       "250 2.1.0 sender ok\r\n");
	receiver_stop(&r);
}

/* --- hooks ---------------------------------------------------------------------------------
 */

static void delay_rcpt(void *, str to, struct smtp_answer *answer)
{
	if (str_starts(to, STR("slow")))
		answer->delay = 5 * USEC_SECOND;
	if (str_starts(to, STR("gone")))
		*answer =
			(struct smtp_answer){550, "5.1.1", "no such\nmailbox", 0, false, false};
	if (str_starts(to, STR("drop")))
		*answer = (struct smtp_answer){.drop = true};
	if (str_starts(to, STR("shut")))
		*answer = (struct smtp_answer){421, "4.7.0", "go away", 0, false, true};
}

static void test_smtp_server_says_what_the_owner_wants(void **)
{
	struct receiver r;
	receiver_init(&r);
	r.options.hooks.on_rcpt = delay_rcpt;
	receiver_start(&r);
	feed_all(&r, STR("EHLO me\r\n"));
	feed_all(&r, STR("MAIL FROM:<a@b.test>\r\nRCPT TO:<gone@b.test>\r\n"));
	expect_said(&r, GREETING HELLO
		    "250 2.1.0 sender ok\r\n550-5.1.1 no such\r\n550 5.1.1 mailbox\r\n");
	feed_all(&r, STR("RCPT TO:<shut@b.test>\r\nNOOP\r\n"));
	expect_said(&r, "421 4.7.0 go away\r\n");
	assert_int_equal(smtp_server_want(r.server), SERVER_CLOSE);
	assert_int_equal(smtp_server_feed(r.server, STR("NOOP\r\n"), 0), 0);
	receiver_stop(&r);
}

static void test_smtp_server_holds_a_delayed_reply(void **)
{
	struct receiver r;
	receiver_init(&r);
	r.options.hooks.on_rcpt = delay_rcpt;
	receiver_start(&r);
	str commands = STR("MAIL FROM:<a@b.test>\r\nRCPT TO:<slow@b.test>\r\nNOOP\r\n");
	feed_all(&r, STR("EHLO me\r\n"));
	size_t taken = smtp_server_feed(r.server, commands, USEC_SECOND);
	assert_int_equal(taken, commands.size - 6);
	take_output(&r);
	expect_said(&r, GREETING HELLO "250 2.1.0 sender ok\r\n");
	assert_int_equal(smtp_server_want(r.server), SERVER_WAIT);
	assert_int_equal(smtp_server_wake_at(r.server), 6 * USEC_SECOND);
	smtp_server_tick(r.server, 6 * USEC_SECOND - 1);
	take_output(&r);
	expect_said(&r, "");
	smtp_server_tick(r.server, 6 * USEC_SECOND);
	take_output(&r);
	expect_said(&r, "250 2.1.5 recipient ok\r\n");
	feed_all(&r, str_from(commands, taken));
	expect_said(&r, "250 2.0.0 ok\r\n");
	receiver_stop(&r);
}

static void test_smtp_server_drops_without_a_word(void **)
{
	struct receiver r;
	receiver_init(&r);
	r.options.hooks.on_rcpt = delay_rcpt;
	receiver_start(&r);
	feed_all(&r, STR("EHLO me\r\n"));
	feed_all(&r, STR("MAIL FROM:<a@b.test>\r\nRCPT TO:<drop@b.test>\r\nNOOP\r\n"));
	assert_int_equal(smtp_server_want(r.server), SERVER_DROP);
	receiver_stop(&r);
}

static void refuse_all(void *, struct smtp_answer *answer)
{
	*answer = (struct smtp_answer){554, NULL, "no mail here", 0, false, false};
}

static void test_smtp_server_that_refused_takes_only_quit(void **)
{
	struct receiver r;
	receiver_init(&r);
	r.options.hooks.on_connect = refuse_all;
	receiver_start(&r);
	feed_all(&r, STR("EHLO me\r\n"));
	feed_all(&r, STR("QUIT\r\n"));
	expect_said(&r, "554 no mail here\r\n503 5.5.1 only QUIT is left\r\n221 2.0.0 bye\r\n");
	receiver_stop(&r);
}

/* However much is pipelined, replies wait for room and none is lost. */
static void test_smtp_server_waits_for_its_output(void **)
{
	struct receiver r;
	receiver_init(&r);
	receiver_start(&r);
	feed_all(&r, STR("EHLO me\r\n"));
	buf_reset(&r.out);
	static char many[6 * 2000];
	for (size_t i = 0; i < 2000; i++)
		memcpy(many + 6 * i, "NOOP\r\n", 6);
	size_t replies = 0, at = 0;
	while (at < sizeof(many)) {
		at += smtp_server_feed(r.server, str_make(many + at, sizeof(many) - at), 0);
		str out = smtp_server_output(r.server);
		assert_in_range(out.size, 14, 8192);
		replies += out.size / 14;
		assert_int_equal(out.size % 14, 0);
		smtp_server_sent(r.server, out.size);
	}
	assert_int_equal(replies, 2000);
	receiver_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smtp_server_takes_a_message),
		cmocka_unit_test(test_smtp_server_takes_the_next_envelope_behind_the_dot),
		cmocka_unit_test(test_smtp_server_ends_data_at_crlf_dot_crlf_only),
		cmocka_unit_test(test_smtp_server_takes_chunks),
		cmocka_unit_test(test_smtp_server_swallows_refused_chunks),
		cmocka_unit_test(test_smtp_server_keeps_the_order_of_commands),
		cmocka_unit_test(test_smtp_server_refuses_early_talk),
		cmocka_unit_test(test_smtp_server_limits_size_and_line),
		cmocka_unit_test(test_smtp_server_forgets_all_at_tls),
		cmocka_unit_test(test_smtp_server_offers_requiretls_under_tls),
		cmocka_unit_test(test_smtp_server_says_what_the_owner_wants),
		cmocka_unit_test(test_smtp_server_holds_a_delayed_reply),
		cmocka_unit_test(test_smtp_server_drops_without_a_word),
		cmocka_unit_test(test_smtp_server_that_refused_takes_only_quit),
		cmocka_unit_test(test_smtp_server_waits_for_its_output),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
