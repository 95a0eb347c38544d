/* test_send_beats.c - who does not turn is named, and nobody is when the watcher was away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/send/beats.h"

#define START (1000 * USEC_SECOND)

/* Looks every 100 ms for so long, while all but one of them turn; the last answer. */
static const char *watch(struct beats *beats, struct beat *hangs, usec from, usec length)
{
	const char *stuck = NULL;
	for (usec at = from; at <= from + length; at += 100 * USEC_MS) {
		for (size_t i = 0; i < beats->count; i++)
			if (&beats->of[i] != hangs)
				beat_turn(&beats->of[i]);
		stuck = beats_look(beats, at);
	}
	return stuck;
}

static void test_beats_name_who_does_not_turn(void **)
{
	struct beats beats = {};
	struct beat *carrier = beats_add(&beats, "carrier", 2 * USEC_SECOND);
	struct beat *ledger = beats_add(&beats, "ledger", 20 * USEC_SECOND);
	assert_null(watch(&beats, NULL, START, 60 * USEC_SECOND));
	usec at = START + 60 * USEC_SECOND;
	assert_null(watch(&beats, carrier, at, 2 * USEC_SECOND - 200 * USEC_MS));
	assert_string_equal(watch(&beats, carrier, at + 2 * USEC_SECOND, USEC_SECOND),
			    "carrier");
	at += 10 * USEC_SECOND;
	assert_null(watch(&beats, NULL, at, USEC_SECOND)); /* it turns again */
	assert_null(watch(&beats, ledger, at + 2 * USEC_SECOND, 19 * USEC_SECOND));
	assert_string_equal(watch(&beats, ledger, at + 21 * USEC_SECOND, 3 * USEC_SECOND),
			    "ledger");
}

/* The process was stopped for an hour: its workers did not turn, and could not. */
static void test_beats_blame_nobody_for_a_stopped_process(void **)
{
	struct beats beats = {};
	struct beat *carrier = beats_add(&beats, "carrier", 2 * USEC_SECOND);
	assert_null(watch(&beats, NULL, START, USEC_SECOND));
	assert_null(beats_look(&beats, START + USEC_HOUR));
	beat_turn(carrier);
	assert_null(beats_look(&beats, START + USEC_HOUR + 100 * USEC_MS));
	assert_string_equal(watch(&beats, carrier, START + USEC_HOUR + 200 * USEC_MS,
				  3 * USEC_SECOND),
			    "carrier");
}

static void test_beats_count_past_their_end(void **)
{
	struct beats beats = {};
	struct beat *press = beats_add(&beats, "press", USEC_SECOND);
	atomic_store(&press->turns, UINT32_MAX);
	assert_null(watch(&beats, NULL, START, 5 * USEC_SECOND));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beats_name_who_does_not_turn),
		cmocka_unit_test(test_beats_blame_nobody_for_a_stopped_process),
		cmocka_unit_test(test_beats_count_past_their_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
