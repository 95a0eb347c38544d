#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/buf.h"
#include "engine/smtp/caps.h"
#include "engine/smtp/reply.h"

/* Replies as text, one a line: "250/2.1.0 text", "bad"; lines of one reply joined by "\". */
static void describe(struct buf *out, enum reply_step step, const struct reply *r)
{
	if (step == REPLY_BAD) {
		buf_put(out, STR("bad\n"));
		return;
	}
	buf_printf(out, "%u/%u.%u.%u ", r->code, r->status.class, r->status.subject,
		   r->status.detail);
	for (size_t i = 0; i < r->text.size; i++)
		buf_put_byte(out, r->text.data[i] == '\n' ? '\\' : r->text.data[i]);
	buf_put_byte(out, '\n');
	assert_int_equal(r->origin, REPLY_REMOTE);
	assert_int_equal(r->stage, STAGE_UNKNOWN);
	assert_int_equal(r->cause, CAUSE_NONE);
}

/* Feeds a copy of exactly this size; false when the peer broke the grammar. */
static bool feed(struct reply_parser *p, struct buf *out, str bytes)
{
	char *copy = malloc(bytes.size + 1);
	memcpy(copy, bytes.data, bytes.size);
	enum reply_step step = REPLY_MORE;
	struct reply reply;
	size_t at = 0;
	do {
		at += reply_feed(p, str_make(copy + at, bytes.size - at), &step, &reply);
		if (step != REPLY_MORE)
			describe(out, step, &reply);
	} while (step == REPLY_READY && at < bytes.size);
	assert_true(step == REPLY_BAD || at == bytes.size);
	free(copy);
	return step != REPLY_BAD;
}

/* At every split point, and byte by byte. */
static void expect_replies(str bytes, const char *replies)
{
	for (size_t split = 0; split <= bytes.size + 1; split++) {
		struct reply_parser p;
		char memory[4096];
		struct buf out;
		buf_init_fixed(&out, memory, sizeof(memory));
		reply_parser_init(&p);
		bool good = true;
		if (split <= bytes.size)
			good = feed(&p, &out, str_sub(bytes, 0, split)) &&
			       feed(&p, &out, str_from(bytes, split));
		else
			for (size_t i = 0; i < bytes.size && good; i++)
				good = feed(&p, &out, str_sub(bytes, i, 1));
		if (!str_eq(buf_str(&out), str_of(replies)))
			fail_msg("split at %zu:\n%.*sinstead of:\n%s", split,
				 STR_FORMAT(buf_str(&out)), replies);
	}
}

static void test_smtp_reply_takes_replies(void **)
{
	expect_replies(STR("220 mx ESMTP\r\n"), "220/0.0.0 mx ESMTP\n");
	expect_replies(STR("250-one\r\n250-two\r\n250 three\r\n"),
		       "250/0.0.0 one\\two\\three\n");
	expect_replies(STR("250\r\n"), "250/0.0.0 \n");
	expect_replies(STR("250 \r\n250-\r\n250\r\n"), "250/0.0.0 \n250/0.0.0 \\\n");
	expect_replies(STR("250 a\r\n354 b\r\n550 c\r\n"),
		       "250/0.0.0 a\n354/0.0.0 b\n550/0.0.0 c\n");
	expect_replies(STR("299 a\r\n599 b\r\n"), "299/0.0.0 a\n599/0.0.0 b\n");
}

static void test_smtp_reply_takes_enhanced_codes(void **)
{
	expect_replies(STR("550 5.1.1 no such user\r\n"), "550/5.1.1 no such user\n");
	expect_replies(STR("550-5.7.1 a\r\n550 5.7.1 b\r\n"), "550/5.7.1 a\\b\n");
	expect_replies(STR("550-5.7.1 a\r\n550 b\r\n"), "550/5.7.1 a\\b\n");
	expect_replies(STR("550-a\r\n550 5.7.25 b\r\n"), "550/5.7.25 a\\b\n");
	expect_replies(STR("550 5.1.1\r\n"), "550/5.1.1 \n");
	expect_replies(STR("550 5.1.1: no\r\n"), "550/5.1.1 : no\n");
	expect_replies(STR("550 4.1.1 no\r\n"), "550/0.0.0 4.1.1 no\n");
	expect_replies(STR("250 2.0.0.1 is my address\r\n"),
		       "250/0.0.0 2.0.0.1 is my address\n");
	expect_replies(STR("550 5.1.1234 no\r\n"), "550/0.0.0 5.1.1234 no\n");
	expect_replies(STR("550 5.1 no\r\n"), "550/0.0.0 5.1 no\n");
	expect_replies(STR("550-4.2.2 a\r\n450 b\r\n"), "450/0.0.0 4.2.2 a\\b\n");
}

