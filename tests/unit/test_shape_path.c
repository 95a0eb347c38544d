/* test_shape_path.c - what a path grants, and what it learns from replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/base/prng.h"
#include "engine/shape/path.h"

static const usec t0 = 1000 * USEC_SECOND;

static struct path path_of(uint32_t connections, const char *message_rate,
			   const char *connection_rate)
{
	struct path_limits limits = {.connections = connections};
	struct path p;

	assert_true(rate_parse(str_of(message_rate), &limits.message_rate));
	assert_true(rate_parse(str_of(connection_rate), &limits.connection_rate));
	path_init(&p, &limits, t0);
	return p;
}

static void record(struct path *p, enum path_event_kind kind, usec now)
{
	struct path_event event = {.kind = kind};

	path_record(p, &event, now);
}

static void record_class(struct path *p, enum bounce_class class, usec now)
{
	struct classification c = {.class = class, .cause = bounce_class_names[class]};
	struct path_event event = {.kind = PATH_REPLY, .classification = &c};

	path_record(p, &event, now);
}

/* Deliveries, one every so often; returns when the last one was. */
static usec deliver(struct path *p, int count, usec every, usec now)
{
	for (int i = 0; i < count; i++)
		record_class(p, CLASS_NONE, now += every);
	return now;
}

static void test_path_grants_slots_and_connections(void **)
{
	struct path p = path_of(4, "unlimited", "unlimited");
	struct path_demand none = {.slots = 3, .open = 3};
	struct path_grant g = path_verdict(&p, &none, t0);
	assert_int_equal(g.start, 0);
	assert_int_equal(g.open, 0);
	assert_true(g.wake_at == USEC_NEVER);
	assert_string_equal(g.why, "");

	struct path_demand first = {.waiting = 100};
	g = path_verdict(&p, &first, t0);
	assert_int_equal(g.start, 0);
	assert_int_equal(g.open, 4);
	assert_string_equal(g.why, "connections");

	struct path_demand busy = {.waiting = 100, .slots = 2, .open = 3, .opening = 1};
	g = path_verdict(&p, &busy, t0);
	assert_int_equal(g.start, 2);
	assert_int_equal(g.open, 0);

	struct path_demand last = {.waiting = 2, .slots = 1, .open = 1};
	g = path_verdict(&p, &last, t0);
	assert_int_equal(g.start, 1);
	assert_int_equal(g.open, 1);
	assert_string_equal(g.why, "");

	struct path_demand coming = {.waiting = 1, .opening = 1};
	g = path_verdict(&p, &coming, t0);
	assert_int_equal(g.open, 0);
}

static void test_path_rate_limits_starts_and_needless_connections(void **)
{
	struct path p = path_of(10, "60/min,burst=2", "unlimited");
	p.pace.per_hour = 0; /* as after a clean start */
	p.messages.rate = p.limits.message_rate;
	struct path_demand d = {.waiting = 50};
	struct path_grant g = path_verdict(&p, &d, t0);
	assert_int_equal(g.open, 2); /* more would only idle */

	d = (struct path_demand){.waiting = 50, .slots = 4, .open = 4};
	g = path_verdict(&p, &d, t0);
	assert_int_equal(g.start, 2);
	assert_int_equal(g.open, 0);
	record(&p, PATH_STARTED, t0);
	record(&p, PATH_STARTED, t0);
	g = path_verdict(&p, &d, t0);
	assert_int_equal(g.start, 0);
	assert_string_equal(g.why, "rate");
	assert_true(g.wake_at == t0 + USEC_SECOND);
	assert_int_equal(path_verdict(&p, &d, g.wake_at).start, 1);
}

static void test_path_connection_rate_wakes_later(void **)
{
	struct path p = path_of(10, "unlimited", "6/min");
	struct path_demand d = {.waiting = 50};

	assert_int_equal(path_verdict(&p, &d, t0).open, 1);
	record(&p, PATH_OPENING, t0);
	d.opening = 1;
	struct path_grant g = path_verdict(&p, &d, t0);
	assert_int_equal(g.open, 0);
	assert_string_equal(g.why, "connection rate");
	assert_true(g.wake_at == t0 + 10 * USEC_SECOND);
}

