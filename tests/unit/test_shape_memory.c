/* What a path has learned survives a restart, ages, and never lets more pass than its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/prng.h"
#include "engine/shape/path_memory.h"

static const usec start_at = 1000 * USEC_SECOND;
static char text[PATH_MEMORY_SIZE];

static struct path_limits limits_of(const char *rate)
{
	struct path_limits limits = {.connections = 20, .idle_close = USEC_SECOND};
	assert_true(rate_parse(str_of(rate), &limits.message_rate));
	return limits;
}

static struct path path_of(const char *rate, usec now)
{
	const struct path_limits limits = limits_of(rate);
	struct path p;
	path_init(&p, &limits, now);
	return p;
}

static void keep(const struct path *p, bool ended, usec now)
{
	struct buf out;
	buf_init_fixed(&out, text, sizeof(text) - 1);
	path_keep(p, ended, now, &out);
	assert_true(buf_ok(&out));
	text[out.size] = 0;
}

static struct path again(const char *rate, usec age, usec now)
{
	struct path p = path_of(rate, now);
	assert_true(path_remember(&p, str_of(text), age, now, now));
	return p;
}

static void reply(struct path *p, enum bounce_class class, usec now)
{
	const struct classification c = {.class = class, .cause = "test"};
	const struct path_event event = {
		.kind = PATH_REPLY, .classification = &c, .origin = REPLY_REMOTE};
	path_record(p, &event, now);
}

static void test_a_suspension_goes_on(void **)
{
	struct path p = path_of("1000/s", start_at);
	for (int i = 0; i < 3 * PATH_RUN_LIMIT; i++)
		reply(&p, CLASS_REPUTATION, start_at + i);
	usec left = p.suspended_until - start_at;
	assert_true(p.is_blocked && left > 30 * USEC_MINUTE);
	keep(&p, false, start_at);
	usec later = 5 * start_at;
	struct path q = again("1000/s", 10 * USEC_MINUTE, later);
	assert_true(q.suspended && q.is_blocked);
	assert_true(q.suspended_until == later + left - 10 * USEC_MINUTE);
	const struct path_demand demand = {.waiting = 10, .slots = 10, .open = 1};
	assert_int_equal(path_verdict(&q, &demand, later + left / 2).start, 0);
	/* Then one asks. */
	assert_int_equal(path_verdict(&q, &demand, q.suspended_until).start, 1);
	/* One that has passed is nothing. */
	q = again("1000/s", left + USEC_MINUTE, later);
	assert_false(q.suspended || q.is_blocked);
	assert_true(path_verdict(&q, &demand, later + USEC_SECOND).start > 1);
}

/* A server that takes ten a second. */
static void learn_ten(struct path *p, usec *now)
{
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 600; i++, *now += 100 * USEC_MS)
			reply(p, CLASS_NONE, *now);
		reply(p, CLASS_RATE_LIMITED, *now);
	}
}

static void test_a_learned_pace_stays_and_fades(void **)
{
	usec now = start_at;
	struct path p = path_of("1000/s", now);
	learn_ten(&p, &now);
	uint32_t learned = p.pace.per_hour;
	assert_true(learned > 20000 && learned < 40000);
	keep(&p, false, now);
	struct path q = again("1000/s", USEC_HOUR, now);
	assert_in_range(q.pace.per_hour, learned - 40, learned + 40);
	assert_int_equal(q.pace.ceiling, p.pace.ceiling);
	assert_int_equal(q.messages.rate.count, q.pace.per_hour);
	uint32_t start = path_of("1000/s", now).pace.per_hour;
	struct path old = again("1000/s", 5 * USEC_DAY, now);
	assert_true(old.pace.per_hour > learned && old.pace.per_hour < start);
	struct path older = again("1000/s", 12 * USEC_DAY, now);
	assert_true(older.pace.per_hour > old.pace.per_hour && older.pace.per_hour < start);
	struct path gone = again("1000/s", 40 * USEC_DAY, now);
	assert_int_equal(gone.pace.per_hour, start);
	assert_int_equal(gone.pace.ceiling, 0);
	/* A limit that is lower now holds. */
	struct path lower = again("1/s", USEC_HOUR, now);
	assert_int_equal(lower.pace.per_hour, 0);
	assert_int_equal(lower.messages.rate.count, 1);
}

