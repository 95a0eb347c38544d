/* test_shape_incident.c - when a provider is taken for not knowing its own users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "engine/shape/incident.h"

static const usec t0 = 5 * USEC_DAY;

static struct incident detector(double usual)
{
	struct incident i;
	incident_init(&i, &incident_rules_default, usual);
	return i;
}

/* count answers, bad of them, spread over the time from at on. */
static usec answers(struct incident *i, uint32_t count, uint32_t bad, usec at, usec length)
{
	for (uint32_t n = 0; n < count; n++)
		incident_record(i, (uint64_t)n * bad / count != (uint64_t)(n + 1) * bad / count,
				at + length * n / count);
	return at + length;
}

static void test_incident_needs_two_hundred_answers(void **)
{
	struct incident i = detector(0.0);
	usec now = answers(&i, 199, 199, t0, USEC_MINUTE);
	assert_false(incident_judge(&i, now).found);
	incident_record(&i, true, now);
	struct incident_finding f = incident_judge(&i, now);
	assert_true(f.found);
	assert_int_equal(f.counted, 200);
	assert_int_equal(f.bad, 200);
	assert_true(f.from <= t0 && f.from > t0 - USEC_MINUTE);
}

static void test_incident_limit_is_the_larger_of_share_and_usual(void **)
{
	struct incident i = detector(0.005); /* 4 x 0.5 % is less than 5 % */
	usec now = answers(&i, 1000, 50, t0, USEC_MINUTE);
	assert_false(incident_judge(&i, now).found); /* 5 % is not more than 5 % */
	incident_record(&i, true, now);
	assert_true(incident_judge(&i, now).found);

	i = detector(0.03); /* an old list: 12 % are needed */
	now = answers(&i, 1000, 120, t0, USEC_MINUTE);
	assert_false(incident_judge(&i, now).found);
	incident_record(&i, true, now);
	assert_true(incident_judge(&i, now).found);
	assert_true(incident_judge(&i, now).limit > 0.1199 &&
		    incident_judge(&i, now).limit < 0.1201);
}

static void test_incident_window_slides(void **)
{
	struct incident i = detector(0.0);
	usec end = answers(&i, 300, 300, t0, USEC_MINUTE);
	assert_true(incident_judge(&i, end).found);
	assert_true(incident_judge(&i, end + 8 * USEC_MINUTE).found);
	struct incident_finding f = incident_judge(&i, end + 10 * USEC_MINUTE);
	assert_false(f.found);
	assert_int_equal(f.counted, 0);
	/* The ring comes round: what is written over is forgotten, not added to. */
	end = answers(&i, 300, 0, t0 + 10 * USEC_MINUTE, 2 * USEC_MINUTE);
	f = incident_judge(&i, end);
	assert_int_equal(f.counted, 300);
	assert_int_equal(f.bad, 0);
}

static void test_incident_forgets_when_it_was_looked_at(void **)
{
	struct incident i = detector(0.0);
	usec end = answers(&i, 300, 300, t0, USEC_MINUTE);
	incident_clear(&i);
	assert_false(incident_judge(&i, end).found);
	assert_int_equal(incident_judge(&i, end).counted, 0);
}

/* A day at 200 answers a minute of which 0.8 % are bad; then every third is. */
static void test_incident_story_of_december_2020(void **)
{
	struct incident i = detector(0.008);
	struct prng prng;
	usec now = t0;
	prng_init(&prng, 20201214);
	for (uint32_t n = 0; n < 24 * 60 * 200; n++, now += 300 * USEC_MS) {
		incident_record(&i, prng_below(&prng, 1000) < 8, now);
		assert_false(incident_judge(&i, now).found);
	}
	usec began = now;
	uint32_t failed = 0;
	while (!incident_judge(&i, now).found) {
		now += 300 * USEC_MS;
		bool bad = prng_below(&prng, 3) == 0;
		incident_record(&i, bad, now);
		failed += bad;
		assert_true(now - began < 3 * USEC_MINUTE);
	}
	/* Found within a fifth of the window, and everything that failed lies in it. */
	struct incident_finding f = incident_judge(&i, now);
	assert_true(f.from <= began);
	assert_true(f.bad >= failed);
	assert_true(failed < 130);
	char sentence[256];
	incident_say(&f, "gmail", sentence, sizeof(sentence));
	assert_non_null(strstr(sentence, "gmail says of 5.0"));
	assert_non_null(strstr(sentence, "usually 0.8 %"));
}

/* 15 answers a minute: the quick window never holds enough to judge. */
static void test_incident_is_found_where_mail_goes_slowly(void **)
{
	struct incident quick = detector(0.0), slow;
	incident_init(&slow, &incident_rules_slow, 0.0);
	usec now = t0, began = 0;
	for (uint32_t n = 0; n < 2000; n++, now += 4 * USEC_SECOND) {
		bool bad = n >= 1000 && n % 3 == 0;
		began = bad && !began ? now : began;
		incident_record(&quick, bad, now);
		incident_record(&slow, bad, now);
		assert_false(incident_judge(&quick, now).found);
		struct incident_finding f = incident_judge(&slow, now);
		if (!f.found)
			continue;
		assert_true(f.from <= began && now - began < 30 * USEC_MINUTE);
		return;
	}
	fail();
}

static void test_incident_leaves_a_usual_day_alone(void **)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct incident i = detector(0.02);
		struct prng prng;
		prng_init(&prng, seed);
		for (uint32_t n = 0; n < 3000; n++) {
			incident_record(&i, prng_below(&prng, 1000) < 25, t0 + n * USEC_SECOND);
			if (n % 50 == 0)
				assert_false(incident_judge(&i, t0 + n * USEC_SECOND).found);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_incident_needs_two_hundred_answers),
		cmocka_unit_test(test_incident_limit_is_the_larger_of_share_and_usual),
		cmocka_unit_test(test_incident_window_slides),
		cmocka_unit_test(test_incident_forgets_when_it_was_looked_at),
		cmocka_unit_test(test_incident_story_of_december_2020),
		cmocka_unit_test(test_incident_is_found_where_mail_goes_slowly),
		cmocka_unit_test(test_incident_leaves_a_usual_day_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