static void test_path_recipient_errors_never_count(void **)
{
	static const enum bounce_class classes[] = {
		CLASS_BAD_MAILBOX, CLASS_MAILBOX_FULL, CLASS_POLICY,       CLASS_SPAM_CONTENT,
		CLASS_GREYLISTED,  CLASS_UNKNOWN,      CLASS_AUTH_FAILURE,
	};
	struct path p = path_of(10, "100/s", "unlimited");
	struct path before = p;

	for (int i = 0; i < 700; i++)
		record_class(&p, classes[i % 7], t0 + i);
	assert_memory_equal(&p, &before, sizeof(p));
	for (int i = 0; i < 100; i++) {
		struct classification c = {.class = CLASS_RATE_LIMITED,
					   .cause = "recipient-rate"};
		struct path_event event = {.kind = PATH_REPLY, .classification = &c};
		path_record(&p, &event, t0);
	}
	assert_memory_equal(&p, &before, sizeof(p));
}

static void test_path_local_replies_never_count(void **)
{
	struct path p = path_of(10, "100/s", "unlimited");
	struct path before = p;

	for (int i = 0; i < 100; i++) {
		struct classification c = {.class = CLASS_NETWORK, .cause = "connect-failed"};
		struct path_event event = {
			.kind = PATH_REPLY, .classification = &c, .origin = REPLY_LOCAL};
		path_record(&p, &event, t0);
	}
	assert_memory_equal(&p, &before, sizeof(p));
}

static void test_path_starts_low_and_doubles(void **)
{
	struct path p = path_of(16, "160/s", "unlimited");
	struct path_demand d = {.waiting = 1000, .slots = 1000, .open = 16};
	usec now = t0;
	uint32_t first = 0, last = 0;

	for (; now < t0 + 60 * USEC_SECOND; now += 10 * USEC_MS) {
		uint32_t start = path_verdict(&p, &d, now).start;
		for (uint32_t i = 0; i < start; i++) {
			record(&p, PATH_STARTED, now);
			record_class(&p, CLASS_NONE, now);
		}
		first += now < t0 + USEC_SECOND ? start : 0;
		last += now >= t0 + 59 * USEC_SECOND ? start : 0;
	}
	assert_in_range(first, 9, 12);
	assert_in_range(last, 155, 165);
}

static void test_path_volume_lowers_the_rate_only(void **)
{
	struct path p = path_of(16, "160/s", "unlimited");
	usec now = deliver(&p, 100, 100 * USEC_MS, t0);

	record_class(&p, CLASS_RATE_LIMITED, now);
	assert_int_equal(p.crowd.cap, 16);
	assert_in_range(p.pace.per_hour, 32000, 36000); /* below the ten a second it took */
	record_class(&p, CLASS_RATE_LIMITED, now + USEC_MINUTE - 1);
	assert_in_range(p.pace.per_hour, 32000, 36000); /* once a minute */
}

static void test_path_trouble_without_a_name_lowers_connections_only(void **)
{
	struct path p = path_of(16, "160/s", "unlimited");
	uint32_t before = p.pace.per_hour;

	record_class(&p, CLASS_REMOTE_FAILURE, t0);
	assert_int_equal(p.crowd.cap, 8);
	assert_int_equal(p.pace.per_hour, before);
	record_class(&p, CLASS_NONE, t0 + 1);
	record_class(&p, CLASS_REMOTE_FAILURE, t0 + USEC_MINUTE - 1);
	assert_int_equal(p.crowd.cap, 8);
	record_class(&p, CLASS_REMOTE_FAILURE, t0 + USEC_MINUTE);
	assert_int_equal(p.crowd.cap, 4);
}

