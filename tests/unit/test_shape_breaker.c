/* test_shape_breaker.c - at which figures a campaign pauses, and when its sample is enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/shape/breaker.h"

static struct breaker_judgement judged(const struct breaker_counts *counts)
{
	return breaker_judge(&breaker_rules_default, counts);
}

static void test_breaker_leaves_a_sane_campaign_alone(void **)
{
	struct breaker_provider providers[] = {
		{.name = STR("gmail"), .answered = 5000, .blocked = 20},
		{.name = STR("yahoo"),
		 .answered = 2000,
		 .blocked = 60}, /* 3 % is not more than 3 % */
	};
	struct breaker_counts n = {.attempted = 10000,
				   .delivered = 9400,
				   .hard = 500,
				   .complaints = 9,
				   .providers = providers,
				   .provider_count = 2};
	struct breaker_judgement j = judged(&n);

	assert_int_equal(j.verdict, BREAKER_CONTINUE);
	assert_int_equal(j.cause, BREAKER_NONE);
	assert_string_equal(j.why, "");
}

static void test_breaker_pauses_on_dead_addresses(void **)
{
	struct breaker_counts n = {.attempted = 2000, .delivered = 1800, .hard = 124};
	struct breaker_judgement j = judged(&n);

	assert_int_equal(j.verdict, BREAKER_PAUSE);
	assert_int_equal(j.cause, BREAKER_HARD);
	assert_string_equal(j.why,
			    "6.2 % of the addresses are dead (124 of 2000 attempted; the limit "
			    "is 5 %): the list is old, or not one's own");
}

static void test_breaker_names_the_provider_that_blocks_most(void **)
{
	struct breaker_provider providers[] = {
		{.name = STR("gmail"), .answered = 5000, .blocked = 20},
		{.name = STR("microsoft"), .answered = 1000, .blocked = 40},
		{.name = STR("yahoo"), .answered = 300, .blocked = 30},
		{.name = STR("tiny"), .answered = 100, .blocked = 100},
	};
	struct breaker_counts n = {.attempted = 6000,
				   .delivered = 5800,
				   .hard = 400, /* pauses, too: the block is the graver */
				   .providers = providers,
				   .provider_count = 4};
	struct breaker_judgement j = judged(&n);

	assert_int_equal(j.verdict, BREAKER_PAUSE);
	assert_int_equal(j.cause, BREAKER_BLOCKS);
	assert_int_equal(j.provider, 2);
	assert_non_null(strstr(j.why, "yahoo refused 10 % as unwanted (30 of 300 answers; the "
				      "limit is 3 %)"));
}

static void test_breaker_alarms_and_pauses_on_complaints(void **)
{
	struct breaker_counts n = {.attempted = 10000, .delivered = 9900, .complaints = 15};
	struct breaker_judgement j = judged(&n);

	assert_int_equal(j.verdict, BREAKER_ALARM);
	assert_int_equal(j.cause, BREAKER_COMPLAINTS);
	assert_non_null(strstr(j.why, "0.152 %"));
	assert_non_null(strstr(j.why, "the limit is 0.1 %"));

	n.complaints = 31;
	j = judged(&n);
	assert_int_equal(j.verdict, BREAKER_PAUSE);
	assert_non_null(strstr(j.why, "31 of 9900; the limit is 0.3 %"));

	/* An alarm does not hide what pauses. */
	n.complaints = 15;
	n.hard = 600;
	j = judged(&n);
	assert_int_equal(j.verdict, BREAKER_PAUSE);
	assert_int_equal(j.cause, BREAKER_HARD);
}