static void test_smtp_reply_refuses_all_else(void **)
{
	const char *const bad[] = {"150 wait\r\n", "650 x\r\n",  "2x0 x\r\n",     "25\r\n",
				   "\r\n",         "250_x\r\n",  "2500 x\r\n",    "HTTP\r\n",
				   " 250 x\r\n",   "250\tx\r\n", "250-a\r\nb\r\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_replies(str_of(bad[i]), "bad\n");
}

static void test_smtp_reply_counts_what_it_tolerates(void **)
{
	struct reply_parser p;
	enum reply_step step;
	struct reply r;
	str in = STR("250-a\n550-b\r\n451 c\n");
	reply_parser_init(&p);
	assert_int_equal(reply_feed(&p, in, &step, &r), in.size);
	assert_int_equal(step, REPLY_READY);
	assert_int_equal(r.code, 451);
	assert_int_equal(p.bare_lf_count, 2);
	assert_int_equal(p.code_mismatch_count, 2);
}

static void test_smtp_reply_bounds_lines_and_replies(void **)
{
	static char bytes[REPLY_TOTAL_LIMIT + 4096];
	struct reply_parser p;
	enum reply_step step;
	struct reply r;

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "250 ", 4);
	memcpy(bytes + REPLY_LINE_LIMIT - 2, "\r\n", 2);
	reply_parser_init(&p);
	assert_int_equal(reply_feed(&p, str_make(bytes, REPLY_LINE_LIMIT), &step, &r),
			 REPLY_LINE_LIMIT);
	assert_int_equal(step, REPLY_READY);
	assert_int_equal(r.text.size, REPLY_LINE_LIMIT - 6);

	memset(bytes + REPLY_LINE_LIMIT - 2, 'x', 2);
	reply_parser_init(&p);
	(void)!reply_feed(&p, str_make(bytes, REPLY_LINE_LIMIT + 1), &step, &r);
	assert_int_equal(step, REPLY_BAD);

	for (size_t at = 0; at + 64 <= sizeof(bytes); at += 64) {
		memcpy(bytes + at, "250-", 4);
		memcpy(bytes + at + 62, "\r\n", 2);
	}
	reply_parser_init(&p);
	assert_int_equal(reply_feed(&p, str_make(bytes, REPLY_TOTAL_LIMIT - 64), &step, &r),
			 REPLY_TOTAL_LIMIT - 64);
	assert_int_equal(step, REPLY_MORE);
	struct reply_parser q = p;
	bytes[3] = ' ';
	assert_int_equal(reply_feed(&q, str_make(bytes, 64), &step, &r), 64);
	assert_int_equal(step, REPLY_READY);
	assert_int_equal(r.text.size, REPLY_TEXT_LIMIT);
	bytes[3] = '-';
	(void)!reply_feed(&p, str_make(bytes, 128), &step, &r);
	assert_int_equal(step, REPLY_BAD);
}

static void test_smtp_reply_takes_nothing_from_nothing(void **)
{
	struct reply_parser p;
	enum reply_step step;
	struct reply r, kept;
	reply_parser_init(&p);
	(void)!reply_feed(&p, STR("250 kept\r\n"), &step, &kept);
	assert_int_equal(reply_feed(&p, STR(""), &step, &r), 0);
	assert_int_equal(step, REPLY_MORE);
	assert_true(str_eq(kept.text, STR("kept")));
}

static void test_smtp_reply_local_covers_every_cause(void **)
{
	for (enum local_cause cause = CAUSE_NONE + 1; cause < CAUSE_COUNT; cause++) {
		struct reply r = reply_local(cause, STAGE_ROUTE);
		assert_int_equal(r.origin, REPLY_LOCAL);
		assert_int_equal(r.cause, cause);
		assert_int_equal(r.stage, STAGE_ROUTE);
		assert_in_range(r.code, 450, 556);
		/* an expired message failed, though its last trouble was temporary */
		if (cause != CAUSE_EXPIRED)
			assert_int_equal(r.status.class, r.code / 100);
		assert_true(r.text.size > 0);
		assert_non_null(local_cause_names[cause]);
	}
	for (enum smtp_stage stage = 0; stage < STAGE_COUNT; stage++)
		assert_non_null(smtp_stage_names[stage]);
	assert_int_equal(reply_local(CAUSE_NULL_MX, STAGE_ROUTE).code, 556);
	assert_int_equal(reply_local(CAUSE_NULL_MX, STAGE_ROUTE).status.detail, 10);
}