static void test_path_refused_connections_show_how_many_are_let_in(void **)
{
	struct path p = path_of(16, "unlimited", "unlimited");
	struct path_demand d = {.waiting = 1000, .open = 3};
	struct classification c = {.class = CLASS_RATE_LIMITED,
				   .cause = "too-many-connections"};
	struct path_event refused = {.kind = PATH_REPLY, .classification = &c, .others = 3};

	for (int i = 0; i < 20; i++) /* those that are open work: no run */
		path_record(&p, &refused, t0);
	assert_int_equal(p.crowd.cap, 3);
	assert_false(p.suspended);
	assert_int_equal(path_verdict(&p, &d, t0).open, 0);

	struct path_event opened = {.kind = PATH_OPENED, .others = 3};
	path_record(&p, &opened, t0); /* it was under way */
	assert_int_equal(p.crowd.cap, 4);
}

static void test_path_bytes_limit_starts(void **)
{
	struct path_limits limits = {.connections = 4, .byte_rate = {1000, USEC_SECOND, 2000}};
	struct path_demand d = {.waiting = 100, .slots = 100, .open = 4};
	struct path_event started = {.kind = PATH_STARTED, .size = 500};
	struct path p;

	path_init(&p, &limits, t0);
	assert_int_equal(path_verdict(&p, &d, t0).start, 1); /* of an unknown size */
	path_record(&p, &started, t0);
	assert_int_equal(path_verdict(&p, &d, t0).start, 3);
	for (int i = 0; i < 3; i++)
		path_record(&p, &started, t0);
	struct path_grant g = path_verdict(&p, &d, t0);
	assert_int_equal(g.start, 0);
	assert_string_equal(g.why, "bytes");
	assert_in_range(g.wake_at, t0 + 1, t0 + USEC_SECOND);
}

static void test_path_run_of_throttles_suspends(void **)
{
	struct path p = path_of(8, "unlimited", "unlimited");
	struct path_demand d = {.waiting = 1000, .slots = 4, .open = 4};

	for (int i = 0; i < PATH_RUN_LIMIT - 1; i++)
		record_class(&p, CLASS_RATE_LIMITED, t0);
	assert_int_equal(path_verdict(&p, &d, t0).start, 4);
	record_class(&p, CLASS_RATE_LIMITED, t0);
	struct path_grant g = path_verdict(&p, &d, t0);
	assert_int_equal(g.start + g.open, 0);
	assert_string_equal(g.why, "suspended");
	assert_true(g.wake_at == t0 + USEC_MINUTE);

	/* Stragglers do not lengthen it; the next one after it doubles it. */
	for (int i = 0; i < 50; i++)
		record_class(&p, CLASS_RATE_LIMITED, t0 + USEC_SECOND);
	assert_true(path_verdict(&p, &d, t0).wake_at == t0 + USEC_MINUTE);
	usec now = t0 + USEC_MINUTE;
	assert_int_equal(path_verdict(&p, &d, now).start, 1); /* to ask */
	record(&p, PATH_STARTED, now);
	g = path_verdict(&p, &d, now);
	assert_int_equal(g.start, 0);
	assert_true(g.wake_at == now + PATH_PROBE_EVERY);
	record_class(&p, CLASS_RATE_LIMITED, now);
	assert_true(path_verdict(&p, &d, now).wake_at == now + 2 * USEC_MINUTE);
	now += 2 * USEC_MINUTE;
	record(&p, PATH_STARTED, now);
	record_class(&p, CLASS_NONE, now);
	assert_int_equal(path_verdict(&p, &d, now).start, 4);
}

static void test_path_what_was_under_way_makes_no_run(void **)
{
	struct path p = path_of(8, "unlimited", "unlimited");
	struct classification c = {.class = CLASS_RATE_LIMITED, .cause = "rate-limited"};
	struct path_event event = {
		.kind = PATH_REPLY, .classification = &c, .started_at = t0 - USEC_SECOND};

	for (int i = 0; i < 50; i++)
		path_record(&p, &event, t0 + i);
	assert_false(p.suspended);
	event.started_at = t0 + 1;
	for (int i = 0; i < PATH_RUN_LIMIT; i++)
		path_record(&p, &event, t0 + USEC_SECOND);
	assert_true(p.suspended);
	assert_false(p.is_blocked);
}