static void test_what_is_new_is_not_worth_keeping(void **)
{
	struct path p = path_of("1000/s", start_at);
	assert_int_equal(path_learned(&p, start_at), 0);
	reply(&p, CLASS_NONE, start_at);
	assert_int_equal(path_learned(&p, start_at), 0);
	usec now = start_at;
	learn_ten(&p, &now);
	uint64_t mark = path_learned(&p, now);
	assert_true(mark != 0 && path_learned(&p, now + USEC_SECOND) == mark);
	for (int i = 0; i < PATH_RUN_LIMIT; i++)
		reply(&p, CLASS_NETWORK, now);
	assert_true(path_learned(&p, now) != mark);
}

static void test_a_text_that_is_none_changes_nothing(void **)
{
	static const char *const wrong[] = {"", "1", "2 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
					    "1 a", "1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct path p = path_of("100/s", start_at), q = p;
		assert_false(path_remember(&p, str_of(wrong[i]), 0, start_at, start_at));
		assert_memory_equal(&p, &q, sizeof(p));
	}
}

static void test_any_numbers_leave_a_sound_path(void **)
{
	struct prng prng;
	prng_init(&prng, 1);
	for (int i = 0; i < 20000; i++) {
		struct buf out;
		buf_init_fixed(&out, text, sizeof(text) - 1);
		buf_put_cstr(&out, "1");
		for (int k = 1; k < 19; k++)
			buf_printf(&out, " %lld",
				   (long long)(prng_u64(&prng) >> (1 + prng_below(&prng, 62))) *
					   (prng_below(&prng, 4) ? 1 : -1));
		text[out.size] = 0;
		struct path p = path_of(i % 2 ? "100/s,burst=30" : "20/h,burst=5", start_at);
		usec age = (usec)(prng_u64(&prng) >> (1 + prng_below(&prng, 62)));
		(void)!path_remember(&p, str_of(text), age, start_at, start_at);
		assert_true(p.crowd.cap >= 1 && p.crowd.cap <= p.crowd.limit);
		const struct path_demand demand = {.waiting = 100, .slots = 100, .open = 1};
		assert_true(path_verdict(&p, &demand, start_at).start <= 30);
		reply(&p, CLASS_NONE, start_at);
		reply(&p, CLASS_RATE_LIMITED, start_at + 1);
	}
}

/* Over ends of both kinds, and pauses: never more in any window than the limit has. */
static void play(const char *rate, uint64_t seed)
{
	struct prng prng;
	usec now = start_at, end = now + 100 * USEC_HOUR, written = now, level_at = now;
	struct path p = path_of(rate, now);
	const struct rate limit = p.limits.message_rate;
	double level = limit.burst;
	const struct path_demand demand = {.waiting = 100, .slots = 100, .open = 1};
	prng_init(&prng, seed);
	keep(&p, false, now);
	while (now < end) {
		uint32_t start = path_verdict(&p, &demand, now).start;
		level += (double)(now - level_at) * limit.count / (double)limit.per;
		level = level < limit.burst ? level : limit.burst;
		level_at = now;
		for (uint32_t i = 0; i < start; i++) {
			const struct path_event event = {.kind = PATH_STARTED};
			path_record(&p, &event, now);
			assert_true(--level > -0.01);
		}
		now += (usec)prng_below(&prng, 120) * USEC_SECOND;
		if (prng_below(&prng, 20) > 0)
			continue;
		bool ended = prng_below(&prng, 2) == 0;
		if (ended) {
			keep(&p, true, now);
			written = now;
		}
		now += (usec)prng_below(&prng, 3) * USEC_HOUR;
		p = path_of(rate, now);
		assert_true(path_remember(&p, str_of(text), now - written, now, now));
		keep(&p, false, now); /* it is in use */
		written = now;
	}
}

static void test_a_day_does_not_begin_anew(void **)
{
	static const char *const rates[] = {"100/d", "20/h,burst=20", "1000/d,burst=300", "60/h"};
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		for (uint64_t seed = 1; seed <= 10; seed++)
			play(rates[i], seed);
	struct path slow = path_of("1000/d", start_at), quick = path_of("100/s", start_at);
	assert_true(path_is_slow(&slow));
	assert_false(path_is_slow(&quick));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_suspension_goes_on),
		cmocka_unit_test(test_a_learned_pace_stays_and_fades),
		cmocka_unit_test(test_what_is_new_is_not_worth_keeping),
		cmocka_unit_test(test_a_text_that_is_none_changes_nothing),
		cmocka_unit_test(test_any_numbers_leave_a_sound_path),
		cmocka_unit_test(test_a_day_does_not_begin_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