static void test_breaker_is_not_tripped_by_small_numbers(void **)
{
	struct breaker_provider provider = {
		.name = STR("gmail"), .answered = 199, .blocked = 199};
	struct breaker_counts n = {.attempted = 199,
				   .delivered = 999,
				   .hard = 199,
				   .complaints = 999,
				   .providers = &provider,
				   .provider_count = 1};
	assert_int_equal(judged(&n).verdict, BREAKER_CONTINUE);

	/* Enough to judge, but too few events to mean anything. */
	provider =
		(struct breaker_provider){.name = STR("gmail"), .answered = 200, .blocked = 4};
	n = (struct breaker_counts){.attempted = 200,
				    .delivered = 1000,
				    .hard = 4,
				    .complaints = 4,
				    .providers = &provider,
				    .provider_count = 1};
	struct breaker_rules rules = breaker_rules_default;
	rules.hard_share = rules.block_share = rules.complaint_share = 0.0;
	assert_int_equal(breaker_judge(&rules, &n).verdict, BREAKER_CONTINUE);
	n.hard = 5;
	assert_int_equal(breaker_judge(&rules, &n).cause, BREAKER_HARD);

	struct breaker_counts nothing = {};
	assert_int_equal(judged(&nothing).verdict, BREAKER_CONTINUE);
}

static void test_breaker_thresholds_are_the_callers(void **)
{
	struct breaker_rules rules = breaker_rules_default;
	struct breaker_counts n = {.attempted = 1000, .delivered = 900, .hard = 100};

	rules.hard_share = 0.1;
	assert_int_equal(breaker_judge(&rules, &n).verdict, BREAKER_CONTINUE);
	rules.hard_share = 0.09;
	assert_int_equal(breaker_judge(&rules, &n).verdict, BREAKER_PAUSE);
}

static void test_breaker_knows_a_block_from_a_nuisance(void **)
{
	assert_true(breaker_is_block(CLASS_REPUTATION, 421));
	assert_true(breaker_is_block(CLASS_REPUTATION, 550));
	assert_true(breaker_is_block(CLASS_POLICY, 550));
	assert_false(breaker_is_block(CLASS_POLICY, 450));
	assert_true(breaker_is_block(CLASS_SPAM_CONTENT, 554));
	assert_false(breaker_is_block(CLASS_RATE_LIMITED, 421));
	assert_false(breaker_is_block(CLASS_REPUTATION, 0));
	assert_true(breaker_is_hard(CLASS_BAD_DOMAIN));
	assert_false(breaker_is_hard(CLASS_MAILBOX_FULL));
	assert_false(breaker_is_hard(CLASS_RECIPIENT_REFUSED));
}

static void test_breaker_cuts_names_that_are_too_long(void **)
{
	char name[4000];
	memset(name, 'x', sizeof(name));
	struct breaker_provider provider = {.name = str_make(name, sizeof(name)),
					    .answered = UINT64_MAX,
					    .blocked = UINT64_MAX};
	struct breaker_counts n = {.providers = &provider, .provider_count = 1};
	struct breaker_judgement j = judged(&n);

	assert_int_equal(j.cause, BREAKER_BLOCKS);
	assert_true(strlen(j.why) < BREAKER_WHY_SIZE);
	assert_non_null(strstr(j.why, "18446744073709551615 answers; the limit is 3 %"));
}

static void test_ramp_sample_is_the_larger_of_share_and_count(void **)
{
	const struct ramp_rules *r = &ramp_rules_default;

	assert_int_equal(ramp_sample(r, 10000000), 100000);
	assert_int_equal(ramp_sample(r, 50000), 1000);
	assert_int_equal(ramp_sample(r, 300), 300);
	assert_int_equal(ramp_sample(r, 0), 0);
	struct ramp_rules none = ramp_rules_default;
	none.share = 0.0;
	none.count_min = 0;
	assert_int_equal(ramp_sample(&none, 10000000), 0);
}

static void test_ramp_goes_when_the_sample_is_in(void **)
{
	struct breaker_judgement sane = {};
	struct ramp_state s = {.sample = 1000, .settled = 899, .started_at = USEC_SECOND};
	struct ramp_judgement j = ramp_judge(&ramp_rules_default, &s, &sane, USEC_MINUTE);

	assert_int_equal(j.verdict, RAMP_WAIT);
	assert_string_equal(j.why,
			    "the sample goes first: 899 of its 1000 have an outcome, the "
			    "others follow at 90 %");
	s.settled = 900;
	j = ramp_judge(&ramp_rules_default, &s, &sane, USEC_MINUTE);
	assert_int_equal(j.verdict, RAMP_GO);
	assert_string_equal(j.why, "");

	struct ramp_state no_sample = {};
	j = ramp_judge(&ramp_rules_default, &no_sample, &sane, 0);
	assert_int_equal(j.verdict, RAMP_GO);
}