static void test_path_blocks_suspend_for_hours(void **)
{
	struct path p = path_of(8, "unlimited", "unlimited");
	struct path_demand d = {.waiting = 1000, .slots = 4, .open = 4};

	for (int i = 0; i < PATH_RUN_LIMIT; i++)
		record_class(&p, CLASS_REPUTATION, t0);
	assert_true(path_verdict(&p, &d, t0).wake_at == t0 + USEC_HOUR);
	assert_true(p.is_blocked);
}

static void test_path_suspends_as_long_as_the_server_asks(void **)
{
	struct path p = path_of(8, "unlimited", "unlimited");
	struct path_demand d = {.waiting = 1, .slots = 1, .open = 1};
	struct classification c = {
		.class = CLASS_RATE_LIMITED, .cause = "test", .wait = 10 * USEC_MINUTE};
	struct path_event event = {.kind = PATH_REPLY, .classification = &c};

	path_record(&p, &event, t0);
	assert_true(path_verdict(&p, &d, t0).wake_at == t0 + 10 * USEC_MINUTE);
}

static void test_path_lift_ends_a_suspension(void **)
{
	struct path p = path_of(8, "unlimited", "unlimited");
	struct path_demand d = {.waiting = 1, .slots = 1, .open = 1};

	for (int i = 0; i < PATH_RUN_LIMIT; i++)
		record_class(&p, CLASS_REPUTATION, t0);
	assert_string_equal(path_verdict(&p, &d, t0 + 1).why, "suspended");
	uint32_t cap = p.crowd.cap;
	path_lift(&p, t0 + 1);
	assert_int_equal(path_verdict(&p, &d, t0 + 1).start, 1);
	assert_int_equal(p.crowd.cap, cap);
	record_class(&p, CLASS_REPUTATION, t0 + 2); /* one more says that it was right */
	assert_string_equal(path_verdict(&p, &d, t0 + 3).why, "suspended");
}

static void test_path_reload_keeps_what_was_learned(void **)
{
	struct path p = path_of(8, "unlimited", "unlimited");
	struct path_limits more = p.limits, less = p.limits;
	more.connections = 20;
	less.connections = 2;

	path_set_limits(&p, &more, t0);
	assert_int_equal(p.crowd.cap, 20);
	record_class(&p, CLASS_REMOTE_FAILURE, t0);
	path_set_limits(&p, &more, t0);
	assert_int_equal(p.crowd.cap, 10);
	path_set_limits(&p, &less, t0);
	assert_int_equal(p.crowd.cap, 2);
}

/* Against random events and demands: the promises of the header hold. */
static void test_path_promises_hold_for_any_history(void **)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct path p = path_of(5, "50/s", "10/s");
		struct prng prng;
		usec now = t0;

		prng_init(&prng, seed);
		for (int i = 0; i < 300; i++) {
			struct path_demand d = {.waiting = (uint32_t)prng_below(&prng, 20),
						.slots = (uint32_t)prng_below(&prng, 6),
						.open = 6,
						.opening = (uint32_t)prng_below(&prng, 3)};
			if (prng_below(&prng, 2))
				d.open = d.slots = 0;
			struct path_grant g = path_verdict(&p, &d, now);
			assert_true(g.start <= d.waiting && g.start <= d.slots);
			assert_true(g.open == 0 || g.open + d.open + d.opening <= 5);
			assert_true(g.wake_at >= now);
			/* Never stuck: held back without a time means something is under way.
			 */
			if (d.waiting && !g.start && !g.open && g.wake_at == USEC_NEVER)
				assert_true(d.open + d.opening > 0);
			if (prng_below(&prng, 2))
				record(&p, (enum path_event_kind)prng_below(&prng, 3), now);
			else
				record_class(&p,
					     (enum bounce_class)prng_below(&prng, CLASS_COUNT),
					     now);
			assert_in_range(p.crowd.cap, 1, 5);
			now += (usec)prng_below(&prng, 2 * USEC_SECOND);
		}
	}
}