static void test_smtp_status_is_taken_from_the_front(void **)
{
	struct status s = {9, 9, 9};
	size_t size = 77;
	assert_false(status_parse(STR(""), &s, &size));
	assert_false(status_parse(STR("3.1.1"), &s, &size));
	assert_false(status_parse(STR("5.1."), &s, &size));
	assert_false(status_parse(STR("5.1.1abc"), &s, &size));
	assert_false(status_parse(STR("51.1.1"), &s, &size));
	assert_int_equal(s.class, 9);
	assert_int_equal(size, 77);
	assert_true(status_parse(STR("5.7.515 Access"), &s, &size));
	assert_true(s.class == 5 && s.subject == 7 && s.detail == 515 && size == 7);
	assert_true(status_parse(STR("4.2.2"), &s, NULL));
	assert_true(status_parse(STR("2.0.0."), &s, &size));
	assert_int_equal(size, 5);
}

static void test_smtp_caps_are_read(void **)
{
	struct smtp_caps caps;
	struct smtp_mechanisms mechanisms;
	smtp_caps_parse(&caps, &mechanisms,
			STR("mx.test PIPELINING\npipelining\nSIZE 35882577\n8bitmime\n"
			    "STARTTLS\nChunking\nSMTPUTF8\nENHANCEDSTATUSCODES\nDSN\n"
			    "REQUIRETLS\nAUTH PLAIN LOGIN\nLIMITS MAILMAX=20 X=1 RCPTMAX=50\n"
			    "\nFROBNICATE x\nlimits rcptdomainmax=3"));
	assert_true(caps.esmtp && caps.pipelining && caps.size && caps.eightbitmime);
	assert_true(caps.starttls && caps.chunking && caps.smtputf8 && caps.enhanced_codes);
	assert_true(caps.dsn && caps.requiretls && caps.auth);
	assert_int_equal(caps.size_limit, 35882577);
	assert_int_equal(caps.limit_mail_max, 20);
	assert_int_equal(caps.limit_rcpt_max, 50);
	assert_int_equal(caps.limit_rcpt_domain_max, 3);
	smtp_caps_parse(&caps, &mechanisms,
			STR("PIPELINING\nSIZE many\nAUTH=LOGIN\nLIMITS MAILMAX=99999999999"));
	assert_true(caps.esmtp && !caps.pipelining && caps.size && caps.auth);
	assert_int_equal(caps.size_limit, 0);
	assert_int_equal(caps.limit_mail_max, 0);
	smtp_caps_parse(&caps, &mechanisms, STR(""));
	assert_true(caps.esmtp && !caps.size);
}

static void test_smtp_caps_keep_whole_mechanisms(void **)
{
	struct smtp_caps caps;
	struct smtp_mechanisms mechanisms;
	char many[1000] = "mx\nAUTH";
	smtp_caps_parse(&caps, &mechanisms, STR("mx\nAUTH PLAIN  CRAM-MD5\nAUTH=LOGIN\nAUTH"));
	assert_true(caps.auth);
	assert_string_equal(mechanisms.names, "PLAIN CRAM-MD5 LOGIN");
	for (size_t i = 0; i < 60; i++)
		strcat(many, i % 2 ? " MECHANISM" : " A-LONGER-MECHANISM");
	smtp_caps_parse(&caps, &mechanisms, str_of(many));
	size_t size = strlen(mechanisms.names);
	assert_in_range(size, sizeof(mechanisms.names) - 12, sizeof(mechanisms.names) - 1);
	assert_string_equal(mechanisms.names + size - 9, "MECHANISM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smtp_reply_takes_replies),
		cmocka_unit_test(test_smtp_reply_takes_enhanced_codes),
		cmocka_unit_test(test_smtp_reply_refuses_all_else),
		cmocka_unit_test(test_smtp_reply_counts_what_it_tolerates),
		cmocka_unit_test(test_smtp_reply_bounds_lines_and_replies),
		cmocka_unit_test(test_smtp_reply_takes_nothing_from_nothing),
		cmocka_unit_test(test_smtp_reply_local_covers_every_cause),
		cmocka_unit_test(test_smtp_status_is_taken_from_the_front),
		cmocka_unit_test(test_smtp_caps_are_read),
		cmocka_unit_test(test_smtp_caps_keep_whole_mechanisms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