static void test_ramp_does_not_wait_for_ever_but_wants_enough(void **)
{
	struct breaker_judgement sane = {};
	usec late = USEC_SECOND + ramp_rules_default.patience;
	struct ramp_state s = {.sample = 1000, .settled = 500, .started_at = USEC_SECOND};

	assert_int_equal(ramp_judge(&ramp_rules_default, &s, &sane, late - 1).verdict,
			 RAMP_WAIT);
	assert_int_equal(ramp_judge(&ramp_rules_default, &s, &sane, late).verdict, RAMP_GO);
	s.settled = 499;
	struct ramp_judgement j = ramp_judge(&ramp_rules_default, &s, &sane, late);
	assert_int_equal(j.verdict, RAMP_STUCK);
	assert_non_null(strstr(j.why, "the others follow at 50 %; this takes long"));
}

static void test_ramp_pauses_on_what_the_breaker_found(void **)
{
	struct breaker_counts n = {.attempted = 1000, .delivered = 800, .hard = 200};
	struct breaker_judgement bad = judged(&n);
	struct ramp_state s = {.sample = 1000, .settled = 1000};
	struct ramp_judgement j = ramp_judge(&ramp_rules_default, &s, &bad, 0);

	assert_int_equal(j.verdict, RAMP_PAUSE);
	assert_string_equal(j.why, bad.why);
	bad.verdict = BREAKER_ALARM;
	assert_int_equal(ramp_judge(&ramp_rules_default, &s, &bad, 0).verdict, RAMP_GO);
}

static void test_breaker_pauses_for_the_sender_and_the_message(void **)
{
	struct breaker_provider providers[] = {
		{.name = STR("gmail"), .answered = 1000, .auth_failed = 40},
		{.name = STR("yahoo"), .answered = 1000, .content_rejected = 900},
	};
	struct breaker_counts n = {.attempted = 2000,
				   .delivered = 1000,
				   .providers = providers,
				   .provider_count = 2};
	struct breaker_judgement j = judged(&n);

	assert_int_equal(j.verdict, BREAKER_PAUSE);
	assert_int_equal(j.cause, BREAKER_SENDER);
	assert_int_equal(j.provider, 0);
	assert_string_equal(
		j.why, "gmail refused 4 % because SPF, DKIM or DMARC fail (40 of 1000 "
		       "answers; the limit is 3 %): correct the sender domain's records or "
		       "key");
	providers[0].auth_failed = 30;
	providers[0].sender_rejected = 31;
	assert_non_null(strstr(judged(&n).why, "gmail refused 3.1 % for its sender address"));
	providers[0].sender_rejected = 0;
	j = judged(&n);
	assert_int_equal(j.cause, BREAKER_MESSAGE);
	assert_non_null(strstr(j.why, "yahoo refused 90 % as malware or forbidden content"));
	providers[1].answered = 199;
	assert_int_equal(judged(&n).verdict, BREAKER_CONTINUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_breaker_leaves_a_sane_campaign_alone),
		cmocka_unit_test(test_breaker_pauses_on_dead_addresses),
		cmocka_unit_test(test_breaker_pauses_for_the_sender_and_the_message),
		cmocka_unit_test(test_breaker_names_the_provider_that_blocks_most),
		cmocka_unit_test(test_breaker_alarms_and_pauses_on_complaints),
		cmocka_unit_test(test_breaker_is_not_tripped_by_small_numbers),
		cmocka_unit_test(test_breaker_thresholds_are_the_callers),
		cmocka_unit_test(test_breaker_knows_a_block_from_a_nuisance),
		cmocka_unit_test(test_breaker_cuts_names_that_are_too_long),
		cmocka_unit_test(test_ramp_sample_is_the_larger_of_share_and_count),
		cmocka_unit_test(test_ramp_goes_when_the_sample_is_in),
		cmocka_unit_test(test_ramp_does_not_wait_for_ever_but_wants_enough),
		cmocka_unit_test(test_ramp_pauses_on_what_the_breaker_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
