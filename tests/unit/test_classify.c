/* test_classify.c - from replies to classes, verdicts, suppressions and waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/classify_fixture.h"

static struct reply reply_of(uint16_t code, const char *status, enum smtp_stage stage,
			     const char *text)
{
	struct reply reply = {.code = code, .stage = stage, .text = str_of(text)};

	if (status)
		assert_true(status_parse(str_of(status), &reply.status, NULL));
	return reply;
}

static struct classification classed(uint16_t code, const char *status, const char *text)
{
	struct reply reply = reply_of(code, status, STAGE_RCPT, text);

	return classify(classifier, &reply, STR(""));
}

static void check_class(uint16_t code, const char *status, const char *text,
			enum bounce_class expected)
{
	struct classification c = classed(code, status, text);

	if (c.class != expected)
		fail_msg("%u %s %s: %s (line %u), not %s", code, status ? status : "", text,
			 bounce_class_names[c.class], c.rule, bounce_class_names[expected]);
}

static void test_classify_speaks_several_languages(void **)
{
	check_class(550, NULL, "Benutzer unbekannt", CLASS_BAD_MAILBOX);
	check_class(550, NULL, "Empf\xC3\xA4nger existiert nicht", CLASS_BAD_MAILBOX);
	check_class(550, NULL, "Empf\xE4nger existiert nicht", CLASS_BAD_MAILBOX); /* Latin-1 */
	check_class(550, NULL, "Utilisateur inconnu", CLASS_BAD_MAILBOX);
	check_class(550, NULL, "El destinatario no existe", CLASS_BAD_MAILBOX);
	check_class(550, NULL, "utente sconosciuto", CLASS_BAD_MAILBOX);
	check_class(550, NULL, "Nie ma takiego u\xC5\xBCytkownika", CLASS_BAD_MAILBOX);
	check_class(550, NULL,
		    "\xD0\x9F\xD0\xBE\xD0\xBB\xD1\x8C\xD0\xB7\xD0\xBE\xD0\xB2\xD0\xB0"
		    "\xD1\x82\xD0\xB5\xD0\xBB\xD1\x8C \xD0\xBD\xD0\xB5 \xD0\xBD\xD0\xB0"
		    "\xD0\xB9\xD0\xB4\xD0\xB5\xD0\xBD",
		    CLASS_BAD_MAILBOX);
	check_class(550, NULL, "\xE7\x94\xA8\xE6\x88\xB7\xE4\xB8\x8D\xE5\xAD\x98\xE5\x9C\xA8",
		    CLASS_BAD_MAILBOX);
	check_class(552, NULL, "Postfach voll", CLASS_MAILBOX_FULL);
	check_class(552, NULL, "La bo\xC3\xAEte du destinataire est pleine",
		    CLASS_MAILBOX_FULL);
	check_class(552, NULL, "El buz\xC3\xB3n est\xC3\xA1 lleno", CLASS_MAILBOX_FULL);
	check_class(550, NULL, "Konto ist gesperrt", CLASS_INACTIVE_MAILBOX);
	check_class(421, NULL, "Zu viele Verbindungen", CLASS_RATE_LIMITED);
	check_class(552, NULL, "Nachricht ist zu gro\xC3\x9F", CLASS_MESSAGE_TOO_LARGE);
	check_class(554, NULL, "als unerw\xC3\xBCnschte Werbung eingestuft",
		    CLASS_SPAM_CONTENT);
	check_class(550, NULL, "Absenderadresse abgelehnt", CLASS_SENDER_REJECTED);
}

static void test_classify_masks_what_varies(void **)
{
	/* Words inside addresses and host names are nobody's words. */
	check_class(550, NULL, "<spam.virus@blacklist.example.com>: user unknown",
		    CLASS_BAD_MAILBOX);
	check_class(550, "5.1.1", "mx1.spam-filter.example.com: no such user",
		    CLASS_BAD_MAILBOX);
	/* "ip" inside "recipient" is not an IP (bounces.md). */
	check_class(550, "5.1.1", "recipient unknown", CLASS_BAD_MAILBOX);
	check_class(550, NULL, "user UNKNOWN", CLASS_BAD_MAILBOX);
	check_class(550, NULL, "user\nunknown", CLASS_BAD_MAILBOX);
	check_class(550, NULL, "That user doesn't exist", CLASS_BAD_MAILBOX);
	check_class(550, NULL, "That user doesn\xE2\x80\x99t exist", CLASS_BAD_MAILBOX);
}