static void test_path_limits_rate_is_that_of_what_binds(void **)
{
	struct path_limits limits = {.connections = 5};
	assert_int_equal(path_limits_rate(&limits).count, 0);
	assert_true(rate_parse(STR("100/min"), &limits.connection_rate));
	assert_int_equal(path_limits_rate(&limits).count, 0);
	limits.messages_per_connection = 5;
	struct rate rate = path_limits_rate(&limits);
	assert_true(rate.count == 500 && rate.per == USEC_MINUTE);
	assert_true(rate_parse(STR("100/s"), &limits.message_rate));
	assert_int_equal(path_limits_rate(&limits).count, 500);
	assert_true(rate_parse(STR("8/s"), &limits.message_rate));
	rate = path_limits_rate(&limits);
	assert_true(rate.count == 8 && rate.per == USEC_SECOND);
	limits.messages_per_connection = UINT32_MAX;
	assert_true(rate_parse(STR("unlimited"), &limits.message_rate));
	assert_true(path_limits_rate(&limits).count == UINT32_MAX);
}

static void test_path_learned_pace_keeps_the_burst_that_was_configured(void **)
{
	struct path p = path_of(4, "1000/s,burst=1", "unlimited");
	struct path_demand demand = {.waiting = 100, .slots = 100, .open = 4};
	usec now = deliver(&p, 2000, 10 * USEC_MS, t0);
	assert_true(p.pace.per_hour == 0 || p.pace.per_hour > 72000);
	assert_int_equal(path_verdict(&p, &demand, now).start, 1);
}

static void test_path_is_rested_when_its_limits_forget(void **)
{
	struct path p = path_of(4, "60/h", "1/min");
	assert_true(path_is_rested(&p, t0));
	record(&p, PATH_STARTED, t0);
	assert_false(path_is_rested(&p, t0 + 59 * USEC_SECOND));
	assert_true(path_is_rested(&p, t0 + USEC_MINUTE));
	record(&p, PATH_OPENING, t0 + USEC_MINUTE);
	assert_false(path_is_rested(&p, t0 + USEC_MINUTE + USEC_SECOND));
	assert_true(path_is_rested(&p, t0 + 2 * USEC_MINUTE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_limits_rate_is_that_of_what_binds),
		cmocka_unit_test(test_path_grants_slots_and_connections),
		cmocka_unit_test(test_path_rate_limits_starts_and_needless_connections),
		cmocka_unit_test(test_path_connection_rate_wakes_later),
		cmocka_unit_test(test_path_recipient_errors_never_count),
		cmocka_unit_test(test_path_local_replies_never_count),
		cmocka_unit_test(test_path_starts_low_and_doubles),
		cmocka_unit_test(test_path_volume_lowers_the_rate_only),
		cmocka_unit_test(test_path_trouble_without_a_name_lowers_connections_only),
		cmocka_unit_test(test_path_refused_connections_show_how_many_are_let_in),
		cmocka_unit_test(test_path_bytes_limit_starts),
		cmocka_unit_test(test_path_run_of_throttles_suspends),
		cmocka_unit_test(test_path_what_was_under_way_makes_no_run),
		cmocka_unit_test(test_path_blocks_suspend_for_hours),
		cmocka_unit_test(test_path_suspends_as_long_as_the_server_asks),
		cmocka_unit_test(test_path_lift_ends_a_suspension),
		cmocka_unit_test(test_path_reload_keeps_what_was_learned),
		cmocka_unit_test(
			test_path_learned_pace_keeps_the_burst_that_was_configured),
		cmocka_unit_test(test_path_is_rested_when_its_limits_forget),
		cmocka_unit_test(test_path_promises_hold_for_any_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