static void test_classify_words_beat_a_careless_code(void **)
{
	check_class(550, "5.1.1", "mailbox over quota", CLASS_MAILBOX_FULL);
	check_class(550, "5.7.1", "user unknown", CLASS_BAD_MAILBOX);
	check_class(550, "5.7.1", "client blocked using Spamhaus", CLASS_REPUTATION);
	check_class(550, "5.7.1", "relaying denied", CLASS_RELAY_DENIED);
	check_class(550, "5.7.1", "message classified as spam", CLASS_SPAM_CONTENT);
	check_class(550, "5.7.1", "SPF check failed", CLASS_AUTH_FAILURE);
	check_class(550, "5.7.1", "sorry", CLASS_POLICY);
	check_class(550, "5.1.1", "sorry", CLASS_BAD_MAILBOX);
	check_class(552, "5.2.2", "sorry", CLASS_MAILBOX_FULL);
}

static void test_classify_stage_guard(void **)
{
	static const char text[] = "user unknown";

	for (enum smtp_stage stage = STAGE_ROUTE; stage <= STAGE_MAIL; stage++) {
		struct reply reply = reply_of(550, "5.1.1", stage, text);
		struct classification c = classify(classifier, &reply, STR(""));
		assert_int_not_equal(c.class, CLASS_BAD_MAILBOX);
		assert_false(c.suppress);
	}
	struct reply greeting = reply_of(554, NULL, STAGE_GREETING, "no");
	assert_int_equal(classify(classifier, &greeting, STR("")).class, CLASS_REPUTATION);
	struct reply mail = reply_of(550, NULL, STAGE_MAIL, "no");
	assert_int_equal(classify(classifier, &mail, STR("")).class, CLASS_SENDER_REJECTED);
	struct reply size = reply_of(552, NULL, STAGE_MAIL, "no");
	assert_int_equal(classify(classifier, &size, STR("")).class, CLASS_MESSAGE_TOO_LARGE);
	struct reply rcpt = reply_of(552, NULL, STAGE_RCPT, "no");
	assert_int_equal(classify(classifier, &rcpt, STR("")).class, CLASS_MAILBOX_FULL);
}

static void test_classify_provider_rule(void **)
{
	struct reply reply =
		reply_of(552, "5.2.2", STAGE_RCPT, "inbox out of storage and inactive");

	assert_int_equal(classify(classifier, &reply, STR("gmail")).class,
			 CLASS_INACTIVE_MAILBOX);
	assert_int_equal(classify(classifier, &reply, STR("")).class, CLASS_MAILBOX_FULL);
}

static void test_classify_verdict_follows_digit_and_class(void **)
{
	struct classification c = classed(250, "2.1.5", "ok, user unknown to none");
	assert_int_equal(c.verdict, VERDICT_DELIVERED);
	assert_int_equal(c.class, CLASS_NONE);
	assert_int_equal(classed(450, NULL, "no such user").verdict, VERDICT_DEFERRED);
	assert_int_equal(classed(550, NULL, "no such user").verdict, VERDICT_FAILED);
	assert_int_equal(classed(550, NULL, "mailbox full").verdict, VERDICT_FAILED);

	/* 5yz that the taxonomy repeats. */
	c = classed(550, NULL, "sending rate too high: throttled");
	assert_int_equal(c.verdict, VERDICT_DEFERRED);
	assert_int_equal(c.retry_limit, 0);
	assert_int_equal(classed(554, NULL, "blacklisted").verdict, VERDICT_DEFERRED);
	c = classed(550, NULL, "greylisted");
	assert_int_equal(c.verdict, VERDICT_DEFERRED);
	assert_int_equal(c.retry_limit, 1);
	c = classed(554, NULL, "internal server error");
	assert_int_equal(c.verdict, VERDICT_DEFERRED);
	assert_int_equal(c.retry_limit, 2);
	c = classed(550, "5.7.1", "relaying denied");
	assert_int_equal(c.verdict, VERDICT_DEFERRED);
	assert_int_equal(c.retry_limit, 1);
	c = classed(550, "5.7.26", "DMARC check failed");
	assert_int_equal(c.verdict, VERDICT_DEFERRED);
	assert_int_equal(c.retry_limit, 0);
	/* 4yz that it repeats a few times only. */
	assert_int_equal(classed(450, NULL, "this is spam").retry_limit, 2);
	assert_int_equal(classed(450, NULL, "virus found").retry_limit, 1);

	struct reply bounce = reply_of(550, NULL, STAGE_BOUNCE, "blacklisted");
	assert_int_equal(classify(classifier, &bounce, STR("")).verdict, VERDICT_FAILED);
}

/* bounces.md, "Causes": each is what some reply means, of its class, with its action. */
static void test_classify_every_cause_is_reached(void **)
{
	static const struct {
		uint16_t code;
		const char *text, *cause;
		enum bounce_class class;
		enum verdict verdict;
		bool suppress;
	} rows[] = {
		{550, "no such user", "bad-mailbox", CLASS_BAD_MAILBOX, VERDICT_FAILED, true},
		{550, "account disabled", "inactive-mailbox", CLASS_INACTIVE_MAILBOX,
		 VERDICT_FAILED, false},
		{550, "5.2.1 account disabled", "inactive-mailbox", CLASS_INACTIVE_MAILBOX,
		 VERDICT_FAILED, true},
		{551, "user has moved to x@example.com", "mailbox-moved", CLASS_BAD_MAILBOX,
		 VERDICT_FAILED, true},
		{550, "no such domain", "bad-domain", CLASS_BAD_DOMAIN, VERDICT_FAILED, true},
		{452, "mailbox full", "mailbox-full", CLASS_MAILBOX_FULL, VERDICT_DEFERRED,
		 false},
		{450, "user is receiving mail too quickly", "recipient-rate",
		 CLASS_RATE_LIMITED, VERDICT_DEFERRED, false},
		{550, "refused by this user", "recipient-refused", CLASS_RECIPIENT_REFUSED,
		 VERDICT_FAILED, false},
		{552, "message too large", "message-too-large", CLASS_MESSAGE_TOO_LARGE,
		 VERDICT_FAILED, false},
		{554, "this is spam", "content-spam", CLASS_SPAM_CONTENT, VERDICT_FAILED,
		 false},
		{554, "virus found", "content-malware", CLASS_CONTENT_REJECTED, VERDICT_FAILED,
		 false},
		{554, "the Date header is missing", "malformed", CLASS_CONTENT_REJECTED,
		 VERDICT_FAILED, false},
		{550, "SPF check failed", "auth-failed", CLASS_AUTH_FAILURE, VERDICT_DEFERRED,
		 false},
		{550, "no PTR record", "ptr-missing", CLASS_AUTH_FAILURE, VERDICT_DEFERRED,
		 false},
		{550, "sender address rejected", "bad-sender", CLASS_SENDER_REJECTED,
		 VERDICT_FAILED, false},
		{421, "slow down", "rate-limited", CLASS_RATE_LIMITED, VERDICT_DEFERRED, false},
		{421, "too many connections", "too-many-connections", CLASS_RATE_LIMITED,
		 VERDICT_DEFERRED, false},
		{554, "poor reputation", "reputation", CLASS_REPUTATION, VERDICT_DEFERRED,
		 false},
		{554, "your IP is blacklisted", "blocklisted", CLASS_REPUTATION,
		 VERDICT_DEFERRED, false},
		{450, "greylisted", "greylisted", CLASS_GREYLISTED, VERDICT_DEFERRED, false},
		{550, "refused by policy", "policy-refused", CLASS_POLICY, VERDICT_FAILED,
		 false},
		{550, "relaying denied", "relay-denied", CLASS_RELAY_DENIED, VERDICT_DEFERRED,
		 false},
		{554, "mail loops back", "routing-loop", CLASS_NETWORK, VERDICT_FAILED, false},
		{451, "DNS lookup failed", "dns-failure", CLASS_NETWORK, VERDICT_DEFERRED,
		 false},
		{451, "connection timed out", "connect-failed", CLASS_NETWORK, VERDICT_DEFERRED,
		 false},
		{454, "TLS handshake failed", "tls-failed", CLASS_NETWORK, VERDICT_DEFERRED,
		 false},
		{451, "internal server error", "system-error", CLASS_REMOTE_FAILURE,
		 VERDICT_DEFERRED, false},
		{452, "too many recipients", "too-many-recipients", CLASS_RATE_LIMITED,
		 VERDICT_DEFERRED, false},
		{503, "bad sequence of commands", "protocol-error", CLASS_PROTOCOL_ERROR,
		 VERDICT_FAILED, false},
		{530, "authentication required", "local-auth", CLASS_PROTOCOL_ERROR,
		 VERDICT_FAILED, false},
		{554, "message expired in the queue", "expired", CLASS_EXPIRED, VERDICT_FAILED,
		 false},
		{450, "glorp", "unclassified-4", CLASS_REMOTE_FAILURE, VERDICT_DEFERRED, false},
		{550, "glorp", "unclassified-5", CLASS_UNKNOWN, VERDICT_FAILED, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct classification c = classed(rows[i].code, NULL, rows[i].text);
		if (strcmp(c.cause, rows[i].cause) != 0 || c.class != rows[i].class ||
		    c.verdict != rows[i].verdict || c.suppress != rows[i].suppress)
			fail_msg("%u %s: %s of %s, %s%s (line %u)", rows[i].code, rows[i].text,
				 c.cause, bounce_class_names[c.class], verdict_names[c.verdict],
				 c.suppress ? ", suppressed" : "", c.rule);
	}
}

static void test_classify_suppresses_dead_addresses_only(void **)
{
	assert_true(classed(550, "5.1.1", "user unknown").suppress);
	assert_false(classed(450, "4.1.1", "user unknown").suppress);
	assert_true(classed(550, "5.2.1", "account disabled").suppress);
	assert_false(classed(550, NULL, "account disabled").suppress);
	assert_true(classed(556, NULL, "no mail here").suppress);
	assert_false(classed(552, "5.2.2", "mailbox full").suppress);
	assert_false(classed(550, "5.7.1", "blacklisted").suppress);
	assert_false(classed(554, NULL, "").suppress);
	for (enum bounce_class class = 0; class < CLASS_COUNT; class ++)
		assert_non_null(bounce_class_names[class]);
}

static void test_classify_local_endings_are_known(void **)
{
	static const struct {
		enum local_cause cause;
		enum bounce_class class;
		enum verdict verdict;
		bool suppress;
	} rows[] = {
		{CAUSE_DNS_TEMPORARY, CLASS_NETWORK, VERDICT_DEFERRED, false},
		{CAUSE_DNS_NO_DOMAIN, CLASS_BAD_DOMAIN, VERDICT_FAILED, false},
		{CAUSE_NULL_MX, CLASS_BAD_DOMAIN, VERDICT_FAILED, true},
		{CAUSE_CONNECT_REFUSED, CLASS_NETWORK, VERDICT_DEFERRED, false},
		{CAUSE_TIMEOUT_END, CLASS_NETWORK, VERDICT_IN_DOUBT, false},
		{CAUSE_LOST_END, CLASS_NETWORK, VERDICT_IN_DOUBT, false},
		{CAUSE_CRASHED, CLASS_NETWORK, VERDICT_IN_DOUBT, false},
		{CAUSE_EXPIRED, CLASS_EXPIRED, VERDICT_FAILED, false},
		{CAUSE_SUPPRESSED, CLASS_NONE, VERDICT_SUPPRESSED, false},
		{CAUSE_CANCELLED, CLASS_NONE, VERDICT_CANCELLED, false},
		{CAUSE_MESSAGE_TOO_LARGE, CLASS_MESSAGE_TOO_LARGE, VERDICT_FAILED, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply reply = reply_local(rows[i].cause, STAGE_RCPT);
		struct classification c = classify(classifier, &reply, STR(""));
		assert_int_equal(c.class, rows[i].class);
		assert_int_equal(c.verdict, rows[i].verdict);
		assert_int_equal(c.suppress, rows[i].suppress);
	}
	for (enum local_cause cause = CAUSE_NONE + 1; cause < CAUSE_COUNT; cause++) {
		struct reply reply = reply_local(cause, STAGE_END);
		struct classification c = classify(classifier, &reply, STR(""));
		assert_int_not_equal(c.verdict, VERDICT_NONE);
		assert_non_null(c.cause);
		/* What we made ourselves agrees with its own code. */
		if (reply.code / 100 == 4)
			assert_true(c.verdict == VERDICT_DEFERRED ||
				    c.verdict == VERDICT_IN_DOUBT);
		else
			assert_true(c.verdict != VERDICT_DEFERRED);
	}
}

static void check_wait(const char *text, usec expected)
{
	struct classification c = classed(451, NULL, text);

	if (c.wait != expected)
		fail_msg("\"%s\": %lld s", text, (long long)(c.wait / USEC_SECOND));
}

static void test_classify_hears_how_long_to_wait(void **)
{
	check_wait("try again in 300 seconds", 300 * USEC_SECOND);
	check_wait("busy, retry after 5 minutes please", 5 * USEC_MINUTE);
	check_wait("Greylisted for 60s", USEC_MINUTE);
	check_wait("greylisting in action, come back in 00:05:30", 330 * USEC_SECOND);
	check_wait("too busy; wait 2 hours", 2 * USEC_HOUR);
	check_wait("bitte in 10 Minuten nochmal", 10 * USEC_MINUTE);
	check_wait("try again in a while", 0);
	check_wait("try again in 40 days", 0);
	check_wait("try again in 90000 seconds", 0);
	check_wait("try again in 99999999999999999999 seconds", 0);
	check_wait("message held for 3 hours by policy", 0);
}

static void check_line(const char *line, enum bounce_class class, enum verdict verdict)
{
	struct classification c = classify_line(classifier, str_of(line));

	if (c.class != class || c.verdict != verdict)
		fail_msg("\"%s\": %s, %s", line, bounce_class_names[c.class],
			 verdict_names[c.verdict]);
}

static void test_classify_line_takes_what_there_is(void **)
{
	check_line("550\t5.1.1\tuser unknown", CLASS_BAD_MAILBOX, VERDICT_FAILED);
	check_line("550\t\tuser unknown", CLASS_BAD_MAILBOX, VERDICT_FAILED);
	check_line("\t\tuser unknown", CLASS_BAD_MAILBOX, VERDICT_FAILED);
	check_line("\t\t450 4.2.2 later", CLASS_MAILBOX_FULL, VERDICT_DEFERRED);
	check_line("\t\thost mx.example.com said: 452-4.2.2 later", CLASS_MAILBOX_FULL,
		   VERDICT_DEFERRED);
	check_line("\t\tnot now (#4.2.2)", CLASS_MAILBOX_FULL, VERDICT_DEFERRED);
	check_line("\t\t250 2.0.0 queued", CLASS_NONE, VERDICT_DELIVERED);
	check_line("250\t2.0.0\tqueued", CLASS_NONE, VERDICT_DELIVERED);
	check_line("\t5.2.2\t", CLASS_MAILBOX_FULL, VERDICT_FAILED);
	check_line("", CLASS_UNKNOWN, VERDICT_FAILED);
	check_line("550", CLASS_UNKNOWN, VERDICT_FAILED);
	check_line("\t\t\t\t", CLASS_UNKNOWN, VERDICT_FAILED);
	check_line("99999\tx.y.z\tgreylisted", CLASS_GREYLISTED, VERDICT_DEFERRED);
	check_line("\t\tmailbox full", CLASS_MAILBOX_FULL, VERDICT_DEFERRED);
}

static void test_classify_long_and_odd_texts_are_bounded(void **)
{
	static char text[20000];

	for (size_t size = 0; size < sizeof(text); size += 997) {
		memset(text, 'a', size);
		struct reply reply = {.code = 550, .text = str_make(text, size)};
		(void)classify(classifier, &reply, STR(""));
		for (size_t i = 0; i < size; i += 2)
			text[i] = ' ';
		(void)classify(classifier, &reply, STR(""));
		memset(text, 0xC3, size);
		(void)classify(classifier, &reply, STR(""));
	}
	/* What is said first counts, however much follows. */
	memset(text, 'x', sizeof(text));
	memcpy(text, "user unknown ", 13);
	struct reply reply = {.code = 550, .text = str_make(text, sizeof(text))};
	assert_int_equal(classify(classifier, &reply, STR("")).class, CLASS_BAD_MAILBOX);
}

static void test_classifier_end_of_memory_is_an_answer(void **)
{
	for (size_t limit = 1000; limit < 16 * 1024 * 1024; limit = limit * 3 / 2 + 1) {
		struct arena arena;
		arena_init(&arena, &block_source, 0, limit);
		(void)classifier_create(&arena);
		arena_done(&arena);
	}
	struct arena arena;
	arena_init(&arena, &block_source, 0, 16 * 1024 * 1024);
	assert_non_null(classifier_create(&arena));
	print_message("classifier: %zu KiB\n", arena.taken_size / 1024);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classify_speaks_several_languages),
		cmocka_unit_test(test_classify_masks_what_varies),
		cmocka_unit_test(test_classify_words_beat_a_careless_code),
		cmocka_unit_test(test_classify_stage_guard),
		cmocka_unit_test(test_classify_provider_rule),
		cmocka_unit_test(test_classify_verdict_follows_digit_and_class),
		cmocka_unit_test(test_classify_every_cause_is_reached),
		cmocka_unit_test(test_classify_suppresses_dead_addresses_only),
		cmocka_unit_test(test_classify_local_endings_are_known),
		cmocka_unit_test(test_classify_hears_how_long_to_wait),
		cmocka_unit_test(test_classify_line_takes_what_there_is),
		cmocka_unit_test(test_classify_long_and_odd_texts_are_bounded),
		cmocka_unit_test(test_classifier_end_of_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, classifier_setup, classifier_teardown);
}
